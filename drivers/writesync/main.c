// SPDX-License-Identifier: GPL-2.0
/*
 * writesync: write into a PCI device's memory and know that it arrived.
 */
#include <linux/fs.h>
#include <linux/module.h>

#include "compat.h"
#include "window.h"

struct class *ws_class;
dev_t ws_devt;

static int __init ws_init(void)
{
	int ret;

	ws_flush_setup_cpus();
	ws_class = ws_class_create(KBUILD_MODNAME);
	if (IS_ERR(ws_class))
		return PTR_ERR(ws_class);
	ret = alloc_chrdev_region(&ws_devt, 0, WS_MAX_WINDOWS, KBUILD_MODNAME);
	if (ret)
		goto err_destroy_class;
	ret = ws_pci_init();
	if (ret)
		goto err_unregister_chrdev;
	return 0;

err_unregister_chrdev:
	unregister_chrdev_region(ws_devt, WS_MAX_WINDOWS);
err_destroy_class:
	class_destroy(ws_class);
	return ret;
}

static void __exit ws_exit(void)
{
	ws_pci_exit();
	unregister_chrdev_region(ws_devt, WS_MAX_WINDOWS);
	class_destroy(ws_class);
}

module_init(ws_init);
module_exit(ws_exit);

MODULE_DESCRIPTION("Writes into PCI device memory with proof of arrival");
MODULE_AUTHOR("The writesync authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");

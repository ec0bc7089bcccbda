// SPDX-License-Identifier: GPL-2.0
/*
 * writesync: write into a PCI device's memory and know that it arrived.
 */
#include <linux/fs.h>
#include <linux/module.h>

#include "compat.h"
#include "window.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct class *ws_class;
dev_t ws_devt;

static int __init ws_init(void)
{
	int ret;

	ws_flush_setup_cpus();
	ret = ws_mmap_init();
	if (ret)
		return ret;
	ws_class = ws_class_create(KBUILD_MODNAME);
	if (IS_ERR(ws_class)) {
		ret = PTR_ERR(ws_class);
		goto err_exit_mmap;
	}
	ret = alloc_chrdev_region(&ws_devt, 0, WS_MAX_WINDOWS, KBUILD_MODNAME);
	if (ret)
		goto err_destroy_class;
	ws_debugfs_init();
	ret = ws_pci_init();
	if (ret)
		goto err_exit_debugfs;
	return 0;

err_exit_debugfs:
	ws_debugfs_exit();
	unregister_chrdev_region(ws_devt, WS_MAX_WINDOWS);
err_destroy_class:
	class_destroy(ws_class);
err_exit_mmap:
	ws_mmap_exit();
	return ret;
}

static void __exit ws_exit(void)
{
	ws_pci_exit();
	ws_windows_exit();
	ws_debugfs_exit();
	unregister_chrdev_region(ws_devt, WS_MAX_WINDOWS);
	class_destroy(ws_class);
	ws_mmap_exit();
}

module_init(ws_init);
module_exit(ws_exit);

MODULE_DESCRIPTION("Writes into PCI device memory with proof of arrival");
MODULE_AUTHOR("The writesync authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");

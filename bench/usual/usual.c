// SPDX-License-Identifier: GPL-2.0
/*
 * What most drivers do, as a measure for writesync: a BAR as a file, copied to
 * by way of a page and memcpy_toio(), and an ioctl that flushes by a barrier
 * and a read. No time-out, no removal while files are open, one device.
 */
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>

#include "usual.h"

static void __iomem *memory;
static resource_size_t size;

static ssize_t usual_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	size_t done = 0, n;
	void *page;

	if (*pos < 0 || *pos >= size)
		return -ENOSPC;
	len = min_t(u64, len, size - *pos);
	page = (void *)__get_free_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	while (done < len) {
		n = min_t(size_t, len - done, PAGE_SIZE);
		if (copy_from_user(page, buf + done, n))
			break;
		memcpy_toio(memory + *pos + done, page, n);
		done += n;
	}
	free_page((unsigned long)page);
	*pos += done;
	return done || !len ? done : -EFAULT;
}

static long usual_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case USUAL_IOC_NOTHING:
		return 0;
	case USUAL_IOC_READ:
		readl(memory);
		return 0;
	case USUAL_IOC_FLUSH:
		wmb();	/* as it is done */
		readl(memory);
		return 0;
	default:
		return -ENOTTY;
	}
}

static const struct file_operations usual_fops = {
	.owner = THIS_MODULE,
	.write = usual_write,
	.llseek = default_llseek,
	.unlocked_ioctl = usual_ioctl,
};

static struct miscdevice usual_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "usual",
	.fops = &usual_fops,
};

static int usual_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	memory = pcim_iomap(pdev, USUAL_BAR, 0);
	if (!memory)
		return -ENOMEM;
	size = pci_resource_len(pdev, USUAL_BAR);
	return misc_register(&usual_device);
}

static void usual_remove(struct pci_dev *pdev)
{
	misc_deregister(&usual_device);
}

/* Bound by driver_override only. */
static struct pci_driver usual_driver = {
	.name = "usual",
	.probe = usual_probe,
	.remove = usual_remove,
};
module_pci_driver(usual_driver);

MODULE_DESCRIPTION("What most drivers do, to compare writesync with");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0
/*
 * The PCI driver: which devices, probe and remove, and what the bus says of a
 * device's health.
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "compat.h"
#include "window.h"
#include "writesync_regs.h"

static const struct ws_model ws_model_edu = {
	.name = "writesync-edu",
	.bar = WS_BAR_MEM,
	.has_regs = true,
	.regs_bar = WS_BAR_REGS,
	.sentinel = WS_EDU_ID,
	.sentinel_mask = WS_EDU_ID_MAGIC_MASK,
	.sentinel_value = WS_EDU_ID_MAGIC,
	.pending = WS_EDU_QUEUE_LEVEL,
};

static const struct ws_model ws_model_ivshmem = {
	.name = "ivshmem-plain",
	.bar = 2,
};

static const struct pci_device_id ws_pci_ids[] = {
	{ PCI_DEVICE(WS_PCI_VENDOR_ID, WS_PCI_DEVICE_ID_EDU),
	  .driver_data = (kernel_ulong_t)&ws_model_edu },
	{ PCI_DEVICE(0x1af4, 0x1110),
	  .driver_data = (kernel_ulong_t)&ws_model_ivshmem },
	{ }
};
MODULE_DEVICE_TABLE(pci, ws_pci_ids);

/* Do this function and every bridge above it pass memory accesses on? */
static bool ws_pci_decodes(struct pci_dev *pdev)
{
	u16 command;

	for (; pdev; pdev = pci_upstream_bridge(pdev)) {
		pci_read_config_word(pdev, PCI_COMMAND, &command);
		if (!(command & PCI_COMMAND_MEMORY))
			return false;
	}
	return true;
}

static bool ws_pci_powered(struct pci_dev *pdev)
{
	u16 pmcsr;

	if (!pdev->pm_cap)
		return true;
	pci_read_config_word(pdev, pdev->pm_cap + PCI_PM_CTRL, &pmcsr);
	return (pmcsr & PCI_PM_CTRL_STATE_MASK) == (__force u16)PCI_D0;
}

/**
 * ws_pci_check() - can a memory read of the function have been answered by it?
 * @pdev: the function
 *
 * Reads the vendor ID first, then whatever could keep memory reads away from
 * the function: error recovery, power state, memory decoding.
 *
 * Return: 0; -ENODEV if it is gone; -EIO if it is there but cannot answer.
 */
int ws_pci_check(struct pci_dev *pdev)
{
	if (!pci_device_is_present(pdev))
		return -ENODEV;
	if (pci_channel_offline(pdev) || !ws_pci_powered(pdev) ||
	    !ws_pci_decodes(pdev))
		return -EIO;
	return 0;
}

/* Upper ends of the ranges of Device Control 2, Completion Timeout Value. */
static const u64 ws_completion_ns[PCI_EXP_DEVCTL2_COMP_TIMEOUT + 1] = {
	[0x0] = 50 * NSEC_PER_MSEC,
	[0x1] = 100 * NSEC_PER_USEC,
	[0x2] = 10 * NSEC_PER_MSEC,
	[0x5] = 55 * NSEC_PER_MSEC,
	[0x6] = 210 * NSEC_PER_MSEC,
	[0x9] = 900 * NSEC_PER_MSEC,
	[0xa] = 3500ULL * NSEC_PER_MSEC,
	[0xd] = 13ULL * NSEC_PER_SEC,
	[0xe] = 64ULL * NSEC_PER_SEC,
};

/*
 * A completion time-out belongs to the requester. For a CPU's read that is the
 * root port, not the device. Return: ns; 0 if the hardware sets no bound.
 */
static u64 ws_pci_bound_ns(struct pci_dev *pdev)
{
	struct pci_dev *root = pcie_find_root_port(pdev);
	u16 control;

	if (!root)
		return 0;
	if (pcie_capability_read_word(root, PCI_EXP_DEVCTL2, &control) ||
	    control & PCI_EXP_DEVCTL2_COMP_TMOUT_DIS)
		return 0;
	return ws_completion_ns[control & PCI_EXP_DEVCTL2_COMP_TIMEOUT];
}

static int ws_pci_bars(const struct ws_model *model)
{
	return BIT(model->bar) | (model->has_regs ? BIT(model->regs_bar) : 0);
}

static int ws_pci_check_bar(struct pci_dev *pdev, const struct ws_model *model,
			    u8 bar, size_t least)
{
	if (pci_resource_flags(pdev, bar) & IORESOURCE_MEM &&
	    pci_resource_len(pdev, bar) >= least)
		return 0;
	dev_err(&pdev->dev, "%s: BAR %u (%pR) is not %zu bytes of memory\n",
		model->name, bar, &pdev->resource[bar], least);
	return -ENODEV;
}

static int ws_pci_check_bars(struct pci_dev *pdev,
			     const struct ws_model *model)
{
	int ret = ws_pci_check_bar(pdev, model, model->bar, WS_WORD_BYTES);

	if (!ret && model->has_regs)
		ret = ws_pci_check_bar(pdev, model, model->regs_bar,
				       max(model->sentinel, model->pending) +
				       sizeof(u32));
	return ret;
}

static int ws_pci_map_regs(struct pci_dev *pdev, const struct ws_model *model,
			   void __iomem **regs)
{
	u32 value;

	*regs = NULL;
	if (!model->has_regs)
		return 0;
	*regs = pci_iomap(pdev, model->regs_bar, 0);
	if (!*regs)
		return -ENOMEM;
	value = readl(*regs + model->sentinel);
	if ((value & model->sentinel_mask) == model->sentinel_value)
		return 0;
	dev_err(&pdev->dev, "%s: identification is %#x, expected %#x\n",
		model->name, value, model->sentinel_value);
	pci_iounmap(pdev, *regs);
	return -ENODEV;
}

static int ws_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	const struct ws_model *model = (const void *)id->driver_data;
	struct ws_window *win;
	void __iomem *regs;
	int ret;

	/* Bound by new_id or driver_override: nothing is known of it. */
	if (!model) {
		dev_err(&pdev->dev, "not a device that writesync knows\n");
		return -ENODEV;
	}
	ret = ws_pci_check_bars(pdev, model);
	if (ret)
		return ret;
	ret = pci_enable_device_mem(pdev);
	if (ret)
		return ret;
	ret = pci_request_selected_regions(pdev, ws_pci_bars(model),
					   KBUILD_MODNAME);
	if (ret)
		goto err_disable_device;
	ret = ws_pci_map_regs(pdev, model, &regs);
	if (ret)
		goto err_release_regions;
	win = ws_window_create(pdev, model, regs, ws_pci_bound_ns(pdev));
	if (IS_ERR(win)) {
		ret = PTR_ERR(win);
		goto err_unmap_regs;
	}
	pci_set_drvdata(pdev, win);
	dev_info(&pdev->dev, "%s: BAR %u, %llu KiB is /dev/%s\n", model->name,
		 win->bar, win->size / 1024, dev_name(&win->dev));
	return 0;

err_unmap_regs:
	if (regs)
		pci_iounmap(pdev, regs);
err_release_regions:
	pci_release_selected_regions(pdev, ws_pci_bars(model));
err_disable_device:
	pci_disable_device(pdev);
	return ret;
}

static void ws_pci_remove(struct pci_dev *pdev)
{
	struct ws_window *win = pci_get_drvdata(pdev);
	const struct ws_model *model = win->model;
	void __iomem *regs = win->regs;

	ws_window_remove(win);
	if (regs)
		pci_iounmap(pdev, regs);
	pci_release_selected_regions(pdev, ws_pci_bars(model));
	pci_disable_device(pdev);
}

static struct pci_driver ws_pci_driver = {
	.name = KBUILD_MODNAME,
	.id_table = ws_pci_ids,
	.probe = ws_pci_probe,
	.remove = ws_pci_remove,
};

/**
 * ws_pci_init() - look for devices from now on
 *
 * Return: 0 or negative errno.
 */
int ws_pci_init(void)
{
	return pci_register_driver(&ws_pci_driver);
}

/**
 * ws_pci_exit() - undo ws_pci_init(); every device is let go
 */
void ws_pci_exit(void)
{
	pci_unregister_driver(&ws_pci_driver);
}

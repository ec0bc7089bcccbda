// SPDX-License-Identifier: GPL-2.0
/*
 * The PCI driver: which devices, probe and remove, and what the bus says of a
 * device's health.
 */
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "compat.h"
#include "window.h"
#include "writesync_regs.h"

/* Any value will do that, like its complement, is neither 0 nor all-ones. */
#define WS_COOKIE	0x57530a11

/* The kernel itself waits for a minute until a device is back from its reset. */
static unsigned int ws_recovery_timeout = 120;

static int ws_set_recovery_timeout(const char *text,
				   const struct kernel_param *kp)
{
	return param_set_uint_minmax(text, kp, 1, 3600);
}

static const struct kernel_param_ops ws_recovery_timeout_ops = {
	.set = ws_set_recovery_timeout,
	.get = param_get_uint,
};

module_param_cb(recovery_timeout, &ws_recovery_timeout_ops,
		&ws_recovery_timeout, 0644);
MODULE_PARM_DESC(recovery_timeout,
		 "Seconds after which a device in error recovery is given up (1 to 3600, default 120)");

static const struct ws_model ws_model_edu = {
	.name = "writesync-edu",
	.binding = {
		.bars = BIT(WS_BAR_MEM),
		.confirm = -1,
		.readback = WS_NO_READBACK,
		.cache = -1,
	},
	.has_regs = true,
	.regs_bar = WS_BAR_REGS,
	.regs_size = WS_REGS_SIZE,
	.id = WS_EDU_ID,
	.id_mask = WS_EDU_ID_MAGIC_MASK,
	.id_value = WS_EDU_ID_MAGIC,
	.sentinel = WS_EDU_LIVENESS,
	.sentinel_write = WS_COOKIE,
	.sentinel_value = ~WS_COOKIE,
	.pending = WS_EDU_QUEUE_LEVEL,
	.has_irq = true,
	.irq_ack = WS_EDU_IRQ_ACK,
	.irq_reset = WS_EDU_IRQ_RESET,
};

static const struct ws_model ws_model_ivshmem = {
	.name = "ivshmem-plain",
	.binding = {
		.bars = BIT(2),
		.confirm = -1,
		.readback = WS_NO_READBACK,
		.cache = -1,
	},
};

/* What is bound by driver_override or new_id. */
static const struct ws_model ws_model_generic = {
	.name = "PCI memory",
	.generic = true,
	.binding = {
		.confirm = -1,
		.readback = WS_NO_READBACK,
		.cache = -1,
	},
};

static const struct pci_device_id ws_pci_ids[] = {
	{ PCI_DEVICE(WS_PCI_VENDOR_ID, WS_PCI_DEVICE_ID_EDU),
	  .driver_data = (kernel_ulong_t)&ws_model_edu },
	{ PCI_DEVICE(0x1af4, 0x1110),
	  .driver_data = (kernel_ulong_t)&ws_model_ivshmem },
	{ }
};
MODULE_DEVICE_TABLE(pci, ws_pci_ids);

/**
 * struct ws_function - a PCI function that is bound
 * @pdev: the function
 * @model: what is known of it
 * @binding: how it is served
 * @bars: the BARs that are claimed, a bit each
 * @regs: its registers; NULL if the model has none
 * @config: its configuration as it was bound, to be restored after a reset of
 *	its slot
 * @recovery_work: gives up if error recovery does not end
 * @windows: a window for each BAR in @binding, in the order of their numbers
 * @count: how many there are
 */
struct ws_function {
	struct pci_dev *pdev;
	const struct ws_model *model;
	struct ws_binding binding;
	int bars;
	void __iomem *regs;
	struct pci_saved_state *config;
	struct delayed_work recovery_work;
	struct ws_window *windows[PCI_STD_NUM_BARS];
	unsigned int count;
};

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
 * the function: power state, memory decoding.
 *
 * Return: 0; -EAGAIN if error recovery is about to look after it; -ENODEV if it
 * is gone; -EIO if it is there but cannot answer.
 */
int ws_pci_check(struct pci_dev *pdev)
{
	bool present = pci_device_is_present(pdev);

	if (READ_ONCE(pdev->error_state) == pci_channel_io_frozen)
		return -EAGAIN;
	if (!present)
		return -ENODEV;
	return ws_pci_powered(pdev) && ws_pci_decodes(pdev) ? 0 : -EIO;
}

static u64 ws_pci_read_bar(struct pci_dev *pdev, int bar)
{
	u32 low, high = 0;

	pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * bar, &low);
	if (pci_resource_flags(pdev, bar) & IORESOURCE_MEM_64)
		pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * bar + 4,
				      &high);
	return (u64)high << 32 | (low & PCI_BASE_ADDRESS_MEM_MASK);
}

/*
 * Is the function's memory where the kernel placed it? What is at a fixed place
 * (Enhanced Allocation) has no address there, nor has what found no place.
 */
static bool ws_pci_addressed(struct pci_dev *pdev)
{
	unsigned long none = IORESOURCE_PCI_FIXED | IORESOURCE_UNSET;
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		unsigned long flags = pci_resource_flags(pdev, bar);

		if (flags & IORESOURCE_MEM && !(flags & none) &&
		    ws_pci_read_bar(pdev, bar) != pci_bus_address(pdev, bar))
			return false;
	}
	return true;
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

/* Those of which nothing is said: where reads have no side effects. */
static u8 ws_pci_prefetchable_bars(struct pci_dev *pdev)
{
	unsigned long wanted = IORESOURCE_MEM | IORESOURCE_PREFETCH;
	unsigned int bar;
	u8 bars = 0;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		if ((pci_resource_flags(pdev, bar) & wanted) == wanted &&
		    pci_resource_len(pdev, bar))
			bars |= BIT(bar);
	return bars;
}

/* What the user said goes before what the model says. */
static int ws_pci_choose(struct pci_dev *pdev, const struct ws_model *model,
			 struct ws_binding *binding)
{
	const struct ws_binding *own = &model->binding;

	ws_binding_of(pdev, binding);
	if (model->has_regs && binding->bars && binding->bars != own->bars) {
		dev_err(&pdev->dev, "%s: its window is BAR %lu, and no other\n",
			model->name, __ffs(own->bars));
		return -EINVAL;
	}
	binding->bars = binding->bars ?: own->bars ?:
			ws_pci_prefetchable_bars(pdev);
	if (binding->confirm < 0)
		binding->confirm = own->confirm;
	if (binding->readback == WS_NO_READBACK)
		binding->readback = own->readback;
	binding->width = binding->width ?: own->width;
	if (binding->cache < 0)
		binding->cache = own->cache;
	if (binding->bars)
		return 0;
	dev_err(&pdev->dev,
		"no BAR is prefetchable memory; name one: devices=%s,bars=N\n",
		pci_name(pdev));
	return -ENODEV;
}

static bool ws_pci_upper_half(struct pci_dev *pdev, unsigned int bar)
{
	return bar && pci_resource_flags(pdev, bar - 1) & IORESOURCE_MEM_64;
}

/* Return: what is wrong with a BAR as a window or as registers; NULL: nothing. */
static const char *ws_pci_bar_fault(struct pci_dev *pdev, unsigned int bar)
{
	unsigned long flags = pci_resource_flags(pdev, bar);

	if (ws_pci_upper_half(pdev, bar))
		return "is the upper half of the BAR before it";
	if (flags & IORESOURCE_IO)
		return "is an I/O BAR, not memory";
	if (!(flags & IORESOURCE_MEM) || !pci_resource_len(pdev, bar))
		return "does not exist";
	if (flags & IORESOURCE_UNSET || !pci_resource_start(pdev, bar))
		return "has no address; the kernel log of the boot says why";
	return NULL;
}

static int ws_pci_check_bar(struct pci_dev *pdev, const struct ws_model *model,
			    unsigned int bar, size_t least)
{
	const char *fault = ws_pci_bar_fault(pdev, bar);

	if (fault) {
		dev_err(&pdev->dev, "%s: BAR %u %s\n", model->name, bar,
			fault);
		return -ENODEV;
	}
	if (pci_resource_len(pdev, bar) >= least)
		return 0;
	dev_err(&pdev->dev, "%s: BAR %u (%pR) is not %zu bytes of memory\n",
		model->name, bar, &pdev->resource[bar], least);
	return -ENODEV;
}

static int ws_pci_check_bars(struct ws_function *fn)
{
	const struct ws_model *model = fn->model;
	unsigned long bars = fn->binding.bars;
	unsigned int bar;
	int ret;

	for_each_set_bit(bar, &bars, PCI_STD_NUM_BARS) {
		ret = ws_pci_check_bar(fn->pdev, model, bar, WS_WORD_BYTES);
		if (ret)
			return ret;
	}
	if (model->has_regs)
		return ws_pci_check_bar(fn->pdev, model, model->regs_bar,
					model->regs_size);
	return 0;
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
	value = readl(*regs + model->id);
	if ((value & model->id_mask) == model->id_value) {
		if (model->has_irq)
			writel(model->irq_reset, *regs + model->irq_ack);
		return 0;
	}
	dev_err(&pdev->dev, "%s: identification is %#x, expected %#x\n",
		model->name, value, model->id_value);
	pci_iounmap(pdev, *regs);
	return -ENODEV;
}

/*
 * The message overtakes no answer that the device gives after it: a sync that
 * got one looks at the mark.
 */
static irqreturn_t ws_pci_irq(int irq, void *data)
{
	struct ws_window *win = data;

	atomic_inc(&win->interrupts);
	return IRQ_WAKE_THREAD;
}

/* In a thread: the read may stall. */
static irqreturn_t ws_pci_irq_thread(int irq, void *data)
{
	struct ws_window *win = data;
	int idx = ws_window_enter(win);

	/* A sync may have dealt with it. */
	if (!ws_window_usable(win) && ws_window_interrupted(win))
		ws_window_check_reset(win);
	ws_window_exit(win, idx);
	return IRQ_HANDLED;
}

/*
 * By message only: a shared line would have us read the device's registers
 * with interrupts off.
 */
static int ws_pci_request_irq(struct pci_dev *pdev, struct ws_window *win)
{
	int irq, ret;

	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (ret < 0)
		return ret;
	irq = pci_irq_vector(pdev, 0);
	ret = request_threaded_irq(irq, ws_pci_irq, ws_pci_irq_thread, 0,
				   dev_name(&win->dev), win);
	if (ret)
		pci_free_irq_vectors(pdev);
	else
		irq_set_affinity_and_hint(irq, ws_flush_readback_cpus());
	return ret;
}

/*
 * A model that interrupts has one window. Without an interrupt, syncs still
 * notice most resets of the device by itself.
 */
static void ws_pci_try_irq(struct ws_function *fn)
{
	struct ws_window *win = fn->windows[0];
	int ret;

	if (!fn->model->has_irq)
		return;
	ret = ws_pci_request_irq(fn->pdev, win);
	if (ret)
		dev_warn(&fn->pdev->dev,
			 "no interrupt (%d): resets of the device by itself are told late\n",
			 ret);
	/* It may have happened before there was an interrupt. */
	ws_pci_irq(0, win);
	ws_pci_irq_thread(0, win);
}

static void ws_pci_free_irq(struct ws_function *fn)
{
	int irq = pci_irq_vector(fn->pdev, 0);

	if (!fn->pdev->msi_enabled)
		return;
	irq_update_affinity_hint(irq, NULL);
	free_irq(irq, fn->windows[0]);
	pci_free_irq_vectors(fn->pdev);
}

static void ws_pci_freeze(struct ws_function *fn, enum ws_freeze reason)
{
	unsigned int i;

	for (i = 0; i < fn->count; i++)
		ws_window_freeze(fn->windows[i], reason);
}

static void ws_pci_thaw(struct ws_function *fn, enum ws_freeze reason)
{
	unsigned int i;

	for (i = 0; i < fn->count; i++)
		ws_window_thaw(fn->windows[i], reason);
}

static void ws_pci_kill(struct ws_function *fn)
{
	unsigned int i;

	for (i = 0; i < fn->count; i++)
		ws_window_kill(fn->windows[i]);
}

/* Is all of the function given up? One thing kills all, but one by one. */
static bool ws_pci_dead(struct ws_function *fn)
{
	unsigned int i;

	for (i = 0; i < fn->count; i++)
		if (!ws_window_dead(fn->windows[i]))
			return false;
	return true;
}

/*
 * Before 6.18 nobody tells a driver that recovery has failed, for example
 * because another function below the same port has a driver that takes no part.
 */
static void ws_pci_give_up(struct work_struct *work)
{
	struct ws_function *fn = container_of(work, struct ws_function,
					      recovery_work.work);

	if (ws_pci_dead(fn))
		return;
	dev_err(&fn->pdev->dev, "error recovery did not end in time: given up\n");
	ws_pci_kill(fn);
}

static void ws_pci_remove_windows(struct ws_function *fn)
{
	while (fn->count)
		ws_window_remove(fn->windows[--fn->count]);
}

static int ws_pci_create_windows(struct ws_function *fn)
{
	u64 bound_ns = ws_pci_bound_ns(fn->pdev);
	unsigned long bars = fn->binding.bars;
	struct ws_window *win;
	unsigned int bar;

	for_each_set_bit(bar, &bars, PCI_STD_NUM_BARS) {
		win = ws_window_create(fn->pdev, bar, fn->model, &fn->binding,
				       fn->regs, bound_ns);
		if (IS_ERR(win)) {
			ws_pci_remove_windows(fn);
			return PTR_ERR(win);
		}
		fn->windows[fn->count++] = win;
	}
	return 0;
}

static void ws_pci_announce(const struct ws_function *fn)
{
	unsigned int i;

	for (i = 0; i < fn->count; i++) {
		struct ws_window *win = fn->windows[i];

		dev_info(&fn->pdev->dev, "%s: BAR %u, %llu KiB is /dev/%s\n",
			 fn->model->name, win->bar, win->size / 1024,
			 dev_name(&win->dev));
	}
}

/* Can the function be reached where the kernel thinks that it is? */
static int ws_pci_check_access(struct pci_dev *pdev)
{
	int ret = ws_pci_check(pdev);

	if (ret == -EIO)
		dev_err(&pdev->dev,
			"memory decoding or power is off, here or at a bridge above\n");
	else if (ret)
		dev_err(&pdev->dev, "does not answer; reset it or its slot\n");
	else if (!ws_pci_addressed(pdev))
		dev_err(&pdev->dev,
			"has lost its addresses; remove it and rescan the bus\n");
	else
		return 0;
	return -ENODEV;
}

/* The function is enabled. */
static int ws_pci_set_up(struct ws_function *fn)
{
	struct pci_dev *pdev = fn->pdev;
	int ret;

	ret = ws_pci_check_access(pdev);
	if (ret)
		return ret;
	ret = pci_request_selected_regions(pdev, fn->bars, KBUILD_MODNAME);
	if (ret)
		return ret;
	ret = ws_pci_map_regs(pdev, fn->model, &fn->regs);
	if (ret)
		goto err_release_regions;
	/* Messages are writes. */
	if (fn->model->has_irq)
		pci_set_master(pdev);
	pci_save_state(pdev);
	ret = -ENOMEM;
	fn->config = pci_store_saved_state(pdev);
	if (!fn->config)
		goto err_unmap_regs;
	ret = ws_pci_create_windows(fn);
	if (ret)
		goto err_free_config;
	return 0;

err_free_config:
	kfree(fn->config);
err_unmap_regs:
	if (fn->regs)
		pci_iounmap(pdev, fn->regs);
err_release_regions:
	pci_release_selected_regions(pdev, fn->bars);
	return ret;
}

static struct ws_function *ws_pci_alloc(struct pci_dev *pdev,
					const struct ws_model *model)
{
	struct ws_function *fn = kzalloc(sizeof(*fn), GFP_KERNEL);

	if (!fn)
		return NULL;
	fn->pdev = pdev;
	fn->model = model;
	INIT_DELAYED_WORK(&fn->recovery_work, ws_pci_give_up);
	return fn;
}

static int ws_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	const struct ws_model *model = (const void *)id->driver_data;
	struct ws_function *fn;
	int ret;

	fn = ws_pci_alloc(pdev, model ?: &ws_model_generic);
	if (!fn)
		return -ENOMEM;
	ret = ws_pci_choose(pdev, fn->model, &fn->binding);
	if (ret)
		goto err_free;
	fn->bars = fn->binding.bars;
	if (fn->model->has_regs)
		fn->bars |= BIT(fn->model->regs_bar);
	ret = ws_pci_check_bars(fn);
	if (ret)
		goto err_free;
	ret = pci_enable_device_mem(pdev);
	if (ret)
		goto err_free;
	ret = ws_pci_set_up(fn);
	if (ret)
		goto err_disable_device;
	pci_set_drvdata(pdev, fn);
	ws_pci_try_irq(fn);
	ws_pci_announce(fn);
	return 0;

err_disable_device:
	pci_disable_device(pdev);
err_free:
	kfree(fn);
	return ret;
}

static void ws_pci_remove(struct pci_dev *pdev)
{
	struct ws_function *fn = pci_get_drvdata(pdev);

	/* Wakes everybody first: the rest may have to wait for a read. */
	ws_pci_kill(fn);
	cancel_delayed_work_sync(&fn->recovery_work);
	ws_pci_free_irq(fn);
	ws_pci_remove_windows(fn);
	kfree(fn->config);
	if (fn->regs)
		pci_iounmap(pdev, fn->regs);
	pci_release_selected_regions(pdev, fn->bars);
	pci_disable_device(pdev);
	kfree(fn);
}

/* The function is about to be reset. */
static void ws_pci_reset_prepare(struct pci_dev *pdev)
{
	ws_pci_freeze(pci_get_drvdata(pdev), WS_FREEZE_RESET);
}

/* Configure the function as it was when it was bound. */
static void ws_pci_restore(struct ws_function *fn)
{
	int ret = pci_load_saved_state(fn->pdev, fn->config);

	if (ret)
		dev_err(&fn->pdev->dev, "cannot be configured: %d\n", ret);
	else
		pci_restore_state(fn->pdev);
}

/*
 * The kernel has restored what it saved before. If the function did not answer
 * then, that was all-ones, and its memory is where nobody looks for it.
 */
static void ws_pci_resettle(struct ws_function *fn, enum ws_freeze reason)
{
	if (!ws_pci_addressed(fn->pdev))
		ws_pci_restore(fn);
	if (!ws_pci_addressed(fn->pdev)) {
		dev_err(&fn->pdev->dev, "cannot be given its addresses again\n");
		ws_pci_kill(fn);
	}
	ws_pci_thaw(fn, reason);
}

/* It has been. */
static void ws_pci_reset_done(struct pci_dev *pdev)
{
	ws_pci_resettle(pci_get_drvdata(pdev), WS_FREEZE_RESET);
}

static void ws_pci_begin_recovery(struct ws_function *fn)
{
	/* A second error begins anew. */
	cancel_delayed_work_sync(&fn->recovery_work);
	schedule_delayed_work(&fn->recovery_work,
			      READ_ONCE(ws_recovery_timeout) * HZ);
	ws_pci_freeze(fn, WS_FREEZE_ERROR);
}

/* A window that is DEAD has no say: other functions may recover. */
static pci_ers_result_t ws_pci_error_detected(struct pci_dev *pdev,
					      pci_channel_state_t state)
{
	struct ws_function *fn = pci_get_drvdata(pdev);

	if (state == pci_channel_io_perm_failure) {
		ws_pci_kill(fn);
		return PCI_ERS_RESULT_DISCONNECT;
	}
	ws_pci_begin_recovery(fn);
	return state == pci_channel_io_normal ? PCI_ERS_RESULT_CAN_RECOVER :
						PCI_ERS_RESULT_NEED_RESET;
}

/* The link was not reset. Is the device well without? */
static pci_ers_result_t ws_pci_mmio_enabled(struct pci_dev *pdev)
{
	return ws_pci_check(pdev) ? PCI_ERS_RESULT_NEED_RESET :
				    PCI_ERS_RESULT_RECOVERED;
}

/*
 * Whatever state was saved since may be that of a function without
 * configuration: a reset by sysfs saves one, too. And a recovery that another
 * port had begun may have ended since.
 */
static pci_ers_result_t ws_pci_slot_reset(struct pci_dev *pdev)
{
	struct ws_function *fn = pci_get_drvdata(pdev);

	ws_pci_begin_recovery(fn);
	ws_pci_restore(fn);
	if (pci_device_is_present(pdev) && ws_pci_addressed(pdev))
		return PCI_ERS_RESULT_RECOVERED;
	dev_err(&pdev->dev, "does not answer after the reset of its slot\n");
	ws_pci_kill(fn);
	return PCI_ERS_RESULT_DISCONNECT;
}

static void ws_pci_resume_traffic(struct pci_dev *pdev)
{
	struct ws_function *fn = pci_get_drvdata(pdev);

	cancel_delayed_work_sync(&fn->recovery_work);
	ws_pci_thaw(fn, WS_FREEZE_ERROR);
}

static const struct pci_error_handlers ws_pci_error_handlers = {
	.error_detected = ws_pci_error_detected,
	.mmio_enabled = ws_pci_mmio_enabled,
	.slot_reset = ws_pci_slot_reset,
	.resume = ws_pci_resume_traffic,
	.reset_prepare = ws_pci_reset_prepare,
	.reset_done = ws_pci_reset_done,
};

/* System sleep. While bound, the function never sleeps by itself. */
static int ws_pci_suspend(struct device *dev)
{
	ws_pci_freeze(dev_get_drvdata(dev), WS_FREEZE_SLEEP);
	return 0;
}

static int ws_pci_resume(struct device *dev)
{
	ws_pci_resettle(dev_get_drvdata(dev), WS_FREEZE_SLEEP);
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(ws_pci_pm, ws_pci_suspend, ws_pci_resume);

static struct pci_driver ws_pci_driver = {
	.name = KBUILD_MODNAME,
	.id_table = ws_pci_ids,
	.probe = ws_pci_probe,
	.remove = ws_pci_remove,
	.err_handler = &ws_pci_error_handlers,
	.driver.pm = pm_sleep_ptr(&ws_pci_pm),
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

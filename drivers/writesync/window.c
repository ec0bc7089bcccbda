// SPDX-License-Identifier: GPL-2.0
/*
 * A window: the mapping of a BAR, its state and the gate.
 *
 * The gate is an SRCU read section around every access to the device. Removal
 * closes it and waits for those inside. Nobody faults in user memory inside, and
 * what is waited for there is at most another access to the device, so removal
 * never waits for a user.
 */
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "compat.h"
#include "trace.h"
#include "window.h"

/* How many resets of a device by itself are told apart in one go. */
#define WS_RESETS_MAX	4

static DEFINE_IDA(ws_window_ida);

/* How many there are, for the sake of a check at the end. */
static atomic_t ws_window_count;

/**
 * ws_window_enter() - pass the gate
 * @win: the window
 *
 * Inside, the device may be touched if ws_window_usable() returns 0.
 *
 * Return: a cookie for ws_window_exit().
 */
int ws_window_enter(struct ws_window *win) __acquires(&win->srcu)
{
	return srcu_read_lock(&win->srcu);
}

/**
 * ws_window_exit() - leave the gate
 * @win: the window
 * @idx: what ws_window_enter() returned
 */
void ws_window_exit(struct ws_window *win, int idx) __releases(&win->srcu)
{
	srcu_read_unlock(&win->srcu, idx);
}

/**
 * ws_window_dead() - is the device known to be gone?
 * @win: the window
 */
bool ws_window_dead(struct ws_window *win)
{
	return READ_ONCE(win->state) == WRITESYNC_STATE_DEAD;
}

/**
 * ws_window_usable() - may the device be touched?
 * @win: the window; for the answer to last, the caller is inside the gate
 *
 * Return: 0; -EAGAIN while the window is FROZEN; -ENODEV if it is DEAD.
 */
int ws_window_usable(struct ws_window *win)
{
	switch (READ_ONCE(win->state)) {
	case WRITESYNC_STATE_LIVE:
		return 0;
	case WRITESYNC_STATE_FROZEN:
		return -EAGAIN;
	case WRITESYNC_STATE_DEAD:
		break;
	}
	return -ENODEV;
}

/**
 * ws_window_deadline() - when a caller's time is up
 * @win: the window
 * @timeout_ns: as in struct writesync_sync
 * @absolute: @timeout_ns is a point in time of CLOCK_MONOTONIC
 * @begun: when the call began
 *
 * Return: the point in time, not 0; KTIME_MAX: never.
 */
ktime_t ws_window_deadline(const struct ws_window *win, u64 timeout_ns,
			   bool absolute, ktime_t begun)
{
	if (timeout_ns == WRITESYNC_TIMEOUT_DEFAULT) {
		timeout_ns = READ_ONCE(win->timeout_ns);
		absolute = false;
	}
	timeout_ns = min_t(u64, timeout_ns, KTIME_MAX);
	if (absolute)
		return timeout_ns;
	return ktime_add_safe(begun, timeout_ns);
}

static int ws_window_sleep(struct ws_window *win, ktime_t deadline)
{
	ktime_t left = KTIME_MAX;
	int ret;

	if (deadline != KTIME_MAX)
		left = max_t(ktime_t, ktime_sub(deadline, ktime_get()), 0);
	ret = wait_event_interruptible_hrtimeout(win->wait,
						 ws_window_usable(win) !=
						 -EAGAIN, left);
	if (ret == -ETIME)
		return -ETIMEDOUT;
	return ret ? -EINTR : ws_window_usable(win);
}

/**
 * ws_window_wait() - wait while the window is FROZEN
 * @win: the window; the caller is outside the gate
 * @limit: how long
 *
 * Return: 0: try again; -EAGAIN, -ETIMEDOUT, -EINTR; -ENODEV.
 */
int ws_window_wait(struct ws_window *win, const struct ws_limit *limit)
{
	ktime_t deadline = limit->deadline;
	int ret = ws_window_usable(win);

	if (ret != -EAGAIN || limit->nonblock)
		return ret;
	if (!deadline)
		deadline = ws_window_deadline(win, WRITESYNC_TIMEOUT_DEFAULT,
					      false, ktime_get());
	do {
		ret = ws_window_sleep(win, deadline);
	} while (ret == -EAGAIN);
	return ret;
}

/* Return: whether that was news. */
static bool ws_window_set(struct ws_window *win, enum writesync_state state)
{
	bool changed = win->state != state &&
		       win->state != WRITESYNC_STATE_DEAD;

	lockdep_assert_held(&win->state_lock);
	if (changed)
		WRITE_ONCE(win->state, state);
	return changed;
}

static void ws_window_trace(struct ws_window *win)
{
	trace_writesync_state(win->id, READ_ONCE(win->state),
			      ws_flush_generation(&win->flush));
}

/**
 * ws_window_freeze() - keep everybody away from the device for a while
 * @win: the window
 * @reason: why; only ws_window_thaw() for the same reason undoes this
 *
 * Waits for device accesses in flight. Afterwards nobody touches the device,
 * mappings included. A window that is DEAD stays so, and there is no wait.
 *
 * Context: under the lock of the PCI function, as ws_window_thaw().
 */
void ws_window_freeze(struct ws_window *win, enum ws_freeze reason)
{
	bool changed;

	device_lock_assert(&win->pdev->dev);
	spin_lock(&win->state_lock);
	win->frozen |= reason;
	changed = ws_window_set(win, WRITESYNC_STATE_FROZEN);
	spin_unlock(&win->state_lock);
	if (!changed)
		return;
	ws_window_trace(win);
	synchronize_srcu(&win->srcu);
	ws_mmap_zap(win);
}

/**
 * ws_window_lose() - what the device holds may have been lost
 * @win: the window
 */
void ws_window_lose(struct ws_window *win)
{
	ws_flush_lose(&win->flush, READ_ONCE(win->maps_written));
	ws_window_trace(win);
	wake_up_poll(&win->wait, EPOLLPRI);
}

/**
 * ws_window_thaw() - undo ws_window_freeze(); the contents may be lost
 * @win: the window
 * @reason: why it was frozen
 *
 * When no other reason is left, the window becomes LIVE; or DEAD, if the device
 * is not there.
 */
void ws_window_thaw(struct ws_window *win, enum ws_freeze reason)
{
	bool last;

	device_lock_assert(&win->pdev->dev);
	spin_lock(&win->state_lock);
	last = win->frozen == reason;
	win->frozen &= ~reason;
	spin_unlock(&win->state_lock);
	if (!last || ws_window_dead(win))
		return;
	/* If it is there but cannot answer yet, every sync will say so. */
	if (ws_pci_check(win->pdev) == -ENODEV) {
		dev_err(&win->dev, "the device does not answer any more\n");
		ws_window_kill(win);
		return;
	}
	ws_confirm_arm(win);
	ws_window_lose(win);
	ws_mmap_forget(win);
	spin_lock(&win->state_lock);
	ws_window_set(win, WRITESYNC_STATE_LIVE);
	spin_unlock(&win->state_lock);
	ws_window_trace(win);
	wake_up_poll(&win->wait,
		     EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM);
}

/**
 * ws_window_check_reset() - ask the device whether it has lost its state
 * @win: the window; the caller is inside the gate, may sleep, and has found it
 *	usable
 *
 * If so, the first to see it says that contents may be lost.
 *
 * Return: 0; -EAGAIN if the device did not answer, and is to be asked again.
 */
int ws_window_check_reset(struct ws_window *win)
{
	const struct ws_model *model = win->model;
	int again = WS_RESETS_MAX;
	int seen, ret;

	ws_window_assert_entered(win);
	if (!model->has_irq)
		return 0;
	mutex_lock(&win->reset_lock);
	seen = atomic_read(&win->interrupts);
	while ((ret = ws_confirm_disarmed(win)) > 0 && again--) {
		/*
		 * Whoever finds it armed sees an interrupt that is not dealt
		 * with, and comes here to wait until the loss is told.
		 */
		seen = atomic_inc_return(&win->interrupts);
		/* Armed first: what happens then shows in the next round. */
		ws_confirm_arm(win);
		ws_window_lose(win);
	}
	if (!ret)
		WRITE_ONCE(win->interrupts_seen, seen);
	if (again < WS_RESETS_MAX)
		writel(model->irq_reset, win->regs + model->irq_ack);
	mutex_unlock(&win->reset_lock);
	return ret ? -EAGAIN : 0;
}

/**
 * ws_window_interrupted() - is there an interrupt that was not dealt with?
 * @win: the window
 */
bool ws_window_interrupted(const struct ws_window *win)
{
	return atomic_read(&win->interrupts) !=
	       READ_ONCE(win->interrupts_seen);
}

/**
 * ws_window_kill() - the device is gone: refuse everything, wake everybody
 * @win: the window
 *
 * Does not wait, and may be called inside the gate and more than once.
 */
void ws_window_kill(struct ws_window *win)
{
	bool changed;

	spin_lock(&win->state_lock);
	changed = ws_window_set(win, WRITESYNC_STATE_DEAD);
	/* Whoever takes the lock and finds it DEAD can wait for this. */
	if (changed)
		schedule_work(&win->zap_work);
	spin_unlock(&win->state_lock);
	if (changed)
		ws_window_trace(win);
	ws_flush_kill(&win->flush, -ENODEV);
	wake_up_poll(&win->wait, EPOLLERR | EPOLLHUP);
}

/**
 * ws_window_check() - can the device have given a suspicious answer?
 * @win: the window; the caller is inside the gate
 *
 * If the device is gone, so is the window. Removal waits for the caller, so
 * once it has begun this makes no access that might stall.
 *
 * Return: 0; -ENODEV; -EIO if it is there but cannot have answered; -EAGAIN if
 * that cannot be said now.
 */
int ws_window_check(struct ws_window *win)
{
	int ret = ws_window_usable(win);

	if (ret)
		return ret;
	ret = ws_pci_check(win->pdev);
	if (ret == -ENODEV)
		ws_window_kill(win);
	return ret;
}

/* Nobody is inside any more, and nobody comes in. */
static void ws_window_zap(struct work_struct *work)
{
	struct ws_window *win = container_of(work, struct ws_window, zap_work);

	synchronize_srcu(&win->srcu);
	ws_mmap_zap(win);
}

static void ws_window_release(struct device *dev)
{
	struct ws_window *win = container_of(dev, struct ws_window, dev);

	ws_flush_free(&win->flush);
	ws_region_exit(win);
	iput(win->inode);
	cleanup_srcu_struct(&win->srcu);
	pci_dev_put(win->pdev);
	kfree(win);
	atomic_dec(&ws_window_count);
}

/* What WRITESYNC_IOC_INFO says of a window even when its device is gone. */
static void ws_window_identify(struct ws_window *win)
{
	struct writesync_info *info = &win->info;
	struct pci_dev *pdev = win->pdev;

	info->domain = pci_domain_nr(pdev->bus);
	info->bus = pdev->bus->number;
	info->devfn = pdev->devfn;
	info->vendor = pdev->vendor;
	info->device = pdev->device;
	info->subvendor = pdev->subsystem_vendor;
	info->subdevice = pdev->subsystem_device;
	info->bar = win->bar;
	info->window = win->id;
	info->window_size = win->size;
	if (win->mem)
		info->caps |= WRITESYNC_CAP_WC;
	if (win->prefetchable)
		info->caps |= WRITESYNC_CAP_VERIFY;
	if (win->bound_ns)
		info->caps |= WRITESYNC_CAP_BOUNDED;
}

static int ws_window_map(struct ws_window *win, enum ws_cache cache)
{
	phys_addr_t start = pci_resource_start(win->pdev, win->bar);

	if (cache == WS_CACHE_WC) {
		win->mem = memremap(start, win->size, MEMREMAP_WC);
		/* The same addresses, for accesses of an exact width. */
		win->io = (void __iomem __force *)win->mem;
	} else {
		win->io = ioremap(start, win->size);
	}
	return win->io ? 0 : -ENOMEM;
}

static void ws_window_unmap(struct ws_window *win)
{
	if (win->mem)
		memunmap(win->mem);
	else
		iounmap(win->io);
}

static struct ws_window *ws_window_alloc(struct pci_dev *pdev)
{
	struct ws_window *win = kzalloc(sizeof(*win), GFP_KERNEL);

	if (!win)
		return NULL;
	win->inode = ws_mmap_inode();
	if (IS_ERR(win->inode))
		goto err_free;
	if (init_srcu_struct(&win->srcu))
		goto err_put_inode;
	win->pdev = pci_dev_get(pdev);
	spin_lock_init(&win->state_lock);
	spin_lock_init(&win->map_lock);
	win->map_epoch = 1;
	mutex_init(&win->reset_lock);
	mutex_init(&win->pool_lock);
	INIT_WORK(&win->zap_work, ws_window_zap);
	init_waitqueue_head(&win->wait);
	atomic_inc(&ws_window_count);
	device_initialize(&win->dev);
	win->dev.class = ws_class;
	win->dev.parent = &pdev->dev;
	win->dev.groups = ws_window_groups;
	win->dev.release = ws_window_release;
	return win;

err_put_inode:
	iput(win->inode);
err_free:
	kfree(win);
	return NULL;
}

/* Whoever writes the MSI-X table has the device write anywhere. */
static void ws_window_find_hole(struct ws_window *win)
{
	struct pci_dev *pdev = win->pdev;
	u16 flags;
	u32 table;
	u64 end;

	if (!pdev->msix_cap)
		return;
	pci_read_config_word(pdev, pdev->msix_cap + PCI_MSIX_FLAGS, &flags);
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	if ((table & PCI_MSIX_TABLE_BIR) != win->bar)
		return;
	table &= PCI_MSIX_TABLE_OFFSET;
	end = table + ((flags & PCI_MSIX_FLAGS_QSIZE) + 1ULL) *
		      PCI_MSIX_ENTRY_SIZE;
	win->hole = round_down(table, PAGE_SIZE);
	win->hole_size = round_up(end, PAGE_SIZE) - win->hole;
}

/**
 * ws_window_writable() - how much may be written from an offset on?
 * @win: the window
 * @offset: in the window
 * @length: bytes wanted; they lie in the window
 *
 * Return: bytes, up to @length; 0 inside of the MSI-X table.
 */
u64 ws_window_writable(const struct ws_window *win, u64 offset, u64 length)
{
	if (offset >= win->hole + win->hole_size ||
	    length <= win->hole - min(win->hole, offset))
		return length;
	return win->hole - min(win->hole, offset);
}

/*
 * What the user, or what is known of the device, asks for. Stores may only
 * combine where reads have no side effects, either.
 */
static int ws_window_configure(struct ws_window *win,
			       const struct ws_binding *binding)
{
	struct device *dev = &win->pdev->dev;
	int ret = ws_copy_set_width(win, binding->width);

	win->readback = binding->readback;
	if (win->readback != WS_NO_READBACK && win->readback >= win->size) {
		dev_err(dev, "readback=%#llx: BAR %u has %llu bytes\n",
			win->readback, win->bar, win->size);
		return -EINVAL;
	}
	if (binding->cache == WS_CACHE_WC && !win->prefetchable) {
		dev_err(dev, "cache=wc: BAR %u is not prefetchable\n",
			win->bar);
		return -EINVAL;
	}
	win->confirm = ws_confirm_default(win);
	if (!ret && binding->confirm >= 0)
		ret = ws_confirm_set(win, binding->confirm);
	if (ret)
		dev_err(dev, "confirm=%s: BAR %u %s\n",
			ws_confirm_names[binding->confirm], win->bar,
			binding->confirm == WRITESYNC_CONFIRM_WINDOW ?
			"is not prefetchable, and no readback=OFFSET is given" :
			"is of a device without the registers that it takes");
	return ret;
}

/* Give the window its number and its names. */
static int ws_window_name(struct ws_window *win)
{
	int ret;

	win->id = ida_alloc_max(&ws_window_ida, WS_MAX_WINDOWS - 1, GFP_KERNEL);
	if (win->id < 0)
		return win->id;
	win->dev.devt = MKDEV(MAJOR(ws_devt), win->id);
	ret = dev_set_name(&win->dev, "writesync%d", win->id);
	if (ret)
		ida_free(&ws_window_ida, win->id);
	return ret;
}

/* Afterwards nobody touches the device any more, mappings included. */
static void ws_window_quiesce(struct ws_window *win)
{
	ws_window_kill(win);
	flush_work(&win->zap_work);
}

const char *const ws_cache_names[WS_CACHE_POLICIES] = {
	[WS_CACHE_WC] = "wc",
	[WS_CACHE_UC] = "uc",
};

/**
 * ws_window_create() - make a window of a device's memory BAR
 * @pdev: the PCI function, enabled, with its BARs claimed
 * @bar: number of the BAR
 * @model: what is known of the function
 * @binding: how it is to be served
 * @regs: its registers, NULL if the model has none
 * @bound_ns: the longest time one read can take; 0 if the hardware sets none
 *
 * Return: the window, usable from now on; to be undone by ws_window_remove().
 * Or an ERR_PTR().
 */
struct ws_window *ws_window_create(struct pci_dev *pdev, unsigned int bar,
				   const struct ws_model *model,
				   const struct ws_binding *binding,
				   void __iomem *regs, u64 bound_ns)
{
	struct ws_window *win = ws_window_alloc(pdev);
	enum ws_cache cache;
	int ret;

	if (!win)
		return ERR_PTR(-ENOMEM);
	win->model = model;
	win->bar = bar;
	win->size = pci_resource_len(pdev, win->bar);
	win->prefetchable = pci_resource_flags(pdev, win->bar) &
			    IORESOURCE_PREFETCH;
	win->regs = regs;
	win->bound_ns = bound_ns;
	cache = binding->cache >= 0 ? binding->cache :
		win->prefetchable ? WS_CACHE_WC : WS_CACHE_UC;
	win->timeout_ns = (u64)WS_TIMEOUT_DEFAULT_MS * NSEC_PER_MSEC;
	ws_window_find_hole(win);
	ret = ws_window_configure(win, binding);
	if (ret)
		goto err_put_device;
	ws_confirm_arm(win);

	ret = ws_window_name(win);
	if (ret)
		goto err_put_device;
	ret = ws_region_init(win);
	if (ret)
		goto err_free_id;
	ret = ws_window_map(win, cache);
	if (ret)
		goto err_free_id;
	ws_window_identify(win);
	ret = ws_flush_init(&win->flush, &ws_confirm_ops, win->id,
			    dev_name(&win->dev));
	if (ret)
		goto err_unmap;
	cdev_init(&win->cdev, &ws_file_fops);
	win->cdev.owner = THIS_MODULE;
	ret = cdev_device_add(&win->cdev, &win->dev);
	if (ret)
		goto err_exit_flush;
	ws_debugfs_create(win);
	return win;

err_exit_flush:
	/* The device file may have been open for a moment. */
	ws_window_quiesce(win);
	ws_flush_exit(&win->flush);
err_unmap:
	ws_window_unmap(win);
err_free_id:
	ida_free(&ws_window_ida, win->id);
err_put_device:
	put_device(&win->dev);
	return ERR_PTR(ret);
}

/**
 * ws_window_remove() - undo ws_window_create()
 * @win: the window
 *
 * Open files stay valid and get -ENODEV; the last of them frees the window.
 * Waits for device accesses in flight, never for users.
 */
void ws_window_remove(struct ws_window *win)
{
	ws_debugfs_remove(win);
	cdev_device_del(&win->cdev, &win->dev);
	ws_window_quiesce(win);
	ws_flush_exit(&win->flush);
	ws_window_unmap(win);
	ida_free(&ws_window_ida, win->id);
	put_device(&win->dev);
}

/**
 * ws_windows_exit() - there must be no window any more
 *
 * Every device has been let go, and every open file holds the module. One that
 * is left has lost a reference. kmemleak would not tell: the per-CPU data of
 * the gate point to the window.
 */
void ws_windows_exit(void)
{
	WARN_ON(atomic_read(&ws_window_count));
}

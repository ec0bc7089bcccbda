// SPDX-License-Identifier: GPL-2.0
/*
 * A window: the mapping of a BAR, its state, the gate, and copying in and out.
 *
 * The gate is an SRCU read section around every access to the device. Removal
 * closes it and waits for those inside. Nobody faults in user memory or sleeps
 * for another process's sake inside, so removal never waits for a user.
 */
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "window.h"

/*
 * How much is copied in one pass of the gate, between two looks at signals:
 * enough to make the barrier and the bookkeeping cheap, little enough to be
 * quick at 30 MB/s, which is what uncombined 4-byte stores reach.
 */
#define WS_CHUNK	(16 * 1024)
#define WS_BOUNCE	256

static DEFINE_IDA(ws_window_ida);

/**
 * ws_window_enter() - pass the gate
 * @win: the window
 *
 * Inside, the device may be touched if ws_window_dead() says no.
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
	return READ_ONCE(win->dead);
}

/*
 * 8 bytes where stores may combine and reads are free of side effects; else 4,
 * the width that register files expect.
 */
static unsigned int ws_default_width(const struct ws_window *win)
{
	return win->prefetchable ? 8 : 4;
}

/**
 * ws_window_width() - the widest access that the window gets
 * @win: the window
 *
 * Return: bytes.
 */
unsigned int ws_window_width(const struct ws_window *win)
{
	return READ_ONCE(win->exact_width) ?: ws_default_width(win);
}

/**
 * ws_window_set_width() - access the window in exactly this width
 * @win: the window
 * @width: 1, 2, 4 or 8 bytes; 0: back to the default, in which narrower
 *	accesses serve the ends
 *
 * Return: 0 or -EINVAL.
 */
int ws_window_set_width(struct ws_window *win, unsigned int width)
{
	if (width && (!is_power_of_2(width) || width > WS_WORD_BYTES))
		return -EINVAL;
	WRITE_ONCE(win->exact_width, width);
	return 0;
}

/* The widest access at @off for @len bytes, a power of two up to @width. */
static unsigned int ws_access(u64 off, size_t len, unsigned int width)
{
	while (width > len || off & (width - 1))
		width /= 2;
	return width;
}

/* Raw accessors: memory has no byte order of its own, and the barriers are
 * the callers'.
 */
static void ws_io_store(struct ws_window *win, u64 off, const u8 *buf,
			size_t len, unsigned int width)
{
	unsigned int n;

	for (; len; off += n, buf += n, len -= n) {
		void __iomem *to = win->io + off;

		n = ws_access(off, len, width);
		if (n == 8)
			__raw_writeq(get_unaligned((const u64 *)buf), to);
		else if (n == 4)
			__raw_writel(get_unaligned((const u32 *)buf), to);
		else if (n == 2)
			__raw_writew(get_unaligned((const u16 *)buf), to);
		else
			__raw_writeb(*buf, to);
	}
}

static void ws_io_load(struct ws_window *win, u64 off, u8 *buf, size_t len,
		       unsigned int width)
{
	unsigned int n;

	for (; len; off += n, buf += n, len -= n) {
		void __iomem *from = win->io + off;

		n = ws_access(off, len, width);
		if (n == 8)
			put_unaligned(__raw_readq(from), (u64 *)buf);
		else if (n == 4)
			put_unaligned(__raw_readl(from), (u32 *)buf);
		else if (n == 2)
			put_unaligned(__raw_readw(from), (u16 *)buf);
		else
			*buf = __raw_readb(from);
	}
}

/**
 * ws_window_load_word() - read back the word around an offset
 * @win: the window; the caller is inside the gate
 * @last: the offset
 * @bytes: out: %WS_WORD_BYTES bytes around @last, of which those in the result
 *	are read: one access of the window's width
 *
 * Return: bit i is set if bytes[i] was read.
 */
u8 ws_window_load_word(struct ws_window *win, u64 last, u8 *bytes)
{
	unsigned int width = ws_window_width(win);
	u64 off = round_down(last, width);
	unsigned int first = off % WS_WORD_BYTES;

	ws_io_load(win, off, bytes + first, width, width);
	return GENMASK(first + width - 1, first);
}

/* The next step of a copy. All steps but the first begin aligned. */
static size_t ws_stride(u64 off, size_t left, size_t step)
{
	return min_t(size_t, left, step - off % step);
}

/* How many bytes before @end share its last word. */
static size_t ws_tail(u64 end, size_t len)
{
	return min_t(size_t, len, (end - 1) % WS_WORD_BYTES + 1);
}

static void ws_word_set(struct ws_word *word, u64 end, const u8 *tail,
			size_t len)
{
	unsigned int first = (end - len) % WS_WORD_BYTES;

	word->last = end - 1;
	word->known = 0;
	if (!len)
		return;
	memcpy(word->bytes + first, tail, len);
	word->known = GENMASK(first + len - 1, first);
}

/* Copy up to the end of a word through @word, so that its value is known. */
static size_t ws_copy_word(struct ws_window *win, u64 off, size_t len,
			   struct iov_iter *from, struct ws_word *word)
{
	u8 bytes[WS_WORD_BYTES];
	size_t n = copy_from_iter(bytes, len, from);

	ws_io_store(win, off, bytes, n, WS_WORD_BYTES);
	ws_word_set(word, off + n, bytes, n);
	return n;
}

/*
 * Straight from the user's pages by non-temporal stores. Only the last word
 * takes a detour, so that its value is known to WRITESYNC_VERIFY. A fault ends
 * the non-temporal copy up to a word too early; the word that it stopped in is
 * then stored again, exactly up to the fault.
 */
static size_t ws_copy_nocache(struct ws_window *win, u64 off, size_t len,
			      struct iov_iter *from, struct ws_word *word)
{
	size_t tail = ws_tail(off + len, len);
	size_t head = len - tail;
	size_t done = 0, again = 0, n;

	if (head)
		done = copy_from_iter_nocache(win->mem + off, head, from);
	if (done < head) {
		again = done ? ws_tail(off + done, done) : 0;
		iov_iter_revert(from, again);
		done -= again;
		tail = ws_stride(off + done, len - done, WS_WORD_BYTES);
	}
	n = ws_copy_word(win, off + done, tail, from, word);
	if (n < again) {
		/* The page went away meanwhile; what was stored stays. */
		iov_iter_advance(from, again - n);
		n = again;
		ws_word_set(word, off + done + n, NULL, 0);
	}
	return done + n;
}

/* Through a small buffer, in stores of the window's access width. */
static size_t ws_copy_bounce(struct ws_window *win, u64 off, size_t len,
			     struct iov_iter *from, struct ws_word *word,
			     unsigned int exact)
{
	unsigned int width = exact ?: ws_default_width(win);
	u8 bytes[WS_BOUNCE] __aligned(8);
	size_t done = 0, want, n, odd;

	while (done < len) {
		want = ws_stride(off + done, len - done, WS_BOUNCE);
		n = copy_from_iter(bytes, want, from);
		odd = exact ? n % exact : 0;
		iov_iter_revert(from, odd);
		n -= odd;
		if (!n)
			break;
		ws_io_store(win, off + done, bytes, n, width);
		done += n;
		odd = ws_tail(off + done, n);
		ws_word_set(word, off + done, bytes + n - odd, odd);
		if (n < want)
			break;
	}
	return done;
}

static size_t ws_write_inside(struct ws_window *win, u64 off, size_t len,
			      struct iov_iter *from, unsigned int exact)
{
	struct ws_word word = {};
	size_t done;

	migrate_disable();
	pagefault_disable();
	/* For kernel memory (splice) the other is a memcpy() by bytes. */
	if (win->mem && !exact && user_backed_iter(from))
		done = ws_copy_nocache(win, off, len, from, &word);
	else
		done = ws_copy_bounce(win, off, len, from, &word, exact);
	pagefault_enable();
	/*
	 * Drains this CPU's write-combining buffers, before the write gets
	 * its number: another CPU's barrier would not.
	 */
	wmb();
	migrate_enable();

	if (done)
		ws_flush_post(&win->flush, &word, done);
	return done;
}

/*
 * One pass of the gate. A page that is not there ends it; the caller brings it
 * in outside.
 *
 * Return: bytes copied, less than asked for after a fault; -ENODEV.
 */
static ssize_t ws_write_chunk(struct ws_window *win, u64 off, size_t len,
			      struct iov_iter *from, unsigned int exact)
{
	ssize_t ret = -ENODEV;
	int idx;

	idx = ws_window_enter(win);
	if (!ws_window_dead(win))
		ret = ws_write_inside(win, off, len, from, exact);
	ws_window_exit(win, idx);
	return ret;
}

/*
 * Bring in the pages that a copy stopped at. In exact widths nothing less than
 * a whole access helps.
 */
static int ws_fault_in(struct iov_iter *from, unsigned int exact)
{
	size_t want = min_t(size_t, iov_iter_count(from), PAGE_SIZE);
	size_t left = fault_in_iov_iter_readable(from, want);

	return want - left < max(exact, 1U) ? -EFAULT : 0;
}

static ssize_t ws_write_all(struct ws_window *win, u64 pos,
			    struct iov_iter *from, unsigned int exact)
{
	ssize_t done = 0, ret = 0, n;
	size_t want;

	while (iov_iter_count(from)) {
		want = ws_stride(pos + done, iov_iter_count(from), WS_CHUNK);
		n = ws_write_chunk(win, pos + done, want, from, exact);
		if (n < 0) {
			ret = n;
			break;
		}
		done += n;
		if (n < want) {
			ret = ws_fault_in(from, exact);
			if (ret)
				break;
		}
		if (iov_iter_count(from) && signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();
	}
	return done ?: ret;
}

/* Are @pos and @len multiples of the access width, if there is one? */
static bool ws_aligned(unsigned int exact, u64 pos, size_t len)
{
	return !exact || !((pos | len) & (exact - 1));
}

/**
 * ws_window_write() - post bytes to the window
 * @win: the window
 * @pos: offset of the first byte, not negative
 * @from: the bytes
 *
 * The device is never read. Bytes written before an error are counted; the
 * error is returned if there are none.
 *
 * Return: bytes posted, fewer than asked for at the end of the window, after a
 * fault or a signal; -ENOSPC at or beyond the end; -EFAULT; -EINTR; -ENODEV;
 * -EINVAL if the user set an access width and the bytes are not aligned to it.
 */
ssize_t ws_window_write(struct ws_window *win, loff_t pos,
			struct iov_iter *from)
{
	unsigned int exact = READ_ONCE(win->exact_width);

	if (ws_window_dead(win))
		return -ENODEV;
	if (!iov_iter_count(from))
		return 0;
	if (pos >= win->size)
		return -ENOSPC;
	iov_iter_truncate(from, win->size - pos);
	if (!ws_aligned(exact, pos, iov_iter_count(from)))
		return -EINVAL;
	return ws_write_all(win, pos, from, exact);
}

static int ws_read_chunk(struct ws_window *win, u64 off, u8 *buf, size_t len,
			 unsigned int width)
{
	int ret = -ENODEV;
	int idx;

	idx = ws_window_enter(win);
	if (!ws_window_dead(win)) {
		ws_io_load(win, off, buf, len, width);
		ret = 0;
	}
	ws_window_exit(win, idx);
	return ret;
}

/**
 * ws_window_read() - read from the window
 * @win: the window
 * @pos: offset of the first byte, not negative
 * @to: where to
 *
 * Return: bytes read, 0 at or beyond the end; -EFAULT; -EINTR; -ENODEV;
 * -EINVAL as for ws_window_write().
 */
ssize_t ws_window_read(struct ws_window *win, loff_t pos, struct iov_iter *to)
{
	unsigned int exact = READ_ONCE(win->exact_width);
	unsigned int width = exact ?: ws_default_width(win);
	u8 buf[WS_BOUNCE] __aligned(8);
	ssize_t done = 0, ret = 0;
	size_t want, n;

	if (ws_window_dead(win))
		return -ENODEV;
	if (pos >= win->size)
		return 0;
	iov_iter_truncate(to, win->size - pos);
	if (!ws_aligned(exact, pos, iov_iter_count(to)))
		return -EINVAL;

	while (iov_iter_count(to)) {
		want = ws_stride(pos + done, iov_iter_count(to), WS_BOUNCE);
		ret = ws_read_chunk(win, pos + done, buf, want, width);
		if (ret)
			break;
		n = copy_to_iter(buf, want, to);
		done += n;
		ret = n < want ? -EFAULT : signal_pending(current) ? -EINTR : 0;
		if (ret)
			break;
		cond_resched();
	}
	return done ?: ret;
}

static ktime_t ws_deadline(const struct ws_window *win, u64 timeout_ns,
			   bool absolute)
{
	if (timeout_ns == WRITESYNC_TIMEOUT_DEFAULT) {
		timeout_ns = READ_ONCE(win->timeout_ns);
		absolute = false;
	}
	timeout_ns = min_t(u64, timeout_ns, KTIME_MAX);
	if (absolute)
		return timeout_ns;
	return ktime_add_safe(ktime_get(), timeout_ns);
}

/**
 * ws_window_sync() - wait until everything written before has arrived
 * @win: the window
 * @s: what to do besides; its deadline is set here
 * @timeout_ns: as in struct writesync_sync
 * @absolute: @timeout_ns is a point in time of CLOCK_MONOTONIC
 *
 * Return: as ws_flush_sync().
 */
int ws_window_sync(struct ws_window *win, struct ws_sync *s, u64 timeout_ns,
		   bool absolute)
{
	s->deadline = ws_deadline(win, timeout_ns, absolute);
	return ws_flush_sync(&win->flush, s);
}

/**
 * ws_window_kill() - the device is gone: refuse everything, wake everybody
 * @win: the window
 *
 * Does not wait, and may be called inside the gate and more than once.
 */
void ws_window_kill(struct ws_window *win)
{
	WRITE_ONCE(win->dead, true);
	ws_flush_kill(&win->flush, -ENODEV);
	wake_up_poll(&win->wait, EPOLLERR | EPOLLHUP);
}

static void ws_window_release(struct device *dev)
{
	struct ws_window *win = container_of(dev, struct ws_window, dev);

	cleanup_srcu_struct(&win->srcu);
	pci_dev_put(win->pdev);
	kfree(win);
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
	if (win->prefetchable)
		info->caps |= WRITESYNC_CAP_WC | WRITESYNC_CAP_VERIFY;
	if (win->bound_ns)
		info->caps |= WRITESYNC_CAP_BOUNDED;
}

static int ws_window_map(struct ws_window *win)
{
	phys_addr_t start = pci_resource_start(win->pdev, win->bar);

	if (win->prefetchable) {
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
	if (init_srcu_struct(&win->srcu)) {
		kfree(win);
		return NULL;
	}
	win->pdev = pci_dev_get(pdev);
	init_waitqueue_head(&win->wait);
	device_initialize(&win->dev);
	win->dev.class = ws_class;
	win->dev.parent = &pdev->dev;
	win->dev.groups = ws_window_groups;
	win->dev.release = ws_window_release;
	return win;
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

/**
 * ws_window_create() - make a window of a device's memory BAR
 * @pdev: the PCI function, enabled, with its BARs claimed
 * @model: what is known of it
 * @regs: its registers, NULL if the model has none
 * @bound_ns: the longest time one read can take; 0 if the hardware sets none
 *
 * Return: the window, usable from now on; to be undone by ws_window_remove().
 * Or an ERR_PTR().
 */
struct ws_window *ws_window_create(struct pci_dev *pdev,
				   const struct ws_model *model,
				   void __iomem *regs, u64 bound_ns)
{
	struct ws_window *win = ws_window_alloc(pdev);
	int ret;

	if (!win)
		return ERR_PTR(-ENOMEM);
	win->model = model;
	win->bar = model->bar;
	win->size = pci_resource_len(pdev, win->bar);
	win->prefetchable = pci_resource_flags(pdev, win->bar) &
			    IORESOURCE_PREFETCH;
	win->regs = regs;
	win->bound_ns = bound_ns;
	win->confirm = ws_confirm_default(win);
	win->timeout_ns = (u64)WS_TIMEOUT_DEFAULT_MS * NSEC_PER_MSEC;

	ret = ws_window_name(win);
	if (ret)
		goto err_put_device;
	ws_window_identify(win);
	ret = ws_window_map(win);
	if (ret)
		goto err_free_id;
	ret = ws_flush_init(&win->flush, &ws_confirm_ops, dev_name(&win->dev));
	if (ret)
		goto err_unmap;
	cdev_init(&win->cdev, &ws_file_fops);
	win->cdev.owner = THIS_MODULE;
	ret = cdev_device_add(&win->cdev, &win->dev);
	if (ret)
		goto err_exit_flush;
	return win;

err_exit_flush:
	/* The device file may have been open for a moment. */
	ws_window_kill(win);
	synchronize_srcu(&win->srcu);
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
	cdev_device_del(&win->cdev, &win->dev);
	ws_window_kill(win);
	synchronize_srcu(&win->srcu);
	ws_flush_exit(&win->flush);
	ws_window_unmap(win);
	ida_free(&ws_window_ida, win->id);
	put_device(&win->dev);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * How arrival is proven: one non-posted read, and the judgement of its answer.
 *
 * A read may not pass posted writes that go the same way (PCI Local Bus
 * Specification 3.0, 3.2.5; PCI Express Base Specification, 2.4.1), so its
 * answer proves that they arrived, if the device gave that answer. All-ones is
 * what a host bridge puts in place of an answer that never came; some put 0.
 */
#include <linux/io.h>
#include <linux/ktime.h>

#include "compat.h"
#include "window.h"

/*
 * The shortest completion time-out that a requester may be set to (PCI Express
 * Base Specification, Device Control 2: 50 us). All-ones that came sooner were
 * not made up by an expired timer.
 */
#define WS_COMPLETION_TIMEOUT_MIN_NS	(50 * NSEC_PER_USEC)

const char *const ws_confirm_names[WS_CONFIRM_METHODS] = {
	[WRITESYNC_CONFIRM_WINDOW] = "window",
	[WRITESYNC_CONFIRM_SENTINEL] = "sentinel",
	[WRITESYNC_CONFIRM_CONFIG] = "config",
	[WRITESYNC_CONFIRM_PENDING] = "pending",
};

/* Is every byte of @bytes that @valid names equal to @value? */
static bool ws_bytes_are(const u8 *bytes, u8 valid, u8 value)
{
	unsigned int i;

	if (valid == U8_MAX)
		return get_unaligned((const u64 *)bytes) ==
		       REPEAT_BYTE((u64)value);
	for (i = 0; i < WS_WORD_BYTES; i++)
		if (valid & BIT(i) && bytes[i] != value)
			return false;
	return true;
}

static bool ws_word_differs(const struct ws_word *word, const u8 *bytes,
			    u8 valid)
{
	unsigned int i;

	if ((word->known & valid) == U8_MAX)
		return memcmp(word->bytes, bytes, WS_WORD_BYTES);
	for (i = 0; i < WS_WORD_BYTES; i++)
		if (word->known & valid & BIT(i) && bytes[i] != word->bytes[i])
			return true;
	return false;
}

/* An answer that took so long may have been made up by an expired timer. */
static bool ws_slow(u64 begun_ns)
{
	/* The answer is here before the clock is read. */
	rmb();
	return ktime_get_raw_fast_ns() - begun_ns >=
	       WS_COMPLETION_TIMEOUT_MIN_NS;
}

/**
 * ws_confirm_arm() - prepare the sentinel
 * @win: the window; its device may be touched
 */
void ws_confirm_arm(struct ws_window *win)
{
	const struct ws_model *model = win->model;

	if (win->regs)
		writel(model->sentinel_write, win->regs + model->sentinel);
}

/**
 * ws_confirm_disarmed() - has a reset cleared the sentinel?
 * @win: the window, of a model that has one; its device may be touched
 *
 * Return: 1 if so, 0 if not, -EIO if the device did not say.
 */
int ws_confirm_disarmed(struct ws_window *win)
{
	void __iomem *sentinel = win->regs + win->model->sentinel;
	u32 value = readl(sentinel);

	if (value == win->model->sentinel_value)
		return 0;
	/* 0 may also be what a bus answers for a device that does not hear. */
	if (value || ws_pci_check(win->pdev) || readl(sentinel))
		return -EIO;
	return 1;
}

/*
 * The sentinel does not read as expected. If the device has reset itself, it is
 * armed anew, by us or by whoever saw it first, and answers as expected when it
 * is asked again; the loss is told besides.
 */
static int ws_confirm_wrong(struct ws_window *win, u32 value)
{
	if (value || !win->model->has_irq)
		return -EIO;
	ws_window_check_reset(win);
	return -EAGAIN;
}

/*
 * Reads a register that holds what we wrote to it: hardware answers it, without
 * side effects, its value is known, and a reset clears it. So its answer proves
 * as well that no reset threw away what had been posted.
 */
static int ws_confirm_sentinel(struct ws_window *win, struct ws_mark *mark)
{
	const struct ws_model *model = win->model;
	u64 begun = ws_load_begins();
	u32 value = readl(win->regs + model->sentinel);
	int ret;

	if (value == model->sentinel_value)
		return 0;
	if (mark->single && ws_slow(begun))
		return -EAGAIN;
	ret = ws_window_check(win);
	if (ret)
		return ret;
	return value == U32_MAX ? -EAGAIN : ws_confirm_wrong(win, value);
}

/*
 * The device is there and answers configuration reads, yet the memory reads as
 * all-ones: is that what it holds, or did nobody answer? Another word tells if
 * it is not all-ones, and so does a register with a known value. Without
 * either, all-ones that may have been written and came back at once are
 * believed.
 */
static int ws_confirm_ones(struct ws_window *win, struct ws_mark *mark,
			   bool slow)
{
	const struct ws_word *witness = &mark->witness;
	u8 bytes[WS_WORD_BYTES];
	u64 begun;

	if (witness->known) {
		u8 valid = ws_copy_load_word(win, witness->last, bytes,
					     &begun);

		if (!ws_bytes_are(bytes, valid, 0xff))
			return 0;
	}
	if (ws_window_usable(win))
		return -EAGAIN;
	if (win->regs)
		return ws_confirm_sentinel(win, mark);
	if (slow || witness->known ||
	    !ws_bytes_are(mark->last.bytes, mark->last.known, 0xff))
		return -EAGAIN;
	return 0;
}

/* The comparison that WRITESYNC_VERIFY asks for. */
static int ws_confirm_compare(struct ws_window *win, struct ws_mark *mark)
{
	u8 bytes[WS_WORD_BYTES];
	u64 begun;
	u8 valid = ws_copy_load_word(win, mark->last.last, bytes, &begun);

	if (!ws_word_differs(&mark->last, bytes, valid))
		return 0;
	/* Did that read time out? */
	if (ws_slow(begun) && ws_bytes_are(bytes, valid, 0xff))
		return -EAGAIN;
	mark->mismatch = true;
	return 0;
}

static int ws_confirm_word(struct ws_window *win, struct ws_mark *mark,
			   const struct ws_word *word)
{
	u8 bytes[WS_WORD_BYTES];
	u64 begun;
	u8 valid = ws_copy_load_word(win, word->last, bytes, &begun);
	bool ones = ws_bytes_are(bytes, valid, 0xff);
	bool slow = ones && ws_slow(begun);
	int ret = 0;

	if (ones && slow && mark->single)
		return -EAGAIN;
	if (ones || ws_bytes_are(bytes, valid, 0))
		ret = ws_window_check(win);
	if (ones && !ret)
		ret = ws_confirm_ones(win, mark, slow);
	mark->differs = !word->known || ws_word_differs(word, bytes, valid);
	return ret;
}

/*
 * Reads where the user said that a read does no harm, and nowhere else. What is
 * there is not known, so all-ones are believed if they came at once.
 */
static int ws_confirm_offset(struct ws_window *win, struct ws_mark *mark)
{
	u8 bytes[WS_WORD_BYTES];
	u64 begun;
	u8 valid = ws_copy_load_word(win, win->readback, bytes, &begun);
	bool ones = ws_bytes_are(bytes, valid, 0xff);
	bool slow = ones && ws_slow(begun);
	int ret = 0;

	if (slow && mark->single)
		return -EAGAIN;
	if (ones || ws_bytes_are(bytes, valid, 0))
		ret = ws_window_check(win);
	return !ret && slow ? -EAGAIN : ret;
}

/*
 * Reads the word that was written last: the same BAR, the same address, hence
 * the same path inside the device. Only for windows whose reads have no side
 * effects (IORESOURCE_PREFETCH).
 *
 * Who may do only one access that could stall asks another way when that did
 * not tell: all-ones may be what the last word holds.
 */
static int ws_confirm_window(struct ws_window *win, struct ws_mark *mark)
{
	bool otherwise = mark->single && mark->retry;

	if (win->readback != WS_NO_READBACK)
		return ws_confirm_offset(win, mark);
	if (otherwise && win->regs)
		return ws_confirm_sentinel(win, mark);
	if (otherwise && mark->witness.known)
		return ws_confirm_word(win, mark, &mark->witness);
	return ws_confirm_word(win, mark, &mark->last);
}

/*
 * A configuration read pushes posted writes through the fabric as well. The
 * check itself reads the vendor ID first.
 */
static int ws_confirm_config(struct ws_window *win, struct ws_mark *mark)
{
	return ws_window_check(win);
}

/*
 * The register of posted writes that have not landed: it covers what a device
 * holds inside. 0 is also what a bus without the device may answer, and what
 * the device answers after a reset.
 */
static int ws_confirm_pending(struct ws_window *win, struct ws_mark *mark)
{
	u64 begun = ws_load_begins();
	u32 value = readl(win->regs + win->model->pending);
	int ret;

	if (!value)
		return ws_confirm_sentinel(win, mark);
	if (value != U32_MAX || (mark->single && ws_slow(begun)))
		return -EAGAIN;
	ret = ws_window_check(win);
	return ret ?: -EAGAIN;
}

static int (*const ws_confirm_methods[WS_CONFIRM_METHODS])
	(struct ws_window *win, struct ws_mark *mark) = {
	[WRITESYNC_CONFIRM_WINDOW] = ws_confirm_window,
	[WRITESYNC_CONFIRM_SENTINEL] = ws_confirm_sentinel,
	[WRITESYNC_CONFIRM_CONFIG] = ws_confirm_config,
	[WRITESYNC_CONFIRM_PENDING] = ws_confirm_pending,
};

static int ws_confirm_inside(struct ws_window *win, struct ws_mark *mark)
{
	u8 method = READ_ONCE(win->confirm);
	int ret;

	ws_window_assert_entered(win);
	ret = ws_confirm_methods[method](win, mark);
	if (!ret && mark->verify)
		ret = ws_window_usable(win) ?: ws_confirm_compare(win, mark);
	/*
	 * A device that did not answer at first, or holds something else than
	 * was written as far as we know, may have reset itself: its interrupt
	 * may be on the way, or not yet dealt with.
	 */
	if (ret || !(mark->retry || mark->differs ||
		     ws_window_interrupted(win)))
		return ret;
	return ws_window_check_reset(win);
}

static struct ws_window *ws_flush_window(struct ws_flush *f)
{
	return container_of(f, struct ws_window, flush);
}

static int ws_confirm(struct ws_flush *f, struct ws_mark *mark)
{
	struct ws_window *win = ws_flush_window(f);
	int idx, ret;

	idx = ws_window_enter(win);
	ret = ws_window_usable(win);
	if (!ret)
		ret = ws_confirm_inside(win, mark);
	else if (ret == -EAGAIN)
		ret = -EBUSY;
	ws_window_exit(win, idx);
	return ret;
}

static u64 ws_confirm_bound_ns(struct ws_flush *f)
{
	return ws_flush_window(f)->bound_ns;
}

const struct ws_flush_ops ws_confirm_ops = {
	.confirm = ws_confirm,
	.bound_ns = ws_confirm_bound_ns,
};

/**
 * ws_confirm_default() - the method for a window that nobody set one for
 * @win: the window
 *
 * Return: enum writesync_confirm.
 */
u8 ws_confirm_default(const struct ws_window *win)
{
	return win->prefetchable || win->readback != WS_NO_READBACK ?
	       WRITESYNC_CONFIRM_WINDOW : WRITESYNC_CONFIRM_CONFIG;
}

/**
 * ws_confirm_set() - choose the method
 * @win: the window
 * @method: enum writesync_confirm
 *
 * Return: 0, or -EOPNOTSUPP if the device does not have what it takes.
 */
int ws_confirm_set(struct ws_window *win, unsigned int method)
{
	bool possible = true;

	if (method == WRITESYNC_CONFIRM_WINDOW)
		possible = win->prefetchable ||
			   win->readback != WS_NO_READBACK;
	else if (method != WRITESYNC_CONFIRM_CONFIG)
		possible = win->regs;
	if (!possible)
		return -EOPNOTSUPP;
	WRITE_ONCE(win->confirm, method);
	return 0;
}

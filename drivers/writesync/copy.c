// SPDX-License-Identifier: GPL-2.0
/*
 * Copying into a window and out of it.
 *
 * A copy passes the gate chunk by chunk. Inside, page faults are off: the page
 * that stops a copy is brought in outside, so that the gate never waits for
 * a user.
 */
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "window.h"

/*
 * How much is copied in one pass of the gate, between two looks at signals:
 * enough to make the barrier and the bookkeeping cheap, little enough to be
 * quick at 30 MB/s, which is what uncombined 4-byte stores reach.
 */
#define WS_CHUNK	(64 * 1024)
#define WS_BOUNCE	256

/*
 * 8 bytes where stores may combine and reads are free of side effects; else 4,
 * the width that register files expect.
 */
static unsigned int ws_default_width(const struct ws_window *win)
{
	return win->prefetchable ? 8 : 4;
}

/**
 * ws_copy_width() - the widest access that the window gets
 * @win: the window
 *
 * Return: bytes.
 */
unsigned int ws_copy_width(const struct ws_window *win)
{
	return READ_ONCE(win->exact_width) ?: ws_default_width(win);
}

/**
 * ws_copy_set_width() - access the window in exactly this width
 * @win: the window
 * @width: 1, 2, 4 or 8 bytes; 0: back to the default, in which narrower
 *	accesses serve the ends
 *
 * Return: 0 or -EINVAL.
 */
int ws_copy_set_width(struct ws_window *win, unsigned int width)
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

	ws_window_assert_entered(win);
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

/* One access of @n bytes. */
static void ws_io_load_one(void __iomem *from, u8 *buf, unsigned int n)
{
	if (n == 8)
		put_unaligned(__raw_readq(from), (u64 *)buf);
	else if (n == 4)
		put_unaligned(__raw_readl(from), (u32 *)buf);
	else if (n == 2)
		put_unaligned(__raw_readw(from), (u16 *)buf);
	else
		*buf = __raw_readb(from);
}

static void ws_io_load(struct ws_window *win, u64 off, u8 *buf, size_t len,
		       unsigned int width)
{
	unsigned int n;

	ws_window_assert_entered(win);
	for (; len; off += n, buf += n, len -= n) {
		n = ws_access(off, len, width);
		ws_io_load_one(win->io + off, buf, n);
	}
}

/**
 * ws_copy_load_word() - read back the word around an offset
 * @win: the window; the caller is inside the gate
 * @last: the offset
 * @bytes: out: %WS_WORD_BYTES bytes around @last, of which those in the result
 *	are read: one access of the window's width
 * @begun_ns: out: when that access began, by ktime_get_raw_fast_ns()
 *
 * Return: bit i is set if bytes[i] was read.
 */
u8 ws_copy_load_word(struct ws_window *win, u64 last, u8 *bytes, u64 *begun_ns)
{
	unsigned int width = ws_copy_width(win);
	u64 off = round_down(last, width);
	unsigned int first = off % WS_WORD_BYTES;

	ws_window_assert_entered(win);
	*begun_ns = ws_load_begins();
	ws_io_load_one(win->io + off, bytes + first, width);
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
	/* Mostly it is all of it, and that is one access. */
	if (len == WS_WORD_BYTES)
		memcpy(word->bytes, tail, WS_WORD_BYTES);
	else
		memcpy(word->bytes + first, tail, len);
	word->known = GENMASK(first + len - 1, first);
}

/* Copy up to the end of a word through @word, so that its value is known. */
static size_t ws_copy_word(struct ws_window *win, u64 off, size_t len,
			   struct iov_iter *from, struct ws_word *word)
{
	u8 bytes[WS_WORD_BYTES];
	size_t n;

	/* Of a constant size, the kernel need not look where it comes to lie. */
	if (len == WS_WORD_BYTES)
		n = copy_from_iter(bytes, WS_WORD_BYTES, from);
	else
		n = copy_from_iter(bytes, len, from);
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

	ws_window_assert_entered(win);
	/* Without a look for an object of the kernel's: it is not one. */
	if (head)
		done = _copy_from_iter_nocache(win->mem + off, head, from);
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
			      struct iov_iter *from, unsigned int exact,
			      enum ws_post kind)
{
	u64 generation = ws_flush_generation(&win->flush);
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
		ws_flush_post(&win->flush, &word, done, kind, generation);
	return done;
}

/*
 * One pass of the gate. A page that is not there ends it; the caller brings it
 * in outside.
 *
 * Return: bytes copied, less than asked for after a fault; or as
 * ws_window_usable().
 */
static ssize_t ws_write_chunk(struct ws_window *win, u64 off, size_t len,
			      struct iov_iter *from, unsigned int exact,
			      enum ws_post kind)
{
	int idx = ws_window_enter(win);
	ssize_t ret = ws_window_usable(win);

	if (!ret)
		ret = ws_write_inside(win, off, len, from, exact, kind);
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

/*
 * That a thread has something to do for io_uring looks like a signal, but must
 * not make its calls short. It does end io_uring's own threads.
 */
static bool ws_signalled(void)
{
	return current->flags & PF_IO_WORKER ? signal_pending(current) :
					       task_sigpending(current);
}

/* Between two chunks: is there a reason to stop? */
static int ws_interrupted(const struct ws_limit *limit)
{
	if (ws_signalled())
		return -EINTR;
	if (limit->deadline && ktime_compare(ktime_get(), limit->deadline) >= 0)
		return -ETIMEDOUT;
	cond_resched();
	return 0;
}

/* Are @pos and @len multiples of the access width, if there is one? */
static bool ws_aligned(unsigned int exact, u64 pos, u64 len)
{
	return !exact || !((pos | len) & (exact - 1));
}

/**
 * ws_copy_in() - post bytes to the window
 * @win: the window
 * @pos: offset of the first byte
 * @from: the bytes; they lie in the window
 * @limit: how long to wait while the window is FROZEN; a deadline other than 0
 *	also ends a long copy
 * @error: out: 0 if all were posted; -EFAULT, -EINTR, -ETIMEDOUT, -ENODEV,
 *	-EAGAIN; -EINVAL if the user set an access width and the bytes are not
 *	aligned to it
 *
 * The device is never read.
 *
 * Return: bytes posted.
 */
size_t ws_copy_in(struct ws_window *win, u64 pos, struct iov_iter *from,
		  const struct ws_limit *limit, int *error)
{
	unsigned int exact = READ_ONCE(win->exact_width);
	enum ws_post kind = WS_POST_WRITE;
	size_t done = 0, want;
	ssize_t n;

	*error = ws_aligned(exact, pos, iov_iter_count(from)) ? 0 : -EINVAL;
	while (!*error && iov_iter_count(from)) {
		want = ws_stride(pos + done, iov_iter_count(from), WS_CHUNK);
		n = ws_write_chunk(win, pos + done, want, from, exact, kind);
		if (n < 0) {
			*error = n == -EAGAIN ? ws_window_wait(win, limit) : n;
			continue;
		}
		done += n;
		if (n)
			kind = WS_POST_MORE;
		if (n < want)
			*error = ws_fault_in(from, exact);
		if (!*error && iov_iter_count(from))
			*error = ws_interrupted(limit);
	}
	return done;
}

/*
 * A load that stalls cannot be ended, but the next one need not be begun.
 *
 * Return: bytes read, fewer than asked for if there is a reason to stop.
 */
static size_t ws_read_inside(struct ws_window *win, u64 off, u8 *buf,
			     size_t len, unsigned int width)
{
	unsigned long end = jiffies +
			    nsecs_to_jiffies(READ_ONCE(win->timeout_ns));
	size_t done, n;

	for (done = 0; done < len; done += n) {
		if (done && (time_after(jiffies, end) || ws_signalled() ||
			     ws_window_usable(win)))
			break;
		n = ws_stride(off + done, len - done, width);
		ws_io_load(win, off + done, buf + done, n, width);
		/* Each of them may have taken seconds. */
		cond_resched();
	}
	return done;
}

/* What it read has to be judged inside the same gate, before a reset. */
static ssize_t ws_read_chunk(struct ws_window *win, u64 off, u8 *buf,
			     size_t len, unsigned int width)
{
	int idx = ws_window_enter(win);
	int ret = ws_window_usable(win);
	size_t done = 0, last;

	if (!ret)
		done = ws_read_inside(win, off, buf, len, width);
	last = min_t(size_t, done, width);
	if (last && !memchr_inv(buf + done - last, 0xff, last))
		ret = ws_window_check(win);
	/* Error recovery is about to begin, or has failed. */
	if (last && ret == -EAGAIN && !ws_window_usable(win))
		ret = -EIO;
	ws_window_exit(win, idx);
	return ret ?: done;
}

/**
 * ws_copy_out() - read from the window
 * @win: the window
 * @pos: offset of the first byte
 * @to: where to; the bytes lie in the window
 * @limit: as for ws_copy_in()
 *
 * A read that the device answers so slowly that 256 bytes take longer than the
 * default time-out ends early.
 *
 * Return: bytes read, or what ws_copy_in() calls its error if there are none,
 * or -EIO if the next ones ended in all-ones and the device cannot have answered.
 */
ssize_t ws_copy_out(struct ws_window *win, u64 pos, struct iov_iter *to,
		    const struct ws_limit *limit)
{
	unsigned int exact = READ_ONCE(win->exact_width);
	unsigned int width = exact ?: ws_default_width(win);
	u8 buf[WS_BOUNCE] __aligned(8);
	ssize_t done = 0, got;
	size_t want, n;
	int ret;

	ret = ws_aligned(exact, pos, iov_iter_count(to)) ? 0 : -EINVAL;
	while (!ret && iov_iter_count(to)) {
		want = ws_stride(pos + done, iov_iter_count(to), WS_BOUNCE);
		got = ws_read_chunk(win, pos + done, buf, want, width);
		if (got < 0) {
			ret = got == -EAGAIN ? ws_window_wait(win, limit) : got;
			continue;
		}
		n = copy_to_iter(buf, got, to);
		done += n;
		ret = n < got ? -EFAULT : ws_interrupted(limit);
		if (!ret && got < want && !ws_window_usable(win))
			ret = -ETIMEDOUT;
	}
	return done ?: ret;
}

static void ws_zero_inside(struct ws_window *win, u64 off, size_t len)
{
	static const u8 zeros[WS_BOUNCE] __aligned(8);
	unsigned int width = ws_copy_width(win);
	u64 generation = ws_flush_generation(&win->flush);
	struct ws_word word = {};
	size_t done, n;

	migrate_disable();
	for (done = 0; done < len; done += n) {
		n = ws_stride(off + done, len - done, WS_BOUNCE);
		ws_io_store(win, off + done, zeros, n, width);
	}
	wmb();	/* as for a write */
	migrate_enable();
	ws_word_set(&word, off + len, zeros, ws_tail(off + len, len));
	ws_flush_post(&win->flush, &word, len, WS_POST_CLEAR, generation);
}

static int ws_zero_chunk(struct ws_window *win, u64 off, size_t len)
{
	int idx = ws_window_enter(win);
	int ret = ws_window_usable(win);

	if (!ret)
		ws_zero_inside(win, off, len);
	ws_window_exit(win, idx);
	return ret;
}

/**
 * ws_copy_zeros() - fill a part of the window with zeros
 * @win: the window
 * @pos: offset of the first byte; it and @len suit any access width
 * @len: how many
 * @limit: as for ws_copy_in()
 *
 * Return: 0, or as ws_copy_in() calls its error.
 */
int ws_copy_zeros(struct ws_window *win, u64 pos, u64 len,
		  const struct ws_limit *limit)
{
	size_t want;
	int ret = 0;

	while (!ret && len) {
		want = min_t(u64, len, WS_CHUNK);
		ret = ws_zero_chunk(win, pos, want);
		if (ret) {
			ret = ret == -EAGAIN ? ws_window_wait(win, limit) : ret;
			continue;
		}
		pos += want;
		len -= want;
		if (len)
			ret = ws_interrupted(limit);
	}
	return ret;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The file operations of /dev/writesyncN and of regions.
 *
 * An open file of a window holds its cdev, which holds the window; a region
 * holds the window by itself.
 */
#include <linux/capability.h>
#include <linux/poll.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/splice.h>

#include "compat.h"
#include "trace.h"
#include "window.h"

/**
 * ws_file_alloc() - make an open file, of the window as a whole for now
 * @win: the window
 *
 * Return: the file, not committed; kfree() undoes this. NULL: no memory.
 */
struct ws_file *ws_file_alloc(struct ws_window *win)
{
	struct ws_file *wf = kzalloc(sizeof(*wf), GFP_KERNEL_ACCOUNT);

	if (!wf)
		return NULL;
	wf->win = win;
	wf->size = win->size;
	mutex_init(&wf->commit_lock);
	ws_flush_add_client(&win->flush, &wf->client);
	atomic64_set(&wf->generation, ws_flush_generation(&win->flush));
	return wf;
}

/**
 * ws_file_setup() - make a struct file what we need
 * @file: newly opened
 * @wf: what it stands for
 */
void ws_file_setup(struct file *file, struct ws_file *wf)
{
	file->private_data = wf;
	/* One place for all mappings of the window, to take them away. */
	file->f_mapping = wf->win->inode->i_mapping;
	/* Nothing is cached, so direct access is what everybody gets. */
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE |
			FMODE_CAN_ODIRECT;
}

/*
 * What is behind a BAR of which nothing is known may be registers, and these
 * may have the device write anywhere.
 */
static int ws_open_allowed(const struct ws_window *win)
{
	if (!win->model->generic)
		return 0;
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	return security_locked_down(LOCKDOWN_PCI_ACCESS);
}

static int ws_open(struct inode *inode, struct file *file)
{
	struct ws_window *win = container_of(inode->i_cdev, struct ws_window,
					     cdev);
	struct ws_file *wf;
	int ret;

	if (ws_window_dead(win))
		return -ENODEV;
	ret = ws_open_allowed(win);
	if (ret)
		return ret;
	wf = ws_file_alloc(win);
	if (!wf)
		return -ENOMEM;
	wf->committed = true;
	wf->cleared = true;
	ws_file_setup(file, wf);
	return 0;
}

static int ws_release(struct inode *inode, struct file *file)
{
	struct ws_file *wf = file->private_data;

	if (wf->region)
		ws_region_free(wf);
	else
		kfree(wf);
	return 0;
}

static loff_t ws_llseek(struct file *file, loff_t offset, int whence)
{
	struct ws_file *wf = file->private_data;

	return fixed_size_llseek(file, offset, whence, wf->size);
}

/**
 * ws_file_usable() - may the file's memory be used?
 * @wf: the file
 *
 * Return: 0; -ENODEV; -EBADFD if it is not committed.
 */
int ws_file_usable(const struct ws_file *wf)
{
	if (ws_window_dead(wf->win))
		return -ENODEV;
	return READ_ONCE(wf->committed) ? 0 : -EBADFD;
}

/**
 * ws_file_write() - post bytes to a file's memory
 * @wf: the file
 * @pos: offset of the first byte, not negative
 * @from: the bytes
 * @limit: as for ws_copy_in()
 * @error: out: 0 if all were posted; as ws_copy_in(); -EBADFD; -ENOSPC if they
 *	do not all fit; -EPERM if the device's MSI-X table is in the way
 *
 * Return: bytes posted.
 */
size_t ws_file_write(struct ws_file *wf, loff_t pos, struct iov_iter *from,
		     const struct ws_limit *limit, int *error)
{
	size_t want = iov_iter_count(from), done = 0;
	u64 fits = pos < wf->size ? min_t(u64, want, wf->size - pos) : 0;
	u64 allowed = ws_window_writable(wf->win, wf->base + pos, fits);

	*error = ws_file_usable(wf);
	if (*error || !want)
		return 0;
	if (allowed) {
		iov_iter_truncate(from, allowed);
		done = ws_copy_in(wf->win, wf->base + pos, from, limit, error);
	}
	if (!*error && done < want)
		*error = allowed < fits ? -EPERM : -ENOSPC;
	trace_writesync_write(wf->win->id, wf->base + pos, want,
			      done ?: *error);
	return done;
}

static void ws_trace_sync_begin(struct ws_window *win)
{
	u64 posted, synced;

	if (!trace_writesync_sync_begin_enabled())
		return;
	ws_flush_sequences(&win->flush, &posted, &synced);
	trace_writesync_sync_begin(win->id, posted, synced);
}

/**
 * ws_file_flush() - ws_file_sync(), whether the file is committed or not
 * @wf: the file
 * @s: as there, but its client is set
 *
 * Return: as there.
 */
int ws_file_flush(struct ws_file *wf, struct ws_sync *s)
{
	struct ws_window *win = wf->win;
	int ret;

	if (!s->limit.deadline)
		s->limit.deadline =
			ws_window_deadline(win, s->timeout_ns, s->absolute,
					   ktime_get());
	ret = ws_window_wait(win, &s->limit);
	if (!ret) {
		s->mapped = READ_ONCE(win->maps_written);
		ret = ws_flush_sync(&win->flush, s);
	} else {
		ws_flush_count(&win->flush, s, ret);
	}
	return ret;
}

/* What a sync comes to most often is to be cheap. */
static bool ws_file_clean(struct ws_file *wf, struct ws_sync *s)
{
	struct ws_window *win = wf->win;

	if (trace_writesync_sync_begin_enabled() ||
	    trace_writesync_sync_end_enabled())
		return false;
	return !ws_window_usable(win) && !READ_ONCE(win->maps_written) &&
	       ws_flush_clean(&win->flush, s);
}

/**
 * ws_file_sync() - wait until everything written before has arrived
 * @wf: the file
 * @s: what to do besides; its client is set here, and its deadline if it is not
 *
 * Return: as ws_flush_sync(); -EBADFD if the file is not committed.
 */
int ws_file_sync(struct ws_file *wf, struct ws_sync *s)
{
	struct ws_window *win = wf->win;
	ktime_t begun;
	int ret;

	ret = ws_file_usable(wf);
	if (ret) {
		s->synced = ws_flush_synced(&win->flush);
		return ret;
	}
	s->client = &wf->client;
	if (ws_file_clean(wf, s))
		return 0;
	begun = ktime_get();
	if (!s->limit.deadline)
		s->limit.deadline = ws_window_deadline(win, s->timeout_ns,
						       s->absolute, begun);
	ws_trace_sync_begin(win);
	ret = ws_file_flush(wf, s);
	s->elapsed_ns = ktime_to_ns(ktime_sub(ktime_get(), begun));
	trace_writesync_sync_end(win->id, ret, s->synced, s->readbacks,
				 s->elapsed_ns);
	return ret;
}

static ssize_t ws_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct ws_limit limit = {
		.nonblock = iocb->ki_filp->f_flags & O_NONBLOCK ||
			    iocb->ki_flags & IOCB_NOWAIT,
	};
	struct ws_file *wf = iocb->ki_filp->private_data;
	loff_t pos = iocb->ki_pos;
	ssize_t ret;

	ret = ws_file_usable(wf);
	if (ret || pos >= wf->size)
		return ret;
	iov_iter_truncate(to, wf->size - pos);
	ret = ws_copy_out(wf->win, wf->base + pos, to, &limit);
	if (ret > 0)
		iocb->ki_pos += ret;
	return ret;
}

/*
 * With O_DSYNC the bytes count only once they have arrived; if that cannot be
 * confirmed, the error is returned and the position stays. The sync waits even
 * with O_NONBLOCK: EAGAIN would say that nothing was written.
 */
static ssize_t ws_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp;
	struct ws_limit limit = {
		.nonblock = file->f_flags & O_NONBLOCK ||
			    iocb->ki_flags & IOCB_NOWAIT,
	};
	bool dsync = iocb->ki_flags & IOCB_DSYNC;
	struct ws_sync s = {};
	int ret = 0, error;
	size_t n;

	if (dsync && iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	n = ws_file_write(file->private_data, iocb->ki_pos, from, &limit,
			  &error);
	if (!n)
		return error;
	if (dsync)
		ret = ws_file_sync(file->private_data, &s);
	if (ret)
		return ret;
	iocb->ki_pos += n;
	return n;
}

static int ws_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct ws_sync s = { .limit.nonblock = file->f_flags & O_NONBLOCK };

	return ws_file_sync(file->private_data, &s);
}

/* Has the generation changed since it was last asked for? */
static bool ws_poll_generation(struct ws_file *wf, __poll_t events)
{
	u64 generation = ws_flush_generation(&wf->win->flush);

	if (!(events & EPOLLPRI))
		return false;
	return atomic64_xchg(&wf->generation, generation) != generation;
}

static __poll_t ws_poll(struct file *file, struct poll_table_struct *table)
{
	struct ws_file *wf = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &wf->win->wait, table);
	switch (ws_window_usable(wf->win)) {
	case 0:
		mask = EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
		break;
	case -ENODEV:
		return EPOLLERR | EPOLLHUP;
	}
	if (ws_poll_generation(wf, poll_requested_events(table)))
		mask |= EPOLLPRI;
	return mask;
}

const struct file_operations ws_file_fops = {
	.owner = THIS_MODULE,
	.open = ws_open,
	.release = ws_release,
	.llseek = ws_llseek,
	.read_iter = ws_read_iter,
	.write_iter = ws_write_iter,
	.splice_read = copy_splice_read,
	.splice_write = iter_file_splice_write,
	.mmap = ws_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.fsync = ws_fsync,
	.poll = ws_poll,
	.unlocked_ioctl = ws_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

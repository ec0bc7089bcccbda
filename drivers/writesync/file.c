// SPDX-License-Identifier: GPL-2.0
/*
 * The file operations of /dev/writesyncN.
 *
 * An open file holds its cdev, which holds the window.
 */
#include <linux/poll.h>
#include <linux/splice.h>

#include "compat.h"
#include "window.h"

static int ws_open(struct inode *inode, struct file *file)
{
	struct ws_window *win = container_of(inode->i_cdev, struct ws_window,
					     cdev);

	if (ws_window_dead(win))
		return -ENODEV;
	file->private_data = win;
	return 0;
}

static loff_t ws_llseek(struct file *file, loff_t offset, int whence)
{
	struct ws_window *win = file->private_data;

	return fixed_size_llseek(file, offset, whence, win->size);
}

static ssize_t ws_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct ws_window *win = iocb->ki_filp->private_data;
	ssize_t n = ws_window_read(win, iocb->ki_pos, to);

	if (n > 0)
		iocb->ki_pos += n;
	return n;
}

static int ws_sync_file(struct file *file, bool nonblock)
{
	struct ws_sync s = { .nonblock = nonblock };

	return ws_window_sync(file->private_data, &s,
			      WRITESYNC_TIMEOUT_DEFAULT, false);
}

/*
 * With O_DSYNC the bytes count only once they have arrived; if that cannot be
 * confirmed, the error is returned and the position stays. The sync waits even
 * with O_NONBLOCK: EAGAIN would say that nothing was written.
 */
static ssize_t ws_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp;
	bool dsync = iocb->ki_flags & IOCB_DSYNC;
	int ret = 0;
	ssize_t n;

	if (dsync && iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	n = ws_window_write(file->private_data, iocb->ki_pos, from);
	if (n > 0 && dsync)
		ret = ws_sync_file(file, false);
	if (ret)
		return ret;
	if (n > 0)
		iocb->ki_pos += n;
	return n;
}

static int ws_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return ws_sync_file(file, file->f_flags & O_NONBLOCK);
}

static __poll_t ws_poll(struct file *file, struct poll_table_struct *table)
{
	struct ws_window *win = file->private_data;

	poll_wait(file, &win->wait, table);
	if (ws_window_dead(win))
		return EPOLLERR | EPOLLHUP;
	return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
}

const struct file_operations ws_file_fops = {
	.owner = THIS_MODULE,
	.open = ws_open,
	.llseek = ws_llseek,
	.read_iter = ws_read_iter,
	.write_iter = ws_write_iter,
	.splice_read = copy_splice_read,
	.splice_write = iter_file_splice_write,
	.fsync = ws_fsync,
	.poll = ws_poll,
	.unlocked_ioctl = ws_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

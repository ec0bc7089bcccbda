// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of /dev/writesyncN. uapi/linux/writesync.h says what each
 * of them does; here are only the arguments.
 */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "window.h"

/* The sizes of the first version of each structure. */
#define WS_INFO_SIZE_V1		88
#define WS_QUERY_SIZE_V1	32
#define WS_SYNC_SIZE_V1		56

#define WS_SYNC_FLAGS	(WRITESYNC_ABSTIME | WRITESYNC_RANGE | WRITESYNC_VERIFY)

/* Every structure begins with the size that the caller gave it. */
static int ws_get(void *karg, size_t ksize, size_t v1, void __user *uarg)
{
	u32 usize;
	int ret;

	if (get_user(usize, (u32 __user *)uarg))
		return -EFAULT;
	if (usize < v1)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(karg, ksize, uarg, usize);
	/* The caller may have changed it between the two reads. */
	*(u32 *)karg = usize;
	return ret;
}

static int ws_put(const void *karg, size_t ksize, void __user *uarg)
{
	size_t usize = *(const u32 *)karg;

	if (copy_to_user(uarg, karg, min(ksize, usize)))
		return -EFAULT;
	return 0;
}

static long ws_ioctl_info(struct ws_window *win, void __user *uarg)
{
	struct writesync_info info, in;
	int ret;

	ret = ws_get(&in, sizeof(in), WS_INFO_SIZE_V1, uarg);
	if (ret)
		return ret;
	if (in.flags || in.__reserved)
		return -EINVAL;

	info = win->info;
	info.size = in.size;
	info.confirm = READ_ONCE(win->confirm);
	info.state = ws_window_dead(win) ? WRITESYNC_STATE_DEAD :
					   WRITESYNC_STATE_LIVE;
	info.access_width = ws_window_width(win);
	ws_flush_sequences(&win->flush, &info.posted, &info.synced);
	info.timeout_ns = READ_ONCE(win->timeout_ns);
	return ws_put(&info, sizeof(info), uarg);
}

static long ws_ioctl_query(struct ws_window *win, void __user *uarg)
{
	struct writesync_query query;
	int ret;

	ret = ws_get(&query, sizeof(query), WS_QUERY_SIZE_V1, uarg);
	if (ret)
		return ret;
	if (query.flags || query.__reserved)
		return -EINVAL;
	if (ws_window_dead(win))
		return -ENODEV;

	ws_flush_sequences(&win->flush, &query.posted, &query.synced);
	query.needed = query.synced < query.posted;
	return ws_put(&query, sizeof(query), uarg);
}

static int ws_sync_args_check(const struct ws_window *win,
			      const struct writesync_sync *arg)
{
	if (arg->flags & ~WS_SYNC_FLAGS || arg->__reserved)
		return -EINVAL;
	if (!(arg->flags & WRITESYNC_RANGE) && (arg->offset || arg->length))
		return -EINVAL;
	if (arg->offset > win->size || arg->length > win->size - arg->offset)
		return -EINVAL;
	if (arg->flags & WRITESYNC_VERIFY && !win->prefetchable)
		return -EOPNOTSUPP;
	return 0;
}

static long ws_ioctl_sync(struct ws_window *win, struct file *file,
			  void __user *uarg)
{
	u64 begun = ktime_get_ns(), posted;
	struct writesync_sync arg;
	struct ws_sync s = {};
	int ret;

	ret = ws_get(&arg, sizeof(arg), WS_SYNC_SIZE_V1, uarg);
	if (ret)
		return ret;
	ret = ws_sync_args_check(win, &arg);
	if (ret)
		return ret;

	s.verify = arg.flags & WRITESYNC_VERIFY;
	s.nonblock = file->f_flags & O_NONBLOCK;
	ret = ws_window_sync(win, &s, arg.timeout_ns,
			     arg.flags & WRITESYNC_ABSTIME);

	arg.readbacks = s.readbacks;
	ws_flush_sequences(&win->flush, &posted, &arg.synced);
	arg.elapsed_ns = ktime_get_ns() - begun;
	return ws_put(&arg, sizeof(arg), uarg) ?: ret;
}

/**
 * ws_ioctl() - dispatch
 * @file: an open file of a window
 * @cmd: WRITESYNC_IOC_*
 * @arg: the user's pointer to the structure of that name
 *
 * Return: as uapi/linux/writesync.h says.
 */
long ws_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ws_window *win = file->private_data;
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case WRITESYNC_IOC_INFO:
		return ws_ioctl_info(win, uarg);
	case WRITESYNC_IOC_QUERY:
		return ws_ioctl_query(win, uarg);
	case WRITESYNC_IOC_SYNC:
		return ws_ioctl_sync(win, file, uarg);
	default:
		return -ENOTTY;
	}
}

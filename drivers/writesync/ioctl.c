// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of /dev/writesyncN and of regions. uapi/linux/writesync.h says
 * what each of them does; here are only the arguments.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "window.h"

/* The sizes of the first version of each structure. */
#define WS_INFO_SIZE_V1		WRITESYNC_INFO_SIZE_V1
#define WS_QUERY_SIZE_V1	32
#define WS_SYNC_SIZE_V1		56
#define WS_WRITE_SIZE_V1	72
#define WS_ALLOC_SIZE_V1	40
#define WS_COMMIT_SIZE_V1	8
#define WS_CHECK_SIZE_V1	40

#define WS_SYNC_FLAGS	(WRITESYNC_ABSTIME | WRITESYNC_RANGE | WRITESYNC_VERIFY)
#define WS_WRITE_FLAGS	(WRITESYNC_ABSTIME | WRITESYNC_VERIFY |		\
			 WRITESYNC_WRITE_AT | WRITESYNC_WRITE_SYNC)

/* A few pieces of user memory need no allocation. */
#define WS_IOV_FAST	8

/*
 * The structures are made of a few words: copied one by one, they cost less
 * than what a general copy has to look at. Inline, since their size is known.
 */
static __always_inline int ws_get_words(u64 *to, const u64 __user *from,
					size_t size)
{
	unsigned int i;

	if (!user_read_access_begin(from, size))
		return -EFAULT;
	ws_for_unrolled(i, size / sizeof(*to))
		unsafe_get_user(to[i], from + i, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static __always_inline int ws_put_words(const u64 *from, u64 __user *to,
					size_t size)
{
	unsigned int i;

	if (!user_write_access_begin(to, size))
		return -EFAULT;
	ws_for_unrolled(i, size / sizeof(*from))
		unsafe_put_user(from[i], to + i, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* Every structure begins with the size that the caller gave it. */
static __always_inline int ws_get(void *karg, size_t ksize, size_t v1,
				  void __user *uarg)
{
	u32 usize;
	int ret;

	if (get_user(usize, (u32 __user *)uarg))
		return -EFAULT;
	if (usize < v1)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	if (usize == ksize)
		ret = ws_get_words(karg, uarg, ksize);
	else
		ret = copy_struct_from_user(karg, ksize, uarg, usize);
	/* The caller may have changed it between the two reads. */
	*(u32 *)karg = usize;
	return ret;
}

static __always_inline int ws_put(const void *karg, size_t ksize,
				  void __user *uarg)
{
	size_t usize = *(const u32 *)karg;

	if (usize >= ksize)
		return ws_put_words(karg, uarg, ksize);
	return copy_to_user(uarg, karg, usize) ? -EFAULT : 0;
}

/* What the call came to outweighs that it cannot be stored: it is told once. */
static __always_inline int ws_put_result(int result, const void *karg,
					 size_t ksize, void __user *uarg)
{
	int ret = ws_put(karg, ksize, uarg);

	return result ?: ret;
}

static void ws_info_file(const struct ws_file *wf, struct writesync_info *info)
{
	info->offset = wf->base;
	info->length = wf->size;
	if (wf->region)
		info->file |= WRITESYNC_FILE_REGION;
	if (READ_ONCE(wf->committed))
		info->file |= WRITESYNC_FILE_COMMITTED;
}

static long ws_ioctl_info(struct ws_file *wf, void __user *uarg)
{
	struct ws_window *win = wf->win;
	struct writesync_info info, in;
	int ret;

	ret = ws_get(&in, sizeof(in), WS_INFO_SIZE_V1, uarg);
	if (ret)
		return ret;
	if (in.flags || in.__reserved || in.__reserved2)
		return -EINVAL;

	info = win->info;
	info.size = in.size;
	info.confirm = READ_ONCE(win->confirm);
	info.state = READ_ONCE(win->state);
	info.access_width = ws_copy_width(win);
	info.generation = ws_flush_generation(&win->flush);
	ws_flush_sequences(&win->flush, &info.posted, &info.synced);
	info.timeout_ns = READ_ONCE(win->timeout_ns);
	ws_region_totals(win, &info);
	ws_info_file(wf, &info);
	return ws_put(&info, sizeof(info), uarg);
}

static long ws_ioctl_query(struct ws_file *wf, void __user *uarg)
{
	struct ws_window *win = wf->win;
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
	query.needed = READ_ONCE(win->maps_written) ||
		       ws_flush_needed(&win->flush, &wf->client);
	return ws_put(&query, sizeof(query), uarg);
}

static int ws_sync_args_check(const struct ws_file *wf,
			      const struct writesync_sync *arg)
{
	if (arg->flags & ~WS_SYNC_FLAGS || arg->__reserved)
		return -EINVAL;
	if (!(arg->flags & WRITESYNC_RANGE) && (arg->offset || arg->length))
		return -EINVAL;
	if (arg->offset > wf->size || arg->length > wf->size - arg->offset)
		return -EINVAL;
	if (arg->flags & WRITESYNC_VERIFY && !wf->win->prefetchable)
		return -EOPNOTSUPP;
	return 0;
}

/* What SYNC and WRITE have in common. */
static void ws_sync_args(const struct file *file, struct ws_sync *s, u32 flags,
			 u64 timeout_ns)
{
	s->verify = flags & WRITESYNC_VERIFY;
	s->limit.nonblock = file->f_flags & O_NONBLOCK;
	s->timeout_ns = timeout_ns;
	s->absolute = flags & WRITESYNC_ABSTIME;
}

static long ws_ioctl_sync(struct file *file, void __user *uarg)
{
	struct ws_file *wf = file->private_data;
	struct writesync_sync arg;
	struct ws_sync s = {};
	int ret;

	ret = ws_get(&arg, sizeof(arg), WS_SYNC_SIZE_V1, uarg);
	if (ret)
		return ret;
	ret = ws_sync_args_check(wf, &arg);
	if (ret)
		return ret;

	ws_sync_args(file, &s, arg.flags, arg.timeout_ns);
	ret = ws_file_sync(wf, &s);
	arg.readbacks = s.readbacks;
	arg.synced = s.synced;
	arg.elapsed_ns = s.elapsed_ns;
	return ws_put_result(ret, &arg, sizeof(arg), uarg);
}

static int ws_write_args_check(const struct file *file,
			       const struct writesync_write *arg)
{
	const struct ws_file *wf = file->private_data;
	bool at = arg->flags & WRITESYNC_WRITE_AT;
	bool verify = arg->flags & WRITESYNC_VERIFY;

	if (arg->flags & ~WS_WRITE_FLAGS || arg->__reserved || arg->__reserved2)
		return -EINVAL;
	if (arg->iov_count > WRITESYNC_IOV_MAX || arg->offset > LLONG_MAX)
		return -EINVAL;
	if (!at && arg->offset)
		return -EINVAL;
	if (verify && !(arg->flags & WRITESYNC_WRITE_SYNC))
		return -EINVAL;
	if (verify && !wf->win->prefetchable)
		return -EOPNOTSUPP;
	return file->f_mode & FMODE_WRITE ? 0 : -EBADF;
}

/*
 * The pieces of user memory. The copy itself does not check that they are user
 * memory. One that is not ends the list: *@error.
 *
 * Return: bytes in @iov, of which *@count pieces are good; negative errno.
 */
static ssize_t ws_iov_check(const struct iovec *iov, unsigned int *count,
			    int *error)
{
	size_t total = 0;
	unsigned int i;

	for (i = 0; i < *count; i++) {
		if (iov[i].iov_len > SSIZE_MAX - total)
			return -EINVAL;
		total += iov[i].iov_len;
	}
	for (i = 0, total = 0; i < *count; i++) {
		if (iov[i].iov_len &&
		    !access_ok(iov[i].iov_base, iov[i].iov_len)) {
			*error = -EFAULT;
			break;
		}
		total += iov[i].iov_len;
	}
	*count = i;
	return total;
}

/* import_iovec() would expect another layout of 32-bit callers. */
static int ws_iov_get(const struct writesync_write *arg, struct iovec *iov)
{
	size_t size = arg->iov_count * sizeof(*iov);

	static_assert(sizeof(*iov) == sizeof(struct writesync_iovec));
	static_assert(offsetof(struct iovec, iov_len) ==
		      offsetof(struct writesync_iovec, length));

	/* Without any, the pointer may be anything. */
	if (!size)
		return 0;
	if (arg->iov_count <= WS_IOV_FAST)
		return ws_get_words((u64 *)iov, u64_to_user_ptr(arg->iov),
				    size);
	return copy_from_user(iov, u64_to_user_ptr(arg->iov), size) ? -EFAULT :
								      0;
}

/* Write, then sync if nothing is missing; @arg takes the results. */
static int ws_write_sync(struct file *file, struct writesync_write *arg,
			 const struct iovec *iov, unsigned int count,
			 size_t total, int fault, ktime_t begun)
{
	struct ws_file *wf = file->private_data;
	bool at = arg->flags & WRITESYNC_WRITE_AT;
	struct ws_sync s = {};
	struct iov_iter from;
	int ret;

	ws_sync_args(file, &s, arg->flags, arg->timeout_ns);
	s.limit.deadline = ws_window_deadline(wf->win, s.timeout_ns, s.absolute,
					      begun);
	iov_iter_init(&from, ITER_SOURCE, iov, count, total);
	arg->bytes_written = ws_file_write(wf, at ? arg->offset : file->f_pos,
					   &from, &s.limit, &ret);
	if (!at)
		file->f_pos += arg->bytes_written;
	ret = ret ?: fault;
	if (!ret && (arg->flags & WRITESYNC_WRITE_SYNC ||
		     file->f_flags & O_DSYNC))
		ret = ws_file_sync(wf, &s);
	else
		s.synced = ws_flush_synced(&wf->win->flush);
	arg->readbacks = s.readbacks;
	arg->synced = s.synced;
	return ret;
}

static long ws_write_vector(struct file *file, struct writesync_write *arg,
			    struct iovec *iov, void __user *uarg)
{
	unsigned int count = arg->iov_count;
	ktime_t begun = ktime_get();
	int fault = 0, ret;
	ssize_t total;

	ret = ws_iov_get(arg, iov);
	if (ret)
		return ret;
	total = ws_iov_check(iov, &count, &fault);
	if (total < 0)
		return total;
	ret = ws_write_sync(file, arg, iov, count, total, fault, begun);
	arg->elapsed_ns = ktime_to_ns(ktime_sub(ktime_get(), begun));
	return ws_put_result(ret, arg, sizeof(*arg), uarg);
}

static long ws_ioctl_write(struct file *file, void __user *uarg)
{
	struct iovec fast[WS_IOV_FAST], *iov = fast;
	struct writesync_write arg;
	long ret;

	ret = ws_get(&arg, sizeof(arg), WS_WRITE_SIZE_V1, uarg);
	if (ret)
		return ret;
	ret = ws_write_args_check(file, &arg);
	if (ret)
		return ret;
	if (arg.iov_count > WS_IOV_FAST)
		iov = kmalloc_array(arg.iov_count, sizeof(*iov),
				    GFP_KERNEL_ACCOUNT);
	if (!iov)
		return -ENOMEM;
	ret = ws_write_vector(file, &arg, iov, uarg);
	if (iov != fast)
		kfree(iov);
	return ret;
}

/* An open file of the region; from here on, its release frees the region. */
static struct file *ws_region_file(const struct file *window,
				   struct ws_file *region)
{
	int mode = window->f_mode & FMODE_READ ? O_RDWR : O_WRONLY;
	struct file *file;

	file = anon_inode_getfile("[writesync-region]", &ws_file_fops, region,
				  mode);
	if (IS_ERR(file))
		ws_region_free(region);
	else
		ws_file_setup(file, region);
	return file;
}

/* Nothing may fail once the descriptor is installed. */
static int ws_region_install(const struct file *window, struct ws_file *region,
			     struct writesync_alloc *arg, void __user *uarg)
{
	struct file *file = ws_region_file(window, region);
	int ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	arg->fd = get_unused_fd_flags(O_CLOEXEC);
	if (arg->fd < 0) {
		fput(file);
		return arg->fd;
	}
	ret = ws_put(arg, sizeof(*arg), uarg);
	if (ret) {
		put_unused_fd(arg->fd);
		fput(file);
		return ret;
	}
	fd_install(arg->fd, file);
	return 0;
}

static long ws_ioctl_alloc(struct file *file, void __user *uarg)
{
	struct ws_file *wf = file->private_data, *region;
	struct writesync_alloc arg;
	int ret;

	ret = ws_get(&arg, sizeof(arg), WS_ALLOC_SIZE_V1, uarg);
	if (ret)
		return ret;
	if (arg.flags || arg.__reserved || wf->region)
		return -EINVAL;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (ws_window_dead(wf->win))
		return -ENODEV;
	ret = ws_region_alloc(wf->win, &arg, &region);
	if (ret)
		return ret;
	return ws_region_install(file, region, &arg, uarg);
}

static int ws_get_commit(const struct ws_file *wf, void __user *uarg)
{
	struct writesync_commit arg __aligned(sizeof(u64));
	int ret;

	ret = ws_get(&arg, sizeof(arg), WS_COMMIT_SIZE_V1, uarg);
	if (ret)
		return ret;
	if (arg.flags)
		return -EINVAL;
	return ws_window_dead(wf->win) ? -ENODEV : 0;
}

static long ws_ioctl_commit(struct file *file, void __user *uarg)
{
	struct ws_limit limit = { .nonblock = file->f_flags & O_NONBLOCK };
	struct ws_file *wf = file->private_data;

	return ws_get_commit(wf, uarg) ?: ws_region_commit(wf, &limit);
}

static long ws_ioctl_decommit(struct ws_file *wf, void __user *uarg)
{
	return ws_get_commit(wf, uarg) ?: ws_region_decommit(wf);
}

static long ws_ioctl_check(struct ws_file *wf, void __user *uarg)
{
	struct writesync_check arg;
	int ret;

	ret = ws_get(&arg, sizeof(arg), WS_CHECK_SIZE_V1, uarg);
	if (ret)
		return ret;
	if (arg.flags || arg.__reserved || !arg.length ||
	    arg.length - 1 > U64_MAX - arg.address)
		return -EINVAL;
	if (ws_window_dead(wf->win))
		return -ENODEV;
	arg.offset = 0;
	ret = ws_mmap_check(wf, arg.address, arg.length, &arg.offset);
	if (ret < 0)
		return ret;
	arg.inside = ret;
	return ws_put(&arg, sizeof(arg), uarg);
}

/**
 * ws_ioctl() - dispatch
 * @file: an open file of a window or of a region
 * @cmd: WRITESYNC_IOC_*
 * @arg: the user's pointer to the structure of that name
 *
 * Return: as uapi/linux/writesync.h says.
 */
long ws_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ws_file *wf = file->private_data;
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case WRITESYNC_IOC_INFO:
		return ws_ioctl_info(wf, uarg);
	case WRITESYNC_IOC_QUERY:
		return ws_ioctl_query(wf, uarg);
	case WRITESYNC_IOC_SYNC:
		return ws_ioctl_sync(file, uarg);
	case WRITESYNC_IOC_WRITE:
		return ws_ioctl_write(file, uarg);
	case WRITESYNC_IOC_ALLOC:
		return ws_ioctl_alloc(file, uarg);
	case WRITESYNC_IOC_COMMIT:
		return ws_ioctl_commit(file, uarg);
	case WRITESYNC_IOC_DECOMMIT:
		return ws_ioctl_decommit(wf, uarg);
	case WRITESYNC_IOC_CHECK:
		return ws_ioctl_check(wf, uarg);
	default:
		return -ENOTTY;
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * All that a step can be: names, arguments, how often, and which errors are
 * right. An error that uapi/linux/writesync.h does not name is a finding.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "fuzz.h"

/* ---- names ---- */

static const struct fz_name open_flags[] = {
	{ "rdwr", O_RDWR }, { "wronly", O_WRONLY }, { "nonblock", O_NONBLOCK },
	{ "append", O_APPEND }, { "sync", O_SYNC }, { "dsync", O_DSYNC },
	{ "direct", O_DIRECT }, { "trunc", O_TRUNC }, { "path", O_PATH }, {}
};

static const struct fz_name rwf_flags[] = {
	{ "dsync", RWF_DSYNC }, { "sync", RWF_SYNC }, { "nowait", RWF_NOWAIT },
	{ "append", RWF_APPEND }, { "hipri", RWF_HIPRI }, {}
};

static const struct fz_name whences[] = {
	{ "set", SEEK_SET }, { "cur", SEEK_CUR }, { "end", SEEK_END },
	{ "data", SEEK_DATA }, { "hole", SEEK_HOLE }, {}
};

static const struct fz_name fcntls[] = {
	{ "getfl", F_GETFL }, { "setfl", F_SETFL }, { "setfd", F_SETFD },
	{ "dupfd", F_DUPFD_CLOEXEC }, { "getown", F_GETOWN },
	{ "setlk", F_SETLK }, { "addseals", 1033 }, {}
};

static const struct fz_name poll_events[] = {
	{ "in", POLLIN }, { "out", POLLOUT }, { "pri", POLLPRI },
	{ "rdnorm", POLLRDNORM }, {}
};

static const struct fz_name epoll_events[] = {
	{ "in", EPOLLIN }, { "out", EPOLLOUT }, { "pri", EPOLLPRI },
	{ "et", EPOLLET }, { "oneshot", EPOLLONESHOT }, {}
};

static const struct fz_name epoll_ops[] = {
	{ "add", EPOLL_CTL_ADD }, { "mod", EPOLL_CTL_MOD },
	{ "del", EPOLL_CTL_DEL }, {}
};

static const struct fz_name prots[] = {
	{ "read", PROT_READ }, { "write", PROT_WRITE }, { "exec", PROT_EXEC },
	{}
};

static const struct fz_name map_flags[] = {
	{ "shared", MAP_SHARED }, { "shared+populate",
	  MAP_SHARED | MAP_POPULATE },
	{ "shared+locked", MAP_SHARED | MAP_LOCKED },
	{ "validate", MAP_SHARED_VALIDATE },
	{ "validate+sync", MAP_SHARED_VALIDATE | MAP_SYNC },
	{ "private", MAP_PRIVATE },
	{ "anonymous", MAP_PRIVATE | MAP_ANONYMOUS }, {}
};

static const struct fz_name remap_flags[] = {
	{ "none", 0 }, { "maymove", MREMAP_MAYMOVE },
	{ "dontunmap", MREMAP_MAYMOVE | MREMAP_DONTUNMAP }, {}
};

static const struct fz_name msync_flags[] = {
	{ "sync", MS_SYNC }, { "async", MS_ASYNC },
	{ "invalidate", MS_INVALIDATE }, {}
};

static const struct fz_name advices[] = {
	{ "dontneed", MADV_DONTNEED }, { "willneed", MADV_WILLNEED },
	{ "free", MADV_FREE }, { "dontfork", MADV_DONTFORK },
	{ "dofork", MADV_DOFORK }, { "hugepage", MADV_HUGEPAGE },
	{ "nohugepage", MADV_NOHUGEPAGE }, { "dodump", MADV_DODUMP },
	{ "remove", MADV_REMOVE }, { "cold", MADV_COLD },
	{ "pageout", MADV_PAGEOUT }, { "populateread", 22 },
	{ "populatewrite", 23 }, {}
};

static const struct fz_name splice_flags[] = {
	{ "move", 1 }, { "more", 4 }, { "gift", 8 }, {}
};

static const struct fz_name sync_flags[] = {
	{ "abstime", WRITESYNC_ABSTIME }, { "range", WRITESYNC_RANGE },
	{ "verify", WRITESYNC_VERIFY }, {}
};

static const struct fz_name write_flags[] = {
	{ "abstime", WRITESYNC_ABSTIME }, { "verify", WRITESYNC_VERIFY },
	{ "at", WRITESYNC_WRITE_AT }, { "sync", WRITESYNC_WRITE_SYNC }, {}
};

static const struct fz_name abis[] = {
	{ "native", 0 }, { "native", 0 }, { "native", 0 }, { "i386", 32 }, {}
};

static const struct fz_name ioctls[] = {
	{ "info", WRITESYNC_IOC_INFO }, { "query", WRITESYNC_IOC_QUERY },
	{ "sync", WRITESYNC_IOC_SYNC }, { "write", WRITESYNC_IOC_WRITE },
	{ "alloc", WRITESYNC_IOC_ALLOC }, { "commit", WRITESYNC_IOC_COMMIT },
	{ "decommit", WRITESYNC_IOC_DECOMMIT },
	{ "check", WRITESYNC_IOC_CHECK }, { "none", _IO(0xd7, 8) },
	{ "infoasread", _IOR(0xd7, 0, struct writesync_info) },
	{ "fionbio", 0x5421 }, { "fionread", 0x541b }, { "fioasync", 0x5452 },
	{ "figetbsz", 2 }, {}
};

static const struct fz_name counts[] = {
	{ "0", 0 }, { "1", 1 }, { "1", 1 }, { "2", 2 }, { "3", 3 }, { "9", 9 },
	{ "1024", 1024 }, { "1025", 1025 }, {}
};

/* ---- errors ---- */

static const int wait_errors[] = {
	ENODEV, ETIMEDOUT, EINTR, EAGAIN, EIO, EBADFD, 0
};

/* Also what files of other kinds say. */
static const int ioctl_errors[] = { EBADF, ENOTTY, EFAULT, EINVAL, E2BIG, 0 };

static const int open_errors[] = {
	EINVAL, ENODEV, ENXIO, ENOENT, ENOTDIR, EEXIST, EMFILE, ENOMEM,
	EOPNOTSUPP, EINTR, 0
};

static const int io_errors[] = {
	EBADF, EINVAL, EFAULT, ENOSPC, ESPIPE, EFBIG, EOPNOTSUPP, EPIPE, ENXIO,
	EOVERFLOW, ENOMEM, 0
};

static const int seek_errors[] = {
	EBADF, EINVAL, ESPIPE, EOVERFLOW, ENXIO, 0
};

static const int fsync_errors[] = { EBADF, EINVAL, 0 };

static const int map_errors[] = {
	EBADF, EINVAL, ENODEV, EBADFD, EACCES, ENOMEM, EAGAIN, EOPNOTSUPP,
	EPERM, EOVERFLOW, 0
};

static const int unmap_errors[] = { EINVAL, ENOMEM, 0 };
static const int msync_errors[] = { EINVAL, ENOMEM, EBUSY, 0 };
static const int gone_errors[] = { ENODEV, 0 };
static const int sync_errors[] = { EOPNOTSUPP, 0 };
static const int write_errors[] = { EOPNOTSUPP, ENOSPC, ENOMEM, 0 };

static const int alloc_errors[] = {
	ENODEV, ENOSPC, ENOMEM, EMFILE, ENFILE, 0
};

static const int commit_errors[] = {
	ENODEV, EINTR, ETIMEDOUT, EIO, EAGAIN, 0
};

static const int decommit_errors[] = { ENODEV, EINTR, 0 };
static const int fault_errors[] = { EFAULT, 0 };

static const int set_errors[] = {
	EINVAL, ERANGE, EOPNOTSUPP, ENOENT, ENODEV, EBADF, 0
};

/* ---- arguments that many have first ---- */

static const struct fz_arg nothing[] = { {} };
static const struct fz_arg file[] = { { "fd", FZ_FILE, NULL }, {} };

static const struct fz_arg structure[] = {
	{ "fd", FZ_FILE, NULL }, { "at", FZ_MEMORY, NULL },
	{ "size", FZ_SIZE, NULL }, { "tail", FZ_RARE, NULL },
	{ "abi", FZ_PICK, abis }, {}
};

static const struct fz_arg buffer[] = {
	{ "fd", FZ_FILE, NULL }, { "buffer", FZ_MEMORY, NULL },
	{ "length", FZ_LENGTH, NULL }, {}
};

static const struct fz_arg vector[] = {
	{ "fd", FZ_FILE, NULL }, { "base", FZ_MEMORY, NULL },
	{ "length", FZ_LENGTH, NULL }, { "count", FZ_PICK, counts },
	{ "last", FZ_MEMORY, NULL }, { "offset", FZ_OFFSET, NULL },
	{ "flags", FZ_FLAGS, rwf_flags }, {}
};

static const struct fz_arg range[] = {
	{ "at", FZ_PLACE, NULL }, { "length", FZ_PAGES, NULL }, {}
};

/* ---- calls ---- */

const struct fz_call fz_calls[] = {
	{ "open", fz_do_open, true, 20, 0, true,
		{ open_errors }, nothing, 0,
		{ { "flags", FZ_FLAGS, open_flags } } },
	{ "dup", fz_do_dup, true, 6, 0, true,
		{}, file, 0, {} },
	{ "close", fz_do_close, false, 20, 0, true,
		{}, file, 0, {} },
	{ "read", fz_do_read, false, 20, 0, false,
		{ io_errors, wait_errors }, buffer, 0, {} },
	{ "write", fz_do_write, false, 40, 0, false,
		{ io_errors, wait_errors }, buffer, 0, {} },
	{ "pread", fz_do_pread, false, 30, 0, true,
		{ io_errors, wait_errors }, buffer, 0,
		{ { "offset", FZ_OFFSET, NULL } } },
	{ "pwrite", fz_do_pwrite, false, 50, 0, true,
		{ io_errors, wait_errors }, buffer, 0,
		{ { "offset", FZ_OFFSET, NULL } } },
	{ "preadv2", fz_do_preadv2, false, 15, 0, false,
		{ io_errors, wait_errors }, vector, 0, {} },
	{ "pwritev2", fz_do_pwritev2, false, 30, 0, false,
		{ io_errors, wait_errors }, vector, 0, {} },
	{ "lseek", fz_do_lseek, false, 10, 0, true,
		{ seek_errors }, file, 0,
		{ { "offset", FZ_OFFSET, NULL },
		  { "whence", FZ_PICK, whences } } },
	{ "fsync", fz_do_fsync, false, 20, 0, true,
		{ fsync_errors, wait_errors }, file, 0, {} },
	{ "fdatasync", fz_do_fdatasync, false, 10, 0, true,
		{ fsync_errors, wait_errors }, file, 0, {} },
	{ "fcntl", fz_do_fcntl, false, 10, 0, true,
		{}, file, 0,
		{ { "cmd", FZ_PICK, fcntls },
		  { "arg", FZ_FLAGS, open_flags } } },
	{ "fileop", fz_do_fileop, false, 6, 0, true,
		{}, file, 0,
		{ { "op", FZ_PICK, fz_file_ops }, { "offset", FZ_OFFSET, NULL },
		  { "length", FZ_LENGTH, NULL } } },
	{ "poll", fz_do_poll, false, 15, 0, true,
		{}, file, 0,
		{ { "events", FZ_FLAGS, poll_events },
		  { "ms", FZ_RARE, NULL } } },
	{ "epoll", fz_do_epoll_create, true, 4, 0, true,
		{}, nothing, 0, {} },
	{ "epollctl", fz_do_epoll_ctl, false, 10, 0, true,
		{}, nothing, 0,
		{ { "epoll", FZ_OTHER, NULL }, { "fd", FZ_FILE, NULL },
		  { "op", FZ_PICK, epoll_ops },
		  { "events", FZ_FLAGS, epoll_events } } },
	{ "epollwait", fz_do_epoll_wait, false, 8, 0, true,
		{}, nothing, 0,
		{ { "epoll", FZ_OTHER, NULL }, { "ms", FZ_RARE, NULL } } },
	{ "pipe", fz_do_pipe, true, 8, 0, true,
		{}, nothing, 0, {} },
	{ "socketpair", fz_do_socketpair, true, 4, 0, true,
		{}, nothing, 0, {} },
	{ "eventfd", fz_do_eventfd, true, 1, 0, true,
		{}, nothing, 0, {} },
	{ "memfd", fz_do_memfd, true, 3, 0, true,
		{}, nothing, 0, {} },
	{ "send", fz_do_send, false, 4, 0, true,
		{}, file, 0,
		{ { "to", FZ_OTHER, NULL } } },
	{ "recv", fz_do_recv, true, 5, 0, true,
		{}, nothing, 0,
		{ { "from", FZ_SECOND, NULL } } },
	{ "sendfile", fz_do_sendfile, false, 10, 0, false,
		{}, nothing, 0,
		{ { "out", FZ_SECOND, NULL }, { "in", FZ_FILE, NULL },
		  { "offset", FZ_OFFSET, NULL }, { "length", FZ_LENGTH, NULL },
		  { "position", FZ_RARE, NULL } } },
	{ "splicein", fz_do_splice_in, false, 10, 0, false,
		{}, nothing, 0,
		{ { "in", FZ_FILE, NULL }, { "out", FZ_SECOND, NULL },
		  { "offset", FZ_OFFSET, NULL }, { "position", FZ_RARE, NULL },
		  { "pipeoffset", FZ_RARE, NULL },
		  { "length", FZ_LENGTH, NULL },
		  { "flags", FZ_FLAGS, splice_flags } } },
	{ "spliceout", fz_do_splice_out, false, 10, 0, false,
		{}, nothing, 0,
		{ { "in", FZ_OTHER, NULL }, { "out", FZ_FILE, NULL },
		  { "offset", FZ_OFFSET, NULL }, { "position", FZ_RARE, NULL },
		  { "pipeoffset", FZ_RARE, NULL },
		  { "length", FZ_LENGTH, NULL },
		  { "flags", FZ_FLAGS, splice_flags } } },
	{ "tee", fz_do_tee, false, 1, 0, false,
		{}, nothing, 0,
		{ { "in", FZ_OTHER, NULL }, { "out", FZ_SECOND, NULL },
		  { "length", FZ_LENGTH, NULL } } },
	{ "vmsplice", fz_do_vmsplice, false, 8, 0, false,
		{}, nothing, 0,
		{ { "pipe", FZ_SECOND, NULL }, { "buffer", FZ_MEMORY, NULL },
		  { "length", FZ_LENGTH, NULL },
		  { "flags", FZ_FLAGS, splice_flags } } },
	{ "uring", fz_do_uring, true, 4, 50, true,
		{}, nothing, 0, {} },
	{ "uringop", fz_do_uring_op, false, 12, 0, false,
		{}, nothing, 0,
		{ { "ring", FZ_SECOND, NULL }, { "op", FZ_PICK, fz_uring_ops },
		  { "fd", FZ_FILE, NULL }, { "buffer", FZ_MEMORY, NULL },
		  { "length", FZ_LENGTH, NULL }, { "offset", FZ_OFFSET, NULL },
		  { "flags", FZ_FLAGS, rwf_flags },
		  { "async", FZ_RARE, NULL } } },
	{ "ioctl", fz_do_ioctl, false, 10, 0, true,
		{}, structure, sizeof(struct writesync_commit),
		{ { "cmd", FZ_PICK, ioctls } } },
	{ "info", fz_do_info, false, 10, 0, true,
		{ ioctl_errors }, structure, sizeof(struct writesync_info),
		{ { "flags", FZ_RARE, NULL } } },
	{ "query", fz_do_query, false, 15, 0, true,
		{ ioctl_errors, gone_errors },
		structure, sizeof(struct writesync_query),
		{ { "flags", FZ_RARE, NULL } } },
	{ "sync", fz_do_sync, false, 60, 0, true,
		{ ioctl_errors, wait_errors, sync_errors },
		structure, sizeof(struct writesync_sync),
		{ { "flags", FZ_FLAGS, sync_flags },
		  { "timeout", FZ_TIME, NULL }, { "offset", FZ_OFFSET, NULL },
		  { "length", FZ_LENGTH, NULL } } },
	{ "iocwrite", fz_do_ioc_write, false, 60, 0, true,
		{ ioctl_errors, wait_errors, write_errors },
		structure, sizeof(struct writesync_write),
		{ { "flags", FZ_FLAGS, write_flags },
		  { "iov", FZ_MEMORY, NULL }, { "base", FZ_MEMORY, NULL },
		  { "length", FZ_LENGTH, NULL }, { "count", FZ_PICK, counts },
		  { "offset", FZ_OFFSET, NULL },
		  { "timeout", FZ_TIME, NULL } } },
	{ "alloc", fz_do_alloc, true, 30, 0, true,
		{ ioctl_errors, alloc_errors },
		structure, sizeof(struct writesync_alloc),
		{ { "flags", FZ_RARE, NULL }, { "length", FZ_PAGES, NULL },
		  { "alignment", FZ_RARE, NULL } } },
	{ "commit", fz_do_commit, false, 25, 0, true,
		{ ioctl_errors, commit_errors },
		structure, sizeof(struct writesync_commit),
		{ { "flags", FZ_RARE, NULL } } },
	{ "decommit", fz_do_decommit, false, 8, 0, true,
		{ ioctl_errors, decommit_errors },
		structure, sizeof(struct writesync_commit),
		{ { "flags", FZ_RARE, NULL } } },
	{ "check", fz_do_check, false, 15, 0, true,
		{ ioctl_errors, gone_errors },
		structure, sizeof(struct writesync_check),
		{ { "flags", FZ_RARE, NULL }, { "address", FZ_PLACE, NULL },
		  { "length", FZ_LENGTH, NULL } } },
	{ "mmap", fz_do_mmap, false, 40, 0, true,
		{ map_errors }, range, 0,
		{ { "prot", FZ_FLAGS, prots }, { "flags", FZ_PICK, map_flags },
		  { "fd", FZ_FILE, NULL }, { "offset", FZ_OFFSET, NULL } } },
	{ "munmap", fz_do_munmap, false, 8, 0, true,
		{ unmap_errors }, range, 0, {} },
	{ "mprotect", fz_do_mprotect, false, 8, 0, true,
		{}, range, 0,
		{ { "prot", FZ_FLAGS, prots } } },
	{ "mremap", fz_do_mremap, false, 8, 0, true,
		{}, range, 0,
		{ { "newlength", FZ_PAGES, NULL }, { "to", FZ_PLACE, NULL },
		  { "flags", FZ_PICK, remap_flags } } },
	{ "msync", fz_do_msync, false, 12, 0, true,
		{ msync_errors, wait_errors }, range, 0,
		{ { "flags", FZ_PICK, msync_flags } } },
	{ "madvise", fz_do_madvise, false, 8, 0, true,
		{}, nothing, 0,
		{ { "at", FZ_MEMORY, NULL }, { "length", FZ_PAGES, NULL },
		  { "advice", FZ_PICK, advices } } },
	{ "mlock", fz_do_mlock, false, 3, 0, true,
		{}, range, 0,
		{ { "unlock", FZ_RARE, NULL } } },
	{ "touch", fz_do_touch, false, 40, 0, true,
		{ fault_errors }, nothing, 0,
		{ { "at", FZ_PLACE, NULL }, { "how", FZ_PICK, fz_touches } } },
	{ "copy", fz_do_copy, false, 12, 0, true,
		{ fault_errors }, nothing, 0,
		{ { "to", FZ_PLACE, NULL }, { "from", FZ_MEMORY, NULL },
		  { "length", FZ_LENGTH, NULL } } },
	{ "fork", fz_do_fork, false, 2, 300, true,
		{}, nothing, 0,
		{ { "act", FZ_PICK, fz_child_acts }, { "fd", FZ_FILE, NULL },
		  { "at", FZ_PLACE, NULL } } },
	{ "alarm", fz_do_alarm, false, 5, 0, true,
		{}, nothing, 0,
		{ { "ns", FZ_TIME, NULL } } },
	{ "yield", fz_do_yield, false, 3, 0, true,
		{}, nothing, 0,
		{ { "ns", FZ_TIME, NULL } } },
	{ "set", fz_do_set, false, 6, 50, true,
		{ set_errors }, nothing, 0,
		{ { "attribute", FZ_PICK, fz_settings },
		  { "value", FZ_PICK, fz_values } } },
	{ "get", fz_do_get, false, 3, 50, true,
		{}, nothing, 0,
		{ { "attribute", FZ_PICK, fz_attributes } } },
	{ "device", fz_do_device, false, 5, 150, true,
		{}, nothing, 0,
		{ { "what", FZ_PICK, fz_device_names },
		  { "value", FZ_LENGTH, NULL } } },
	{ "flr", fz_do_flr, false, 1, 1500, true,
		{}, nothing, 0, {} },
	{ "rebind", fz_do_rebind, false, 2, 10000, true,
		{}, nothing, 0, {} },
};

const unsigned int fz_call_count = FZ_COUNT(fz_calls);

int fz_call_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < fz_call_count; i++)
		if (ws_is(fz_calls[i].name, name))
			return i;
	return -1;
}

static unsigned int count_args(const struct fz_arg *args)
{
	unsigned int count = 0;

	while (args[count].name)
		count++;
	return count;
}

unsigned int fz_call_args(const struct fz_call *call)
{
	return count_args(call->first) + count_args(call->args);
}

const struct fz_arg *fz_arg(const struct fz_call *call, unsigned int number)
{
	unsigned int first = count_args(call->first);

	return number < first ? &call->first[number] :
				&call->args[number - first];
}

/* What an argument is if nothing is said of it. */
__u64 fz_usual(const struct fz_call *call, unsigned int number)
{
	return fz_arg(call, number)->kind == FZ_SIZE ? call->size : 0;
}

static bool is_in(const int *errors, int error)
{
	while (*errors && *errors != error)
		errors++;
	return *errors;
}

/* Numbers from 512 on are the kernel's own, and 133 is the last of the rest. */
bool fz_error_known(const struct fz_call *call, int error)
{
	unsigned int i;

	if (!call->errors[0])
		return error > 0 && error <= EHWPOISON;
	for (i = 0; i < FZ_SETS && call->errors[i]; i++)
		if (is_in(call->errors[i], error))
			return true;
	return false;
}

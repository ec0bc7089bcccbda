// SPDX-License-Identifier: GPL-2.0
/*
 * Steps that are system calls on files.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <linux/falloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "fuzz.h"

#define MEMFD_SIZE	0x8000
#define ALLOCATE_MAX	0x100000
#define RING_FIRST	1000	/* numbers of rings are no descriptors */
#define RING_ENTRIES	4
#define RING_WAIT	(2 * WS_MS)

long fz_result(long ret)
{
	return ret < 0 ? -errno : ret;
}

static long made_one(struct fz_fd *made, int fd)
{
	if (fd < 0)
		return -errno;
	made->fd = fd;
	return 0;
}

/* No call says that it moved more than it was asked to. */
static long moved(const char *how, long ret, __u64 asked)
{
	if (ret < 0)
		return -errno;
	if ((__u64)ret > asked)
		fz_fail(FZ_RULE_RESULT, "%s of %llu bytes returned %ld", how,
			asked, ret);
	return ret;
}

/* ---- opening and closing ---- */

FZ_ACT(open)
{
	/* Where there is no window just now, no file is to take its place. */
	int flags = (args[0] & ~(O_CREAT | O_TMPFILE)) | O_CLOEXEC;

	if (run->program->confined)
		flags &= ~O_ACCMODE;
	return made_one(made, open(run->dev->node, flags, 0600));
}

FZ_ACT(dup)
{
	return made_one(made, fcntl(args[0], F_DUPFD_CLOEXEC, 3));
}

FZ_ACT(close)
{
	return fz_result(close(args[0]));
}

FZ_ACT(pipe)
{
	int fds[2];

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC))
		return -errno;
	*made = (struct fz_fd) { fds[0], fds[1] };
	return 0;
}

FZ_ACT(socketpair)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       fds))
		return -errno;
	*made = (struct fz_fd) { fds[0], fds[1] };
	return 0;
}

FZ_ACT(eventfd)
{
	return made_one(made, eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
}

FZ_ACT(memfd)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, MEMFD_SIZE))
		return -errno;
	return made_one(made, fd);
}

/* ---- reading and writing ---- */

FZ_ACT(read)
{
	return moved("read", syscall(SYS_read, args[0], args[1], args[2]),
		     args[2]);
}

FZ_ACT(write)
{
	return moved("write", syscall(SYS_write, args[0], args[1], args[2]),
		     args[2]);
}

FZ_ACT(pread)
{
	return moved("pread", syscall(SYS_pread64, args[0], args[1], args[2],
				      args[3]), args[2]);
}

FZ_ACT(pwrite)
{
	return moved("pwrite", syscall(SYS_pwrite64, args[0], args[1], args[2],
				       args[3]), args[2]);
}

/* Pieces one after the other; the last one is where it likes to be. */
static unsigned int pieces(const __u64 *args, struct iovec *iov)
{
	unsigned int count = args[3] < 16 ? args[3] : 16, i;

	for (i = 0; i < count; i++) {
		iov[i].iov_base = (void *)(args[1] + i * args[2]);
		iov[i].iov_len = args[2];
	}
	if (count && args[4])
		iov[count - 1].iov_base = (void *)args[4];
	return count;
}

/* Arguments: fd, base, length, count, last, offset, flags. */
static long vectored(const __u64 *args, long number)
{
	struct iovec iov[16];
	unsigned int count = pieces(args, iov);

	return moved("I/O by pieces",
		     syscall(number, args[0], iov, args[3] > 16 ? args[3] :
			     count, args[5], 0, args[6]),
		     args[2] > SSIZE_MAX / 16 ? SSIZE_MAX : count * args[2]);
}

FZ_ACT(preadv2)
{
	return vectored(args, SYS_preadv2);
}

FZ_ACT(pwritev2)
{
	return vectored(args, SYS_pwritev2);
}

FZ_ACT(lseek)
{
	return fz_result(lseek(args[0], args[1], args[2]));
}

FZ_ACT(fsync)
{
	return fz_result(fsync(args[0]));
}

FZ_ACT(fdatasync)
{
	return fz_result(fdatasync(args[0]));
}

/* ---- control ---- */

FZ_ACT(fcntl)
{
	long ret;

	/* Signals that would end the fuzzer, locks that would wait. */
	if (args[1] == F_SETSIG || args[1] == F_SETLKW ||
	    args[1] == F_OFD_SETLKW || args[1] == F_SETLEASE)
		return FZ_SKIPPED;
	ret = fz_result(fcntl(args[0], args[1], args[2]));
	if ((args[1] == F_DUPFD || args[1] == F_DUPFD_CLOEXEC) &&
	    ret >= FZ_FDS)
		close(ret);
	return ret;
}

enum {
	OP_TRUNCATE, OP_ALLOCATE, OP_PUNCH, OP_ADVISE, OP_READAHEAD,
	OP_SYNC_RANGE, OP_STAT, OP_COPY_RANGE, OP_SYNCFS, OP_CHMOD,
};

const struct fz_name fz_file_ops[] = {
	{ "truncate", OP_TRUNCATE }, { "allocate", OP_ALLOCATE },
	{ "punch", OP_PUNCH }, { "advise", OP_ADVISE },
	{ "readahead", OP_READAHEAD }, { "syncrange", OP_SYNC_RANGE },
	{ "stat", OP_STAT }, { "copyrange", OP_COPY_RANGE },
	{ "syncfs", OP_SYNCFS }, { "chmod", OP_CHMOD }, {}
};

FZ_ACT(fileop)
{
	__u64 offset = args[2], length = args[3];
	struct stat status;
	int fd = args[0];

	switch (args[1]) {
	case OP_TRUNCATE:
		return fz_result(ftruncate(fd, length));
	case OP_ALLOCATE:
		/* A file in memory would take all of it. */
		return fz_result(syscall(SYS_fallocate, fd, 0, offset,
					 length % ALLOCATE_MAX));
	case OP_PUNCH:
		return fz_result(syscall(SYS_fallocate, fd,
					 FALLOC_FL_PUNCH_HOLE |
					 FALLOC_FL_KEEP_SIZE, offset, length));
	case OP_ADVISE:
		return -posix_fadvise(fd, offset, length,
				      POSIX_FADV_DONTNEED);
	case OP_READAHEAD:
		return fz_result(readahead(fd, offset, length));
	case OP_SYNC_RANGE:
		return fz_result(sync_file_range(fd, offset, length, 7));
	case OP_STAT:
		return fz_result(fstat(fd, &status));
	case OP_COPY_RANGE:
		return fz_result(syscall(SYS_copy_file_range, fd, NULL, fd,
					 NULL, length, 0));
	case OP_SYNCFS:
		return fz_result(syncfs(fd));
	case OP_CHMOD:
		return fz_result(fchmod(fd, 0600));
	}
	return FZ_SKIPPED;
}

FZ_ACT(poll)
{
	struct pollfd poll_fd = { .fd = args[0], .events = args[1] };

	return fz_result(poll(&poll_fd, 1, args[2] & 3));
}

FZ_ACT(epoll_create)
{
	return made_one(made, epoll_create1(EPOLL_CLOEXEC));
}

FZ_ACT(epoll_ctl)
{
	struct epoll_event event = { .events = args[3] };

	return fz_result(epoll_ctl(args[0], args[2], args[1], &event));
}

FZ_ACT(epoll_wait)
{
	struct epoll_event events[4];

	return fz_result(epoll_wait(args[0], events, 4, args[1] & 3));
}

/* ---- passing descriptors ---- */

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

FZ_ACT(send)
{
	char byte = 1;
	struct iovec iov = { &byte, 1 };
	union control control = {};
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd = args[0];

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return fz_result(sendmsg(args[1], &message,
				 MSG_DONTWAIT | MSG_NOSIGNAL));
}

FZ_ACT(recv)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union control control = {};
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int ret = recvmsg(args[0], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (ret < 0)
		return -errno;
	if (CMSG_FIRSTHDR(&message))
		memcpy(&made->fd, CMSG_DATA(&control.header), sizeof(int));
	return ret;
}

/* ---- from file to file ---- */

FZ_ACT(sendfile)
{
	off_t offset = args[2];

	return moved("sendfile", sendfile(args[0], args[1],
					  args[4] ? NULL : &offset, args[3]),
		     args[3]);
}

/*
 * Arguments: in, out, offset, position, pipe_offset, length, flags. A pipe has
 * no offset; the other file's is its own position, if that is asked for.
 */
static long do_splice(const __u64 *args, bool to_pipe)
{
	loff_t offset = args[2], of_pipe = args[4];
	loff_t *file = args[3] ? NULL : &offset;
	loff_t *pipe = args[4] ? &of_pipe : NULL;

	return moved("splice", splice(args[0], to_pipe ? file : pipe, args[1],
				      to_pipe ? pipe : file, args[5],
				      args[6] | SPLICE_F_NONBLOCK), args[5]);
}

FZ_ACT(splice_in)
{
	return do_splice(args, true);
}

FZ_ACT(splice_out)
{
	return do_splice(args, false);
}

FZ_ACT(tee)
{
	return moved("tee", tee(args[0], args[1], args[2], SPLICE_F_NONBLOCK),
		     args[2]);
}

FZ_ACT(vmsplice)
{
	struct iovec iov = { (void *)args[1], args[2] };

	return moved("vmsplice", vmsplice(args[0], &iov, 1,
					  args[3] | SPLICE_F_NONBLOCK),
		     args[2]);
}

/* ---- io_uring ---- */

/* The memory of a ring stays until the program has ended. */
FZ_ACT(uring)
{
	unsigned int number = run->ring_count++;
	struct ws_uring *ring;
	int ret;

	if (number >= FZ_RINGS) {
		run->ring_count = FZ_RINGS;
		return FZ_SKIPPED;
	}
	run->rings_used = true;
	ring = &run->rings[number];
	ret = ws_uring_open(ring, RING_ENTRIES);
	if (!ret)
		*made = (struct fz_fd) { ring->fd, RING_FIRST + number };
	return ret;
}

void fz_rings_reset(struct fz_run *run)
{
	unsigned int i;

	for (i = 0; i < FZ_RINGS; i++)
		ws_uring_unmap(&run->rings[i]);
	run->ring_count = 0;
}

const struct fz_name fz_uring_ops[] = {
	{ "read", IORING_OP_READ }, { "write", IORING_OP_WRITE },
	{ "fsync", IORING_OP_FSYNC }, { "poll", IORING_OP_POLL_ADD },
	{ "close", IORING_OP_CLOSE }, { "splice", IORING_OP_SPLICE }, {}
};

/* Arguments: ring, op, fd, buffer, length, offset, flags, asynchronous. */
FZ_ACT(uring_op)
{
	struct io_uring_sqe sqe = {
		.opcode = args[1], .fd = args[2], .addr = args[3],
		.len = args[4], .off = args[5], .rw_flags = args[6],
		.flags = args[7] ? IOSQE_ASYNC : 0,
	};
	__u64 number = args[0] - RING_FIRST;

	/* A file in memory would take all of it. */
	if (number >= FZ_RINGS || !run->rings[number].entries ||
	    args[1] == IORING_OP_FALLOCATE)
		return FZ_SKIPPED;
	return ws_uring_call(&run->rings[number], &sqe, RING_WAIT);
}

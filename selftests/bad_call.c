// SPDX-License-Identifier: GPL-2.0
/*
 * C7: calls that a file or a mapping of device memory has no use for, and the
 * odd arguments of those that it has. Each is refused in the usual way or does
 * what it says; the window's bytes and its mappings stay as they are.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <linux/aio_abi.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define LENGTH		64
#define AREA		(8 * PAGE)
#define BOTH		(PROT_READ | PROT_WRITE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND	0x20
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL	0x100
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif
#define MADV_NONE	(-1)

FIXTURE(calls) {
	struct ws_dev dev;
	int window;
	int fd;			/* the window's or a region's */
	__u64 size;
	__u8 data[LENGTH];
	__u8 expected[AREA];
	__u8 back[AREA];
};

#define CALLS		FIXTURE_DATA(calls)

FIXTURE_VARIANT(calls) {
	bool region;
};

FIXTURE_VARIANT_ADD(calls, window) { .region = false };
FIXTURE_VARIANT_ADD(calls, region) { .region = true };

FIXTURE_SETUP(calls)
{
	__u64 offset;

	WS_BEGIN(return, &self->dev, 0);
	if (self->dev.size < 4 * AREA)
		SKIP(return, "the window is too small");
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	self->fd = variant->region ? ws_region(self->window, AREA, &offset) :
				     ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->size = lseek(self->fd, 0, SEEK_END);
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	ws_fill(self->data, LENGTH, 61);
	ws_fill(self->expected, AREA, 62);
	ASSERT_EQ(AREA, ws_pwrite(self->fd, self->expected, AREA, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
}

FIXTURE_TEARDOWN(calls)
{
	close(self->fd);
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static bool unchanged(CALLS *self)
{
	return ws_pread(self->fd, self->back, AREA, 0) == AREA &&
	       !memcmp(self->back, self->expected, AREA);
}

/* The result of a call as 0 or more, or -errno. */
static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* Is @ret one of up to three? */
static bool one_of(long ret, const int *allowed)
{
	return ret == allowed[0] || ret == allowed[1] || ret == allowed[2];
}

/* Calls that take a descriptor: what they may say. */

static long do_fallocate(CALLS *self)
{
	return fallocate(self->fd, 0, 0, PAGE);
}

static long do_punch(CALLS *self)
{
	return fallocate(self->fd, FALLOC_FL_PUNCH_HOLE |
			 FALLOC_FL_KEEP_SIZE, 0, PAGE);
}

static long do_zero_range(CALLS *self)
{
	return fallocate(self->fd, FALLOC_FL_ZERO_RANGE, 0, PAGE);
}

static long do_ftruncate(CALLS *self)
{
	return ftruncate(self->fd, 0);
}

static long do_ftruncate_up(CALLS *self)
{
	return ftruncate(self->fd, INT64_MAX);
}

static long do_copy_from(CALLS *self)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	long ret = syscall(SYS_copy_file_range, self->fd, NULL, file, NULL,
			   PAGE, 0);
	int error = errno;

	close(file);
	errno = error;
	return ret;
}

static long do_copy_to(CALLS *self)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	long ret;
	int error;

	if (ftruncate(file, PAGE))
		return -1;
	ret = syscall(SYS_copy_file_range, file, NULL, self->fd, NULL, PAGE,
		      0);
	error = errno;
	close(file);
	errno = error;
	return ret;
}

static long do_clone(CALLS *self)
{
	return ioctl(self->fd, FICLONE, self->window);
}

static long do_fiemap(CALLS *self)
{
	struct fiemap map = { .fm_length = PAGE };

	return ioctl(self->fd, FS_IOC_FIEMAP, &map);
}

static long do_bmap(CALLS *self)
{
	int block = 0;

	return ioctl(self->fd, FIBMAP, &block);
}

static long do_fionread(CALLS *self)
{
	int n = 0;

	return ioctl(self->fd, FIONREAD, &n);
}

static long do_block_size(CALLS *self)
{
	__u64 n = 0;

	return ioctl(self->fd, BLKGETSIZE64, &n);
}

static long do_block_flush(CALLS *self)
{
	return ioctl(self->fd, BLKFLSBUF, 0);
}

static long do_terminal(CALLS *self)
{
	char termios[256] = "";

	return ioctl(self->fd, 0x5401 /* TCGETS */, termios);
}

static long do_fioasync(CALLS *self)
{
	int on = 1;

	return ioctl(self->fd, FIOASYNC, &on);
}

static long do_fasync(CALLS *self)
{
	fcntl(self->fd, F_SETOWN, getpid());
	return fcntl(self->fd, F_SETFL, O_ASYNC);
}

static long do_readahead(CALLS *self)
{
	return readahead(self->fd, 0, self->size);
}

static long do_fadvise(CALLS *self)
{
	int advice, ret = 0;

	for (advice = 0; advice < 6; advice++)
		ret |= posix_fadvise(self->fd, 0, 0, advice);
	errno = ret;
	return ret ? -1 : 0;
}

static long do_bad_fadvise(CALLS *self)
{
	errno = posix_fadvise(self->fd, 0, 0, 77);
	return errno ? -1 : 0;
}

static long do_sync_file_range(CALLS *self)
{
	return sync_file_range(self->fd, 0, 0, SYNC_FILE_RANGE_WRITE |
			       SYNC_FILE_RANGE_WAIT_AFTER);
}

static long do_syncfs(CALLS *self)
{
	return syncfs(self->fd);
}

static long do_lock(CALLS *self)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = PAGE };

	return fcntl(self->fd, F_SETLK, &lock);
}

static long do_lock_at_the_end_of_time(CALLS *self)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_start = INT64_MAX, .l_len = INT64_MAX,
	};

	return fcntl(self->fd, F_SETLK, &lock);
}

static long do_flock(CALLS *self)
{
	return flock(self->fd, LOCK_EX | LOCK_NB);
}

static long do_lease(CALLS *self)
{
	return fcntl(self->fd, F_SETLEASE, F_WRLCK);
}

static long do_notify(CALLS *self)
{
	return fcntl(self->fd, F_NOTIFY, DN_MODIFY);
}

static long do_pipe_size(CALLS *self)
{
	return fcntl(self->fd, F_SETPIPE_SZ, PAGE);
}

static long do_seals(CALLS *self)
{
	return fcntl(self->fd, F_ADD_SEALS, F_SEAL_WRITE);
}

static long do_getdents(CALLS *self)
{
	return syscall(SYS_getdents64, self->fd, self->back, AREA);
}

static long do_fchdir(CALLS *self)
{
	return fchdir(self->fd);
}

static long do_tee(CALLS *self)
{
	int ends[2];
	long ret;
	int error;

	if (pipe(ends))
		return -1;
	ret = tee(self->fd, ends[1], PAGE, SPLICE_F_NONBLOCK);
	error = errno;
	close(ends[0]);
	close(ends[1]);
	errno = error;
	return ret;
}

static long do_accept(CALLS *self)
{
	return syscall(SYS_shutdown, self->fd, 2);
}

static const struct {
	const char *name;
	long (*call)(CALLS *self);
	int allowed[3];
} refusals[] = {
	{ "fallocate", do_fallocate, { -ENODEV, -EOPNOTSUPP } },
	{ "punch a hole", do_punch, { -ENODEV, -EOPNOTSUPP } },
	{ "zero a range", do_zero_range, { -ENODEV, -EOPNOTSUPP } },
	{ "ftruncate", do_ftruncate, { -EINVAL } },
	{ "ftruncate up", do_ftruncate_up, { -EINVAL } },
	{ "copy_file_range from", do_copy_from, { -EINVAL, -EXDEV } },
	{ "copy_file_range to", do_copy_to, { -EINVAL, -EXDEV } },
	{ "FICLONE", do_clone, { -EINVAL, -EXDEV, -EOPNOTSUPP } },
	{ "FIEMAP", do_fiemap, { -EOPNOTSUPP, -ENOTTY } },
	{ "FIBMAP", do_bmap, { -ENOTTY, -EINVAL } },
	{ "FIONREAD", do_fionread, { -ENOTTY } },
	{ "BLKGETSIZE64", do_block_size, { -ENOTTY } },
	{ "BLKFLSBUF", do_block_flush, { -ENOTTY } },
	{ "TCGETS", do_terminal, { -ENOTTY } },
	{ "FIOASYNC", do_fioasync, { -ENOTTY } },
	{ "O_ASYNC", do_fasync, { 0 } },
	{ "readahead", do_readahead, { -EINVAL } },
	{ "posix_fadvise", do_fadvise, { 0 } },
	{ "posix_fadvise 77", do_bad_fadvise, { -EINVAL } },
	{ "sync_file_range", do_sync_file_range, { -ESPIPE } },
	{ "syncfs", do_syncfs, { 0 } },
	{ "F_SETLK", do_lock, { 0 } },
	{ "F_SETLK, far", do_lock_at_the_end_of_time, { -EOVERFLOW } },
	{ "flock", do_flock, { 0 } },
	{ "F_SETLEASE", do_lease, { -EINVAL, -EAGAIN } },
	{ "F_NOTIFY", do_notify, { -ENOTDIR, -EINVAL } },
	{ "F_SETPIPE_SZ", do_pipe_size, { -EBADF } },
	{ "F_ADD_SEALS", do_seals, { -EINVAL } },
	{ "getdents", do_getdents, { -ENOTDIR } },
	{ "fchdir", do_fchdir, { -ENOTDIR } },
	{ "tee", do_tee, { -EINVAL } },
	{ "shutdown", do_accept, { -ENOTSOCK } },
};

TEST_F(calls, c7_what_a_window_has_no_use_for)
{
	size_t i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		ret = result(refusals[i].call(self));
		EXPECT_TRUE(one_of(ret, refusals[i].allowed)) {
			TH_LOG("%s: %ld", refusals[i].name, ret);
		}
		EXPECT_TRUE(unchanged(self)) {
			TH_LOG("%s", refusals[i].name);
		}
	}
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_END));
}

/* Every flag of preadv2() and pwritev2(), known or not. */

#define RWF_WORKS	(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND)
/* Younger than some kernels that this runs on: 6.9 and 6.18. */
#define RWF_MAY_WORK	(RWF_NOAPPEND | RWF_NOSIGNAL)

static void expect_flag(struct __test_metadata *_metadata, CALLS *self,
			unsigned int flag)
{
	struct iovec in = { self->data, LENGTH }, out = { self->back, LENGTH };
	long n = result(syscall(SYS_pwritev2, self->fd, &in, 1, PAGE, 0,
				flag));

	EXPECT_TRUE(n == (flag & RWF_WORKS ? LENGTH : -EOPNOTSUPP) ||
		    (flag & RWF_MAY_WORK && n == LENGTH)) {
		TH_LOG("flag %#x: %ld", flag, n);
	}
	if (n == LENGTH)
		memcpy(self->expected + PAGE, self->data, LENGTH);
	EXPECT_TRUE(unchanged(self));
	EXPECT_EQ(n == LENGTH && !(flag & (RWF_DSYNC | RWF_SYNC)),
		  ws_needed(self->fd));
	n = result(syscall(SYS_preadv2, self->fd, &out, 1, PAGE, 0, flag));
	EXPECT_TRUE(n == LENGTH || n == -EOPNOTSUPP || n == -EINVAL) {
		TH_LOG("flag %#x: %ld", flag, n);
	}
	if (n == LENGTH)
		EXPECT_EQ(0, memcmp(self->back, self->expected + PAGE,
				    LENGTH));
	ws_fill(self->data, LENGTH, flag);
	EXPECT_EQ(0, ws_sync(self->fd));
}

TEST_F(calls, c7_every_flag_of_a_vector)
{
	int bit;

	for (bit = 0; bit < 32; bit++)
		expect_flag(_metadata, self, 1u << bit);
	expect_flag(_metadata, self, RWF_HIPRI | RWF_DSYNC | RWF_APPEND);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
}

/* How the device file is opened. */

static const struct {
	const char *name;
	int flags;
	int want;		/* 0: it opens */
} openings[] = {
	{ "O_DIRECT", O_RDWR | O_DIRECT, 0 },
	{ "O_EXCL", O_RDWR | O_EXCL, 0 },
	{ "O_NOFOLLOW", O_RDWR | O_NOFOLLOW, 0 },
	{ "O_NOATIME", O_RDWR | O_NOATIME, 0 },
	{ "O_LARGEFILE", O_RDWR | O_LARGEFILE, 0 },
	{ "O_ASYNC", O_RDWR | O_ASYNC, 0 },
	{ "O_APPEND", O_RDWR | O_APPEND, 0 },
	{ "O_TRUNC", O_RDWR | O_TRUNC, 0 },
	{ "O_DIRECTORY", O_RDWR | O_DIRECTORY, -ENOTDIR },
	{ "O_TMPFILE", O_RDWR | O_TMPFILE, -ENOTDIR },
	{ "O_CREAT and O_EXCL", O_RDWR | O_CREAT | O_EXCL, -EEXIST },
};

TEST_F(calls, c7_opened_with_every_flag)
{
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(openings); i++) {
		fd = ws_open(&self->dev, openings[i].flags);
		EXPECT_EQ(openings[i].want, fd < 0 ? fd : 0) {
			TH_LOG("%s", openings[i].name);
		}
		if (fd < 0)
			continue;
		/* Neither length nor buffer need suit direct access. */
		EXPECT_EQ(5, ws_pwrite(fd, self->data + 1, 5, 3 * AREA));
		EXPECT_EQ(5, ws_pread(fd, self->back + 3, 5, 3 * AREA));
		EXPECT_EQ(0, memcmp(self->data + 1, self->back + 3, 5));
		close(fd);
	}
	EXPECT_TRUE(unchanged(self));
}

TEST_F(calls, c7_opened_as_a_path_it_does_nothing)
{
	int fd = ws_open(&self->dev, O_PATH);
	struct writesync_query query;
	__u8 *map;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, ws_pwrite(fd, self->data, 8, 0));
	EXPECT_EQ(-EBADF, ws_pread(fd, self->back, 8, 0));
	EXPECT_EQ(-EBADF, ws_query(fd, &query));
	EXPECT_EQ(-EBADF, ws_map(fd, 0, PAGE, PROT_READ, &map));
	EXPECT_EQ(-EBADF, result(fsync(fd)));
	close(fd);
}

/* A region's descriptor is the only way to it. */
TEST_F(calls, c7_opened_again_by_its_descriptor)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(variant->region ? -ENXIO : 0, fd < 0 ? -errno : 0);
	if (fd >= 0)
		close(fd);
}

/* sendfile() and splice() */

TEST_F(calls, c7_sendfile_from_extreme_offsets)
{
	const struct {
		off_t at;
		size_t count;
		long want;
	} tries[] = {
		{ self->size - 8, 1 << 30, 8 }, { self->size, PAGE, 0 },
		{ self->size + 1, PAGE, 0 }, { self->size - 8, 0, 0 },
		{ INT64_MAX - PAGE, PAGE, 0 }, { -1, 8, -EINVAL },
		{ INT64_MIN, 8, -EINVAL },
	};
	int file = memfd_create("file", MFD_CLOEXEC);
	size_t i;
	off_t at;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		at = tries[i].at;
		EXPECT_EQ(tries[i].want,
			  result(sendfile(file, self->fd, &at,
					  tries[i].count))) {
			TH_LOG("try %zu", i);
		}
		EXPECT_EQ(tries[i].at + (tries[i].want > 0 ?
					 tries[i].want : 0), at);
	}
	close(file);
	EXPECT_TRUE(unchanged(self));
}

/* From itself, past its end, and to itself. */
TEST_F(calls, c7_sendfile_to_the_same_file)
{
	off_t from = 4 * PAGE;

	ASSERT_EQ(PAGE, lseek(self->fd, PAGE, SEEK_SET));
	EXPECT_EQ(PAGE, sendfile(self->fd, self->fd, &from, PAGE));
	memcpy(self->expected + PAGE, self->expected + 4 * PAGE, PAGE);
	EXPECT_TRUE(unchanged(self));
	ASSERT_EQ(self->size, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(-ENOSPC, result(sendfile(self->fd, self->fd, &from, PAGE)));
	EXPECT_TRUE(unchanged(self));
}

static long splice_out(int fd, off_t at, size_t count)
{
	loff_t offset = at;
	int ends[2];
	long ret;

	if (pipe(ends))
		return -errno;
	ret = result(splice(fd, &offset, ends[1], NULL, count,
			    SPLICE_F_NONBLOCK));
	close(ends[0]);
	close(ends[1]);
	return ret;
}

static long splice_in(int fd, off_t at, size_t count)
{
	loff_t offset = at;
	int ends[2];
	long ret;

	if (pipe(ends) || write(ends[1], "a page", 6) != 6)
		return -errno;
	ret = result(splice(ends[0], NULL, fd, &offset, count,
			    SPLICE_F_NONBLOCK));
	close(ends[0]);
	close(ends[1]);
	return ret;
}

TEST_F(calls, c7_splice_at_extreme_offsets)
{
	long n;

	n = splice_out(self->fd, self->size - 8, SSIZE_MAX);
	EXPECT_TRUE(n == -EINVAL || n == -EOVERFLOW || n == 8);
	EXPECT_EQ(8, splice_out(self->fd, self->size - 8, 1 << 30));
	EXPECT_EQ(0, splice_out(self->fd, self->size, PAGE));
	EXPECT_EQ(0, splice_out(self->fd, INT64_MAX - PAGE, PAGE));
	EXPECT_EQ(-EINVAL, splice_out(self->fd, -1, PAGE));
	EXPECT_EQ(-EINVAL, splice_out(self->fd, INT64_MIN, PAGE));
	EXPECT_EQ(-EINVAL, splice_in(self->fd, -1, PAGE));
	n = splice_in(self->fd, INT64_MAX - 2, 6);
	EXPECT_TRUE(n == -EINVAL || n == -EOVERFLOW || n == -ENOSPC);
	EXPECT_EQ(-ENOSPC, splice_in(self->fd, self->size, PAGE));
	EXPECT_EQ(-ENOSPC, splice_in(self->fd, INT64_MAX - PAGE, PAGE));
	EXPECT_EQ(4, splice_in(self->fd, self->size - 4, PAGE));
	if (variant->region)
		memcpy(self->expected + AREA - 4, "a pa", 4);
	EXPECT_TRUE(unchanged(self));
}

/* A pipe's page that lies in no user memory; the window takes a copy. */
TEST_F(calls, c7_vmsplice_out_of_a_pipe_into_the_mapping)
{
	struct iovec to;
	int ends[2];
	__u8 *map;

	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &map));
	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(LENGTH, write(ends[1], self->data, LENGTH));
	to = (struct iovec) { map + 8, LENGTH };
	EXPECT_EQ(LENGTH, vmsplice(ends[0], &to, 1, 0));
	memcpy(self->expected + 8, self->data, LENGTH);
	EXPECT_TRUE(unchanged(self));
	EXPECT_EQ(1, ws_needed(self->fd));
	close(ends[0]);
	close(ends[1]);
	munmap(map, PAGE);
}

/* poll's relatives, and asynchronous calls */

TEST_F(calls, c7_epoll)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, epoll);
	EXPECT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(-EEXIST, result(epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd,
					    &event)));
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 0));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	/* The file goes before whoever watches it. */
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	close(epoll);
}

static long aio(CALLS *self, int opcode, void *buffer, size_t length,
		off_t offset)
{
	struct iocb iocb = {
		.aio_lio_opcode = opcode, .aio_fildes = self->fd,
		.aio_buf = (uintptr_t)buffer, .aio_nbytes = length,
		.aio_offset = offset,
	};
	struct iocb *list = &iocb;
	struct timespec limit = { .tv_sec = 2 };
	struct io_event event = { 0 };
	aio_context_t context = 0;
	long ret = result(syscall(SYS_io_setup, 1, &context));

	if (ret)
		return -EPERM;
	ret = result(syscall(SYS_io_submit, context, 1, &list));
	if (ret == 1)
		ret = syscall(SYS_io_getevents, context, 1, 1, &event,
			      &limit) == 1 ? (long)event.res : -ETIMEDOUT;
	syscall(SYS_io_destroy, context);
	return ret;
}

TEST_F(calls, c7_asynchronous_calls)
{
	long n = aio(self, IOCB_CMD_PWRITE, self->data, LENGTH, PAGE);

	if (n == -EPERM || sizeof(void *) == 4)
		SKIP(return, "no asynchronous calls in this kernel");
	EXPECT_EQ(LENGTH, n);
	memcpy(self->expected + PAGE, self->data, LENGTH);
	EXPECT_EQ(LENGTH, aio(self, IOCB_CMD_PREAD, self->back, LENGTH, PAGE));
	EXPECT_EQ(0, memcmp(self->back, self->data, LENGTH));
	EXPECT_EQ(-EINVAL, aio(self, IOCB_CMD_PWRITE, self->data, LENGTH, -1));
	EXPECT_EQ(-ENOSPC, aio(self, IOCB_CMD_PWRITE, self->data, LENGTH,
			       self->size));
	EXPECT_EQ(-EFAULT, aio(self, IOCB_CMD_PWRITE, (void *)8, LENGTH, 0));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, aio(self, IOCB_CMD_FSYNC, NULL, 0, 0));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(POLLIN, aio(self, IOCB_CMD_POLL, (void *)POLLIN, 0, 0));
	EXPECT_TRUE(unchanged(self));
}

/* Mapping it in other ways */

#ifndef MAP_SYNC
#define MAP_SYNC	0x80000
#endif

static long map_flags(CALLS *self, void *at, size_t length, int prot,
		      int flags)
{
	void *map = mmap(at, length, prot, flags, self->fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, length);
	return 0;
}

TEST_F(calls, c7_mapped_with_every_flag)
{
	const struct {
		const char *name;
		int prot, flags;
		int allowed[3];
	} cases[] = {
		{ "private", BOTH, MAP_PRIVATE, { -EINVAL } },
		{ "private, to be read", PROT_READ, MAP_PRIVATE, { -EINVAL } },
		{ "private, for programs", PROT_READ | PROT_EXEC, MAP_PRIVATE,
		  { -EINVAL, -EPERM } },
		{ "neither", BOTH, 0, { -EINVAL } },
		{ "validated", BOTH, MAP_SHARED_VALIDATE, { 0 } },
		{ "MAP_SYNC", BOTH, MAP_SHARED_VALIDATE | MAP_SYNC,
		  { -EOPNOTSUPP } },
		{ "an unknown flag", BOTH, MAP_SHARED_VALIDATE | 1 << 27,
		  { -EOPNOTSUPP, -EINVAL } },
		{ "MAP_HUGETLB", BOTH, MAP_SHARED | MAP_HUGETLB, { -EINVAL } },
		{ "MAP_GROWSDOWN", BOTH, MAP_SHARED | MAP_GROWSDOWN,
		  { -EINVAL } },
		{ "MAP_LOCKED", BOTH, MAP_SHARED | MAP_LOCKED, { 0 } },
		{ "MAP_POPULATE", BOTH, MAP_SHARED | MAP_POPULATE, { 0 } },
		{ "MAP_NONBLOCK", BOTH, MAP_SHARED | MAP_POPULATE |
		  MAP_NONBLOCK, { 0 } },
		{ "MAP_NORESERVE", BOTH, MAP_SHARED | MAP_NORESERVE, { 0 } },
		{ "MAP_ANONYMOUS", BOTH, MAP_SHARED | MAP_ANONYMOUS, { 0 } },
		{ "no rights", PROT_NONE, MAP_SHARED, { 0 } },
		{ "to be executed", PROT_READ | PROT_EXEC, MAP_SHARED,
		  { 0, -EPERM, -EACCES } },
	};
	size_t i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = map_flags(self, NULL, PAGE, cases[i].prot,
				cases[i].flags);
		EXPECT_TRUE(one_of(ret, cases[i].allowed)) {
			TH_LOG("%s: %ld", cases[i].name, ret);
		}
	}
	EXPECT_TRUE(unchanged(self));
	EXPECT_EQ(0, ws_needed(self->fd));
}

TEST_F(calls, c7_mapped_at_odd_places)
{
	int fixed = MAP_SHARED | MAP_FIXED;
	const struct {
		uintptr_t at;
		size_t length;
		int flags;
		int allowed[3];
	} cases[] = {
		{ 1, PAGE, fixed, { -EINVAL } },
		{ PAGE + 8, PAGE, fixed, { -EINVAL } },
		{ 0, PAGE, fixed, { 0, -EPERM } },
		{ -1ul & -PAGE, PAGE, fixed, { -ENOMEM, -EINVAL } },
		{ 1ul << (8 * sizeof(long) - 1), PAGE, fixed,
		  { -ENOMEM, -EINVAL, 0 } },
		{ 0xffffffff81000000 & -1ul, PAGE, fixed,
		  { -ENOMEM, -EINVAL, 0 } },
		{ (uintptr_t)self & -PAGE, PAGE,
		  MAP_SHARED | MAP_FIXED_NOREPLACE, { -EEXIST } },
	};
	size_t i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = map_flags(self, (void *)cases[i].at, cases[i].length,
				BOTH, cases[i].flags);
		EXPECT_TRUE(one_of(ret, cases[i].allowed)) {
			TH_LOG("%#lx: %ld", (long)cases[i].at, ret);
		}
	}
}

/* What can be done to a mapping */

FIXTURE(maps) {
	struct ws_dev dev;
	int fd;
	__u8 *map;		/* 4 pages, the first one touched */
	__u8 data[4 * PAGE];
};

#define MAPS		FIXTURE_DATA(maps)

FIXTURE_SETUP(maps)
{
	WS_BEGIN(return, &self->dev, 0);
	if (self->dev.size < AREA)
		SKIP(return, "the window is too small");
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ws_fill(self->data, sizeof(self->data), 63);
	ASSERT_EQ(sizeof(self->data),
		  ws_pwrite(self->fd, self->data, sizeof(self->data), 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(0, ws_map(self->fd, 0, 4 * PAGE, BOTH, &self->map));
	ws_catch_faults();
	ASSERT_EQ(0, ws_touch(self->map, false));
}

FIXTURE_TEARDOWN(maps)
{
	munmap(self->map, 4 * PAGE);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* It is there, of this file, and shows and takes what it should. */
static void expect_works(struct __test_metadata *_metadata, MAPS *self,
			 const char *after)
{
	__u64 offset = ~0ull;
	__u8 back[8];

	EXPECT_EQ(0, memcmp(self->data, self->map, sizeof(self->data))) {
		TH_LOG("after %s", after);
	}
	ws_store(self->map + PAGE, self->data + PAGE, 8);
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, PAGE));
	EXPECT_EQ(0, memcmp(back, self->data + PAGE, 8));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(1, ws_check(self->fd, self->map, 4 * PAGE, &offset));
	EXPECT_EQ(0, offset);
}

/* Some need a kernel that is configured for them: EINVAL from another one. */
static const struct {
	const char *name;
	int advice;
	int allowed[3];
} advices[] = {
	{ "NORMAL", MADV_NORMAL, { 0 } },
	{ "RANDOM", MADV_RANDOM, { 0 } },
	{ "SEQUENTIAL", MADV_SEQUENTIAL, { 0 } },
	{ "WILLNEED", MADV_WILLNEED, { 0 } },
	{ "DONTNEED", MADV_DONTNEED, { -EINVAL } },
	{ "FREE", MADV_FREE, { -EINVAL } },
	{ "REMOVE", MADV_REMOVE, { -ENODEV, -EINVAL, -EOPNOTSUPP } },
	{ "DONTFORK", MADV_DONTFORK, { 0 } },
	{ "DOFORK", MADV_DOFORK, { -EINVAL } },
	{ "MERGEABLE", MADV_MERGEABLE, { 0, -EINVAL } },
	{ "UNMERGEABLE", MADV_UNMERGEABLE, { 0, -EINVAL } },
	{ "HUGEPAGE", MADV_HUGEPAGE, { 0, -EINVAL } },
	{ "NOHUGEPAGE", MADV_NOHUGEPAGE, { 0, -EINVAL } },
	{ "DONTDUMP", MADV_DONTDUMP, { 0 } },
	{ "DODUMP", MADV_DODUMP, { -EINVAL } },
	{ "WIPEONFORK", MADV_WIPEONFORK, { -EINVAL } },
	{ "KEEPONFORK", MADV_KEEPONFORK, { 0, -EINVAL } },
	{ "COLD", MADV_COLD, { -EINVAL } },
	{ "PAGEOUT", MADV_PAGEOUT, { -EINVAL } },
	{ "POPULATE_READ", 22, { -EINVAL } },
	{ "POPULATE_WRITE", 23, { -EINVAL } },
	{ "DONTNEED_LOCKED", 24, { -EINVAL } },
	{ "COLLAPSE", MADV_COLLAPSE, { -EINVAL } },
	{ "HWPOISON", MADV_HWPOISON, { -EFAULT, -EINVAL } },
	{ "SOFT_OFFLINE", MADV_SOFT_OFFLINE, { -EFAULT, -EINVAL } },
	{ "none of them", 77, { -EINVAL } },
	{ "none of them", MADV_NONE, { -EINVAL } },
};

TEST_F(maps, c7_every_advice)
{
	size_t i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		ret = result(madvise(self->map, 4 * PAGE, advices[i].advice));
		EXPECT_TRUE(one_of(ret, advices[i].allowed)) {
			TH_LOG("MADV_%s: %ld", advices[i].name, ret);
		}
		expect_works(_metadata, self, advices[i].name);
	}
}

static int touch_in_child(void *data)
{
	MAPS *self = data;

	return ws_touch(self->map, false);
}

TEST_F(maps, c7_kept_from_children)
{
	ASSERT_EQ(0, madvise(self->map, 4 * PAGE, MADV_DONTFORK));
	EXPECT_EQ(SIGSEGV, ws_in_child(touch_in_child, self));
	expect_works(_metadata, self, "a child");
}

/* What may only be executed can be read on some machines. */
TEST_F(maps, c7_every_right)
{
	int prot;

	for (prot = 0; prot < 8; prot++) {
		if (mprotect(self->map, 4 * PAGE, prot))
			continue;
		if (prot != PROT_EXEC) {
			EXPECT_EQ(prot ? 0 : SIGSEGV,
				  ws_touch(self->map, false)) {
				TH_LOG("rights %d", prot);
			}
		}
		EXPECT_EQ(prot & PROT_WRITE ? 0 : SIGSEGV,
			  ws_touch(self->map + 3 * PAGE + 8, true)) {
			TH_LOG("rights %d", prot);
		}
	}
	ASSERT_EQ(0, mprotect(self->map, 4 * PAGE, BOTH));
	memcpy(self->data, self->map, sizeof(self->data));
	expect_works(_metadata, self, "mprotect");
	EXPECT_EQ(-1, mprotect(self->map, 4 * PAGE, PROT_GROWSDOWN));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(maps, c7_locked)
{
	EXPECT_EQ(0, mlock(self->map, 4 * PAGE));
	expect_works(_metadata, self, "mlock");
	EXPECT_EQ(0, mlock2(self->map, PAGE, MLOCK_ONFAULT));
	EXPECT_EQ(0, mlockall(MCL_CURRENT));
	expect_works(_metadata, self, "mlockall");
	EXPECT_EQ(0, munlockall());
	expect_works(_metadata, self, "munlockall");
}

static long other_page(MAPS *self, int page, unsigned long offset)
{
	return result(syscall(SYS_remap_file_pages, self->map + page * PAGE,
			      PAGE, 0, offset, 0));
}

/* The old call that moves pages about within a mapping. */
TEST_F(maps, c7_pages_in_another_order)
{
	long pages = self->dev.size / PAGE;
	void *again;

	EXPECT_EQ(0, other_page(self, 0, 2));
	EXPECT_EQ(0, memcmp(self->map, self->data + 2 * PAGE, PAGE));
	EXPECT_EQ(0, ws_check(self->fd, self->map, 4 * PAGE, NULL));
	/* The kernel may have taken away by then what was there. */
	EXPECT_EQ(-EINVAL, other_page(self, 1, pages));
	EXPECT_EQ(-EINVAL, other_page(self, 2, -1ul));
	EXPECT_EQ(-EINVAL, other_page(self, 3, pages + (1ul << 20)));
	EXPECT_EQ(0, memcmp(self->map, self->data + 2 * PAGE, PAGE));
	again = mmap(self->map, 4 * PAGE, BOTH, MAP_SHARED | MAP_FIXED,
		     self->fd, 0);
	ASSERT_EQ(self->map, again);
	expect_works(_metadata, self, "remap_file_pages");
}

TEST_F(maps, c7_not_moved_by_memory_policies)
{
	unsigned long node = 1, status_room = 0;
	void *page = self->map;
	int status = 77, mode;

	syscall(SYS_mbind, self->map, 4 * PAGE, MPOL_BIND, &node, 8,
		MPOL_MF_MOVE);
	expect_works(_metadata, self, "mbind");
	if (!syscall(SYS_move_pages, 0, 1, &page, &status_room, &status,
		     MPOL_MF_MOVE))
		EXPECT_GT(0, status);
	EXPECT_GT(0, syscall(SYS_get_mempolicy, &mode, NULL, 0, self->map,
			     MPOL_F_ADDR | MPOL_F_NODE));
	expect_works(_metadata, self, "move_pages");
}

TEST_F(maps, c7_not_watched_by_userfaultfd)
{
	struct uffdio_register range = {
		.range = { (uintptr_t)self->map, 4 * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		SKIP(return, "no userfaultfd here");
	EXPECT_EQ(-EINVAL, result(ioctl(uffd, UFFDIO_REGISTER, &range)));
	range.mode = UFFDIO_REGISTER_MODE_WP;
	EXPECT_EQ(-EINVAL, result(ioctl(uffd, UFFDIO_REGISTER, &range)));
	close(uffd);
	expect_works(_metadata, self, "userfaultfd");
}

/* Who traces a process sees its memory, but not the device's. */
TEST_F(maps, c7_not_peeked_at_by_a_tracer)
{
	pid_t pid = fork();
	int status;
	long word;

	ASSERT_LE(0, pid);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, pid, self->map, NULL);
	EXPECT_EQ(-1, word);
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-EIO, result(ptrace(PTRACE_POKEDATA, pid, self->map, NULL)));
	EXPECT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	expect_works(_metadata, self, "ptrace");
}

TEST_F(maps, c7_looked_at)
{
	unsigned char vector[4];

	EXPECT_EQ(0, mincore(self->map, 4 * PAGE, vector));
	EXPECT_EQ(0, msync(self->map, 4 * PAGE, MS_ASYNC));
	EXPECT_EQ(0, msync(self->map, 4 * PAGE, MS_SYNC | MS_INVALIDATE));
	EXPECT_EQ(-EINVAL, result(msync(self->map, PAGE, MS_SYNC | MS_ASYNC)));
	EXPECT_EQ(-EINVAL, result(msync(self->map + 1, PAGE, MS_SYNC)));
	EXPECT_EQ(-ENOMEM, result(msync(self->map, 1ul << 30, MS_SYNC)));
	expect_works(_metadata, self, "msync");
}

TEST_HARNESS_MAIN

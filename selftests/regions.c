// SPDX-License-Identifier: GPL-2.0
/*
 * C7: regions. What is cut out of a window is one owner's alone until the last
 * close, and then free again. region_file.c has what can be done with it.
 */
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define NOBODY		65534
#define MAX_GRANULES	8192

/* Memory: how much, where, whose. */

FIXTURE(regions) {
	struct ws_dev dev;
	int fd;
	__u64 total;
	__u64 granule;
	__u32 count;		/* granules of the window */
	int *fds;		/* one for each granule at the most */
	__u8 *taken;		/* granules that the test knows to be taken */
};

#define REGIONS		FIXTURE_DATA(regions)

/* Every granule may get a descriptor of its own. */
static int raise_limit(void)
{
	struct rlimit limit = {
		.rlim_cur = MAX_GRANULES + 64, .rlim_max = MAX_GRANULES + 64,
	};

	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

FIXTURE_SETUP(regions)
{
	struct writesync_info info;

	WS_BEGIN(return, &self->dev, 0);
	ASSERT_EQ(0, raise_limit());
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_info(self->fd, &info));
	self->total = info.total;
	self->granule = info.granule;
	self->count = info.total / info.granule;
	if (self->count < 4)
		SKIP(return, "the window has fewer than 4 granules");
	ASSERT_GE(MAX_GRANULES, self->count);
	self->fds = calloc(self->count, sizeof(*self->fds));
	self->taken = calloc(self->count, 1);
	ASSERT_NE(NULL, self->fds);
	ASSERT_NE(NULL, self->taken);
}

FIXTURE_TEARDOWN(regions)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_free(struct __test_metadata *_metadata, int fd, __u64 free,
			__u64 largest)
{
	struct writesync_info info;

	ASSERT_EQ(0, ws_info(fd, &info));
	EXPECT_EQ(free, info.free);
	EXPECT_EQ(largest, info.largest_free);
}

static void expect_all_free(struct __test_metadata *_metadata, REGIONS *self)
{
	expect_free(_metadata, self->fd, self->total, self->total);
}

/* What @taken says, against what INFO says. */
static void expect_totals(struct __test_metadata *_metadata, REGIONS *self)
{
	__u32 i, run = 0, longest = 0, free = 0;

	for (i = 0; i < self->count; i++) {
		run = self->taken[i] ? 0 : run + 1;
		free += !self->taken[i];
		if (run > longest)
			longest = run;
	}
	expect_free(_metadata, self->fd, free * self->granule,
		    longest * self->granule);
}

/* Nobody else has it, or the other way round. */
static void mark(struct __test_metadata *_metadata, REGIONS *self,
		 __u64 offset, __u64 length, bool taken)
{
	__u64 i;

	ASSERT_GE(self->total, offset);
	ASSERT_GE(self->total - offset, length);
	for (i = offset / self->granule;
	     i < (offset + length) / self->granule; i++) {
		ASSERT_NE(taken, self->taken[i]) {
			TH_LOG("granule %llu", i);
		}
		self->taken[i] = taken;
	}
}

static int take(struct __test_metadata *_metadata, REGIONS *self,
		__u64 length)
{
	struct writesync_alloc alloc = { .length = length };
	int ret = ws_alloc_call(self->fd, &alloc);

	if (ret)
		return ret;
	mark(_metadata, self, alloc.offset, alloc.length, true);
	return alloc.fd;
}

static void give_back(struct __test_metadata *_metadata, REGIONS *self, int fd)
{
	struct writesync_info info;

	ASSERT_EQ(0, ws_info(fd, &info));
	mark(_metadata, self, info.offset, info.length, false);
	ASSERT_EQ(0, close(fd));
}

TEST_F(regions, c7_sizes_are_rounded_to_the_granule)
{
	const __u64 g = self->granule;
	const __u64 lengths[][2] = {
		{ 1, g }, { 8, g }, { g - 1, g }, { g, g }, { g + 1, 2 * g },
		{ 2 * g, 2 * g }, { 3 * g - 1, 3 * g },
		{ self->total - g + 1, self->total },
		{ self->total, self->total },
	};
	struct writesync_alloc alloc;
	struct writesync_info info;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		alloc = (struct writesync_alloc) { .length = lengths[i][0] };
		ASSERT_EQ(0, ws_alloc_call(self->fd, &alloc));
		EXPECT_EQ(lengths[i][1], alloc.length);
		EXPECT_EQ(0, alloc.offset % g);
		ASSERT_EQ(0, ws_info(alloc.fd, &info));
		EXPECT_EQ(alloc.length, info.length);
		EXPECT_EQ(alloc.offset, info.offset);
		EXPECT_EQ(self->total - alloc.length, info.free);
		EXPECT_EQ(alloc.length, lseek(alloc.fd, 0, SEEK_END));
		close(alloc.fd);
		expect_all_free(_metadata, self);
	}
}

TEST_F(regions, c7_alignment_is_kept)
{
	struct writesync_alloc first = { .length = 1 }, alloc;
	__u64 alignment;

	ASSERT_EQ(0, ws_alloc_call(self->fd, &first));
	ASSERT_EQ(0, first.offset);
	for (alignment = 1; alignment < self->total; alignment *= 2) {
		alloc = (struct writesync_alloc) {
			.length = 1, .alignment = alignment,
		};
		ASSERT_EQ(0, ws_alloc_call(self->fd, &alloc)) {
			TH_LOG("alignment %#llx", alignment);
		}
		EXPECT_EQ(0, alloc.offset % alignment);
		EXPECT_EQ(0, alloc.offset % self->granule);
		EXPECT_NE(0, alloc.offset);
		EXPECT_EQ(self->granule, alloc.length);
		EXPECT_EQ(alignment, alloc.alignment);
		close(alloc.fd);
	}
	close(first.fd);
}

/* 0 is a multiple of everything; if it is taken, nothing else is. */
TEST_F(regions, c7_enospc_alignment_beyond_the_window)
{
	struct writesync_alloc first, second;
	int bit;

	for (bit = 0; bit < 64; bit++) {
		if (1ull << bit < self->dev.size)
			continue;
		first = (struct writesync_alloc) {
			.length = 1, .alignment = 1ull << bit,
		};
		second = first;
		ASSERT_EQ(0, ws_alloc_call(self->fd, &first)) {
			TH_LOG("alignment 2^%d", bit);
		}
		EXPECT_EQ(0, first.offset);
		EXPECT_EQ(-ENOSPC, ws_alloc_call(self->fd, &second)) {
			TH_LOG("alignment 2^%d", bit);
		}
		close(first.fd);
	}
	expect_all_free(_metadata, self);
}

static void expect_refused(struct __test_metadata *_metadata, int fd,
			   __u64 length, __u64 alignment, int error)
{
	struct writesync_alloc alloc = {
		.length = length, .alignment = alignment, .fd = -77,
	};
	int next = dup(0);

	close(next);
	EXPECT_EQ(error, ws_alloc_call(fd, &alloc)) {
		TH_LOG("length %llu, alignment %llu", length, alignment);
	}
	/* No descriptor was left behind. */
	EXPECT_EQ(next, dup(0));
	close(next);
	EXPECT_EQ(-77, alloc.fd);
}

TEST_F(regions, c7_alloc_einval_length_0)
{
	expect_refused(_metadata, self->fd, 0, 0, -EINVAL);
	expect_refused(_metadata, self->fd, 0, 4096, -EINVAL);
	expect_all_free(_metadata, self);
}

TEST_F(regions, c7_alloc_einval_alignment_no_power_of_two)
{
	static const __u64 bad[] = {
		3, 5, 6, 4095, 4097, 12288, (1ull << 63) + 1, 3ull << 62,
		UINT64_MAX,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refused(_metadata, self->fd, 1, bad[i], -EINVAL);
	expect_all_free(_metadata, self);
}

TEST_F(regions, c7_alloc_einval_on_a_region)
{
	int region = ws_alloc(self->fd, 2 * self->granule);

	ASSERT_LE(0, region);
	expect_refused(_metadata, region, 1, 0, -EINVAL);
	ASSERT_EQ(0, ws_commit(region));
	expect_refused(_metadata, region, 1, 0, -EINVAL);
	close(region);
	expect_all_free(_metadata, self);
}

TEST_F(regions, c7_alloc_ebadf_on_a_read_only_file)
{
	int fd = ws_open(&self->dev, O_RDONLY);

	ASSERT_LE(0, fd);
	expect_refused(_metadata, fd, 1, 0, -EBADF);
	close(fd);
	expect_all_free(_metadata, self);
}

TEST_F(regions, c7_alloc_enospc_larger_than_the_window)
{
	const __u64 lengths[] = {
		self->total + 1, self->dev.size + 1, 2 * self->dev.size,
		1ull << 62, 1ull << 63, UINT64_MAX - self->granule,
		UINT64_MAX - self->granule + 2, UINT64_MAX,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		expect_refused(_metadata, self->fd, lengths[i], 0, -ENOSPC);
	expect_all_free(_metadata, self);
}

TEST_F(regions, c7_alloc_emfile)
{
	struct rlimit limit = { .rlim_max = MAX_GRANULES + 64 };
	struct writesync_alloc alloc = { .length = 1 };

	limit.rlim_cur = dup(0);
	close(limit.rlim_cur);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, ws_alloc_call(self->fd, &alloc));
	ASSERT_EQ(0, raise_limit());
	expect_all_free(_metadata, self);
}

#define FILE_MAX	"/proc/sys/fs/file-max"

/* What root may exceed, others may not. */
static int alloc_as_nobody(int fd)
{
	struct writesync_alloc alloc = { .length = 1 };
	int ret = ws_write_file(FILE_MAX, "0");

	if (!ret && setuid(NOBODY))
		ret = -errno;
	return ret ? ret : ws_alloc_call(fd, &alloc);
}

TEST_F(regions, c7_alloc_enfile)
{
	char old[32] = "";
	int status = -1;
	pid_t pid;

	if (!self->dev.regs)
		SKIP(return, "it would disturb a real machine");
	ASSERT_EQ(0, ws_file(FILE_MAX, old, sizeof(old)));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-alloc_as_nobody(self->fd));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, ws_write_file(FILE_MAX, old));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ENFILE, WEXITSTATUS(status));
	expect_all_free(_metadata, self);
}

/* The structure cannot be stored: the region does not stay either. */
TEST_F(regions, c7_alloc_efault_keeps_nothing)
{
	long page = sysconf(_SC_PAGESIZE);
	struct writesync_alloc *alloc;
	int next = dup(0), i;

	close(next);
	alloc = mmap(NULL, page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, alloc);
	alloc->size = sizeof(*alloc);
	alloc->length = self->granule;
	ASSERT_EQ(0, mprotect(alloc, page, PROT_READ));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, WRITESYNC_IOC_ALLOC,
					    alloc));
	EXPECT_EQ(next, dup(0));
	close(next);
	expect_all_free(_metadata, self);
}

/* All of it is given out, nothing twice. */
static void fill(struct __test_metadata *_metadata, REGIONS *self)
{
	__u32 i;

	for (i = 0; i < self->count; i++) {
		self->fds[i] = take(_metadata, self, 1);
		ASSERT_LE(0, self->fds[i]);
	}
	expect_free(_metadata, self->fd, 0, 0);
}

TEST_F(regions, c7_exhaustion_is_enospc)
{
	struct writesync_alloc alloc = { .length = 1 };
	__u32 i;

	fill(_metadata, self);
	EXPECT_EQ(-ENOSPC, ws_alloc_call(self->fd, &alloc));
	for (i = 0; i < self->count; i++)
		give_back(_metadata, self, self->fds[i]);
	expect_all_free(_metadata, self);
}

TEST_F(regions, c7_fragmentation_is_told)
{
	struct writesync_alloc two = { .length = 2 * self->granule };
	struct writesync_info info;
	__u32 i, half = self->count / 2;
	int fd;

	fill(_metadata, self);
	for (i = 0; i < self->count; i++) {
		ASSERT_EQ(0, ws_info(self->fds[i], &info));
		if (info.offset / self->granule % 2)
			continue;
		give_back(_metadata, self, self->fds[i]);
		self->fds[i] = -1;
	}
	expect_free(_metadata, self->fd, (self->count - half) * self->granule,
		    self->granule);
	EXPECT_EQ(-ENOSPC, ws_alloc_call(self->fd, &two));
	/* The second granule: three in a row are free then. */
	for (i = 0; i < self->count; i++) {
		if (self->fds[i] < 0)
			continue;
		ASSERT_EQ(0, ws_info(self->fds[i], &info));
		if (info.offset == self->granule)
			break;
	}
	ASSERT_GT(self->count, i);
	give_back(_metadata, self, self->fds[i]);
	expect_totals(_metadata, self);
	fd = take(_metadata, self, 2 * self->granule);
	ASSERT_LE(0, fd);
	expect_totals(_metadata, self);
}

/* A long sequence, with the totals at every step. */
TEST_F(regions, c7_totals_follow_every_step)
{
	__u32 seed = 12345, step, held = 0, pick;
	__u64 length;

	for (step = 0; step < 600; step++) {
		seed = seed * 1664525 + 1013904223;
		pick = seed >> 8;
		if (held && pick % 5 < 2) {
			pick = (pick >> 4) % held;
			give_back(_metadata, self, self->fds[pick]);
			self->fds[pick] = self->fds[--held];
		} else {
			length = 1 + (pick >> 4) % (9 * self->granule);
			self->fds[held] = take(_metadata, self, length);
			if (self->fds[held] >= 0)
				held++;
			else
				ASSERT_EQ(-ENOSPC, self->fds[held]);
		}
		expect_totals(_metadata, self);
	}
	while (held)
		give_back(_metadata, self, self->fds[--held]);
	expect_all_free(_metadata, self);
}

/* ENOSPC means that there was really no room. */
TEST_F(regions, c7_the_largest_free_piece_can_be_had)
{
	struct writesync_info info;
	int fd, other;

	other = take(_metadata, self, self->total / 3);
	ASSERT_LE(0, other);
	for (;;) {
		ASSERT_EQ(0, ws_info(self->fd, &info));
		if (!info.free)
			break;
		fd = take(_metadata, self, info.largest_free);
		ASSERT_LE(0, fd);
	}
	expect_totals(_metadata, self);
}

/* The last close */

TEST_F(regions, c7_memory_comes_back_at_the_last_close)
{
	__u64 left = self->total - self->granule;
	int fd = ws_alloc(self->fd, 1), copy;

	ASSERT_LE(0, fd);
	copy = dup(fd);
	ASSERT_LE(0, copy);
	expect_free(_metadata, self->fd, left, left);
	close(fd);
	expect_free(_metadata, self->fd, left, left);
	close(copy);
	expect_all_free(_metadata, self);
}

TEST_F(regions, c7_a_mapping_keeps_the_memory)
{
	__u64 left = self->total - self->granule, offset;
	int fd = ws_region(self->fd, 1, &offset);
	__u8 *map = NULL;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ws_map(fd, 0, self->granule, PROT_READ | PROT_WRITE,
			    &map));
	close(fd);
	expect_free(_metadata, self->fd, left, left);
	map[0] = 1;
	EXPECT_EQ(1, map[0]);
	ASSERT_EQ(0, munmap(map, self->granule));
	expect_all_free(_metadata, self);
}

/* Half of a mapping is a mapping. */
TEST_F(regions, c7_a_part_of_a_mapping_keeps_the_memory)
{
	__u64 left = self->total - 2 * self->granule, offset;
	int fd = ws_region(self->fd, 2 * self->granule, &offset);
	__u8 *map = NULL;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ws_map(fd, 0, 2 * self->granule, PROT_READ, &map));
	close(fd);
	ASSERT_EQ(0, munmap(map, self->granule));
	expect_free(_metadata, self->fd, left, left);
	ASSERT_EQ(0, munmap(map + self->granule, self->granule));
	expect_all_free(_metadata, self);
}

TEST_F(regions, c7_a_child_keeps_the_memory)
{
	__u64 left = self->total - self->granule;
	int fd = ws_alloc(self->fd, 1), status;
	pid_t pid;

	ASSERT_LE(0, fd);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		pause();
		_exit(0);
	}
	close(fd);
	expect_free(_metadata, self->fd, left, left);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	expect_all_free(_metadata, self);
}

TEST_F(regions, c7_the_region_outlives_the_windows_file)
{
	__u64 left = self->total - self->granule, offset;
	int fd = ws_region(self->fd, 1, &offset);
	char back[8] = "";

	ASSERT_LE(0, fd);
	close(self->fd);
	EXPECT_EQ(8, ws_pwrite(fd, "outlives", 8, 8));
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(8, ws_pread(fd, back, 8, 8));
	EXPECT_EQ(0, memcmp("outlives", back, 8));
	expect_free(_metadata, fd, left, left);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	expect_free(_metadata, self->fd, left, left);
	close(fd);
	expect_all_free(_metadata, self);
}

/* The descriptor */

TEST_F(regions, c7_the_descriptor_is_close_on_exec)
{
	int fd = ws_alloc(self->fd, 1);

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	close(fd);
}

/* Neither O_NONBLOCK nor O_DSYNC is inherited. */
TEST_F(regions, c7_the_descriptor_has_the_windows_mode)
{
	static const int modes[] = { O_RDWR, O_WRONLY };
	const int mask = O_ACCMODE | O_NONBLOCK | O_SYNC | O_APPEND;
	size_t i;
	int fd, region;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		fd = ws_open(&self->dev,
			     modes[i] | O_NONBLOCK | O_SYNC | O_APPEND);
		ASSERT_LE(0, fd);
		region = ws_alloc(fd, 1);
		ASSERT_LE(0, region);
		EXPECT_EQ(modes[i], fcntl(region, F_GETFL) & mask);
		close(region);
		close(fd);
	}
}

TEST_F(regions, c7_a_write_only_window_gives_a_write_only_region)
{
	int fd = ws_open(&self->dev, O_WRONLY), region;
	__u8 back[8], *map;
	__u64 offset;

	ASSERT_LE(0, fd);
	region = ws_region(fd, 1, &offset);
	ASSERT_LE(0, region);
	EXPECT_EQ(8, ws_pwrite(region, "one-way.", 8, 0));
	EXPECT_EQ(-EBADF, ws_pread(region, back, 8, 0));
	EXPECT_EQ(-EACCES, ws_map(region, 0, self->granule, PROT_READ, &map));
	EXPECT_EQ(0, ws_sync(region));
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, offset));
	EXPECT_EQ(0, memcmp("one-way.", back, 8));
	close(region);
	close(fd);
}

/* Passing it on */

static int send_fd(int socket, int fd)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int socket)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *head;
	int fd = -EBADMSG;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	head = CMSG_FIRSTHDR(&msg);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* Which step failed; 0: none. */
static int use_as_nobody(const struct ws_dev *dev, int socket)
{
	char back[8] = "";
	__u8 *map;
	int fd;

	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		return 1;
	if (ws_open(dev, O_RDWR) != -EACCES || ws_open(dev, O_RDONLY) != -EACCES)
		return 2;
	fd = receive_fd(socket);
	if (fd < 0)
		return 3;
	if (ws_commit(fd))
		return 4;
	if (ws_pwrite(fd, "nobody's", 8, 16) != 8 || ws_sync(fd))
		return 5;
	if (ws_pread(fd, back, 8, 16) != 8 || memcmp(back, "nobody's", 8))
		return 6;
	if (ws_map(fd, 0, sysconf(_SC_PAGESIZE), PROT_READ, &map))
		return 7;
	return memcmp(map + 16, "nobody's", 8) ? 8 : 0;
}

TEST_F(regions, c7_passed_over_a_socket_it_works)
{
	__u64 left = self->total - self->granule;
	struct writesync_alloc alloc = { .length = 1 };
	int ends[2], status = -1;
	char back[8] = "";
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(self->fd);
		_exit(use_as_nobody(&self->dev, ends[1]));
	}
	ASSERT_EQ(0, ws_alloc_call(self->fd, &alloc));
	EXPECT_EQ(0, send_fd(ends[0], alloc.fd));
	close(alloc.fd);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("step %d failed", WEXITSTATUS(status));
	}
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, alloc.offset + 16));
	EXPECT_EQ(0, memcmp("nobody's", back, 8));
	expect_all_free(_metadata, self);
	/* Under way it is nobody's descriptor, and yet not closed. */
	ASSERT_EQ(0, ws_alloc_call(self->fd, &alloc));
	EXPECT_EQ(0, send_fd(ends[0], alloc.fd));
	close(alloc.fd);
	expect_free(_metadata, self->fd, left, left);
	close(ends[1]);
	close(ends[0]);
	expect_all_free(_metadata, self);
}

/* Eight threads at once: each has what nobody else has. */

#define THREADS		8
#define ROUNDS		60

struct owner {
	pthread_t thread;
	REGIONS *self;
	__u32 seed;
	int wrong;		/* line where it went wrong */
	int granted;
};

/* Zeros at first; then what the owner writes, and nothing else. */
static int own(int fd, size_t length, __u8 id)
{
	__u8 *bytes = malloc(length);
	int wrong = 0;

	if (!bytes)
		return __LINE__;
	if (ws_commit(fd) || ws_pread(fd, bytes, length, 0) != (ssize_t)length)
		wrong = __LINE__;
	else if (!ws_all(bytes, length, 0))
		wrong = __LINE__;
	memset(bytes, id, length);
	if (ws_pwrite(fd, bytes, length, 0) != (ssize_t)length || ws_sync(fd))
		wrong = __LINE__;
	sched_yield();
	if (ws_pread(fd, bytes, length, 0) != (ssize_t)length ||
	    !ws_all(bytes, length, id))
		wrong = __LINE__;
	free(bytes);
	return wrong;
}

static void *own_again_and_again(void *data)
{
	struct owner *owner = data;
	__u64 limit = owner->self->total / 4, offset;
	__u64 granule = owner->self->granule;
	int round, fd;

	if (limit > 8 * granule)
		limit = 8 * granule;
	for (round = 0; round < ROUNDS && !owner->wrong; round++) {
		owner->seed = owner->seed * 1664525 + 1013904223;
		fd = ws_alloc(owner->self->fd,
			      1 + (owner->seed >> 8) % limit);
		if (fd == -ENOSPC)
			continue;
		if (fd < 0) {
			owner->wrong = __LINE__;
			break;
		}
		owner->granted++;
		offset = lseek(fd, 0, SEEK_END);
		if (offset > 4 * granule)
			offset = 4 * granule;
		owner->wrong = own(fd, offset, owner->seed >> 24 | 1);
		close(fd);
	}
	return NULL;
}

TEST_F(regions, c7_threads_get_what_nobody_else_has)
{
	struct owner owners[THREADS];
	int i;

	if (self->granule > 65536)
		SKIP(return, "the granules are too large");
	for (i = 0; i < THREADS; i++) {
		owners[i] = (struct owner) { .self = self, .seed = i };
		ASSERT_EQ(0, pthread_create(&owners[i].thread, NULL,
					    own_again_and_again, &owners[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(owners[i].thread, NULL);
		EXPECT_EQ(0, owners[i].wrong) {
			TH_LOG("at line %d", owners[i].wrong);
		}
		EXPECT_LT(0, owners[i].granted);
	}
	expect_all_free(_metadata, self);
}

TEST_HARNESS_MAIN

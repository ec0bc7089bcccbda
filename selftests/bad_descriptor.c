// SPDX-License-Identifier: GPL-2.0
/*
 * C7 and C8: descriptors that are closed, used again, passed on and left
 * behind while others call; and a user without any right but the descriptors
 * that it was given: it gets no further by them, and cannot fill the log.
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define LENGTH		64
#define BOTH		(PROT_READ | PROT_WRITE)
#define SLOT		100		/* a descriptor that changes hands */
#define NOBODY		65534

static __u32 roll(__u32 *seed, __u32 sides)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % sides;
}

union any {
	__u32 head[2];
	struct writesync_write write;
	struct writesync_alloc alloc;
	struct writesync_check check;
	__u8 bytes[256];
};

static const struct {
	unsigned long request;
	__u32 size;
} ioctls[] = {
	{ WRITESYNC_IOC_INFO, sizeof(struct writesync_info) },
	{ WRITESYNC_IOC_QUERY, sizeof(struct writesync_query) },
	{ WRITESYNC_IOC_SYNC, sizeof(struct writesync_sync) },
	{ WRITESYNC_IOC_WRITE, sizeof(struct writesync_write) },
	{ WRITESYNC_IOC_ALLOC, sizeof(struct writesync_alloc) },
	{ WRITESYNC_IOC_COMMIT, sizeof(struct writesync_commit) },
	{ WRITESYNC_IOC_DECOMMIT, sizeof(struct writesync_commit) },
	{ WRITESYNC_IOC_CHECK, sizeof(struct writesync_check) },
};

/* One ioctl that is right, and what it made is closed. */
static int call_ioctl(int fd, __u32 which)
{
	struct writesync_iovec piece;
	union any arg = { 0 };
	__u8 data[LENGTH];
	int ret;

	ws_fill(data, LENGTH, which);
	arg.head[0] = ioctls[which].size;
	if (ioctls[which].request == WRITESYNC_IOC_WRITE) {
		piece = ws_piece(data, LENGTH);
		arg.write = ws_pieces_at(&piece, 1, 0);
		arg.write.size = sizeof(arg.write);
		arg.write.flags |= WRITESYNC_WRITE_SYNC;
	} else if (ioctls[which].request == WRITESYNC_IOC_ALLOC) {
		arg.alloc.length = 1;
	} else if (ioctls[which].request == WRITESYNC_IOC_CHECK) {
		arg.check.length = 1;
	}
	ret = ws_ioctl(fd, ioctls[which].request, &arg);
	if (!ret && ioctls[which].request == WRITESYNC_IOC_ALLOC)
		close(arg.alloc.fd);
	return ret;
}

/* Something or other with a descriptor of whatever it may be. */
static void call_something(int fd, __u32 *seed)
{
	__u32 which = roll(seed, ARRAY_SIZE(ioctls) + 4);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI };
	__u8 data[LENGTH] = { 0 };
	__u8 *map;

	if (which < ARRAY_SIZE(ioctls))
		call_ioctl(fd, which);
	else if (which == ARRAY_SIZE(ioctls))
		ws_pwrite(fd, data, LENGTH, roll(seed, PAGE));
	else if (which == ARRAY_SIZE(ioctls) + 1)
		ws_pread(fd, data, LENGTH, roll(seed, PAGE));
	else if (which == ARRAY_SIZE(ioctls) + 2)
		poll(&p, 1, 0);
	else if (!ws_map(fd, 0, PAGE, PROT_READ, &map))
		munmap(map, PAGE);
}

FIXTURE(descriptors) {
	struct ws_dev dev;
	int fd;
	__u64 free;			/* bytes for regions */
};

#define DESCRIPTORS	FIXTURE_DATA(descriptors)

FIXTURE_SETUP(descriptors)
{
	struct writesync_info info;

	WS_BEGIN(return, &self->dev, 0);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_info(self->fd, &info));
	self->free = info.free;
}

FIXTURE_TEARDOWN(descriptors)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* The last reference may be dropped by somebody else, a moment later. */
static bool is_free_within(DESCRIPTORS *self, __u64 ns)
{
	__u64 end = ws_now() + ns;
	struct writesync_info info = { 0 };

	while (!ws_info(self->fd, &info) && info.free != self->free &&
	       ws_now() < end)
		ws_sleep(WS_MS);
	return info.free == self->free;
}

static bool all_is_free(DESCRIPTORS *self)
{
	return is_free_within(self, 5 * WS_S);
}

/* Threads that call while the descriptor is closed and becomes another one. */

struct caller {
	pthread_t thread;
	atomic_bool *stop;
	__u32 seed;
};

static void *keep_calling(void *data)
{
	struct caller *caller = data;

	while (!*caller->stop)
		call_something(SLOT, &caller->seed);
	return NULL;
}

/* What the slot holds next; -1: nothing. */
static int something_else(DESCRIPTORS *self, __u32 *seed)
{
	int ends[2];

	switch (roll(seed, 6)) {
	case 0:
		return ws_open(&self->dev, O_RDWR);
	case 1:
		return ws_open(&self->dev, O_RDONLY | O_NONBLOCK);
	case 2:
		return ws_alloc(self->fd, 1);
	case 3:
		return memfd_create("file", MFD_CLOEXEC);
	case 4:
		if (pipe(ends))
			return -1;
		close(ends[1]);
		return ends[0];
	default:
		return -1;
	}
}

static void change_hands(DESCRIPTORS *self, __u32 *seed)
{
	int fd = something_else(self, seed);

	if (fd < 0) {
		close(SLOT);
		return;
	}
	dup2(fd, SLOT);
	close(fd);
}

TEST_F(descriptors, c8_closed_and_used_again_while_others_call)
{
	__u64 end = ws_now() + 300 * WS_MS;
	struct caller callers[3];
	atomic_bool stop = false;
	__u32 seed = 1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(callers); i++) {
		callers[i].stop = &stop;
		callers[i].seed = 100 + i;
		ASSERT_EQ(0, pthread_create(&callers[i].thread, NULL,
					    keep_calling, &callers[i]));
	}
	while (ws_now() < end)
		change_hands(self, &seed);
	stop = true;
	for (i = 0; i < ARRAY_SIZE(callers); i++)
		pthread_join(callers[i].thread, NULL);
	close(SLOT);
	EXPECT_TRUE(all_is_free(self));
	EXPECT_EQ(0, ws_sync(self->fd));
}

struct syncer {
	pthread_t thread;
	atomic_bool begun;
	int fd;
	int ret;
};

static void *sync_once(void *data)
{
	struct syncer *syncer = data;

	syncer->begun = true;
	syncer->ret = ws_sync_for(syncer->fd, WRITESYNC_TIMEOUT_NONE);
	return NULL;
}

/* The call holds the file, and the file its region. */
TEST_F(descriptors, c8_closed_during_a_sync)
{
	struct writesync_info info;
	struct syncer syncer = { 0 };
	__u64 offset;

	if (!(self->dev.features & WS_EDU_FEATURE_POSTED))
		SKIP(return, "this device has no posted-write queue");
	syncer.fd = ws_region(self->fd, 1, &offset);
	ASSERT_LE(0, syncer.fd);
	ws_fault(&self->dev, WS_FAULT_STALL);
	ASSERT_EQ(8, ws_pwrite(syncer.fd, "unsynced", 8, 0));
	ASSERT_EQ(0, pthread_create(&syncer.thread, NULL, sync_once,
				    &syncer));
	while (!syncer.begun)
		ws_sleep(WS_MS);
	ws_sleep(50 * WS_MS);
	EXPECT_EQ(0, close(syncer.fd));
	ASSERT_EQ(0, ws_info(self->fd, &info));
	EXPECT_GT(self->free, info.free);
	ws_fault(&self->dev, 0);
	EXPECT_EQ(0, pthread_join(syncer.thread, NULL));
	EXPECT_EQ(0, syncer.ret);
	EXPECT_TRUE(all_is_free(self));
}

/* A caller's number is the file's no more as soon as it is closed. */
TEST_F(descriptors, c8_a_closed_one_is_ebadf)
{
	int fd = ws_open(&self->dev, O_RDWR);
	size_t i;

	ASSERT_LE(0, fd);
	close(fd);
	for (i = 0; i < ARRAY_SIZE(ioctls); i++)
		EXPECT_EQ(-EBADF, call_ioctl(fd, i));
	EXPECT_EQ(-EBADF, ws_pwrite(fd, "x", 1, 0));
	EXPECT_EQ(-EBADF, ws_pread(fd, &fd, 1, 0));
}

/* Numbers of ioctls mean something to the files that they belong to only. */
TEST_F(descriptors, c7_another_kind_of_file_is_enotty)
{
	static const char * const paths[] = { "/dev/null", "/proc/self/status" };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		ASSERT_LE(0, fd);
		for (j = 0; j < ARRAY_SIZE(ioctls); j++)
			EXPECT_EQ(-ENOTTY, call_ioctl(fd, j));
		close(fd);
	}
}

/* Which of the two was there first makes no difference. */
TEST_F(descriptors, c8_a_duplicate_outlives_the_original)
{
	int fd = ws_alloc(self->fd, 1), copy = dup(fd);
	struct writesync_info info;
	char back[8];

	ASSERT_LE(0, fd);
	ASSERT_LE(0, copy);
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, ws_commit(copy));
	EXPECT_EQ(8, ws_pwrite(copy, "from dup", 8, 0));
	EXPECT_EQ(0, ws_sync(copy));
	EXPECT_EQ(8, ws_pread(copy, back, 8, 0));
	EXPECT_EQ(0, memcmp("from dup", back, 8));
	ASSERT_EQ(0, ws_info(self->fd, &info));
	EXPECT_GT(self->free, info.free);
	ASSERT_EQ(0, close(copy));
	EXPECT_TRUE(all_is_free(self));
}

/* Processes that are killed in the middle of whatever they do. */

static int call_until_killed(void *data)
{
	DESCRIPTORS *self = data;
	int region = ws_alloc(self->fd, 1);
	int fd = ws_open(&self->dev, O_RDWR);
	__u32 seed = getpid();
	__u8 *map;

	ws_commit(region);
	if (ws_map(region, 0, PAGE, BOTH, &map))
		return 1;
	for (;;) {
		call_something(seed & 256 ? fd : region, &seed);
		ws_store(map, "stored..", 8);
	}
	return 0;
}

TEST_F(descriptors, c8_processes_killed_while_they_call)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(call_until_killed(self));
		ws_sleep((5 + i) * WS_MS);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	EXPECT_TRUE(all_is_free(self));
	EXPECT_EQ(0, ws_sync(self->fd));
}

/* On their way from one process to another (SCM_RIGHTS) */

static int send_descriptors(int socket, const int *fds, size_t count)
{
	union {
		char room[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

static int receive_descriptors(int socket, int *fds, size_t count)
{
	union {
		char room[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *head;

	if (recvmsg(socket, &message, 0) != 1)
		return -errno;
	head = CMSG_FIRSTHDR(&message);
	if (!head || head->cmsg_len != CMSG_LEN(count * sizeof(int)))
		return -EIO;
	memcpy(fds, CMSG_DATA(head), count * sizeof(int));
	return 0;
}

TEST_F(descriptors, c8_on_their_way_when_the_device_goes)
{
	int ends[2], fds[2];
	size_t i;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	fds[0] = ws_open(&self->dev, O_RDWR);
	fds[1] = ws_alloc(self->fd, 1);
	ASSERT_LE(0, fds[0]);
	ASSERT_LE(0, fds[1]);
	ASSERT_EQ(0, send_descriptors(ends[0], fds, 2));
	close(fds[0]);
	close(fds[1]);
	ASSERT_EQ(0, ws_rebind(&self->dev));
	ASSERT_EQ(0, receive_descriptors(ends[1], fds, 2));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-ENODEV, ws_pwrite(fds[i], "x", 1, 0));
		EXPECT_EQ(-ENODEV, ws_sync(fds[i]));
		EXPECT_EQ(-ENODEV, ws_commit(fds[i]));
		EXPECT_EQ(0, close(fds[i]));
	}
	close(ends[0]);
	close(ends[1]);
}

TEST_F(descriptors, c7_sent_and_never_received)
{
	int ends[2], region = ws_alloc(self->fd, 1);
	struct writesync_info info;

	ASSERT_LE(0, region);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	ASSERT_EQ(0, send_descriptors(ends[0], &region, 1));
	close(region);
	close(ends[0]);
	ASSERT_EQ(0, ws_info(self->fd, &info));
	EXPECT_GT(self->free, info.free);
	close(ends[1]);
	EXPECT_TRUE(all_is_free(self));
}

/* A socket on its way through itself: the kernel has to look for it. */
TEST_F(descriptors, c7_sent_in_a_circle)
{
	__u64 end = ws_now() + 5 * WS_S;
	int ends[2], fds[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	fds[0] = ws_alloc(self->fd, 1);
	fds[1] = ends[1];
	ASSERT_LE(0, fds[0]);
	ASSERT_EQ(0, send_descriptors(ends[0], fds, 2));
	close(fds[0]);
	close(ends[0]);
	close(ends[1]);
	/*
	 * It does so when another one is closed, unless it is doing so already,
	 * perhaps too early to find this one.
	 */
	do {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
		close(ends[0]);
		close(ends[1]);
	} while (!is_free_within(self, 100 * WS_MS) && ws_now() < end);
	EXPECT_TRUE(all_is_free(self));
}

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd	438
#endif

TEST_F(descriptors, c7_taken_out_of_another_process)
{
	int region = ws_alloc(self->fd, 1), pidfd, taken;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		pause();
		_exit(0);
	}
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_LE(0, pidfd);
	ASSERT_LE(0, region);
	taken = syscall(SYS_pidfd_getfd, pidfd, region, 0);
	close(region);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ASSERT_LE(0, taken);
	EXPECT_EQ(0, ws_commit(taken));
	EXPECT_EQ(8, ws_pwrite(taken, "mine now", 8, 0));
	EXPECT_EQ(0, ws_sync(taken));
	close(taken);
	EXPECT_TRUE(all_is_free(self));
}

/* A user who was given descriptors, and has no other right. */

FIXTURE(nobody) {
	struct ws_dev dev;
	int rights[3];			/* all, reading, a region */
	__u8 *map;			/* of the window */
	int log;			/* the kernel's messages from now on */
	char text[8192];
};

#define NOBODY_DATA	FIXTURE_DATA(nobody)

FIXTURE_SETUP(nobody)
{
	__u64 offset;

	WS_BEGIN(return, &self->dev, 0);
	self->rights[0] = ws_open(&self->dev, O_RDWR);
	self->rights[1] = ws_open(&self->dev, O_RDONLY);
	ASSERT_LE(0, self->rights[0]);
	ASSERT_LE(0, self->rights[1]);
	self->rights[2] = ws_region(self->rights[0], PAGE, &offset);
	ASSERT_LE(0, self->rights[2]);
	ASSERT_EQ(0, ws_map(self->rights[0], 0, PAGE, BOTH, &self->map));
	ASSERT_EQ(0, ws_set(&self->dev, "timeout_ms", "2"));
	self->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->log);
	lseek(self->log, 0, SEEK_END);
}

FIXTURE_TEARDOWN(nobody)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(self->rights); i++)
		close(self->rights[i]);
	munmap(self->map, PAGE);
	close(self->log);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static int become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return geteuid() ? 0 : -EPERM;
}

/* What the kernel says of its clocks under load is nobody's doing. */
static bool is_about_time(const char *line)
{
	return strstr(line, "hrtimer:") || strstr(line, "clocksource:") ||
	       strstr(line, "timekeeping") || strstr(line, "sched_clock") ||
	       strstr(line, "perf:");
}

/* The first message of the kernel's own since the beginning, or NULL. */
static const char *new_message(NOBODY_DATA *self)
{
	ssize_t n;

	while ((n = read(self->log, self->text, sizeof(self->text) - 1)) > 0) {
		self->text[n] = 0;
		/* The priority's upper bits say who: 0 is the kernel. */
		if (strtoul(self->text, NULL, 10) < 8 &&
		    !is_about_time(self->text))
			return self->text;
	}
	return NULL;
}

static void expect_silence(struct __test_metadata *_metadata,
			   NOBODY_DATA *self)
{
	const char *message = new_message(self);

	EXPECT_EQ(NULL, message) {
		TH_LOG("%s", message);
	}
}

static int open_as_nobody(void *data)
{
	NOBODY_DATA *self = data;
	char path[64];
	int fd;

	if (become_nobody())
		return 1;
	if (ws_open(&self->dev, O_RDONLY) != -EACCES)
		return 2;
	/* Nor may what is open for reading be opened for writing. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->rights[1]);
	fd = open(path, O_RDWR);
	if (fd >= 0 || errno != EACCES)
		return 3;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->rights[2]);
	return open(path, O_RDWR) < 0 ? 0 : 4;
}

TEST_F(nobody, c7_opens_nothing)
{
	EXPECT_EQ(0, ws_in_child(open_as_nobody, self));
	expect_silence(_metadata, self);
}

static int set_as_nobody(void *data)
{
	static const char * const attributes[] = {
		"confirm", "inline_sync", "timeout_ms", "access_width",
		"state", "generation", "uevent",
	};
	NOBODY_DATA *self = data;
	char path[PATH_MAX + 16];
	size_t i;

	if (become_nobody())
		return 1;
	for (i = 0; i < ARRAY_SIZE(attributes); i++)
		if (ws_set(&self->dev, attributes[i], "1") != -EACCES)
			return 2 + i;
	snprintf(path, sizeof(path), "%s/reset", self->dev.pci);
	if (!ws_write_file(path, "1"))
		return 20;
	snprintf(path, sizeof(path), "%s/unbind", self->dev.driver);
	if (!ws_write_file(path, self->dev.slot))
		return 21;
	return open("/sys/kernel/debug/writesync", O_RDONLY) < 0 ? 0 : 22;
}

TEST_F(nobody, c7_sets_nothing)
{
	EXPECT_EQ(0, ws_in_child(set_as_nobody, self));
	expect_silence(_metadata, self);
}

/* Structures of noise, most of them refused. */
static void call_noise(int fd, __u32 *seed)
{
	__u32 which = roll(seed, 256);
	union any arg;
	int ret;

	ws_fill(&arg, sizeof(arg), *seed);
	if (roll(seed, 2))
		memset(arg.bytes + 8, 0, sizeof(arg) - 8);
	arg.head[0] = roll(seed, 8) ? ioctls[which % 8].size : roll(seed, PAGE);
	arg.head[1] = roll(seed, 4) ? 0 : roll(seed, 32);
	if (which % 8 == 4 && roll(seed, 2))
		arg.alloc = (struct writesync_alloc) {
			.size = sizeof(arg.alloc), .length = 1,
		};
	ret = ws_ioctl(fd, _IO(WRITESYNC_IOC_MAGIC, which < 128 ? which % 8 :
			       which), &arg);
	if (!ret && which % 8 == 4)
		close(arg.alloc.fd);
}

static void map_noise(int fd, __u32 *seed)
{
	int flags = roll(seed, 2) ? MAP_SHARED : MAP_PRIVATE;
	__u8 *map = mmap(NULL, 4 * PAGE, roll(seed, 8), flags, fd,
			 (off_t)roll(seed, 1 << 20) * PAGE);

	if (map == MAP_FAILED &&
	    ws_map(fd, 0, PAGE, roll(seed, 2) ? BOTH : PROT_READ, &map))
		return;
	ws_touch(map, false);
	ws_touch(map, true);
	madvise(map, PAGE, roll(seed, 30));
	msync(map, PAGE, MS_SYNC);
	ws_pread(fd, map, LENGTH, 0);
	ws_pwrite(fd, map, LENGTH, 0);
	munmap(map, 4 * PAGE);
}

static void move_noise(int fd, __u32 *seed)
{
	__u8 data[LENGTH];

	ws_fill(data, LENGTH, *seed);
	ws_pwrite(fd, data, roll(seed, LENGTH), roll(seed, 1 << 30));
	ws_pread(fd, data, roll(seed, LENGTH), roll(seed, PAGE));
	ws_pwrite(fd, (void *)(uintptr_t)roll(seed, PAGE), LENGTH, 0);
	ws_pread(fd, (void *)-(uintptr_t)roll(seed, PAGE), LENGTH, 0);
	lseek(fd, roll(seed, 1 << 30) - (1 << 29), roll(seed, 6));
	fsync(fd);
	fcntl(fd, F_SETFL, roll(seed, 2) ? O_NONBLOCK | O_DIRECT : O_APPEND);
}

static int make_noise(void *data)
{
	__u64 end = ws_now() + 400 * WS_MS;
	NOBODY_DATA *self = data;
	__u32 seed = 7;
	int fd;

	if (become_nobody())
		return 1;
	ws_catch_faults();
	while (ws_now() < end) {
		fd = self->rights[roll(&seed, 3)];
		call_noise(fd, &seed);
		call_noise(fd, &seed);
		move_noise(fd, &seed);
		call_something(fd, &seed);
		map_noise(fd, &seed);
		ws_touch(self->map, roll(&seed, 2));
	}
	return 0;
}

TEST_F(nobody, c7_makes_no_message)
{
	EXPECT_EQ(0, ws_in_child(make_noise, self));
	expect_silence(_metadata, self);
}

/* Nor does whoever meets a device that stalls, or does not decode. */
TEST_F(nobody, c7_makes_no_message_of_a_device_that_does_not_answer)
{
	if (!(self->dev.features & WS_EDU_FEATURE_POSTED))
		SKIP(return, "this device has no posted-write queue");
	ws_reg_write64(&self->dev, WS_EDU_COMPLETION_NS,
		       WS_EDU_COMPLETION_NS_MIN);
	ws_fault(&self->dev, WS_FAULT_STALL);
	EXPECT_EQ(0, ws_in_child(make_noise, self));
	ws_fault(&self->dev, 0);
	expect_silence(_metadata, self);
}

TEST_F(nobody, c7_makes_no_message_without_memory_decoding)
{
	EXPECT_EQ(0, ws_decode(&self->dev, false));
	EXPECT_EQ(0, ws_in_child(make_noise, self));
	EXPECT_EQ(0, ws_decode(&self->dev, true));
	expect_silence(_metadata, self);
}

/* Nor does whoever is left with the files of a device that is gone. */
static void expect_silence_after(struct __test_metadata *_metadata,
				 NOBODY_DATA *self, enum ws_removal how)
{
	const char *why = ws_no_removal(&self->dev, how);

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, ws_remove(&self->dev, how));
	ASSERT_EQ(0, ws_wait_removed(&self->dev, how));
	/* What was said of that was root's doing. */
	lseek(self->log, 0, SEEK_END);
	EXPECT_EQ(0, ws_in_child(make_noise, self));
	expect_silence(_metadata, self);
	EXPECT_EQ(0, ws_return(&self->dev, how));
}

TEST_F(nobody, c7_makes_no_message_of_a_dead_device)
{
	expect_silence_after(_metadata, self, WS_BY_DEATH);
}

TEST_F(nobody, c7_makes_no_message_of_a_window_that_is_gone)
{
	expect_silence_after(_metadata, self, WS_BY_UNBIND);
}

TEST_HARNESS_MAIN

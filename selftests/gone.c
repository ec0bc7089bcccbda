// SPDX-License-Identifier: GPL-2.0
/*
 * C8: what is left of a window when its device has gone, in each way there is:
 * open files, regions, mappings, copies of them in other processes and on
 * their way there. All of it stays dead when the device is back, and goes away
 * in any order.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)
#define WORD		8
#define SOON		(20 * WS_SLACK)

#define REFERENCES	"/sys/module/writesync/refcnt"
#define STATISTICS	"/sys/class/writesync/%s/statistics/writes"
#define HISTOGRAM	"/sys/kernel/debug/writesync/%s/readback_ns"

FIXTURE(gone) {
	struct ws_dev dev;
	int fd;
	int region;
	__u8 *map;		/* of the window, written through */
	__u8 *region_map;	/* not touched yet */
	bool away;
};

#define GONE		FIXTURE_DATA(gone)

FIXTURE_VARIANT(gone) {
	enum ws_removal how;
};

#define GONE_VARIANT	FIXTURE_VARIANT(gone)

FIXTURE_VARIANT_ADD(gone, unbind) { WS_BY_UNBIND };
FIXTURE_VARIANT_ADD(gone, remove) { WS_BY_REMOVE };
FIXTURE_VARIANT_ADD(gone, death) { WS_BY_DEATH };
FIXTURE_VARIANT_ADD(gone, link_down) { WS_BY_LINK_DOWN };

FIXTURE_SETUP(gone)
{
	const char *why;
	__u64 offset;

	WS_BEGIN(return, &self->dev, 0);
	why = ws_no_removal(&self->dev, variant->how);
	if (why)
		SKIP(return, "%s", why);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->region = ws_region(self->fd, 2 * PAGE, &offset);
	ASSERT_LE(0, self->region);
	ASSERT_EQ(0, ws_map(self->fd, 0, 2 * PAGE, BOTH, &self->map));
	ASSERT_EQ(0, ws_map(self->region, 0, PAGE, BOTH, &self->region_map));
	ws_catch_faults();
	ASSERT_EQ(0, ws_touch(self->map, true));
}

static int have_back(GONE *self, const GONE_VARIANT *variant)
{
	if (!self->away)
		return 0;
	self->away = false;
	return ws_return(&self->dev, variant->how);
}

FIXTURE_TEARDOWN(gone)
{
	EXPECT_EQ(0, have_back(self, variant));
	munmap(self->map, 2 * PAGE);
	munmap(self->region_map, PAGE);
	close(self->fd);
	close(self->region);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static int take_away(GONE *self, const GONE_VARIANT *variant)
{
	int ret = ws_remove(&self->dev, variant->how);

	self->away = true;
	return ret ? ret : ws_wait_removed(&self->dev, variant->how);
}

/* Who finds a device dead need not wait until its mappings are taken away. */
static bool ends_in_sigbus(__u8 *at, bool write)
{
	__u64 until = ws_now() + SOON;
	int sig;

	do {
		sig = ws_touch(at, write);
	} while (!sig && ws_now() < until);
	return sig == SIGBUS;
}

/* ---- every call ---- */

static int errno_of(ssize_t ret)
{
	return ret < 0 ? errno : 0;
}

static int call_write(int fd)
{
	return errno_of(write(fd, "12345678", WORD));
}

static int call_write_dsync(int fd)
{
	return -ws_pwritev2(fd, "12345678", WORD, 0, RWF_DSYNC);
}

static int write_by_ioctl(int fd, __u32 count, __u32 flags)
{
	struct writesync_iovec piece = ws_piece("12345678", WORD);
	struct writesync_write write = ws_pieces_at(&piece, count, 0);
	int ret;

	write.flags |= flags;
	ret = ws_write_call(fd, &write);
	return write.bytes_written ? ERANGE : -ret;
}

static int call_write_ioctl(int fd)
{
	return write_by_ioctl(fd, 1, 0);
}

static int call_write_ioctl_sync(int fd)
{
	return write_by_ioctl(fd, 1, WRITESYNC_WRITE_SYNC);
}

static int call_write_ioctl_of_nothing(int fd)
{
	return write_by_ioctl(fd, 0, WRITESYNC_WRITE_SYNC);
}

static int call_read(int fd)
{
	char bytes[WORD];

	return errno_of(read(fd, bytes, WORD));
}

static int call_sendfile(int fd)
{
	int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
	off_t from = 0;
	int ret = errno_of(sendfile(sink, fd, &from, WORD));

	close(sink);
	return ret;
}

static int call_sync(int fd)
{
	return -ws_sync(fd);
}

static int call_sync_without_timeout(int fd)
{
	return -ws_sync_for(fd, WRITESYNC_TIMEOUT_NONE);
}

static int call_sync_too_late(int fd)
{
	return -ws_sync_until(fd, 1);
}

static int call_fsync(int fd)
{
	return errno_of(fsync(fd));
}

static int call_fdatasync(int fd)
{
	return errno_of(fdatasync(fd));
}

static int call_query(int fd)
{
	return -ws_needed(fd);
}

static int call_commit(int fd)
{
	return -ws_commit(fd);
}

static int call_decommit(int fd)
{
	return -ws_decommit(fd);
}

static int call_check(int fd)
{
	return -ws_check(fd, &fd, 1, NULL);
}

static int call_mmap(int fd)
{
	__u8 *map;

	return -ws_map(fd, 0, PAGE, BOTH, &map);
}

#define CALL(name)	{ #name, call_ ## name }

static const struct {
	const char *name;
	int (*call)(int fd);	/* errno, or what is not one */
} calls[] = {
	CALL(write), CALL(write_dsync), CALL(write_ioctl),
	CALL(write_ioctl_sync), CALL(write_ioctl_of_nothing), CALL(read),
	CALL(sendfile), CALL(sync), CALL(sync_without_timeout),
	CALL(sync_too_late), CALL(fsync), CALL(fdatasync), CALL(query),
	CALL(commit), CALL(decommit), CALL(check), CALL(mmap),
};

static int polled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}

static void expect_gone(struct __test_metadata *_metadata, int fd,
			const char *file)
{
	struct writesync_info info;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		EXPECT_EQ(ENODEV, calls[i].call(fd)) {
			TH_LOG("%s of %s", calls[i].name, file);
		}
	}
	EXPECT_EQ(POLLERR | POLLHUP, polled(fd));
	/* What does not need the device, and tells what has become of it. */
	EXPECT_EQ(0, ws_info(fd, &info));
	EXPECT_EQ(WRITESYNC_STATE_DEAD, info.state);
	EXPECT_EQ(info.length, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
}

static int decommitted(int window)
{
	__u64 offset;
	int fd = ws_region(window, 1, &offset);

	return fd < 0 ? fd : ws_decommit(fd) ?: fd;
}

TEST_F_TIMEOUT(gone, c8_every_call_is_enodev_for_ever, 60)
{
	struct {
		const char *name;
		int fd;
	} files[] = {
		{ "a window", ws_open(&self->dev, O_RDWR) },
		{ "O_DSYNC", ws_open(&self->dev, O_RDWR | O_DSYNC) },
		{ "O_NONBLOCK", ws_open(&self->dev, O_RDWR | O_NONBLOCK) },
		{ "a region", dup(self->region) },
		{ "a decommitted region", decommitted(self->fd) },
		{ "a region never committed", ws_alloc(self->fd, 1) },
	};
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		ASSERT_LE(0, files[i].fd);
	ASSERT_EQ(0, take_away(self, variant));
	if (variant->how != WS_BY_LINK_DOWN) {
		ret = ws_open(&self->dev, O_RDWR);
		EXPECT_EQ(variant->how == WS_BY_DEATH ? -ENODEV : -ENOENT,
			  ret);
	}
	EXPECT_EQ(-ENODEV, ws_alloc(self->fd, 1));
	for (i = 0; i < ARRAY_SIZE(files); i++)
		expect_gone(_metadata, files[i].fd, files[i].name);
	ASSERT_EQ(0, have_back(self, variant));
	EXPECT_EQ(-ENODEV, ws_alloc(self->fd, 1));
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		expect_gone(_metadata, files[i].fd, files[i].name);
		close(files[i].fd);
	}
}

/* Whoever notices it, the window is DEAD for everybody. */
TEST_F(gone, c4_who_reads_finds_a_device_dead)
{
	__u8 seen[WORD];

	if (variant->how != WS_BY_DEATH)
		SKIP(return, "this removal is told of");
	self->away = true;
	ASSERT_EQ(0, ws_remove(&self->dev, variant->how));
	EXPECT_EQ(-ENODEV, ws_pread(self->fd, seen, WORD, 0));
	expect_gone(_metadata, self->fd, "a window that was read");
	EXPECT_TRUE(ends_in_sigbus(self->map, true));
}

/* What is there now is as good as new. */
TEST_F_TIMEOUT(gone, c8_new_files_work_beside_the_old, 60)
{
	struct writesync_info info;
	__u8 seen[WORD];
	__u64 offset;
	int fd, region;

	ASSERT_EQ(0, take_away(self, variant));
	ASSERT_EQ(0, have_back(self, variant));
	fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ws_info(fd, &info));
	EXPECT_EQ(WRITESYNC_STATE_LIVE, info.state);
	/* None of the old regions takes anything from it. */
	EXPECT_EQ(info.total, info.free);
	region = ws_region(fd, info.total, &offset);
	ASSERT_LE(0, region);
	ASSERT_EQ(WORD, ws_pwrite(region, "new word", WORD, PAGE));
	EXPECT_EQ(0, ws_sync(region));
	EXPECT_EQ(SIGBUS, ws_touch(self->map, true));
	EXPECT_EQ(-ENODEV, ws_sync(self->fd));
	EXPECT_EQ(WORD, ws_pread(fd, seen, WORD, offset + PAGE));
	EXPECT_EQ(0, memcmp("new word", seen, WORD));
	close(region);
	close(fd);
}

/* ---- mappings ---- */

TEST_F_TIMEOUT(gone, c8_mappings_raise_sigbus_for_ever, 60)
{
	int i;

	ASSERT_EQ(0, take_away(self, variant));
	for (i = 0; i < 2; i++) {
		/* One that had pages, one without, one never touched. */
		EXPECT_TRUE(ends_in_sigbus(self->map, i));
		EXPECT_TRUE(ends_in_sigbus(self->map + PAGE, !i));
		EXPECT_TRUE(ends_in_sigbus(self->region_map, i));
		EXPECT_EQ(-1, msync(self->map, PAGE, MS_SYNC));
		EXPECT_EQ(ENODEV, errno);
		ASSERT_EQ(0, have_back(self, variant));
	}
}

static int touch_and_leave(void *data)
{
	GONE *self = data;

	if (ws_touch(self->map, false) != SIGBUS ||
	    ws_touch(self->region_map, true) != SIGBUS)
		return 1;
	return munmap(self->map, PAGE) ? 2 : 0;
}

/* Copied, split, moved and made read-only after the end. */
TEST_F_TIMEOUT(gone, c8_dead_mappings_can_be_changed, 60)
{
	__u8 *to = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);

	ASSERT_NE(MAP_FAILED, to);
	ASSERT_EQ(0, take_away(self, variant));
	EXPECT_TRUE(ends_in_sigbus(self->map, true));
	EXPECT_EQ(0, ws_in_child(touch_and_leave, self));
	ASSERT_EQ(to, mremap(self->map + PAGE, PAGE, PAGE,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(SIGBUS, ws_touch(to, true));
	EXPECT_EQ(0, mprotect(self->map, PAGE, PROT_READ));
	EXPECT_EQ(SIGBUS, ws_touch(self->map, false));
	EXPECT_EQ(0, ws_in_child(touch_and_leave, self));
	EXPECT_EQ(0, munmap(to, PAGE));
}

/* ---- closing ---- */

#define PARTS		4
#define ORDERS		24

static const char * const part_names[PARTS] = {
	"window", "region", "mapping of the window", "mapping of the region",
};

struct set {
	int fds[2];
	__u8 *maps[2];
};

static int make_set(struct ws_dev *dev, struct set *set)
{
	__u64 offset;
	int ret;

	set->fds[0] = ws_open(dev, O_RDWR);
	if (set->fds[0] < 0)
		return set->fds[0];
	set->fds[1] = ws_region(set->fds[0], PAGE, &offset);
	if (set->fds[1] < 0)
		return set->fds[1];
	ret = ws_map(set->fds[0], 0, PAGE, BOTH, &set->maps[0]);
	ret = ret ?: ws_map(set->fds[1], 0, PAGE, BOTH, &set->maps[1]);
	return ret ?: ws_touch(set->maps[1], true);
}

/* The @nth order of the parts. */
static void order_of(unsigned int nth, unsigned int *order)
{
	unsigned int left[PARTS] = { 0, 1, 2, 3 };
	unsigned int count, i, pick;

	for (count = PARTS; count; count--) {
		pick = nth % count;
		nth /= count;
		*order++ = left[pick];
		for (i = pick; i + 1 < count; i++)
			left[i] = left[i + 1];
	}
}

static int drop_part(struct set *set, unsigned int part)
{
	return part < 2 ? close(set->fds[part]) :
			  munmap(set->maps[part - 2], PAGE);
}

static void drop_in_order(struct __test_metadata *_metadata, struct set *set,
			  unsigned int nth)
{
	unsigned int order[PARTS], i;

	order_of(nth, order);
	for (i = 0; i < PARTS; i++) {
		EXPECT_EQ(0, drop_part(set, order[i])) {
			TH_LOG("%s, order %u", part_names[order[i]], nth);
		}
		/* What is left is not worse off. */
		if (order[PARTS - 1] == 1 && i < PARTS - 1)
			EXPECT_EQ(-ENODEV, ws_sync(set->fds[1]));
		if (order[PARTS - 1] == 3 && i < PARTS - 1)
			EXPECT_TRUE(ends_in_sigbus(set->maps[1], true));
	}
}

static unsigned long references(void)
{
	char text[32] = "";

	return ws_file(REFERENCES, text, sizeof(text)) ? ~0ul :
	       strtoul(text, NULL, 10);
}

TEST_F_TIMEOUT(gone, c8_everything_closes_in_any_order, 60)
{
	unsigned long before = references();
	struct set sets[ORDERS];
	unsigned int i;

	for (i = 0; i < ORDERS; i++)
		ASSERT_EQ(0, make_set(&self->dev, &sets[i]));
	ASSERT_LE(before + 2 * ORDERS, references());
	ASSERT_EQ(0, take_away(self, variant));
	for (i = 0; i < ORDERS; i += 2)
		drop_in_order(_metadata, &sets[i], i);
	ASSERT_EQ(0, have_back(self, variant));
	for (i = 1; i < ORDERS; i += 2)
		drop_in_order(_metadata, &sets[i], i);
	EXPECT_EQ(before, references());
}

/* ---- copies ---- */

static int check_copies(void *data)
{
	GONE *self = data;

	if (ws_pwrite(self->fd, "12345678", WORD, 0) != -ENODEV)
		return 1;
	if (ws_sync(self->region) != -ENODEV)
		return 2;
	if (polled(self->fd) != (POLLERR | POLLHUP))
		return 3;
	return ends_in_sigbus(self->map, true) ? 0 : 4;
}

static pid_t start_heir(GONE *self, int go)
{
	pid_t pid = fork();
	char byte;

	if (!pid)
		_exit(read(go, &byte, 1) == 1 ? check_copies(self) : 9);
	return pid;
}

/* The last who holds anything is a child that got all of it by fork(). */
TEST_F_TIMEOUT(gone, c8_a_child_holds_the_last_copy, 60)
{
	int copy = dup(self->region);
	int ends[2], status;
	pid_t pid;

	ASSERT_LE(0, copy);
	ASSERT_EQ(0, pipe(ends));
	pid = start_heir(self, ends[0]);
	ASSERT_LT(0, pid);
	close(self->fd);
	close(self->region);
	munmap(self->map, 2 * PAGE);
	ASSERT_EQ(0, take_away(self, variant));
	EXPECT_EQ(-ENODEV, ws_sync(copy));
	close(copy);
	ASSERT_EQ(1, write(ends[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	close(ends[0]);
	close(ends[1]);
	/* For the end of the test. */
	self->fd = -1;
	self->region = -1;
	self->map = NULL;
}

/* ---- on the way ---- */

/* Nobody has it open: two messages hold it, of which one is never read. */
TEST_F_TIMEOUT(gone, c8_a_file_on_its_way_holds_the_last_reference, 60)
{
	unsigned long before = references();
	int ends[2], window, region, fd;
	__u64 offset;

	window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, window);
	region = ws_region(window, PAGE, &offset);
	ASSERT_LE(0, region);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	ASSERT_EQ(0, ws_send_fd(ends[0], region));
	ASSERT_EQ(0, ws_send_fd(ends[0], window));
	close(region);
	close(window);
	EXPECT_LT(before, references());
	ASSERT_EQ(0, take_away(self, variant));
	fd = ws_receive_fd(ends[1]);
	ASSERT_LE(0, fd);
	expect_gone(_metadata, fd, "a region received");
	close(fd);
	EXPECT_LT(before, references());
	close(ends[0]);
	close(ends[1]);
	EXPECT_EQ(before, references());
}

/* ---- who waits for something to happen ---- */

struct watcher {
	int (*watch)(int fd);
	int fd;
	int result;
	pthread_t thread;
	atomic_bool begun;
	atomic_ullong ended;	/* when */
};

static int watch_for_change(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLPRI };

	return poll(&p, 1, -1) == 1 ? p.revents : -errno;
}

static int watch_for_nothing(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, -1) == 1 ? p.revents : -errno;
}

static int watch_by_epoll(int fd, __u32 mode)
{
	struct epoll_event event = { .events = EPOLLPRI | mode };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int ret = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);

	if (!ret)
		ret = epoll_wait(epoll, &event, 1, -1);
	close(epoll);
	return ret == 1 ? (int)event.events : -errno;
}

static int watch_level(int fd)
{
	return watch_by_epoll(fd, 0);
}

static int watch_edge(int fd)
{
	return watch_by_epoll(fd, EPOLLET);
}

static void *watch(void *data)
{
	struct watcher *watcher = data;

	watcher->begun = true;
	watcher->result = watcher->watch(watcher->fd);
	watcher->ended = ws_now();
	return NULL;
}

static int start_watcher(struct watcher *watcher)
{
	int ret = pthread_create(&watcher->thread, NULL, watch, watcher);

	while (!ret && !watcher->begun)
		ws_sleep(WS_MS);
	return ret;
}

TEST_F_TIMEOUT(gone, c8_who_waits_in_poll_is_woken, 60)
{
	struct watcher watchers[] = {
		{ .watch = watch_for_change, .fd = self->fd },
		{ .watch = watch_for_change, .fd = self->region },
		{ .watch = watch_for_nothing, .fd = self->fd },
		{ .watch = watch_level, .fd = self->fd },
		{ .watch = watch_edge, .fd = self->region },
	};
	__u64 begun;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(watchers); i++)
		ASSERT_EQ(0, start_watcher(&watchers[i]));
	ws_sleep(50 * WS_MS);
	for (i = 0; i < ARRAY_SIZE(watchers); i++)
		ASSERT_EQ(0, watchers[i].ended);
	begun = ws_now();
	ASSERT_EQ(0, take_away(self, variant));
	for (i = 0; i < ARRAY_SIZE(watchers); i++) {
		pthread_join(watchers[i].thread, NULL);
		EXPECT_EQ(POLLERR | POLLHUP, watchers[i].result);
		EXPECT_GE(SOON, watchers[i].ended - begun);
	}
}

/* ---- what is seen of it from outside ---- */

static int open_attribute(const struct ws_dev *dev, const char *format)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), format, dev->name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool reads(int fd)
{
	char text[4096];

	return pread(fd, text, sizeof(text), 0) >= 0;
}

/* Files of sysfs and debugfs that somebody has open. */
TEST_F_TIMEOUT(gone, c8_open_attributes_end_with_the_window, 60)
{
	int statistics = open_attribute(&self->dev, STATISTICS);
	int histogram = open_attribute(&self->dev, HISTOGRAM);

	ASSERT_LE(0, statistics);
	EXPECT_TRUE(reads(statistics));
	if (histogram >= 0)
		EXPECT_TRUE(reads(histogram));
	ASSERT_EQ(0, take_away(self, variant));
	ASSERT_EQ(0, have_back(self, variant));
	EXPECT_FALSE(reads(statistics));
	EXPECT_FALSE(reads(histogram));
	close(statistics);
	if (histogram >= 0)
		close(histogram);
}

TEST_HARNESS_MAIN

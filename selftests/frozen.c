// SPDX-License-Identifier: GPL-2.0
/*
 * While the kernel resets the device the window is FROZEN: C5, nobody touches
 * the device, and who has to waits; C3, within their time-out; C9, and can be
 * interrupted.
 *
 * The kernel waits for a function that does not answer after its reset. It is
 * dead for as long as a test takes.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LENGTH		64
#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)
#define SHORT		(20 * WS_MS)

FIXTURE(frozen) {
	struct ws_dev dev;
	int fd;
	int eager;		/* does not wait */
	__u8 *map;
	__u8 old[LENGTH];
	__u8 new[LENGTH];
	struct ws_freezer freezer;
};

#define FROZEN		FIXTURE_DATA(frozen)

FIXTURE_VARIANT(frozen) {
	const char *inline_sync;
	bool unsynced;
};

FIXTURE_VARIANT_ADD(frozen, inline_clean) { "always", false };
FIXTURE_VARIANT_ADD(frozen, inline_unsynced) { "always", true };
FIXTURE_VARIANT_ADD(frozen, worker_unsynced) { "never", true };

FIXTURE_SETUP(frozen)
{
	int ret;

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	if (!ws_can_flr(&self->dev))
		SKIP(return, "the function offers no function-level reset");
	ASSERT_EQ(0, ws_set(&self->dev, "inline_sync", variant->inline_sync));
	ws_fill(self->old, LENGTH, 1);
	ws_fill(self->new, LENGTH, 2);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->eager = ws_open(&self->dev, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->eager);
	ASSERT_EQ(0, ws_map(self->fd, PAGE, PAGE, BOTH, &self->map));
	/* Present, and read-only: without stores it leaves nothing unsynced. */
	ASSERT_EQ(0, ws_touch(self->map, false));
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->old, LENGTH, 0));
	if (!variant->unsynced)
		ASSERT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(0, ws_let_interrupt(SIGUSR1));
	ret = ws_freeze(&self->freezer, &self->dev);
	if (ret == -EBUSY) {
		ws_thaw(&self->freezer);
		SKIP(return, "the machine is too busy to hold a reset open");
	}
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(frozen)
{
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	munmap(self->map, PAGE);
	close(self->eager);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* What a sync says once the window is LIVE again. */
static void expect_after(struct __test_metadata *_metadata, FROZEN *self,
			 int fd, bool unsynced)
{
	EXPECT_TRUE(ws_is_state(&self->dev, "frozen"));
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	EXPECT_EQ(unsynced ? -EIO : 0, ws_sync(fd));
	EXPECT_EQ(0, ws_sync(fd));
}

TEST_F(frozen, c5_the_state_is_told)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN | POLLOUT };
	struct writesync_query query;
	struct writesync_info info;
	char state[16] = "";

	EXPECT_EQ(0, ws_get(&self->dev, "state", state, sizeof(state)));
	EXPECT_STREQ("frozen", state);
	EXPECT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(WRITESYNC_STATE_FROZEN, info.state);
	EXPECT_EQ(0, ws_query(self->fd, &query));
	EXPECT_EQ(variant->unsynced, query.needed);
	EXPECT_EQ(0, poll(&p, 1, 0));
	expect_after(_metadata, self, self->fd, variant->unsynced);
	EXPECT_EQ(0, ws_get(&self->dev, "state", state, sizeof(state)));
	EXPECT_STREQ("live", state);
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, p.revents);
}

static int write_call(int fd, const void *data, __u64 timeout, __u64 *written)
{
	struct writesync_iovec piece = ws_piece(data, LENGTH);
	struct writesync_write write = {
		.flags = WRITESYNC_WRITE_AT | WRITESYNC_WRITE_SYNC,
		.iov = (uintptr_t)&piece, .iov_count = 1,
		.timeout_ns = timeout, .bytes_written = ~0ull,
	};
	int ret = ws_write_call(fd, &write);

	*written = write.bytes_written;
	return ret;
}

TEST_F(frozen, c5_nonblocking_calls_do_not_wait)
{
	__u64 begun = ws_now(), written;
	int fd = self->eager;
	__u8 byte;

	EXPECT_EQ(-EAGAIN, ws_pwrite(fd, self->new, LENGTH, 0));
	EXPECT_EQ(-EAGAIN, ws_pread(fd, &byte, 1, 0));
	EXPECT_EQ(-EAGAIN, ws_sync(fd));
	EXPECT_EQ(-EAGAIN, ws_sync_for(fd, WRITESYNC_TIMEOUT_NONE));
	EXPECT_EQ(-1, fsync(fd));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-EAGAIN, write_call(fd, self->new, 0, &written));
	EXPECT_EQ(0, written);
	EXPECT_GE(4 * WS_SLACK, ws_now() - begun);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, 0));
	expect_after(_metadata, self, fd, variant->unsynced);
	EXPECT_EQ(LENGTH, ws_pwrite(fd, self->new, LENGTH, 0));
}

static void expect_timed_out(struct __test_metadata *_metadata, int ret,
			     __u64 begun)
{
	__u64 took = ws_now() - begun;

	EXPECT_EQ(-ETIMEDOUT, ret);
	EXPECT_LE(SHORT, took);
	EXPECT_GE(SHORT + WS_SLACK, took);
}

TEST_F(frozen, c3_calls_end_by_their_timeout)
{
	__u64 written, begun = ws_now();

	expect_timed_out(_metadata, ws_sync_for(self->fd, SHORT), begun);
	begun = ws_now();
	expect_timed_out(_metadata, ws_sync_until(self->fd, begun + SHORT),
			 begun);
	begun = ws_now();
	expect_timed_out(_metadata, write_call(self->fd, self->new, SHORT,
					       &written), begun);
	EXPECT_EQ(0, written);
	expect_after(_metadata, self, self->fd, variant->unsynced);
	/* None of them wrote. */
	EXPECT_NE(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
}

TEST_F(frozen, c3_calls_without_one_take_the_windows)
{
	__u64 begun;
	__u8 byte;

	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", SHORT / WS_MS));
	begun = ws_now();
	expect_timed_out(_metadata, fsync(self->fd) ? -errno : 0, begun);
	begun = ws_now();
	expect_timed_out(_metadata, ws_pwrite(self->fd, self->new, LENGTH, 0),
			 begun);
	begun = ws_now();
	expect_timed_out(_metadata, ws_pwritev2(self->fd, self->new, LENGTH, 0,
						RWF_DSYNC), begun);
	begun = ws_now();
	expect_timed_out(_metadata, ws_pread(self->fd, &byte, 1, 0), begun);
	expect_after(_metadata, self, self->fd, variant->unsynced);
}

static long write_new(void *data)
{
	FROZEN *self = data;

	return ws_pwrite(self->fd, self->new, LENGTH, 0);
}

static long read_old(void *data)
{
	FROZEN *self = data;
	__u8 back[LENGTH];

	return ws_pread(self->fd, back, LENGTH, 2 * PAGE);
}

static long sync_now(void *data)
{
	FROZEN *self = data;

	return ws_sync_for(self->fd, 10 * WS_S);
}

static long store_new(void *data)
{
	FROZEN *self = data;

	ws_store(self->map, self->new, LENGTH);
	return 0;
}

static long load_first(void *data)
{
	FROZEN *self = data;

	return ws_touch(self->map + LENGTH, false);
}

TEST_F(frozen, c5_writers_and_readers_wait_and_go_on)
{
	struct ws_caller callers[2] = { 0 };

	ASSERT_EQ(0, ws_caller_start(&callers[0], write_new, self));
	ASSERT_EQ(0, ws_caller_start(&callers[1], read_old, self));
	ws_expect_waiting(_metadata, callers, 2);
	EXPECT_TRUE(ws_is_state(&self->dev, "frozen"));
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	pthread_join(callers[0].thread, NULL);
	pthread_join(callers[1].thread, NULL);
	EXPECT_EQ(LENGTH, callers[0].ret);
	EXPECT_EQ(LENGTH, callers[1].ret);
	/* What was written after the reset is not lost by it. */
	EXPECT_EQ(variant->unsynced ? -EIO : 0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
}

TEST_F(frozen, c5_a_sync_waits_and_is_told)
{
	struct ws_caller caller = { 0 };

	ASSERT_EQ(0, ws_caller_start(&caller, sync_now, self));
	ws_expect_waiting(_metadata, &caller, 1);
	EXPECT_TRUE(ws_is_state(&self->dev, "frozen"));
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	pthread_join(caller.thread, NULL);
	EXPECT_EQ(variant->unsynced ? -EIO : 0, caller.ret);
	EXPECT_EQ(0, ws_sync(self->fd));
}

TEST_F(frozen, c5_stores_and_loads_wait_and_go_on)
{
	struct ws_caller callers[2] = { 0 };

	ASSERT_EQ(0, ws_caller_start(&callers[0], store_new, self));
	ASSERT_EQ(0, ws_caller_start(&callers[1], load_first, self));
	ws_expect_waiting(_metadata, callers, 2);
	EXPECT_TRUE(ws_is_state(&self->dev, "frozen"));
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	pthread_join(callers[0].thread, NULL);
	pthread_join(callers[1].thread, NULL);
	EXPECT_EQ(0, callers[0].ret);
	EXPECT_EQ(0, callers[1].ret);
	ws_sync(self->fd);
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, PAGE, LENGTH));
}

static void expect_interrupted(struct __test_metadata *_metadata,
			       FROZEN *self, long (*call)(void *data))
{
	struct ws_caller caller = { 0 };
	__u64 begun;

	ASSERT_EQ(0, ws_caller_start(&caller, call, self));
	ws_expect_waiting(_metadata, &caller, 1);
	begun = ws_now();
	pthread_kill(caller.thread, SIGUSR1);
	pthread_join(caller.thread, NULL);
	EXPECT_EQ(-EINTR, caller.ret);
	EXPECT_GE(2 * WS_SLACK, ws_now() - begun);
}

TEST_F(frozen, c9_a_signal_ends_the_wait)
{
	expect_interrupted(_metadata, self, sync_now);
	expect_interrupted(_metadata, self, write_new);
	expect_interrupted(_metadata, self, read_old);
	expect_after(_metadata, self, self->fd, variant->unsynced);
	EXPECT_NE(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
}

/* A store cannot be interrupted, but whoever makes it can be killed. */
TEST_F(frozen, c9_who_waits_for_a_store_can_be_killed)
{
	pid_t pid = fork();
	int status;
	__u64 begun;

	ASSERT_LE(0, pid);
	if (!pid) {
		store_new(self);
		_exit(0);
	}
	ws_sleep(50 * WS_MS);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	begun = ws_now();
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_GE(2 * WS_SLACK, ws_now() - begun);
	expect_after(_metadata, self, self->fd, variant->unsynced);
}

/* What does not need the device does not wait for it. */
TEST_F(frozen, c5_opening_mapping_and_closing_do_not_wait)
{
	__u64 begun = ws_now();
	int fd = ws_open(&self->dev, O_RDWR);
	__u8 *map;

	ASSERT_LE(0, fd);
	EXPECT_EQ(5, lseek(fd, 5, SEEK_SET));
	EXPECT_EQ(0, ws_map(fd, 0, PAGE, BOTH, &map));
	EXPECT_EQ(0, munmap(map, PAGE));
	close(fd);
	EXPECT_GE(2 * WS_SLACK, ws_now() - begun);
	expect_after(_metadata, self, self->fd, variant->unsynced);
}

/* ---- a function that did not answer when its reset began ---- */

FIXTURE(silent) {
	struct ws_dev dev;
	int fd;
	struct ws_caller reset;
};

#define SILENT		FIXTURE_DATA(silent)

FIXTURE_SETUP(silent)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	if (!ws_can_flr(&self->dev))
		SKIP(return, "the function offers no function-level reset");
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(silent)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static long reset_now(void *data)
{
	return ws_flr(&((SILENT *)data)->dev);
}

/*
 * Of such a function Linux 6.1 saves all-ones, and restores that as its
 * configuration: nobody would find its memory any more. Later ones save nothing
 * of a function that does not answer at first, and 7.3 does not reset it.
 */
TEST_F(silent, c4_a_reset_that_began_while_it_was_dead)
{
	__u8 data[LENGTH];

	ASSERT_EQ(0, ws_flr(&self->dev));
	ws_fill(data, LENGTH, 1);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, data, LENGTH, 0));
	ws_fault(&self->dev, WS_FAULT_DEAD);
	ASSERT_EQ(0, ws_caller_start(&self->reset, reset_now, self));
	EXPECT_TRUE(ws_kernel_since(7, 0) ||
		    ws_wait_state(&self->dev, "frozen"));
	/* It waits for 700 ms if transactions seem to be pending, as they do. */
	ws_sleep(400 * WS_MS);
	ws_fault(&self->dev, 0);
	pthread_join(self->reset.thread, NULL);
	if (ws_kernel_since(7, 0) && self->reset.ret == -ENOTTY) {
		EXPECT_TRUE(ws_is_state(&self->dev, "dead"));
		EXPECT_EQ(-ENODEV, ws_sync(self->fd));
		return;
	}
	EXPECT_EQ(0, self->reset.ret);
	EXPECT_TRUE(ws_is_state(&self->dev, "live"));

	EXPECT_EQ(-EIO, ws_sync(self->fd));
	ws_fill(data, LENGTH, 2);
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, data, LENGTH, 0));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(ws_crc(data, LENGTH), ws_peer_crc(&self->dev, 0, LENGTH));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * C3: no call waits longer than its time-out, none returns ETIMEDOUT sooner,
 * and what was not confirmed in time is still unsynced.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "kselftest_harness.h"
#include "ws_test.h"

/* What does not end in time here hangs. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	5

#define LENGTH		64

struct window {
	struct ws_dev dev;
	int fd;
	__u8 data[LENGTH];
};

/* A window with unsynced bytes whose device answers nothing. */
static int stall(struct window *w)
{
	w->fd = ws_open(&w->dev, O_RDWR);
	if (w->fd < 0)
		return w->fd;
	ws_drain(&w->dev, WS_HOLD);
	ws_fill(w->data, LENGTH, ws_now());
	if (ws_pwrite(w->fd, w->data, LENGTH, 0) != LENGTH)
		return -EIO;
	ws_fault(&w->dev, WS_FAULT_STALL);
	return 0;
}

/* Well again; by time too, which is all that some ways of asking rely on. */
static void recover(const struct ws_dev *dev)
{
	ws_drain(dev, WS_US);
	ws_fault(dev, 0);
}

static __s64 peer_sees_data(struct window *w)
{
	return ws_peer_crc(&w->dev, 0, LENGTH) == ws_crc(w->data, LENGTH);
}

static void expect_timed_out(struct __test_metadata *_metadata, int ret,
			     __u64 asked, __u64 took)
{
	EXPECT_EQ(-ETIMEDOUT, ret);
	EXPECT_LE(asked, took);
	EXPECT_GE(asked + WS_SLACK, took);
}

static void expect_recovery(struct __test_metadata *_metadata,
			    struct window *w)
{
	EXPECT_EQ(1, ws_needed(w->fd));
	EXPECT_LT(0, ws_level(&w->dev));
	recover(&w->dev);
	/* The default may be 10 ms, in which a busy machine gets nowhere. */
	EXPECT_EQ(0, ws_sync_for(w->fd, ws_slow() * WS_S));
	EXPECT_EQ(0, ws_level(&w->dev));
	EXPECT_EQ(0, ws_needed(w->fd));
	EXPECT_EQ(1, peer_sees_data(w));
}

/* A device that never drains, for every duration. */

FIXTURE(stalled) {
	struct window w;
};

FIXTURE_VARIANT(stalled) {
	const char *confirm;
	const char *inline_sync;
	__u64 timeout;
	bool by_clock;
};

FIXTURE_VARIANT_ADD(stalled, window_auto_1ms) {
	"window", "auto", WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, window_auto_10ms) {
	"window", "auto", 10 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, window_auto_100ms) {
	"window", "auto", 100 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, window_auto_1s) {
	"window", "auto", WS_S, false
};

FIXTURE_VARIANT_ADD(stalled, window_never_1ms) {
	"window", "never", WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, window_never_10ms) {
	"window", "never", 10 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, window_never_100ms) {
	"window", "never", 100 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, window_never_1s) {
	"window", "never", WS_S, false
};

FIXTURE_VARIANT_ADD(stalled, window_auto_1ms_by_clock) {
	"window", "auto", WS_MS, true
};

FIXTURE_VARIANT_ADD(stalled, window_auto_10ms_by_clock) {
	"window", "auto", 10 * WS_MS, true
};

FIXTURE_VARIANT_ADD(stalled, window_auto_100ms_by_clock) {
	"window", "auto", 100 * WS_MS, true
};

FIXTURE_VARIANT_ADD(stalled, window_auto_1s_by_clock) {
	"window", "auto", WS_S, true
};

FIXTURE_VARIANT_ADD(stalled, window_never_1ms_by_clock) {
	"window", "never", WS_MS, true
};

FIXTURE_VARIANT_ADD(stalled, window_never_10ms_by_clock) {
	"window", "never", 10 * WS_MS, true
};

FIXTURE_VARIANT_ADD(stalled, window_never_100ms_by_clock) {
	"window", "never", 100 * WS_MS, true
};

FIXTURE_VARIANT_ADD(stalled, window_always_1ms) {
	"window", "always", WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, window_always_10ms) {
	"window", "always", 10 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, window_always_100ms) {
	"window", "always", 100 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, sentinel_auto_1ms) {
	"sentinel", "auto", WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, sentinel_auto_10ms) {
	"sentinel", "auto", 10 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, sentinel_auto_100ms) {
	"sentinel", "auto", 100 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, sentinel_never_1ms) {
	"sentinel", "never", WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, sentinel_never_10ms) {
	"sentinel", "never", 10 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, sentinel_never_100ms) {
	"sentinel", "never", 100 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, pending_auto_1ms) {
	"pending", "auto", WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, pending_auto_10ms) {
	"pending", "auto", 10 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, pending_auto_100ms) {
	"pending", "auto", 100 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, pending_auto_1s) {
	"pending", "auto", WS_S, false
};

FIXTURE_VARIANT_ADD(stalled, pending_never_1ms) {
	"pending", "never", WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, pending_never_10ms) {
	"pending", "never", 10 * WS_MS, false
};

FIXTURE_VARIANT_ADD(stalled, pending_never_100ms) {
	"pending", "never", 100 * WS_MS, false
};

FIXTURE_SETUP(stalled)
{
	WS_BEGIN(return, &self->w.dev, WS_NEED_POSTED | WS_NEED_PEER);
	WS_ENGINE(return, &self->w.dev, variant->confirm, variant->inline_sync);
	ASSERT_EQ(0, stall(&self->w));
}

FIXTURE_TEARDOWN(stalled)
{
	close(self->w.fd);
	EXPECT_EQ(0, ws_end(&self->w.dev));
}

TEST_F(stalled, c3_ends_in_time_and_the_next_sync_succeeds)
{
	__u64 begun = ws_now();
	int ret;

	if (variant->by_clock)
		ret = ws_sync_until(self->w.fd, begun + variant->timeout);
	else
		ret = ws_sync_for(self->w.fd, variant->timeout);
	expect_timed_out(_metadata, ret, variant->timeout, ws_now() - begun);
	expect_recovery(_metadata, &self->w);
}

/* Other forms of time, and other calls */

FIXTURE(time_forms) {
	struct window w;
};

FIXTURE_VARIANT(time_forms) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(time_forms, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(time_forms, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(time_forms, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(time_forms, sentinel_worker) { "sentinel", "never" };
FIXTURE_VARIANT_ADD(time_forms, window_auto) { "window", "auto" };
FIXTURE_VARIANT_ADD(time_forms, sentinel_auto) { "sentinel", "auto" };
FIXTURE_VARIANT_ADD(time_forms, pending_auto) { "pending", "auto" };
FIXTURE_VARIANT_ADD(time_forms, pending_worker) { "pending", "never" };

FIXTURE_SETUP(time_forms)
{
	WS_BEGIN(return, &self->w.dev, WS_NEED_POSTED | WS_NEED_PEER);
	WS_ENGINE(return, &self->w.dev, variant->confirm, variant->inline_sync);
	ASSERT_EQ(0, stall(&self->w));
}

FIXTURE_TEARDOWN(time_forms)
{
	close(self->w.fd);
	EXPECT_EQ(0, ws_end(&self->w.dev));
}

TEST_F(time_forms, c3_a_point_in_the_past_has_come)
{
	__u64 begun = ws_now();

	EXPECT_EQ(-ETIMEDOUT, ws_sync_until(self->w.fd, 1));
	EXPECT_EQ(-ETIMEDOUT, ws_sync_until(self->w.fd, begun - 1));
	EXPECT_GE(2 * WS_SLACK, ws_now() - begun);
	expect_recovery(_metadata, &self->w);
	EXPECT_EQ(0, ws_sync_until(self->w.fd, 1));
}

TEST_F(time_forms, c3_one_nanosecond)
{
	__u64 begun = ws_now();
	int ret = ws_sync_for(self->w.fd, 1);

	expect_timed_out(_metadata, ret, 1, ws_now() - begun);
	expect_recovery(_metadata, &self->w);
	EXPECT_EQ(0, ws_sync_for(self->w.fd, 1));
}

TEST_F(time_forms, c3_every_way_takes_the_windows_default)
{
	__u64 asked = 10 * WS_MS, took;
	enum ws_way way;
	int ret;

	ASSERT_EQ(0, ws_set_number(&self->w.dev, "timeout_ms", 10));
	/* The first ring takes the kernel a while. */
	EXPECT_EQ(-ETIMEDOUT, ws_flush(&self->w.dev, self->w.fd,
				       WS_BY_URING_FSYNC, LENGTH));
	for (way = 0; way < WS_WAYS; way++) {
		ret = ws_flush_timed(&self->w.dev, self->w.fd, way, LENGTH,
				     &took);
		expect_timed_out(_metadata, ret, asked, took);
		if (took > asked + WS_SLACK)
			TH_LOG("by %s", ws_way_name(way));
		EXPECT_EQ(1, ws_needed(self->w.fd)) {
			TH_LOG("by %s", ws_way_name(way));
		}
	}
	expect_recovery(_metadata, &self->w);
	EXPECT_EQ(ws_way_crc(),
		  ws_peer_crc(&self->w.dev, LENGTH, WS_WAY_BYTES));
}

TEST_F(time_forms, c3_0_is_the_default_as_a_point_in_time_too)
{
	__u64 begun;
	int ret;

	ASSERT_EQ(0, ws_set_number(&self->w.dev, "timeout_ms", 15));
	begun = ws_now();
	ret = ws_sync_until(self->w.fd, WRITESYNC_TIMEOUT_DEFAULT);
	expect_timed_out(_metadata, ret, 15 * WS_MS, ws_now() - begun);
	expect_recovery(_metadata, &self->w);
}

TEST_F(time_forms, c3_outputs_are_stored_on_a_timeout)
{
	struct writesync_sync sync = {
		.timeout_ns = 30 * WS_MS, .elapsed_ns = 0, .synced = ~0ull,
	};
	struct writesync_query query;
	__u64 begun = ws_now();
	int ret = ws_sync_call(self->w.fd, &sync);
	__u64 took = ws_now() - begun;

	expect_timed_out(_metadata, ret, 30 * WS_MS, took);
	EXPECT_LE(30 * WS_MS, sync.elapsed_ns);
	EXPECT_GE(took, sync.elapsed_ns);
	ASSERT_EQ(0, ws_query(self->w.fd, &query));
	EXPECT_EQ(query.synced, sync.synced);
	EXPECT_GT(query.posted, sync.synced);
	EXPECT_EQ(30 * WS_MS, sync.timeout_ns);
	expect_recovery(_metadata, &self->w);
}

/* Does not end by time: another thread heals the device. */
struct waiter {
	struct window *w;
	struct writesync_sync sync;
	pthread_t thread;
	int ret;
	atomic_bool begun, done;
};

static void *wait_for_sync(void *data)
{
	struct waiter *waiter = data;

	waiter->begun = true;
	waiter->ret = ws_sync_call(waiter->w->fd, &waiter->sync);
	waiter->done = true;
	return NULL;
}

static void sleep_ns(__u64 ns)
{
	struct timespec ts = { .tv_sec = ns / WS_S, .tv_nsec = ns % WS_S };

	nanosleep(&ts, NULL);
}

static void waits_until_recovery(struct __test_metadata *_metadata,
				 struct window *w, __u64 timeout,
				 __u32 flags)
{
	struct waiter waiter = {
		.w = w,
		.sync = { .timeout_ns = timeout, .flags = flags },
	};

	ASSERT_EQ(0, ws_set_number(&w->dev, "timeout_ms", 1));
	ASSERT_EQ(0, pthread_create(&waiter.thread, NULL, wait_for_sync,
				    &waiter));
	while (!waiter.begun)
		sched_yield();
	/* Long enough for what must not end it: the window's default. */
	sleep_ns(25 * WS_MS);
	EXPECT_FALSE(waiter.done);
	recover(&w->dev);
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(0, waiter.ret);
	EXPECT_EQ(0, ws_level(&w->dev));
	EXPECT_EQ(1, peer_sees_data(w));
	EXPECT_LE(1, waiter.sync.readbacks);
}

TEST_F(time_forms, c3_no_timeout_waits_until_the_device_recovers)
{
	waits_until_recovery(_metadata, &self->w, WRITESYNC_TIMEOUT_NONE, 0);
}

TEST_F(time_forms, c3_no_timeout_as_a_point_in_time)
{
	waits_until_recovery(_metadata, &self->w, WRITESYNC_TIMEOUT_NONE,
			     WRITESYNC_ABSTIME);
}

TEST_F(time_forms, c3_2_to_the_63_is_no_timeout)
{
	waits_until_recovery(_metadata, &self->w, 1ull << 63, 0);
}

TEST_F(time_forms, c3_2_to_the_63_is_no_point_in_time)
{
	waits_until_recovery(_metadata, &self->w, 1ull << 63,
			     WRITESYNC_ABSTIME);
}

TEST_F(time_forms, c3_just_below_2_to_the_63_does_not_overflow)
{
	waits_until_recovery(_metadata, &self->w, (1ull << 63) - 1, 0);
}

TEST_F(time_forms, c3_a_longer_caller_outlives_a_shorter_one)
{
	struct waiter waiter = {
		.w = &self->w, .sync = { .timeout_ns = 5 * WS_S },
	};
	__u64 begun;
	int ret;

	ASSERT_EQ(0, pthread_create(&waiter.thread, NULL, wait_for_sync,
				    &waiter));
	begun = ws_now();
	ret = ws_sync_for(self->w.fd, 20 * WS_MS);
	expect_timed_out(_metadata, ret, 20 * WS_MS, ws_now() - begun);
	EXPECT_FALSE(waiter.done);
	recover(&self->w.dev);
	pthread_join(waiter.thread, NULL);
	EXPECT_EQ(0, waiter.ret);
	EXPECT_EQ(0, ws_level(&self->w.dev));
	EXPECT_EQ(1, peer_sees_data(&self->w));
}

/* O_NONBLOCK: never a wait, and the readback goes on without the caller. */
TEST_F(time_forms, c3_nonblocking_says_eagain_then_0)
{
	struct writesync_sync sync = { .timeout_ns = 1 };
	__u64 begun, end;
	int fd, ret, tries;

	fd = ws_open(&self->w.dev, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	for (tries = 0; tries < 3; tries++) {
		begun = ws_now();
		EXPECT_EQ(-EAGAIN, ws_sync(fd));
		EXPECT_GE(ws_slow() * WS_S / 4, ws_now() - begun);
	}
	EXPECT_EQ(-EAGAIN, ws_sync_call(fd, &sync));
	EXPECT_EQ(-1, fsync(fd));
	EXPECT_EQ(EAGAIN, errno);
	recover(&self->w.dev);
	end = ws_now() + WS_S;
	do {
		ret = ws_sync(fd);
	} while (ret == -EAGAIN && ws_now() < end && !sched_yield());
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, ws_level(&self->w.dev));
	EXPECT_EQ(1, peer_sees_data(&self->w));
	close(fd);
}

/* Answers that come, but late. The reader's CPU does nothing else then. */

FIXTURE(late) {
	struct window w;
};

FIXTURE_VARIANT(late) {
	const char *confirm;
};

FIXTURE_VARIANT_ADD(late, window) {
	.confirm = "window",
};

FIXTURE_VARIANT_ADD(late, sentinel) {
	.confirm = "sentinel",
};

#define LATE	(120 * WS_MS)

FIXTURE_SETUP(late)
{
	cpu_set_t first;

	WS_BEGIN(return, &self->w.dev, WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_CPUS);
	WS_ENGINE(return, &self->w.dev, variant->confirm, "never");
	ASSERT_EQ(0, stall(&self->w));
	ws_slow_reads(&self->w.dev, LATE);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(first), &first));
}

FIXTURE_TEARDOWN(late)
{
	close(self->w.fd);
	EXPECT_EQ(0, ws_end(&self->w.dev));
}

static __u64 reads(const struct ws_dev *dev)
{
	return ws_reg64(dev, WS_EDU_READS_MEM) +
	       ws_reg64(dev, WS_EDU_READS_REG);
}

static int wait_until_clean(int fd, __u64 ns)
{
	__u64 end = ws_now() + ns;
	int needed;

	do {
		needed = ws_needed(fd);
	} while (needed == 1 && ws_now() < end && !sched_yield());
	return needed;
}

TEST_F(late, c3_a_late_answer_counts)
{
	__u64 before = reads(&self->w.dev), begun = ws_now();
	struct writesync_sync sync = { 0 };
	int ret = ws_sync_for(self->w.fd, 10 * WS_MS);

	expect_timed_out(_metadata, ret, 10 * WS_MS, ws_now() - begun);
	EXPECT_EQ(1, ws_needed(self->w.fd));
	EXPECT_EQ(0, wait_until_clean(self->w.fd, 10 * LATE));
	EXPECT_LE(LATE, ws_now() - begun);
	EXPECT_EQ(1, reads(&self->w.dev) - before);
	EXPECT_EQ(0, ws_sync_call(self->w.fd, &sync));
	EXPECT_EQ(0, sync.readbacks);
	EXPECT_EQ(1, reads(&self->w.dev) - before);
	EXPECT_EQ(0, ws_level(&self->w.dev));
	EXPECT_EQ(1, peer_sees_data(&self->w));
}

TEST_F(late, c3_a_read_in_flight_is_not_started_twice)
{
	__u64 before = reads(&self->w.dev), begun;
	int i, ret;

	for (i = 0; i < 5; i++) {
		begun = ws_now();
		ret = ws_sync_for(self->w.fd, 5 * WS_MS);
		expect_timed_out(_metadata, ret, 5 * WS_MS, ws_now() - begun);
	}
	EXPECT_EQ(0, ws_sync_for(self->w.fd, 10 * WS_S));
	EXPECT_EQ(1, reads(&self->w.dev) - before);
	EXPECT_EQ(0, ws_level(&self->w.dev));
}

TEST_F(late, c3_a_late_answer_covers_only_what_was_written_before_it)
{
	__u64 begun = ws_now();
	struct writesync_query query;
	int ret = ws_sync_for(self->w.fd, 10 * WS_MS);

	expect_timed_out(_metadata, ret, 10 * WS_MS, ws_now() - begun);
	ASSERT_EQ(8, ws_pwrite(self->w.fd, self->w.data, 8, 4096));
	ASSERT_EQ(0, ws_query(self->w.fd, &query));
	EXPECT_EQ(0, ws_sync_for(self->w.fd, 10 * WS_S));
	EXPECT_EQ(0, ws_level(&self->w.dev));
	EXPECT_EQ(ws_crc(self->w.data, 8),
		  ws_peer_crc(&self->w.dev, 4096, 8));
	EXPECT_EQ(1, query.needed);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * WRITESYNC_IOC_WRITE: the sync that belongs to it, one time-out for both, and
 * what is told when it ends early.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LENGTH		64
#define CHUNK		65536	/* a long copy looks up this often */
/*
 * How long a wait may take too long. timeouts.c is strict; here it is about
 * which time-out counts.
 */
#define LATE		(4 * WS_SLACK)

/* The sync that belongs to it, for every way of proving arrival. */

FIXTURE(synced) {
	struct ws_dev dev;
	int fd;
	__u8 old[LENGTH];
	__u8 new[LENGTH];
	struct writesync_iovec iov[2];
};

#define SYNCED		FIXTURE_DATA(synced)

FIXTURE_VARIANT(synced) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(synced, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(synced, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(synced, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(synced, sentinel_worker) { "sentinel", "never" };
FIXTURE_VARIANT_ADD(synced, config_inline) { "config", "always" };
FIXTURE_VARIANT_ADD(synced, config_worker) { "config", "never" };

FIXTURE_SETUP(synced)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, 4096);
	ws_fill(self->old, LENGTH, 1);
	ws_fill(self->new, LENGTH, 2);
	self->iov[0] = ws_piece(self->new, 13);
	self->iov[1] = ws_piece(self->new + 13, LENGTH - 13);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->old, LENGTH, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	ws_drain(&self->dev, WS_HOLD);
}

FIXTURE_TEARDOWN(synced)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static bool peer_sees(SYNCED *self, const __u8 *data)
{
	return ws_peer_crc(&self->dev, 0, LENGTH) == ws_crc(data, LENGTH);
}

TEST_F(synced, c1_write_and_sync_arrives)
{
	struct writesync_write write = ws_pieces_at(self->iov, 2, 0);

	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_LT(0, ws_level(&self->dev));
	EXPECT_TRUE(peer_sees(self, self->old));
	write.flags |= WRITESYNC_WRITE_SYNC;
	ws_fill(self->new, LENGTH, 3);
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_TRUE(peer_sees(self, self->new));
	EXPECT_EQ(LENGTH, write.bytes_written);
	EXPECT_EQ(0, ws_needed(self->fd));
}

TEST_F(synced, c1_at_the_position)
{
	struct writesync_write write = ws_pieces(self->iov, 2);

	write.flags = WRITESYNC_WRITE_SYNC;
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_TRUE(peer_sees(self, self->new));
	EXPECT_EQ(LENGTH, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(synced, c1_the_sync_covers_earlier_writes_by_others)
{
	struct writesync_write write = ws_pieces(NULL, 0);
	int other = ws_open(&self->dev, O_WRONLY);

	ASSERT_LE(0, other);
	ASSERT_EQ(LENGTH, ws_pwrite(other, self->new, LENGTH, 0));
	EXPECT_TRUE(peer_sees(self, self->old));
	write.flags = WRITESYNC_WRITE_SYNC;
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_TRUE(peer_sees(self, self->new));
	close(other);
}

TEST_F(synced, c1_o_dsync_implies_the_sync)
{
	static const int flags[] = { O_DSYNC, O_SYNC };
	struct writesync_write write;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		fd = ws_open(&self->dev, O_WRONLY | flags[i]);
		ASSERT_LE(0, fd);
		ws_fill(self->new, LENGTH, 20 + i);
		write = ws_pieces(self->iov, 2);
		EXPECT_EQ(0, ws_write_call(fd, &write));
		EXPECT_EQ(0, ws_level(&self->dev));
		EXPECT_TRUE(peer_sees(self, self->new));
		EXPECT_LE(1, write.readbacks);
		EXPECT_EQ(LENGTH, lseek(fd, 0, SEEK_CUR));
		close(fd);
	}
}

TEST_F(synced, c4_verify_of_what_arrived_is_0)
{
	struct writesync_write write;
	size_t length;

	if (!self->dev.prefetch)
		SKIP(return, "the window is not prefetchable");
	for (length = 1; length <= LENGTH; length++) {
		self->iov[0] = ws_piece(self->new, length / 3);
		self->iov[1] = ws_piece(self->new + length / 3,
					length - length / 3);
		write = ws_pieces_at(self->iov, 2, length % 7);
		write.flags |= WRITESYNC_WRITE_SYNC | WRITESYNC_VERIFY;
		EXPECT_EQ(0, ws_write_call(self->fd, &write)) {
			TH_LOG("length %zu", length);
		}
		EXPECT_EQ(0, ws_level(&self->dev));
	}
}

TEST_F(synced, c4_eio_verify_finds_a_lost_store)
{
	struct writesync_iovec iov = ws_piece(self->new, LENGTH);
	struct writesync_write write = ws_pieces(&iov, 1);

	if (!self->dev.prefetch)
		SKIP(return, "the window is not prefetchable");
	ws_drop_nth(&self->dev, LENGTH / 8);
	write.flags = WRITESYNC_WRITE_SYNC | WRITESYNC_VERIFY;
	EXPECT_EQ(-EIO, ws_write_call(self->fd, &write));
	EXPECT_EQ(LENGTH, write.bytes_written);
	EXPECT_EQ(LENGTH, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_FALSE(peer_sees(self, self->new));
}

TEST_F(synced, c4_eio_without_memory_decoding)
{
	struct writesync_write write = ws_pieces(NULL, 0);

	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	ASSERT_EQ(0, ws_decode(&self->dev, false));
	write.flags = WRITESYNC_WRITE_SYNC;
	EXPECT_EQ(-EIO, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, write.bytes_written);
	EXPECT_EQ(1, ws_needed(self->fd));
	ASSERT_EQ(0, ws_decode(&self->dev, true));
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_TRUE(peer_sees(self, self->new));
}

TEST_F(synced, c4_enodev_of_a_dead_device)
{
	struct writesync_write write = ws_pieces(self->iov, 2);
	int ret;

	write.flags = WRITESYNC_WRITE_SYNC;
	ws_fault(&self->dev, WS_FAULT_DEAD);
	ret = ws_write_call(self->fd, &write);
	EXPECT_TRUE(ret == -ENODEV || ret == -EIO) {
		TH_LOG("%d", ret);
	}
	EXPECT_EQ(LENGTH, write.bytes_written);
	write = ws_pieces(self->iov, 2);
	EXPECT_EQ(-ENODEV, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, write.bytes_written);
	EXPECT_EQ(LENGTH, lseek(self->fd, 0, SEEK_CUR));
	write = ws_pieces(self->iov, 0);
	EXPECT_EQ(-ENODEV, ws_write_call(self->fd, &write));
}

static int wait_for_generation(int fd, __u64 before)
{
	__u64 end = ws_now() + WS_S;
	struct writesync_info info;
	int ret;

	do {
		ret = ws_info(fd, &info);
	} while (!ret && info.generation == before && ws_now() < end);
	return ret ? ret : info.generation == before ? -ETIMEDOUT : 0;
}

/* C5: the device has reset itself; what it had not taken in is lost. */
TEST_F(synced, c5_eio_once_after_a_loss)
{
	struct writesync_write write = ws_pieces_at(self->iov, 2, 0);
	struct writesync_info info;

	write.flags |= WRITESYNC_WRITE_SYNC;
	ASSERT_EQ(0, ws_info(self->fd, &info));
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 128));
	ws_reg_write(&self->dev, WS_EDU_CONTROL, WS_EDU_CONTROL_RESET);
	ASSERT_EQ(0, wait_for_generation(self->fd, info.generation));
	EXPECT_EQ(-EIO, ws_write_call(self->fd, &write));
	EXPECT_EQ(LENGTH, write.bytes_written);
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_TRUE(peer_sees(self, self->new));
}

/* A window that must not be read cannot be verified. */

FIXTURE(unread) {
	struct ws_dev dev;
	int fd;
};

FIXTURE_SETUP(unread)
{
	WS_BEGIN(return, &self->dev, WS_NEED_NARROW);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(unread)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(unread, c4_eopnotsupp_verify_of_what_must_not_be_read)
{
	struct writesync_iovec iov = ws_piece("unread..", 8);
	struct writesync_write write = ws_pieces(&iov, 1);

	write.flags = WRITESYNC_WRITE_SYNC | WRITESYNC_VERIFY;
	EXPECT_EQ(-EOPNOTSUPP, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(WS_GARBAGE, write.bytes_written);
	write.flags = WRITESYNC_WRITE_SYNC;
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
}

/* C3: a device that does not answer. */

FIXTURE(stalled) {
	struct ws_dev dev;
	int fd;
	__u8 data[LENGTH];
	struct writesync_iovec iov;
};

#define STALLED		FIXTURE_DATA(stalled)

FIXTURE_VARIANT(stalled) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(stalled, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(stalled, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(stalled, window_auto) { "window", "auto" };
FIXTURE_VARIANT_ADD(stalled, sentinel_worker) { "sentinel", "never" };
FIXTURE_VARIANT_ADD(stalled, pending_worker) { "pending", "never" };

FIXTURE_SETUP(stalled)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	ws_fill(self->data, LENGTH, ws_now());
	self->iov = ws_piece(self->data, LENGTH);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ws_drain(&self->dev, WS_HOLD);
	ws_fault(&self->dev, WS_FAULT_STALL);
}

FIXTURE_TEARDOWN(stalled)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void recover(const struct ws_dev *dev)
{
	ws_drain(dev, WS_US);
	ws_fault(dev, 0);
}

static void expect_arrival(struct __test_metadata *_metadata, STALLED *self,
			   __u64 at)
{
	EXPECT_EQ(1, ws_needed(self->fd));
	recover(&self->dev);
	EXPECT_EQ(0, ws_sync_for(self->fd, 5 * WS_S));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(self->data, LENGTH),
		  ws_peer_crc(&self->dev, at, LENGTH));
}

/* ETIMEDOUT, all bytes written, the position advanced, in time. */
static void times_out(struct __test_metadata *_metadata, STALLED *self,
		      struct writesync_write *write, __u64 asked)
{
	__u64 begun, took;

	write->flags |= WRITESYNC_WRITE_SYNC;
	ASSERT_EQ(40, lseek(self->fd, 40, SEEK_SET));
	begun = ws_now();
	if (write->flags & WRITESYNC_ABSTIME && write->timeout_ns)
		write->timeout_ns += begun;
	EXPECT_EQ(-ETIMEDOUT, ws_write_call(self->fd, write));
	took = ws_now() - begun;
	EXPECT_LE(asked, took);
	EXPECT_GE(asked + LATE, took);
	EXPECT_EQ(LENGTH, write->bytes_written);
	EXPECT_EQ(40 + LENGTH, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_GE(took, write->elapsed_ns);
	/* It begins to count in the kernel. */
	if (!(write->flags & WRITESYNC_ABSTIME))
		EXPECT_LE(asked, write->elapsed_ns);
	expect_arrival(_metadata, self, 40);
}

TEST_F(stalled, c3_etimedout_counts_all_bytes)
{
	struct writesync_write write = ws_pieces(&self->iov, 1);

	write.timeout_ns = 30 * WS_MS;
	times_out(_metadata, self, &write, 30 * WS_MS);
}

TEST_F(stalled, c3_etimedout_at_a_point_in_time)
{
	struct writesync_write write = ws_pieces(&self->iov, 1);

	write.flags = WRITESYNC_ABSTIME;
	write.timeout_ns = 30 * WS_MS;
	times_out(_metadata, self, &write, 30 * WS_MS);
}

TEST_F(stalled, c3_one_nanosecond)
{
	struct writesync_write write = ws_pieces(&self->iov, 1);

	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 10000));
	write.timeout_ns = 1;
	times_out(_metadata, self, &write, 1);
}

TEST_F(stalled, c3_0_is_the_windows_default)
{
	struct writesync_write write = ws_pieces(&self->iov, 1);

	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 25));
	times_out(_metadata, self, &write, 25 * WS_MS);
}

TEST_F(stalled, c3_0_is_the_default_as_a_point_in_time_too)
{
	struct writesync_write write = ws_pieces(&self->iov, 1);

	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 25));
	write.flags = WRITESYNC_ABSTIME;
	times_out(_metadata, self, &write, 25 * WS_MS);
}

TEST_F(stalled, c3_a_point_in_the_past_writes_and_times_out)
{
	struct writesync_write write = ws_pieces_at(&self->iov, 1, 40);
	__u64 begun;

	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 10000));
	write.flags |= WRITESYNC_WRITE_SYNC | WRITESYNC_ABSTIME;
	write.timeout_ns = 1;
	begun = ws_now();
	EXPECT_EQ(-ETIMEDOUT, ws_write_call(self->fd, &write));
	EXPECT_GE(WS_S, ws_now() - begun);
	EXPECT_EQ(LENGTH, write.bytes_written);
	expect_arrival(_metadata, self, 40);
}

TEST_F(stalled, c3_o_dsync_times_out_as_well)
{
	struct writesync_write write = ws_pieces(&self->iov, 1);
	int fd = ws_open(&self->dev, O_WRONLY | O_DSYNC);

	ASSERT_LE(0, fd);
	write.timeout_ns = 10 * WS_MS;
	EXPECT_EQ(-ETIMEDOUT, ws_write_call(fd, &write));
	EXPECT_EQ(LENGTH, write.bytes_written);
	EXPECT_EQ(LENGTH, lseek(fd, 0, SEEK_CUR));
	expect_arrival(_metadata, self, 0);
	close(fd);
}

/* Without a sync there is nothing to wait for. */
TEST_F(stalled, c3_a_write_alone_does_not_wait)
{
	struct writesync_write write = ws_pieces_at(&self->iov, 1, 0);

	write.timeout_ns = 1;
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	write.flags |= WRITESYNC_ABSTIME;
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(LENGTH, write.bytes_written);
	expect_arrival(_metadata, self, 0);
}

/* Another thread heals the device. */
struct waiter {
	STALLED *self;
	struct writesync_write write;
	int ret;
	atomic_bool done;
};

static void *wait_for_write(void *data)
{
	struct waiter *waiter = data;

	waiter->ret = ws_write_call(waiter->self->fd, &waiter->write);
	waiter->done = true;
	return NULL;
}

static void waits_until_recovery(struct __test_metadata *_metadata,
				 STALLED *self, __u64 timeout, __u32 flags)
{
	struct waiter waiter = {
		.self = self, .write = ws_pieces(&self->iov, 1),
	};
	pthread_t thread;

	waiter.write.flags = WRITESYNC_WRITE_SYNC | flags;
	waiter.write.timeout_ns = timeout;
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_write, &waiter));
	ws_sleep(25 * WS_MS);
	EXPECT_FALSE(waiter.done);
	recover(&self->dev);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, waiter.ret);
	EXPECT_EQ(LENGTH, waiter.write.bytes_written);
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(self->data, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
}

TEST_F(stalled, c3_no_timeout_waits_until_the_device_recovers)
{
	waits_until_recovery(_metadata, self, WRITESYNC_TIMEOUT_NONE, 0);
}

TEST_F(stalled, c3_no_timeout_as_a_point_in_time)
{
	waits_until_recovery(_metadata, self, WRITESYNC_TIMEOUT_NONE,
			     WRITESYNC_ABSTIME);
}

TEST_F(stalled, c3_2_to_the_63_is_no_timeout)
{
	waits_until_recovery(_metadata, self, 1ull << 63, 0);
}

TEST_F(stalled, c3_eagain_nonblocking_counts_all_bytes)
{
	int fd = ws_open(&self->dev, O_RDWR | O_NONBLOCK), ret;
	struct writesync_write write = ws_pieces(&self->iov, 1);
	__u64 begun = ws_now(), end;

	ASSERT_LE(0, fd);
	write.flags = WRITESYNC_WRITE_SYNC;
	EXPECT_EQ(-EAGAIN, ws_write_call(fd, &write));
	EXPECT_GE(ws_slow() * WS_S / 4, ws_now() - begun);
	EXPECT_EQ(LENGTH, write.bytes_written);
	EXPECT_EQ(LENGTH, lseek(fd, 0, SEEK_CUR));
	write.iov_count = 0;
	EXPECT_EQ(-EAGAIN, ws_write_call(fd, &write));
	EXPECT_EQ(0, write.bytes_written);
	recover(&self->dev);
	end = ws_now() + WS_S;
	do {
		ret = ws_write_call(fd, &write);
	} while (ret == -EAGAIN && ws_now() < end && !sched_yield());
	EXPECT_EQ(0, ret);
	EXPECT_EQ(ws_crc(self->data, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
	close(fd);
}

/* C9: a signal while it waits. Its own writes stay written. */

static void interrupts(struct __test_metadata *_metadata, STALLED *self,
		       int flags)
{
	struct writesync_write write = ws_pieces(&self->iov, 1);
	__u64 begun = ws_now();

	write.flags = WRITESYNC_WRITE_SYNC;
	write.timeout_ns = 10 * WS_S;
	ASSERT_EQ(0, ws_alarm(20 * WS_MS, flags));
	EXPECT_EQ(-EINTR, ws_write_call(self->fd, &write));
	ASSERT_EQ(0, ws_alarm(0, 0));
	EXPECT_GE(WS_S, ws_now() - begun);
	EXPECT_EQ(LENGTH, write.bytes_written);
	EXPECT_EQ(LENGTH, lseek(self->fd, 0, SEEK_CUR));
	expect_arrival(_metadata, self, 0);
}

TEST_F(stalled, c9_eintr_counts_all_bytes)
{
	interrupts(_metadata, self, 0);
}

/* It would write a second time. */
TEST_F(stalled, c9_eintr_is_not_restarted)
{
	interrupts(_metadata, self, SA_RESTART);
}

/* A write that takes long: the full queue takes a store per drain time. */

#define SLOW		(20 * WS_US)
#define LONG		(256 * 1024)

FIXTURE(slow) {
	struct ws_dev dev;
	int fd;
	__u8 *old;
	__u8 *new;
	__u8 *back;
	struct writesync_iovec iov[2];
};

#define SLOW_WRITE	FIXTURE_DATA(slow)

FIXTURE_SETUP(slow)
{
	WS_BEGIN(return, &self->dev,
		 WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_CPUS);
	WS_ENGINE(return, &self->dev, "sentinel", "never");
	if (self->dev.size < LONG)
		SKIP(return, "the window is too small");
	self->old = malloc(LONG);
	self->new = malloc(LONG);
	self->back = malloc(LONG);
	ASSERT_NE(NULL, self->old);
	ASSERT_NE(NULL, self->new);
	ASSERT_NE(NULL, self->back);
	ws_fill(self->old, LONG, 11);
	ws_fill(self->new, LONG, 12);
	self->iov[0] = ws_piece(self->new, 1000);
	self->iov[1] = ws_piece(self->new + 1000, LONG - 1000);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(LONG, ws_pwrite(self->fd, self->old, LONG, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, 1);
	ws_drain(&self->dev, SLOW);
}

FIXTURE_TEARDOWN(slow)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* New bytes up to @count, old ones behind them; the position is @count. */
static void expect_part(struct __test_metadata *_metadata, SLOW_WRITE *self,
			__u64 count)
{
	ASSERT_LT(0, count);
	ASSERT_GT(LONG, count);
	EXPECT_EQ(count, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(1, ws_needed(self->fd));
	ws_drain(&self->dev, 0);
	EXPECT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(LONG, ws_pread(self->fd, self->back, LONG, 0));
	EXPECT_EQ(0, memcmp(self->back, self->new, count));
	EXPECT_EQ(0, memcmp(self->back + count, self->old + count,
			    LONG - count));
}

TEST_F(slow, c9_eintr_counts_what_was_written)
{
	struct writesync_write write = ws_pieces(self->iov, 2);

	write.flags = WRITESYNC_WRITE_SYNC;
	write.timeout_ns = WRITESYNC_TIMEOUT_NONE;
	ASSERT_EQ(0, ws_alarm(30 * WS_MS, SA_RESTART));
	EXPECT_EQ(-EINTR, ws_write_call(self->fd, &write));
	ASSERT_EQ(0, ws_alarm(0, 0));
	EXPECT_EQ(0, write.readbacks);
	expect_part(_metadata, self, write.bytes_written);
}

/* How long one chunk takes; the same bytes as before. */
static __u64 time_a_chunk(SLOW_WRITE *self)
{
	struct writesync_iovec iov = ws_piece(self->old, CHUNK);
	struct writesync_write write = ws_pieces_at(&iov, 1, 0);

	return ws_write_call(self->fd, &write) ? 0 : write.elapsed_ns;
}

/* It is looked at between chunks, so the last one may be late. */
TEST_F(slow, c3_etimedout_counts_what_was_written)
{
	struct writesync_write write = ws_pieces(self->iov, 2);
	__u64 chunk = time_a_chunk(self), asked, begun, took;

	ASSERT_LE(CHUNK / 8 * SLOW / 2, chunk);
	asked = chunk * 3 / 2;
	write.flags = WRITESYNC_WRITE_SYNC;
	write.timeout_ns = asked;
	begun = ws_now();
	EXPECT_EQ(-ETIMEDOUT, ws_write_call(self->fd, &write));
	took = ws_now() - begun;
	EXPECT_LE(asked, took);
	EXPECT_GE(asked + 3 * chunk, took);
	EXPECT_EQ(0, write.readbacks);
	expect_part(_metadata, self, write.bytes_written);
}

TEST_F(slow, c3_a_write_without_sync_has_a_timeout_too)
{
	struct writesync_write write = ws_pieces(self->iov, 2);

	write.timeout_ns = 50 * WS_MS;
	EXPECT_EQ(-ETIMEDOUT, ws_write_call(self->fd, &write));
	expect_part(_metadata, self, write.bytes_written);
}

TEST_F(slow, c3_a_point_in_the_past_lets_one_chunk_through)
{
	struct writesync_write write = ws_pieces(self->iov, 2);

	write.flags = WRITESYNC_ABSTIME;
	write.timeout_ns = 1;
	EXPECT_EQ(-ETIMEDOUT, ws_write_call(self->fd, &write));
	EXPECT_EQ(CHUNK, write.bytes_written);
	expect_part(_metadata, self, write.bytes_written);
}

TEST_F(slow, c3_one_nanosecond_lets_one_chunk_through)
{
	struct writesync_write write = ws_pieces(self->iov, 2);

	write.flags = WRITESYNC_WRITE_SYNC;
	write.timeout_ns = 1;
	EXPECT_EQ(-ETIMEDOUT, ws_write_call(self->fd, &write));
	EXPECT_EQ(CHUNK, write.bytes_written);
	EXPECT_EQ(0, write.readbacks);
	expect_part(_metadata, self, write.bytes_written);
}

/* What the copy has used up is not there for the sync. */
TEST_F(slow, c3_one_timeout_for_both)
{
	struct writesync_iovec iov = ws_piece(self->new, CHUNK);
	struct writesync_write write = ws_pieces_at(&iov, 1, 0);
	__u64 copied = time_a_chunk(self), begun, took, asked;

	ASSERT_LE(CHUNK / 8 * SLOW / 2, copied);
	ASSERT_EQ(0, ws_sync(self->fd));
	ws_slow_reads(&self->dev, ws_slow() > 1 ? 10 * WS_S : 2 * WS_S);
	asked = 2 * copied;
	write.flags |= WRITESYNC_WRITE_SYNC;
	write.timeout_ns = asked;
	begun = ws_now();
	EXPECT_EQ(-ETIMEDOUT, ws_write_call(self->fd, &write));
	took = ws_now() - begun;
	EXPECT_EQ(CHUNK, write.bytes_written);
	EXPECT_LE(asked, took);
	EXPECT_GE(asked + copied / 2 + (ws_slow() - 1) * WS_S, took) {
		TH_LOG("copied in %llu ns, took %llu ns", copied, took);
	}
}

struct long_write {
	SLOW_WRITE *self;
	struct writesync_write write;
	int ret;
};

static void *write_long(void *data)
{
	struct long_write *job = data;

	job->ret = ws_write_call(job->self->fd, &job->write);
	return NULL;
}

/* C8: what had been written before the device went is told. */
TEST_F(slow, c8_enodev_counts_what_was_written)
{
	struct long_write job = {
		.self = self, .write = ws_pieces(self->iov, 2),
	};
	pthread_t thread;

	job.write.timeout_ns = WRITESYNC_TIMEOUT_NONE;
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_long, &job));
	ws_sleep(50 * WS_MS);
	EXPECT_EQ(0, ws_rebind(&self->dev));
	pthread_join(thread, NULL);
	EXPECT_EQ(-ENODEV, job.ret);
	EXPECT_LT(0, job.write.bytes_written);
	EXPECT_GT(LONG, job.write.bytes_written);
	EXPECT_EQ(job.write.bytes_written, lseek(self->fd, 0, SEEK_CUR));
}

/* FROZEN: the window's function is being reset. */

FIXTURE(frozen) {
	struct ws_dev dev;
	int fd;
	struct ws_freezer freezer;
	struct writesync_iovec iov;
	struct writesync_write write;
};

#define FROZEN		FIXTURE_DATA(frozen)

FIXTURE_SETUP(frozen)
{
	int ret;

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	if (!ws_can_flr(&self->dev))
		SKIP(return, "the function cannot be reset");
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_sync(self->fd));
	self->iov = ws_piece("frozen..", 8);
	self->write = ws_pieces(&self->iov, 1);
	self->write.flags = WRITESYNC_WRITE_SYNC;
	self->write.timeout_ns = 10 * WS_S;
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
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_nothing(struct __test_metadata *_metadata, FROZEN *self)
{
	EXPECT_EQ(0, self->write.bytes_written);
	EXPECT_EQ(0, self->write.readbacks);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(0, ws_needed(self->fd));
}

TEST_F(frozen, c3_etimedout_while_frozen)
{
	__u64 begun = ws_now(), took;

	self->write.timeout_ns = 10 * WS_MS;
	EXPECT_EQ(-ETIMEDOUT, ws_write_call(self->fd, &self->write));
	took = ws_now() - begun;
	EXPECT_LE(10 * WS_MS, took);
	EXPECT_GE(10 * WS_MS + LATE, took);
	expect_nothing(_metadata, self);
}

TEST_F(frozen, c3_eagain_while_frozen)
{
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, ws_write_call(self->fd, &self->write));
	expect_nothing(_metadata, self);
}

TEST_F(frozen, c9_eintr_while_frozen)
{
	ASSERT_EQ(0, ws_alarm(10 * WS_MS, SA_RESTART));
	EXPECT_EQ(-EINTR, ws_write_call(self->fd, &self->write));
	ASSERT_EQ(0, ws_alarm(0, 0));
	expect_nothing(_metadata, self);
}

static void *thaw_later(void *data)
{
	ws_sleep(50 * WS_MS);
	return (void *)(long)ws_thaw(data);
}

TEST_F(frozen, c3_it_waits_for_the_end_of_a_reset)
{
	__u64 begun = ws_now();
	void *result = NULL;
	pthread_t thread;
	__u8 back[8];

	ASSERT_EQ(0, pthread_create(&thread, NULL, thaw_later,
				    &self->freezer));
	EXPECT_EQ(0, ws_write_call(self->fd, &self->write));
	EXPECT_LE(50 * WS_MS, ws_now() - begun);
	pthread_join(thread, &result);
	EXPECT_EQ(0, (long)result);
	EXPECT_EQ(8, self->write.bytes_written);
	EXPECT_EQ(8, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, 0));
	EXPECT_EQ(0, memcmp("frozen..", back, 8));
}

TEST_HARNESS_MAIN

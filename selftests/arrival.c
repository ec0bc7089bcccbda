// SPDX-License-Identifier: GPL-2.0
/*
 * C1: what was written before a sync that returned 0 is in device memory. The
 * witness is another device behind the same port: its read does not push the
 * posted writes, so it sees old bytes until they have really arrived.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LENGTH		64
#define STEP		(12 * WS_MS)	/* per store, where only time drains */

FIXTURE(arrival) {
	struct ws_dev dev;
	int fd;
	__u8 old[LENGTH];
	__u8 new[LENGTH];
};

#define ARRIVAL		FIXTURE_DATA(arrival)

FIXTURE_VARIANT(arrival) {
	const char *confirm;
	const char *inline_sync;
};

#define ARRIVAL_VARIANT		FIXTURE_VARIANT(arrival)

FIXTURE_VARIANT_ADD(arrival, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(arrival, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(arrival, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(arrival, sentinel_worker) { "sentinel", "never" };
FIXTURE_VARIANT_ADD(arrival, config_inline) { "config", "always" };
FIXTURE_VARIANT_ADD(arrival, config_worker) { "config", "never" };
FIXTURE_VARIANT_ADD(arrival, pending_inline) { "pending", "always" };
FIXTURE_VARIANT_ADD(arrival, pending_worker) { "pending", "never" };

static bool by_time(const ARRIVAL_VARIANT *variant)
{
	return ws_is(variant->confirm, "pending");
}

FIXTURE_SETUP(arrival)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, 4096);
	ws_fill(self->old, LENGTH, 1);
	ws_fill(self->new, LENGTH, 2);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->old, LENGTH, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(ws_crc(self->old, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
	ws_drain(&self->dev, by_time(variant) ? STEP : WS_HOLD);
}

FIXTURE_TEARDOWN(arrival)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* The level is read last: if it is not 0 now, it was not 0 before either. */
static void expect_stale(struct __test_metadata *_metadata,
			 ARRIVAL *self,
			 const ARRIVAL_VARIANT *variant)
{
	__s64 seen = ws_peer_crc(&self->dev, 0, LENGTH);

	ASSERT_LT(0, ws_level(&self->dev));
	EXPECT_NE(ws_crc(self->new, LENGTH), seen);
	if (!by_time(variant))
		EXPECT_EQ(ws_crc(self->old, LENGTH), seen);
}

static void expect_fresh(struct __test_metadata *_metadata,
			 ARRIVAL *self)
{
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
}

static void stale_then_fresh(struct __test_metadata *_metadata,
			     ARRIVAL *self,
			     const ARRIVAL_VARIANT *variant,
			     enum ws_way way)
{
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	expect_stale(_metadata, self, variant);
	ASSERT_EQ(0, ws_flush(&self->dev, self->fd, way, LENGTH)) {
		TH_LOG("by %s", ws_way_name(way));
	}
	expect_fresh(_metadata, self);
	if (way < WS_WAYS_WITHOUT_WRITE)
		return;
	EXPECT_EQ(ws_way_crc(),
		  ws_peer_crc(&self->dev, LENGTH, WS_WAY_BYTES));
}

TEST_F(arrival, c1_peer_sees_stale_before_and_fresh_after_sync)
{
	stale_then_fresh(_metadata, self, variant, WS_BY_SYNC);
}

TEST_F(arrival, c1_peer_sees_stale_before_and_fresh_after_fsync)
{
	stale_then_fresh(_metadata, self, variant, WS_BY_FSYNC);
}

TEST_F(arrival, c1_peer_sees_stale_before_and_fresh_after_fdatasync)
{
	stale_then_fresh(_metadata, self, variant, WS_BY_FDATASYNC);
}

TEST_F(arrival, c1_peer_sees_stale_before_and_fresh_after_io_uring_fsync)
{
	stale_then_fresh(_metadata, self, variant, WS_BY_URING_FSYNC);
}

TEST_F(arrival, c1_peer_sees_stale_before_and_fresh_after_io_uring_rwf_dsync)
{
	stale_then_fresh(_metadata, self, variant, WS_BY_URING_DSYNC);
}

TEST_F(arrival, c1_peer_sees_stale_before_and_fresh_after_o_dsync_write)
{
	stale_then_fresh(_metadata, self, variant, WS_BY_O_DSYNC);
}

TEST_F(arrival, c1_peer_sees_stale_before_and_fresh_after_o_sync_write)
{
	stale_then_fresh(_metadata, self, variant, WS_BY_O_SYNC);
}

TEST_F(arrival, c1_peer_sees_stale_before_and_fresh_after_rwf_dsync)
{
	stale_then_fresh(_metadata, self, variant, WS_BY_RWF_DSYNC);
}

TEST_F(arrival, c1_peer_sees_stale_before_and_fresh_after_rwf_sync)
{
	stale_then_fresh(_metadata, self, variant, WS_BY_RWF_SYNC);
}

TEST_F(arrival, c1_sync_covers_writes_through_other_files)
{
	int reader = ws_open(&self->dev, O_RDONLY);

	ASSERT_LE(0, reader);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	expect_stale(_metadata, self, variant);
	EXPECT_EQ(1, ws_needed(reader));
	EXPECT_EQ(0, ws_sync(reader));
	expect_fresh(_metadata, self);
	EXPECT_EQ(0, ws_needed(self->fd));
	close(reader);
}

TEST_F(arrival, c1_sync_covers_writes_of_a_closed_file)
{
	int writer = ws_open(&self->dev, O_WRONLY);

	ASSERT_LE(0, writer);
	ASSERT_EQ(LENGTH, ws_pwrite(writer, self->new, LENGTH, 0));
	close(writer);
	expect_stale(_metadata, self, variant);
	EXPECT_EQ(0, ws_sync(self->fd));
	expect_fresh(_metadata, self);
}

TEST_F(arrival, c1_sync_of_a_range_covers_it)
{
	struct writesync_sync sync = {
		.flags = WRITESYNC_RANGE, .offset = 8, .length = 1,
	};

	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	expect_stale(_metadata, self, variant);
	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	EXPECT_EQ(ws_crc(self->new + 8, 1), ws_peer_crc(&self->dev, 8, 1));
}

TEST_F(arrival, c1_sync_covers_a_write_of_one_byte)
{
	__u8 byte = self->old[5] ^ 0x55;

	if (by_time(variant))
		ws_drain(&self->dev, 8 * STEP);
	ASSERT_EQ(1, ws_pwrite(self->fd, &byte, 1, 5));
	ASSERT_LT(0, ws_level(&self->dev));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	self->old[5] = byte;
	EXPECT_EQ(ws_crc(self->old, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
}

/* What every way of writing leaves behind is as posted as a plain write's. */
FIXTURE(arrival_of) {
	struct ws_dev dev;
	int fd;
	__u8 new[LENGTH];
};

#define ARRIVAL_OF		FIXTURE_DATA(arrival_of)

FIXTURE_SETUP(arrival_of)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, WS_EDU_QUEUE_DEPTH_MAX);
	ws_drain(&self->dev, WS_HOLD);
	ws_fill(self->new, LENGTH, ws_now());
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(arrival_of)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_sync_to_land(struct __test_metadata *_metadata,
				ARRIVAL_OF *self)
{
	__s64 fresh = ws_crc(self->new, LENGTH);

	ASSERT_LT(0, ws_level(&self->dev));
	EXPECT_NE(fresh, ws_peer_crc(&self->dev, 0, LENGTH));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(fresh, ws_peer_crc(&self->dev, 0, LENGTH));
}

TEST_F(arrival_of, c1_write)
{
	ASSERT_EQ(LENGTH, write(self->fd, self->new, LENGTH));
	expect_sync_to_land(_metadata, self);
}

TEST_F(arrival_of, c1_pwritev)
{
	struct iovec iov[3] = {
		{ self->new, 3 }, { self->new + 3, 40 },
		{ self->new + 43, LENGTH - 43 },
	};

	ASSERT_EQ(LENGTH, pwritev(self->fd, iov, 3, 0));
	expect_sync_to_land(_metadata, self);
}

TEST_F(arrival_of, c1_sendfile)
{
	int file = memfd_create("source", MFD_CLOEXEC);
	off_t from = 0;

	ASSERT_LE(0, file);
	ASSERT_EQ(LENGTH, write(file, self->new, LENGTH));
	ASSERT_EQ(LENGTH, sendfile(self->fd, file, &from, LENGTH));
	expect_sync_to_land(_metadata, self);
	close(file);
}

TEST_F(arrival_of, c1_splice)
{
	loff_t to = 0;
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	ASSERT_EQ(LENGTH, write(ends[1], self->new, LENGTH));
	ASSERT_EQ(LENGTH, splice(ends[0], NULL, self->fd, &to, LENGTH, 0));
	EXPECT_EQ(LENGTH, to);
	expect_sync_to_land(_metadata, self);
	close(ends[0]);
	close(ends[1]);
}

static void *write_elsewhere(void *data)
{
	ARRIVAL_OF *self = data;
	int fd = ws_open(&self->dev, O_WRONLY);
	ssize_t n = ws_pwrite(fd, self->new, LENGTH, 0);

	close(fd);
	return (void *)n;
}

TEST_F(arrival_of, c1_another_thread)
{
	pthread_t thread;
	void *n;

	ASSERT_EQ(0, pthread_create(&thread, NULL, write_elsewhere, self));
	ASSERT_EQ(0, pthread_join(thread, &n));
	ASSERT_EQ(LENGTH, (ssize_t)n);
	expect_sync_to_land(_metadata, self);
}

TEST_F(arrival_of, c1_short_write_before_a_fault)
{
	long page = sysconf(_SC_PAGESIZE);
	__u8 *edge = ws_edge();

	ASSERT_NE(NULL, edge);
	memcpy(edge + page - LENGTH, self->new, LENGTH);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, edge + page - LENGTH,
				    2 * LENGTH, 0));
	expect_sync_to_land(_metadata, self);
}

TEST_F(arrival_of, c1_a_write_longer_than_the_queue)
{
	size_t length = 256 * 1024;
	__u8 *data = malloc(length);

	ASSERT_NE(NULL, data);
	ASSERT_LE(length, self->dev.size);
	ws_fill(data, length, ws_now());
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, 64);
	ASSERT_EQ(length, ws_pwrite(self->fd, data, length, 0));
	ASSERT_EQ(64, ws_level(&self->dev));
	EXPECT_NE(ws_crc(data, length), ws_peer_crc(&self->dev, 0, length));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(data, length), ws_peer_crc(&self->dev, 0, length));
	free(data);
}

TEST_F(arrival_of, c1_all_kinds_of_data)
{
	static const __u8 words[] = { 0xff, 0x00, 0xff, 0x5a, 0x00 };
	__u8 data[LENGTH];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		memset(data, words[i], LENGTH);
		ASSERT_EQ(LENGTH, ws_pwrite(self->fd, data, LENGTH, 0));
		ASSERT_LT(0, ws_level(&self->dev));
		EXPECT_EQ(0, ws_sync(self->fd));
		EXPECT_EQ(0, ws_level(&self->dev));
		EXPECT_EQ(ws_crc(data, LENGTH),
			  ws_peer_crc(&self->dev, 0, LENGTH));
	}
}

TEST_HARNESS_MAIN

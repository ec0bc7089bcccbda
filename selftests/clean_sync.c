// SPDX-License-Identifier: GPL-2.0
/*
 * C2: no more than needed. A sync with nothing unsynced does not touch the
 * device, a sync with something costs one read, a write costs none, and bulk
 * data travels in the widest stores.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define BULK		65536

FIXTURE(clean_sync) {
	struct ws_dev dev;
	int fd;
	__u8 data[256];
};

FIXTURE_VARIANT(clean_sync) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(clean_sync, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(clean_sync, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(clean_sync, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(clean_sync, sentinel_worker) { "sentinel", "never" };
FIXTURE_VARIANT_ADD(clean_sync, config_inline) { "config", "always" };
FIXTURE_VARIANT_ADD(clean_sync, config_worker) { "config", "never" };
FIXTURE_VARIANT_ADD(clean_sync, pending_inline) { "pending", "always" };
FIXTURE_VARIANT_ADD(clean_sync, pending_worker) { "pending", "never" };

FIXTURE_SETUP(clean_sync)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	ws_fill(self->data, sizeof(self->data), 3);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(64, ws_pwrite(self->fd, self->data, 64, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
}

FIXTURE_TEARDOWN(clean_sync)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(clean_sync, c2_does_no_read)
{
	struct ws_counters before = ws_count(&self->dev);
	enum ws_way way;

	for (way = 0; way < WS_WAYS_WITHOUT_WRITE; way++) {
		EXPECT_EQ(0, ws_flush(&self->dev, self->fd, way, 0));
		EXPECT_EQ(0, ws_reads(before, ws_count(&self->dev))) {
			TH_LOG("by %s", ws_way_name(way));
		}
	}
}

TEST_F(clean_sync, c2_reports_no_readback)
{
	struct writesync_sync sync = { .readbacks = 77, .elapsed_ns = ~0ull };

	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	EXPECT_EQ(0, sync.readbacks);
	EXPECT_LT(sync.elapsed_ns, WS_S);
}

TEST_F(clean_sync, c2_is_not_even_slow_on_a_stalled_device)
{
	struct ws_counters before;

	ws_fault(&self->dev, WS_FAULT_STALL);
	before = ws_count(&self->dev);
	EXPECT_EQ(0, ws_sync_for(self->fd, 1));
	EXPECT_EQ(0, ws_sync_until(self->fd, 1));
	EXPECT_EQ(0, fsync(self->fd));
	EXPECT_EQ(0, ws_reads(before, ws_count(&self->dev)));
}

TEST_F(clean_sync, c2_is_what_comes_after_any_other_sync)
{
	int other = ws_open(&self->dev, O_RDWR);
	struct ws_counters before;

	ASSERT_LE(0, other);
	ASSERT_EQ(64, ws_pwrite(other, self->data, 64, 0));
	ASSERT_EQ(0, ws_sync(other));
	before = ws_count(&self->dev);
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_reads(before, ws_count(&self->dev)));
	close(other);
}

TEST_F(clean_sync, c2_asking_does_not_touch_the_device)
{
	struct ws_counters before = ws_count(&self->dev);
	struct pollfd p = { .fd = self->fd, .events = POLLIN | POLLOUT };
	struct writesync_info info;

	EXPECT_EQ(0, ws_needed(self->fd));
	ASSERT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(0, ws_reads(before, ws_count(&self->dev)));
}

TEST_F(clean_sync, c2_writes_that_wrote_nothing_leave_it_clean)
{
	struct ws_counters before = ws_count(&self->dev);
	off_t end = self->dev.size;

	EXPECT_EQ(0, ws_pwrite(self->fd, self->data, 0, 0));
	EXPECT_EQ(-EFAULT, ws_pwrite(self->fd, NULL, 8, 0));
	EXPECT_EQ(-ENOSPC, ws_pwrite(self->fd, self->data, 8, end));
	EXPECT_EQ(-EINVAL, ws_pwrite(self->fd, self->data, 8, -8));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_stores(before, ws_count(&self->dev)));
	EXPECT_EQ(0, ws_reads(before, ws_count(&self->dev)));
}

/*
 * A configuration answer is judged by more than one register; the register of
 * pending writes is polled beside the counters, and a register that a reset
 * clears is read after it.
 */
TEST_F(clean_sync, c2_an_unsynced_one_costs_one_read_of_the_chosen_kind)
{
	bool polled = ws_is(variant->confirm, "pending");
	struct writesync_sync sync = { 0 };
	struct ws_counters before, after;

	ASSERT_EQ(64, ws_pwrite(self->fd, self->data, 64, 0));
	before = ws_count(&self->dev);
	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	after = ws_count(&self->dev);
	EXPECT_EQ(ws_is(variant->confirm, "window"),
		  after.reads_mem - before.reads_mem);
	EXPECT_EQ(polled || ws_is(variant->confirm, "sentinel"),
		  after.reads_reg - before.reads_reg);
	EXPECT_EQ(ws_is(variant->confirm, "config"),
		  after.reads_config > before.reads_config);
	EXPECT_EQ(0, ws_stores(before, after));
	EXPECT_LT(0, sync.elapsed_ns);
	EXPECT_LE(1, sync.readbacks);
	if (!polled)
		EXPECT_EQ(1, sync.readbacks);
}

/* Writes */

FIXTURE(write_cost) {
	struct ws_dev dev;
	__u32 width;
	__u8 *data;
	int fd;
};

#define WRITE_COST		FIXTURE_DATA(write_cost)

FIXTURE_SETUP(write_cost)
{
	struct writesync_info info;

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED);
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, WS_EDU_QUEUE_DEPTH_MAX);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_info(self->fd, &info));
	self->width = info.access_width;
	self->data = aligned_alloc(4096, BULK + 4096);
	ASSERT_NE(NULL, self->data);
	ws_fill(self->data, BULK + 4096, 4);
}

FIXTURE_TEARDOWN(write_cost)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(write_cost, c2_no_write_causes_a_read)
{
	static const size_t lengths[] = {
		1, 2, 3, 4, 7, 8, 9, 15, 16, 63, 64, 65, 4095, 4096, 4097,
	};
	struct ws_counters before = ws_count(&self->dev), after;
	__u64 bytes = 0;
	size_t i, at;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (at = 0; at < 16; at++) {
			ASSERT_EQ(lengths[i],
				  ws_pwrite(self->fd, self->data + at,
					    lengths[i], 15 - at));
			bytes += lengths[i];
		}
	}
	after = ws_count(&self->dev);
	EXPECT_EQ(0, ws_reads(before, after));
	EXPECT_EQ(bytes, after.store_bytes - before.store_bytes);
}

static __u64 stores_of_width(const WRITE_COST *self,
			     struct ws_counters before,
			     struct ws_counters after)
{
	switch (self->width) {
	case 1:
		return after.stores_1 - before.stores_1;
	case 2:
		return after.stores_2 - before.stores_2;
	case 4:
		return after.stores_4 - before.stores_4;
	default:
		return after.stores_8 - before.stores_8;
	}
}

/* Every store is of the widest kind: @length / width of them, no other. */
static void expect_wide_stores(struct __test_metadata *_metadata,
			       WRITE_COST *self,
			       size_t length, size_t skew)
{
	struct ws_counters before = ws_count(&self->dev), after;

	ASSERT_EQ(length, ws_pwrite(self->fd, self->data + skew, length, 64));
	after = ws_count(&self->dev);
	EXPECT_EQ(length, after.store_bytes - before.store_bytes);
	EXPECT_EQ(length / self->width, ws_stores(before, after)) {
		TH_LOG("%zu bytes, buffer skewed by %zu", length, skew);
	}
	EXPECT_EQ(length / self->width,
		  stores_of_width(self, before, after));
	EXPECT_EQ(0, ws_reads(before, after));
}

TEST_F(write_cost, c2_aligned_bulk_arrives_in_wide_stores_only)
{
	static const size_t lengths[] = { 64, 128, 4096, 8192, BULK };
	size_t i;

	if (self->dev.prefetch)
		ASSERT_EQ(8, self->width);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		expect_wide_stores(_metadata, self, lengths[i], 0);
}

TEST_F(write_cost, c2_a_skewed_buffer_does_not_narrow_the_stores)
{
	size_t skew;

	for (skew = 1; skew < 16; skew++)
		expect_wide_stores(_metadata, self, 8192, skew);
}

/* The pages come from the page cache, not from the caller. */
TEST_F(write_cost, c2_sendfile_arrives_in_wide_stores_only)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	struct ws_counters before, after;
	off_t from = 0;

	ASSERT_LE(0, file);
	ASSERT_EQ(8192, write(file, self->data, 8192));
	before = ws_count(&self->dev);
	ASSERT_EQ(8192, sendfile(self->fd, file, &from, 8192));
	after = ws_count(&self->dev);
	EXPECT_EQ(8192, after.store_bytes - before.store_bytes);
	EXPECT_EQ(8192 / self->width, stores_of_width(self, before, after));
	EXPECT_EQ(8192 / self->width, ws_stores(before, after));
	close(file);
}

TEST_F(write_cost, c2_every_byte_is_stored_once)
{
	struct ws_counters before, after;
	size_t length;

	for (length = 1; length < 300; length += 7) {
		before = ws_count(&self->dev);
		ASSERT_EQ(length,
			  ws_pwrite(self->fd, self->data, length, length % 9));
		after = ws_count(&self->dev);
		EXPECT_EQ(length, after.store_bytes - before.store_bytes);
	}
}

TEST_F(write_cost, c2_sequences_count_writes_and_syncs)
{
	struct writesync_sync sync = { 0 };
	struct writesync_query a, b, c;

	ASSERT_EQ(0, ws_query(self->fd, &a));
	EXPECT_EQ(a.posted, a.synced);
	ASSERT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	ASSERT_EQ(8, ws_pwrite(self->fd, self->data, 8, 8));
	ASSERT_EQ(0, ws_query(self->fd, &b));
	EXPECT_LE(a.posted + 2, b.posted);
	EXPECT_EQ(a.synced, b.synced);
	EXPECT_EQ(1, b.needed);
	ASSERT_EQ(0, ws_sync_call(self->fd, &sync));
	ASSERT_EQ(0, ws_query(self->fd, &c));
	EXPECT_EQ(b.posted, c.posted);
	EXPECT_EQ(b.posted, c.synced);
	EXPECT_EQ(c.synced, sync.synced);
	EXPECT_EQ(0, c.needed);
}

TEST_HARNESS_MAIN

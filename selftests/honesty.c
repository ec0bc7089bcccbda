// SPDX-License-Identifier: GPL-2.0
/*
 * C4: 0 is never returned on the word of a device that cannot have given it,
 * and data that looks like a missing answer is not taken for one.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LENGTH		64
#define PAGE		4096
#define READ_TIME	(30 * WS_MS)

FIXTURE(honesty) {
	struct ws_dev dev;
	int fd;
	__u8 data[LENGTH];
};

#define HONESTY		FIXTURE_DATA(honesty)

FIXTURE_VARIANT(honesty) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(honesty, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(honesty, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(honesty, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(honesty, sentinel_worker) { "sentinel", "never" };
FIXTURE_VARIANT_ADD(honesty, config_inline) { "config", "always" };
FIXTURE_VARIANT_ADD(honesty, config_worker) { "config", "never" };
FIXTURE_VARIANT_ADD(honesty, pending_inline) { "pending", "always" };
FIXTURE_VARIANT_ADD(honesty, pending_worker) { "pending", "never" };
FIXTURE_VARIANT_ADD(honesty, window_auto) { "window", "auto" };
FIXTURE_VARIANT_ADD(honesty, config_auto) { "config", "auto" };

FIXTURE_SETUP(honesty)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ws_fill(self->data, LENGTH, 5);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->data, LENGTH, 0));
}

FIXTURE_TEARDOWN(honesty)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static bool means_gone(int ret)
{
	return ret == -ENODEV || ret == -EIO;
}

/* It was found dead; it says so to everybody from now on. */
static void expect_dead(struct __test_metadata *_metadata, struct ws_dev *dev,
			int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	struct writesync_info info;
	char state[16] = "";
	__u8 byte = 0;

	EXPECT_EQ(-ENODEV, ws_sync(fd));
	EXPECT_EQ(-ENODEV, ws_sync_until(fd, 1));
	EXPECT_EQ(-1, fsync(fd));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, ws_pwrite(fd, &byte, 1, 0));
	EXPECT_EQ(-ENODEV, ws_pread(fd, &byte, 1, 0));
	EXPECT_EQ(-ENODEV, ws_needed(fd));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLERR | POLLHUP, p.revents & (POLLERR | POLLHUP));
	EXPECT_EQ(0, ws_info(fd, &info));
	EXPECT_EQ(WRITESYNC_STATE_DEAD, info.state);
	EXPECT_EQ(0, ws_get(dev, "state", state, sizeof(state)));
	EXPECT_STREQ("dead", state);
}

TEST_F(honesty, c4_a_dead_device_never_gets_0)
{
	enum ws_way way;
	int ret;

	ws_fault(&self->dev, WS_FAULT_DEAD);
	for (way = 0; way < WS_WAYS; way++) {
		ret = ws_flush(&self->dev, self->fd, way, 0);
		EXPECT_TRUE(means_gone(ret)) {
			TH_LOG("%d by %s", ret, ws_way_name(way));
		}
	}
	expect_dead(_metadata, &self->dev, self->fd);
}

TEST_F(honesty, c4_a_window_known_dead_is_dead_when_clean_too)
{
	int clean = ws_open(&self->dev, O_RDWR);

	ASSERT_LE(0, clean);
	ws_fault(&self->dev, WS_FAULT_DEAD);
	EXPECT_TRUE(means_gone(ws_sync(self->fd)));
	expect_dead(_metadata, &self->dev, clean);
	EXPECT_EQ(-ENODEV, ws_open(&self->dev, O_RDWR));
	close(clean);
}

/* Dead is final, even if the device comes back; a new binding begins anew. */
TEST_F(honesty, c4_a_new_binding_brings_the_window_back)
{
	ws_fault(&self->dev, WS_FAULT_DEAD);
	EXPECT_TRUE(means_gone(ws_sync(self->fd)));
	ws_fault(&self->dev, 0);
	expect_dead(_metadata, &self->dev, self->fd);
	close(self->fd);

	ASSERT_EQ(0, ws_rebind(&self->dev));
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->data, LENGTH, 128));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(self->data, LENGTH),
		  ws_peer_crc(&self->dev, 128, LENGTH));
}

/* All-ones is the truth about that memory, but not from a dead device. */
TEST_F(honesty, c4_all_ones_from_a_dead_device_is_not_data)
{
	__u8 ones[LENGTH];

	memset(ones, 0xff, LENGTH);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, ones, LENGTH, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, ones, LENGTH, 0));
	ws_fault(&self->dev, WS_FAULT_DEAD);
	EXPECT_TRUE(means_gone(ws_sync(self->fd)));
	expect_dead(_metadata, &self->dev, self->fd);
}

static void syncs_bytes(struct __test_metadata *_metadata,
			HONESTY *self, __u8 value,
			size_t length)
{
	__u8 bytes[LENGTH];

	memset(bytes, value, length);
	ASSERT_EQ(length, ws_pwrite(self->fd, bytes, length, 0));
	EXPECT_EQ(0, ws_sync(self->fd)) {
		TH_LOG("%zu bytes of %#x", length, value);
	}
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(bytes, length), ws_peer_crc(&self->dev, 0, length));
}

TEST_F(honesty, c4_data_of_all_ones_or_zeros_syncs)
{
	size_t length;

	for (length = 1; length <= LENGTH; length *= 2) {
		syncs_bytes(_metadata, self, 0xff, length);
		syncs_bytes(_metadata, self, 0x00, length);
	}
}

TEST_F(honesty, c4_data_of_all_ones_or_zeros_syncs_when_reads_are_slow)
{
	ws_slow_reads(&self->dev, WS_MS);
	syncs_bytes(_metadata, self, 0xff, 8);
	syncs_bytes(_metadata, self, 0x00, 8);
	syncs_bytes(_metadata, self, 0xff, LENGTH);
	syncs_bytes(_metadata, self, 0x00, LENGTH);
}

/* There is no telling such a read from one that timed out, but by trying. */
TEST_F(honesty, c4_nothing_but_ones_ever_written_and_slow_reads)
{
	__u8 ones[LENGTH];
	int fd, ret;

	close(self->fd);
	ASSERT_EQ(0, ws_rebind(&self->dev));
	ASSERT_EQ(0, ws_set(&self->dev, "confirm", variant->confirm));
	ASSERT_EQ(0, ws_set(&self->dev, "inline_sync", variant->inline_sync));
	fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, fd);
	self->fd = fd;
	memset(ones, 0xff, LENGTH);
	ASSERT_EQ(LENGTH, ws_pwrite(fd, ones, LENGTH, 0));
	ws_slow_reads(&self->dev, 200 * WS_US);
	ret = ws_sync_for(fd, 200 * WS_MS);
	if (ret != -ETIMEDOUT)
		EXPECT_EQ(0, ret);
	EXPECT_EQ(ret != 0, ws_needed(fd));
	ws_fault(&self->dev, 0);
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(0, ws_level(&self->dev));
}

TEST_F(honesty, c4_without_memory_decoding_there_is_no_0)
{
	enum ws_way way;

	ws_drain(&self->dev, WS_HOLD);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->data, LENGTH, 256));
	ASSERT_EQ(0, ws_decode(&self->dev, false));
	for (way = 0; way < WS_WAYS_WITHOUT_WRITE; way++) {
		EXPECT_EQ(-EIO, ws_flush(&self->dev, self->fd, way, 0)) {
			TH_LOG("by %s", ws_way_name(way));
		}
	}
	EXPECT_EQ(1, ws_needed(self->fd));
	ASSERT_EQ(0, ws_decode(&self->dev, true));
	ws_drain(&self->dev, WS_US);
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(self->data, LENGTH),
		  ws_peer_crc(&self->dev, 256, LENGTH));
}

/* Death while somebody waits ends the wait. */
struct waiter {
	int fd;
	int ret;
	__u64 ended;
};

static void *wait_for_sync(void *data)
{
	struct waiter *waiter = data;

	waiter->ret = ws_sync_for(waiter->fd, 20 * WS_S);
	waiter->ended = ws_now();
	return NULL;
}

TEST_F(honesty, c4_death_during_a_wait_ends_it)
{
	struct waiter waiter = { .fd = self->fd };
	struct timespec nap = { .tv_nsec = 30 * WS_MS };
	pthread_t thread;
	__u64 died;

	if (ws_is(variant->confirm, "config"))
		SKIP(return, "a configuration read does not wait");
	ws_drain(&self->dev, WS_HOLD);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->data, LENGTH, 0));
	ws_fault(&self->dev, WS_FAULT_STALL);
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_sync, &waiter));
	nanosleep(&nap, NULL);
	died = ws_now();
	ws_fault(&self->dev, WS_FAULT_DEAD);
	pthread_join(thread, NULL);
	EXPECT_TRUE(means_gone(waiter.ret));
	EXPECT_LE(died, waiter.ended);
	EXPECT_GE(died + 4 * WS_SLACK, waiter.ended);
	expect_dead(_metadata, &self->dev, self->fd);
}

/*
 * An access that got no answer in time has cost the caller's CPU that time, and
 * what is asked next might as well: a caller asks once for each readback.
 */
struct counted {
	int fd;
	struct writesync_sync sync;
};

static long sync_counted(void *data)
{
	struct counted *counted = data;

	return ws_sync_call(counted->fd, &counted->sync);
}

TEST_F(honesty, c3_a_caller_asks_no_further_after_a_time_out)
{
	struct counted counted = {
		.fd = self->fd, .sync = { .timeout_ns = 20 * WS_S },
	};
	struct ws_counters before = ws_count(&self->dev), after;
	struct ws_caller caller = { 0 };

	if (!ws_is(variant->inline_sync, "always"))
		SKIP(return, "the window's own thread may ask again");
	if (ws_is(variant->confirm, "config"))
		SKIP(return, "a configuration read does not time out");
	ws_fault(&self->dev, WS_FAULT_STALL);
	ASSERT_EQ(0, ws_caller_start(&caller, sync_counted, &counted));
	ws_sleep(100 * WS_MS);
	ws_fault(&self->dev, 0);
	pthread_join(caller.thread, NULL);
	after = ws_count(&self->dev);
	EXPECT_EQ(0, caller.ret);
	EXPECT_LT(before.read_timeouts, after.read_timeouts);
	EXPECT_GE(counted.sync.readbacks,
		  after.read_timeouts - before.read_timeouts);
}

/*
 * Where a word is read of which nothing is known, nothing but the time tells
 * whether all-ones are an answer. The hardware's time-out is the shortest.
 */
FIXTURE(readback) {
	struct ws_dev dev;
	int fd;
	__u8 old[LENGTH];
	__u8 new[LENGTH];
};

FIXTURE_VARIANT(readback) {
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(readback, inline_sync) { "always" };
FIXTURE_VARIANT_ADD(readback, worker) { "never" };

FIXTURE_SETUP(readback)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	ASSERT_EQ(0, ws_ask(&self->dev, "unbind"));
	ASSERT_EQ(0, ws_serve(&self->dev, "readback=8"));
	ws_rebind_later(&self->dev);
	ASSERT_EQ(0, ws_rebind(&self->dev));
	ASSERT_EQ(0, ws_set(&self->dev, "inline_sync", variant->inline_sync));
	ws_reg_write64(&self->dev, WS_EDU_COMPLETION_NS,
		       WS_EDU_COMPLETION_NS_MIN);
	ws_fill(self->old, LENGTH, 5);
	ws_fill(self->new, LENGTH, 6);
	self->fd = ws_open_with(&self->dev, self->old, LENGTH);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(readback)
{
	close(self->fd);
	EXPECT_EQ(0, ws_serve(&self->dev, NULL));
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(readback, c4_all_ones_instead_of_an_answer_are_not_believed)
{
	ws_fault(&self->dev, WS_FAULT_STALL);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	EXPECT_EQ(-ETIMEDOUT, ws_sync_for(self->fd, 300 * WS_MS));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_LT(0, ws_level(&self->dev));
	EXPECT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
	ws_fault(&self->dev, 0);
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->new, LENGTH));
}

/* VERIFY: what arrived is also what was sent. */

FIXTURE(verify) {
	struct ws_dev dev;
	int fd;
	__u8 old[LENGTH];
	__u8 new[LENGTH];
};

#define VERIFY		FIXTURE_DATA(verify)

FIXTURE_VARIANT(verify) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(verify, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(verify, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(verify, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(verify, sentinel_worker) { "sentinel", "never" };
FIXTURE_VARIANT_ADD(verify, config_inline) { "config", "always" };
FIXTURE_VARIANT_ADD(verify, config_worker) { "config", "never" };

FIXTURE_SETUP(verify)
{
	WS_BEGIN(return, &self->dev,
		 WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_PREFETCH);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ws_fill(self->old, LENGTH, 6);
	ws_fill(self->new, LENGTH, 7);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->old, LENGTH, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
}

FIXTURE_TEARDOWN(verify)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static int sync_verified(int fd)
{
	struct writesync_sync sync = { .flags = WRITESYNC_VERIFY };

	return ws_sync_call(fd, &sync);
}

/* Writes 64 bytes in 8 stores, of which the last never lands. */
static void write_losing_last(struct __test_metadata *_metadata,
			      VERIFY *self)
{
	struct ws_counters before = ws_count(&self->dev), after;

	ws_drop_nth(&self->dev, LENGTH / 8);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	after = ws_count(&self->dev);
	ASSERT_EQ(LENGTH / 8, ws_stores(before, after));
	ASSERT_EQ(1, after.dropped - before.dropped);
}

TEST_F(verify, c4_verify_of_what_arrived_is_0)
{
	size_t length;

	for (length = 1; length <= LENGTH; length++) {
		ASSERT_EQ(length, ws_pwrite(self->fd, self->new, length,
					    length % 7));
		EXPECT_EQ(0, sync_verified(self->fd)) {
			TH_LOG("length %zu", length);
		}
		EXPECT_EQ(0, ws_level(&self->dev));
	}
}

TEST_F(verify, c4_verify_finds_a_lost_last_store)
{
	write_losing_last(_metadata, self);
	EXPECT_EQ(-EIO, sync_verified(self->fd));
	EXPECT_NE(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(-EIO, sync_verified(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_needed(self->fd));
}

TEST_F(verify, c4_a_plain_sync_does_not_compare)
{
	write_losing_last(_metadata, self);
	EXPECT_EQ(0, ws_sync(self->fd));
	memcpy(self->new + LENGTH - 8, self->old + LENGTH - 8, 8);
	EXPECT_EQ(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
}

TEST_F(verify, c4_verify_works_again_after_a_loss)
{
	write_losing_last(_metadata, self);
	EXPECT_EQ(-EIO, sync_verified(self->fd));
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	EXPECT_EQ(0, sync_verified(self->fd));
	EXPECT_EQ(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
}

TEST_F(verify, c4_verify_of_all_ones_and_zeros)
{
	memset(self->new, 0xff, LENGTH);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	EXPECT_EQ(0, sync_verified(self->fd));
	memset(self->new, 0, LENGTH);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	EXPECT_EQ(0, sync_verified(self->fd));
	EXPECT_EQ(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
}

/* A store that is lost where all-ones is what comes back. */
TEST_F(verify, c4_verify_finds_a_loss_that_reads_as_all_ones)
{
	memset(self->old, 0xff, LENGTH);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->old, LENGTH, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	write_losing_last(_metadata, self);
	EXPECT_EQ(-EIO, sync_verified(self->fd));
}

TEST_F(verify, c4_verify_of_a_clean_window_does_not_ask)
{
	struct ws_counters before = ws_count(&self->dev);

	EXPECT_EQ(0, sync_verified(self->fd));
	EXPECT_EQ(0, ws_reads(before, ws_count(&self->dev)));
}

FIXTURE(verify_unread) {
	struct ws_dev dev;
	int fd;
};

FIXTURE_SETUP(verify_unread)
{
	WS_BEGIN(return, &self->dev, WS_NEED_NARROW);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(verify_unread)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(verify_unread, c4_a_window_that_must_not_be_read_is_not_verified)
{
	struct writesync_info info;

	ASSERT_EQ(8, ws_pwrite(self->fd, "unread..", 8, 0));
	EXPECT_EQ(-EOPNOTSUPP, sync_verified(self->fd));
	ASSERT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(0, info.caps & WRITESYNC_CAP_VERIFY);
	EXPECT_EQ(-EOPNOTSUPP, ws_set(&self->dev, "confirm", "window"));
	EXPECT_EQ(0, ws_sync(self->fd));
}

/*
 * Has the device reset itself? Where the word that was read cannot tell, a
 * register does; and if that read gets no answer, the sync has none either.
 */
FIXTURE(question) {
	struct ws_dev dev;
	int fd;
	__u8 *map;
	struct ws_caller sync;
};

#define QUESTION	FIXTURE_DATA(question)

FIXTURE_VARIANT(question) {
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(question, inline_sync) { "always" };
FIXTURE_VARIANT_ADD(question, worker) { "never" };

FIXTURE_SETUP(question)
{
	WS_BEGIN(return, &self->dev,
		 WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_PREFETCH |
		 WS_NEED_CPUS);
	WS_ENGINE(return, &self->dev, "window", variant->inline_sync);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, PROT_READ | PROT_WRITE,
			    &self->map));
	/* What was stored through a mapping is not known. */
	ASSERT_EQ(0, ws_touch(self->map, true));
}

FIXTURE_TEARDOWN(question)
{
	munmap(self->map, PAGE);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static long sync_in_time(void *data)
{
	return ws_sync_for(((QUESTION *)data)->fd, 20 * READ_TIME);
}

TEST_F(question, c4_without_an_answer_about_a_reset_there_is_no_0)
{
	__u64 reads = ws_count(&self->dev).reads_mem;
	__u64 until = ws_now() + WS_S;

	ws_slow_reads(&self->dev, READ_TIME);
	ASSERT_EQ(0, ws_caller_start(&self->sync, sync_in_time, self));
	/* The word is read, and its value is on its way: nothing else is. */
	while (ws_count(&self->dev).reads_mem == reads && ws_now() < until)
		;
	ws_fault(&self->dev, WS_FAULT_SLOW_READ | WS_FAULT_STALL);
	EXPECT_EQ(reads + 1, ws_count(&self->dev).reads_mem);
	pthread_join(self->sync.thread, NULL);
	EXPECT_EQ(-ETIMEDOUT, self->sync.ret);
	ws_fault(&self->dev, 0);
	EXPECT_EQ(0, ws_sync(self->fd));
}

/*
 * Any device, registers or not: what all-ones mean is found out from another
 * word, if one is known to hold something else.
 */
FIXTURE(plain) {
	struct ws_dev dev;
	int fd;
};

FIXTURE_VARIANT(plain) {
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(plain, inline_sync) { "always" };
FIXTURE_VARIANT_ADD(plain, worker) { "never" };

FIXTURE_SETUP(plain)
{
	WS_BEGIN(return, &self->dev, WS_NEED_PREFETCH);
	WS_ENGINE(return, &self->dev, "window", variant->inline_sync);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(plain)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(plain, c4_words_of_all_ones_sync)
{
	static const __u64 words[] = { ~0ULL, ~0ULL, 5, ~0ULL, 0, ~0ULL };
	__u64 back;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		ASSERT_EQ(8, ws_pwrite(self->fd, &words[i], 8, 8 * i));
		EXPECT_EQ(0, ws_sync(self->fd)) {
			TH_LOG("word %zu", i);
		}
		EXPECT_EQ(8, ws_pread(self->fd, &back, 8, 8 * i));
		EXPECT_EQ(words[i], back);
	}
}

TEST_HARNESS_MAIN

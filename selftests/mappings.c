// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings. C1: stores through them arrive like writes do; C2: only a mapping
 * that was written through makes a sync ask.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LENGTH		64
#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)
/* Per store, where only time drains. */
#define STEP		((ws_slow() > 1 ? 120 : 40) * WS_MS)
#define BY_MSYNC	WS_WAYS		/* one more way */

static __u64 data_reads(const struct ws_dev *dev)
{
	return ws_reg64(dev, WS_EDU_READS_MEM) +
	       ws_reg64(dev, WS_EDU_READS_REG);
}

/* The window's first pages hold no word that looks like a missing answer. */
static int fill_window(int fd)
{
	__u8 data[4 * PAGE];

	ws_fill(data, sizeof(data), 3);
	if (ws_pwrite(fd, data, sizeof(data), 0) != sizeof(data))
		return -EIO;
	return ws_sync(fd);
}

/* C1: stores arrive. */

FIXTURE(stores) {
	struct ws_dev dev;
	int fd;
	__u8 *map;
	__u8 old[LENGTH];
	__u8 new[LENGTH];
};

#define STORES		FIXTURE_DATA(stores)

FIXTURE_VARIANT(stores) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(stores, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(stores, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(stores, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(stores, sentinel_worker) { "sentinel", "never" };
FIXTURE_VARIANT_ADD(stores, config_inline) { "config", "always" };
FIXTURE_VARIANT_ADD(stores, pending_worker) { "pending", "never" };

FIXTURE_SETUP(stores)
{
	bool by_time = ws_is(variant->confirm, "pending");

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, 4096);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fill_window(self->fd));
	ws_fill(self->old, LENGTH, 3);
	ws_fill(self->new, LENGTH, ws_now());
	ASSERT_EQ(0, ws_map(self->fd, 0, 2 * PAGE, BOTH, &self->map));
	ws_drain(&self->dev, by_time ? STEP : WS_HOLD);
}

FIXTURE_TEARDOWN(stores)
{
	munmap(self->map, 2 * PAGE);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static int flush(STORES *self, enum ws_way way)
{
	if (way == BY_MSYNC)
		return msync(self->map, PAGE, MS_SYNC) ? -errno : 0;
	return ws_flush(&self->dev, self->fd, way, PAGE);
}

static void expect_stale(struct __test_metadata *_metadata, STORES *self)
{
	__s64 seen = ws_peer_crc(&self->dev, 0, LENGTH);

	ASSERT_LT(0, ws_level(&self->dev));
	EXPECT_NE(ws_crc(self->new, LENGTH), seen);
}

static void expect_fresh(struct __test_metadata *_metadata, STORES *self)
{
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, 0, LENGTH));
}

static void stale_then_fresh(struct __test_metadata *_metadata,
			     STORES *self, enum ws_way way)
{
	ws_store(self->map, self->new, LENGTH);
	expect_stale(_metadata, self);
	EXPECT_EQ(0, flush(self, way));
	expect_fresh(_metadata, self);
}

TEST_F(stores, c1_stores_arrive_with_a_sync)
{
	stale_then_fresh(_metadata, self, WS_BY_SYNC);
}

TEST_F(stores, c1_stores_arrive_with_an_fsync)
{
	stale_then_fresh(_metadata, self, WS_BY_FSYNC);
}

TEST_F(stores, c1_stores_arrive_with_an_fdatasync)
{
	stale_then_fresh(_metadata, self, WS_BY_FDATASYNC);
}

TEST_F(stores, c1_stores_arrive_with_an_msync)
{
	stale_then_fresh(_metadata, self, BY_MSYNC);
}

TEST_F(stores, c1_stores_arrive_with_an_o_dsync_write_elsewhere)
{
	stale_then_fresh(_metadata, self, WS_BY_O_DSYNC);
}

TEST_F(stores, c1_stores_arrive_with_an_rwf_dsync_write_elsewhere)
{
	stale_then_fresh(_metadata, self, WS_BY_RWF_DSYNC);
}

/* Only the first store to a page can be seen by the kernel. */
TEST_F(stores, c1_stores_after_a_sync_arrive_with_the_next)
{
	int round;

	for (round = 0; round < 4; round++) {
		ws_fill(self->new, LENGTH, 100 + round);
		stale_then_fresh(_metadata, self, WS_BY_SYNC);
		ws_fill(self->new, LENGTH, 200 + round);
		stale_then_fresh(_metadata, self, BY_MSYNC);
	}
}

TEST_F(stores, c1_a_sync_of_another_file_covers_stores)
{
	int other = ws_open(&self->dev, O_RDONLY);

	ASSERT_LE(0, other);
	ws_store(self->map, self->new, LENGTH);
	expect_stale(_metadata, self);
	EXPECT_EQ(0, ws_sync(other));
	expect_fresh(_metadata, self);
	close(other);
}

TEST_F(stores, c1_stores_of_a_mapping_that_is_gone_arrive)
{
	ws_store(self->map, self->new, LENGTH);
	expect_stale(_metadata, self);
	ASSERT_EQ(0, munmap(self->map, 2 * PAGE));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	expect_fresh(_metadata, self);
	EXPECT_EQ(0, ws_needed(self->fd));
}

TEST_F(stores, c1_stores_and_writes_arrive_together)
{
	ws_store(self->map, self->new, LENGTH / 2);
	ASSERT_EQ(LENGTH / 2, ws_pwrite(self->fd, self->new + LENGTH / 2,
					LENGTH / 2, LENGTH / 2));
	expect_stale(_metadata, self);
	EXPECT_EQ(0, ws_sync(self->fd));
	expect_fresh(_metadata, self);
}

static int store_and_sync(void *data)
{
	STORES *self = data;

	ws_store(self->map, self->new, LENGTH);
	if (!ws_level(&self->dev))
		return 2;
	return ws_sync(self->fd) ? 3 : 0;
}

TEST_F(stores, c1_a_child_syncs_its_stores_through_an_inherited_mapping)
{
	EXPECT_EQ(0, ws_in_child(store_and_sync, self));
	expect_fresh(_metadata, self);
}

TEST_F(stores, c1_a_child_inherits_a_page_that_was_written)
{
	ws_store(self->map, self->old, LENGTH);
	EXPECT_EQ(0, ws_in_child(store_and_sync, self));
	expect_fresh(_metadata, self);
}

static int only_store(void *data)
{
	STORES *self = data;

	ws_store(self->map, self->new, LENGTH);
	return ws_level(&self->dev) ? 0 : 2;
}

TEST_F(stores, c1_what_a_child_stored_arrives_with_the_parents_sync)
{
	EXPECT_EQ(0, ws_in_child(only_store, self));
	expect_stale(_metadata, self);
	EXPECT_EQ(0, ws_sync(self->fd));
	expect_fresh(_metadata, self);
}

/*
 * Another thread of the process, on another CPU. In the emulated machine a
 * store is with the device at once: there are no write-combining buffers that
 * only that CPU's barrier drains. What can be seen is that the bytes arrive,
 * and, in later tests, that the CPU is interrupted for a barrier.
 */
struct storer {
	__u8 *at;
	pthread_t thread;
	atomic_int tid;
	atomic_uint asked, done;
	atomic_bool stop;
};

static void *store_when_asked(void *data)
{
	struct storer *storer = data;
	__u8 bytes[LENGTH];

	ws_pin(1);
	storer->tid = gettid();
	while (!storer->stop) {
		if (storer->asked == storer->done)
			continue;
		ws_fill(bytes, LENGTH, storer->asked);
		ws_store(storer->at, bytes, LENGTH);
		storer->done = storer->asked;
	}
	return NULL;
}

static int start_storer(struct storer *storer, __u8 *at)
{
	cpu_set_t old;
	int ret;

	storer->at = at;
	sched_getaffinity(0, sizeof(old), &old);
	ret = pthread_create(&storer->thread, NULL, store_when_asked, storer);
	ws_pin(0);
	while (!ret && !storer->tid)
		sched_yield();
	return ret;
}

static void stop_storer(struct storer *storer)
{
	storer->stop = true;
	pthread_join(storer->thread, NULL);
}

static void ask_storer(struct storer *storer, unsigned int seed)
{
	storer->asked = seed;
	while (storer->done != seed)
		sched_yield();
}

TEST_F(stores, c1_stores_of_other_threads_are_covered)
{
	struct storer storer = { 0 };
	unsigned int round;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "there is only one CPU");
	ASSERT_EQ(0, start_storer(&storer, self->map));
	for (round = 1; round <= 8; round++) {
		ws_fill(self->new, LENGTH, round);
		ask_storer(&storer, round);
		expect_stale(_metadata, self);
		EXPECT_EQ(0, ws_sync(self->fd));
		expect_fresh(_metadata, self);
	}
	stop_storer(&storer);
}

/* How many calls from other CPUs a CPU was interrupted for; -1: unknown. */
static long calls_on(int cpu)
{
	char text[16384];
	char *at;

	if (ws_file("/proc/interrupts", text, sizeof(text)))
		return -1;
	at = strstr(text, "CAL:");
	if (!at)
		return -1;
	for (at += 4; cpu; cpu--)
		strtol(at, &at, 10);
	return strtol(at, NULL, 10);
}

/* How often a thread has left its CPU; -1: unknown. */
static long departures(pid_t tid)
{
	char path[64], text[4096];
	const char *by_itself, *others;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	if (ws_file(path, text, sizeof(text)))
		return -1;
	by_itself = strstr(text, "\nvoluntary_ctxt_switches:");
	others = strstr(text, "\nnonvoluntary_ctxt_switches:");
	if (!by_itself || !others)
		return -1;
	return strtol(strchr(by_itself, ':') + 1, NULL, 10) +
	       strtol(strchr(others, ':') + 1, NULL, 10);
}

static long calls_of_sync(struct __test_metadata *_metadata, STORES *self)
{
	long before = calls_on(1);

	ASSERT_LE(0, before);
	EXPECT_EQ(0, ws_sync(self->fd));
	return calls_on(1) - before;
}

#define CALLS	64
#define STAYS	(ws_slow() > 1 ? 16 : CALLS)
#define ROUNDS	(100 * STAYS)	/* until it has stayed so often */
#define PATIENCE	120	/* s: on a busy machine it seldom does */

static void unmap_all(struct __test_metadata *_metadata, STORES *self)
{
	ASSERT_EQ(0, munmap(self->map, 2 * PAGE));
}

static void map_first(struct __test_metadata *_metadata, STORES *self)
{
	ASSERT_EQ(self->map, mmap(self->map, PAGE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_FIXED, self->fd, 0));
}

/*
 * Each time the storer has stored, a sync interrupts its CPU, unless it has left
 * that meanwhile: to leave a CPU is a barrier, too.
 */
static void expect_calls(struct __test_metadata *_metadata, STORES *self,
			 struct storer *storer, bool unmapped)
{
	long round, stayed = 0, heard = 0, before, calls;

	for (round = 1; stayed < STAYS && round <= ROUNDS; round++) {
		if (unmapped)
			map_first(_metadata, self);
		before = departures(storer->tid);
		ASSERT_LE(0, before);
		ask_storer(storer, round);
		if (unmapped)
			unmap_all(_metadata, self);
		calls = calls_of_sync(_metadata, self);
		if (departures(storer->tid) != before)
			continue;
		stayed++;
		heard += calls;
	}
	EXPECT_EQ(STAYS, stayed);
	EXPECT_LE(stayed, heard);
}

TEST_F_TIMEOUT(stores, c1_other_threads_cpus_get_a_barrier, PATIENCE)
{
	struct storer storer = { 0 };
	long calls = 0;
	int i;

	if (!ws_is(variant->inline_sync, "always"))
		SKIP(return, "the window's thread interrupts, too");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "there is only one CPU");
	ASSERT_EQ(0, start_storer(&storer, self->map));
	expect_calls(_metadata, self, &storer, false);
	unmap_all(_metadata, self);
	EXPECT_EQ(0, ws_sync(self->fd));
	/* Nothing to cover any more, nobody to disturb. */
	for (i = 0; i < CALLS; i++)
		calls += calls_of_sync(_metadata, self);
	EXPECT_GT(CALLS / 2, calls);
	stop_storer(&storer);
}

TEST_F_TIMEOUT(stores, c1_unmapped_stores_of_other_threads_get_a_barrier,
	       PATIENCE)
{
	struct storer storer = { 0 };

	if (!ws_is(variant->inline_sync, "always"))
		SKIP(return, "the window's thread interrupts, too");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "there is only one CPU");
	ASSERT_EQ(0, start_storer(&storer, self->map));
	expect_calls(_metadata, self, &storer, true);
	stop_storer(&storer);
}

/* C2: who asks the device, and how often. */

FIXTURE(asking) {
	struct ws_dev dev;
	int fd;
	__u8 *map;
};

#define ASKING		FIXTURE_DATA(asking)

FIXTURE_VARIANT(asking) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(asking, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(asking, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(asking, sentinel_inline) { "sentinel", "always" };

FIXTURE_SETUP(asking)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fill_window(self->fd));
	ASSERT_EQ(0, ws_map(self->fd, 0, 2 * PAGE, BOTH, &self->map));
	ws_catch_faults();
}

FIXTURE_TEARDOWN(asking)
{
	munmap(self->map, 2 * PAGE);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_clean(struct __test_metadata *_metadata, ASKING *self)
{
	struct ws_counters before = ws_count(&self->dev);
	struct writesync_sync sync = { 0 };

	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	EXPECT_EQ(0, fsync(self->fd));
	EXPECT_EQ(0, sync.readbacks);
	EXPECT_EQ(0, ws_reads(before, ws_count(&self->dev)));
}

/*
 * One readback. With "window" nobody knows what the word that is read should
 * hold; the device is then asked besides whether it has reset itself.
 */
static void expect_readback(struct __test_metadata *_metadata, ASKING *self)
{
	struct ws_counters before = ws_count(&self->dev), after;
	struct writesync_sync sync = { 0 };
	char confirm[16] = "";

	EXPECT_EQ(0, ws_get(&self->dev, "confirm", confirm, sizeof(confirm)));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	EXPECT_EQ(1, sync.readbacks);
	after = ws_count(&self->dev);
	EXPECT_EQ(ws_is(confirm, "window"),
		  after.reads_mem - before.reads_mem);
	EXPECT_GE(1, after.reads_reg - before.reads_reg);
	EXPECT_LE(1, ws_reads(before, after));
}

TEST_F(asking, c2_an_untouched_mapping_asks_nothing)
{
	expect_clean(_metadata, self);
}

TEST_F(asking, c2_a_mapping_that_was_read_asks_nothing)
{
	EXPECT_EQ(0, ws_touch(self->map, false));
	EXPECT_EQ(0, ws_touch(self->map + PAGE, false));
	expect_clean(_metadata, self);
	ASSERT_EQ(0, munmap(self->map, 2 * PAGE));
	expect_clean(_metadata, self);
}

TEST_F(asking, c2_a_read_only_mapping_asks_nothing)
{
	int fd = ws_open(&self->dev, O_RDONLY);
	__u8 *map;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ws_map(fd, 0, PAGE, PROT_READ, &map));
	EXPECT_EQ(0, ws_touch(map, false));
	expect_clean(_metadata, self);
	ASSERT_EQ(0, munmap(map, PAGE));
	expect_clean(_metadata, self);
	close(fd);
}

TEST_F(asking, c2_once_written_every_sync_asks_once)
{
	struct writesync_info before, after;
	int i;

	ASSERT_EQ(0, ws_info(self->fd, &before));
	EXPECT_EQ(0, ws_touch(self->map, true));
	for (i = 0; i < 4; i++)
		expect_readback(_metadata, self);
	ASSERT_EQ(0, ws_info(self->fd, &after));
	EXPECT_LE(before.posted + 4, after.posted);
	EXPECT_EQ(after.posted, after.synced);
}

TEST_F(asking, c2_a_write_after_a_read_of_the_page_is_noticed)
{
	EXPECT_EQ(0, ws_touch(self->map, false));
	expect_clean(_metadata, self);
	EXPECT_EQ(0, ws_touch(self->map, true));
	expect_readback(_metadata, self);
}

TEST_F(asking, c3_an_instruction_that_reads_and_writes_a_page_ends)
{
	if (!ws_move_byte(self->map, self->map + 1))
		SKIP(return, "this processor has no such instruction");
	expect_readback(_metadata, self);
	EXPECT_EQ(self->map[0], self->map[1]);
}

TEST_F(asking, c2_after_the_last_unmapping_one_sync_asks)
{
	EXPECT_EQ(0, ws_touch(self->map, true));
	expect_readback(_metadata, self);
	ASSERT_EQ(0, munmap(self->map, 2 * PAGE));
	expect_readback(_metadata, self);
	expect_clean(_metadata, self);
}

TEST_F(asking, c2_a_second_mapping_keeps_asking)
{
	__u8 *other;

	ASSERT_EQ(0, ws_map(self->fd, PAGE, PAGE, BOTH, &other));
	EXPECT_EQ(0, ws_touch(self->map, true));
	EXPECT_EQ(0, ws_touch(other, true));
	ASSERT_EQ(0, munmap(self->map, 2 * PAGE));
	expect_readback(_metadata, self);
	expect_readback(_metadata, self);
	ASSERT_EQ(0, munmap(other, PAGE));
	expect_readback(_metadata, self);
	expect_clean(_metadata, self);
}

TEST_F(asking, c2_an_untouched_mapping_does_not_keep_asking)
{
	__u8 *other;

	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &other));
	EXPECT_EQ(0, ws_touch(other, false));
	EXPECT_EQ(0, ws_touch(self->map, true));
	expect_readback(_metadata, self);
	ASSERT_EQ(0, munmap(self->map, 2 * PAGE));
	expect_readback(_metadata, self);
	expect_clean(_metadata, self);
	ASSERT_EQ(0, munmap(other, PAGE));
	expect_clean(_metadata, self);
}

TEST_F(asking, c2_msync_async_asks_nothing)
{
	__u64 before;

	EXPECT_EQ(0, ws_touch(self->map, true));
	before = data_reads(&self->dev);
	EXPECT_EQ(0, msync(self->map, 2 * PAGE, MS_ASYNC));
	EXPECT_EQ(before, data_reads(&self->dev));
	EXPECT_EQ(1, ws_needed(self->fd));
}

TEST_F(asking, c2_a_part_that_is_unmapped_was_written)
{
	EXPECT_EQ(0, ws_touch(self->map, true));
	ASSERT_EQ(0, munmap(self->map, PAGE));
	expect_readback(_metadata, self);
	ASSERT_EQ(0, munmap(self->map + PAGE, PAGE));
	EXPECT_EQ(0, ws_sync(self->fd));
	expect_clean(_metadata, self);
}

TEST_F(asking, c2_a_part_that_stays_is_written)
{
	ASSERT_EQ(0, munmap(self->map, PAGE));
	EXPECT_EQ(SIGSEGV, ws_touch(self->map, true));
	expect_clean(_metadata, self);
	EXPECT_EQ(0, ws_touch(self->map + PAGE, true));
	expect_readback(_metadata, self);
	expect_readback(_metadata, self);
}

TEST_F(asking, c2_a_mapping_made_writable_is_noticed)
{
	__u8 *map;

	ASSERT_EQ(0, ws_map(self->fd, 0, 2 * PAGE, PROT_READ, &map));
	EXPECT_EQ(0, ws_touch(map, false));
	EXPECT_EQ(SIGSEGV, ws_touch(map, true));
	expect_clean(_metadata, self);
	ASSERT_EQ(0, mprotect(map, PAGE, BOTH));
	EXPECT_EQ(0, ws_touch(map, true));
	EXPECT_EQ(SIGSEGV, ws_touch(map + PAGE, true));
	expect_readback(_metadata, self);
	ASSERT_EQ(0, mprotect(map, 2 * PAGE, PROT_READ));
	EXPECT_EQ(SIGSEGV, ws_touch(map, true));
	EXPECT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(0, munmap(map, 2 * PAGE));
	EXPECT_EQ(0, ws_sync(self->fd));
	expect_clean(_metadata, self);
}

TEST_F(asking, c2_a_moved_mapping_is_noticed)
{
	__u8 *to = mmap(NULL, 2 * PAGE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, to);
	EXPECT_EQ(0, ws_touch(self->map, false));
	ASSERT_EQ(to, mremap(self->map, 2 * PAGE, 2 * PAGE,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(SIGSEGV, ws_touch(self->map, false));
	expect_clean(_metadata, self);
	EXPECT_EQ(0, ws_touch(to + PAGE, true));
	self->map = to;
	expect_readback(_metadata, self);
	ASSERT_EQ(0, munmap(to, 2 * PAGE));
	expect_readback(_metadata, self);
	expect_clean(_metadata, self);
}

/* A child that does nothing but keep the mapping until told to end. */
static pid_t start_keeper(int *tell)
{
	int ends[2];
	pid_t pid;
	char byte;

	if (pipe(ends))
		return -1;
	pid = fork();
	if (!pid) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1));
	}
	close(ends[0]);
	*tell = ends[1];
	return pid;
}

TEST_F(asking, c2_a_childs_written_mapping_keeps_asking)
{
	pid_t pid;
	int tell;

	EXPECT_EQ(0, ws_touch(self->map, true));
	pid = start_keeper(&tell);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, munmap(self->map, 2 * PAGE));
	expect_readback(_metadata, self);
	expect_readback(_metadata, self);
	close(tell);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	expect_readback(_metadata, self);
	expect_clean(_metadata, self);
}

static int store_in_child(void *data)
{
	ASKING *self = data;

	return ws_touch(self->map, true);
}

TEST_F(asking, c2_the_stores_of_a_child_that_ended_are_unsynced)
{
	EXPECT_EQ(0, ws_touch(self->map, false));
	EXPECT_EQ(0, ws_in_child(store_in_child, self));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(0, munmap(self->map, 2 * PAGE));
	EXPECT_EQ(0, ws_sync(self->fd));
	expect_clean(_metadata, self);
}

/*
 * No readback that began before the call is of use for stores that nobody saw:
 * who does not read by himself cannot have them covered without waiting.
 */
TEST_F(asking, c1_a_nonblocking_sync_covers_stores_or_says_that_it_would_wait)
{
	int fd = ws_open(&self->dev, O_RDWR | O_NONBLOCK);
	bool alone = ws_is(variant->inline_sync, "always");
	__u64 word;

	ASSERT_LE(0, fd);
	ws_drain(&self->dev, WS_HOLD);
	for (word = 1; word <= 20; word++) {
		ws_store(self->map, &word, 8);
		ASSERT_LT(0, ws_level(&self->dev));
		if (alone) {
			EXPECT_EQ(0, ws_sync(fd));
		} else {
			EXPECT_EQ(-EAGAIN, ws_sync(fd));
			EXPECT_EQ(0, ws_sync(self->fd));
		}
		EXPECT_EQ(0, ws_level(&self->dev));
	}
	close(fd);
}

TEST_HARNESS_MAIN

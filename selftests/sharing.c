// SPDX-License-Identifier: GPL-2.0
/*
 * C6: callers share readbacks. N of them at the same moment cost at most two,
 * nobody is served by a readback that began before their own writes were done,
 * and a failure reaches those only who waited for the readback that failed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define MAX_THREADS	32
#define SLICE		64
#define SLOW		(ws_slow() * 20 * WS_MS)
#define VERY_SLOW	(ws_slow() * 100 * WS_MS)
#define LONG		(10 * WS_S)
#define TRIES		5

/* One thread's part: write its slice, meet the others, sync. */
struct part {
	struct shared *shared;
	pthread_t thread;
	unsigned int index;
	__u8 data[SLICE];
	ssize_t written;
	int synced;
	__u32 level;		/* at the moment its sync returned */
	__u32 readbacks;
	atomic_bool done;
};

struct shared {
	struct ws_dev *dev;
	int fd;
	pthread_barrier_t written;
	struct part parts[MAX_THREADS];
};

static void write_slice(struct part *part)
{
	struct shared *shared = part->shared;

	ws_fill(part->data, SLICE, ws_now() + part->index);
	part->written = ws_pwrite(shared->fd, part->data, SLICE,
				  part->index * SLICE);
}

static void sync_slice(struct part *part)
{
	struct writesync_sync sync = { .timeout_ns = LONG };

	part->synced = ws_sync_call(part->shared->fd, &sync);
	part->level = ws_level(part->shared->dev);
	part->readbacks = sync.readbacks;
	part->done = true;
}

static void *write_meet_sync(void *data)
{
	struct part *part = data;

	write_slice(part);
	pthread_barrier_wait(&part->shared->written);
	sync_slice(part);
	return NULL;
}

static void *write_sync(void *data)
{
	write_slice(data);
	sync_slice(data);
	return NULL;
}

static int start(struct shared *shared, unsigned int index,
		 void *(*run)(void *))
{
	struct part *part = &shared->parts[index];

	part->shared = shared;
	part->index = index;
	return pthread_create(&part->thread, NULL, run, part);
}

static void join(struct shared *shared, unsigned int index)
{
	pthread_join(shared->parts[index].thread, NULL);
}

/* An open window whose stores stay in the queue; NULL: error. */
static struct shared *share(struct ws_dev *dev)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	if (!shared)
		return NULL;
	shared->dev = dev;
	shared->fd = ws_open(dev, O_RDWR);
	if (shared->fd < 0) {
		free(shared);
		return NULL;
	}
	ws_reg_write(dev, WS_EDU_QUEUE_DEPTH, 4096);
	ws_drain(dev, WS_HOLD);
	return shared;
}

FIXTURE(sharing) {
	struct ws_dev dev;
	struct shared *shared;
};

#define SHARING		FIXTURE_DATA(sharing)

FIXTURE_VARIANT(sharing) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(sharing, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(sharing, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(sharing, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(sharing, sentinel_worker) { "sentinel", "never" };
FIXTURE_VARIANT_ADD(sharing, config_inline) { "config", "always" };
FIXTURE_VARIANT_ADD(sharing, config_worker) { "config", "never" };

FIXTURE_SETUP(sharing)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_CPUS);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	self->shared = share(&self->dev);
	ASSERT_NE(NULL, self->shared);
}

FIXTURE_TEARDOWN(sharing)
{
	close(self->shared->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_part_arrived(struct __test_metadata *_metadata,
				struct part *part)
{
	EXPECT_EQ(SLICE, part->written);
	EXPECT_EQ(0, part->synced);
	EXPECT_EQ(ws_crc(part->data, SLICE),
		  ws_peer_crc(part->shared->dev, part->index * SLICE, SLICE));
}

static __u64 data_reads(struct ws_counters before, struct ws_counters after)
{
	return after.reads_mem - before.reads_mem +
	       after.reads_reg - before.reads_reg;
}

static void released_together(struct __test_metadata *_metadata,
			      SHARING *self, unsigned int n)
{
	struct shared *shared = self->shared;
	struct ws_counters before;
	__u32 readbacks = 0;
	unsigned int i;

	ws_slow_reads(&self->dev, SLOW);
	before = ws_count(&self->dev);
	ASSERT_EQ(0, pthread_barrier_init(&shared->written, NULL, n));
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, start(shared, i, write_meet_sync));
	for (i = 0; i < n; i++)
		join(shared, i);
	EXPECT_GE(2, data_reads(before, ws_count(&self->dev)));
	for (i = 0; i < n; i++) {
		expect_part_arrived(_metadata, &shared->parts[i]);
		EXPECT_EQ(0, shared->parts[i].level);
		readbacks += shared->parts[i].readbacks;
	}
	EXPECT_LE(1, readbacks);
	EXPECT_GE(2, readbacks);
}

TEST_F(sharing, c6_2_threads_cost_at_most_two_reads)
{
	released_together(_metadata, self, 2);
}

TEST_F(sharing, c6_8_threads_cost_at_most_two_reads)
{
	released_together(_metadata, self, 8);
}

TEST_F(sharing, c6_32_threads_cost_at_most_two_reads)
{
	released_together(_metadata, self, 32);
}

/*
 * Everybody writes and syncs at their own pace. What one wrote before its sync
 * must be there after it, whoever's readback it was.
 */
#define WORKERS		4
#define ROUNDS		25

struct loop {
	struct ws_dev *dev;
	pthread_mutex_t *witness;
	unsigned int index;
	int stale;
	int failed;
};

static bool has_arrived(struct loop *loop, const void *data, off_t offset)
{
	__s64 seen;

	pthread_mutex_lock(loop->witness);
	seen = ws_peer_crc(loop->dev, offset, 8);
	pthread_mutex_unlock(loop->witness);
	return seen == ws_crc(data, 8);
}

static void *write_sync_look(void *data)
{
	struct loop *loop = data;
	off_t offset = loop->index * 8;
	int fd = ws_open(loop->dev, O_RDWR);
	__u8 bytes[8];
	int round;

	for (round = 0; round < ROUNDS; round++) {
		ws_fill(bytes, 8, loop->index * ROUNDS + round + 99);
		loop->failed += ws_pwrite(fd, bytes, 8, offset) != 8;
		loop->failed += ws_sync_for(fd, LONG) != 0;
		loop->stale += !has_arrived(loop, bytes, offset);
	}
	close(fd);
	return NULL;
}

TEST_F(sharing, c6_everyones_own_bytes_arrive_under_contention)
{
	pthread_mutex_t witness = PTHREAD_MUTEX_INITIALIZER;
	struct loop loops[WORKERS];
	pthread_t threads[WORKERS];
	int i;

	ws_slow_reads(&self->dev, 500 * WS_US);
	for (i = 0; i < WORKERS; i++) {
		loops[i] = (struct loop) {
			.dev = &self->dev, .witness = &witness, .index = i,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    write_sync_look, &loops[i]));
	}
	for (i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, loops[i].failed);
		EXPECT_EQ(0, loops[i].stale);
	}
}

/*
 * A readback of the first caller's is in flight. A CPU whose read is slow does
 * nothing else, and nobody knows which one it is: a thread on every CPU waits
 * for the read to begin, and the first to see it goes on.
 */
#define MAX_CPUS	8

FIXTURE(in_flight) {
	struct ws_dev dev;
	struct shared *shared;
};

FIXTURE_VARIANT(in_flight) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(in_flight, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(in_flight, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(in_flight, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(in_flight, sentinel_worker) { "sentinel", "never" };

FIXTURE_SETUP(in_flight)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_CPUS);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	self->shared = share(&self->dev);
	ASSERT_NE(NULL, self->shared);
	ws_slow_reads(&self->dev, VERY_SLOW);
}

FIXTURE_TEARDOWN(in_flight)
{
	close(self->shared->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

struct watch {
	struct shared *shared;
	__u64 reads;			/* before the first caller began */
	atomic_bool taken;
	bool first_waited;		/* the first was not done meanwhile */
	void (*act)(struct watch *watch);
	int result[4];
};

struct watcher {
	struct watch *watch;
	int cpu;
};

static __u64 data_reads_now(const struct ws_dev *dev)
{
	return ws_reg64(dev, WS_EDU_READS_MEM) +
	       ws_reg64(dev, WS_EDU_READS_REG);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *watch_for_read(void *data)
{
	struct watcher *watcher = data;
	struct watch *watch = watcher->watch;
	struct shared *shared = watch->shared;

	pin(watcher->cpu);
	while (data_reads_now(shared->dev) == watch->reads)
		sched_yield();
	if (!atomic_exchange(&watch->taken, true))
		watch->act(watch);
	return NULL;
}

/* Part 0 syncs; while its readback is in flight, @act happens elsewhere. */
static int try_in_flight(struct watch *watch)
{
	int n = sysconf(_SC_NPROCESSORS_ONLN);
	struct watcher watchers[MAX_CPUS];
	pthread_t threads[MAX_CPUS];
	int i, ret = 0;

	n = n > MAX_CPUS ? MAX_CPUS : n;
	watch->taken = false;
	watch->shared->parts[0].done = false;
	watch->reads = data_reads_now(watch->shared->dev);
	for (i = 0; i < n && !ret; i++) {
		watchers[i] = (struct watcher) { watch, i };
		ret = pthread_create(&threads[i], NULL, watch_for_read,
				     &watchers[i]);
	}
	ret = ret ? ret : start(watch->shared, 0, write_sync);
	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	join(watch->shared, 0);
	return 0;
}

/* On a machine with other work @act may come when the readback is over. */
static int while_in_flight(struct watch *watch, void (*act)(struct watch *))
{
	int tries = TRIES, ret;

	watch->act = act;
	do {
		ret = try_in_flight(watch);
	} while (!ret && !watch->first_waited && --tries);
	return ret;
}

static void write_and_sync_second(struct watch *watch)
{
	struct part *part = &watch->shared->parts[1];

	part->shared = watch->shared;
	part->index = 1;
	write_slice(part);
	watch->first_waited = !watch->shared->parts[0].done;
	sync_slice(part);
}

TEST_F(in_flight, c6_nobody_joins_a_readback_that_began_too_early)
{
	struct watch watch = { .shared = self->shared };

	ASSERT_EQ(0, while_in_flight(&watch, write_and_sync_second));
	ASSERT_TRUE(watch.first_waited) {
		TH_LOG("the readback was not in flight any more");
	}
	expect_part_arrived(_metadata, &self->shared->parts[0]);
	expect_part_arrived(_metadata, &self->shared->parts[1]);
	EXPECT_EQ(0, self->shared->parts[1].level);
	EXPECT_EQ(2, data_reads_now(&self->dev) - watch.reads);
	EXPECT_EQ(1, self->shared->parts[0].readbacks);
	EXPECT_EQ(1, self->shared->parts[1].readbacks);
}

static void only_write_second(struct watch *watch)
{
	struct part *part = &watch->shared->parts[1];

	part->shared = watch->shared;
	part->index = 1;
	write_slice(part);
	watch->first_waited = !watch->shared->parts[0].done;
}

TEST_F(in_flight, c6_a_readback_covers_nothing_written_after_it_began)
{
	struct watch watch = { .shared = self->shared };

	ASSERT_EQ(0, while_in_flight(&watch, only_write_second));
	ASSERT_TRUE(watch.first_waited);
	expect_part_arrived(_metadata, &self->shared->parts[0]);
	EXPECT_EQ(1, ws_needed(self->shared->fd));
	EXPECT_LT(0, ws_level(&self->dev));
	EXPECT_EQ(0, ws_sync(self->shared->fd));
	EXPECT_EQ(2, data_reads_now(&self->dev) - watch.reads);
	expect_part_arrived(_metadata, &self->shared->parts[1]);
}

static void sync_second(struct watch *watch)
{
	struct part *part = &watch->shared->parts[1];

	part->shared = watch->shared;
	watch->first_waited = !watch->shared->parts[0].done;
	sync_slice(part);
}

/* Who wrote nothing meanwhile has no use for a second one. */
TEST_F(in_flight, c6_without_new_writes_one_readback_serves_all)
{
	struct watch watch = { .shared = self->shared };

	ASSERT_EQ(0, while_in_flight(&watch, sync_second));
	ASSERT_TRUE(watch.first_waited);
	expect_part_arrived(_metadata, &self->shared->parts[0]);
	EXPECT_EQ(0, self->shared->parts[1].synced);
	EXPECT_EQ(0, self->shared->parts[1].level);
	EXPECT_GE(2, data_reads_now(&self->dev) - watch.reads);
}

#define CROWD	6

static void crowd_second(struct watch *watch)
{
	struct shared *shared = watch->shared;
	unsigned int i;

	pthread_barrier_init(&shared->written, NULL, CROWD);
	for (i = 1; i <= CROWD; i++)
		watch->result[0] |= start(shared, i, write_meet_sync);
	watch->first_waited = !shared->parts[0].done;
	for (i = 1; i <= CROWD; i++)
		join(shared, i);
}

/* Those that come while one is in flight form one batch. */
TEST_F(in_flight, c6_the_next_batch_takes_all_who_came_meanwhile)
{
	struct watch watch = { .shared = self->shared };
	unsigned int i;

	/* It takes a while until a crowd has begun. */
	ws_slow_reads(&self->dev, ws_slow() * 250 * WS_MS);
	ASSERT_EQ(0, while_in_flight(&watch, crowd_second));
	ASSERT_EQ(0, watch.result[0]);
	ASSERT_TRUE(watch.first_waited);
	for (i = 0; i <= CROWD; i++)
		expect_part_arrived(_metadata, &self->shared->parts[i]);
	EXPECT_GE(3, data_reads_now(&self->dev) - watch.reads);
}

/*
 * The second caller's batch meets a device whose memory decoding is off. The
 * first one's readback began before that.
 */
static void decode_off_and_sync_second(struct watch *watch)
{
	struct part *part = &watch->shared->parts[1];

	part->shared = watch->shared;
	part->index = 1;
	write_slice(part);
	watch->result[0] = ws_decode(watch->shared->dev, false);
	watch->first_waited = !watch->shared->parts[0].done;
	sync_slice(part);
	watch->result[1] = ws_decode(watch->shared->dev, true);
}

TEST_F(in_flight, c6_a_failed_batch_fails_its_members_only)
{
	struct watch watch = { .shared = self->shared };

	ASSERT_EQ(0, while_in_flight(&watch, decode_off_and_sync_second));
	ASSERT_EQ(0, watch.result[0]);
	ASSERT_EQ(0, watch.result[1]);
	ASSERT_TRUE(watch.first_waited);
	expect_part_arrived(_metadata, &self->shared->parts[0]);
	EXPECT_EQ(-EIO, self->shared->parts[1].synced);
	EXPECT_EQ(1, ws_needed(self->shared->fd));
	EXPECT_EQ(0, ws_sync(self->shared->fd));
	self->shared->parts[1].synced = 0;
	expect_part_arrived(_metadata, &self->shared->parts[1]);
}

/* A caller that gives up takes nothing from the others of its batch. */
static void *sync_in_vain(void *data)
{
	struct part *part = data;

	part->synced = ws_sync_for(part->shared->fd, 5 * WS_MS);
	return NULL;
}

TEST_F(in_flight, c6_a_caller_that_gives_up_leaves_the_others_alone)
{
	struct shared *shared = self->shared;

	write_slice(&(struct part) { .shared = shared, .index = 2 });
	ASSERT_EQ(0, start(shared, 1, sync_in_vain));
	ASSERT_EQ(0, start(shared, 0, write_sync));
	join(shared, 1);
	join(shared, 0);
	expect_part_arrived(_metadata, &shared->parts[0]);
	EXPECT_EQ(0, ws_sync(shared->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen from outside: the attributes and statistics of sysfs, the
 * histogram in debugfs. They tell how many calls cost how many readbacks (C2,
 * C6), which failed (C3, C4), and what was lost (C5).
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LENGTH		64
#define PAGE		4096
#define RESET_WAIT	(5 * WS_S)

/* sysfs: the folder statistics */

enum {
	WRITES, BYTES, SYNCS, READBACKS, COALESCED, CLEAN, TIMEOUTS, ERRORS,
	LOSSES, STATS
};

static const char * const stat_names[STATS] = {
	"writes", "bytes", "syncs", "readbacks", "coalesced", "clean",
	"timeouts", "errors", "losses",
};

struct stats {
	__u64 value[STATS];
};

static int read_stats(const struct ws_dev *dev, struct stats *stats)
{
	char path[64];
	int i, ret = 0;

	for (i = 0; i < STATS; i++) {
		snprintf(path, sizeof(path), "statistics/%s", stat_names[i]);
		ret = ret ? ret : ws_number(dev, path, &stats->value[i]);
	}
	return ret;
}

FIXTURE(statistics) {
	struct ws_dev dev;
	int fd;
	struct stats before;
	__u8 data[PAGE];
};

#define STATISTICS	FIXTURE_DATA(statistics)

FIXTURE_VARIANT(statistics) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(statistics, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(statistics, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(statistics, sentinel_auto) { "sentinel", "auto" };

FIXTURE_SETUP(statistics)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	ws_fill(self->data, PAGE, 8);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(PAGE, ws_pwrite(self->fd, self->data, PAGE, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(0, read_stats(&self->dev, &self->before));
}

FIXTURE_TEARDOWN(statistics)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* By how much each has gone up since the last look. */
static void expect_stats(struct __test_metadata *_metadata, STATISTICS *self,
			 struct stats wanted)
{
	struct stats now;
	int i;

	ASSERT_EQ(0, read_stats(&self->dev, &now));
	for (i = 0; i < STATS; i++) {
		EXPECT_EQ(wanted.value[i],
			  now.value[i] - self->before.value[i]) {
			TH_LOG("%s", stat_names[i]);
		}
	}
	self->before = now;
}

#define EXPECT_STATS(...) \
	expect_stats(_metadata, self, (struct stats) { { __VA_ARGS__ } })

TEST_F(statistics, c2_writes_and_their_bytes)
{
	struct iovec pieces[] = {
		{ self->data, 10 }, { self->data + 100, 20 },
	};

	EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	EXPECT_STATS([WRITES] = 1, [BYTES] = 8);
	EXPECT_EQ(100, ws_pwrite(self->fd, self->data, 100, 3));
	EXPECT_EQ(PAGE, ws_pwrite(self->fd, self->data, PAGE, PAGE));
	EXPECT_EQ(30, pwritev(self->fd, pieces, 2, 0));
	EXPECT_STATS([WRITES] = 3, [BYTES] = 130 + PAGE);
	EXPECT_EQ(LENGTH, ws_pread(self->fd, self->data, LENGTH, 0));
	EXPECT_STATS([WRITES] = 0);
}

TEST_F(statistics, c2_a_long_write_is_one_write)
{
	size_t length = 200 * 1024;
	__u8 *data = calloc(1, length);

	ASSERT_NE(NULL, data);
	EXPECT_EQ(length, ws_pwrite(self->fd, data, length, 0));
	EXPECT_STATS([WRITES] = 1, [BYTES] = length);
	free(data);
}

TEST_F(statistics, c2_what_was_not_written_is_not_counted)
{
	__u8 *edge = ws_edge();

	ASSERT_NE(NULL, edge);
	EXPECT_EQ(0, ws_pwrite(self->fd, self->data, 0, 0));
	EXPECT_EQ(-ENOSPC, ws_pwrite(self->fd, self->data, 8, self->dev.size));
	EXPECT_EQ(-EFAULT, ws_pwrite(self->fd, edge + PAGE, 8, 0));
	EXPECT_STATS([WRITES] = 0);
	EXPECT_EQ(8, ws_pwrite(self->fd, edge + PAGE - 8, 16, 0));
	EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 16, self->dev.size - 8));
	EXPECT_STATS([WRITES] = 2, [BYTES] = 16);
}

TEST_F(statistics, c2_a_sync_that_asks_and_one_that_does_not)
{
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_STATS([SYNCS] = 1, [CLEAN] = 1);
	EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_STATS([WRITES] = 1, [BYTES] = 8, [SYNCS] = 1, [READBACKS] = 1);
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_STATS([SYNCS] = 1, [CLEAN] = 1);
}

TEST_F(statistics, c2_every_way_to_sync_is_counted)
{
	enum ws_way way;
	int writes;

	for (way = 0; way < WS_WAYS; way++) {
		writes = way >= WS_WAYS_WITHOUT_WRITE;
		if (!writes)
			EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
		EXPECT_EQ(0, ws_flush(&self->dev, self->fd, way, 0));
		EXPECT_STATS([WRITES] = 1, [BYTES] = 8, [SYNCS] = 1,
			     [READBACKS] = 1);
	}
}

static int write_and_sync_call(STATISTICS *self)
{
	struct writesync_iovec piece = ws_piece(self->data, LENGTH);
	struct writesync_write write = {
		.flags = WRITESYNC_WRITE_AT | WRITESYNC_WRITE_SYNC,
		.iov = (uintptr_t)&piece, .iov_count = 1,
	};

	return ws_write_call(self->fd, &write);
}

TEST_F(statistics, c2_write_with_a_sync_counts_as_both)
{
	EXPECT_EQ(0, write_and_sync_call(self));
	EXPECT_STATS([WRITES] = 1, [BYTES] = LENGTH, [SYNCS] = 1,
		     [READBACKS] = 1);
}

TEST_F(statistics, c2_calls_that_are_refused_are_not_counted)
{
	struct writesync_sync sync = { .flags = 1u << 31 };
	__u8 byte = 0;
	int fd;

	EXPECT_EQ(-EINVAL, ws_sync_call(self->fd, &sync));
	fd = ws_alloc(self->fd, 1);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADFD, ws_sync(fd));
	EXPECT_EQ(-EBADFD, ws_pwrite(fd, &byte, 1, 0));
	EXPECT_STATS([WRITES] = 0);
	close(fd);
}

TEST_F(statistics, c2_the_zeros_of_a_first_commit_are_nobodys_write)
{
	int fd = ws_alloc(self->fd, 1);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, ws_commit(fd));
	EXPECT_STATS([SYNCS] = 1, [READBACKS] = 1);
	EXPECT_EQ(8, ws_pwrite(fd, self->data, 8, 0));
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_STATS([WRITES] = 1, [BYTES] = 8, [SYNCS] = 1, [READBACKS] = 1);
	close(fd);
}

TEST_F(statistics, c2_stores_through_a_mapping_are_not_seen)
{
	__u8 *map;

	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, PROT_READ | PROT_WRITE, &map));
	ws_store(map, self->data, LENGTH);
	EXPECT_STATS([WRITES] = 0);
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, msync(map, PAGE, MS_SYNC));
	EXPECT_STATS([SYNCS] = 2, [READBACKS] = 2);
	ASSERT_EQ(0, munmap(map, PAGE));
}

/* What a device that does not answer was asked is told when it is over. */
static __u64 readbacks_since(STATISTICS *self)
{
	struct stats now = { 0 };

	read_stats(&self->dev, &now);
	return now.value[READBACKS] - self->before.value[READBACKS];
}

/* Who gave up left a readback behind; it goes on and serves the next. */
static void wait_until_clean(STATISTICS *self)
{
	__u64 end = ws_now() + WS_S / 2;

	while (ws_needed(self->fd) && ws_now() < end)
		sched_yield();
}

TEST_F(statistics, c3_timeouts)
{
	__u64 readbacks;
	int i;

	EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	ws_fault(&self->dev, WS_FAULT_STALL);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-ETIMEDOUT, ws_sync_for(self->fd, 20 * WS_MS));
	ws_fault(&self->dev, 0);
	wait_until_clean(self);
	readbacks = readbacks_since(self);
	EXPECT_LE(1, readbacks);
	EXPECT_STATS([WRITES] = 1, [BYTES] = 8, [SYNCS] = 3, [TIMEOUTS] = 3,
		     [READBACKS] = readbacks);
}

TEST_F(statistics, c4_errors)
{
	__u64 readbacks;

	EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	ASSERT_EQ(0, ws_decode(&self->dev, false));
	EXPECT_EQ(-EIO, ws_sync(self->fd));
	EXPECT_EQ(-1, fsync(self->fd));
	ASSERT_EQ(0, ws_decode(&self->dev, true));
	EXPECT_EQ(0, ws_sync(self->fd));
	readbacks = readbacks_since(self);
	EXPECT_LE(3, readbacks);
	EXPECT_STATS([WRITES] = 1, [BYTES] = 8, [SYNCS] = 3, [ERRORS] = 2,
		     [READBACKS] = readbacks);
}

TEST_F(statistics, c5_losses)
{
	__u64 readbacks;

	ASSERT_EQ(0, ws_own_reset(&self->dev, RESET_WAIT));
	EXPECT_STATS([LOSSES] = 0);
	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	ASSERT_EQ(0, ws_own_reset(&self->dev, RESET_WAIT));
	EXPECT_STATS([WRITES] = 1, [BYTES] = 8, [LOSSES] = 1);
	EXPECT_EQ(-EIO, ws_sync(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	readbacks = readbacks_since(self);
	EXPECT_STATS([SYNCS] = 2, [ERRORS] = 1, [READBACKS] = readbacks);
}

/* Many at once: every sync ends in exactly one of the ways. */

#define THREADS		8
#define ROUNDS		40

struct crowd {
	STATISTICS *self;
	pthread_barrier_t *round;
	unsigned int index;
	bool hurry;		/* some of the time-outs are too short */
	pthread_t thread;
	struct stats seen;	/* SYNCS, TIMEOUTS, ERRORS, READBACKS, WRITES */
	__u64 led;		/* returned 0 after readbacks of its own */
};

static void sync_in_crowd(struct crowd *crowd, __u64 timeout)
{
	struct writesync_sync sync = { .timeout_ns = timeout };
	int ret = ws_sync_call(crowd->self->fd, &sync);

	crowd->seen.value[SYNCS]++;
	crowd->seen.value[READBACKS] += sync.readbacks;
	crowd->seen.value[TIMEOUTS] += ret == -ETIMEDOUT;
	crowd->seen.value[ERRORS] += ret && ret != -ETIMEDOUT;
	crowd->led += !ret && sync.readbacks;
}

static void *write_and_sync(void *data)
{
	struct crowd *crowd = data;
	STATISTICS *self = crowd->self;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(crowd->round);
		if ((round + crowd->index) % 3)
			crowd->seen.value[WRITES] +=
				ws_pwrite(self->fd, self->data, 8,
					  8 * crowd->index) == 8;
		sync_in_crowd(crowd, crowd->hurry && round % 4 == 0 ?
				     crowd->index * 50 * WS_US + 1 : WS_S);
	}
	return NULL;
}

/* Sums of all threads; SYNCS and so on as the callers saw them. */
static int run_crowd(STATISTICS *self, bool hurry, struct crowd *sum)
{
	struct crowd crowd[THREADS] = { 0 };
	pthread_barrier_t round;
	int i, j, ret = 0;

	pthread_barrier_init(&round, NULL, THREADS);
	for (i = 0; i < THREADS && !ret; i++) {
		crowd[i].self = self;
		crowd[i].round = &round;
		crowd[i].index = i;
		crowd[i].hurry = hurry;
		ret = pthread_create(&crowd[i].thread, NULL, write_and_sync,
				     &crowd[i]);
	}
	if (ret)
		return ret;
	for (i = 0; i < THREADS; i++) {
		pthread_join(crowd[i].thread, NULL);
		for (j = 0; j < STATS; j++)
			sum->seen.value[j] += crowd[i].seen.value[j];
		sum->led += crowd[i].led;
	}
	return 0;
}

static void expect_sums(struct __test_metadata *_metadata, STATISTICS *self,
			const struct crowd *sum, struct stats *grown)
{
	int i;

	ASSERT_EQ(0, read_stats(&self->dev, grown));
	for (i = 0; i < STATS; i++)
		grown->value[i] -= self->before.value[i];
	EXPECT_EQ(THREADS * ROUNDS, grown->value[SYNCS]);
	EXPECT_EQ(sum->seen.value[SYNCS], grown->value[SYNCS]);
	EXPECT_EQ(sum->seen.value[WRITES], grown->value[WRITES]);
	EXPECT_EQ(8 * sum->seen.value[WRITES], grown->value[BYTES]);
	EXPECT_EQ(sum->seen.value[TIMEOUTS], grown->value[TIMEOUTS]);
	EXPECT_EQ(sum->seen.value[ERRORS], grown->value[ERRORS]);
	EXPECT_EQ(0, grown->value[ERRORS]);
	EXPECT_EQ(grown->value[SYNCS], grown->value[CLEAN] +
		  grown->value[COALESCED] + grown->value[TIMEOUTS] +
		  grown->value[ERRORS] + sum->led);
}

TEST_F(statistics, c6_the_statistics_add_up_when_many_sync)
{
	struct crowd sum = { 0 };
	struct stats grown;

	ws_slow_reads(&self->dev, 200 * WS_US);
	ASSERT_EQ(0, run_crowd(self, false, &sum));
	expect_sums(_metadata, self, &sum, &grown);
	EXPECT_EQ(0, grown.value[TIMEOUTS]);
	/* Whoever made a readback was told so, and nobody else. */
	EXPECT_EQ(sum.seen.value[READBACKS], grown.value[READBACKS]);
	EXPECT_LT(0, grown.value[COALESCED]);
	EXPECT_GT(grown.value[SYNCS], grown.value[READBACKS]);
}

TEST_F(statistics, c6_the_statistics_add_up_when_some_give_up)
{
	struct crowd sum = { 0 };
	struct stats grown;

	ws_slow_reads(&self->dev, 500 * WS_US);
	ASSERT_EQ(0, run_crowd(self, true, &sum));
	expect_sums(_metadata, self, &sum, &grown);
	EXPECT_LT(0, grown.value[TIMEOUTS]);
}

/* sysfs: attributes */

FIXTURE(attributes) {
	struct ws_dev dev;
	int fd;
};

FIXTURE_SETUP(attributes)
{
	WS_BEGIN(return, &self->dev, 0);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(attributes)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* One line of text, nothing else; what it says is to be found in @text. */
static int read_line(const struct ws_dev *dev, const char *name, char *text,
		     size_t len)
{
	char path[PATH_MAX + NAME_MAX];
	int ret;

	snprintf(path, sizeof(path), "/sys/class/writesync/%s/%s", dev->name,
		 name);
	ret = ws_file(path, text, len);
	if (ret)
		return ret;
	if (strchr(text, '\n') != text + strlen(text) - 1)
		return -EBADMSG;
	return 0;
}

static bool is_decimal(const char *text)
{
	return text[strspn(text, "0123456789")] == '\n' && text[0] != '\n';
}

TEST_F(attributes, c5_read_only_ones_are_one_number)
{
	static const char * const names[] = {
		"bar", "size", "generation", "posted", "synced",
		"statistics/writes", "statistics/bytes", "statistics/syncs",
		"statistics/readbacks", "statistics/coalesced",
		"statistics/clean", "statistics/timeouts",
		"statistics/errors", "statistics/losses",
	};
	char text[PAGE];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(0, read_line(&self->dev, names[i], text,
				       sizeof(text))) {
			TH_LOG("%s", names[i]);
		}
		EXPECT_TRUE(is_decimal(text)) {
			TH_LOG("%s: %s", names[i], text);
		}
		EXPECT_EQ(-EACCES, ws_set(&self->dev, names[i], "0")) {
			TH_LOG("%s", names[i]);
		}
	}
	EXPECT_EQ(0, read_line(&self->dev, "state", text, sizeof(text)));
	EXPECT_STREQ("live\n", text);
	EXPECT_EQ(-EACCES, ws_set(&self->dev, "state", "live"));
}

static void expect_sequences(struct __test_metadata *_metadata,
			     const struct ws_dev *dev, int fd)
{
	struct writesync_info info;
	__u64 shown;

	ASSERT_EQ(0, ws_info(fd, &info));
	EXPECT_EQ(0, ws_number(dev, "generation", &shown));
	EXPECT_EQ(info.generation, shown);
	EXPECT_EQ(0, ws_number(dev, "posted", &shown));
	EXPECT_EQ(info.posted, shown);
	EXPECT_EQ(0, ws_number(dev, "synced", &shown));
	EXPECT_EQ(info.synced, shown);
	EXPECT_EQ(ws_needed(fd), info.synced < info.posted);
}

TEST_F(attributes, c5_sequences_are_those_of_the_ioctls)
{
	__u64 before, after;

	expect_sequences(_metadata, &self->dev, self->fd);
	EXPECT_EQ(0, ws_number(&self->dev, "posted", &before));
	ASSERT_EQ(8, ws_pwrite(self->fd, "sequence", 8, 0));
	expect_sequences(_metadata, &self->dev, self->fd);
	EXPECT_EQ(0, ws_number(&self->dev, "posted", &after));
	EXPECT_LT(before, after);
	EXPECT_EQ(0, ws_number(&self->dev, "synced", &before));
	EXPECT_GT(after, before);
	EXPECT_EQ(0, ws_sync(self->fd));
	expect_sequences(_metadata, &self->dev, self->fd);
	EXPECT_EQ(0, ws_number(&self->dev, "synced", &before));
	EXPECT_EQ(after, before);
}

TEST_F(attributes, c5_generation_and_state)
{
	__u64 before, after;

	if (!self->dev.regs)
		SKIP(return, "this device has no instrument");
	EXPECT_EQ(0, ws_number(&self->dev, "generation", &before));
	ASSERT_EQ(0, ws_own_reset(&self->dev, RESET_WAIT));
	EXPECT_EQ(0, ws_number(&self->dev, "generation", &after));
	EXPECT_EQ(before + 1, after);
	expect_sequences(_metadata, &self->dev, self->fd);
}

/* A new binding is a new window, with its own statistics from 0 on. */
TEST_F(attributes, c5_all_begins_with_the_binding)
{
	struct stats stats;
	int i;

	ASSERT_EQ(8, ws_pwrite(self->fd, "sequence", 8, 0));
	EXPECT_EQ(0, ws_sync(self->fd));
	close(self->fd);
	ASSERT_EQ(0, ws_rebind(&self->dev));
	ASSERT_EQ(0, read_stats(&self->dev, &stats));
	for (i = 0; i < STATS; i++)
		EXPECT_EQ(0, stats.value[i]);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	expect_sequences(_metadata, &self->dev, self->fd);
}

/* debugfs: how long readbacks took */

#define DEBUGFS		"/sys/kernel/debug"
#define BUCKETS		64

struct bucket {
	unsigned long long from, to, count;
};

FIXTURE(histogram) {
	struct ws_dev dev;
	int fd;
	struct bucket buckets[BUCKETS];
	int n;
};

#define HISTOGRAM	FIXTURE_DATA(histogram)

FIXTURE_SETUP(histogram)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED);
	if (access(DEBUGFS "/writesync", F_OK) &&
	    mount("debugfs", DEBUGFS, "debugfs", 0, NULL))
		SKIP(return, "there is no debugfs");
	/* One that a slow device makes slow. */
	ASSERT_EQ(0, ws_set(&self->dev, "confirm", "sentinel"));
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(histogram)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static FILE *open_histogram(HISTOGRAM *self)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEBUGFS "/writesync/%s/readback_ns",
		 self->dev.name);
	return fopen(path, "re");
}

static int read_histogram(HISTOGRAM *self)
{
	FILE *file = open_histogram(self);
	struct bucket *b = self->buckets;
	char line[128], end;

	if (!file)
		return -errno;
	self->n = 0;
	while (self->n < BUCKETS && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llu %llu %llu%c", &b->from, &b->to,
			   &b->count, &end) != 4 || end != '\n')
			break;
		self->n++;
		b++;
	}
	end = feof(file);
	fclose(file);
	return end ? 0 : -EBADMSG;
}

static __u64 count_from(HISTOGRAM *self, __u64 ns)
{
	__u64 count = 0;
	int i;

	for (i = 0; i < self->n; i++)
		if (self->buckets[i].to > ns)
			count += self->buckets[i].count;
	return count;
}

static int write_and_sync_once(HISTOGRAM *self)
{
	ssize_t n = ws_pwrite(self->fd, "a sample", 8, 0);

	return n == 8 ? ws_sync(self->fd) : -EIO;
}

static void expect_histogram(struct __test_metadata *_metadata,
			     HISTOGRAM *self)
{
	struct stats stats;
	struct bucket *b;
	__u64 end = 0;

	ASSERT_EQ(0, read_stats(&self->dev, &stats));
	ASSERT_EQ(0, read_histogram(self));
	EXPECT_EQ(stats.value[READBACKS], count_from(self, 0));
	for (b = self->buckets; b < self->buckets + self->n; b++) {
		EXPECT_LT(0, b->count);
		EXPECT_LE(end, b->from);
		EXPECT_EQ(0, b->to & (b->to - 1));
		EXPECT_EQ(b->from ? 2 * b->from : 1, b->to);
		end = b->to;
	}
}

TEST_F(histogram, c6_every_readback_is_in_one_bucket)
{
	int i;

	expect_histogram(_metadata, self);
	for (i = 0; i < 50; i++)
		EXPECT_EQ(0, write_and_sync_once(self));
	EXPECT_EQ(0, ws_sync(self->fd));
	expect_histogram(_metadata, self);
	EXPECT_LE(50, count_from(self, 0));
}

TEST_F(histogram, c3_a_slow_readback_is_in_a_bucket_for_slow_ones)
{
	__u64 before, slow = 30 * WS_MS;
	int i;

	ASSERT_EQ(0, read_histogram(self));
	before = count_from(self, slow);
	EXPECT_EQ(0, write_and_sync_once(self));
	ASSERT_EQ(0, read_histogram(self));
	/* 30 ms lie in the bucket up to 2^25 ns. */
	EXPECT_GE(before + 1, count_from(self, slow));
	before = count_from(self, slow);
	ws_slow_reads(&self->dev, slow);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, write_and_sync_once(self));
	ws_fault(&self->dev, 0);
	ASSERT_EQ(0, read_histogram(self));
	EXPECT_EQ(before + 3, count_from(self, slow));
	expect_histogram(_metadata, self);
}

TEST_F(histogram, c8_it_begins_and_ends_with_the_binding)
{
	FILE *file;

	EXPECT_EQ(0, write_and_sync_once(self));
	ASSERT_EQ(0, ws_unbind(&self->dev));
	file = open_histogram(self);
	EXPECT_EQ(NULL, file);
	EXPECT_EQ(ENOENT, errno);
	close(self->fd);
	ASSERT_EQ(0, ws_bind(&self->dev));
	ASSERT_EQ(0, read_histogram(self));
	EXPECT_EQ(0, self->n);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, write_and_sync_once(self));
	expect_histogram(_metadata, self);
	EXPECT_LE(1, self->n);
}

TEST_HARNESS_MAIN

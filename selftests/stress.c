// SPDX-License-Identifier: GPL-2.0
/*
 * C1, C6 and C7 under load: twelve processes share a window, each with a
 * region of its own. They write random lengths at random places by random
 * ways, sync at random, give their region back at times and take another.
 *
 *  - After a sync the peer's CRC over parts of the region is that of a copy
 *    kept in memory.
 *  - What is read back through the file and through a mapping is that copy.
 *  - Every byte carries its writer's number in its upper half: no region ever
 *    holds a foreign byte, a new one none at all, nor do the bytes of the
 *    window that belong to no region change.
 *  - In the end the window's statistics are what the processes counted.
 *
 * WRITESYNC_STRESS_SECONDS: how long it takes, 1 to 600 (5)
 * WRITESYNC_STRESS_SEED: what decides on lengths, places and ways. The run is
 * not the same with the same seed, since the processes race, but each makes
 * the same choices.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define WORKERS		12
#define SECONDS		5
#define SECONDS_MAX	600
#define REGION_MAX	(1024 * 1024)	/* bytes, unless the granule is more */
#define WRITE_MAX_SHIFT	14		/* 16 KiB */
#define BEYOND_MAX	64		/* bytes asked for that do not fit */
#define PIECES		8		/* of a vectored write, at most */
#define PATIENCE	(20 * WS_S)	/* of a sync that has to succeed */
#define NOBODYS		0xe7		/* no worker has this upper half */

/* What a worker has done, to be compared with the window's statistics. */
struct tally {
	__u64 writes, bytes, syncs, timeouts, errors;
	__u64 led, followed;	/* syncs that said whether they read */
	__u64 stores, moves, checks, peer_checks;
};

#define TALLY_FIELDS	(sizeof(struct tally) / sizeof(__u64))

struct shared {
	pthread_mutex_t peer;
	atomic_bool stop;
	atomic_uint ready;	/* how many have a region */
	atomic_uint finished;	/* how many will not move any more */
	atomic_flag told;
	char text[256];		/* what went wrong first */
	__u64 duration;
	struct tally tallies[WORKERS];
	struct span {
		__u64 at, length;
	} places[WORKERS];
};

struct worker {
	const struct ws_dev *dev;
	struct shared *shared;
	struct tally *tally;
	__u64 random;
	unsigned int id;
	bool only_ioctls;
	int window;
	int fd;			/* the region */
	__u64 place;		/* of the region in the window */
	size_t length;		/* of the region */
	__u8 *copy;		/* what the region must hold */
	__u8 *seen;
	__u8 *data;
	__u8 *map;		/* or NULL */
	size_t last_at, last_length;
};

/* ---- chance ---- */

static __u64 mix(__u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static __u64 chance(struct worker *w)
{
	w->random += 0x9e3779b97f4a7c15;
	return mix(w->random);
}

/* A number from 0 to @end - 1. */
static __u64 below(struct worker *w, __u64 end)
{
	return chance(w) % end;
}

static bool one_in(struct worker *w, unsigned int n)
{
	return !below(w, n);
}

/* Small lengths are as likely as large ones; the region's end has its share. */
static void pick(struct worker *w)
{
	size_t most = 1ULL << below(w, WRITE_MAX_SHIFT + 1);
	size_t length = 1 + below(w, most);

	if (length > w->length)
		length = w->length;
	w->last_length = length;
	w->last_at = one_in(w, 8) ? w->length - length :
				    below(w, w->length - length + 1);
}

static void fill(struct worker *w, __u8 *to, size_t length)
{
	__u64 tag = w->id * 0x1010101010101010ULL;
	size_t i;

	for (i = 0; i < length; i += 8) {
		__u64 word = tag | (chance(w) & 0x0f0f0f0f0f0f0f0fULL);

		memcpy(to + i, &word, length - i < 8 ? length - i : 8);
	}
}

/* ---- what goes wrong: the first one tells, and all stop ---- */

static int __printf(2, 3) fail(struct worker *w, const char *format, ...)
{
	struct shared *shared = w->shared;
	va_list args;
	int n;

	shared->stop = true;
	if (atomic_flag_test_and_set(&shared->told))
		return -1;
	n = snprintf(shared->text, sizeof(shared->text), "process %u: ", w->id);
	va_start(args, format);
	vsnprintf(shared->text + n, sizeof(shared->text) - n, format, args);
	va_end(args);
	return -1;
}

static int differs(struct worker *w, const char *how, const __u8 *seen,
		   size_t at, size_t length)
{
	size_t i = 0;

	while (i < length - 1 && seen[i] == w->copy[at + i])
		i++;
	if (seen[i] && seen[i] >> 4 != w->id)
		return fail(w, "%s: a foreign byte 0x%02x at %zu + %zu", how,
			    seen[i], at, i);
	return fail(w, "%s: 0x%02x instead of 0x%02x at %zu + %zu of %zu",
		    how, seen[i], w->copy[at + i], at, i, length);
}

/* ---- looking ---- */

static int check_file(struct worker *w, size_t at, size_t length)
{
	ssize_t n = ws_pread(w->fd, w->seen, length, at);

	w->tally->checks++;
	if (n != (ssize_t)length)
		return fail(w, "read() of %zu at %zu: %zd", length, at, n);
	if (memcmp(w->seen, w->copy + at, length))
		return differs(w, "read()", w->seen, at, length);
	return 0;
}

static int check_map(struct worker *w, size_t at, size_t length)
{
	w->tally->checks++;
	memcpy(w->seen, w->map + at, length);
	if (memcmp(w->seen, w->copy + at, length))
		return differs(w, "the mapping", w->seen, at, length);
	return 0;
}

/* There is one peer, and it has one set of registers. */
static __s64 peer_crc(struct worker *w, size_t at, size_t length)
{
	__s64 crc;

	if (pthread_mutex_lock(&w->shared->peer) == EOWNERDEAD)
		pthread_mutex_consistent(&w->shared->peer);
	crc = ws_peer_crc(w->dev, w->place + at, length);
	pthread_mutex_unlock(&w->shared->peer);
	return crc;
}

/* What another device reads: to be asked after a sync only. */
static int check_peer(struct worker *w, size_t at, size_t length)
{
	__u32 expected = ws_crc(w->copy + at, length);
	__s64 crc;

	if (!w->dev->peer)
		return 0;
	w->tally->peer_checks++;
	crc = peer_crc(w, at, length);
	if (crc == expected)
		return 0;
	/* The CPU's read pushes what had not arrived. */
	if (check_file(w, at, length))
		return -1;
	return fail(w, "after a sync %zu bytes at %zu had not arrived (CRC 0x%llx, not 0x%x)",
		    length, at, (unsigned long long)crc, expected);
}

/* ---- syncing ---- */

/* The calls that say by themselves whether they made a readback. */
static void count_sync(struct worker *w, int ret, __u32 readbacks)
{
	w->tally->syncs++;
	if (ret == -ETIMEDOUT)
		w->tally->timeouts++;
	else if (ret)
		w->tally->errors++;
	else if (readbacks)
		w->tally->led++;
	else
		w->tally->followed++;
}

static int sync_ioctl(struct worker *w, __u64 timeout_ns)
{
	struct writesync_sync sync = { .timeout_ns = timeout_ns };
	int ret;

	if (one_in(w, 4)) {
		sync.flags = WRITESYNC_RANGE;
		sync.offset = w->last_at;
		sync.length = w->last_length;
	}
	ret = ws_sync_call(w->fd, &sync);
	count_sync(w, ret, sync.readbacks);
	return ret;
}

/* It may end before the answer comes; then the bytes are still unsynced. */
static int sync_in_a_hurry(struct worker *w)
{
	int ret = sync_ioctl(w, 1 + below(w, 100 * WS_US));

	return ret == -ETIMEDOUT ? sync_ioctl(w, PATIENCE) : ret;
}

/*
 * Where somebody has written through a mapping and the caller does not read by
 * itself, it would say EAGAIN for ever.
 */
static int sync_nonblocking(struct worker *w)
{
	int ret = -EAGAIN, tries;

	fcntl(w->fd, F_SETFL, O_NONBLOCK);
	for (tries = 0; ret == -EAGAIN && tries < 10; tries++) {
		ret = sync_ioctl(w, PATIENCE);
		if (ret == -EAGAIN)
			ws_sleep(50 * WS_US);
	}
	fcntl(w->fd, F_SETFL, 0);
	return ret == -EAGAIN ? sync_ioctl(w, PATIENCE) : ret;
}

static int sync_by_file(struct worker *w)
{
	int ret;

	w->tally->syncs++;
	if (w->map && one_in(w, 2))
		ret = msync(w->map, w->length, MS_SYNC);
	else if (one_in(w, 2))
		ret = fsync(w->fd);
	else
		ret = fdatasync(w->fd);
	return ret ? -errno : 0;
}

/* Any sync, then the peer's word on what was written last or on any part. */
static int sync_and_check(struct worker *w)
{
	size_t at = w->last_at, length = w->last_length;
	int ret;

	switch (below(w, w->only_ioctls ? 4 : 8)) {
	case 0:
		ret = sync_in_a_hurry(w);
		break;
	case 1:
		ret = sync_nonblocking(w);
		break;
	case 2:
	case 3:
		ret = sync_ioctl(w, PATIENCE);
		break;
	default:
		ret = sync_by_file(w);
	}
	if (ret)
		return fail(w, "sync: %s", strerror(-ret));
	if (one_in(w, 2)) {
		length = 1 + below(w, w->length);
		at = below(w, w->length - length + 1);
	}
	return check_peer(w, at, length);
}

/* ---- writing: each of these writes w->data to the place picked ---- */

static int wrote(struct worker *w, const char *how, ssize_t n)
{
	if (n != (ssize_t)w->last_length)
		return fail(w, "%s of %zu at %zu: %zd", how, w->last_length,
			    w->last_at, n);
	w->tally->writes++;
	w->tally->bytes += n;
	memcpy(w->copy + w->last_at, w->data, n);
	return 0;
}

/* Cut into pieces, some of them empty; returns how many. */
static unsigned int cut(struct worker *w, struct writesync_iovec *iov)
{
	unsigned int count = 1 + below(w, PIECES), i;
	size_t done = 0, length;

	for (i = 0; i < count; i++) {
		length = w->last_length - done;
		if (i < count - 1)
			length = below(w, length + 1);
		iov[i].base = (uintptr_t)w->data + done;
		iov[i].length = length;
		done += length;
	}
	return count;
}

/* At the region's end more is asked for than fits, at times. */
static int by_write(struct worker *w)
{
	bool at_end = w->last_at + w->last_length == w->length;
	size_t length = w->last_length;
	ssize_t n;

	if (at_end && one_in(w, 2))
		length += 1 + below(w, BEYOND_MAX);
	if (one_in(w, 2))
		return wrote(w, "pwrite()", ws_pwrite(w->fd, w->data, length,
						      w->last_at));
	if (lseek(w->fd, w->last_at, SEEK_SET) != (off_t)w->last_at)
		return fail(w, "lseek() to %zu", w->last_at);
	n = write(w->fd, w->data, length);
	return wrote(w, "write()", n < 0 ? -errno : n);
}

static int by_pwritev2(struct worker *w)
{
	struct writesync_iovec pieces[PIECES];
	struct iovec iov[PIECES];
	unsigned int count = cut(w, pieces), i;
	int flags = one_in(w, 2) ? RWF_DSYNC : 0;
	ssize_t n;

	for (i = 0; i < count; i++) {
		iov[i].iov_base = (void *)(uintptr_t)pieces[i].base;
		iov[i].iov_len = pieces[i].length;
	}
	n = pwritev2(w->fd, iov, count, w->last_at, flags);
	if (wrote(w, "pwritev2()", n < 0 ? -errno : n))
		return -1;
	if (!flags)
		return 0;
	w->tally->syncs++;
	return check_peer(w, w->last_at, w->last_length);
}

static int by_ioctl(struct worker *w)
{
	struct writesync_iovec pieces[PIECES];
	struct writesync_write write = {
		.size = sizeof(write),
		.iov = (uintptr_t)pieces,
		.iov_count = cut(w, pieces),
		.timeout_ns = PATIENCE,
	};
	bool sync = one_in(w, 2);
	int ret;

	if (sync)
		write.flags |= WRITESYNC_WRITE_SYNC;
	if (one_in(w, 2)) {
		write.flags |= WRITESYNC_WRITE_AT;
		write.offset = w->last_at;
	} else if (lseek(w->fd, w->last_at, SEEK_SET) < 0) {
		return fail(w, "lseek() to %zu", w->last_at);
	}
	ret = ws_ioctl(w->fd, WRITESYNC_IOC_WRITE, &write);
	if (ret)
		return fail(w, "WRITE: %s after %llu bytes", strerror(-ret),
			    write.bytes_written);
	if (wrote(w, "WRITE", write.bytes_written))
		return -1;
	if (!sync)
		return 0;
	count_sync(w, 0, write.readbacks);
	return check_peer(w, w->last_at, w->last_length);
}

static void unmap(struct worker *w)
{
	if (w->map)
		munmap(w->map, w->length);
	w->map = NULL;
}

/* Not a write: nothing counts these but the device. */
static int by_map(struct worker *w)
{
	int ret = 0;

	if (!w->map)
		ret = ws_map(w->fd, 0, w->length, PROT_READ | PROT_WRITE,
			     &w->map);
	if (ret)
		return fail(w, "mmap() of %zu: %s", w->length, strerror(-ret));
	memcpy(w->map + w->last_at, w->data, w->last_length);
	/* This CPU's own buffers: the next look may come from another one. */
	atomic_thread_fence(memory_order_seq_cst);
	memcpy(w->copy + w->last_at, w->data, w->last_length);
	w->tally->stores++;
	if (check_map(w, w->last_at, w->last_length))
		return -1;
	if (one_in(w, 2) && sync_and_check(w))
		return -1;
	if (!one_in(w, 8))
		unmap(w);
	return 0;
}

static int write_somehow(struct worker *w)
{
	pick(w);
	fill(w, w->data, w->last_length + BEYOND_MAX);
	if (w->only_ioctls)
		return by_ioctl(w);
	switch (below(w, 4)) {
	case 0:
		return by_write(w);
	case 1:
		return by_pwritev2(w);
	case 2:
		return by_ioctl(w);
	default:
		return by_map(w);
	}
}

/* ---- the region ---- */

static int take_region(struct worker *w)
{
	struct span *span = &w->shared->places[w->id - 1];

	w->fd = ws_region(w->window, w->length, &w->place);
	if (w->fd < 0)
		return fail(w, "a region of %zu: %s", w->length,
			    strerror(-w->fd));
	*span = (struct span) { w->place, w->length };
	/* The commit and ws_region() did not say whether they read. */
	w->tally->syncs += 2;
	memset(w->copy, 0, w->length);
	w->last_at = 0;
	w->last_length = w->length;
	return check_peer(w, 0, w->length) || check_file(w, 0, w->length);
}

static int move(struct worker *w)
{
	unmap(w);
	close(w->fd);
	w->tally->moves++;
	return take_region(w);
}

/* What is not committed takes nothing, and loses nothing. */
static int pause_region(struct worker *w)
{
	struct writesync_commit commit = { .size = sizeof(commit) };
	int ret = ws_ioctl(w->fd, WRITESYNC_IOC_DECOMMIT, &commit);
	ssize_t n;

	if (ret)
		return fail(w, "DECOMMIT: %s", strerror(-ret));
	n = ws_pwrite(w->fd, w->data, 1, 0);
	if (n != -EBADFD)
		return fail(w, "pwrite() when decommitted: %zd", n);
	ret = ws_ioctl(w->fd, WRITESYNC_IOC_COMMIT, &commit);
	if (ret)
		return fail(w, "COMMIT: %s", strerror(-ret));
	return check_file(w, 0, w->length);
}

/* ---- one process ---- */

static int step(struct worker *w)
{
	if (write_somehow(w))
		return -1;
	if (one_in(w, 3) && sync_and_check(w))
		return -1;
	if (one_in(w, 4) && check_file(w, w->last_at, w->last_length))
		return -1;
	if (one_in(w, 150))
		return move(w);
	if (one_in(w, 150))
		return pause_region(w);
	return 0;
}

static void meet(struct shared *shared, atomic_uint *count)
{
	++*count;
	while (*count < WORKERS && !shared->stop)
		ws_sleep(WS_MS);
}

static int finish(struct worker *w)
{
	int ret = sync_ioctl(w, PATIENCE);

	if (ret)
		return fail(w, "the last sync: %s", strerror(-ret));
	if (check_peer(w, 0, w->length) || check_file(w, 0, w->length))
		return -1;
	/* Only then is where each region was last where its bytes are. */
	meet(w->shared, &w->shared->finished);
	unmap(w);
	return close(w->fd);
}

static int work(struct worker *w)
{
	__u64 deadline;

	w->copy = malloc(w->length);
	w->seen = malloc(w->length);
	w->data = malloc((1 << WRITE_MAX_SHIFT) + BEYOND_MAX);
	w->window = ws_open(w->dev, O_RDWR);
	if (!w->copy || !w->seen || !w->data || w->window < 0)
		return fail(w, "no memory, or no window (%d)", w->window);
	if (take_region(w))
		return -1;
	/* To take a region may take long: the time begins when all have one. */
	meet(w->shared, &w->shared->ready);
	deadline = ws_now() + w->shared->duration;
	while (!w->shared->stop && ws_now() < deadline)
		if (step(w))
			return -1;
	return w->shared->stop ? -1 : finish(w);
}

/* ---- all of them ---- */

FIXTURE(stress) {
	struct ws_dev dev;
	struct shared *shared;
	struct worker worker;	/* what all begin with */
	pid_t pids[WORKERS];
	int window;
	__u64 seed;
};

#define STRESS		FIXTURE_DATA(stress)

FIXTURE_VARIANT(stress) {
	bool only_ioctls;
	unsigned int share;	/* of the time, out of 5 */
};

FIXTURE_VARIANT_ADD(stress, every_way) { false, 4 };
/* Each call says what it did: the statistics are known to the last sync. */
FIXTURE_VARIANT_ADD(stress, only_ioctls) { true, 1 };

static struct shared *make_shared(void)
{
	struct shared *shared = mmap(NULL, sizeof(*shared),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;

	if (shared == MAP_FAILED)
		return NULL;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->peer, &attr);
	return shared;
}

/* As much of the window as twelve regions can have, up to REGION_MAX each. */
static size_t region_length(const struct writesync_info *info)
{
	__u64 length = info->total / WORKERS;

	if (length > REGION_MAX && REGION_MAX >= info->granule)
		length = REGION_MAX;
	else if (length > info->granule && info->granule > REGION_MAX)
		length = info->granule;
	return length / info->granule * info->granule;
}

/* All of what the regions can cover, and the page behind it. */
static int fill_window(STRESS *self, __u64 length)
{
	__u8 *nobodys = malloc(length);
	ssize_t n;

	if (!nobodys)
		return -ENOMEM;
	memset(nobodys, NOBODYS, length);
	n = ws_pwrite(self->window, nobodys, length, 0);
	free(nobodys);
	return n == (ssize_t)length ? ws_sync_for(self->window, PATIENCE) :
				      -EIO;
}

static __u64 watched(STRESS *self)
{
	__u64 length = WORKERS * (__u64)self->worker.length + 65536;

	return length < self->dev.size ? length : self->dev.size;
}

FIXTURE_SETUP(stress)
{
	struct writesync_info info;

	WS_BEGIN(return, &self->dev, 0);
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", PATIENCE / WS_MS));
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	ASSERT_EQ(0, ws_info(self->window, &info));
	self->worker.length = region_length(&info);
	ASSERT_LT(0, self->worker.length);
	ASSERT_EQ(0, fill_window(self, watched(self)));
	self->shared = make_shared();
	ASSERT_NE(NULL, self->shared);
	self->seed = ws_env_number("WRITESYNC_STRESS_SEED",
				   mix(ws_now()) & 0xffffffff);
	self->worker.only_ioctls = variant->only_ioctls;
}

FIXTURE_TEARDOWN(stress)
{
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static pid_t start_worker(STRESS *self, unsigned int index)
{
	struct worker *w = &self->worker;

	self->pids[index] = fork();
	if (self->pids[index])
		return self->pids[index];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w->dev = &self->dev;
	w->shared = self->shared;
	w->id = index + 1;
	w->tally = &self->shared->tallies[index];
	w->random = mix(self->seed + index);
	_exit(work(w) ? 1 : 0);
}

/* How many did not end by themselves and well. */
static unsigned int wait_for_workers(STRESS *self)
{
	__u64 until = ws_now() + self->shared->duration + 3 * PATIENCE;
	unsigned int bad = 0, left = WORKERS, i;
	int status;

	while (left) {
		for (i = 0; i < WORKERS; i++) {
			if (self->pids[i] <= 0 ||
			    !waitpid(self->pids[i], &status, WNOHANG))
				continue;
			bad += status != 0;
			self->shared->stop |= status != 0;
			self->pids[i] = 0;
			left--;
		}
		if (ws_now() > until)
			for (i = 0; i < WORKERS; i++)
				if (self->pids[i] > 0)
					kill(self->pids[i], SIGKILL);
		ws_sleep(20 * WS_MS);
	}
	return bad;
}

static struct tally sum_up(const struct shared *shared)
{
	struct tally sum = {};
	unsigned int i, field;

	for (i = 0; i < WORKERS; i++)
		for (field = 0; field < TALLY_FIELDS; field++)
			((__u64 *)&sum)[field] +=
				((__u64 *)&shared->tallies[i])[field];
	return sum;
}

/* Whose byte belongs there: 0 is nobody's. */
static unsigned int owner(const struct shared *shared, __u64 at)
{
	unsigned int i;

	for (i = 0; i < WORKERS; i++)
		if (at - shared->places[i].at < shared->places[i].length)
			return i + 1;
	return 0;
}

/* The whole window, after the processes have gone: where is a foreign byte? */
static __s64 find_foreign(STRESS *self)
{
	__u64 length = watched(self), at;
	__u8 *seen = malloc(length);
	unsigned int id;
	__s64 found = -1;

	if (!seen || ws_pread(self->window, seen, length, 0) != (ssize_t)length)
		found = -2;
	for (at = 0; at < length && found == -1; at++) {
		id = owner(self->shared, at);
		if (id ? seen[at] && seen[at] >> 4 != id : seen[at] != NOBODYS)
			found = at;
	}
	free(seen);
	return found;
}

struct statistics {
	__u64 writes, bytes, syncs, readbacks, coalesced, clean, timeouts;
	__u64 errors, losses;
};

static int read_statistics(const struct ws_dev *dev, struct statistics *s)
{
	static const char * const names[] = {
		"statistics/writes", "statistics/bytes", "statistics/syncs",
		"statistics/readbacks", "statistics/coalesced",
		"statistics/clean", "statistics/timeouts", "statistics/errors",
		"statistics/losses",
	};
	__u64 *value = (__u64 *)s;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(names) && !ret; i++)
		ret = ws_number(dev, names[i], &value[i]);
	return ret;
}

static void subtract(struct statistics *s, const struct statistics *before)
{
	unsigned int i;

	for (i = 0; i < sizeof(*s) / sizeof(__u64); i++)
		((__u64 *)s)[i] -= ((const __u64 *)before)[i];
}

/* What the window counted, and what those counted who made the calls. */
static void expect_sums(struct __test_metadata *_metadata, STRESS *self,
			const struct statistics *s, const struct tally *t)
{
	__u64 led = s->syncs - s->clean - s->coalesced - s->timeouts -
		    s->errors;

	EXPECT_EQ(t->writes, s->writes);
	EXPECT_EQ(t->bytes, s->bytes);
	EXPECT_EQ(t->syncs, s->syncs);
	EXPECT_EQ(t->timeouts, s->timeouts);
	EXPECT_EQ(t->errors, s->errors);
	EXPECT_EQ(0, s->losses);
	/* fsync() and its like do not say whether they led. */
	EXPECT_LE(t->led, led);
	EXPECT_LE(t->followed, s->clean + s->coalesced);
	EXPECT_LE(led, s->readbacks);
	if (self->worker.only_ioctls) {
		/* All but the two syncs of each new region have told. */
		EXPECT_GE(t->led + 2 * (WORKERS + t->moves), led);
	}
}

static void tell(const struct statistics *s, const struct tally *t)
{
	ksft_print_msg("%llu writes, %llu bytes, %llu by mapping, %llu regions\n",
		       t->writes, t->bytes, t->stores, t->moves + WORKERS);
	ksft_print_msg("%llu comparisons, and %llu by the peer\n", t->checks,
		       t->peer_checks);
	ksft_print_msg("%llu syncs, %llu readbacks: %llu clean, %llu coalesced\n",
		       s->syncs, s->readbacks, s->clean, s->coalesced);
	ksft_print_msg("%llu timed out, %llu would have waited\n", s->timeouts,
		       s->errors);
}

TEST_F_TIMEOUT(stress, c7_twelve_processes_share_a_window, 2 * SECONDS_MAX)
{
	__u64 seconds = ws_env_number("WRITESYNC_STRESS_SECONDS", SECONDS);
	struct statistics before, after;
	struct tally sum;
	unsigned int i;

	ASSERT_TRUE(seconds >= 1 && seconds <= SECONDS_MAX) {
		TH_LOG("WRITESYNC_STRESS_SECONDS=%llu: give 1 to %u", seconds,
		       SECONDS_MAX);
	}
	ksft_print_msg("WRITESYNC_STRESS_SEED=%llu, %llu s, %u regions of %zu bytes\n",
		       self->seed, seconds, WORKERS, self->worker.length);
	ASSERT_EQ(0, read_statistics(&self->dev, &before));
	self->shared->duration = seconds * variant->share * WS_S / 5;
	for (i = 0; i < WORKERS; i++)
		ASSERT_LT(0, start_worker(self, i));
	EXPECT_EQ(0, wait_for_workers(self)) {
		TH_LOG("%s", self->shared->text);
	}
	ASSERT_EQ(0, read_statistics(&self->dev, &after));
	subtract(&after, &before);
	sum = sum_up(self->shared);
	tell(&after, &sum);
	EXPECT_EQ(-1, find_foreign(self));
	EXPECT_LT(0, sum.writes);
	EXPECT_LT(0, sum.checks);
	EXPECT_EQ(!!self->dev.peer, !!sum.peer_checks);
	if (!self->shared->stop)
		expect_sums(_metadata, self, &after, &sum);
}

TEST_HARNESS_MAIN

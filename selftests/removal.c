// SPDX-License-Identifier: GPL-2.0
/*
 * C8 under load: the device is taken away and comes back, again and again, in
 * every way there is, while two crowds of users are at work. Each crowd is a
 * process; each of its users is a thread with an open file, a region and a
 * mapping of its own that does one thing over and over: writes, syncs of every
 * kind, reads, touches of mapped memory, polls, commits, opens and maps.
 *
 *  - The removal is over soon, whatever the users hold and wait for.
 *  - Every user comes to know: ENODEV, or SIGBUS where it touches memory.
 *    Afterwards all of its calls fail with ENODEV, and poll() says HUP.
 *  - No sync and no read succeeds that began when the device was silent (C4).
 *  - Users close in any order. Some keep the files of a former binding, which
 *    stay as they are while another one is in use.
 *  - Back again, everybody gets on with new files.
 *
 * WRITESYNC_CYCLES: how many removals of random kinds, 1 to 100000 (8)
 * WRITESYNC_CYCLES_SEED: what decides on the kinds, and on what users do
 * WRITESYNC_HOST_CYCLES: how many removals to ask the host for, which has to
 *	listen for it: scripts/test-hotplug
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)
#define CROWDS		2
#define CYCLES		8
#define CYCLES_MAX	100000
#define STEPS		3		/* of each user between two removals */
#define LARGE		(64 * 1024)	/* takes time to write and to clear */
#define WORD		8
#define TOUCHES		100
#define PATIENCE	(20 * WS_S)	/* of a sync */
#define SOON		(40 * WS_SLACK)	/* for a removal */
#define AT_LAST		(400 * WS_SLACK)	/* for what users do */

/* What all processes share. */
struct stage {
	char node[NAME_MAX + 8];
	size_t span;		/* bytes of the window that are written */
	__u64 pause;		/* ns at most, while there is no device */
	atomic_bool stop;
	atomic_uint silent;	/* how often the device fell silent */
	atomic_uint gone;	/* how many removals were over */
	atomic_flag told;
	char text[256];		/* what went wrong first */
	struct tally {
		atomic_ulong steps;	/* that succeeded */
		atomic_ulong ends;	/* files that came to know */
		atomic_ulong old;	/* looks at a file of a former binding */
	} *tallies;
};

/* What belongs to one binding, and when it began. */
struct set {
	int fd;
	int region;
	__u8 *map;
	unsigned int silent;
	unsigned int gone;
};

struct user {
	struct stage *stage;
	const struct job *job;
	struct tally *tally;
	pthread_t thread;
	__u64 random;
	struct set set;
	struct set old;
	__u8 data[LARGE];
};

/*
 * What a user does. @honest: it is a lie if it succeeds when the device is
 * silent.
 */
struct job {
	const char *name;
	int (*step)(struct user *u);
	bool honest;
	int flags;		/* for open() */
};

static __u64 below(struct user *u, __u64 end)
{
	return ws_random(&u->random) % end;
}

static bool one_in(struct user *u, unsigned int n)
{
	return !below(u, n);
}

/* The first thing that goes wrong is told, and all stop. */
static int __printf(2, 3) fail(struct user *u, const char *format, ...)
{
	struct stage *stage = u->stage;
	va_list args;
	int n;

	stage->stop = true;
	if (atomic_flag_test_and_set(&stage->told))
		return -EPROTO;
	n = snprintf(stage->text, sizeof(stage->text), "%s: ", u->job->name);
	va_start(args, format);
	vsnprintf(stage->text + n, sizeof(stage->text) - n, format, args);
	va_end(args);
	return -EPROTO;
}

/* ---- the jobs: 0, or -errno; -ENODEV ends the work with this file ---- */

static int sent(ssize_t n)
{
	return n < 0 ? n : 0;
}

static int touched(int sig)
{
	return sig == SIGBUS ? -ENODEV : -sig;
}

static int result(int ret)
{
	return ret ? -errno : 0;
}

static off_t somewhere(struct user *u)
{
	return below(u, (u->stage->span - LARGE) / WORD) * WORD;
}

static int put_word(struct user *u, int flags)
{
	return sent(ws_pwritev2(u->set.fd, u->data, WORD, somewhere(u),
				flags));
}

static int job_write(struct user *u)
{
	return sent(ws_pwrite(u->set.fd, u->data, 1 + below(u, LARGE),
			      somewhere(u)));
}

static int job_sync(struct user *u)
{
	return put_word(u, 0) ?: ws_sync_for(u->set.fd, PATIENCE);
}

static int job_fsync(struct user *u)
{
	return put_word(u, 0) ?: result(fsync(u->set.fd));
}

static int job_fdatasync(struct user *u)
{
	return put_word(u, 0) ?: result(fdatasync(u->set.fd));
}

/* For files with O_DSYNC, too. */
static int job_dsync(struct user *u)
{
	return put_word(u, u->job->flags & O_DSYNC ? 0 : RWF_DSYNC);
}

static int job_write_ioctl(struct user *u)
{
	struct writesync_iovec pieces[2] = {
		ws_piece(u->data, WORD), ws_piece(u->data, LARGE / 4),
	};
	struct writesync_write write = ws_pieces_at(pieces, 2, somewhere(u));

	write.flags |= WRITESYNC_WRITE_SYNC;
	write.timeout_ns = PATIENCE;
	return ws_write_call(u->set.fd, &write);
}

static int job_msync(struct user *u)
{
	return touched(ws_touch(u->set.map, true)) ?:
	       result(msync(u->set.map, PAGE, MS_SYNC));
}

static int job_read(struct user *u)
{
	return sent(ws_pread(u->set.fd, u->data, 1 + below(u, 512),
			     somewhere(u)));
}

static int job_touch(struct user *u)
{
	int sig = 0, i;

	for (i = 0; i < TOUCHES && !sig; i++)
		sig = ws_touch(u->set.map + 64, i & 1);
	return touched(sig);
}

/* With a mapping of its own each time: mmap() races with the removal. */
static int job_mmap(struct user *u)
{
	__u8 *map;
	int ret = ws_map(u->set.fd, 0, 2 * PAGE, BOTH, &map);

	if (ret)
		return ret;
	ret = touched(ws_touch(map, true)) ?:
	      touched(ws_touch(map + PAGE, false));
	munmap(map, 2 * PAGE);
	return ret;
}

static int job_region(struct user *u)
{
	return sent(ws_pwrite(u->set.region, u->data, 256, 0)) ?:
	       ws_sync_for(u->set.region, PATIENCE);
}

/* A COMMIT clears: it is under way most of the time. */
static int job_commit(struct user *u)
{
	int fd = ws_alloc(u->set.fd, LARGE);
	int ret;

	if (fd < 0)
		return fd;
	ret = ws_commit(fd);
	close(fd);
	return ret;
}

static int job_poll(struct user *u)
{
	struct pollfd p = { .fd = u->set.fd, .events = POLLPRI };
	int n = poll(&p, 1, 1 + below(u, 10));

	if (n < 0)
		return -errno;
	if (n)
		return p.revents == (POLLERR | POLLHUP) ? -ENODEV : -EPROTO;
	return 0;
}

/* open() races with the removal; and who comes too late finds nothing. */
static int open_window(struct user *u, int flags)
{
	int fd = open(u->stage->node, O_RDWR | O_CLOEXEC | flags);

	if (fd >= 0)
		return fd;
	return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
}

static int job_open(struct user *u)
{
	int fd = open_window(u, 0);

	if (fd < 0)
		return fd;
	close(fd);
	/* That may have been another binding already. */
	fd = ws_needed(u->set.fd);
	return fd < 0 ? fd : 0;
}

static int job_ask(struct user *u)
{
	struct writesync_query query;
	struct writesync_info info;
	__u64 offset;
	int ret;

	ret = ws_info(u->set.fd, &info) ?: ws_query(u->set.fd, &query);
	ret = ret ?: ws_check(u->set.fd, u->set.map, PAGE, &offset);
	return ret < 0 ? ret : ret == 1 ? 0 : -EPROTO;
}

static const struct job jobs[] = {
	{ .name = "write", .step = job_write },
	{ .name = "SYNC", .step = job_sync, .honest = true },
	{ .name = "fsync", .step = job_fsync, .honest = true },
	{ .name = "fdatasync", .step = job_fdatasync, .honest = true },
	{ .name = "RWF_DSYNC", .step = job_dsync, .honest = true },
	{
		.name = "O_DSYNC", .step = job_dsync, .honest = true,
		.flags = O_DSYNC,
	},
	{ .name = "WRITE", .step = job_write_ioctl, .honest = true },
	{ .name = "msync", .step = job_msync, .honest = true },
	{ .name = "read", .step = job_read, .honest = true },
	{ .name = "touch", .step = job_touch },
	{ .name = "mmap", .step = job_mmap },
	{ .name = "region", .step = job_region, .honest = true },
	{ .name = "COMMIT", .step = job_commit, .honest = true },
	{ .name = "poll", .step = job_poll },
	{ .name = "open", .step = job_open },
	{ .name = "QUERY", .step = job_ask },
};

#define JOBS		ARRAY_SIZE(jobs)
#define USERS		(CROWDS * JOBS)

/* ---- one user ---- */

static const struct set nothing = { .fd = -1, .region = -1 };

/* The files of one binding; -ENODEV: it is not there, or not any more. */
static int begin(struct user *u, struct set *set)
{
	__u64 offset;

	*set = nothing;
	set->silent = u->stage->silent;
	set->gone = u->stage->gone;
	set->fd = open_window(u, u->job->flags);
	if (set->fd < 0)
		return set->fd;
	set->region = ws_region(set->fd, PAGE, &offset);
	if (set->region < 0)
		return set->region;
	return ws_map(set->region, 0, PAGE, BOTH, &set->map);
}

static void end_part(struct set *set, unsigned int part)
{
	if (part == 0 && set->fd >= 0)
		close(set->fd);
	else if (part == 1 && set->region >= 0)
		close(set->region);
	else if (part == 2 && set->map)
		munmap(set->map, PAGE);
}

static void end(struct user *u, struct set *set)
{
	unsigned int first = below(u, 3), step = 1 + below(u, 2), i;

	for (i = 0; i < 3; i++)
		end_part(set, (first + i * step) % 3);
	*set = nothing;
}

/* Who finds a device dead need not wait until its mappings are taken away. */
static bool ends_in_sigbus(struct user *u, __u8 *map)
{
	__u64 until = ws_now() + SOON;
	bool write = one_in(u, 2);
	int sig;

	do {
		sig = ws_touch(map, write);
	} while (!sig && ws_now() < until);
	return sig == SIGBUS;
}

static int polled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}

/* The first call that does not say so; NULL: all do. */
static const char *not_enodev(struct user *u, int fd)
{
	__u8 *map;

	if (ws_pwrite(fd, u->data, WORD, 0) != -ENODEV)
		return "pwrite()";
	if (ws_pread(fd, u->data, WORD, 0) != -ENODEV)
		return "pread()";
	if (ws_sync_for(fd, PATIENCE) != -ENODEV)
		return "SYNC";
	if (result(fsync(fd)) != -ENODEV)
		return "fsync()";
	if (ws_commit(fd) != -ENODEV)
		return "COMMIT";
	if (ws_map(fd, 0, PAGE, BOTH, &map) != -ENODEV)
		return "mmap()";
	if (polled(fd) != (POLLERR | POLLHUP))
		return "poll()";
	return NULL;
}

static int check_gone(struct user *u, struct set *set, const char *when)
{
	const char *call = not_enodev(u, set->fd);

	if (call)
		return fail(u, "%s %s is not ENODEV", call, when);
	call = set->region >= 0 ? not_enodev(u, set->region) : NULL;
	if (call)
		return fail(u, "%s of a region %s is not ENODEV", call, when);
	if (set->map && !ends_in_sigbus(u, set->map))
		return fail(u, "a touch %s is not SIGBUS", when);
	return 0;
}

static int step(struct user *u)
{
	bool silent = u->stage->silent != u->set.silent;
	bool gone = u->stage->gone != u->set.gone;
	int ret = u->job->step(u);

	if (!ret && (gone || (silent && u->job->honest)))
		return fail(u, "success on a device that is gone");
	u->tally->steps += !ret;
	/* A busy machine takes its time; that is not what this is about. */
	return ret == -ETIMEDOUT ? 0 : ret;
}

/* What is kept of a former binding has not come back with the device. */
static void look_at_old(struct user *u)
{
	if (u->old.fd < 0)
		return;
	check_gone(u, &u->old, "of a former binding");
	u->tally->old++;
	if (one_in(u, 2))
		end(u, &u->old);
}

/* Until the binding ends. */
static void use(struct user *u)
{
	int ret = 0;

	look_at_old(u);
	while (!ret && !u->stage->stop) {
		ret = step(u);
		/* Whoever takes the device away needs a processor, too. */
		ws_sleep(below(u, 4 * WS_MS));
	}
	if (ret && ret != -ENODEV)
		fail(u, "%s", strerror(-ret));
	if (ret == -ENODEV && !check_gone(u, &u->set, "afterwards"))
		u->tally->ends++;
}

/* Some keep what they have, to look at it when they have something else. */
static void *live(void *data)
{
	struct user *u = data;
	int ret;

	while (!u->stage->stop) {
		ret = begin(u, &u->set);
		if (!ret)
			use(u);
		else if (ret != -ENODEV && ret != -ETIMEDOUT)
			fail(u, "at the beginning: %s", strerror(-ret));
		if (!ret && u->old.fd < 0 && one_in(u, 2)) {
			u->old = u->set;
			u->set = nothing;
		}
		end(u, &u->set);
		ws_sleep(below(u, ret == -ENODEV ? u->stage->pause :
						   20 * WS_MS));
	}
	end(u, &u->old);
	return NULL;
}

/* ---- crowds ---- */

FIXTURE(removal) {
	struct ws_dev dev;
	struct stage *stage;
	pid_t crowds[CROWDS];
	unsigned long steps[USERS];	/* of each when it began anew */
	unsigned long ends[USERS];
	__u64 seed;
	__u64 longest;		/* removal, ns */
};

#define REMOVAL		FIXTURE_DATA(removal)

static int crowd(REMOVAL *self, unsigned int index)
{
	struct user *users = calloc(JOBS, sizeof(*users));
	unsigned int i;

	if (!users)
		return 1;
	ws_catch_faults();
	for (i = 0; i < JOBS; i++) {
		struct user *u = &users[i];

		u->stage = self->stage;
		u->job = &jobs[i];
		u->tally = &self->stage->tallies[index * JOBS + i];
		u->random = self->seed + index * JOBS + i;
		u->set = nothing;
		u->old = nothing;
		ws_fill(u->data, LARGE, i);
		if (pthread_create(&u->thread, NULL, live, u))
			return 1;
	}
	for (i = 0; i < JOBS; i++)
		pthread_join(users[i].thread, NULL);
	return 0;
}

static int start_crowds(REMOVAL *self)
{
	unsigned int i;

	for (i = 0; i < CROWDS; i++) {
		self->crowds[i] = fork();
		if (self->crowds[i] < 0)
			return -errno;
		if (!self->crowds[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(crowd(self, i));
		}
	}
	return 0;
}

/* Return: how many did not end by themselves and well. */
static unsigned int stop_crowds(REMOVAL *self)
{
	__u64 until = ws_now() + AT_LAST;
	unsigned int bad = 0, i;
	int status;

	self->stage->stop = true;
	for (i = 0; i < CROWDS; i++) {
		while (!waitpid(self->crowds[i], &status, WNOHANG)) {
			if (ws_now() > until)
				kill(self->crowds[i], SIGKILL);
			ws_sleep(10 * WS_MS);
		}
		bad += status != 0;
	}
	return bad;
}

static void *share_memory(size_t length)
{
	void *memory = mmap(NULL, length, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1,
			    0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int set_stage(REMOVAL *self)
{
	struct stage *stage = share_memory(sizeof(*stage));
	const char *seed = getenv("WRITESYNC_CYCLES_SEED");

	if (!stage)
		return -ENOMEM;
	stage->tallies = share_memory(USERS * sizeof(*stage->tallies));
	if (!stage->tallies)
		return -ENOMEM;
	snprintf(stage->node, sizeof(stage->node), "/dev/%s", self->dev.name);
	stage->pause = 20 * WS_MS;
	stage->span = self->dev.size < (1 << 20) ? self->dev.size : 1 << 20;
	self->stage = stage;
	self->seed = seed && *seed ? strtoull(seed, NULL, 0) :
				     ws_now() % 1000000;
	return 0;
}

FIXTURE_SETUP(removal)
{
	WS_BEGIN(return, &self->dev, 0);
	if (self->dev.size < USERS * PAGE + CROWDS * LARGE)
		SKIP(return, "the window is too small for everybody");
	ASSERT_EQ(0, set_stage(self));
	ASSERT_EQ(0, start_crowds(self));
	/* What it takes is to be seen, and not that so many others are busy. */
	ASSERT_EQ(0, setpriority(PRIO_PROCESS, 0, -20));
}

FIXTURE_TEARDOWN(removal)
{
	stop_crowds(self);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* Each user has done some more, or has ended once more, than it had. */
static int wait_for_users(REMOVAL *self, bool ends)
{
	struct tally *t = self->stage->tallies;
	__u64 until = ws_now() + AT_LAST;
	unsigned int i = 0;

	while (i < USERS && !self->stage->stop) {
		if (ends ? t[i].ends > self->ends[i] :
			   t[i].steps >= self->steps[i] + STEPS) {
			i++;
			continue;
		}
		if (ws_now() > until) {
			ksft_print_msg("%s does not %s\n", jobs[i % JOBS].name,
				       ends ? "end" : "get on");
			return -ETIMEDOUT;
		}
		ws_sleep(WS_MS);
	}
	return self->stage->stop ? -EPROTO : 0;
}

static void remember_users(REMOVAL *self)
{
	struct tally *t = self->stage->tallies;
	unsigned int i;

	for (i = 0; i < USERS; i++) {
		self->steps[i] = t[i].steps;
		self->ends[i] = t[i].ends;
	}
}

/* All that is to be seen of one removal; how it comes about is the caller's. */
static void expect_end(struct __test_metadata *_metadata, REMOVAL *self,
		       bool over)
{
	self->stage->gone += over;
	EXPECT_EQ(0, wait_for_users(self, true)) {
		TH_LOG("%s", self->stage->text);
	}
}

static void expect_work(struct __test_metadata *_metadata, REMOVAL *self)
{
	remember_users(self);
	ASSERT_EQ(0, wait_for_users(self, false)) {
		TH_LOG("%s", self->stage->text);
	}
}

/* They are at work already: what is not settled yet may time out. */
static void settle(struct __test_metadata *_metadata, REMOVAL *self,
		   const char *inline_sync)
{
	char node[sizeof(self->stage->node)];

	snprintf(node, sizeof(node), "/dev/%s", self->dev.name);
	ASSERT_STREQ(node, self->stage->node);
	EXPECT_EQ(0, ws_set(&self->dev, "inline_sync", inline_sync));
	EXPECT_EQ(0, ws_set_number(&self->dev, "timeout_ms",
				   PATIENCE / WS_MS));
}

static void cycle(struct __test_metadata *_metadata, REMOVAL *self,
		  enum ws_removal how, const char *inline_sync)
{
	__u64 begun, took;

	settle(_metadata, self, inline_sync);
	expect_work(_metadata, self);
	begun = ws_now();
	ASSERT_EQ(0, ws_remove(&self->dev, how));
	self->stage->silent++;
	EXPECT_EQ(0, ws_wait_removed(&self->dev, how));
	took = ws_now() - begun;
	/* Of a device found dead, mappings are taken away a little later. */
	expect_end(_metadata, self, how != WS_BY_DEATH);
	EXPECT_GE(SOON, took) {
		TH_LOG("%s took %llu ms", ws_removal_name(how), took / WS_MS);
	}
	if (took > self->longest)
		self->longest = took;
	ASSERT_EQ(0, ws_return(&self->dev, how));
}

static void tell(REMOVAL *self)
{
	struct tally *t = self->stage->tallies;
	unsigned long steps = 0, ends = 0, old = 0;
	unsigned int i;

	for (i = 0; i < USERS; i++) {
		steps += t[i].steps;
		ends += t[i].ends;
		old += t[i].old;
	}
	ksft_print_msg("%lu calls, %lu ended, %lu looks at former bindings\n",
		       steps, ends, old);
	if (self->longest)
		ksft_print_msg("longest removal %llu ms\n",
			       self->longest / WS_MS);
}

static void finish(struct __test_metadata *_metadata, REMOVAL *self)
{
	expect_work(_metadata, self);
	EXPECT_EQ(0, stop_crowds(self));
	EXPECT_STREQ("", self->stage->text);
	tell(self);
}

static void cycle_twice(struct __test_metadata *_metadata, REMOVAL *self,
			enum ws_removal how)
{
	const char *why = ws_no_removal(&self->dev, how);

	if (why)
		SKIP(return, "%s", why);
	cycle(_metadata, self, how, "always");
	cycle(_metadata, self, how, "never");
	finish(_metadata, self);
}

TEST_F_TIMEOUT(removal, c8_unbinding_waits_for_nobody, 120)
{
	cycle_twice(_metadata, self, WS_BY_UNBIND);
}

TEST_F_TIMEOUT(removal, c8_removing_waits_for_nobody, 120)
{
	cycle_twice(_metadata, self, WS_BY_REMOVE);
}

TEST_F_TIMEOUT(removal, c8_a_dead_device_leaves_nobody, 120)
{
	cycle_twice(_metadata, self, WS_BY_DEATH);
}

TEST_F_TIMEOUT(removal, c8_a_surprise_removal_leaves_nobody, 120)
{
	cycle_twice(_metadata, self, WS_BY_LINK_DOWN);
}

static long from_environment(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtol(text, NULL, 0) : otherwise;
}

/* What this machine can do, in an order that is another one each time. */
static unsigned int shuffle(const struct ws_dev *dev, __u64 *random,
			    enum ws_removal *order)
{
	unsigned int count = 0, at;
	enum ws_removal how;

	for (how = 0; how < WS_REMOVALS; how++) {
		if (ws_no_removal(dev, how))
			continue;
		at = ws_random(random) % ++count;
		order[count - 1] = order[at];
		order[at] = how;
	}
	return count;
}

/*
 * The kinds in random order, each about as often. WRITESYNC_KINDS says how many
 * of them the machine has to be capable of.
 */
TEST_F_TIMEOUT(removal, c8_again_and_again_in_any_way, 6 * 3600)
{
	static const char * const engines[] = { "always", "never", "auto" };
	long cycles = from_environment("WRITESYNC_CYCLES", CYCLES), i;
	long least = from_environment("WRITESYNC_KINDS", 1);
	unsigned int count[WS_REMOVALS] = { 0 }, kinds = 0;
	enum ws_removal order[WS_REMOVALS];
	__u64 random = self->seed;
	enum ws_removal how;

	ASSERT_TRUE(cycles > 0 && cycles <= CYCLES_MAX) {
		TH_LOG("WRITESYNC_CYCLES: give a number from 1 to %d",
		       CYCLES_MAX);
	}
	if (ws_no_removal(&self->dev, WS_BY_UNBIND) &&
	    ws_no_removal(&self->dev, WS_BY_REMOVE))
		SKIP(return, "%s", ws_no_removal(&self->dev, WS_BY_UNBIND));
	ksft_print_msg("WRITESYNC_CYCLES_SEED=%llu\n", self->seed);
	ASSERT_LE(least, shuffle(&self->dev, &random, order));
	for (i = 0; i < cycles; i++) {
		if (!kinds)
			kinds = shuffle(&self->dev, &random, order);
		how = order[--kinds];
		cycle(_metadata, self, how,
		      engines[ws_random(&random) % ARRAY_SIZE(engines)]);
		count[how]++;
		if (!((i + 1) % 100)) {
			ksft_print_msg("%ld cycles\n", i + 1);
			fflush(stdout);
		}
	}
	finish(_metadata, self);
	for (how = 0; how < WS_REMOVALS; how++) {
		ksft_print_msg("%u cycles: %s\n", count[how],
			       ws_removal_name(how));
		if (cycles >= WS_REMOVALS && !ws_no_removal(&self->dev, how))
			EXPECT_LT(0, count[how]);
	}
}

/* What the host does when it reads this line. */
static void ask_host(const char *what)
{
	ksft_print_msg("host: %s\n", what);
	fflush(stdout);
}

TEST_F_TIMEOUT(removal, c8_the_host_unplugs_and_plugs, 3600)
{
	long cycles = from_environment("WRITESYNC_HOST_CYCLES", 0), i;
	__u64 begun;
	int ret;

	if (!cycles)
		SKIP(return, "no host listens (WRITESYNC_HOST_CYCLES)");
	/* With ACPI, who plugs it in has no higher priority than the users. */
	self->stage->pause = 400 * WS_MS;
	for (i = 0; i < cycles; i++) {
		settle(_metadata, self, i & 1 ? "always" : "never");
		expect_work(_metadata, self);
		ws_let_go(&self->dev);
		ask_host("unplug");
		ASSERT_EQ(0, ws_wait_removed(&self->dev, WS_BY_LINK_DOWN));
		expect_end(_metadata, self, true);
		ask_host("plug");
		begun = ws_now();
		ret = ws_wait_window(&self->dev);
		if (ret)
			ws_print_log();
		ksft_print_msg("a window after %llu ms\n",
			       (ws_now() - begun) / WS_MS);
		ASSERT_EQ(0, ret);
	}
	finish(_metadata, self);
}

TEST_HARNESS_MAIN

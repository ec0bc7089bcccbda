// SPDX-License-Identifier: GPL-2.0
/*
 * C8: a device that hangs, and is then taken away. Nothing but the hardware can
 * end a read that stalls, by its completion time-out. Removal waits for that,
 * once; those who wait for the read do not even wait for that.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)
#define WORD		8
#define BULK		(256 * 1024)	/* more than one pass of the gate */
#define LONG		(100 * WS_S)
#define REFERENCES	"/sys/module/writesync/refcnt"

/*
 * What is unmapped on one CPU, be it the stack of a thread that has ended, waits
 * for each other CPU that knows the process, and one that stalls does not answer.
 * So the process of a test is born on the first CPU and stays there, and those
 * that make another one stall are others.
 */
static void __attribute__((constructor)) begin_on_first_cpu(void)
{
	ws_pin(0);
}

struct setup {
	struct ws_dev dev;
	int fd;
	int synced;		/* the same window with O_DSYNC */
	int region;
	int fresh;		/* a region never committed */
	__u8 *map;
	__u8 *bulk;
	unsigned long references;
};

static unsigned long references(void)
{
	char text[32] = "";

	return ws_file(REFERENCES, text, sizeof(text)) ? ~0ul :
	       strtoul(text, NULL, 10);
}

/* All that a user may need, while the device still moves. */
static int set_up(struct setup *s)
{
	__u64 offset;

	s->references = references();
	s->bulk = malloc(BULK);
	s->fd = ws_open(&s->dev, O_RDWR);
	s->synced = ws_open(&s->dev, O_RDWR | O_DSYNC);
	if (!s->bulk || s->fd < 0 || s->synced < 0)
		return -ENODEV;
	s->region = ws_region(s->fd, PAGE, &offset);
	s->fresh = ws_alloc(s->fd, PAGE);
	if (s->region < 0 || s->fresh < 0)
		return -ENOSPC;
	ws_fill(s->bulk, BULK, 3);
	return ws_map(s->fd, 0, 2 * PAGE, BOTH, &s->map) ?:
	       ws_touch(s->map, true);
}

static void set_down(struct setup *s)
{
	int *fds[] = { &s->fd, &s->synced, &s->region, &s->fresh };
	size_t i;

	if (s->map)
		munmap(s->map, 2 * PAGE);
	s->map = NULL;
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		close(*fds[i]);
		*fds[i] = -1;
	}
	free(s->bulk);
	s->bulk = NULL;
}

static int hang(struct setup *s, __u64 completion_ns)
{
	ws_reg_write64(&s->dev, WS_EDU_COMPLETION_NS, completion_ns);
	ws_fault(&s->dev, WS_FAULT_STALL);
	return ws_set_number(&s->dev, "timeout_ms", LONG / WS_MS);
}

static int recover(struct setup *s, enum ws_removal how)
{
	ws_fault(&s->dev, 0);
	return ws_return(&s->dev, how);
}

/* What unbinding takes when nothing is in flight. It forgets the settings. */
static void time_plain_removal(struct __test_metadata *_metadata,
			       struct ws_dev *dev, __u64 *took)
{
	__u64 begun = ws_now();

	ASSERT_EQ(0, ws_unbind(dev));
	*took = ws_now() - begun;
	ASSERT_EQ(0, ws_return(dev, WS_BY_UNBIND));
}

/*
 * The same where it is to be allowed for, up to a second: a kernel that watches
 * takes nearly that. On others removal has a second, and that is all.
 */
static void time_watching(struct __test_metadata *_metadata,
			  struct ws_dev *dev, __u64 *took)
{
	*took = 0;
	if (ws_slow() > 1)
		time_plain_removal(_metadata, dev, took);
	/* More could not be told from a second access. */
	if (*took > WS_S)
		*took = WS_S;
}

/* ---- calls that do not end ---- */

static int result(ssize_t ret)
{
	return ret < 0 ? -errno : 0;
}

static int call_sync(struct setup *s)
{
	return ws_sync_for(s->fd, WRITESYNC_TIMEOUT_NONE);
}

static int call_verify(struct setup *s)
{
	struct writesync_sync sync = {
		.flags = s->dev.prefetch ? WRITESYNC_VERIFY : 0,
		.timeout_ns = WRITESYNC_TIMEOUT_NONE,
	};

	return ws_sync_call(s->fd, &sync);
}

static int call_fsync(struct setup *s)
{
	return result(fsync(s->fd));
}

static int call_dsync(struct setup *s)
{
	return result(pwrite(s->synced, "a word..", WORD, PAGE));
}

static int call_write_sync(struct setup *s)
{
	struct writesync_iovec piece = ws_piece("a word..", WORD);
	struct writesync_write write = ws_pieces_at(&piece, 1, PAGE);

	write.flags |= WRITESYNC_WRITE_SYNC;
	write.timeout_ns = WRITESYNC_TIMEOUT_NONE;
	return ws_write_call(s->fd, &write);
}

static int call_msync(struct setup *s)
{
	return result(msync(s->map, PAGE, MS_SYNC));
}

static int call_region(struct setup *s)
{
	return ws_sync_for(s->region, WRITESYNC_TIMEOUT_NONE);
}

static int call_commit(struct setup *s)
{
	return ws_commit(s->fresh);
}

static int call_poll(struct setup *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLPRI };
	int n = poll(&p, 1, -1);

	return n != 1 ? -errno : p.revents == (POLLERR | POLLHUP) ? -ENODEV :
								   -EPROTO;
}

static int call_read(struct setup *s)
{
	return result(pread(s->fd, s->bulk, PAGE, 0));
}

static int call_write(struct setup *s)
{
	return result(pwrite(s->fd, s->bulk, BULK, 0));
}

static int call_load(struct setup *s)
{
	return ws_touch(s->map, false) ? -ENODEV : 0;
}

static int call_store(struct setup *s)
{
	return ws_touch(s->map + WORD, true) ? -ENODEV : 0;
}

struct call {
	const char *name;
	int (*make)(struct setup *s);
};

/* These wait for a readback that the window's thread makes. */
static const struct call waiting[] = {
	{ "SYNC", call_sync },
	{ "VERIFY", call_verify },
	{ "fsync", call_fsync },
	{ "O_DSYNC", call_dsync },
	{ "WRITE", call_write_sync },
	{ "msync", call_msync },
	{ "region", call_region },
	{ "COMMIT", call_commit },
	{ "poll", call_poll },
};

/* These touch the device themselves, and their CPUs stall. */
static const struct call touching[] = {
	{ "read", call_read },
	{ "write", call_write },
	{ "load", call_load },
	{ "store", call_store },
};

/* ---- who waits is woken at once, while the hardware takes its time ---- */

#define COMPLETION	(2 * WS_S)
#define AT_ONCE		(8 * WS_SLACK)

/* What it takes is to be seen, and not that those who are woken are many. */
static int go_first(void)
{
	return setpriority(PRIO_PROCESS, 0, -20);
}

struct waiter {
	struct setup *setup;
	const struct call *call;
	pthread_t thread;
	atomic_bool begun;
	int ret;
	__u64 ended;
};

FIXTURE(stalled) {
	struct setup s;
	__u64 plain;
	struct waiter waiters[ARRAY_SIZE(waiting)];
};

FIXTURE_VARIANT(stalled) {
	const char *confirm;
	enum ws_removal how;
};

FIXTURE_VARIANT_ADD(stalled, window_unbind) { "window", WS_BY_UNBIND };
FIXTURE_VARIANT_ADD(stalled, window_remove) { "window", WS_BY_REMOVE };
FIXTURE_VARIANT_ADD(stalled, sentinel_unbind) { "sentinel", WS_BY_UNBIND };
FIXTURE_VARIANT_ADD(stalled, window_death) { "window", WS_BY_DEATH };
FIXTURE_VARIANT_ADD(stalled, sentinel_death) { "sentinel", WS_BY_DEATH };
FIXTURE_VARIANT_ADD(stalled, window_link_down) { "window", WS_BY_LINK_DOWN };
FIXTURE_VARIANT_ADD(stalled, sentinel_link_down) {
	"sentinel", WS_BY_LINK_DOWN,
};

/*
 * The window's thread stalls the second CPU. Nobody there could be woken
 * before the hardware lets go of it, so everybody else stays on the first one.
 */
FIXTURE_SETUP(stalled)
{
	const char *why;

	WS_BEGIN(return, &self->s.dev,
		 WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_CPUS);
	why = ws_no_removal(&self->s.dev, variant->how);
	if (why)
		SKIP(return, "%s", why);
	time_plain_removal(_metadata, &self->s.dev, &self->plain);
	WS_ENGINE(return, &self->s.dev, variant->confirm, "never");
	ASSERT_EQ(0, set_up(&self->s));
}

FIXTURE_TEARDOWN(stalled)
{
	set_down(&self->s);
	EXPECT_EQ(0, ws_end(&self->s.dev));
}

static void *wait_for_it(void *data)
{
	struct waiter *w = data;

	w->begun = true;
	w->ret = w->call->make(w->setup);
	w->ended = ws_now();
	return NULL;
}

/* The first one is there before the others: it makes the readback begin. */
static int start_waiters(struct setup *s, struct waiter *waiters)
{
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(waiting); i++) {
		waiters[i].setup = s;
		waiters[i].call = &waiting[i];
		ret = pthread_create(&waiters[i].thread, NULL, wait_for_it,
				     &waiters[i]);
		if (ret)
			return -ret;
		while (!waiters[i].begun)
			ws_sleep(WS_MS);
	}
	ws_sleep(100 * WS_MS);
	for (i = 0; i < ARRAY_SIZE(waiting); i++)
		if (waiters[i].ended)
			return -EPROTO;
	return 0;
}

static void expect_woken(struct __test_metadata *_metadata, struct waiter *w,
			 __u64 begun)
{
	pthread_join(w->thread, NULL);
	EXPECT_EQ(-ENODEV, w->ret) {
		TH_LOG("%s", w->call->name);
	}
	EXPECT_GE(AT_ONCE, w->ended - begun) {
		TH_LOG("%s", w->call->name);
	}
}

TEST_F_TIMEOUT(stalled, c8_waiters_wake_at_once_and_removal_waits_once, 60)
{
	__u64 stalled, begun, ended;
	size_t i;

	/* There is room for all that they write: none of them stalls. */
	ws_reg_write(&self->s.dev, WS_EDU_QUEUE_DEPTH, 4096);
	ASSERT_EQ(0, hang(&self->s, COMPLETION));
	ASSERT_EQ(WORD, ws_pwrite(self->s.fd, "unsynced", WORD, 0));
	stalled = ws_now();
	ASSERT_EQ(0, start_waiters(&self->s, self->waiters));
	ASSERT_EQ(0, go_first());
	begun = ws_now();
	ASSERT_EQ(0, ws_remove(&self->s.dev, variant->how));
	ASSERT_EQ(0, ws_wait_removed(&self->s.dev, variant->how));
	ended = ws_now();
	for (i = 0; i < ARRAY_SIZE(waiting); i++)
		expect_woken(_metadata, &self->waiters[i], begun);
	/* The read in flight has not been left behind. A dead link ends it. */
	if (variant->how == WS_BY_UNBIND || variant->how == WS_BY_REMOVE)
		EXPECT_LE(stalled + COMPLETION, ended);
	EXPECT_GE(begun + COMPLETION + self->plain + WS_S, ended);
	ksft_print_msg("removal took %llu ms, a plain one %llu ms\n",
		       (ended - begun) / WS_MS, self->plain / WS_MS);
	ASSERT_EQ(0, recover(&self->s, variant->how));
}

/* ---- an access under way is not left behind, and no other one is begun ---- */

FIXTURE(in_flight) {
	struct setup s;
	__u64 watching;
};

FIXTURE_SETUP(in_flight)
{
	WS_BEGIN(return, &self->s.dev,
		 WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_CPUS);
	time_watching(_metadata, &self->s.dev, &self->watching);
	ws_catch_faults();
}

FIXTURE_TEARDOWN(in_flight)
{
	set_down(&self->s);
	EXPECT_EQ(0, ws_end(&self->s.dev));
}

/* What had been written when the device went is told, and it is not all. */
static int write_all(struct setup *s)
{
	ssize_t n = pwrite(s->fd, s->bulk, BULK, 0);

	return n > 0 && n < BULK ? -ENODEV : n < 0 ? -errno : 0;
}

static const struct call stalling[] = {
	{ "write", write_all },
	{ "read", call_read },
	{ "COMMIT", call_commit },
};

/*
 * In a process and on a processor of its own, and without a mapping: else what
 * the kernel does to mappings and on processors would wait for it anyway.
 */
static pid_t start_stalling(struct setup *s, const struct call *call)
{
	int ends[2];
	pid_t pid;
	char byte;

	if (pipe(ends))
		return -1;
	pid = fork();
	if (!pid) {
		ws_pin(1);
		munmap(s->map, 2 * PAGE);
		if (write(ends[1], "", 1) != 1)
			_exit(1);
		_exit(-call->make(s));
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		pid = -1;
	close(ends[0]);
	return pid;
}

static void expect_waited_for(struct __test_metadata *_metadata,
			      struct setup *s, const struct call *call,
			      __u64 watching)
{
	__u64 begun, ended;
	int status;
	pid_t pid;

	ASSERT_EQ(0, set_up(s));
	ASSERT_EQ(0, hang(s, COMPLETION));
	pid = start_stalling(s, call);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, go_first());
	begun = ws_now();
	ws_sleep(100 * WS_MS);
	ASSERT_EQ(0, ws_remove(&s->dev, WS_BY_UNBIND));
	ended = ws_now();
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == ENODEV) {
		TH_LOG("%s: status %#x", call->name, status);
	}
	/* Less the moment that it took us to see it begin. */
	EXPECT_LE(begun + COMPLETION - 100 * WS_MS, ended) {
		TH_LOG("%s", call->name);
	}
	EXPECT_GE(begun + COMPLETION + WS_S + watching, ended) {
		TH_LOG("%s", call->name);
	}
	ksft_print_msg("%s: removal took %llu ms, watching %llu ms\n",
		       call->name, (ended - begun) / WS_MS, watching / WS_MS);
	set_down(s);
	ASSERT_EQ(0, recover(s, WS_BY_UNBIND));
}

TEST_F_TIMEOUT(in_flight, c8_removal_waits_for_an_access_and_for_no_more, 60)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stalling); i++)
		expect_waited_for(_metadata, &self->s, &stalling[i],
				  self->watching);
}

/* ---- everybody is killed, and the driver let go ---- */

#define USERS		(ARRAY_SIZE(waiting) + ARRAY_SIZE(touching))

struct stage {
	atomic_bool go;
	atomic_uint begun;
	atomic_uint ended;	/* those that the hanging device let go */
};

FIXTURE(hung) {
	struct setup s;
	__u64 watching;
	struct stage *stage;
	pid_t group;
	pid_t users[USERS];
};

#define HUNG		FIXTURE_DATA(hung)

FIXTURE_VARIANT(hung) {
	const char *confirm;
	const char *inline_sync;
	__u64 completion_s;
};

FIXTURE_VARIANT_ADD(hung, window_worker) { "window", "never", 1 };
FIXTURE_VARIANT_ADD(hung, window_worker_3s) { "window", "never", 3 };
FIXTURE_VARIANT_ADD(hung, window_inline) { "window", "always", 1 };
FIXTURE_VARIANT_ADD(hung, sentinel_worker) { "sentinel", "never", 1 };
FIXTURE_VARIANT_ADD(hung, pending_inline) { "pending", "always", 1 };

FIXTURE_SETUP(hung)
{
	WS_BEGIN(return, &self->s.dev,
		 WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_CPUS);
	/* Not in the middle, when there are users. */
	ASSERT_EQ(0, ws_ask(&self->s.dev, "unbind"));
	time_watching(_metadata, &self->s.dev, &self->watching);
	WS_ENGINE(return, &self->s.dev, variant->confirm, variant->inline_sync);
	self->stage = mmap(NULL, sizeof(*self->stage), BOTH,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->stage);
	ws_catch_faults();
	ASSERT_EQ(0, set_up(&self->s));
}

FIXTURE_TEARDOWN(hung)
{
	if (self->group)
		kill(-self->group, SIGKILL);
	set_down(&self->s);
	EXPECT_EQ(0, ws_end(&self->s.dev));
}

static const struct call *call_of(unsigned int user)
{
	return user < ARRAY_SIZE(waiting) ? &waiting[user] :
					    &touching[user -
						      ARRAY_SIZE(waiting)];
}

/* Again and again: what touches the device by itself ends and begins anew. */
static void use(HUNG *self, unsigned int user)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ws_unpin();
	while (!self->stage->go)
		ws_sleep(WS_MS);
	self->stage->begun++;
	while (call_of(user)->make(&self->s) != -ENODEV)
		;
	self->stage->ended++;
	_exit(0);
}

/* One group, so that one call kills them all. */
static int start_users(HUNG *self)
{
	unsigned int i;

	for (i = 0; i < USERS; i++) {
		self->users[i] = fork();
		if (self->users[i] < 0)
			return -errno;
		if (!self->users[i])
			use(self, i);
		if (setpgid(self->users[i], self->users[0]))
			return -errno;
	}
	self->group = self->users[0];
	return 0;
}

static bool wait_for_users(HUNG *self)
{
	__u64 until = ws_now() + 20 * WS_S;

	while (self->stage->begun < USERS && ws_now() < until)
		ws_sleep(10 * WS_MS);
	/* Whoever began last shall be in its call. */
	ws_sleep(200 * WS_MS);
	return self->stage->begun == USERS && !self->stage->ended;
}

/* Return: how many did not end by the signal. */
static unsigned int reap_users(HUNG *self)
{
	unsigned int bad = 0, i;
	int status;

	for (i = 0; i < USERS; i++)
		if (waitpid(self->users[i], &status, 0) != self->users[i] ||
		    !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			bad++;
	return bad;
}

/*
 * Before those who have just been killed, too: each of them waits for the CPU
 * that stalls when it gives its memory back, and another readback would have begun
 * before the driver is asked to let go.
 */
static int go_before_all(void)
{
	struct sched_param param = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO, &param);
}

static int go_as_all(void)
{
	struct sched_param param = { 0 };

	return sched_setscheduler(0, SCHED_OTHER, &param);
}

TEST_F_TIMEOUT(hung, c8_killed_and_unbound_everything_is_gone_in_time, 120)
{
	__u64 completion = variant->completion_s * WS_S, begun, took;

	ASSERT_EQ(0, start_users(self));
	/* Theirs is all that is open. */
	set_down(&self->s);
	ASSERT_LT(self->s.references, references());
	ASSERT_EQ(0, hang(&self->s, completion));
	self->stage->go = true;
	ASSERT_TRUE(wait_for_users(self));
	ASSERT_LT(0, ws_reg64(&self->s.dev, WS_EDU_READ_TIMEOUTS) +
		     ws_reg64(&self->s.dev, WS_EDU_BACKPRESSURE));

	ASSERT_EQ(0, go_before_all());
	begun = ws_now();
	ASSERT_EQ(0, kill(-self->group, SIGKILL));
	EXPECT_EQ(0, ws_unbind(&self->s.dev));
	EXPECT_EQ(0, reap_users(self));
	EXPECT_EQ(self->s.references, references());
	took = ws_now() - begun;
	ASSERT_EQ(0, go_as_all());
	self->group = 0;
	EXPECT_GE(completion + WS_S + self->watching, took);
	ksft_print_msg("gone after %llu ms: completion time-out %llu s, watching %llu ms\n",
		       took / WS_MS, variant->completion_s,
		       self->watching / WS_MS);
	ASSERT_EQ(0, recover(&self->s, WS_BY_UNBIND));
	ASSERT_EQ(0, set_up(&self->s));
	EXPECT_EQ(WORD, ws_pwrite(self->s.fd, "new word", WORD, 0));
	EXPECT_EQ(0, ws_sync(self->s.fd));
}

TEST_HARNESS_MAIN

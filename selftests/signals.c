// SPDX-License-Identifier: GPL-2.0
/*
 * C9: a waiting call is interruptible, a fatal signal ends it at once, and
 * what had been written is reported.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

/* What does not end in time here hangs. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	5

#define LENGTH		64
#define AT_ONCE		(ws_slow() * 200 * WS_MS)
#define LONG		(20 * WS_S)

/* What a child process tells: shared with it. */
struct child {
	atomic_long result;
	atomic_bool ready;
};

struct setup {
	struct ws_dev dev;
	int fd;
	__u8 data[LENGTH];
	atomic_int thread;	/* its number, once it runs */
	const __u8 *bulk;	/* for a long write */
	size_t bulk_size;
	struct child *child;
};

static void on_signal(int sig)
{
	(void)sig;
}

static void handle(int sig, int flags)
{
	struct sigaction action = {
		.sa_handler = on_signal, .sa_flags = flags,
	};

	sigaction(sig, &action, NULL);
}

static void nap(__u64 ns)
{
	struct timespec ts = { .tv_nsec = ns };

	nanosleep(&ts, NULL);
}

static int share(struct setup *s)
{
	s->child = mmap(NULL, sizeof(*s->child), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return s->child == MAP_FAILED ? -errno : 0;
}

static pid_t spawn(struct setup *s, ssize_t (*run)(struct setup *))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	s->child->ready = true;
	s->child->result = run(s);
	_exit(0);
}

/* State of a thread as /proc has it. */
static char state_of(pid_t pid)
{
	char path[64], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return '?';
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	fclose(f);
	return state;
}

static __u64 timed_out_reads(const struct ws_dev *dev)
{
	return ws_reg64(dev, WS_EDU_READ_TIMEOUTS);
}

/* It sleeps: for an event, or for a moment between two looks at the device. */
static bool sleeps(pid_t pid)
{
	char state = state_of(pid);

	return state == 'S' || state == 'D';
}

/*
 * The device has let more than @before readbacks time out, or the child, once
 * it is ready, sleeps: it waits now.
 */
static bool waits(const struct setup *s, pid_t pid, __u64 before)
{
	__u64 end = ws_now() + 5 * WS_S;

	while (ws_now() < end) {
		if (timed_out_reads(&s->dev) > before)
			return true;
		if (s->child->ready && sleeps(pid))
			return true;
		nap(200 * WS_US);
	}
	return false;
}

FIXTURE(wait) {
	struct setup s;
};

FIXTURE_VARIANT(wait) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(wait, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(wait, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(wait, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(wait, sentinel_worker) { "sentinel", "never" };
FIXTURE_VARIANT_ADD(wait, window_auto) { "window", "auto" };
FIXTURE_VARIANT_ADD(wait, pending_inline) { "pending", "always" };
FIXTURE_VARIANT_ADD(wait, pending_worker) { "pending", "never" };

FIXTURE_SETUP(wait)
{
	struct setup *s = &self->s;

	WS_BEGIN(return, &s->dev, WS_NEED_POSTED | WS_NEED_PEER);
	WS_ENGINE(return, &s->dev, variant->confirm, variant->inline_sync);
	ASSERT_EQ(0, share(s));
	ASSERT_EQ(0, ws_set_number(&s->dev, "timeout_ms", LONG / WS_MS));
	s->fd = ws_open(&s->dev, O_RDWR);
	ASSERT_LE(0, s->fd);
	ws_drain(&s->dev, WS_HOLD);
	ws_fill(s->data, LENGTH, ws_now());
	ASSERT_EQ(LENGTH, ws_pwrite(s->fd, s->data, LENGTH, 0));
	ws_fault(&s->dev, WS_FAULT_STALL);
}

FIXTURE_TEARDOWN(wait)
{
	close(self->s.fd);
	EXPECT_EQ(0, ws_end(&self->s.dev));
}

static ssize_t sync_once(struct setup *s)
{
	signal(SIGINT, SIG_DFL);
	return ws_sync(s->fd);
}

static ssize_t sync_without_restart(struct setup *s)
{
	handle(SIGINT, 0);
	return ws_sync(s->fd);
}

static ssize_t sync_with_restart(struct setup *s)
{
	handle(SIGINT, SA_RESTART);
	return ws_sync(s->fd);
}

static ssize_t fsync_with_restart(struct setup *s)
{
	handle(SIGINT, SA_RESTART);
	return fsync(s->fd) ? -errno : 0;
}

static ssize_t write_through(struct setup *s)
{
	handle(SIGINT, 0);
	return ws_pwritev2(s->fd, s->data, LENGTH, 0, RWF_DSYNC);
}

static void expect_unsynced_then_recovery(struct __test_metadata *_metadata,
					  struct setup *s)
{
	EXPECT_EQ(1, ws_needed(s->fd));
	EXPECT_LT(0, ws_level(&s->dev));
	ws_drain(&s->dev, WS_US);
	ws_fault(&s->dev, 0);
	EXPECT_EQ(0, ws_sync(s->fd));
	EXPECT_EQ(0, ws_level(&s->dev));
	EXPECT_EQ(ws_crc(s->data, LENGTH),
		  ws_peer_crc(&s->dev, 0, LENGTH));
}

/*
 * Let a child wait, send it @sig, see how long it takes to end. @before: see
 * waits().
 */
static void signal_waiter(struct __test_metadata *_metadata, struct setup *s,
			  ssize_t (*run)(struct setup *), int sig, int *status,
			  __u64 before)
{
	__u64 sent;
	pid_t pid;

	s->child->result = 12345;
	pid = spawn(s, run);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(waits(s, pid, before));
	sent = ws_now();
	EXPECT_EQ(0, kill(pid, sig));
	EXPECT_EQ(pid, waitpid(pid, status, 0));
	EXPECT_GE(AT_ONCE, ws_now() - sent);
}

static void interrupts(struct __test_metadata *_metadata, struct setup *s,
		       ssize_t (*run)(struct setup *))
{
	int status;

	signal_waiter(_metadata, s, run, SIGINT, &status,
		      timed_out_reads(&s->dev));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-EINTR, s->child->result);
	expect_unsynced_then_recovery(_metadata, s);
}

TEST_F(wait, c9_sigint_interrupts_a_sync)
{
	interrupts(_metadata, &self->s, sync_without_restart);
}

TEST_F(wait, c9_sigint_with_restart_interrupts_a_sync)
{
	interrupts(_metadata, &self->s, sync_with_restart);
}

TEST_F(wait, c9_sigint_with_restart_interrupts_fsync)
{
	interrupts(_metadata, &self->s, fsync_with_restart);
}

TEST_F(wait, c9_sigint_interrupts_the_sync_of_a_write)
{
	interrupts(_metadata, &self->s, write_through);
}

static void kills(struct __test_metadata *_metadata, struct setup *s, int sig)
{
	int status = 0;

	signal_waiter(_metadata, s, sync_once, sig, &status,
		      timed_out_reads(&s->dev));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(sig, WTERMSIG(status));
	EXPECT_EQ(12345, s->child->result);
	expect_unsynced_then_recovery(_metadata, s);
}

TEST_F(wait, c9_sigkill_ends_it_at_once)
{
	kills(_metadata, &self->s, SIGKILL);
}

TEST_F(wait, c9_sigint_without_handler_ends_it_at_once)
{
	kills(_metadata, &self->s, SIGINT);
}

/* A blocked signal is no signal. */
TEST_F(wait, c9_a_blocked_signal_does_not_interrupt)
{
	__u64 begun = ws_now();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, raise(SIGINT));
	EXPECT_EQ(-ETIMEDOUT, ws_sync_for(self->s.fd, 30 * WS_MS));
	EXPECT_LE(30 * WS_MS, ws_now() - begun);
	expect_unsynced_then_recovery(_metadata, &self->s);
}

/* Of several callers the signal takes one; the other one came first. */
static void *sync_in_thread(void *data)
{
	struct setup *s = data;

	s->thread = gettid();
	return (void *)(long)ws_sync_for(s->fd, LONG);
}

TEST_F(wait, c9_the_others_of_the_batch_keep_waiting)
{
	struct setup *s = &self->s;
	pthread_t thread;
	int status = 0;
	void *result;
	__u64 end;

	ASSERT_EQ(0, pthread_create(&thread, NULL, sync_in_thread, s));
	for (end = ws_now() + WS_S; ws_now() < end; nap(200 * WS_US))
		if (timed_out_reads(&s->dev) || (s->thread && sleeps(s->thread)))
			break;
	signal_waiter(_metadata, &self->s, sync_once, SIGKILL, &status,
		      UINT64_MAX);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(1, ws_needed(self->s.fd));
	ws_drain(&self->s.dev, WS_US);
	ws_fault(&self->s.dev, 0);
	pthread_join(thread, &result);
	EXPECT_EQ(0, (long)result);
	EXPECT_EQ(0, ws_level(&self->s.dev));
	EXPECT_EQ(ws_crc(self->s.data, LENGTH),
		  ws_peer_crc(&self->s.dev, 0, LENGTH));
}

/* A write that takes long: the full queue takes a store per drain time. */

FIXTURE(long_write) {
	struct setup s;
	__u8 *old;
	__u8 *new;
	size_t size;
};

#define LONG_WRITE		FIXTURE_DATA(long_write)

FIXTURE_SETUP(long_write)
{
	struct setup *s = &self->s;

	WS_BEGIN(return, &s->dev, WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_CPUS);
	ASSERT_EQ(0, share(s));
	self->size = s->dev.size < 1 << 20 ? s->dev.size : 1 << 20;
	self->old = malloc(self->size);
	self->new = malloc(self->size);
	ASSERT_NE(NULL, self->old);
	ASSERT_NE(NULL, self->new);
	ws_fill(self->old, self->size, 11);
	ws_fill(self->new, self->size, 12);
	s->fd = ws_open(&s->dev, O_RDWR);
	ASSERT_LE(0, s->fd);
	ASSERT_EQ(self->size, ws_pwrite(s->fd, self->old, self->size, 0));
	ASSERT_EQ(0, ws_sync(s->fd));
	ws_reg_write(&s->dev, WS_EDU_CONTROL, WS_EDU_CONTROL_CLEAR_COUNTERS);
	ws_reg_write(&s->dev, WS_EDU_QUEUE_DEPTH, 1);
	ws_drain(&s->dev, 50 * WS_US);
}

FIXTURE_TEARDOWN(long_write)
{
	close(self->s.fd);
	EXPECT_EQ(0, ws_end(&self->s.dev));
}

static ssize_t write_everything(struct setup *s)
{
	handle(SIGINT, 0);
	return ws_pwrite(s->fd, s->bulk, s->bulk_size, 0);
}

static __u64 stored(const struct ws_dev *dev)
{
	return ws_reg64(dev, WS_EDU_STORE_BYTES);
}

static bool has_stored(const struct ws_dev *dev, __u64 bytes)
{
	__u64 end = ws_now() + 5 * WS_S;

	while (stored(dev) < bytes && ws_now() < end)
		nap(WS_MS);
	return stored(dev) >= bytes;
}

static void signal_writer(struct __test_metadata *_metadata,
			  LONG_WRITE *self, int sig, int *status)
{
	struct setup *s = &self->s;
	pid_t pid;

	s->bulk = self->new;
	s->bulk_size = self->size;
	s->child->result = 12345;
	pid = spawn(s, write_everything);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(has_stored(&s->dev, 100));
	EXPECT_EQ(0, kill(pid, sig));
	EXPECT_EQ(pid, waitpid(pid, status, 0));
	ws_drain(&s->dev, WS_US);
}

/* Old bytes behind new ones: nothing beyond the count was touched. */
static void expect_written(struct __test_metadata *_metadata,
			   LONG_WRITE *self, size_t count)
{
	struct ws_dev *dev = &self->s.dev;

	EXPECT_EQ(0, ws_sync(self->s.fd));
	EXPECT_EQ(0, ws_level(dev));
	EXPECT_EQ(ws_crc(self->new, count), ws_peer_crc(dev, 0, count));
	EXPECT_EQ(ws_crc(self->old + count, self->size - count),
		  ws_peer_crc(dev, count, self->size - count));
}

TEST_F(long_write, c9_a_signal_makes_it_short_by_what_was_not_written)
{
	int status = -1;
	ssize_t count;

	signal_writer(_metadata, self, SIGINT, &status);
	EXPECT_EQ(0, status);
	count = self->s.child->result;
	ASSERT_LT(0, count);
	ASSERT_GT(self->size, count);
	EXPECT_EQ(count, stored(&self->s.dev));
	EXPECT_EQ(1, ws_needed(self->s.fd));
	expect_written(_metadata, self, count);
}

TEST_F(long_write, c9_sigkill_leaves_what_was_written_unsynced)
{
	int status = -1;

	signal_writer(_metadata, self, SIGKILL, &status);
	EXPECT_TRUE(WIFSIGNALED(status));
	ASSERT_GT(self->size, stored(&self->s.dev));
	EXPECT_EQ(1, ws_needed(self->s.fd));
	expect_written(_metadata, self, stored(&self->s.dev));
}

TEST_HARNESS_MAIN

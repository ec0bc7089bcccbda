// SPDX-License-Identifier: GPL-2.0
/*
 * C5 when the device reports errors (AER): the kernel looks after it, with or
 * without a reset of its port, and the window is FROZEN meanwhile. Afterwards
 * unsynced bytes are told as lost, to every file that was open, once. If the
 * recovery does not end well, the window is DEAD.
 *
 * Most of this takes a device that is alone behind its port, and a peer behind
 * another one (scripts/test-recovery): if any function of the bus has no driver
 * that knows of errors, the kernel refuses to recover. That is tested where the
 * peer is such a function.
 *
 * WRITESYNC_CYCLES: how many errors and resets under traffic, 1 to 100000 (10)
 * WRITESYNC_CYCLES_SEED: what decides on their order
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "ws_traffic.h"

#define LENGTH		64
#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)
#define SHORT		(20 * WS_MS)
#define CYCLES		10
#define CYCLES_MAX	100000
#define CYCLE_TIMEOUT	3600		/* s, of all of them */
#define GIVEN_UP	(900 * WS_MS)	/* 1 s by a coarse clock */
#define DEPTH		63		/* of the queue: no reset sets it */

#define NONFATAL	PCI_ERR_UNC_POISON_TLP
#define FATAL		PCI_ERR_UNC_MALF_TLP

/* What is given to a test is given back after it. */
struct settings {
	__u64 recovery_timeout;
	__u32 severity;
};

static int begin_settings(const struct ws_dev *dev, struct settings *old)
{
	int ret = ws_recovery_timeout(60, &old->recovery_timeout);

	return ret ? ret : ws_aer_read(dev, PCI_ERR_UNCOR_SEVER,
				       &old->severity);
}

static int end_settings(const struct ws_dev *dev, const struct settings *old)
{
	int ret = ws_recovery_timeout(old->recovery_timeout, NULL);

	return ret ? ret : ws_aer_write(dev, PCI_ERR_UNCOR_SEVER,
					old->severity);
}

/* ---- one error, and the recovery succeeds ---- */

FIXTURE(recovery) {
	struct ws_dev dev;
	struct settings settings;
	int fd;
	__u64 generation;
	__u64 begun;		/* when the error happened that is held open */
	__u8 old[LENGTH];
	__u8 new[LENGTH];
};

#define RECOVERY	FIXTURE_DATA(recovery)

FIXTURE_VARIANT(recovery) {
	bool fatal;
	const char *confirm;
	const char *inline_sync;
};

#define RECOVERY_VARIANT FIXTURE_VARIANT(recovery)

FIXTURE_VARIANT_ADD(recovery, nonfatal) { false, "window", "never" };
FIXTURE_VARIANT_ADD(recovery, fatal) { true, "sentinel", "always" };
FIXTURE_VARIANT_ADD(recovery, fatal_worker) { true, "window", "never" };

FIXTURE_SETUP(recovery)
{
	const char *why;

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	why = ws_no_errors(&self->dev, true);
	if (why)
		SKIP(return, "%s", why);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	ASSERT_EQ(0, begin_settings(&self->dev, &self->settings));
	ws_fill(self->old, LENGTH, 1);
	ws_fill(self->new, LENGTH, 2);
	self->fd = ws_open_with(&self->dev, self->old, LENGTH);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_number(&self->dev, "generation", &self->generation));
}

FIXTURE_TEARDOWN(recovery)
{
	close(self->fd);
	EXPECT_EQ(0, end_settings(&self->dev, &self->settings));
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* An error, until it is dealt with; the kernel has to know of it. */
static void have_error(struct __test_metadata *_metadata, RECOVERY *self,
		       const RECOVERY_VARIANT *variant)
{
	const char *severity = variant->fatal ? "fatal" : "nonfatal";
	__u64 known = ws_errors(&self->dev, severity);

	ws_error(&self->dev, variant->fatal ? FATAL : NONFATAL);
	ASSERT_EQ(0, ws_wait_generation(&self->dev, ++self->generation));
	ASSERT_EQ(known + 1, ws_errors(&self->dev, severity));
}

static void write_and_lose(struct __test_metadata *_metadata, RECOVERY *self,
			   const RECOVERY_VARIANT *variant)
{
	ws_lose_next(&self->dev, variant->fatal);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	have_error(_metadata, self, variant);
	ASSERT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
	ws_expect_unsynced(_metadata, self->fd);
}

TEST_F(recovery, c5_lost_bytes_are_told_once)
{
	int i;

	for (i = 0; i < 2; i++) {
		write_and_lose(_metadata, self, variant);
		ws_expect_eio_once(_metadata, self->fd);
		ws_expect_arrival(_metadata, &self->dev, self->fd);
	}
}

TEST_F(recovery, c5_every_file_that_was_open_is_told)
{
	int reader = ws_open(&self->dev, O_RDONLY);
	int writer = ws_open(&self->dev, O_WRONLY);
	int copy = dup(writer), region, late;
	__u64 offset;

	ws_drain(&self->dev, WS_US);
	region = ws_region(self->fd, 1, &offset);
	ASSERT_LE(0, reader);
	ASSERT_LE(0, copy);
	ASSERT_LE(0, region);
	write_and_lose(_metadata, self, variant);
	late = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, late);
	EXPECT_EQ(0, ws_sync(late));
	ws_expect_eio(_metadata, reader);
	ws_expect_eio(_metadata, region);
	/* One file, however many descriptors and processes have it. */
	EXPECT_EQ(-EIO, ws_sync(copy));
	EXPECT_EQ(0, ws_sync(writer));
	EXPECT_EQ(-EIO, ws_sync_in_child(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_sync(late));
	close(late);
	close(region);
	close(copy);
	close(writer);
	close(reader);
}

/* Stores through a mapping take no number: any of them may be unsynced. */
TEST_F(recovery, c5_a_mapping_goes_on_and_is_told)
{
	__u8 back[LENGTH];
	__u8 *map;

	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &map));
	ws_lose_next(&self->dev, variant->fatal);
	ws_store(map, self->new, LENGTH);
	have_error(_metadata, self, variant);
	EXPECT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
	EXPECT_EQ(-1, msync(map, PAGE, MS_SYNC));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(0, msync(map, PAGE, MS_SYNC));
	memcpy(back, map, LENGTH);
	EXPECT_NE(0, memcmp(back, self->new, LENGTH));
	ws_store(map, self->new, LENGTH);
	EXPECT_EQ(0, msync(map, PAGE, MS_SYNC));
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->new, LENGTH));
	EXPECT_EQ(0, munmap(map, PAGE));
}

/* The contents may have changed all the same: poll() tells of it, once. */
TEST_F(recovery, c5_without_unsynced_bytes_only_poll_tells)
{
	struct writesync_sync sync = { 0 };
	struct writesync_info info;

	EXPECT_EQ(0, ws_polled(self->fd, POLLPRI, 0));
	have_error(_metadata, self, variant);
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	EXPECT_EQ(0, sync.readbacks);
	EXPECT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(self->generation, info.generation);
	EXPECT_EQ(WRITESYNC_STATE_LIVE, info.state);
	EXPECT_EQ(POLLIN | POLLPRI, ws_polled(self->fd, POLLIN | POLLPRI, 0));
	EXPECT_EQ(POLLIN, ws_polled(self->fd, POLLIN | POLLPRI, 20));
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->old, LENGTH));
	ws_expect_arrival(_metadata, &self->dev, self->fd);
}

/* The hardware has corrected them: nothing is lost, and nobody is told. */
TEST_F(recovery, c5_correctable_errors_change_nothing)
{
	static const __u32 bits[] = {
		PCI_ERR_COR_RCVR, PCI_ERR_COR_BAD_TLP, PCI_ERR_COR_BAD_DLLP,
		PCI_ERR_COR_REP_ROLL, PCI_ERR_COR_REP_TIMER,
	};
	__u64 known = ws_errors(&self->dev, "cor"), end, generation;
	size_t i;

	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		ws_reg_write(&self->dev, WS_EDU_AER_CORRECTABLE, bits[i]);
		end = ws_now() + 5 * WS_S;
		while (ws_errors(&self->dev, "cor") < known + i + 1 &&
		       ws_now() < end)
			ws_sleep(WS_MS);
		EXPECT_TRUE(ws_is_state(&self->dev, "live"));
	}
	EXPECT_EQ(known + i, ws_errors(&self->dev, "cor"));
	EXPECT_EQ(0, ws_number(&self->dev, "generation", &generation));
	EXPECT_EQ(self->generation, generation);
	EXPECT_EQ(0, ws_polled(self->fd, POLLPRI, 0));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->new, LENGTH));
}

/* The severity is what the device is set to: fatal ones reset it. */
TEST_F(recovery, c5_the_severity_decides_on_the_reset)
{
	__u32 bit = variant->fatal ? PCI_ERR_UNC_COMP_TIME : PCI_ERR_UNC_FCP;
	__u32 severity = self->settings.severity ^ bit;
	const char *name = variant->fatal ? "fatal" : "nonfatal";
	__u64 known = ws_errors(&self->dev, name);

	/* Not what it is by default. */
	ASSERT_EQ(variant->fatal, !!(severity & bit));
	ASSERT_EQ(0, ws_aer_write(&self->dev, PCI_ERR_UNCOR_SEVER, severity));
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, DEPTH);
	ws_error(&self->dev, bit);
	ASSERT_EQ(0, ws_wait_generation(&self->dev, self->generation + 1));
	EXPECT_EQ(known + 1, ws_errors(&self->dev, name));
	EXPECT_EQ(variant->fatal,
		  ws_reg(&self->dev, WS_EDU_QUEUE_DEPTH) != DEPTH);
	ws_expect_arrival(_metadata, &self->dev, self->fd);
}

/* Interrupts work again, too: the device's own reset is told by one. */
TEST_F(recovery, c5_an_own_reset_afterwards_is_told)
{
	have_error(_metadata, self, variant);
	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	EXPECT_EQ(0, ws_own_reset(&self->dev, 5 * WS_S));
	ws_expect_eio_once(_metadata, self->fd);
}

/* ---- while an error is handled: threads that wait ---- */

static long sync_patiently(void *data)
{
	RECOVERY *self = data;

	return ws_sync_for(self->fd, 60 * WS_S);
}

static long write_new(void *data)
{
	RECOVERY *self = data;

	return ws_pwrite(self->fd, self->new, LENGTH, PAGE);
}

static long read_old(void *data)
{
	RECOVERY *self = data;
	__u8 back[LENGTH];

	return ws_pread(self->fd, back, LENGTH, 0);
}

static __u8 *shared_map;

static long store_new(void *data)
{
	RECOVERY *self = data;

	return ws_try_store(shared_map, self->new, LENGTH);
}

static long load_old(void *data)
{
	__u8 back[LENGTH];

	(void)data;
	return ws_try_load(shared_map + LENGTH, back, LENGTH);
}

static long (*const waiting_calls[])(void *data) = {
	sync_patiently, write_new, read_old, store_new, load_old,
};

#define WAITERS		ARRAY_SIZE(waiting_calls)

static void start_waiters(struct __test_metadata *_metadata, RECOVERY *self,
			  struct ws_caller *callers)
{
	size_t i;

	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 60000));
	ASSERT_EQ(0, ws_map(self->fd, 2 * PAGE, PAGE, BOTH, &shared_map));
	for (i = 0; i < WAITERS; i++)
		ASSERT_EQ(0, ws_caller_start(&callers[i], waiting_calls[i],
					     self));
}

static void expect_ended(struct __test_metadata *_metadata,
			 struct ws_caller *callers, const long *results)
{
	size_t i;

	for (i = 0; i < WAITERS; i++) {
		pthread_join(callers[i].thread, NULL);
		EXPECT_EQ(results[i], callers[i].ret) {
			TH_LOG("call %zu", i);
		}
	}
	munmap(shared_map, PAGE);
}

/* Calls that do not wait, or not long. */
static void expect_frozen(struct __test_metadata *_metadata, RECOVERY *self)
{
	int fd = ws_open(&self->dev, O_RDWR | O_NONBLOCK);
	struct writesync_info info;
	__u64 begun = ws_now();
	__u8 byte;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EAGAIN, ws_pwrite(fd, self->new, LENGTH, 0));
	EXPECT_EQ(-EAGAIN, ws_pread(fd, &byte, 1, 0));
	EXPECT_EQ(-EAGAIN, ws_sync(fd));
	EXPECT_GE(4 * WS_SLACK, ws_now() - begun);
	EXPECT_EQ(0, ws_polled(fd, POLLIN | POLLOUT, 0));
	begun = ws_now();
	EXPECT_EQ(-ETIMEDOUT, ws_sync_for(self->fd, SHORT));
	EXPECT_LE(SHORT, ws_now() - begun);
	EXPECT_GE(SHORT + WS_SLACK, ws_now() - begun);
	EXPECT_EQ(0, ws_info(fd, &info));
	EXPECT_EQ(WRITESYNC_STATE_FROZEN, info.state);
	EXPECT_TRUE(ws_is_state(&self->dev, "frozen"));
	close(fd);
}

static void expect_interruptible(struct __test_metadata *_metadata,
				 RECOVERY *self)
{
	struct ws_caller caller = { 0 };

	ASSERT_EQ(0, ws_let_interrupt(SIGUSR1));
	ASSERT_EQ(0, ws_caller_start(&caller, sync_patiently, self));
	ws_sleep(20 * WS_MS);
	EXPECT_FALSE(caller.done);
	pthread_kill(caller.thread, SIGUSR1);
	pthread_join(caller.thread, NULL);
	EXPECT_EQ(-EINTR, caller.ret);
}

static int store_in_child(RECOVERY *self)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		store_new(self);
		_exit(0);
	}
	ws_sleep(20 * WS_MS);
	if (waitpid(pid, &status, WNOHANG))
		return -1;
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ?
	       WTERMSIG(status) : -1;
}

/* The recovery from a fatal error lasts until ws_fault(0). NULL: it does. */
static const char *keep_open(struct __test_metadata *_metadata,
			     RECOVERY *self, const RECOVERY_VARIANT *variant)
{
	int ret;

	if (!variant->fatal)
		return "without a reset the recovery takes no time";
	ret = ws_hold_error(&self->dev, FATAL, &self->begun);
	/* It took more than one try if the machine is busy. */
	EXPECT_EQ(0, ws_number(&self->dev, "generation", &self->generation));
	if (!ret)
		return NULL;
	ws_fault(&self->dev, 0);
	EXPECT_EQ(-EBUSY, ret);
	ws_wait_generation(&self->dev, self->generation + 1);
	return "the machine is too busy to keep a reset going";
}

TEST_F(recovery, c5_meanwhile_calls_wait)
{
	static const long results[WAITERS] = { -EIO, LENGTH, LENGTH, 0, 0 };
	struct ws_caller callers[WAITERS] = { 0 };
	const char *why;

	/* On Linux 7.3 they would arrive before the reset. */
	ws_lose_next(&self->dev, false);
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	why = keep_open(_metadata, self, variant);
	if (why)
		SKIP(return, "%s", why);
	start_waiters(_metadata, self, callers);
	ws_expect_waiting(_metadata, callers, WAITERS);
	expect_frozen(_metadata, self);
	expect_interruptible(_metadata, self);
	EXPECT_EQ(SIGKILL, store_in_child(self));
	ws_expect_waiting(_metadata, callers, WAITERS);
	ws_fault(&self->dev, 0);
	ASSERT_EQ(0, ws_wait_generation(&self->dev, self->generation + 1));
	expect_ended(_metadata, callers, results);
	/* Who waited has been told for this file; written after it, arrived. */
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, PAGE, LENGTH));
	EXPECT_EQ(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, 2 * PAGE, LENGTH));
	EXPECT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
}

/* A loss that nobody synced for: nobody is told of it but by poll(). */
TEST_F(recovery, c5_a_clean_sync_waits_and_succeeds)
{
	struct ws_caller caller = { 0 };
	const char *why;

	why = keep_open(_metadata, self, variant);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, ws_caller_start(&caller, sync_patiently, self));
	ws_sleep(50 * WS_MS);
	EXPECT_FALSE(caller.done);
	ws_fault(&self->dev, 0);
	pthread_join(caller.thread, NULL);
	EXPECT_EQ(0, caller.ret);
	ASSERT_EQ(0, ws_wait_generation(&self->dev, self->generation + 1));
	EXPECT_EQ(POLLPRI, ws_polled(self->fd, POLLPRI, 0));
}

/* Then the window is DEAD, and stays so even if the device does come back. */
TEST_F(recovery, c4_a_device_that_stays_away_is_given_up)
{
	static const long results[WAITERS] = {
		-ENODEV, -ENODEV, -ENODEV, SIGBUS, SIGBUS,
	};
	struct ws_caller callers[WAITERS] = { 0 };
	__u64 took, known;
	const char *why;

	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	ASSERT_EQ(0, ws_recovery_timeout(1, NULL));
	ws_catch_faults();
	why = keep_open(_metadata, self, variant);
	if (why)
		SKIP(return, "%s", why);
	known = ws_errors(&self->dev, "fatal");
	start_waiters(_metadata, self, callers);
	ws_expect_waiting(_metadata, callers, WAITERS);
	EXPECT_EQ(POLLERR | POLLHUP, ws_polled(self->fd, POLLIN, 5000));
	took = ws_now() - self->begun;
	EXPECT_LE(GIVEN_UP, took);
	EXPECT_GE(WS_S + 10 * WS_SLACK, took);
	expect_ended(_metadata, callers, results);
	EXPECT_TRUE(ws_is_state(&self->dev, "dead"));
	ws_fault(&self->dev, 0);
	/* The kernel's own wait for it ends now, and tells the driver. */
	ws_sleep(500 * WS_MS);
	EXPECT_EQ(known, ws_errors(&self->dev, "fatal"));
	EXPECT_EQ(-ENODEV, ws_sync(self->fd));
	EXPECT_EQ(-ENODEV, ws_pwrite(self->fd, self->new, LENGTH, 0));
	EXPECT_TRUE(ws_is_state(&self->dev, "dead"));
	ASSERT_EQ(0, ws_find_anew(&self->dev));
}

/* ---- more than one thing at a time ---- */

/* A worker's read that is under way; what it reads is old. */
static long read_slowly(void *data)
{
	RECOVERY *self = data;
	__u8 back[LENGTH];

	ws_pin(1);
	return ws_pread(self->fd, back, 8, 0);
}

/* Interrupts to the CPU whose loads do not stall. */
static void route_interrupts(const char *cpus)
{
	char path[64];
	int irq;

	for (irq = 0; irq < 256; irq++) {
		snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity", irq);
		ws_write_file(path, cpus);
	}
}

/*
 * Whoever handles the error waits for the accesses in flight, here for a read
 * of 500 ms; meanwhile the window is FROZEN.
 */
static void error_during_read(struct __test_metadata *_metadata,
			      RECOVERY *self, struct ws_caller *reader)
{
	route_interrupts("1");
	ws_pin(0);
	ws_slow_reads(&self->dev, 500 * WS_MS);
	ASSERT_EQ(0, ws_caller_start(reader, read_slowly, self));
	ws_sleep(50 * WS_MS);
	ASSERT_FALSE(reader->done);
	ws_error(&self->dev, NONFATAL);
	ASSERT_TRUE(ws_wait_state(&self->dev, "frozen"));
}

static void end_read(struct __test_metadata *_metadata,
		     struct ws_caller *reader)
{
	pthread_join(reader->thread, NULL);
	route_interrupts("3");
	EXPECT_EQ(8, reader->ret);
}

TEST_F(recovery, c5_accesses_in_flight_are_waited_for)
{
	struct ws_caller reader = { 0 };

	if (variant->fatal || sysconf(_SC_NPROCESSORS_ONLN) != 2)
		SKIP(return, "without a reset, and with two CPUs");
	error_during_read(_metadata, self, &reader);
	while (!reader.done) {
		bool frozen = ws_is_state(&self->dev, "frozen");

		EXPECT_TRUE(frozen || reader.done);
		if (!frozen)
			break;
		ws_sleep(WS_MS);
	}
	end_read(_metadata, &reader);
	EXPECT_EQ(0, ws_wait_generation(&self->dev, self->generation + 1));
}

/*
 * Another error while one is handled. If neither takes a reset the kernel may
 * deal with both as one.
 */
TEST_F(recovery, c5_a_second_error_meanwhile)
{
	__u64 generation, known = ws_errors(&self->dev, "fatal");
	struct ws_caller reader = { 0 };

	if (sysconf(_SC_NPROCESSORS_ONLN) != 2)
		SKIP(return, "this takes two CPUs");
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, PAGE));
	error_during_read(_metadata, self, &reader);
	ws_error(&self->dev, variant->fatal ? FATAL : PCI_ERR_UNC_COMP_TIME);
	EXPECT_TRUE(ws_is_state(&self->dev, "frozen"));
	end_read(_metadata, &reader);
	generation = self->generation + 1 + variant->fatal;
	EXPECT_EQ(0, ws_settle(&self->dev, generation, &generation));
	EXPECT_GE(self->generation + 2, generation);
	EXPECT_EQ(known + variant->fatal, ws_errors(&self->dev, "fatal"));
	ws_expect_eio_once(_metadata, self->fd);
	ws_expect_arrival(_metadata, &self->dev, self->fd);
}

/*
 * Another one as soon as the device is configured again, when the kernel has
 * not come to the end of the first: two losses, of which each file is told as
 * one.
 */
TEST_F(recovery, c5_a_fatal_error_after_a_fatal_one)
{
	int other = ws_open(&self->dev, O_RDONLY);
	__u64 end, generation, known;
	struct ws_caller writer = { 0 };
	const char *why;

	ASSERT_LE(0, other);
	ws_lose_next(&self->dev, false);
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	why = keep_open(_metadata, self, variant);
	if (why)
		SKIP(return, "%s", why);
	known = ws_errors(&self->dev, "fatal");
	ASSERT_EQ(0, ws_caller_start(&writer, write_new, self));
	ws_expect_waiting(_metadata, &writer, 1);
	ws_fault(&self->dev, 0);
	end = ws_now() + 5 * WS_S;
	while (!ws_decodes(&self->dev) && ws_now() < end)
		;
	ws_error(&self->dev, FATAL);
	pthread_join(writer.thread, NULL);
	EXPECT_EQ(LENGTH, writer.ret);
	generation = self->generation + 2;
	EXPECT_EQ(0, ws_settle(&self->dev, generation, &generation));
	EXPECT_EQ(self->generation + 2, generation);
	EXPECT_EQ(known + 1, ws_errors(&self->dev, "fatal"));
	EXPECT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
	ws_expect_eio_once(_metadata, self->fd);
	ws_expect_eio(_metadata, other);
	ws_expect_arrival(_metadata, &self->dev, self->fd);
	EXPECT_TRUE(ws_is_state(&self->dev, "live"));
	close(other);
}

/*
 * The device dies while an error is handled: no word of it counts. The driver
 * asks for a reset of the slot. Before 6.18 there is none after an error that is
 * not fatal: the driver says that it did not help.
 */
TEST_F(recovery, c4_a_device_that_dies_meanwhile_is_dead)
{
	const char *after_reset = "does not answer after the reset of its slot";
	struct ws_caller reader = { 0 };
	int log = ws_log_open();

	if (variant->fatal || sysconf(_SC_NPROCESSORS_ONLN) != 2)
		SKIP(return, "without a reset, and with two CPUs");
	if (ws_kernel_since(6, 18))
		SKIP(return, "this kernel's reset revives the device");
	ASSERT_LE(0, log);
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, PAGE));
	error_during_read(_metadata, self, &reader);
	ws_fault(&self->dev, WS_FAULT_DEAD);
	pthread_join(reader.thread, NULL);
	route_interrupts("3");
	EXPECT_EQ(POLLERR | POLLHUP, ws_polled(self->fd, POLLIN, 5000));
	EXPECT_TRUE(ws_log_says(log, after_reset));
	EXPECT_TRUE(ws_log_says(log, "device recovery failed"));
	close(log);
	EXPECT_EQ(-ENODEV, ws_sync(self->fd));
	ws_fault(&self->dev, 0);
	EXPECT_EQ(-ENODEV, ws_sync(self->fd));
	ASSERT_EQ(0, ws_find_anew(&self->dev));
}

TEST_F(recovery, c5_a_device_that_dies_meanwhile_is_revived)
{
	struct ws_caller reader = { 0 };

	if (variant->fatal || sysconf(_SC_NPROCESSORS_ONLN) != 2)
		SKIP(return, "without a reset, and with two CPUs");
	if (!ws_kernel_since(6, 18))
		SKIP(return, "this kernel does not reset the slot");
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, PAGE));
	error_during_read(_metadata, self, &reader);
	ws_fault(&self->dev, WS_FAULT_DEAD);
	pthread_join(reader.thread, NULL);
	route_interrupts("3");
	EXPECT_EQ(0, ws_settle(&self->dev, self->generation + 1,
			       &self->generation));
	ws_expect_eio_once(_metadata, self->fd);
	ws_expect_arrival(_metadata, &self->dev, self->fd);
}

/* What a reset of the function finds: its configuration, or what it lost. */
static void *reset_function(void *data)
{
	RECOVERY *self = data;
	struct sched_param first = { .sched_priority = 99 };

	/* Ahead of the kernel's own thread that handles the error. */
	ws_pin(0);
	sched_setscheduler(0, SCHED_FIFO, &first);
	return (void *)(intptr_t)ws_flr(&self->dev);
}

/*
 * The kernel handles an error step by step, and lets others reset the function
 * between two steps. The window is FROZEN until both have ended, and that is
 * one loss. Return: how long it was FROZEN after the first step had ended.
 */
static __u64 reset_during_error(struct __test_metadata *_metadata,
				RECOVERY *self)
{
	struct ws_caller reader = { 0 };
	__u64 begun, end;
	pthread_t resetter;
	void *ret;

	error_during_read(_metadata, self, &reader);
	ASSERT_EQ(0, pthread_create(&resetter, NULL, reset_function, self)) {
		return 0;
	}
	pthread_join(reader.thread, NULL);
	begun = ws_now();
	while (ws_is_state(&self->dev, "frozen"))
		sched_yield();
	end = ws_now();
	pthread_join(resetter, &ret);
	route_interrupts("3");
	EXPECT_EQ(0, (intptr_t)ret);
	return end - begun;
}

#define TRIES		5
#define RESET_TIME	(90 * WS_MS)	/* at least, by the specification */

TEST_F(recovery, c5_a_reset_in_the_middle_of_an_error)
{
	__u64 took = 0, before, after;
	int i;

	if (variant->fatal || sysconf(_SC_NPROCESSORS_ONLN) != 2)
		SKIP(return, "without a reset, and with two CPUs");
	for (i = 0; i < TRIES && took < RESET_TIME; i++) {
		EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, PAGE));
		ASSERT_EQ(0, ws_number(&self->dev, "generation", &before));
		took = reset_during_error(_metadata, self);
		ASSERT_EQ(0, ws_number(&self->dev, "generation", &after));
		ws_expect_eio_once(_metadata, self->fd);
		ws_expect_arrival(_metadata, &self->dev, self->fd);
	}
	if (took < RESET_TIME)
		SKIP(return, "the kernel let no reset in between");
	EXPECT_EQ(before + 1, after);
}

TEST_F(recovery, c5_a_reset_before_the_configuration_is_back)
{
	pthread_t resetter;
	const char *why;
	void *ret;

	route_interrupts("1");
	why = keep_open(_metadata, self, variant);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, pthread_create(&resetter, NULL, reset_function, self));
	ws_sleep(20 * WS_MS);
	ws_fault(&self->dev, 0);
	pthread_join(resetter, &ret);
	route_interrupts("3");
	EXPECT_EQ(0, (intptr_t)ret);
	ws_wait_state(&self->dev, "live");
	EXPECT_TRUE(ws_is_state(&self->dev, "live"));
	ws_expect_arrival(_metadata, &self->dev, self->fd);
}

/* ---- the kernel refuses: a function of the bus has no driver ---- */

FIXTURE(refused) {
	struct ws_dev dev;
	struct settings settings;
	int fd;
	__u64 generation, begun;
	__u8 data[LENGTH];
};

#define REFUSED		FIXTURE_DATA(refused)

FIXTURE_VARIANT(refused) {
	bool fatal;
};

FIXTURE_VARIANT_ADD(refused, nonfatal) { false };
FIXTURE_VARIANT_ADD(refused, fatal) { true };

FIXTURE_SETUP(refused)
{
	const char *why;

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	why = ws_no_errors(&self->dev, false);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, begin_settings(&self->dev, &self->settings));
	ASSERT_EQ(0, ws_recovery_timeout(1, NULL));
	ws_fill(self->data, LENGTH, 3);
	self->fd = ws_open_with(&self->dev, self->data, LENGTH);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_number(&self->dev, "generation", &self->generation));
}

FIXTURE_TEARDOWN(refused)
{
	close(self->fd);
	EXPECT_EQ(0, ws_find_anew(&self->dev));
	EXPECT_EQ(0, end_settings(&self->dev, &self->settings));
	EXPECT_EQ(0, ws_end(&self->dev));
}

/*
 * From 6.18 on the kernel tells the driver that it does not recover the device:
 * of an error that needs no reset at once, of others after the reset.
 */
static bool is_told(bool fatal)
{
	return !fatal && ws_kernel_since(6, 18);
}

static void have_refused(struct __test_metadata *_metadata, REFUSED *self,
			 bool fatal)
{
	self->begun = ws_now();
	ws_error(&self->dev, fatal ? FATAL : NONFATAL);
	ASSERT_TRUE(ws_wait_state(&self->dev,
				  is_told(fatal) ? "dead" : "frozen"));
}

static void expect_dead(struct __test_metadata *_metadata, REFUSED *self)
{
	__u64 took;

	EXPECT_EQ(POLLERR | POLLHUP, ws_polled(self->fd, POLLIN, 5000));
	took = ws_now() - self->begun;
	if (!ws_kernel_since(6, 18))
		EXPECT_LE(GIVEN_UP, took);
	EXPECT_GE(WS_S + 10 * WS_SLACK, took);
	EXPECT_TRUE(ws_is_state(&self->dev, "dead"));
	EXPECT_EQ(-ENODEV, ws_sync(self->fd));
	EXPECT_EQ(-ENODEV, ws_pwrite(self->fd, self->data, LENGTH, 0));
	EXPECT_EQ(-ENODEV, ws_open(&self->dev, O_RDWR));
}

TEST_F(refused, c5_calls_wait_until_it_is_given_up)
{
	__u64 begun;
	__u8 *map;

	ws_catch_faults();
	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &map));
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->data, LENGTH, 0));
	have_refused(_metadata, self, variant->fatal);
	if (!is_told(variant->fatal)) {
		begun = ws_now();
		EXPECT_EQ(-ETIMEDOUT, ws_sync_for(self->fd, SHORT));
		EXPECT_GE(SHORT + WS_SLACK, ws_now() - begun);
		EXPECT_EQ(0, ws_polled(self->fd, POLLIN | POLLOUT | POLLPRI,
				       0));
		EXPECT_EQ(-ENODEV, ws_sync_for(self->fd, 30 * WS_S));
	}
	expect_dead(_metadata, self);
	EXPECT_EQ(SIGBUS, ws_try_store(map, self->data, LENGTH));
	EXPECT_EQ(SIGBUS, ws_try_load(map, self->data, LENGTH));
	munmap(map, PAGE);
}

/* A reset of the function, which succeeds, is not the end of the recovery. */
TEST_F(refused, c5_a_reset_meanwhile_does_not_end_it)
{
	__u64 generation;

	if (variant->fatal)
		SKIP(return, "the functions have lost their configuration");
	if (is_told(false))
		SKIP(return, "the kernel does not leave us in the dark");
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->data, LENGTH, 0));
	have_refused(_metadata, self, false);
	EXPECT_EQ(0, ws_flr(&self->dev));
	EXPECT_TRUE(ws_is_state(&self->dev, "frozen"));
	EXPECT_EQ(-ETIMEDOUT, ws_sync_for(self->fd, SHORT));
	EXPECT_EQ(0, ws_number(&self->dev, "generation", &generation));
	EXPECT_EQ(self->generation, generation);
	expect_dead(_metadata, self);
}

/* The next error begins anew: the time is its own. */
TEST_F(refused, c5_a_second_error_has_its_own_time)
{
	if (variant->fatal)
		SKIP(return, "the functions have lost their configuration");
	if (is_told(false))
		SKIP(return, "the kernel does not leave us in the dark");
	have_refused(_metadata, self, false);
	ws_sleep(700 * WS_MS);
	EXPECT_TRUE(ws_is_state(&self->dev, "frozen"));
	have_refused(_metadata, self, false);
	ws_sleep(600 * WS_MS);
	EXPECT_TRUE(ws_is_state(&self->dev, "frozen"));
	expect_dead(_metadata, self);
}

/* The kernel resets the bus first, which takes a second or so. */
TEST_F(refused, c8_unbinding_does_not_wait_for_it)
{
	ASSERT_EQ(0, ws_recovery_timeout(60, NULL));
	have_refused(_metadata, self, variant->fatal);
	EXPECT_EQ(0, ws_unbind(&self->dev));
	EXPECT_GE(5 * WS_S, ws_now() - self->begun);
	EXPECT_EQ(-ENODEV, ws_sync(self->fd));
}

TEST_F(refused, c8_users_at_work_come_to_know)
{
	struct ws_traffic *traffic = calloc(1, sizeof(*traffic));

	ASSERT_NE(NULL, traffic);
	traffic->mortal = true;
	ws_drain(&self->dev, WS_US);
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 60000));
	EXPECT_EQ(0, ws_traffic_start(traffic, &self->dev));
	ws_sleep(100 * WS_MS);
	have_refused(_metadata, self, variant->fatal);
	expect_dead(_metadata, self);
	while (traffic->ends < WS_TRAFFIC_USERS && !traffic->stop &&
	       ws_now() < self->begun + 5 * WS_S)
		ws_sleep(WS_MS);
	EXPECT_EQ(WS_TRAFFIC_USERS, traffic->ends);
	EXPECT_EQ(0, ws_traffic_stop(traffic)) {
		TH_LOG("%s", traffic->text);
	}
	free(traffic);
}

/* ---- the time that recovery may take ---- */

TEST(c3_the_recovery_timeout_has_bounds)
{
	__u64 before;

	if (ws_recovery_timeout(1, &before) == -ENOENT)
		SKIP(return, "the module is not loaded, or is built in");
	EXPECT_EQ(0, ws_recovery_timeout(3600, NULL));
	EXPECT_EQ(-EINVAL, ws_recovery_timeout(0, NULL));
	EXPECT_EQ(-EINVAL, ws_recovery_timeout(3601, NULL));
	EXPECT_GT(0, ws_recovery_timeout(1ULL << 32, NULL));
	EXPECT_EQ(0, ws_recovery_timeout(before, &before));
	EXPECT_EQ(3600, before);
}

/* ---- everybody at work, error after error ---- */

FIXTURE(cycles) {
	struct ws_dev dev;
	struct settings settings;
	struct ws_traffic *traffic;
	__u64 count, random;
	bool begun;
};

#define CYCLES_DATA	FIXTURE_DATA(cycles)

FIXTURE_SETUP(cycles)
{
	const char *why;

	self->count = ws_env_number("WRITESYNC_CYCLES", CYCLES);
	self->random = ws_env_number("WRITESYNC_CYCLES_SEED", 1);
	ASSERT_LE(1, self->count);
	ASSERT_GE(CYCLES_MAX, self->count);
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	why = ws_no_errors(&self->dev, true);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, begin_settings(&self->dev, &self->settings));
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 60000));
	self->traffic = calloc(1, sizeof(*self->traffic));
	ASSERT_NE(NULL, self->traffic);
	ASSERT_EQ(0, ws_traffic_start(self->traffic, &self->dev));
}

FIXTURE_TEARDOWN(cycles)
{
	free(self->traffic);
	EXPECT_EQ(0, end_settings(&self->dev, &self->settings));
	EXPECT_EQ(0, ws_end(&self->dev));
}

enum event {
	CORRECTABLE, NONFATAL_ERROR, FATAL_ERROR, BOTH_ERRORS, RESET,
	RESET_AND_ERROR, OWN_RESET, EVENTS
};

static const char * const event_names[EVENTS] = {
	"correctable", "non-fatal", "fatal", "non-fatal and fatal",
	"function-level reset", "reset and error", "own reset",
};

/* How many losses it is at least, and at most. */
static const struct {
	int least, most;
} losses[EVENTS] = {
	{ 0, 0 }, { 1, 1 }, { 1, 1 }, { 1, 2 }, { 1, 1 }, { 1, 2 }, { 1, 1 },
};

static void *reset_in_thread(void *data)
{
	return (void *)(intptr_t)ws_flr(data);
}

static int reset_and_error(struct ws_dev *dev)
{
	pthread_t thread;
	void *ret;

	if (pthread_create(&thread, NULL, reset_in_thread, dev))
		return -EAGAIN;
	ws_error(dev, NONFATAL);
	pthread_join(thread, &ret);
	return (intptr_t)ret;
}

static int cause(struct ws_dev *dev, enum event event)
{
	switch (event) {
	case CORRECTABLE:
		ws_reg_write(dev, WS_EDU_AER_CORRECTABLE, PCI_ERR_COR_BAD_TLP);
		return 0;
	case NONFATAL_ERROR:
		ws_error(dev, NONFATAL);
		return 0;
	case FATAL_ERROR:
		ws_error(dev, FATAL);
		return 0;
	case BOTH_ERRORS:
		ws_error(dev, PCI_ERR_UNC_COMP_TIME);
		ws_error(dev, FATAL);
		return 0;
	case RESET:
		return ws_flr(dev);
	case RESET_AND_ERROR:
		return reset_and_error(dev);
	case OWN_RESET:
		return ws_own_reset(dev, 5 * WS_S);
	default:
		return -EINVAL;
	}
}

TEST_F_TIMEOUT(cycles, c5_errors_and_resets_under_traffic, CYCLE_TIMEOUT)
{
	__u64 before = self->traffic->generation, after, done[EVENTS] = { 0 };
	struct ws_traffic *traffic = self->traffic;
	__u64 i;
	int ret;

	for (i = 0; i < self->count && !traffic->stop; i++) {
		enum event event = i < EVENTS ? i :
				   ws_random(&self->random) % EVENTS;

		ws_drain(&self->dev, WS_HOLD);
		ws_sleep((5 + ws_random(&self->random) % 20) * WS_MS);
		ret = cause(&self->dev, event);
		ASSERT_EQ(0, ret);
		after = before;
		ret = ws_settle(&self->dev, before + losses[event].least, &after);
		EXPECT_EQ(0, ret) {
			TH_LOG("cycle %llu, %s", i, event_names[event]);
		}
		EXPECT_GE(before + losses[event].most, after) {
			TH_LOG("cycle %llu, %s", i, event_names[event]);
		}
		if (ret)
			break;
		before = after;
		done[event]++;
	}
	EXPECT_EQ(0, ws_traffic_stop(traffic)) {
		TH_LOG("%s", traffic->text);
	}
	for (ret = 0; ret < EVENTS; ret++)
		TH_LOG("%llu x %s", done[ret], event_names[ret]);
	TH_LOG("%llu cycles, %lu steps, %lu syncs said 0, %lu EIO", i,
	       traffic->steps, traffic->synced, traffic->lost);
	EXPECT_EQ(self->count, i);
	EXPECT_LT(0, traffic->lost);
	EXPECT_LT(0, traffic->synced);
}

TEST_HARNESS_MAIN

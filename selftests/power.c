// SPDX-License-Identifier: GPL-2.0
/*
 * C5 when the machine is suspended: the window is FROZEN, and afterwards what
 * was unsynced is told as lost, once for each file that was open. The device
 * does not go to sleep by itself while it is bound.
 *
 * WRITESYNC_SUSPEND: how many seconds until the machine's clock wakes it, if
 *	nobody does before. Without it, nothing here suspends a machine, since
 *	not every one wakes up again (scripts/test-power knows one that does).
 * WRITESYNC_CYCLES: how many times under traffic, 1 to 10000 (2)
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "ws_traffic.h"

#define LENGTH		64
#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)
#define ALARM_MAX	3600
#define CYCLES		2
#define CYCLES_MAX	10000
#define CYCLE_TIMEOUT	3600		/* s, of all of them */
#define TIMEOUT		60		/* s: a machine may sleep for long */

#define STATE		"/sys/power/state"
#define LEVEL		"/sys/power/pm_test"
#define DELAY		"/sys/module/suspend/parameters/pm_test_delay"
#define SUCCESSES	"/sys/power/suspend_stats/success"
#define CLOCK		"/sys/class/rtc/rtc0/wakealarm"

FIXTURE(power) {
	struct ws_dev dev;
	int fd;
	__u64 generation, alarm;
	__u8 old[LENGTH];
	__u8 new[LENGTH];
};

#define POWER		FIXTURE_DATA(power)

#define POWER_VARIANT	FIXTURE_VARIANT(power)

/* How far it goes; "devices" stops before the machine is off. */
FIXTURE_VARIANT(power) {
	const char *level;
	const char *inline_sync;
	bool resets;
};

FIXTURE_VARIANT_ADD(power, devices) { "devices", "never", false };
FIXTURE_VARIANT_ADD(power, to_ram) { "none", "always", true };

static bool can_suspend(const char *level)
{
	char text[128] = "";

	if (ws_file(STATE, text, sizeof(text)) || !strstr(text, "mem"))
		return false;
	return ws_is(level, "none") ||
	       (!ws_file(LEVEL, text, sizeof(text)) && strstr(text, level));
}

FIXTURE_SETUP(power)
{
	self->alarm = ws_env_number("WRITESYNC_SUSPEND", 0);
	if (!self->alarm)
		SKIP(return, "WRITESYNC_SUSPEND does not allow to suspend");
	ASSERT_GE(ALARM_MAX, self->alarm);
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	ASSERT_EQ(0, ws_ask(&self->dev, "suspend"));
	if (!can_suspend(variant->level))
		SKIP(return, "this machine cannot suspend to %s",
		     variant->level);
	ASSERT_EQ(0, ws_set(&self->dev, "inline_sync", variant->inline_sync));
	ws_fill(self->old, LENGTH, 1);
	ws_fill(self->new, LENGTH, 2);
	self->fd = ws_open_with(&self->dev, self->old, LENGTH);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_number(&self->dev, "generation", &self->generation));
}

FIXTURE_TEARDOWN(power)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static __u64 successes(void)
{
	char text[32] = "";

	ws_file(SUCCESSES, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

/* Returns when the machine is awake again. */
static int suspend(const char *level, __u64 alarm)
{
	__u64 before = successes();
	char text[32];
	int ret;

	ws_write_file(LEVEL, level);
	ws_write_file(DELAY, "0");
	snprintf(text, sizeof(text), "+%llu", alarm);
	ws_write_file(CLOCK, "0");
	ret = ws_write_file(CLOCK, text);
	ret = ret ? ret : ws_write_file(STATE, "mem");
	ws_write_file(CLOCK, "0");
	ws_write_file(LEVEL, "none");
	return ret ? ret : successes() == before + 1 ? 0 : -ENODATA;
}

static void sleep_well(struct __test_metadata *_metadata, POWER *self,
		       const POWER_VARIANT *variant)
{
	ASSERT_EQ(0, suspend(variant->level, self->alarm));
	ASSERT_EQ(0, ws_wait_generation(&self->dev, ++self->generation));
	/* It has no driver, so the kernel takes its bus mastering away. */
	ASSERT_EQ(0, ws_peer_on(&self->dev));
}

static void write_and_lose(struct __test_metadata *_metadata, POWER *self,
			   const POWER_VARIANT *variant)
{
	ws_lose_next(&self->dev, false);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	sleep_well(_metadata, self, variant);
	ASSERT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
	ws_expect_unsynced(_metadata, self->fd);
}

TEST_F_TIMEOUT(power, c5_lost_bytes_are_told_once_to_each_file, TIMEOUT)
{
	int reader = ws_open(&self->dev, O_RDONLY);
	int copy = dup(reader), region, late;
	__u64 offset;

	ws_drain(&self->dev, WS_US);
	region = ws_region(self->fd, 1, &offset);
	ASSERT_LE(0, copy);
	ASSERT_LE(0, region);
	write_and_lose(_metadata, self, variant);
	late = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, late);
	EXPECT_EQ(0, ws_sync(late));
	ws_expect_eio(_metadata, region);
	EXPECT_EQ(-EIO, ws_sync(copy));
	EXPECT_EQ(0, ws_sync(reader));
	EXPECT_EQ(-EIO, ws_sync_in_child(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_sync(late));
	ws_expect_arrival(_metadata, &self->dev, self->fd);
	close(late);
	close(region);
	close(copy);
	close(reader);
}

TEST_F_TIMEOUT(power, c5_without_unsynced_bytes_only_poll_tells, TIMEOUT)
{
	struct writesync_sync sync = { 0 };
	struct writesync_info info;

	EXPECT_EQ(0, ws_polled(self->fd, POLLPRI, 0));
	sleep_well(_metadata, self, variant);
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	EXPECT_EQ(0, sync.readbacks);
	EXPECT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(WRITESYNC_STATE_LIVE, info.state);
	EXPECT_EQ(POLLIN | POLLPRI, ws_polled(self->fd, POLLIN | POLLPRI, 0));
	EXPECT_EQ(POLLIN, ws_polled(self->fd, POLLIN | POLLPRI, 20));
}

TEST_F_TIMEOUT(power, c5_a_mapping_goes_on_and_is_told, TIMEOUT)
{
	__u8 *map, *late;

	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &map));
	ws_lose_next(&self->dev, false);
	ws_store(map, self->new, LENGTH);
	sleep_well(_metadata, self, variant);
	EXPECT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
	EXPECT_NE(0, memcmp(map, self->new, LENGTH));
	EXPECT_EQ(-1, msync(map, PAGE, MS_SYNC));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(0, msync(map, PAGE, MS_SYNC));
	ws_store(map, self->new, LENGTH);
	EXPECT_EQ(0, msync(map, PAGE, MS_SYNC));
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->new, LENGTH));
	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, PROT_READ, &late));
	EXPECT_EQ(0, memcmp(late, self->new, LENGTH));
	munmap(late, PAGE);
	munmap(map, PAGE);
}

/* What the driver set in the device is set again: sentinel and interrupt. */
TEST_F_TIMEOUT(power, c5_everything_works_afterwards, TIMEOUT)
{
	static const char * const methods[] = {
		"sentinel", "config", "window",
	};
	char text[16];
	size_t i;

	sleep_well(_metadata, self, variant);
	EXPECT_EQ(0, ws_get(&self->dev, "inline_sync", text, sizeof(text)));
	EXPECT_STREQ(variant->inline_sync, text);
	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		if (!ws_can_confirm(&self->dev, methods[i]))
			continue;
		EXPECT_EQ(0, ws_set(&self->dev, "confirm", methods[i]));
		ws_expect_arrival(_metadata, &self->dev, self->fd);
	}
	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	EXPECT_EQ(0, ws_own_reset(&self->dev, 5 * WS_S));
	ws_expect_eio_once(_metadata, self->fd);
}

static long sync_patiently(void *data)
{
	POWER *self = data;

	return ws_sync_for(self->fd, 600 * WS_S);
}

static long poll_patiently(void *data)
{
	POWER *self = data;

	return ws_polled(self->fd, POLLPRI, -1);
}

/*
 * To freeze a process the kernel wakes it as a signal would. Who is told EINTR
 * then learns of the loss by the next sync, who was told of it does not.
 */
TEST_F_TIMEOUT(power, c9_who_waits_is_interrupted_or_told, TIMEOUT)
{
	struct ws_caller syncer = { 0 }, poller = { 0 };

	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	ws_fault(&self->dev, WS_FAULT_STALL);
	ASSERT_EQ(0, ws_caller_start(&syncer, sync_patiently, self));
	ASSERT_EQ(0, ws_caller_start(&poller, poll_patiently, self));
	ws_sleep(50 * WS_MS);
	EXPECT_FALSE(syncer.done || poller.done);
	sleep_well(_metadata, self, variant);
	pthread_join(syncer.thread, NULL);
	pthread_join(poller.thread, NULL);
	EXPECT_EQ(POLLPRI, poller.ret);
	EXPECT_TRUE(syncer.ret == -EINTR || syncer.ret == -EIO) {
		TH_LOG("%ld", syncer.ret);
	}
	ws_fault(&self->dev, 0);
	EXPECT_EQ(syncer.ret == -EINTR ? -EIO : 0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
}

/* It is gone when the machine wakes up. */
TEST_F_TIMEOUT(power, c4_a_device_that_is_gone_afterwards_is_dead, TIMEOUT)
{
	__u8 *map;

	if (variant->resets)
		SKIP(return, "the virtual device comes back with power");
	ws_catch_faults();
	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &map));
	EXPECT_EQ(0, ws_touch(map, true));
	ws_fault(&self->dev, WS_FAULT_DEAD);
	EXPECT_EQ(0, suspend(variant->level, self->alarm));
	EXPECT_EQ(POLLERR | POLLHUP, ws_polled(self->fd, POLLIN, 5000));
	EXPECT_EQ(-ENODEV, ws_sync(self->fd));
	EXPECT_EQ(SIGBUS, ws_touch(map, true));
	ws_fault(&self->dev, 0);
	EXPECT_EQ(-ENODEV, ws_sync(self->fd));
	munmap(map, PAGE);
	ASSERT_EQ(0, ws_find_anew(&self->dev));
}

static void *store_and_end(void *data)
{
	POWER *self = data;
	__u8 *map;

	if (ws_map(self->fd, PAGE, PAGE, BOTH, &map))
		return (void *)-1;
	return (void *)(intptr_t)ws_try_store(map, self->new, LENGTH);
}

/*
 * An error whose recovery does not end (a function of the bus has no driver):
 * neither does a suspend end it, nor is it in the way of one.
 */
TEST_F_TIMEOUT(power, c5_error_recovery_goes_on_afterwards, TIMEOUT)
{
	const char *why = ws_no_errors(&self->dev, false);
	__u64 generation, timeout;
	pthread_t storer;
	void *sig;

	if (why)
		SKIP(return, "%s", why);
	if (ws_kernel_since(6, 18))
		SKIP(return, "this kernel ends such a recovery at once");
	ws_catch_faults();
	ASSERT_EQ(0, ws_recovery_timeout(5, &timeout));
	ws_error(&self->dev, PCI_ERR_UNC_POISON_TLP);
	ASSERT_TRUE(ws_wait_state(&self->dev, "frozen"));
	ASSERT_EQ(0, pthread_create(&storer, NULL, store_and_end, self));
	ws_sleep(50 * WS_MS);
	EXPECT_EQ(0, suspend(variant->level, self->alarm));
	EXPECT_EQ(-ETIMEDOUT, ws_sync_for(self->fd, 100 * WS_MS));
	EXPECT_EQ(0, ws_number(&self->dev, "generation", &generation));
	EXPECT_EQ(self->generation, generation);
	EXPECT_EQ(POLLERR | POLLHUP, ws_polled(self->fd, POLLIN, 15000));
	pthread_join(storer, &sig);
	EXPECT_EQ(SIGBUS, (intptr_t)sig);
	EXPECT_EQ(0, ws_find_anew(&self->dev));
	EXPECT_EQ(0, ws_recovery_timeout(timeout, NULL));
}

TEST_F_TIMEOUT(power, c5_suspends_under_traffic, CYCLE_TIMEOUT)
{
	struct ws_traffic *traffic = calloc(1, sizeof(*traffic));
	__u64 count = ws_env_number("WRITESYNC_CYCLES", CYCLES), i;

	ASSERT_NE(NULL, traffic);
	ASSERT_LE(1, count);
	ASSERT_GE(CYCLES_MAX, count);
	traffic->suspends = true;
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 60000));
	EXPECT_EQ(0, ws_traffic_start(traffic, &self->dev));
	for (i = 0; i < count && !traffic->stop; i++) {
		ws_drain(&self->dev, WS_HOLD);
		ws_sleep(30 * WS_MS);
		sleep_well(_metadata, self, variant);
	}
	EXPECT_EQ(0, ws_traffic_stop(traffic)) {
		TH_LOG("%s", traffic->text);
	}
	TH_LOG("%llu suspends, %lu steps, %lu syncs said 0, %lu EIO", i,
	       traffic->steps, traffic->synced, traffic->lost);
	EXPECT_EQ(count, i);
	EXPECT_LT(0, traffic->synced);
	free(traffic);
}

/* ---- runtime power management ---- */

static int pci_text(const struct ws_dev *dev, const char *attr, char *text,
		    size_t length)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3000s/%s", dev->pci, attr);
	return ws_file(path, text, length);
}

static int pci_set(const struct ws_dev *dev, const char *attr,
		   const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3000s/%s", dev->pci, attr);
	return ws_write_file(path, value);
}

TEST(c4_the_device_does_not_sleep_while_it_is_bound)
{
	char text[32] = "", before[32] = "";
	struct ws_dev dev;
	int fd;

	WS_BEGIN(return, &dev, 0);
	if (pci_text(&dev, "power/control", before, sizeof(before)))
		SKIP(return, "the kernel has no runtime power management");
	EXPECT_EQ(0, pci_set(&dev, "power/control", "auto"));
	pci_set(&dev, "power/autosuspend_delay_ms", "0");
	ws_sleep(300 * WS_MS);
	EXPECT_EQ(0, pci_text(&dev, "power/runtime_status", text,
			      sizeof(text)));
	EXPECT_STREQ("active\n", text);
	EXPECT_EQ(0, pci_text(&dev, "power_state", text, sizeof(text)));
	EXPECT_STREQ("D0\n", text);
	fd = ws_open(&dev, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(8, ws_pwrite(fd, "not lost", 8, 0));
	EXPECT_EQ(0, ws_sync(fd));
	close(fd);
	EXPECT_EQ(0, pci_set(&dev, "power/control", before));
	EXPECT_EQ(0, ws_end(&dev));
}

TEST_HARNESS_MAIN

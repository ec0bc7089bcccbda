// SPDX-License-Identifier: GPL-2.0
/*
 * C5: if the device may have lost what was not synced, every file that was
 * open then is told so by its next sync, once. A device loses what is posted
 * when it is reset: by the kernel (function-level reset, FLR), or by itself.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LENGTH		64
#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)
#define FILES		4
#define RESET_WAIT	(5 * WS_S)

enum reset { BY_FLR, BY_ITSELF };

/*
 * Returns when the driver has dealt with it. Before it resets the function, the
 * kernel reads its configuration, which would push what is posted; not if the
 * device stalls, until the reset.
 */
static int lose(const struct ws_dev *dev, enum reset reset)
{
	if (reset == BY_ITSELF)
		return ws_own_reset(dev, RESET_WAIT);
	ws_fault(dev, WS_FAULT_STALL);
	return ws_flr(dev);
}

FIXTURE(loss) {
	struct ws_dev dev;
	int fd;
	__u8 old[LENGTH];
	__u8 new[LENGTH];
};

#define LOSS		FIXTURE_DATA(loss)

FIXTURE_VARIANT(loss) {
	enum reset reset;
	const char *confirm;
	const char *inline_sync;
};

#define LOSS_VARIANT	FIXTURE_VARIANT(loss)

FIXTURE_VARIANT_ADD(loss, flr_window_inline) { BY_FLR, "window", "always" };
FIXTURE_VARIANT_ADD(loss, flr_window_worker) { BY_FLR, "window", "never" };
FIXTURE_VARIANT_ADD(loss, flr_sentinel_inline) {
	BY_FLR, "sentinel", "always"
};

FIXTURE_VARIANT_ADD(loss, flr_pending_worker) { BY_FLR, "pending", "never" };
FIXTURE_VARIANT_ADD(loss, own_window_inline) { BY_ITSELF, "window", "always" };
FIXTURE_VARIANT_ADD(loss, own_window_worker) { BY_ITSELF, "window", "never" };
FIXTURE_VARIANT_ADD(loss, own_sentinel_worker) {
	BY_ITSELF, "sentinel", "never"
};

FIXTURE_VARIANT_ADD(loss, own_config_inline) { BY_ITSELF, "config", "always" };

/* A window whose queue holds what is stored, with old bytes that arrived. */
static int hold(struct ws_dev *dev, const void *old)
{
	int fd = ws_open(dev, O_RDWR);

	if (fd < 0)
		return fd;
	if (ws_pwrite(fd, old, LENGTH, 0) != LENGTH || ws_sync(fd))
		return -EIO;
	ws_drain(dev, WS_HOLD);
	return fd;
}

FIXTURE_SETUP(loss)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	if (variant->reset == BY_FLR && !ws_can_flr(&self->dev))
		SKIP(return, "the function offers no function-level reset");
	ws_fill(self->old, LENGTH, 1);
	ws_fill(self->new, LENGTH, ws_now());
	self->fd = hold(&self->dev, self->old);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(loss)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* Post new bytes and lose them. */
static void write_and_lose(struct __test_metadata *_metadata, LOSS *self,
			   const LOSS_VARIANT *variant)
{
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	ASSERT_LT(0, ws_level(&self->dev));
	ASSERT_EQ(0, lose(&self->dev, variant->reset));
	ASSERT_EQ(0, ws_level(&self->dev));
	ASSERT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
	ws_expect_unsynced(_metadata, self->fd);
}

static void expect_eio_once(struct __test_metadata *_metadata, int fd)
{
	int i;

	EXPECT_EQ(1, ws_needed(fd));
	EXPECT_EQ(-EIO, ws_sync(fd));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(0, ws_needed(fd));
}

/* What is written from now on arrives. */
static void expect_new_bytes_arrive(struct __test_metadata *_metadata,
				    LOSS *self)
{
	if (!ws_can_confirm(&self->dev, "window"))
		return;
	ws_drain(&self->dev, WS_HOLD);
	ws_fill(self->new, LENGTH, ws_now());
	ASSERT_EQ(0, ws_set(&self->dev, "confirm", "window"));
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	EXPECT_LT(0, ws_level(&self->dev));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->new, LENGTH));
}

TEST_F(loss, c5_unsynced_bytes_that_are_lost_are_eio_once)
{
	write_and_lose(_metadata, self, variant);
	expect_eio_once(_metadata, self->fd);
	expect_new_bytes_arrive(_metadata, self);
}

/* A caller that cannot be told the rest is told that. */
TEST_F(loss, c5_a_result_that_cannot_be_stored_hides_no_loss)
{
	struct writesync_sync *sync = mmap(NULL, PAGE, BOTH,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)sync);
	sync->size = sizeof(*sync);
	ASSERT_EQ(0, mprotect(sync, PAGE, PROT_READ));
	write_and_lose(_metadata, self, variant);
	EXPECT_EQ(-1, ioctl(self->fd, WRITESYNC_IOC_SYNC, sync));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, ioctl(self->fd, WRITESYNC_IOC_SYNC, sync));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, ws_sync(self->fd));
	munmap(sync, PAGE);
}

TEST_F(loss, c5_a_retry_does_not_mean_that_the_lost_bytes_landed)
{
	write_and_lose(_metadata, self, variant);
	EXPECT_EQ(-EIO, ws_sync(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->old, LENGTH));
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->new, LENGTH));
}

TEST_F(loss, c5_without_unsynced_bytes_there_is_no_eio)
{
	struct writesync_sync sync = { 0 };

	ASSERT_EQ(0, lose(&self->dev, variant->reset));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	EXPECT_EQ(0, sync.readbacks);
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->old, LENGTH));
	expect_new_bytes_arrive(_metadata, self);
}

TEST_F(loss, c5_the_generation_goes_up_by_one)
{
	struct writesync_info before, after;
	__u64 shown;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, ws_info(self->fd, &before));
		if (i)
			write_and_lose(_metadata, self, variant);
		else
			ASSERT_EQ(0, lose(&self->dev, variant->reset));
		ASSERT_EQ(0, ws_info(self->fd, &after));
		EXPECT_EQ(before.generation + 1, after.generation);
		EXPECT_EQ(0, ws_number(&self->dev, "generation", &shown));
		EXPECT_EQ(after.generation, shown);
		EXPECT_EQ(WRITESYNC_STATE_LIVE, after.state);
		ws_drain(&self->dev, WS_HOLD);
	}
}

TEST_F(loss, c5_every_file_that_was_open_is_told)
{
	static const int flags[FILES] = {
		O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_APPEND,
	};
	int fds[FILES];
	int i;

	for (i = 0; i < FILES; i++) {
		fds[i] = ws_open(&self->dev, flags[i]);
		ASSERT_LE(0, fds[i]);
	}
	write_and_lose(_metadata, self, variant);
	for (i = 0; i < FILES; i++) {
		EXPECT_EQ(1, ws_needed(fds[i]));
		EXPECT_EQ(-EIO, ws_sync(fds[i]));
		EXPECT_EQ(0, ws_sync(fds[i]));
	}
	/* That others wrote and synced since does not let this one off. */
	EXPECT_EQ(LENGTH, ws_pwrite(fds[2], self->old, LENGTH, 0));
	EXPECT_EQ(0, ws_sync(fds[2]));
	expect_eio_once(_metadata, self->fd);
	for (i = 0; i < FILES; i++) {
		EXPECT_EQ(0, ws_sync(fds[i]));
		close(fds[i]);
	}
}

TEST_F(loss, c5_a_file_opened_afterwards_is_not_told)
{
	int fd;

	write_and_lose(_metadata, self, variant);
	fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(0, ws_sync(fd));
	expect_eio_once(_metadata, self->fd);
	EXPECT_EQ(0, ws_sync(fd));
	close(fd);
}

TEST_F(loss, c5_a_region_is_told_too)
{
	int idle, region;
	__u64 offset;

	ws_drain(&self->dev, WS_US);
	idle = ws_region(self->fd, 1, &offset);
	ASSERT_LE(0, idle);
	region = ws_region(self->fd, 1, &offset);
	ASSERT_LE(0, region);
	ws_drain(&self->dev, WS_HOLD);
	ASSERT_EQ(LENGTH, ws_pwrite(region, self->new, LENGTH, 0));
	ASSERT_LT(0, ws_level(&self->dev));
	ASSERT_EQ(0, lose(&self->dev, variant->reset));
	ws_expect_unsynced(_metadata, region);
	expect_eio_once(_metadata, region);
	EXPECT_EQ(-EIO, ws_sync(idle));
	EXPECT_EQ(0, ws_sync(idle));
	EXPECT_EQ(-EIO, ws_sync(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	close(region);
	close(idle);
}

TEST_F(loss, c5_descriptors_of_one_file_share_one_eio)
{
	int copy = dup(self->fd);

	ASSERT_LE(0, copy);
	write_and_lose(_metadata, self, variant);
	EXPECT_EQ(-EIO, ws_sync(copy));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_sync(copy));
	close(copy);
	ws_drain(&self->dev, WS_HOLD);
	write_and_lose(_metadata, self, variant);
	EXPECT_EQ(-EIO, ws_sync_in_child(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
}

TEST_F(loss, c5_two_losses_before_a_sync_are_one_eio)
{
	write_and_lose(_metadata, self, variant);
	ws_drain(&self->dev, WS_HOLD);
	write_and_lose(_metadata, self, variant);
	expect_eio_once(_metadata, self->fd);
}

TEST_F(loss, c5_each_loss_is_told)
{
	int i;

	for (i = 0; i < 3; i++) {
		ws_drain(&self->dev, WS_HOLD);
		write_and_lose(_metadata, self, variant);
		expect_eio_once(_metadata, self->fd);
	}
}

/* Stores through a mapping have no numbers: any of them may be unsynced. */
TEST_F(loss, c5_a_written_mapping_counts_as_unsynced)
{
	int other = ws_open(&self->dev, O_RDWR);
	__u8 *map;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &map));
	ws_store(map, self->new, LENGTH);
	ASSERT_LT(0, ws_level(&self->dev));
	ASSERT_EQ(0, lose(&self->dev, variant->reset));
	EXPECT_EQ(-1, msync(map, PAGE, MS_SYNC));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(0, msync(map, PAGE, MS_SYNC));
	EXPECT_EQ(-EIO, ws_sync(other));
	EXPECT_EQ(0, ws_sync(other));
	EXPECT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
	ws_store(map, self->new, LENGTH);
	EXPECT_EQ(0, msync(map, PAGE, MS_SYNC));
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->new, LENGTH));
	ASSERT_EQ(0, munmap(map, PAGE));
	close(other);
}

TEST_F(loss, c5_a_mapping_that_was_only_read_loses_nothing)
{
	__u8 *map;

	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &map));
	EXPECT_EQ(0, memcmp(map, self->old, LENGTH));
	ASSERT_EQ(0, lose(&self->dev, variant->reset));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, memcmp(map, self->old, LENGTH));
	ASSERT_EQ(0, munmap(map, PAGE));
}

/* Every way to sync; each with a file of its own that was open before. */
enum way {
	WAY_SYNC, WAY_FSYNC, WAY_FDATASYNC, WAY_O_DSYNC, WAY_O_SYNC,
	WAY_RWF_DSYNC, WAY_RWF_SYNC, WAY_WRITE_SYNC, WAY_O_DSYNC_WRITE,
	WAY_MSYNC, WAYS
};

static const char * const way_names[WAYS] = {
	"SYNC", "fsync", "fdatasync", "write with O_DSYNC",
	"write with O_SYNC", "RWF_DSYNC", "RWF_SYNC", "WRITE with WRITE_SYNC",
	"WRITE with O_DSYNC", "msync",
};

struct user {
	int fd;
	__u8 *map;
	__u64 written;		/* of WRITE, after an error too */
};

static int use_way(struct ws_dev *dev, struct user *user, enum way way)
{
	int flags = O_RDWR;

	if (way == WAY_O_DSYNC || way == WAY_O_DSYNC_WRITE)
		flags |= O_DSYNC;
	if (way == WAY_O_SYNC)
		flags |= O_SYNC;
	user->fd = ws_open(dev, flags);
	if (user->fd < 0)
		return user->fd;
	return ws_map(user->fd, 0, PAGE, BOTH, &user->map);
}

static void drop_way(struct user *user)
{
	munmap(user->map, PAGE);
	close(user->fd);
}

static int all_of(ssize_t n)
{
	return n < 0 ? n : n == LENGTH ? 0 : -ERANGE;
}

static int write_by_ioctl(struct user *user, const void *data, __u32 flags)
{
	struct writesync_iovec piece = ws_piece(data, LENGTH);
	struct writesync_write write = {
		.flags = flags | WRITESYNC_WRITE_AT, .offset = PAGE,
		.iov = (uintptr_t)&piece, .iov_count = 1,
	};
	int ret = ws_write_call(user->fd, &write);

	user->written = write.bytes_written;
	return ret;
}

static int sync_by(struct user *user, enum way way, const void *data)
{
	switch (way) {
	case WAY_SYNC:
		return ws_sync(user->fd);
	case WAY_FSYNC:
		return fsync(user->fd) ? -errno : 0;
	case WAY_FDATASYNC:
		return fdatasync(user->fd) ? -errno : 0;
	case WAY_O_DSYNC:
	case WAY_O_SYNC:
		return all_of(ws_pwrite(user->fd, data, LENGTH, PAGE));
	case WAY_RWF_DSYNC:
		return all_of(ws_pwritev2(user->fd, data, LENGTH, PAGE,
					  RWF_DSYNC));
	case WAY_RWF_SYNC:
		return all_of(ws_pwritev2(user->fd, data, LENGTH, PAGE,
					  RWF_SYNC));
	case WAY_WRITE_SYNC:
		return write_by_ioctl(user, data, WRITESYNC_WRITE_SYNC);
	case WAY_O_DSYNC_WRITE:
		return write_by_ioctl(user, data, 0);
	case WAY_MSYNC:
		return msync(user->map, PAGE, MS_SYNC) ? -errno : 0;
	default:
		return -EINVAL;
	}
}

TEST_F(loss, c5_every_way_to_sync_tells_once)
{
	struct user users[WAYS] = { 0 };
	enum way way;

	for (way = 0; way < WAYS; way++)
		ASSERT_EQ(0, use_way(&self->dev, &users[way], way));
	write_and_lose(_metadata, self, variant);
	for (way = 0; way < WAYS; way++) {
		EXPECT_EQ(-EIO, sync_by(&users[way], way, self->new)) {
			TH_LOG("first by %s", way_names[way]);
		}
		EXPECT_EQ(0, sync_by(&users[way], way, self->new)) {
			TH_LOG("then by %s", way_names[way]);
		}
		EXPECT_EQ(0, ws_sync(users[way].fd));
		drop_way(&users[way]);
	}
}

TEST_F(loss, c5_no_way_to_sync_tells_of_what_was_synced)
{
	struct user users[WAYS] = { 0 };
	enum way way;

	for (way = 0; way < WAYS; way++)
		ASSERT_EQ(0, use_way(&self->dev, &users[way], way));
	ASSERT_EQ(0, lose(&self->dev, variant->reset));
	for (way = 0; way < WAYS; way++) {
		EXPECT_EQ(0, sync_by(&users[way], way, self->new)) {
			TH_LOG("by %s", way_names[way]);
		}
		drop_way(&users[way]);
	}
}

TEST_F(loss, c5_a_write_whose_sync_tells_is_written)
{
	struct user user = { .fd = self->fd };

	write_and_lose(_metadata, self, variant);
	EXPECT_EQ(-EIO, sync_by(&user, WAY_WRITE_SYNC, self->new));
	EXPECT_EQ(LENGTH, user.written);
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(ws_crc(self->new, LENGTH),
		  ws_peer_crc(&self->dev, PAGE, LENGTH));
}

/*
 * No sync is taken in by a device that answers again after its reset, before
 * its interrupt has been dealt with. (Configuration space cannot tell.)
 *
 * The interrupt of the reset before may come late; what the driver then reads
 * of the device pushes the bytes into its memory before the reset.
 */
TEST_F(loss, c5_a_sync_right_after_the_devices_own_reset_is_told)
{
	int i, ret, lost = 0;
	bool landed;

	if (variant->reset != BY_ITSELF || ws_is(variant->confirm, "config"))
		SKIP(return, "this reset is told of before it happens");
	for (i = 0; i < 20; i++) {
		ws_drain(&self->dev, WS_HOLD);
		ws_fill(self->new, LENGTH, ws_now());
		ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
		ws_reg_write(&self->dev, WS_EDU_CONTROL, WS_EDU_CONTROL_RESET);
		ret = ws_sync(self->fd);
		landed = ws_peer_sees(&self->dev, self->new, LENGTH);
		EXPECT_TRUE(ret == -EIO || (landed && !ret));
		lost += !landed;
		ASSERT_EQ(0, ws_reset_done(&self->dev, RESET_WAIT));
		ret = ws_sync(self->fd);
		EXPECT_TRUE(!ret || landed);
	}
	EXPECT_LT(10, lost);
}

/* Reading and writing go on: only a sync tells. */
TEST_F(loss, c5_other_calls_do_not_tell)
{
	__u8 back[LENGTH];

	write_and_lose(_metadata, self, variant);
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, PAGE));
	EXPECT_EQ(LENGTH, ws_pread(self->fd, back, LENGTH, 0));
	EXPECT_EQ(0, memcmp(back, self->old, LENGTH));
	expect_eio_once(_metadata, self->fd);
}

/* Somebody waits for a device that does not answer, and then is reset. */

#define WAITERS		3

struct waiter {
	int fd;
	int ret;
	pthread_t thread;
	atomic_bool begun, done;
};

static void *wait_for_sync(void *data)
{
	struct waiter *waiter = data;

	waiter->begun = true;
	waiter->ret = ws_sync_for(waiter->fd, 10 * WS_S);
	waiter->done = true;
	return NULL;
}

static int start_waiter(struct ws_dev *dev, struct waiter *waiter)
{
	waiter->fd = ws_open(dev, O_RDWR);
	if (waiter->fd < 0)
		return waiter->fd;
	return pthread_create(&waiter->thread, NULL, wait_for_sync, waiter);
}

TEST_F(loss, c5_a_sync_that_waits_is_told)
{
	struct waiter waiters[WAITERS] = { 0 };
	int i;

	if (ws_is(variant->confirm, "config"))
		SKIP(return, "a configuration read does not wait");
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
	ws_fault(&self->dev, WS_FAULT_STALL);
	for (i = 0; i < WAITERS; i++)
		ASSERT_EQ(0, start_waiter(&self->dev, &waiters[i]));
	/* A CPU whose read is stalled lets nobody begin for a while. */
	for (i = 0; i < WAITERS; i++)
		while (!waiters[i].begun)
			sched_yield();
	ws_sleep(50 * WS_MS);
	for (i = 0; i < WAITERS; i++)
		EXPECT_FALSE(waiters[i].done);
	ASSERT_EQ(0, lose(&self->dev, variant->reset));
	for (i = 0; i < WAITERS; i++) {
		pthread_join(waiters[i].thread, NULL);
		EXPECT_EQ(-EIO, waiters[i].ret);
		EXPECT_EQ(0, ws_sync(waiters[i].fd));
		close(waiters[i].fd);
	}
	EXPECT_EQ(-EIO, ws_sync(self->fd));
	EXPECT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
}

/* Everybody at work while it happens again and again. */

struct busy {
	struct ws_dev *dev;
	unsigned int index;
	pthread_t thread;
	atomic_bool *stop;
	int eio;			/* syncs that told */
	int other;			/* a result that nobody may get */
	atomic_int rounds;
};

static void expect(struct busy *busy, ssize_t wanted, ssize_t ret)
{
	if (ret != wanted && !busy->other)
		busy->other = ret ? ret : INT_MAX;
}

static void count_sync(struct busy *busy, int ret)
{
	if (ret == -EIO)
		busy->eio++;
	else
		expect(busy, 0, ret);
}

static void *write_and_sync(void *data)
{
	struct busy *busy = data;
	__u64 offset = PAGE * (busy->index + 1);
	__u8 bytes[LENGTH], back[LENGTH];
	int fd = ws_open(busy->dev, O_RDWR);
	__u8 *map;

	expect(busy, 0, ws_map(fd, offset, PAGE, BOTH, &map));
	while (!*busy->stop && !busy->other) {
		ws_fill(bytes, LENGTH, busy->rounds++);
		expect(busy, LENGTH, ws_pwrite(fd, bytes, LENGTH, offset));
		count_sync(busy, ws_sync_for(fd, 5 * WS_S));
		if (busy->index & 1)
			ws_store(map + LENGTH, bytes, LENGTH);
		expect(busy, LENGTH, ws_pread(fd, back, LENGTH, offset));
		count_sync(busy, fsync(fd) ? -errno : 0);
	}
	munmap(map, PAGE);
	close(fd);
	return NULL;
}

/* Each has stored through its mapping since, if it has one. */
static bool all_go_on(struct busy *busy, size_t count)
{
	int since[4], tries = 1000 * ws_slow();
	size_t i;

	for (i = 0; i < count; i++)
		since[i] = busy[i].rounds;
	for (i = 0; i < count && tries; ) {
		if (busy[i].rounds - since[i] > 1 || busy[i].other) {
			i++;
		} else {
			ws_sleep(5 * WS_MS);
			tries--;
		}
	}
	return i == count;
}

#define RESETS		5
#define LOSSES		"statistics/losses"

TEST_F(loss, c5_under_load_no_loss_is_told_twice)
{
	struct busy busy[4] = { 0 };
	atomic_bool stop = false;
	__u64 before, after, losses, told;
	size_t i;

	ws_drain(&self->dev, WS_US);
	/* A reset takes a while. */
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 10000));
	ASSERT_EQ(0, ws_number(&self->dev, "generation", &before));
	ASSERT_EQ(0, ws_number(&self->dev, LOSSES, &told));
	for (i = 0; i < ARRAY_SIZE(busy); i++) {
		busy[i].dev = &self->dev;
		busy[i].index = i;
		busy[i].stop = &stop;
		ASSERT_EQ(0, pthread_create(&busy[i].thread, NULL,
					    write_and_sync, &busy[i]));
	}
	for (i = 0; i < RESETS; i++) {
		EXPECT_TRUE(all_go_on(busy, ARRAY_SIZE(busy)));
		EXPECT_EQ(0, lose(&self->dev, variant->reset));
	}
	EXPECT_TRUE(all_go_on(busy, ARRAY_SIZE(busy)));
	stop = true;
	EXPECT_EQ(0, ws_number(&self->dev, "generation", &after));
	EXPECT_EQ(RESETS, after - before);
	for (i = 0; i < ARRAY_SIZE(busy); i++)
		pthread_join(busy[i].thread, NULL);
	/* A write that a reset overtook returns later, and is a loss again. */
	EXPECT_EQ(0, ws_number(&self->dev, LOSSES, &losses));
	EXPECT_GE(RESETS * (1 + ARRAY_SIZE(busy)), losses - told);
	/* Half of them have stored through mappings, so each reset is one. */
	EXPECT_LE(RESETS, losses - told);
	for (i = 0; i < ARRAY_SIZE(busy); i++) {
		EXPECT_EQ(0, busy[i].other);
		EXPECT_GE(losses - told, busy[i].eio);
		EXPECT_LT(0, busy[i].eio);
		EXPECT_LT(0, busy[i].rounds);
	}
}

/* What reads as all-ones has to be judged before a reset makes that moot. */

static void *read_ones(void *data)
{
	struct busy *busy = data;
	__u8 bytes[LENGTH];
	int fd = ws_open(busy->dev, O_RDWR);

	while (!*busy->stop && !busy->other) {
		expect(busy, LENGTH, ws_pread(fd, bytes, LENGTH, 0));
		busy->rounds++;
	}
	close(fd);
	return NULL;
}

TEST_F(loss, c4_all_ones_are_read_across_resets)
{
	__u8 ones[LENGTH];
	atomic_bool stop = false;
	struct busy busy = { .dev = &self->dev, .stop = &stop };
	int i;

	memset(ones, 0xff, LENGTH);
	ws_drain(&self->dev, 0);
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 10000));
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, ones, LENGTH, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(0, pthread_create(&busy.thread, NULL, read_ones, &busy));
	for (i = 0; i < 2 * RESETS; i++) {
		ws_sleep(20 * WS_MS);
		EXPECT_EQ(0, lose(&self->dev, variant->reset));
	}
	stop = true;
	pthread_join(busy.thread, NULL);
	EXPECT_EQ(0, busy.other);
	EXPECT_LT(0, busy.rounds);
}

/* EPOLLPRI: once for each file and each change of the generation. */

FIXTURE(notice) {
	struct ws_dev dev;
	int fd;
	__u8 data[LENGTH];
};

#define NOTICE		FIXTURE_DATA(notice)

FIXTURE_VARIANT(notice) {
	enum reset reset;
	bool unsynced;
};

#define NOTICE_VARIANT	FIXTURE_VARIANT(notice)

FIXTURE_VARIANT_ADD(notice, flr_clean) { BY_FLR, false };
FIXTURE_VARIANT_ADD(notice, flr_unsynced) { BY_FLR, true };
FIXTURE_VARIANT_ADD(notice, own_clean) { BY_ITSELF, false };
FIXTURE_VARIANT_ADD(notice, own_unsynced) { BY_ITSELF, true };

FIXTURE_SETUP(notice)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED);
	if (variant->reset == BY_FLR && !ws_can_flr(&self->dev))
		SKIP(return, "the function offers no function-level reset");
	ws_fill(self->data, LENGTH, 9);
	self->fd = hold(&self->dev, self->data);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(notice)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void change_generation(struct __test_metadata *_metadata,
			      NOTICE *self, const NOTICE_VARIANT *variant)
{
	if (variant->unsynced) {
		ws_drain(&self->dev, WS_HOLD);
		ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->data, LENGTH, 0));
	}
	ASSERT_EQ(0, lose(&self->dev, variant->reset));
}

TEST_F(notice, c5_poll_tells_of_each_change_once)
{
	int i;

	EXPECT_EQ(0, ws_polled(self->fd, POLLPRI, 0));
	for (i = 0; i < 3; i++) {
		change_generation(_metadata, self, variant);
		EXPECT_EQ(POLLPRI, ws_polled(self->fd, POLLPRI, 0));
		EXPECT_EQ(0, ws_polled(self->fd, POLLPRI, 20));
		EXPECT_EQ(POLLIN | POLLOUT,
			  ws_polled(self->fd, POLLIN | POLLOUT | POLLPRI, 0));
	}
}

TEST_F(notice, c5_who_does_not_ask_does_not_use_it_up)
{
	change_generation(_metadata, self, variant);
	EXPECT_EQ(POLLIN | POLLOUT, ws_polled(self->fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(variant->unsynced ? -EIO : 0, ws_sync(self->fd));
	EXPECT_EQ(POLLIN | POLLPRI, ws_polled(self->fd, POLLIN | POLLPRI, 0));
	EXPECT_EQ(POLLIN, ws_polled(self->fd, POLLIN | POLLPRI, 0));
}

TEST_F(notice, c5_each_file_is_told_by_poll)
{
	int other = ws_open(&self->dev, O_RDONLY);
	__u64 offset;
	int region, copy, late;

	ASSERT_LE(0, other);
	ws_drain(&self->dev, WS_US);
	region = ws_region(self->fd, 1, &offset);
	ASSERT_LE(0, region);
	copy = dup(other);
	ASSERT_LE(0, copy);
	change_generation(_metadata, self, variant);
	late = ws_open(&self->dev, O_RDONLY);
	ASSERT_LE(0, late);
	EXPECT_EQ(POLLPRI, ws_polled(self->fd, POLLPRI, 0));
	EXPECT_EQ(POLLPRI, ws_polled(other, POLLPRI, 0));
	EXPECT_EQ(0, ws_polled(copy, POLLPRI, 0));
	EXPECT_EQ(POLLPRI, ws_polled(region, POLLPRI, 0));
	EXPECT_EQ(0, ws_polled(region, POLLPRI, 0));
	EXPECT_EQ(0, ws_polled(late, POLLPRI, 0));
	close(late);
	close(copy);
	close(region);
	close(other);
}

struct poller {
	int fd;
	int result;
	pthread_t thread;
	atomic_bool begun;
};

static void *poll_for_change(void *data)
{
	struct poller *poller = data;

	poller->begun = true;
	poller->result = ws_polled(poller->fd, POLLPRI, 5000);
	return NULL;
}

TEST_F(notice, c5_who_waits_in_poll_is_woken)
{
	struct poller poller = { .fd = self->fd };
	__u64 changed;

	ASSERT_EQ(0, pthread_create(&poller.thread, NULL, poll_for_change,
				    &poller));
	while (!poller.begun)
		sched_yield();
	ws_sleep(20 * WS_MS);
	change_generation(_metadata, self, variant);
	changed = ws_now();
	pthread_join(poller.thread, NULL);
	EXPECT_EQ(POLLPRI, poller.result);
	EXPECT_GE(WS_S, ws_now() - changed);
	EXPECT_EQ(0, ws_polled(self->fd, POLLPRI, 0));
}

static int selected(int fd)
{
	struct timeval soon = { 0 };
	fd_set set;
	int n;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	n = select(fd + 1, NULL, NULL, &set, &soon);
	return n < 0 ? -errno : n ? FD_ISSET(fd, &set) : 0;
}

TEST_F(notice, c5_select_tells_once_as_an_exception)
{
	EXPECT_EQ(0, selected(self->fd));
	change_generation(_metadata, self, variant);
	EXPECT_EQ(1, selected(self->fd));
	EXPECT_EQ(0, selected(self->fd));
}

static int epolled(int epoll, int wait_ms)
{
	struct epoll_event event = { 0 };
	int n = epoll_wait(epoll, &event, 1, wait_ms);

	return n < 0 ? -errno : n ? (int)event.events : 0;
}

static void expect_epoll_once(struct __test_metadata *_metadata,
			      NOTICE *self, const NOTICE_VARIANT *variant,
			      __u32 mode)
{
	struct epoll_event event = { .events = EPOLLPRI | mode };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int i;

	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, epolled(epoll, 0));
	for (i = 0; i < 2; i++) {
		change_generation(_metadata, self, variant);
		EXPECT_EQ(EPOLLPRI, epolled(epoll, 2000));
		EXPECT_EQ(0, epolled(epoll, 20));
	}
	close(epoll);
}

TEST_F(notice, c5_epoll_tells_of_each_change_once)
{
	expect_epoll_once(_metadata, self, variant, 0);
}

TEST_F(notice, c5_edge_triggered_epoll_tells_of_each_change_once)
{
	expect_epoll_once(_metadata, self, variant, EPOLLET);
}

TEST_HARNESS_MAIN

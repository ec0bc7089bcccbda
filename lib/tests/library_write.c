// SPDX-License-Identifier: GPL-2.0
/*
 * libwritesync: writing, syncing, and both in one call; every error that the
 * header lists, as far as this device can be made to cause it.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "kselftest_harness.h"
#include "ws_test.h"
#include <writesync.h>

#define LENGTH		64
#define LONG		(10 * WS_S)
#define UNTOUCHED	12345			/* in errno and in *written */
#define TOO_FAR		(INT64_MAX + 1ULL)	/* as an offset */

FIXTURE(writing) {
	struct ws_dev dev;
	int fd;
	__u8 data[LENGTH];
};

#define WRITING		FIXTURE_DATA(writing)

FIXTURE_SETUP(writing)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	self->fd = writesync_open(self->dev.name, O_RDWR);
	ASSERT_LE(0, self->fd);
	ws_fill(self->data, LENGTH, ws_now());
	errno = UNTOUCHED;
}

FIXTURE_TEARDOWN(writing)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static int reopen(WRITING *self, int flags)
{
	close(self->fd);
	self->fd = writesync_open(self->dev.name, flags);
	return self->fd;
}

static bool arrived(WRITING *self, __u64 offset)
{
	return ws_peer_crc(&self->dev, offset, LENGTH) ==
	       ws_crc(self->data, LENGTH);
}

/*
 * What is written stays on its way, and the device's memory space answers
 * nothing; its configuration space does.
 */
static int stall(WRITING *self)
{
	int ret = ws_set(&self->dev, "confirm", "sentinel");

	ws_drain(&self->dev, WS_HOLD);
	ws_fault(&self->dev, WS_FAULT_STALL);
	return ret;
}

static ssize_t write_data(WRITING *self, __u64 offset)
{
	return writesync_write(self->fd, self->data, LENGTH, offset);
}

static int write_sync_data(WRITING *self, __u64 offset, __u64 timeout,
			   size_t *written)
{
	return writesync_write_sync(self->fd, self->data, LENGTH, offset,
				    timeout, written);
}

/* Two halves of the data as pieces, by a call with flags. */
static int writev_sync_data(WRITING *self, __u64 offset, __u64 timeout,
			    unsigned int flags, size_t *written)
{
	struct iovec iov[] = {
		{ self->data, LENGTH / 2 },
		{ NULL, 0 },
		{ self->data + LENGTH / 2, LENGTH / 2 },
	};

	return writesync_writev_sync(self->fd, iov, 3, offset, timeout, flags,
				     written);
}

static off_t position(WRITING *self)
{
	return lseek(self->fd, 0, SEEK_CUR);
}

/* A signal that comes again and again, so that no wait outlasts it. */
static void on_alarm(int sig)
{
	(void)sig;
}

static void keep_ringing(void)
{
	struct itimerval every = { { 0, 5000 }, { 0, 5000 } };
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static void stop_ringing(void)
{
	struct itimerval never = { 0 };

	setitimer(ITIMER_REAL, &never, NULL);
}

/* Success */

TEST_F(writing, write_posts_and_sync_waits)
{
	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(LENGTH, write_data(self, 256));
	EXPECT_FALSE(arrived(self, 256));
	EXPECT_EQ(0, writesync_sync(self->fd, LONG));
	EXPECT_TRUE(arrived(self, 256));
	EXPECT_EQ(0, position(self));
	EXPECT_EQ(UNTOUCHED, errno);
}

TEST_F(writing, write_sync_returns_when_it_has_arrived)
{
	size_t written = UNTOUCHED;

	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(0, write_sync_data(self, 512, LONG, &written));
	EXPECT_EQ(LENGTH, written);
	EXPECT_TRUE(arrived(self, 512));
	EXPECT_EQ(0, position(self));
	EXPECT_EQ(UNTOUCHED, errno);
}

TEST_F(writing, writev_sync_writes_the_pieces_in_order)
{
	size_t written = UNTOUCHED;

	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(0, writev_sync_data(self, 1024, LONG, 0, &written));
	EXPECT_EQ(LENGTH, written);
	EXPECT_TRUE(arrived(self, 1024));
	EXPECT_EQ(0, position(self));
	EXPECT_EQ(UNTOUCHED, errno);
}

TEST_F(writing, writev_sync_takes_as_many_pieces_as_the_kernel)
{
	struct iovec iov[WRITESYNC_IOV_MAX];
	__u8 bytes[WRITESYNC_IOV_MAX];
	size_t written;
	int i;

	ws_fill(bytes, sizeof(bytes), 3);
	for (i = 0; i < WRITESYNC_IOV_MAX; i++)
		iov[i] = (struct iovec) { bytes + i, 1 };
	EXPECT_EQ(0, writesync_writev_sync(self->fd, iov, WRITESYNC_IOV_MAX, 0,
					   LONG, 0, &written));
	EXPECT_EQ(sizeof(bytes), written);
	EXPECT_EQ(ws_crc(bytes, sizeof(bytes)),
		  ws_peer_crc(&self->dev, 0, sizeof(bytes)));
}

TEST_F(writing, at_the_position_which_advances)
{
	EXPECT_EQ(LENGTH, write_data(self, WRITESYNC_POSITION));
	EXPECT_EQ(LENGTH, position(self));
	EXPECT_EQ(0, write_sync_data(self, WRITESYNC_POSITION, LONG, NULL));
	EXPECT_EQ(2 * LENGTH, position(self));
	EXPECT_EQ(0, writev_sync_data(self, WRITESYNC_POSITION, LONG, 0, NULL));
	EXPECT_EQ(3 * LENGTH, position(self));
	EXPECT_TRUE(arrived(self, 0));
	EXPECT_TRUE(arrived(self, LENGTH));
	EXPECT_TRUE(arrived(self, 2 * LENGTH));
}

TEST_F(writing, no_bytes_are_only_the_sync)
{
	size_t written = UNTOUCHED;

	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(0, writesync_write(self->fd, NULL, 0, 0));
	EXPECT_EQ(LENGTH, write_data(self, 0));
	EXPECT_EQ(0, writesync_write_sync(self->fd, NULL, 0, 0, LONG,
					  &written));
	EXPECT_EQ(0, written);
	EXPECT_TRUE(arrived(self, 0));
	EXPECT_EQ(LENGTH, write_data(self, LENGTH));
	written = UNTOUCHED;
	EXPECT_EQ(0, writesync_writev_sync(self->fd, NULL, 0, 0, LONG, 0,
					   &written));
	EXPECT_EQ(0, written);
	EXPECT_TRUE(arrived(self, LENGTH));
}

TEST_F(writing, sync_range_is_a_sync)
{
	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(LENGTH, write_data(self, 0));
	EXPECT_EQ(0, writesync_sync_range(self->fd, 0, LENGTH, LONG, 0));
	EXPECT_TRUE(arrived(self, 0));
	EXPECT_EQ(LENGTH, write_data(self, LENGTH));
	EXPECT_EQ(0, writesync_sync_range(self->fd, 0, WRITESYNC_WHOLE, LONG,
					  0));
	EXPECT_TRUE(arrived(self, LENGTH));
	EXPECT_EQ(0, writesync_sync_range(self->fd, self->dev.size, 0, LONG,
					  0));
	EXPECT_EQ(UNTOUCHED, errno);
}

TEST_F(writing, a_point_in_time_is_a_timeout_too)
{
	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(0, writev_sync_data(self, 0, ws_now() + LONG,
				      WRITESYNC_ABSTIME, NULL));
	EXPECT_TRUE(arrived(self, 0));
	EXPECT_EQ(LENGTH, write_data(self, LENGTH));
	EXPECT_EQ(0, writesync_sync_range(self->fd, 0, WRITESYNC_WHOLE,
					  ws_now() + LONG, WRITESYNC_ABSTIME));
	EXPECT_TRUE(arrived(self, LENGTH));
}

/* A copy that signals cut into pieces is one call nevertheless. */
TEST_F(writing, write_goes_on_after_a_short_write)
{
	size_t length = self->dev.size;
	__u8 *bulk = malloc(length);
	int i;

	ASSERT_NE(NULL, bulk);
	ws_fill(bulk, length, 11);
	keep_ringing();
	for (i = 0; i < 4; i++)
		EXPECT_EQ(length, writesync_write(self->fd, bulk, length, 0));
	stop_ringing();
	EXPECT_EQ(0, writesync_sync(self->fd, LONG));
	EXPECT_EQ(ws_crc(bulk, length), ws_peer_crc(&self->dev, 0, length));
	free(bulk);
}

/* Errors that are the caller's */

TEST_F(writing, the_end_is_enospc_and_counts_what_fits)
{
	__u64 end = self->dev.size, near = end - LENGTH / 4;
	size_t written = UNTOUCHED;

	EXPECT_EQ(LENGTH / 4, write_data(self, near));
	EXPECT_EQ(-ENOSPC, write_data(self, end));
	EXPECT_EQ(-ENOSPC, write_data(self, TOO_FAR / 2));
	EXPECT_EQ(-ENOSPC, write_sync_data(self, near, LONG, &written));
	EXPECT_EQ(LENGTH / 4, written);
	EXPECT_EQ(-ENOSPC, writev_sync_data(self, end, LONG, 0, &written));
	EXPECT_EQ(0, written);
	EXPECT_EQ(-ENOSPC, write_sync_data(self, end, LONG, NULL));
}

TEST_F(writing, bad_memory_is_efault_and_counts_what_came_before)
{
	__u8 *edge = ws_edge();
	__u8 *end = edge + sysconf(_SC_PAGESIZE);
	struct iovec iov = { end - 16, LENGTH };
	size_t written = UNTOUCHED;

	ASSERT_NE(NULL, edge);
	EXPECT_EQ(-EFAULT, writesync_write(self->fd, end, LENGTH, 0));
	EXPECT_EQ(16, writesync_write(self->fd, end - 16, LENGTH, 0));
	EXPECT_EQ(-EFAULT, writesync_write_sync(self->fd, end - 16, LENGTH, 0,
						LONG, &written));
	EXPECT_EQ(16, written);
	written = UNTOUCHED;
	EXPECT_EQ(-EFAULT, writesync_writev_sync(self->fd, &iov, 1, 0, LONG, 0,
						 &written));
	EXPECT_EQ(16, written);
	EXPECT_EQ(-EFAULT, writesync_write_sync(self->fd, NULL, 1, 0, LONG,
						&written));
	EXPECT_EQ(0, written);
}

TEST_F(writing, offsets_from_2_to_the_63_are_einval)
{
	size_t written = UNTOUCHED;

	EXPECT_EQ(-EINVAL, write_data(self, TOO_FAR));
	EXPECT_EQ(-EINVAL, write_data(self, WRITESYNC_POSITION - 1));
	EXPECT_EQ(-EINVAL, write_sync_data(self, TOO_FAR, LONG, &written));
	EXPECT_EQ(0, written);
	EXPECT_EQ(-EINVAL, writev_sync_data(self, WRITESYNC_POSITION - 1, LONG,
					    0, &written));
	EXPECT_EQ(0, written);
}

TEST_F(writing, lengths_over_ssize_max_are_einval)
{
	struct iovec iov[] = { { self->data, SSIZE_MAX }, { self->data, 1 } };
	size_t written = UNTOUCHED;

	EXPECT_EQ(-EINVAL, writesync_write(self->fd, self->data,
					   (size_t)SSIZE_MAX + 1, 0));
	if (sizeof(size_t) < sizeof(__u64))
		SKIP(return, "no length is too large for the kernel here");
	EXPECT_EQ(-EINVAL, writesync_write_sync(self->fd, self->data,
						(size_t)SSIZE_MAX + 1, 0, LONG,
						&written));
	EXPECT_EQ(0, written);
	EXPECT_EQ(-EINVAL, writesync_writev_sync(self->fd, iov, 2, 0, LONG, 0,
						 &written));
}

TEST_F(writing, a_wrong_count_is_einval)
{
	struct iovec iov[WRITESYNC_IOV_MAX + 1] = { 0 };
	size_t written = UNTOUCHED;

	EXPECT_EQ(-EINVAL, writesync_writev_sync(self->fd, iov, -1, 0, LONG, 0,
						 &written));
	EXPECT_EQ(0, written);
	EXPECT_EQ(-EINVAL, writesync_writev_sync(self->fd, iov, INT_MIN, 0,
						 LONG, 0, NULL));
	written = UNTOUCHED;
	EXPECT_EQ(-EINVAL, writesync_writev_sync(self->fd, iov,
						 WRITESYNC_IOV_MAX + 1, 0, LONG,
						 0, &written));
	EXPECT_EQ(0, written);
}

TEST_F(writing, unknown_flags_are_einval)
{
	unsigned int known = WRITESYNC_ABSTIME | WRITESYNC_VERIFY;
	unsigned int flag;

	for (flag = 1; flag; flag <<= 1) {
		if (flag & known)
			continue;
		EXPECT_EQ(-EINVAL, writev_sync_data(self, 0, LONG, flag, NULL));
		if (flag == WRITESYNC_RANGE)	/* the function's own */
			continue;
		EXPECT_EQ(-EINVAL, writesync_sync_range(self->fd, 0, 1, LONG,
							flag));
	}
}

TEST_F(writing, a_range_outside_is_einval)
{
	__u64 end = self->dev.size;

	EXPECT_EQ(-EINVAL, writesync_sync_range(self->fd, 0, end + 1, LONG, 0));
	EXPECT_EQ(-EINVAL, writesync_sync_range(self->fd, end + 1, 0, LONG, 0));
	EXPECT_EQ(-EINVAL, writesync_sync_range(self->fd, 8, ~8ULL, LONG, 0));
	EXPECT_EQ(-EINVAL, writesync_sync_range(self->fd, 1, WRITESYNC_WHOLE,
						LONG, 0));
}

TEST_F(writing, what_the_access_width_forbids_is_einval)
{
	ASSERT_EQ(0, ws_set(&self->dev, "access_width", "8"));
	EXPECT_EQ(-EINVAL, write_data(self, 4));
	EXPECT_EQ(-EINVAL, write_sync_data(self, 4, LONG, NULL));
	EXPECT_EQ(-EINVAL, writev_sync_data(self, 4, LONG, 0, NULL));
	ASSERT_EQ(0, ws_set(&self->dev, "access_width", "0"));
}

TEST_F(writing, not_open_for_writing_is_ebadf)
{
	size_t written = UNTOUCHED;

	ASSERT_LE(0, reopen(self, O_RDONLY));
	EXPECT_EQ(-EBADF, write_data(self, 0));
	EXPECT_EQ(-EBADF, write_sync_data(self, 0, LONG, &written));
	EXPECT_EQ(0, written);
	EXPECT_EQ(-EBADF, writev_sync_data(self, 0, LONG, 0, NULL));
	EXPECT_EQ(0, writesync_sync(self->fd, LONG));
}

TEST_F(writing, no_descriptor_is_ebadf)
{
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(-EBADF, write_data(self, 0));
	EXPECT_EQ(-EBADF, write_sync_data(self, 0, LONG, NULL));
	EXPECT_EQ(-EBADF, writev_sync_data(self, 0, LONG, 0, NULL));
	EXPECT_EQ(-EBADF, writesync_sync(-1, LONG));
	EXPECT_EQ(-EBADF, writesync_sync_range(-1, 0, 1, LONG, 0));
}

TEST_F(writing, other_descriptors_are_enotty)
{
	close(self->fd);
	self->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	EXPECT_EQ(-ENOTTY, write_sync_data(self, 0, LONG, NULL));
	EXPECT_EQ(-ENOTTY, writev_sync_data(self, 0, LONG, 0, NULL));
	EXPECT_EQ(-ENOTTY, writesync_sync(self->fd, LONG));
	EXPECT_EQ(-ENOTTY, writesync_sync_range(self->fd, 0, 1, LONG, 0));
}

/* Errors that are the device's */

TEST_F(writing, what_is_not_confirmed_in_time_is_etimedout)
{
	size_t written = UNTOUCHED;
	__u64 begun = ws_now();

	/* Who takes the window's own time-out for the caller's is late. */
	ASSERT_EQ(0, ws_set(&self->dev, "timeout_ms", "5000"));
	ASSERT_EQ(0, stall(self));
	EXPECT_EQ(LENGTH, write_data(self, 0));
	EXPECT_EQ(-ETIMEDOUT, writesync_sync(self->fd, 5 * WS_MS));
	EXPECT_EQ(-ETIMEDOUT, writesync_sync_range(self->fd, 0, 1, 5 * WS_MS,
						   0));
	EXPECT_EQ(-ETIMEDOUT, writesync_sync_range(self->fd, 0, 1, ws_now(),
						   WRITESYNC_ABSTIME));
	EXPECT_EQ(-ETIMEDOUT, write_sync_data(self, 0, 5 * WS_MS, &written));
	EXPECT_EQ(LENGTH, written);
	written = UNTOUCHED;
	EXPECT_EQ(-ETIMEDOUT, writev_sync_data(self, 0, ws_now() - WS_S,
					       WRITESYNC_ABSTIME, &written));
	EXPECT_EQ(LENGTH, written);
	EXPECT_GT(5 * WS_S, ws_now() - begun);
	ws_fault(&self->dev, 0);
	EXPECT_EQ(0, writesync_sync(self->fd, LONG));
	EXPECT_TRUE(arrived(self, 0));
}

TEST_F(writing, the_default_timeout_is_the_windows)
{
	__u64 begun = ws_now();

	ASSERT_EQ(0, ws_set(&self->dev, "timeout_ms", "20"));
	ASSERT_EQ(0, stall(self));
	EXPECT_EQ(-ETIMEDOUT, write_sync_data(self, 0,
					      WRITESYNC_TIMEOUT_DEFAULT, NULL));
	EXPECT_EQ(-ETIMEDOUT, writesync_sync(self->fd,
					     WRITESYNC_TIMEOUT_DEFAULT));
	EXPECT_LE(40 * WS_MS, ws_now() - begun);
}

TEST_F(writing, write_on_a_file_with_o_dsync_is_a_sync)
{
	ASSERT_LE(0, reopen(self, O_WRONLY | O_DSYNC));
	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(LENGTH, write_data(self, 0));
	EXPECT_TRUE(arrived(self, 0));
	ASSERT_EQ(0, ws_set(&self->dev, "timeout_ms", "5"));
	ASSERT_EQ(0, stall(self));
	EXPECT_EQ(-ETIMEDOUT, write_data(self, 0));
	keep_ringing();
	ASSERT_EQ(0, ws_set(&self->dev, "timeout_ms", "10000"));
	EXPECT_EQ(-EINTR, write_data(self, 0));
	stop_ringing();
	ws_fault(&self->dev, 0);
	ASSERT_EQ(0, ws_decode(&self->dev, false));
	EXPECT_EQ(-EIO, write_data(self, 0));
	ASSERT_EQ(0, ws_decode(&self->dev, true));
}

TEST_F(writing, a_signal_is_eintr)
{
	size_t written = UNTOUCHED;

	ASSERT_EQ(0, stall(self));
	keep_ringing();
	EXPECT_EQ(-EINTR, write_sync_data(self, 0, LONG, &written));
	EXPECT_EQ(LENGTH, written);
	EXPECT_EQ(-EINTR, writev_sync_data(self, 0, LONG, 0, &written));
	EXPECT_EQ(-EINTR, writesync_sync(self->fd, WRITESYNC_TIMEOUT_NONE));
	EXPECT_EQ(-EINTR, writesync_sync_range(self->fd, 0, 1, LONG, 0));
	stop_ringing();
}

TEST_F(writing, without_waiting_it_is_eagain)
{
	size_t written = UNTOUCHED;

	ASSERT_LE(0, reopen(self, O_RDWR | O_NONBLOCK));
	ASSERT_EQ(0, ws_set(&self->dev, "inline_sync", "never"));
	ASSERT_EQ(0, stall(self));
	EXPECT_EQ(-EAGAIN, write_sync_data(self, 0, LONG, &written));
	EXPECT_EQ(LENGTH, written);
	EXPECT_EQ(-EAGAIN, writev_sync_data(self, 0, LONG, 0, NULL));
	EXPECT_EQ(-EAGAIN, writesync_sync(self->fd, LONG));
	EXPECT_EQ(-EAGAIN, writesync_sync_range(self->fd, 0, 1, LONG, 0));
}

TEST_F(writing, without_memory_decoding_it_is_eio)
{
	size_t written = UNTOUCHED;

	ASSERT_EQ(0, ws_decode(&self->dev, false));
	EXPECT_EQ(-EIO, write_sync_data(self, 0, LONG, &written));
	EXPECT_EQ(LENGTH, written);
	EXPECT_EQ(-EIO, writev_sync_data(self, 0, LONG, 0, NULL));
	EXPECT_EQ(-EIO, writesync_sync(self->fd, LONG));
	EXPECT_EQ(-EIO, writesync_sync_range(self->fd, 0, 1, LONG, 0));
	ASSERT_EQ(0, ws_decode(&self->dev, true));
}

TEST_F(writing, a_reset_is_told_once_by_eio_and_by_poll)
{
	struct pollfd p = { .fd = self->fd, .events = POLLPRI };

	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(0, poll(&p, 1, 0));
	EXPECT_EQ(LENGTH, write_data(self, 0));
	ASSERT_EQ(0, ws_own_reset(&self->dev, 5 * WS_S));
	EXPECT_EQ(1, poll(&p, 1, 5000));
	EXPECT_EQ(POLLPRI, p.revents & POLLPRI);
	EXPECT_EQ(1, writesync_query(self->fd));
	EXPECT_EQ(-EIO, writesync_sync(self->fd, LONG));
	EXPECT_EQ(0, writesync_sync(self->fd, LONG));
	EXPECT_EQ(0, write_sync_data(self, 0, LONG, NULL));
	EXPECT_TRUE(arrived(self, 0));
}

TEST_F(writing, verify_finds_a_lost_store)
{
	size_t written = UNTOUCHED;

	if (!self->dev.prefetch)
		SKIP(return, "the window must not be read");
	EXPECT_EQ(0, writev_sync_data(self, 0, LONG, WRITESYNC_VERIFY, NULL));
	EXPECT_EQ(LENGTH, write_data(self, 0));
	EXPECT_EQ(0, writesync_sync_range(self->fd, 0, WRITESYNC_WHOLE, LONG,
					  WRITESYNC_VERIFY));
	ws_fill(self->data, LENGTH, 77);
	ws_drop_nth(&self->dev, LENGTH / 8);
	EXPECT_EQ(-EIO, writev_sync_data(self, 0, LONG, WRITESYNC_VERIFY,
					 &written));
	EXPECT_EQ(LENGTH, written);
	EXPECT_EQ(-EIO, writesync_sync_range(self->fd, 0, LENGTH, LONG,
					     WRITESYNC_VERIFY));
}

TEST_F(writing, verify_of_what_must_not_be_read_is_eopnotsupp)
{
	if (self->dev.prefetch)
		SKIP(return, "the window may be read");
	EXPECT_EQ(-EOPNOTSUPP, writev_sync_data(self, 0, LONG, WRITESYNC_VERIFY,
						NULL));
	EXPECT_EQ(-EOPNOTSUPP, writesync_sync_range(self->fd, 0, 1, LONG,
						    WRITESYNC_VERIFY));
}

TEST_F(writing, a_device_that_is_gone_is_enodev)
{
	struct writesync_info info;
	size_t written = UNTOUCHED;

	ASSERT_EQ(0, ws_rebind(&self->dev));
	EXPECT_EQ(-ENODEV, write_data(self, 0));
	EXPECT_EQ(-ENODEV, write_sync_data(self, 0, LONG, &written));
	EXPECT_EQ(0, written);
	EXPECT_EQ(-ENODEV, writev_sync_data(self, 0, LONG, 0, NULL));
	EXPECT_EQ(-ENODEV, writesync_sync(self->fd, LONG));
	EXPECT_EQ(-ENODEV, writesync_sync_range(self->fd, 0, 1, LONG, 0));
	EXPECT_EQ(-ENODEV, writesync_query(self->fd));
	EXPECT_EQ(0, writesync_info(self->fd, &info));
	EXPECT_EQ(WRITESYNC_STATE_DEAD, info.state);
}

TEST_HARNESS_MAIN

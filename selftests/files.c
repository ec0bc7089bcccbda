// SPDX-License-Identifier: GPL-2.0
/*
 * The window as a file: modes of opening, the file position, poll().
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "ws_test.h"
#include "ws_uring.h"

FIXTURE(files) {
	struct ws_dev dev;
	int fd;
	off_t end;
	__u8 data[64];
	__u8 back[64];
};

FIXTURE_SETUP(files)
{
	WS_BEGIN(return, &self->dev, 0);
	self->end = self->dev.size;
	ws_fill(self->data, sizeof(self->data), 40);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(files)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(files, c1_a_write_only_file)
{
	int fd = ws_open(&self->dev, O_WRONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(64, ws_pwrite(fd, self->data, 64, 0));
	EXPECT_EQ(-EBADF, ws_pread(fd, self->back, 64, 0));
	EXPECT_EQ(1, ws_needed(fd));
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(0, fsync(fd));
	EXPECT_EQ(64, ws_pread(self->fd, self->back, 64, 0));
	EXPECT_EQ(0, memcmp(self->data, self->back, 64));
	close(fd);
}

TEST_F(files, c1_a_read_only_file)
{
	int fd = ws_open(&self->dev, O_RDONLY);
	struct iovec iov = { self->data, 8 };

	ASSERT_LE(0, fd);
	EXPECT_EQ(64, ws_pwrite(self->fd, self->data, 64, 0));
	EXPECT_EQ(-EBADF, ws_pwrite(fd, self->data, 64, 0));
	EXPECT_EQ(-1, pwritev2(fd, &iov, 1, 0, RWF_DSYNC));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(1, ws_needed(fd));
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(64, ws_pwrite(self->fd, self->data, 64, 64));
	EXPECT_EQ(0, fsync(fd));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(64, ws_pread(fd, self->back, 64, 64));
	EXPECT_EQ(0, memcmp(self->data, self->back, 64));
	close(fd);
}

TEST_F(files, c1_a_synchronous_write_leaves_nothing_unsynced)
{
	static const int flags[] = { O_DSYNC, O_SYNC };
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		fd = ws_open(&self->dev, O_WRONLY | flags[i]);
		ASSERT_LE(0, fd);
		EXPECT_EQ(64, write(fd, self->data, 64));
		EXPECT_EQ(0, ws_needed(fd));
		close(fd);
	}
	EXPECT_EQ(64, ws_pwritev2(self->fd, self->data, 64, 0, RWF_DSYNC));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(64, ws_pwritev2(self->fd, self->data, 64, 0, RWF_SYNC));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(64, ws_pwritev2(self->fd, self->data, 64, 0, 0));
	EXPECT_EQ(1, ws_needed(self->fd));
}

TEST_F(files, c1_a_synchronous_write_advances_the_position)
{
	int fd = ws_open(&self->dev, O_RDWR | O_DSYNC);

	ASSERT_LE(0, fd);
	EXPECT_EQ(10, write(fd, self->data, 10));
	EXPECT_EQ(20, ws_pwritev2(fd, self->data, 20, -1, RWF_DSYNC));
	EXPECT_EQ(30, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(0, ws_needed(fd));
	close(fd);
}

TEST_F(files, c7_lseek)
{
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(self->end, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(self->end - 5, lseek(self->fd, -5, SEEK_END));
	EXPECT_EQ(self->end - 3, lseek(self->fd, 2, SEEK_CUR));
	EXPECT_EQ(7, lseek(self->fd, 7, SEEK_SET));
	EXPECT_EQ(4, lseek(self->fd, -3, SEEK_CUR));
	EXPECT_EQ(self->end, lseek(self->fd, self->end, SEEK_SET));
	EXPECT_EQ(0, lseek(self->fd, -self->end, SEEK_END));
}

static void expect_einval(struct __test_metadata *_metadata, int fd,
			  off_t offset, int whence)
{
	EXPECT_EQ(-1, lseek(fd, offset, whence)) {
		TH_LOG("%jd, whence %d", (intmax_t)offset, whence);
	}
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(40, lseek(fd, 0, SEEK_CUR));
}

TEST_F(files, c7_lseek_outside_is_refused_and_does_not_move)
{
	ASSERT_EQ(40, lseek(self->fd, 40, SEEK_SET));
	expect_einval(_metadata, self->fd, -1, SEEK_SET);
	expect_einval(_metadata, self->fd, self->end + 1, SEEK_SET);
	expect_einval(_metadata, self->fd, INT64_MAX, SEEK_SET);
	expect_einval(_metadata, self->fd, INT64_MIN, SEEK_SET);
	expect_einval(_metadata, self->fd, -41, SEEK_CUR);
	expect_einval(_metadata, self->fd, self->end - 39, SEEK_CUR);
	expect_einval(_metadata, self->fd, INT64_MAX - 40, SEEK_CUR);
	expect_einval(_metadata, self->fd, 1, SEEK_END);
	expect_einval(_metadata, self->fd, -self->end - 1, SEEK_END);
	expect_einval(_metadata, self->fd, 0, 77);
}

TEST_F(files, c7_the_position_follows_what_was_moved)
{
	int other = ws_open(&self->dev, O_RDWR);

	ASSERT_LE(0, other);
	EXPECT_EQ(13, write(self->fd, self->data, 13));
	EXPECT_EQ(13, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(5, write(self->fd, self->data + 13, 5));
	EXPECT_EQ(18, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(0, lseek(other, 0, SEEK_CUR));
	EXPECT_EQ(18, read(other, self->back, 18));
	EXPECT_EQ(18, lseek(other, 0, SEEK_CUR));
	EXPECT_EQ(0, memcmp(self->data, self->back, 18));
	EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 8, 100));
	EXPECT_EQ(8, ws_pread(self->fd, self->back, 8, 100));
	EXPECT_EQ(18, lseek(self->fd, 0, SEEK_CUR));
	close(other);
}

TEST_F(files, c7_the_position_stays_where_nothing_was_moved)
{
	__u8 *edge = ws_edge();
	__u8 *gone = edge + sysconf(_SC_PAGESIZE);

	ASSERT_NE(NULL, edge);
	ASSERT_EQ(9, lseek(self->fd, 9, SEEK_SET));
	EXPECT_EQ(-1, write(self->fd, gone, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(self->fd, gone, 8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, write(self->fd, self->data, 0));
	EXPECT_EQ(0, read(self->fd, self->back, 0));
	EXPECT_EQ(9, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(files, c7_the_position_at_the_end)
{
	ASSERT_EQ(self->end - 3, lseek(self->fd, -3, SEEK_END));
	EXPECT_EQ(3, write(self->fd, self->data, 8));
	EXPECT_EQ(self->end, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(-1, write(self->fd, self->data, 8));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(0, read(self->fd, self->back, 8));
	EXPECT_EQ(self->end, lseek(self->fd, 0, SEEK_CUR));
}

/* A device has no end to append at: shells open with O_APPEND for ">>". */
TEST_F(files, c7_appending_writes_at_the_position)
{
	int fd = ws_open(&self->dev, O_WRONLY | O_APPEND);

	ASSERT_LE(0, fd);
	EXPECT_EQ(8, write(fd, self->data, 8));
	EXPECT_EQ(8, write(fd, self->data + 8, 8));
	EXPECT_EQ(16, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(16, ws_pread(self->fd, self->back, 16, 0));
	EXPECT_EQ(0, memcmp(self->data, self->back, 16));
	close(fd);
}

TEST_F(files, c7_truncation_changes_nothing)
{
	int fd;

	ASSERT_EQ(64, ws_pwrite(self->fd, self->data, 64, 0));
	fd = ws_open(&self->dev, O_WRONLY | O_TRUNC | O_CREAT);
	ASSERT_LE(0, fd);
	EXPECT_EQ(self->end, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(64, ws_pread(self->fd, self->back, 64, 0));
	EXPECT_EQ(0, memcmp(self->data, self->back, 64));
	close(fd);
}

TEST_F(files, c3_nonblocking_files_read_and_write)
{
	__u64 end = ws_now() + 2 * WS_S;
	int fd, ret;

	fd = ws_open(&self->dev, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	EXPECT_EQ(64, ws_pwrite(fd, self->data, 64, 0));
	EXPECT_EQ(64, ws_pread(fd, self->back, 64, 0));
	EXPECT_EQ(0, memcmp(self->data, self->back, 64));
	do {
		ret = ws_sync(fd);
	} while (ret == -EAGAIN && ws_now() < end);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, ws_needed(fd));
	EXPECT_EQ(0, ws_sync(fd));
	close(fd);
}

TEST_F(files, c3_nonblocking_reads_inline_where_it_may)
{
	int fd;

	ASSERT_EQ(0, ws_set(&self->dev, "inline_sync", "always"));
	fd = ws_open(&self->dev, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	EXPECT_EQ(64, ws_pwrite(fd, self->data, 64, 0));
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(0, ws_needed(fd));
	close(fd);
}

TEST_F(files, c3_nonblocking_leaves_it_to_the_worker_where_it_may_not)
{
	__u64 end = ws_now() + 2 * WS_S;
	int fd, ret;

	ASSERT_EQ(0, ws_set(&self->dev, "inline_sync", "never"));
	fd = ws_open(&self->dev, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, fd);
	EXPECT_EQ(64, ws_pwrite(fd, self->data, 64, 0));
	EXPECT_EQ(-EAGAIN, ws_sync(fd));
	while (ws_needed(fd) == 1 && ws_now() < end)
		;
	ret = ws_sync(fd);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, ws_needed(fd));
	close(fd);
}

TEST_F(files, c4_poll_of_a_live_window)
{
	struct pollfd p = {
		.fd = self->fd, .events = POLLIN | POLLOUT | POLLPRI,
	};

	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, p.revents);
	EXPECT_EQ(64, ws_pwrite(self->fd, self->data, 64, 0));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, p.revents);
}

TEST_F(files, c1_duplicates_and_children_share_the_window)
{
	int fd = dup(self->fd);

	ASSERT_LE(0, fd);
	EXPECT_EQ(8, write(fd, self->data, 8));
	EXPECT_EQ(8, lseek(self->fd, 0, SEEK_CUR));
	close(fd);
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(8, ws_pread(self->fd, self->back, 8, 0));
	EXPECT_EQ(0, memcmp(self->data, self->back, 8));
}

/*
 * The end of a ring, which comes later, gives the thread that had it something
 * to do. That looks like a signal, and is none.
 */
TEST_F(files, c9_the_end_of_a_ring_makes_no_write_short)
{
	size_t length = 64 << 10;
	struct ws_uring ring;
	__u8 *data;
	int i, ret;

	ASSERT_GE(self->end, length);
	data = malloc(length);
	ASSERT_NE(NULL, data);
	ws_fill(data, length, 41);
	for (i = 0; i < 50; i++) {
		ret = ws_uring_open(&ring, 1);
		if (ret && ret != -ENOMEM)
			SKIP(return, "no io_uring: %s", strerror(-ret));
		ASSERT_EQ(0, ret);
		ret = ring.fd;
		ws_uring_unmap(&ring);
		close(ret);
		EXPECT_EQ(length, ws_pwrite(self->fd, data, length, 0));
	}
	free(data);
}

TEST_HARNESS_MAIN

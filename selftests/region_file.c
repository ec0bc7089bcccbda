// SPDX-License-Identifier: GPL-2.0
/*
 * A region as a file: usable from the first commit on, which clears it; with
 * offsets of its own that do not lead out of it (C7); gone with its device.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PATTERN		0x5a
/*
 * How long a wait may take too long. timeouts.c is strict; here it is about
 * which time-out counts.
 */
#define LATE		(4 * WS_SLACK)

/* One region with foreign memory on both sides. */

FIXTURE(region) {
	struct ws_dev dev;
	int window;
	int fd;			/* the region, not committed */
	__u64 offset;
	size_t length;
	size_t area;		/* bytes under watch: it and its neighbours */
	__u8 *seen;
	__u8 *data;
};

#define REGION		FIXTURE_DATA(region)

static bool fill_window(REGION *self)
{
	memset(self->seen, PATTERN, self->area);
	return ws_pwrite(self->window, self->seen, self->area, 0) ==
	       (ssize_t)self->area;
}

FIXTURE_SETUP(region)
{
	struct writesync_alloc alloc;
	struct writesync_info info;
	int before;

	WS_BEGIN(return, &self->dev, 0);
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	ASSERT_EQ(0, ws_info(self->window, &info));
	if (info.total < 4 * info.granule)
		SKIP(return, "the window has fewer than 4 granules");
	before = ws_alloc(self->window, info.granule);
	ASSERT_LE(0, before);
	alloc = (struct writesync_alloc) { .length = 2 * info.granule };
	ASSERT_EQ(0, ws_alloc_call(self->window, &alloc));
	close(before);
	self->fd = alloc.fd;
	self->offset = alloc.offset;
	self->length = alloc.length;
	self->area = alloc.offset + alloc.length + info.granule;
	ASSERT_LT(0, self->offset);
	ASSERT_GE(info.total, self->area);
	self->seen = malloc(self->area);
	self->data = malloc(self->length + 64);
	ASSERT_NE(NULL, self->seen);
	ASSERT_NE(NULL, self->data);
	ws_fill(self->data, self->length + 64, 9);
	ASSERT_TRUE(fill_window(self));
}

FIXTURE_TEARDOWN(region)
{
	close(self->fd);
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* Look at it through the window. */
static bool look(REGION *self)
{
	return ws_pread(self->window, self->seen, self->area, 0) ==
	       (ssize_t)self->area;
}

static bool neighbours_untouched(REGION *self)
{
	__u64 end = self->offset + self->length;

	return look(self) && ws_all(self->seen, self->offset, PATTERN) &&
	       ws_all(self->seen + end, self->area - end, PATTERN);
}

static bool holds(REGION *self, const __u8 *data, size_t length)
{
	return look(self) && !memcmp(self->seen + self->offset, data, length);
}

static bool is_zero(REGION *self)
{
	return look(self) && ws_all(self->seen + self->offset, self->length, 0);
}

/* EBADFD: not committed */

static int map_error(int fd, size_t length)
{
	__u8 *map;
	int ret = ws_map(fd, 0, length, PROT_READ, &map);

	if (!ret)
		munmap(map, length);
	return ret;
}

static int write_error(int fd, const void *data, __u64 length, __u32 flags)
{
	struct writesync_iovec iov = ws_piece(data, length);
	struct writesync_write write = {
		.iov = (uintptr_t)&iov, .iov_count = 1, .flags = flags,
	};

	return ws_write_call(fd, &write);
}

static void expect_ebadfd(struct __test_metadata *_metadata, REGION *self)
{
	struct iovec iov = { self->data, 8 };
	__u8 back[8];
	int fd = self->fd;

	EXPECT_EQ(-EBADFD, ws_pread(fd, back, 8, 0));
	EXPECT_EQ(-EBADFD, ws_pwrite(fd, self->data, 8, 0));
	EXPECT_EQ(-1, read(fd, back, 8));
	EXPECT_EQ(EBADFD, errno);
	EXPECT_EQ(-1, write(fd, self->data, 8));
	EXPECT_EQ(EBADFD, errno);
	EXPECT_EQ(-1, readv(fd, &iov, 1));
	EXPECT_EQ(EBADFD, errno);
	EXPECT_EQ(-EBADFD, ws_pwritev2(fd, self->data, 8, 0, RWF_DSYNC));
	EXPECT_EQ(-EBADFD, map_error(fd, self->length));
	EXPECT_EQ(-1, fsync(fd));
	EXPECT_EQ(EBADFD, errno);
	EXPECT_EQ(-1, fdatasync(fd));
	EXPECT_EQ(EBADFD, errno);
	EXPECT_EQ(-EBADFD, ws_sync(fd));
	EXPECT_EQ(-EBADFD, write_error(fd, self->data, 8, 0));
	EXPECT_EQ(-EBADFD, write_error(fd, self->data, 0, 0));
	EXPECT_EQ(-EBADFD, write_error(fd, self->data, 8,
				       WRITESYNC_WRITE_SYNC));
	EXPECT_EQ(-EBADFD, write_error(fd, self->data, 0,
				       WRITESYNC_WRITE_SYNC));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
}

static void expect_what_works_anyhow(struct __test_metadata *_metadata,
				     REGION *self)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN | POLLOUT };
	struct writesync_info info;

	EXPECT_EQ(self->length, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, p.revents);
	EXPECT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(WRITESYNC_FILE_REGION, info.file);
	EXPECT_EQ(0, ws_check(self->fd, self->data, 1, NULL));
	EXPECT_LE(0, ws_needed(self->fd));
}

TEST_F(region, c7_uncommitted_is_ebadfd)
{
	expect_ebadfd(_metadata, self);
	EXPECT_TRUE(ws_all(self->seen, self->area, PATTERN));
	EXPECT_TRUE(neighbours_untouched(self));
}

TEST_F(region, c7_uncommitted_it_can_be_asked)
{
	expect_what_works_anyhow(_metadata, self);
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync(self->window));
	EXPECT_EQ(0, ws_needed(self->fd));
}

TEST_F(region, c7_decommitted_is_ebadfd_again)
{
	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(0, ws_decommit(self->fd));
	expect_ebadfd(_metadata, self);
	expect_what_works_anyhow(_metadata, self);
	EXPECT_TRUE(is_zero(self));
}

TEST_F(region, c7_committed_it_works)
{
	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, fsync(self->fd));
	EXPECT_EQ(0, map_error(self->fd, self->length));
	EXPECT_EQ(0, write_error(self->fd, self->data, 8,
				 WRITESYNC_WRITE_SYNC));
	EXPECT_EQ(8, lseek(self->fd, 0, SEEK_CUR));
}

/* Commit clears, once. */

TEST_F(region, c7_the_first_commit_clears)
{
	__u8 *back = malloc(self->length);

	ASSERT_NE(NULL, back);
	/* ALLOC alone does not touch it. */
	EXPECT_TRUE(look(self));
	EXPECT_TRUE(ws_all(self->seen, self->area, PATTERN));
	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(self->length, ws_pread(self->fd, back, self->length, 0));
	EXPECT_TRUE(ws_all(back, self->length, 0));
	EXPECT_TRUE(is_zero(self));
	EXPECT_TRUE(neighbours_untouched(self));
}

TEST_F(region, c7_a_mapping_shows_zeros_after_the_first_commit)
{
	__u8 *map = NULL;

	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(0, ws_map(self->fd, 0, self->length, PROT_READ, &map));
	EXPECT_TRUE(ws_all(map, self->length, 0));
}

TEST_F(region, c7_commit_and_decommit_are_idempotent)
{
	EXPECT_EQ(0, ws_decommit(self->fd));
	EXPECT_EQ(0, ws_decommit(self->fd));
	EXPECT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(self->length, ws_pwrite(self->fd, self->data, self->length,
					  0));
	EXPECT_EQ(0, ws_commit(self->fd));
	EXPECT_TRUE(holds(self, self->data, self->length));
	EXPECT_EQ(0, ws_decommit(self->fd));
	EXPECT_EQ(0, ws_decommit(self->fd));
	EXPECT_EQ(-EBADFD, ws_sync(self->fd));
	EXPECT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_TRUE(holds(self, self->data, self->length));
}

TEST_F(region, c7_contents_survive_decommit_and_commit)
{
	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(self->length, ws_pwrite(self->fd, self->data, self->length,
					  0));
	ASSERT_EQ(0, ws_decommit(self->fd));
	EXPECT_TRUE(holds(self, self->data, self->length));
	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_TRUE(holds(self, self->data, self->length));
	EXPECT_TRUE(neighbours_untouched(self));
}

/* A descriptor's copies are the same file. */
TEST_F(region, c7_a_copy_is_committed_with_it)
{
	int copy = dup(self->fd);

	ASSERT_LE(0, copy);
	ASSERT_EQ(0, ws_commit(copy));
	EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	ASSERT_EQ(0, ws_decommit(self->fd));
	EXPECT_EQ(-EBADFD, ws_pwrite(copy, self->data, 8, 0));
	close(copy);
}

/* What one owner left, the next one does not see. */
TEST_F(region, c7_the_next_owner_sees_zeros)
{
	struct writesync_alloc alloc = { .length = self->length };
	int fd;

	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(self->length, ws_pwrite(self->fd, self->data, self->length,
					  0));
	close(self->fd);
	fd = ws_alloc(self->window, self->offset);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ws_alloc_call(self->window, &alloc));
	ASSERT_EQ(self->offset, alloc.offset);
	self->fd = alloc.fd;
	expect_ebadfd(_metadata, self);
	EXPECT_TRUE(holds(self, self->data, self->length));
	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_TRUE(is_zero(self));
	EXPECT_TRUE(neighbours_untouched(self));
	close(fd);
}

TEST_F(region, c7_mappings_outlive_decommit)
{
	__u8 *map = NULL;

	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(0, ws_map(self->fd, 0, self->length,
			    PROT_READ | PROT_WRITE, &map));
	ws_store(map, self->data, 64);
	ASSERT_EQ(0, ws_decommit(self->fd));
	EXPECT_EQ(0, memcmp(map, self->data, 64));
	ws_store(map + self->length - 64, self->data + 64, 64);
	EXPECT_EQ(-EBADFD, map_error(self->fd, self->length));
	EXPECT_TRUE(look(self));
	EXPECT_EQ(0, memcmp(self->seen + self->offset + self->length - 64,
			    self->data + 64, 64));
}

/* A window's own file */

TEST_F(region, c7_a_window_is_open_committed)
{
	int other = ws_open(&self->dev, O_RDWR);
	struct writesync_info info;

	ASSERT_LE(0, other);
	EXPECT_EQ(0, ws_commit(self->window));
	EXPECT_TRUE(look(self));
	EXPECT_TRUE(ws_all(self->seen, self->area, PATTERN));
	EXPECT_EQ(0, ws_decommit(self->window));
	EXPECT_EQ(0, ws_decommit(self->window));
	EXPECT_EQ(0, ws_info(self->window, &info));
	EXPECT_EQ(0, info.file);
	EXPECT_EQ(-EBADFD, ws_pwrite(self->window, self->data, 8, 0));
	EXPECT_EQ(-EBADFD, ws_pread(self->window, self->seen, 8, 0));
	EXPECT_EQ(-EBADFD, ws_sync(self->window));
	EXPECT_EQ(-EBADFD, map_error(self->window, self->length));
	/* That open file only. */
	EXPECT_EQ(8, ws_pread(other, self->seen, 8, 0));
	EXPECT_EQ(0, ws_sync(other));
	EXPECT_EQ(0, ws_commit(self->window));
	EXPECT_EQ(0, ws_info(self->window, &info));
	EXPECT_EQ(WRITESYNC_FILE_COMMITTED, info.file);
	EXPECT_TRUE(look(self));
	EXPECT_TRUE(ws_all(self->seen, self->area, PATTERN));
	close(other);
}

/* Regions are not the file's that they came from. */
TEST_F(region, c7_decommit_of_the_window_leaves_its_regions)
{
	int region;

	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(0, ws_decommit(self->window));
	EXPECT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	EXPECT_EQ(0, ws_sync(self->fd));
	region = ws_alloc(self->window, 1);
	EXPECT_LE(0, region);
	close(region);
	ASSERT_EQ(0, ws_commit(self->window));
}

/* Offsets are relative, and do not lead out. */

TEST_F(region, c7_offsets_are_relative)
{
	static const off_t offsets[] = { 0, 1, 8, 1001 };
	__u8 back[64];
	size_t i;

	ASSERT_EQ(0, ws_commit(self->fd));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		ws_fill(self->data, 64, i);
		EXPECT_EQ(64, ws_pwrite(self->fd, self->data, 64, offsets[i]));
		EXPECT_EQ(64, ws_pread(self->window, back, 64,
				       self->offset + offsets[i]));
		EXPECT_EQ(0, memcmp(self->data, back, 64));
		ws_fill(self->data, 64, 50 + i);
		EXPECT_EQ(64, ws_pwrite(self->window, self->data, 64,
					self->offset + offsets[i]));
		EXPECT_EQ(64, ws_pread(self->fd, back, 64, offsets[i]));
		EXPECT_EQ(0, memcmp(self->data, back, 64));
	}
	EXPECT_TRUE(neighbours_untouched(self));
}

static void expect_end(struct __test_metadata *_metadata, REGION *self,
		       size_t room)
{
	off_t at = self->length - room;
	__u8 back[64];

	ws_fill(self->data, 64, room);
	EXPECT_EQ(room ? (ssize_t)room : -ENOSPC,
		  ws_pwrite(self->fd, self->data, 64, at));
	EXPECT_EQ(room, ws_pread(self->fd, back, 64, at));
	EXPECT_EQ(0, memcmp(back, self->data, room));
	ASSERT_EQ(at, lseek(self->fd, at, SEEK_SET));
	EXPECT_EQ(room ? (ssize_t)room : -1, write(self->fd, self->data, 64));
	EXPECT_EQ(self->length, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(0, read(self->fd, back, 64));
	ASSERT_EQ(at, lseek(self->fd, at, SEEK_SET));
	EXPECT_EQ(-ENOSPC, write_error(self->fd, self->data, 64, 0));
	EXPECT_EQ(self->length, lseek(self->fd, 0, SEEK_CUR));
	ASSERT_EQ(at, lseek(self->fd, at, SEEK_SET));
	EXPECT_EQ(room, read(self->fd, back, 64));
	ASSERT_TRUE(neighbours_untouched(self)) {
		TH_LOG("%zu bytes before the end", room);
	}
	EXPECT_EQ(0, memcmp(self->seen + self->offset + at, self->data, room));
}

TEST_F(region, c7_writes_and_reads_end_where_it_ends)
{
	static const size_t rooms[] = { 63, 33, 17, 9, 8, 7, 4, 3, 1, 0 };
	size_t i;

	ASSERT_EQ(0, ws_commit(self->fd));
	for (i = 0; i < ARRAY_SIZE(rooms); i++)
		expect_end(_metadata, self, rooms[i]);
}

TEST_F(region, c7_and_one_more_is_short)
{
	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(self->length, ws_pwrite(self->fd, self->data,
					  self->length + 1, 0));
	EXPECT_TRUE(holds(self, self->data, self->length));
	EXPECT_TRUE(neighbours_untouched(self));
}

TEST_F(region, c7_nothing_is_reached_from_beyond)
{
	const __u64 offsets[] = {
		self->length, self->length + 1, self->length + 4096,
		self->dev.size - self->offset, self->dev.size,
		1ull << 32, 1ull << 62, INT64_MAX - self->offset,
		INT64_MAX - 64,
	};
	struct writesync_iovec iov = ws_piece(self->data, 8);
	struct writesync_write write;
	__u8 back[8];
	size_t i;

	ASSERT_EQ(0, ws_commit(self->fd));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		EXPECT_EQ(-ENOSPC,
			  ws_pwrite(self->fd, self->data, 8, offsets[i])) {
			TH_LOG("at %llu", offsets[i]);
		}
		write = ws_pieces_at(&iov, 1, offsets[i]);
		EXPECT_EQ(-ENOSPC, ws_write_call(self->fd, &write)) {
			TH_LOG("at %llu", offsets[i]);
		}
		EXPECT_EQ(0, write.bytes_written);
		EXPECT_EQ(0, ws_pread(self->fd, back, 8, offsets[i]));
	}
	EXPECT_EQ(-EINVAL, ws_pwrite(self->fd, self->data, 8, -8));
	EXPECT_EQ(-EINVAL, ws_pread(self->fd, back, 8, -8));
	EXPECT_TRUE(neighbours_untouched(self));
	EXPECT_TRUE(is_zero(self));
}

TEST_F(region, c7_lseek_knows_its_end)
{
	off_t end = self->length;

	EXPECT_EQ(end, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(end - 5, lseek(self->fd, -5, SEEK_END));
	EXPECT_EQ(end - 3, lseek(self->fd, 2, SEEK_CUR));
	EXPECT_EQ(-1, lseek(self->fd, end + 1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, 1, SEEK_END));
	EXPECT_EQ(-1, lseek(self->fd, -end - 1, SEEK_END));
	EXPECT_EQ(-1, lseek(self->fd, 4, SEEK_CUR));
	EXPECT_EQ(end - 3, lseek(self->fd, 0, SEEK_CUR));
}

/* The window's position and that of other regions are others. */
TEST_F(region, c7_it_has_a_position_of_its_own)
{
	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(8, write(self->fd, self->data, 8));
	EXPECT_EQ(0, lseek(self->window, 0, SEEK_CUR));
	EXPECT_EQ(0, write_error(self->fd, self->data + 8, 8, 0));
	EXPECT_EQ(16, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_TRUE(holds(self, self->data, 16));
}

static int sync_range(int fd, __u64 offset, __u64 length)
{
	struct writesync_sync sync = {
		.flags = WRITESYNC_RANGE, .offset = offset, .length = length,
	};

	return ws_sync_call(fd, &sync);
}

TEST_F(region, c7_the_range_of_a_sync_is_relative)
{
	__u64 end = self->length;

	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(0, sync_range(self->fd, 0, end));
	EXPECT_EQ(0, sync_range(self->fd, end - 1, 1));
	EXPECT_EQ(0, sync_range(self->fd, end, 0));
	EXPECT_EQ(-EINVAL, sync_range(self->fd, 0, end + 1));
	EXPECT_EQ(-EINVAL, sync_range(self->fd, end, 1));
	EXPECT_EQ(-EINVAL, sync_range(self->fd, end - 1, 2));
	EXPECT_EQ(-EINVAL, sync_range(self->fd, end + 1, 0));
	EXPECT_EQ(-EINVAL, sync_range(self->fd, UINT64_MAX, 1));
	EXPECT_EQ(-EINVAL, sync_range(self->fd, 1, UINT64_MAX));
	EXPECT_EQ(0, sync_range(self->window, self->offset, end));
}

TEST_F(region, c7_a_mapping_is_relative_and_ends_where_it_ends)
{
	size_t page = sysconf(_SC_PAGESIZE);
	__u8 *map = NULL, *none;

	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(0, ws_map(self->fd, 0, self->length,
			    PROT_READ | PROT_WRITE, &map));
	ws_store(map, self->data, self->length);
	EXPECT_TRUE(holds(self, self->data, self->length));
	EXPECT_TRUE(neighbours_untouched(self));
	munmap(map, self->length);
	ASSERT_EQ(0, ws_map(self->fd, self->length - page, page, PROT_READ,
			    &map));
	EXPECT_EQ(0, memcmp(map, self->data + self->length - page, page));
	munmap(map, page);
	EXPECT_EQ(-EINVAL, ws_map(self->fd, 0, self->length + page, PROT_READ,
				  &none));
	EXPECT_EQ(-EINVAL, ws_map(self->fd, page, self->length, PROT_READ,
				  &none));
	EXPECT_EQ(-EINVAL, ws_map(self->fd, self->length, page, PROT_READ,
				  &none));
	EXPECT_EQ(-EINVAL, ws_map(self->fd, self->dev.size - page, page,
				  PROT_READ, &none));
}

TEST_F(region, c7_sendfile_does_not_lead_out)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	off_t from = 0;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(64, write(file, self->data, 64));
	ASSERT_EQ(self->length - 10,
		  lseek(self->fd, self->length - 10, SEEK_SET));
	EXPECT_EQ(10, sendfile(self->fd, file, &from, 64));
	EXPECT_EQ(self->length, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_TRUE(neighbours_untouched(self));
	EXPECT_EQ(0, memcmp(self->seen + self->offset + self->length - 10,
			    self->data, 10));
	from = self->length - 10;
	EXPECT_EQ(10, sendfile(file, self->fd, &from, 64));
	close(file);
}

/* Arrival: what a region's sync says, the peer sees. */

TEST_F(region, c1_the_peer_sees_what_was_synced)
{
	if (!self->dev.peer || !(self->dev.features & WS_EDU_FEATURE_POSTED))
		SKIP(return, "there is no peer or no posted-write queue");
	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(0, ws_sync(self->fd));
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, 4096);
	ws_drain(&self->dev, WS_HOLD);
	ASSERT_EQ(64, ws_pwrite(self->fd, self->data, 64, 72));
	EXPECT_LT(0, ws_level(&self->dev));
	EXPECT_NE(ws_crc(self->data, 64),
		  ws_peer_crc(&self->dev, self->offset + 72, 64));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(1, ws_needed(self->window));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(self->data, 64),
		  ws_peer_crc(&self->dev, self->offset + 72, 64));
	EXPECT_EQ(0, ws_needed(self->window));
}

/* Gone */

TEST_F(region, c8_unbound_it_is_enodev_and_closes)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN | POLLOUT };
	struct writesync_info info;
	__u8 byte = 0;

	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(0, ws_rebind(&self->dev));
	EXPECT_EQ(-ENODEV, ws_pwrite(self->fd, &byte, 1, 0));
	EXPECT_EQ(-ENODEV, ws_pread(self->fd, &byte, 1, 0));
	EXPECT_EQ(-ENODEV, ws_sync(self->fd));
	EXPECT_EQ(-1, fsync(self->fd));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, map_error(self->fd, self->length));
	EXPECT_EQ(-ENODEV, write_error(self->fd, &byte, 1, 0));
	EXPECT_EQ(-ENODEV, ws_commit(self->fd));
	EXPECT_EQ(-ENODEV, ws_decommit(self->fd));
	EXPECT_EQ(-ENODEV, ws_needed(self->fd));
	EXPECT_EQ(-ENODEV, ws_check(self->fd, &byte, 1, NULL));
	EXPECT_EQ(-ENODEV, ws_alloc(self->window, 1));
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLERR | POLLHUP, p.revents & (POLLERR | POLLHUP));
	EXPECT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(WRITESYNC_STATE_DEAD, info.state);
	EXPECT_EQ(self->offset, info.offset);
	EXPECT_EQ(self->length, info.length);
}

/* An uncommitted one, and one that is still mapped. */
TEST_F(region, c8_unbound_in_any_state_it_closes)
{
	int mapped = ws_alloc(self->window, 1);
	__u8 *map = NULL;

	ASSERT_LE(0, mapped);
	ASSERT_EQ(0, ws_commit(mapped));
	ASSERT_EQ(0, ws_map(mapped, 0, sysconf(_SC_PAGESIZE), PROT_READ,
			    &map));
	close(self->window);
	ASSERT_EQ(0, ws_rebind(&self->dev));
	close(mapped);
	close(self->fd);
	EXPECT_EQ(0, munmap(map, sysconf(_SC_PAGESIZE)));
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	self->fd = ws_alloc(self->window, 1);
	EXPECT_LE(0, self->fd);
}

/* The new binding has all of its memory; the old regions are not its own. */
TEST_F(region, c8_an_old_region_does_not_count_for_a_new_binding)
{
	struct writesync_info info;
	int fd;

	ASSERT_EQ(0, ws_rebind(&self->dev));
	fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ws_info(fd, &info));
	EXPECT_EQ(info.total, info.free);
	close(self->fd);
	ASSERT_EQ(0, ws_info(fd, &info));
	EXPECT_EQ(info.total, info.free);
	close(fd);
}

TEST_F(region, c4_a_dead_device_is_enodev)
{
	if (!self->dev.peer)
		SKIP(return, "there is no peer function");
	ws_fault(&self->dev, WS_FAULT_DEAD);
	EXPECT_GT(0, ws_sync(self->window));
	EXPECT_EQ(-ENODEV, ws_commit(self->fd));
	EXPECT_EQ(-ENODEV, ws_decommit(self->fd));
	EXPECT_EQ(-ENODEV, ws_alloc(self->window, 1));
}

/* The zeros of the first commit have to arrive. */

FIXTURE(clearing) {
	struct ws_dev dev;
	int window;
	int fd;
	__u64 offset;
	size_t length;
	__u8 *bytes;
};

#define CLEARING	FIXTURE_DATA(clearing)

FIXTURE_VARIANT(clearing) {
	const char *confirm;
	const char *inline_sync;
};

FIXTURE_VARIANT_ADD(clearing, window_inline) { "window", "always" };
FIXTURE_VARIANT_ADD(clearing, window_worker) { "window", "never" };
FIXTURE_VARIANT_ADD(clearing, sentinel_inline) { "sentinel", "always" };
FIXTURE_VARIANT_ADD(clearing, sentinel_worker) { "sentinel", "never" };

FIXTURE_SETUP(clearing)
{
	struct writesync_alloc alloc = { .length = 1 };

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	WS_ENGINE(return, &self->dev, variant->confirm, variant->inline_sync);
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	ASSERT_EQ(0, ws_alloc_call(self->window, &alloc));
	self->fd = alloc.fd;
	self->offset = alloc.offset;
	self->length = alloc.length;
	if (self->length > 65536)
		SKIP(return, "the granules are too large");
	self->bytes = malloc(self->length);
	ASSERT_NE(NULL, self->bytes);
	memset(self->bytes, PATTERN, self->length);
	ASSERT_EQ(self->length, ws_pwrite(self->window, self->bytes,
					  self->length, self->offset));
	ASSERT_EQ(0, ws_sync(self->window));
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, 65536);
	ws_drain(&self->dev, WS_HOLD);
}

FIXTURE_TEARDOWN(clearing)
{
	close(self->fd);
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_peer_sees(struct __test_metadata *_metadata, CLEARING *self,
			     __u8 value)
{
	memset(self->bytes, value, self->length);
	EXPECT_EQ(ws_crc(self->bytes, self->length),
		  ws_peer_crc(&self->dev, self->offset, self->length));
}

/* The first attempt failed; the next one does all of it. */
static void expect_second_try(struct __test_metadata *_metadata, CLEARING *self)
{
	struct writesync_info info;

	EXPECT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(WRITESYNC_FILE_REGION, info.file);
	EXPECT_EQ(-EBADFD, ws_pread(self->fd, self->bytes, 8, 0));
	EXPECT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	expect_peer_sees(_metadata, self, 0);
	EXPECT_EQ(8, ws_pread(self->fd, self->bytes, 8, 0));
}

TEST_F(clearing, c1_the_peer_sees_the_zeros_of_a_commit)
{
	expect_peer_sees(_metadata, self, PATTERN);
	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(0, ws_needed(self->fd));
	expect_peer_sees(_metadata, self, 0);
}

/* That it would have to wait is no reason to leave it undone. */
TEST_F(clearing, c3_commit_nonblocking_waits_for_its_zeros)
{
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	expect_peer_sees(_metadata, self, 0);
}

TEST_F(clearing, c3_commit_times_out_on_a_stalled_device)
{
	__u64 asked = 50 * WS_MS, begun, took;

	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", asked / WS_MS));
	ws_fault(&self->dev, WS_FAULT_STALL);
	begun = ws_now();
	EXPECT_EQ(-ETIMEDOUT, ws_commit(self->fd));
	took = ws_now() - begun;
	EXPECT_LE(asked, took);
	EXPECT_GE(asked + LATE, took);
	expect_peer_sees(_metadata, self, PATTERN);
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 5000));
	ws_fault(&self->dev, 0);
	expect_second_try(_metadata, self);
}

TEST_F(clearing, c9_a_signal_interrupts_commit)
{
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 10000));
	ws_fault(&self->dev, WS_FAULT_STALL);
	ASSERT_EQ(0, ws_alarm(20 * WS_MS, SA_RESTART));
	EXPECT_EQ(-EINTR, ws_commit(self->fd));
	ASSERT_EQ(0, ws_alarm(0, 0));
	ws_fault(&self->dev, 0);
	expect_second_try(_metadata, self);
}

TEST_F(clearing, c4_commit_eio_without_memory_decoding)
{
	ASSERT_EQ(0, ws_decode(&self->dev, false));
	EXPECT_EQ(-EIO, ws_commit(self->fd));
	ASSERT_EQ(0, ws_decode(&self->dev, true));
	expect_peer_sees(_metadata, self, PATTERN);
	expect_second_try(_metadata, self);
}

static void *commit_fd(void *fd)
{
	return (void *)(long)ws_commit(*(int *)fd);
}

/* The device resets itself while the zeros are on their way. */
TEST_F(clearing, c5_commit_eio_after_a_loss)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 10000));
	ws_fault(&self->dev, WS_FAULT_STALL);
	ASSERT_EQ(0, pthread_create(&thread, NULL, commit_fd, &self->fd));
	while (ws_level(&self->dev) < self->length / 8)
		usleep(1000);
	usleep(20000);
	EXPECT_EQ(0, ws_own_reset(&self->dev, 5 * WS_S));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(-EIO, (long)ret);
	expect_peer_sees(_metadata, self, PATTERN);
	expect_second_try(_metadata, self);
}

/* It is not about the zeros, and it is not used up. */
TEST_F(clearing, c5_a_loss_before_the_commit_is_for_the_next_sync)
{
	ASSERT_EQ(8, ws_pwrite(self->window, "unsynced", 8, self->offset));
	ASSERT_EQ(0, ws_own_reset(&self->dev, WS_S));
	EXPECT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(-EIO, ws_sync(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
}

/* Another commit does not clear, so it asks nobody. */
TEST_F(clearing, c3_the_second_commit_does_not_wait)
{
	ASSERT_EQ(0, ws_commit(self->fd));
	ASSERT_EQ(0, ws_decommit(self->fd));
	ASSERT_EQ(8, ws_pwrite(self->window, "unsynced", 8, self->offset));
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 10));
	ws_fault(&self->dev, WS_FAULT_STALL);
	EXPECT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(-ETIMEDOUT, ws_sync(self->fd));
}

/* A commit that takes long. */

FIXTURE(slow_commit) {
	struct ws_dev dev;
	int window;
	int fd;
	__u64 offset;
	size_t length;
	__u8 *seen;
};

#define SLOW_COMMIT	FIXTURE_DATA(slow_commit)

FIXTURE_SETUP(slow_commit)
{
	struct writesync_alloc alloc = { .length = 64 * 1024 };

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_CPUS);
	if (self->dev.size < alloc.length)
		SKIP(return, "the window is too small");
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	ASSERT_EQ(0, ws_alloc_call(self->window, &alloc));
	self->fd = alloc.fd;
	self->offset = alloc.offset;
	self->length = alloc.length;
	if (self->length > 256 * 1024)
		SKIP(return, "the granules are too large");
	self->seen = malloc(self->length);
	ASSERT_NE(NULL, self->seen);
	memset(self->seen, PATTERN, self->length);
	ASSERT_EQ(self->length, ws_pwrite(self->window, self->seen,
					  self->length, self->offset));
	ASSERT_EQ(0, ws_sync(self->window));
	ws_reg_write(&self->dev, WS_EDU_QUEUE_DEPTH, 1);
	ws_drain(&self->dev, 50 * WS_US);
}

FIXTURE_TEARDOWN(slow_commit)
{
	close(self->fd);
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(slow_commit, c9_a_signal_interrupts_commit)
{
	ASSERT_EQ(0, ws_alarm(30 * WS_MS, 0));
	EXPECT_EQ(-EINTR, ws_commit(self->fd));
	ASSERT_EQ(0, ws_alarm(0, 0));
	EXPECT_EQ(-EBADFD, ws_pread(self->fd, self->seen, 8, 0));
	ws_drain(&self->dev, 0);
	/* Half cleared is not cleared: all of it, the next time. */
	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(self->length, ws_pread(self->fd, self->seen, self->length,
					 0));
	EXPECT_TRUE(ws_all(self->seen, self->length, 0));
}

static void *commit_it(void *data)
{
	SLOW_COMMIT *self = data;

	return (void *)(long)ws_commit(self->fd);
}

static int begin_commit(SLOW_COMMIT *self, pthread_t *thread)
{
	__u64 end = ws_now() + WS_S;
	struct ws_counters before = ws_count(&self->dev);
	sigset_t set;
	int ret;

	/* The signals are for the caller. */
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	ret = -pthread_create(thread, NULL, commit_it, self);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (!ret && !ws_stores(before, ws_count(&self->dev)))
		if (ws_now() > end)
			ret = -ETIMEDOUT;
	return ret;
}

/* Nobody sees it half cleared. */
TEST_F(slow_commit, c7_a_second_commit_waits_for_the_first)
{
	void *result = NULL;
	pthread_t thread;

	ASSERT_EQ(0, begin_commit(self, &thread));
	EXPECT_EQ(-EBADFD, ws_pread(self->fd, self->seen, 8, 0));
	ASSERT_EQ(0, ws_commit(self->fd));
	EXPECT_EQ(self->length, ws_pread(self->fd, self->seen, self->length,
					 0));
	EXPECT_TRUE(ws_all(self->seen, self->length, 0));
	ASSERT_EQ(8, ws_pwrite(self->fd, "written.", 8, self->length - 8));
	pthread_join(thread, &result);
	EXPECT_EQ(0, (long)result);
	EXPECT_EQ(8, ws_pread(self->fd, self->seen, 8, self->length - 8));
	EXPECT_EQ(0, memcmp(self->seen, "written.", 8));
}

TEST_F(slow_commit, c9_a_signal_interrupts_decommit)
{
	void *result = NULL;
	pthread_t thread;

	ASSERT_EQ(0, begin_commit(self, &thread));
	ASSERT_EQ(0, ws_alarm(30 * WS_MS, 0));
	EXPECT_EQ(-EINTR, ws_decommit(self->fd));
	ASSERT_EQ(0, ws_alarm(0, 0));
	ws_drain(&self->dev, 0);
	pthread_join(thread, &result);
	EXPECT_EQ(0, (long)result);
	EXPECT_EQ(8, ws_pread(self->fd, self->seen, 8, 0));
}

/* C8: removal does not wait for it, and ends it. */
TEST_F(slow_commit, c8_unbinding_ends_a_commit)
{
	void *result = NULL;
	pthread_t thread;

	ASSERT_EQ(0, begin_commit(self, &thread));
	ASSERT_EQ(0, ws_rebind(&self->dev));
	pthread_join(thread, &result);
	EXPECT_EQ(-ENODEV, (long)result);
}

/* FROZEN: the window's function is being reset. */

FIXTURE(frozen) {
	struct ws_dev dev;
	int window;
	int fd;
	struct ws_freezer freezer;
};

#define FROZEN		FIXTURE_DATA(frozen)

FIXTURE_SETUP(frozen)
{
	int ret;

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	if (self->dev.size < 65536)
		SKIP(return, "the window is too small");
	if (!ws_can_flr(&self->dev))
		SKIP(return, "the function cannot be reset");
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	self->fd = ws_alloc(self->window, 1);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_sync(self->window));
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 10000));
	ret = ws_freeze(&self->freezer, &self->dev);
	if (ret == -EBUSY) {
		ws_thaw(&self->freezer);
		SKIP(return, "the machine is too busy to hold a reset open");
	}
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(frozen)
{
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	close(self->fd);
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* It did not become committed; when the window is LIVE again it can be. */
static void expect_commit_later(struct __test_metadata *_metadata,
				FROZEN *self)
{
	struct writesync_info info;

	EXPECT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(WRITESYNC_FILE_REGION, info.file);
	EXPECT_EQ(-EBADFD, ws_sync(self->fd));
	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 10000));
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	EXPECT_EQ(-EBADFD, ws_sync(self->fd));
	EXPECT_EQ(0, ws_commit(self->fd));
}

static void *thaw_later(void *data)
{
	ws_sleep(50 * WS_MS);
	return (void *)(long)ws_thaw(data);
}

TEST_F(frozen, c3_commit_waits_while_frozen)
{
	__u64 begun = ws_now();
	void *result = NULL;
	pthread_t thread;
	__u8 back[8];

	ASSERT_EQ(0, pthread_create(&thread, NULL, thaw_later,
				    &self->freezer));
	EXPECT_EQ(0, ws_commit(self->fd));
	EXPECT_LE(50 * WS_MS, ws_now() - begun);
	pthread_join(thread, &result);
	EXPECT_EQ(0, (long)result);
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, 0));
	EXPECT_TRUE(ws_all(back, 8, 0));
}

TEST_F(frozen, c3_commit_times_out_while_frozen)
{
	__u64 begun, took;

	ASSERT_EQ(0, ws_set_number(&self->dev, "timeout_ms", 10));
	begun = ws_now();
	EXPECT_EQ(-ETIMEDOUT, ws_commit(self->fd));
	took = ws_now() - begun;
	EXPECT_LE(10 * WS_MS, took);
	EXPECT_GE(10 * WS_MS + LATE, took);
	expect_commit_later(_metadata, self);
}

TEST_F(frozen, c3_commit_nonblocking_while_frozen_is_eagain)
{
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, ws_commit(self->fd));
	expect_commit_later(_metadata, self);
}

TEST_F(frozen, c9_a_signal_interrupts_commit)
{
	ASSERT_EQ(0, ws_alarm(10 * WS_MS, 0));
	EXPECT_EQ(-EINTR, ws_commit(self->fd));
	ASSERT_EQ(0, ws_alarm(0, 0));
	expect_commit_later(_metadata, self);
}

/* What needs no device does not wait, nor does what is committed. */
TEST_F(frozen, c3_what_needs_no_device_does_not_wait)
{
	int fd = ws_alloc(self->window, 1);
	__u64 begun = ws_now();

	EXPECT_LE(0, fd);
	EXPECT_EQ(0, ws_decommit(self->fd));
	EXPECT_EQ(0, ws_commit(self->window));
	EXPECT_EQ(0, ws_decommit(self->window));
	EXPECT_EQ(0, ws_commit(self->window));
	EXPECT_EQ(0, ws_check(self->fd, &begun, 1, NULL));
	EXPECT_EQ(0, close(fd));
	EXPECT_GE(WS_S, ws_now() - begun);
}

TEST_HARNESS_MAIN

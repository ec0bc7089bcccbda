// SPDX-License-Identifier: GPL-2.0
/*
 * C1 and C7 where an offset does not fit into 32 bits: the last page of a
 * window over 4 GiB, and the bytes on both sides of 4 GiB.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define GIB4		(4ULL << 30)

struct big {
	struct ws_dev dev;
	int fd;
	size_t page;
	__u64 last;		/* where the last page begins */
	__u64 alias;		/* the same without the upper 32 bits */
	__u8 *data;		/* two pages each */
	__u8 *seen;
	__u8 *before;		/* what stands at @alias */
};

static int prepare(struct big *big)
{
	big->page = sysconf(_SC_PAGESIZE);
	big->last = big->dev.size - big->page;
	big->alias = (big->last - big->page) & (GIB4 - 1);
	big->data = malloc(2 * big->page);
	big->seen = malloc(2 * big->page);
	big->before = malloc(2 * big->page);
	if (!big->data || !big->seen || !big->before)
		return -ENOMEM;
	ws_fill(big->data, 2 * big->page, 60);
	ws_fill(big->before, 2 * big->page, 61);
	big->fd = ws_open(&big->dev, O_RDWR);
	if (big->fd < 0)
		return big->fd;
	if (ws_pwrite(big->fd, big->before, 2 * big->page, big->alias) !=
	    (ssize_t)(2 * big->page))
		return -EIO;
	return ws_sync(big->fd);
}

/* Does a file hold @bytes at @at, as the CPU reads them? */
static bool holds(struct big *big, int fd, __u64 at, const __u8 *bytes,
		  size_t length)
{
	return ws_pread(fd, big->seen, length, at) == (ssize_t)length &&
	       !memcmp(big->seen, bytes, length);
}

/* The same as the peer reads them, which takes a sync before. */
static bool arrived(struct big *big, __u64 at, const __u8 *bytes,
		    size_t length)
{
	return !big->dev.peer ||
	       ws_peer_crc(&big->dev, at, length) == ws_crc(bytes, length);
}

/* ---- ways to write: each goes through code of its own in the kernel ---- */

FIXTURE(big_window) {
	struct big big;
};

FIXTURE_VARIANT(big_window) {
	int (*put)(struct big *big, int fd, __u64 at, size_t length);
};

static int by_pwrite(struct big *big, int fd, __u64 at, size_t length)
{
	ssize_t n = ws_pwrite(fd, big->data, length, at);

	return n == (ssize_t)length ? 0 : n < 0 ? n : -EIO;
}

static int by_position(struct big *big, int fd, __u64 at, size_t length)
{
	if (lseek(fd, at, SEEK_SET) != (off_t)at)
		return -errno;
	if (write(fd, big->data, length) != (ssize_t)length)
		return -errno;
	return lseek(fd, 0, SEEK_CUR) == (off_t)(at + length) ? 0 : -EIO;
}

static int by_pwritev2(struct big *big, int fd, __u64 at, size_t length)
{
	struct iovec iov[2] = {
		{ big->data, length / 3 },
		{ big->data + length / 3, length - length / 3 },
	};

	return pwritev2(fd, iov, 2, at, 0) == (ssize_t)length ? 0 : -errno;
}

static int by_ioctl(struct big *big, int fd, __u64 at, size_t length)
{
	struct writesync_iovec iov[2] = {
		{ (uintptr_t)big->data, length / 3 },
		{ (uintptr_t)big->data + length / 3, length - length / 3 },
	};
	struct writesync_write write = {
		.size = sizeof(write),
		.flags = WRITESYNC_WRITE_AT,
		.iov = (uintptr_t)iov,
		.iov_count = 2,
		.offset = at,
	};
	int ret = ws_ioctl(fd, WRITESYNC_IOC_WRITE, &write);

	return ret ? ret : write.bytes_written == length ? 0 : -EIO;
}

static int by_mapping(struct big *big, int fd, __u64 at, size_t length)
{
	__u64 skew = at % big->page;
	__u8 *map;
	int ret = ws_map(fd, at - skew, skew + length, PROT_READ | PROT_WRITE,
			 &map);

	if (ret)
		return ret;
	memcpy(map + skew, big->data, length);
	ret = msync(map, skew + length, MS_SYNC) ? -errno : 0;
	munmap(map, skew + length);
	return ret;
}

FIXTURE_VARIANT_ADD(big_window, pwrite) { by_pwrite };
FIXTURE_VARIANT_ADD(big_window, position) { by_position };
FIXTURE_VARIANT_ADD(big_window, pwritev2) { by_pwritev2 };
FIXTURE_VARIANT_ADD(big_window, ioctl) { by_ioctl };
FIXTURE_VARIANT_ADD(big_window, mapping) { by_mapping };

FIXTURE_SETUP(big_window)
{
	WS_BEGIN(return, &self->big.dev, 0);
	if (self->big.dev.size <= GIB4)
		SKIP(return, "the window is not over 4 GiB");
	ASSERT_EQ(0, prepare(&self->big));
}

FIXTURE_TEARDOWN(big_window)
{
	close(self->big.fd);
	EXPECT_EQ(0, ws_end(&self->big.dev));
}

TEST_F(big_window, c7_the_last_page_is_written_and_no_other)
{
	struct big *big = &self->big;

	ASSERT_EQ(0, variant->put(big, big->fd, big->last, big->page));
	EXPECT_TRUE(holds(big, big->fd, big->last, big->data, big->page));
	EXPECT_TRUE(holds(big, big->fd, big->alias, big->before,
			  2 * big->page));
	ASSERT_EQ(0, ws_sync(big->fd));
	EXPECT_TRUE(arrived(big, big->last, big->data, big->page));
	EXPECT_TRUE(arrived(big, big->alias, big->before, 2 * big->page));
}

TEST_F(big_window, c7_bytes_on_both_sides_of_4_gib)
{
	struct big *big = &self->big;
	__u64 at = GIB4 - big->page + 5;
	size_t length = 2 * big->page - 13;

	ASSERT_EQ(big->page, ws_pwrite(big->fd, big->before, big->page, 0));
	ASSERT_EQ(0, variant->put(big, big->fd, at, length));
	EXPECT_TRUE(holds(big, big->fd, at, big->data, length));
	EXPECT_TRUE(holds(big, big->fd, 0, big->before, big->page));
	ASSERT_EQ(0, ws_sync(big->fd));
	EXPECT_TRUE(arrived(big, at, big->data, length));
	EXPECT_TRUE(arrived(big, 0, big->before, big->page));
}

TEST_F(big_window, c1_the_last_page_arrives_by_a_sync)
{
	static const char * const methods[] = { "window", "sentinel" };
	struct big *big = &self->big;
	__u64 at = big->last + big->page - 96;
	unsigned int i;

	if (!big->dev.peer || !big->dev.prefetch)
		SKIP(return, "no peer, or a window that is not prefetchable");
	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		ASSERT_EQ(0, ws_set(&big->dev, "confirm", methods[i]));
		ws_drain(&big->dev, WS_HOLD);
		ws_fill(big->data, 96, 70 + i);
		ASSERT_EQ(0, variant->put(big, big->fd, at, 96));
		/* The way by a mapping has synced already. */
		if (variant->put != by_mapping)
			EXPECT_FALSE(arrived(big, at, big->data, 96));
		ASSERT_EQ(0, ws_sync(big->fd));
		EXPECT_TRUE(arrived(big, at, big->data, 96));
		ws_drain(&big->dev, 0);
	}
}

TEST_F(big_window, c7_a_region_above_4_gib)
{
	struct writesync_alloc below = { .size = sizeof(below) };
	struct big *big = &self->big;
	struct writesync_info info;
	__u64 offset = 0, at;
	int fd;

	/* All but the last granule goes to a region that nobody commits. */
	ASSERT_EQ(0, ws_info(big->fd, &info));
	below.length = info.total - info.granule;
	ASSERT_EQ(0, ws_ioctl(big->fd, WRITESYNC_IOC_ALLOC, &below));
	fd = ws_region(big->fd, info.granule, &offset);
	ASSERT_LE(0, fd);
	EXPECT_EQ(info.total - info.granule, offset);
	ASSERT_EQ(0, ws_info(fd, &info));
	EXPECT_EQ(offset, info.offset);

	/* Its last page is the window's. */
	at = info.length - big->page;
	ASSERT_EQ(0, variant->put(big, fd, at, big->page));
	EXPECT_TRUE(holds(big, fd, at, big->data, big->page));
	EXPECT_TRUE(holds(big, big->fd, big->last, big->data, big->page));
	ASSERT_EQ(0, ws_sync(fd));
	EXPECT_TRUE(arrived(big, big->last, big->data, big->page));
	close(fd);
	close(below.fd);
}

/* ---- edges ---- */

FIXTURE(big_edges) {
	struct big big;
};

FIXTURE_SETUP(big_edges)
{
	WS_BEGIN(return, &self->big.dev, 0);
	if (self->big.dev.size <= GIB4)
		SKIP(return, "the window is not over 4 GiB");
	ASSERT_EQ(0, prepare(&self->big));
}

FIXTURE_TEARDOWN(big_edges)
{
	close(self->big.fd);
	EXPECT_EQ(0, ws_end(&self->big.dev));
}

TEST_F(big_edges, c7_reading_and_writing_end_at_the_end)
{
	struct big *big = &self->big;
	off_t end = big->dev.size;

	EXPECT_EQ(end, lseek(big->fd, 0, SEEK_END));
	EXPECT_EQ(50, ws_pwrite(big->fd, big->data, 100, end - 50));
	EXPECT_EQ(50, ws_pread(big->fd, big->seen, 100, end - 50));
	EXPECT_EQ(0, memcmp(big->seen, big->data, 50));
	EXPECT_EQ(-ENOSPC, ws_pwrite(big->fd, big->data, 1, end));
	EXPECT_EQ(-ENOSPC, ws_pwrite(big->fd, big->data, 1, end + GIB4));
	EXPECT_EQ(0, ws_pread(big->fd, big->seen, 1, end));
	EXPECT_EQ(0, ws_pread(big->fd, big->seen, 1, end + GIB4));
}

static int sync_range(struct big *big, __u64 offset, __u64 length)
{
	struct writesync_sync sync = {
		.flags = WRITESYNC_RANGE,
		.offset = offset,
		.length = length,
	};

	return ws_sync_call(big->fd, &sync);
}

TEST_F(big_edges, c7_a_range_to_sync_ends_at_the_end)
{
	struct big *big = &self->big;
	__u64 end = big->dev.size;

	EXPECT_EQ(0, sync_range(big, end - 1, 1));
	EXPECT_EQ(0, sync_range(big, 0, end));
	EXPECT_EQ(-EINVAL, sync_range(big, end - 1, 2));
	EXPECT_EQ(-EINVAL, sync_range(big, end + 1, 1));
	EXPECT_EQ(-EINVAL, sync_range(big, end, ~0ULL));
	EXPECT_EQ(-EINVAL, sync_range(big, ~0ULL, 2));
}

TEST_F(big_edges, c7_a_mapping_ends_at_the_end)
{
	struct big *big = &self->big;
	__u8 *map;

	ASSERT_EQ(0, ws_map(big->fd, big->last, big->page, PROT_READ, &map));
	munmap(map, big->page);
	EXPECT_EQ(-EINVAL, ws_map(big->fd, big->last, 2 * big->page, PROT_READ,
				  &map));
	EXPECT_EQ(-EINVAL, ws_map(big->fd, big->dev.size, big->page, PROT_READ,
				  &map));
	EXPECT_EQ(-EINVAL, ws_map(big->fd, big->dev.size + GIB4, big->page,
				  PROT_READ, &map));
}

TEST_F(big_edges, c7_check_tells_an_offset_over_32_bits)
{
	struct writesync_check check = { .size = sizeof(check), .length = 7 };
	struct big *big = &self->big;
	__u8 *map;

	ASSERT_EQ(0, ws_map(big->fd, big->last, big->page, PROT_READ, &map));
	check.address = (uintptr_t)map + big->page - 7;
	EXPECT_EQ(0, ws_ioctl(big->fd, WRITESYNC_IOC_CHECK, &check));
	EXPECT_EQ(1, check.inside);
	EXPECT_EQ(big->dev.size - 7, check.offset);
	munmap(map, big->page);
}

TEST_F(big_edges, c4_verify_looks_at_the_right_word)
{
	struct writesync_sync sync = { .flags = WRITESYNC_VERIFY };
	struct big *big = &self->big;
	off_t at = big->dev.size - 8;

	if (!big->dev.regs || !big->dev.prefetch)
		SKIP(return, "no instrument, or a window that must not be read");
	ASSERT_EQ(8, ws_pwrite(big->fd, big->data, 8, at));
	EXPECT_EQ(0, ws_sync_call(big->fd, &sync));
	EXPECT_EQ(1, sync.readbacks);
	ws_drop_nth(&big->dev, 1);
	ASSERT_EQ(8, ws_pwrite(big->fd, big->data + 8, 8, at));
	EXPECT_EQ(-EIO, ws_sync_call(big->fd, &sync));
}

TEST_HARNESS_MAIN

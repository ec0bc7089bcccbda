// SPDX-License-Identifier: GPL-2.0
/*
 * C7: every offset with every length, each near an edge, by every call that
 * takes the two; on the window's file and on a region's. What is right is
 * computed; the device's counter of bytes tells that nothing else was stored.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define ROOM		256	/* bytes that can be read or written */
#define MARGIN		64
#define BLOCK		64	/* the kernel copies so many bytes in one go */
#define USER_END	((1ull << 47) - PAGE)

FIXTURE(ranges) {
	struct ws_dev dev;
	int window;
	int fd;			/* the window's or a region's */
	__u64 base;			/* of its memory in the window */
	__u64 size;
	__u8 *room;			/* ROOM bytes with nothing behind them */
	__u8 before[ROOM + 2 * MARGIN];
	__u8 after[ROOM + 2 * MARGIN];
};

#define RANGES		FIXTURE_DATA(ranges)

FIXTURE_VARIANT(ranges) {
	bool region;
};

FIXTURE_VARIANT_ADD(ranges, window) { .region = false };
FIXTURE_VARIANT_ADD(ranges, region) { .region = true };

static int make_region(RANGES *self)
{
	struct writesync_alloc alloc = { 0 };
	struct writesync_info info;
	int hold, ret;

	ret = ws_info(self->window, &info);
	if (ret)
		return ret;
	/* Not at the window's start: there is something on both sides. */
	hold = ws_alloc(self->window, 1);
	alloc.length = 4 * info.granule;
	ret = ws_alloc_call(self->window, &alloc);
	close(hold);
	if (ret)
		return ret;
	self->base = alloc.offset;
	self->size = alloc.length;
	self->fd = alloc.fd;
	return ws_commit(alloc.fd);
}

FIXTURE_SETUP(ranges)
{
	WS_BEGIN(return, &self->dev, 0);
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	self->fd = self->window;
	self->size = self->dev.size;
	if (self->size < 16 * PAGE)
		SKIP(return, "the window is too small");
	if (variant->region)
		ASSERT_EQ(0, make_region(self));
	self->room = ws_edge();
	ASSERT_NE(NULL, self->room);
	self->room += PAGE - ROOM;
	ws_fill(self->room, ROOM, 51);
}

FIXTURE_TEARDOWN(ranges)
{
	if (self->fd != self->window)
		close(self->fd);
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

#define VALUES		32

/* Offsets and lengths; how many are given back. */
static size_t edge_values(const RANGES *self, __u64 *values)
{
	const __u64 all[] = {
		0, 1, 7, 8, PAGE - 1, PAGE, PAGE + 1, ROOM, ROOM + 1,
		self->size - PAGE, self->size - 8, self->size - 1, self->size,
		self->size + 1, self->size + PAGE, -self->size,
		INT32_MAX, 1ull << 31, UINT32_MAX, 1ull << 32,
		(1ull << 32) + 8, 1ull << 47, 1ull << 62,
		(1ull << 63) - PAGE, (1ull << 63) - 8, INT64_MAX, 1ull << 63,
		(1ull << 63) + 1, -1ull * PAGE, -8ull, UINT64_MAX,
	};

	memcpy(values, all, sizeof(all));
	return ARRAY_SIZE(all);
}

static size_t length_values(const RANGES *self, size_t *values)
{
	size_t i, n, count = 0;
	__u64 all[VALUES];

	n = edge_values(self, all);
	for (i = 0; i < n; i++)
		if (all[i] <= SIZE_MAX)
			values[count++] = all[i];
	return count;
}

static __u64 least(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

/*
 * What read() and write() say of @length bytes at @offset. The kernel itself
 * refuses some, each release in its own words: @refused.
 */
static ssize_t wanted(const RANGES *self, __u64 offset, size_t length,
		      ssize_t at_end, bool *refused)
{
	*refused = offset > INT64_MAX || length > SSIZE_MAX ||
		   length > INT64_MAX - offset ||
		   length > USER_END - (uintptr_t)self->room;
	if (!length)
		return 0;
	if (offset >= self->size)
		return at_end;
	return least(least(length, ROOM), self->size - offset);
}

static bool is_refusal(ssize_t n)
{
	return n == -EINVAL || n == -EOVERFLOW || n == -EFAULT;
}

struct neighbourhood {
	__u64 from;		/* in the window */
	size_t length;
	__u64 stored;
};

/* What lies around the bytes that may change. */
static int look_around(RANGES *self, __u64 offset, struct neighbourhood *at)
{
	__u64 begin = self->base + (offset < self->size ? offset : 0);
	__u64 end = least(begin + ROOM + MARGIN, self->dev.size);

	at->from = begin < MARGIN ? 0 : begin - MARGIN;
	at->length = end - at->from;
	if (self->dev.regs)
		at->stored = ws_reg64(&self->dev, WS_EDU_STORE_BYTES);
	return ws_pread(self->window, self->before, at->length, at->from) ==
	       (ssize_t)at->length ? 0 : -EIO;
}

/* The bytes of the block that a fault was in may have been stored twice. */
static void expect_stored(struct __test_metadata *_metadata, RANGES *self,
			  const struct neighbourhood *at, __u64 offset,
			  size_t length)
{
	__u64 skip = self->base + offset - at->from, stored;

	ASSERT_EQ(at->length, ws_pread(self->window, self->after, at->length,
				       at->from));
	if (length)
		memcpy(self->before + skip, self->room, length);
	EXPECT_EQ(0, memcmp(self->before, self->after, at->length));
	if (!self->dev.regs)
		return;
	stored = ws_reg64(&self->dev, WS_EDU_STORE_BYTES) - at->stored;
	EXPECT_TRUE(stored >= length && stored <= length + BLOCK) {
		TH_LOG("%llu bytes stored", stored);
	}
}

static ssize_t write_vector(int fd, const void *data, size_t length,
			    off_t offset)
{
	struct iovec iov[2] = { { NULL, 0 }, { (void *)data, length } };
	ssize_t n = pwritev(fd, iov, 2, offset);

	return n < 0 ? -errno : n;
}

static ssize_t read_vector(int fd, void *data, size_t length, off_t offset)
{
	struct iovec iov[2] = { { NULL, 0 }, { data, length } };
	ssize_t n = preadv(fd, iov, 2, offset);

	return n < 0 ? -errno : n;
}

typedef ssize_t (*writer)(int fd, const void *data, size_t length, off_t at);
typedef ssize_t (*reader)(int fd, void *data, size_t length, off_t at);

static void expect_write(struct __test_metadata *_metadata, RANGES *self,
			 writer write, __u64 offset, size_t length)
{
	ssize_t want, n;
	struct neighbourhood at;
	bool refused;

	want = wanted(self, offset, length, -ENOSPC, &refused);
	ASSERT_EQ(0, look_around(self, offset, &at));
	n = write(self->fd, self->room, length, offset);
	EXPECT_TRUE(n == want || (refused && is_refusal(n))) {
		TH_LOG("%zd, not %zd, for %zu bytes at %#llx", n, want, length,
		       offset);
	}
	expect_stored(_metadata, self, &at, offset, n > 0 ? n : 0);
}

static void expect_writes(struct __test_metadata *_metadata, RANGES *self,
			  writer write)
{
	__u64 offsets[VALUES];
	size_t lengths[VALUES], i, j, n, m;

	n = edge_values(self, offsets);
	m = length_values(self, lengths);
	for (i = 0; i < n; i++)
		for (j = 0; j < m; j++)
			expect_write(_metadata, self, write, offsets[i],
				     lengths[j]);
}

TEST_F(ranges, c7_pwrite)
{
	expect_writes(_metadata, self, ws_pwrite);
}

TEST_F(ranges, c7_pwritev)
{
	expect_writes(_metadata, self, write_vector);
}

static void expect_read(struct __test_metadata *_metadata, RANGES *self,
			reader read, __u64 offset, size_t length)
{
	ssize_t want, n;
	bool refused;
	__u8 *back;

	want = wanted(self, offset, length, 0, &refused);
	memset(self->room, 0, ROOM);
	n = read(self->fd, self->room, length, offset);
	EXPECT_TRUE(n == want || (refused && is_refusal(n))) {
		TH_LOG("%zd, not %zd, for %zu bytes at %#llx", n, want, length,
		       offset);
	}
	if (n < 0)
		n = 0;
	back = self->before;
	if (n)
		ASSERT_EQ(n, ws_pread(self->window, back, n,
				      self->base + offset));
	EXPECT_EQ(0, memcmp(self->room, back, n));
	EXPECT_TRUE(ws_all(self->room + n, ROOM - n, 0));
}

static void expect_reads(struct __test_metadata *_metadata, RANGES *self,
			 reader read)
{
	__u64 offsets[VALUES];
	size_t lengths[VALUES], i, j, n, m;

	n = edge_values(self, offsets);
	m = length_values(self, lengths);
	for (i = 0; i < n; i++)
		for (j = 0; j < m; j++)
			expect_read(_metadata, self, read, offsets[i],
				    lengths[j]);
}

TEST_F(ranges, c7_pread)
{
	expect_reads(_metadata, self, ws_pread);
}

TEST_F(ranges, c7_preadv)
{
	expect_reads(_metadata, self, read_vector);
}

/* WRITE tells its reason and its count; its lengths are 64 bits wide. */

static int wanted_of_ioctl(const RANGES *self, __u64 offset, __u64 length,
			   __u64 *written)
{
	*written = WS_GARBAGE;
	if (offset > INT64_MAX || length > INT64_MAX)
		return -EINVAL;
	*written = 0;
	if (!length)
		return 0;
	if (offset >= self->size)
		return -ENOSPC;
	*written = least(least(length, ROOM), self->size - offset);
	if (*written == length)
		return 0;
	return *written == self->size - offset ? -ENOSPC : -EFAULT;
}

static void expect_ioctl(struct __test_metadata *_metadata, RANGES *self,
			 __u64 offset, __u64 length)
{
	struct writesync_iovec piece = ws_piece(self->room, length);
	struct writesync_write write = ws_pieces_at(&piece, 1, offset);
	bool far = length > USER_END - (uintptr_t)self->room;
	struct neighbourhood at;
	__u64 written;
	int want, ret;

	want = wanted_of_ioctl(self, offset, length, &written);
	ASSERT_EQ(0, look_around(self, offset, &at));
	ret = ws_write_call(self->fd, &write);
	/* What lies beyond user space is no user memory from the first byte. */
	if (far && ret == -EFAULT && !write.bytes_written)
		written = 0;
	else
		EXPECT_EQ(want, ret);
	EXPECT_EQ(written, write.bytes_written) {
		TH_LOG("%d, not %d, for %llu bytes at %#llx", ret, want,
		       length, offset);
	}
	expect_stored(_metadata, self, &at, offset,
		      written == WS_GARBAGE ? 0 : written);
}

TEST_F(ranges, c7_the_write_ioctl)
{
	__u64 values[VALUES];
	size_t i, j, n;

	n = edge_values(self, values);
	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++)
			expect_ioctl(_metadata, self, values[i], values[j]);
}

/* lseek() */

static off_t wanted_position(const RANGES *self, off_t now, off_t offset,
			     int whence)
{
	__s64 from = whence == SEEK_CUR ? now :
		     whence == SEEK_END ? (__s64)self->size : 0;
	__s64 to;

	if (whence < SEEK_SET || whence > SEEK_END ||
	    __builtin_add_overflow(from, offset, &to) || to < 0 ||
	    (__u64)to > self->size)
		return -EINVAL;
	return to;
}

static void expect_seek(struct __test_metadata *_metadata, RANGES *self,
			off_t now, off_t offset, int whence)
{
	off_t want = wanted_position(self, now, offset, whence), to;

	ASSERT_EQ(now, lseek(self->fd, now, SEEK_SET));
	to = lseek(self->fd, offset, whence);
	EXPECT_EQ(want, to < 0 ? -errno : to) {
		TH_LOG("%#jx, whence %d, from %#jx", (intmax_t)offset, whence,
		       (intmax_t)now);
	}
	EXPECT_EQ(want < 0 ? now : want, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(ranges, c7_lseek)
{
	static const int whences[] = {
		SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 5, 77,
		-1, INT32_MAX, INT32_MIN,
	};
	const off_t positions[] = { 0, 40, self->size - 1, self->size };
	__u64 offsets[VALUES];
	size_t i, j, k, n;

	n = edge_values(self, offsets);
	for (i = 0; i < ARRAY_SIZE(positions); i++)
		for (j = 0; j < ARRAY_SIZE(whences); j++)
			for (k = 0; k < n; k++)
				expect_seek(_metadata, self, positions[i],
					    offsets[k], whences[j]);
}

/* mmap(): CVE-2013-6763 was a sum of these two that nobody looked at. */

static bool can_map(const RANGES *self, __u64 offset, size_t length)
{
	__u64 whole = ((__u64)length + PAGE - 1) & -PAGE;

	return !(offset % PAGE) && length && whole >= length &&
	       offset < self->size && whole <= self->size - offset;
}

static void expect_map(struct __test_metadata *_metadata, RANGES *self,
		       __u64 offset, size_t length)
{
	bool can = can_map(self, offset, length);
	__u8 *map = NULL;
	int ret = ws_map(self->fd, offset, length, PROT_READ, &map);

	EXPECT_TRUE(can ? !ret || (length > 1 << 30 && ret == -ENOMEM) :
			  ret == -EINVAL || ret == -EOVERFLOW ||
			  ret == -ENOMEM) {
		TH_LOG("%d for %zu bytes at %#llx", ret, length, offset);
	}
	if (!ret)
		munmap(map, length);
}

TEST_F(ranges, c7_mmap)
{
	size_t lengths[VALUES], i, j, n, m;
	__u64 offsets[VALUES];

	n = edge_values(self, offsets);
	m = length_values(self, lengths);
	for (i = 0; i < n; i++)
		for (j = 0; j < m; j++)
			expect_map(_metadata, self, offsets[i], lengths[j]);
}

TEST_HARNESS_MAIN

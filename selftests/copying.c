// SPDX-License-Identifier: GPL-2.0
/*
 * C7 and C9: the bytes that were asked for are written, all of them or a count
 * of them, and nothing around them.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define AREA		16384	/* bytes of the window under watch */

FIXTURE(copying) {
	struct ws_dev dev;
	int fd;
	long page;
	off_t end;
	__u8 *expected;	/* what the area must hold */
	__u8 *seen;
	__u8 *data;		/* page-aligned, AREA bytes */
	__u8 *edge;		/* a page with nothing behind it */
};

#define COPYING		FIXTURE_DATA(copying)

FIXTURE_SETUP(copying)
{
	WS_BEGIN(return, &self->dev, 0);
	self->page = sysconf(_SC_PAGESIZE);
	self->end = self->dev.size;
	self->expected = malloc(AREA);
	self->seen = malloc(AREA);
	self->data = aligned_alloc(self->page, AREA);
	self->edge = ws_edge();
	ASSERT_NE(NULL, self->expected);
	ASSERT_NE(NULL, self->seen);
	ASSERT_NE(NULL, self->data);
	ASSERT_NE(NULL, self->edge);
	ws_fill(self->expected, AREA, 21);
	ws_fill(self->data, AREA, 22);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	if (self->dev.regs)
		ws_drain(&self->dev, 0);
	ASSERT_EQ(AREA, ws_pwrite(self->fd, self->expected, AREA, 0));
}

FIXTURE_TEARDOWN(copying)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* Does the window hold @expected in [from, from + length)? */
static bool holds(COPYING *self, off_t from, size_t length)
{
	ssize_t n = ws_pread(self->fd, self->seen, length, from);

	return n == (ssize_t)length &&
	       !memcmp(self->seen, self->expected + from, length);
}

/* Write @n of @length bytes; all around must stay as it was. */
static void expect_count(struct __test_metadata *_metadata,
			 COPYING *self, const __u8 *from,
			 size_t length, off_t at, ssize_t n)
{
	off_t guard = at < 32 ? 0 : at - 32;

	ASSERT_EQ(n, ws_pwrite(self->fd, from, length, at)) {
		TH_LOG("%zu bytes at %jd", length, (intmax_t)at);
	}
	if (n > 0)
		memcpy(self->expected + at, from, n);
	ASSERT_TRUE(holds(self, guard, length + 64)) {
		TH_LOG("%zu bytes at %jd", length, (intmax_t)at);
	}
}

TEST_F(copying, c7_every_misalignment_of_buffer_and_offset)
{
	static const size_t lengths[] = { 1, 3, 7, 8, 9, 15, 17, 31, 65 };
	unsigned int skew, at, seed = 30;
	size_t i;

	for (skew = 0; skew < 16; skew++) {
		for (at = 0; at < 16; at++) {
			ws_fill(self->data, 128, seed++);
			for (i = 0; i < ARRAY_SIZE(lengths); i++)
				expect_count(_metadata, self,
					     self->data + skew, lengths[i],
					     64 + at, lengths[i]);
		}
	}
}

TEST_F(copying, c7_lengths)
{
	const size_t lengths[] = {
		0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128,
		129, self->page - 1, self->page, self->page + 1,
		2 * self->page - 1, 2 * self->page + 1,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		ws_fill(self->data, lengths[i], 50 + i);
		expect_count(_metadata, self, self->data, lengths[i], 0,
			     lengths[i]);
		expect_count(_metadata, self, self->data + 1, lengths[i], 4093,
			     lengths[i]);
	}
}

TEST_F(copying, c7_reads_of_every_misalignment)
{
	static const size_t lengths[] = { 0, 1, 3, 7, 8, 9, 63, 64, 65, 300 };
	unsigned int skew, at;
	size_t i;

	for (skew = 0; skew < 8; skew++) {
		for (at = 0; at < 8; at++) {
			for (i = 0; i < ARRAY_SIZE(lengths); i++) {
				__u8 *to = self->seen + skew;

				memset(self->seen, 0xee, 512);
				ASSERT_EQ(lengths[i],
					  ws_pread(self->fd, to, lengths[i],
						   at));
				ASSERT_EQ(0, memcmp(to, self->expected + at,
						    lengths[i]));
				ASSERT_EQ(0xee, to[lengths[i]]);
			}
		}
	}
}

/* The end of the window */

TEST_F(copying, c7_at_the_end)
{
	__u8 byte = 0x42, back[2] = { 0, 0x17 };

	EXPECT_EQ(1, ws_pwrite(self->fd, &byte, 1, self->end - 1));
	EXPECT_EQ(1, ws_pread(self->fd, back, 2, self->end - 1));
	EXPECT_EQ(0x42, back[0]);
	EXPECT_EQ(0x17, back[1]);
	EXPECT_EQ(1, ws_pwrite(self->fd, self->data, 64, self->end - 1));
	EXPECT_EQ(63, ws_pwrite(self->fd, self->data, 64, self->end - 63));
	EXPECT_EQ(0, ws_pwrite(self->fd, self->data, 0, self->end));
	EXPECT_EQ(-ENOSPC, ws_pwrite(self->fd, self->data, 1, self->end));
	EXPECT_EQ(0, ws_pread(self->fd, back, 2, self->end));
	EXPECT_TRUE(holds(self, 0, AREA));
}

TEST_F(copying, c7_beyond_the_end)
{
	const off_t offsets[] = {
		self->end + 1, self->end + 4096, 1ll << 32, 1ll << 40,
		(1ll << 62), INT64_MAX - 8, INT64_MAX - 1, INT64_MAX,
	};
	__u8 back[8];
	ssize_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		if (offsets[i] < self->end)
			continue;
		n = ws_pwrite(self->fd, self->data, 8, offsets[i]);
		/* The kernel refuses sums beyond 2^63 by itself. */
		EXPECT_TRUE(n == -ENOSPC || (n == -EINVAL || n == -EOVERFLOW ?
			    offsets[i] > INT64_MAX - 8 : false)) {
			TH_LOG("%zd at %jd", n, (intmax_t)offsets[i]);
		}
		n = ws_pread(self->fd, back, 8, offsets[i]);
		EXPECT_TRUE(n == 0 || (n == -EINVAL || n == -EOVERFLOW ?
			    offsets[i] > INT64_MAX - 8 : false)) {
			TH_LOG("%zd at %jd", n, (intmax_t)offsets[i]);
		}
	}
	EXPECT_TRUE(holds(self, 0, AREA));
}

TEST_F(copying, c7_negative_offsets)
{
	static const off_t offsets[] = { -1, -8, -4096, INT64_MIN };
	__u8 back[8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		EXPECT_EQ(-EINVAL,
			  ws_pwrite(self->fd, self->data, 8, offsets[i]));
		EXPECT_EQ(-EINVAL, ws_pread(self->fd, back, 8, offsets[i]));
	}
	EXPECT_TRUE(holds(self, 0, AREA));
}

/* Enormous counts, offsets small: no sum may wrap. */
TEST_F(copying, c7_counts_near_the_largest)
{
	ssize_t n = ws_pwrite(self->fd, self->edge, SIZE_MAX, 0);

	EXPECT_TRUE(n == -EINVAL || n == -EFAULT || n == self->page);
	n = ws_pwrite(self->fd, self->edge, SSIZE_MAX, self->end - 8);
	EXPECT_TRUE(n == -EINVAL || n == -EFAULT || n == 8);
	EXPECT_TRUE(holds(self, self->page, AREA - self->page));
}

FIXTURE(whole_window) {
	struct ws_dev dev;
	int fd;
	size_t size;
	__u8 *data;
	__u8 *back;
};

#define WHOLE_WINDOW		FIXTURE_DATA(whole_window)

FIXTURE_SETUP(whole_window)
{
	WS_BEGIN(return, &self->dev, 0);
	self->size = self->dev.size;
	if (self->size > 64 << 20)
		SKIP(return, "a window of more than 64 MiB");
	self->data = malloc(self->size + 1);
	self->back = malloc(self->size + 1);
	ASSERT_NE(NULL, self->data);
	ASSERT_NE(NULL, self->back);
	ws_fill(self->data, self->size + 1, ws_now());
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	if (self->dev.regs)
		ws_drain(&self->dev, 0);
}

FIXTURE_TEARDOWN(whole_window)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(whole_window, c7_is_written_and_read)
{
	ASSERT_EQ(self->size,
		  ws_pwrite(self->fd, self->data, self->size, 0));
	EXPECT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(self->size,
		  ws_pread(self->fd, self->back, self->size, 0));
	EXPECT_EQ(0, memcmp(self->data, self->back, self->size));
	if (self->dev.peer)
		EXPECT_EQ(ws_crc(self->data, self->size),
			  ws_peer_crc(&self->dev, 0, self->size));
}

TEST_F(whole_window, c7_and_one_more_is_short)
{
	self->back[self->size] = 0x5a;
	EXPECT_EQ(self->size,
		  ws_pwrite(self->fd, self->data, self->size + 1, 0));
	EXPECT_EQ(self->size,
		  ws_pread(self->fd, self->back, self->size + 1, 0));
	EXPECT_EQ(0, memcmp(self->data, self->back, self->size));
	EXPECT_EQ(0x5a, self->back[self->size]);
}

/* As dd does it: by the file position, in steps that do not divide it. */
static void copy_in_steps(struct __test_metadata *_metadata,
			  WHOLE_WINDOW *self, size_t step)
{
	size_t done = 0;
	ssize_t n;

	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	while (done < self->size) {
		n = write(self->fd, self->data + done, step);
		ASSERT_LT(0, n);
		ASSERT_EQ(self->size - done < step ? self->size - done : step,
			  n);
		done += n;
		ASSERT_EQ(done, lseek(self->fd, 0, SEEK_CUR));
	}
	EXPECT_EQ(-1, write(self->fd, self->data, 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(0, fsync(self->fd));
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	for (done = 0; (n = read(self->fd, self->back + done, step)) > 0;)
		done += n;
	EXPECT_EQ(0, n);
	EXPECT_EQ(self->size, done);
	EXPECT_EQ(0, memcmp(self->data, self->back, self->size));
}

TEST_F(whole_window, c7_sequential_copy_by_pages)
{
	copy_in_steps(_metadata, self, 4096);
}

TEST_F(whole_window, c7_sequential_copy_by_odd_steps)
{
	self->data = realloc(self->data, self->size + 32768);
	ASSERT_NE(NULL, self->data);
	copy_in_steps(_metadata, self, 23333);
}

/* Buffers that end where memory ends */

TEST_F(copying, c9_a_fault_makes_the_write_short_by_what_was_not_readable)
{
	long n;
	off_t at;

	for (n = 1; n < 80; n += n < 20 ? 1 : 7)
		for (at = 512; at < 520; at++)
			expect_count(_metadata, self,
				     self->edge + self->page - n, 200, at, n);
}

TEST_F(copying, c9_a_fault_on_the_second_page)
{
	expect_count(_metadata, self, self->edge, self->page + 1, 0,
		     self->page);
	expect_count(_metadata, self, self->edge + 1, self->page, 3,
		     self->page - 1);
	expect_count(_metadata, self, self->edge, 2 * self->page, 8,
		     self->page);
}

TEST_F(copying, c9_an_unmapped_buffer_leaves_the_device_untouched)
{
	__u8 *gone = self->edge + self->page;
	struct ws_counters before = { 0 }, after = { 0 };

	if (self->dev.regs)
		before = ws_count(&self->dev);
	EXPECT_EQ(-EFAULT, ws_pwrite(self->fd, gone, 1, 0));
	EXPECT_EQ(-EFAULT, ws_pwrite(self->fd, gone, 64, 0));
	EXPECT_EQ(-EFAULT, ws_pwrite(self->fd, gone + 5, self->page, 3));
	EXPECT_EQ(-EFAULT, ws_pwrite(self->fd, NULL, 64, 0));
	EXPECT_EQ(-EFAULT, ws_pwrite(self->fd, (void *)-4096l, 64, 0));
	if (self->dev.regs)
		after = ws_count(&self->dev);
	EXPECT_EQ(0, ws_stores(before, after));
	EXPECT_EQ(0, after.store_bytes - before.store_bytes);
	EXPECT_TRUE(holds(self, 0, AREA));
}

TEST_F(copying, c9_a_buffer_that_may_not_be_read)
{
	ASSERT_EQ(0, mprotect(self->data, self->page, PROT_NONE));
	EXPECT_EQ(-EFAULT, ws_pwrite(self->fd, self->data, 64, 0));
	EXPECT_TRUE(holds(self, 0, AREA));
}

/* Pages that are not there yet are no fault. */
static __u8 *map_lazily(int fd, size_t length)
{
	int flags = MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0);
	void *map = mmap(NULL, length, PROT_READ, flags, fd, 0);

	return map == MAP_FAILED ? NULL : map;
}

TEST_F(copying, c9_pages_that_are_not_present_are_brought_in)
{
	size_t length = 3 * self->page - 64;
	int file = memfd_create("file", MFD_CLOEXEC);
	__u8 *map;

	map = map_lazily(-1, AREA);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(length, ws_pwrite(self->fd, map + 5, length, 11));
	memset(self->expected + 11, 0, length);
	EXPECT_TRUE(holds(self, 0, AREA));

	ASSERT_LE(0, file);
	ASSERT_EQ(AREA, write(file, self->data, AREA));
	map = map_lazily(file, AREA);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(length, ws_pwrite(self->fd, map + 5, length, 11));
	memcpy(self->expected + 11, self->data + 5, length);
	EXPECT_TRUE(holds(self, 0, AREA));
	close(file);
}

TEST_F(copying, c9_reading_into_a_faulting_buffer)
{
	__u8 *tail = self->edge + self->page - 100;
	ssize_t n;

	EXPECT_EQ(-EFAULT, ws_pread(self->fd, tail + 100, 64, 0));
	n = ws_pread(self->fd, tail, 300, 0);
	ASSERT_EQ(100, n);
	EXPECT_EQ(0, memcmp(tail, self->expected, 100));
}

/* Vectors */

TEST_F(copying, c9_vectors_are_written_in_order)
{
	struct iovec iov[] = {
		{ self->data + 100, 5 }, { self->data, 0 },
		{ NULL, 0 }, { self->data + 1, 64 }, { self->data + 300, 1 },
		{ self->data + 3, 4095 },
	};
	__u8 *to = self->expected + 777;
	ssize_t n = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(iov); i++) {
		if (iov[i].iov_len)
			memcpy(to + n, iov[i].iov_base, iov[i].iov_len);
		n += iov[i].iov_len;
	}
	ASSERT_EQ(n, pwritev(self->fd, iov, ARRAY_SIZE(iov), 777));
	EXPECT_TRUE(holds(self, 0, AREA));
}

TEST_F(copying, c9_a_vector_with_a_bad_part_counts_those_before_it)
{
	struct iovec iov[] = {
		{ self->data, 33 }, { self->data + 64, 9 },
		{ self->edge + self->page, 8 }, { self->data, 64 },
	};

	ASSERT_EQ(42, pwritev(self->fd, iov, ARRAY_SIZE(iov), 101));
	memcpy(self->expected + 101, self->data, 33);
	memcpy(self->expected + 134, self->data + 64, 9);
	EXPECT_TRUE(holds(self, 0, AREA));

	EXPECT_EQ(-1, pwritev(self->fd, iov + 2, 2, 101));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(holds(self, 0, AREA));
}

TEST_F(copying, c9_a_vector_at_the_end_is_short)
{
	struct iovec iov[] = { { self->data, 40 }, { self->data + 40, 60 } };

	EXPECT_EQ(64, pwritev(self->fd, iov, 2, self->end - 64));
	EXPECT_EQ(20, pwritev(self->fd, iov, 2, self->end - 20));
	EXPECT_EQ(-1, pwritev(self->fd, iov, 2, self->end));
	EXPECT_EQ(ENOSPC, errno);
}

TEST_F(copying, c9_vectors_are_read_in_order)
{
	__u8 a[3], b[200], c[5];
	struct iovec iov[] = { { a, 3 }, { b, 200 }, { c, 5 } };

	ASSERT_EQ(208, preadv(self->fd, iov, 3, 9));
	EXPECT_EQ(0, memcmp(a, self->expected + 9, 3));
	EXPECT_EQ(0, memcmp(b, self->expected + 12, 200));
	EXPECT_EQ(0, memcmp(c, self->expected + 212, 5));
}

/* Without a buffer */

TEST_F(copying, c7_sendfile_into_the_window)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	size_t length = 9000;
	off_t from = 3;

	ASSERT_LE(0, file);
	ASSERT_EQ(AREA, write(file, self->data, AREA));
	ASSERT_EQ(21, lseek(self->fd, 21, SEEK_SET));
	ASSERT_EQ(length, sendfile(self->fd, file, &from, length));
	EXPECT_EQ(3 + length, from);
	EXPECT_EQ(21 + length, lseek(self->fd, 0, SEEK_CUR));
	memcpy(self->expected + 21, self->data + 3, length);
	EXPECT_TRUE(holds(self, 0, AREA));
	close(file);
}

TEST_F(copying, c7_sendfile_out_of_the_window)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	size_t length = 9000, done = 0;
	off_t from = 17;
	ssize_t n;

	ASSERT_LE(0, file);
	while (done < length) {
		n = sendfile(file, self->fd, &from, length - done);
		ASSERT_LT(0, n);
		done += n;
	}
	EXPECT_EQ(17 + length, from);
	ASSERT_EQ(length, pread(file, self->seen, AREA, 0));
	EXPECT_EQ(0, memcmp(self->seen, self->expected + 17, length));
	close(file);
}

TEST_F(copying, c7_splice_into_and_out_of_the_window)
{
	loff_t to = 1001, from = 1001;
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	ASSERT_EQ(3000, write(ends[1], self->data + 7, 3000));
	ASSERT_EQ(3000, splice(ends[0], NULL, self->fd, &to, 3000, 0));
	EXPECT_EQ(4001, to);
	memcpy(self->expected + 1001, self->data + 7, 3000);
	EXPECT_TRUE(holds(self, 0, AREA));

	ASSERT_EQ(3000, splice(self->fd, &from, ends[1], NULL, 3000, 0));
	EXPECT_EQ(4001, from);
	ASSERT_EQ(3000, read(ends[0], self->seen, AREA));
	EXPECT_EQ(0, memcmp(self->seen, self->data + 7, 3000));
	close(ends[0]);
	close(ends[1]);
}

TEST_F(copying, c7_splice_ends_where_the_window_ends)
{
	loff_t to = self->end - 10, from = self->end - 10;
	int ends[2];

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	ASSERT_EQ(64, write(ends[1], self->data, 64));
	EXPECT_EQ(10, splice(ends[0], NULL, self->fd, &to, 64, 0));
	EXPECT_EQ(self->end, to);
	close(ends[0]);
	close(ends[1]);

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	EXPECT_EQ(10, splice(self->fd, &from, ends[1], NULL, 64, 0));
	EXPECT_EQ(self->end, from);
	ASSERT_EQ(10, read(ends[0], self->seen, 64));
	EXPECT_EQ(0, memcmp(self->seen, self->data, 10));
	EXPECT_EQ(0, splice(self->fd, &from, ends[1], NULL, 64, 0));
	close(ends[0]);
	close(ends[1]);
}

TEST_HARNESS_MAIN

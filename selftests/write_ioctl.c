// SPDX-License-Identifier: GPL-2.0
/*
 * WRITESYNC_IOC_WRITE: which bytes go where, the file position, what is
 * refused, what it costs. write_sync.c has the sync that belongs to it.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define AREA		16384	/* bytes of the window under watch */
#define CHUNK		65536	/* a long copy looks up this often */
#define LENGTH		64

/* The bytes: which, where, how many; and nothing around them. */

FIXTURE(write) {
	struct ws_dev dev;
	int fd;
	long page;
	off_t end;
	__u8 *expected;	/* what the area must hold */
	__u8 *seen;
	__u8 *data;		/* AREA bytes */
	__u8 *edge;		/* a page with nothing behind it */
	struct writesync_iovec iov[WRITESYNC_IOV_MAX + 1];
};

#define WRITE		FIXTURE_DATA(write)

FIXTURE_SETUP(write)
{
	WS_BEGIN(return, &self->dev, 0);
	if (self->dev.size < 8 * AREA)
		SKIP(return, "the window is too small");
	self->page = sysconf(_SC_PAGESIZE);
	self->end = self->dev.size;
	self->expected = malloc(AREA);
	self->seen = malloc(AREA);
	self->data = malloc(AREA);
	self->edge = ws_edge();
	ASSERT_NE(NULL, self->expected);
	ASSERT_NE(NULL, self->seen);
	ASSERT_NE(NULL, self->data);
	ASSERT_NE(NULL, self->edge);
	ws_fill(self->expected, AREA, 61);
	ws_fill(self->data, AREA, 62);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(AREA, ws_pwrite(self->fd, self->expected, AREA, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
}

FIXTURE_TEARDOWN(write)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static bool area_holds(WRITE *self)
{
	ssize_t n = ws_pread(self->fd, self->seen, AREA, 0);

	return n == AREA && !memcmp(self->seen, self->expected, AREA);
}

/* @data in pieces whose lengths go round, 0 among them. */
static size_t cut(WRITE *self, __u32 count)
{
	static const __u8 lengths[] = { 1, 8, 0, 3, 17, 64, 0, 0, 7, 33 };
	size_t total = 0;
	__u32 i;

	for (i = 0; i < count; i++) {
		__u8 length = lengths[(i + count) % ARRAY_SIZE(lengths)];

		self->iov[i] = ws_piece(self->data + total, length);
		total += length;
	}
	return total;
}

static void write_pieces(struct __test_metadata *_metadata, WRITE *self,
			 __u32 count, off_t at)
{
	struct writesync_write write = ws_pieces_at(self->iov, count, at);
	size_t total = cut(self, count);

	ASSERT_GE(AREA, at + total);
	ASSERT_EQ(0, ws_write_call(self->fd, &write)) {
		TH_LOG("%u pieces at %jd", count, (intmax_t)at);
	}
	EXPECT_EQ(total, write.bytes_written);
	memcpy(self->expected + at, self->data, total);
	ASSERT_TRUE(area_holds(self)) {
		TH_LOG("%u pieces at %jd", count, (intmax_t)at);
	}
}

TEST_F(write, c7_pieces_are_written_in_order)
{
	static const __u32 counts[] = { 1, 2, 3, 7, 8, 9, 16, 100, 511, 512 };
	size_t i;
	off_t at;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (at = 777; at < 786; at++) {
			ws_fill(self->data, AREA, 100 * i + at);
			write_pieces(_metadata, self, counts[i], at);
		}
	}
}

TEST_F(write, c7_1024_pieces_are_written_in_order)
{
	size_t i, total = 0;
	struct writesync_write write;

	for (i = 0; i < WRITESYNC_IOV_MAX; i++) {
		self->iov[i] = ws_piece(self->data + total, i % 15);
		total += i % 15;
	}
	write = ws_pieces_at(self->iov, WRITESYNC_IOV_MAX, 3);
	ASSERT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(total, write.bytes_written);
	memcpy(self->expected + 3, self->data, total);
	EXPECT_TRUE(area_holds(self));
}

/* Scattered pieces, not one after the other, and the same twice. */
TEST_F(write, c7_pieces_may_lie_anywhere)
{
	__u8 local[9] = "anywhere";
	struct writesync_iovec iov[] = {
		ws_piece(self->data + 100, 5), ws_piece(local, 9),
		ws_piece(NULL, 0), ws_piece(self->edge + self->page - 7, 7),
		ws_piece(self->data + 100, 5), ws_piece(self->data + 1, 4097),
	};
	struct writesync_write write = ws_pieces_at(iov, ARRAY_SIZE(iov), 5);
	__u8 *to = self->expected + 5;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(iov); i++) {
		memcpy(to, iov[i].length ? (__u8 *)(uintptr_t)iov[i].base : to,
		       iov[i].length);
		to += iov[i].length;
	}
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(to - self->expected - 5, write.bytes_written);
	EXPECT_TRUE(area_holds(self));
}

TEST_F(write, c7_every_misalignment_of_buffer_and_offset)
{
	static const size_t lengths[] = { 1, 7, 8, 9, 31, 65 };
	struct writesync_iovec iov;
	struct writesync_write write;
	unsigned int skew, at;
	size_t i;

	for (skew = 0; skew < 9; skew++) {
		for (at = 64; at < 73; at++) {
			for (i = 0; i < ARRAY_SIZE(lengths); i++) {
				iov = ws_piece(self->data + skew, lengths[i]);
				write = ws_pieces_at(&iov, 1, at);
				ASSERT_EQ(0, ws_write_call(self->fd, &write));
				memcpy(self->expected + at, self->data + skew,
				       lengths[i]);
				ASSERT_EQ(lengths[i], write.bytes_written);
			}
			ws_fill(self->data, 128, at + 100 * skew);
		}
		ASSERT_TRUE(area_holds(self));
	}
}

TEST_F(write, c7_inputs_are_not_changed)
{
	struct writesync_iovec iov[] = {
		ws_piece(self->data, 70000), ws_piece(self->data, 8),
	};
	struct writesync_write write = ws_pieces_at(iov, 2, self->end - 40);

	write.timeout_ns = 3 * WS_S;
	write.flags |= WRITESYNC_WRITE_SYNC;
	EXPECT_EQ(-ENOSPC, ws_write_call(self->fd, &write));
	EXPECT_EQ((uintptr_t)self->data, iov[0].base);
	EXPECT_EQ(70000, iov[0].length);
	EXPECT_EQ(8, iov[1].length);
	EXPECT_EQ((uintptr_t)iov, write.iov);
	EXPECT_EQ(2, write.iov_count);
	EXPECT_EQ(sizeof(write), write.size);
	EXPECT_EQ(self->end - 40, write.offset);
	EXPECT_EQ(3 * WS_S, write.timeout_ns);
	EXPECT_EQ(WRITESYNC_WRITE_AT | WRITESYNC_WRITE_SYNC, write.flags);
	EXPECT_EQ(0, write.__reserved);
	EXPECT_EQ(0, write.__reserved2);
}

TEST_F(write, c1_outputs_are_plausible)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	struct writesync_write write = ws_pieces_at(&iov, 1, 0);
	__u64 begun = ws_now(), took;
	struct writesync_query query;

	write.flags |= WRITESYNC_WRITE_SYNC;
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	took = ws_now() - begun;
	EXPECT_EQ(LENGTH, write.bytes_written);
	EXPECT_LT(0, write.elapsed_ns);
	EXPECT_GE(took, write.elapsed_ns);
	EXPECT_LE(1, write.readbacks);
	ASSERT_EQ(0, ws_query(self->fd, &query));
	EXPECT_EQ(query.posted, query.synced);
	EXPECT_EQ(query.synced, write.synced);
}

TEST_F(write, c1_without_sync_it_only_posts)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	struct writesync_write write = ws_pieces_at(&iov, 1, 0);
	struct writesync_query query;

	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, write.readbacks);
	ASSERT_EQ(0, ws_query(self->fd, &query));
	EXPECT_EQ(1, query.needed);
	EXPECT_EQ(query.synced, write.synced);
	EXPECT_LT(write.synced, query.posted);
}

/* No bytes */

static void expect_only_sync(struct __test_metadata *_metadata, WRITE *self,
			     __u32 count)
{
	struct writesync_write write = ws_pieces(self->iov, count);

	ASSERT_EQ(8, ws_pwrite(self->fd, self->expected, 8, 0));
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, write.bytes_written);
	EXPECT_EQ(0, write.readbacks);
	EXPECT_EQ(1, ws_needed(self->fd));
	write.flags = WRITESYNC_WRITE_SYNC;
	write.bytes_written = WS_GARBAGE;
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, write.bytes_written);
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_TRUE(area_holds(self));
}

TEST_F(write, c1_no_bytes_is_only_the_sync)
{
	size_t i;

	for (i = 0; i < WRITESYNC_IOV_MAX; i++)
		self->iov[i] = ws_piece(i % 2 ? self->data : NULL, 0);
	expect_only_sync(_metadata, self, 0);
	expect_only_sync(_metadata, self, 1);
	expect_only_sync(_metadata, self, WRITESYNC_IOV_MAX);
}

TEST_F(write, c7_no_pieces_need_no_array)
{
	struct writesync_write write = ws_pieces(NULL, 0);

	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, write.bytes_written);
	write.iov = WS_GARBAGE;
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
}

TEST_F(write, c7_no_bytes_fit_everywhere)
{
	const __u64 offsets[] = {
		0, self->end - 1, self->end, self->end + 1, INT64_MAX,
	};
	struct writesync_write write;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		write = ws_pieces_at(NULL, 0, offsets[i]);
		EXPECT_EQ(0, ws_write_call(self->fd, &write)) {
			TH_LOG("at %llu", offsets[i]);
		}
		EXPECT_EQ(0, write.bytes_written);
	}
}

/* The file position */

static void write_here(struct __test_metadata *_metadata, int fd,
		       const void *data, size_t length)
{
	struct writesync_iovec iov = ws_piece(data, length);
	struct writesync_write write = ws_pieces(&iov, 1);

	EXPECT_EQ(0, ws_write_call(fd, &write));
	EXPECT_EQ(length, write.bytes_written);
}

TEST_F(write, c7_the_position_advances_by_what_was_written)
{
	int copy = dup(self->fd);

	ASSERT_LE(0, copy);
	write_here(_metadata, self->fd, self->data, 13);
	EXPECT_EQ(13, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(5, write(self->fd, self->data + 13, 5));
	write_here(_metadata, copy, self->data + 18, 300);
	EXPECT_EQ(318, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(7, write(copy, self->data + 318, 7));
	write_here(_metadata, self->fd, self->data + 325, 1);
	EXPECT_EQ(326, lseek(copy, 0, SEEK_CUR));
	memcpy(self->expected, self->data, 326);
	ASSERT_EQ(1001, lseek(self->fd, 1001, SEEK_SET));
	write_here(_metadata, self->fd, self->data, 9);
	EXPECT_EQ(1010, lseek(self->fd, 0, SEEK_CUR));
	memcpy(self->expected + 1001, self->data, 9);
	EXPECT_TRUE(area_holds(self));
	close(copy);
}

TEST_F(write, c7_children_share_the_position)
{
	int status = -1;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		write_here(_metadata, self->fd, self->data, 100);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(100, lseek(self->fd, 0, SEEK_CUR));
	write_here(_metadata, self->fd, self->data + 100, 50);
	memcpy(self->expected, self->data, 150);
	EXPECT_TRUE(area_holds(self));
}

TEST_F(write, c7_at_an_offset_the_position_stays)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	struct writesync_write write = ws_pieces_at(&iov, 1, 500);

	ASSERT_EQ(9, lseek(self->fd, 9, SEEK_SET));
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(9, lseek(self->fd, 0, SEEK_CUR));
	write = ws_pieces_at(&iov, 1, self->end - 8);
	EXPECT_EQ(-ENOSPC, ws_write_call(self->fd, &write));
	EXPECT_EQ(8, write.bytes_written);
	EXPECT_EQ(9, lseek(self->fd, 0, SEEK_CUR));
	memcpy(self->expected + 500, self->data, LENGTH);
	EXPECT_TRUE(area_holds(self));
}

/* A device has no end to append at. */
TEST_F(write, c7_appending_writes_at_the_position)
{
	int fd = ws_open(&self->dev, O_WRONLY | O_APPEND);

	ASSERT_LE(0, fd);
	write_here(_metadata, fd, self->data, 8);
	write_here(_metadata, fd, self->data + 8, 8);
	EXPECT_EQ(16, lseek(fd, 0, SEEK_CUR));
	memcpy(self->expected, self->data, 16);
	EXPECT_TRUE(area_holds(self));
	close(fd);
}

/* ENOSPC: the end of the file's memory */

static void expect_short(struct __test_metadata *_metadata, WRITE *self,
			 size_t room)
{
	struct writesync_iovec iov[] = {
		ws_piece(self->data, 4), ws_piece(self->data + 4, 60),
	};
	struct writesync_write write = ws_pieces(iov, 2);
	__u8 back[LENGTH];

	ws_fill(self->data, LENGTH, room);
	write.flags = WRITESYNC_WRITE_SYNC;
	ASSERT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(self->end - room,
		  lseek(self->fd, self->end - room, SEEK_SET));
	EXPECT_EQ(-ENOSPC, ws_write_call(self->fd, &write));
	EXPECT_EQ(room, write.bytes_written);
	EXPECT_EQ(self->end, lseek(self->fd, 0, SEEK_CUR));
	/* Fewer than asked for: no sync. */
	EXPECT_EQ(0, write.readbacks);
	EXPECT_EQ(room > 0, ws_needed(self->fd));
	EXPECT_EQ(room, ws_pread(self->fd, back, LENGTH, self->end - room));
	EXPECT_EQ(0, memcmp(back, self->data, room));
}

TEST_F(write, c7_enospc_at_the_end_counts_what_fitted)
{
	static const size_t rooms[] = { 63, 17, 8, 5, 4, 3, 1, 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rooms); i++)
		expect_short(_metadata, self, rooms[i]);
	EXPECT_TRUE(area_holds(self));
}

TEST_F(write, c7_what_just_fits_is_no_enospc)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	struct writesync_write write = ws_pieces_at(&iov, 1, self->end - LENGTH);

	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(LENGTH, write.bytes_written);
}

TEST_F(write, c7_enospc_beyond_the_end)
{
	const __u64 offsets[] = {
		self->end, self->end + 1, 1ull << 40, 1ull << 62,
		INT64_MAX - LENGTH, INT64_MAX - 1, INT64_MAX,
	};
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	struct writesync_write write;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		write = ws_pieces_at(&iov, 1, offsets[i]);
		write.flags |= WRITESYNC_WRITE_SYNC;
		EXPECT_EQ(-ENOSPC, ws_write_call(self->fd, &write)) {
			TH_LOG("at %llu", offsets[i]);
		}
		EXPECT_EQ(0, write.bytes_written);
	}
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_TRUE(area_holds(self));
}

/* EFAULT: a piece that cannot be read; those before it are written. */

static void expect_fault(struct __test_metadata *_metadata, WRITE *self,
			 __u64 base, __u64 length)
{
	struct writesync_iovec iov[] = {
		ws_piece(self->data, 33), { base, length },
		ws_piece(self->data, 8),
	};
	struct writesync_write write = ws_pieces(iov, 3);

	write.flags = WRITESYNC_WRITE_SYNC;
	ASSERT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(70, lseek(self->fd, 70, SEEK_SET));
	EXPECT_EQ(-EFAULT, ws_write_call(self->fd, &write)) {
		TH_LOG("%#llx, %llu bytes", base, length);
	}
	EXPECT_EQ(33, write.bytes_written);
	EXPECT_EQ(103, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(0, write.readbacks);
	EXPECT_EQ(1, ws_needed(self->fd));
	memcpy(self->expected + 70, self->data, 33);
	EXPECT_TRUE(area_holds(self));
}

/* As the only piece: nothing reaches the device at all. */
static void expect_untouched(struct __test_metadata *_metadata, WRITE *self,
			     __u64 base, __u64 length)
{
	struct writesync_iovec iov = { base, length };
	struct writesync_write write = ws_pieces(&iov, 1);
	struct ws_counters before = { 0 }, after = { 0 };

	ASSERT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(70, lseek(self->fd, 70, SEEK_SET));
	if (self->dev.regs)
		before = ws_count(&self->dev);
	EXPECT_EQ(-EFAULT, ws_write_call(self->fd, &write)) {
		TH_LOG("%#llx, %llu bytes", base, length);
	}
	if (self->dev.regs)
		after = ws_count(&self->dev);
	EXPECT_EQ(0, after.store_bytes - before.store_bytes);
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, write.bytes_written);
	EXPECT_EQ(70, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_TRUE(area_holds(self));
}

TEST_F(write, c9_efault_counts_what_came_before)
{
	__u64 gone = (uintptr_t)self->edge + self->page;

	expect_fault(_metadata, self, gone, 1);
	expect_fault(_metadata, self, gone, 8);
	expect_fault(_metadata, self, gone + 3, 4096);
	expect_fault(_metadata, self, 0, 64);
	expect_fault(_metadata, self, 0, 100000);
	expect_untouched(_metadata, self, gone, 1);
	expect_untouched(_metadata, self, gone + 3, 100000);
	expect_untouched(_metadata, self, 0, 64);
}

TEST_F(write, c9_efault_in_the_middle_of_a_piece)
{
	struct writesync_iovec iov[2];
	struct writesync_write write;
	long n;

	for (n = 1; n < 80; n += n < 20 ? 1 : 7) {
		iov[0] = ws_piece(self->data, 11);
		iov[1] = ws_piece(self->edge + self->page - n, 200);
		write = ws_pieces(iov, 2);
		ASSERT_EQ(512, lseek(self->fd, 512, SEEK_SET));
		EXPECT_EQ(-EFAULT, ws_write_call(self->fd, &write));
		EXPECT_EQ(11 + n, write.bytes_written);
		EXPECT_EQ(523 + n, lseek(self->fd, 0, SEEK_CUR));
		memcpy(self->expected + 512, self->data, 11);
		memcpy(self->expected + 523, self->edge + self->page - n, n);
		ASSERT_TRUE(area_holds(self)) {
			TH_LOG("%ld bytes before the fault", n);
		}
	}
}

/* Behind a long piece, after several chunks. */
TEST_F(write, c9_efault_after_a_long_piece)
{
	size_t length = 3 * CHUNK + 100;
	struct writesync_iovec iov[2];
	struct writesync_write write;
	__u8 *bulk = calloc(1, length);
	__u8 *back = malloc(length);

	ASSERT_NE(NULL, bulk);
	ASSERT_NE(NULL, back);
	ws_fill(bulk, length, 3);
	iov[0] = ws_piece(bulk, length);
	iov[1] = ws_piece(NULL, 100);
	write = ws_pieces_at(iov, 2, 7);
	EXPECT_EQ(-EFAULT, ws_write_call(self->fd, &write));
	EXPECT_EQ(length, write.bytes_written);
	ASSERT_EQ(length, ws_pread(self->fd, back, length, 7));
	EXPECT_EQ(0, memcmp(bulk, back, length));
}

/* Addresses that are not the caller's: kernel memory must stay where it is. */
static const __u64 kernel_addresses[] = {
	0xffff888000000000ull,	/* all of memory */
	0xffff888000100000ull, 0xffff888000001001ull,
	0xffffffff81000000ull,	/* the kernel's text */
	0xffffffff82000000ull, 0xffffffffc0000000ull,
	0xffffc90000000000ull, 0xffffffffff600000ull, 0xfffffffffffff000ull,
	0x8000000000000000ull, 0x800000000000ull, 0x7ffffffff000ull,
	0x7fffffffffffffffull,
};

TEST_F(write, c7_efault_for_kernel_addresses)
{
	static const __u64 lengths[] = { 1, 8, 64, 4096, 70000 };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(kernel_addresses); i++) {
		for (j = 0; j < ARRAY_SIZE(lengths); j++)
			expect_untouched(_metadata, self, kernel_addresses[i],
					 lengths[j]);
	}
}

TEST_F(write, c7_efault_for_a_kernel_address_among_others)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kernel_addresses); i++)
		expect_fault(_metadata, self, kernel_addresses[i], 64);
}

/* A sum that wraps round ends among the caller's own addresses. */
TEST_F(write, c7_efault_for_an_address_that_wraps_round)
{
	static const __u64 bases[] = {
		UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 0xfff,
		0xffff888000000000ull, 1ull << 63,
	};
	static const __u64 lengths[] = { 64, 8192, INT64_MAX };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			expect_untouched(_metadata, self, bases[i],
					 lengths[j]);
		}
	}
}

/* All 64 bits of an address count, for a 32-bit caller too. */
TEST_F(write, c7_efault_for_a_foreign_upper_half)
{
	__u64 here = (uintptr_t)self->data;

	expect_untouched(_metadata, self, here ^ 1ull << 63, 64);
	expect_untouched(_metadata, self, here ^ 1ull << 46, 64);
	expect_untouched(_metadata, self, here ^ 1ull << 32, 64);
	expect_untouched(_metadata, self, here ^ 0xffffull << 48, 64);
}

/* Longer than can be: what is readable may be written, never more. */
TEST_F(write, c7_enormous_lengths_write_what_is_readable)
{
	static const __u64 lengths[] = {
		1ull << 31, 1ull << 32, (1ull << 32) + 8, 1ull << 47,
		1ull << 62, INT64_MAX,
	};
	struct writesync_iovec iov;
	struct writesync_write write;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		iov = (struct writesync_iovec) {
			(uintptr_t)self->edge, lengths[i]
		};
		write = ws_pieces(&iov, 1);
		ASSERT_EQ(16, lseek(self->fd, 16, SEEK_SET));
		ret = ws_write_call(self->fd, &write);
		EXPECT_EQ(-EFAULT, ret) {
			TH_LOG("length %llu", lengths[i]);
		}
		ASSERT_GE(self->page, write.bytes_written);
		EXPECT_EQ(16 + write.bytes_written,
			  lseek(self->fd, 0, SEEK_CUR));
		memcpy(self->expected + 16, self->edge, write.bytes_written);
		ASSERT_TRUE(area_holds(self));
	}
}

/* Refused arguments: nothing is written and nothing is stored. */

static void expect_refused(struct __test_metadata *_metadata, WRITE *self,
			   int fd, struct writesync_write write, int error)
{
	struct writesync_write before;

	write.size = sizeof(write);
	before = write;
	ASSERT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(error, ws_write_call(fd, &write));
	EXPECT_EQ(0, memcmp(&before, &write, sizeof(write)));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
	EXPECT_TRUE(area_holds(self));
}

TEST_F(write, c9_efault_for_the_array)
{
	const __u64 arrays[] = {
		0, 8, (uintptr_t)self->edge + self->page,
		(uintptr_t)self->edge + self->page - 8,
		(uintptr_t)self->edge + self->page - 16,
		(uintptr_t)self->iov ^ 1ull << 32,
		(uintptr_t)self->iov ^ 1ull << 63,
		0xffff888000000000ull, 0xffffffffc0000000ull, UINT64_MAX,
	};
	struct writesync_write write;
	size_t i;

	memset(self->edge, 0, self->page);
	for (i = 0; i < 8; i++)
		self->iov[i] = ws_piece(self->data, 8);
	for (i = 0; i < ARRAY_SIZE(arrays); i++) {
		write = ws_pieces(NULL, 2);
		write.iov = arrays[i];
		expect_refused(_metadata, self, self->fd, write, -EFAULT);
	}
}

TEST_F(write, c7_einval_1025_pieces)
{
	static const __u32 counts[] = {
		WRITESYNC_IOV_MAX + 1, 65536, 1u << 28, INT32_MAX, UINT32_MAX,
	};
	size_t i;

	for (i = 0; i < WRITESYNC_IOV_MAX + 1; i++)
		self->iov[i] = ws_piece(self->data, 1);
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		expect_refused(_metadata, self, self->fd,
			       ws_pieces(self->iov, counts[i]), -EINVAL);
}

TEST_F(write, c7_einval_lengths_over_ssize_max)
{
	static const __u64 lengths[][2] = {
		{ 1ull << 63, 0 }, { UINT64_MAX, 0 }, { 8, UINT64_MAX },
		{ 1ull << 62, 1ull << 62 }, { 1ull << 63, 1ull << 63 },
		{ 8, INT64_MAX - 7 }, { UINT64_MAX, 1 }, { UINT64_MAX, 9 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		self->iov[0] = ws_piece(self->data, lengths[i][0]);
		self->iov[1] = ws_piece(self->data, lengths[i][1]);
		expect_refused(_metadata, self, self->fd,
			       ws_pieces(self->iov, 2), -EINVAL);
	}
}

TEST_F(write, c7_einval_lengths_that_add_up_to_little)
{
	size_t i;

	for (i = 0; i < 4; i++)
		self->iov[i] = ws_piece(self->data, 1ull << 62);
	self->iov[4] = ws_piece(self->data, 8);
	expect_refused(_metadata, self, self->fd, ws_pieces(self->iov, 5),
		       -EINVAL);
}

TEST_F(write, c7_einval_offset_over_2_to_the_63)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);

	expect_refused(_metadata, self, self->fd,
		       ws_pieces_at(&iov, 1, 1ull << 63), -EINVAL);
	expect_refused(_metadata, self, self->fd,
		       ws_pieces_at(&iov, 1, UINT64_MAX), -EINVAL);
	expect_refused(_metadata, self, self->fd,
		       ws_pieces_at(&iov, 0, UINT64_MAX), -EINVAL);
}

TEST_F(write, c7_einval_offset_without_at)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	struct writesync_write write = ws_pieces(&iov, 1);

	write.offset = 1;
	expect_refused(_metadata, self, self->fd, write, -EINVAL);
	write.flags = WRITESYNC_WRITE_SYNC | WRITESYNC_ABSTIME;
	expect_refused(_metadata, self, self->fd, write, -EINVAL);
	write.iov_count = 0;
	expect_refused(_metadata, self, self->fd, write, -EINVAL);
}

TEST_F(write, c7_einval_verify_without_sync)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	struct writesync_write write = ws_pieces(&iov, 1);
	int fd = ws_open(&self->dev, O_WRONLY | O_DSYNC);

	ASSERT_LE(0, fd);
	write.flags = WRITESYNC_VERIFY;
	expect_refused(_metadata, self, self->fd, write, -EINVAL);
	expect_refused(_metadata, self, fd, write, -EINVAL);
	close(fd);
}

/* RANGE is the flag of another ioctl. */
TEST_F(write, c7_einval_range)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	struct writesync_write write = ws_pieces(&iov, 1);

	write.flags = WRITESYNC_RANGE | WRITESYNC_WRITE_SYNC;
	expect_refused(_metadata, self, self->fd, write, -EINVAL);
}

TEST_F(write, c7_ebadf_on_a_read_only_file)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	int fd = ws_open(&self->dev, O_RDONLY);
	struct writesync_write write;

	ASSERT_LE(0, fd);
	expect_refused(_metadata, self, fd, ws_pieces(&iov, 1), -EBADF);
	expect_refused(_metadata, self, fd, ws_pieces_at(&iov, 1, 0), -EBADF);
	expect_refused(_metadata, self, fd, ws_pieces(&iov, 0), -EBADF);
	write = ws_pieces(&iov, 0);
	write.flags = WRITESYNC_WRITE_SYNC;
	expect_refused(_metadata, self, fd, write, -EBADF);
	close(fd);
}

TEST_F(write, c7_ebadfd_on_a_decommitted_file)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	int fd = ws_open(&self->dev, O_WRONLY);
	struct writesync_write write;
	size_t i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ws_decommit(fd));
	for (i = 0; i < 4; i++) {
		write = ws_pieces(&iov, i % 2);
		write.flags = i / 2 ? WRITESYNC_WRITE_SYNC : 0;
		EXPECT_EQ(-EBADFD, ws_write_call(fd, &write));
		EXPECT_EQ(0, write.bytes_written);
	}
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_TRUE(area_holds(self));
	close(fd);
}

/* The access width that was set */

TEST_F(write, c7_einval_misaligned)
{
	struct writesync_iovec iov[2] = {
		ws_piece(self->data + 1, 5), ws_piece(self->data + 6, 3),
	};
	struct writesync_write write;

	ws_rebind_later(&self->dev);
	ASSERT_EQ(0, ws_set_number(&self->dev, "access_width", 4));
	write = ws_pieces_at(iov, 1, 0);
	EXPECT_EQ(-EINVAL, ws_write_call(self->fd, &write));
	write = ws_pieces_at(iov, 2, 6);
	EXPECT_EQ(-EINVAL, ws_write_call(self->fd, &write));
	EXPECT_EQ(0, ws_needed(self->fd));
	write = ws_pieces_at(iov, 2, 8);
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	EXPECT_EQ(8, write.bytes_written);
	memcpy(self->expected + 8, self->data + 1, 8);
	EXPECT_TRUE(area_holds(self));
}

TEST_F(write, c9_efault_counts_whole_words_of_the_width_that_was_set)
{
	struct writesync_iovec iov =
		ws_piece(self->edge + self->page - 14, 64);
	struct writesync_write write = ws_pieces_at(&iov, 1, 0);

	ws_rebind_later(&self->dev);
	ASSERT_EQ(0, ws_set_number(&self->dev, "access_width", 4));
	EXPECT_EQ(-EFAULT, ws_write_call(self->fd, &write));
	EXPECT_EQ(12, write.bytes_written);
	memcpy(self->expected, self->edge + self->page - 14, 12);
	EXPECT_TRUE(area_holds(self));
}

/* C2: what it costs. */

FIXTURE(cost) {
	struct ws_dev dev;
	int fd;
	__u8 *data;
	struct writesync_iovec iov[LENGTH];
};

#define BULK		(128 * 1024)	/* more than one pass of the gate */

FIXTURE_SETUP(cost)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PREFETCH);
	WS_ENGINE(return, &self->dev, "window", "always");
	if (self->dev.size < BULK)
		SKIP(return, "the window is too small");
	self->data = malloc(BULK);
	ASSERT_NE(NULL, self->data);
	ws_fill(self->data, BULK, 77);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	/* The first one after a reset may look twice. */
	ASSERT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
}

FIXTURE_TEARDOWN(cost)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_wide(struct __test_metadata *_metadata,
			struct ws_counters before, struct ws_counters after)
{
	EXPECT_EQ(BULK / 8, after.stores_8 - before.stores_8);
	EXPECT_EQ(BULK / 8, ws_stores(before, after));
	EXPECT_EQ(BULK, after.store_bytes - before.store_bytes);
}

TEST_F(cost, c2_bulk_goes_in_stores_of_8_bytes_and_reads_nothing)
{
	struct writesync_iovec iov = ws_piece(self->data, BULK);
	struct writesync_write write = ws_pieces(&iov, 1);
	struct ws_counters before = ws_count(&self->dev), after;

	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	after = ws_count(&self->dev);
	expect_wide(_metadata, before, after);
	EXPECT_EQ(0, ws_reads(before, after));
}

TEST_F(cost, c2_whole_words_in_pieces_stay_whole)
{
	struct ws_counters before, after;
	struct writesync_write write;
	size_t i;

	for (i = 0; i < LENGTH; i++)
		self->iov[i] = ws_piece(self->data + i * (BULK / LENGTH),
					BULK / LENGTH);
	write = ws_pieces(self->iov, LENGTH);
	before = ws_count(&self->dev);
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	after = ws_count(&self->dev);
	expect_wide(_metadata, before, after);
	EXPECT_EQ(0, ws_reads(before, after));
}

TEST_F(cost, c2_the_sync_costs_one_read)
{
	struct writesync_iovec iov = ws_piece(self->data, BULK);
	struct writesync_write write = ws_pieces(&iov, 1);
	struct ws_counters before, after;

	write.flags = WRITESYNC_WRITE_SYNC;
	before = ws_count(&self->dev);
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	after = ws_count(&self->dev);
	expect_wide(_metadata, before, after);
	EXPECT_EQ(1, after.reads_mem - before.reads_mem);
	EXPECT_EQ(1, ws_reads(before, after));
	EXPECT_EQ(1, write.readbacks);
	EXPECT_EQ(0, ws_level(&self->dev));
}

TEST_F(cost, c2_no_bytes_without_sync_is_nothing)
{
	struct writesync_iovec iov = ws_piece(self->data, 0);
	struct writesync_write write = ws_pieces(&iov, 1);
	struct ws_counters before, after;
	struct writesync_query a, b;

	ASSERT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	ASSERT_EQ(0, ws_query(self->fd, &a));
	before = ws_count(&self->dev);
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	after = ws_count(&self->dev);
	ASSERT_EQ(0, ws_query(self->fd, &b));
	EXPECT_EQ(0, ws_reads(before, after));
	EXPECT_EQ(0, ws_stores(before, after));
	EXPECT_EQ(a.posted, b.posted);
	EXPECT_EQ(1, b.needed);
}

TEST_F(cost, c2_a_clean_sync_reads_nothing)
{
	struct writesync_write write = ws_pieces(NULL, 0);
	struct ws_counters before, after;

	ASSERT_EQ(0, ws_sync(self->fd));
	write.flags = WRITESYNC_WRITE_SYNC;
	before = ws_count(&self->dev);
	EXPECT_EQ(0, ws_write_call(self->fd, &write));
	after = ws_count(&self->dev);
	EXPECT_EQ(0, ws_reads(before, after));
	EXPECT_EQ(0, write.readbacks);
}

TEST_HARNESS_MAIN

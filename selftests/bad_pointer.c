// SPDX-License-Identifier: GPL-2.0
/*
 * C7 and C9: pointers to memory of every kind, as buffers, as vectors and as
 * structures; and the window's own memory as both ends of a copy, which nobody
 * may have to wait for, not even while it is FROZEN or taken away.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define LENGTH		64
#define AREA		(4 * PAGE)	/* of the window, under watch */
#define ALIAS		(8 * PAGE)	/* where kinds of its memory begin */
#define AREA_ALL	(16 * PAGE)
#define AT		100		/* in the area: neither a word nor a page */
#define BOTH		(PROT_READ | PROT_WRITE)

#define CAN_READ	0x1
#define CAN_WRITE	0x2
#define CAN_BOTH	(CAN_READ | CAN_WRITE)
#define REGISTERS	0x4	/* they do not hold what is stored */
#define IN_WINDOW	0x8	/* memory of the window itself */

FIXTURE(pointers) {
	struct ws_dev dev;
	int fd;
	int other;			/* another file of the window */
	__u8 *at;			/* LENGTH bytes of that kind */
	const char *absent;		/* why there are none */
	int uffd;
	__u8 expected[AREA];		/* what the area must hold */
	__u8 data[PAGE];
	__u8 back[AREA];
};

#define POINTERS	FIXTURE_DATA(pointers)

FIXTURE_VARIANT(pointers) {
	__u8 *(*make)(POINTERS *self);
	unsigned int can;
	__u64 address;		/* without @make */
};

#define POINTERS_VARIANT	FIXTURE_VARIANT(pointers)

static __u8 *map_memory(int prot, int flags, int fd, off_t offset)
{
	void *map = mmap(NULL, PAGE, prot, flags, fd, offset);

	return map == MAP_FAILED ? NULL : map;
}

static __u8 *unmapped(POINTERS *self)
{
	__u8 *edge = ws_edge();

	(void)self;
	return edge ? edge + PAGE : NULL;
}

static __u8 *no_rights(POINTERS *self)
{
	(void)self;
	return map_memory(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static __u8 *read_only(POINTERS *self)
{
	(void)self;
	return map_memory(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static __u8 *ordinary(POINTERS *self)
{
	(void)self;
	return map_memory(BOTH, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static __u8 *beyond_a_files_end(POINTERS *self)
{
	int file = memfd_create("empty", MFD_CLOEXEC);

	(void)self;
	return map_memory(BOTH, MAP_SHARED, file, 0);
}

/* Of this function's BAR @bar, by way of sysfs. */
static __u8 *map_bar(POINTERS *self, unsigned int bar, off_t offset)
{
	char path[PATH_MAX + 16];
	__u8 *map;
	int fd;

	snprintf(path, sizeof(path), "%s/resource%u", self->dev.pci, bar);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	map = fd < 0 ? NULL : map_memory(BOTH, MAP_SHARED, fd, offset);
	close(fd);
	if (!map)
		self->absent = "the BAR cannot be mapped (iomem=relaxed?)";
	return map;
}

static __u8 *own_registers(POINTERS *self)
{
	if (!self->dev.regs) {
		self->absent = "this device has no instrument";
		return NULL;
	}
	return map_bar(self, WS_BAR_REGS, 0);
}

static __u8 *other_function(POINTERS *self)
{
	if (!self->dev.peer)
		self->absent = "there is no peer function";
	return self->dev.peer;
}

static __u8 *same_bar(POINTERS *self)
{
	struct writesync_info info;

	return ws_info(self->fd, &info) ? NULL :
	       map_bar(self, info.bar, ALIAS);
}

static __u8 *own_mapping(POINTERS *self)
{
	return map_memory(BOTH, MAP_SHARED, self->fd, ALIAS);
}

static __u8 *own_read_only_mapping(POINTERS *self)
{
	return map_memory(PROT_READ, MAP_SHARED, self->fd, ALIAS);
}

/* Both descriptors may go: the mapping keeps the region. */
static __u8 *mapping_of_a_region(POINTERS *self)
{
	struct writesync_alloc alloc = { .length = 1, .alignment = ALIAS };
	int hold = ws_alloc(self->fd, 1);
	__u8 *map = NULL;

	/* The first one takes the area, the second one lies behind it. */
	if (hold >= 0 && !ws_alloc_call(self->fd, &alloc)) {
		if (!ws_commit(alloc.fd))
			map = map_memory(BOTH, MAP_SHARED, alloc.fd, 0);
		close(alloc.fd);
	}
	close(hold);
	return map;
}

/* Pages that somebody else brings in, and takes their time. */
static void *bring_in(void *data)
{
	POINTERS *self = data;
	struct uffdio_zeropage zero = { .range.len = PAGE };
	struct uffd_msg message;

	while (read(self->uffd, &message, sizeof(message)) ==
	       sizeof(message)) {
		ws_sleep(WS_MS);
		zero.range.start = message.arg.pagefault.address & -PAGE;
		ioctl(self->uffd, UFFDIO_ZEROPAGE, &zero);
	}
	return NULL;
}

static __u8 *brought_in_by_user_space(POINTERS *self)
{
	struct uffdio_register range = {
		.range.len = PAGE, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	__u8 *map = ordinary(self);
	pthread_t thread;

	range.range.start = (uintptr_t)map;
	self->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (self->uffd < 0 || ioctl(self->uffd, UFFDIO_API, &api) ||
	    ioctl(self->uffd, UFFDIO_REGISTER, &range) ||
	    pthread_create(&thread, NULL, bring_in, self)) {
		self->absent = "no userfaultfd here";
		return NULL;
	}
	return map;
}

FIXTURE_VARIANT_ADD(pointers, null) { .address = 0 };
FIXTURE_VARIANT_ADD(pointers, in_page_0) { .address = 64 };
FIXTURE_VARIANT_ADD(pointers, kernel_text) { .address = 0xffffffff81000000 };
FIXTURE_VARIANT_ADD(pointers, kernel_memory) { .address = 0xffff888000100000 };
FIXTURE_VARIANT_ADD(pointers, kernel_heap) { .address = 0xffffc90000000000 };
FIXTURE_VARIANT_ADD(pointers, no_address) { .address = 0x8000000000000000 };
FIXTURE_VARIANT_ADD(pointers, across_the_hole) { .address = 0x7fffffffefe0 };
FIXTURE_VARIANT_ADD(pointers, the_last_bytes) { .address = -8ull };
FIXTURE_VARIANT_ADD(pointers, unmapped) { .make = unmapped };
FIXTURE_VARIANT_ADD(pointers, no_rights) { .make = no_rights };
FIXTURE_VARIANT_ADD(pointers, beyond_a_files_end) { .make = beyond_a_files_end };
FIXTURE_VARIANT_ADD(pointers, read_only) {
	.make = read_only, .can = CAN_READ,
};

FIXTURE_VARIANT_ADD(pointers, ordinary) {
	.make = ordinary, .can = CAN_BOTH,
};

FIXTURE_VARIANT_ADD(pointers, brought_in_by_user_space) {
	.make = brought_in_by_user_space, .can = CAN_BOTH,
};

FIXTURE_VARIANT_ADD(pointers, own_registers) {
	.make = own_registers, .can = CAN_BOTH | REGISTERS,
};

FIXTURE_VARIANT_ADD(pointers, other_function) {
	.make = other_function, .can = CAN_BOTH | REGISTERS,
};

FIXTURE_VARIANT_ADD(pointers, same_bar) {
	.make = same_bar, .can = CAN_BOTH | IN_WINDOW,
};

FIXTURE_VARIANT_ADD(pointers, own_mapping) {
	.make = own_mapping, .can = CAN_BOTH | IN_WINDOW,
};

FIXTURE_VARIANT_ADD(pointers, own_read_only_mapping) {
	.make = own_read_only_mapping, .can = CAN_READ | IN_WINDOW,
};

FIXTURE_VARIANT_ADD(pointers, mapping_of_a_region) {
	.make = mapping_of_a_region, .can = CAN_BOTH | IN_WINDOW,
};

FIXTURE_SETUP(pointers)
{
	WS_BEGIN(return, &self->dev, 0);
	if (self->dev.size < AREA_ALL)
		SKIP(return, "the window is too small");
	if (variant->address > UINTPTR_MAX)
		SKIP(return, "a 32-bit program cannot say that address");
	self->uffd = -1;
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->other = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->other);
	ws_fill(self->expected, AREA, 31);
	ws_fill(self->data, PAGE, 32);
	ASSERT_EQ(AREA, ws_pwrite(self->fd, self->expected, AREA, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	self->at = (__u8 *)(uintptr_t)variant->address;
	if (variant->make)
		self->at = variant->make(self);
	if (self->absent)
		SKIP(return, "%s", self->absent);
	ASSERT_EQ(!variant->make && !variant->address, !self->at);
}

FIXTURE_TEARDOWN(pointers)
{
	close(self->fd);
	close(self->other);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static bool area_holds(POINTERS *self)
{
	return ws_pread(self->fd, self->back, AREA, 0) == AREA &&
	       !memcmp(self->back, self->expected, AREA);
}

/* Have that memory hold @data, whoever may write it. */
static int put(POINTERS *self, const POINTERS_VARIANT *variant,
	       const void *data, size_t length)
{
	if (!(variant->can & CAN_READ) || variant->can & REGISTERS)
		return 0;
	if (variant->can & IN_WINDOW)
		return ws_pwrite(self->other, data, length, ALIAS) ==
		       (ssize_t)length ? 0 : -EIO;
	if (mprotect(self->at, PAGE, BOTH))
		return -errno;
	memcpy(self->at, data, length);
	if (!(variant->can & CAN_WRITE) && mprotect(self->at, PAGE, PROT_READ))
		return -errno;
	return 0;
}

/* What a call that needs @right says; @good if it has it. */
static long wanted(const POINTERS_VARIANT *variant, unsigned int right,
		   long good, long bad)
{
	return (variant->can & right) == right ? good : bad;
}

/* The kernel looks at all addresses of a vector before it begins. */
static bool refused_at_once(const POINTERS *self)
{
	return (__u64)(uintptr_t)self->at >> 63;
}

/* Registers refuse some widths; then it is what they answered. */
static void expect_written(struct __test_metadata *_metadata, POINTERS *self,
			   const POINTERS_VARIANT *variant, off_t offset,
			   size_t length)
{
	if (variant->can & REGISTERS)
		ASSERT_EQ(length, ws_pread(self->fd, self->expected + offset,
					   length, offset));
	EXPECT_TRUE(area_holds(self));
}

static __u64 stores(POINTERS *self)
{
	return self->dev.regs ? ws_reg64(&self->dev, WS_EDU_STORE_BYTES) : 0;
}

TEST_F(pointers, c9_bytes_to_write)
{
	long n = wanted(variant, CAN_READ, LENGTH, -EFAULT);
	__u64 before;

	ASSERT_EQ(0, put(self, variant, self->data, LENGTH));
	before = stores(self);
	EXPECT_EQ(n, ws_pwrite(self->fd, self->at, LENGTH, AT));
	EXPECT_TRUE(n > 0 || before == stores(self));
	if (n > 0)
		memcpy(self->expected + AT, self->data, LENGTH);
	expect_written(_metadata, self, variant, AT, LENGTH);
}

TEST_F(pointers, c9_room_to_read_into)
{
	long n = wanted(variant, CAN_WRITE, LENGTH, -EFAULT);

	ASSERT_EQ(0, put(self, variant, self->data, LENGTH));
	EXPECT_EQ(n, ws_pread(self->fd, self->at, LENGTH, AT));
	EXPECT_TRUE(area_holds(self));
	if (variant->can & REGISTERS || !(variant->can & CAN_READ))
		return;
	EXPECT_EQ(0, memcmp(self->at, n < 0 ? self->data : self->expected + AT,
			    LENGTH));
}

/* A piece between two good ones: what came before counts. */
TEST_F(pointers, c9_a_piece_to_write)
{
	struct writesync_iovec pieces[] = {
		ws_piece(self->data + 200, 13), ws_piece(self->at, 16),
		ws_piece(self->data + 300, 9),
	};
	struct writesync_write write = ws_pieces_at(pieces, 3, AT);
	struct iovec iov[] = {
		{ self->data + 200, 13 }, { self->at, 16 },
		{ self->data + 300, 9 },
	};
	long n = wanted(variant, CAN_READ, 38, 13);

	ASSERT_EQ(0, put(self, variant, self->data, 16));
	if (refused_at_once(self)) {
		EXPECT_EQ(-1, pwritev(self->fd, iov, 3, AT));
		EXPECT_EQ(EFAULT, errno);
	} else {
		EXPECT_EQ(n, pwritev(self->fd, iov, 3, AT));
	}
	memcpy(self->expected + AT, self->data + 200, 13);
	if (n > 13) {
		memcpy(self->expected + AT + 13, self->data, 16);
		memcpy(self->expected + AT + 29, self->data + 300, 9);
	}
	if (!refused_at_once(self))
		expect_written(_metadata, self, variant, AT, n);
	EXPECT_EQ(n > 13 ? 0 : -EFAULT, ws_write_call(self->fd, &write));
	EXPECT_EQ(n, write.bytes_written);
	expect_written(_metadata, self, variant, AT, n);
}

TEST_F(pointers, c9_a_piece_to_read_into)
{
	struct iovec iov[] = {
		{ self->data, 13 }, { self->at, 16 }, { self->data + 13, 9 },
	};
	long n = wanted(variant, CAN_WRITE, 38, 13);

	if (refused_at_once(self)) {
		EXPECT_EQ(-1, preadv(self->fd, iov, 3, AT));
		EXPECT_EQ(EFAULT, errno);
		return;
	}
	EXPECT_EQ(n, preadv(self->fd, iov, 3, AT));
	EXPECT_EQ(0, memcmp(self->data, self->expected + AT, 13));
	if (n > 13)
		EXPECT_EQ(0, memcmp(self->data + 13,
				    self->expected + AT + 29, 9));
	EXPECT_TRUE(area_holds(self));
}

/* The pieces themselves lie there. */
TEST_F(pointers, c9_a_vector)
{
	struct writesync_iovec pieces[] = {
		ws_piece(self->data, 13), ws_piece(self->data + 13, 9),
	};
	struct writesync_write write = ws_pieces_at((void *)self->at, 2, AT);
	struct iovec iov[] = { { self->data, 13 }, { self->data + 13, 9 } };
	long n = wanted(variant, CAN_READ, 22, -EFAULT);

	if (variant->can & REGISTERS)
		SKIP(return, "registers hold no vector");
	ASSERT_EQ(0, put(self, variant, pieces, sizeof(pieces)));
	EXPECT_EQ(n < 0 ? n : 0, ws_write_call(self->fd, &write));
	EXPECT_EQ(n < 0 ? WS_GARBAGE : 22, write.bytes_written);
	if (n > 0)
		memcpy(self->expected + AT, self->data, 22);
	EXPECT_TRUE(area_holds(self));

	ASSERT_EQ(0, put(self, variant, iov, sizeof(iov)));
	EXPECT_EQ(n < 0 ? -1 : n, pwritev(self->fd, (void *)self->at, 2,
					  PAGE));
	if (n > 0)
		memcpy(self->expected + PAGE, self->data, 22);
	EXPECT_EQ(n < 0 ? -1 : n, preadv(self->fd, (void *)self->at, 2,
					 2 * PAGE));
	EXPECT_TRUE(area_holds(self));
}

/* Structures: what is refused for them changes nothing. */

union all {
	__u32 size;
	struct writesync_info info;
	struct writesync_sync sync;
	struct writesync_write write;
	struct writesync_alloc alloc;
	struct writesync_check check;
};

struct kind {
	unsigned long request;
	__u32 size;
	bool silent;		/* stores nothing */
};

/* COMMIT comes last: the others find a committed file. */
static const struct kind kinds[] = {
	{ WRITESYNC_IOC_INFO, sizeof(struct writesync_info), false },
	{ WRITESYNC_IOC_QUERY, sizeof(struct writesync_query), false },
	{ WRITESYNC_IOC_SYNC, sizeof(struct writesync_sync), false },
	{ WRITESYNC_IOC_WRITE, sizeof(struct writesync_write), false },
	{ WRITESYNC_IOC_ALLOC, sizeof(struct writesync_alloc), false },
	{ WRITESYNC_IOC_CHECK, sizeof(struct writesync_check), false },
	{ WRITESYNC_IOC_DECOMMIT, sizeof(struct writesync_commit), true },
	{ WRITESYNC_IOC_COMMIT, sizeof(struct writesync_commit), true },
};

static union all good_structure(const struct kind *kind)
{
	union all arg = { 0 };

	arg.size = kind->size;
	if (kind->request == WRITESYNC_IOC_ALLOC)
		arg.alloc.length = 1;
	else if (kind->request == WRITESYNC_IOC_CHECK)
		arg.check.length = 1;
	return arg;
}

static void expect_structure(struct __test_metadata *_metadata,
			     POINTERS *self, const POINTERS_VARIANT *variant,
			     const struct kind *kind)
{
	unsigned int right = kind->silent ? CAN_READ : CAN_BOTH;
	union all arg = good_structure(kind);
	struct writesync_alloc alloc;
	int ret = wanted(variant, right, 0, -EFAULT);

	ASSERT_EQ(0, put(self, variant, &arg, kind->size));
	EXPECT_EQ(ret, ws_ioctl(self->fd, kind->request, self->at)) {
		TH_LOG("ioctl %lu", _IOC_NR(kind->request));
	}
	if (!ret && kind->request == WRITESYNC_IOC_ALLOC) {
		memcpy(&alloc, self->at, sizeof(alloc));
		EXPECT_EQ(0, close(alloc.fd));
	}
}

TEST_F(pointers, c7_structures)
{
	struct writesync_info before, after;
	size_t i;

	if (variant->can & REGISTERS)
		SKIP(return, "registers hold no structure");
	ASSERT_EQ(0, ws_info(self->fd, &before));
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		expect_structure(_metadata, self, variant, &kinds[i]);
	ASSERT_EQ(0, ws_info(self->fd, &after));
	EXPECT_EQ(before.free, after.free);
	EXPECT_TRUE(area_holds(self));
}

/* Vectors: how many pieces, which of them is bad, and pieces that overlap. */

FIXTURE(vectors) {
	struct ws_dev dev;
	int fd;
	__u8 *edge;
	__u8 *room;
	__u8 back[AREA];
	struct iovec iov[WRITESYNC_IOV_MAX + 2];
	struct writesync_iovec pieces[WRITESYNC_IOV_MAX + 2];
};

#define VECTORS		FIXTURE_DATA(vectors)

FIXTURE_SETUP(vectors)
{
	size_t i;

	WS_BEGIN(return, &self->dev, 0);
	if (self->dev.size < AREA_ALL)
		SKIP(return, "the window is too small");
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->edge = ws_edge();
	self->room = malloc(AREA);
	ASSERT_NE(NULL, self->edge);
	ASSERT_NE(NULL, self->room);
	for (i = 0; i < ARRAY_SIZE(self->iov); i++) {
		self->iov[i] = (struct iovec) { self->room + 3 * i, 3 };
		self->pieces[i] = ws_piece(self->room + 3 * i, 3);
	}
}

FIXTURE_TEARDOWN(vectors)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* The area holds what @seed makes, the room does not. */
static int fill_area(VECTORS *self, __u32 seed)
{
	__u8 data[AREA];

	ws_fill(data, AREA, seed);
	memset(self->room, 0, AREA);
	return ws_pwrite(self->fd, data, AREA, 0) == AREA ? 0 : -EIO;
}

static void expect_count(struct __test_metadata *_metadata, VECTORS *self,
			 unsigned long count, long expected)
{
	struct writesync_write write = ws_pieces_at(self->pieces, count, 0);
	int ret = expected < 0 ? expected : 0;

	ASSERT_EQ(0, fill_area(self, count));
	EXPECT_EQ(expected < 0 ? -1 : expected,
		  syscall(SYS_preadv, self->fd, self->iov, count, 0, 0)) {
		TH_LOG("%lu pieces", count);
	}
	ASSERT_EQ(AREA, ws_pread(self->fd, self->back, AREA, 0));
	if (expected > 0)
		EXPECT_EQ(0, memcmp(self->room, self->back, expected));

	ws_fill(self->room, AREA, 77);
	EXPECT_EQ(expected < 0 ? -1 : expected,
		  syscall(SYS_pwritev, self->fd, self->iov, count, 0, 0));
	EXPECT_EQ(ret, ws_write_call(self->fd, &write));
	if (expected <= 0)
		return;
	ASSERT_EQ(expected, ws_pread(self->fd, self->back, expected, 0));
	EXPECT_EQ(0, memcmp(self->room, self->back, expected));
}

TEST_F(vectors, c7_counts)
{
	static const unsigned int good[] = { 0, 1, 2, 7, 8, 9, 1023, 1024 };
	static const unsigned long bad[] = {
		1025, 1026, 65536, INT32_MAX, 1ul << 31, UINT32_MAX,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		expect_count(_metadata, self, good[i], 3 * good[i]);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_count(_metadata, self, bad[i], -EINVAL);
}

/* Piece @bad of @count cannot be touched. */
static void expect_bad_piece(struct __test_metadata *_metadata, VECTORS *self,
			     unsigned int count, unsigned int bad)
{
	struct writesync_write write = ws_pieces_at(self->pieces, count, 0);
	long n = bad ? (long)(3 * bad) : -1;

	self->iov[bad].iov_base = self->edge + PAGE;
	self->pieces[bad] = ws_piece(self->edge + PAGE, 3);
	EXPECT_EQ(n, preadv(self->fd, self->iov, count, 0)) {
		TH_LOG("piece %u of %u", bad, count);
	}
	EXPECT_EQ(n, pwritev(self->fd, self->iov, count, 0));
	EXPECT_EQ(-EFAULT, ws_write_call(self->fd, &write));
	EXPECT_EQ(3 * bad, write.bytes_written);
	self->iov[bad].iov_base = self->room + 3 * bad;
	self->pieces[bad] = ws_piece(self->room + 3 * bad, 3);
}

TEST_F(vectors, c9_a_bad_piece_anywhere)
{
	static const unsigned int counts[] = { 1, 2, 8, 9, 1024 };
	unsigned int bad;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		for (bad = 0; bad < counts[i]; bad += counts[i] < 64 ? 1 : 93)
			expect_bad_piece(_metadata, self, counts[i], bad);
	expect_bad_piece(_metadata, self, 1024, 1023);
}

/* Of pieces that overlap, the later one is what stays. */
TEST_F(vectors, c7_pieces_that_overlap)
{
	struct iovec iov[] = {
		{ self->room, 100 }, { self->room + 50, 100 },
		{ self->room + 50, 100 }, { self->room + 25, 10 },
		{ self->room, 0 }, { self->room + 149, 3 },
	};
	__u8 expected[200] = { 0 };
	size_t i, n = 0;

	ASSERT_EQ(0, fill_area(self, 5));
	ASSERT_EQ(AREA, ws_pread(self->fd, self->back, AREA, 0));
	ASSERT_EQ(313, preadv(self->fd, iov, ARRAY_SIZE(iov), 7));
	for (i = 0; i < ARRAY_SIZE(iov); i++) {
		memcpy(expected + ((__u8 *)iov[i].iov_base - self->room),
		       self->back + 7 + n, iov[i].iov_len);
		n += iov[i].iov_len;
	}
	EXPECT_EQ(0, memcmp(expected, self->room, sizeof(expected)));

	ASSERT_EQ(313, pwritev(self->fd, iov, ARRAY_SIZE(iov), PAGE));
	ASSERT_EQ(313, ws_pread(self->fd, self->back, 313, PAGE));
	for (i = n = 0; i < ARRAY_SIZE(iov); n += iov[i++].iov_len)
		EXPECT_EQ(0, memcmp(self->back + n, iov[i].iov_base,
				    iov[i].iov_len));
}

/* From the window to itself. */

FIXTURE(itself) {
	struct ws_dev dev;
	int fd;
	__u8 *map;			/* AREA_ALL from offset 0 */
	__u8 expected[AREA_ALL];
	__u8 back[AREA_ALL];
};

#define ITSELF		FIXTURE_DATA(itself)

FIXTURE_SETUP(itself)
{
	WS_BEGIN(return, &self->dev, 0);
	if (self->dev.size < AREA_ALL)
		SKIP(return, "the window is too small");
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ws_fill(self->expected, AREA_ALL, 41);
	ASSERT_EQ(AREA_ALL, ws_pwrite(self->fd, self->expected, AREA_ALL, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(0, ws_map(self->fd, 0, AREA_ALL, BOTH, &self->map));
}

FIXTURE_TEARDOWN(itself)
{
	munmap(self->map, AREA_ALL);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static bool itself_holds(ITSELF *self)
{
	return ws_pread(self->fd, self->back, AREA_ALL, 0) == AREA_ALL &&
	       !memcmp(self->back, self->expected, AREA_ALL);
}

static int copy_by_ioctl(int fd, const __u8 *from, size_t length, __u64 to,
			 __u64 timeout, __u64 *done)
{
	struct writesync_iovec piece = ws_piece(from, length);
	struct writesync_write write = ws_pieces_at(&piece, 1, to);
	int ret;

	write.flags |= WRITESYNC_WRITE_SYNC;
	write.timeout_ns = timeout;
	ret = ws_write_call(fd, &write);
	*done = write.bytes_written;
	return ret;
}

enum { BY_WRITE, BY_READ, BY_DSYNC, BY_IOCTL, BY_VECTOR, WAYS };

static ssize_t copy_itself(ITSELF *self, int way, __u64 from, __u64 to,
			   size_t length)
{
	struct iovec iov[] = {
		{ self->map + from, length / 2 },
		{ self->map + from + length / 2, length - length / 2 },
	};
	__u64 done;
	int ret;

	switch (way) {
	case BY_READ:
		return ws_pread(self->fd, self->map + to, length, from);
	case BY_DSYNC:
		return ws_pwritev2(self->fd, self->map + from, length, to,
				   RWF_DSYNC);
	case BY_IOCTL:
		ret = copy_by_ioctl(self->fd, self->map + from, length, to, 0,
				    &done);
		return ret ? ret : (ssize_t)done;
	case BY_VECTOR:
		return pwritev(self->fd, iov, 2, to);
	default:
		return ws_pwrite(self->fd, self->map + from, length, to);
	}
}

struct move {
	__u64 from, to;
	size_t length;
};

static void expect_move(struct __test_metadata *_metadata, ITSELF *self,
			const struct move *move, int way)
{
	__u64 gap = move->from < move->to ? move->to - move->from :
					    move->from - move->to;
	bool overlap = gap && gap < move->length;

	ASSERT_EQ(move->length, copy_itself(self, way, move->from, move->to,
					    move->length)) {
		TH_LOG("way %d: %zu bytes from %llu to %llu", way,
		       move->length, move->from, move->to);
	}
	/* Which of the bytes it meets a second time, nobody promises. */
	if (overlap) {
		ASSERT_EQ(move->length,
			  ws_pread(self->fd, self->expected + move->to,
				   move->length, move->to));
	} else {
		memmove(self->expected + move->to, self->expected + move->from,
			move->length);
	}
	EXPECT_TRUE(itself_holds(self)) {
		TH_LOG("way %d: %zu bytes from %llu to %llu", way,
		       move->length, move->from, move->to);
	}
	EXPECT_EQ(0, ws_sync(self->fd));
}

TEST_F(itself, c7_a_copy_within_the_window)
{
	static const struct move moves[] = {
		{ 0, 2 * PAGE, 8 }, { 3, 2 * PAGE + 5, 61 },
		{ PAGE, 5 * PAGE, 3 * PAGE }, { 5 * PAGE + 1, 7, 2 * PAGE },
		{ 0, AREA_ALL - 1, 1 }, { AREA_ALL - 64, 0, 64 },
		{ 0, AREA_ALL / 2, AREA_ALL / 2 },
		/* Onto itself, and overlapping both ways. */
		{ 0, 0, AREA_ALL }, { 77, 77, 999 }, { 0, 8, 2 * PAGE },
		{ 8, 0, 2 * PAGE }, { 1, 0, 5000 }, { 0, 4097, 2 * PAGE },
	};
	size_t i;
	int way;

	for (i = 0; i < ARRAY_SIZE(moves); i++)
		for (way = 0; way < WAYS; way++)
			expect_move(_metadata, self, &moves[i], way);
}

/* The structure, the vector and the bytes, in what is written. */
TEST_F(itself, c7_a_write_over_its_own_arguments)
{
	struct writesync_iovec piece = ws_piece(self->map + 4 * PAGE, PAGE);
	struct writesync_write write = ws_pieces_at((void *)(self->map + 256),
						    1, 0);
	struct writesync_write *there = (void *)self->map;

	write.size = sizeof(write);
	write.flags |= WRITESYNC_WRITE_SYNC;
	memcpy(self->map + 256, &piece, sizeof(piece));
	memcpy(self->map, &write, sizeof(write));
	EXPECT_EQ(0, ws_ioctl(self->fd, WRITESYNC_IOC_WRITE, there));
	memcpy(&write, self->map, sizeof(write));
	EXPECT_EQ(PAGE, write.bytes_written);
	memcpy(self->expected, self->expected + 4 * PAGE, PAGE);
	memcpy(self->expected, &write, sizeof(write));
	EXPECT_TRUE(itself_holds(self));
}

TEST_F(itself, c7_only_what_is_mapped_of_it)
{
	__u8 *hole = self->map + 2 * PAGE;
	__u64 done;

	ASSERT_EQ(0, munmap(hole, PAGE));
	EXPECT_EQ(PAGE, ws_pwrite(self->fd, hole - PAGE, 2 * PAGE, 8 * PAGE));
	memcpy(self->expected + 8 * PAGE, self->expected + PAGE, PAGE);
	EXPECT_EQ(PAGE, ws_pread(self->fd, hole - PAGE, 2 * PAGE, 4 * PAGE));
	memcpy(self->expected + PAGE, self->expected + 4 * PAGE, PAGE);
	EXPECT_EQ(-EFAULT, copy_by_ioctl(self->fd, hole - 5, 64, 0, 0, &done));
	EXPECT_EQ(5, done);
	memcpy(self->expected, self->expected + 2 * PAGE - 5, 5);
	EXPECT_TRUE(itself_holds(self));
}

/* Threads that copy it onto itself all the while. */

struct copier {
	ITSELF *self;
	int way;
	pthread_t thread;
	atomic_ulong count;
	atomic_bool stop;
	long error;		/* what ended it */
};

static bool ends_copier(long ret)
{
	return ret == -ENODEV || ret == -EFAULT;
}

static void *copy_on(void *data)
{
	struct copier *copier = data;
	long ret = 0;

	while (!copier->stop && !ends_copier(ret)) {
		ret = copy_itself(copier->self, copier->way, PAGE, 9 * PAGE,
				  3 * PAGE);
		copier->count++;
	}
	copier->error = ret;
	return NULL;
}

static int start_copiers(struct copier *copiers, ITSELF *self)
{
	int way, ret = 0;

	/* A vector tells its error otherwise. */
	for (way = 0; way < BY_VECTOR && !ret; way++) {
		copiers[way].self = self;
		copiers[way].way = way;
		ret = pthread_create(&copiers[way].thread, NULL, copy_on,
				     &copiers[way]);
	}
	return ret;
}

static bool copiers_go_on(struct copier *copiers)
{
	__u64 end = ws_now() + 5 * WS_S;
	unsigned long before;
	int way;

	for (way = 0; way < BY_VECTOR; way++) {
		before = copiers[way].count;
		while (copiers[way].count < before + 2 && ws_now() < end)
			ws_sleep(WS_MS);
		if (copiers[way].count < before + 2)
			return false;
	}
	return true;
}

static void join_copiers(struct copier *copiers)
{
	int way;

	for (way = 0; way < BY_VECTOR; way++) {
		copiers[way].stop = true;
		pthread_join(copiers[way].thread, NULL);
	}
}

TEST_F(itself, c8_unbinding_ends_the_copies)
{
	struct copier copiers[BY_VECTOR] = { 0 };
	int way;

	ASSERT_EQ(0, start_copiers(copiers, self));
	EXPECT_TRUE(copiers_go_on(copiers));
	EXPECT_EQ(0, ws_unbind(&self->dev));
	for (way = 0; way < BY_VECTOR; way++) {
		pthread_join(copiers[way].thread, NULL);
		EXPECT_TRUE(ends_copier(copiers[way].error)) {
			TH_LOG("way %d: %ld", way, copiers[way].error);
		}
	}
	EXPECT_EQ(-ENODEV, ws_pwrite(self->fd, self->map, 8, 0));
	EXPECT_EQ(-ENODEV, ws_pread(self->fd, self->map, 8, 0));
	EXPECT_EQ(0, ws_bind(&self->dev));
}

TEST_F(itself, c5_a_reset_interrupts_the_copies)
{
	struct copier copiers[BY_VECTOR] = { 0 };
	int fd = ws_open(&self->dev, O_RDONLY);
	int i;

	if (!ws_can_flr(&self->dev))
		SKIP(return, "the function offers no function-level reset");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, start_copiers(copiers, self));
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(copiers_go_on(copiers));
		EXPECT_EQ(0, ws_flr(&self->dev));
	}
	EXPECT_TRUE(copiers_go_on(copiers));
	join_copiers(copiers);
	/* Their own file has been told by their syncs. */
	EXPECT_EQ(-EIO, ws_sync(fd));
	EXPECT_EQ(0, ws_sync(fd));
	close(fd);
}

/* While it is FROZEN nothing of it can be touched. */

FIXTURE(frozen_itself) {
	struct ws_dev dev;
	int fd;
	__u8 *map;
	__u8 data[LENGTH];
	struct ws_freezer freezer;
};

#define FROZEN		FIXTURE_DATA(frozen_itself)

FIXTURE_SETUP(frozen_itself)
{
	int ret;

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	if (!ws_can_flr(&self->dev))
		SKIP(return, "the function offers no function-level reset");
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &self->map));
	ASSERT_EQ(0, ws_touch(self->map, true));
	ASSERT_EQ(0, ws_let_interrupt(SIGUSR1));
	ret = ws_freeze(&self->freezer, &self->dev);
	if (ret == -EBUSY) {
		ws_thaw(&self->freezer);
		SKIP(return, "the machine is too busy to hold a reset open");
	}
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(frozen_itself)
{
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	munmap(self->map, PAGE);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static long frozen_write(FROZEN *self)
{
	return ws_pwrite(self->fd, self->map, LENGTH, PAGE);
}

static long frozen_read(FROZEN *self)
{
	return ws_pread(self->fd, self->map, LENGTH, PAGE);
}

static long frozen_query(FROZEN *self)
{
	return ws_ioctl(self->fd, WRITESYNC_IOC_QUERY, self->map);
}

static long frozen_check(FROZEN *self)
{
	return ws_ioctl(self->fd, WRITESYNC_IOC_CHECK, self->map + 128);
}

static long frozen_vector(FROZEN *self)
{
	struct writesync_write write = ws_pieces_at((void *)self->map, 1, 0);

	return ws_write_call(self->fd, &write);
}

static long frozen_readv(FROZEN *self)
{
	long n = preadv(self->fd, (void *)self->map, 1, 0);

	return n < 0 ? -errno : n;
}

static long (* const frozen_calls[])(FROZEN *self) = {
	frozen_write, frozen_read, frozen_query, frozen_check, frozen_vector,
	frozen_readv,
};

#define CALLS		6

struct frozen_caller {
	FROZEN *self;
	long (*call)(FROZEN *self);
	pthread_t thread;
	atomic_bool done;
	long ret;
};

static void *call_frozen(void *data)
{
	struct frozen_caller *caller = data;

	caller->ret = caller->call(caller->self);
	caller->done = true;
	return NULL;
}

static int start_frozen(struct frozen_caller *callers, FROZEN *self)
{
	int i, ret = 0;

	for (i = 0; i < CALLS && !ret; i++) {
		callers[i].self = self;
		callers[i].call = frozen_calls[i];
		ret = pthread_create(&callers[i].thread, NULL, call_frozen,
				     &callers[i]);
	}
	return ret;
}

static int still_waiting(struct frozen_caller *callers)
{
	int i, waiting = 0;

	ws_sleep(50 * WS_MS);
	for (i = 0; i < CALLS; i++)
		waiting += !callers[i].done;
	return waiting;
}

/* Nobody stands in the way of the thaw; then all go on. */
TEST_F(frozen_itself, c5_calls_wait_and_go_on)
{
	struct frozen_caller callers[CALLS] = { 0 };
	int i;

	ASSERT_EQ(0, start_frozen(callers, self));
	EXPECT_EQ(CALLS, still_waiting(callers));
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	for (i = 0; i < CALLS; i++)
		pthread_join(callers[i].thread, NULL);
	EXPECT_EQ(LENGTH, callers[0].ret);
	EXPECT_EQ(LENGTH, callers[1].ret);
	/* What the structures hold after a reset is the device's affair. */
	for (i = 2; i < CALLS; i++) {
		EXPECT_TRUE(callers[i].ret >= 0 ||
			    callers[i].ret == -EINVAL ||
			    callers[i].ret == -EFAULT ||
			    callers[i].ret == -E2BIG) {
			TH_LOG("call %d: %ld", i, callers[i].ret);
		}
	}
}

/*
 * A call that waits by itself can be interrupted. A page of the window that is
 * touched on its behalf comes when it comes, as one of a network's file would.
 */
TEST_F(frozen_itself, c9_a_signal_ends_the_wait)
{
	struct frozen_caller callers[CALLS] = { 0 };
	int i;

	ASSERT_EQ(0, start_frozen(callers, self));
	EXPECT_EQ(CALLS, still_waiting(callers));
	for (i = 0; i < CALLS; i++)
		pthread_kill(callers[i].thread, SIGUSR1);
	for (i = 0; i < 2; i++) {
		pthread_join(callers[i].thread, NULL);
		EXPECT_EQ(-EINTR, callers[i].ret);
	}
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	for (i = 2; i < CALLS; i++)
		pthread_join(callers[i].thread, NULL);
}

static int call_all_but_last(void *data)
{
	struct frozen_caller callers[CALLS] = { 0 };

	start_frozen(callers, data);
	frozen_query(data);
	return 0;
}

TEST_F(frozen_itself, c9_who_waits_can_be_killed)
{
	pid_t pid = fork();
	__u64 begun;
	int status;

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(call_all_but_last(self));
	ws_sleep(50 * WS_MS);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	begun = ws_now();
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_GE(2 * WS_S, ws_now() - begun);
}

TEST_F(frozen_itself, c3_a_write_keeps_its_timeout)
{
	__u64 begun = ws_now(), done = WS_GARBAGE;

	EXPECT_EQ(-ETIMEDOUT, copy_by_ioctl(self->fd, self->map, LENGTH, PAGE,
					    20 * WS_MS, &done));
	EXPECT_EQ(0, done);
	EXPECT_GE(2 * WS_S, ws_now() - begun);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, frozen_write(self));
	EXPECT_EQ(-EAGAIN, frozen_read(self));
}

TEST_HARNESS_MAIN

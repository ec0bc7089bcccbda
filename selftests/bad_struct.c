// SPDX-License-Identifier: GPL-2.0
/*
 * C7: every structure that a caller can make is served or refused by the rules
 * of writesync.h. They are written down here once more, as a model, and both
 * judge the same structures: of every size, with every byte set in turn, with
 * every flag, with edge values. What is stored is accounted for byte by byte.
 *
 * WRITESYNC_STRESS_SIZES=all sets every byte of every size (minutes).
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LAST_NR		_IOC_NR(WRITESYNC_IOC_CHECK)
#define PAGE_MAX	4096
#define NEAR		16	/* unknown bytes that are all set in turn */
#define RANDOM		4000
#define PIECE		8
#define MINUTES		600	/* for every byte of every size */

union any {
	__u32 head[2];			/* size and flags */
	struct writesync_info info;
	struct writesync_query query;
	struct writesync_sync sync;
	struct writesync_write write;
	struct writesync_alloc alloc;
	struct writesync_commit commit;
	struct writesync_check check;
	__u8 bytes[PAGE_MAX];
};

FIXTURE(structs) {
	struct ws_dev dev;
	int fd;
	size_t page;
	__u8 *edge;			/* a page with nothing behind it */
	__u64 total;			/* bytes for regions */
	__u32 seed;
	struct writesync_iovec empty[WRITESYNC_IOV_MAX];
};

#define STRUCTS		FIXTURE_DATA(structs)

struct part {
	size_t at, length;
};

/* One ioctl: its structure, and what the header says of the fields. */
FIXTURE_VARIANT(structs) {
	unsigned long request;
	size_t size;
	size_t first;		/* size of its first version */
	int (*fields)(const STRUCTS *self, const union any *arg);
	struct part out[4];	/* what is stored */
	size_t elapsed;		/* a field that is, and is never the same */
};

#define STRUCTS_VARIANT		FIXTURE_VARIANT(structs)

static bool power_of_two(__u64 value)
{
	return value && !(value & (value - 1));
}

static bool in_window(const STRUCTS *self, __u64 offset, __u64 length)
{
	__u64 end;

	return !__builtin_add_overflow(offset, length, &end) &&
	       end <= self->dev.size;
}

static int info_fields(const STRUCTS *self, const union any *arg)
{
	const struct writesync_info *info = &arg->info;

	(void)self;
	return info->flags || info->__reserved || info->__reserved2 ?
	       -EINVAL : 0;
}

static int query_fields(const STRUCTS *self, const union any *arg)
{
	(void)self;
	return arg->query.flags || arg->query.__reserved ? -EINVAL : 0;
}

static int sync_fields(const STRUCTS *self, const union any *arg)
{
	__u32 known = WRITESYNC_ABSTIME | WRITESYNC_RANGE | WRITESYNC_VERIFY;
	const struct writesync_sync *sync = &arg->sync;

	if (sync->flags & ~known || sync->__reserved)
		return -EINVAL;
	if (!(sync->flags & WRITESYNC_RANGE) && (sync->offset || sync->length))
		return -EINVAL;
	if (!in_window(self, sync->offset, sync->length))
		return -EINVAL;
	return sync->flags & WRITESYNC_VERIFY && !self->dev.prefetch ?
	       -EOPNOTSUPP : 0;
}

/* The pieces are empty; an array that is not theirs cannot be read. */
static int write_fields(const STRUCTS *self, const union any *arg)
{
	__u32 known = WRITESYNC_ABSTIME | WRITESYNC_VERIFY |
		      WRITESYNC_WRITE_AT | WRITESYNC_WRITE_SYNC;
	const struct writesync_write *write = &arg->write;
	bool verify = write->flags & WRITESYNC_VERIFY;

	if (write->flags & ~known || write->__reserved || write->__reserved2)
		return -EINVAL;
	if (write->iov_count > WRITESYNC_IOV_MAX || write->offset > INT64_MAX)
		return -EINVAL;
	if (!(write->flags & WRITESYNC_WRITE_AT) && write->offset)
		return -EINVAL;
	if (verify && !(write->flags & WRITESYNC_WRITE_SYNC))
		return -EINVAL;
	if (verify && !self->dev.prefetch)
		return -EOPNOTSUPP;
	return write->iov_count && write->iov != (uintptr_t)self->empty ?
	       -EFAULT : 0;
}

/* The window is empty: offset 0 is aligned to anything. */
static int alloc_fields(const STRUCTS *self, const union any *arg)
{
	const struct writesync_alloc *alloc = &arg->alloc;

	if (alloc->flags || alloc->__reserved || !alloc->length ||
	    (alloc->alignment && !power_of_two(alloc->alignment)))
		return -EINVAL;
	return alloc->length > self->total ? -ENOSPC : 0;
}

static int commit_fields(const STRUCTS *self, const union any *arg)
{
	(void)self;
	return arg->commit.flags ? -EINVAL : 0;
}

static int check_fields(const STRUCTS *self, const union any *arg)
{
	const struct writesync_check *check = &arg->check;
	__u64 last;

	(void)self;
	return check->flags || check->__reserved || !check->length ||
	       __builtin_add_overflow(check->address, check->length - 1,
				      &last) ? -EINVAL : 0;
}

FIXTURE_VARIANT_ADD(structs, info) {
	WRITESYNC_IOC_INFO, sizeof(struct writesync_info),
	WRITESYNC_INFO_SIZE_V1, info_fields,
	.out = { { 8, 28 }, { 40, 100 } },
};

FIXTURE_VARIANT_ADD(structs, query) {
	WRITESYNC_IOC_QUERY, sizeof(struct writesync_query),
	sizeof(struct writesync_query), query_fields,
	.out = { { 8, 4 }, { 16, 16 } },
};

FIXTURE_VARIANT_ADD(structs, sync) {
	WRITESYNC_IOC_SYNC, sizeof(struct writesync_sync),
	sizeof(struct writesync_sync), sync_fields,
	.out = { { 40, 12 } },
	.elapsed = offsetof(struct writesync_sync, elapsed_ns),
};

FIXTURE_VARIANT_ADD(structs, write) {
	WRITESYNC_IOC_WRITE, sizeof(struct writesync_write),
	sizeof(struct writesync_write), write_fields,
	.out = { { 40, 8 }, { 56, 12 } },
	.elapsed = offsetof(struct writesync_write, elapsed_ns),
};

FIXTURE_VARIANT_ADD(structs, alloc) {
	WRITESYNC_IOC_ALLOC, sizeof(struct writesync_alloc),
	sizeof(struct writesync_alloc), alloc_fields,
	.out = { { 8, 8 }, { 24, 12 } },
};

FIXTURE_VARIANT_ADD(structs, commit) {
	WRITESYNC_IOC_COMMIT, sizeof(struct writesync_commit),
	sizeof(struct writesync_commit), commit_fields, .out = { { 0 } },
};

FIXTURE_VARIANT_ADD(structs, decommit) {
	WRITESYNC_IOC_DECOMMIT, sizeof(struct writesync_commit),
	sizeof(struct writesync_commit), commit_fields, .out = { { 0 } },
};

FIXTURE_VARIANT_ADD(structs, check) {
	WRITESYNC_IOC_CHECK, sizeof(struct writesync_check),
	sizeof(struct writesync_check), check_fields,
	.out = { { 24, 12 } },
};

FIXTURE_SETUP(structs)
{
	struct writesync_info info;

	WS_BEGIN(return, &self->dev, 0);
	self->page = sysconf(_SC_PAGESIZE);
	ASSERT_EQ(PAGE_MAX, self->page);
	self->edge = ws_edge();
	ASSERT_NE(NULL, self->edge);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_info(self->fd, &info));
	self->total = info.total;
	self->seed = 1;
}

FIXTURE_TEARDOWN(structs)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static __u32 get32(const __u8 *at)
{
	__u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static bool is_zero(const __u8 *at, size_t length)
{
	while (length--)
		if (*at++)
			return false;
	return true;
}

/* The rules that hold for all of them, then those of the fields. */
static int verdict(const STRUCTS *self, const STRUCTS_VARIANT *variant,
		   const __u8 *arg)
{
	union any known;
	size_t size = get32(arg);

	if (size < variant->first)
		return -EINVAL;
	if (size > self->page)
		return -E2BIG;
	if (size > variant->size &&
	    !is_zero(arg + variant->size, size - variant->size))
		return -E2BIG;
	memset(known.bytes, 0, variant->size);
	memcpy(known.bytes, arg, size < variant->size ? size : variant->size);
	return variant->fields(self, &known);
}

/* A structure that is right, of the size that the kernel knows. */
static void make_good(const STRUCTS *self, const STRUCTS_VARIANT *variant,
		      union any *arg)
{
	memset(arg, 0, sizeof(*arg));
	arg->head[0] = variant->size;
	if (variant->request == WRITESYNC_IOC_WRITE)
		arg->write.iov = (uintptr_t)self->empty;
	else if (variant->request == WRITESYNC_IOC_ALLOC)
		arg->alloc.length = 1;
	else if (variant->request == WRITESYNC_IOC_CHECK)
		arg->check.length = 1;
}

/* What ALLOC made goes away again. */
static int call(const STRUCTS *self, const STRUCTS_VARIANT *variant, __u8 *arg)
{
	int ret = ws_ioctl(self->fd, variant->request, arg);

	if (!ret && variant->request == WRITESYNC_IOC_ALLOC)
		close(get32(arg + offsetof(struct writesync_alloc, fd)));
	return ret;
}

static void expect_verdict(struct __test_metadata *_metadata,
			   const STRUCTS *self, const STRUCTS_VARIANT *variant,
			   __u8 *arg, const char *what, size_t which)
{
	size_t size = get32(arg);
	int expected = verdict(self, variant, arg);

	ASSERT_EQ(expected, call(self, variant, arg)) {
		TH_LOG("size %zu, %s %zu", size, what, which);
	}
}

/* Put @good where memory ends behind @size bytes of it. */
static __u8 *place(const STRUCTS *self, const union any *good, size_t size)
{
	size_t length = size < sizeof(__u32) ? sizeof(__u32) : size;
	__u8 *arg = self->edge + self->page - length;
	__u32 head = size;

	memcpy(arg, good, length);
	memcpy(arg, &head, sizeof(head));
	return arg;
}

static void set_byte(struct __test_metadata *_metadata, const STRUCTS *self,
		     const STRUCTS_VARIANT *variant, const union any *good,
		     size_t size, size_t at)
{
	static const __u8 values[] = { 0x01, 0x80, 0xff };
	__u8 *arg = self->edge + self->page - size;
	size_t head = size < variant->size ? size : variant->size;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		arg[at] = values[i];
		expect_verdict(_metadata, self, variant, arg, "byte", at);
		/* It may have been stored to. */
		memcpy(arg + 4, good->bytes + 4, head - 4);
		arg[at] = good->bytes[at];
		if (at >= variant->size + NEAR)
			break;
	}
}

/* Past the known part and its neighbours: one in between, and the last one. */
static size_t next_byte(size_t at, size_t size, size_t dense, bool all)
{
	size_t between = dense + (size * 31) % (size - dense + 1);

	at++;
	if (all || at < dense || at >= size - 1)
		return at;
	return at <= between && between < size - 1 ? between : size - 1;
}

static void set_bytes(struct __test_metadata *_metadata, const STRUCTS *self,
		      const STRUCTS_VARIANT *variant, const union any *good,
		      size_t size, bool all)
{
	size_t dense = variant->size + NEAR;
	size_t at = sizeof(__u32);

	if (size <= dense || size == self->page)
		all = true;
	/* In a longer one, the known bytes mean what they mean in this one. */
	else if (!all)
		at = variant->size;
	for (; at < size; at = next_byte(at, size, dense, all))
		set_byte(_metadata, self, variant, good, size, at);
}

TEST_F_TIMEOUT(structs, c7_every_size_with_every_byte_in_turn, MINUTES)
{
	const char *sizes = getenv("WRITESYNC_STRESS_SIZES");
	bool all = sizes && ws_is(sizes, "all");
	union any good;
	size_t size;
	__u8 *arg;

	make_good(self, variant, &good);
	for (size = 0; size <= self->page; size++) {
		arg = place(self, &good, size);
		expect_verdict(_metadata, self, variant, arg, "all", size);
		if (size <= sizeof(__u32))
			continue;
		place(self, &good, size);
		set_bytes(_metadata, self, variant, &good, size, all);
	}
}

TEST_F(structs, c7_every_size_beyond_a_page)
{
	static const int more[] = { 1, 2, 3, 4, 8, 4096, INT32_MAX - 4096 };
	__u8 *arg = self->edge;
	union any good;
	__u32 size;
	size_t i;
	int bit;

	make_good(self, variant, &good);
	memcpy(arg, &good, self->page);
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		size = self->page + more[i];
		memcpy(arg, &size, sizeof(size));
		expect_verdict(_metadata, self, variant, arg, "size", size);
	}
	for (bit = 13; bit < 32; bit++) {
		size = variant->size | 1u << bit;
		memcpy(arg, &size, sizeof(size));
		expect_verdict(_metadata, self, variant, arg, "size bit", bit);
	}
}

/* Each bit alone, and each unknown one with all that are known. */
TEST_F(structs, c7_every_flag_bit_with_every_other)
{
	union any good;
	__u32 flags;
	int bit;

	make_good(self, variant, &good);
	for (bit = 0; bit < 32; bit++) {
		for (flags = 0; flags < 0x40; flags++) {
			good.head[1] = flags | 1u << bit;
			expect_verdict(_metadata, self, variant,
				       place(self, &good, variant->size),
				       "flags", good.head[1]);
		}
	}
}

static __u32 roll(STRUCTS *self, __u32 sides)
{
	self->seed = self->seed * 1664525 + 1013904223;
	return (self->seed >> 8) % sides;
}

static __u64 edge_value(STRUCTS *self)
{
	const __u64 values[] = {
		0, 1, 2, 7, 8, 16, 4095, 4096, 4097, INT32_MAX, 1ull << 31,
		UINT32_MAX, 1ull << 32, INT64_MAX, 1ull << 63, UINT64_MAX,
		UINT64_MAX - 1, -4096ull, 1023, 1024, 1025, 1ull << 62,
		self->dev.size, self->dev.size / 2, self->total,
		-self->dev.size,
	};
	__u64 value = values[roll(self, ARRAY_SIZE(values))];

	return value + roll(self, 3) - 1;
}

/* For a pointer: the array of pieces, or nothing that can be read. */
static __u64 edge_pointer(STRUCTS *self)
{
	const __u64 values[] = {
		(uintptr_t)self->empty, (uintptr_t)self->edge + self->page,
		0, -4096ull, 0xffff888000000000ull, 1ull << 63,
		(uintptr_t)self->empty,
	};

	return values[roll(self, ARRAY_SIZE(values))];
}

static void change_field(STRUCTS *self, const STRUCTS_VARIANT *variant,
			 union any *arg)
{
	size_t words = variant->size / 8;
	size_t word = roll(self, words);
	__u64 value = edge_value(self);

	if (!word)
		arg->head[1] = roll(self, 0x40);
	else if (variant->request == WRITESYNC_IOC_WRITE && word == 1)
		arg->write.iov = edge_pointer(self);
	else
		memcpy(arg->bytes + 8 * word, &value, 8);
}

TEST_F(structs, c7_fields_of_edge_values)
{
	union any arg;
	int round, i;

	for (round = 0; round < RANDOM; round++) {
		make_good(self, variant, &arg);
		for (i = roll(self, 4); i >= 0; i--)
			change_field(self, variant, &arg);
		expect_verdict(_metadata, self, variant,
			       place(self, &arg, variant->size), "round",
			       round);
	}
}

/*
 * No byte of the kernel's own in what is stored (CVE-2023-50431 was padding).
 *
 * What calls leave on the kernel's stack is ours, and another time something
 * else. What an ioctl stores must not tell which.
 */
static void paint_stack(const STRUCTS *self, const STRUCTS_VARIANT *variant,
			__u8 paint)
{
	struct pollfd fds[30];
	union any arg;

	memset(fds, paint | 0x80, sizeof(fds));
	poll(fds, ARRAY_SIZE(fds), 0);
	memset(&arg, paint, sizeof(arg));
	arg.head[0] = variant->size;
	ws_ioctl(self->fd, variant->request, &arg);
	arg.head[0] = sizeof(arg.write);
	ws_ioctl(self->fd, WRITESYNC_IOC_WRITE, &arg);
	arg.head[0] = sizeof(arg.info);
	ws_ioctl(self->fd, WRITESYNC_IOC_INFO, &arg);
}

/* Is byte @at stored, the same each time? */
static bool is_output(const STRUCTS_VARIANT *variant, size_t at)
{
	const struct part *part;

	for (part = variant->out; part->length; part++)
		if (at >= part->at && at < part->at + part->length)
			return true;
	return false;
}

static bool is_elapsed(const STRUCTS_VARIANT *variant, size_t at)
{
	return variant->elapsed && at - variant->elapsed < 8;
}

/* Is byte @at for the caller to say? It may be stored as well. */
static bool is_input(const STRUCTS_VARIANT *variant, const union any *arg,
		     size_t at)
{
	if (at >= variant->size)
		return false;
	if ((!is_output(variant, at) && !is_elapsed(variant, at)) ||
	    arg->bytes[at])
		return true;
	return variant->request == WRITESYNC_IOC_ALLOC && at >= 8 && at < 16;
}

/* @poison in all that the structure need not say. */
static void poison_rest(const STRUCTS_VARIANT *variant, union any *arg,
			__u8 poison)
{
	size_t at;

	for (at = 0; at < sizeof(*arg); at++)
		if (!is_input(variant, arg, at))
			arg->bytes[at] = poison;
}

static void expect_elapsed(struct __test_metadata *_metadata,
			   const STRUCTS_VARIANT *variant,
			   const union any *arg, __u64 took)
{
	__u64 elapsed;

	if (!variant->elapsed)
		return;
	memcpy(&elapsed, arg->bytes + variant->elapsed, 8);
	EXPECT_GE(took, elapsed);
}

static void call_poisoned(struct __test_metadata *_metadata,
			  const STRUCTS *self, const STRUCTS_VARIANT *variant,
			  union any *arg, int expected, __u8 poison)
{
	union any before;
	__u64 begun;
	size_t at;

	poison_rest(variant, arg, poison);
	before = *arg;
	paint_stack(self, variant, poison);
	begun = ws_now();
	ASSERT_EQ(expected, call(self, variant, arg->bytes));
	expect_elapsed(_metadata, variant, arg, ws_now() - begun);
	for (at = 0; at < sizeof(*arg); at++) {
		if (is_output(variant, at) || is_elapsed(variant, at))
			continue;
		ASSERT_EQ(before.bytes[at], arg->bytes[at]) {
			TH_LOG("byte %zu is not to be stored", at);
		}
	}
}

static const __u8 poisons[] = { 0x11, 0xee, 0x5a, 0xa5 };

TEST_F(structs, c7_no_byte_of_the_kernels_is_stored)
{
	union any first, arg;
	size_t i, at;

	make_good(self, variant, &first);
	call_poisoned(_metadata, self, variant, &first, 0, 0x00);
	for (i = 0; i < ARRAY_SIZE(poisons); i++) {
		make_good(self, variant, &arg);
		call_poisoned(_metadata, self, variant, &arg, 0, poisons[i]);
		for (at = 0; at < variant->size; at++) {
			if (!is_output(variant, at))
				continue;
			EXPECT_EQ(first.bytes[at], arg.bytes[at]) {
				TH_LOG("byte %zu with %#x", at, poisons[i]);
			}
		}
	}
}

/* On errors, nothing or what the header says: each output is known. */

static void refuse_poisoned(struct __test_metadata *_metadata,
			    const STRUCTS *self,
			    const STRUCTS_VARIANT *variant, __u8 poison)
{
	union any arg, before;

	make_good(self, variant, &arg);
	arg.head[1] = 1u << 31;
	poison_rest(variant, &arg, poison);
	before = arg;
	paint_stack(self, variant, poison);
	EXPECT_EQ(-EINVAL, call(self, variant, arg.bytes));
	EXPECT_EQ(0, memcmp(&before, &arg, sizeof(arg)));
}

/* The first piece is good and fits, the second one is not or does not. */
static void write_poisoned(struct __test_metadata *_metadata,
			   const STRUCTS *self, const STRUCTS_VARIANT *variant,
			   int error, __u8 poison)
{
	struct writesync_iovec iov[] = {
		ws_piece(self->edge, PIECE), ws_piece(self->edge, PIECE),
	};
	struct writesync_query query;
	union any arg;

	if (error == -EFAULT)
		iov[1].base += self->page;
	make_good(self, variant, &arg);
	arg.write.flags = WRITESYNC_WRITE_AT | WRITESYNC_WRITE_SYNC;
	arg.write.offset = error == -ENOSPC ? self->dev.size - PIECE : 0;
	arg.write.iov = (uintptr_t)iov;
	arg.write.iov_count = ARRAY_SIZE(iov);
	call_poisoned(_metadata, self, variant, &arg, error, poison);
	ASSERT_EQ(0, ws_query(self->fd, &query));
	EXPECT_EQ(PIECE, arg.write.bytes_written);
	EXPECT_EQ(query.synced, arg.write.synced);
	EXPECT_EQ(0, arg.write.readbacks);
}

static void sync_poisoned(struct __test_metadata *_metadata,
			  const STRUCTS *self, const STRUCTS_VARIANT *variant,
			  __u8 poison)
{
	struct writesync_query query;
	union any arg;

	make_good(self, variant, &arg);
	arg.sync.timeout_ns = 1;
	call_poisoned(_metadata, self, variant, &arg, -ETIMEDOUT, poison);
	ASSERT_EQ(0, ws_query(self->fd, &query));
	EXPECT_EQ(query.synced, arg.sync.synced);
	EXPECT_GT(query.posted, arg.sync.synced);
	EXPECT_GT(poison, arg.sync.readbacks);
}

TEST_F(structs, c7_no_byte_of_the_kernels_is_stored_on_errors)
{
	bool can_stall = self->dev.features & WS_EDU_FEATURE_POSTED;
	size_t i;

	if (can_stall && variant->request == WRITESYNC_IOC_SYNC) {
		ws_drain(&self->dev, WS_HOLD);
		ASSERT_EQ(PIECE, ws_pwrite(self->fd, "unsynced", PIECE, 0));
		ws_fault(&self->dev, WS_FAULT_STALL);
	}
	for (i = 0; i < ARRAY_SIZE(poisons); i++) {
		refuse_poisoned(_metadata, self, variant, poisons[i]);
		if (variant->request == WRITESYNC_IOC_WRITE) {
			write_poisoned(_metadata, self, variant, -ENOSPC,
				       poisons[i]);
			write_poisoned(_metadata, self, variant, -EFAULT,
				       poisons[i]);
		} else if (can_stall &&
			   variant->request == WRITESYNC_IOC_SYNC) {
			sync_poisoned(_metadata, self, variant, poisons[i]);
		}
	}
}

/* A structure that another thread changes while it is read. */

struct changer {
	__u8 *arg;
	__u32 a, b;		/* the size is now this, now that */
	atomic_bool stop;
	pthread_t thread;
};

static void *change_size(void *data)
{
	struct changer *changer = data;

	while (!changer->stop) {
		__atomic_store_n((__u32 *)changer->arg, changer->a,
				 __ATOMIC_RELAXED);
		__atomic_store_n((__u32 *)changer->arg, changer->b,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Memory ends with the smaller size, so that none of the larger is served. */
TEST_F(structs, c7_a_size_that_changes_meanwhile)
{
	__u64 end = ws_now() + 30 * WS_MS;
	struct changer changer = { .a = variant->size, .b = self->page };
	unsigned long served = 0, calls = 0;
	union any good;
	int ret;

	make_good(self, variant, &good);
	changer.arg = place(self, &good, variant->size);
	ASSERT_EQ(0, pthread_create(&changer.thread, NULL, change_size,
				    &changer));
	for (; ws_now() < end || !served; calls++) {
		ret = call(self, variant, changer.arg);
		served += !ret;
		memcpy(changer.arg + 4, good.bytes + 4, variant->size - 4);
		if (ret && ret != -EFAULT && ret != -E2BIG)
			break;
	}
	changer.stop = true;
	pthread_join(changer.thread, NULL);
	EXPECT_TRUE(!ret || ret == -EFAULT || ret == -E2BIG) {
		TH_LOG("%d after %lu calls, %lu served", ret, calls, served);
	}
}

/* Numbers that are none of its ioctls. */

FIXTURE(bad_numbers) {
	struct ws_dev dev;
	int fd, region;
	__u8 page[PAGE_MAX];
};

FIXTURE_SETUP(bad_numbers)
{
	__u64 offset;

	WS_BEGIN(return, &self->dev, 0);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->region = ws_region(self->fd, 1, &offset);
	ASSERT_LE(0, self->region);
	self->page[0] = 64;
}

FIXTURE_TEARDOWN(bad_numbers)
{
	close(self->region);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static const unsigned int sizes[] = {
	0, 1, 2, 4, 8, 16, 32, 40, 56, 64, 72, 88, 128, 144, 256, 512, 1024,
	2048, 4096, 8192, _IOC_SIZEMASK - 1, _IOC_SIZEMASK,
};

static void expect_enotty(struct __test_metadata *_metadata, int fd,
			  __u8 *page, unsigned int dir, unsigned int nr)
{
	unsigned long request;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (!dir && !sizes[i] && nr <= LAST_NR)
			continue;
		request = _IOC(dir, WRITESYNC_IOC_MAGIC, nr, sizes[i]);
		ASSERT_EQ(-ENOTTY, ws_ioctl(fd, request, page)) {
			TH_LOG("%#lx", request);
		}
	}
}

/* All 256 numbers, in all directions, of these sizes. */
TEST_F(bad_numbers, c7_other_numbers_directions_and_sizes_are_enotty)
{
	unsigned int dir, nr;

	for (dir = 0; dir <= _IOC_DIRMASK; dir++) {
		for (nr = 0; nr < 256; nr++) {
			expect_enotty(_metadata, self->fd, self->page, dir, nr);
			expect_enotty(_metadata, self->region, self->page, dir,
				      nr);
		}
	}
	EXPECT_TRUE(is_zero(self->page + 1, sizeof(self->page) - 1));
	EXPECT_EQ(64, self->page[0]);
}

/* The pointer does not matter where nothing is to be read. */
TEST_F(bad_numbers, c7_other_numbers_are_enotty_with_any_pointer)
{
	void * const pointers[] = {
		NULL, (void *)-1l, (void *)-4096l, (void *)1,
	};
	unsigned int nr;
	size_t i;

	for (nr = LAST_NR + 1; nr < 256; nr++) {
		for (i = 0; i < ARRAY_SIZE(pointers); i++) {
			EXPECT_EQ(-ENOTTY,
				  ws_ioctl(self->fd,
					   _IO(WRITESYNC_IOC_MAGIC, nr),
					   pointers[i]));
		}
	}
}

TEST_HARNESS_MAIN

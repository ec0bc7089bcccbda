// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls as an interface: sizes, flags, reserved fields, pointers, and
 * what comes back. C7: nothing but the caller's structure is written.
 */
#include <assert.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PATTERN		0xa5

/* For callers of every kind alike: a 32-bit build has the same numbers. */
static_assert(sizeof(struct writesync_info) == 144);
static_assert(offsetof(struct writesync_info, window_size) == 40);
static_assert(offsetof(struct writesync_info, total) == WRITESYNC_INFO_SIZE_V1);
static_assert(offsetof(struct writesync_info, file) == 136);
static_assert(WRITESYNC_INFO_SIZE_V1 == 88);
static_assert(sizeof(struct writesync_query) == 32);
static_assert(offsetof(struct writesync_query, posted) == 16);
static_assert(sizeof(struct writesync_sync) == 56);
static_assert(offsetof(struct writesync_sync, timeout_ns) == 8);
static_assert(sizeof(struct writesync_iovec) == 16);
static_assert(sizeof(struct writesync_write) == 72);
static_assert(offsetof(struct writesync_write, iov) == 8);
static_assert(offsetof(struct writesync_write, offset) == 24);
static_assert(offsetof(struct writesync_write, readbacks) == 64);
static_assert(sizeof(struct writesync_alloc) == 40);
static_assert(offsetof(struct writesync_alloc, fd) == 32);
static_assert(sizeof(struct writesync_commit) == 8);
static_assert(sizeof(struct writesync_check) == 40);
static_assert(offsetof(struct writesync_check, inside) == 32);

FIXTURE(ioctls) {
	struct ws_dev dev;
	int window;
	int fd;
	long page;
	__u8 *edge;		/* a page with nothing behind it */
};

#define IOCTLS		FIXTURE_DATA(ioctls)

/* One ioctl: its number, its structure, what of it is reserved. */
FIXTURE_VARIANT(ioctls) {
	unsigned long request;
	size_t size;
	size_t first;		/* size of its first version, if another one */
	__u32 known_flags;
	size_t reserved[2];	/* offsets of reserved fields */
	size_t length;		/* offset of a field that must not be 0 */
	bool silent;		/* it stores nothing */
	bool region;		/* of a region, not of the window */
};

#define IOCTLS_VARIANT		FIXTURE_VARIANT(ioctls)

#define INFO_FIELDS							\
	.request = WRITESYNC_IOC_INFO,					\
	.size = sizeof(struct writesync_info),				\
	.first = WRITESYNC_INFO_SIZE_V1,				\
	.reserved = { offsetof(struct writesync_info, __reserved),	\
		      offsetof(struct writesync_info, __reserved2) }

#define QUERY_FIELDS							\
	.request = WRITESYNC_IOC_QUERY,					\
	.size = sizeof(struct writesync_query),				\
	.reserved = { offsetof(struct writesync_query, __reserved) }

#define SYNC_FIELDS							\
	.request = WRITESYNC_IOC_SYNC,					\
	.size = sizeof(struct writesync_sync),				\
	.known_flags = WRITESYNC_ABSTIME | WRITESYNC_RANGE |		\
		       WRITESYNC_VERIFY,				\
	.reserved = { offsetof(struct writesync_sync, __reserved) }

#define WRITE_FIELDS							\
	.request = WRITESYNC_IOC_WRITE,					\
	.size = sizeof(struct writesync_write),				\
	.known_flags = WRITESYNC_ABSTIME | WRITESYNC_VERIFY |		\
		       WRITESYNC_WRITE_AT | WRITESYNC_WRITE_SYNC,	\
	.reserved = { offsetof(struct writesync_write, __reserved),	\
		      offsetof(struct writesync_write, __reserved2) }

#define COMMIT_FIELDS							\
	.request = WRITESYNC_IOC_COMMIT,				\
	.size = sizeof(struct writesync_commit),			\
	.silent = true

#define DECOMMIT_FIELDS							\
	.request = WRITESYNC_IOC_DECOMMIT,				\
	.size = sizeof(struct writesync_commit),			\
	.silent = true

#define CHECK_FIELDS							\
	.request = WRITESYNC_IOC_CHECK,					\
	.size = sizeof(struct writesync_check),				\
	.reserved = { offsetof(struct writesync_check, __reserved) },	\
	.length = offsetof(struct writesync_check, length)

FIXTURE_VARIANT_ADD(ioctls, info) { INFO_FIELDS };
FIXTURE_VARIANT_ADD(ioctls, query) { QUERY_FIELDS };
FIXTURE_VARIANT_ADD(ioctls, sync) { SYNC_FIELDS };
FIXTURE_VARIANT_ADD(ioctls, write) { WRITE_FIELDS };
FIXTURE_VARIANT_ADD(ioctls, commit) { COMMIT_FIELDS };
FIXTURE_VARIANT_ADD(ioctls, decommit) { DECOMMIT_FIELDS };
FIXTURE_VARIANT_ADD(ioctls, check) { CHECK_FIELDS };

FIXTURE_VARIANT_ADD(ioctls, alloc) {
	.request = WRITESYNC_IOC_ALLOC,
	.size = sizeof(struct writesync_alloc),
	.reserved = { offsetof(struct writesync_alloc, __reserved) },
	.length = offsetof(struct writesync_alloc, length),
};

FIXTURE_VARIANT_ADD(ioctls, region_info) { INFO_FIELDS, .region = true };
FIXTURE_VARIANT_ADD(ioctls, region_query) { QUERY_FIELDS, .region = true };
FIXTURE_VARIANT_ADD(ioctls, region_sync) { SYNC_FIELDS, .region = true };
FIXTURE_VARIANT_ADD(ioctls, region_write) { WRITE_FIELDS, .region = true };
FIXTURE_VARIANT_ADD(ioctls, region_commit) { COMMIT_FIELDS, .region = true };
FIXTURE_VARIANT_ADD(ioctls, region_decommit) { DECOMMIT_FIELDS, .region = true };
FIXTURE_VARIANT_ADD(ioctls, region_check) { CHECK_FIELDS, .region = true };

FIXTURE_SETUP(ioctls)
{
	__u64 offset;

	WS_BEGIN(return, &self->dev, 0);
	self->page = sysconf(_SC_PAGESIZE);
	self->edge = ws_edge();
	ASSERT_NE(NULL, self->edge);
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	self->fd = variant->region ? ws_region(self->window, 1, &offset) :
				     self->window;
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(ioctls)
{
	close(self->fd);
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void put32(__u8 *at, __u32 value)
{
	memcpy(at, &value, sizeof(value));
}

static __u32 get32(const __u8 *at)
{
	__u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* A structure of @size bytes that is right and ends where memory ends. */
static __u8 *at_edge(IOCTLS *self, const IOCTLS_VARIANT *variant, size_t size)
{
	__u8 *arg = self->edge + self->page - size;

	memset(self->edge, PATTERN, self->page);
	memset(arg, 0, size);
	put32(arg, size);
	if (variant->length && size >= variant->length + 8)
		put32(arg + variant->length, 1);
	return arg;
}

/* What ALLOC made goes away again. */
static int call(IOCTLS *self, const IOCTLS_VARIANT *variant, void *arg)
{
	int ret = ws_ioctl(self->fd, variant->request, arg);

	if (!ret && variant->request == WRITESYNC_IOC_ALLOC)
		close(get32((__u8 *)arg +
			    offsetof(struct writesync_alloc, fd)));
	return ret;
}

static bool untouched_before(IOCTLS *self, const __u8 *arg)
{
	const __u8 *p;

	for (p = self->edge; p < arg; p++)
		if (*p != PATTERN)
			return false;
	return true;
}

TEST_F(ioctls, c7_the_exact_size_works)
{
	__u8 *arg = at_edge(self, variant, variant->size);

	EXPECT_EQ(0, call(self, variant, arg));
	EXPECT_EQ(variant->size, get32(arg));
	EXPECT_TRUE(untouched_before(self, arg));
}

TEST_F(ioctls, c7_every_shorter_size_is_einval)
{
	__u8 *arg;
	size_t size;

	for (size = 4; size < (variant->first ?: variant->size); size++) {
		arg = at_edge(self, variant, size);
		EXPECT_EQ(-EINVAL, call(self, variant, arg)) {
			TH_LOG("size %zu", size);
		}
	}
	for (size = 0; size < 4; size++) {
		arg = at_edge(self, variant, variant->size);
		put32(arg, size);
		EXPECT_EQ(-EINVAL, call(self, variant, arg));
	}
}

static bool is_zero(const __u8 *p, size_t length)
{
	while (length--)
		if (*p++)
			return false;
	return true;
}

TEST_F(ioctls, c7_a_longer_size_with_a_tail_of_zeros_works)
{
	__u8 *arg;
	long size;

	for (size = variant->size + 1; size <= self->page;
	     size += size < 200 ? 1 : 487) {
		arg = at_edge(self, variant, size);
		EXPECT_EQ(0, call(self, variant, arg)) {
			TH_LOG("size %ld", size);
		}
		EXPECT_EQ(size, get32(arg));
		EXPECT_TRUE(is_zero(arg + variant->size,
				    size - variant->size));
		EXPECT_TRUE(untouched_before(self, arg));
	}
	arg = at_edge(self, variant, self->page);
	EXPECT_EQ(0, call(self, variant, arg));
}

TEST_F(ioctls, c7_a_longer_size_with_another_tail_is_e2big)
{
	size_t size = variant->size + 24, i;
	__u8 *arg;

	for (i = variant->size; i < size; i++) {
		arg = at_edge(self, variant, size);
		arg[i] = 1;
		EXPECT_EQ(-E2BIG, call(self, variant, arg)) {
			TH_LOG("byte %zu", i);
		}
	}
	arg = at_edge(self, variant, self->page);
	arg[self->page - 1] = 0x80;
	EXPECT_EQ(-E2BIG, call(self, variant, arg));
}

TEST_F(ioctls, c7_larger_than_a_page_is_e2big)
{
	const __u32 sizes[] = {
		self->page + 1, 2 * self->page, INT32_MAX, UINT32_MAX,
	};
	size_t i;
	__u8 *big = mmap(NULL, 3 * self->page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, big);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		put32(big, sizes[i]);
		EXPECT_EQ(-E2BIG, ws_ioctl(self->fd, variant->request, big));
	}
}

TEST_F(ioctls, c7_unknown_flags_are_einval)
{
	__u8 *arg;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		if (variant->known_flags & 1u << bit)
			continue;
		arg = at_edge(self, variant, variant->size);
		put32(arg + 4, 1u << bit);
		EXPECT_EQ(-EINVAL, call(self, variant, arg)) {
			TH_LOG("bit %d", bit);
		}
	}
}

static void expect_reserved(struct __test_metadata *_metadata, IOCTLS *self,
			    const IOCTLS_VARIANT *variant, size_t at)
{
	__u8 *arg;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		arg = at_edge(self, variant, variant->size);
		put32(arg + at, 1u << bit);
		EXPECT_EQ(-EINVAL, call(self, variant, arg)) {
			TH_LOG("offset %zu, bit %d", at, bit);
		}
	}
}

TEST_F(ioctls, c7_reserved_fields_must_be_0)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(variant->reserved); i++)
		if (variant->reserved[i])
			expect_reserved(_metadata, self, variant,
					variant->reserved[i]);
}

TEST_F(ioctls, c7_bad_pointers_are_efault)
{
	unsigned long request = variant->request;
	__u8 *end = self->edge + self->page;
	__u8 *arg;

	EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, request, NULL));
	EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, request, end));
	EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, request, end - 3));
	EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, request, (void *)-4096l));
	EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, request, (void *)-1l));

	/* The size is there, the rest is not. */
	arg = at_edge(self, variant, 4);
	put32(arg, variant->size);
	EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, request, arg));
	arg = at_edge(self, variant, variant->size);
	put32(arg, variant->size + 8);
	EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, request, arg));
}

TEST_F(ioctls, c7_a_read_only_structure_is_efault)
{
	int expected = variant->silent ? 0 : -EFAULT;
	__u8 before[512];
	__u8 *arg;

	arg = at_edge(self, variant, variant->size);
	memcpy(before, arg, variant->size);
	ASSERT_EQ(0, mprotect(self->edge, self->page, PROT_READ));
	EXPECT_EQ(expected, call(self, variant, arg));
	EXPECT_EQ(0, memcmp(before, arg, variant->size));
}

/* More than the size it said belongs to the caller. */
TEST_F(ioctls, c7_nothing_behind_the_structure_is_touched)
{
	__u8 *arg = self->edge;
	long i;

	at_edge(self, variant, variant->size);
	memmove(arg, self->edge + self->page - variant->size, variant->size);
	memset(arg + variant->size, PATTERN, self->page - variant->size);
	EXPECT_EQ(0, call(self, variant, arg));
	EXPECT_EQ(variant->size, get32(arg));
	for (i = variant->size; i < self->page; i++)
		ASSERT_EQ(PATTERN, arg[i]);
}

/* C8: removal leaves files behind that say so. */
TEST_F(ioctls, c8_after_unbinding_it_is_enodev)
{
	bool tells = variant->request == WRITESYNC_IOC_INFO;
	struct writesync_info info;
	__u8 *arg;

	ASSERT_EQ(0, ws_rebind(&self->dev));
	arg = at_edge(self, variant, variant->size);
	EXPECT_EQ(tells ? 0 : -ENODEV, call(self, variant, arg));
	EXPECT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(WRITESYNC_STATE_DEAD, info.state);
	EXPECT_EQ(self->dev.size, info.window_size);
}

TEST_F(ioctls, c4_a_dead_device_is_enodev)
{
	bool tells = variant->request == WRITESYNC_IOC_INFO;
	__u8 *arg;
	int ret;

	if (!self->dev.peer)
		SKIP(return, "there is no peer function");
	ASSERT_EQ(8, ws_pwrite(self->fd, "unsynced", 8, 0));
	ws_fault(&self->dev, WS_FAULT_DEAD);
	ret = ws_sync(self->fd);
	EXPECT_TRUE(ret == -ENODEV || ret == -EIO);
	arg = at_edge(self, variant, variant->size);
	EXPECT_EQ(tells ? 0 : -ENODEV, call(self, variant, arg));
}

/* Numbers that are no ioctl of writesync */

FIXTURE(numbers) {
	struct ws_dev dev;
	int fd;
	__u8 page[4096];
};

FIXTURE_SETUP(numbers)
{
	WS_BEGIN(return, &self->dev, 0);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	put32(self->page, 64);
}

FIXTURE_TEARDOWN(numbers)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* bad_struct.c has the other numbers, directions and sizes of ours. */

/* 'T' and 'f' hold numbers that the kernel answers for every file. */
TEST_F(numbers, c7_other_magics_are_enotty)
{
	int magic, nr;

	for (magic = 0; magic < 256; magic++) {
		if (magic == WRITESYNC_IOC_MAGIC || magic == 'T' ||
		    magic == 'f' || magic == 0)
			continue;
		for (nr = 0; nr <= (int)_IOC_NR(WRITESYNC_IOC_CHECK); nr++) {
			EXPECT_EQ(-ENOTTY, ws_ioctl(self->fd, _IO(magic, nr),
						    self->page)) {
				TH_LOG("magic %#x, number %d", magic, nr);
			}
		}
	}
}

/* What INFO says is what the PCI core says. */

FIXTURE(info) {
	struct ws_dev dev;
	struct writesync_info info;
	int fd;
};

FIXTURE_SETUP(info)
{
	WS_BEGIN(return, &self->dev, 0);
	self->fd = ws_open(&self->dev, O_RDONLY);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_info(self->fd, &self->info));
}

FIXTURE_TEARDOWN(info)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(info, c7_names_the_pci_function)
{
	__u64 vendor, device, subvendor, subdevice;
	unsigned int domain, bus, slot, fn;
	int fields;

	fields = sscanf(self->dev.slot, "%x:%x:%x.%x", &domain, &bus, &slot,
			&fn);
	ASSERT_EQ(4, fields);
	EXPECT_EQ(domain, self->info.domain);
	EXPECT_EQ(bus, self->info.bus);
	EXPECT_EQ(slot << 3 | fn, self->info.devfn);
	ASSERT_EQ(0, ws_pci_number(&self->dev, "vendor", &vendor));
	ASSERT_EQ(0, ws_pci_number(&self->dev, "device", &device));
	ASSERT_EQ(0, ws_pci_number(&self->dev, "subsystem_vendor",
				   &subvendor));
	ASSERT_EQ(0, ws_pci_number(&self->dev, "subsystem_device",
				   &subdevice));
	EXPECT_EQ(vendor, self->info.vendor);
	EXPECT_EQ(device, self->info.device);
	EXPECT_EQ(subvendor, self->info.subvendor);
	EXPECT_EQ(subdevice, self->info.subdevice);
}

static __u64 attribute(const struct ws_dev *dev, const char *name)
{
	char text[32] = "";

	ws_get(dev, name, text, sizeof(text));
	return strtoull(text, NULL, 0);
}

TEST_F(info, c7_names_the_window)
{
	char name[32];

	snprintf(name, sizeof(name), "writesync%u", self->info.window);
	EXPECT_STREQ(self->dev.name, name);
	EXPECT_EQ(attribute(&self->dev, "bar"), self->info.bar);
	EXPECT_EQ(self->dev.size, self->info.window_size);
	EXPECT_EQ(lseek(self->fd, 0, SEEK_END), self->info.window_size);
	EXPECT_EQ(attribute(&self->dev, "access_width"),
		  self->info.access_width);
	EXPECT_EQ(attribute(&self->dev, "timeout_ms") * WS_MS,
		  self->info.timeout_ns);
	EXPECT_EQ(WRITESYNC_STATE_LIVE, self->info.state);
	EXPECT_EQ(0, self->info.__reserved);
	if (!self->dev.regs)
		return;
	EXPECT_EQ(ws_reg(&self->dev, WS_EDU_MEM_SIZE),
		  (__u32)self->info.window_size);
	EXPECT_EQ(ws_reg(&self->dev, WS_EDU_MEM_SIZE + 4),
		  self->info.window_size >> 32);
}

TEST_F(info, c7_names_the_capabilities)
{
	bool cap;

	EXPECT_EQ(0, self->info.caps &
		     ~(WRITESYNC_CAP_WC | WRITESYNC_CAP_VERIFY |
		       WRITESYNC_CAP_BOUNDED));
	cap = self->info.caps & WRITESYNC_CAP_WC;
	EXPECT_EQ(self->dev.prefetch, cap);
	cap = self->info.caps & WRITESYNC_CAP_VERIFY;
	EXPECT_EQ(self->dev.prefetch, cap);
}

TEST_F(info, c7_names_the_memory)
{
	__u64 page = sysconf(_SC_PAGESIZE), granule = self->info.granule;

	EXPECT_EQ(0, granule & (granule - 1));
	EXPECT_LE(page, granule);
	EXPECT_EQ(self->dev.size / granule * granule, self->info.total);
	EXPECT_EQ(self->info.total, self->info.free);
	EXPECT_EQ(self->info.total, self->info.largest_free);
	EXPECT_EQ(0, self->info.offset);
	EXPECT_EQ(self->dev.size, self->info.length);
	EXPECT_EQ(WRITESYNC_FILE_COMMITTED, self->info.file);
	EXPECT_EQ(0, self->info.__reserved2);
}

TEST_F(info, c7_names_a_region)
{
	int fd = ws_open(&self->dev, O_RDWR);
	struct writesync_alloc alloc = { .length = 1 };
	struct writesync_info info;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ws_alloc_call(fd, &alloc));
	ASSERT_EQ(0, ws_info(alloc.fd, &info));
	EXPECT_EQ(alloc.offset, info.offset);
	EXPECT_EQ(alloc.length, info.length);
	EXPECT_EQ(WRITESYNC_FILE_REGION, info.file);
	EXPECT_EQ(self->dev.size, info.window_size);
	EXPECT_EQ(self->info.free - self->info.granule, info.free);
	ASSERT_EQ(0, ws_commit(alloc.fd));
	ASSERT_EQ(0, ws_info(alloc.fd, &info));
	EXPECT_EQ(WRITESYNC_FILE_REGION | WRITESYNC_FILE_COMMITTED, info.file);
	close(alloc.fd);
	close(fd);
}

/* A caller built against the first version of the header. */
TEST_F(info, c7_the_first_version_gets_exactly_its_88_bytes)
{
	struct writesync_info v1;
	__u8 *byte = (__u8 *)&v1;
	size_t i;

	memset(&v1, PATTERN, sizeof(v1));
	v1.size = WRITESYNC_INFO_SIZE_V1;
	v1.flags = 0;
	v1.__reserved = 0;
	ASSERT_EQ(0, ws_ioctl(self->fd, WRITESYNC_IOC_INFO, &v1));
	for (i = WRITESYNC_INFO_SIZE_V1; i < sizeof(v1); i++)
		EXPECT_EQ(PATTERN, byte[i]);
	EXPECT_EQ(WRITESYNC_INFO_SIZE_V1, v1.size);
	v1.size = self->info.size;
	EXPECT_EQ(0, memcmp(&v1, &self->info, WRITESYNC_INFO_SIZE_V1));
}

TEST_F(info, c7_every_size_between_the_versions_is_served)
{
	__u8 full[sizeof(struct writesync_info)];
	__u8 part[sizeof(struct writesync_info)];
	size_t size, i;

	memcpy(full, &self->info, sizeof(full));
	for (size = WRITESYNC_INFO_SIZE_V1; size <= sizeof(part); size++) {
		memset(part, PATTERN, sizeof(part));
		memset(part, 0, size);
		put32(part, size);
		ASSERT_EQ(0, ws_ioctl(self->fd, WRITESYNC_IOC_INFO, part));
		EXPECT_EQ(size, get32(part));
		EXPECT_EQ(0, memcmp(part + 4, full + 4, size - 4));
		for (i = size; i < sizeof(part); i++)
			EXPECT_EQ(PATTERN, part[i]);
	}
}

/* Outputs need not be cleared before. */
TEST_F(info, c7_garbage_in_outputs_is_ignored)
{
	struct writesync_query query;
	struct writesync_info info;
	struct writesync_sync sync;

	memset(&query, 0xff, sizeof(query));
	query.size = sizeof(query);
	query.flags = 0;
	query.__reserved = 0;
	EXPECT_EQ(0, ws_ioctl(self->fd, WRITESYNC_IOC_QUERY, &query));
	EXPECT_EQ(0, query.needed);
	memset(&info, 0xff, sizeof(info));
	info.size = sizeof(info);
	info.flags = 0;
	info.__reserved = 0;
	info.__reserved2 = 0;
	EXPECT_EQ(0, ws_ioctl(self->fd, WRITESYNC_IOC_INFO, &info));
	EXPECT_EQ(0, memcmp(&info, &self->info, sizeof(info)));
	sync = (struct writesync_sync) {
		.elapsed_ns = ~0ull, .synced = ~0ull, .readbacks = ~0u,
	};
	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	EXPECT_EQ(0, sync.readbacks);
	EXPECT_EQ(query.synced, sync.synced);
}

TEST_F(info, c7_garbage_in_outputs_of_the_others_is_ignored)
{
	struct writesync_write write = {
		.bytes_written = ~0ull, .elapsed_ns = ~0ull, .synced = ~0ull,
		.readbacks = ~0u,
	};
	struct writesync_alloc alloc = {
		.length = 1, .offset = ~0ull, .fd = -77,
	};
	struct writesync_check check = {
		.size = sizeof(check), .address = (uintptr_t)&check,
		.length = 1, .offset = ~0ull, .inside = ~0u,
	};
	int fd = ws_open(&self->dev, O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, ws_write_call(fd, &write));
	EXPECT_EQ(0, write.bytes_written);
	EXPECT_EQ(0, write.readbacks);
	EXPECT_GT(WS_S, write.elapsed_ns);
	EXPECT_EQ(self->info.synced, write.synced);
	EXPECT_EQ(0, ws_alloc_call(fd, &alloc));
	EXPECT_EQ(self->info.granule, alloc.length);
	EXPECT_EQ(0, alloc.offset % self->info.granule);
	EXPECT_LE(0, alloc.fd);
	EXPECT_EQ(0, ws_ioctl(fd, WRITESYNC_IOC_CHECK, &check));
	EXPECT_EQ(0, check.inside);
	close(alloc.fd);
	close(fd);
}

TEST_F(info, c2_follows_the_sequences)
{
	struct writesync_info a, b;
	int fd = ws_open(&self->dev, O_RDWR);

	ASSERT_LE(0, fd);
	ASSERT_EQ(3, ws_pwrite(fd, "abc", 3, 0));
	ASSERT_EQ(0, ws_info(fd, &a));
	EXPECT_EQ(self->info.posted + 1, a.posted);
	EXPECT_EQ(self->info.synced, a.synced);
	EXPECT_EQ(0, ws_sync(fd));
	ASSERT_EQ(0, ws_info(fd, &b));
	EXPECT_EQ(a.posted, b.posted);
	EXPECT_EQ(a.posted, b.synced);
	EXPECT_EQ(self->info.generation, b.generation);
	close(fd);
}

/* The range of a sync */

FIXTURE(range) {
	struct ws_dev dev;
	__u64 size;
	int fd;
};

FIXTURE_SETUP(range)
{
	WS_BEGIN(return, &self->dev, 0);
	self->size = self->dev.size;
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(3, ws_pwrite(self->fd, "abc", 3, 0));
}

FIXTURE_TEARDOWN(range)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static int sync_range(int fd, __u32 flags, __u64 offset, __u64 length)
{
	struct writesync_sync sync = {
		.flags = flags, .offset = offset, .length = length,
	};

	return ws_sync_call(fd, &sync);
}

TEST_F(range, c7_inside_the_window_works)
{
	const __u64 good[][2] = {
		{ 0, 1 }, { 0, self->size }, { self->size - 1, 1 },
		{ 1, self->size - 1 }, { 0, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		ASSERT_EQ(3, ws_pwrite(self->fd, "abc", 3, 0));
		EXPECT_EQ(0, sync_range(self->fd, WRITESYNC_RANGE, good[i][0],
					good[i][1])) {
			TH_LOG("range %zu", i);
		}
	}
}

TEST_F(range, c7_outside_the_window_is_einval)
{
	const __u64 bad[][2] = {
		{ 0, self->size + 1 }, { 1, self->size }, { self->size, 1 },
		{ self->size + 1, 0 }, { self->size - 1, 2 },
		{ UINT64_MAX, 1 }, { UINT64_MAX, UINT64_MAX }, { 1, UINT64_MAX },
		{ 8, UINT64_MAX - 7 }, { 1ull << 63, 1ull << 63 },
		{ 0, 1ull << 63 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL,
			  sync_range(self->fd, WRITESYNC_RANGE, bad[i][0],
				     bad[i][1])) {
			TH_LOG("range %zu", i);
		}
	}
	EXPECT_EQ(1, ws_needed(self->fd));
}

TEST_F(range, c7_without_the_flag_the_fields_must_be_0)
{
	EXPECT_EQ(-EINVAL, sync_range(self->fd, 0, 1, 0));
	EXPECT_EQ(-EINVAL, sync_range(self->fd, 0, 0, 1));
	EXPECT_EQ(-EINVAL, sync_range(self->fd, 0, 1ull << 63, 0));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, sync_range(self->fd, 0, 0, 0));
	EXPECT_EQ(0, ws_needed(self->fd));
}

TEST_F(range, c1_outputs_are_plausible)
{
	struct writesync_sync sync = { .timeout_ns = WS_S };
	__u64 begun = ws_now(), took;
	struct writesync_query query;

	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	took = ws_now() - begun;
	EXPECT_LT(0, sync.elapsed_ns);
	EXPECT_GE(took, sync.elapsed_ns);
	EXPECT_LE(1, sync.readbacks);
	EXPECT_EQ(WS_S, sync.timeout_ns);
	EXPECT_EQ(sizeof(sync), sync.size);
	EXPECT_EQ(0, sync.flags);
	ASSERT_EQ(0, ws_query(self->fd, &query));
	EXPECT_EQ(query.posted, query.synced);
	EXPECT_EQ(query.synced, sync.synced);
}

TEST_HARNESS_MAIN

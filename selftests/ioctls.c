// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls as an interface: sizes, flags, reserved fields, pointers, and
 * what comes back. C7: nothing but the caller's structure is written.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PATTERN		0xa5

FIXTURE(ioctls) {
	struct ws_dev dev;
	int fd;
	long page;
	__u8 *edge;		/* a page with nothing behind it */
};

#define IOCTLS		FIXTURE_DATA(ioctls)

/* One ioctl: its number, its structure, what of it is reserved. */
FIXTURE_VARIANT(ioctls) {
	unsigned long request;
	size_t size;
	__u32 known_flags;
	size_t reserved;	/* offset of __reserved */
};

FIXTURE_VARIANT_ADD(ioctls, info) {
	.request = WRITESYNC_IOC_INFO,
	.size = sizeof(struct writesync_info),
	.reserved = offsetof(struct writesync_info, __reserved),
};

FIXTURE_VARIANT_ADD(ioctls, query) {
	.request = WRITESYNC_IOC_QUERY,
	.size = sizeof(struct writesync_query),
	.reserved = offsetof(struct writesync_query, __reserved),
};

FIXTURE_VARIANT_ADD(ioctls, sync) {
	.request = WRITESYNC_IOC_SYNC,
	.size = sizeof(struct writesync_sync),
	.known_flags = WRITESYNC_ABSTIME | WRITESYNC_RANGE | WRITESYNC_VERIFY,
	.reserved = offsetof(struct writesync_sync, __reserved),
};

FIXTURE_SETUP(ioctls)
{
	WS_BEGIN(return, &self->dev, 0);
	self->page = sysconf(_SC_PAGESIZE);
	self->edge = ws_edge();
	ASSERT_NE(NULL, self->edge);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(ioctls)
{
	close(self->fd);
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

/* A zeroed structure of @size bytes that ends where memory ends. */
static __u8 *at_edge(IOCTLS *self, size_t size)
{
	__u8 *arg = self->edge + self->page - size;

	memset(self->edge, PATTERN, self->page);
	memset(arg, 0, size);
	put32(arg, size);
	return arg;
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
	__u8 *arg = at_edge(self, variant->size);

	EXPECT_EQ(0, ws_ioctl(self->fd, variant->request, arg));
	EXPECT_EQ(variant->size, get32(arg));
	EXPECT_TRUE(untouched_before(self, arg));
}

TEST_F(ioctls, c7_every_shorter_size_is_einval)
{
	__u8 *arg;
	size_t size;

	for (size = 4; size < variant->size; size++) {
		arg = at_edge(self, size);
		EXPECT_EQ(-EINVAL, ws_ioctl(self->fd, variant->request, arg)) {
			TH_LOG("size %zu", size);
		}
	}
	for (size = 0; size < 4; size++) {
		arg = at_edge(self, variant->size);
		put32(arg, size);
		EXPECT_EQ(-EINVAL, ws_ioctl(self->fd, variant->request, arg));
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
		arg = at_edge(self, size);
		EXPECT_EQ(0, ws_ioctl(self->fd, variant->request, arg)) {
			TH_LOG("size %ld", size);
		}
		EXPECT_EQ(size, get32(arg));
		EXPECT_TRUE(is_zero(arg + variant->size,
				    size - variant->size));
		EXPECT_TRUE(untouched_before(self, arg));
	}
	arg = at_edge(self, self->page);
	EXPECT_EQ(0, ws_ioctl(self->fd, variant->request, arg));
}

TEST_F(ioctls, c7_a_longer_size_with_another_tail_is_e2big)
{
	size_t size = variant->size + 24, i;
	__u8 *arg;

	for (i = variant->size; i < size; i++) {
		arg = at_edge(self, size);
		arg[i] = 1;
		EXPECT_EQ(-E2BIG, ws_ioctl(self->fd, variant->request, arg)) {
			TH_LOG("byte %zu", i);
		}
	}
	arg = at_edge(self, self->page);
	arg[self->page - 1] = 0x80;
	EXPECT_EQ(-E2BIG, ws_ioctl(self->fd, variant->request, arg));
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
		arg = at_edge(self, variant->size);
		put32(arg + 4, 1u << bit);
		EXPECT_EQ(-EINVAL, ws_ioctl(self->fd, variant->request, arg)) {
			TH_LOG("bit %d", bit);
		}
	}
}

TEST_F(ioctls, c7_reserved_fields_must_be_0)
{
	__u8 *arg;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		arg = at_edge(self, variant->size);
		put32(arg + variant->reserved, 1u << bit);
		EXPECT_EQ(-EINVAL, ws_ioctl(self->fd, variant->request, arg));
	}
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
	arg = at_edge(self, variant->size - 8);
	put32(arg, variant->size);
	EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, request, arg));
	arg = at_edge(self, variant->size);
	put32(arg, variant->size + 8);
	EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, request, arg));
}

TEST_F(ioctls, c7_a_read_only_structure_is_efault)
{
	__u8 *arg = at_edge(self, variant->size);

	ASSERT_EQ(0, mprotect(self->edge, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, ws_ioctl(self->fd, variant->request, arg));
	EXPECT_TRUE(is_zero(arg + 4, variant->size - 4));
}

TEST_F(ioctls, c7_garbage_in_outputs_is_ignored)
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
	EXPECT_EQ(0, ws_ioctl(self->fd, WRITESYNC_IOC_INFO, &info));
	EXPECT_EQ(self->dev.size, info.window_size);
	EXPECT_EQ(0, info.__reserved);
	sync = (struct writesync_sync) {
		.elapsed_ns = ~0ull, .synced = ~0ull, .readbacks = ~0u,
	};
	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	EXPECT_EQ(0, sync.readbacks);
	EXPECT_EQ(query.synced, sync.synced);
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

TEST_F(numbers, c7_unknown_ones_are_enotty)
{
	int nr;

	for (nr = _IOC_NR(WRITESYNC_IOC_SYNC) + 1; nr < 256; nr++) {
		EXPECT_EQ(-ENOTTY,
			  ws_ioctl(self->fd, _IO(WRITESYNC_IOC_MAGIC, nr),
				   self->page)) {
			TH_LOG("number %d", nr);
		}
	}
	EXPECT_TRUE(is_zero(self->page + 4, sizeof(self->page) - 4));
}

TEST_F(numbers, c7_other_directions_and_sizes_are_enotty)
{
	int nr;

	for (nr = 0; nr < 3; nr++) {
		EXPECT_EQ(-ENOTTY,
			  ws_ioctl(self->fd, _IOR(WRITESYNC_IOC_MAGIC, nr, int),
				   self->page));
		EXPECT_EQ(-ENOTTY,
			  ws_ioctl(self->fd, _IOW(WRITESYNC_IOC_MAGIC, nr, int),
				   self->page));
	}
}

/* 'T' and 'f' hold numbers that the kernel answers for every file. */
TEST_F(numbers, c7_other_magics_are_enotty)
{
	int magic, nr;

	for (magic = 0; magic < 256; magic++) {
		if (magic == WRITESYNC_IOC_MAGIC || magic == 'T' ||
		    magic == 'f' || magic == 0)
			continue;
		for (nr = 0; nr < 3; nr++) {
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

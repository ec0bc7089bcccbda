// SPDX-License-Identifier: GPL-2.0
/*
 * C7: a mapping reaches its file's memory, in its file's mode, and nothing
 * else: not beyond the window, not beyond a region.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)

/* C7: bounds and modes. */

FIXTURE(bounds) {
	struct ws_dev dev;
	int fd;
	__u8 *map;
};

#define BOUNDS		FIXTURE_DATA(bounds)

FIXTURE_SETUP(bounds)
{
	WS_BEGIN(return, &self->dev, 0);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ws_catch_faults();
}

FIXTURE_TEARDOWN(bounds)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static int private_map(int fd, int prot)
{
	void *map = mmap(NULL, PAGE, prot, MAP_PRIVATE, fd, 0);

	return map == MAP_FAILED ? -errno : 0;
}

TEST_F(bounds, c7_a_private_mapping_is_refused)
{
	EXPECT_EQ(-EINVAL, private_map(self->fd, BOTH));
	EXPECT_EQ(-EINVAL, private_map(self->fd, PROT_READ));
}

TEST_F(bounds, c7_a_mapping_ends_with_the_window)
{
	__u64 size = self->dev.size;
	const struct {
		__u64 offset, length;
	} bad[] = {
		{ size, PAGE }, { size - PAGE, PAGE + 1 }, { 0, size + 1 },
		{ PAGE, size }, { 2 * size, PAGE }, { size + PAGE, PAGE },
		{ 1ull << 44, PAGE }, { (1ull << 63) - PAGE, PAGE },
		{ (1ull << 63) - 2 * PAGE, 2 * PAGE },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, ws_map(self->fd, bad[i].offset,
					  bad[i].length, BOTH, &self->map)) {
			TH_LOG("offset %#llx, length %#llx", bad[i].offset,
			       bad[i].length);
		}
	}
}

/* Most of these the kernel itself refuses, with another error. */
TEST_F(bounds, c7_an_offset_that_overflows_is_refused)
{
	__u64 back;
	int ret;

	for (back = PAGE; back <= 4 * PAGE; back += PAGE) {
		ret = ws_map(self->fd, -back, PAGE, BOTH, &self->map);
		EXPECT_TRUE(ret == -EINVAL || ret == -EOVERFLOW);
		ret = ws_map(self->fd, -back, back, BOTH, &self->map);
		EXPECT_TRUE(ret == -EINVAL || ret == -EOVERFLOW);
	}
	EXPECT_EQ(-EINVAL, ws_map(self->fd, 1ull << 63, PAGE, BOTH,
				  &self->map));
	EXPECT_EQ(-EINVAL, ws_map(self->fd, -2 * PAGE - self->dev.size,
				  self->dev.size, BOTH, &self->map));
}

TEST_F(bounds, c7_all_of_the_window_can_be_mapped)
{
	__u64 size = self->dev.size;
	__u8 data[8], back[8];

	ASSERT_EQ(0, ws_map(self->fd, 0, size, BOTH, &self->map));
	ws_fill(data, 8, ws_now());
	ws_store(self->map, data, 8);
	ws_store(self->map + size - 8, data, 8);
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, 0));
	EXPECT_EQ(0, memcmp(data, back, 8));
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, size - 8));
	EXPECT_EQ(0, memcmp(data, back, 8));
	ASSERT_EQ(0, munmap(self->map, size));
}

TEST_F(bounds, c7_an_offset_is_where_it_says)
{
	__u64 at = self->dev.size - PAGE;
	__u8 data[8], back[8];

	ws_fill(data, 8, ws_now());
	ASSERT_EQ(8, ws_pwrite(self->fd, data, 8, at + 16));
	ASSERT_EQ(0, ws_map(self->fd, at, 1, BOTH, &self->map));
	EXPECT_EQ(0, memcmp(data, self->map + 16, 8));
	ws_fill(data, 8, ws_now());
	ws_store(self->map + PAGE - 8, data, 8);
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, self->dev.size - 8));
	EXPECT_EQ(0, memcmp(data, back, 8));
	ASSERT_EQ(0, munmap(self->map, 1));
}

TEST_F(bounds, c7_a_mapping_has_the_files_mode)
{
	int reader = ws_open(&self->dev, O_RDONLY);
	int writer = ws_open(&self->dev, O_WRONLY);

	ASSERT_LE(0, reader);
	ASSERT_LE(0, writer);
	EXPECT_EQ(-EACCES, ws_map(reader, 0, PAGE, BOTH, &self->map));
	EXPECT_EQ(-EACCES, ws_map(reader, 0, PAGE, PROT_WRITE, &self->map));
	EXPECT_EQ(-EACCES, ws_map(writer, 0, PAGE, PROT_WRITE, &self->map));
	EXPECT_EQ(-EACCES, ws_map(writer, 0, PAGE, PROT_READ, &self->map));
	ASSERT_EQ(0, ws_map(reader, 0, PAGE, PROT_READ, &self->map));
	EXPECT_EQ(0, ws_touch(self->map, false));
	EXPECT_EQ(-1, mprotect(self->map, PAGE, BOTH));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(SIGSEGV, ws_touch(self->map, true));
	ASSERT_EQ(0, munmap(self->map, PAGE));
	close(reader);
	close(writer);
}

TEST_F(bounds, c7_a_mapping_does_not_grow)
{
	int flags = MREMAP_MAYMOVE;

	ASSERT_EQ(0, ws_map(self->fd, 0, 2 * PAGE, BOTH, &self->map));
	EXPECT_EQ(0, ws_touch(self->map, true));
	EXPECT_EQ(MAP_FAILED, mremap(self->map, 2 * PAGE, 3 * PAGE, flags));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(MAP_FAILED, mremap(self->map, 2 * PAGE, self->dev.size * 2,
				     flags));
	EXPECT_EQ(EFAULT, errno);
	/* A length of 0 would make a second mapping. */
	EXPECT_EQ(MAP_FAILED, mremap(self->map, 0, PAGE, flags));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(self->map, mremap(self->map, 2 * PAGE, PAGE, 0));
	EXPECT_EQ(0, ws_touch(self->map, true));
	EXPECT_EQ(SIGSEGV, ws_touch(self->map + PAGE, true));
	ASSERT_EQ(0, munmap(self->map, PAGE));
}

TEST_F(bounds, c7_a_mapping_outlives_its_file)
{
	int fd = ws_open(&self->dev, O_RDWR);
	__u8 data[8], back[8];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ws_map(fd, 0, PAGE, BOTH, &self->map));
	close(fd);
	ws_fill(data, 8, ws_now());
	ws_store(self->map, data, 8);
	EXPECT_EQ(0, msync(self->map, PAGE, MS_SYNC));
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, 0));
	EXPECT_EQ(0, memcmp(data, back, 8));
	ASSERT_EQ(0, munmap(self->map, PAGE));
}

/* The line of /proc/self/smaps that lists the flags of the mapping at @at. */
static int vm_flags(void *at, char *flags, int len)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long long start, end;
	bool inside = false;
	int ret = -ENOENT;

	if (!file)
		return -errno;
	while (ret && fgets(flags, len, file)) {
		if (sscanf(flags, "%llx-%llx ", &start, &end) == 2)
			inside = start <= (uintptr_t)at && (uintptr_t)at < end;
		if (inside && !strncmp(flags, "VmFlags:", 8))
			ret = 0;
	}
	fclose(file);
	return ret;
}

TEST_F(bounds, c7_a_mapping_is_known_as_device_memory)
{
	static const char * const wanted[] = {
		" sh ", " pf ", " io ", " de ", " dd ",
	};
	char flags[512];
	size_t i;

	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &self->map));
	EXPECT_EQ(0, ws_touch(self->map, true));
	ASSERT_EQ(0, vm_flags(self->map, flags, sizeof(flags)));
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		EXPECT_NE(NULL, strstr(flags, wanted[i])) {
			TH_LOG("no%sin%s", wanted[i], flags);
		}
	}
	ASSERT_EQ(0, munmap(self->map, PAGE));
}

/* The bus address of the window: the line of its BAR in "resource". */
static __u64 window_address(BOUNDS *self)
{
	unsigned long long start = 0, end, flags;
	struct writesync_info info;
	char path[PATH_MAX + 16];
	FILE *file;
	int bar;

	if (ws_info(self->fd, &info))
		return 0;
	snprintf(path, sizeof(path), "%s/resource", self->dev.pci);
	file = fopen(path, "re");
	for (bar = info.bar; file && bar >= 0; bar--)
		if (fscanf(file, "%llx %llx %llx", &start, &end, &flags) != 3)
			start = 0;
	if (file)
		fclose(file);
	return start;
}

/* The memory type of all the kernel's mappings of an address. */
static int memory_type(__u64 address, char *type, size_t len)
{
	FILE *file = fopen("/sys/kernel/debug/x86/pat_memtype_list", "re");
	unsigned long long start, end;
	char line[256], word[64];
	int ret = -ENXIO;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "PAT: [mem %llx-%llx] %63s", &start, &end,
			   word) != 3 || address < start || address >= end)
			continue;
		snprintf(type, len, "%s", word);
		ret = 0;
	}
	fclose(file);
	return ret;
}

/* A user's mapping of an address takes the type that stands in the list. */
TEST_F(bounds, c1_a_prefetchable_window_is_mapped_write_combining)
{
	__u64 address = window_address(self);
	char type[64];
	int ret;

	ASSERT_NE(0, address);
	ASSERT_EQ(0, ws_map(self->fd, 0, PAGE, BOTH, &self->map));
	EXPECT_EQ(0, ws_touch(self->map, true));
	ret = memory_type(address, type, sizeof(type));
	ASSERT_EQ(0, munmap(self->map, PAGE));
	if (ret == -ENOENT)
		SKIP(return, "this kernel has no list of memory types");
	ASSERT_EQ(0, ret);
	EXPECT_STREQ(self->dev.prefetch ? "write-combining" :
					  "uncached-minus", type);
}

/* A region's mapping. */

FIXTURE(region_maps) {
	struct ws_dev dev;
	int fd;
	int region;
	__u64 offset;			/* of the region in the window */
	__u64 length;
	__u8 *map;
};

#define REGION_MAPS	FIXTURE_DATA(region_maps)

FIXTURE_SETUP(region_maps)
{
	struct writesync_info info;
	__u64 first;
	int other;

	WS_BEGIN(return, &self->dev, 0);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_info(self->fd, &info));
	/* Not at the window's start, where relative would be absolute. */
	other = ws_region(self->fd, 1, &first);
	ASSERT_LE(0, other);
	self->length = 2 * info.granule;
	self->region = ws_region(self->fd, self->length, &self->offset);
	ASSERT_LE(0, self->region);
	close(other);
	ASSERT_LT(0, self->offset);
	ws_catch_faults();
}

FIXTURE_TEARDOWN(region_maps)
{
	close(self->region);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(region_maps, c7_a_regions_mapping_begins_and_ends_with_it)
{
	__u64 last = self->length - 8;
	__u8 data[8], back[8];

	ws_fill(data, 8, ws_now());
	ASSERT_EQ(0, ws_map(self->region, 0, self->length, BOTH, &self->map));
	ws_store(self->map, data, 8);
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, self->offset));
	EXPECT_EQ(0, memcmp(data, back, 8));
	ws_store(self->map + last, data, 8);
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, self->offset + last));
	EXPECT_EQ(0, memcmp(data, back, 8));
	ASSERT_EQ(0, munmap(self->map, self->length));
}

TEST_F(region_maps, c7_a_regions_mapping_reaches_nothing_else)
{
	__u64 length = self->length;

	EXPECT_EQ(-EINVAL, ws_map(self->region, 0, length + 1, BOTH,
				  &self->map));
	EXPECT_EQ(-EINVAL, ws_map(self->region, length, PAGE, BOTH,
				  &self->map));
	EXPECT_EQ(-EINVAL, ws_map(self->region, PAGE, length, BOTH,
				  &self->map));
	EXPECT_EQ(-EINVAL, ws_map(self->region, self->offset + length, PAGE,
				  BOTH, &self->map));
	ASSERT_EQ(0, ws_map(self->region, length - PAGE, PAGE, BOTH,
			    &self->map));
	EXPECT_EQ(MAP_FAILED, mremap(self->map, PAGE, 2 * PAGE,
				     MREMAP_MAYMOVE));
	ASSERT_EQ(0, munmap(self->map, PAGE));
}

TEST_F(region_maps, c7_a_mapping_outlives_the_commitment)
{
	__u8 data[8], back[8];
	__u8 *again;

	ASSERT_EQ(0, ws_map(self->region, 0, PAGE, BOTH, &self->map));
	ASSERT_EQ(0, ws_decommit(self->region));
	ws_fill(data, 8, ws_now());
	ws_store(self->map, data, 8);
	EXPECT_EQ(-1, msync(self->map, PAGE, MS_SYNC));
	EXPECT_EQ(EBADFD, errno);
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(8, ws_pread(self->fd, back, 8, self->offset));
	EXPECT_EQ(0, memcmp(data, back, 8));
	EXPECT_EQ(-EBADFD, ws_map(self->region, 0, PAGE, BOTH, &again));
	EXPECT_EQ(-EBADFD, ws_map(self->region, 0, PAGE, PROT_READ, &again));
	ASSERT_EQ(0, munmap(self->map, PAGE));
}

TEST_F(region_maps, c7_an_uncommitted_windows_file_is_not_mapped)
{
	ASSERT_EQ(0, ws_decommit(self->fd));
	EXPECT_EQ(-EBADFD, ws_map(self->fd, 0, PAGE, BOTH, &self->map));
	EXPECT_EQ(0, ws_map(self->region, 0, PAGE, BOTH, &self->map));
	ASSERT_EQ(0, munmap(self->map, PAGE));
}

TEST_F(region_maps, c2_a_regions_written_mapping_makes_every_file_ask)
{
	ASSERT_EQ(0, ws_map(self->region, 0, PAGE, BOTH, &self->map));
	EXPECT_EQ(0, ws_touch(self->map, false));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, ws_touch(self->map, true));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(1, ws_needed(self->region));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(1, ws_needed(self->region));
	ASSERT_EQ(0, munmap(self->map, PAGE));
	EXPECT_EQ(0, ws_sync(self->region));
	EXPECT_EQ(0, ws_needed(self->fd));
}

TEST_F(region_maps, c7_a_mapping_keeps_the_region)
{
	struct writesync_info with, without;

	ASSERT_EQ(0, ws_map(self->region, 0, PAGE, BOTH, &self->map));
	ASSERT_EQ(0, ws_info(self->fd, &with));
	close(self->region);
	self->region = -1;
	ASSERT_EQ(0, ws_info(self->fd, &without));
	EXPECT_EQ(with.free, without.free);
	EXPECT_EQ(0, ws_touch(self->map, true));
	ASSERT_EQ(0, munmap(self->map, PAGE));
	ASSERT_EQ(0, ws_info(self->fd, &without));
	EXPECT_EQ(with.free + self->length, without.free);
}

TEST_HARNESS_MAIN

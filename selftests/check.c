// SPDX-License-Identifier: GPL-2.0
/*
 * WRITESYNC_IOC_CHECK: is a range of addresses this file's memory, in one piece
 * and in order? (C7)
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGES		8	/* of the mapping */
#define ROOM		(PAGES + 2)

FIXTURE(check) {
	struct ws_dev dev;
	int fd;
	size_t page;
	__u64 offset;		/* where the mapping begins in the window */
	size_t length;
	__u8 *map;		/* between two pages of ordinary memory */
};

#define CHECK		FIXTURE_DATA(check)

/* @fd's memory at a place of our choice. */
static int map_at(int fd, __u8 *at, __u64 offset, size_t length)
{
	void *map = mmap(at, length, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, offset);

	return map == at ? 0 : -errno;
}

/* Address space where nobody else maps anything. */
static __u8 *reserve(size_t length)
{
	void *map = mmap(NULL, length, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

FIXTURE_SETUP(check)
{
	WS_BEGIN(return, &self->dev, 0);
	self->page = sysconf(_SC_PAGESIZE);
	self->length = PAGES * self->page;
	self->offset = 2 * self->page;
	if (self->dev.size < 4 * self->length)
		SKIP(return, "the window is too small");
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->map = reserve(ROOM * self->page);
	ASSERT_NE(NULL, self->map);
	self->map += self->page;
	ASSERT_EQ(0, map_at(self->fd, self->map, self->offset, self->length));
}

FIXTURE_TEARDOWN(check)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_inside(struct __test_metadata *_metadata, int fd,
			  const __u8 *address, __u64 length, __u64 offset)
{
	__u64 found = ~0ull;

	EXPECT_EQ(1, ws_check(fd, address, length, &found)) {
		TH_LOG("%llu bytes at %p", length, address);
	}
	EXPECT_EQ(offset, found);
}

static void expect_outside(struct __test_metadata *_metadata, int fd,
			   const void *address, __u64 length)
{
	EXPECT_EQ(0, ws_check(fd, address, length, NULL)) {
		TH_LOG("%llu bytes at %p", length, address);
	}
}

TEST_F(check, c7_a_mapping_of_the_file_is_inside)
{
	__u8 *end = self->map + self->length;

	expect_inside(_metadata, self->fd, self->map, self->length,
		      self->offset);
	expect_inside(_metadata, self->fd, self->map, 1, self->offset);
	expect_inside(_metadata, self->fd, self->map + 1, 1, self->offset + 1);
	expect_inside(_metadata, self->fd, self->map + self->page - 1, 2,
		      self->offset + self->page - 1);
	expect_inside(_metadata, self->fd, end - 1, 1,
		      self->offset + self->length - 1);
	expect_inside(_metadata, self->fd, self->map + 5, self->length - 5,
		      self->offset + 5);
}

/* By its address, whether it has been touched or not. */
TEST_F(check, c7_touching_it_changes_nothing)
{
	ws_store(self->map, "touched.", 8);
	expect_inside(_metadata, self->fd, self->map, self->length,
		      self->offset);
	ASSERT_EQ(0, madvise(self->map, self->length, MADV_NORMAL));
	expect_inside(_metadata, self->fd, self->map, 8, self->offset);
}

TEST_F(check, c7_partly_inside_is_outside)
{
	__u8 *end = self->map + self->length;

	expect_outside(_metadata, self->fd, self->map - 1, 1);
	expect_outside(_metadata, self->fd, self->map - 1, 2);
	expect_outside(_metadata, self->fd, self->map - 1, self->length + 1);
	expect_outside(_metadata, self->fd, self->map, self->length + 1);
	expect_outside(_metadata, self->fd, self->map - 1, self->length + 2);
	expect_outside(_metadata, self->fd, end - 1, 2);
	expect_outside(_metadata, self->fd, end, 1);
}

TEST_F(check, c7_other_memory_is_outside)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	__u8 local[8], *heap = malloc(8), *shared;

	ASSERT_NE(NULL, heap);
	ASSERT_LE(0, file);
	ASSERT_EQ(0, ftruncate(file, self->offset + self->length));
	shared = mmap(NULL, self->length, PROT_READ | PROT_WRITE, MAP_SHARED,
		      file, self->offset);
	ASSERT_NE(MAP_FAILED, shared);
	expect_outside(_metadata, self->fd, local, 8);
	expect_outside(_metadata, self->fd, heap, 8);
	expect_outside(_metadata, self->fd, shared, self->length);
	expect_outside(_metadata, self->fd, self->map - self->page, 8);
	expect_outside(_metadata, self->fd, NULL, 8);
	expect_outside(_metadata, self->fd, &local, 1ull << 47);
}

/* The registers and the memory of the same function, by way of sysfs. */
TEST_F(check, c7_another_bar_is_outside)
{
	if (!self->dev.regs)
		SKIP(return, "this device has no instrument");
	expect_outside(_metadata, self->fd, self->dev.regs, 8);
}

TEST_F(check, c7_unmapped_is_outside)
{
	__u8 *hole = self->map + 3 * self->page;

	ASSERT_EQ(0, munmap(hole, self->page));
	expect_outside(_metadata, self->fd, hole, 1);
	expect_outside(_metadata, self->fd, hole - 1, 2);
	expect_outside(_metadata, self->fd, hole + self->page - 1, 2);
	expect_outside(_metadata, self->fd, self->map, self->length);
	expect_inside(_metadata, self->fd, self->map, 3 * self->page,
		      self->offset);
	expect_inside(_metadata, self->fd, hole + self->page, 4 * self->page,
		      self->offset + 4 * self->page);
	ASSERT_EQ(0, munmap(self->map, self->length));
	expect_outside(_metadata, self->fd, self->map, 1);
}

/* Two mappings side by side are one piece if the memory is. */
TEST_F(check, c7_adjacent_mappings_in_order_are_inside)
{
	__u8 *at = self->map + 2 * self->page;
	int other = ws_open(&self->dev, O_RDWR);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, map_at(other, at, self->offset + 2 * self->page,
			    3 * self->page));
	expect_inside(_metadata, self->fd, self->map, self->length,
		      self->offset);
	expect_inside(_metadata, other, self->map, self->length, self->offset);
	expect_inside(_metadata, self->fd, at - 1, 2,
		      self->offset + 2 * self->page - 1);
	close(other);
}

TEST_F(check, c7_adjacent_mappings_out_of_order_are_outside)
{
	__u8 *at = self->map + 2 * self->page;

	/* One page too far, then back where it belongs. */
	ASSERT_EQ(0, map_at(self->fd, at, self->offset + 3 * self->page,
			    self->page));
	expect_outside(_metadata, self->fd, self->map, self->length);
	expect_outside(_metadata, self->fd, at - 1, 2);
	expect_outside(_metadata, self->fd, at + self->page - 1, 2);
	expect_inside(_metadata, self->fd, at, self->page,
		      self->offset + 3 * self->page);
	ASSERT_EQ(0, map_at(self->fd, at, self->offset + 2 * self->page,
			    self->page));
	expect_inside(_metadata, self->fd, self->map, self->length,
		      self->offset);
	/* Twice the same page. */
	ASSERT_EQ(0, map_at(self->fd, at, self->offset + self->page,
			    self->page));
	expect_outside(_metadata, self->fd, at - 1, 2);
}

TEST_F(check, c7_other_memory_in_the_middle_is_outside)
{
	__u8 *at = self->map + 4 * self->page;

	ASSERT_EQ(at, mmap(at, self->page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	expect_outside(_metadata, self->fd, self->map, self->length);
	expect_outside(_metadata, self->fd, at - 1, 2);
	expect_inside(_metadata, self->fd, self->map, 4 * self->page,
		      self->offset);
}

/* Rights are another question; they split a mapping, too. */
TEST_F(check, c7_other_rights_are_inside)
{
	ASSERT_EQ(0, mprotect(self->map + self->page, self->page, PROT_READ));
	ASSERT_EQ(0, mprotect(self->map + 4 * self->page, self->page,
			      PROT_NONE));
	expect_inside(_metadata, self->fd, self->map, self->length,
		      self->offset);
}

TEST_F(check, c7_a_mapping_that_was_moved_is_inside)
{
	__u8 *to = reserve(self->length);

	ASSERT_NE(NULL, to);
	ASSERT_EQ(to, mremap(self->map, self->length, self->length,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	expect_inside(_metadata, self->fd, to, self->length, self->offset);
	expect_outside(_metadata, self->fd, self->map, 1);
}

/* Any file of the window has the same memory. */
TEST_F(check, c7_by_any_file_of_the_window)
{
	int reader = ws_open(&self->dev, O_RDONLY);
	int writer = ws_open(&self->dev, O_WRONLY);

	ASSERT_LE(0, reader);
	ASSERT_LE(0, writer);
	expect_inside(_metadata, reader, self->map, self->length, self->offset);
	expect_inside(_metadata, writer, self->map, self->length, self->offset);
	close(self->fd);
	expect_inside(_metadata, reader, self->map, self->length, self->offset);
	self->fd = reader;
	close(writer);
}

TEST_F(check, c7_decommitted_it_answers)
{
	ASSERT_EQ(0, ws_decommit(self->fd));
	expect_inside(_metadata, self->fd, self->map, self->length,
		      self->offset);
}

/* In the caller's memory: a child's mappings are its own. */
TEST_F(check, c7_a_child_has_its_own_answer)
{
	int status = -1;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (ws_check(self->fd, self->map, self->length, NULL) != 1)
			_exit(1);
		munmap(self->map, self->page);
		_exit(ws_check(self->fd, self->map, 1, NULL) ? 2 : 0);
	}
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	expect_inside(_metadata, self->fd, self->map, self->length,
		      self->offset);
}

/* Arguments */

static int check_range(int fd, __u64 address, __u64 length,
		       struct writesync_check *check)
{
	*check = (struct writesync_check) {
		.size = sizeof(*check), .address = address, .length = length,
		.inside = ~0u,
	};
	return ws_ioctl(fd, WRITESYNC_IOC_CHECK, check);
}

TEST_F(check, c7_einval_length_0)
{
	struct writesync_check check;
	__u64 here = (uintptr_t)self->map;

	EXPECT_EQ(-EINVAL, check_range(self->fd, here, 0, &check));
	EXPECT_EQ(-EINVAL, check_range(self->fd, 0, 0, &check));
	EXPECT_EQ(-EINVAL, check_range(self->fd, UINT64_MAX, 0, &check));
}

TEST_F(check, c7_einval_past_2_to_the_64)
{
	struct writesync_check check;
	__u64 here = (uintptr_t)self->map;

	EXPECT_EQ(-EINVAL, check_range(self->fd, UINT64_MAX, 2, &check));
	EXPECT_EQ(-EINVAL, check_range(self->fd, here, UINT64_MAX, &check));
	EXPECT_EQ(-EINVAL, check_range(self->fd, here, -here + 1, &check));
	EXPECT_EQ(-EINVAL, check_range(self->fd, 1ull << 63,
				       (1ull << 63) + 1, &check));
}

TEST_F(check, c7_up_to_2_to_the_64_is_outside)
{
	struct writesync_check check;
	__u64 here = (uintptr_t)self->map;

	EXPECT_EQ(0, check_range(self->fd, UINT64_MAX, 1, &check));
	EXPECT_EQ(0, check.inside);
	EXPECT_EQ(0, check_range(self->fd, here, -here, &check));
	EXPECT_EQ(0, check.inside);
	EXPECT_EQ(0, check_range(self->fd, 0, UINT64_MAX, &check));
	EXPECT_EQ(0, check.inside);
	EXPECT_EQ(0, check_range(self->fd, 1ull << 63, 1ull << 63, &check));
	EXPECT_EQ(0, check.inside);
}

TEST_F(check, c7_kernel_addresses_are_outside)
{
	static const __u64 addresses[] = {
		0xffff888000000000ull, 0xffffffff81000000ull,
		0xffffc90000000000ull, 0x800000000000ull, 0x7ffffffff000ull,
	};
	struct writesync_check check;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		EXPECT_EQ(0, check_range(self->fd, addresses[i], 8, &check));
		EXPECT_EQ(0, check.inside);
	}
}

/* All 64 bits count, for a 32-bit caller too. */
TEST_F(check, c7_a_foreign_upper_half_is_outside)
{
	__u64 here = (uintptr_t)self->map;
	struct writesync_check check;

	EXPECT_EQ(0, check_range(self->fd, here ^ 1ull << 32, 8, &check));
	EXPECT_EQ(0, check.inside);
	EXPECT_EQ(0, check_range(self->fd, here ^ 1ull << 63, 8, &check));
	EXPECT_EQ(0, check.inside);
	EXPECT_EQ(0, check_range(self->fd, here, 8 + (1ull << 32), &check));
	EXPECT_EQ(0, check.inside);
}

TEST_F(check, c7_inputs_are_not_changed)
{
	__u64 here = (uintptr_t)self->map;
	struct writesync_check check;

	EXPECT_EQ(0, check_range(self->fd, here + 3, 5, &check));
	EXPECT_EQ(1, check.inside);
	EXPECT_EQ(self->offset + 3, check.offset);
	EXPECT_EQ(here + 3, check.address);
	EXPECT_EQ(5, check.length);
	EXPECT_EQ(sizeof(check), check.size);
	EXPECT_EQ(0, check.flags);
	EXPECT_EQ(0, check.__reserved);
}

/* Another window's: that of the binding before, which is not this one's. */
TEST_F(check, c8_a_mapping_of_an_earlier_binding_is_outside)
{
	int fd;

	ASSERT_EQ(0, ws_rebind(&self->dev));
	fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENODEV, ws_check(self->fd, self->map, 8, NULL));
	expect_outside(_metadata, fd, self->map, 8);
	close(fd);
}

/* A window of another function. */
static int open_another(const struct ws_dev *dev)
{
	struct dirent *entry;
	char path[PATH_MAX];
	int fd = -ENODEV;
	DIR *dir;

	dir = opendir("/sys/class/writesync");
	if (!dir)
		return -errno;
	while (fd < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || ws_is(entry->d_name, dev->name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	closedir(dir);
	return fd;
}

TEST_F(check, c7_a_mapping_of_another_window_is_outside)
{
	int other = open_another(&self->dev);
	__u8 *map;

	if (other < 0)
		SKIP(return, "there is only one window");
	ASSERT_EQ(0, ws_map(other, 0, self->page, PROT_READ, &map));
	expect_outside(_metadata, self->fd, map, 8);
	expect_inside(_metadata, other, map, 8, 0);
	expect_outside(_metadata, other, self->map, 8);
	close(other);
}

/* Regions: their memory, by whichever file it was mapped. */

FIXTURE(check_region) {
	struct ws_dev dev;
	int window;
	int a, b;		/* two regions, side by side */
	__u64 granule;
	__u64 offset;		/* of a; b follows it */
	__u8 *map;		/* all of the window that is watched */
	size_t length;
};

FIXTURE_SETUP(check_region)
{
	struct writesync_info info;
	__u64 offset;
	int first;

	WS_BEGIN(return, &self->dev, 0);
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	ASSERT_EQ(0, ws_info(self->window, &info));
	self->granule = info.granule;
	self->length = 6 * self->granule;
	if (info.total < self->length)
		SKIP(return, "the window has fewer than 6 granules");
	first = ws_alloc(self->window, self->granule);
	ASSERT_LE(0, first);
	self->a = ws_region(self->window, 2 * self->granule, &self->offset);
	ASSERT_LE(0, self->a);
	self->b = ws_region(self->window, 2 * self->granule, &offset);
	ASSERT_LE(0, self->b);
	close(first);
	ASSERT_EQ(self->granule, self->offset);
	ASSERT_EQ(3 * self->granule, offset);
	ASSERT_EQ(0, ws_map(self->window, 0, self->length,
			    PROT_READ | PROT_WRITE, &self->map));
}

FIXTURE_TEARDOWN(check_region)
{
	close(self->a);
	close(self->b);
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(check_region, c7_a_window_mapping_counts_for_its_region)
{
	__u64 g = self->granule;
	__u8 *at = self->map + self->offset;

	expect_inside(_metadata, self->a, at, 2 * g, 0);
	expect_inside(_metadata, self->a, at + 1, 1, 1);
	expect_inside(_metadata, self->a, at + 2 * g - 1, 1, 2 * g - 1);
	expect_outside(_metadata, self->a, at - 1, 1);
	expect_outside(_metadata, self->a, at - 1, 2);
	expect_outside(_metadata, self->a, at + 2 * g - 1, 2);
	expect_outside(_metadata, self->a, at + 2 * g, 1);
	expect_outside(_metadata, self->a, at + 3 * g, 1);
	expect_outside(_metadata, self->a, self->map, 1);
	expect_outside(_metadata, self->a, self->map, self->length);
	expect_inside(_metadata, self->b, at + 2 * g, 2 * g, 0);
}

TEST_F(check_region, c7_a_region_mapping_counts_for_its_window)
{
	__u64 g = self->granule;
	__u8 *map = NULL;

	ASSERT_EQ(0, ws_map(self->a, g, g, PROT_READ, &map));
	expect_inside(_metadata, self->a, map, g, g);
	expect_inside(_metadata, self->window, map, g, self->offset + g);
	expect_inside(_metadata, self->window, map + 7, 1,
		      self->offset + g + 7);
}

TEST_F(check_region, c7_memory_of_another_region_is_outside)
{
	__u8 *map = NULL;

	ASSERT_EQ(0, ws_map(self->b, 0, 2 * self->granule, PROT_READ, &map));
	expect_outside(_metadata, self->a, map, 1);
	expect_outside(_metadata, self->a, map, 2 * self->granule);
	expect_inside(_metadata, self->b, map, 2 * self->granule, 0);
}

/* Both side by side are the window's memory in one piece, and no region's. */
TEST_F(check_region, c7_two_regions_side_by_side)
{
	size_t length = 2 * self->granule;
	__u8 *at = reserve(2 * length);

	ASSERT_NE(NULL, at);
	ASSERT_EQ(0, map_at(self->a, at, 0, length));
	ASSERT_EQ(0, map_at(self->b, at + length, 0, length));
	expect_inside(_metadata, self->window, at, 2 * length, self->offset);
	expect_inside(_metadata, self->a, at, length, 0);
	expect_inside(_metadata, self->b, at + length, length, 0);
	expect_outside(_metadata, self->a, at, length + 1);
	expect_outside(_metadata, self->b, at + length - 1, length);
	ASSERT_EQ(0, map_at(self->b, at, 0, length));
	ASSERT_EQ(0, map_at(self->a, at + length, 0, length));
	expect_outside(_metadata, self->window, at, 2 * length);
}

TEST_F(check_region, c7_uncommitted_it_answers)
{
	int fd = ws_alloc(self->window, 1);
	struct writesync_info info;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ws_info(fd, &info));
	ASSERT_GT(self->length, info.offset);
	expect_inside(_metadata, fd, self->map + info.offset, 8, 0);
	expect_outside(_metadata, fd, self->map + self->offset, 8);
	close(fd);
}

TEST_HARNESS_MAIN

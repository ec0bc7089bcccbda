// SPDX-License-Identifier: GPL-2.0
/*
 * Bugs that drivers of this kind are known for, one named test each. Elsewhere:
 *
 *  padding in what an ioctl stores (CVE-2023-50431)
 *	bad_struct.c: c7_no_byte_of_the_kernels_is_stored
 *  sums of an offset and a length, with every call
 *	bad_range.c, and bad_struct.c: c7_fields_of_edge_values
 *  a 32-bit number for the bytes of an 8 GiB window
 *	big_window.c
 *  RWF_DSYNC that a driver never sees, and io_uring's fsync
 *	arrival.c: c1_peer_sees_stale_before_and_fresh_after_*
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define LENGTH		64
#define BOTH		(PROT_READ | PROT_WRITE)
#define PAINT		0x5a

FIXTURE(known) {
	struct ws_dev dev;
	int fd;
	__u8 data[LENGTH];
	__u8 back[LENGTH];
};

#define KNOWN		FIXTURE_DATA(known)

FIXTURE_SETUP(known)
{
	WS_BEGIN(return, &self->dev, 0);
	if (self->dev.size < 16 * PAGE)
		SKIP(return, "the window is too small");
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ws_fill(self->data, LENGTH, 71);
	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->data, LENGTH, 0));
	ASSERT_EQ(0, ws_sync(self->fd));
	ws_catch_faults();
}

FIXTURE_TEARDOWN(known)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static bool unchanged(KNOWN *self)
{
	return ws_pread(self->fd, self->back, LENGTH, 0) == LENGTH &&
	       !memcmp(self->data, self->back, LENGTH);
}

static int sync_range(int fd, __u64 offset, __u64 length)
{
	struct writesync_sync sync = {
		.flags = WRITESYNC_RANGE, .offset = offset, .length = length,
	};

	return ws_sync_call(fd, &sync);
}

/* CVE-2016-9083 (vfio): a count and a size whose product, or sum, wraps. */
TEST_F(known, c7_cve_2016_9083_a_sum_or_product_that_wraps)
{
	struct writesync_iovec iov[2] = {
		ws_piece(self->back, 16), ws_piece(self->back, -8ull),
	};
	struct writesync_write write = ws_pieces_at(iov, 2, 0);
	struct writesync_alloc alloc = { .length = -8ull };
	__u64 wrap;

	/* The lengths together are 8, the last offset is 7. */
	EXPECT_EQ(-EINVAL, ws_write_call(self->fd, &write));
	for (wrap = 1; wrap <= PAGE; wrap *= 2) {
		EXPECT_EQ(-EINVAL, sync_range(self->fd, -wrap, wrap));
		EXPECT_EQ(-EINVAL, sync_range(self->fd, -wrap, wrap + 8));
		EXPECT_EQ(-EINVAL, sync_range(self->fd, wrap, -wrap));
		EXPECT_EQ(-EINVAL, ws_check(self->fd, self->back,
					    -(__u64)(uintptr_t)self->back +
					    wrap, NULL));
	}
	/* As many pieces as make 16, 0 or a page of bytes in 32 bits. */
	for (wrap = 1; wrap < 16; wrap++) {
		write = ws_pieces_at(iov, wrap << 28 | 1, 0);
		EXPECT_EQ(-EINVAL, ws_write_call(self->fd, &write));
	}
	/* Rounded up to the granule, it is 0. */
	EXPECT_EQ(-ENOSPC, ws_alloc_call(self->fd, &alloc));
	alloc.length = UINT64_MAX;
	EXPECT_EQ(-ENOSPC, ws_alloc_call(self->fd, &alloc));
	EXPECT_TRUE(unchanged(self));
}

/* CVE-2013-6763 (uio): a mapping that begins inside and ends elsewhere. */
TEST_F(known, c7_cve_2013_6763_a_mapping_past_the_end)
{
	__u64 size = self->dev.size;
	__u8 *map;
	int ret;

	EXPECT_EQ(-EINVAL, ws_map(self->fd, size - PAGE, 2 * PAGE, BOTH, &map));
	EXPECT_EQ(-EINVAL, ws_map(self->fd, size, PAGE, BOTH, &map));
	ret = ws_map(self->fd, -2ull * PAGE, 4 * PAGE, BOTH, &map);
	EXPECT_TRUE(ret == -EINVAL || ret == -EOVERFLOW);
	/* What was mapped rightly is not made longer, nor moved, past it. */
	ASSERT_EQ(0, ws_map(self->fd, size - 2 * PAGE, 2 * PAGE, BOTH, &map));
	EXPECT_EQ(MAP_FAILED, mremap(map, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(map, 0, 3 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(0, ws_touch(map + PAGE, true));
	EXPECT_EQ(0, munmap(map, 2 * PAGE));
	EXPECT_EQ(0, ws_sync(self->fd));
}

/*
 * A read of all-ones is EIO. A bus may answer with zeros instead, which a read
 * takes for data; never is it what the memory holds.
 */
static bool reads_nothing(KNOWN *self)
{
	ssize_t n;

	memset(self->back, PAINT, LENGTH);
	n = ws_pread(self->fd, self->back, LENGTH, 0);
	if (n == LENGTH)
		return ws_all(self->back, LENGTH, 0);
	return n == -EIO && ws_all(self->back, LENGTH, PAINT);
}

/* The device is there, but cannot have answered. */
static void expect_no_confirmation(struct __test_metadata *_metadata,
				   KNOWN *self, __u8 *map)
{
	EXPECT_EQ(-EIO, ws_sync(self->fd));
	EXPECT_EQ(-1, fsync(self->fd));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, msync(map, PAGE, MS_SYNC));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(1, ws_needed(self->fd));
}

/*
 * CVE-2020-12888 (vfio): memory that is accessed while the function's decoding
 * is off. Users cannot switch it off here; should somebody else, no access of
 * theirs may end in more than an error, and none is taken for an arrival.
 */
TEST_F(known, c4_cve_2020_12888_access_with_memory_decoding_off)
{
	__u64 seen;
	__u8 *map;

	ASSERT_EQ(0, ws_map(self->fd, 0, 2 * PAGE, BOTH, &map));
	ASSERT_EQ(0, ws_touch(map, false));
	ASSERT_EQ(0, ws_decode(&self->dev, false));
	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->data, LENGTH, PAGE));
	EXPECT_TRUE(reads_nothing(self));
	EXPECT_EQ(0, ws_touch(map + PAGE, true));
	EXPECT_EQ(0, ws_try_load(map, &seen, sizeof(seen)));
	EXPECT_TRUE(!seen || !~seen);
	expect_no_confirmation(_metadata, self, map);
	ASSERT_EQ(0, ws_decode(&self->dev, true));
	EXPECT_TRUE(unchanged(self));
	munmap(map, 2 * PAGE);
}

/*
 * switchtec, uio: the device goes while files are open. Each call then meets
 * what is left of it; and memory that was freed too early has been given to
 * somebody else, by a new binding.
 */
TEST_F(known, c8_switchtec_uio_files_that_outlive_their_device)
{
	struct pollfd p = { .events = POLLIN };
	struct writesync_info info;
	__u64 offset;
	int fds[4], i;
	__u8 *map;

	for (i = 0; i < 4; i++) {
		fds[i] = i & 1 ? ws_region(self->fd, 1, &offset) :
				 ws_open(&self->dev, O_RDWR);
		ASSERT_LE(0, fds[i]);
	}
	ASSERT_EQ(0, ws_unbind(&self->dev));
	close(fds[0]);
	close(fds[1]);
	ASSERT_EQ(0, ws_bind(&self->dev));
	for (i = 2; i < 4; i++) {
		EXPECT_EQ(-ENODEV, ws_pwrite(fds[i], self->data, LENGTH, 0));
		EXPECT_EQ(-ENODEV, ws_pread(fds[i], self->back, LENGTH, 0));
		EXPECT_EQ(-ENODEV, ws_sync(fds[i]));
		EXPECT_EQ(-ENODEV, ws_needed(fds[i]));
		EXPECT_EQ(-ENODEV, ws_alloc(fds[i], 1) == -EINVAL ? -ENODEV :
				   ws_alloc(fds[i], 1));
		EXPECT_EQ(-ENODEV, ws_commit(fds[i]));
		EXPECT_EQ(-ENODEV, ws_decommit(fds[i]));
		EXPECT_EQ(-ENODEV, ws_check(fds[i], self->data, 1, NULL));
		EXPECT_EQ(-ENODEV, ws_map(fds[i], 0, PAGE, BOTH, &map));
		EXPECT_EQ(0, ws_info(fds[i], &info));
		EXPECT_EQ(WRITESYNC_STATE_DEAD, info.state);
		EXPECT_EQ(0, lseek(fds[i], 0, SEEK_SET));
		p.fd = fds[i];
		EXPECT_EQ(1, poll(&p, 1, 0));
		EXPECT_EQ(POLLERR | POLLHUP, p.revents);
		EXPECT_EQ(0, close(fds[i]));
	}
}

/*
 * gdrdrv 2.4.4: the close of a mapping used what the close of its file had
 * freed. In every order: the file, the device, the mapping and a child's copy
 * of it.
 */

enum { CLOSE_FILE, TAKE_DEVICE, UNMAP_PART, UNMAP_REST, END_CHILD, STEPS };

#define ORDERS		120

struct scene {
	KNOWN *self;
	int fd;
	__u8 *map;
	pid_t child;
	bool gone;
};

static int set_scene(struct scene *scene, KNOWN *self, bool region)
{
	__u64 offset;

	scene->self = self;
	scene->gone = false;
	scene->fd = region ? ws_region(self->fd, 2 * PAGE, &offset) :
			     ws_open(&self->dev, O_RDWR);
	if (scene->fd < 0)
		return scene->fd;
	if (ws_map(scene->fd, 0, 2 * PAGE, BOTH, &scene->map))
		return -EIO;
	ws_touch(scene->map, true);
	scene->child = fork();
	if (!scene->child) {
		pause();
		_exit(0);
	}
	return scene->child < 0 ? -errno : 0;
}

static int play(struct scene *scene, int step)
{
	switch (step) {
	case CLOSE_FILE:
		return close(scene->fd);
	case TAKE_DEVICE:
		scene->gone = true;
		return ws_unbind(&scene->self->dev);
	case UNMAP_PART:
		return munmap(scene->map, PAGE);
	case UNMAP_REST:
		return munmap(scene->map + PAGE, PAGE);
	default:
		kill(scene->child, SIGKILL);
		return waitpid(scene->child, NULL, 0) == scene->child ? 0 : -1;
	}
}

/* The @n-th of the orders. */
static void make_order(int n, int *order)
{
	int left[STEPS], i, j, at;

	for (i = 0; i < STEPS; i++)
		left[i] = i;
	for (i = STEPS; i > 0; i--) {
		at = n % i;
		n /= i;
		order[STEPS - i] = left[at];
		for (j = at; j < i - 1; j++)
			left[j] = left[j + 1];
	}
}

static void play_all(struct __test_metadata *_metadata, KNOWN *self, int n)
{
	struct scene scene;
	int order[STEPS], i;

	make_order(n, order);
	ASSERT_EQ(0, set_scene(&scene, self, n & 1));
	for (i = 0; i < STEPS; i++) {
		EXPECT_EQ(0, play(&scene, order[i])) {
			TH_LOG("order %d, step %d", n, order[i]);
		}
	}
	ASSERT_EQ(0, ws_bind(&self->dev));
	close(self->fd);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

/* Where all orders take minutes: a third, unless WRITESYNC_CYCLES is set. */
TEST_F_TIMEOUT(known, c8_gdrdrv_a_mapping_that_outlives_its_file, 60)
{
	struct writesync_info info;
	int step = ws_slow() == 1 || getenv("WRITESYNC_CYCLES") ? 1 : 3;
	int n;

	for (n = 0; n < ORDERS; n += step)
		play_all(_metadata, self, n);
	ASSERT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(info.total, info.free);
}

TEST_HARNESS_MAIN

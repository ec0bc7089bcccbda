// SPDX-License-Identifier: GPL-2.0
/*
 * libwritesync: regions and mappings; every error that the header lists, as far
 * as this machine can be made to cause it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "kselftest_harness.h"
#include "ws_test.h"
#include <writesync.h>

#define UNTOUCHED	12345		/* in errno and in out values */
#define BOTH		(PROT_READ | PROT_WRITE)
#define LENGTH		64

FIXTURE(region) {
	struct ws_dev dev;
	struct writesync_info info;	/* of the window */
	int window;
	int fd;				/* a committed region of two granules */
	int other;			/* nothing of writesync's */
	uint64_t length;
	uint64_t offset;
	__u8 data[LENGTH];
};

#define REGION		FIXTURE_DATA(region)

FIXTURE_SETUP(region)
{
	WS_BEGIN(return, &self->dev, 0);
	self->window = writesync_open(self->dev.name, O_RDWR);
	ASSERT_LE(0, self->window);
	ASSERT_EQ(0, writesync_info(self->window, &self->info));
	self->length = self->info.granule + 1;
	self->fd = writesync_region_alloc(self->window, &self->length, 0,
					  &self->offset);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, writesync_region_commit(self->fd));
	self->other = open("/dev/null", O_RDWR | O_CLOEXEC);
	ws_fill(self->data, LENGTH, ws_now());
	errno = UNTOUCHED;
}

FIXTURE_TEARDOWN(region)
{
	close(self->fd);
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static __u8 *map(int fd, __u64 offset, size_t length, int prot)
{
	void *address = NULL;

	return writesync_map(fd, offset, length, prot, &address) ? NULL :
								   address;
}

/* Regions */

TEST_F(region, a_region_is_rounded_up_and_where_it_says)
{
	struct writesync_info info;

	EXPECT_EQ(2 * self->info.granule, self->length);
	ASSERT_EQ(0, writesync_info(self->fd, &info));
	EXPECT_EQ(WRITESYNC_FILE_REGION | WRITESYNC_FILE_COMMITTED, info.file);
	EXPECT_EQ(self->length, info.length);
	EXPECT_EQ(self->offset, info.offset);
	EXPECT_EQ(self->info.free - self->length, info.free);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd, F_GETFD));
	EXPECT_EQ(UNTOUCHED, errno);
}

TEST_F(region, it_is_where_the_alignment_wants_it)
{
	uint64_t length = 1, alignment = 16 * self->info.granule;
	uint64_t offset = UNTOUCHED;
	int fd = writesync_region_alloc(self->window, &length, alignment,
					&offset);

	ASSERT_LE(0, fd);
	EXPECT_EQ(self->info.granule, length);
	EXPECT_EQ(0, offset % alignment);
	close(fd);
	fd = writesync_region_alloc(self->window, &length, 1, NULL);
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_F(region, its_offsets_are_its_own)
{
	__u8 seen[LENGTH] = "";

	EXPECT_EQ(LENGTH, writesync_write(self->fd, self->data, LENGTH, 8));
	EXPECT_EQ(0, writesync_sync(self->fd, WS_S));
	EXPECT_EQ(LENGTH, ws_pread(self->window, seen, LENGTH,
				   self->offset + 8));
	EXPECT_EQ(0, memcmp(seen, self->data, LENGTH));
	EXPECT_EQ(8, writesync_write(self->fd, self->data, LENGTH,
				     self->length - 8));
	EXPECT_EQ(-ENOSPC, writesync_write(self->fd, self->data, LENGTH,
					   self->length));
	EXPECT_EQ(-EINVAL, writesync_sync_range(self->fd, 0, self->length + 1,
						WS_S, 0));
}

static void expect_no_region(struct __test_metadata *_metadata, int error,
			     int fd, uint64_t length, uint64_t alignment)
{
	uint64_t wanted = length, offset = UNTOUCHED;

	EXPECT_EQ(error, writesync_region_alloc(fd, &length, alignment,
						&offset));
	EXPECT_EQ(wanted, length);
	EXPECT_EQ(UNTOUCHED, offset);
}

TEST_F(region, wrong_wishes_are_einval)
{
	expect_no_region(_metadata, -EINVAL, self->window, 0, 0);
	expect_no_region(_metadata, -EINVAL, self->window, 1, 3);
	expect_no_region(_metadata, -EINVAL, self->fd, 1, 0);
}

TEST_F(region, what_is_not_free_is_enospc)
{
	struct writesync_info info;

	ASSERT_EQ(0, writesync_info(self->window, &info));
	expect_no_region(_metadata, -ENOSPC, self->window,
			 info.largest_free + 1, 0);
	expect_no_region(_metadata, -ENOSPC, self->window, UINT64_MAX, 0);
}

TEST_F(region, only_a_window_open_for_writing_has_regions)
{
	int fd = writesync_open(self->dev.name, O_RDONLY);

	expect_no_region(_metadata, -EBADF, fd, 1, 0);
	close(fd);
	expect_no_region(_metadata, -EBADF, -1, 1, 0);
	expect_no_region(_metadata, -ENOTTY, self->other, 1, 0);
}

TEST_F(region, too_many_open_files_are_emfile)
{
	struct rlimit limit, none;
	struct writesync_info info;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	expect_no_region(_metadata, -EMFILE, self->window, 1, 0);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(0, writesync_info(self->window, &info));
	EXPECT_EQ(self->info.free - self->length, info.free);
}

TEST_F(region, commit_and_decommit_may_be_repeated)
{
	EXPECT_EQ(0, writesync_region_commit(self->fd));
	EXPECT_EQ(0, writesync_region_decommit(self->fd));
	EXPECT_EQ(0, writesync_region_decommit(self->fd));
	EXPECT_EQ(0, writesync_region_commit(self->fd));
	EXPECT_EQ(0, writesync_region_commit(self->window));
	EXPECT_EQ(UNTOUCHED, errno);
}

TEST_F(region, the_first_commit_clears_and_later_ones_do_not)
{
	__u8 seen[LENGTH], zeros[LENGTH] = "";
	uint64_t length = 1, offset;
	int fd;

	fd = writesync_region_alloc(self->window, &length, 0, &offset);
	ASSERT_LE(0, fd);
	ASSERT_EQ(LENGTH, writesync_write(self->window, self->data, LENGTH,
					  offset));
	ASSERT_EQ(0, writesync_region_commit(fd));
	EXPECT_EQ(LENGTH, ws_pread(fd, seen, LENGTH, 0));
	EXPECT_EQ(0, memcmp(zeros, seen, LENGTH));
	ASSERT_EQ(LENGTH, writesync_write(fd, self->data, LENGTH, 0));
	ASSERT_EQ(0, writesync_region_decommit(fd));
	ASSERT_EQ(0, writesync_region_commit(fd));
	EXPECT_EQ(LENGTH, ws_pread(fd, seen, LENGTH, 0));
	EXPECT_EQ(0, memcmp(self->data, seen, LENGTH));
	close(fd);
}

/*
 * While the device is reset through sysfs, which takes 0.1 s or more, the
 * window is frozen. @late: the reset was over before the calls were.
 */
struct frozen {
	REGION *self;
	int fd;			/* of a region that was never committed */
	int interrupted;
	int in_time;
	int nonblock;
	ssize_t written;
	bool late;
};

static void *reset(void *data)
{
	REGION *self = data;

	ws_flr(&self->dev);
	return NULL;
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void ring_every(suseconds_t us)
{
	struct itimerval every = { { 0, us }, { 0, us } };
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static void call_while_frozen(struct frozen *frozen)
{
	REGION *self = frozen->self;
	char state[16] = "";

	ring_every(2000);
	frozen->interrupted = writesync_region_commit(frozen->fd);
	ring_every(0);
	frozen->in_time = writesync_region_commit(frozen->fd);
	fcntl(frozen->fd, F_SETFL, O_NONBLOCK);
	frozen->nonblock = writesync_region_commit(frozen->fd);
	fcntl(frozen->fd, F_SETFL, 0);
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	frozen->written = writesync_write(self->fd, self->data, LENGTH, 0);
	fcntl(self->fd, F_SETFL, 0);
	ws_get(&self->dev, "state", state, sizeof(state));
	frozen->late = !ws_is(state, "frozen");
}

static int freeze_and_call(struct frozen *frozen)
{
	REGION *self = frozen->self;
	uint64_t length = 1;
	pthread_t thread;

	frozen->fd = writesync_region_alloc(self->window, &length, 0, NULL);
	if (frozen->fd < 0)
		return frozen->fd;
	if (pthread_create(&thread, NULL, reset, self))
		return -EAGAIN;
	frozen->late = true;
	if (ws_wait_state(&self->dev, "frozen"))
		call_while_frozen(frozen);
	pthread_join(thread, NULL);
	close(frozen->fd);
	return 0;
}

TEST_F(region, a_frozen_window_is_waited_for)
{
	struct frozen frozen = { .self = self };
	int i;

	if (!ws_can_flr(&self->dev))
		SKIP(return, "the device cannot be reset");
	ASSERT_EQ(0, ws_set(&self->dev, "timeout_ms", "20"));
	for (i = 0; i < 5 && (!i || frozen.late); i++)
		ASSERT_EQ(0, freeze_and_call(&frozen));
	if (frozen.late)
		SKIP(return, "the reset is always over too soon");
	EXPECT_EQ(-EINTR, frozen.interrupted);
	EXPECT_EQ(-ETIMEDOUT, frozen.in_time);
	EXPECT_EQ(-EAGAIN, frozen.nonblock);
	EXPECT_EQ(-EAGAIN, frozen.written);
	EXPECT_EQ(0, writesync_region_commit(self->fd));
}

static void expect_ebadfd(struct __test_metadata *_metadata, REGION *self,
			  int fd)
{
	struct iovec iov = { self->data, LENGTH };
	size_t written = UNTOUCHED;
	void *address = NULL;

	EXPECT_EQ(-EBADFD, writesync_write(fd, self->data, LENGTH, 0));
	EXPECT_EQ(-EBADFD, writesync_write_sync(fd, self->data, LENGTH, 0, WS_S,
						&written));
	EXPECT_EQ(0, written);
	EXPECT_EQ(-EBADFD, writesync_writev_sync(fd, &iov, 1, 0, WS_S, 0,
						 NULL));
	EXPECT_EQ(-EBADFD, writesync_sync(fd, WS_S));
	EXPECT_EQ(-EBADFD, writesync_sync_range(fd, 0, 1, WS_S, 0));
	EXPECT_EQ(-EBADFD, writesync_map(fd, 0, self->info.granule, BOTH,
					 &address));
	EXPECT_EQ(NULL, address);
	EXPECT_LE(0, writesync_query(fd));
	EXPECT_EQ(0, writesync_check(fd, self->data, 1, NULL));
}

TEST_F(region, what_is_not_committed_is_ebadfd)
{
	ASSERT_EQ(0, writesync_region_decommit(self->fd));
	expect_ebadfd(_metadata, self, self->fd);
	ASSERT_EQ(0, writesync_region_decommit(self->window));
	expect_ebadfd(_metadata, self, self->window);
	EXPECT_EQ(0, writesync_region_commit(self->window));
	EXPECT_EQ(0, writesync_sync(self->window, WS_S));
}

TEST_F(region, commit_of_other_descriptors)
{
	EXPECT_EQ(-EBADF, writesync_region_commit(-1));
	EXPECT_EQ(-ENOTTY, writesync_region_commit(self->other));
	EXPECT_EQ(-EBADF, writesync_region_decommit(-1));
	EXPECT_EQ(-ENOTTY, writesync_region_decommit(self->other));
}

/* Mappings */

TEST_F(region, stores_through_a_mapping_arrive_with_the_sync)
{
	__u8 *memory;

	if (!self->dev.peer)
		SKIP(return, "there is no peer function");
	memory = map(self->fd, self->info.granule, self->info.granule, BOTH);
	ASSERT_NE(NULL, memory);
	ws_drain(&self->dev, WS_HOLD);
	ws_store(memory, self->data, LENGTH);
	EXPECT_EQ(1, writesync_query(self->fd));
	EXPECT_EQ(0, writesync_sync(self->fd, WS_S));
	EXPECT_EQ(ws_crc(self->data, LENGTH),
		  ws_peer_crc(&self->dev, self->offset + self->info.granule,
			      LENGTH));
	EXPECT_EQ(0, writesync_unmap(memory, self->info.granule));
	EXPECT_EQ(UNTOUCHED, errno);
}

TEST_F(region, a_mapping_holds_the_region)
{
	__u8 *memory = map(self->fd, 0, self->length, BOTH);
	struct writesync_info info;

	ASSERT_NE(NULL, memory);
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, writesync_info(self->window, &info));
	EXPECT_EQ(self->info.free - self->length, info.free);
	ws_store(memory, self->data, LENGTH);
	EXPECT_EQ(0, writesync_unmap(memory, self->length));
	ASSERT_EQ(0, writesync_info(self->window, &info));
	EXPECT_EQ(self->info.free, info.free);
}

static void expect_no_map(struct __test_metadata *_metadata, int error, int fd,
			  __u64 offset, size_t length, int prot)
{
	void *address = NULL;

	EXPECT_EQ(error, writesync_map(fd, offset, length, prot, &address));
	EXPECT_EQ(NULL, address);
}

TEST_F(region, wrong_ranges_are_einval)
{
	size_t page = sysconf(_SC_PAGESIZE);
	__u64 end = self->length;

	expect_no_map(_metadata, -EINVAL, self->fd, 0, 0, BOTH);
	expect_no_map(_metadata, -EINVAL, self->fd, 1, page, BOTH);
	expect_no_map(_metadata, -EINVAL, self->fd, 0, end + 1, BOTH);
	expect_no_map(_metadata, -EINVAL, self->fd, end, page, BOTH);
	expect_no_map(_metadata, -EINVAL, self->fd, 1ULL << 40, page, BOTH);
	expect_no_map(_metadata, -EINVAL, self->fd, 1ULL << 63, page, BOTH);
	expect_no_map(_metadata, -EINVAL, self->fd, ~0ULL << 12, page, BOTH);
	expect_no_map(_metadata, -EINVAL, self->window, self->dev.size, page,
		      BOTH);
}

TEST_F(region, what_the_open_mode_forbids_is_eacces)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int fd = writesync_open(self->dev.name, O_WRONLY);

	expect_no_map(_metadata, -EACCES, fd, 0, page, PROT_WRITE);
	expect_no_map(_metadata, -EACCES, fd, 0, page, PROT_READ);
	close(fd);
	fd = writesync_open(self->dev.name, O_RDONLY);
	expect_no_map(_metadata, -EACCES, fd, 0, page, BOTH);
	EXPECT_NE(NULL, map(fd, 0, page, PROT_READ));
	close(fd);
}

TEST_F(region, no_room_is_enomem)
{
	struct rlimit limit, none = { 0, 0 };

	ASSERT_EQ(0, getrlimit(RLIMIT_AS, &limit));
	none.rlim_max = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &none));
	expect_no_map(_metadata, -ENOMEM, self->fd, 0, 4096, BOTH);
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
}

TEST_F(region, other_descriptors_cannot_be_mapped)
{
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	expect_no_map(_metadata, -ENODEV, ends[0], 0, 4096, PROT_READ);
	expect_no_map(_metadata, -EBADF, -1, 0, 4096, PROT_READ);
}

TEST_F(region, unmap_of_what_is_no_mapping_is_einval)
{
	__u8 *memory = map(self->fd, 0, self->length, BOTH);

	ASSERT_NE(NULL, memory);
	EXPECT_EQ(-EINVAL, writesync_unmap(memory + 1, self->length));
	EXPECT_EQ(-EINVAL, writesync_unmap(memory, 0));
	EXPECT_EQ(0, writesync_unmap(memory, self->length));
}

TEST_F(region, check_knows_its_memory)
{
	size_t granule = self->info.granule;
	__u8 *memory = map(self->fd, granule, granule, PROT_READ);
	__u8 *all = map(self->window, 0, self->dev.size, PROT_READ);
	uint64_t offset = UNTOUCHED;

	ASSERT_NE(NULL, memory);
	ASSERT_NE(NULL, all);
	EXPECT_EQ(1, writesync_check(self->fd, memory + 8, granule - 8,
				     &offset));
	EXPECT_EQ(granule + 8, offset);
	EXPECT_EQ(1, writesync_check(self->fd, memory, 1, NULL));
	EXPECT_EQ(1, writesync_check(self->window, memory, 1, &offset));
	EXPECT_EQ(self->offset + granule, offset);
	EXPECT_EQ(1, writesync_check(self->fd, all + self->offset + 4, 4,
				     &offset));
	EXPECT_EQ(4, offset);
	EXPECT_EQ(UNTOUCHED, errno);
}

TEST_F(region, check_knows_other_memory)
{
	size_t granule = self->info.granule;
	__u8 *memory = map(self->fd, 0, granule, PROT_READ);
	__u8 *all = map(self->window, 0, self->dev.size, PROT_READ);
	uint64_t offset = UNTOUCHED;

	ASSERT_NE(NULL, memory);
	ASSERT_NE(NULL, all);
	EXPECT_EQ(0, writesync_check(self->fd, self->data, LENGTH, &offset));
	EXPECT_EQ(0, writesync_check(self->fd, NULL, 1, &offset));
	EXPECT_EQ(0, writesync_check(self->fd, memory, granule + 1, &offset));
	EXPECT_EQ(0, writesync_check(self->fd,
				     all + self->offset + self->length, 1,
				     &offset));
	EXPECT_EQ(UNTOUCHED, offset);
}

TEST_F(region, a_wrong_check)
{
	EXPECT_EQ(-EINVAL, writesync_check(self->fd, self->data, 0, NULL));
	EXPECT_EQ(-EBADF, writesync_check(-1, self->data, 1, NULL));
	EXPECT_EQ(-ENOTTY, writesync_check(self->other, self->data, 1, NULL));
	if (sizeof(void *) < sizeof(__u64))
		SKIP(return, "no range ends beyond 2^64 here");
	EXPECT_EQ(-EINVAL, writesync_check(self->fd, self->data, SIZE_MAX,
					   NULL));
}

TEST_F(region, a_device_that_is_gone_is_enodev)
{
	struct writesync_info info;

	ASSERT_EQ(0, ws_rebind(&self->dev));
	expect_no_region(_metadata, -ENODEV, self->window, 1, 0);
	EXPECT_EQ(-ENODEV, writesync_region_commit(self->fd));
	EXPECT_EQ(-ENODEV, writesync_region_decommit(self->fd));
	expect_no_map(_metadata, -ENODEV, self->fd, 0, 4096, BOTH);
	EXPECT_EQ(-ENODEV, writesync_check(self->fd, self->data, 1, NULL));
	EXPECT_EQ(-ENODEV, writesync_sync(self->fd, WS_S));
	EXPECT_EQ(0, writesync_info(self->fd, &info));
	EXPECT_EQ(WRITESYNC_STATE_DEAD, info.state);
}

TEST_HARNESS_MAIN

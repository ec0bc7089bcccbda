// SPDX-License-Identifier: GPL-2.0
/*
 * What lies behind a mapping is a device's memory and no page of the kernel's.
 * C7: nobody gets hold of it by another way; C8: it ends with the device; and
 * huge pages, and a window over 4 GiB, make no difference.
 */
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LENGTH		64
#define PAGE		4096
#define HUGE_PAGE	(2UL << 20)
#define BOTH		(PROT_READ | PROT_WRITE)
#define SPLITS		300

/* The window's first pages hold no word that looks like a missing answer. */
static int fill_window(int fd)
{
	__u8 data[4 * PAGE];

	ws_fill(data, sizeof(data), 3);
	if (ws_pwrite(fd, data, sizeof(data), 0) != sizeof(data))
		return -EIO;
	return ws_sync(fd);
}

/* C7: who wants the pages themselves is turned away. */

FIXTURE(pages) {
	struct ws_dev dev;
	int fd;
	__u8 *map;
};

#define PAGES		FIXTURE_DATA(pages)

FIXTURE_VARIANT(pages) {
	bool touched;
	bool huge;
};

FIXTURE_VARIANT_ADD(pages, untouched) { false, false };
FIXTURE_VARIANT_ADD(pages, touched) { true, false };
FIXTURE_VARIANT_ADD(pages, huge) { true, true };

/* A mapping of all of @length at an address that huge pages can begin at. */
static int map_aligned(int fd, __u64 length, __u8 **at)
{
	__u8 *room = mmap(NULL, length + HUGE_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u8 *to = room + (-(uintptr_t)room & (HUGE_PAGE - 1));

	if (room == MAP_FAILED)
		return -errno;
	if (mmap(to, length, BOTH, MAP_SHARED | MAP_FIXED, fd, 0) != to)
		return -errno;
	*at = to;
	return 0;
}

FIXTURE_SETUP(pages)
{
	int ret;

	WS_BEGIN(return, &self->dev, 0);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	if (variant->huge && self->dev.size < HUGE_PAGE)
		SKIP(return, "the window is smaller than a huge page");
	ASSERT_EQ(0, fill_window(self->fd));
	if (variant->huge)
		ret = map_aligned(self->fd, HUGE_PAGE, &self->map);
	else
		ret = ws_map(self->fd, 0, 4 * PAGE, BOTH, &self->map);
	ASSERT_EQ(0, ret);
	if (variant->touched)
		EXPECT_EQ(0, ws_touch(self->map, true));
}

FIXTURE_TEARDOWN(pages)
{
	munmap(self->map, variant->huge ? HUGE_PAGE : 4 * PAGE);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

TEST_F(pages, c7_not_read_by_another_process)
{
	__u8 data[LENGTH];
	struct iovec to = { data, LENGTH }, from = { self->map, LENGTH };

	EXPECT_EQ(-1, process_vm_readv(getpid(), &to, 1, &from, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, process_vm_writev(getpid(), &to, 1, &from, 1, 0));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(pages, c7_not_read_as_memory_of_a_process)
{
	int fd = open("/proc/self/mem", O_RDWR);
	__u8 data[LENGTH];

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, pread(fd, data, LENGTH, (uintptr_t)self->map));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, pwrite(fd, data, LENGTH, (uintptr_t)self->map));
	EXPECT_EQ(EIO, errno);
	close(fd);
}

TEST_F(pages, c7_not_given_to_a_pipe)
{
	struct iovec from = { self->map, PAGE };
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-1, vmsplice(ends[1], &from, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, vmsplice(ends[1], &from, 1, SPLICE_F_GIFT));
	EXPECT_EQ(EFAULT, errno);
	close(ends[0]);
	close(ends[1]);
}

TEST_F(pages, c7_not_shared_as_a_futex)
{
	struct timespec soon = { .tv_nsec = WS_MS };

	EXPECT_EQ(-1, syscall(SYS_futex, self->map, FUTEX_WAIT, 0, &soon,
			      NULL, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, syscall(SYS_futex, self->map, FUTEX_WAKE, 1, NULL,
			      NULL, 0));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(pages, c7_not_registered_as_a_buffer)
{
	struct iovec buffer = { self->map, 2 * PAGE };
	struct io_uring_params params = { 0 };
	int ring = syscall(SYS_io_uring_setup, 1, &params);

	if (ring < 0)
		SKIP(return, "no io_uring: %s", strerror(errno));
	EXPECT_EQ(-1, syscall(SYS_io_uring_register, ring,
			      IORING_REGISTER_BUFFERS, &buffer, 1));
	EXPECT_EQ(EFAULT, errno);
	close(ring);
}

/* A file system may copy instead; then the bytes have to be the file's. */
TEST_F(pages, c7_not_the_target_of_direct_input)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_DIRECT);
	__u8 data[PAGE];
	ssize_t n;

	if (fd < 0)
		SKIP(return, "no O_DIRECT here: %s", strerror(errno));
	n = ws_pread(fd, self->map, PAGE, 0);
	close(fd);
	if (n == -EFAULT)
		return;
	ASSERT_EQ(PAGE, n);
	fd = open("/proc/self/exe", O_RDONLY);
	ASSERT_EQ(PAGE, ws_pread(fd, data, PAGE, 0));
	close(fd);
	EXPECT_EQ(0, memcmp(data, self->map, PAGE));
}

TEST_F(pages, c7_seen_by_those_who_only_look)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	__u64 entry[4];
	static char text[1 << 20];

	ASSERT_LE(0, fd);
	EXPECT_EQ(sizeof(entry), pread(fd, entry, sizeof(entry),
				       (uintptr_t)self->map / PAGE * 8));
	close(fd);
	EXPECT_EQ(0, ws_file("/proc/self/smaps", text, sizeof(text)));
	/* Not every kernel knows of nodes. */
	if (!access("/proc/self/numa_maps", F_OK))
		EXPECT_EQ(0, ws_file("/proc/self/numa_maps", text,
				     sizeof(text)));
	EXPECT_EQ(0, mlock(self->map, PAGE));
	EXPECT_EQ(0, munlock(self->map, PAGE));
	EXPECT_EQ(-1, madvise(self->map, PAGE, MADV_DONTNEED));
	EXPECT_EQ(EINVAL, errno);
}

/* From the window to itself. */
TEST_F(pages, c7_a_write_takes_its_bytes_from_the_mapping)
{
	__u8 from[LENGTH], back[LENGTH];

	EXPECT_EQ(LENGTH, ws_pwrite(self->fd, self->map + PAGE, LENGTH,
				    3 * PAGE));
	EXPECT_EQ(LENGTH, ws_pread(self->fd, from, LENGTH, PAGE));
	EXPECT_EQ(LENGTH, ws_pread(self->fd, back, LENGTH, 3 * PAGE));
	EXPECT_EQ(0, memcmp(from, back, LENGTH));
	EXPECT_EQ(0, ws_sync(self->fd));
}

TEST_F(pages, c7_a_read_puts_its_bytes_into_the_mapping)
{
	__u8 from[LENGTH], back[LENGTH];

	EXPECT_EQ(LENGTH, ws_pread(self->fd, self->map + 2 * PAGE, LENGTH,
				   PAGE));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(LENGTH, ws_pread(self->fd, from, LENGTH, PAGE));
	EXPECT_EQ(LENGTH, ws_pread(self->fd, back, LENGTH, 2 * PAGE));
	EXPECT_EQ(0, memcmp(from, back, LENGTH));
	EXPECT_EQ(0, ws_sync(self->fd));
}

/* Arguments and results of calls may lie there, too. */
TEST_F(pages, c7_an_ioctl_takes_its_structure_from_the_mapping)
{
	struct writesync_query *query = (void *)self->map;

	query->flags = 0;
	query->__reserved = 0;
	query->size = sizeof(*query);
	EXPECT_EQ(0, ws_ioctl(self->fd, WRITESYNC_IOC_QUERY, query));
	EXPECT_EQ(1, query->needed);
}

/* The mapping is left out of a dump of the process's memory. */

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"
#define CORE_FOLDER	"/tmp"

#if __SIZEOF_POINTER__ == 8
#define CORE_HEAD	Elf64_Ehdr
#define CORE_PART	Elf64_Phdr
#else
#define CORE_HEAD	Elf32_Ehdr
#define CORE_PART	Elf32_Phdr
#endif

static int crash(void *data)
{
	PAGES *self = data;
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	ws_touch(self->map, true);
	ws_write_file("/proc/self/coredump_filter", "0x7f");
	setrlimit(RLIMIT_CORE, &all);
	abort();
}

/* How many bytes at @at a core file holds; negative: error. */
static long bytes_in_core(const char *path, void *at)
{
	FILE *file = fopen(path, "re");
	long bytes = -ENOENT;
	CORE_HEAD head;
	CORE_PART part;
	int i;

	if (!file)
		return -errno;
	if (fread(&head, sizeof(head), 1, file) != 1 ||
	    fseek(file, head.e_phoff, SEEK_SET))
		head.e_phnum = 0;
	for (i = 0; i < head.e_phnum; i++)
		if (fread(&part, sizeof(part), 1, file) == 1 &&
		    part.p_type == PT_LOAD &&
		    part.p_vaddr <= (uintptr_t)at &&
		    part.p_vaddr + part.p_memsz > (uintptr_t)at)
			bytes = part.p_filesz;
	fclose(file);
	return bytes;
}

TEST_F(pages, c7_not_dumped_into_a_core)
{
	char old[256], path[PATH_MAX];
	__u64 reads = 0;

	if (ws_file(CORE_PATTERN, old, sizeof(old)))
		SKIP(return, "this kernel dumps no core");
	snprintf(path, sizeof(path), CORE_FOLDER "/core.%d", getpid());
	ASSERT_EQ(0, ws_write_file(CORE_PATTERN, path));
	if (self->dev.regs)
		reads = ws_reg64(&self->dev, WS_EDU_READS_MEM);
	EXPECT_EQ(128 + SIGABRT, ws_in_child(crash, self));
	if (self->dev.regs)
		EXPECT_EQ(reads, ws_reg64(&self->dev, WS_EDU_READS_MEM));
	EXPECT_EQ(0, ws_write_file(CORE_PATTERN, old));
	EXPECT_EQ(0, bytes_in_core(path, self->map));
	unlink(path);
}

/* C8: a mapping ends with its device. */

FIXTURE(revoked) {
	struct ws_dev dev;
	int fd;
	__u8 *map;
};

#define REVOKED		FIXTURE_DATA(revoked)

FIXTURE_SETUP(revoked)
{
	WS_BEGIN(return, &self->dev, 0);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_map(self->fd, 0, 2 * PAGE, BOTH, &self->map));
	ws_catch_faults();
}

FIXTURE_TEARDOWN(revoked)
{
	munmap(self->map, 2 * PAGE);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_sigbus(struct __test_metadata *_metadata, REVOKED *self)
{
	__u8 *map;

	EXPECT_EQ(SIGBUS, ws_touch(self->map, false));
	EXPECT_EQ(SIGBUS, ws_touch(self->map, true));
	EXPECT_EQ(SIGBUS, ws_touch(self->map + PAGE, false));
	EXPECT_EQ(SIGBUS, ws_touch(self->map + PAGE, true));
	EXPECT_EQ(-1, msync(self->map, PAGE, MS_SYNC));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, ws_map(self->fd, 0, PAGE, BOTH, &map));
}

TEST_F(revoked, c8_a_mapping_ends_with_the_binding)
{
	EXPECT_EQ(0, ws_touch(self->map, true));
	ASSERT_EQ(0, ws_unbind(&self->dev));
	expect_sigbus(_metadata, self);
	ASSERT_EQ(0, ws_bind(&self->dev));
	/* What is there now is another window. */
	expect_sigbus(_metadata, self);
}

/* Who finds the device dead may not wait until it is taken away. */
static bool wait_for_sigbus(__u8 *at)
{
	__u64 end = ws_now() + 2 * WS_S;
	int sig;

	do {
		sig = ws_touch(at, false);
	} while (!sig && ws_now() < end);
	return sig == SIGBUS;
}

TEST_F(revoked, c8_a_mapping_ends_with_a_device_found_dead)
{
	if (!self->dev.peer)
		SKIP(return, "there is no peer function");
	EXPECT_EQ(0, ws_touch(self->map, true));
	ws_fault(&self->dev, WS_FAULT_DEAD);
	EXPECT_NE(0, ws_sync(self->fd));
	EXPECT_EQ(-ENODEV, ws_sync(self->fd));
	EXPECT_TRUE(wait_for_sigbus(self->map));
	expect_sigbus(_metadata, self);
	ws_fault(&self->dev, 0);
	expect_sigbus(_metadata, self);
}

struct toucher {
	__u8 *at;
	pthread_t thread;
	atomic_ulong count;
	atomic_bool stop;
	atomic_int sig;
};

static void *touch_until_signal(void *data)
{
	struct toucher *toucher = data;

	while (!toucher->stop && !toucher->sig) {
		toucher->sig = ws_touch(toucher->at, toucher->count & 1);
		toucher->count++;
	}
	return NULL;
}

static int start_touching(struct toucher *toucher, __u8 *at)
{
	toucher->at = at;
	return pthread_create(&toucher->thread, NULL, touch_until_signal,
			      toucher);
}

static void wait_for_touches(struct toucher *toucher, unsigned long count)
{
	__u64 end = ws_now() + 2 * WS_S;

	while (toucher->count < count && !toucher->sig && ws_now() < end)
		sched_yield();
}

/* Everybody who touches it all the while. */
TEST_F(revoked, c8_touching_during_the_unbinding_ends_in_sigbus)
{
	struct toucher touchers[3] = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(touchers); i++)
		ASSERT_EQ(0, start_touching(&touchers[i],
					    self->map + i * PAGE / 2));
	for (i = 0; i < ARRAY_SIZE(touchers); i++)
		wait_for_touches(&touchers[i], 100);
	ASSERT_EQ(0, ws_unbind(&self->dev));
	/* The last mapping of the device is gone by now. */
	for (i = 0; i < ARRAY_SIZE(touchers); i++)
		wait_for_touches(&touchers[i], touchers[i].count + 2);
	for (i = 0; i < ARRAY_SIZE(touchers); i++) {
		touchers[i].stop = true;
		pthread_join(touchers[i].thread, NULL);
		EXPECT_EQ(SIGBUS, touchers[i].sig);
		EXPECT_LT(100, touchers[i].count);
	}
	expect_sigbus(_metadata, self);
	ASSERT_EQ(0, ws_bind(&self->dev));
}

/* A child's mapping, which it inherited, ends the same way. */
static pid_t start_touching_child(REVOKED *self)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	signal(SIGBUS, SIG_DFL);
	for (;;)
		ws_touch(self->map, true);
}

TEST_F(revoked, c8_an_inherited_mapping_ends_too)
{
	int status;
	pid_t pid;

	EXPECT_EQ(0, ws_touch(self->map, true));
	pid = start_touching_child(self);
	ASSERT_LT(0, pid);
	ws_sleep(20 * WS_MS);
	ASSERT_EQ(0, waitpid(pid, &status, WNOHANG));
	ASSERT_EQ(0, ws_unbind(&self->dev));
	ws_sleep(200 * WS_MS);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	ASSERT_EQ(0, ws_bind(&self->dev));
}

/* Huge pages: where the kernel and the size of the window allow them. */

FIXTURE(huge) {
	struct ws_dev dev;
	int fd;
	__u8 *map;
	__u64 length;
	bool were_always;		/* huge pages, before the test, */
	const char *before;		/* or madvise, or never */
};

#define HUGE		FIXTURE_DATA(huge)

#define HUGE_PAGES	"/sys/kernel/mm/transparent_hugepage/enabled"

/* Where there is little memory, the kernel makes none by itself. */
static bool huge_pages(HUGE *self)
{
	char text[128];

	if (ws_file(HUGE_PAGES, text, sizeof(text)))
		return false;
	self->were_always = strstr(text, "[always]");
	self->before = strstr(text, "[madvise]") ? "madvise" : "never";
	return self->were_always || !ws_write_file(HUGE_PAGES, "always");
}

FIXTURE_SETUP(huge)
{
	WS_BEGIN(return, &self->dev, 0);
	if (self->dev.size < 2 * HUGE_PAGE)
		SKIP(return, "the window is smaller than two huge pages");
	if (!huge_pages(self))
		SKIP(return, "this kernel has no transparent huge pages");
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fill_window(self->fd));
	self->length = 2 * HUGE_PAGE;
	ASSERT_EQ(0, map_aligned(self->fd, self->length, &self->map));
	ws_catch_faults();
}

FIXTURE_TEARDOWN(huge)
{
	munmap(self->map, self->length);
	close(self->fd);
	if (!self->were_always)
		ws_write_file(HUGE_PAGES, self->before);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* Page faults that writing to each page of @length takes. */
static long faults_of_touching(__u8 *at, __u64 length)
{
	struct rusage before, after;
	__u64 offset, word;

	getrusage(RUSAGE_THREAD, &before);
	for (offset = 0; offset < length; offset += PAGE) {
		word = offset + 1;
		ws_store(at + offset, &word, 8);
	}
	getrusage(RUSAGE_THREAD, &after);
	return after.ru_minflt - before.ru_minflt;
}

TEST_F(huge, c1_2_mib_take_one_fault)
{
	if (!ws_kernel_since(6, 12))
		SKIP(return, "this kernel maps device memory by small pages");
	EXPECT_GE(4, faults_of_touching(self->map, HUGE_PAGE));
	EXPECT_GE(4, faults_of_touching(self->map + HUGE_PAGE, HUGE_PAGE));
}

TEST_F(huge, c1_a_write_after_a_read_is_noticed)
{
	EXPECT_EQ(0, ws_touch(self->map, false));
	EXPECT_EQ(0, ws_needed(self->fd));
	EXPECT_EQ(0, ws_touch(self->map + HUGE_PAGE - 8, true));
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(1, ws_needed(self->fd));
}

TEST_F(huge, c3_an_instruction_that_reads_and_writes_a_page_ends)
{
	if (!ws_move_byte(self->map, self->map + PAGE))
		SKIP(return, "this processor has no such instruction");
	EXPECT_EQ(1, ws_needed(self->fd));
	EXPECT_EQ(self->map[0], self->map[PAGE]);
}

static void expect_words(struct __test_metadata *_metadata, HUGE *self,
			 __u64 from, __u64 to)
{
	__u64 offset, word;

	for (offset = from; offset < to; offset += HUGE_PAGE / 8) {
		EXPECT_EQ(8, ws_pread(self->fd, &word, 8, offset));
		EXPECT_EQ(offset + 1, word);
	}
}

TEST_F(huge, c1_stores_go_where_they_should)
{
	faults_of_touching(self->map, HUGE_PAGE);
	expect_words(_metadata, self, 0, HUGE_PAGE);
	EXPECT_EQ(0, ws_sync(self->fd));
	if (!self->dev.peer)
		return;
	EXPECT_EQ(ws_crc(self->map, 4 * PAGE),
		  ws_peer_crc(&self->dev, 0, 4 * PAGE));
}

TEST_F(huge, c7_a_hole_in_the_middle)
{
	__u64 hole = HUGE_PAGE / 2;

	faults_of_touching(self->map, self->length);
	ASSERT_EQ(0, munmap(self->map + hole, PAGE));
	EXPECT_EQ(SIGSEGV, ws_touch(self->map + hole, true));
	EXPECT_EQ(0, ws_touch(self->map + hole - 8, true));
	EXPECT_EQ(0, ws_touch(self->map + hole + PAGE, true));
	EXPECT_EQ(0, ws_touch(self->map, false));
	EXPECT_EQ(0, ws_touch(self->map + self->length - 8, true));
	EXPECT_EQ(0, ws_sync(self->fd));
}

TEST_F(huge, c7_a_part_that_may_not_be_written)
{
	__u64 part = HUGE_PAGE / 2;

	faults_of_touching(self->map, self->length);
	ASSERT_EQ(0, mprotect(self->map + part, PAGE, PROT_READ));
	EXPECT_EQ(SIGSEGV, ws_touch(self->map + part, true));
	EXPECT_EQ(0, ws_touch(self->map + part, false));
	EXPECT_EQ(0, ws_touch(self->map + part - 8, true));
	EXPECT_EQ(0, ws_touch(self->map + part + PAGE, true));
	EXPECT_EQ(0, ws_sync(self->fd));
}

struct split {
	__u8 *at;
	unsigned int delay;		/* turns, until the store */
	atomic_bool begun;
};

static void *store_during_split(void *data)
{
	struct split *split = data;
	unsigned int turn;
	__u64 word = 5;

	split->begun = true;
	for (turn = 0; turn < split->delay; turn++)
		atomic_load(&split->begun);
	ws_store(split->at, &word, 8);
	return NULL;
}

/*
 * The first store into one half, by another thread, while the other half is
 * unmapped: whichever of the two VMAs it met, syncs go on asking the device.
 */
TEST_F_TIMEOUT(huge, c1_a_store_during_a_split_is_noticed, 60)
{
	__u64 random = 1;
	pthread_t thread;
	int i;

	for (i = 0; i < SPLITS; i++) {
		struct split split = {
			.at = self->map + HUGE_PAGE,
			.delay = ws_random(&random) % 4000,
		};

		ASSERT_EQ(0, pthread_create(&thread, NULL, store_during_split,
					    &split));
		while (!split.begun)
			;
		ASSERT_EQ(0, munmap(self->map, HUGE_PAGE));
		pthread_join(thread, NULL);
		ASSERT_EQ(0, ws_sync(self->fd));
		ASSERT_EQ(0, ws_touch(split.at, true));
		ASSERT_EQ(1, ws_needed(self->fd)) {
			TH_LOG("after %d splits", i + 1);
		}
		munmap(split.at, HUGE_PAGE);
		ASSERT_EQ(0, map_aligned(self->fd, self->length, &self->map));
	}
}

static int store_far(void *data)
{
	HUGE *self = data;
	__u64 word = 77;

	ws_store(self->map + HUGE_PAGE, &word, 8);
	return ws_sync(self->fd) ? 2 : 0;
}

TEST_F(huge, c1_a_child_inherits_huge_pages)
{
	__u64 word = 0;

	faults_of_touching(self->map, self->length);
	EXPECT_EQ(0, ws_in_child(store_far, self));
	EXPECT_EQ(8, ws_pread(self->fd, &word, 8, HUGE_PAGE));
	EXPECT_EQ(77, word);
	EXPECT_EQ(0, ws_touch(self->map + HUGE_PAGE, true));
}

TEST_F(huge, c8_huge_pages_end_with_the_binding)
{
	faults_of_touching(self->map, self->length);
	ASSERT_EQ(0, ws_unbind(&self->dev));
	EXPECT_EQ(SIGBUS, ws_touch(self->map, true));
	EXPECT_EQ(SIGBUS, ws_touch(self->map + self->length - 8, false));
	ASSERT_EQ(0, ws_bind(&self->dev));
}

/* A window over 4 GiB, where 32 bits do not suffice. */

FIXTURE(far) {
	struct ws_dev dev;
	int fd;
	__u64 last;			/* the last page */
	__u8 *map;
	__u8 data[LENGTH];
};

#define FAR		FIXTURE_DATA(far)

FIXTURE_SETUP(far)
{
	WS_BEGIN(return, &self->dev, WS_NEED_POSTED | WS_NEED_PEER);
	if (self->dev.size <= 1ull << 32)
		SKIP(return, "the window is not over 4 GiB");
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->last = self->dev.size - PAGE;
	ws_fill(self->data, LENGTH, ws_now());
	ASSERT_EQ(0, fill_window(self->fd));
	ws_drain(&self->dev, WS_HOLD);
	ASSERT_EQ(0, ws_map(self->fd, self->last, PAGE, BOTH, &self->map));
}

FIXTURE_TEARDOWN(far)
{
	munmap(self->map, PAGE);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_far(struct __test_metadata *_metadata, FAR *self)
{
	__u64 at = self->dev.size - LENGTH;

	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(self->data, LENGTH),
		  ws_peer_crc(&self->dev, at, LENGTH));
	/* Not where the lower half of the offset leads. */
	EXPECT_NE(ws_crc(self->data, LENGTH),
		  ws_peer_crc(&self->dev, (__u32)at, LENGTH));
}

TEST_F(far, c1_stores_to_the_last_page_arrive)
{
	ws_store(self->map + PAGE - LENGTH, self->data, LENGTH);
	ASSERT_LT(0, ws_level(&self->dev));
	expect_far(_metadata, self);
}

TEST_F(far, c1_writes_to_the_last_page_arrive)
{
	__u8 back[LENGTH];
	__u64 at = self->dev.size - LENGTH;

	ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->data, LENGTH, at));
	ASSERT_LT(0, ws_level(&self->dev));
	expect_far(_metadata, self);
	EXPECT_EQ(LENGTH, ws_pread(self->fd, back, LENGTH, at));
	EXPECT_EQ(0, memcmp(self->data, back, LENGTH));
	EXPECT_EQ(0, memcmp(self->data, self->map + PAGE - LENGTH, LENGTH));
}

TEST_F(far, c7_the_window_ends_beyond_4_gib)
{
	__u64 size = self->dev.size;
	__u8 *map;

	EXPECT_EQ(-EINVAL, ws_map(self->fd, size, PAGE, BOTH, &map));
	EXPECT_EQ(-EINVAL, ws_map(self->fd, self->last, 2 * PAGE, BOTH, &map));
	EXPECT_EQ(-EINVAL, ws_map(self->fd, size + (1ull << 32), PAGE, BOTH,
				  &map));
	ASSERT_EQ(0, ws_map(self->fd, 0, size, BOTH, &map));
	ws_store(map + size - LENGTH, self->data, LENGTH);
	expect_far(_metadata, self);
	ASSERT_EQ(0, munmap(map, size));
}

TEST_HARNESS_MAIN

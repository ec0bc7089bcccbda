// SPDX-License-Identifier: GPL-2.0
/*
 * What happens while a thread is between two steps that take no time at all, or
 * when they take some: the module "pause" (see pause/pause.c) sees to it. On
 * kernels with CONFIG_KPROBES and CONFIG_FUNCTION_TRACER; scripts/test-races
 * builds the module and puts it beside this program.
 */
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LENGTH		64
#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)
#define WAIT		(ws_slow() * 5 * WS_S)
/* One of so many loads is not late, on any machine. */
#define SYNCS		200
/* For how long who has to wait is watched. */
#define WATCHED		(100 * WS_MS)
#define PARAMETERS	"/sys/module/pause/parameters/"

/* What the module's parameter "state" says. */
enum pause_state {
	PAUSE_NOBODY, PAUSE_HELD, PAUSE_OVER, PAUSE_LATE, PAUSE_NOT
};

/*
 * A process that has a page mapped to be read, and stores there. Another one, as
 * who is held keeps the lock of the address space. It tells step by step how far
 * it is, and does what it is asked for.
 */
struct writer {
	atomic_bool ready, store, stored, read, has_read;
	atomic_int signal;	/* that a store got; 0: none */
};

FIXTURE(races) {
	struct ws_dev dev;
	int fd;
	__u8 old[LENGTH];
	__u8 new[LENGTH];
	__u8 *map;		/* the writer's */
	pid_t pid;		/* of the writer */
	struct writer *writer;	/* shared with it */
	struct ws_freezer freezer;
	bool loaded;
};

#define RACES		FIXTURE_DATA(races)

/* Where the module is: beside this program. */
static int open_module(void)
{
	char path[PATH_MAX], module[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return -1;
	path[n] = '\0';
	snprintf(module, sizeof(module), "%s/pause.ko", dirname(path));
	return open(module, O_RDONLY | O_CLOEXEC);
}

static int unload(void)
{
	return syscall(SYS_delete_module, "pause", O_NONBLOCK) ? -errno : 0;
}

/* Return: 0; -ENOENT: it is not there, -ENOEXEC: it is another kernel's. */
static int load(const char *arguments)
{
	int fd = open_module();
	int ret;

	if (fd < 0)
		return -ENOENT;
	ret = syscall(SYS_finit_module, fd, arguments, 0) ? -errno : 0;
	close(fd);
	/* It is there, but not the function. */
	return ret == -ENOENT ? -ESRCH : ret;
}

static int paused(void)
{
	char text[16];

	if (ws_file(PARAMETERS "state", text, sizeof(text)))
		return -1;
	return atoi(text);
}

static bool wait_for(const atomic_bool *what)
{
	__u64 end = ws_now() + WAIT;

	while (!*what && ws_now() < end)
		ws_sleep(WS_MS);
	return *what;
}

static int wait_paused(void)
{
	__u64 end = ws_now() + WAIT;

	while (paused() == PAUSE_NOBODY && ws_now() < end)
		ws_sleep(WS_MS);
	return paused();
}

static void *read_when_asked(void *data)
{
	RACES *self = data;
	struct writer *writer = self->writer;

	ws_pin(0);
	if (wait_for(&writer->read) && !ws_touch(self->map, false))
		writer->has_read = true;
	return NULL;
}

static void write_when_asked(RACES *self)
{
	struct writer *writer = self->writer;
	pthread_t reader;

	if (ws_map(self->fd, 0, PAGE, BOTH, &self->map) ||
	    ws_touch(self->map, false) ||
	    pthread_create(&reader, NULL, read_when_asked, self))
		_exit(1);
	ws_pin(1);
	writer->ready = true;
	if (!wait_for(&writer->store))
		_exit(1);
	writer->signal = ws_try_store(self->map, self->new, LENGTH);
	writer->stored = true;
	/* As long as it lives, what it has mapped may be stored to. */
	pause();
	_exit(0);
}

FIXTURE_SETUP(races)
{
	WS_BEGIN(return, &self->dev,
		 WS_NEED_POSTED | WS_NEED_PEER | WS_NEED_CPUS);
	if (!ws_can_flr(&self->dev))
		SKIP(return, "the function offers no function-level reset");
	ws_fill(self->old, LENGTH, 1);
	ws_fill(self->new, LENGTH, 2);
	self->fd = ws_open_with(&self->dev, self->old, LENGTH);
	ASSERT_LE(0, self->fd);
	ws_catch_faults();
	self->writer = mmap(NULL, PAGE, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1,
			    0);
	ASSERT_NE(MAP_FAILED, self->writer);
	self->pid = fork();
	if (!self->pid)
		write_when_asked(self);
	ASSERT_LT(0, self->pid);
	ASSERT_TRUE(wait_for(&self->writer->ready));
	ws_pin(0);
}

FIXTURE_TEARDOWN(races)
{
	ws_write_file(PARAMETERS "release", "1");
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	if (self->pid > 0) {
		kill(self->pid, SIGKILL);
		EXPECT_EQ(self->pid, waitpid(self->pid, NULL, 0));
	}
	if (self->loaded)
		EXPECT_EQ(0, unload());
	munmap(self->writer, PAGE);
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* From now on, threads are held. */
static void hold(struct __test_metadata *_metadata, RACES *self,
		 const char *arguments)
{
	int ret = load(arguments);

	if (ret == -ENOENT || ret == -ENOEXEC)
		ws_skip(_metadata,
			"scripts/test-races has built no pause.ko for this kernel");
	if (ret == -EPERM)
		ws_skip(_metadata, "this kernel takes no module that is not signed");
	ASSERT_EQ(0, ret) {
		TH_LOG("pause.ko, %s: %s", arguments, strerror(-ret));
	}
	self->loaded = true;
}

/* It stores, and is held in the fault. */
static void store_and_hold(struct __test_metadata *_metadata, RACES *self,
			   const char *arguments)
{
	int state;

	hold(_metadata, self, arguments);
	self->writer->store = true;
	state = wait_paused();
	if (state == PAUSE_NOT)
		ws_skip(_metadata, "functions are probed with interrupts off");
	ASSERT_EQ(PAUSE_HELD, state);
}

static void go_on(struct __test_metadata *_metadata)
{
	ASSERT_EQ(PAUSE_HELD, paused()) {
		TH_LOG("it was not held for long enough");
	}
	ASSERT_EQ(0, ws_write_file(PARAMETERS "release", "1"));
}

/* It has stored, which is noticed: C1. */
static void expect_stored(struct __test_metadata *_metadata, RACES *self)
{
	ASSERT_TRUE(wait_for(&self->writer->stored));
	EXPECT_EQ(0, self->writer->signal);
	EXPECT_EQ(1, ws_needed(self->fd));
}

static void expect_arrives(struct __test_metadata *_metadata, RACES *self)
{
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_TRUE(ws_peer_sees(&self->dev, self->new, LENGTH));
}

TEST_F(races, c5_a_write_fault_waits_if_the_window_becomes_frozen)
{
	int ret;

	store_and_hold(_metadata, self, "function=writesync:ws_vm_mkwrite");
	ret = ws_freeze(&self->freezer, &self->dev);
	if (ret == -EBUSY)
		SKIP(return, "the machine is too busy to hold a reset open");
	ASSERT_EQ(0, ret);
	go_on(_metadata);
	ws_sleep(WATCHED);
	EXPECT_FALSE(self->writer->stored);
	EXPECT_TRUE(ws_is_state(&self->dev, "frozen"));
	EXPECT_EQ(0, ws_thaw(&self->freezer));
	expect_stored(_metadata, self);
	/* Nothing was unsynced when the device was reset. */
	expect_arrives(_metadata, self);
}

/*
 * The kernel makes a page writable after the driver has said that it may. By
 * then the window may have been reset, what was written through it forgotten,
 * and the page mapped again, to be read.
 */
TEST_F(races, c1_a_page_made_writable_during_a_reset_is_noticed)
{
	store_and_hold(_metadata, self,
		       "function=writesync:ws_vm_mkwrite at_return=1");
	ASSERT_EQ(0, ws_flr(&self->dev));
	self->writer->read = true;
	ASSERT_TRUE(wait_for(&self->writer->has_read));
	/* It might have stored before the reset. */
	EXPECT_EQ(-EIO, ws_sync(self->fd));
	EXPECT_EQ(0, ws_sync(self->fd));
	ws_drain(&self->dev, WS_HOLD);
	go_on(_metadata);
	expect_stored(_metadata, self);
	EXPECT_FALSE(ws_peer_sees(&self->dev, self->new, LENGTH));
	expect_arrives(_metadata, self);
}

/*
 * All-ones may be what a host bridge puts in place of an answer, if they took as
 * long as a completion time-out may be short: 50 us of the device. Here it is the
 * driver that takes longer, each time, and the device that does not.
 */
TEST_F(races, c4_the_drivers_time_is_not_the_devices)
{
	int believed = 0;
	int i;

	ASSERT_EQ(0, ws_set(&self->dev, "inline_sync", "always"));
	hold(_metadata, self, "function=writesync:ws_confirm delay_us=60");
	memset(self->new, 0xff, LENGTH);
	for (i = 0; i < SYNCS; i++) {
		struct writesync_sync sync = { .timeout_ns = 0 };

		ASSERT_EQ(LENGTH, ws_pwrite(self->fd, self->new, LENGTH, 0));
		ASSERT_EQ(0, ws_sync_call(self->fd, &sync));
		believed += sync.readbacks == 1;
	}
	EXPECT_EQ(PAUSE_OVER, paused());
	/* A busy machine may be late now and then, but not for each of them. */
	EXPECT_LT(0, believed);
}

TEST_HARNESS_MAIN

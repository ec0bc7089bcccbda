// SPDX-License-Identifier: GPL-2.0
/*
 * C8: the module cannot be unloaded as long as anything of it is open, whether
 * its device is there or not. Then it can, and be loaded again, while others
 * try to open.
 *
 * WRITESYNC_MODULE: the module's file (/ws/writesync.ko)
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define NAME		"writesync"
#define LOADED		"/sys/module/" NAME "/refcnt"
#define PAGE		4096
#define WORD		8
#define OPENERS		4
#define ROUNDS		5

static const char *module_path(void)
{
	const char *path = getenv("WRITESYNC_MODULE");

	return path && *path ? path : "/ws/writesync.ko";
}

static int load(void)
{
	int fd = open(module_path(), O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, NAME, O_NONBLOCK) ? -errno : 0;
}

/* What sysfs and others hold for a moment is no user. */
static int unload_soon(void)
{
	__u64 until = ws_now() + 10 * WS_S;
	int ret;

	while ((ret = unload()) == -EWOULDBLOCK && ws_now() < until)
		ws_sleep(WS_MS);
	return ret;
}

FIXTURE(unloading) {
	struct ws_dev dev;
};

#define UNLOADING	FIXTURE_DATA(unloading)

FIXTURE_SETUP(unloading)
{
	WS_BEGIN(return, &self->dev, 0);
	ASSERT_EQ(0, ws_ask(&self->dev, "unload"));
	if (access(module_path(), R_OK))
		SKIP(return, "there is no %s (set WRITESYNC_MODULE)",
		     module_path());
}

FIXTURE_TEARDOWN(unloading)
{
	if (access(LOADED, F_OK))
		EXPECT_EQ(0, load());
	if (access(self->dev.node, F_OK))
		EXPECT_EQ(0, ws_wait_window(&self->dev));
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* ---- what holds it: each takes a window's file over, and gives it up ---- */

struct holder {
	int fd;
	int other;
	__u8 *map;
	pid_t child;
};

static int hold_window(struct holder *h, int fd)
{
	h->fd = fd;
	return 0;
}

static int hold_region(struct holder *h, int fd)
{
	h->fd = ws_alloc(fd, PAGE);
	close(fd);
	return h->fd < 0 ? h->fd : 0;
}

static int hold_mapping(struct holder *h, int fd)
{
	int ret = ws_map(fd, 0, PAGE, PROT_READ | PROT_WRITE, &h->map);

	close(fd);
	return ret;
}

static int hold_in_child(struct holder *h, int fd)
{
	h->child = fork();
	if (!h->child)
		for (;;)
			pause();
	close(fd);
	return h->child < 0 ? -errno : 0;
}

/* Sent, not received. */
static int hold_in_message(struct holder *h, int fd)
{
	int ends[2];
	int ret;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends))
		return -errno;
	h->fd = ends[0];
	h->other = ends[1];
	ret = ws_send_fd(ends[0], fd);
	close(fd);
	return ret;
}

static void let_go(struct holder *h)
{
	if (h->fd >= 0)
		close(h->fd);
	if (h->other >= 0)
		close(h->other);
	if (h->map)
		munmap(h->map, PAGE);
	if (h->child) {
		kill(h->child, SIGKILL);
		waitpid(h->child, NULL, 0);
	}
}

static const struct {
	const char *name;
	int (*hold)(struct holder *h, int fd);
} ways[] = {
	{ "a window", hold_window },
	{ "a region", hold_region },
	{ "a mapping", hold_mapping },
	{ "a child's copy", hold_in_child },
	{ "a message", hold_in_message },
};

static bool works(const struct ws_dev *dev)
{
	int fd = ws_open(dev, O_RDWR);
	bool good;

	if (fd < 0)
		return false;
	good = ws_pwrite(fd, "a word..", WORD, 0) == WORD && !ws_sync(fd);
	close(fd);
	return good;
}

static int load_and_find(struct ws_dev *dev)
{
	int ret = load();

	return ret ? ret : ws_wait_window(dev);
}

static void expect_held(struct __test_metadata *_metadata, UNLOADING *self,
			size_t way, bool bound)
{
	struct holder h = { .fd = -1, .other = -1 };
	int fd = ws_open(&self->dev, O_RDWR);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ways[way].hold(&h, fd));
	if (!bound)
		ASSERT_EQ(0, ws_unbind(&self->dev));
	EXPECT_EQ(-EWOULDBLOCK, unload()) {
		TH_LOG("held by %s", ways[way].name);
	}
	/* It is as if nobody had tried. */
	if (bound)
		EXPECT_TRUE(works(&self->dev));
	let_go(&h);
	EXPECT_EQ(0, unload_soon()) {
		TH_LOG("no more held by %s", ways[way].name);
	}
	EXPECT_NE(0, access(LOADED, F_OK));
	EXPECT_NE(0, access(self->dev.node, F_OK));
	ASSERT_EQ(0, load_and_find(&self->dev));
	EXPECT_TRUE(works(&self->dev));
}

TEST_F_TIMEOUT(unloading, c8_whatever_is_open_keeps_the_module, 120)
{
	size_t way;

	for (way = 0; way < ARRAY_SIZE(ways); way++)
		expect_held(_metadata, self, way, true);
}

TEST_F_TIMEOUT(unloading, c8_without_a_device_it_keeps_it_too, 120)
{
	size_t way;

	for (way = 0; way < ARRAY_SIZE(ways); way++)
		expect_held(_metadata, self, way, false);
}

/* ---- opening meanwhile ---- */

struct opener {
	const struct ws_dev *dev;
	atomic_bool *stop;
	pthread_t thread;
	atomic_ulong worked;
	atomic_ulong absent;
	int other;		/* an error that nobody may get */
};

static void *keep_opening(void *data)
{
	struct opener *o = data;
	int fd, ret;

	while (!*o->stop && !o->other) {
		fd = ws_open(o->dev, O_RDWR);
		if (fd == -ENOENT || fd == -ENXIO || fd == -ENODEV) {
			o->absent++;
			ws_sleep(WS_MS);
			continue;
		}
		ret = fd < 0 ? fd : ws_pwrite(fd, "a word..", WORD, 0);
		ret = ret < 0 ? ret : ws_sync_for(fd, 10 * WS_S);
		if (!ret)
			o->worked++;
		else if (ret != -ENODEV)
			o->other = ret;
		if (fd >= 0)
			close(fd);
		/* Leave the others a gap to unload it in. */
		ws_sleep(2 * WS_MS);
	}
	return NULL;
}

static void wait_for_openers(struct opener *openers)
{
	__u64 until = ws_now() + 10 * WS_S;
	unsigned long goal;
	int i;

	for (i = 0; i < OPENERS; i++) {
		goal = openers[i].worked + 2;
		while (openers[i].worked < goal && ws_now() < until)
			ws_sleep(WS_MS);
	}
}

TEST_F_TIMEOUT(unloading, c8_opening_races_with_unloading, 120)
{
	struct opener openers[OPENERS] = { 0 };
	atomic_bool stop = false;
	int i, round;

	for (i = 0; i < OPENERS; i++) {
		openers[i].dev = &self->dev;
		openers[i].stop = &stop;
		ASSERT_EQ(0, pthread_create(&openers[i].thread, NULL,
					    keep_opening, &openers[i]));
	}
	for (round = 0; round < ROUNDS; round++) {
		wait_for_openers(openers);
		EXPECT_EQ(0, unload_soon());
		EXPECT_EQ(0, load_and_find(&self->dev));
	}
	wait_for_openers(openers);
	stop = true;
	for (i = 0; i < OPENERS; i++) {
		pthread_join(openers[i].thread, NULL);
		EXPECT_EQ(0, openers[i].other);
		EXPECT_LT(ROUNDS, openers[i].worked);
		EXPECT_LT(0, openers[i].absent);
	}
}

TEST_HARNESS_MAIN

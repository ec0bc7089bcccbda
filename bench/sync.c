// SPDX-License-Identifier: GPL-2.0
/* Syncs of one caller, and of many at the same time. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "bench.h"
#include "usual/usual.h"

#define TIME		(3 * WS_MS)
#define CROWD_TIME	(150 * WS_MS)
#define CROWD_MAX	64
#define LENGTH		64
#define LEAST		64	/* syncs that are timed */
#define STRIDE		256	/* a caller's place */

/* ---- one caller ---- */

struct caller {
	struct bench *b;
	int fd;
	__u8 data[LENGTH];
};

static void do_write(int fd, const void *data, size_t len, off_t at)
{
	ssize_t n = pwrite(fd, data, len, at);

	if (n != (ssize_t)len)
		die("pwrite", n < 0 ? errno : EIO);
}

static void do_sync(int fd)
{
	struct writesync_sync sync = { .size = sizeof(sync) };

	must("WRITESYNC", ioctl(fd, WRITESYNC_IOC_SYNC, &sync));
}

static void sync_only(void *data)
{
	do_sync(((struct caller *)data)->fd);
}

static void write_only(void *data)
{
	struct caller *c = data;

	do_write(c->fd, c->data, LENGTH, 0);
}

static void write_then_sync(void *data)
{
	write_only(data);
	sync_only(data);
}

static void write_then_fsync(void *data)
{
	write_only(data);
	must("fsync", fsync(((struct caller *)data)->fd));
}

static void write_and_sync(void *data)
{
	struct caller *c = data;
	struct writesync_iovec iov = {
		.base = (uintptr_t)c->data, .length = LENGTH,
	};
	struct writesync_write write = {
		.size = sizeof(write), .iov = (uintptr_t)&iov, .iov_count = 1,
		.flags = WRITESYNC_WRITE_AT | WRITESYNC_WRITE_SYNC,
	};

	must("WRITESYNC_IOC_WRITE", ioctl(c->fd, WRITESYNC_IOC_WRITE, &write));
}

static void usual_nothing(void *data)
{
	must("ioctl", ioctl(((struct caller *)data)->fd, USUAL_IOC_NOTHING));
}

static void usual_read(void *data)
{
	must("ioctl", ioctl(((struct caller *)data)->fd, USUAL_IOC_READ));
}

static void usual_flush(void *data)
{
	must("ioctl", ioctl(((struct caller *)data)->fd, USUAL_IOC_FLUSH));
}

static void usual_write_then_flush(void *data)
{
	write_only(data);
	usual_flush(data);
}

static const struct act {
	const char *figure, *peer;
	enum bench_driver driver;
	int flags;
	bool map;
	void (*act)(void *data);
} acts[] = {
	{ "clean_sync", "write", WRITESYNC, O_RDWR, false, sync_only },
	{ "write_64", "write", WRITESYNC, O_RDWR, false, write_only },
	{ "write_sync", "two_calls", WRITESYNC, O_RDWR, false,
	  write_then_sync },
	{ "write_sync", "fsync", WRITESYNC, O_RDWR, false, write_then_fsync },
	{ "write_sync", "one_call", WRITESYNC, O_RDWR, false, write_and_sync },
	{ "write_sync", "o_dsync", WRITESYNC, O_RDWR | O_DSYNC, false,
	  write_only },
	{ "write_sync", "two_calls_mapped", WRITESYNC, O_RDWR, true,
	  write_then_sync },
	{ "ioctl", "usual", USUAL, O_RDWR, false, usual_nothing },
	{ "ioctl_readl", "usual", USUAL, O_RDWR, false, usual_read },
	{ "ioctl_wmb_readl", "usual", USUAL, O_RDWR, false, usual_flush },
	{ "write_64", "usual", USUAL, O_RDWR, false, write_only },
	{ "write_sync", "usual", USUAL, O_RDWR, false,
	  usual_write_then_flush },
};

static int open_node(struct bench *b, enum bench_driver driver, int flags)
{
	int fd = driver == USUAL ? open("/dev/usual", flags | O_CLOEXEC) :
				   ws_open(&b->dev, flags);

	if (fd < 0)
		die("open", errno);
	return fd;
}

static void time_act(struct bench *b, const struct act *act)
{
	struct sample s = {
		.figure = act->figure, .peer = act->peer, .bytes = LENGTH,
	};
	struct caller c = { .b = b };
	struct ws_counters before;
	__u8 *map = NULL;

	c.fd = open_node(b, act->driver, act->flags);
	ws_fill(c.data, LENGTH, b->seed);
	if (act->map) {
		must("mmap", ws_map(c.fd, 0, getpagesize(), 3, &map));
		*(volatile __u8 *)map = 1;
	}
	act->act(&c);
	before = ws_count(&b->dev);
	measure(&s, act->act, &c, TIME);
	s.reads = ws_reads(before, ws_count(&b->dev));
	put_sample(b, &s);
	close(c.fd);
	if (map)
		munmap(map, getpagesize());
}

/* Only the sync is timed; before each, something was written. */
static void time_dirty_sync(struct bench *b, enum bench_driver driver)
{
	struct sample s = {
		.figure = "dirty_sync",
		.peer = driver == USUAL ? "usual" : "write",
	};
	struct caller c = { .b = b };
	struct ws_counters before;
	__u64 begun;

	c.fd = open_node(b, driver, O_RDWR);
	ws_fill(c.data, LENGTH, b->seed);
	before = ws_count(&b->dev);
	/* One that the machine held up is not to be all. */
	while (s.ns < TIME || s.ops < LEAST) {
		write_only(&c);
		begun = ws_now();
		if (driver == USUAL)
			usual_flush(&c);
		else
			do_sync(c.fd);
		s.ns += ws_now() - begun;
		s.ops++;
	}
	s.reads = ws_reads(before, ws_count(&b->dev));
	put_sample(b, &s);
	close(c.fd);
}

void bench_sync(struct bench *b)
{
	static const enum bench_driver drivers[] = { WRITESYNC, USUAL };
	size_t i, k;

	for (i = 0; i < COUNT(drivers); i++) {
		must("bind", bind_driver(b, drivers[i]));
		for (k = 0; k < COUNT(acts); k++)
			if (acts[k].driver == drivers[i])
				time_act(b, &acts[k]);
		time_dirty_sync(b, drivers[i]);
	}
	must("bind", bind_driver(b, WRITESYNC));
	progress(b, 1, 1);
}

/* ---- many callers ---- */

struct crowd {
	int fd;
	enum bench_driver driver;
	pthread_barrier_t begin;
	atomic_bool end;
	atomic_ullong ops;
};

struct member {
	struct crowd *crowd;
	unsigned int number;
	pthread_t thread;
};

static void *work(void *data)
{
	struct member *m = data;
	struct crowd *crowd = m->crowd;
	__u8 bytes[8];
	__u64 ops = 0;

	ws_fill(bytes, sizeof(bytes), m->number + 1);
	pthread_barrier_wait(&crowd->begin);
	for (; !crowd->end; ops++) {
		do_write(crowd->fd, bytes, sizeof(bytes), m->number * STRIDE);
		if (crowd->driver == USUAL)
			must("flush", ioctl(crowd->fd, USUAL_IOC_FLUSH));
		else
			do_sync(crowd->fd);
	}
	crowd->ops += ops;
	return NULL;
}

static void run_crowd(struct bench *b, struct crowd *crowd, struct sample *s)
{
	struct member members[CROWD_MAX];
	struct ws_counters before;
	__u64 begun, i;

	pthread_barrier_init(&crowd->begin, NULL, s->callers + 1);
	for (i = 0; i < s->callers; i++) {
		members[i] = (struct member) { .crowd = crowd, .number = i };
		if (pthread_create(&members[i].thread, NULL, work,
				   &members[i]))
			die("threads", EAGAIN);
	}
	before = ws_count(&b->dev);
	begun = ws_now();
	pthread_barrier_wait(&crowd->begin);
	ws_sleep(CROWD_TIME);
	crowd->end = true;
	for (i = 0; i < s->callers; i++)
		pthread_join(members[i].thread, NULL);
	s->ns = ws_now() - begun;
	s->ops = crowd->ops;
	s->reads = ws_reads(before, ws_count(&b->dev));
	pthread_barrier_destroy(&crowd->begin);
}

static void time_crowd(struct bench *b, enum bench_driver driver, __u64 callers,
		       __u64 read_ns)
{
	struct sample s = {
		.figure = "crowd", .callers = callers, .read_ns = read_ns,
		.peer = driver == USUAL ? "usual" : "write", .bytes = 8,
	};
	struct crowd crowd = { .driver = driver };

	crowd.fd = open_node(b, driver, O_RDWR);
	ws_slow_reads(&b->dev, read_ns);
	run_crowd(b, &crowd, &s);
	ws_fault(&b->dev, 0);
	put_sample(b, &s);
	close(crowd.fd);
}

void bench_threads(struct bench *b)
{
	static const __u64 read_ns[] = { 1000, 10000, 100000 };
	static const __u64 callers[] = { 1, 2, 4, 8, 16, 32, 64 };
	static const enum bench_driver drivers[] = { WRITESYNC, USUAL };
	size_t d, i, k;

	for (d = 0; d < COUNT(drivers); d++) {
		must("bind", bind_driver(b, drivers[d]));
		for (i = 0; i < COUNT(read_ns); i++)
			for (k = 0; k < COUNT(callers); k++)
				time_crowd(b, drivers[d], callers[k],
					   read_ns[i]);
		progress(b, d + 1, COUNT(drivers));
	}
	must("bind", bind_driver(b, WRITESYNC));
}

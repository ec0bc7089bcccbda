// SPDX-License-Identifier: GPL-2.0
/* Many windows, many regions, large windows; and what memory they take. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "bench.h"

#define WINDOWS		8
#define REGIONS		4096
#define TIME		(100 * WS_MS)
#define FILES		64
#define TRACING		"/sys/kernel/tracing/"

/* ---- memory: what the kernel's own events say of our allocations ---- */

static void trace_set(const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), TRACING "%s", file);
	must(path, ws_write_file(path, text));
}

static void trace_begin(void)
{
	/* Names of tasks: for them, the kernel would patch its scheduler. */
	trace_set("options/record-cmd", "0");
	trace_set("events/kmem/kmalloc/enable", "1");
	/* To be opened for truncation empties it. */
	close(open(TRACING "trace", O_WRONLY | O_TRUNC));
}

/* Bytes that functions of the module, or those named, asked for. */
static __u64 trace_end(const char *function)
{
	char line[1024], *site, *bytes;
	__u64 sum = 0;
	FILE *file;

	trace_set("events/kmem/kmalloc/enable", "0");
	file = fopen(TRACING "trace", "re");
	if (!file)
		die(TRACING "trace", errno);
	while (fgets(line, sizeof(line), file)) {
		site = strstr(line, "call_site=");
		bytes = strstr(line, "bytes_alloc=");
		if (site && bytes && strstr(site, function))
			sum += strtoull(bytes + strlen("bytes_alloc="), NULL,
					0);
	}
	fclose(file);
	return sum;
}

static void put_memory(struct bench *b, const char *of, __u64 bytes,
		       __u64 count, __u64 of_bytes)
{
	struct sample s = {
		.figure = "memory", .peer = of, .bytes = of_bytes,
		.ops = count, .value = bytes,
	};

	put_sample(b, &s);
}

static void measure_files(struct bench *b)
{
	int fds[FILES], i;

	trace_begin();
	for (i = 0; i < FILES; i++) {
		fds[i] = ws_open(&b->dev, O_RDWR);
		must("open", fds[i]);
	}
	put_memory(b, "file", trace_end("[writesync]"), FILES, 0);
	while (i--)
		close(fds[i]);
}

/* ---- regions ---- */

static int alloc(int fd)
{
	struct writesync_alloc alloc = { .size = sizeof(alloc), .length = 1 };

	must("WRITESYNC_IOC_ALLOC", ioctl(fd, WRITESYNC_IOC_ALLOC, &alloc));
	return alloc.fd;
}

static void ask_info(void *data)
{
	struct writesync_info info = { .size = sizeof(info) };

	must("WRITESYNC_IOC_INFO", ioctl(*(int *)data, WRITESYNC_IOC_INFO,
					 &info));
}

static void put_step(struct bench *b, const char *figure, __u64 count,
		     __u64 ops, __u64 ns)
{
	struct sample s = {
		.figure = figure, .peer = "region", .callers = count,
		.ops = ops, .ns = ns,
	};

	put_sample(b, &s);
}

/* With 1, 4, 16, ... of them there. */
static void time_regions(struct bench *b)
{
	int fd = ws_open(&b->dev, O_RDWR), fds[REGIONS];
	struct rlimit files = { REGIONS + 64, REGIONS + 64 };
	struct sample info = { .figure = "region_info", .peer = "region" };
	unsigned int count = 0, to, from;
	__u64 begun;

	must("open", fd);
	must("setrlimit", setrlimit(RLIMIT_NOFILE, &files));
	for (to = 1; to <= REGIONS; to *= 4) {
		from = count;
		begun = ws_now();
		for (; count < to; count++)
			fds[count] = alloc(fd);
		put_step(b, "region_alloc", to, to - from, ws_now() - begun);
		info.callers = to;
		measure(&info, ask_info, &fd, 2 * WS_MS);
		put_sample(b, &info);
	}
	for (to = REGIONS / 4; count; to /= 4) {
		from = count;
		begun = ws_now();
		while (count > to)
			close(fds[--count]);
		put_step(b, "region_free", from, from - to, ws_now() - begun);
	}
	trace_begin();
	for (; count < FILES; count++)
		fds[count] = alloc(fd);
	put_memory(b, "region", trace_end("[writesync]"), FILES, 0);
	while (count)
		close(fds[--count]);
	close(fd);
}

/* ---- large windows ---- */

/* What of the kernel's virtual memory a window's pool takes. */
static __u64 pool_bytes(void)
{
	char line[256];
	__u64 sum = 0, pages;
	FILE *file = fopen("/proc/vmallocinfo", "re");
	char *at;

	if (!file)
		die("/proc/vmallocinfo", errno);
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "gen_pool_add_owner") ?
		     strstr(line, "pages=") : NULL;
		if (at) {
			pages = strtoull(at + strlen("pages="), NULL, 10);
			sum += pages * getpagesize();
		}
	}
	fclose(file);
	return sum;
}

static void time_probe(struct bench *b)
{
	struct sample s = {
		.figure = "probe", .peer = "write", .bytes = b->dev.size,
		.ops = 1,
	};
	__u64 begun, with = pool_bytes();

	must("unbind", ws_unbind(&b->dev));
	with -= pool_bytes();
	trace_begin();
	begun = ws_now();
	must("bind", ws_bind(&b->dev));
	s.ns = ws_now() - begun;
	put_memory(b, "window", trace_end("[writesync]"), 1, b->dev.size);
	put_memory(b, "pool", with, 1, b->dev.size);
	put_sample(b, &s);
}

/* ---- many windows ---- */

struct user {
	int fd;
	pthread_t thread;
	atomic_bool *end;
	__u64 ops;
};

static void *use(void *data)
{
	struct writesync_sync sync = { .size = sizeof(sync) };
	struct user *u = data;

	for (u->ops = 0; !*u->end; u->ops++) {
		if (pwrite(u->fd, &u->ops, 8, 0) != 8)
			die("pwrite", errno);
		must("WRITESYNC", ioctl(u->fd, WRITESYNC_IOC_SYNC, &sync));
	}
	return NULL;
}

static void time_windows(struct bench *b, struct ws_dev *devs, unsigned int n)
{
	struct sample s = {
		.figure = "windows", .peer = "write", .callers = n,
	};
	struct user users[WINDOWS];
	atomic_bool end = false;
	unsigned int i;
	__u64 begun;

	for (i = 0; i < n; i++) {
		users[i].fd = ws_open(&devs[i], O_RDWR);
		users[i].end = &end;
		must("open", users[i].fd);
	}
	begun = ws_now();
	for (i = 0; i < n; i++)
		if (pthread_create(&users[i].thread, NULL, use, &users[i]))
			die("threads", EAGAIN);
	ws_sleep(TIME);
	end = true;
	for (i = 0; i < n; i++) {
		pthread_join(users[i].thread, NULL);
		s.ops += users[i].ops;
		close(users[i].fd);
	}
	s.ns = ws_now() - begun;
	put_sample(b, &s);
}

/* The machine's windows are of eight sizes. */
static unsigned int find_windows(struct ws_dev *devs)
{
	char node[32];
	unsigned int i;

	for (i = 0; i < WINDOWS; i++) {
		snprintf(node, sizeof(node), "/dev/writesync%u", i);
		setenv("WRITESYNC_DEVICE", node, 1);
		if (ws_begin(&devs[i], WS_NEED_INSTRUMENT) != WS_READY)
			break;
	}
	return i;
}

void bench_scale(struct bench *b)
{
	static struct ws_dev devs[WINDOWS];
	static unsigned int count;
	unsigned int i;

	if (!count)
		count = find_windows(devs);
	for (i = 1; i <= count; i *= 2)
		time_windows(b, devs, i);
	for (i = 0; i < count; i++) {
		b->dev = devs[i];
		time_probe(b);
		devs[i] = b->dev;
	}
	b->dev = devs[0];
	measure_files(b);
	for (i = 0; i < count; i++) {
		b->dev = devs[i];
		if (b->dev.size == (__u64)REGIONS * getpagesize())
			time_regions(b);
	}
	progress(b, 1, 1);
	b->dev = devs[0];
}

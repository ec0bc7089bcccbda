// SPDX-License-Identifier: GPL-2.0
/* How exact time-outs are, and how long removal takes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "bench.h"

#define WAITERS		64
/* How long the read in flight still takes, which removal waits for. */
#define COMPLETION	(10 * WS_MS)

static int sync_for(int fd, __u64 ns)
{
	struct writesync_sync sync = { .size = sizeof(sync), .timeout_ns = ns };

	return ioctl(fd, WRITESYNC_IOC_SYNC, &sync) ? -errno : 0;
}

static int open_unsynced(struct bench *b)
{
	int fd = ws_open(&b->dev, O_RDWR);

	must("open", fd);
	if (pwrite(fd, "unsynced", 8, 0) != 8)
		die("pwrite", errno);
	return fd;
}

/* On a device that answers nothing: what comes on top of what was asked. */
static void time_overshoot(struct bench *b, __u64 asked, unsigned int times)
{
	struct sample s = {
		.figure = "timeout", .peer = "write", .read_ns = asked,
		.ops = 1,
	};
	int fd = open_unsynced(b), ret;
	__u64 begun;

	ws_fault(&b->dev, WS_FAULT_STALL);
	while (times--) {
		begun = ws_now();
		ret = sync_for(fd, asked);
		s.ns = ws_now() - begun;
		s.value = s.ns - asked;
		if (ret != -ETIMEDOUT)
			die("a sync of a device that stalls", ret);
		put_sample(b, &s);
	}
	ws_fault(&b->dev, 0);
	must("WRITESYNC", sync_for(fd, 5 * WS_S));
	close(fd);
}

static void *wait_for_end(void *data)
{
	sync_for(*(int *)data, 60 * WS_S);
	return NULL;
}

static void time_removal(struct bench *b, unsigned int waiters)
{
	struct sample s = {
		.figure = "removal", .peer = "write", .callers = waiters,
		.ops = 1,
	};
	pthread_t threads[WAITERS];
	int fd = open_unsynced(b);
	unsigned int i;
	__u64 begun;

	ws_reg_write64(&b->dev, WS_EDU_COMPLETION_NS, COMPLETION);
	if (waiters)
		ws_fault(&b->dev, WS_FAULT_STALL);
	for (i = 0; i < waiters; i++)
		if (pthread_create(&threads[i], NULL, wait_for_end, &fd))
			die("threads", EAGAIN);
	ws_sleep(waiters ? 50 * WS_MS : 0);
	begun = ws_now();
	must("unbind", ws_unbind(&b->dev));
	s.ns = ws_now() - begun;
	for (i = 0; i < waiters; i++)
		pthread_join(threads[i], NULL);
	s.value = ws_now() - begun;
	close(fd);
	ws_fault(&b->dev, 0);
	put_sample(b, &s);
	must("bind", ws_bind(&b->dev));
}

void bench_time(struct bench *b)
{
	time_overshoot(b, WS_MS, 9);
	time_overshoot(b, 10 * WS_MS, 5);
	time_overshoot(b, 100 * WS_MS, 3);
	time_overshoot(b, WS_S, 1);
	time_removal(b, 0);
	time_removal(b, WAITERS);
	progress(b, 1, 1);
}

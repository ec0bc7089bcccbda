// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "kselftest.h"
#include "ws_traffic.h"

#define PAGE		4096
#define BOTH		(PROT_READ | PROT_WRITE)
#define PATIENCE	(60 * WS_S)	/* longer than any recovery takes */

/* The first one tells, and all stop. */
static int __printf(2, 3) fail(struct ws_user *u, const char *format, ...)
{
	struct ws_traffic *t = u->traffic;
	va_list args;
	int n;

	t->stop = true;
	if (atomic_flag_test_and_set(&t->told))
		return -EPROTO;
	n = snprintf(t->text, sizeof(t->text), "user %u, round %u: ", u->id,
		     u->round);
	va_start(args, format);
	vsnprintf(t->text + n, sizeof(t->text) - n, format, args);
	va_end(args);
	return -EPROTO;
}

/* What any call may say. 0: it succeeded; 1: it did not, go on. */
static int judge(struct ws_user *u, const char *call, long ret)
{
	if (ret >= 0)
		return 0;
	if (ret == -EINTR && u->traffic->suspends)
		return 1;
	if (ret == -ENODEV && u->traffic->mortal)
		return ret;
	return fail(u, "%s: %s", call, strerror(-ret));
}

/* ... and a sync: 0 only if everything before has arrived. */
static int judge_sync(struct ws_user *u, const char *call, int ret)
{
	if (ret != -EIO) {
		u->traffic->synced += !ret;
		return judge(u, call, ret);
	}
	u->traffic->lost++;
	u->told++;
	return 1;
}

static int judge_touch(struct ws_user *u, int sig)
{
	if (!sig)
		return 0;
	if (sig == SIGBUS && u->traffic->mortal)
		return -ENODEV;
	return fail(u, "signal %d", sig);
}

static int check(struct ws_user *u, const char *what, const __u8 *seen,
		 size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (seen[i] != u->data[i])
			return fail(u, "%s: 0x%02x instead of 0x%02x at %zu of %zu",
				    what, seen[i], u->data[i], i, length);
	return 0;
}

static int check_file(struct ws_user *u, const char *what, size_t length)
{
	ssize_t n = ws_pread(u->fd, u->seen, length, 0);
	int ret = judge(u, "pread()", n);

	if (ret)
		return ret;
	return check(u, what, u->seen, n);
}

/* ---- what the users do: 0 or 1, or why they end ---- */

static int write_and_sync(struct ws_user *u)
{
	size_t length = 64 + u->round % 1024;
	ssize_t n;
	int ret;

	ws_fill(u->data, length, u->round);
	n = ws_pwrite(u->fd, u->data, length, 0);
	ret = judge(u, "pwrite()", n);
	if (ret || n < (ssize_t)length)
		return ret;
	ret = judge_sync(u, "SYNC", ws_sync_for(u->fd, PATIENCE));
	return ret ? ret : check_file(u, "after SYNC", length);
}

static int write_synced(struct ws_user *u)
{
	ssize_t n;
	int ret;

	ws_fill(u->data, 64, u->round);
	n = ws_pwritev2(u->fd, u->data, 64, 0, RWF_DSYNC);
	ret = judge_sync(u, "RWF_DSYNC", n < 0 ? n : 0);
	return ret ? ret : check_file(u, "after RWF_DSYNC", n);
}

static int write_vectored(struct ws_user *u)
{
	struct writesync_iovec pieces[2] = {
		ws_piece(u->data, 8), ws_piece(u->data + 8, 504),
	};
	struct writesync_write write = ws_pieces_at(pieces, 2, 0);
	int ret;

	ws_fill(u->data, 512, u->round);
	write.flags |= WRITESYNC_WRITE_SYNC;
	write.timeout_ns = PATIENCE;
	ret = judge_sync(u, "WRITE", ws_write_call(u->fd, &write));
	return ret ? ret : check_file(u, "after WRITE", 512);
}

/* Whoever may not wait is told EAGAIN, and nothing else. */
static int sync_impatiently(struct ws_user *u)
{
	ssize_t n;
	int ret;

	if (!u->round)
		fcntl(u->fd, F_SETFL, O_NONBLOCK);
	ws_fill(u->data, 64, u->round);
	n = ws_pwrite(u->fd, u->data, 64, 0);
	ret = n == -EAGAIN ? 1 : judge(u, "nonblocking pwrite()", n);
	if (ret)
		return ret;
	do {
		ret = ws_sync(u->fd);
	} while (ret == -EAGAIN && !u->traffic->stop && !usleep(100));
	if (ret == -EAGAIN)
		return 1;
	ret = judge_sync(u, "nonblocking SYNC", ret);
	if (ret)
		return ret;
	n = ws_pread(u->fd, u->seen, 64, 0);
	ret = n == -EAGAIN ? 1 : judge(u, "nonblocking pread()", n);
	return ret ? ret : check(u, "after a nonblocking SYNC", u->seen, n);
}

/* Arrived long ago. */
static int read_old(struct ws_user *u)
{
	int ret = 1;

	if (!u->round)
		ws_fill(u->data, PAGE, u->id);
	while (!u->round && ret == 1) {
		ret = judge(u, "pwrite()", ws_pwrite(u->fd, u->data, PAGE, 0));
		if (!ret)
			ret = judge_sync(u, "SYNC",
					 ws_sync_for(u->fd, PATIENCE));
	}
	if (ret < 0)
		return ret;
	return check_file(u, "what was synced", 64 << u->round % 7);
}

/* Its own stores, in order: what it loads is the last one or an older one. */
static int use_map(struct ws_user *u)
{
	__u64 word = u->round + 1, back = 0;
	__u8 *at = u->map + 8 * (u->round % 512);
	int ret;

	ret = judge_touch(u, ws_try_store(u->map, &word, 8));
	if (ret)
		return ret;
	ret = judge_sync(u, "msync()",
			 msync(u->map, PAGE, MS_SYNC) ? -errno : 0);
	if (ret < 0)
		return ret;
	if (judge_touch(u, ws_try_load(u->map, &back, 8)))
		return -ENODEV;
	if (back > word || back < u->arrived || (!ret && back != word))
		return fail(u, "the mapping holds %llu after %llu was stored",
			    (unsigned long long)back, (unsigned long long)word);
	if (!ret)
		u->arrived = word;
	if (at == u->map || judge_touch(u, ws_try_load(at, &back, 8)))
		return 0;
	return back ? fail(u, "the mapping holds 0x%llx where nobody wrote",
			   (unsigned long long)back) : 0;
}

/* A new region holds no old bytes. */
static int take_region(struct ws_user *u)
{
	int fd = ws_alloc(u->fd, PAGE), ret;

	if (fd < 0)
		return judge(u, "ALLOC", fd);
	ret = judge_sync(u, "COMMIT", ws_commit(fd));
	if (!ret) {
		ret = judge(u, "pread()", ws_pread(fd, u->seen, PAGE, 0));
		if (!ret && !ws_all(u->seen, PAGE, 0))
			ret = fail(u, "a new region is not cleared");
	}
	ws_fill(u->data, PAGE, u->round);
	if (!ret)
		ret = judge(u, "pwrite()", ws_pwrite(fd, u->data, PAGE, 0));
	close(fd);
	/* Told to a file that is no more. */
	u->told = 0;
	return ret;
}

static int wait_for_news(struct ws_user *u)
{
	struct pollfd p = { .fd = u->fd, .events = POLLPRI };
	int n = poll(&p, 1, 50);

	if (n < 0)
		return judge(u, "poll()", -errno);
	if (n && p.revents != POLLPRI)
		return u->traffic->mortal ? -ENODEV :
		       fail(u, "poll() says 0x%x", p.revents);
	u->told += n;
	return 0;
}

static int (*const jobs[WS_TRAFFIC_USERS])(struct ws_user *u) = {
	write_and_sync, write_synced, write_vectored, sync_impatiently,
	read_old, use_map, take_region, wait_for_news,
};

/* ---- the users ---- */

static bool gone_for_good(struct ws_user *u)
{
	struct pollfd p = { .fd = u->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents == (POLLERR | POLLHUP);
}

static void *work(void *data)
{
	struct ws_user *u = data;
	struct ws_traffic *t = u->traffic;
	int ret = 0;

	while (!t->stop && ret >= 0) {
		ret = jobs[u->id](u);
		t->steps += !ret;
		u->round++;
	}
	if (ret == -ENODEV) {
		t->ends++;
		if (!gone_for_good(u))
			fail(u, "ENODEV, but poll() does not say so");
	}
	return NULL;
}

/* Regions come from the window; whoever takes some needs the window's file. */
static int prepare(struct ws_user *u)
{
	__u64 offset;
	int window = ws_open(u->traffic->dev, O_RDWR);

	u->fd = -1;
	if (window < 0)
		return window;
	if (jobs[u->id] == take_region) {
		u->fd = window;
		return 0;
	}
	u->fd = ws_region(window, PAGE, &offset);
	close(window);
	if (u->fd < 0)
		return u->fd;
	return ws_map(u->fd, 0, PAGE, BOTH, &u->map);
}

int ws_traffic_start(struct ws_traffic *traffic, const struct ws_dev *dev)
{
	unsigned int i;
	int ret;

	ws_catch_faults();
	traffic->dev = dev;
	atomic_flag_clear(&traffic->told);
	ret = ws_number(dev, "generation", &traffic->generation);
	for (i = 0; i < WS_TRAFFIC_USERS && !ret; i++) {
		traffic->users[i].traffic = traffic;
		traffic->users[i].id = i;
		ret = prepare(&traffic->users[i]);
	}
	for (i = 0; i < WS_TRAFFIC_USERS && !ret; i++) {
		ret = -pthread_create(&traffic->users[i].thread, NULL, work,
				      &traffic->users[i]);
		traffic->users[i].running = !ret;
	}
	return ret;
}

static void end(struct ws_user *u, __u64 losses)
{
	if (u->running)
		pthread_join(u->thread, NULL);
	if (u->running && u->told > losses)
		fail(u, "told %lu times of %llu losses", u->told,
		     (unsigned long long)losses);
	if (u->map)
		munmap(u->map, PAGE);
	if (u->traffic && u->fd >= 0)
		close(u->fd);
}

int ws_traffic_stop(struct ws_traffic *traffic)
{
	__u64 generation = traffic->generation;
	unsigned int i;

	traffic->stop = true;
	ws_number(traffic->dev, "generation", &generation);
	for (i = 0; i < WS_TRAFFIC_USERS; i++)
		end(&traffic->users[i], generation - traffic->generation);
	return traffic->text[0] ? -EPROTO : 0;
}

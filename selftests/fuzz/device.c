// SPDX-License-Identifier: GPL-2.0
/*
 * Steps about the device: the window's attributes, faults of the device, its
 * resets, another binding. All of it ends with the program, the faults sooner.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/time.h>
#include <linux/pci_regs.h>

#include "fuzz.h"

#define FAULT_TIME	(15 * WS_MS)
#define RESET_TIME	(100 * WS_MS)

/* ---- attributes ---- */

enum { CONFIRM, INLINE_SYNC, ACCESS_WIDTH, TIMEOUT_MS, SETTINGS };

const struct fz_name fz_settings[] = {
	{ "confirm", CONFIRM }, { "inline_sync", INLINE_SYNC },
	{ "access_width", ACCESS_WIDTH }, { "timeout_ms", TIMEOUT_MS }, {}
};

static const char * const values[] = {
	"0", "1", "2", "4", "8", "3", "16", "10", "100", "1000", "3600000",
	"3600001", "4294967296", "-1", "", "x", "1x", "window", "sentinel",
	"config", "pending", "auto", "always", "never", "window\n",
};

/* As words of the text format; its numbers are their places in the list. */
const struct fz_name fz_values[] = {
	{ "n0", 0 }, { "n1", 1 }, { "n2", 2 }, { "n4", 3 }, { "n8", 4 },
	{ "n3", 5 }, { "n16", 6 }, { "n10", 7 }, { "n100", 8 },
	{ "n1000", 9 }, { "hour", 10 }, { "overhour", 11 }, { "over32", 12 },
	{ "minus", 13 }, { "empty", 14 }, { "word", 15 }, { "mixed", 16 },
	{ "window", 17 }, { "sentinel", 18 }, { "config", 19 },
	{ "pending", 20 }, { "auto", 21 }, { "always", 22 }, { "never", 23 },
	{ "window+newline", 24 }, {}
};

/* A time-out that was ever set may be the one that a call goes by. */
static void note_time_out(struct fz_run *run, const char *value)
{
	__u64 ms = strtoull(value, NULL, 10);

	if (ms <= 3600000 && ms * WS_MS > run->timeout_ns)
		run->timeout_ns = ms * WS_MS;
}

FZ_ACT(set)
{
	if (args[0] >= SETTINGS || args[1] >= FZ_COUNT(values))
		return FZ_SKIPPED;
	run->settings = true;
	if (args[0] == TIMEOUT_MS)
		note_time_out(run, values[args[1]]);
	return ws_set(run->dev, fz_settings[args[0]].name, values[args[1]]);
}

const struct fz_name fz_attributes[] = {
	{ "bar", 0 }, { "size", 1 }, { "state", 2 }, { "confirm", 3 },
	{ "inline_sync", 4 }, { "access_width", 5 }, { "timeout_ms", 6 },
	{ "generation", 7 }, { "posted", 8 }, { "synced", 9 },
	{ "statistics/writes", 10 }, { "statistics/readbacks", 11 },
	{ "statistics/losses", 12 }, { "uevent", 13 }, { "latencies", 14 },
	{}
};

#define LATENCIES	14

FZ_ACT(get)
{
	char path[PATH_MAX], text[4096];

	if (args[0] > LATENCIES)
		return FZ_SKIPPED;
	if (args[0] < LATENCIES)
		return ws_get(run->dev, fz_attributes[args[0]].name, text,
			      sizeof(text));
	snprintf(path, sizeof(path),
		 "/sys/kernel/debug/writesync/%s/readback_ns", run->dev->name);
	return ws_file(path, text, sizeof(text));
}

/* ---- the device ---- */

enum {
	STALL, SLOW, DROP, RESET, DRAIN, DEPTH, HOLD, DEAD, DECODE_OFF,
	COMPLETION,
};

const struct fz_name fz_device_names[] = {
	{ "stall", STALL }, { "slow", SLOW }, { "drop", DROP },
	{ "reset", RESET }, { "drain", DRAIN }, { "depth", DEPTH },
	{ "hold", HOLD }, { "dead", DEAD }, { "decodeoff", DECODE_OFF },
	{ "completion", COMPLETION }, {}
};

static void set_fault(struct fz_run *run, __u32 fault)
{
	run->fault_until = ws_now() + FAULT_TIME;
	ws_fault(run->dev, fault);
}

FZ_ACT(device)
{
	const struct ws_dev *dev = run->dev;
	__u32 value = args[1];

	if (!dev->regs || run->program->confined)
		return FZ_SKIPPED;
	run->faults = true;
	switch (args[0]) {
	case STALL:
		set_fault(run, WS_FAULT_STALL);
		break;
	case SLOW:
		ws_reg_write64(dev, WS_EDU_READ_NS, value % (200 * WS_US));
		set_fault(run, WS_FAULT_SLOW_READ);
		break;
	case DROP:
		ws_reg_write(dev, WS_EDU_DROP_NTH, 1 + value % 64);
		set_fault(run, WS_FAULT_DROP);
		break;
	case RESET:
		ws_reg_write(dev, WS_EDU_CONTROL, WS_EDU_CONTROL_RESET);
		break;
	case DRAIN:
		ws_drain(dev, value % (20 * WS_US));
		break;
	case DEPTH:
		ws_reg_write(dev, WS_EDU_QUEUE_DEPTH, 1 + value % 256);
		break;
	case HOLD:
		ws_drain(dev, WS_HOLD);
		break;
	case COMPLETION:
		ws_reg_write64(dev, WS_EDU_COMPLETION_NS,
			       WS_EDU_COMPLETION_NS_MIN + value % WS_MS);
		break;
	case DEAD:
		if (dev->peer && !(value % 8))
			set_fault(run, WS_FAULT_DEAD);
		break;
	case DECODE_OFF:
		run->fault_until = ws_now() + FAULT_TIME / 4;
		return ws_decode(dev, false);
	default:
		return FZ_SKIPPED;
	}
	return 0;
}

/*
 * Also called from beside the program, while it runs and closes files: the
 * descriptor is none that it can close, nor get while it is in use here.
 */
void fz_fault_end(struct fz_run *run)
{
	__u16 command;

	ws_fault(run->dev, 0);
	if (pread(run->config, &command, 2, PCI_COMMAND) == 2 &&
	    !(command & PCI_COMMAND_MEMORY)) {
		command |= PCI_COMMAND_MEMORY;
		if (pwrite(run->config, &command, 2, PCI_COMMAND) != 2)
			perror("memory decoding stays off");
	}
	run->fault_until = 0;
}

FZ_ACT(flr)
{
	return run->program->confined || !ws_can_flr(run->dev) ? FZ_SKIPPED :
	       ws_flr(run->dev);
}

FZ_ACT(rebind)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int ret;

	if (run->program->confined)
		return FZ_SKIPPED;
	pthread_mutex_lock(&lock);
	ret = ws_rebind(run->dev);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* ---- time ---- */

FZ_ACT(alarm)
{
	__u64 us = args[0] / WS_US % 5000;
	struct itimerval timer = { .it_value.tv_usec = us ? us : 1 };

	run->timer = true;
	return fz_result(setitimer(ITIMER_REAL, &timer, NULL));
}

FZ_ACT(yield)
{
	if (args[0] % WS_MS)
		ws_sleep(args[0] % WS_MS);
	else
		sched_yield();
	return 0;
}

/* ---- afterwards ---- */

static FZ_ACT(restore_settings)
{
	ws_set(run->dev, "confirm", run->dev->prefetch ? "window" : "config");
	ws_set(run->dev, "inline_sync", "auto");
	ws_set(run->dev, "access_width", "0");
	ws_set(run->dev, "timeout_ms", "1000");
	return 0;
}

static FZ_ACT(bind_again)
{
	return access(run->dev->node, F_OK) ? ws_bind(run->dev) :
					      ws_rebind(run->dev);
}

void fz_device_reset(struct fz_run *run)
{
	struct itimerval none = {};

	if (run->timer)
		setitimer(ITIMER_REAL, &none, NULL);
	if (run->faults) {
		fz_fault_end(run);
		/* So are the queue and the delays as they were. */
		if (ws_own_reset(run->dev, RESET_TIME))
			ws_reg_write(run->dev, WS_EDU_IRQ_ACK,
				     WS_EDU_IRQ_RESET);
	}
	if (run->settings)
		fz_apart(fz_do_restore_settings, NULL);
	run->timer = false;
	run->faults = false;
	run->settings = false;
	run->timeout_ns = WS_S;
}

/* @fd, or -errno, under a number that no program has. */
static int out_of_reach(int fd)
{
	int own;

	if (fd < 0)
		return fd;
	own = fcntl(fd, F_DUPFD_CLOEXEC, FZ_FDS);
	if (own < 0)
		own = -errno;
	close(fd);
	return own;
}

static int reopen(struct fz_run *run)
{
	int fd = out_of_reach(ws_open(run->dev, O_RDWR));

	if (fd < 0)
		return fd;
	if (run->control >= 0)
		close(run->control);
	run->control = fd;
	return 0;
}

int fz_device_init(struct fz_run *run)
{
	char path[PATH_MAX + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/config", run->dev->pci);
	fd = open(path, O_RDWR | O_CLOEXEC);
	run->config = fd < 0 ? -errno : out_of_reach(fd);
	if (run->config < 0)
		return run->config;
	run->control = -1;
	return reopen(run);
}

/*
 * Our file's window is DEAD. A program may have bound the device again; else
 * we do. Then it is as new.
 */
int fz_revive(struct fz_run *run)
{
	int ret;

	fz_fault_end(run);
	if (!reopen(run))
		return 0;
	ret = fz_apart(fz_do_bind_again, NULL);
	return ret ? ret : reopen(run);
}

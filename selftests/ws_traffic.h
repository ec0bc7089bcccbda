/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Users at work while the device fails and comes back. Each is a thread with a
 * region of its own, and does one thing over and over; each knows what it may
 * be told then and what its region must hold:
 *
 *  - After a sync that said 0 the bytes are there, whatever was lost meanwhile.
 *  - Bytes that arrived before stay what they are.
 *  - A loss is told by EIO, to no file more often than there was a loss.
 *  - A mapping never holds anything but what was stored into it.
 *  - Nobody is told that the device is gone, unless it may go for good.
 *
 * The device must keep its memory over what happens to it; it may lose what is
 * posted.
 */
#ifndef WS_TRAFFIC_H
#define WS_TRAFFIC_H

#include <pthread.h>
#include <stdatomic.h>

#include "ws_test.h"

#define WS_TRAFFIC_USERS	8

struct ws_traffic {
	const struct ws_dev *dev;
	__u64 generation;		/* at the beginning */
	bool mortal;			/* the device may go for good */
	bool suspends;			/* calls may be interrupted */
	atomic_bool stop;
	atomic_flag told;
	char text[256];			/* what went wrong first, or empty */
	atomic_ulong synced;		/* syncs that said 0 ... */
	atomic_ulong lost;		/* ... and EIO */
	atomic_ulong steps;
	atomic_uint ends;		/* users that found the device gone */
	struct ws_user {
		struct ws_traffic *traffic;
		unsigned int id;
		pthread_t thread;
		bool running;
		int fd;			/* the region */
		__u8 *map;
		unsigned long told;	/* EIO */
		unsigned int round;
		__u64 arrived;		/* by the mapping, the last one */
		__u8 data[4096];
		__u8 seen[4096];
	} users[WS_TRAFFIC_USERS];
};

/* 0, or -errno; ws_traffic_stop() is due in either case. */
int ws_traffic_start(struct ws_traffic *traffic, const struct ws_dev *dev);
/* 0 if nothing went wrong; else @text says what did. */
int ws_traffic_stop(struct ws_traffic *traffic);

#endif /* WS_TRAFFIC_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <liburing.h>
#include <sys/uio.h>

#include "bench.h"

#define COPY_MAX	(16UL << 20)

/*
 * Where the memory mapped is, and where the source is. QEMU looks addresses up
 * in a table without ways: if a page of the source had its place where one of
 * the destination has it, each access to one would drive out the other. The
 * destination begins at a multiple of many pages, in the kernel too.
 */
#define MAP_AT		0x10000000000UL
#define SOURCE_AT	0x20000015000UL

/**
 * struct peer_state - a peer that is in use
 * @b: the run
 * @fd: of the device; -1 if there is none
 * @map: its memory, if it maps that
 * @at: where the memory begins in the file
 * @group: for vfio
 * @container: for vfio
 * @ring: for io_uring
 * @depth: of it; 0: there is none
 * @from: the bytes to copy
 * @bytes: how many
 * @offset: in the device's memory
 */
struct peer_state {
	struct bench *b;
	int fd;
	__u8 *map;
	__u64 at;
	int group, container;
	struct io_uring ring;
	unsigned int depth;
	const __u8 *from;
	size_t bytes;
	__u64 offset;
};

/**
 * struct peer - a way to copy into device memory
 * @name: in the report
 * @driver: of the device
 * @open: ends the program if it cannot
 * @copy: @bytes from @from to @offset
 * @sync: waits until that has arrived, if the peer can tell
 * @most: bytes of one copy; 0: COPY_MAX. More would take minutes.
 * @depth: it does as many copies at a time; 0: one
 */
struct peer {
	const char *name;
	enum bench_driver driver;
	void (*open)(struct peer_state *p);
	void (*copy)(struct peer_state *p);
	void (*sync)(struct peer_state *p);
	size_t most;
	unsigned int depth;
};

extern const struct peer peers[];
extern const unsigned int peer_count;

void peer_close(struct peer_state *p);

#endif /* BENCH_PEER_H */

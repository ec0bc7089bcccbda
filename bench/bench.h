/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A benchmark of writesync and of what people use in its place. Every figure is
 * one line of JSON; the report makes tables and plots of them.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>

#include "ws_test.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/**
 * struct sample - what was measured once
 * @figure: what; it and those below up to @read_ns say which series it is of
 * @peer: of whom
 * @bytes: of one operation
 * @offset: of the first byte, from a multiple of 64
 * @callers: threads, files or windows, as the figure says
 * @read_ns: how long the device takes to answer a read
 * @ops: how many operations there were
 * @ns: how long all of them took
 * @stores: of the device's counters, as seen by it
 * @store_bytes: ditto
 * @reads: ditto
 * @value: what else was measured, as the figure says
 */
struct sample {
	const char *figure;
	const char *peer;
	__u64 bytes, offset, callers, read_ns;
	__u64 ops, ns;
	__u64 stores, store_bytes, reads;
	__s64 value;
};

/**
 * struct bench - a run
 * @dev: the device under test
 * @rounds: how often everything is measured, in turns
 * @round: which one this is
 * @out: where the samples go
 * @seed: of the data
 */
struct bench {
	struct ws_dev dev;
	unsigned int rounds, round;
	FILE *out;
	__u64 seed;
};

/* These end the program if something fails: a figure that is not is worse. */
void die(const char *what, int error) __attribute__((noreturn));
void must(const char *what, long ret);

void put_sample(struct bench *b, const struct sample *s);
void progress(const struct bench *b, unsigned int done, unsigned int of);

/* @act does one operation; calls it for about @ns, and notes how often. */
void measure(struct sample *s, void (*act)(void *), void *data, __u64 ns);

/* Drivers of the device. */
enum bench_driver { NO_DRIVER, WRITESYNC, USUAL, UIO, VFIO, DRIVERS };

int bind_driver(struct bench *b, enum bench_driver driver);

/* The suites. */
void bench_copy(struct bench *b);
void bench_sync(struct bench *b);
void bench_threads(struct bench *b);
void bench_time(struct bench *b);
void bench_scale(struct bench *b);

#endif /* BENCH_H */

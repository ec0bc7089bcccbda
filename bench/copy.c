// SPDX-License-Identifier: GPL-2.0
/* Copying, in all sizes, by everybody; and flushing after it. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "peer.h"

#define TIME		(3 * WS_MS)
/* Into the queue of the virtual device each store costs as much as an exit. */
#define POSTED_MAX	(64UL << 10)
#define FLUSHES		64

static const struct {
	__u64 bytes, offset;
} copies[] = {
	{ 8, 0 }, { 64, 0 }, { 64, 3 }, { 512, 0 }, { 4096, 0 }, { 4096, 3 },
	{ 64 << 10, 0 }, { 1 << 20, 0 }, { 1 << 20, 3 }, { COPY_MAX, 0 },
};

struct copy {
	const struct peer *peer;
	struct peer_state state;
};

static void copy_once(void *data)
{
	struct copy *c = data;

	c->peer->copy(&c->state);
}

static void copy_all(struct bench *b, struct copy *c)
{
	size_t most = c->peer->most ? c->peer->most : COPY_MAX, i;
	bool posted = b->dev.features & WS_EDU_FEATURE_POSTED;

	if (posted && most > POSTED_MAX)
		most = POSTED_MAX;
	for (i = 0; i < COUNT(copies); i++) {
		struct sample s = {
			.figure = "copy", .peer = c->peer->name,
			.bytes = copies[i].bytes, .offset = copies[i].offset,
		};
		struct ws_counters before, after;

		if (s.bytes > most)
			continue;
		c->state.bytes = s.bytes;
		c->state.offset = s.offset;
		copy_once(c);
		before = ws_count(&b->dev);
		measure(&s, copy_once, c, TIME);
		after = ws_count(&b->dev);
		s.ops *= c->peer->depth ? c->peer->depth : 1;
		s.stores = ws_stores(before, after);
		s.store_bytes = after.store_bytes - before.store_bytes;
		s.reads = ws_reads(before, after);
		put_sample(b, &s);
	}
}

/* Only the flush is timed, and each is of bytes just written. */
static void flush_all(struct bench *b, struct copy *c)
{
	struct sample s = { .figure = "flush", .peer = c->peer->name };
	__u64 begun;

	if (!c->peer->sync)
		return;
	c->state.bytes = 8;
	c->state.offset = 0;
	for (; s.ops < FLUSHES; s.ops++) {
		c->peer->copy(&c->state);
		begun = ws_now();
		c->peer->sync(&c->state);
		s.ns += ws_now() - begun;
	}
	put_sample(b, &s);
}

static __u8 *source(struct bench *b)
{
	static __u8 *data;

	if (data)
		return data;
	data = mmap((void *)SOURCE_AT, COPY_MAX, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (data == MAP_FAILED)
		die("memory", errno);
	ws_fill(data, COPY_MAX, b->seed);
	return data;
}

static void copy_by(struct bench *b, const struct peer *peer)
{
	struct copy c = {
		.peer = peer,
		.state = {
			.b = b, .from = source(b), .depth = peer->depth,
		},
	};

	peer->open(&c.state);
	copy_all(b, &c);
	flush_all(b, &c);
	peer_close(&c.state);
}

void bench_copy(struct bench *b)
{
	enum bench_driver driver;
	unsigned int i;

	for (driver = 0; driver < DRIVERS; driver++) {
		must("bind", bind_driver(b, driver));
		for (i = 0; i < peer_count; i++)
			if (peers[i].driver == driver)
				copy_by(b, &peers[i]);
		progress(b, driver + 1, DRIVERS);
	}
	must("bind", bind_driver(b, WRITESYNC));
}

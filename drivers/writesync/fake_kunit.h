/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the tests: a device that answers as it is told, and threads that call
 * the flush engine.
 */
#ifndef WS_FAKE_KUNIT_H
#define WS_FAKE_KUNIT_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/prandom.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "flush.h"

#define WS_FAKE_CALLERS		6

/* A wake-up that gets lost ends as a time-out, not as a hang. */
#define WS_FAKE_PATIENCE_MS	20000

struct ws_fake;

/**
 * struct ws_caller - a thread that calls the engine when it is told
 * @fake: the device
 * @task: the thread
 * @go: it is told to run @run, or to stop
 * @ended: it has run it
 * @run: what to do
 * @stop: end the thread
 * @active: between @go and @ended; protected by ws_fake.lock
 * @client: an open file of its own
 * @sync: what it asks for, and what it gets
 * @quick: first it looks whether there is anything to wait for, as files do
 * @ret: what ws_flush_sync() returned
 */
struct ws_caller {
	struct ws_fake *fake;
	struct task_struct *task;
	struct completion go;
	struct completion ended;
	void (*run)(struct ws_caller *c);
	bool stop;
	bool active;
	struct ws_client client;
	struct ws_sync sync;
	bool quick;
	int ret;
};

/**
 * struct ws_fake_read - a readback, as the device saw it begin
 * @task: who reads
 * @mark: what was asked
 * @stored: stores that were in the queue, or had been
 * @fenced: all CPUs were fenced for it or for an earlier one
 */
struct ws_fake_read {
	struct task_struct *task;
	struct ws_mark mark;
	u64 stored;
	bool fenced;
};

/**
 * struct ws_fake - a device with a queue of posted stores
 * @test: where failures are reported
 * @what: named in failures: which part of the test it is
 * @priv: the test's own
 * @flush: the engine under test
 * @respond: how long a readback takes and what comes of it
 * @bound_ns: what it says to be its completion time-out
 * @serial: all threads share a CPU
 * @wait: woken when a readback is answered
 * @lock: protects all that follows
 * @stored: stores that have entered the queue
 * @returned: up to which one the writes that made them have returned
 * @arrived: up to which one they have left the queue
 * @begun: readbacks begun
 * @ended: readbacks ended
 * @read: the readback that began last
 * @reading: it has not been answered
 * @told: @answer and @mismatch are valid, and not yet taken
 * @answer: what the readback comes to
 * @mismatch: and it finds another word than was posted last
 * @released: nobody answers any more: readbacks fail at once
 * @exited: ws_flush_exit() has been called
 * @failed: something was not as it should be
 * @callers: threads
 */
struct ws_fake {
	struct kunit *test;
	char what[64];
	void *priv;
	struct ws_flush flush;
	int (*respond)(struct ws_fake *fake, struct ws_mark *mark);
	u64 bound_ns;
	bool serial;
	wait_queue_head_t wait;
	spinlock_t lock;	/* all that follows */
	u64 stored;
	u64 returned;
	u64 arrived;
	unsigned int begun;
	unsigned int ended;
	struct ws_fake_read read;
	bool reading;
	bool told;
	int answer;
	bool mismatch;
	bool released;
	bool exited;
	bool failed;
	struct ws_caller callers[WS_FAKE_CALLERS];
};

/* To be used from any thread; the test goes on. */
#define ws_fake_check(fake, condition, fmt, ...) do {			\
	struct ws_fake *_fake = (fake);					\
									\
	if (!(condition)) {						\
		WRITE_ONCE(_fake->failed, true);			\
		KUNIT_FAIL(_fake->test, "%s" fmt, _fake->what,		\
			   ##__VA_ARGS__);				\
	}								\
} while (0)

extern u32 ws_fake_seed;
int ws_fake_seed_say(struct kunit_suite *suite);

static inline u32 ws_fake_below(struct rnd_state *rnd, u32 n)
{
	return prandom_u32_state(rnd) % n;
}

static inline bool ws_fake_one_in(struct rnd_state *rnd, u32 n)
{
	return !ws_fake_below(rnd, n);
}

struct ws_fake *ws_fake_create(struct kunit *test);
void ws_fake_destroy(struct ws_fake *fake);
void ws_fake_serialize(struct ws_fake *fake);
void ws_fake_open(struct ws_fake *fake);
void ws_fake_close(struct ws_fake *fake);

int ws_fake_obey(struct ws_fake *fake, struct ws_mark *mark);
void ws_fake_tell(struct ws_fake *fake, int answer, bool mismatch);
bool ws_fake_reads(struct ws_fake *fake);
bool ws_fake_begins(struct ws_fake *fake, unsigned int n);
bool ws_fake_rests(struct ws_fake *fake);
void ws_fake_store(struct ws_fake *fake);
void ws_fake_post(struct ws_fake *fake, u64 generation);

void ws_caller_start(struct ws_caller *c, void (*run)(struct ws_caller *c));
bool ws_caller_ends(struct ws_caller *c);
bool ws_caller_active(struct ws_caller *c);
void ws_caller_sync(struct ws_caller *c);
void ws_caller_exit(struct ws_caller *c);

#endif /* WS_FAKE_KUNIT_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the flush engine: each order of events that matters, one by one.
 * Names begin with the clause of the contract that they are about.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "fake_kunit.h"

/* What the device fails with; the engine's own errors are others. */
#define WS_FAKE_FAILURE	(-EREMOTEIO)

static int ws_flush_test_init(struct kunit *test)
{
	ws_fake_open(ws_fake_create(test));
	return 0;
}

static void ws_flush_test_exit(struct kunit *test)
{
	if (!test->priv)
		return;
	ws_fake_close(test->priv);
	ws_fake_destroy(test->priv);
}

/* ---- words of the tests ---- */

static struct ws_flush *engine(struct kunit *test)
{
	struct ws_fake *fake = test->priv;

	return &fake->flush;
}

static void post(struct kunit *test)
{
	ws_fake_post(test->priv, ws_flush_generation(engine(test)));
}

/* A sync begins; on return it waits, or has ended. */
static struct ws_caller *call_for(struct kunit *test, struct ws_sync sync)
{
	struct ws_fake *fake = test->priv;
	struct ws_caller *c = fake->callers;

	while (ws_caller_active(c) || completion_done(&c->ended)) {
		c++;
		KUNIT_ASSERT_LT(test, c - fake->callers, WS_FAKE_CALLERS);
	}
	c->sync = sync;
	ws_caller_start(c, ws_caller_sync);
	ws_fake_rests(fake);
	return c;
}

static struct ws_caller *call(struct kunit *test)
{
	return call_for(test, (struct ws_sync) {});
}

static struct ws_caller *call_nonblock(struct kunit *test)
{
	return call_for(test, (struct ws_sync) { .limit.nonblock = true });
}

static struct ws_caller *call_verify(struct kunit *test)
{
	return call_for(test, (struct ws_sync) { .verify = true });
}

static struct ws_caller *call_until(struct kunit *test, ktime_t deadline)
{
	return call_for(test, (struct ws_sync) { .limit.deadline = deadline });
}

/* Time enough to begin whatever is begun, little enough to wait for. */
static ktime_t soon(void)
{
	return ktime_add_ms(ktime_get(), 50);
}

static void wait_until(ktime_t deadline)
{
	while (ktime_before(ktime_get(), deadline))
		usleep_range(100, 200);
}

static void send_signal(struct ws_caller *c)
{
	send_sig(SIGUSR1, c->task, 1);
}

static bool waits(struct ws_caller *c)
{
	return ws_caller_active(c);
}

/* What the sync comes to. */
static int result(struct ws_caller *c)
{
	if (!ws_caller_ends(c))
		return -ESTALE;
	ws_fake_rests(c->fake);
	return c->ret;
}

/* The device answers; on return nothing happens any more. */
static void answer_with(struct kunit *test, int ret, bool mismatch)
{
	struct ws_fake *fake = test->priv;

	KUNIT_ASSERT_TRUE(test, ws_fake_reads(fake));
	ws_fake_tell(fake, ret, mismatch);
	ws_fake_rests(fake);
}

static void answer(struct kunit *test, int ret)
{
	answer_with(test, ret, false);
}

static unsigned int begun(struct kunit *test)
{
	struct ws_fake *fake = test->priv;

	return READ_ONCE(fake->begun);
}

static bool reading(struct kunit *test)
{
	struct ws_fake *fake = test->priv;

	return READ_ONCE(fake->reading);
}

/* The readback that began last. */
static const struct ws_fake_read *last_read(struct kunit *test)
{
	struct ws_fake *fake = test->priv;

	return &fake->read;
}

static bool read_by_worker(struct kunit *test)
{
	return last_read(test)->task == engine(test)->worker->task;
}

static bool read_by(struct kunit *test, const struct ws_caller *c)
{
	return last_read(test)->task == c->task;
}

static u64 unsynced(struct kunit *test)
{
	u64 posted, synced;

	ws_flush_sequences(engine(test), &posted, &synced);
	return posted - synced;
}

static bool needed(struct kunit *test, const struct ws_caller *c)
{
	return ws_flush_needed(engine(test), &c->client);
}

static struct ws_caller *caller(struct kunit *test, unsigned int i)
{
	struct ws_fake *fake = test->priv;

	return &fake->callers[i];
}

static void set_policy(struct kunit *test, enum ws_inline policy)
{
	WRITE_ONCE(engine(test)->policy, policy);
}

/* ---- C1: when it returns 0, everything has arrived ---- */

static void c1_sync_waits_for_the_answer(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call(test);
	KUNIT_EXPECT_TRUE(test, waits(a));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, a->sync.synced, 1);
	KUNIT_EXPECT_EQ(test, a->sync.readbacks, 1);
	KUNIT_EXPECT_EQ(test, unsynced(test), 0);
}

static void c1_join_before_a_readback(struct kunit *test)
{
	struct ws_caller *a, *b, *c;

	post(test);
	a = call(test);
	post(test);
	b = call(test);
	c = call(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_TRUE(test, waits(b));
	KUNIT_EXPECT_TRUE(test, waits(c));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
	KUNIT_EXPECT_EQ(test, result(c), 0);
	KUNIT_EXPECT_EQ(test, begun(test), 2);
}

static void c1_join_during_a_readback_with_own_posts(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call(test);
	post(test);
	b = call(test);
	KUNIT_EXPECT_EQ(test, begun(test), 1);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, a->sync.synced, 1);
	KUNIT_EXPECT_TRUE(test, waits(b));
	KUNIT_EXPECT_EQ(test, begun(test), 2);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
	KUNIT_EXPECT_EQ(test, b->sync.synced, 2);
}

static void c1_join_after_a_readback(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	post(test);
	b = call(test);
	KUNIT_EXPECT_EQ(test, begun(test), 2);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
	KUNIT_EXPECT_EQ(test, last_read(test)->stored, 2);
}

static void c1_post_during_a_readback_is_not_covered(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call(test);
	post(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 1);
	KUNIT_EXPECT_TRUE(test, needed(test, a));
	a = call(test);
	KUNIT_EXPECT_TRUE(test, waits(a));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

static struct ws_caller *call_mapped(struct kunit *test)
{
	ws_fake_store(test->priv);
	return call_for(test, (struct ws_sync) { .mapped = true });
}

static void c1_mapped_sync_always_reads(struct kunit *test)
{
	struct ws_caller *a = call_mapped(test);

	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	a = call_mapped(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, begun(test), 2);
}

static void c1_mapped_sync_joins_no_earlier_readback(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call(test);
	b = call_mapped(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_TRUE(test, waits(b));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
}

static void c1_mapped_sync_fences_other_processors(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call(test);
	KUNIT_EXPECT_FALSE(test, last_read(test)->fenced);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	a = call_mapped(test);
	KUNIT_EXPECT_TRUE(test, last_read(test)->fenced);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(engine(test)->fence));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

static void c1_unmapping_fences_other_processors(struct kunit *test)
{
	struct ws_caller *a;

	/* Of whoever had it mapped: a kernel thread has no address space. */
	ws_flush_want_fence(engine(test), NULL);
	ws_flush_post_unknown(engine(test));
	a = call(test);
	KUNIT_EXPECT_TRUE(test, last_read(test)->fenced);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(engine(test)->fence));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

static void c1_store_of_unknown_value_is_unsynced(struct kunit *test)
{
	struct ws_caller *a;

	ws_fake_store(test->priv);
	ws_flush_post_unknown(engine(test));
	KUNIT_EXPECT_EQ(test, unsynced(test), 1);
	a = call(test);
	KUNIT_EXPECT_EQ(test, last_read(test)->mark.last.known, 0);
	KUNIT_EXPECT_EQ(test, last_read(test)->mark.witness.known, 0);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

/* ---- C2: no more than needed ---- */

static void c2_clean_sync_reads_nothing(struct kunit *test)
{
	struct ws_caller *a = call(test);

	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, begun(test), 0);
	post(test);
	a = call(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_FALSE(test, needed(test, a));
	a = call(test);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	a = call_verify(test);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, begun(test), 1);
}

static void c2_post_reads_nothing(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		post(test);
	ws_flush_post_unknown(engine(test));
	ws_fake_rests(test->priv);
	KUNIT_EXPECT_EQ(test, begun(test), 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 101);
}

static void c2_nobody_reads_again_what_was_confirmed(struct kunit *test)
{
	struct ws_caller *a, *b, *c;

	post(test);
	a = call(test);
	post(test);
	b = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(b), -EAGAIN);
	c = call(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(c), 0);
	KUNIT_EXPECT_FALSE(test, reading(test));
	KUNIT_EXPECT_EQ(test, begun(test), 2);
}

static void c2_comparison_of_what_was_confirmed_is_dropped(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call(test);
	b = call_for(test, (struct ws_sync) {
		.verify = true,
		.limit.nonblock = true,
	});
	KUNIT_EXPECT_EQ(test, result(b), -EAGAIN);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_FALSE(test, reading(test));
	KUNIT_EXPECT_EQ(test, begun(test), 1);
}

/* ---- C3: bounded ---- */

static void c3_time_out_while_the_device_is_silent(struct kunit *test)
{
	ktime_t deadline = soon();
	struct ws_caller *a;

	post(test);
	a = call_until(test, deadline);
	KUNIT_EXPECT_EQ(test, result(a), -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, ktime_get(), deadline);
	KUNIT_EXPECT_TRUE(test, reading(test));
	KUNIT_EXPECT_EQ(test, a->sync.readbacks, 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 1);
}

static void c3_time_out_of_who_waits_for_the_next_readback(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call(test);
	post(test);
	b = call_until(test, soon());
	KUNIT_EXPECT_EQ(test, result(b), -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, waits(a));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 1);
}

static void c3_abandoned_readback_is_not_started_twice(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call_until(test, soon());
	KUNIT_EXPECT_EQ(test, result(a), -ETIMEDOUT);
	b = call(test);
	post(test);
	a = call_until(test, soon());
	KUNIT_EXPECT_EQ(test, result(a), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, begun(test), 1);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
}

static void c3_late_answer_counts(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call_until(test, soon());
	KUNIT_EXPECT_EQ(test, result(a), -ETIMEDOUT);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 0);
	a = call(test);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, a->sync.synced, 1);
	KUNIT_EXPECT_EQ(test, begun(test), 1);
}

static void c3_late_answer_counts_for_what_it_covered(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call_until(test, soon());
	KUNIT_EXPECT_EQ(test, result(a), -ETIMEDOUT);
	post(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 1);
}

static void c3_late_failure_does_not_count(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call_until(test, soon());
	KUNIT_EXPECT_EQ(test, result(a), -ETIMEDOUT);
	answer(test, WS_FAKE_FAILURE);
	KUNIT_EXPECT_EQ(test, unsynced(test), 1);
	a = call(test);
	KUNIT_EXPECT_EQ(test, begun(test), 2);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

static void c3_late_failure_is_told_to_nonblock_once(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), -EAGAIN);
	answer(test, WS_FAKE_FAILURE);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), WS_FAKE_FAILURE);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), -EAGAIN);
	answer(test, WS_FAKE_FAILURE);
	/* What is posted now has not failed. */
	post(test);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), -EAGAIN);
}

static void c3_deadline_in_the_past_begins_a_readback(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call_until(test, ktime_sub_ms(ktime_get(), 1));
	KUNIT_EXPECT_EQ(test, result(a), -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, reading(test));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 0);
}

static void c3_no_deadline_waits_for_the_answer(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call_until(test, KTIME_MAX);
	KUNIT_EXPECT_TRUE(test, waits(a));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

/*
 * A caller that reads by itself, and whose time will be up soon. On a loaded
 * machine it may be up too soon: then with more time, once more.
 */
static struct ws_caller *call_reading(struct kunit *test, ktime_t *deadline)
{
	unsigned int ms = 50;
	struct ws_caller *a;

	set_policy(test, WS_INLINE_ALWAYS);
	for (;; ms *= 2) {
		post(test);
		*deadline = ktime_add_ms(ktime_get(), ms);
		a = call_until(test, *deadline);
		if (read_by(test, a) || ms > WS_FAKE_PATIENCE_MS)
			return a;
		answer(test, 0);
		result(a);
	}
}

static void c3_answer_after_the_deadline_counts(struct kunit *test)
{
	struct ws_caller *a;
	ktime_t deadline;

	a = call_reading(test, &deadline);
	wait_until(deadline);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

/*
 * The time is up, and the answer is there: it counts if it has reached the
 * caller's batch. That it was charged for the readback tells.
 */
static void expect_answer_or_time_out(struct kunit *test,
				      const struct ws_caller *a)
{
	if (a->ret != -ETIMEDOUT)
		KUNIT_EXPECT_EQ(test, a->ret, 0);
	KUNIT_EXPECT_EQ(test, a->sync.readbacks, a->ret ? 0 : 1);
	KUNIT_EXPECT_EQ(test, unsynced(test), 0);
}

/* The engine's lock is held until both sides have come for it. */
static void c3_answer_at_the_last_moment_counts(struct kunit *test)
{
	struct ws_flush *f = engine(test);
	struct ws_fake *fake = test->priv;
	ktime_t deadline = soon();
	struct ws_caller *a;

	if (num_online_cpus() < 3)
		kunit_skip(test, "three processors are needed");
	post(test);
	a = call_until(test, deadline);
	spin_lock(&f->lock);
	ws_fake_tell(fake, 0, false);
	while (ktime_before(ktime_get(), ktime_add_ms(deadline, 5)))
		cpu_relax();
	spin_unlock(&f->lock);
	result(a);
	expect_answer_or_time_out(test, a);
}

#define WS_RACE_ROUNDS	300

static int ws_fake_slow(struct ws_fake *fake, struct ws_mark *mark)
{
	usleep_range(1000, 1001);
	return 0;
}

/* The time-out goes where it is as long as what the readback takes. */
static void c3_answer_races_the_time_out(struct kunit *test)
{
	unsigned int i, in_time = 0, us = 2000;
	struct ws_fake *fake = test->priv;
	struct ws_caller *a;

	fake->respond = ws_fake_slow;
	for (i = 0; i < WS_RACE_ROUNDS; i++) {
		post(test);
		a = call_until(test, ktime_add_us(ktime_get(), us));
		if (!result(a)) {
			in_time++;
			us -= min(us, 50U);
		} else {
			us += 50;
		}
		expect_answer_or_time_out(test, a);
	}
	KUNIT_EXPECT_EQ(test, begun(test), WS_RACE_ROUNDS);
	KUNIT_EXPECT_GT(test, in_time, 0);
	KUNIT_EXPECT_LT(test, in_time, WS_RACE_ROUNDS);
}

static void c3_no_answer_is_asked_for_again(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call(test);
	KUNIT_EXPECT_FALSE(test, last_read(test)->mark.retry);
	answer(test, -EAGAIN);
	KUNIT_EXPECT_TRUE(test, waits(a));
	KUNIT_EXPECT_TRUE(test, last_read(test)->mark.retry);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, a->sync.readbacks, 2);
	KUNIT_EXPECT_EQ(test, begun(test), 2);
	post(test);
	a = call(test);
	KUNIT_EXPECT_FALSE(test, last_read(test)->mark.retry);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

static void c3_no_answer_then_one_for_all(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call(test);
	post(test);
	b = call(test);
	answer(test, -EAGAIN);
	/* Now both are served by one, and the first one pays. */
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
	KUNIT_EXPECT_EQ(test, a->sync.readbacks, 2);
	KUNIT_EXPECT_EQ(test, b->sync.readbacks, 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 0);
}

static void c3_frozen_device_is_no_readback(struct kunit *test)
{
	struct ws_stats stats;
	struct ws_caller *a;

	post(test);
	a = call(test);
	answer(test, -EBUSY);
	KUNIT_EXPECT_TRUE(test, waits(a));
	KUNIT_EXPECT_FALSE(test, last_read(test)->mark.retry);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, a->sync.readbacks, 1);
	ws_flush_stats(engine(test), &stats);
	KUNIT_EXPECT_EQ(test, stats.readbacks, 1);
}

static int ws_fake_never(struct ws_fake *fake, struct ws_mark *mark)
{
	return -EAGAIN;
}

static void c3_asks_again_until_the_time_is_up(struct kunit *test)
{
	struct ws_fake *fake = test->priv;
	ktime_t deadline = ktime_add_ms(ktime_get(), 500);

	fake->respond = ws_fake_never;
	post(test);
	fake->callers[0].sync.limit.deadline = deadline;
	ws_caller_start(&fake->callers[0], ws_caller_sync);
	KUNIT_ASSERT_TRUE(test, ws_caller_ends(&fake->callers[0]));
	KUNIT_EXPECT_EQ(test, fake->callers[0].ret, -ETIMEDOUT);
	KUNIT_EXPECT_GE(test, ktime_get(), deadline);
	KUNIT_EXPECT_GT(test, begun(test), 1);
}

static void c3_expired_leader_hands_over(struct kunit *test)
{
	struct ws_caller *a, *b;
	ktime_t deadline;

	a = call_reading(test, &deadline);
	KUNIT_EXPECT_TRUE(test, read_by(test, a));
	post(test);
	b = call(test);
	wait_until(deadline);
	answer(test, -EAGAIN);
	KUNIT_EXPECT_EQ(test, result(a), -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, waits(b));
	KUNIT_EXPECT_TRUE(test, read_by_worker(test));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
}

static void c3_nonblock_begins_a_readback(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, reading(test));
	KUNIT_EXPECT_TRUE(test, read_by_worker(test));
	answer(test, 0);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, begun(test), 1);
}

static void c3_nonblock_begins_none_if_one_covers_it(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call(test);
	b = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(b), -EAGAIN);
	answer(test, WS_FAKE_FAILURE);
	KUNIT_EXPECT_EQ(test, result(a), WS_FAKE_FAILURE);
	KUNIT_EXPECT_FALSE(test, reading(test));
}

static void c3_nonblock_begins_the_next_readback(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call(test);
	post(test);
	b = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(b), -EAGAIN);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_TRUE(test, reading(test));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 0);
}

static void c3_nonblock_begins_the_next_after_a_caller(struct kunit *test)
{
	struct ws_caller *a, *b;

	set_policy(test, WS_INLINE_ALWAYS);
	post(test);
	a = call(test);
	post(test);
	b = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(b), -EAGAIN);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_TRUE(test, reading(test));
	KUNIT_EXPECT_TRUE(test, read_by_worker(test));
}

static void c3_nonblock_leader_hands_over(struct kunit *test)
{
	struct ws_caller *a, *b;

	set_policy(test, WS_INLINE_ALWAYS);
	post(test);
	a = call_nonblock(test);
	KUNIT_EXPECT_TRUE(test, read_by(test, a));
	post(test);
	b = call(test);
	answer(test, -EAGAIN);
	KUNIT_EXPECT_EQ(test, result(a), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, read_by(test, b));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
	KUNIT_EXPECT_FALSE(test, reading(test));
}

/* ---- who reads ---- */

/**
 * struct ws_who - a row of c3_who_reads()
 * @name: of the case
 * @policy: the setting
 * @bound_ms: the device's completion time-out
 * @left_ms: the caller's time
 * @sync: the caller
 * @inlined: it reads by itself
 */
struct ws_who {
	const char *name;
	enum ws_inline policy;
	unsigned int bound_ms;
	unsigned int left_ms;
	struct ws_sync sync;
	bool inlined;
};

static const struct ws_who ws_who[] = {
	{ "bounded", WS_INLINE_AUTO, 50, 60000, {}, true },
	{ "unbounded", WS_INLINE_AUTO, 0, 60000, {}, false },
	{ "bound above 50 ms", WS_INLINE_AUTO, 51, 60000, {}, false },
	{ "bound above the time left", WS_INLINE_AUTO, 50, 49, {}, false },
	{ "comparison", WS_INLINE_AUTO, 50, 60000, { .verify = true }, false },
	{ "mapping", WS_INLINE_AUTO, 50, 60000, { .mapped = true }, false },
	{ "nonblock", WS_INLINE_AUTO, 50, 60000,
	  { .limit.nonblock = true }, true },
	{ "nonblock, unbounded", WS_INLINE_AUTO, 0, 60000,
	  { .limit.nonblock = true }, false },
	{ "nonblock, mapping", WS_INLINE_AUTO, 50, 60000,
	  { .limit.nonblock = true, .mapped = true }, true },
	{ "always", WS_INLINE_ALWAYS, 50, 60000, {}, true },
	{ "always, unbounded", WS_INLINE_ALWAYS, 0, 60000, {}, true },
	{ "always, comparison", WS_INLINE_ALWAYS, 0, 60000,
	  { .verify = true }, true },
	{ "always, no time left", WS_INLINE_ALWAYS, 50, 0, {}, false },
	{ "never", WS_INLINE_NEVER, 50, 60000, {}, false },
	{ "never, nonblock", WS_INLINE_NEVER, 50, 60000,
	  { .limit.nonblock = true }, false },
};

KUNIT_ARRAY_PARAM_DESC(ws_who, ws_who, name);

static void c3_who_reads(struct kunit *test)
{
	const struct ws_who *who = test->param_value;
	struct ws_fake *fake = test->priv;
	struct ws_sync sync = who->sync;
	struct ws_caller *a;

	fake->bound_ns = who->bound_ms * NSEC_PER_MSEC;
	set_policy(test, who->policy);
	post(test);
	sync.limit.deadline = ktime_add_ms(ktime_get(), who->left_ms);
	a = call_for(test, sync);
	KUNIT_EXPECT_TRUE(test, reading(test));
	KUNIT_EXPECT_EQ(test, read_by(test, a), who->inlined);
	KUNIT_EXPECT_EQ(test, last_read(test)->mark.single, who->inlined);
	KUNIT_EXPECT_EQ(test, last_read(test)->mark.verify, sync.verify);
}

static void c3_device_that_does_not_answer_is_the_workers(struct kunit *test)
{
	struct ws_fake *fake = test->priv;
	struct ws_caller *a;

	fake->bound_ns = NSEC_PER_MSEC;
	set_policy(test, WS_INLINE_AUTO);
	post(test);
	a = call(test);
	KUNIT_EXPECT_TRUE(test, read_by(test, a));
	answer(test, -EAGAIN);
	KUNIT_EXPECT_TRUE(test, read_by_worker(test));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	post(test);
	a = call(test);
	KUNIT_EXPECT_TRUE(test, read_by(test, a));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

/* ---- C4: honest ---- */

static void c4_failure_concerns_its_batch_only(struct kunit *test)
{
	struct ws_caller *a, *b, *c;

	post(test);
	a = call(test);
	b = call(test);
	post(test);
	c = call(test);
	answer(test, WS_FAKE_FAILURE);
	KUNIT_EXPECT_EQ(test, result(a), WS_FAKE_FAILURE);
	KUNIT_EXPECT_EQ(test, result(b), WS_FAKE_FAILURE);
	KUNIT_EXPECT_TRUE(test, waits(c));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(c), 0);
}

static void c4_failure_concerns_nobody_later(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call(test);
	answer(test, WS_FAKE_FAILURE);
	KUNIT_EXPECT_EQ(test, result(a), WS_FAKE_FAILURE);
	KUNIT_EXPECT_EQ(test, a->sync.synced, 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 1);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), -EAGAIN);
	answer(test, 0);
	a = call(test);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

static void c4_mismatch_concerns_those_who_compare(struct kunit *test)
{
	struct ws_caller *a, *b, *c;

	post(test);
	a = call(test);
	post(test);
	b = call(test);
	c = call_verify(test);
	KUNIT_EXPECT_FALSE(test, last_read(test)->mark.verify);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_TRUE(test, last_read(test)->mark.verify);
	answer_with(test, 0, true);
	KUNIT_EXPECT_EQ(test, result(c), -EIO);
	KUNIT_EXPECT_EQ(test, unsynced(test), 1);
	KUNIT_EXPECT_EQ(test, result(b), 0);
}

static void c4_comparison_joins_no_earlier_readback(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call(test);
	b = call_verify(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_TRUE(test, waits(b));
	KUNIT_EXPECT_TRUE(test, last_read(test)->mark.verify);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
	post(test);
	a = call(test);
	KUNIT_EXPECT_FALSE(test, last_read(test)->mark.verify);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

static void c4_late_mismatch_is_told_to_who_compares(struct kunit *test)
{
	const struct ws_sync sync = {
		.verify = true,
		.limit.nonblock = true,
	};
	struct ws_caller *a;

	post(test);
	a = call_for(test, sync);
	KUNIT_EXPECT_EQ(test, result(a), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, last_read(test)->mark.verify);
	answer_with(test, 0, true);
	KUNIT_EXPECT_EQ(test, unsynced(test), 1);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), -EAGAIN);
	a = call_for(test, sync);
	KUNIT_EXPECT_EQ(test, result(a), -EIO);
	a = call_for(test, sync);
	KUNIT_EXPECT_EQ(test, result(a), -EAGAIN);
}

static void c4_dead_window_is_not_clean(struct kunit *test)
{
	struct ws_caller *a;

	ws_flush_kill(engine(test), -ENODEV);
	a = call(test);
	KUNIT_EXPECT_EQ(test, result(a), -ENODEV);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), -ENODEV);
	KUNIT_EXPECT_EQ(test, begun(test), 0);
}

/* A word at @offset of which all bytes are @value; @known of them are known. */
static void post_word(struct kunit *test, u64 last, u8 value, u8 known, u64 len)
{
	struct ws_word word = { .last = last, .known = known };

	memset(word.bytes, value, sizeof(word.bytes));
	ws_flush_post(engine(test), &word, len, WS_POST_WRITE, 0);
}

/* All-ones say nothing, so an older word has to do, if it is still there. */
static void c4_witness_is_the_last_word_but_all_ones(struct kunit *test)
{
	const struct ws_mark *mark = &last_read(test)->mark;

	post_word(test, 15, 0x5a, 0xff, 8);
	post_word(test, 31, 0xff, 0xff, 8);
	call_until(test, 1);
	KUNIT_EXPECT_EQ(test, mark->last.last, 31);
	KUNIT_EXPECT_EQ(test, mark->last.bytes[0], 0xff);
	KUNIT_EXPECT_EQ(test, mark->witness.last, 8);
	KUNIT_EXPECT_EQ(test, mark->witness.known, 0xff);
	KUNIT_EXPECT_EQ(test, mark->witness.bytes[0], 0x5a);
}

static void c4_witness_in_a_part_of_a_word(struct kunit *test)
{
	const struct ws_mark *mark = &last_read(test)->mark;

	post_word(test, 12, 0x5a, 0x18, 2);
	post_word(test, 31, 0, 0, 8);
	call_until(test, 1);
	KUNIT_EXPECT_EQ(test, mark->last.known, 0);
	KUNIT_EXPECT_EQ(test, mark->witness.last, 8 + 3);
	KUNIT_EXPECT_EQ(test, mark->witness.known, 0x18);
}

static void c4_witness_that_was_overwritten_is_none(struct kunit *test)
{
	const struct ws_mark *mark = &last_read(test)->mark;

	post_word(test, 15, 0x5a, 0xff, 8);
	post_word(test, 8, 0xff, 0x01, 1);
	call_until(test, 1);
	KUNIT_EXPECT_EQ(test, mark->witness.known, 0);
}

static void c4_witness_inside_of_a_long_write_is_none(struct kunit *test)
{
	const struct ws_mark *mark = &last_read(test)->mark;

	post_word(test, 4095, 0x5a, 0xff, 8);
	post_word(test, 8191, 0xff, 0xff, 8192);
	call_until(test, 1);
	KUNIT_EXPECT_EQ(test, mark->witness.known, 0);
}

static void c4_witness_beside_a_write_stays(struct kunit *test)
{
	const struct ws_mark *mark = &last_read(test)->mark;

	post_word(test, 4095, 0x5a, 0xff, 8);
	post_word(test, 4087, 0xff, 0xff, 4088);
	post_word(test, 4103, 0xff, 0xff, 8);
	call_until(test, 1);
	KUNIT_EXPECT_EQ(test, mark->witness.known, 0xff);
	KUNIT_EXPECT_EQ(test, mark->witness.last, 4088);
}

/* ---- C5: sticky loss ---- */

static void lose(struct kunit *test)
{
	ws_flush_lose(engine(test), false);
}

/* One sync with a client, to the end; the device agrees. */
static int sync_of(struct kunit *test, struct ws_caller *owner)
{
	struct ws_caller *a;

	a = call_for(test, (struct ws_sync) { .client = &owner->client });
	if (waits(a))
		answer(test, 0);
	return result(a);
}

static void c5_loss_is_told_once_to_each_client(struct kunit *test)
{
	unsigned int i;

	post(test);
	lose(test);
	for (i = 0; i < WS_FAKE_CALLERS; i++) {
		KUNIT_EXPECT_TRUE(test, needed(test, caller(test, i)));
		KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, i)), -EIO);
	}
	KUNIT_EXPECT_EQ(test, begun(test), 0);
	for (i = 0; i < WS_FAKE_CALLERS; i++)
		KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, i)), 0);
	KUNIT_EXPECT_EQ(test, begun(test), 1);
	KUNIT_EXPECT_FALSE(test, needed(test, caller(test, 0)));
}

static void c5_later_client_is_not_told(struct kunit *test)
{
	post(test);
	lose(test);
	ws_flush_add_client(engine(test), &caller(test, 1)->client);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 1)), 0);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), -EIO);
}

static void c5_loss_of_what_had_arrived_is_silent(struct kunit *test)
{
	struct ws_stats stats;

	post(test);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), 0);
	KUNIT_EXPECT_EQ(test, ws_flush_lose(engine(test), false), 1);
	KUNIT_EXPECT_EQ(test, ws_flush_generation(engine(test)), 1);
	KUNIT_EXPECT_FALSE(test, needed(test, caller(test, 0)));
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), 0);
	ws_flush_stats(engine(test), &stats);
	KUNIT_EXPECT_EQ(test, stats.losses, 0);
}

static void c5_loss_through_a_mapping_is_always_told(struct kunit *test)
{
	ws_flush_lose(engine(test), true);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), -EIO);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), 0);
}

static void c5_lost_bytes_are_lost_once(struct kunit *test)
{
	struct ws_stats stats;

	post(test);
	lose(test);
	lose(test);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), -EIO);
	lose(test);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), 0);
	KUNIT_EXPECT_EQ(test, ws_flush_generation(engine(test)), 3);
	ws_flush_stats(engine(test), &stats);
	KUNIT_EXPECT_EQ(test, stats.losses, 1);
}

static void c5_each_loss_is_told(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 5; i++) {
		post(test);
		lose(test);
		KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), -EIO);
		KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), 0);
	}
	/* All of them at once to who was away. */
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 1)), -EIO);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 1)), 0);
}

static void c5_write_over_a_loss_is_lost(struct kunit *test)
{
	u64 generation = ws_flush_generation(engine(test));

	ws_flush_lose(engine(test), false);
	ws_fake_post(test->priv, generation);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), -EIO);
	post(test);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), 0);
}

static void c5_loss_is_told_to_all_who_wait(struct kunit *test)
{
	struct ws_client *client = &caller(test, 0)->client;
	struct ws_caller *a, *b;

	post(test);
	a = call_for(test, (struct ws_sync) { .client = client });
	b = call_for(test, (struct ws_sync) { .client = client });
	lose(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), -EIO);
	KUNIT_EXPECT_EQ(test, result(b), -EIO);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), 0);
}

static void c5_loss_outweighs_a_signal(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call(test);
	lose(test);
	send_signal(a);
	KUNIT_EXPECT_EQ(test, result(a), -EIO);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), -EAGAIN);
}

static void c5_dead_device_outweighs_the_loss(struct kunit *test)
{
	post(test);
	lose(test);
	ws_flush_kill(engine(test), -ENODEV);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), -ENODEV);
	KUNIT_EXPECT_EQ(test, sync_of(test, caller(test, 0)), -ENODEV);
}

/* Afterwards the caller runs only while this thread sleeps. */
static void overtake(struct ws_caller *c)
{
	/* Of several, the first is none of those that read. */
	unsigned int cpu = cpumask_first(cpu_online_mask);

	set_cpus_allowed_ptr(c->task, cpumask_of(cpu));
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
	sched_set_fifo(current);
}

static void overtake_no_more(void)
{
	sched_set_normal(current, 0);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

/* The caller has its answer, but has not come to see it. */
static void c5_loss_is_told_though_the_device_dies_later(struct kunit *test)
{
	ktime_t patience = ktime_add_ms(ktime_get(), 5000);
	struct ws_flush *f = engine(test);
	struct ws_caller *a;

	if (num_online_cpus() < 2)
		kunit_skip(test, "two processors are needed");
	post(test);
	a = call(test);
	lose(test);
	overtake(a);
	ws_fake_tell(test->priv, 0, false);
	while (READ_ONCE(f->reading) && ktime_before(ktime_get(), patience))
		cpu_relax();
	ws_flush_kill(f, -ENODEV);
	overtake_no_more();
	KUNIT_EXPECT_EQ(test, result(a), -EIO);
}

/* ---- C6: shared flush ---- */

static void c6_joiner_without_posts_is_covered(struct kunit *test)
{
	struct ws_caller *a, *b;
	struct ws_stats stats;

	post(test);
	a = call(test);
	b = call(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
	KUNIT_EXPECT_EQ(test, a->sync.readbacks, 1);
	KUNIT_EXPECT_EQ(test, b->sync.readbacks, 0);
	KUNIT_EXPECT_EQ(test, begun(test), 1);
	ws_flush_stats(engine(test), &stats);
	KUNIT_EXPECT_EQ(test, stats.coalesced, 1);
}

static void c6_callers_at_the_same_moment_cost_two(struct kunit *test)
{
	struct ws_caller *c[WS_FAKE_CALLERS];
	unsigned int i;

	for (i = 0; i < WS_FAKE_CALLERS; i++) {
		post(test);
		c[i] = call(test);
	}
	answer(test, 0);
	answer(test, 0);
	for (i = 0; i < WS_FAKE_CALLERS; i++)
		KUNIT_EXPECT_EQ(test, result(c[i]), 0);
	KUNIT_EXPECT_EQ(test, begun(test), 2);
}

static void c6_lead_goes_to_who_came_first(struct kunit *test)
{
	struct ws_caller *a, *b, *c;

	set_policy(test, WS_INLINE_ALWAYS);
	post(test);
	a = call(test);
	post(test);
	b = call(test);
	c = call(test);
	KUNIT_EXPECT_TRUE(test, read_by(test, a));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	KUNIT_EXPECT_TRUE(test, read_by(test, b));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
	KUNIT_EXPECT_EQ(test, result(c), 0);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(engine(test)->busy));
}

static void c6_statistics_add_up(struct kunit *test)
{
	struct ws_caller *a, *b, *c;
	struct ws_stats stats;
	struct ws_sync s = {};
	u64 readbacks = 0;
	unsigned int i;

	post(test);
	a = call(test);
	b = call(test);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a) ?: result(b), 0);
	a = call(test);
	KUNIT_EXPECT_EQ(test, result(a), 0);
	post(test);
	a = call_until(test, 1);
	b = call(test);
	c = call_nonblock(test);
	answer(test, WS_FAKE_FAILURE);
	KUNIT_EXPECT_EQ(test, result(a), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, result(b), WS_FAKE_FAILURE);
	KUNIT_EXPECT_EQ(test, result(c), -EAGAIN);
	ws_flush_count(engine(test), &s, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, s.synced, 1);
	post_word(test, 7, 0, 0xff, 8);

	ws_flush_stats(engine(test), &stats);
	KUNIT_EXPECT_EQ(test, stats.writes, 3);
	KUNIT_EXPECT_EQ(test, stats.bytes, 3 * WS_WORD_BYTES);
	KUNIT_EXPECT_EQ(test, stats.syncs, 7);
	KUNIT_EXPECT_EQ(test, stats.coalesced, 1);
	KUNIT_EXPECT_EQ(test, stats.clean, 1);
	KUNIT_EXPECT_EQ(test, stats.timeouts, 2);
	KUNIT_EXPECT_EQ(test, stats.errors, 2);
	KUNIT_EXPECT_EQ(test, stats.readbacks, 2);
	for (i = 0; i < WS_LATENCIES; i++)
		readbacks += stats.latency[i];
	KUNIT_EXPECT_EQ(test, stats.readbacks, readbacks);
}

static void c6_writes_are_counted_by_their_first_part(struct kunit *test)
{
	const struct ws_word word = { .last = 63 };
	struct ws_flush *f = engine(test);
	struct ws_stats stats;

	ws_flush_post(f, &word, 64, WS_POST_WRITE, 0);
	ws_flush_post(f, &word, 32, WS_POST_MORE, 0);
	ws_flush_post(f, &word, 16, WS_POST_CLEAR, 0);
	ws_flush_stats(f, &stats);
	KUNIT_EXPECT_EQ(test, stats.writes, 1);
	KUNIT_EXPECT_EQ(test, stats.bytes, 64 + 32);
	KUNIT_EXPECT_EQ(test, unsynced(test), 3);
}

/* ---- C8: removal ---- */

static void c8_kill_wakes_all(struct kunit *test)
{
	struct ws_caller *a, *b, *c;

	post(test);
	a = call_until(test, KTIME_MAX);
	b = call_until(test, KTIME_MAX);
	post(test);
	c = call_until(test, KTIME_MAX);
	ws_flush_kill(engine(test), -ENODEV);
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(a));
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(b));
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(c));
	KUNIT_EXPECT_TRUE(test, reading(test));
	KUNIT_EXPECT_EQ(test, a->ret, -ENODEV);
	KUNIT_EXPECT_EQ(test, b->ret, -ENODEV);
	KUNIT_EXPECT_EQ(test, c->ret, -ENODEV);
	/* The readback in flight was made for the first. */
	KUNIT_EXPECT_EQ(test, a->sync.readbacks, 1);
	KUNIT_EXPECT_EQ(test, b->sync.readbacks, 0);
	KUNIT_EXPECT_EQ(test, c->sync.readbacks, 0);
}

static void c8_exit_waits_for_the_readback_only(struct kunit *test)
{
	struct ws_caller *a, *b, *exit = caller(test, 5);
	struct ws_fake *fake = test->priv;

	post(test);
	a = call(test);
	post(test);
	b = call(test);
	ws_flush_kill(engine(test), -ENODEV);
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(a));
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(b));
	ws_caller_start(exit, ws_caller_exit);
	msleep(20);
	KUNIT_EXPECT_TRUE(test, ws_caller_active(exit));
	ws_fake_tell(fake, 0, false);
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(exit));
	/* The second batch is not begun any more. */
	KUNIT_EXPECT_EQ(test, begun(test), 1);
}

static void c8_calls_after_exit_fail(struct kunit *test)
{
	struct ws_caller *a, *exit = caller(test, 5);

	post(test);
	ws_flush_kill(engine(test), -ENODEV);
	ws_caller_start(exit, ws_caller_exit);
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(exit));
	post(test);
	a = call(test);
	KUNIT_EXPECT_EQ(test, result(a), -ENODEV);
	a = call_nonblock(test);
	KUNIT_EXPECT_EQ(test, result(a), -ENODEV);
	lose(test);
	KUNIT_EXPECT_EQ(test, begun(test), 0);
}

static void c8_first_error_stays(struct kunit *test)
{
	struct ws_caller *a;

	ws_flush_kill(engine(test), -EIO);
	ws_flush_kill(engine(test), -ENODEV);
	a = call(test);
	KUNIT_EXPECT_EQ(test, result(a), -EIO);
}

static void c8_answer_after_the_end_revives_nobody(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call(test);
	ws_flush_kill(engine(test), -ENODEV);
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(a));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, a->ret, -ENODEV);
	a = call(test);
	KUNIT_EXPECT_EQ(test, result(a), -ENODEV);
}

static void c8_kill_during_a_callers_own_readback(struct kunit *test)
{
	struct ws_fake *fake = test->priv;
	struct ws_caller *a, *b;

	set_policy(test, WS_INLINE_ALWAYS);
	post(test);
	a = call(test);
	post(test);
	b = call(test);
	ws_flush_kill(engine(test), -ENODEV);
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(b));
	KUNIT_EXPECT_EQ(test, b->ret, -ENODEV);
	KUNIT_EXPECT_TRUE(test, waits(a));
	ws_fake_tell(fake, 0, false);
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(a));
	KUNIT_EXPECT_EQ(test, a->ret, -ENODEV);
	KUNIT_EXPECT_EQ(test, begun(test), 1);
}

static void c8_kill_ends_the_asking_again(struct kunit *test)
{
	struct ws_caller *a = caller(test, 0), *exit = caller(test, 5);
	struct ws_fake *fake = test->priv;
	unsigned int asked;

	fake->respond = ws_fake_never;
	post(test);
	ws_caller_start(a, ws_caller_sync);
	KUNIT_EXPECT_TRUE(test, ws_fake_begins(fake, 3));
	ws_flush_kill(engine(test), -ENODEV);
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(a));
	KUNIT_EXPECT_EQ(test, a->ret, -ENODEV);
	ws_caller_start(exit, ws_caller_exit);
	KUNIT_EXPECT_TRUE(test, ws_caller_ends(exit));
	asked = begun(test);
	msleep(20);
	KUNIT_EXPECT_EQ(test, begun(test), asked);
}

/* ---- C9: signals ---- */

static void c9_signal_ends_a_wait(struct kunit *test)
{
	struct ws_caller *a, *b;

	post(test);
	a = call_until(test, KTIME_MAX);
	b = call(test);
	send_signal(a);
	KUNIT_EXPECT_EQ(test, result(a), -EINTR);
	KUNIT_EXPECT_TRUE(test, reading(test));
	KUNIT_EXPECT_TRUE(test, waits(b));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
	/* Who was second paid. */
	KUNIT_EXPECT_EQ(test, b->sync.readbacks, 1);
}

static void c9_signal_does_not_end_the_readback(struct kunit *test)
{
	struct ws_caller *a;

	post(test);
	a = call(test);
	send_signal(a);
	KUNIT_EXPECT_EQ(test, result(a), -EINTR);
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, unsynced(test), 0);
}

static void c9_interrupted_leader_hands_over(struct kunit *test)
{
	struct ws_caller *a, *b, *c;

	set_policy(test, WS_INLINE_ALWAYS);
	post(test);
	a = call(test);
	b = call(test);
	post(test);
	c = call(test);
	send_signal(a);
	KUNIT_EXPECT_TRUE(test, waits(a));
	answer(test, -EAGAIN);
	KUNIT_EXPECT_EQ(test, result(a), -EINTR);
	KUNIT_EXPECT_TRUE(test, read_by(test, b));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(b), 0);
	KUNIT_EXPECT_EQ(test, result(c), 0);
}

static void c9_interrupted_leader_leaves_the_rest_to_nobody(struct kunit *test)
{
	struct ws_caller *a;

	set_policy(test, WS_INLINE_ALWAYS);
	post(test);
	a = call(test);
	send_signal(a);
	answer(test, -EAGAIN);
	KUNIT_EXPECT_EQ(test, result(a), -EINTR);
	KUNIT_EXPECT_FALSE(test, reading(test));
	a = call(test);
	KUNIT_EXPECT_TRUE(test, read_by(test, a));
	answer(test, 0);
	KUNIT_EXPECT_EQ(test, result(a), 0);
}

static struct kunit_case ws_flush_test_cases[] = {
	KUNIT_CASE(c1_sync_waits_for_the_answer),
	KUNIT_CASE(c1_join_before_a_readback),
	KUNIT_CASE(c1_join_during_a_readback_with_own_posts),
	KUNIT_CASE(c1_join_after_a_readback),
	KUNIT_CASE(c1_post_during_a_readback_is_not_covered),
	KUNIT_CASE(c1_mapped_sync_always_reads),
	KUNIT_CASE(c1_mapped_sync_joins_no_earlier_readback),
	KUNIT_CASE(c1_mapped_sync_fences_other_processors),
	KUNIT_CASE(c1_unmapping_fences_other_processors),
	KUNIT_CASE(c1_store_of_unknown_value_is_unsynced),
	KUNIT_CASE(c2_clean_sync_reads_nothing),
	KUNIT_CASE(c2_post_reads_nothing),
	KUNIT_CASE(c2_nobody_reads_again_what_was_confirmed),
	KUNIT_CASE(c2_comparison_of_what_was_confirmed_is_dropped),
	KUNIT_CASE(c3_time_out_while_the_device_is_silent),
	KUNIT_CASE(c3_time_out_of_who_waits_for_the_next_readback),
	KUNIT_CASE(c3_abandoned_readback_is_not_started_twice),
	KUNIT_CASE(c3_late_answer_counts),
	KUNIT_CASE(c3_late_answer_counts_for_what_it_covered),
	KUNIT_CASE(c3_late_failure_does_not_count),
	KUNIT_CASE(c3_late_failure_is_told_to_nonblock_once),
	KUNIT_CASE(c3_deadline_in_the_past_begins_a_readback),
	KUNIT_CASE(c3_no_deadline_waits_for_the_answer),
	KUNIT_CASE(c3_answer_after_the_deadline_counts),
	KUNIT_CASE(c3_answer_at_the_last_moment_counts),
	KUNIT_CASE(c3_answer_races_the_time_out),
	KUNIT_CASE(c3_no_answer_is_asked_for_again),
	KUNIT_CASE(c3_no_answer_then_one_for_all),
	KUNIT_CASE(c3_frozen_device_is_no_readback),
	KUNIT_CASE(c3_asks_again_until_the_time_is_up),
	KUNIT_CASE(c3_expired_leader_hands_over),
	KUNIT_CASE(c3_nonblock_begins_a_readback),
	KUNIT_CASE(c3_nonblock_begins_none_if_one_covers_it),
	KUNIT_CASE(c3_nonblock_begins_the_next_readback),
	KUNIT_CASE(c3_nonblock_begins_the_next_after_a_caller),
	KUNIT_CASE(c3_nonblock_leader_hands_over),
	KUNIT_CASE_PARAM(c3_who_reads, ws_who_gen_params),
	KUNIT_CASE(c3_device_that_does_not_answer_is_the_workers),
	KUNIT_CASE(c4_failure_concerns_its_batch_only),
	KUNIT_CASE(c4_failure_concerns_nobody_later),
	KUNIT_CASE(c4_mismatch_concerns_those_who_compare),
	KUNIT_CASE(c4_comparison_joins_no_earlier_readback),
	KUNIT_CASE(c4_late_mismatch_is_told_to_who_compares),
	KUNIT_CASE(c4_dead_window_is_not_clean),
	KUNIT_CASE(c4_witness_is_the_last_word_but_all_ones),
	KUNIT_CASE(c4_witness_in_a_part_of_a_word),
	KUNIT_CASE(c4_witness_that_was_overwritten_is_none),
	KUNIT_CASE(c4_witness_inside_of_a_long_write_is_none),
	KUNIT_CASE(c4_witness_beside_a_write_stays),
	KUNIT_CASE(c5_loss_is_told_once_to_each_client),
	KUNIT_CASE(c5_later_client_is_not_told),
	KUNIT_CASE(c5_loss_of_what_had_arrived_is_silent),
	KUNIT_CASE(c5_loss_through_a_mapping_is_always_told),
	KUNIT_CASE(c5_lost_bytes_are_lost_once),
	KUNIT_CASE(c5_each_loss_is_told),
	KUNIT_CASE(c5_write_over_a_loss_is_lost),
	KUNIT_CASE(c5_loss_is_told_to_all_who_wait),
	KUNIT_CASE(c5_loss_outweighs_a_signal),
	KUNIT_CASE(c5_dead_device_outweighs_the_loss),
	KUNIT_CASE(c5_loss_is_told_though_the_device_dies_later),
	KUNIT_CASE(c6_joiner_without_posts_is_covered),
	KUNIT_CASE(c6_callers_at_the_same_moment_cost_two),
	KUNIT_CASE(c6_lead_goes_to_who_came_first),
	KUNIT_CASE(c6_statistics_add_up),
	KUNIT_CASE(c6_writes_are_counted_by_their_first_part),
	KUNIT_CASE(c8_kill_wakes_all),
	KUNIT_CASE(c8_exit_waits_for_the_readback_only),
	KUNIT_CASE(c8_calls_after_exit_fail),
	KUNIT_CASE(c8_first_error_stays),
	KUNIT_CASE(c8_answer_after_the_end_revives_nobody),
	KUNIT_CASE(c8_kill_during_a_callers_own_readback),
	KUNIT_CASE(c8_kill_ends_the_asking_again),
	KUNIT_CASE(c9_signal_ends_a_wait),
	KUNIT_CASE(c9_signal_does_not_end_the_readback),
	KUNIT_CASE(c9_interrupted_leader_hands_over),
	KUNIT_CASE(c9_interrupted_leader_leaves_the_rest_to_nobody),
	{}
};

static struct kunit_suite ws_flush_test_suite = {
	.name = "writesync_flush",
	.init = ws_flush_test_init,
	.exit = ws_flush_test_exit,
	.test_cases = ws_flush_test_cases,
};

kunit_test_suites(&ws_flush_test_suite);

// SPDX-License-Identifier: GPL-2.0
/*
 * For the tests: a device that answers as it is told, and threads that call
 * the flush engine.
 *
 * The device is a queue, as every bridge has one: what had been stored before
 * a readback began has arrived when the readback succeeds, and nothing else.
 * Each call of ws_caller_sync() checks the promise of a sync against that.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "fake_kunit.h"

/* How long to leave the threads alone between two looks at them. */
#define WS_FAKE_POLL_US	10

static uint kunit_seed;
module_param(kunit_seed, uint, 0444);
MODULE_PARM_DESC(kunit_seed, "of the random tests; 0: chosen (default)");

/* What the random tests begin with. */
u32 ws_fake_seed;

/**
 * ws_fake_seed_say() - choose @ws_fake_seed, and tell how to get it again
 * @suite: the random tests
 */
int ws_fake_seed_say(struct kunit_suite *suite)
{
	ws_fake_seed = kunit_seed ?: get_random_u32();
	kunit_info(suite, "kunit_seed=%u", ws_fake_seed);
	return 0;
}

static ktime_t ws_fake_patience(void)
{
	return ktime_add_ms(ktime_get(), WS_FAKE_PATIENCE_MS);
}

/* Return: whether @condition has come true in time. */
#define ws_fake_poll(condition) ({					\
	ktime_t _end = ws_fake_patience();				\
	bool _true;							\
									\
	while (!(_true = (condition)) && ktime_before(ktime_get(), _end)) \
		usleep_range(WS_FAKE_POLL_US, 2 * WS_FAKE_POLL_US);	\
	_true;								\
})

/* ---- the device ---- */

static void ws_fake_begin(struct ws_fake *fake, const struct ws_mark *mark,
			  struct ws_fake_read *read)
{
	struct ws_flush *f = &fake->flush;
	u64 posted, synced;
	bool overlap;

	ws_flush_sequences(f, &posted, &synced);
	spin_lock(&fake->lock);
	overlap = fake->begun != fake->ended;
	fake->begun++;
	read->task = current;
	read->mark = *mark;
	read->stored = fake->stored;
	read->fenced = cpumask_subset(cpu_online_mask, f->fencing_cpus);
	fake->read = *read;
	fake->reading = true;
	spin_unlock(&fake->lock);
	ws_fake_check(fake, !overlap, "two readbacks at the same time");
	ws_fake_check(fake, mark->verify || synced < posted,
		      "C2: a readback with nothing unsynced");
}

static int ws_fake_confirm(struct ws_flush *f, struct ws_mark *mark)
{
	struct ws_fake *fake = container_of(f, struct ws_fake, flush);
	struct ws_fake_read read;
	int ret;

	ws_fake_begin(fake, mark, &read);
	ret = fake->respond(fake, mark);

	spin_lock(&fake->lock);
	if (!ret)
		fake->arrived = max(fake->arrived, read.stored);
	fake->reading = false;
	fake->ended++;
	spin_unlock(&fake->lock);
	return ret;
}

static u64 ws_fake_bound_ns(struct ws_flush *f)
{
	struct ws_fake *fake = container_of(f, struct ws_fake, flush);

	return READ_ONCE(fake->bound_ns);
}

static const struct ws_flush_ops ws_fake_ops = {
	.confirm = ws_fake_confirm,
	.bound_ns = ws_fake_bound_ns,
};

static bool ws_fake_told(struct ws_fake *fake, struct ws_mark *mark, int *ret)
{
	bool told;

	spin_lock(&fake->lock);
	told = fake->told || fake->released;
	*ret = fake->told ? fake->answer : -EIO;
	mark->mismatch = fake->told && fake->mismatch;
	fake->told = false;
	spin_unlock(&fake->lock);
	return told;
}

/**
 * ws_fake_obey() - a readback takes until it is told what it comes to
 * @fake: the device
 * @mark: what is asked
 */
int ws_fake_obey(struct ws_fake *fake, struct ws_mark *mark)
{
	int ret;

	wait_event(fake->wait, ws_fake_told(fake, mark, &ret));
	return ret;
}

/**
 * ws_fake_tell() - end the readback in flight
 * @fake: the device
 * @answer: what it comes to
 * @mismatch: it finds another word than was posted last
 */
void ws_fake_tell(struct ws_fake *fake, int answer, bool mismatch)
{
	spin_lock(&fake->lock);
	fake->reading = false;
	fake->told = true;
	fake->answer = answer;
	fake->mismatch = mismatch;
	spin_unlock(&fake->lock);
	wake_up(&fake->wait);
}

static bool ws_fake_reading(struct ws_fake *fake)
{
	bool reading;

	spin_lock(&fake->lock);
	reading = fake->reading;
	spin_unlock(&fake->lock);
	return reading;
}

/**
 * ws_fake_reads() - wait until a readback is in flight
 * @fake: the device
 */
bool ws_fake_reads(struct ws_fake *fake)
{
	return ws_fake_poll(ws_fake_reading(fake));
}

/**
 * ws_fake_begins() - wait until so many readbacks have begun
 * @fake: the device
 * @n: so many
 */
bool ws_fake_begins(struct ws_fake *fake, unsigned int n)
{
	return ws_fake_poll(READ_ONCE(fake->begun) >= n);
}

static void ws_fake_release(struct ws_fake *fake)
{
	spin_lock(&fake->lock);
	fake->released = true;
	spin_unlock(&fake->lock);
	wake_up(&fake->wait);
}

/**
 * ws_fake_store() - a store that takes no number, as through a mapping
 * @fake: the device
 */
void ws_fake_store(struct ws_fake *fake)
{
	spin_lock(&fake->lock);
	fake->stored++;
	spin_unlock(&fake->lock);
}

/**
 * ws_fake_post() - a write of one word
 * @fake: the device
 * @generation: the contents' generation before it
 */
void ws_fake_post(struct ws_fake *fake, u64 generation)
{
	struct ws_word word = { .known = 0xff };
	u64 stored;

	spin_lock(&fake->lock);
	stored = ++fake->stored;
	spin_unlock(&fake->lock);

	word.last = stored * WS_WORD_BYTES - 1;
	memcpy(word.bytes, &stored, WS_WORD_BYTES);
	ws_flush_post(&fake->flush, &word, WS_WORD_BYTES, WS_POST_WRITE,
		      generation);

	spin_lock(&fake->lock);
	fake->returned = max(fake->returned, stored);
	spin_unlock(&fake->lock);
}

/* ---- callers ---- */

/* What a sync that begins now has to see arrive. */
static u64 ws_fake_target(struct ws_fake *fake, bool mapped)
{
	u64 target;

	spin_lock(&fake->lock);
	target = mapped ? fake->stored : fake->returned;
	spin_unlock(&fake->lock);
	return target;
}

static u64 ws_fake_arrived(struct ws_fake *fake)
{
	u64 arrived;

	spin_lock(&fake->lock);
	arrived = fake->arrived;
	spin_unlock(&fake->lock);
	return arrived;
}

/**
 * ws_caller_sync() - a sync, as ws_caller.sync says
 * @c: the caller
 */
void ws_caller_sync(struct ws_caller *c)
{
	u64 target = ws_fake_target(c->fake, c->sync.mapped);
	u64 arrived;

	if (!c->sync.client)
		c->sync.client = &c->client;
	if (!c->sync.limit.deadline)
		c->sync.limit.deadline = ws_fake_patience();
	if (c->quick && !c->sync.mapped &&
	    ws_flush_clean(&c->fake->flush, &c->sync))
		c->ret = 0;
	else
		c->ret = ws_flush_sync(&c->fake->flush, &c->sync);
	arrived = ws_fake_arrived(c->fake);
	ws_fake_check(c->fake, c->ret || arrived >= target,
		      "C1: store %llu of %llu is under way after a sync",
		      arrived + 1, target);
}

/**
 * ws_caller_exit() - the end of the engine
 * @c: the caller
 */
void ws_caller_exit(struct ws_caller *c)
{
	c->fake->exited = true;
	ws_flush_exit(&c->fake->flush);
}

static void ws_caller_begin(struct ws_caller *c)
{
	spin_lock(&c->fake->lock);
	c->active = true;
	spin_unlock(&c->fake->lock);
}

static void ws_caller_end(struct ws_caller *c)
{
	spin_lock(&c->fake->lock);
	c->active = false;
	complete(&c->ended);
	spin_unlock(&c->fake->lock);
}

/**
 * ws_caller_active() - is it running what it was told to run?
 * @c: the caller
 */
bool ws_caller_active(struct ws_caller *c)
{
	bool active;

	spin_lock(&c->fake->lock);
	active = c->active;
	spin_unlock(&c->fake->lock);
	return active;
}

static int ws_caller_thread(void *data)
{
	struct ws_caller *c = data;

	allow_signal(SIGUSR1);
	for (;;) {
		wait_for_completion_state(&c->go, TASK_IDLE);
		if (c->stop)
			return 0;
		c->run(c);
		flush_signals(current);
		ws_caller_end(c);
	}
}

/**
 * ws_caller_start() - tell it to run something; ws_caller_ends() is due
 * @c: the caller, not active
 * @run: what to run
 */
void ws_caller_start(struct ws_caller *c, void (*run)(struct ws_caller *c))
{
	c->run = run;
	ws_caller_begin(c);
	complete(&c->go);
}

/**
 * ws_caller_ends() - wait until it has run what it was told to run
 * @c: the caller
 */
bool ws_caller_ends(struct ws_caller *c)
{
	unsigned long patience = msecs_to_jiffies(WS_FAKE_PATIENCE_MS +
						  5000);
	bool ends = wait_for_completion_timeout(&c->ended, patience);

	ws_fake_check(c->fake, ends, "a caller never returns");
	return ends;
}

/* Whatever it waits for. */
static void ws_caller_dismiss(struct ws_caller *c)
{
	if (!ws_caller_active(c) || ws_caller_ends(c))
		return;
	send_sig(SIGUSR1, c->task, 1);
	ws_caller_ends(c);
}

static int ws_caller_create(struct ws_fake *fake, unsigned int i)
{
	struct ws_caller *c = &fake->callers[i];

	c->fake = fake;
	init_completion(&c->go);
	init_completion(&c->ended);
	c->task = kthread_run(ws_caller_thread, c, "ws_caller%u", i);
	if (IS_ERR(c->task))
		return PTR_ERR(c->task);
	/* It may end before it is waited for. */
	get_task_struct(c->task);
	return 0;
}

static void ws_caller_destroy(struct ws_caller *c)
{
	if (IS_ERR_OR_NULL(c->task))
		return;
	c->stop = true;
	complete(&c->go);
	kthread_stop(c->task);
	put_task_struct(c->task);
}

/* ---- all of it ---- */

static unsigned int ws_fake_active(struct ws_fake *fake)
{
	unsigned int i, active = 0;

	spin_lock(&fake->lock);
	for (i = 0; i < WS_FAKE_CALLERS; i++)
		active += fake->callers[i].active;
	spin_unlock(&fake->lock);
	return active;
}

/*
 * All callers that have not returned wait, and a readback waits to be told its
 * answer; or there is nothing to do. Callers return of themselves, so those
 * that have not are counted first.
 */
static bool ws_fake_resting(struct ws_fake *fake)
{
	unsigned int active = ws_fake_active(fake);
	struct ws_flush *f = &fake->flush;
	bool reading, busy;
	size_t waiting;

	spin_lock(&f->lock);
	waiting = list_count_nodes(&f->pending) +
		  list_count_nodes(&f->inflight);
	busy = f->busy;
	spin_lock(&fake->lock);
	reading = fake->reading && fake->respond == ws_fake_obey;
	spin_unlock(&fake->lock);
	spin_unlock(&f->lock);
	return waiting == active && (reading || !busy);
}

/**
 * ws_fake_rests() - wait until nothing happens any more
 * @fake: the device
 */
bool ws_fake_rests(struct ws_fake *fake)
{
	bool rests = ws_fake_poll(ws_fake_resting(fake));

	ws_fake_check(fake, rests, "the engine does not come to rest");
	return rests;
}

/* What it wakes up runs at once, and until it sleeps. */
static void ws_fake_put_ahead(struct task_struct *task)
{
	set_cpus_allowed_ptr(task, cpumask_of(0));
	sched_set_fifo_low(task);
}

/**
 * ws_fake_serialize() - run all threads on one CPU
 * @fake: the device, not open
 *
 * It saves the wake-ups between CPUs, and most of the waiting for rest: whoever
 * is woken up runs before the test does.
 */
void ws_fake_serialize(struct ws_fake *fake)
{
	unsigned int i;

	fake->serial = true;
	for (i = 0; i < WS_FAKE_CALLERS; i++)
		ws_fake_put_ahead(fake->callers[i].task);
	set_cpus_allowed_ptr(current, cpumask_of(0));
}

/**
 * ws_fake_open() - a new engine, and a device of which nothing is known
 * @fake: the device; ws_fake_close() is due
 */
void ws_fake_open(struct ws_fake *fake)
{
	unsigned int i;

	memset(&fake->flush, 0, sizeof(fake->flush));
	fake->bound_ns = 0;
	fake->stored = 0;
	fake->returned = 0;
	fake->arrived = 0;
	fake->begun = 0;
	fake->ended = 0;
	fake->reading = false;
	fake->told = false;
	fake->released = false;
	fake->exited = false;
	KUNIT_ASSERT_EQ(fake->test, 0, ws_flush_init(&fake->flush, &ws_fake_ops,
						     0, "ws_fake"));
	if (fake->serial)
		ws_fake_put_ahead(fake->flush.worker->task);
	fake->flush.policy = WS_INLINE_NEVER;
	for (i = 0; i < WS_FAKE_CALLERS; i++) {
		reinit_completion(&fake->callers[i].ended);
		ws_flush_add_client(&fake->flush, &fake->callers[i].client);
	}
}

/**
 * ws_fake_close() - end whatever is under way, and the engine
 * @fake: the device
 */
void ws_fake_close(struct ws_fake *fake)
{
	struct ws_flush *f = &fake->flush;
	unsigned int i;

	if (!f->ops)
		return;
	if (!IS_ERR_OR_NULL(f->worker)) {
		ws_flush_kill(f, -ENODEV);
		ws_fake_release(fake);
		for (i = 0; i < WS_FAKE_CALLERS; i++)
			ws_caller_dismiss(&fake->callers[i]);
		if (!fake->exited)
			ws_flush_exit(f);
	}
	ws_flush_free(f);
	f->ops = NULL;
}

/**
 * ws_fake_create() - make a device that obeys, and its callers
 * @test: the test; ws_fake_destroy() is due, ws_fake_open() comes next
 */
struct ws_fake *ws_fake_create(struct kunit *test)
{
	struct ws_fake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, fake);
	test->priv = fake;
	fake->test = test;
	fake->respond = ws_fake_obey;
	spin_lock_init(&fake->lock);
	init_waitqueue_head(&fake->wait);
	for (i = 0; i < WS_FAKE_CALLERS; i++)
		KUNIT_ASSERT_EQ(test, 0, ws_caller_create(fake, i));
	return fake;
}

/**
 * ws_fake_destroy() - undo ws_fake_create()
 * @fake: the device, closed
 */
void ws_fake_destroy(struct ws_fake *fake)
{
	unsigned int i;

	for (i = 0; i < WS_FAKE_CALLERS; i++)
		ws_caller_destroy(&fake->callers[i]);
}

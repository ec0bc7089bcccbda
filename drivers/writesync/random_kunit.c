// SPDX-License-Identifier: GPL-2.0
/*
 * Random schedules of the flush engine, two kinds of them.
 *
 * Stepped: one event after another, and after each of them everything comes to
 * rest. What has to happen is known exactly: a model of the engine, written
 * from its design and without its threads, says who returns with what, who
 * reads, and what is counted.
 *
 * Free: threads that do as they please. What has to hold is checked of each
 * call by itself.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>

#include "fake_kunit.h"

static uint kunit_schedules = 3000;
module_param(kunit_schedules, uint, 0444);
MODULE_PARM_DESC(kunit_schedules, "how many random schedules (default 3000)");

/* A case of KUnit has its own time-out; it gets so many schedules. */
#define WS_SCHEDULES_STEPPED	100
#define WS_SCHEDULES_FREE	20

#define WS_FAKE_FAILURE		(-EREMOTEIO)
#define WS_BOUND_NS		(50 * NSEC_PER_MSEC)

/* How late a thread may come back: what a loaded machine takes, no hang. */
#define WS_FREE_LATE_MS		10000

/* A readback of the model is made by a caller, by its number, or by these. */
#define WS_BY_NOBODY		(-1)
#define WS_BY_WORKER		(-2)

/**
 * struct ws_sim_caller - a caller in the model
 * @active: it has not returned
 * @sync: what it asks for
 * @expired: its time is up
 * @client: whose client it uses
 * @signalled: a signal waits for it
 * @waits: something was unsynced when it came
 * @covered: the readback in flight when it came serves it
 * @since: losses before it came
 * @readbacks: charged to it
 * @seen: readbacks that came to a result since it came
 * @ret: what it returns
 * @returned: it has returned in this step
 */
struct ws_sim_caller {
	bool active;
	struct ws_sync sync;
	bool expired;
	unsigned int client;
	bool signalled;
	bool waits;
	bool covered;
	unsigned int since;
	unsigned int readbacks;
	unsigned int seen;
	int ret;
	bool returned;
};

/**
 * struct ws_sim_list - callers in order
 * @n: how many
 * @who: their numbers
 */
struct ws_sim_list {
	unsigned int n;
	int who[WS_FAKE_CALLERS];
};

/**
 * struct ws_sim - the model
 * @fake: the device and the engine that it is compared with
 * @rnd: what happens next
 * @callers: the callers
 * @pending: those that the next readback serves
 * @inflight: those that the readback in flight serves
 * @lead: who sees to the next readback, if nobody reads
 * @reader: who reads
 * @posted: newest write
 * @synced: up to which one they have arrived
 * @covered: up to which one the readback in flight will show it
 * @begun: readbacks begun
 * @verify: the last of them compares
 * @retry: the one before it gave no answer
 * @kick: a readback is wanted even if nobody waits
 * @kick_verify: with the comparison
 * @suspect: the last readback gave no answer
 * @fence: CPUs have to be fenced
 * @late_error: of a readback that nobody waited for
 * @late_mismatch: the same
 * @policy: who may read
 * @bounded: the hardware bounds a readback
 * @generation: of the contents
 * @losses: how many there were
 * @lost: up to which write
 * @told: of which losses the clients know
 * @stats: what is counted
 */
struct ws_sim {
	struct ws_fake *fake;
	struct rnd_state rnd;
	struct ws_sim_caller callers[WS_FAKE_CALLERS];
	struct ws_sim_list pending;
	struct ws_sim_list inflight;
	int lead;
	int reader;
	u64 posted;
	u64 synced;
	u64 covered;
	unsigned int begun;
	bool verify;
	bool retry;
	bool kick;
	bool kick_verify;
	bool suspect;
	bool fence;
	int late_error;
	bool late_mismatch;
	enum ws_inline policy;
	bool bounded;
	u64 generation;
	unsigned int losses;
	u64 lost;
	unsigned int told[WS_FAKE_CALLERS];
	struct ws_stats stats;
};

/* ---- lists of the model ---- */

static void ws_sim_append(struct ws_sim_list *list, int who)
{
	list->who[list->n++] = who;
}

static void ws_sim_remove(struct ws_sim_list *list, int who)
{
	unsigned int i, n = 0;

	for (i = 0; i < list->n; i++)
		if (list->who[i] != who)
			list->who[n++] = list->who[i];
	list->n = n;
}

/* @first and what follows in @then become @first; @then becomes empty. */
static void ws_sim_join(struct ws_sim_list *first, struct ws_sim_list *then)
{
	unsigned int i;

	for (i = 0; i < then->n; i++)
		ws_sim_append(first, then->who[i]);
	then->n = 0;
}

/* ---- the model: callers ---- */

static bool ws_sim_kicked(const struct ws_sim *m)
{
	return m->kick && m->synced < m->posted;
}

static void ws_sim_account(struct ws_sim *m, const struct ws_sim_caller *c)
{
	m->stats.syncs++;
	if (c->ret == -ETIMEDOUT)
		m->stats.timeouts++;
	else if (c->ret)
		m->stats.errors++;
	else if (!c->waits)
		m->stats.clean++;
	else if (!c->readbacks)
		m->stats.coalesced++;
}

/* It returns. Who may have lost something hears of it first. */
static void ws_sim_return(struct ws_sim *m, int who, int ret)
{
	struct ws_sim_caller *c = &m->callers[who];

	ws_sim_remove(&m->pending, who);
	ws_sim_remove(&m->inflight, who);
	if (m->told[c->client] != m->losses ||
	    (c->waits && c->since != m->losses))
		ret = -EIO;
	m->told[c->client] = m->losses;
	c->active = false;
	c->returned = true;
	c->ret = ret;
	ws_sim_account(m, c);
}

static bool ws_sim_may_inline(const struct ws_sim *m, int who)
{
	const struct ws_sync *s = &m->callers[who].sync;

	if (m->callers[who].expired)
		return false;
	if (m->policy != WS_INLINE_AUTO)
		return m->policy == WS_INLINE_ALWAYS;
	return m->bounded && !s->verify && !m->suspect &&
	       (!m->fence || s->limit.nonblock);
}

static void ws_sim_pass_lead(struct ws_sim *m)
{
	if (m->pending.n)
		m->lead = m->pending.who[0];
	else
		m->lead = ws_sim_kicked(m) ? WS_BY_WORKER : WS_BY_NOBODY;
}

static void ws_sim_begin(struct ws_sim *m, int reader)
{
	unsigned int i;

	ws_sim_join(&m->inflight, &m->pending);
	m->verify = m->kick && m->kick_verify;
	for (i = 0; i < m->inflight.n; i++)
		m->verify |= m->callers[m->inflight.who[i]].sync.verify;
	m->retry = m->suspect;
	m->covered = m->posted;
	m->kick = false;
	m->kick_verify = false;
	m->fence = false;
	m->reader = reader;
	m->begun++;
}

static void ws_sim_kick(struct ws_sim *m, int who)
{
	m->kick = true;
	m->kick_verify |= m->callers[who].sync.verify;
}

/* A caller leads that may wait. */
static void ws_sim_lead(struct ws_sim *m, int who)
{
	struct ws_sim_caller *c = &m->callers[who];

	if (c->signalled) {
		ws_sim_return(m, who, -EINTR);
		ws_sim_pass_lead(m);
	} else if (ws_sim_may_inline(m, who)) {
		ws_sim_begin(m, who);
	} else {
		ws_sim_kick(m, who);
		m->lead = WS_BY_WORKER;
		if (c->expired)
			ws_sim_return(m, who, -ETIMEDOUT);
	}
}

/* Whoever leads sees to it that a readback begins, until one does. */
static void ws_sim_run(struct ws_sim *m)
{
	while (m->reader == WS_BY_NOBODY && m->lead != WS_BY_NOBODY) {
		if (m->lead != WS_BY_WORKER)
			ws_sim_lead(m, m->lead);
		else if (m->pending.n || ws_sim_kicked(m))
			ws_sim_begin(m, WS_BY_WORKER);
		else
			m->lead = WS_BY_NOBODY;
	}
}

static int ws_sim_late_error(struct ws_sim *m, const struct ws_sim_caller *c)
{
	int ret = m->late_error;

	m->late_error = 0;
	if (!ret && c->sync.verify && m->late_mismatch) {
		m->late_mismatch = false;
		ret = -EIO;
	}
	return ret;
}

/* A caller that may not wait leaves. */
static void ws_sim_give_up(struct ws_sim *m, int who)
{
	struct ws_sim_caller *c = &m->callers[who];
	int ret;

	ws_sim_remove(&m->pending, who);
	ws_sim_remove(&m->inflight, who);
	if (!c->covered)
		ws_sim_kick(m, who);
	ret = ws_sim_late_error(m, c) ?: -EAGAIN;
	if (m->lead == who)
		ws_sim_pass_lead(m);
	ws_sim_return(m, who, ret);
}

/* ---- the model: events ---- */

static void ws_sim_unknown(struct ws_sim *m)
{
	m->posted++;
	m->late_error = 0;
	m->late_mismatch = false;
}

/* Return: whether it has to wait. */
static bool ws_sim_joins(struct ws_sim *m, int who)
{
	struct ws_sim_caller *c = &m->callers[who];

	if (m->told[c->client] != m->losses) {
		ws_sim_return(m, who, -EIO);
		return false;
	}
	if (c->sync.mapped) {
		ws_sim_unknown(m);
		m->fence = true;
	}
	if (m->synced >= m->posted) {
		ws_sim_return(m, who, 0);
		return false;
	}
	c->waits = true;
	c->since = m->losses;
	c->covered = m->reader != WS_BY_NOBODY && m->covered >= m->posted &&
		     !c->sync.verify;
	ws_sim_append(c->covered ? &m->inflight : &m->pending, who);
	if (m->lead == WS_BY_NOBODY)
		m->lead = who;
	return true;
}

static void ws_sim_call(struct ws_sim *m, int who)
{
	struct ws_sim_caller *c = &m->callers[who];

	if (!ws_sim_joins(m, who))
		return;
	if (!c->sync.limit.nonblock) {
		if (m->lead != who && c->expired)
			ws_sim_return(m, who, -ETIMEDOUT);
	} else if (m->lead == who && ws_sim_may_inline(m, who)) {
		ws_sim_begin(m, who);
	} else {
		ws_sim_give_up(m, who);
	}
	ws_sim_run(m);
}

static void ws_sim_charge(struct ws_sim *m)
{
	if (m->inflight.n)
		m->callers[m->inflight.who[0]].readbacks++;
}

/* No answer that counts: everybody waits for the next readback. */
static void ws_sim_again(struct ws_sim *m)
{
	ws_sim_join(&m->inflight, &m->pending);
	m->pending = m->inflight;
	m->inflight.n = 0;
}

static void ws_sim_result(struct ws_sim *m, int ret, bool mismatch)
{
	struct ws_sim_caller *c;
	unsigned int i;

	for (i = 0; i < WS_FAKE_CALLERS; i++)
		m->callers[i].seen++;
	if (!ret && !mismatch)
		m->synced = max(m->synced, m->covered);
	m->late_error = m->inflight.n ? 0 : ret;
	m->late_mismatch = !m->inflight.n && mismatch;
	while (m->inflight.n) {
		c = &m->callers[m->inflight.who[0]];
		ws_sim_return(m, m->inflight.who[0],
			      c->sync.verify && mismatch ? -EIO : ret);
	}
}

static void ws_sim_answer(struct ws_sim *m, int ret, bool mismatch)
{
	int reader = m->reader;

	m->reader = WS_BY_NOBODY;
	if (ret != -EBUSY) {
		m->stats.readbacks++;
		m->suspect = ret == -EAGAIN;
		ws_sim_charge(m);
	}
	if (ret == -EBUSY || ret == -EAGAIN)
		ws_sim_again(m);
	else
		ws_sim_result(m, ret, mismatch);
	if (reader != WS_BY_WORKER) {
		if (!m->callers[reader].active)
			ws_sim_pass_lead(m);
		else if (m->callers[reader].sync.limit.nonblock)
			ws_sim_give_up(m, reader);
	}
	ws_sim_run(m);
}

static void ws_sim_loss(struct ws_sim *m)
{
	m->losses++;
	m->stats.losses++;
	m->lost = m->posted;
}

/* ---- one step, of the model and of the engine ---- */

static void ws_step_post(struct ws_sim *m)
{
	bool stale = m->generation && ws_fake_one_in(&m->rnd, 20);

	ws_sim_unknown(m);
	m->stats.writes++;
	m->stats.bytes += WS_WORD_BYTES;
	if (stale)
		ws_sim_loss(m);
	ws_fake_post(m->fake, m->generation - stale);
}

static void ws_step_lose(struct ws_sim *m)
{
	bool mapped = ws_fake_one_in(&m->rnd, 4);

	m->generation++;
	if (mapped || max(m->synced, m->lost) < m->posted)
		ws_sim_loss(m);
	ws_fake_check(m->fake, m->generation ==
		      ws_flush_lose(&m->fake->flush, mapped), "generation");
}

static void ws_step_settings(struct ws_sim *m)
{
	m->policy = ws_fake_below(&m->rnd, 3);
	m->bounded = !ws_fake_one_in(&m->rnd, 4);
	WRITE_ONCE(m->fake->flush.policy, m->policy);
	WRITE_ONCE(m->fake->bound_ns, m->bounded ? WS_BOUND_NS : 0);
}

static void ws_step_call(struct ws_sim *m, int who)
{
	struct ws_caller *c = &m->fake->callers[who];
	struct ws_sim_caller *s = &m->callers[who];

	*s = (struct ws_sim_caller) {
		.active = true,
		.client = ws_fake_below(&m->rnd, WS_FAKE_CALLERS),
		.expired = ws_fake_one_in(&m->rnd, 8),
	};
	s->sync.verify = ws_fake_one_in(&m->rnd, 8);
	s->sync.mapped = ws_fake_one_in(&m->rnd, 8);
	s->sync.limit.nonblock = ws_fake_one_in(&m->rnd, 6);
	s->sync.limit.deadline = s->expired ? 1 : 0;
	c->sync = s->sync;
	c->sync.client = &m->fake->callers[s->client].client;
	c->quick = ws_fake_one_in(&m->rnd, 2);
	if (s->sync.mapped)
		ws_fake_store(m->fake);
	ws_sim_call(m, who);
	ws_caller_start(c, ws_caller_sync);
}

static void ws_step_answer(struct ws_sim *m)
{
	static const int results[] = {
		0, 0, 0, 0, WS_FAKE_FAILURE, -EAGAIN, -EAGAIN, -EBUSY,
	};
	int ret = results[ws_fake_below(&m->rnd, ARRAY_SIZE(results))];
	bool mismatch = !ret && m->verify && ws_fake_one_in(&m->rnd, 2);

	ws_sim_answer(m, ret, mismatch);
	ws_fake_tell(m->fake, ret, mismatch);
}

static void ws_step_signal(struct ws_sim *m, int who)
{
	struct ws_sim_caller *c = &m->callers[who];

	if (m->reader == who)
		c->signalled = true;
	else
		ws_sim_return(m, who, -EINTR);
	send_sig(SIGUSR1, m->fake->callers[who].task, 1);
}

static void ws_step(struct ws_sim *m)
{
	unsigned int what = ws_fake_below(&m->rnd, 100);
	int who = ws_fake_below(&m->rnd, WS_FAKE_CALLERS);

	if (what < 20)
		ws_step_post(m);
	else if (what < 25)
		ws_step_lose(m);
	else if (what < 28)
		ws_step_settings(m);
	else if (what < 62 && m->reader != WS_BY_NOBODY)
		ws_step_answer(m);
	else if (!m->callers[who].active)
		ws_step_call(m, who);
	else if (what >= 95)
		ws_step_signal(m, who);
}

/* ---- does the engine do as the model says? ---- */

static void ws_sim_check_caller(struct ws_sim *m, int who)
{
	const struct ws_sim_caller *s = &m->callers[who];
	struct ws_caller *c = &m->fake->callers[who];

	/* Nobody sees more than the rest of one and all of the next. */
	ws_fake_check(m->fake, s->seen <= 2,
		      "C6: caller %d sat through %u readbacks", who, s->seen);
	if (!ws_caller_ends(c))
		return;
	ws_fake_check(m->fake, c->ret == s->ret,
		      "caller %d returns %d instead of %d", who, c->ret,
		      s->ret);
	ws_fake_check(m->fake, c->sync.readbacks == s->readbacks,
		      "caller %d is charged %u readbacks instead of %u", who,
		      c->sync.readbacks, s->readbacks);
	ws_fake_check(m->fake, c->sync.synced == m->synced,
		      "caller %d hears of %llu instead of %llu", who,
		      c->sync.synced, m->synced);
}

static void ws_sim_check_read(struct ws_sim *m)
{
	struct ws_fake *fake = m->fake;
	struct task_struct *task = fake->flush.worker->task;
	const struct ws_fake_read *read = &fake->read;

	ws_fake_check(fake, fake->begun == m->begun,
		      "%u readbacks instead of %u", fake->begun, m->begun);
	ws_fake_check(fake, fake->reading == (m->reader != WS_BY_NOBODY),
		      "reader %d", m->reader);
	if (!fake->reading || fake->failed)
		return;
	if (m->reader != WS_BY_WORKER)
		task = fake->callers[m->reader].task;
	ws_fake_check(fake, read->task == task, "%s reads, not %s",
		      read->task->comm, task->comm);
	ws_fake_check(fake, read->mark.verify == m->verify &&
		      read->mark.retry == m->retry &&
		      read->mark.single == (m->reader != WS_BY_WORKER),
		      "verify %d, retry %d, single %d", read->mark.verify,
		      read->mark.retry, read->mark.single);
}

static void ws_sim_check_state(struct ws_sim *m)
{
	struct ws_flush *f = &m->fake->flush;
	size_t pending, inflight;
	u64 posted, synced;
	bool needed;

	ws_flush_sequences(f, &posted, &synced);
	ws_fake_check(m->fake, posted == m->posted && synced == m->synced,
		      "%llu of %llu instead of %llu of %llu", synced, posted,
		      m->synced, m->posted);
	spin_lock(&f->lock);
	pending = list_count_nodes(&f->pending);
	inflight = list_count_nodes(&f->inflight);
	spin_unlock(&f->lock);
	ws_fake_check(m->fake, pending == m->pending.n &&
		      inflight == m->inflight.n,
		      "%zu pending, %zu in flight instead of %u, %u", pending,
		      inflight, m->pending.n, m->inflight.n);
	needed = m->synced < m->posted || m->told[0] != m->losses;
	ws_fake_check(m->fake, needed ==
		      ws_flush_needed(f, &m->fake->callers[0].client),
		      "a sync is needed: %d", !needed);
}

static void ws_sim_check(struct ws_sim *m)
{
	unsigned int i;

	for (i = 0; i < WS_FAKE_CALLERS; i++) {
		if (m->callers[i].returned)
			ws_sim_check_caller(m, i);
		m->callers[i].returned = false;
	}
	if (!ws_fake_rests(m->fake))
		return;
	for (i = 0; i < WS_FAKE_CALLERS; i++)
		ws_fake_check(m->fake, m->callers[i].active ==
			      ws_caller_active(&m->fake->callers[i]),
			      "caller %u returned: %d", i,
			      m->callers[i].active);
	ws_sim_check_read(m);
	ws_sim_check_state(m);
}

static void ws_sim_check_stats(struct ws_sim *m)
{
	struct ws_stats stats;
	unsigned int i;

	ws_flush_stats(&m->fake->flush, &stats);
	for (i = 0; i < WS_LATENCIES; i++) {
		m->stats.latency[0] += stats.latency[i];
		stats.latency[i] = 0;
	}
	stats.latency[0] = stats.readbacks;
	ws_fake_check(m->fake, !memcmp(&stats, &m->stats, sizeof(stats)),
		      "%llu syncs, %llu readbacks, %llu+%llu free, %llu late, %llu wrong",
		      stats.syncs, stats.readbacks, stats.coalesced,
		      stats.clean, stats.timeouts, stats.errors);
}

static void ws_sim_check_killed(struct ws_sim *m, int who)
{
	struct ws_caller *c = &m->fake->callers[who];

	if (!ws_caller_ends(c))
		return;
	ws_fake_check(m->fake, c->ret == -ENODEV, "C8: caller %d returns %d",
		      who, c->ret);
	ws_fake_check(m->fake, c->sync.readbacks == m->callers[who].readbacks,
		      "C8: caller %d is charged %u readbacks instead of %u",
		      who, c->sync.readbacks, m->callers[who].readbacks);
}

/* Who waits is woken at once, who reads returns when it gets its answer. */
static void ws_sim_kill(struct ws_sim *m)
{
	int who;

	if (m->reader != WS_BY_NOBODY)
		ws_sim_charge(m);
	ws_flush_kill(&m->fake->flush, -ENODEV);
	for (who = 0; who < WS_FAKE_CALLERS; who++)
		if (m->callers[who].active && who != m->reader)
			ws_sim_check_killed(m, who);
	if (m->reader == WS_BY_NOBODY)
		return;
	ws_fake_tell(m->fake, ws_fake_one_in(&m->rnd, 2) ? 0 : -EAGAIN, false);
	if (m->reader != WS_BY_WORKER)
		ws_sim_check_killed(m, m->reader);
}

static void ws_stepped_schedule(struct ws_sim *m)
{
	unsigned int steps = 4 + ws_fake_below(&m->rnd, 40);

	m->lead = WS_BY_NOBODY;
	m->reader = WS_BY_NOBODY;
	ws_step_settings(m);
	while (steps-- && !m->fake->failed) {
		ws_step(m);
		ws_sim_check(m);
	}
	if (m->fake->failed)
		return;
	ws_sim_check_stats(m);
	ws_sim_kill(m);
}

/* ---- threads that do as they please ---- */

/* The first callers write, the others sync. */
#define WS_FREE_POSTERS		2

/**
 * struct ws_free_caller - what is known of a thread
 * @rnd: what it does
 * @calls: how often it has synced
 * @served: how often that came to 0 ...
 * @paid: ... by a readback that it was charged for
 * @timeouts: how often it timed out
 * @told_first: losses that it has been told of for sure
 * @told_last: those that it can have been told of
 */
struct ws_free_caller {
	struct rnd_state rnd;
	u64 calls;
	u64 served;
	u64 paid;
	u64 timeouts;
	unsigned int told_first;
	unsigned int told_last;
};

/**
 * struct ws_free - a schedule of threads
 * @fake: the device
 * @rnd: what the main thread does
 * @device_rnd: what the device does
 * @stalls: it falls silent for good
 * @good: from now on it answers at once and well
 * @failures: how often it has failed
 * @losing: losses begun
 * @losses: losses told to the engine
 * @no_loss: held to read while there must not be any
 * @killing: the engine may be dead
 * @killed: it is
 * @callers: the threads
 */
struct ws_free {
	struct ws_fake *fake;
	struct rnd_state rnd;
	struct rnd_state device_rnd;
	bool stalls;
	bool good;
	atomic_t failures;
	atomic_t losing;
	atomic_t losses;
	struct rw_semaphore no_loss;
	bool killing;
	bool killed;
	struct ws_free_caller callers[WS_FAKE_CALLERS];
};

static bool ws_free_released(struct ws_fake *fake)
{
	return READ_ONCE(fake->released);
}

static void ws_free_delay(struct rnd_state *rnd)
{
	switch (ws_fake_below(rnd, 4)) {
	case 0:
		udelay(ws_fake_below(rnd, 50));
		break;
	case 1:
		usleep_range(50, 50 + ws_fake_below(rnd, 500));
		break;
	}
}

static int ws_free_respond(struct ws_fake *fake, struct ws_mark *mark)
{
	struct ws_free *x = fake->priv;
	u32 what = ws_fake_below(&x->device_rnd, 100);
	unsigned int i;

	for (i = 0; i < WS_FREE_POSTERS; i++)
		ws_fake_check(fake, current != fake->callers[i].task,
			      "C2: a write reads");
	if (READ_ONCE(x->good))
		return 0;
	if (x->stalls && what % 8 == 0)
		wait_event(fake->wait, ws_free_released(fake));
	ws_free_delay(&x->device_rnd);
	if (what < 10) {
		atomic_inc(&x->failures);
		return WS_FAKE_FAILURE;
	}
	if (what < 20)
		return -EAGAIN;
	return what < 25 ? -EBUSY : 0;
}

/* A write over a loss would be one more, of which nothing is known here. */
static void ws_free_post(struct ws_free *x)
{
	struct ws_fake *fake = x->fake;

	down_read(&x->no_loss);
	ws_fake_post(fake, ws_flush_generation(&fake->flush));
	up_read(&x->no_loss);
}

static void ws_free_write(struct ws_caller *c)
{
	struct ws_free *x = c->fake->priv;
	struct rnd_state *rnd = &x->callers[c - c->fake->callers].rnd;
	unsigned int i, n = ws_fake_below(rnd, 40);

	for (i = 0; i < n; i++) {
		ws_free_post(x);
		ws_free_delay(rnd);
	}
}

/* Return: the deadline; 0: none that matters. */
static ktime_t ws_free_deadline(struct ws_free *x, struct rnd_state *rnd)
{
	static const u32 us[] = { 0, 20, 100, 500, 2000 };
	u32 which = ws_fake_below(rnd, ARRAY_SIZE(us) + 1);

	if (which < ARRAY_SIZE(us))
		return ktime_add_us(ktime_get(), us[which]);
	return x->stalls ? ktime_add_us(ktime_get(), 5000) : 0;
}

/* Losses before the call are told by now, exactly once. */
static void ws_free_check_loss(struct ws_free *x, struct ws_free_caller *t,
			       int ret, unsigned int before)
{
	unsigned int after = atomic_read(&x->losing);

	if (ret == -EIO) {
		ws_fake_check(x->fake, after > t->told_first,
			      "C5: told of %u losses, again", t->told_first);
		t->told_first = before;
		t->told_last = after;
	} else if (ret != -ENODEV) {
		ws_fake_check(x->fake, before <= t->told_last,
			      "C5: %d, and not told of loss %u after %u", ret,
			      before, t->told_last);
	}
}

static void ws_free_check_result(struct ws_free *x, const struct ws_sync *s,
				 int ret, int failures)
{
	bool plausible = true;

	switch (ret) {
	case -ETIMEDOUT:
		plausible = ktime_get() >= s->limit.deadline;
		break;
	case -EAGAIN:
		plausible = s->limit.nonblock;
		break;
	case WS_FAKE_FAILURE:
		plausible = s->limit.nonblock ||
			    atomic_read(&x->failures) > failures;
		break;
	case -ENODEV:
		plausible = READ_ONCE(x->killing);
		break;
	case -EIO:
	case 0:
		break;
	default:
		plausible = false;
	}
	ws_fake_check(x->fake, plausible, "a sync returns %d", ret);
}

static void ws_free_count(struct ws_free_caller *t, const struct ws_caller *c)
{
	t->calls++;
	t->timeouts += c->ret == -ETIMEDOUT;
	t->served += !c->ret;
	t->paid += !c->ret && c->sync.readbacks;
}

/*
 * Failures that cannot be those of a sync that comes now. The readback in flight
 * may have failed already, and still serve it.
 */
static int ws_free_past_failures(struct ws_free *x)
{
	struct ws_flush *f = &x->fake->flush;
	int past;

	spin_lock(&f->lock);
	past = atomic_read(&x->failures) - f->reading;
	spin_unlock(&f->lock);
	return past;
}

static void ws_free_sync_once(struct ws_free *x, struct ws_free_caller *t,
			      struct ws_caller *c)
{
	unsigned int losses = atomic_read(&x->losses);
	int failures = ws_free_past_failures(x);
	bool killed = READ_ONCE(x->killed);
	ktime_t late;

	c->sync = (struct ws_sync) {
		.verify = ws_fake_one_in(&t->rnd, 8),
		.mapped = ws_fake_one_in(&t->rnd, 8),
		.limit.nonblock = ws_fake_one_in(&t->rnd, 8),
		.limit.deadline = ws_free_deadline(x, &t->rnd),
	};
	c->quick = ws_fake_one_in(&t->rnd, 2);
	ws_caller_sync(c);
	late = ktime_sub(ktime_get(), c->sync.limit.deadline);
	ws_fake_check(x->fake, ktime_ms_delta(late, 0) < WS_FREE_LATE_MS,
		      "C3: returned %lld ns late", late);
	ws_fake_check(x->fake, !killed || c->ret == -ENODEV,
		      "C8: %d after the end", c->ret);
	ws_free_check_result(x, &c->sync, c->ret, failures);
	ws_free_check_loss(x, t, c->ret, losses);
	ws_free_count(t, c);
}

static void ws_free_sync(struct ws_caller *c)
{
	struct ws_free *x = c->fake->priv;
	struct ws_free_caller *t = &x->callers[c - c->fake->callers];
	unsigned int i, n = 1 + ws_fake_below(&t->rnd, 16);

	for (i = 0; i < n; i++) {
		if (ws_fake_one_in(&t->rnd, 2))
			ws_free_post(x);
		ws_free_sync_once(x, t, c);
		ws_free_delay(&t->rnd);
	}
}

static void ws_free_kill(struct ws_free *x)
{
	WRITE_ONCE(x->killing, true);
	ws_flush_kill(&x->fake->flush, -ENODEV);
	WRITE_ONCE(x->killed, true);
}

/* The main thread: losses, and perhaps the end. */
static void ws_free_disturb(struct ws_free *x)
{
	unsigned int n = ws_fake_below(&x->rnd, 8);
	bool kill = ws_fake_one_in(&x->rnd, 3);

	while (n--) {
		usleep_range(10, 10 + ws_fake_below(&x->rnd, 2000));
		atomic_inc(&x->losing);
		down_write(&x->no_loss);
		ws_flush_lose(&x->fake->flush, true);
		up_write(&x->no_loss);
		atomic_inc(&x->losses);
	}
	if (kill)
		ws_free_kill(x);
}

/* When the device is good again, all that was posted arrives. */
static void ws_free_finish(struct ws_free *x)
{
	struct ws_fake *fake = x->fake;
	struct ws_caller *c = &fake->callers[WS_FREE_POSTERS];
	unsigned int again = 2;
	u64 posted, synced;

	WRITE_ONCE(x->good, true);
	if (!ws_fake_rests(fake))
		return;
	/* The first one may tell of a loss. */
	do {
		c->sync = (struct ws_sync) {};
		ws_caller_start(c, ws_caller_sync);
		if (!ws_caller_ends(c))
			return;
		ws_free_count(&x->callers[WS_FREE_POSTERS], c);
	} while (c->ret == -EIO && --again);
	ws_fake_check(fake, !c->ret, "the last sync returns %d", c->ret);
	ws_flush_sequences(&fake->flush, &posted, &synced);
	ws_fake_check(fake, posted == synced && fake->arrived == fake->stored,
		      "C1: %llu of %llu synced, %llu of %llu arrived", synced,
		      posted, fake->arrived, fake->stored);
}

static void ws_free_check_stats(struct ws_free *x)
{
	struct ws_free_caller sum = {};
	struct ws_stats stats;
	unsigned int i;

	for (i = 0; i < WS_FAKE_CALLERS; i++) {
		sum.calls += x->callers[i].calls;
		sum.served += x->callers[i].served;
		sum.paid += x->callers[i].paid;
		sum.timeouts += x->callers[i].timeouts;
	}
	ws_flush_stats(&x->fake->flush, &stats);
	ws_fake_check(x->fake, stats.syncs == sum.calls &&
		      stats.timeouts == sum.timeouts &&
		      stats.clean + stats.coalesced + sum.paid == sum.served &&
		      stats.syncs == sum.served + stats.timeouts + stats.errors,
		      "%llu calls: %llu syncs, %llu+%llu free, %llu late, %llu wrong",
		      sum.calls, stats.syncs, stats.clean, stats.coalesced,
		      stats.timeouts, stats.errors);
}

static void ws_free_schedule(struct ws_free *x)
{
	struct ws_fake *fake = x->fake;
	unsigned int i;

	fake->flush.policy = ws_fake_below(&x->rnd, 3);
	fake->bound_ns = ws_fake_one_in(&x->rnd, 2) ? NSEC_PER_MSEC : 0;
	/* Who reads by itself waits as long as the device takes. */
	x->stalls = ws_fake_one_in(&x->rnd, 3) &&
		    (fake->flush.policy == WS_INLINE_NEVER ||
		     (fake->flush.policy == WS_INLINE_AUTO && !fake->bound_ns));
	for (i = 0; i < WS_FAKE_CALLERS; i++)
		ws_caller_start(&fake->callers[i],
				i < WS_FREE_POSTERS ? ws_free_write :
						      ws_free_sync);
	ws_free_disturb(x);
	/* They return even if the device never answers. */
	for (i = 0; i < WS_FAKE_CALLERS; i++)
		if (!ws_caller_ends(&fake->callers[i]))
			return;
	if (!x->killed && !x->stalls)
		ws_free_finish(x);
	ws_free_check_stats(x);
}

/* ---- cases ---- */

static int ws_random_init(struct kunit *test)
{
	ws_fake_create(test);
	return 0;
}

static void ws_random_exit(struct kunit *test)
{
	if (!test->priv)
		return;
	ws_fake_close(test->priv);
	ws_fake_destroy(test->priv);
}

/* The parameter of a case is its last schedule. */
static const void *ws_schedules(const void *prev, char *desc, uint all,
				uint step)
{
	uint first = (uintptr_t)prev;
	uint last = min(first + step, all);

	if (first >= all)
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "schedules %u to %u", first + 1,
		 last);
	return (void *)(uintptr_t)last;
}

static const void *ws_stepped_schedules(const void *prev, char *desc)
{
	return ws_schedules(prev, desc, kunit_schedules, WS_SCHEDULES_STEPPED);
}

static const void *ws_free_schedules(const void *prev, char *desc)
{
	return ws_schedules(prev, desc, DIV_ROUND_UP(kunit_schedules, 50),
			    WS_SCHEDULES_FREE);
}

/* A schedule begins; it can be had again by its seed and its number. */
static u64 ws_schedule_open(struct ws_fake *fake, uint number)
{
	snprintf(fake->what, sizeof(fake->what), "seed %u, schedule %u: ",
		 ws_fake_seed, number);
	ws_fake_open(fake);
	return ((u64)ws_fake_seed << 32) + number;
}

static void c1_c2_c3_c4_c5_c6_c8_in_steps(struct kunit *test)
{
	uint last = (uintptr_t)test->param_value;
	uint i = rounddown(last - 1, WS_SCHEDULES_STEPPED);
	struct ws_fake *fake = test->priv;
	struct ws_sim *m;

	m = kunit_kmalloc(test, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	ws_fake_serialize(fake);
	while (i++ < last && !fake->failed) {
		memset(m, 0, sizeof(*m));
		m->fake = fake;
		prandom_seed_state(&m->rnd, ws_schedule_open(fake, i));
		ws_stepped_schedule(m);
		ws_fake_close(fake);
	}
}

static void c1_c2_c3_c5_c8_in_threads(struct kunit *test)
{
	uint last = (uintptr_t)test->param_value;
	uint i = rounddown(last - 1, WS_SCHEDULES_FREE);
	struct ws_fake *fake = test->priv;
	struct ws_free *x;
	unsigned int j;
	u64 seed;

	x = kunit_kmalloc(test, sizeof(*x), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, x);
	fake->priv = x;
	fake->respond = ws_free_respond;
	while (i++ < last && !fake->failed) {
		memset(x, 0, sizeof(*x));
		x->fake = fake;
		init_rwsem(&x->no_loss);
		seed = ws_schedule_open(fake, i);
		prandom_seed_state(&x->rnd, seed);
		prandom_seed_state(&x->device_rnd, ++seed << 8);
		for (j = 0; j < WS_FAKE_CALLERS; j++)
			prandom_seed_state(&x->callers[j].rnd, seed << 8 | j);
		ws_free_schedule(x);
		ws_fake_close(fake);
	}
}

static struct kunit_case ws_random_cases[] = {
	KUNIT_CASE_PARAM_ATTR(c1_c2_c3_c4_c5_c6_c8_in_steps,
			      ws_stepped_schedules,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE_PARAM_ATTR(c1_c2_c3_c5_c8_in_threads,
			      ws_free_schedules,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite ws_random_suite = {
	.name = "writesync_random",
	.suite_init = ws_fake_seed_say,
	.init = ws_random_init,
	.exit = ws_random_exit,
	.test_cases = ws_random_cases,
};

kunit_test_suites(&ws_random_suite);

// SPDX-License-Identifier: GPL-2.0
/*
 * The flush engine.
 *
 * Every write takes a sequence number after its barrier. A sync needs a
 * readback that begins after the numbers it wants covered were given out. One
 * readback is in flight at a time; callers that arrive meanwhile share the
 * next one, as the block layer does with cache flushes.
 *
 * Whoever finds the engine idle has to see to the readback: it "leads". It
 * reads by itself where the hardware bounds the read within its time, else it
 * gives the work to the window's thread and waits with its own time-out,
 * because nothing but the hardware can end a load that stalls. A leader that
 * goes away hands the lead to the next waiter.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/sched/isolation.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include "compat.h"
#include "flush.h"
#include "trace.h"

/*
 * A CPU whose load stalls takes no interrupts, so a waiter's timer must not
 * be on it. The workers' reads therefore keep to these CPUs and the waiters'
 * timers keep off them. With a single CPU there is no choice, and the bound
 * on a wait is the hardware's.
 */
static struct cpumask ws_readback_cpus;
static struct cpumask ws_timer_cpus;

/*
 * The longest stall that a caller's own read may bring upon its CPU, where
 * other callers' timers may be waiting: the default range of PCI Express.
 */
#define WS_INLINE_MAX_NS	(50 * NSEC_PER_MSEC)

/* How long to pause before a readback without an answer is tried again. */
#define WS_RETRY_MIN_US		5U
#define WS_RETRY_MAX_US		1000U

/**
 * struct ws_waiter - a caller in ws_flush_sync(), on its stack
 * @node: in ws_flush.pending or ws_flush.inflight while not @done
 * @task: the caller
 * @verify: it wants the word posted last compared
 * @nonblock: it does not sleep
 * @waits: something was unsynced when it came
 * @since: losses up to this one were before it came
 * @covered: the readback in flight when it came serves it
 * @lead: it has to start the next readback
 * @done: @result is valid
 * @result: 0 or negative errno
 * @readbacks: readbacks made for it
 * @pause_us: how long it paused last, private to it
 *
 * All the rest is written under ws_flush.lock. A waiter leaves its stack frame
 * only after having held the lock, so whoever wakes it under the lock finds
 * it there.
 */
struct ws_waiter {
	struct list_head node;
	struct task_struct *task;
	bool verify;
	bool nonblock;
	bool waits;
	errseq_t since;
	bool covered;
	bool lead;
	bool done;
	int result;
	u32 readbacks;
	unsigned int pause_us;
};

/**
 * ws_flush_setup_cpus() - divide the CPUs between readbacks and timers
 *
 * Of the CPUs online at the call, isolated ones excepted, the upper half is
 * for readbacks.
 */
void ws_flush_setup_cpus(void)
{
	const struct cpumask *use;
	unsigned int cpu, left;

	cpus_read_lock();
	/* From 7.0 on, another one may take its place. */
	rcu_read_lock();
	use = housekeeping_cpumask(HK_TYPE_DOMAIN);
	left = cpumask_weight_and(cpu_online_mask, use) / 2;
	for_each_cpu_and(cpu, cpu_online_mask, use) {
		if (left) {
			cpumask_set_cpu(cpu, &ws_timer_cpus);
			left--;
		} else {
			cpumask_set_cpu(cpu, &ws_readback_cpus);
		}
	}
	rcu_read_unlock();
	cpus_read_unlock();
}

/**
 * ws_flush_readback_cpus() - where to make an access that may stall
 */
const struct cpumask *ws_flush_readback_cpus(void)
{
	return &ws_readback_cpus;
}

static void ws_timer_start(void *data)
{
	hrtimer_sleeper_start_expires(data, HRTIMER_MODE_ABS_PINNED);
}

/* Start the timer on a CPU that a stalled readback cannot hold up. */
static void ws_timer_start_safely(struct hrtimer_sleeper *timer)
{
	unsigned int other;
	bool here;

	here = !cpumask_test_cpu(get_cpu(), &ws_readback_cpus);
	if (here)
		ws_timer_start(timer);
	else
		other = cpumask_any_and_distribute(&ws_timer_cpus,
						   cpu_online_mask);
	put_cpu();
	if (here)
		return;

	if (other >= nr_cpu_ids ||
	    smp_call_function_single(other, ws_timer_start, timer, true))
		ws_timer_start(timer);
}

static bool ws_flush_expired(ktime_t deadline)
{
	return ktime_compare(ktime_get(), deadline) >= 0;
}

static void ws_waiter_wake(struct ws_flush *f, struct ws_waiter *w)
{
	lockdep_assert_held(&f->lock);
	if (w->task != current)
		wake_up_process(w->task);
}

static void ws_waiter_finish(struct ws_flush *f, struct ws_waiter *w,
			     int result)
{
	lockdep_assert_held(&f->lock);
	list_del_init(&w->node);
	w->result = result;
	WRITE_ONCE(w->done, true);
	ws_waiter_wake(f, w);
}

static void ws_flush_finish_all(struct ws_flush *f, struct list_head *list,
				int result, bool mismatch)
{
	struct ws_waiter *w, *next;

	lockdep_assert_held(&f->lock);
	list_for_each_entry_safe(w, next, list, node)
		ws_waiter_finish(f, w,
				 w->verify && mismatch ? -EIO : result);
}

static void ws_flush_queue(struct ws_flush *f)
{
	lockdep_assert_held(&f->lock);
	/* After ws_flush_kill() the worker may be gone. */
	if (!f->error)
		kthread_queue_work(f->worker, &f->work);
}

/* Is a readback wanted that nobody waits for? */
static bool ws_flush_kicked(struct ws_flush *f)
{
	lockdep_assert_held(&f->lock);
	return f->kick && f->synced < f->posted;
}

/*
 * The lead goes to the waiter that came first, or to the worker if it has been
 * asked for a readback that nobody waits for, or the engine falls idle.
 */
static void ws_flush_pass_lead(struct ws_flush *f)
{
	struct ws_waiter *w;

	lockdep_assert_held(&f->lock);
	w = list_first_entry_or_null(&f->pending, struct ws_waiter, node);
	if (w) {
		WRITE_ONCE(w->lead, true);
		ws_waiter_wake(f, w);
	} else if (ws_flush_kicked(f)) {
		ws_flush_queue(f);
	} else {
		f->busy = false;
	}
}

/*
 * Stores that other threads of an address space made through a mapping may still
 * sit in the write-combining buffers of the CPUs that they run on. A thread that
 * has left its CPU since was fenced by the switch.
 */
static void ws_flush_add_fence(struct ws_flush *f, struct mm_struct *mm)
{
	lockdep_assert_held(&f->lock);
	/* The caller is its only thread, or, at its end, all of them left. */
	if (mm && atomic_read(&mm->mm_users) <= 1)
		return;
	/*
	 * Not every architecture keeps track of where an mm runs; and a kernel
	 * thread may act for anybody (libaio's fsync).
	 */
	cpumask_or(f->fence_cpus, f->fence_cpus,
		   mm && IS_ENABLED(CONFIG_X86) ? mm_cpumask(mm) :
						  cpu_online_mask);
	WRITE_ONCE(f->fence, true);
}

/* Drains the write-combining buffers of the CPU that runs it. */
static void ws_fence(void *unused)
{
	mb();	/* the stores of its threads, before the readback begins */
}

/* Takes the CPUs to fence over to the readback that begins. */
static bool ws_flush_take_fence(struct ws_flush *f)
{
	bool fence = f->fence;

	lockdep_assert_held(&f->lock);
	if (fence) {
		cpumask_copy(f->fencing_cpus, f->fence_cpus);
		cpumask_clear(f->fence_cpus);
		WRITE_ONCE(f->fence, false);
	}
	return fence;
}

/* Everybody who waits now becomes the batch of the readback to begin. */
static void ws_flush_begin(struct ws_flush *f, struct ws_mark *mark)
{
	struct ws_waiter *w;

	lockdep_assert_held(&f->lock);
	WARN_ON_ONCE(f->reading);
	list_splice_tail_init(&f->pending, &f->inflight);
	mark->last = f->last;
	mark->witness = f->witness;
	mark->verify = f->kick && f->kick_verify;
	mark->retry = f->suspect;
	mark->mismatch = false;
	list_for_each_entry(w, &f->inflight, node)
		mark->verify |= w->verify;
	f->covered = f->posted;
	f->reading = true;
	f->kick = false;
	f->kick_verify = false;
}

/* A readback counts for the waiter that came first. */
static void ws_flush_charge(struct ws_flush *f)
{
	struct ws_waiter *w;

	lockdep_assert_held(&f->lock);
	w = list_first_entry_or_null(&f->inflight, struct ws_waiter, node);
	if (w)
		w->readbacks++;
}

static void ws_flush_end(struct ws_flush *f, const struct ws_mark *mark,
			 u64 ns, int ret)
{
	lockdep_assert_held(&f->lock);
	if (ret == -EBUSY) {
		f->reading = false;
		list_splice_init(&f->inflight, &f->pending);
		return;
	}
	trace_writesync_readback(f->id, f->covered, ns, ret);
	f->stats.readbacks++;
	f->stats.latency[min(fls64(ns), WS_LATENCIES - 1)]++;
	f->reading = false;
	f->suspect = ret == -EAGAIN;
	ws_flush_charge(f);
	if (ret == -EAGAIN) {
		list_splice_init(&f->inflight, &f->pending);
		return;
	}
	/* Bytes that are not what was written have not arrived. */
	if (!ret && !mark->mismatch)
		WRITE_ONCE(f->synced, max(f->synced, f->covered));
	f->late_error = list_empty(&f->inflight) ? ret : 0;
	f->late_mismatch = list_empty(&f->inflight) && mark->mismatch;
	ws_flush_finish_all(f, &f->inflight, ret, mark->mismatch);
}

/*
 * One readback for everybody who waits. What it covers is sampled before it
 * begins and after the barrier, so that nobody is served by a readback that
 * began before their own writes were done.
 */
static int ws_flush_readback(struct ws_flush *f, bool inlined)
{
	struct ws_mark mark = { .single = inlined };
	u64 begun;
	bool fence;
	int ret;

	spin_lock(&f->lock);
	ws_flush_begin(f, &mark);
	fence = ws_flush_take_fence(f);
	spin_unlock(&f->lock);

	if (fence)
		on_each_cpu_mask(f->fencing_cpus, ws_fence, NULL, true);
	begun = ktime_get_ns();

	/*
	 * Pairs with the write barrier that each writer executed on its own
	 * CPU before it took its number: the load of the readback must not be
	 * hoisted above the sampling of the numbers.
	 */
	mb();
	ret = f->ops->confirm(f, &mark);

	spin_lock(&f->lock);
	ws_flush_end(f, &mark, ktime_get_ns() - begun, ret);
	spin_unlock(&f->lock);
	return ret == -EBUSY ? -EAGAIN : ret;
}

/* Leave the device some time, longer each time. A signal ends it. */
static void ws_flush_pause(unsigned int *pause_us)
{
	ktime_t pause;

	*pause_us = clamp(2 * *pause_us, WS_RETRY_MIN_US, WS_RETRY_MAX_US);
	pause = ns_to_ktime(*pause_us * NSEC_PER_USEC);
	set_current_state(TASK_INTERRUPTIBLE);
	schedule_hrtimeout_range(&pause, *pause_us * NSEC_PER_USEC,
				 HRTIMER_MODE_REL);
}

/* Does the worker have anything to do? If not, the engine falls idle. */
static bool ws_flush_work_left(struct ws_flush *f)
{
	bool left;

	spin_lock(&f->lock);
	left = !f->error &&
	       (!list_empty(&f->pending) || ws_flush_kicked(f));
	if (!left)
		f->busy = false;
	spin_unlock(&f->lock);
	return left;
}

static void ws_flush_work(struct kthread_work *work)
{
	struct ws_flush *f = container_of(work, struct ws_flush, work);
	unsigned int pause_us = 0;

	while (ws_flush_work_left(f)) {
		cond_resched();
		if (ws_flush_readback(f, false) == -EAGAIN)
			ws_flush_pause(&pause_us);
		else
			pause_us = 0;
	}
}

/*
 * A read in the caller's context costs no context switch. It is right only
 * where the hardware ends it within what is left of the caller's time, for a
 * single access, not while the device leaves reads unanswered, and not if other
 * CPUs have to be fenced first: one that is stalled itself keeps us waiting.
 * But who may not wait for the worker gets nowhere if stores through a mapping
 * are to be covered: no earlier readback is of any use.
 */
static bool ws_flush_bounded(struct ws_flush *f, const struct ws_waiter *w,
			     ktime_t deadline)
{
	u64 bound = f->ops->bound_ns(f);

	if (!bound || bound > WS_INLINE_MAX_NS)
		return false;
	if (w->verify || READ_ONCE(f->suspect))
		return false;
	if (READ_ONCE(f->fence) && !w->nonblock)
		return false;
	return ktime_compare(ktime_add_ns(ktime_get(), bound), deadline) <= 0;
}

static bool ws_flush_may_inline(struct ws_flush *f, const struct ws_waiter *w,
				ktime_t deadline)
{
	switch (READ_ONCE(f->policy)) {
	case WS_INLINE_ALWAYS:
		return !ws_flush_expired(deadline);
	case WS_INLINE_AUTO:
		return ws_flush_bounded(f, w, deadline);
	case WS_INLINE_NEVER:
		break;
	}
	return false;
}

/* Even if we stop waiting, the readback is begun, and a late answer counts. */
static void ws_flush_kick(struct ws_flush *f, const struct ws_waiter *w)
{
	lockdep_assert_held(&f->lock);
	f->kick = true;
	f->kick_verify |= w->verify;
}

/**
 * struct ws_alarm - the end of a caller's time, on its stack
 * @sleeper: wakes it
 * @set: it has been started
 */
struct ws_alarm {
	struct hrtimer_sleeper sleeper;
	bool set;
};

/* Before the worker may stall a CPU that might be ours. */
static void ws_alarm_set(struct ws_alarm *alarm, ktime_t deadline)
{
	if (alarm->set)
		return;
	alarm->set = true;
	hrtimer_setup_sleeper_on_stack(&alarm->sleeper, CLOCK_MONOTONIC,
				       HRTIMER_MODE_ABS);
	hrtimer_set_expires(&alarm->sleeper.timer, deadline);
	if (deadline != KTIME_MAX)
		ws_timer_start_safely(&alarm->sleeper);
}

static void ws_alarm_clear(struct ws_alarm *alarm)
{
	if (!alarm->set)
		return;
	hrtimer_cancel(&alarm->sleeper.timer);
	destroy_hrtimer_on_stack(&alarm->sleeper.timer);
}

/*
 * Sleep until the waiter is served or has to lead.
 * Return: 0, -ETIMEDOUT or -EINTR.
 */
static int ws_flush_sleep(struct ws_waiter *w, struct ws_alarm *alarm)
{
	int ret = 0;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (READ_ONCE(w->done) || READ_ONCE(w->lead))
			break;
		if (!READ_ONCE(alarm->sleeper.task))
			ret = -ETIMEDOUT;
		else if (signal_pending(current))
			ret = -EINTR;
		if (ret)
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return ret;
}

/* See to the next readback by ourselves. Without an answer we still lead. */
static void ws_flush_lead(struct ws_flush *f, struct ws_waiter *w)
{
	if (ws_flush_readback(f, true) == -EAGAIN)
		ws_flush_pause(&w->pause_us);
}

/* The worker sees to the next readback. */
static void ws_flush_delegate(struct ws_flush *f, struct ws_waiter *w)
{
	spin_lock(&f->lock);
	if (!w->done) {
		WRITE_ONCE(w->lead, false);
		ws_flush_kick(f, w);
		ws_flush_queue(f);
	}
	spin_unlock(&f->lock);
}

static void ws_flush_account(struct ws_flush *f, const struct ws_waiter *w,
			     int ret)
{
	lockdep_assert_held(&f->lock);
	f->stats.syncs++;
	if (ret == -ETIMEDOUT)
		f->stats.timeouts++;
	else if (ret)
		f->stats.errors++;
	else if (!w->waits)
		f->stats.clean++;
	else if (!w->readbacks)
		f->stats.coalesced++;
}

/*
 * How a sync ends. A loss outweighs everything but the news that the device is
 * gone: it concerns bytes that no later sync can vouch for. Somebody else with
 * the same file may have been told of it first; who was waiting meanwhile is
 * told too.
 */
static int ws_flush_settle(struct ws_flush *f, struct ws_sync *s,
			   const struct ws_waiter *w, int ret)
{
	struct ws_client *client = s->client;

	lockdep_assert_held(&f->lock);
	if (!(f->error && ret == f->error) &&
	    (errseq_check_and_advance(&f->loss, &client->since) ||
	     (w->waits && errseq_check(&f->loss, w->since))))
		ret = -EIO;
	s->synced = f->synced;
	s->readbacks = w->readbacks;
	ws_flush_account(f, w, ret);
	return ret;
}

/* Wait no more. If the answer came at the last moment, it counts. */
static int ws_flush_leave(struct ws_flush *f, struct ws_sync *s,
			  struct ws_waiter *w, int ret)
{
	spin_lock(&f->lock);
	if (w->done)
		ret = w->result;
	else
		list_del(&w->node);
	if (w->lead)
		ws_flush_pass_lead(f);
	ret = ws_flush_settle(f, s, w, ret);
	spin_unlock(&f->lock);
	return ret;
}

static int ws_flush_wait(struct ws_flush *f, struct ws_sync *s,
			 struct ws_waiter *w)
{
	struct ws_alarm alarm = { .set = false };
	ktime_t deadline = s->limit.deadline;
	int ret = 0;

	while (!ret && !READ_ONCE(w->done)) {
		bool lead = READ_ONCE(w->lead);

		if (lead && signal_pending(current)) {
			ret = -EINTR;
		} else if (lead && ws_flush_may_inline(f, w, deadline)) {
			ws_flush_lead(f, w);
		} else {
			ws_alarm_set(&alarm, deadline);
			if (lead)
				ws_flush_delegate(f, w);
			ret = ws_flush_sleep(w, &alarm);
		}
	}
	ws_alarm_clear(&alarm);
	return ws_flush_leave(f, s, w, ret);
}

/* How a readback failed that nobody waited for: told once. */
static int ws_flush_late_error(struct ws_flush *f, const struct ws_waiter *w)
{
	int ret = f->late_error;

	lockdep_assert_held(&f->lock);
	f->late_error = 0;
	if (!ret && w->verify && f->late_mismatch) {
		f->late_mismatch = false;
		ret = -EIO;
	}
	return ret;
}

/*
 * As ws_flush_wait(), but where that would sleep: see that a readback begins,
 * and leave. The next call learns how it ended.
 */
static int ws_flush_try(struct ws_flush *f, struct ws_sync *s,
			struct ws_waiter *w)
{
	int ret;

	if (w->lead && ws_flush_may_inline(f, w, s->limit.deadline))
		ws_flush_readback(f, true);

	spin_lock(&f->lock);
	if (w->done) {
		ret = w->result;
	} else {
		list_del(&w->node);
		if (!w->covered)
			ws_flush_kick(f, w);
		ret = ws_flush_late_error(f, w) ?: -EAGAIN;
	}
	if (w->lead)
		ws_flush_pass_lead(f);
	ret = ws_flush_settle(f, s, w, ret);
	spin_unlock(&f->lock);
	return ret;
}

/* Something was stored of which neither number nor value is known. */
static void ws_flush_unknown(struct ws_flush *f)
{
	lockdep_assert_held(&f->lock);
	WRITE_ONCE(f->posted, f->posted + 1);
	f->last.known = 0;
	f->witness.known = 0;
	f->late_error = 0;
	f->late_mismatch = false;
}

/*
 * Return: 0 if everything posted has arrived, 1 if the waiter has to wait,
 * negative errno if the device is gone or lost something.
 */
static int ws_flush_join(struct ws_flush *f, const struct ws_sync *s,
			 struct ws_waiter *w)
{
	lockdep_assert_held(&f->lock);
	if (f->error)
		return f->error;
	if (errseq_check(&f->loss, s->client->since))
		return -EIO;
	/*
	 * Stores through a mapping take no numbers, so the sync takes one for
	 * those that were made until now.
	 */
	if (s->mapped) {
		ws_flush_unknown(f);
		ws_flush_add_fence(f, current->mm);
	}
	if (f->synced >= f->posted)
		return 0;
	w->waits = true;
	w->since = s->client->since;
	/* A readback that began after the newest write serves us as well. */
	w->covered = f->reading && f->covered >= f->posted && !w->verify;
	list_add_tail(&w->node, w->covered ? &f->inflight : &f->pending);
	if (!f->busy) {
		f->busy = true;
		w->lead = true;
	}
	return 1;
}

/**
 * ws_flush_clean() - is there nothing to wait for, and nothing to tell?
 * @f: the flush state of a window
 * @s: who asks; no store is without a number
 *
 * Return: true if so, and that was a sync; false: ws_flush_sync() has to see.
 */
bool ws_flush_clean(struct ws_flush *f, struct ws_sync *s)
{
	bool clean;

	/* Most likely not; what counts is below. */
	if (READ_ONCE(f->synced) < READ_ONCE(f->posted))
		return false;
	mb();	/* as in ws_flush_sync() */
	spin_lock(&f->lock);
	clean = !f->error && f->synced >= f->posted &&
		!errseq_check(&f->loss, s->client->since);
	if (clean) {
		s->synced = f->synced;
		f->stats.syncs++;
		f->stats.clean++;
	}
	spin_unlock(&f->lock);
	return clean;
}

/**
 * ws_flush_sync() - wait until everything posted before has arrived
 * @f: the flush state of a window
 * @s: time-out and options; its output is valid on errors too
 *
 * Context: process context; must not be called with locks held.
 * Return: 0, or -ETIMEDOUT, -EINTR, -EAGAIN, or what confirm() said; -EIO also
 * if unsynced bytes may have been lost since the client was last told so.
 */
int ws_flush_sync(struct ws_flush *f, struct ws_sync *s)
{
	struct ws_waiter w = {
		.task = current,
		.verify = s->verify,
		.nonblock = s->limit.nonblock,
	};
	int ret;

	/*
	 * Orders the caller's stores, the device's memory included, before
	 * the sampling of the sequence and thus before the readback.
	 */
	mb();
	spin_lock(&f->lock);
	ret = ws_flush_join(f, s, &w);
	if (ret <= 0)
		ret = ws_flush_settle(f, s, &w, ret);
	spin_unlock(&f->lock);

	if (ret > 0)
		ret = s->limit.nonblock ? ws_flush_try(f, s, &w) :
					  ws_flush_wait(f, s, &w);
	return ret;
}

/**
 * ws_flush_count() - count a sync that ended before it came to a readback
 * @f: the flush state of a window
 * @s: its output is set
 * @ret: how it ended, negative errno
 */
void ws_flush_count(struct ws_flush *f, struct ws_sync *s, int ret)
{
	const struct ws_waiter w = {};

	spin_lock(&f->lock);
	s->synced = f->synced;
	ws_flush_account(f, &w, ret);
	spin_unlock(&f->lock);
}

/**
 * ws_flush_add_client() - from now on, losses are to be told to this client
 * @f: the flush state of a window
 * @client: an open file, zeroed
 */
void ws_flush_add_client(struct ws_flush *f, struct ws_client *client)
{
	spin_lock(&f->lock);
	client->since = errseq_sample(&f->loss);
	spin_unlock(&f->lock);
}

/* Every client learns of it, once, by the next sync. */
static void ws_flush_lost(struct ws_flush *f)
{
	errseq_t told = 0;

	lockdep_assert_held(&f->lock);
	f->lost = f->posted;
	f->stats.losses++;
	errseq_set(&f->loss, -EIO);
	/* As seen, or whoever comes later would be told too. */
	errseq_check_and_advance(&f->loss, &told);
}

/**
 * ws_flush_generation() - how often contents may have been lost
 * @f: the flush state of a window
 */
u64 ws_flush_generation(const struct ws_flush *f)
{
	return READ_ONCE(f->generation);
}

/**
 * ws_flush_lose() - what the device holds may have been lost
 * @f: the flush state of a window
 * @mapped: stores that took no number may have been made
 *
 * Every client learns of it, once, if that concerns unsynced bytes.
 *
 * Return: the new generation.
 */
u64 ws_flush_lose(struct ws_flush *f, bool mapped)
{
	u64 generation;

	spin_lock(&f->lock);
	generation = f->generation + 1;
	WRITE_ONCE(f->generation, generation);
	if (mapped || max(f->synced, f->lost) < f->posted)
		ws_flush_lost(f);
	spin_unlock(&f->lock);
	return generation;
}

/* The first byte that is known not to be all-ones, or WS_WORD_BYTES. */
static unsigned int ws_word_not_ones(const struct ws_word *word)
{
	unsigned int i;

	for (i = 0; i < WS_WORD_BYTES; i++)
		if (word->known & BIT(i) && word->bytes[i] != 0xff)
			break;
	return i;
}

/**
 * ws_flush_post() - account for stores that were handed to the bus
 * @f: the flush state of a window
 * @word: the last bytes of them
 * @len: how many bytes were stored, up to and including @word->last
 * @kind: what they are counted as
 * @generation: ws_flush_generation() before the first of the stores
 *
 * The caller has executed a write barrier on the CPU that did the stores.
 */
void ws_flush_post(struct ws_flush *f, const struct ws_word *word, u64 len,
		   enum ws_post kind, u64 generation)
{
	u64 first = round_down(word->last + 1 - len, WS_WORD_BYTES);
	unsigned int telling = ws_word_not_ones(word);

	spin_lock(&f->lock);
	WRITE_ONCE(f->posted, f->posted + 1);
	f->last = *word;
	if (telling < WS_WORD_BYTES) {
		f->witness = *word;
		/* In a narrow window only one byte may be read of it. */
		f->witness.last = round_down(word->last, WS_WORD_BYTES) +
				  telling;
	} else if (f->witness.last >= first &&
		   f->witness.last < round_up(word->last + 1, WS_WORD_BYTES)) {
		f->witness.known = 0;
	}
	/* They were about earlier bytes; the next readback says it anew. */
	f->late_error = 0;
	f->late_mismatch = false;
	if (kind != WS_POST_CLEAR)
		f->stats.bytes += len;
	if (kind == WS_POST_WRITE)
		f->stats.writes++;
	if (generation != f->generation)
		ws_flush_lost(f);
	spin_unlock(&f->lock);
}

/**
 * ws_flush_post_unknown() - account for stores of which nothing is known
 * @f: the flush state of a window
 */
void ws_flush_post_unknown(struct ws_flush *f)
{
	spin_lock(&f->lock);
	ws_flush_unknown(f);
	spin_unlock(&f->lock);
}

/**
 * ws_flush_want_fence() - have the next readback fence an address space's CPUs
 * @f: the flush state of a window
 * @mm: the address space, in which stores were made that took no number
 */
void ws_flush_want_fence(struct ws_flush *f, struct mm_struct *mm)
{
	spin_lock(&f->lock);
	ws_flush_add_fence(f, mm);
	spin_unlock(&f->lock);
}

/**
 * ws_flush_needed() - would a sync have anything to do or to tell?
 * @f: the flush state of a window
 * @client: who asks
 */
bool ws_flush_needed(struct ws_flush *f, const struct ws_client *client)
{
	bool needed;

	spin_lock(&f->lock);
	needed = f->synced < f->posted ||
		 errseq_check(&f->loss, client->since);
	spin_unlock(&f->lock);
	return needed;
}

/**
 * ws_flush_stats() - read all that was counted as of one moment
 * @f: the flush state of a window
 * @stats: out
 */
void ws_flush_stats(struct ws_flush *f, struct ws_stats *stats)
{
	spin_lock(&f->lock);
	*stats = f->stats;
	spin_unlock(&f->lock);
}

/**
 * ws_flush_sequences() - read both sequence numbers as of one moment
 * @f: the flush state of a window
 * @posted: the newest write
 * @synced: every write up to this one has arrived
 */
void ws_flush_sequences(struct ws_flush *f, u64 *posted, u64 *synced)
{
	spin_lock(&f->lock);
	*posted = f->posted;
	*synced = f->synced;
	spin_unlock(&f->lock);
}

/**
 * ws_flush_synced() - every write up to which one has arrived?
 * @f: the flush state of a window
 */
u64 ws_flush_synced(struct ws_flush *f)
{
	u64 posted, synced;

	ws_flush_sequences(f, &posted, &synced);
	return synced;
}

/**
 * ws_flush_init() - make a window's flush state
 * @f: the flush state, zeroed
 * @ops: the device
 * @id: for tracing
 * @name: name of the worker's thread
 *
 * Return: 0 or negative errno; ws_flush_free() is due in either case.
 */
int ws_flush_init(struct ws_flush *f, const struct ws_flush_ops *ops,
		  unsigned int id, const char *name)
{
	f->ops = ops;
	f->id = id;
	spin_lock_init(&f->lock);
	INIT_LIST_HEAD(&f->pending);
	INIT_LIST_HEAD(&f->inflight);
	kthread_init_work(&f->work, ws_flush_work);

	if (!zalloc_cpumask_var(&f->fence_cpus, GFP_KERNEL) ||
	    !zalloc_cpumask_var(&f->fencing_cpus, GFP_KERNEL))
		return -ENOMEM;
	f->worker = ws_run_worker(&ws_readback_cpus, name);
	return PTR_ERR_OR_ZERO(f->worker);
}

/**
 * ws_flush_kill() - wake every waiter with an error; refuse all later ones
 * @f: the flush state of a window
 * @error: negative errno
 *
 * Does not wait for the readback in flight. May be called more than once; the
 * first error stays.
 */
void ws_flush_kill(struct ws_flush *f, int error)
{
	spin_lock(&f->lock);
	if (!f->error)
		f->error = error;
	if (f->reading)
		ws_flush_charge(f);
	ws_flush_finish_all(f, &f->inflight, f->error, false);
	ws_flush_finish_all(f, &f->pending, f->error, false);
	spin_unlock(&f->lock);
}

/**
 * ws_flush_exit() - stop the worker
 * @f: the flush state of a window, killed
 *
 * Waits for the readback in flight on the worker. Calls on @f are still
 * allowed, and fail.
 */
void ws_flush_exit(struct ws_flush *f)
{
	kthread_destroy_worker(f->worker);
}

/**
 * ws_flush_free() - free what ws_flush_init() allocated
 * @f: the flush state of a window that nobody uses any more
 */
void ws_flush_free(struct ws_flush *f)
{
	free_cpumask_var(f->fencing_cpus);
	free_cpumask_var(f->fence_cpus);
}

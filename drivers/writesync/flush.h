/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flush engine: sequences, batches, time. It knows nothing of PCI.
 */
#ifndef WS_FLUSH_H
#define WS_FLUSH_H

#include <linux/cpumask.h>
#include <linux/errseq.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define WS_WORD_BYTES	8

/**
 * struct ws_word - the last bytes of a write, as far as they are known
 * @last: offset in the window of the last byte written
 * @bytes: the naturally aligned word of %WS_WORD_BYTES around @last
 * @known: bit i is set if bytes[i] is what was written
 */
struct ws_word {
	u64 last;
	u8 bytes[WS_WORD_BYTES];
	u8 known;
};

/**
 * struct ws_mark - what a readback may look at
 * @last: the word posted last
 * @witness: the word posted last that is not all-ones; known == 0 if none
 * @verify: compare @last with what is read
 * @single: a caller reads by itself: no further access after one that the
 *	hardware may have had to end
 * @retry: the readback before this one gave no answer that counts
 * @differs: for confirm(): what was read may not be what was written
 * @mismatch: out: it was compared as @verify asks, and differs
 */
struct ws_mark {
	struct ws_word last;
	struct ws_word witness;
	bool verify;
	bool single;
	bool retry;
	bool differs;
	bool mismatch;
};

/* What was posted, for the statistics. */
enum ws_post {
	WS_POST_WRITE,		/* the first part of a write() */
	WS_POST_MORE,		/* a further part of it */
	WS_POST_CLEAR,		/* not a user's */
};

/* Buckets of the histogram: bucket i counts readbacks below 2^i ns. */
#define WS_LATENCIES	40

/**
 * struct ws_stats - what has been counted
 * @writes: write() and its relatives that wrote something
 * @bytes: bytes they wrote
 * @syncs: syncs ended
 * @readbacks: readbacks ended
 * @coalesced: syncs ended well by a readback made for another caller
 * @clean: syncs ended well because nothing was unsynced
 * @timeouts: syncs that timed out
 * @errors: syncs ended by other errors
 * @losses: times that unsynced bytes may have been lost
 * @latency: how long the readbacks took, see %WS_LATENCIES
 */
struct ws_stats {
	u64 writes;
	u64 bytes;
	u64 syncs;
	u64 readbacks;
	u64 coalesced;
	u64 clean;
	u64 timeouts;
	u64 errors;
	u64 losses;
	u64 latency[WS_LATENCIES];
};

enum ws_inline {
	WS_INLINE_AUTO,
	WS_INLINE_ALWAYS,
	WS_INLINE_NEVER,
};

struct ws_flush;

/**
 * struct ws_flush_ops - what the engine asks of the device
 * @confirm: one readback and the judgement of its answer; may sleep, and may
 *	take as long as the hardware pleases. 0: everything posted before has
 *	arrived; -EAGAIN: no answer that counts yet, ask again; -EBUSY: the
 *	device may not be asked now, try again; other: failed
 * @bound_ns: how long the hardware lets one readback take at the most, in ns;
 *	0 if it sets no bound
 */
struct ws_flush_ops {
	int (*confirm)(struct ws_flush *f, struct ws_mark *mark);
	u64 (*bound_ns)(struct ws_flush *f);
};

/**
 * struct ws_client - what the engine knows of one open file
 * @since: losses up to this one have been told
 *
 * Protected by ws_flush.lock.
 */
struct ws_client {
	errseq_t since;
};

/**
 * struct ws_flush - the flush state of one window
 * @ops: the device
 * @id: for tracing
 * @lock: protects everything below it
 * @posted: sequence number of the newest write; it and @synced may be looked at
 *	without the lock
 * @synced: every write up to this number has arrived
 * @covered: what the readback in flight covers; valid while @reading
 * @last: the word posted last
 * @witness: the word posted last that is not all-ones, and that no all-ones
 *	were written over; known == 0 if there is none
 * @pending: waiters that the next readback serves
 * @inflight: waiters that the readback in flight serves
 * @busy: a readback is in flight, or one waiter or the worker has to start it
 * @reading: a readback is in flight
 * @kick: one readback is wanted even if nobody waits any more
 * @kick_verify: with the comparison
 * @suspect: the last readback gave no answer that counts
 * @late_error: how a readback failed that nobody waited for; a caller that
 *	does not wait learns of it at its next call
 * @late_mismatch: such a readback found another word than was posted last
 * @error: negative errno once the device is gone, else 0
 * @generation: goes up whenever contents may have been lost
 * @loss: the same for unsynced bytes; a client's cursor says which ones it has
 *	been told of
 * @lost: every write up to this number that had not arrived may be lost
 * @fence: @fence_cpus is not empty
 * @fence_cpus: CPUs that run threads whose stores the next readback has to
 *	cover
 * @stats: what has been counted
 * @fencing_cpus: the same of the readback in flight; its alone
 * @policy: who reads
 * @worker: reads where the hardware does not bound the read in time
 * @work: the readbacks of @worker
 */
struct ws_flush {
	const struct ws_flush_ops *ops;
	unsigned int id;
	spinlock_t lock;	/* all that follows */
	u64 posted;
	u64 synced;
	u64 covered;
	struct ws_word last;
	struct ws_word witness;
	struct list_head pending;
	struct list_head inflight;
	bool busy;
	bool reading;
	bool kick;
	bool kick_verify;
	bool suspect;
	int late_error;
	bool late_mismatch;
	int error;
	u64 generation;
	errseq_t loss;
	u64 lost;
	bool fence;
	cpumask_var_t fence_cpus;
	struct ws_stats stats;
	cpumask_var_t fencing_cpus;
	enum ws_inline policy;
	struct kthread_worker *worker;
	struct kthread_work work;
};

/**
 * struct ws_limit - how long a caller is willing to wait
 * @deadline: CLOCK_MONOTONIC; KTIME_MAX: none; 0: the window's default
 *	time-out from when the wait begins
 * @nonblock: do not sleep
 */
struct ws_limit {
	ktime_t deadline;
	bool nonblock;
};

/**
 * struct ws_sync - one caller's sync
 * @client: in: who asks
 * @limit: in: how long to wait; ws_flush_sync() wants the deadline set
 * @timeout_ns: in: what the deadline comes from, if it is not; as in struct
 *	writesync_sync
 * @absolute: in: @timeout_ns is a point in time of CLOCK_MONOTONIC
 * @verify: in: compare the word posted last with what is read
 * @mapped: in: stores that took no number may have been made, by the caller or
 *	by other threads of its address space
 * @synced: out: every write up to this number has arrived
 * @readbacks: out: readbacks made for this call
 * @elapsed_ns: out: how long it took; 0 if there was nothing to do
 */
struct ws_sync {
	struct ws_client *client;
	struct ws_limit limit;
	u64 timeout_ns;
	bool absolute;
	bool verify;
	bool mapped;
	u64 synced;
	u32 readbacks;
	u64 elapsed_ns;
};

void ws_flush_setup_cpus(void);
const struct cpumask *ws_flush_readback_cpus(void);
int ws_flush_init(struct ws_flush *f, const struct ws_flush_ops *ops,
		  unsigned int id, const char *name);
void ws_flush_kill(struct ws_flush *f, int error);
void ws_flush_exit(struct ws_flush *f);
void ws_flush_free(struct ws_flush *f);

u64 ws_flush_generation(const struct ws_flush *f);
void ws_flush_post(struct ws_flush *f, const struct ws_word *word, u64 len,
		   enum ws_post kind, u64 generation);
void ws_flush_post_unknown(struct ws_flush *f);
void ws_flush_want_fence(struct ws_flush *f, struct mm_struct *mm);
bool ws_flush_clean(struct ws_flush *f, struct ws_sync *s);
int ws_flush_sync(struct ws_flush *f, struct ws_sync *s);
void ws_flush_count(struct ws_flush *f, struct ws_sync *s, int ret);
void ws_flush_add_client(struct ws_flush *f, struct ws_client *client);
bool ws_flush_needed(struct ws_flush *f, const struct ws_client *client);
u64 ws_flush_lose(struct ws_flush *f, bool mapped);
u64 ws_flush_synced(struct ws_flush *f);
void ws_flush_sequences(struct ws_flush *f, u64 *posted, u64 *synced);
void ws_flush_stats(struct ws_flush *f, struct ws_stats *stats);

#endif /* WS_FLUSH_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flush engine: sequences, batches, time. It knows nothing of PCI.
 */
#ifndef WS_FLUSH_H
#define WS_FLUSH_H

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
 * @mismatch: out: it was compared and differs
 */
struct ws_mark {
	struct ws_word last;
	struct ws_word witness;
	bool verify;
	bool single;
	bool retry;
	bool mismatch;
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
 *	arrived; -EAGAIN: no answer that counts yet, ask again; other: failed
 * @bound_ns: how long the hardware lets one readback take at the most, in ns;
 *	0 if it sets no bound
 */
struct ws_flush_ops {
	int (*confirm)(struct ws_flush *f, struct ws_mark *mark);
	u64 (*bound_ns)(struct ws_flush *f);
};

/**
 * struct ws_flush - the flush state of one window
 * @ops: the device
 * @lock: protects everything below it
 * @posted: sequence number of the newest write
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
 * @policy: who reads
 * @worker: reads where the hardware does not bound the read in time
 * @work: the readbacks of @worker
 */
struct ws_flush {
	const struct ws_flush_ops *ops;
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
	enum ws_inline policy;
	struct kthread_worker *worker;
	struct kthread_work work;
};

/**
 * struct ws_sync - one caller's sync
 * @deadline: in: CLOCK_MONOTONIC; KTIME_MAX: none
 * @verify: in: compare the word posted last with what is read
 * @nonblock: in: do not sleep
 * @readbacks: out: readbacks made for this call
 */
struct ws_sync {
	ktime_t deadline;
	bool verify;
	bool nonblock;
	u32 readbacks;
};

void ws_flush_setup_cpus(void);
int ws_flush_init(struct ws_flush *f, const struct ws_flush_ops *ops,
		  const char *name);
void ws_flush_kill(struct ws_flush *f, int error);
void ws_flush_exit(struct ws_flush *f);

void ws_flush_post(struct ws_flush *f, const struct ws_word *word, u64 len);
int ws_flush_sync(struct ws_flush *f, struct ws_sync *s);
void ws_flush_sequences(struct ws_flush *f, u64 *posted, u64 *synced);

#endif /* WS_FLUSH_H */

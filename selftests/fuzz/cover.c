// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage by KCOV: the kernel notes where its instrumented code, the module's,
 * goes through. What counts is an edge, one place followed by another, so that
 * ways through the same code are told apart.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kcov.h>

#include "fuzz.h"

/* Places noted per call. A long copy goes through the same ones all along. */
#define ROOM	(16 * 1024)

/*
 * The edges seen so far, by hash; @seen is the number of the trace that met
 * the edge last, @first of the one that met it first.
 */
static struct {
	_Atomic __u64 key;
	_Atomic __u32 seen;
	__u32 first;
} edges[FZ_EDGES];

static atomic_uint edge_count;
static __u32 trace;

bool fz_cover_open(struct fz_cover *cover)
{
	cover->area = NULL;
	cover->fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (cover->fd < 0)
		return false;
	/* Out of the way of the programs' descriptors. */
	cover->fd = fcntl(cover->fd, F_DUPFD_CLOEXEC, FZ_FDS);
	if (ioctl(cover->fd, KCOV_INIT_TRACE, ROOM))
		return false;
	cover->area = mmap(NULL, ROOM * sizeof(long), PROT_READ | PROT_WRITE,
			   MAP_SHARED, cover->fd, 0);
	if (cover->area != MAP_FAILED &&
	    !ioctl(cover->fd, KCOV_ENABLE, KCOV_TRACE_PC))
		return true;
	cover->area = NULL;
	return false;
}

void fz_cover_begin(struct fz_cover *cover)
{
	if (cover->area)
		__atomic_store_n(&cover->area[0], 0, __ATOMIC_RELAXED);
}

static __u64 hash(__u64 key)
{
	key = (key ^ (key >> 31)) * 0xbf58476d1ce4e5b9;
	return key ^ (key >> 29);
}

static void meet(__u64 key)
{
	__u64 at = hash(key), free;
	unsigned int tries;

	for (tries = 0; tries < FZ_EDGES; tries++, at++) {
		at %= FZ_EDGES;
		free = 0;
		if (atomic_compare_exchange_strong(&edges[at].key, &free,
						   key)) {
			edges[at].first = trace;
			edge_count++;
		} else if (free != key) {
			continue;
		}
		edges[at].seen = trace;
		return;
	}
}

/* Most of a long trace is loops: an edge that was met just now is known. */
void fz_cover_end(struct fz_cover *cover)
{
	static __thread __u64 recent[256];
	static __thread __u32 recent_trace;
	unsigned long i, count, last = 0;
	__u64 key;

	if (!cover->area)
		return;
	count = __atomic_load_n(&cover->area[0], __ATOMIC_RELAXED);
	if (recent_trace != trace)
		memset(recent, 0, sizeof(recent));
	recent_trace = trace;
	for (i = 1; i <= count && i < ROOM; i++) {
		unsigned long place = cover->area[i];

		/* The upper half of an address of kernel code says nothing. */
		key = (__u64)last << 32 | (__u32)place;
		last = (__u32)place;
		if (recent[place % 256] == key)
			continue;
		recent[place % 256] = key;
		meet(key);
	}
	__atomic_store_n(&cover->area[0], 0, __ATOMIC_RELAXED);
}

void fz_trace_begin(void)
{
	trace++;
}

/* Where the edges are that this trace met first; returns how many there are. */
unsigned int fz_trace_new(__u32 *slots, unsigned int most)
{
	static unsigned int known;
	unsigned int count = 0;
	__u32 i;

	if (known == edge_count)
		return 0;
	known = edge_count;
	for (i = 0; i < FZ_EDGES && count < most; i++)
		if (edges[i].key && edges[i].first == trace)
			slots[count++] = i;
	return count;
}

bool fz_trace_hit(unsigned int slot)
{
	return edges[slot].seen == trace;
}

bool fz_trace_has(const __u32 *slots, unsigned int count)
{
	while (count--)
		if (!fz_trace_hit(slots[count]))
			return false;
	return true;
}

unsigned int fz_edges(void)
{
	return edge_count;
}

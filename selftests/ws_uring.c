// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "ws_uring.h"

#define NS_PER_S	1000000000ULL

static void *map_part(const struct ws_uring *ring, size_t size, off_t offset)
{
	void *part = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			  ring->fd, offset);

	return part == MAP_FAILED ? NULL : part;
}

int ws_uring_open(struct ws_uring *ring, unsigned int entries)
{
	struct io_uring_params *params = &ring->params;

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(SYS_io_uring_setup, entries, params);
	if (ring->fd < 0)
		return -errno;
	ring->memory_size = params->cq_off.cqes + params->cq_entries *
			    sizeof(struct io_uring_cqe);
	ring->entries_size = params->sq_entries * sizeof(struct io_uring_sqe);
	ring->memory = map_part(ring, ring->memory_size, IORING_OFF_SQ_RING);
	ring->entries = map_part(ring, ring->entries_size, IORING_OFF_SQES);
	return ring->memory && ring->entries ? 0 : -ENOMEM;
}

void ws_uring_unmap(struct ws_uring *ring)
{
	if (ring->memory)
		munmap(ring->memory, ring->memory_size);
	if (ring->entries)
		munmap(ring->entries, ring->entries_size);
	memset(ring, 0, sizeof(*ring));
	ring->fd = -1;
}

/* The queue's entry, in the one place that is free. */
static void put_entry(struct ws_uring *ring, const struct io_uring_sqe *sqe)
{
	const struct io_uring_params *params = &ring->params;
	__u8 *memory = ring->memory;
	atomic_uint *tail = (void *)(memory + params->sq_off.tail);
	__u32 *array = (void *)(memory + params->sq_off.array);
	__u32 at = atomic_load(tail) % params->sq_entries;

	((struct io_uring_sqe *)ring->entries)[at] = *sqe;
	array[at] = at;
	atomic_fetch_add(tail, 1);
}

/* Takes the answers away, or there will be no room for others. */
static long take_answers(struct ws_uring *ring)
{
	const struct io_uring_params *params = &ring->params;
	__u8 *memory = ring->memory;
	atomic_uint *head = (void *)(memory + params->cq_off.head);
	atomic_uint *tail = (void *)(memory + params->cq_off.tail);
	struct io_uring_cqe *cqes = (void *)(memory + params->cq_off.cqes);
	long ret = 0;

	for (; *head != *tail; ++*head)
		ret = cqes[*head % params->cq_entries].res;
	return ret;
}

long ws_uring_call(struct ws_uring *ring, const struct io_uring_sqe *sqe,
		   unsigned long long wait_ns)
{
	struct __kernel_timespec wait = {
		.tv_sec = wait_ns / NS_PER_S, .tv_nsec = wait_ns % NS_PER_S,
	};
	struct io_uring_getevents_arg more = { .ts = (uintptr_t)&wait };

	put_entry(ring, sqe);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1,
		    IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &more,
		    sizeof(more)) < 0)
		return -errno;
	return take_answers(ring);
}

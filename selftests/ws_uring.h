/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io_uring by hand, since one entry at a time is all that the tests need.
 */
#ifndef WS_URING_H
#define WS_URING_H

#include <stddef.h>
#include <linux/io_uring.h>

struct ws_uring {
	int fd;
	void *memory, *entries;
	size_t memory_size, entries_size;
	struct io_uring_params params;
};

/*
 * Return: 0; -ENOMEM if its memory cannot be mapped; another negative errno if
 * there is no ring. To be undone by ws_uring_unmap() and close() in either order.
 */
int ws_uring_open(struct ws_uring *ring, unsigned int entries);
void ws_uring_unmap(struct ws_uring *ring);

/*
 * Submits one entry and waits for an answer, for @wait_ns at most. Return: the
 * last answer, or a negative errno.
 */
long ws_uring_call(struct ws_uring *ring, const struct io_uring_sqe *sqe,
		   unsigned long long wait_ns);

#endif /* WS_URING_H */

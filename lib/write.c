// SPDX-License-Identifier: MIT
/* Writing, alone and with the sync in the same call. */
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

/* Only the kernel's own structure can be handed on as it is. */
#define SAME_IOVEC	(sizeof(struct iovec) == sizeof(struct writesync_iovec))

static ssize_t write_some(int fd, const void *buf, size_t len, uint64_t offset)
{
	if (offset == WRITESYNC_POSITION)
		return result(write(fd, buf, len));
	return result(pwrite(fd, buf, len, offset));
}

ssize_t writesync_write(int fd, const void *buf, size_t len, uint64_t offset)
{
	bool at = offset != WRITESYNC_POSITION;
	size_t done = 0;
	ssize_t n;

	if (len > SSIZE_MAX || (at && offset > INT64_MAX))
		return -EINVAL;
	do {
		n = write_some(fd, (const char *)buf + done, len - done,
			       at ? offset + done : offset);
		if (n <= 0)
			break;
		done += n;
	} while (done < len);
	return done ? (ssize_t)done : n;
}

/*
 * @iov: an array as the kernel takes it
 */
static int write_sync(int fd, const void *iov, unsigned int count,
		      uint64_t offset, uint64_t timeout_ns, unsigned int flags,
		      size_t *written)
{
	struct writesync_write write = {
		.size = sizeof(write),
		.flags = flags | WRITESYNC_WRITE_SYNC,
		.iov = address_of(iov),
		.iov_count = count,
		.timeout_ns = timeout_ns,
	};
	int ret;

	if (offset != WRITESYNC_POSITION) {
		write.flags |= WRITESYNC_WRITE_AT;
		write.offset = offset;
	}
	ret = call(fd, WRITESYNC_IOC_WRITE, &write);
	if (written)
		*written = write.bytes_written;
	return ret;
}

int writesync_write_sync(int fd, const void *buf, size_t len, uint64_t offset,
			 uint64_t timeout_ns, size_t *written)
{
	struct writesync_iovec iov = { address_of(buf), len };

	return write_sync(fd, &iov, 1, offset, timeout_ns, 0, written);
}

static int convert_and_write(int fd, const struct iovec *iov, int count,
			     uint64_t offset, uint64_t timeout_ns,
			     unsigned int flags, size_t *written)
{
	struct writesync_iovec *wide = calloc(count + 1, sizeof(*wide));
	int i, ret;

	if (!wide)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		wide[i].base = address_of(iov[i].iov_base);
		wide[i].length = iov[i].iov_len;
	}
	ret = write_sync(fd, wide, count, offset, timeout_ns, flags, written);
	free(wide);
	return ret;
}

int writesync_writev_sync(int fd, const struct iovec *iov, int count,
			  uint64_t offset, uint64_t timeout_ns,
			  unsigned int flags, size_t *written)
{
	if (written)
		*written = 0;
	if (count < 0 || count > WRITESYNC_IOV_MAX)
		return -EINVAL;
	/* These two are not the caller's: @offset says it all. */
	if (flags & (WRITESYNC_WRITE_AT | WRITESYNC_WRITE_SYNC))
		return -EINVAL;
	if (SAME_IOVEC)
		return write_sync(fd, iov, count, offset, timeout_ns, flags,
				  written);
	return convert_and_write(fd, iov, count, offset, timeout_ns, flags,
				 written);
}

// SPDX-License-Identifier: MIT
/* Syncing. */
#include "internal.h"

int writesync_sync(int fd, uint64_t timeout_ns)
{
	struct writesync_sync sync = {
		.size = sizeof(sync),
		.timeout_ns = timeout_ns,
	};

	return call(fd, WRITESYNC_IOC_SYNC, &sync);
}

int writesync_sync_range(int fd, uint64_t offset, uint64_t length,
			 uint64_t timeout_ns, unsigned int flags)
{
	struct writesync_sync sync = {
		.size = sizeof(sync),
		.flags = flags | WRITESYNC_RANGE,
		.timeout_ns = timeout_ns,
		.offset = offset,
		.length = length,
	};

	if (!offset && length == WRITESYNC_WHOLE) {
		sync.flags = flags & ~WRITESYNC_RANGE;
		sync.length = 0;
	}
	return call(fd, WRITESYNC_IOC_SYNC, &sync);
}

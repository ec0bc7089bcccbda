// SPDX-License-Identifier: MIT
/* Regions. */
#include "internal.h"

int writesync_region_alloc(int fd, uint64_t *length, uint64_t alignment,
			   uint64_t *offset)
{
	struct writesync_alloc alloc = {
		.size = sizeof(alloc),
		.length = *length,
		.alignment = alignment,
	};
	int ret = call(fd, WRITESYNC_IOC_ALLOC, &alloc);

	if (ret)
		return ret;
	*length = alloc.length;
	if (offset)
		*offset = alloc.offset;
	return alloc.fd;
}

int writesync_region_commit(int fd)
{
	struct writesync_commit commit = { .size = sizeof(commit) };

	return call(fd, WRITESYNC_IOC_COMMIT, &commit);
}

int writesync_region_decommit(int fd)
{
	struct writesync_commit commit = { .size = sizeof(commit) };

	return call(fd, WRITESYNC_IOC_DECOMMIT, &commit);
}

// SPDX-License-Identifier: MIT
/* Looking: who and what a window is, whether it needs a sync. */
#include "internal.h"

/*
 * Callers have reserved as many bytes as the structure had when they were
 * compiled. Should it grow, this function keeps the size below under its
 * symbol version, and a new version of the symbol takes the new one.
 */
#define INFO_SIZE_0_1	144

_Static_assert(sizeof(struct writesync_info) == INFO_SIZE_0_1,
	       "writesync_info() needs a new symbol version");

int writesync_info(int fd, struct writesync_info *info)
{
	*info = (struct writesync_info) { .size = sizeof(*info) };
	return call(fd, WRITESYNC_IOC_INFO, info);
}

int writesync_query(int fd)
{
	struct writesync_query query = { .size = sizeof(query) };
	int ret = call(fd, WRITESYNC_IOC_QUERY, &query);

	return ret ? ret : query.needed != 0;
}

const char *writesync_version(void)
{
	return WRITESYNC_VERSION;
}

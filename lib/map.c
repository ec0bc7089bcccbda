// SPDX-License-Identifier: MIT
/* Mappings. */
#include <sys/mman.h>

#include "internal.h"

int writesync_map(int fd, uint64_t offset, size_t length, int prot,
		  void **address)
{
	void *map;

	if (offset > INT64_MAX)
		return -EINVAL;
	map = mmap(NULL, length, prot, MAP_SHARED, fd, offset);
	if (map == MAP_FAILED)
		return result(-1);
	*address = map;
	return 0;
}

int writesync_unmap(void *address, size_t length)
{
	return result(munmap(address, length));
}

int writesync_check(int fd, const void *address, size_t length,
		    uint64_t *offset)
{
	struct writesync_check check = {
		.size = sizeof(check),
		.address = address_of(address),
		.length = length,
	};
	int ret = call(fd, WRITESYNC_IOC_CHECK, &check);

	if (ret)
		return ret;
	if (check.inside && offset)
		*offset = check.offset;
	return check.inside != 0;
}

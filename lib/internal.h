/* SPDX-License-Identifier: MIT */
/*
 * What the files of the library share. There are functions without external
 * names only, so that a statically linked program finds no strangers.
 */
#ifndef WRITESYNC_INTERNAL_H
#define WRITESYNC_INTERNAL_H

#include <errno.h>
#include <sys/ioctl.h>

#include <writesync.h>

/* The one place where the C library's -1 and errno become a negative errno. */
static inline long result(long ret)
{
	return ret == -1 ? -errno : ret;
}

static inline int call(int fd, unsigned long request, void *argument)
{
	return result(ioctl(fd, request, argument));
}

/* Structures hold addresses as 64-bit numbers on 32-bit machines too. */
static inline uint64_t address_of(const void *pointer)
{
	return (uintptr_t)pointer;
}

#endif /* WRITESYNC_INTERNAL_H */

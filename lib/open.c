// SPDX-License-Identifier: MIT
/* Opening a window by its name or its number. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "internal.h"

/* Flags that want a file to be made, emptied, or not really opened. */
#define BAD_FLAGS	(O_CREAT | O_TRUNC | O_PATH | O_TMPFILE)

/* Device files alone are asked: an ioctl of any other file is its own. */
static int check_kind(int fd)
{
	struct writesync_info info;
	struct stat st;

	if (fstat(fd, &st))
		return result(-1);
	if (!S_ISCHR(st.st_mode) || writesync_info(fd, &info))
		return -ENOTTY;
	return 0;
}

static int open_path(const char *path, int flags)
{
	int fd, ret;

	if (flags & BAD_FLAGS)
		return -EINVAL;
	fd = result(open(path, flags | O_CLOEXEC | O_NOCTTY));
	if (fd < 0)
		return fd;
	ret = check_kind(fd);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int writesync_open(const char *name, int flags)
{
	/* An empty name stays one, which open() refuses. */
	const char *folder = !*name || strchr(name, '/') ? "" : "/dev/";
	char path[PATH_MAX];
	int n;

	n = snprintf(path, sizeof(path), "%s%s", folder, name);
	if (n < 0 || n >= PATH_MAX)
		return -ENAMETOOLONG;
	return open_path(path, flags);
}

int writesync_open_index(unsigned int index, int flags)
{
	char name[32];

	snprintf(name, sizeof(name), "writesync%u", index);
	return writesync_open(name, flags);
}

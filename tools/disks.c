// SPDX-License-Identifier: MIT
/*
 * Disks of a controller that is about to lose its driver. Whoever takes away
 * the disk that the system runs from has no system to undo it with.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bind.h"
#include "ctl.h"

#define BLOCK	"/sys/class/block"

/* Does the block device hang on the function, however deep? */
static bool is_below(const char *name, const char *address)
{
	char path[PATH_MAX], target[PATH_MAX], folder[CTL_NAME + 2];
	ssize_t n;

	snprintf(path, sizeof(path), BLOCK "/%s", name);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = 0;
	snprintf(folder, sizeof(folder), "/%s/", address);
	return strstr(target, folder);
}

/*
 * The path nvme0c1n2 to a disk has no device file: the disk is nvme0n2, and
 * hangs on nothing.
 */
static void disk_of(const char *name, char disk[NAME_MAX + 1])
{
	unsigned int subsystem, space;

	if (sscanf(name, "nvme%uc%*un%u", &subsystem, &space) == 2)
		snprintf(disk, NAME_MAX + 1, "nvme%un%u", subsystem, space);
	else
		snprintf(disk, NAME_MAX + 1, "%s", name);
}

/* Filesystems, swap, RAID and device mapper claim what they are on. */
static bool is_claimed(const char *disk)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", disk);
	fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

static int in_use(const char *address, const char *disk)
{
	ctl_say("%s has the disk %s, which is in use", address, disk);
	ctl_hint("\"lsblk /dev/%s\" shows by what: unmount it, or end the swap, RAID or LVM on it.",
		 disk);
	return CTL_ERROR;
}

/**
 * ctl_disks_check() - has a function a disk that is in use?
 * @address: the function
 *
 * Return: the exit status; if it is not CTL_OK, the user knows which.
 */
int ctl_disks_check(const char *address)
{
	char disk[NAME_MAX + 1];
	struct dirent *entry;
	int status = CTL_OK;
	DIR *dir = opendir(BLOCK);

	while (dir && !status && (entry = readdir(dir))) {
		if (!is_below(entry->d_name, address))
			continue;
		disk_of(entry->d_name, disk);
		if (is_claimed(disk))
			status = in_use(address, disk);
	}
	if (dir)
		closedir(dir);
	return status;
}

// SPDX-License-Identifier: MIT
/*
 * Attributes of windows in sysfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

/**
 * ctl_sysfs_read() - the first line of a small file
 * @path: the file
 * @text: out: without its newline
 * @size: room in @text
 *
 * Return: 0 or negative errno.
 */
int ctl_sysfs_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	*text = 0;
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	err = n < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return 0;
}

/**
 * ctl_sysfs_write() - set a small file, in one call
 * @path: the file
 * @text: what to write
 *
 * Return: 0 or negative errno.
 */
int ctl_sysfs_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t size = strlen(text), n;
	int err = 0;

	if (fd < 0)
		return -errno;
	n = write(fd, text, size);
	if (n != size)
		err = n < 0 ? -errno : -EIO;
	close(fd);
	return err;
}

/**
 * ctl_sysfs_text() - an attribute of a window
 * @window: its name
 * @attr: the attribute's, below the window's folder
 * @text: out
 * @size: room in @text
 *
 * Return: 0 or negative errno.
 */
int ctl_sysfs_text(const char *window, const char *attr, char *text,
		   size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CTL_CLASS "/%s/%s", window, attr);
	return ctl_sysfs_read(path, text, size);
}

/**
 * ctl_sysfs_number() - an attribute that is a number
 * @window: the window's name
 * @attr: the attribute's, below the window's folder
 * @value: out
 *
 * Return: 0 or negative errno.
 */
int ctl_sysfs_number(const char *window, const char *attr, uint64_t *value)
{
	char text[CTL_NAME];
	int err = ctl_sysfs_text(window, attr, text, sizeof(text));

	return err ? err : ctl_number_parse(text, value);
}

// SPDX-License-Identifier: MIT
/* Opening a window by its device's place on the PCI bus. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define CLASS		"/sys/class/writesync"

#define ANY_BAR		(-1)
#define LAST_BAR	5

struct place {
	unsigned int domain, bus, device, function;
};

/* One to @most hexadecimal digits, then @end, which is passed over. */
static bool take_hex(const char **text, unsigned int most, char end,
		     unsigned int *value)
{
	size_t n = strspn(*text, "0123456789abcdefABCDEF");

	if (n < 1 || n > most || (*text)[n] != end)
		return false;
	*value = strtoul(*text, NULL, 16);
	*text += n + 1;
	return true;
}

/* "0000:01:00.0" or "01:00.0" */
static bool parse_place(const char *text, struct place *place)
{
	bool has_domain = strchr(text, ':') != strrchr(text, ':');

	place->domain = 0;
	if (has_domain && !take_hex(&text, 8, ':', &place->domain))
		return false;
	return take_hex(&text, 2, ':', &place->bus) &&
	       take_hex(&text, 2, '.', &place->device) &&
	       take_hex(&text, 1, 0, &place->function) &&
	       place->device < 32 && place->function < 8;
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->domain == b->domain && a->bus == b->bus &&
	       a->device == b->device && a->function == b->function;
}

/* Is the window @name of the class on @place? */
static bool stands_on(int class, const char *name, const struct place *place)
{
	char path[NAME_MAX + sizeof("/device")], target[PATH_MAX];
	struct place found;
	const char *slot;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/device", name);
	n = readlinkat(class, path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	slot = strrchr(target, '/');
	return parse_place(slot ? slot + 1 : target, &found) &&
	       same_place(place, &found);
}

/* The number of the BAR that the window @name is; -1: it has gone. */
static int bar_of(int class, const char *name)
{
	char path[NAME_MAX + sizeof("/bar")], text[16];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/bar", name);
	fd = openat(class, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 1)
		return -1;
	text[n] = 0;
	return atoi(text);
}

/*
 * Look for the window; its name goes to @name. Windows that come or go
 * meanwhile may be seen or not.
 */
static int find(DIR *dir, const struct place *place, int bar, char *name)
{
	struct dirent *entry;
	int found = 0;

	while ((entry = readdir(dir))) {
		if (!stands_on(dirfd(dir), entry->d_name, place))
			continue;
		if (bar != ANY_BAR && bar != bar_of(dirfd(dir), entry->d_name))
			continue;
		snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
		found++;
	}
	if (found > 1)
		return -ENOTUNIQ;
	return found ? 0 : -ENODEV;
}

/* Since its name was found it may have become another device's. */
static int check_place(int fd, const struct place *place, int bar)
{
	struct writesync_info info;
	int ret = writesync_info(fd, &info);

	if (ret)
		return ret;
	if (info.domain != place->domain || info.bus != place->bus ||
	    info.devfn != (place->device << 3 | place->function) ||
	    (bar != ANY_BAR && info.bar != bar))
		return -ENODEV;
	return 0;
}

static int open_place(const struct place *place, int bar, int flags)
{
	DIR *dir = opendir(CLASS);
	char name[NAME_MAX + 1];
	int fd, ret;

	if (!dir)	/* the driver is not loaded */
		return errno == ENOENT ? -ENODEV : -errno;
	ret = find(dir, place, bar, name);
	closedir(dir);
	if (ret)
		return ret;
	fd = writesync_open(name, flags);
	if (fd < 0)
		return fd;
	ret = check_place(fd, place, bar);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int writesync_open_pci(const char *address, int bar, int flags)
{
	struct place place;
	int saved = errno;
	int ret;

	if (!parse_place(address, &place) || bar < ANY_BAR || bar > LAST_BAR)
		return -EINVAL;
	ret = open_place(&place, bar, flags);
	if (ret >= 0)	/* what was passed over is no error */
		errno = saved;
	return ret;
}

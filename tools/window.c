// SPDX-License-Identifier: MIT
/*
 * Which windows there are, and which one is meant. All of that is in sysfs, so
 * it works without the permission to open a device file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <writesync.h>

#include "ctl.h"

#define DIGITS		"0123456789"

/* ---- names ---- */

/* "writesync12" and nothing else; or "12" where @prefix is "" */
static bool parse_index(const char *word, const char *prefix, uint64_t *index)
{
	size_t skip = strlen(prefix);

	if (strncmp(word, prefix, skip) || !word[skip] ||
	    word[skip + strspn(word + skip, DIGITS)])
		return false;
	return !ctl_number_parse(word + skip, index);
}

struct place {
	unsigned int domain, bus, device, function;
	int bar;		/* -1: any */
};

/* One to @most hexadecimal digits, then @end, which is passed over. */
static bool take_hex(const char **word, size_t most, char end,
		     unsigned int *value)
{
	size_t n = strspn(*word, "0123456789abcdefABCDEF");

	if (n < 1 || n > most || (end && (*word)[n] != end))
		return false;
	*value = strtoul(*word, NULL, 16);
	*word += n + (end ? 1 : 0);
	return true;
}

/* "0000:01:00.0", "01:00.0", and with "/2" the BAR */
static bool parse_place(const char *word, struct place *place)
{
	bool has_domain = strchr(word, ':') != strrchr(word, ':');

	memset(place, 0, sizeof(*place));
	place->bar = -1;
	if (has_domain && !take_hex(&word, 8, ':', &place->domain))
		return false;
	if (!take_hex(&word, 2, ':', &place->bus) ||
	    !take_hex(&word, 2, '.', &place->device) ||
	    !take_hex(&word, 1, 0, &place->function) ||
	    place->device > 31 || place->function > 7)
		return false;
	if (word[0] == '/' && word[1] >= '0' && word[1] <= '5') {
		place->bar = word[1] - '0';
		word += 2;
	}
	return !*word;
}

/**
 * ctl_address_parse() - a PCI address as sysfs writes it
 * @word: as a person writes it: the domain may be left out
 * @address: out: 0000:01:00.0
 *
 * Return: whether it is one.
 */
bool ctl_address_parse(const char *word, char address[CTL_NAME])
{
	struct place place;

	if (!parse_place(word, &place) || place.bar >= 0)
		return false;
	snprintf(address, CTL_NAME, "%04x:%02x:%02x.%x", place.domain,
		 place.bus, place.device, place.function);
	return true;
}

static bool stands_on(const struct ctl_window *win, const struct place *place)
{
	struct place own;

	return parse_place(win->address, &own) && own.domain == place->domain &&
	       own.bus == place->bus && own.device == place->device &&
	       own.function == place->function &&
	       (place->bar < 0 || win->bar == (uint64_t)place->bar);
}

/*
 * The window's name for a device file, wherever that lies and whatever it is
 * called: by its number in /sys/dev/char.
 */
static int name_of_file(const char *path, char name[CTL_NAME])
{
	char link[64], target[PATH_MAX];
	uint64_t index;
	struct stat st;
	ssize_t n;

	if (stat(path, &st))
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENOTTY;
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -ENXIO;
	target[n] = 0;
	snprintf(name, CTL_NAME, "%s", basename(target));
	return parse_index(name, CTL_PREFIX, &index) ? 0 : -ENOTTY;
}

/**
 * ctl_window_form() - does a word mean a window rather than a file?
 * @word: an argument
 *
 * By its form, whether or not there is such a window: a file of that name can
 * be given with "./" before it.
 */
bool ctl_window_form(const char *word)
{
	static const char dev[] = "/dev/" CTL_PREFIX;
	char name[CTL_NAME];
	struct place place;
	uint64_t index;

	return parse_index(word, "", &index) || parse_index(word, dev, &index) ||
	       parse_index(word, CTL_PREFIX, &index) ||
	       parse_place(word, &place) ||
	       (strchr(word, '/') && !name_of_file(word, name));
}

/* ---- the list ---- */

static void pci_text(const char *name, const char *attr, char text[CTL_NAME])
{
	char path[64];

	snprintf(path, sizeof(path), "device/%s", attr);
	ctl_sysfs_text(name, path, text, CTL_NAME);
}

static void pci_address(const char *name, char address[CTL_NAME])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), CTL_CLASS "/%s/device", name);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = 0;
	snprintf(address, CTL_NAME, "%s", n < 0 ? "?" : basename(target));
}

/* All that sysfs says; what it does not say stays empty. */
static void look(struct ctl_window *win, const char *name, uint64_t index)
{
	memset(win, 0, sizeof(*win));
	win->fd = -1;
	win->index = index;
	snprintf(win->name, sizeof(win->name), "%.31s", name);
	snprintf(win->path, sizeof(win->path), "/dev/%s", name);
	pci_address(name, win->address);
	pci_text(name, "vendor", win->vendor);
	pci_text(name, "device", win->device);
	ctl_sysfs_text(name, "state", win->state, sizeof(win->state));
	ctl_sysfs_text(name, "confirm", win->confirm, sizeof(win->confirm));
	ctl_sysfs_number(name, "bar", &win->bar);
	ctl_sysfs_number(name, "size", &win->size);
}

static int by_index(const void *a, const void *b)
{
	const struct ctl_window *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static struct ctl_window *grow(struct ctl_window *list, int count)
{
	list = realloc(list, (count + 1) * sizeof(*list));
	if (list)
		return list;
	ctl_say("no memory");
	exit(CTL_ERROR);
}

/**
 * ctl_windows() - all windows, in the order of their numbers
 * @windows: out: an array; free() it
 *
 * Return: how many.
 */
int ctl_windows(struct ctl_window **windows)
{
	DIR *dir = opendir(CTL_CLASS);
	struct dirent *entry;
	uint64_t index;
	int count = 0;

	*windows = NULL;
	while (dir && (entry = readdir(dir))) {
		if (!parse_index(entry->d_name, CTL_PREFIX, &index))
			continue;
		*windows = grow(*windows, count);
		look(&(*windows)[count++], entry->d_name, index);
	}
	if (dir)
		closedir(dir);
	if (count)
		qsort(*windows, count, sizeof(**windows), by_index);
	return count;
}

/* ---- which one ---- */

/* A word as it has to be to be compared: a name, an index or a place. */
struct wanted {
	const char *name;
	bool has_index, has_place;
	uint64_t index;
	struct place place;
};

static bool matches(const struct ctl_window *win, const struct wanted *wanted)
{
	if (wanted->has_index)
		return win->index == wanted->index;
	if (wanted->has_place)
		return stands_on(win, &wanted->place);
	return !wanted->name || !strcmp(win->name, wanted->name);
}

/* Keep those of the list that are meant. Return: how many. */
static int select_windows(struct ctl_window *list, int count,
			  const struct wanted *wanted)
{
	int i, left = 0;

	for (i = 0; i < count; i++)
		if (matches(&list[i], wanted))
			list[left++] = list[i];
	return left;
}

static void show_windows(const struct ctl_window *list, int count)
{
	char size[CTL_TEXT];
	int i;

	for (i = 0; i < count; i++)
		ctl_hint("%s  %s/%" PRIu64 "  %s", list[i].name,
			 list[i].address, list[i].bar,
			 ctl_size_text(list[i].size, size));
}

static int no_such_window(const char *word, int count)
{
	struct ctl_window *all;

	if (!count)
		return ctl_absent();
	ctl_say("there is no window \"%s\"; there %s:", word,
		count == 1 ? "is" : "are");
	count = ctl_windows(&all);
	show_windows(all, count);
	free(all);
	return CTL_NO_DEVICE;
}

static int several_windows(const char *word, const struct ctl_window *list,
			   int count)
{
	if (word)
		ctl_say("\"%s\" is %d windows; say which one, with --window:",
			word, count);
	else
		ctl_say("there are %d windows; say which one, with --window:",
			count);
	show_windows(list, count);
	return CTL_USAGE;
}

static int pick(const char *word, const struct wanted *wanted,
		struct ctl_window *win)
{
	struct ctl_window *list;
	int count = ctl_windows(&list);
	int left = select_windows(list, count, wanted);
	int status = CTL_OK;

	if (left == 1)
		*win = list[0];
	else if (left)
		status = several_windows(word, list, left);
	else
		status = word ? no_such_window(word, count) : ctl_absent();
	free(list);
	return status;
}

/* A device file that is not there, or is no window's. */
static int bad_file(const char *path, int err)
{
	struct ctl_window *list;
	int count = ctl_windows(&list);

	free(list);
	if (!count)
		return ctl_absent();
	if (err == -ENOTTY)
		ctl_say("%s is not a device file of writesync", path);
	else if (err == -ENXIO)
		ctl_say("%s is a device file without a device", path);
	else
		ctl_say("%s: %s", path, strerror(-err));
	ctl_hint("\"writesyncctl list\" lists the windows.");
	return CTL_NO_DEVICE;
}

static int pick_file(const char *path, struct ctl_window *win)
{
	char name[CTL_NAME];
	struct wanted wanted = { .name = name };
	int err = name_of_file(path, name);
	int status;

	if (err)
		return bad_file(path, err);
	status = pick(path, &wanted, win);
	if (!status)
		snprintf(win->path, sizeof(win->path), "%s", path);
	return status;
}

/**
 * ctl_window_pick() - which window is meant?
 * @word: a device file, writesyncN, N, or a PCI address, perhaps with /BAR;
 *	NULL: the only one
 * @win: out: it, not open
 *
 * Return: the exit status; if it is not CTL_OK, the user knows why.
 */
int ctl_window_pick(const char *word, struct ctl_window *win)
{
	struct wanted wanted = { 0 };

	if (!word)
		return pick(NULL, &wanted, win);
	if (parse_index(word, "", &wanted.index) ||
	    parse_index(word, CTL_PREFIX, &wanted.index))
		wanted.has_index = true;
	else if (parse_place(word, &wanted.place))
		wanted.has_place = true;
	else if (strchr(word, '/'))
		return pick_file(word, win);
	else
		return ctl_misuse("Give writesync0, 0, its device file, or PCI address.",
				  "\"%s\" is not a window", word);
	return pick(word, &wanted, win);
}

/* ---- opening it ---- */

static void explain_permission(const struct ctl_window *win, int flags)
{
	bool reads = (flags & O_ACCMODE) != O_WRONLY;
	struct stat st;

	if (!stat(win->path, &st))
		ctl_hint("It is user %u's, group %u's, mode %03o; you are user %u.",
			 st.st_uid, st.st_gid, st.st_mode & 07777, geteuid());
	ctl_hint("To %s it use sudo, or have a udev rule give access:",
		 reads ? "read" : "write");
	ctl_hint("  SUBSYSTEM==\"writesync\", GROUP=\"NAME\", MODE=\"0660\"");
	ctl_hint("\"writesyncctl list\" and \"stat\" work without.");
}

/* It is the driver that refuses, not the mode of the file. */
static void explain_rawio(void)
{
	ctl_hint("The driver does not know this device, so this takes CAP_SYS_RAWIO: use sudo.");
	ctl_hint("Where even that does not help, the kernel is locked down:");
	ctl_hint("see /sys/kernel/security/lockdown.");
}

static int open_failed(const struct ctl_window *win, int err, int flags)
{
	ctl_say("cannot open %s: %s", win->path, strerror(-err));
	if (err == -EPERM) {
		explain_rawio();
		return CTL_ERROR;
	}
	if (err == -EACCES) {
		explain_permission(win, flags);
		return CTL_ERROR;
	}
	if (err == -ENOENT || err == -ENXIO) {
		ctl_hint("%s is in sysfs: is /dev a devtmpfs, or does udev run?",
			 win->name);
		return CTL_NO_DEVICE;
	}
	return ctl_window_failed(win, err);
}

/**
 * ctl_window_open() - find a window and open its device file
 * @word: as for ctl_window_pick()
 * @flags: O_RDONLY, O_WRONLY or O_RDWR
 * @win: out
 *
 * Return: the exit status; if it is not CTL_OK, the user knows why.
 */
int ctl_window_open(const char *word, int flags, struct ctl_window *win)
{
	int status = ctl_window_pick(word, win);

	if (status)
		return status;
	win->fd = writesync_open(win->path, flags);
	if (win->fd < 0)
		return open_failed(win, win->fd, flags);
	return CTL_OK;
}

/**
 * ctl_window_close() - undo ctl_window_open()
 * @win: the window
 */
void ctl_window_close(struct ctl_window *win)
{
	close(win->fd);
	win->fd = -1;
}

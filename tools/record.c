// SPDX-License-Identifier: MIT
/*
 * What has to be known when a device is released, long after the program that
 * bound it has ended: who had it before. It need not outlive a reboot. And a
 * lock, as systemd starts several of us at boot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "bind.h"
#include "ctl.h"

#define LOCK		CTL_RUN "/lock"
#define PATIENCE	(60 * CTL_S)

static int lock = -1;

static int open_lock(void)
{
	if (mkdir(CTL_RUN, 0755) && errno != EEXIST)
		return -errno;
	lock = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return lock < 0 ? -errno : 0;
}

static int wait_for_lock(void)
{
	const struct timespec pause = { .tv_nsec = 20 * CTL_MS };
	uint64_t end = ctl_now() + PATIENCE;

	while (flock(lock, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (ctl_now() > end)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/**
 * ctl_record_lock() - keep others from binding and releasing devices
 *
 * Return: the exit status; if it is not CTL_OK, the user knows why.
 */
int ctl_record_lock(void)
{
	int err = open_lock();

	if (!err)
		err = wait_for_lock();
	if (!err)
		return CTL_OK;
	if (err == -ETIMEDOUT)
		ctl_say("another writesyncctl has held " LOCK " for a minute");
	else
		ctl_say("cannot lock " LOCK ": %s", strerror(-err));
	ctl_record_unlock();
	return CTL_ERROR;
}

/**
 * ctl_record_unlock() - undo ctl_record_lock()
 */
void ctl_record_unlock(void)
{
	if (lock >= 0)
		close(lock);
	lock = -1;
}

static void path_of(const char *address, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, CTL_RUN "/%s", address);
}

static void take_line(char *line, struct ctl_record *record)
{
	line[strcspn(line, "\n")] = 0;
	if (!strncmp(line, "driver=", 7))
		snprintf(record->driver, CTL_DRIVER, "%.127s", line + 7);
	else if (!strncmp(line, "override=", 9))
		snprintf(record->override, CTL_DRIVER, "%.127s", line + 9);
}

/**
 * ctl_record_read() - who had a function before?
 * @address: the function
 * @record: out: empty if nothing is known
 *
 * Return: whether there was something to remember.
 */
bool ctl_record_read(const char *address, struct ctl_record *record)
{
	char path[PATH_MAX], line[CTL_DRIVER + 16];
	FILE *file;

	memset(record, 0, sizeof(*record));
	path_of(address, path);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		take_line(line, record);
	fclose(file);
	return true;
}

/**
 * ctl_record_write() - remember who had a function
 * @address: the function
 * @record: who; if that is nobody, what was remembered is forgotten
 *
 * Return: 0 or negative errno.
 */
int ctl_record_write(const char *address, const struct ctl_record *record)
{
	char path[PATH_MAX];
	FILE *file;
	int err;

	ctl_record_drop(address);
	if (!*record->driver && !*record->override)
		return 0;
	path_of(address, path);
	file = fopen(path, "wxe");
	if (!file)
		return -errno;
	fprintf(file, "driver=%s\noverride=%s\n", record->driver,
		record->override);
	err = ferror(file) ? -EIO : 0;
	if (fclose(file) && !err)
		err = -errno;
	if (err)
		ctl_record_drop(address);
	return err;
}

/**
 * ctl_record_drop() - forget who had a function
 * @address: the function
 */
void ctl_record_drop(const char *address)
{
	char path[PATH_MAX];

	path_of(address, path);
	unlink(path);
}

// SPDX-License-Identifier: MIT
/*
 * The module: loading it, its list of devices, and what it says in the
 * kernel's log.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>

#include "bind.h"
#include "ctl.h"

#define LIST	CTL_MODULE "/parameters/devices"

/* The kernel's own modprobe: it is where users' PATH does not lead to. */
static int run_modprobe(int *how)
{
	char name[] = "modprobe", module[] = CTL_PREFIX, path[PATH_MAX];
	char * const argv[] = { name, module, NULL };
	pid_t pid;
	int err;

	if (ctl_sysfs_read("/proc/sys/kernel/modprobe", path, sizeof(path)) ||
	    !*path || access(path, X_OK))
		snprintf(path, sizeof(path), "%s", name);
	err = posix_spawnp(&pid, path, NULL, NULL, argv, environ);
	if (err)
		return -err;
	while (waitpid(pid, how, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int load(void)
{
	int how = 0, err = run_modprobe(&how);

	if (!err && !how && !access(CTL_MODULE, F_OK))
		return CTL_OK;
	if (err)
		ctl_say("the module writesync is not loaded, and modprobe cannot be run: %s",
			strerror(-err));
	else
		ctl_say("the module writesync is not loaded, and \"modprobe writesync\" fails");
	ctl_hint_load();
	ctl_hint("It has to be built for this kernel (uname -r): README.md, \"On your own");
	ctl_hint("hardware\".");
	return CTL_ERROR;
}

/**
 * ctl_module_need() - have the module loaded
 * @loaded: out: it was not
 *
 * Return: the exit status; if it is not CTL_OK, the user knows why not.
 */
int ctl_module_need(bool *loaded)
{
	int status;

	*loaded = access(CTL_MODULE, F_OK);
	status = *loaded ? load() : CTL_OK;
	if (status || !access(LIST, F_OK))
		return status;
	ctl_say("the module writesync that is loaded has no parameter \"devices\":");
	ctl_hint("it binds only what it knows. Load the one of this program's version.");
	return CTL_ERROR;
}

/**
 * ctl_module_entry() - the options that the module has for a function
 * @address: the function
 * @entry: out: as the module writes it; empty if it has none
 */
void ctl_module_entry(const char *address, char entry[CTL_ENTRY])
{
	size_t size = strlen(address);
	FILE *file = fopen(LIST, "re");

	*entry = 0;
	if (!file)
		return;
	while (fgets(entry, CTL_ENTRY, file)) {
		entry[strcspn(entry, "\n")] = 0;
		if (!strncmp(entry, address, size) &&
		    (!entry[size] || entry[size] == ','))
			break;
		*entry = 0;
	}
	fclose(file);
}

/**
 * ctl_module_set_entry() - have the module remember a function's options
 * @entry: as by ctl_binding_entry()
 *
 * Return: 0 or negative errno.
 */
int ctl_module_set_entry(const char *entry)
{
	char text[CTL_ENTRY + 1];

	snprintf(text, sizeof(text), "%s\n", entry);
	return ctl_sysfs_write(LIST, text);
}

/**
 * ctl_module_drop_entry() - undo ctl_module_set_entry()
 * @address: the function
 *
 * Return: 0 or negative errno; also 0 if there is none.
 */
int ctl_module_drop_entry(const char *address)
{
	char entry[CTL_ENTRY], text[CTL_NAME + 1];

	ctl_module_entry(address, entry);
	if (!*entry)
		return 0;
	snprintf(text, sizeof(text), "-%s", address);
	return ctl_module_set_entry(text);
}

/* ---- the kernel's log ---- */

/**
 * ctl_log_begin() - listen to what the kernel will say
 *
 * Return: a file, or -1 if that is not possible here.
 */
int ctl_log_begin(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* "4,1234,5678,-;text", then lines that begin with a blank. */
static void show_record(char *record, const char *address)
{
	char *text = strchr(record, ';');

	if (!text++)
		return;
	text[strcspn(text, "\n")] = 0;
	if (strstr(text, CTL_PREFIX) || (address && strstr(text, address)))
		ctl_hint("kernel: %s", text);
}

/**
 * ctl_log_end() - show what the kernel has said since ctl_log_begin()
 * @fd: what that returned
 * @address: of which function; NULL: show nothing
 */
void ctl_log_end(int fd, const char *address)
{
	char record[8192];
	ssize_t n;

	if (fd < 0)
		return;
	while (address) {
		n = read(fd, record, sizeof(record) - 1);
		/* EPIPE: some went by too fast. */
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			break;
		record[n] = 0;
		show_record(record, address);
	}
	close(fd);
}

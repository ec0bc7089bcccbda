// SPDX-License-Identifier: MIT
/* writesyncctl sync: wait until everything written has arrived. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <writesync.h>

#include "ctl.h"

/* Not by the library, since the readbacks and the time are wanted too. */
static int sync_window(const struct ctl_window *win,
		       const struct ctl_args *args,
		       struct writesync_sync *result)
{
	struct writesync_sync sync;
	int err;

	do {
		sync = (struct writesync_sync) {
			.size = sizeof(sync),
			.flags = args->verify ? WRITESYNC_VERIFY : 0,
			.timeout_ns = args->timeout_ns,
		};
		err = ioctl(win->fd, WRITESYNC_IOC_SYNC, &sync) ? -errno : 0;
		/* Stopped and continued by the shell: that is no end. */
	} while (err == -EINTR && !ctl_stopped());
	*result = sync;
	return err;
}

static void print_json(const struct ctl_window *win,
		       const struct writesync_sync *sync, int err)
{
	struct json_object *json = ctl_json_new();

	ctl_json_text(json, "window", win->name);
	ctl_json_flag(json, "confirmed", !err);
	ctl_json_number(json, "elapsed_ns", sync->elapsed_ns);
	ctl_json_number(json, "readbacks", sync->readbacks);
	ctl_json_number(json, "synced", sync->synced);
	ctl_json_error(json, err);
	ctl_json_print(json, false);
}

static void print(const struct ctl_window *win,
		  const struct writesync_sync *sync)
{
	char text[CTL_TEXT];

	printf("%s: everything written has arrived (%u readback%s, %s)\n",
	       win->name, sync->readbacks, ctl_plural(sync->readbacks),
	       ctl_time_text(sync->elapsed_ns, text));
}

static int explain(const struct ctl_window *win,
		   const struct writesync_sync *sync, bool verify, int err)
{
	char text[CTL_TEXT];

	ctl_say("%s: not confirmed after %s: %s", win->name,
		ctl_time_text(sync->elapsed_ns, text), strerror(-err));
	if (err == -EIO && verify)
		ctl_hint("Perhaps --verify read another word than was written.");
	return ctl_window_failed(win, err);
}

static int run(const struct ctl_args *args)
{
	struct writesync_sync sync;
	struct ctl_window win;
	int status = ctl_window_open(args->window, O_RDONLY, &win);
	int err;

	if (status)
		return status;
	ctl_stop_begin();
	err = sync_window(&win, args, &sync);
	ctl_window_close(&win);
	if (args->json)
		print_json(&win, &sync, err);
	else if (!err)
		print(&win, &sync);
	return err ? explain(&win, &sync, args->verify, err) : CTL_OK;
}

const struct ctl_command ctl_sync = {
	.name = "sync",
	.words = "[WINDOW]",
	.summary = "wait until everything written has arrived",
	.more = "That is what any program has written to the window, not only this one.",
	.takes = CTL_TAKES_WINDOW | CTL_TAKES_TIMEOUT | CTL_TAKES_VERIFY |
		 CTL_TAKES_JSON,
	.run = run,
};

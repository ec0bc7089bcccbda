// SPDX-License-Identifier: MIT
/*
 * Words to the user. A message says what failed, with which value; a hint
 * below it says what to do.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

static void say(const char *before, const char *format, va_list args)
{
	fputs(before, stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

/**
 * ctl_say() - a message, one line on stderr
 * @format: as for printf(), without a newline
 */
void ctl_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("writesyncctl: ", format, args);
	va_end(args);
}

/**
 * ctl_hint() - what to do, one line below a message
 * @format: as for printf(), without a newline
 */
void ctl_hint(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("  ", format, args);
	va_end(args);
}

/**
 * ctl_misuse() - the command line is wrong
 * @todo: the hint, or NULL: @format says it
 * @format: as for printf(): what is wrong
 *
 * Return: CTL_USAGE.
 */
int ctl_misuse(const char *todo, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("writesyncctl: ", format, args);
	va_end(args);
	if (todo)
		ctl_hint("%s", todo);
	return CTL_USAGE;
}

/**
 * ctl_status_of() - the exit status for an error of a device
 * @err: 0 or negative errno
 */
int ctl_status_of(int err)
{
	switch (-err) {
	case 0:
		return CTL_OK;
	case EINTR:
		return CTL_SIGNAL + ctl_stopped();
	case ETIMEDOUT:
		return CTL_TIMEOUT;
	case ENODEV:
		return CTL_GONE;
	case EIO:
		return CTL_LOST;
	case ENOSPC:
		return CTL_NO_ROOM;
	default:
		return CTL_ERROR;
	}
}

/* What it means and what to do, two lines. */
static const struct {
	int err;
	const char *first, *second;
} todos[] = {
	{ ETIMEDOUT,
	  "The bytes may still arrive: sync again, with a longer --timeout,",
	  "or give up on the device." },
	{ EIO,
	  "Unsynced bytes may be lost, or the device's answer cannot be trusted:",
	  "see dmesg, then write them again." },
	{ ENODEV,
	  "See whether lspci still lists the device. It serves again once",
	  "the driver is bound to it again." },
	{ EOPNOTSUPP,
	  "The window is not prefetchable, so it must not be read to verify:",
	  "leave --verify out." },
	{ ENOTTY,
	  "The loaded module does not know this call:",
	  "load the one of this program's version." },
	{ EINVAL,
	  "If access_width was set in sysfs, offset and length have to be",
	  "multiples of it." },
};

/**
 * ctl_window_failed() - hint at what to do, after the message on a failed call
 * @win: the window
 * @err: negative errno
 *
 * Return: the exit status.
 */
int ctl_window_failed(const struct ctl_window *win, int err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(todos); i++) {
		if (todos[i].err != -err)
			continue;
		ctl_hint("%s", todos[i].first);
		ctl_hint("%s", todos[i].second);
	}
	if (err == -ETIMEDOUT)
		ctl_hint("writesyncctl stat -w %s shows what is unsynced.",
			 win->name);
	return ctl_status_of(err);
}

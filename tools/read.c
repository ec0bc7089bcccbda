// SPDX-License-Identifier: MIT
/* writesyncctl read: copy a window to a file or to standard output. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

struct job {
	const struct ctl_args *args;
	struct ctl_window win;
	const char *name;	/* of the output */
	int out;
	int out_error;		/* negative errno of the output */
	uint64_t length;
	uint64_t done;
	struct ctl_progress progress;
};

static bool to_stdout(const struct ctl_args *args)
{
	return !args->file || !strcmp(args->file, "-");
}

static int put(struct job *job, const uint8_t *buf, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(job->out, buf, len);
		if (n < 0 && errno == EINTR && !ctl_stopped())
			continue;
		if (n < 0 && errno == EINTR)
			return -EINTR;
		if (n < 0)
			return job->out_error = -errno;
		buf += n;
		len -= n;
		job->done += n;
	}
	return 0;
}

static int copy(struct job *job, uint8_t *buf)
{
	uint64_t left;
	ssize_t n;
	int err = 0;

	while (!err && job->done < job->length) {
		if (ctl_stopped())
			return -EINTR;
		left = job->length - job->done;
		n = pread(job->win.fd, buf, left < CTL_CHUNK ? left : CTL_CHUNK,
			  job->args->offset + job->done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)		/* the kernel's end is nearer than sysfs's */
			return -ENOSPC;
		err = put(job, buf, n);
		ctl_progress_show(&job->progress, job->done);
	}
	return err;
}

static int explain(const struct job *job, int err)
{
	if (job->out_error) {
		ctl_say("cannot write %s: %s; %" PRIu64 " bytes of %s were copied",
			job->name, strerror(-err), job->done, job->win.name);
		return CTL_ERROR;
	}
	ctl_say("%s: %s; %" PRIu64 " bytes were copied to %s", job->win.name,
		err == -EINTR ? "interrupted" : strerror(-err), job->done,
		job->name);
	if (err == -EINVAL || err == -ENODEV)
		return ctl_window_failed(&job->win, err);
	return ctl_status_of(err);
}

/* Offset and length in the window, or an error before anything is made. */
static int check_range(struct job *job)
{
	const struct ctl_args *args = job->args;
	uint64_t room = job->win.size - args->offset;
	char text[CTL_TEXT];

	if (args->offset > job->win.size) {
		ctl_say("--offset %" PRIu64 " is beyond the end of %s",
			args->offset, job->win.name);
	} else if (args->has_length && args->length > room) {
		ctl_say("--length %" PRIu64 " is too long: %s has %" PRIu64
			" bytes from offset %" PRIu64 " on", args->length,
			job->win.name, room, args->offset);
	} else {
		job->length = args->has_length ? args->length : room;
		return CTL_OK;
	}
	ctl_hint("The window has %" PRIu64 " bytes (%s).", job->win.size,
		 ctl_size_text(job->win.size, text));
	return CTL_NO_ROOM;
}

static int open_output(struct job *job)
{
	if (to_stdout(job->args)) {
		job->name = "standard output";
		job->out = STDOUT_FILENO;
		return CTL_OK;
	}
	job->name = job->args->file;
	job->out = open(job->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0666);
	if (job->out >= 0)
		return CTL_OK;
	ctl_say("cannot write %s: %s", job->name, strerror(errno));
	return CTL_ERROR;
}

static int close_output(struct job *job, int err)
{
	if (to_stdout(job->args) || !close(job->out) || err)
		return err;
	return job->out_error = -errno;
}

static int transfer(struct job *job)
{
	uint8_t *buf = malloc(CTL_CHUNK);
	char size[CTL_TEXT];
	int err;

	if (!buf) {
		ctl_say("no memory");
		return CTL_ERROR;
	}
	ctl_stop_begin();
	/* Bytes and bar on one terminal would be neither. */
	ctl_progress_begin(&job->progress, job->win.name, job->length,
			   !isatty(job->out));
	err = close_output(job, copy(job, buf));
	ctl_progress_end(&job->progress);
	free(buf);
	if (err)
		return explain(job, err);
	if (!to_stdout(job->args))
		printf("%s: %" PRIu64 " bytes (%s) read from offset %" PRIu64
		       "\n", job->win.name, job->done,
		       ctl_size_text(job->done, size), job->args->offset);
	return CTL_OK;
}

static int run(const struct ctl_args *args)
{
	struct job job = { .args = args };
	int status;

	if (!args->file && isatty(STDOUT_FILENO))
		return ctl_misuse("Give a FILE, or - if the bytes shall go there.",
				  "standard output is a terminal");
	status = ctl_window_open(args->window, O_RDONLY, &job.win);
	if (status)
		return status;
	status = check_range(&job);
	if (!status)
		status = open_output(&job);
	if (!status)
		status = transfer(&job);
	ctl_window_close(&job.win);
	return status;
}

const struct ctl_command ctl_read = {
	.name = "read",
	.words = "[WINDOW] [FILE|-]",
	.summary = "copy a window to a file, or - for standard output",
	.takes = CTL_TAKES_WINDOW | CTL_TAKES_FILE | CTL_TAKES_OFFSET |
		 CTL_TAKES_LENGTH,
	.run = run,
};

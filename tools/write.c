// SPDX-License-Identifier: MIT
/*
 * writesyncctl write: copy a file or a pipe into a window.
 *
 * Each part is one call of WRITESYNC_IOC_WRITE; the last one, which may be
 * empty, also syncs if that is wanted. The time-out is for each part: it bounds
 * the wait for a device that takes nothing, and a part that it cut short goes
 * on, however long the whole copy takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <writesync.h>

#include "ctl.h"

struct job {
	const struct ctl_args *args;
	struct ctl_window win;
	const char *name;	/* of the input */
	int in;
	bool at_end;		/* of the input */
	bool all_written;	/* it is the sync that failed, if anything */
	int in_error;		/* negative errno of the input, not the window */
	uint64_t done;		/* bytes written */
	uint64_t synced;
	uint64_t readbacks;
	uint64_t elapsed_ns;
	struct ctl_progress progress;
};

/* ---- the input ---- */

static int wait_for_input(struct job *job)
{
	struct pollfd input = { .fd = job->in, .events = POLLIN };

	return poll(&input, 1, 1000) < 0 ? -errno : 0;
}

/*
 * Fill the buffer: a pipe gives its bytes in pieces, and only whole parts are
 * multiples of every access width. Return: bytes or negative errno.
 */
static ssize_t fill(struct job *job, uint8_t *buf)
{
	size_t have = 0;
	ssize_t n;

	while (have < CTL_CHUNK && !job->at_end && !ctl_stopped()) {
		n = read(job->in, buf + have, CTL_CHUNK - have);
		if (n < 0 && errno == EAGAIN)
			n = wait_for_input(job);
		else if (n < 0)
			n = -errno;
		else if (!n)
			job->at_end = true;
		if (n < 0 && n != -EINTR)
			return job->in_error = n;
		have += n > 0 ? n : 0;
		ctl_progress_show(&job->progress, job->done);
	}
	/* ^C ends the other end of a pipe too: that is no end of the input. */
	return ctl_stopped() ? -EINTR : (ssize_t)have;
}

/*
 * How many bytes the input still has. Return: 0 if nobody knows, as of a pipe,
 * or if the file does not say, as those in /proc.
 */
static uint64_t input_size(int fd)
{
	off_t position = lseek(fd, 0, SEEK_CUR);
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || position < 0)
		return 0;
	return st.st_size > position ? st.st_size - position : 0;
}

static int open_input(struct job *job)
{
	struct stat st;

	if (!strcmp(job->args->file, "-")) {
		job->name = "standard input";
		job->in = STDIN_FILENO;
	} else {
		job->name = job->args->file;
		job->in = open(job->name, O_RDONLY | O_CLOEXEC);
	}
	if (job->in < 0 || fstat(job->in, &st)) {
		ctl_say("cannot read %s: %s", job->name, strerror(errno));
		return CTL_ERROR;
	}
	if (S_ISDIR(st.st_mode)) {
		ctl_say("%s is a folder; give a file", job->name);
		return CTL_ERROR;
	}
	return CTL_OK;
}

/* ---- the window ---- */

static int post_once(struct job *job, const uint8_t *buf, size_t len, bool last,
		     size_t *written)
{
	struct writesync_iovec iov = { (uintptr_t)buf, len };
	struct writesync_write write = {
		.size = sizeof(write),
		.flags = WRITESYNC_WRITE_AT,
		.iov = (uintptr_t)&iov,
		.iov_count = 1,
		.offset = job->args->offset + job->done,
		.timeout_ns = job->args->timeout_ns,
	};
	int err;

	if (last && job->args->sync)
		write.flags |= WRITESYNC_WRITE_SYNC |
			       (job->args->verify ? WRITESYNC_VERIFY : 0);
	err = ioctl(job->win.fd, WRITESYNC_IOC_WRITE, &write) ? -errno : 0;
	job->done += write.bytes_written;
	job->readbacks += write.readbacks;
	job->synced = write.synced;
	*written = write.bytes_written;
	job->all_written = last && *written == len;
	return err;
}

/*
 * Two errors are none: the shell stopped us and let us go on; a slow device
 * used up the time, but took some of the bytes.
 */
static bool goes_on(int err, size_t written, size_t len)
{
	return (err == -EINTR && !ctl_stopped()) ||
	       (err == -ETIMEDOUT && written && written < len);
}

static int post(struct job *job, const uint8_t *buf, size_t len, bool last)
{
	size_t written;
	int err;

	do {
		err = post_once(job, buf, len, last, &written);
		if (!goes_on(err, written, len))
			return err;
		buf += written;
		len -= written;
		ctl_progress_show(&job->progress, job->done);
	} while (len || last);
	return 0;
}

/* Return: 0 if everything was written and, if wanted, has arrived. */
static int copy(struct job *job, uint8_t *buf)
{
	ssize_t len;
	int err = 0;

	while (!err && !job->at_end) {
		len = fill(job, buf);
		if (len < 0)
			return len;
		err = post(job, buf, len, job->at_end);
		ctl_progress_show(&job->progress, job->done);
	}
	return err;
}

/* ---- what is said about it ---- */

static void print(const struct job *job)
{
	char size[CTL_TEXT], time[CTL_TEXT], rate[CTL_TEXT];

	printf("%s: %" PRIu64 " bytes (%s) written at offset %" PRIu64
	       " in %s (%s)", job->win.name, job->done,
	       ctl_size_text(job->done, size), job->args->offset,
	       ctl_time_text(job->elapsed_ns, time),
	       ctl_rate_text(job->done, job->elapsed_ns, rate));
	if (job->args->sync)
		printf("; arrived, %" PRIu64 " readback%s\n", job->readbacks,
		       ctl_plural(job->readbacks));
	else
		puts("; not synced (--sync waits for the arrival)");
}

static void print_json(const struct job *job, int err)
{
	struct json_object *json = ctl_json_new();

	ctl_json_text(json, "window", job->win.name);
	ctl_json_number(json, "offset", job->args->offset);
	ctl_json_number(json, "bytes", job->done);
	ctl_json_number(json, "elapsed_ns", job->elapsed_ns);
	ctl_json_flag(json, "confirmed", !err && job->args->sync);
	ctl_json_number(json, "readbacks", job->readbacks);
	ctl_json_number(json, "synced", job->synced);
	ctl_json_error(json, err);
	ctl_json_print(json, false);
}

/* What became of the bytes, after an error. */
static void print_fate(const struct job *job)
{
	if (!job->done)
		ctl_hint("Nothing was written.");
	else
		ctl_hint("%" PRIu64 " bytes were written at offset %" PRIu64
			 ", %s.", job->done, job->args->offset,
			 job->args->sync ? "but are not known to have arrived" :
			 "and not synced");
}

static int explain(const struct job *job, int err)
{
	char size[CTL_TEXT];

	if (job->in_error)
		ctl_say("cannot read %s: %s", job->name, strerror(-err));
	else if (err == -ENOSPC)
		ctl_say("%s does not fit into %s, which has %" PRIu64
			" bytes (%s)", job->name, job->win.name, job->win.size,
			ctl_size_text(job->win.size, size));
	else
		ctl_say("%s: %s", job->win.name,
			err == -EINTR ? "interrupted" : strerror(-err));
	print_fate(job);
	if (job->in_error)
		return CTL_ERROR;
	if (err == -ETIMEDOUT && !job->all_written) {
		ctl_hint("The window took no more: writesyncctl list tells its state.");
		return CTL_TIMEOUT;
	}
	if (err == -EIO && job->args->verify)
		ctl_hint("Perhaps --verify read another word than was written.");
	return ctl_window_failed(&job->win, err);
}

/* ---- the course of events ---- */

/* Whatever is known beforehand not to fit is not begun. */
static int check_room(const struct job *job, uint64_t size)
{
	uint64_t offset = job->args->offset;
	uint64_t room = job->win.size - offset;
	char text[CTL_TEXT];

	if (offset <= job->win.size && size <= room)
		return CTL_OK;
	if (offset > job->win.size)
		ctl_say("--offset %" PRIu64 " is beyond the end of %s", offset,
			job->win.name);
	else
		ctl_say("%s has %" PRIu64 " bytes, but %s has room for %" PRIu64
			" from offset %" PRIu64 " on", job->name, size,
			job->win.name, room, offset);
	ctl_hint("Nothing was written. The window has %" PRIu64 " bytes (%s).",
		 job->win.size, ctl_size_text(job->win.size, text));
	return CTL_NO_ROOM;
}

static int transfer(struct job *job, uint64_t size)
{
	uint8_t *buf = malloc(CTL_CHUNK);
	uint64_t begun = ctl_now();
	int err;

	if (!buf) {
		ctl_say("no memory");
		return CTL_ERROR;
	}
	ctl_stop_begin();
	ctl_progress_begin(&job->progress, job->win.name, size, true);
	err = copy(job, buf);
	ctl_progress_end(&job->progress);
	free(buf);
	job->elapsed_ns = ctl_now() - begun;
	if (job->args->json)
		print_json(job, err);
	else if (!err)
		print(job);
	return err ? explain(job, err) : CTL_OK;
}

static int run(const struct ctl_args *args)
{
	struct job job = { .args = args };
	uint64_t size;
	int status = ctl_window_open(args->window, O_WRONLY, &job.win);

	if (status)
		return status;
	status = open_input(&job);
	if (!status) {
		size = input_size(job.in);
		status = check_room(&job, size);
		if (!status)
			status = transfer(&job, size);
	}
	ctl_window_close(&job.win);
	return status;
}

const struct ctl_command ctl_write = {
	.name = "write",
	.words = "[WINDOW] FILE|-",
	.summary = "copy a file, or - for standard input, into a window",
	.more = "A file that is known not to fit is refused before anything is written.",
	.takes = CTL_TAKES_WINDOW | CTL_NEEDS_FILE | CTL_TAKES_OFFSET |
		 CTL_TAKES_SYNC | CTL_TAKES_TIMEOUT | CTL_TAKES_VERIFY |
		 CTL_TAKES_JSON,
	.run = run,
};

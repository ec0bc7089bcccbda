// SPDX-License-Identifier: MIT
/*
 * writesyncctl stat --openmetrics: the counters of windows for Prometheus.
 *
 * One text for two formats, as far as they agree: the text format, which the
 * text-file collector of node_exporter reads, and OpenMetrics 1.0. They do not
 * agree on a counter's TYPE and HELP: the former names it with its "_total", the
 * latter without. The former's way is accepted by both of Prometheus's parsers;
 * "strict" is the latter's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "ctl.h"
#include "sample.h"

#define PREFIX		"writesync_"

/* A window and its numbers, of the same moment. */
struct reading {
	struct ctl_window win;
	struct sample sample;
};

struct metrics {
	FILE *to;
	bool strict;
	const struct reading *readings;
	int count;
};

/* ---- words ---- */

static void put_label(const struct metrics *m, const char *name,
		      const char *value, const char *end)
{
	fprintf(m->to, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", m->to);
		else if (*value == '\\' || *value == '"')
			fprintf(m->to, "\\%c", *value);
		else
			fputc(*value, m->to);
	}
	fprintf(m->to, "\"%s", end);
}

/* What tells a window from all others; the rest of the labels may follow. */
static void begin_sample(const struct metrics *m, const char *name,
			 const char *suffix, const struct ctl_window *win)
{
	char bar[CTL_TEXT];

	snprintf(bar, sizeof(bar), "%" PRIu64, win->bar);
	fprintf(m->to, PREFIX "%s%s{", name, suffix);
	put_label(m, "window", win->name, ",");
	put_label(m, "address", win->address, ",");
	put_label(m, "bar", bar, "");
}

static void end_sample(const struct metrics *m, uint64_t value)
{
	fprintf(m->to, "} %" PRIu64 "\n", value);
}

static void describe(const struct metrics *m, const char *name,
		     const char *suffix, const char *type, const char *help)
{
	fprintf(m->to, "# HELP " PREFIX "%s%s %s.\n", name, suffix, help);
	fprintf(m->to, "# TYPE " PREFIX "%s%s %s\n", name, suffix, type);
}

/* A unit has to be the end of the name that is described. */
static void tell_unit(const struct metrics *m, const char *name,
		      const char *unit)
{
	fprintf(m->to, "# UNIT " PREFIX "%s %s\n", name, unit);
}

/* ---- metrics ---- */

static void put_counter(const struct metrics *m,
			const struct ctl_counter *counter)
{
	size_t which = counter - ctl_counters;
	int i;

	describe(m, counter->metric, m->strict ? "" : "_total", "counter",
		 counter->help);
	if (m->strict && counter->unit)
		tell_unit(m, counter->metric, counter->unit);
	for (i = 0; i < m->count; i++) {
		begin_sample(m, counter->metric, "_total",
			     &m->readings[i].win);
		end_sample(m, m->readings[i].sample.value[which]);
	}
}

static uint64_t size_of(const struct reading *reading)
{
	return reading->win.size;
}

static uint64_t generation_of(const struct reading *reading)
{
	return reading->sample.generation;
}

static uint64_t unsynced_of(const struct reading *reading)
{
	return reading->sample.posted - reading->sample.synced;
}

static void put_gauge(const struct metrics *m, const char *name,
		      const char *unit, const char *help,
		      uint64_t (*value_of)(const struct reading *reading))
{
	int i;

	describe(m, name, "", "gauge", help);
	if (unit)
		tell_unit(m, name, unit);
	for (i = 0; i < m->count; i++) {
		begin_sample(m, name, "", &m->readings[i].win);
		end_sample(m, value_of(&m->readings[i]));
	}
}

/* The text format has no type for what is only labels: a gauge of 1. */
static void put_info(const struct metrics *m)
{
	const struct ctl_window *win;
	int i;

	describe(m, "window_info", "", "gauge",
		 "What the window is, in its labels; always 1");
	for (i = 0; i < m->count; i++) {
		win = &m->readings[i].win;
		begin_sample(m, "window_info", "", win);
		fputc(',', m->to);
		put_label(m, "vendor", win->vendor, ",");
		put_label(m, "device", win->device, ",");
		put_label(m, "confirm", win->confirm, "");
		end_sample(m, 1);
	}
}

/* Nor has it one for states: one of the gauges is 1. */
static void put_states(const struct metrics *m)
{
	static const char * const states[] = { "live", "frozen", "dead" };
	const struct reading *reading;
	size_t state;
	int i;

	describe(m, "window_state", "", "gauge",
		 "Whether the window is in the state; 1 or 0");
	for (i = 0; i < m->count; i++) {
		reading = &m->readings[i];
		for (state = 0; state < ARRAY_SIZE(states); state++) {
			begin_sample(m, "window_state", "", &reading->win);
			fputc(',', m->to);
			put_label(m, "state", states[state], "");
			end_sample(m, !strcmp(reading->sample.state,
					      states[state]));
		}
	}
}

static void put_all(const struct metrics *m)
{
	size_t i;

	/* So that there is something to read where there is no window. */
	describe(m, "windows", "", "gauge", "Windows that are told of");
	fprintf(m->to, PREFIX "windows %d\n", m->count);
	if (m->count) {
		put_info(m);
		put_states(m);
		put_gauge(m, "window_bytes", "bytes", "Size of the window",
			  size_of);
		put_gauge(m, "generation", NULL,
			  "Times that the contents may have been lost",
			  generation_of);
		put_gauge(m, "unsynced_writes", NULL,
			  "Writes not known to have arrived, in sequence numbers",
			  unsynced_of);
		for (i = 0; i < COUNTERS; i++)
			put_counter(m, &ctl_counters[i]);
	}
	fputs("# EOF\n", m->to);
}

/* ---- windows ---- */

/* Keep those that are still there. Return: how many. */
static int read_all(struct ctl_window *windows, int count,
		    struct reading *readings)
{
	int i, read = 0;

	for (i = 0; i < count; i++) {
		readings[read].win = windows[i];
		if (!ctl_sample(windows[i].name, &readings[read].sample))
			read++;
	}
	return read;
}

static void *some(size_t count, size_t size)
{
	void *array = calloc(count ? count : 1, size);

	if (array)
		return array;
	ctl_say("no memory");
	exit(CTL_ERROR);
}

/* All of them, if none is named. Return: a status. */
static int choose(const char *word, struct ctl_window **windows, int *count)
{
	if (!word) {
		*count = ctl_windows(windows);
		return CTL_OK;
	}
	*windows = some(1, sizeof(**windows));
	*count = 1;
	return ctl_window_pick(word, *windows);
}

/* ---- the file ---- */

/*
 * Readers see the old file or the new one, never a part: it is written beside
 * it, under a name that a collector of *.prom does not take, and renamed.
 */
struct output {
	char path[PATH_MAX];
	char part[PATH_MAX + 8];
	mode_t mode;
	FILE *to;
};

static int failed_to(const char *what, const char *path)
{
	ctl_say("cannot %s %s: %s", what, path, strerror(errno));
	return CTL_ERROR;
}

/*
 * A link stays one: what it leads to is replaced. What is no regular file is
 * known before its name is: that of a pipe leads nowhere.
 */
static int find_output(struct output *out, const char *path)
{
	mode_t mask = umask(0);
	struct stat st;

	umask(mask);
	out->mode = 0666 & ~mask;
	if (lstat(path, &st)) {
		snprintf(out->path, sizeof(out->path), "%s", path);
		return errno == ENOENT ? CTL_OK : failed_to("write", path);
	}
	if (stat(path, &st))
		return failed_to("write", path);
	if (!S_ISREG(st.st_mode)) {
		ctl_say("%s is no regular file: it would be replaced", path);
		ctl_hint("Without --output, the metrics go to standard output.");
		return CTL_ERROR;
	}
	out->mode = st.st_mode & 0777;
	return realpath(path, out->path) ? CTL_OK : failed_to("write", path);
}

static int open_output(struct output *out, const char *path)
{
	int status, fd;

	out->to = stdout;
	if (!path || !strcmp(path, "-"))
		return CTL_OK;
	status = find_output(out, path);
	if (status)
		return status;
	snprintf(out->part, sizeof(out->part), "%s.XXXXXX", out->path);
	fd = mkstemp(out->part);
	if (fd < 0)
		return failed_to("write beside", path);
	out->to = fdopen(fd, "w");
	if (out->to && !fchmod(fd, out->mode))
		return CTL_OK;
	unlink(out->part);
	return failed_to("write beside", path);
}

static int close_output(struct output *out)
{
	bool failed;

	if (out->to == stdout)
		return CTL_OK;
	failed = ferror(out->to);
	failed |= fclose(out->to);
	if (!failed && !rename(out->part, out->path))
		return CTL_OK;
	failed_to("write", out->path);
	unlink(out->part);
	return CTL_ERROR;
}

/**
 * ctl_openmetrics() - the metrics of a window, or of all
 * @args: which, how, and where to
 *
 * Where there is no window they say so, and so does the status.
 *
 * Return: a status.
 */
int ctl_openmetrics(const struct ctl_args *args)
{
	struct metrics metrics = { .strict = args->strict };
	struct ctl_window *windows = NULL;
	struct reading *readings = NULL;
	struct output out = { 0 };
	int count, status;

	status = choose(args->window, &windows, &count);
	if (!status)
		status = open_output(&out, args->output);
	if (!status) {
		readings = some(count, sizeof(*readings));
		metrics.count = read_all(windows, count, readings);
		metrics.readings = readings;
		metrics.to = out.to;
		put_all(&metrics);
		status = close_output(&out);
	}
	free(readings);
	free(windows);
	if (status || metrics.count)
		return status;
	return ctl_absent();
}

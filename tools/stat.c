// SPDX-License-Identifier: MIT
/*
 * writesyncctl stat: the counters of a window, once or line by line as vmstat
 * shows them, or as metrics (openmetrics.c). They come from sysfs, so nothing is
 * opened.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "sample.h"

/* A window that has gone takes its folder along. */
static int failed(const struct ctl_window *win, int err)
{
	char state[CTL_NAME];

	if (ctl_sysfs_text(win->name, "state", state, sizeof(state))) {
		ctl_say("%s is gone", win->name);
		return ctl_window_failed(win, -ENODEV);
	}
	ctl_say("cannot read the statistics of %s: %s", win->name,
		strerror(-err));
	if (err == -ENOENT)
		ctl_hint("The loaded module is older: load the one of this program's version.");
	return CTL_ERROR;
}

/* ---- once ---- */

static void print(const struct ctl_window *win, const struct sample *sample)
{
	int i;

	printf("%s: %s, generation %" PRIu64 ", posted %" PRIu64
	       ", synced %" PRIu64 "\n", win->name, sample->state,
	       sample->generation, sample->posted, sample->synced);
	for (i = 0; i < COUNTERS; i++)
		printf("  %-10s %20" PRIu64 "  %s\n", ctl_counters[i].name,
		       sample->value[i], ctl_counters[i].meaning);
}

static struct json_object *json_of(const struct ctl_window *win,
				   const struct sample *sample)
{
	struct json_object *json = ctl_json_new(), *inner;
	int i;

	ctl_json_text(json, "window", win->name);
	ctl_json_text(json, "state", sample->state);
	ctl_json_number(json, "generation", sample->generation);
	ctl_json_number(json, "posted", sample->posted);
	ctl_json_number(json, "synced", sample->synced);
	inner = ctl_json_in(json, "statistics");
	for (i = 0; i < COUNTERS; i++)
		ctl_json_number(inner, ctl_counters[i].name, sample->value[i]);
	return json;
}

/* ---- again and again ---- */

#define HEADER_LINES	20

static void print_header(void)
{
	printf("%9s %12s %9s %7s %7s %7s %6s %6s %6s %8s %s\n", "writes/s",
	       "written", "syncs/s", "clean", "coal", "readb", "tmout", "errs",
	       "losses", "unsynced", "state");
}

static double per_second(uint64_t count, uint64_t ns)
{
	return (double)count * CTL_S / (ns ? ns : 1);
}

static void print_delta(const struct sample *old, const struct sample *new)
{
	uint64_t ns = new->when_ns - old->when_ns, delta[COUNTERS];
	char rate[CTL_TEXT];
	int i;

	for (i = 0; i < COUNTERS; i++)
		delta[i] = new->value[i] - old->value[i];
	printf("%9.0f %12s %9.0f", per_second(delta[WRITES], ns),
	       ctl_rate_text(delta[BYTES], ns, rate),
	       per_second(delta[SYNCS], ns));
	printf(" %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %6" PRIu64
	       " %6" PRIu64 " %6" PRIu64 " %8" PRIu64 " %s\n", delta[CLEAN],
	       delta[COALESCED], delta[READBACKS], delta[TIMEOUTS],
	       delta[ERRORS], delta[LOSSES], new->posted - new->synced,
	       new->state);
}

static void print_delta_json(const struct ctl_window *win,
			     const struct sample *old,
			     const struct sample *new)
{
	struct json_object *json = json_of(win, new), *delta;
	int i;

	ctl_json_number(json, "interval_ns", new->when_ns - old->when_ns);
	delta = ctl_json_in(json, "delta");
	for (i = 0; i < COUNTERS; i++)
		ctl_json_number(delta, ctl_counters[i].name,
				new->value[i] - old->value[i]);
	ctl_json_print(json, true);
}

static void sleep_until(uint64_t when_ns)
{
	struct timespec when = {
		.tv_sec = when_ns / CTL_S,
		.tv_nsec = when_ns % CTL_S,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) ==
	       EINTR)
		;
}

/* Return: negative errno, or 0 after as many lines as were wanted. */
static int watch(const struct ctl_window *win, const struct ctl_args *args,
		 struct sample *old)
{
	uint64_t line = 0, next = old->when_ns;
	struct sample new;
	int err;

	while (!args->count || line < args->count) {
		if (!args->json && line % HEADER_LINES == 0)
			print_header();
		/* A header, and lines, are seen at once in a pipe too. */
		if (fflush(stdout))
			return 0;
		next += args->interval_ns;
		sleep_until(next);
		err = ctl_sample(win->name, &new);
		if (err)
			return err;
		if (args->json)
			print_delta_json(win, old, &new);
		else
			print_delta(old, &new);
		*old = new;
		line++;
	}
	return 0;
}

static int run(const struct ctl_args *args)
{
	struct sample sample;
	struct ctl_window win;
	int status, err;

	if (args->metrics)
		return ctl_openmetrics(args);
	status = ctl_window_pick(args->window, &win);
	if (status)
		return status;
	err = ctl_sample(win.name, &sample);
	if (!err && args->watch)
		err = watch(&win, args, &sample);
	else if (!err && args->json)
		ctl_json_print(json_of(&win, &sample), false);
	else if (!err)
		print(&win, &sample);
	return err ? failed(&win, err) : CTL_OK;
}

const struct ctl_command ctl_stat = {
	.name = "stat",
	.words = "[WINDOW]",
	.summary = "show the counters of a window",
	.more = "Nothing is opened. With --watch: what was added each interval, as vmstat does.\n"
		"With --openmetrics: for Prometheus; of all windows, if none is named.",
	.takes = CTL_TAKES_WINDOW | CTL_TAKES_WATCH | CTL_TAKES_JSON |
		 CTL_TAKES_METRICS,
	.run = run,
};

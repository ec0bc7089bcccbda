// SPDX-License-Identifier: MIT
/*
 * The progress of a long copy: one living line on a terminal, nothing
 * elsewhere. A copy that is soon done never shows it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl.h"

#define FIRST_NS	(300 * CTL_MS)
#define NEXT_NS		(100 * CTL_MS)

/**
 * ctl_progress_begin() - a copy begins
 * @progress: to be set up
 * @name: what is copied to or from
 * @total: bytes to copy; 0: not known
 * @wanted: may it be shown?
 */
void ctl_progress_begin(struct ctl_progress *progress, const char *name,
			uint64_t total, bool wanted)
{
	*progress = (struct ctl_progress) {
		.name = name,
		.total = total,
		.begun_ns = ctl_now(),
		.terminal = wanted && isatty(STDERR_FILENO),
	};
}

static int columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col < 200 ? size.ws_col : 200;
}

/* "ETA 1:02:03"; the rate so far is taken to last. */
static void eta_text(uint64_t ns, uint64_t done, uint64_t total, char *text)
{
	uint64_t left = 0;

	*text = 0;
	if (!done || done > total)
		return;
	left = (double)ns / done * (total - done) / CTL_S + 0.5;
	if (left >= 3600)
		snprintf(text, CTL_TEXT, "  ETA %llu:%02llu:%02llu",
			 left / 3600ULL, left / 60 % 60ULL, left % 60ULL);
	else
		snprintf(text, CTL_TEXT, "  ETA %llu:%02llu", left / 60ULL,
			 left % 60ULL);
}

/* "[####....] " in @room columns, or nothing where that is too narrow. */
static void bar_text(uint64_t done, uint64_t total, int room, char *text)
{
	int length = room - 3, full;

	*text = 0;
	if (length < 5)
		return;
	full = (double)done / total * length;
	memset(text + 1, '.', length);
	memset(text + 1, '#', full);
	text[0] = '[';
	memcpy(text + 1 + length, "] ", sizeof("] "));
}

static void draw(const struct ctl_progress *progress, uint64_t done,
		 uint64_t ns)
{
	char size[CTL_TEXT], of[CTL_TEXT], rate[CTL_TEXT], eta[CTL_TEXT];
	char head[64], tail[4 * CTL_TEXT], bar[256] = "";
	int room = columns() - 1;

	ctl_size_text(done, size);
	ctl_rate_text(done, ns, rate);
	if (!progress->total || done > progress->total) {
		snprintf(head, sizeof(head), "%s: ", progress->name);
		snprintf(tail, sizeof(tail), "%s  %s", size, rate);
	} else {
		ctl_size_text(progress->total, of);
		eta_text(ns, done, progress->total, eta);
		snprintf(head, sizeof(head), "%s: %3.0f %% ", progress->name,
			 100.0 * done / progress->total);
		snprintf(tail, sizeof(tail), "%s of %s  %s%s", size, of, rate,
			 eta);
		bar_text(done, progress->total,
			 room - (int)(strlen(head) + strlen(tail)), bar);
	}
	fprintf(stderr, "\r%s%s%s\033[K", head, bar, tail);
}

/**
 * ctl_progress_show() - so far; cheap enough to be called often
 * @progress: the copy
 * @done: bytes copied
 */
void ctl_progress_show(struct ctl_progress *progress, uint64_t done)
{
	uint64_t now, wait;

	if (!progress->terminal)
		return;
	now = ctl_now();
	wait = progress->shown_ns ? progress->shown_ns + NEXT_NS :
				    progress->begun_ns + FIRST_NS;
	if (now < wait)
		return;
	progress->shown_ns = now;
	draw(progress, done, now - progress->begun_ns);
}

/**
 * ctl_progress_end() - make room for the last word on the copy
 * @progress: the copy; may be called twice
 */
void ctl_progress_end(struct ctl_progress *progress)
{
	if (progress->shown_ns)
		fputs("\r\033[K", stderr);
	progress->shown_ns = 0;
	progress->terminal = false;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * What has to be so whatever the programs did. The first rule that is broken
 * ends the run.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define PAGE		4096ULL
/* Regions are cut out from the beginning: there each page is looked at. */
#define NEAR		(64 * PAGE)
#define PATIENCE	(10 * WS_S)
#define WORK_BYTES	64
#define WORK_EVERY	64
#define WORK_TRIES	4

struct fz_verdict fz_verdict = { .told = ATOMIC_FLAG_INIT };

void fz_fail(enum fz_rule rule, const char *format, ...)
{
	va_list args;

	if (atomic_flag_test_and_set(&fz_verdict.told))
		return;
	fz_verdict.rule = rule;
	va_start(args, format);
	vsnprintf(fz_verdict.text, sizeof(fz_verdict.text), format, args);
	va_end(args);
	fz_verdict.failed = true;
}

/* ---- nothing but its regions does a confined program change ---- */

static struct {
	__s64 pages[NEAR / PAGE];
	__s64 rest;
	bool known;
	bool restless;	/* somebody may still be writing */
} before;

/* The CPU's read pushes what was written and has not landed. */
static bool can_look(struct fz_run *run)
{
	__u64 word;

	return run->dev->peer && run->dev->size >= NEAR &&
	       ws_pread(run->control, &word, sizeof(word), 0) == sizeof(word);
}

static __s64 rest_crc(const struct ws_dev *dev)
{
	return dev->size > NEAR ?
	       ws_peer_crc(dev, NEAR, dev->size - NEAR) : 0;
}

void fz_confined_begin(struct fz_run *run)
{
	unsigned int i;

	before.known = !before.restless && can_look(run);
	if (!before.known)
		return;
	for (i = 0; i < NEAR / PAGE; i++)
		before.pages[i] = ws_peer_crc(run->dev, i * PAGE, PAGE);
	before.rest = rest_crc(run->dev);
}

static bool may_change(const struct fz_run *run, __u64 at, __u64 length)
{
	unsigned int i;

	for (i = 0; i < run->extent_count && i < FZ_EXTENTS; i++)
		if (run->extents[i].at < at + length &&
		    run->extents[i].at + run->extents[i].length > at)
			return true;
	return false;
}

void fz_confined_end(struct fz_run *run)
{
	const struct ws_dev *dev = run->dev;
	unsigned int i;

	if (!before.known || !can_look(run))
		return;
	for (i = 0; i < NEAR / PAGE; i++) {
		if (may_change(run, i * PAGE, PAGE))
			continue;
		fz_verdict.asked[FZ_RULE_CONFINED]++;
		if (ws_peer_crc(dev, i * PAGE, PAGE) != before.pages[i])
			fz_fail(FZ_RULE_CONFINED,
				"bytes at %#llx changed, of no region",
				i * PAGE);
	}
	if (!may_change(run, NEAR, dev->size) && rest_crc(dev) != before.rest)
		fz_fail(FZ_RULE_CONFINED,
			"bytes from %#llx on changed, of no region",
			NEAR);
}

/* ---- the window works ---- */

/* What was lost before is told to us once, as to everybody. */
static int write_and_sync(struct fz_run *run, const __u8 *data, __u64 at)
{
	int tries, ret = -EIO;

	for (tries = 0; tries < WORK_TRIES && ret; tries++) {
		ssize_t n = ws_pwrite(run->control, data, WORK_BYTES, at);

		if (n != WORK_BYTES)
			return n < 0 ? n : -ENOSPC;
		ret = ws_sync_for(run->control, PATIENCE);
	}
	return ret;
}

bool fz_works(struct fz_run *run)
{
	static __u32 number;
	__u64 at = number++ * 8 * 31 % (run->dev->size - WORK_BYTES);
	__u8 data[WORK_BYTES], seen[WORK_BYTES];
	int ret;

	fz_verdict.asked[FZ_RULE_ARRIVAL]++;
	ws_fill(data, sizeof(data), number);
	ret = write_and_sync(run, data, at);
	if (ret)
		fz_fail(FZ_RULE_ARRIVAL, "write and sync afterwards: %s",
			strerror(-ret));
	else if (run->dev->peer && ws_peer_crc(run->dev, at, sizeof(data)) !=
				   ws_crc(data, sizeof(data)))
		fz_fail(FZ_RULE_ARRIVAL, "bytes had not arrived after a sync");
	else if (ws_pread(run->control, seen, sizeof(seen), at) !=
		 sizeof(seen) || memcmp(data, seen, sizeof(data)))
		fz_fail(FZ_RULE_ARRIVAL, "what was written reads otherwise");
	return !fz_verdict.failed;
}

/* ---- the regions' memory comes back ---- */

/* Files that were in flight or in a ring are closed a little later. */
static int wait_for_memory(struct fz_run *run, struct writesync_info *info)
{
	__u64 end = ws_now() + PATIENCE;
	int ret;

	fz_verdict.asked[FZ_RULE_MEMORY]++;
	for (;;) {
		ret = ws_info(run->control, info);
		if (ret || info->free == info->total || ws_now() > end)
			return ret;
		ws_sleep(WS_MS);
	}
}

static bool memory_is_back(struct fz_run *run, struct writesync_info *info)
{
	int ret = wait_for_memory(run, info);

	if (ret)
		fz_fail(FZ_RULE_MEMORY, "INFO: %s", strerror(-ret));
	else if (info->free != info->total)
		fz_fail(FZ_RULE_MEMORY,
			"%llu bytes belong to regions that nobody has open",
			info->total - info->free);
	return !fz_verdict.failed;
}

/* A device that comes and goes is no failure; one that stays away is. */
static void revive(struct fz_run *run)
{
	int ret = fz_revive(run);

	fz_verdict.asked[FZ_RULE_REVIVE]++;
	if (ret)
		fz_fail(FZ_RULE_REVIVE, "another binding (%s is%s there): %s",
			run->dev->node,
			access(run->dev->node, F_OK) ? " not" : "",
			strerror(-ret));
	else
		fz_works(run);
}

void fz_after(struct fz_run *run)
{
	static unsigned long count;
	struct writesync_info info;

	before.restless = run->rings_used;
	run->rings_used = false;
	if (!memory_is_back(run, &info))
		return;
	if (info.state == WRITESYNC_STATE_DEAD)
		revive(run);
	else if (!(count++ % WORK_EVERY))
		fz_works(run);
}

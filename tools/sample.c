// SPDX-License-Identifier: MIT
/*
 * The state and the counters of a window, from sysfs.
 */
#include <stdio.h>

#include "ctl.h"
#include "sample.h"

const struct ctl_counter ctl_counters[COUNTERS] = {
	[WRITES] = {
		"writes", "writes that wrote something",
		"writes", "Writes that wrote something",
	},
	[BYTES] = {
		"bytes", "what they wrote",
		"written_bytes", "Bytes that writes wrote", "bytes",
	},
	[SYNCS] = {
		"syncs", "syncs, those of O_DSYNC writes included",
		"syncs", "Syncs, those of O_DSYNC writes included",
	},
	[CLEAN] = {
		"clean", "of these: nothing was unsynced",
		"clean_syncs", "Syncs that found nothing unsynced",
	},
	[COALESCED] = {
		"coalesced", "of these: another's readback served",
		"coalesced_syncs", "Syncs that another's readback served",
	},
	[READBACKS] = {
		"readbacks", "accesses to the device for syncs",
		"readbacks", "Accesses to the device for syncs",
	},
	[TIMEOUTS] = {
		"timeouts", "syncs not confirmed in time",
		"timeouts", "Syncs that were not confirmed in time",
	},
	[ERRORS] = {
		"errors", "syncs that failed otherwise",
		"errors", "Syncs that failed otherwise",
	},
	[LOSSES] = {
		"losses", "times that unsynced bytes may have been lost",
		"losses", "Times that unsynced bytes may have been lost",
	},
};

static int take_counters(const char *window, struct sample *sample)
{
	char path[64];
	int err = 0;
	int i;

	for (i = 0; i < COUNTERS && !err; i++) {
		snprintf(path, sizeof(path), "statistics/%s",
			 ctl_counters[i].name);
		err = ctl_sysfs_number(window, path, &sample->value[i]);
	}
	return err;
}

/**
 * ctl_sample() - what sysfs says now
 * @window: the window's name
 * @sample: out; @synced is read before @posted, so it is never ahead
 *
 * Return: 0 or negative errno.
 */
int ctl_sample(const char *window, struct sample *sample)
{
	int err = ctl_sysfs_text(window, "state", sample->state,
				 sizeof(sample->state));

	if (!err)
		err = ctl_sysfs_number(window, "generation",
				       &sample->generation);
	if (!err)
		err = ctl_sysfs_number(window, "synced", &sample->synced);
	if (!err)
		err = ctl_sysfs_number(window, "posted", &sample->posted);
	if (!err)
		err = take_counters(window, sample);
	sample->when_ns = ctl_now();
	return err;
}

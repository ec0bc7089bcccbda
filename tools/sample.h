/* SPDX-License-Identifier: MIT */
/*
 * What sysfs says of a window at a moment: its state and its counters.
 */
#ifndef CTL_SAMPLE_H
#define CTL_SAMPLE_H

#include <stdint.h>

#include "ctl.h"

/* The order is that of the columns of stat --watch. */
enum counter {
	WRITES, BYTES, SYNCS, CLEAN, COALESCED, READBACKS, TIMEOUTS, ERRORS,
	LOSSES, COUNTERS
};

struct ctl_counter {
	const char *name;	/* in sysfs */
	const char *meaning;
	const char *metric;	/* without "writesync_" and "_total" */
	const char *help;	/* of the metric */
	const char *unit;	/* of the metric, or NULL */
};

extern const struct ctl_counter ctl_counters[COUNTERS];

struct sample {
	uint64_t when_ns;
	char state[CTL_NAME];
	uint64_t generation, posted, synced;
	uint64_t value[COUNTERS];
};

int ctl_sample(const char *window, struct sample *sample);

#endif /* CTL_SAMPLE_H */

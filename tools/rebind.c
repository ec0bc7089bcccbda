// SPDX-License-Identifier: MIT
/* writesyncctl rebind: the same device with other options. */
#include "bind.h"
#include "ctl.h"

static int run(const struct ctl_args *args)
{
	return ctl_device_command(args, CTL_AGAIN);
}

const struct ctl_command ctl_rebind = {
	.name = "rebind",
	.words = "ADDRESS",
	.summary = "bind a device anew, with other options",
	.more = "Its windows go, with all that was set in them, and files that are open fail with\n"
		"ENODEV. What is not given is not kept, but as for bind.",
	.takes = CTL_NEEDS_ADDRESS | CTL_TAKES_BINDING | CTL_TAKES_SAVE |
		 CTL_TAKES_CONFIG | CTL_TAKES_JSON,
	.run = run,
};

// SPDX-License-Identifier: MIT
/* writesyncctl bind: make windows of any PCI device's memory BARs. */
#include "bind.h"
#include "ctl.h"

static int run(const struct ctl_args *args)
{
	return ctl_device_command(args, CTL_FRESH);
}

const struct ctl_command ctl_bind = {
	.name = "bind",
	.words = "ADDRESS",
	.summary = "make windows of a PCI device's memory BARs",
	.more = "Without --bar: of all that are prefetchable. If that fails, everything is as it\n"
		"was before.",
	.takes = CTL_NEEDS_ADDRESS | CTL_TAKES_BINDING | CTL_TAKES_SAVE |
		 CTL_TAKES_CONFIG | CTL_TAKES_JSON,
	.run = run,
};

// SPDX-License-Identifier: MIT
/* writesyncctl unbind: give a device back to the driver that had it. */
#include <stdio.h>

#include "bind.h"
#include "ctl.h"

static void print(const char *address)
{
	char driver[CTL_DRIVER];

	ctl_pci_driver(address, driver);
	if (!ctl_pci_exists(address))
		printf("%s  not there, forgotten\n", address);
	else
		printf("%s  driver %s\n", address, *driver ? driver : "none");
}

static void print_json(const char *address)
{
	struct json_object *json = ctl_json_new();
	char driver[CTL_DRIVER];

	ctl_pci_driver(address, driver);
	ctl_json_text(json, "address", address);
	ctl_json_text(json, "driver", driver);
	ctl_json_print(json, false);
}

/* What is only in the file, because it was unplugged, can be taken from it. */
static int unbind(const char *address, bool listed)
{
	if (listed && !ctl_device_touched(address))
		return CTL_OK;
	return ctl_device_unbind(address);
}

static int run(const struct ctl_args *args)
{
	struct ctl_config config = { 0 };
	bool listed = false;
	int status = CTL_OK;

	if (args->save) {
		status = ctl_config_read(&config, args->config);
		listed = ctl_config_find(&config, args->address);
	}
	if (!status)
		status = unbind(args->address, listed);
	if (!status && args->json)
		print_json(args->address);
	else if (!status)
		print(args->address);
	if (!status && listed)
		status = ctl_config_save(&config, args->address, NULL);
	ctl_config_free(&config);
	return status;
}

const struct ctl_command ctl_unbind = {
	.name = "unbind",
	.words = "ADDRESS",
	.summary = "undo bind",
	.more = "The driver that had the device before gets it back.",
	.takes = CTL_NEEDS_ADDRESS | CTL_TAKES_SAVE | CTL_TAKES_CONFIG |
		 CTL_TAKES_JSON,
	.run = run,
};

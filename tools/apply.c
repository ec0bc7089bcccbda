// SPDX-License-Identifier: MIT
/* writesyncctl apply: bind what the configuration file says, as at boot. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bind.h"
#include "ctl.h"

static int apply_one(struct ctl_config *config, const char *address,
		     struct json_object *json)
{
	struct ctl_line *line = ctl_config_find(config, address);
	int status;

	if (!line) {
		ctl_say("%s does not mention %s", config->path, address);
		ctl_hint("To add it: writesyncctl bind %s --save", address);
		return CTL_ERROR;
	}
	status = ctl_device_bind(address, &line->binding, CTL_CONFIGURED);
	if (!status && json)
		ctl_device_json(address, ctl_json_push(json));
	else if (!status)
		ctl_device_print(address);
	return status;
}

/* One that is not there may be plugged in later; one that fails stops no other. */
static int apply_all(struct ctl_config *config, struct json_object *json)
{
	int status = CTL_OK, one;
	size_t i;

	for (i = 0; i < config->count; i++) {
		const char *address = config->lines[i].address;

		if (!*address)
			continue;
		if (!ctl_pci_exists(address)) {
			ctl_say("%s:%u: there is no PCI device at %s now",
				config->path, config->lines[i].number, address);
			continue;
		}
		one = apply_one(config, address, json);
		status = status ? status : one;
	}
	return status;
}

static int apply_config(const struct ctl_args *args, struct ctl_config *config)
{
	struct json_object *json = args->json ? ctl_json_array() : NULL;
	int status;

	if (args->address)
		status = apply_one(config, args->address, json);
	else
		status = apply_all(config, json);
	if (json)
		ctl_json_print(json, false);
	return status;
}

static int run(const struct ctl_args *args)
{
	struct ctl_config config;
	int status = ctl_config_read(&config, args->config);

	if (!status && !config.exists) {
		ctl_say("there is no %s", args->config);
		ctl_hint("\"writesyncctl bind ADDRESS --save\" makes it.");
		status = CTL_ERROR;
	}
	if (!status)
		status = apply_config(args, &config);
	ctl_config_free(&config);
	return status;
}

const struct ctl_command ctl_apply = {
	.name = "apply",
	.words = "[ADDRESS]",
	.summary = "bind what the configuration file says",
	.more = "systemd does it at boot, and with ADDRESS when a device is plugged in. What is\n"
		"bound in this way already stays as it is.",
	.takes = CTL_TAKES_ADDRESS | CTL_TAKES_CONFIG | CTL_TAKES_JSON,
	.run = run,
};

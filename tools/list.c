// SPDX-License-Identifier: MIT
/* writesyncctl list: the windows there are, from sysfs alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

/* As lspci -nn writes it. */
static const char *id(const char *text)
{
	return strncmp(text, "0x", 2) ? "?" : text + 2;
}

static void print(const struct ctl_window *list, int count)
{
	char size[CTL_TEXT];
	int i;

	printf("%-12s %-14s %-3s %-9s %10s  %-6s  %s\n", "WINDOW", "ADDRESS",
	       "BAR", "ID", "SIZE", "STATE", "CONFIRM");
	for (i = 0; i < count; i++)
		printf("%-12s %-14s %-3" PRIu64 " %.4s:%.4s %10s  %-6s  %s\n",
		       list[i].name, list[i].address, list[i].bar,
		       id(list[i].vendor), id(list[i].device),
		       ctl_size_text(list[i].size, size), list[i].state,
		       list[i].confirm);
}

static void print_json(const struct ctl_window *list, int count)
{
	struct json_object *array = ctl_json_array(), *window;
	int i;

	for (i = 0; i < count; i++) {
		window = ctl_json_push(array);
		ctl_json_text(window, "window", list[i].name);
		ctl_json_text(window, "path", list[i].path);
		ctl_json_text(window, "address", list[i].address);
		ctl_json_number(window, "bar", list[i].bar);
		ctl_json_text(window, "vendor", list[i].vendor);
		ctl_json_text(window, "device", list[i].device);
		ctl_json_number(window, "size", list[i].size);
		ctl_json_text(window, "state", list[i].state);
		ctl_json_text(window, "confirm", list[i].confirm);
	}
	ctl_json_print(array, false);
}

static int run(const struct ctl_args *args)
{
	struct ctl_window *list;
	int count = ctl_windows(&list);

	if (args->json)
		print_json(list, count);
	else if (count)
		print(list, count);
	free(list);
	return count ? CTL_OK : ctl_absent();
}

const struct ctl_command ctl_list = {
	.name = "list",
	.words = "",
	.summary = "list the windows",
	.more = "Needs no permission to open them. With none it says how to get one.",
	.takes = CTL_TAKES_JSON,
	.run = run,
};

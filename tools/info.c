// SPDX-License-Identifier: MIT
/* writesyncctl info: all that is known of one window. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <writesync.h>

#include "ctl.h"

static const char * const states[] = {
	[WRITESYNC_STATE_LIVE] = "live",
	[WRITESYNC_STATE_FROZEN] = "frozen",
	[WRITESYNC_STATE_DEAD] = "dead",
};

static const char * const methods[] = {
	[WRITESYNC_CONFIRM_WINDOW] = "window",
	[WRITESYNC_CONFIRM_SENTINEL] = "sentinel",
	[WRITESYNC_CONFIRM_CONFIG] = "config",
	[WRITESYNC_CONFIRM_PENDING] = "pending",
};

static const struct {
	uint64_t bit;
	const char *name;
} caps[] = {
	{ WRITESYNC_CAP_WC, "wc" },
	{ WRITESYNC_CAP_VERIFY, "verify" },
	{ WRITESYNC_CAP_BOUNDED, "bounded" },
};

/* A newer kernel may say what this program has no word for. */
static const char *word_of(const char * const *words, size_t count, size_t i)
{
	return i < count ? words[i] : "?";
}

static void CTL_PRINTF(2, 3) line(const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("  %-17s ", what);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

static void print_caps(uint64_t bits)
{
	char text[128] = "";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(caps); i++)
		if (bits & caps[i].bit)
			sprintf(text + strlen(text), "%s%s", *text ? " " : "",
				caps[i].name);
	line("capabilities", "%s", *text ? text : "none");
}

/* Only the second version of the structure has them. */
static void print_regions(const struct writesync_info *info)
{
	char total[CTL_TEXT], free[CTL_TEXT], largest[CTL_TEXT];
	char granule[CTL_TEXT];

	if (info->granule)
		line("regions", "%s free of %s, the largest piece %s, granule %s",
		     ctl_size_text(info->free, free),
		     ctl_size_text(info->total, total),
		     ctl_size_text(info->largest_free, largest),
		     ctl_size_text(info->granule, granule));
}

static void print(const struct ctl_window *win,
		  const struct writesync_info *info)
{
	char text[CTL_TEXT], policy[CTL_NAME];

	printf("%s\n", win->name);
	line("device file", "%s", win->path);
	line("PCI function", "%s, BAR %u", win->address, info->bar);
	line("ID", "%04x:%04x, subsystem %04x:%04x", info->vendor,
	     info->device, info->subvendor, info->subdevice);
	line("size", "%s (%llu bytes)", ctl_size_text(info->window_size, text),
	     info->window_size);
	line("state", "%s", word_of(states, ARRAY_SIZE(states), info->state));
	line("confirm", "%s", word_of(methods, ARRAY_SIZE(methods), info->confirm));
	if (!ctl_sysfs_text(win->name, "inline_sync", policy, sizeof(policy)))
		line("inline sync", "%s", policy);
	if (!ctl_sysfs_text(win->name, "cache", policy, sizeof(policy)))
		line("cache", "%s", policy);
	if (!ctl_sysfs_text(win->name, "readback_offset", policy,
			    sizeof(policy)))
		line("readback offset", "%s", policy);
	line("access width", "%u bytes", info->access_width);
	line("default time-out", "%s", ctl_time_text(info->timeout_ns, text));
	print_caps(info->caps);
	line("generation", "%llu", info->generation);
	line("posted", "%llu", info->posted);
	line("synced", "%llu%s", info->synced,
	     info->synced < info->posted ? " (a sync is needed)" : "");
	print_regions(info);
}

static void add_identity(struct json_object *json,
			 const struct ctl_window *win,
			 const struct writesync_info *info)
{
	char id[CTL_TEXT];

	ctl_json_text(json, "window", win->name);
	ctl_json_text(json, "path", win->path);
	ctl_json_text(json, "address", win->address);
	ctl_json_number(json, "bar", info->bar);
	snprintf(id, sizeof(id), "0x%04x", info->vendor);
	ctl_json_text(json, "vendor", id);
	snprintf(id, sizeof(id), "0x%04x", info->device);
	ctl_json_text(json, "device", id);
	snprintf(id, sizeof(id), "0x%04x", info->subvendor);
	ctl_json_text(json, "subvendor", id);
	snprintf(id, sizeof(id), "0x%04x", info->subdevice);
	ctl_json_text(json, "subdevice", id);
}

/* "none" is null. */
static void add_readback(struct json_object *json, const char *window)
{
	uint64_t offset;
	char text[CTL_NAME];

	if (ctl_sysfs_text(window, "readback_offset", text, sizeof(text)))
		return;
	if (ctl_number_parse(text, &offset))
		ctl_json_null(json, "readback_offset");
	else
		ctl_json_number(json, "readback_offset", offset);
}

static void add_settings(struct json_object *json,
			 const struct ctl_window *win,
			 const struct writesync_info *info)
{
	char policy[CTL_NAME];
	size_t i;

	ctl_json_number(json, "size", info->window_size);
	ctl_json_text(json, "state",
		      word_of(states, ARRAY_SIZE(states), info->state));
	ctl_json_text(json, "confirm",
		      word_of(methods, ARRAY_SIZE(methods), info->confirm));
	if (!ctl_sysfs_text(win->name, "inline_sync", policy, sizeof(policy)))
		ctl_json_text(json, "inline_sync", policy);
	if (!ctl_sysfs_text(win->name, "cache", policy, sizeof(policy)))
		ctl_json_text(json, "cache", policy);
	add_readback(json, win->name);
	ctl_json_number(json, "access_width", info->access_width);
	ctl_json_number(json, "timeout_ns", info->timeout_ns);
	ctl_json_item(json, "caps", NULL);
	for (i = 0; i < ARRAY_SIZE(caps); i++)
		if (info->caps & caps[i].bit)
			ctl_json_item(json, "caps", caps[i].name);
}

static void print_json(const struct ctl_window *win,
		       const struct writesync_info *info)
{
	struct json_object *json = ctl_json_new();

	add_identity(json, win, info);
	add_settings(json, win, info);
	ctl_json_number(json, "generation", info->generation);
	ctl_json_number(json, "posted", info->posted);
	ctl_json_number(json, "synced", info->synced);
	ctl_json_number(json, "total", info->total);
	ctl_json_number(json, "free", info->free);
	ctl_json_number(json, "largest_free", info->largest_free);
	ctl_json_number(json, "granule", info->granule);
	ctl_json_print(json, false);
}

static int run(const struct ctl_args *args)
{
	struct writesync_info info;
	struct ctl_window win;
	int status = ctl_window_open(args->window, O_RDONLY, &win);
	int err;

	if (status)
		return status;
	err = writesync_info(win.fd, &info);
	ctl_window_close(&win);
	if (err) {
		ctl_say("%s: no information: %s", win.name, strerror(-err));
		return ctl_window_failed(&win, err);
	}
	if (args->json)
		print_json(&win, &info);
	else
		print(&win, &info);
	return CTL_OK;
}

const struct ctl_command ctl_info = {
	.name = "info",
	.words = "[WINDOW]",
	.summary = "tell all about a window",
	.takes = CTL_TAKES_WINDOW | CTL_TAKES_JSON,
	.run = run,
};

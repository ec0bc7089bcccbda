// SPDX-License-Identifier: MIT
/*
 * What a device is bound with: which BARs, and how. As options of the command
 * line and words of the configuration file, and as an entry of the module's
 * parameter "devices".
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bind.h"
#include "ctl.h"

static const char * const confirms[] = {
	"window", "sentinel", "config", "pending",
};

static const char * const caches[] = { "wc", "uc" };

static const char *lookup(const char * const *words, size_t count,
			  const char *value)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(words[i], value))
			return words[i];
	return NULL;
}

static bool set_bar(struct ctl_binding *binding, const char *value)
{
	if (value[0] < '0' || value[0] > '5' || value[1])
		return false;
	binding->bars |= 1 << (value[0] - '0');
	return true;
}

static bool set_width(struct ctl_binding *binding, const char *value)
{
	if (!*value || !strchr("1248", *value) || value[1])
		return false;
	binding->width = *value - '0';
	return true;
}

static bool set_readback(struct ctl_binding *binding, const char *value)
{
	binding->has_readback = true;
	return !ctl_size_parse(value, &binding->readback);
}

static bool set_confirm(struct ctl_binding *binding, const char *value)
{
	binding->confirm = lookup(confirms, ARRAY_SIZE(confirms), value);
	return binding->confirm;
}

static bool set_cache(struct ctl_binding *binding, const char *value)
{
	binding->cache = lookup(caches, ARRAY_SIZE(caches), value);
	return binding->cache;
}

/* The words of the configuration file; with "--" before, those of a command. */
static const struct {
	const char *name;
	bool (*set)(struct ctl_binding *binding, const char *value);
	const char *why;
} options[] = {
	{ "bar", set_bar, "A BAR has a number from 0 to 5." },
	{ "confirm", set_confirm,
	  "It is window, sentinel, config or pending." },
	{ "width", set_width, "It is 1, 2, 4 or 8." },
	{ "readback-offset", set_readback,
	  "It is a number of bytes such as 4096, 0x1000 or 4K." },
	{ "cache", set_cache,
	  "It is wc (write-combining) or uc (uncached)." },
};

/**
 * ctl_binding_set() - set one option
 * @binding: in and out
 * @name: its name
 * @value: its value
 * @why: out: what a value has to be like
 *
 * Return: 0, -EINVAL for a wrong value, -ENOENT for an unknown name.
 */
int ctl_binding_set(struct ctl_binding *binding, const char *name,
		    const char *value, const char **why)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].name, name))
			continue;
		*why = options[i].why;
		return options[i].set(binding, value) ? 0 : -EINVAL;
	}
	return -ENOENT;
}

/**
 * ctl_binding_same() - would the windows be the same?
 * @a: one
 * @b: the other
 */
bool ctl_binding_same(const struct ctl_binding *a,
		      const struct ctl_binding *b)
{
	return a->bars == b->bars && a->width == b->width &&
	       a->confirm == b->confirm && a->cache == b->cache &&
	       a->has_readback == b->has_readback &&
	       (!a->has_readback || a->readback == b->readback);
}

static void CTL_PRINTF(2, 3) append(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, CTL_ENTRY - used, format, args);
	va_end(args);
}

/**
 * ctl_binding_entry() - as an entry of the module's parameter
 * @address: the function
 * @binding: the options
 * @text: out
 */
void ctl_binding_entry(const char *address, const struct ctl_binding *binding,
		       char text[CTL_ENTRY])
{
	const char *before = ",bars=";
	int bar;

	snprintf(text, CTL_ENTRY, "%s", address);
	for (bar = 0; bar < 6; bar++) {
		if (!(binding->bars & 1 << bar))
			continue;
		append(text, "%s%d", before, bar);
		before = "+";
	}
	if (binding->confirm)
		append(text, ",confirm=%s", binding->confirm);
	if (binding->has_readback)
		append(text, ",readback=%#" PRIx64, binding->readback);
	if (binding->width)
		append(text, ",width=%u", binding->width);
	if (binding->cache)
		append(text, ",cache=%s", binding->cache);
}

/**
 * ctl_binding_line() - as a line of the configuration file
 * @address: the function
 * @binding: the options
 * @text: out: without a newline
 */
void ctl_binding_line(const char *address, const struct ctl_binding *binding,
		      char text[CTL_ENTRY])
{
	int bar;

	snprintf(text, CTL_ENTRY, "%s", address);
	for (bar = 0; bar < 6; bar++)
		if (binding->bars & 1 << bar)
			append(text, " bar=%d", bar);
	if (binding->confirm)
		append(text, " confirm=%s", binding->confirm);
	if (binding->has_readback)
		append(text, " readback-offset=%#" PRIx64, binding->readback);
	if (binding->width)
		append(text, " width=%u", binding->width);
	if (binding->cache)
		append(text, " cache=%s", binding->cache);
	if (binding->replace)
		append(text, " replace");
}

/* "bars=0+2", or another option; the module calls one of them differently. */
static int parse_option(char *option, struct ctl_binding *binding)
{
	char *value = strchr(option, '=');
	const char *why;
	char *bar;

	if (!value)
		return -EINVAL;
	*value++ = 0;
	if (!strcmp(option, "readback"))
		return ctl_binding_set(binding, "readback-offset", value,
				       &why);
	if (strcmp(option, "bars"))
		return ctl_binding_set(binding, option, value, &why);
	while ((bar = strsep(&value, "+")))
		if (!set_bar(binding, bar))
			return -EINVAL;
	return 0;
}

/**
 * ctl_binding_parse() - undo ctl_binding_entry()
 * @entry: the text
 * @binding: out
 *
 * Return: 0, or negative errno for what a newer module may say.
 */
int ctl_binding_parse(const char *entry, struct ctl_binding *binding)
{
	char text[CTL_ENTRY], *rest = text, *option;
	int err = 0;

	memset(binding, 0, sizeof(*binding));
	snprintf(text, sizeof(text), "%s", entry);
	strsep(&rest, ",");
	while (!err && (option = strsep(&rest, ",")))
		err = parse_option(option, binding);
	return err;
}

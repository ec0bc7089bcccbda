// SPDX-License-Identifier: MIT
/*
 * Numbers of the command line, and numbers as people read them.
 *
 * strtoull() takes blanks, signs and octal digits, and a negative number for
 * a huge one: here a number begins with a digit, or is none.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int parse_digits(const char *text, char **end, uint64_t *value)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

	if (!is_digit(text[0]))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, end, hex ? 16 : 10);
	return errno ? -ERANGE : 0;
}

/**
 * ctl_number_parse() - a count
 * @text: decimal, or hexadecimal with 0x
 * @value: out
 *
 * Return: 0, -EINVAL, or -ERANGE for 2^64 and more.
 */
int ctl_number_parse(const char *text, uint64_t *value)
{
	char *end;
	int ret = parse_digits(text, &end, value);

	if (ret)
		return ret;
	return *end ? -EINVAL : 0;
}

/**
 * ctl_size_parse() - a number of bytes
 * @text: as for ctl_number_parse(), then nothing, K, M, G or T (powers of
 *	1024), or these with iB
 * @bytes: out
 *
 * Return: 0, -EINVAL, or -ERANGE for 2^64 and more.
 */
int ctl_size_parse(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	int ret = parse_digits(text, &end, bytes);

	if (ret == -EINVAL || (!ret && !*end))
		return ret;
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (*end && (!unit || (end[1] && strcmp(end + 1, "iB"))))
		return -EINVAL;
	if (ret || !unit)
		return ret;
	if (__builtin_mul_overflow(*bytes, 1ULL << (unit - units + 1) * 10,
				   bytes))
		return -ERANGE;
	return 0;
}

/* @fraction begins behind the point. There is nothing below 1 ns. */
static int add_fraction(const char *fraction, uint64_t unit_ns, uint64_t *ns)
{
	for (; is_digit(*fraction); fraction++) {
		if (unit_ns < 10 && *fraction != '0')
			return -EINVAL;
		unit_ns /= 10;
		if (__builtin_add_overflow(*ns, (*fraction - '0') * unit_ns,
					   ns))
			return -ERANGE;
	}
	return 0;
}

static uint64_t unit_of(const char *text, uint64_t otherwise)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 }, { "us", CTL_US }, { "ms", CTL_MS }, { "s", CTL_S },
	};
	size_t i;

	if (!*text)
		return otherwise;
	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(text, units[i].name))
			return units[i].ns;
	return 0;
}

/**
 * ctl_time_parse() - a length of time
 * @text: decimal, perhaps with a fraction, then ns, us, ms, s or nothing
 * @unit_ns: what a number without a unit counts
 * @ns: out
 *
 * Return: 0, -EINVAL, or -ERANGE for 2^64 ns and more.
 */
int ctl_time_parse(const char *text, uint64_t unit_ns, uint64_t *ns)
{
	size_t whole = strspn(text, "0123456789"), part = 0;

	if (!whole)
		return -EINVAL;
	if (text[whole] == '.') {
		part = strspn(text + whole + 1, "0123456789");
		if (!part)
			return -EINVAL;
		part++;
	}
	unit_ns = unit_of(text + whole + part, unit_ns);
	if (!unit_ns)
		return -EINVAL;
	errno = 0;
	*ns = strtoull(text, NULL, 10);
	if (errno || __builtin_mul_overflow(*ns, unit_ns, ns))
		return -ERANGE;
	return part ? add_fraction(text + whole + 1, unit_ns, ns) : 0;
}

/* One digit behind the point, unless that is a zero. */
static const char *scaled(double value, const char *unit, char *text)
{
	snprintf(text, CTL_TEXT, "%.1f", value);
	if (!strcmp(text + strlen(text) - 2, ".0"))
		text[strlen(text) - 2] = 0;
	strncat(text, unit, CTL_TEXT - strlen(text) - 1);
	return text;
}

/* 1023.96 KiB is 1 MiB: what would be rounded up to the next unit is. */
static const char *sized(double value, const char *after, char *text)
{
	static const char * const units[] = {
		" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB",
	};
	char unit[16];
	size_t i = 0;

	while (value >= 1023.95 && i < ARRAY_SIZE(units) - 1) {
		value /= 1024;
		i++;
	}
	snprintf(unit, sizeof(unit), "%s%s", units[i], after);
	return scaled(value, unit, text);
}

/**
 * ctl_size_text() - bytes, such as "17.7 KiB"
 * @bytes: how many
 * @text: out
 *
 * Return: @text.
 */
const char *ctl_size_text(uint64_t bytes, char text[CTL_TEXT])
{
	if (bytes < 1024)
		snprintf(text, CTL_TEXT, "%" PRIu64 " B", bytes);
	else
		sized(bytes, "", text);
	return text;
}

/**
 * ctl_rate_text() - bytes per time, such as "1.2 GiB/s"
 * @bytes: how many
 * @ns: in which time
 * @text: out
 *
 * Return: @text.
 */
const char *ctl_rate_text(uint64_t bytes, uint64_t ns, char text[CTL_TEXT])
{
	return sized((double)bytes * CTL_S / (ns ? ns : 1), "/s", text);
}

/**
 * ctl_time_text() - a length of time, such as "55.2 us"
 * @ns: nanoseconds
 * @text: out
 *
 * Return: @text.
 */
const char *ctl_time_text(uint64_t ns, char text[CTL_TEXT])
{
	if (ns < CTL_US)
		snprintf(text, CTL_TEXT, "%" PRIu64 " ns", ns);
	else if (ns < CTL_MS - CTL_US / 20)
		scaled((double)ns / CTL_US, " us", text);
	else if (ns < CTL_S - CTL_MS / 20)
		scaled((double)ns / CTL_MS, " ms", text);
	else
		scaled((double)ns / CTL_S, " s", text);
	return text;
}

/**
 * ctl_plural() - the "s" of a noun
 * @count: of how many
 */
const char *ctl_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/**
 * ctl_now() - CLOCK_MONOTONIC
 *
 * Return: nanoseconds.
 */
uint64_t ctl_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * CTL_S + now.tv_nsec;
}

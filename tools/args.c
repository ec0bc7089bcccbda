// SPDX-License-Identifier: MIT
/*
 * The command line of each command, from one table of options.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/writesync.h>

#include "bind.h"
#include "ctl.h"

static const struct {
	const char *name;
	char letter;
	const char *value;	/* NULL: none; "[...]": may be left out */
	const char *help;
	unsigned int takes;
} options[] = {
	{ "window", 'w', "WINDOW", "which one; needed if there are several",
	  CTL_TAKES_WINDOW },
	{ "offset", 'o', "N", "where in the window to begin (0)",
	  CTL_TAKES_OFFSET },
	{ "length", 'l', "N", "how many bytes (up to the window's end)",
	  CTL_TAKES_LENGTH },
	{ "sync", 's', NULL, "wait until everything has arrived",
	  CTL_TAKES_SYNC },
	{ "timeout", 't', "T", "how long to wait for the device, or none",
	  CTL_TAKES_TIMEOUT },
	{ "verify", 'V', NULL, "with the sync: compare the last word",
	  CTL_TAKES_VERIFY },
	{ "watch", 'W', "[SECONDS]", "a line for every interval (1)",
	  CTL_TAKES_WATCH },
	{ "count", 'c', "N", "end --watch after N lines",
	  CTL_TAKES_WATCH },
	{ "bar", 'b', "N", "this BAR; may be repeated (all prefetchable ones)",
	  CTL_TAKES_BINDING },
	{ "confirm", 'm', "METHOD", "window, sentinel, config or pending",
	  CTL_TAKES_BINDING },
	{ "readback-offset", 'r', "N", "the word that is read to confirm",
	  CTL_TAKES_BINDING },
	{ "width", 'a', "N", "bytes of an access: 1, 2, 4 or 8",
	  CTL_TAKES_BINDING },
	{ "cache", 'k', "HOW", "wc (write-combining) or uc (uncached)",
	  CTL_TAKES_BINDING },
	{ "replace", 'R', NULL, "take it from the driver that has it",
	  CTL_TAKES_BINDING },
	{ "save", 'S', NULL, "and so at each boot, by the file",
	  CTL_TAKES_SAVE },
	{ "config", 'f', "FILE", "it is not " CTL_CONFIG,
	  CTL_TAKES_CONFIG },
	{ "openmetrics", 'M', "[strict]", "for Prometheus, as its collectors read it",
	  CTL_TAKES_METRICS },
	{ "output", 'O', "FILE", "the metrics: a file that changes all at once",
	  CTL_TAKES_METRICS },
	{ "json", 'j', NULL, "for programs: JSON on standard output",
	  CTL_TAKES_JSON },
	{ "help", 'h', NULL, "this text", 0 },
};

#define LIMIT	ARRAY_SIZE(options)

/* getopt's tables for those options that @command takes. */
struct tables {
	struct option longs[LIMIT + 1];
	char shorts[3 * LIMIT + 2];
};

static bool takes(const struct ctl_command *command, size_t i)
{
	return !options[i].takes || command->takes & options[i].takes;
}

static void make_tables(const struct ctl_command *command,
			struct tables *tables)
{
	struct option *option = tables->longs;
	char *letter = tables->shorts;
	size_t i, colons;

	*letter++ = ':';
	for (i = 0; i < LIMIT; i++) {
		if (!takes(command, i))
			continue;
		colons = !options[i].value ? no_argument :
			 *options[i].value == '[' ? optional_argument :
			 required_argument;
		option->name = options[i].name;
		option->has_arg = colons;
		option->val = options[i].letter;
		option++;
		*letter++ = options[i].letter;
		while (colons--)
			*letter++ = ':';
	}
}

/* ---- values ---- */

static int parse_size(const char *option, const char *text, uint64_t *value)
{
	int err = ctl_size_parse(text, value);

	if (err == -ERANGE)
		return ctl_misuse("Give a number of bytes below that.",
				  "--%s \"%s\" is 2^64 or more", option, text);
	if (err)
		return ctl_misuse("Give one such as 4096, 0x1000, 64K or 1M.",
				  "--%s \"%s\" is not a number of bytes",
				  option, text);
	return CTL_OK;
}

static int parse_timeout(const char *text, uint64_t *ns)
{
	int err;

	if (!strcmp(text, "none")) {
		*ns = WRITESYNC_TIMEOUT_NONE;
		return CTL_OK;
	}
	err = ctl_time_parse(text, CTL_MS, ns);
	if (err == -ERANGE || (!err && *ns > INT64_MAX))
		return ctl_misuse("To wait for ever, say none.",
				  "--timeout \"%s\" is over 292 years", text);
	if (err)
		return ctl_misuse("Give one such as 100ms, 2s, 50us, 100 (milliseconds), or none.",
				  "--timeout \"%s\" is not a time", text);
	if (!*ns)
		return ctl_misuse("Give 1ns or more, or leave it out for the window's own.",
				  "--timeout \"%s\" leaves no time", text);
	return CTL_OK;
}

static int parse_interval(const char *text, uint64_t *ns)
{
	int err = ctl_time_parse(text, CTL_S, ns);

	if (err || *ns < CTL_MS || *ns > 1000000 * CTL_S)
		return ctl_misuse("Give seconds such as 1 or 0.5, from 1ms to 1000000.",
				  "--watch \"%s\" is not an interval", text);
	return CTL_OK;
}

static int parse_count(const char *text, uint64_t *count)
{
	if (ctl_number_parse(text, count) || !*count)
		return ctl_misuse("Give 1 or more.",
				  "--count \"%s\" is not a number of lines",
				  text);
	return CTL_OK;
}

/*
 * "--watch 2": a number in the next argument belongs to it. getopt knows
 * "--watch=2" only.
 */
static int parse_watch(int argc, char **argv, struct ctl_args *args)
{
	const char *text = optarg;

	args->watch = true;
	args->interval_ns = CTL_S;
	if (!text && optind < argc && argv[optind][0] >= '0' &&
	    argv[optind][0] <= '9')
		text = argv[optind++];
	return text ? parse_interval(text, &args->interval_ns) : CTL_OK;
}

static int parse_binding(const char *option, struct ctl_binding *binding)
{
	const char *why;

	if (!ctl_binding_set(binding, option, optarg, &why))
		return CTL_OK;
	return ctl_misuse(why, "--%s \"%s\" is wrong", option, optarg);
}

/* "--openmetrics strict": as parse_watch() does */
static int parse_metrics(int argc, char **argv, struct ctl_args *args)
{
	const char *text = optarg;

	args->metrics = true;
	if (!text && optind < argc && !strcmp(argv[optind], "strict"))
		text = argv[optind++];
	if (text && strcmp(text, "strict"))
		return ctl_misuse("Give strict, or nothing.",
				  "--openmetrics \"%s\" is no kind of it",
				  text);
	args->strict = text;
	return CTL_OK;
}

/* ---- options ---- */

static int wrong_option(const struct ctl_command *command, char **argv, int c)
{
	const char *word = argv[optind - 1];
	char todo[64];

	snprintf(todo, sizeof(todo), "See writesyncctl %s --help.",
		 command->name);
	if (c == ':')
		return ctl_misuse(todo, "%s needs a value", word);
	if (optopt && strncmp(word, "--", 2))
		return ctl_misuse(todo, "%s has no option -%c", command->name,
				  optopt);
	if (optopt)
		return ctl_misuse(todo, "%s: this option takes no value", word);
	return ctl_misuse(todo, "%s has no option %s, or several that begin so",
			  command->name, word);
}

static int take_binding_option(int c, struct ctl_args *args)
{
	switch (c) {
	case 'b':
		return parse_binding("bar", &args->binding);
	case 'm':
		return parse_binding("confirm", &args->binding);
	case 'r':
		return parse_binding("readback-offset", &args->binding);
	case 'a':
		return parse_binding("width", &args->binding);
	case 'k':
		return parse_binding("cache", &args->binding);
	case 'R':
		args->binding.replace = true;
		return CTL_OK;
	case 'S':
		args->save = true;
		return CTL_OK;
	default:
		args->config = optarg;
		return CTL_OK;
	}
}

static int take_option(int c, int argc, char **argv, struct ctl_args *args)
{
	if (strchr("bmrakRSf", c))
		return take_binding_option(c, args);
	switch (c) {
	case 'w':
		args->window = optarg;
		return CTL_OK;
	case 'o':
		return parse_size("offset", optarg, &args->offset);
	case 'l':
		args->has_length = true;
		return parse_size("length", optarg, &args->length);
	case 's':
		args->sync = true;
		return CTL_OK;
	case 't':
		return parse_timeout(optarg, &args->timeout_ns);
	case 'V':
		args->verify = true;
		return CTL_OK;
	case 'W':
		return parse_watch(argc, argv, args);
	case 'c':
		return parse_count(optarg, &args->count);
	case 'M':
		return parse_metrics(argc, argv, args);
	case 'O':
		args->output = optarg;
		return CTL_OK;
	default:
		args->json = true;
		return CTL_OK;
	}
}

/* ---- arguments ---- */

static int take_address(const struct ctl_command *command, int *count,
			char ***words, struct ctl_args *args)
{
	static char address[CTL_NAME];

	if (!(command->takes & CTL_TAKES_ADDRESS))
		return CTL_OK;
	if (!*count && (command->takes & CTL_NEEDS_ADDRESS) == CTL_NEEDS_ADDRESS)
		return ctl_misuse("\"lspci -D\" lists the PCI devices.",
				  "the ADDRESS is missing");
	if (!*count)
		return CTL_OK;
	if (!ctl_address_parse(**words, address))
		return ctl_misuse("Give one such as 0000:01:00.0; \"lspci -D\" lists them.",
				  "\"%s\" is not the address of a PCI device",
				  **words);
	args->address = address;
	++*words;
	--*count;
	return CTL_OK;
}

/*
 * WINDOW comes first and may be left out, and so may a FILE. One word alone is
 * the FILE, unless it has the form of a window.
 */
static int take_words(const struct ctl_command *command, int count,
		      char **words, struct ctl_args *args)
{
	int files = command->takes & CTL_TAKES_FILE ? 1 : 0;
	bool window = command->takes & CTL_TAKES_WINDOW && !args->window;
	int status = take_address(command, &count, &words, args);

	if (status)
		return status;
	if (count && window &&
	    (count > files || ctl_window_form(words[0]))) {
		args->window = *words++;
		count--;
	}
	if (count > files)
		return ctl_misuse(NULL,
				  "\"%s\" is one argument too many (see writesyncctl %s --help)",
				  words[files], command->name);
	if (count)
		args->file = words[0];
	if ((command->takes & CTL_NEEDS_FILE) == CTL_NEEDS_FILE && !args->file)
		return ctl_misuse("Give its name, or - for standard input; ./0 for a file named 0.",
				  "the FILE is missing");
	return CTL_OK;
}

static int check(const struct ctl_command *command,
		 const struct ctl_args *args)
{
	if (command->takes & CTL_TAKES_SYNC && args->verify && !args->sync)
		return ctl_misuse(NULL, "--verify needs --sync");
	if (args->count && !args->watch)
		return ctl_misuse(NULL, "--count needs --watch");
	if (command->takes & CTL_TAKES_SAVE && args->config && !args->save)
		return ctl_misuse(NULL, "--config needs --save");
	if (args->output && !args->metrics)
		return ctl_misuse(NULL, "--output needs --openmetrics");
	if (args->metrics && (args->watch || args->json))
		return ctl_misuse(NULL,
				  "--openmetrics goes with neither --watch nor --json");
	return CTL_OK;
}

/**
 * ctl_args_parse() - everything behind the name of a command
 * @command: the command
 * @argc: how many words
 * @argv: the words; the first one is the command's name
 * @args: out
 * @help: out: it is help that is wanted
 *
 * Return: CTL_OK, or CTL_USAGE; the user knows why.
 */
int ctl_args_parse(const struct ctl_command *command, int argc, char **argv,
		   struct ctl_args *args, bool *help)
{
	struct tables tables = { 0 };
	int status = CTL_OK;
	int c;

	memset(args, 0, sizeof(*args));
	args->timeout_ns = WRITESYNC_TIMEOUT_DEFAULT;
	*help = false;
	make_tables(command, &tables);
	opterr = 0;
	while (!status && !*help) {
		c = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);
		if (c < 0)
			break;
		if (c == 'h')
			*help = true;
		else if (c == '?' || c == ':')
			status = wrong_option(command, argv, c);
		else
			status = take_option(c, argc, argv, args);
	}
	if (status || *help)
		return status;
	status = take_words(command, argc - optind, argv + optind, args);
	if (!status)
		status = check(command, args);
	if (!args->config)
		args->config = CTL_CONFIG;
	return status;
}

/**
 * ctl_args_help() - all about a command, on stdout
 * @command: the command
 */
void ctl_args_help(const struct ctl_command *command)
{
	char left[64];
	size_t i;

	printf("usage: writesyncctl %s [OPTION...]%s%s\n\n%c%s.\n",
	       command->name, *command->words ? " " : "", command->words,
	       toupper(command->summary[0]), command->summary + 1);
	if (command->more)
		printf("%s\n", command->more);
	printf("\n");
	for (i = 0; i < LIMIT; i++) {
		if (!takes(command, i))
			continue;
		snprintf(left, sizeof(left), "-%c, --%s %s", options[i].letter,
			 options[i].name,
			 options[i].value ? options[i].value : "");
		printf("  %-26s %s\n", left, options[i].help);
	}
}

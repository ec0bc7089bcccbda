// SPDX-License-Identifier: MIT
/*
 * writesyncctl - write into a PCI device's memory and know that it arrived
 *
 * The table of contents: each command stands in the file of its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <writesync.h>

#include "ctl.h"

static const struct ctl_command * const commands[] = {
	&ctl_list, &ctl_info, &ctl_write, &ctl_read, &ctl_sync, &ctl_stat,
	&ctl_bind, &ctl_unbind, &ctl_rebind, &ctl_apply,
};

static const struct ctl_command *lookup(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	return ctl_misuse(NULL,
			  "there is no command \"%s\": writesyncctl help lists them",
			  name);
}

static void overview(FILE *to)
{
	size_t i;

	fputs("usage: writesyncctl COMMAND [OPTION...] [ARGUMENT...]\n\n"
	      "Write into a PCI device's memory and know that it arrived.\n\n",
	      to);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-8s %s\n", commands[i]->name,
			commands[i]->summary);
	fputs("  help     this text, or with COMMAND all about it\n"
	      "  version  the version of the program and of the library\n\n"
	      "WINDOW is a device file, writesync0, its number, or a PCI address such as\n"
	      "0000:01:00.0, also with the BAR: 0000:01:00.0/2. The only one may be left out.\n"
	      "Sizes: 4096, 0x1000, 64K, 1M, 2G. Times: 50us, 100ms, 2s; 100 is 100 ms.\n"
	      "Exit status: 0 done, 1 error, 2 usage, 3 no such window, 4 not confirmed in\n"
	      "time, 5 device gone, 6 bytes may be lost, 7 does not fit. See writesyncctl(1).\n",
	      to);
}

static int help(int argc, char **argv)
{
	const struct ctl_command *command;

	if (argc < 2) {
		overview(stdout);
		return CTL_OK;
	}
	if (argc > 2)
		return ctl_misuse(NULL, "\"%s\" is one argument too many",
				  argv[2]);
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "version")) {
		overview(stdout);
		return CTL_OK;
	}
	command = lookup(argv[1]);
	if (!command)
		return unknown(argv[1]);
	ctl_args_help(command);
	return CTL_OK;
}

static int version(int argc, char **argv)
{
	if (argc > 1)
		return ctl_misuse(NULL, "\"%s\" is one argument too many",
				  argv[1]);
	printf("writesyncctl %s (libwritesync %s)\n", CTL_VERSION,
	       writesync_version());
	return CTL_OK;
}

static int run(const struct ctl_command *command, int argc, char **argv)
{
	struct ctl_args args;
	bool wants_help;
	int status = ctl_args_parse(command, argc, argv, &args, &wants_help);

	if (status)
		return status;
	if (!wants_help)
		return command->run(&args);
	ctl_args_help(command);
	return CTL_OK;
}

static int dispatch(int argc, char **argv)
{
	const struct ctl_command *command;
	const char *name = argv[0];

	if (!strcmp(name, "help") || !strcmp(name, "--help") ||
	    !strcmp(name, "-h"))
		return help(argc, argv);
	if (!strcmp(name, "version") || !strcmp(name, "--version") ||
	    !strcmp(name, "-V"))
		return version(argc, argv);
	command = lookup(name);
	return command ? run(command, argc, argv) : unknown(name);
}

/*
 * Where a standard stream is closed, a window must not take its number, and our
 * words with it: a file that fails takes it.
 */
static int fill_standard_streams(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) < 0)
			return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	int status;

	if (fill_standard_streams())
		return CTL_ERROR;
	if (argc < 2) {
		overview(stderr);
		return CTL_USAGE;
	}
	status = dispatch(argc - 1, argv + 1);
	/* A result that could not be printed is none. */
	if (fflush(stdout) || ferror(stdout)) {
		ctl_say("cannot write to standard output: %s", strerror(errno));
		return status ? status : CTL_ERROR;
	}
	return status;
}

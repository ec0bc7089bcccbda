// SPDX-License-Identifier: MIT
/*
 * The configuration file: which devices are bound at boot and when they are
 * plugged in. A person edits it as well, so all that is not ours is kept, and
 * a mistake is told with its line rather than passed over.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "bind.h"
#include "ctl.h"

#define BLANKS	" \t\r\n"

static const char header[] =
	"# Devices that writesync binds at boot and when they are plugged in:\n"
	"# ADDRESS [bar=N]... [confirm=METHOD] [readback-offset=N] [width=N]\n"
	"#         [cache=wc|uc] [replace]\n"
	"# See writesyncctl(1), CONFIGURATION.\n";

static void *some(void *memory)
{
	if (memory)
		return memory;
	ctl_say("no memory");
	exit(CTL_ERROR);
}

/* ---- reading ---- */

static int CTL_PRINTF(4, 5) wrong(const struct ctl_config *config,
				  const struct ctl_line *line, const char *todo,
				  const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ctl_say("%s:%u: %s", config->path, line->number, text);
	if (todo)
		ctl_hint("%s", todo);
	return CTL_ERROR;
}

/*
 * As the kernel writes it and in no other way: udev looks for it with grep.
 */
static int take_address(const struct ctl_config *config, const char *word,
			struct ctl_line *line)
{
	char address[CTL_NAME];

	if (!ctl_address_parse(word, address))
		return wrong(config, line,
			     "A line is ADDRESS [OPTION]..., ADDRESS such as 0000:01:00.0.",
			     "\"%s\" is not the address of a PCI device", word);
	if (strcmp(word, address))
		return wrong(config, line, NULL,
			     "\"%s\" has to be written as %s", word, address);
	memcpy(line->address, address, CTL_NAME);
	return CTL_OK;
}

static bool is_set(const struct ctl_binding *binding, const char *name)
{
	return (!strcmp(name, "confirm") && binding->confirm) ||
	       (!strcmp(name, "cache") && binding->cache) ||
	       (!strcmp(name, "width") && binding->width) ||
	       (!strcmp(name, "readback-offset") && binding->has_readback);
}

static int take_option(const struct ctl_config *config, char *word,
		       struct ctl_line *line)
{
	char *value = strchr(word, '=');
	const char *why = NULL;
	int err;

	if (!strcmp(word, "replace")) {
		line->binding.replace = true;
		return CTL_OK;
	}
	if (value)
		*value++ = 0;
	if (is_set(&line->binding, word))
		return wrong(config, line, NULL, "%s is set twice", word);
	err = ctl_binding_set(&line->binding, word, value ? value : "", &why);
	if (err == -ENOENT)
		return wrong(config, line,
			     "There are bar=, confirm=, readback-offset=, width=, cache= and replace.",
			     "there is no option \"%s\"", word);
	if (err && !value)
		return wrong(config, line, why, "%s needs a value", word);
	if (err)
		return wrong(config, line, why, "%s=%s is wrong", word, value);
	return CTL_OK;
}

static int parse_line(struct ctl_config *config, struct ctl_line *line)
{
	char *text = some(strdup(line->text)), *rest = NULL, *word;
	const struct ctl_line *first;
	int status;

	text[strcspn(text, "#")] = 0;
	word = strtok_r(text, BLANKS, &rest);
	status = word ? take_address(config, word, line) : CTL_OK;
	while (!status && word && (word = strtok_r(NULL, BLANKS, &rest)))
		status = take_option(config, word, line);
	if (!status && *line->address) {
		first = ctl_config_find(config, line->address);
		if (first != line)
			status = wrong(config, line, "One of the two has to go.",
				       "%s stands in line %u already",
				       line->address, first->number);
	}
	free(text);
	return status;
}

static struct ctl_line *new_line(struct ctl_config *config, char *text)
{
	struct ctl_line *line;

	config->lines = some(realloc(config->lines, (config->count + 1) *
						    sizeof(*line)));
	line = &config->lines[config->count++];
	memset(line, 0, sizeof(*line));
	line->text = text;
	line->number = config->count;
	return line;
}

static int read_lines(struct ctl_config *config, FILE *file)
{
	struct ctl_line *line;
	int status = CTL_OK;
	char *text = NULL;
	size_t room = 0;
	ssize_t size;

	while (!status && (size = getline(&text, &room, file)) >= 0) {
		line = new_line(config, some(strdup(text)));
		if (strlen(text) != (size_t)size)
			status = wrong(config, line, NULL,
				       "a zero byte: this is no text");
		else
			status = parse_line(config, line);
	}
	free(text);
	if (!status && ferror(file)) {
		ctl_say("cannot read %s: %s", config->path, strerror(errno));
		status = CTL_ERROR;
	}
	return status;
}

/**
 * ctl_config_read() - read the configuration file
 * @config: out: no lines if there is no file; ctl_config_free() it in any case
 * @path: the file
 *
 * Return: the exit status; if it is not CTL_OK, the user knows why.
 */
int ctl_config_read(struct ctl_config *config, const char *path)
{
	FILE *file = fopen(path, "re");
	int status;

	memset(config, 0, sizeof(*config));
	config->path = path;
	if (!file && errno == ENOENT)
		return CTL_OK;
	if (!file) {
		ctl_say("cannot read %s: %s", path, strerror(errno));
		return CTL_ERROR;
	}
	config->exists = true;
	status = read_lines(config, file);
	fclose(file);
	return status;
}

/**
 * ctl_config_free() - free what ctl_config_read() has made
 * @config: the file's contents
 */
void ctl_config_free(struct ctl_config *config)
{
	size_t i;

	for (i = 0; i < config->count; i++)
		free(config->lines[i].text);
	free(config->lines);
	memset(config, 0, sizeof(*config));
}

/**
 * ctl_config_find() - the line of a function
 * @config: the file's contents
 * @address: the function
 *
 * Return: the first such line, or NULL.
 */
struct ctl_line *ctl_config_find(struct ctl_config *config,
				 const char *address)
{
	size_t i;

	for (i = 0; i < config->count; i++)
		if (!strcmp(config->lines[i].address, address))
			return &config->lines[i];
	return NULL;
}

/* ---- writing ---- */

/* What stands behind the old words stays behind the new ones. */
static void set_line(struct ctl_line *line, const char *words)
{
	char *comment = strchr(line->text, '#'), *text;

	if (asprintf(&text, "%s%s%s", words, comment ? "  " : "",
		     comment ? comment : "\n") < 0)
		some(NULL);
	free(line->text);
	line->text = text;
}

static void end_line(struct ctl_line *line)
{
	char *text;

	if (asprintf(&text, "%s\n", line->text) < 0)
		some(NULL);
	free(line->text);
	line->text = text;
}

static void add_line(struct ctl_config *config, const char *words)
{
	struct ctl_line *last = config->count ?
				&config->lines[config->count - 1] : NULL;
	char *text;

	if (!last)
		new_line(config, some(strdup(header)));
	else if (!strchr(last->text, '\n'))
		end_line(last);
	if (asprintf(&text, "%s\n", words) < 0)
		some(NULL);
	new_line(config, text);
}

/* Return: whether the file has to be written. */
static bool edit(struct ctl_config *config, const char *address,
		 const struct ctl_binding *binding)
{
	struct ctl_line *line = ctl_config_find(config, address);
	char words[CTL_ENTRY];

	if (!binding) {
		if (line)
			*line->text = 0;
		return line;
	}
	if (line && ctl_binding_same(&line->binding, binding) &&
	    line->binding.replace == binding->replace)
		return false;
	ctl_binding_line(address, binding, words);
	if (line)
		set_line(line, words);
	else
		add_line(config, words);
	return true;
}

static int write_lines(const struct ctl_config *config, int fd)
{
	FILE *file = fdopen(fd, "w");
	size_t i;
	int err;

	if (!file) {
		err = -errno;
		close(fd);
		return err;
	}
	for (i = 0; i < config->count; i++)
		fputs(config->lines[i].text, file);
	err = fflush(file) || ferror(file) || fsync(fd) ? -errno : 0;
	if (fclose(file) && !err)
		err = -errno;
	return err;
}

/* The new one is as public as the old one, whatever the umask is. */
static int take_mode(const char *path, int fd)
{
	struct stat st = { .st_mode = 0644 };

	if (!stat(path, &st) && fchown(fd, st.st_uid, st.st_gid))
		return -errno;
	return fchmod(fd, st.st_mode & 07777) ? -errno : 0;
}

/* That the name leads to the new file has to be on the disk, too. */
static int sync_folder(const char *path)
{
	char text[PATH_MAX];
	int fd, err;

	snprintf(text, sizeof(text), "%s", path);
	fd = open(dirname(text), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

/* Whoever reads it at any moment, after a crash too, reads one of the two. */
static int replace(const struct ctl_config *config, const char *path)
{
	char temp[PATH_MAX + 8];
	int fd, err;

	snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = take_mode(path, fd);
	if (err)
		close(fd);
	else
		err = write_lines(config, fd);
	if (!err && rename(temp, path))
		err = -errno;
	if (!err)
		return sync_folder(path);
	unlink(temp);
	return err;
}

static int make_folder(const char *path)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s", path);
	return mkdir(dirname(text), 0755) && errno != EEXIST ? -errno : 0;
}

/**
 * ctl_config_save() - change the line of a function
 * @config: as it was read
 * @address: the function
 * @binding: its options; NULL: remove the line
 *
 * Return: the exit status; if it is not CTL_OK, the user knows why.
 */
int ctl_config_save(struct ctl_config *config, const char *address,
		    const struct ctl_binding *binding)
{
	char path[PATH_MAX];
	int err;

	if (!edit(config, address, binding))
		return CTL_OK;
	/* A link stays one. */
	if (!config->exists || !realpath(config->path, path))
		snprintf(path, sizeof(path), "%s", config->path);
	err = config->exists ? 0 : make_folder(path);
	if (!err)
		err = replace(config, path);
	if (!err)
		return CTL_OK;
	ctl_say("%s: cannot save it to %s: %s", address, config->path,
		strerror(-err));
	ctl_hint(binding ? "It is bound, but will not be after the next boot." :
			   "It is released, but will be bound at the next boot.");
	return CTL_ERROR;
}

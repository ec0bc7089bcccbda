/* SPDX-License-Identifier: MIT */
/*
 * What the parts of writesyncctl share: the words of the command line, exit
 * statuses, windows, and how things are said.
 */
#ifndef CTL_H
#define CTL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define CTL_US		1000ULL
#define CTL_MS		1000000ULL
#define CTL_S		1000000000ULL

/*
 * How much is copied between two looks at the time: a multiple of every access
 * width, large enough to make the calls cheap, small enough to show progress
 * at 30 MB/s.
 */
#define CTL_CHUNK	(256 * 1024)

/* Scripts rely on these: writesyncctl(1), EXIT STATUS. */
enum ctl_status {
	CTL_OK = 0,
	CTL_ERROR = 1,
	CTL_USAGE = 2,
	CTL_NO_DEVICE = 3,
	CTL_TIMEOUT = 4,
	CTL_GONE = 5,
	CTL_LOST = 6,
	CTL_NO_ROOM = 7,
	CTL_SIGNAL = 128,	/* + the signal's number */
};

/* ---- the command line (args.c, main.c) ---- */

/* What a command takes; bits of ctl_command.takes. */
#define CTL_TAKES_WINDOW	0x001	/* --window, or as an argument */
#define CTL_TAKES_JSON		0x002
#define CTL_TAKES_OFFSET	0x004
#define CTL_TAKES_LENGTH	0x008
#define CTL_TAKES_SYNC		0x010
#define CTL_TAKES_TIMEOUT	0x020
#define CTL_TAKES_VERIFY	0x040
#define CTL_TAKES_WATCH		0x080
#define CTL_TAKES_FILE		0x100
#define CTL_NEEDS_FILE		0x300
#define CTL_TAKES_ADDRESS	0x400
#define CTL_NEEDS_ADDRESS	0xc00
#define CTL_TAKES_BINDING	0x1000	/* which BARs, and how */
#define CTL_TAKES_SAVE		0x2000
#define CTL_TAKES_CONFIG	0x4000
#define CTL_TAKES_METRICS	0x8000	/* --openmetrics and --output */

/* ---- what a device is to be bound with (binding.c) ---- */

/* Words point to constants, so that bindings can be compared. */
struct ctl_binding {
	const char *confirm;	/* NULL: the module chooses */
	const char *cache;	/* NULL: the module chooses */
	uint64_t readback;
	bool has_readback;
	bool replace;		/* another driver may have the device */
	unsigned int bars;	/* bit N: BAR N; 0: all prefetchable ones */
	unsigned int width;	/* 0: the module chooses */
};

struct ctl_args {
	const char *window;	/* as given, or NULL: the only one */
	const char *file;	/* as given, or NULL */
	bool json;
	bool sync;
	bool verify;
	bool watch;
	bool has_length;
	uint64_t offset;
	uint64_t length;
	uint64_t timeout_ns;
	uint64_t interval_ns;
	uint64_t count;		/* of lines with @watch; 0: for ever */
	const char *address;	/* as given, or NULL */
	const char *config;	/* a file */
	struct ctl_binding binding;
	bool save;
	bool metrics;
	bool strict;		/* OpenMetrics to the letter */
	const char *output;	/* a file, or NULL: standard output */
};

struct ctl_command {
	const char *name;
	const char *words;	/* the arguments, for the usage line */
	const char *summary;	/* one line */
	const char *more;	/* the rest of its help, or NULL */
	unsigned int takes;
	int (*run)(const struct ctl_args *args);
};

/* Each stands in the file of its name. */
extern const struct ctl_command ctl_list;
extern const struct ctl_command ctl_info;
extern const struct ctl_command ctl_write;
extern const struct ctl_command ctl_read;
extern const struct ctl_command ctl_sync;
extern const struct ctl_command ctl_stat;
extern const struct ctl_command ctl_bind;
extern const struct ctl_command ctl_rebind;
extern const struct ctl_command ctl_unbind;
extern const struct ctl_command ctl_apply;

int ctl_openmetrics(const struct ctl_args *args);

int ctl_args_parse(const struct ctl_command *command, int argc, char **argv,
		   struct ctl_args *args, bool *help);
void ctl_args_help(const struct ctl_command *command);

/* ---- numbers (number.c) ---- */

int ctl_number_parse(const char *text, uint64_t *value);
int ctl_size_parse(const char *text, uint64_t *bytes);
int ctl_time_parse(const char *text, uint64_t unit_ns, uint64_t *ns);

#define CTL_TEXT	32	/* room for what these write */

const char *ctl_size_text(uint64_t bytes, char text[CTL_TEXT]);
const char *ctl_rate_text(uint64_t bytes, uint64_t ns, char text[CTL_TEXT]);
const char *ctl_time_text(uint64_t ns, char text[CTL_TEXT]);
const char *ctl_plural(uint64_t count);
uint64_t ctl_now(void);

/* ---- words to the user (say.c); stdout is kept for results ---- */

#define CTL_PRINTF(format, values) \
	__attribute__((__format__(__printf__, format, values)))

void ctl_say(const char *format, ...) CTL_PRINTF(1, 2);
void ctl_hint(const char *format, ...) CTL_PRINTF(1, 2);
int ctl_misuse(const char *todo, const char *format, ...) CTL_PRINTF(2, 3);
int ctl_status_of(int err);

/* ---- windows (window.c, sysfs.c, absent.c) ---- */

#define CTL_NAME	32

struct ctl_window {
	char name[CTL_NAME];		/* writesync0 */
	char path[PATH_MAX];		/* /dev/writesync0, or as given */
	char address[CTL_NAME];		/* 0000:01:00.0 */
	char state[CTL_NAME];
	char confirm[CTL_NAME];
	char vendor[CTL_NAME];		/* 0x1234 */
	char device[CTL_NAME];
	uint64_t index;
	uint64_t bar;
	uint64_t size;
	int fd;				/* -1: not open */
};

int ctl_windows(struct ctl_window **windows);
bool ctl_window_form(const char *word);
bool ctl_address_parse(const char *word, char address[CTL_NAME]);
int ctl_window_pick(const char *word, struct ctl_window *win);
int ctl_window_open(const char *word, int flags, struct ctl_window *win);
void ctl_window_close(struct ctl_window *win);
int ctl_window_failed(const struct ctl_window *win, int err);

#define CTL_CLASS	"/sys/class/writesync"
#define CTL_PREFIX	"writesync"

int ctl_sysfs_read(const char *path, char *text, size_t size);
int ctl_sysfs_write(const char *path, const char *text);
int ctl_sysfs_text(const char *window, const char *attr, char *text,
		   size_t size);
int ctl_sysfs_number(const char *window, const char *attr, uint64_t *value);

int ctl_absent(void);
bool ctl_known(const char *slot);
void ctl_hint_load(void);

/* ---- JSON (json.c) ---- */

struct json_object;

struct json_object *ctl_json_new(void);
struct json_object *ctl_json_array(void);
struct json_object *ctl_json_push(struct json_object *array);
struct json_object *ctl_json_in(struct json_object *object, const char *key);
struct json_object *ctl_json_list(struct json_object *object, const char *key);
void ctl_json_text(struct json_object *object, const char *key,
		   const char *text);
void ctl_json_number(struct json_object *object, const char *key,
		     uint64_t value);
void ctl_json_null(struct json_object *object, const char *key);
void ctl_json_flag(struct json_object *object, const char *key, bool value);
void ctl_json_item(struct json_object *object, const char *key,
		   const char *text);
void ctl_json_error(struct json_object *object, int err);
void ctl_json_print(struct json_object *object, bool line);

/* ---- long copies (progress.c, stop.c) ---- */

struct ctl_progress {
	const char *name;
	uint64_t total;		/* 0: not known */
	uint64_t begun_ns;
	uint64_t shown_ns;	/* 0: not yet */
	bool terminal;
};

void ctl_progress_begin(struct ctl_progress *progress, const char *name,
			uint64_t total, bool wanted);
void ctl_progress_show(struct ctl_progress *progress, uint64_t done);
void ctl_progress_end(struct ctl_progress *progress);

void ctl_stop_begin(void);
int ctl_stopped(void);

#endif /* CTL_H */

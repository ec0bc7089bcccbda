// SPDX-License-Identifier: GPL-2.0
/*
 * Programs as text:
 *
 *	program 7 threads=2 from=3 loops=2
 *		r0 = open flags=rdwr
 *		r1 = alloc fd=r0 at=ram length=0x1000
 *		commit fd=r1 at=ram
 *		pwrite fd=r1 from=ram+0x10 length=64 offset=0xff8
 *		sync fd=r1 at=ram flags=range length=8
 *
 * What is not said is 0, the size of a structure its own. A number may have a
 * name; names and numbers may be joined by "|". "#" begins a comment.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static const struct {
	const char *name;
	__u64 at, size;
} areas[] = {
	{ "ram", FZ_RAM, FZ_RAM_SIZE },
	{ "ro", FZ_RO, FZ_RO_SIZE },
	{ "gone", FZ_GONE, FZ_GONE_SIZE },
	{ "zone", FZ_ZONE, FZ_ZONE_SIZE },
};

#define AREAS	FZ_COUNT(areas)

/* ---- writing ---- */

struct text {
	char *at;
	size_t size, length;
};

static void __printf(2, 3) put(struct text *text, const char *format, ...)
{
	size_t left = text->size - text->length;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at + text->length, left, format, args);
	va_end(args);
	text->length += (size_t)n < left ? (size_t)n : left - 1;
}

/* As many names as it is made of, then the rest as a number. */
static void put_flags(struct text *text, const struct fz_name *names, __u64 v)
{
	const char *mark = "";

	for (; names->name; names++) {
		if (!names->value || (v & names->value) != names->value)
			continue;
		put(text, "%s%s", mark, names->name);
		v &= ~names->value;
		mark = "|";
	}
	if (v)
		put(text, "%s%#llx", mark, v);
}

static void put_number(struct text *text, __u64 v)
{
	unsigned int i;

	for (i = 0; i < AREAS; i++) {
		if (v - areas[i].at >= areas[i].size)
			continue;
		put(text, "%s", areas[i].name);
		if (v != areas[i].at)
			put(text, "+%#llx", v - areas[i].at);
		return;
	}
	put(text, v < 10 ? "%llu" : "%#llx", v);
}

static void put_value(struct text *text, const struct fz_arg *arg, __u64 v)
{
	const struct fz_name *name = arg->names;

	if (FZ_IS_RESULT(v)) {
		put(text, "r%u", (unsigned int)(v & 0xff));
		return;
	}
	if (arg->kind == FZ_FLAGS && v) {
		put_flags(text, name, v);
		return;
	}
	for (; name && name->name; name++) {
		if (name->value == v) {
			put(text, "%s", name->name);
			return;
		}
	}
	put_number(text, v);
}

static void put_step(struct text *text, const struct fz_step *step,
		     unsigned int number)
{
	const struct fz_call *call = &fz_calls[step->call];
	unsigned int i;

	put(text, "\t");
	if (call->makes)
		put(text, "r%u = ", number);
	put(text, "%s", call->name);
	for (i = 0; i < fz_call_args(call); i++) {
		const struct fz_arg *arg = fz_arg(call, i);

		if (step->args[i] == fz_usual(call, i))
			continue;
		put(text, " %s=", arg->name);
		put_value(text, arg, step->args[i]);
	}
	put(text, "\n");
}

/* Return: how many characters; the first line lacks the word "program". */
size_t fz_print(const struct fz_program *p, char *to, size_t size)
{
	struct text text = { .at = to, .size = size };
	unsigned int i;

	if (p->threads > 1)
		put(&text, " threads=%u from=%u loops=%u", p->threads, p->from,
		    p->loops);
	if (p->confined)
		put(&text, " confined=1");
	put(&text, "\n");
	for (i = 0; i < p->steps; i++)
		put_step(&text, &p->step[i], i);
	return text.length;
}

/* ---- reading ---- */

struct reader {
	const char *path;
	unsigned int line;
	int labels[256];	/* the steps that rN stands for, or -1 */
	struct fz_program program;
	unsigned long number;
	bool open;
	struct list {
		unsigned long number;
		struct fz_program program;
	} *list;
	size_t count;
};

static int __printf(2, 3) wrong(const struct reader *r, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%u: ", r->path, r->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	return -EINVAL;
}

static bool name_value(const struct fz_name *name, const char *word, __u64 *v)
{
	for (; name && name->name; name++) {
		if (ws_is(name->name, word)) {
			*v = name->value;
			return true;
		}
	}
	return false;
}

static bool number_value(const char *word, __u64 *v)
{
	char *end;
	__u64 value = strtoull(word, &end, 0);

	if (!*word || *end)
		return false;
	*v = value;
	return true;
}

static bool area_value(const char *word, __u64 *v)
{
	const char *plus = strchr(word, '+');
	size_t length = plus ? (size_t)(plus - word) : strlen(word);
	__u64 offset = 0;
	unsigned int i;

	if (plus && !number_value(plus + 1, &offset))
		return false;
	for (i = 0; i < AREAS; i++) {
		if (strncmp(areas[i].name, word, length) ||
		    areas[i].name[length])
			continue;
		*v = areas[i].at + offset;
		return true;
	}
	return false;
}

/* "rN" of an earlier step; of one that was left out, no descriptor. */
static bool result_value(const struct reader *r, const char *word, __u64 *v)
{
	__u64 label;

	if (word[0] != 'r' || !number_value(word + 1, &label) || label > 255)
		return false;
	*v = r->labels[label] < 0 ? ~0ULL : FZ_RESULT | r->labels[label];
	return true;
}

static int parse_value(const struct reader *r, const struct fz_arg *arg,
		       char *text, __u64 *value)
{
	char *save, *word;
	__u64 v;

	*value = 0;
	for (word = strtok_r(text, "|", &save); word;
	     word = strtok_r(NULL, "|", &save)) {
		if (!name_value(arg->names, word, &v) &&
		    !result_value(r, word, &v) && !number_value(word, &v) &&
		    !area_value(word, &v))
			return wrong(r, "%s=%s is not known", arg->name, word);
		*value |= v;
	}
	return 0;
}

static int parse_arg(const struct reader *r, const struct fz_call *call,
		     char *word, struct fz_step *step)
{
	char *value = strchr(word, '=');
	unsigned int i;

	if (!value)
		return wrong(r, "\"%s\" is not NAME=VALUE", word);
	*value++ = 0;
	for (i = 0; i < fz_call_args(call); i++)
		if (ws_is(fz_arg(call, i)->name, word))
			return parse_value(r, fz_arg(call, i), value,
					   &step->args[i]);
	return wrong(r, "%s has no argument \"%s\"", call->name, word);
}

static int parse_step(struct reader *r, char *word, char **save)
{
	struct fz_program *p = &r->program;
	struct fz_step *step = &p->step[p->steps];
	__u64 label = ~0ULL;
	unsigned int i;
	int call, ret;

	if (!r->open || p->steps == FZ_STEPS)
		return wrong(r, "a step outside a program, or too many");
	if (word[0] == 'r' && number_value(word + 1, &label)) {
		strtok_r(NULL, " \t", save);	/* the equals sign */
		word = strtok_r(NULL, " \t", save);
	}
	call = word ? fz_call_find(word) : -1;
	if (call < 0)
		return wrong(r, "no such call: %s", word ? word : "");
	memset(step, 0, sizeof(*step));
	step->call = call;
	for (i = 0; i < fz_call_args(&fz_calls[call]); i++)
		step->args[i] = fz_usual(&fz_calls[call], i);
	while ((word = strtok_r(NULL, " \t", save))) {
		ret = parse_arg(r, &fz_calls[call], word, step);
		if (ret)
			return ret;
	}
	if (label < 256)
		r->labels[label] = p->steps;
	p->steps++;
	return 0;
}

static int parse_option(struct reader *r, char *word)
{
	struct fz_program *p = &r->program;
	char *value = strchr(word, '=');
	__u64 v = 0;

	if (number_value(word, &v)) {
		r->number = v;
		return 0;
	}
	if (value)
		*value++ = 0;
	if (!value || !number_value(value, &v))
		return wrong(r, "\"%s\": an option of a program has a number",
			     word);
	if (ws_is(word, "threads"))
		p->threads = v;
	else if (ws_is(word, "from"))
		p->from = v;
	else if (ws_is(word, "loops"))
		p->loops = v;
	else if (ws_is(word, "confined"))
		p->confined = v;
	else
		return wrong(r, "a program has no option \"%s\"", word);
	return p->threads > FZ_THREADS || p->loops > 100 ||
	       (p->threads > 1 && p->confined) ?
	       wrong(r, "%s=%llu is too much", word, v) : 0;
}

static int end_program(struct reader *r)
{
	struct list *list;

	if (!r->open || !r->program.steps)
		return 0;
	list = realloc(r->list, (r->count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	list[r->count].number = r->number;
	list[r->count++].program = r->program;
	r->list = list;
	r->open = false;
	return 0;
}

static int begin_program(struct reader *r, char **save)
{
	int ret = end_program(r);
	char *word;

	memset(&r->program, 0, sizeof(r->program));
	memset(r->labels, 0xff, sizeof(r->labels));
	r->program.threads = 1;
	r->program.loops = 1;
	r->number = 0;
	r->open = true;
	while (!ret && (word = strtok_r(NULL, " \t", save)))
		ret = parse_option(r, word);
	return ret;
}

static int parse_line(struct reader *r, char *line)
{
	char *save, *word;

	r->line++;
	line[strcspn(line, "#\n")] = 0;
	word = strtok_r(line, " \t", &save);
	if (!word)
		return 0;
	return ws_is(word, "program") ? begin_program(r, &save) :
					parse_step(r, word, &save);
}

static int by_number(const void *a, const void *b)
{
	const struct list *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

int fz_read_file(const char *path, fz_taker take, void *data)
{
	struct reader r = { .path = path };
	FILE *file = fopen(path, "re");
	char line[1024];
	int ret = file ? 0 : -errno;
	size_t i;

	while (!ret && fgets(line, sizeof(line), file))
		ret = parse_line(&r, line);
	if (file)
		fclose(file);
	if (!ret)
		ret = end_program(&r);
	if (!ret && r.count)
		qsort(r.list, r.count, sizeof(*r.list), by_number);
	for (i = 0; !ret && i < r.count; i++)
		ret = take(data, &r.list[i].program);
	free(r.list);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Chance: values that are likely to matter, new programs, and changes of those
 * that are worth keeping.
 */
#include <string.h>

#include "fuzz.h"

#define PAGE		4096ULL

__u64 fz_random(struct fz_random *random)
{
	__u64 x = random->state += 0x9e3779b97f4a7c15;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

__u64 fz_below(struct fz_random *random, __u64 end)
{
	return fz_random(random) % end;
}

bool fz_one_in(struct fz_random *random, unsigned int n)
{
	return !fz_below(random, n);
}

/* What is being made, and on what. */
struct maker {
	struct fz_random *random;
	const struct ws_dev *dev;
	struct fz_program *p;
	unsigned int at;	/* the step; those before it have results */
};

static __u64 below(const struct maker *m, __u64 end)
{
	return fz_below(m->random, end);
}

static bool one_in(const struct maker *m, unsigned int n)
{
	return fz_one_in(m->random, n);
}

static __u64 one_of(const struct maker *m, const __u64 *values, __u64 count)
{
	return values[below(m, count)];
}

/* ---- values ---- */

/* Ends of types: where sums run over. */
static const __u64 extremes[] = {
	~0ULL, ~0ULL - 1, ~0ULL - 7, -PAGE, 1ULL << 63, (1ULL << 63) - 1,
	(1ULL << 63) - PAGE, 1ULL << 32, (1ULL << 32) - 1, 1ULL << 31,
	(1ULL << 31) - 1, 0x7ffff000,
};

static __u64 an_extreme(const struct maker *m)
{
	return one_of(m, extremes, FZ_COUNT(extremes));
}

static __u64 near_end(const struct maker *m, __u64 end)
{
	static const __u64 distances[] = {
		0, 1, 2, 3, 4, 7, 8, 9, 64, PAGE - 1, PAGE, PAGE + 1,
	};
	__u64 distance = one_of(m, distances, FZ_COUNT(distances));

	return one_in(m, 4) ? end + distance : end - distance;
}

static __u64 a_length(const struct maker *m)
{
	static const __u64 middle[] = {
		255, 256, 257, 512, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE,
		16383, 16384, 16385,
	};

	switch (below(m, 16)) {
	case 0:
		return one_in(m, 4) ? an_extreme(m) : 0x10000;
	case 1:
		return one_in(m, 4) ? near_end(m, m->dev->size) : PAGE;
	case 2 ... 4:
		return one_of(m, middle, FZ_COUNT(middle));
	default:
		return below(m, 1ULL << below(m, 8));
	}
}

static __u64 some_pages(const struct maker *m)
{
	switch (below(m, 12)) {
	case 0:
		return a_length(m);
	case 1:
		return m->dev->size;
	case 2:
		return FZ_SLOT;
	default:
		return PAGE << below(m, 4);
	}
}

static __u64 an_offset(const struct maker *m)
{
	switch (below(m, 12)) {
	case 0:
		return an_extreme(m);
	case 1:
		return near_end(m, m->dev->size);
	case 2 ... 5:
		return near_end(m, PAGE * (1 + below(m, 4)));
	case 6:
		return below(m, m->dev->size);
	default:
		return below(m, 4) ? PAGE * below(m, 4) : below(m, PAGE);
	}
}

static __u64 a_time(const struct maker *m)
{
	static const __u64 times[] = {
		0, 0, 0, 1, WS_US, 100 * WS_US, WS_MS, 10 * WS_MS, 10 * WS_MS,
		100 * WS_MS, WS_S, ~0ULL, ~0ULL - 1, 1ULL << 63,
		(1ULL << 63) - 1,
	};

	return one_of(m, times, FZ_COUNT(times));
}

static __u64 a_place(const struct maker *m)
{
	static const __u64 offsets[] = {
		0, 0, 0, 0, PAGE, 2 * PAGE, 3 * PAGE, FZ_SLOT - PAGE,
		FZ_SLOT / 2,
	};
	__u64 slot = one_in(m, 8) ? below(m, 16) : below(m, 3);

	return FZ_ZONE + slot * FZ_SLOT + one_of(m, offsets, FZ_COUNT(offsets));
}

static __u64 in_ram(const struct maker *m)
{
	switch (below(m, 8)) {
	case 0:
		return FZ_RAM + FZ_RAM_SIZE - below(m, 256);
	case 1:
		return FZ_RAM + below(m, FZ_RAM_SIZE);
	case 2:
		return near_end(m, FZ_RAM + PAGE * (1 + below(m, 8)));
	default:
		return FZ_RAM + PAGE * below(m, 12);
	}
}

static __u64 an_address(const struct maker *m)
{
	static const __u64 bad[] = {
		0, 1, FZ_GONE, FZ_RO, FZ_RO + 8, FZ_RO + FZ_RO_SIZE - 8, ~0ULL,
		~0ULL - 7, -PAGE, 0x7ffffffff000, 0x7fffffffeff8,
		0x800000000000, 0xffff888000000000, 0xffffffff81000000,
		0xffffffffff600000, 1ULL << 63,
	};

	switch (below(m, 12)) {
	case 0:
		return one_of(m, bad, FZ_COUNT(bad));
	case 1 ... 3:
		return one_in(m, 3) ? a_place(m) + below(m, PAGE) : a_place(m);
	default:
		return in_ram(m);
	}
}

/* ---- descriptors ---- */

/* Does the program know this as a window's or a region's? */
static bool is_ours(const struct fz_program *p, unsigned int at)
{
	const struct fz_step *step = &p->step[at];
	const char *name = fz_calls[step->call].name;

	if ((ws_is(name, "dup") || ws_is(name, "send")) &&
	    FZ_IS_RESULT(step->args[0]) && (step->args[0] & 0xff) < at)
		return is_ours(p, step->args[0] & 0xff);
	return ws_is(name, "open") || ws_is(name, "alloc") ||
	       ws_is(name, "recv");
}

static __u64 a_file(const struct maker *m, bool ours)
{
	__u64 found = ~0ULL;
	unsigned int i, count = 0;

	if (one_in(m, 60))
		return one_in(m, 2) ? ~0ULL : 3 + below(m, 8);
	if (one_in(m, 25))
		ours = !ours;
	for (i = 0; i < m->at; i++) {
		if (!fz_calls[m->p->step[i].call].makes ||
		    is_ours(m->p, i) != ours)
			continue;
		if (one_in(m, ++count))
			found = FZ_RESULT | i;
	}
	return found;
}

/* ---- names ---- */

static unsigned int count_names(const struct fz_name *names)
{
	unsigned int count = 0;

	while (names[count].name)
		count++;
	return count;
}

static __u64 some_flags(const struct maker *m, const struct fz_name *names)
{
	unsigned int count = count_names(names);
	__u64 v = 0;

	if (one_in(m, 40))
		return one_in(m, 2) ? 1ULL << below(m, 64) :
				      fz_random(m->random);
	while (!one_in(m, 3))
		v |= names[below(m, count)].value;
	return v;
}

static __u64 one_name(const struct maker *m, const struct fz_name *names)
{
	if (one_in(m, 60))
		return one_in(m, 2) ? below(m, 256) : an_extreme(m);
	return names[below(m, count_names(names))].value;
}

static __u64 a_size(const struct maker *m, __u64 full)
{
	static const __u64 sizes[] = {
		0, 4, 8, 32, 40, 56, 72, 88, 64, 100, PAGE, PAGE + 1, ~0U,
	};

	if (!one_in(m, 12))
		return full;
	return one_in(m, 2) ? near_end(m, full) :
			      one_of(m, sizes, FZ_COUNT(sizes));
}

static __u64 a_value(const struct maker *m, const struct fz_call *call,
		     unsigned int number)
{
	const struct fz_arg *arg = fz_arg(call, number);

	switch (arg->kind) {
	case FZ_FILE:
		return a_file(m, true);
	case FZ_OTHER:
	case FZ_SECOND:
		return a_file(m, false);
	case FZ_MEMORY:
		return an_address(m);
	case FZ_PLACE:
		return a_place(m);
	case FZ_LENGTH:
		return a_length(m);
	case FZ_PAGES:
		return some_pages(m);
	case FZ_OFFSET:
		return an_offset(m);
	case FZ_TIME:
		return a_time(m);
	case FZ_FLAGS:
		return some_flags(m, arg->names);
	case FZ_PICK:
		return one_name(m, arg->names);
	case FZ_SIZE:
		return a_size(m, call->size);
	case FZ_RARE:
		return one_in(m, 30) ? 1 + below(m, 200) : 0;
	case FZ_NONE:
		break;
	}
	return 0;
}

/* ---- steps ---- */

static unsigned int a_call(const struct maker *m)
{
	unsigned int total = 0, i;
	__u64 pick;

	for (i = 0; i < fz_call_count; i++)
		total += fz_calls[i].weight;
	pick = below(m, total);
	for (i = 0; pick >= fz_calls[i].weight; i++)
		pick -= fz_calls[i].weight;
	return i;
}

static void make_step(const struct maker *m, unsigned int call)
{
	struct fz_step *step = &m->p->step[m->at];
	unsigned int i;

	memset(step, 0, sizeof(*step));
	step->call = call;
	for (i = 0; i < fz_call_args(&fz_calls[call]); i++)
		step->args[i] = a_value(m, &fz_calls[call], i);
}

/* Results of steps from @at on have another number now; @gone: that one's. */
static void renumber(struct fz_program *p, unsigned int at, int by, bool gone)
{
	unsigned int i, j;

	for (i = 0; i < p->steps; i++) {
		for (j = 0; j < FZ_ARGS; j++) {
			__u64 *v = &p->step[i].args[j];

			if (!FZ_IS_RESULT(*v) || (*v & 0xff) < at)
				continue;
			if (gone && (*v & 0xff) == at)
				*v = ~0ULL;
			else
				*v += by;
		}
	}
}

static void make_room(struct fz_program *p, unsigned int at)
{
	renumber(p, at, 1, false);
	memmove(&p->step[at + 1], &p->step[at],
		(p->steps - at) * sizeof(p->step[0]));
	p->steps++;
	if (at < p->from)
		p->from++;
}

void fz_delete(struct fz_program *p, unsigned int at)
{
	renumber(p, at, -1, true);
	p->steps--;
	memmove(&p->step[at], &p->step[at + 1],
		(p->steps - at) * sizeof(p->step[0]));
	if (at < p->from)
		p->from--;
}

/* ---- new programs ---- */

static void append(struct maker *m, const char *name)
{
	m->at = m->p->steps++;
	make_step(m, fz_call_find(name));
}

/* Threads, or a promise about memory; most have neither. */
static void make_manner(const struct maker *m)
{
	struct fz_program *p = m->p;

	p->threads = 1;
	p->loops = 1;
	p->from = 0;
	p->confined = one_in(m, 10);
	if (p->confined || !one_in(m, 4))
		return;
	p->threads = 2 + below(m, FZ_THREADS - 1);
	p->from = below(m, p->steps + 1);
	p->loops = 1 + below(m, 4);
}

/* Something to work with comes first: what is not there teaches little. */
static void make_beginning(struct maker *m)
{
	append(m, "open");
	m->p->step[0].args[0] |= one_in(m, 8) ? 0 : 2;
	if (one_in(m, 2)) {
		append(m, "alloc");
		append(m, "commit");
		m->p->step[2].args[0] = FZ_RESULT | 1;
	}
	if (one_in(m, 3))
		append(m, "mmap");
}

void fz_generate(struct fz_random *random, const struct ws_dev *dev,
		 struct fz_program *p)
{
	struct maker m = { .random = random, .dev = dev, .p = p };
	unsigned int more = 4 + fz_below(random, 16);

	memset(p, 0, sizeof(*p));
	make_beginning(&m);
	while (more--) {
		m.at = p->steps++;
		make_step(&m, a_call(&m));
	}
	make_manner(&m);
}

/* ---- changes ---- */

static void insert(struct maker *m)
{
	if (m->p->steps == FZ_STEPS)
		return;
	m->at = below(m, m->p->steps + 1);
	make_room(m->p, m->at);
	make_step(m, a_call(m));
}

static void change_arg(struct maker *m)
{
	struct fz_step *step;
	const struct fz_call *call;
	unsigned int count, i;

	m->at = below(m, m->p->steps);
	step = &m->p->step[m->at];
	call = &fz_calls[step->call];
	count = fz_call_args(call);
	if (!count)
		return;
	i = below(m, count);
	if (one_in(m, 6) && !FZ_IS_RESULT(step->args[i]))
		step->args[i] ^= 1ULL << below(m, 16);
	else
		step->args[i] = a_value(m, call, i);
}

/* The last steps of another program, as far as there is room. */
static void take_over(struct maker *m, const struct fz_program *other)
{
	struct fz_program *p = m->p;
	unsigned int first = below(m, other->steps), i, j;
	unsigned int shift = p->steps;

	for (i = first; i < other->steps && p->steps < FZ_STEPS; i++) {
		struct fz_step *step = &p->step[p->steps++];

		*step = other->step[i];
		for (j = 0; j < FZ_ARGS; j++) {
			__u64 *v = &step->args[j];

			/* What came before is taken from this program. */
			if (FZ_IS_RESULT(*v) && (*v & 0xff) >= first)
				*v += (int)shift - (int)first;
		}
	}
}

/* Without what others work with, little is left. */
static void leave_out(struct maker *m)
{
	struct fz_program *p = m->p;
	unsigned int at = below(m, p->steps);

	if (p->steps > 2 &&
	    (!fz_calls[p->step[at].call].makes || one_in(m, 4)))
		fz_delete(p, at);
}

static void change(struct maker *m, const struct fz_program *other)
{
	switch (below(m, 16)) {
	case 0 ... 5:
		insert(m);
		break;
	case 6 ... 11:
		change_arg(m);
		break;
	case 12 ... 13:
		leave_out(m);
		break;
	case 14:
		take_over(m, other);
		break;
	default:
		make_manner(m);
	}
}

void fz_mutate(struct fz_random *random, const struct ws_dev *dev,
	       struct fz_program *p, const struct fz_program *other)
{
	struct maker m = { .random = random, .dev = dev, .p = p };

	do
		change(&m, other);
	while (!fz_one_in(random, 5));
}

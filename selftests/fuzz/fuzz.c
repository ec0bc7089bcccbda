// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: runs the programs of a corpus, then changes of them and new ones;
 * what reaches code that was not reached before joins the corpus. README.md
 * says how to use it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define CORPUS_MAX	2048
#define NEW_MAX		64	/* edges by which a program is judged */
#define SLOTS		64	/* programs that the journal holds */
#define RECENT		32
#define TELL_EVERY	(10 * WS_S)
#define LEAK_AGE	(6 * WS_S)	/* younger ones are not looked at */
#define LEAKS		"/sys/kernel/debug/kmemleak"

static struct options {
	__u64 seconds, calls, seed;
	const char *extract, *save;
	bool replay, watched;
	unsigned int times;
} options = { .calls = ~0ULL, .times = 1 };

static struct ws_dev dev;
static struct fz_run run;
static struct fz_random chance;
static struct fz_program corpus[CORPUS_MAX];
static unsigned int corpus_count;
static __u64 programs, begun;

/*
 * The programs that ran last, a page each. Where the machine's memory is a file
 * of the host, they are to be found in it when the kernel has died.
 */
#define MARK		"# noted by the fuzzer of writesync\n"
static char journal[SLOTS][FZ_TEXT] __attribute__((aligned(FZ_TEXT)));
static char *current = journal[0];	/* the one that runs */

/* ---- running ---- */

/* Before it runs. */
static void note_program(const struct fz_program *p)
{
	size_t length = snprintf(journal[programs % SLOTS], FZ_TEXT,
				 MARK "program %llu", programs);

	current = journal[programs % SLOTS];
	fz_print(p, current + length, FZ_TEXT - length);
}

static void run_program(const struct fz_program *p)
{
	programs++;
	note_program(p);
	fz_trace_begin();
	fz_run(&run, p);
}

static bool time_is_up(void)
{
	return fz_verdict.failed || run.calls >= options.calls ||
	       (options.seconds &&
		ws_now() - begun >= options.seconds * WS_S);
}

static void tell(void)
{
	static __u64 told;
	__u64 now = ws_now();
	double s = (now - begun) / 1e9;

	if (told && now - told < TELL_EVERY)
		return;
	told = now;
	printf("# %.0f s: %lu calls (%.0f/s), %llu programs, %u edges, %u in the corpus\n",
	       s, run.calls, s > 0 ? run.calls / s : 0, programs, fz_edges(),
	       corpus_count);
	fflush(stdout);
}

/* ---- the corpus ---- */

static void keep(const struct fz_program *p)
{
	/* A full one changes all the same. */
	unsigned int at = corpus_count < CORPUS_MAX ? corpus_count++ :
			  fz_below(&chance, CORPUS_MAX);

	corpus[at] = *p;
}

static bool still_reaches(const struct fz_program *p, const __u32 *slots,
			  unsigned int count)
{
	run_program(p);
	return fz_trace_has(slots, count);
}

/* Without what the new edges do not need, as far as it is found quickly. */
static void minimise(struct fz_program *p, const __u32 *slots,
		     unsigned int count)
{
	struct fz_program less = *p;
	unsigned int i;

	less.threads = 1;
	less.loops = 1;
	if (p->threads > 1 && still_reaches(&less, slots, count))
		*p = less;
	for (i = p->steps; i-- > 0 && !time_is_up();) {
		less = *p;
		fz_delete(&less, i);
		if (less.steps && still_reaches(&less, slots, count))
			*p = less;
	}
}

static void try_program(struct fz_program *p)
{
	__u32 slots[NEW_MAX];
	unsigned int count;

	run_program(p);
	count = fz_trace_new(slots, NEW_MAX);
	if (!count || fz_verdict.failed)
		return;
	minimise(p, slots, count);
	keep(p);
}

static const struct fz_program *pick(void)
{
	if (corpus_count > RECENT && fz_one_in(&chance, 3))
		return &corpus[corpus_count - 1 - fz_below(&chance, RECENT)];
	return &corpus[fz_below(&chance, corpus_count)];
}

static void fuzz(void)
{
	struct fz_program p;

	while (!time_is_up()) {
		if (!corpus_count || fz_one_in(&chance, 5)) {
			fz_generate(&chance, &dev, &p);
		} else {
			p = *pick();
			fz_mutate(&chance, &dev, &p, pick());
		}
		try_program(&p);
		tell();
	}
}

/* One of the corpus, or to be replayed. */
static int take(void *data, const struct fz_program *p)
{
	unsigned int i;

	(void)data;
	if (!options.replay)
		keep(p);
	for (i = 0; i < options.times && !fz_verdict.failed; i++)
		run_program(p);
	tell();
	return 0;
}

/* ---- a small corpus that reaches as much ---- */

typedef __u8 edge_map[FZ_EDGES / 8];

static void map_edges(const struct fz_program *p, edge_map map)
{
	unsigned int i;

	memset(map, 0, sizeof(edge_map));
	run_program(p);
	for (i = 0; i < FZ_EDGES; i++)
		if (fz_trace_hit(i))
			map[i / 8] |= 1 << i % 8;
}

static unsigned int count_new(const edge_map map, const edge_map all)
{
	unsigned int count = 0, i;

	for (i = 0; i < sizeof(edge_map); i++)
		count += __builtin_popcount(map[i] & ~all[i]);
	return count;
}

static int write_program(FILE *file, unsigned int number,
			 const struct fz_program *p)
{
	char text[FZ_TEXT];

	fz_print(p, text, sizeof(text));
	return fprintf(file, "\nprogram %u%s", number, text) < 0 ? -EIO : 0;
}

/* Again and again the one that adds most, until none adds anything. */
static int write_best(FILE *file, edge_map *maps)
{
	unsigned int number = 0, best, most, i, n;
	static edge_map all;
	int ret = 0;

	do {
		for (i = 0, most = 0, best = 0; i < corpus_count; i++) {
			n = count_new(maps[i], all);
			if (n > most) {
				most = n;
				best = i;
			}
		}
		for (i = 0; i < sizeof(all); i++)
			all[i] |= maps[best][i];
		if (most)
			ret = write_program(file, ++number, &corpus[best]);
	} while (most && !ret);
	return ret;
}

/* Programs close what is open: the file comes when they have run. */
static int save_corpus(const char *path)
{
	edge_map *maps = malloc(corpus_count * sizeof(*maps));
	unsigned int i;
	FILE *file;
	int ret;

	if (!maps)
		return -ENOMEM;
	for (i = 0; i < corpus_count; i++)
		map_edges(&corpus[i], maps[i]);
	file = fopen(path, "we");
	ret = file ? 0 : -errno;
	if (file) {
		fprintf(file, "# %s: GPL-2.0\n", "SPDX-License-Identifier");
		ret = write_best(file, maps);
		if (fclose(file))
			ret = -errno;
	}
	free(maps);
	return ret;
}

/* ---- the verdict ---- */

static const char * const rules[FZ_RULES] = {
	[FZ_RULE_TIME] = "c3_every_call_ends_in_time",
	[FZ_RULE_ERRNO] = "c4_every_error_is_one_that_the_manual_names",
	[FZ_RULE_RESULT] = "c7_results_are_possible",
	[FZ_RULE_MEMORY] = "c7_the_memory_of_regions_comes_back",
	[FZ_RULE_CONFINED] = "c7_nothing_changes_outside_regions",
	[FZ_RULE_ARRIVAL] = "c1_the_window_works_afterwards",
	[FZ_RULE_SIGNAL] = "c9_a_signal_ends_every_wait",
	[FZ_RULE_REVIVE] = "c8_another_binding_works",
};

static unsigned int number, bad;

static void result(const char *name, bool good, const char *skip)
{
	printf("%sok %u %s%s%s\n", good ? "" : "not ", ++number, name,
	       skip ? " # SKIP " : "", skip ? skip : "");
	bad += !good;
}

static void print_rules(void)
{
	unsigned int i;

	if (fz_verdict.failed) {
		printf("# %s, in this program or one shortly before it:\n",
		       fz_verdict.text);
		ws_print_lines(current);
		ws_print_log();
	}
	for (i = 0; i < FZ_RULES; i++) {
		bool good = !fz_verdict.failed || fz_verdict.rule != i;
		/* What is only looked at where it can go wrong. */
		bool rare = i == FZ_RULE_CONFINED || i == FZ_RULE_REVIVE;

		result(rules[i], good, good && rare && !fz_verdict.asked[i] ?
		       "it did not come to that" : NULL);
	}
}

/* What is not here is missing only where somebody said that it is. */
static void result_if(const char *name, bool possible, bool good,
		      const char *why)
{
	if (possible || options.watched)
		result(name, possible && good, NULL);
	else
		result(name, true, why);
}

static void print_coverage(void)
{
	result_if("coverage_of_the_module", !fz_blind(), fz_edges(),
		  "this kernel has no KCOV");
}

/* A tenth of what the slowest machine so far has made. */
static void print_speed(void)
{
	if (options.seconds && !options.replay)
		result("enough_calls", run.calls >= options.calls ||
		       run.calls >= 20 * options.seconds, NULL);
}

static bool leaks(void)
{
	char text[4096];
	int ret;

	/* The second look tells those that are still there. */
	ws_write_file(LEAKS, "scan");
	ws_sleep(LEAK_AGE);
	ws_write_file(LEAKS, "scan");
	ret = ws_file(LEAKS, text, sizeof(text));
	if (!ret && !text[0])
		return false;
	ws_print_lines(text);
	return true;
}

static void print_leaks(void)
{
	bool can = !access(LEAKS, R_OK | W_OK);

	result_if("nothing_leaks", can, can && !leaks(),
		  "this kernel has no kmemleak");
}

static int print_verdict(void)
{
	printf("# seed %llu: %lu calls in %llu s, %llu programs, %u edges, %u in the corpus\n",
	       options.seed, run.calls, (ws_now() - begun) / WS_S, programs,
	       fz_edges(), corpus_count);
	print_rules();
	print_coverage();
	print_speed();
	print_leaks();
	printf("1..%u\n", number);
	fflush(stdout);
	return bad ? 1 : 0;
}

void fz_give_up(void)
{
	print_rules();
	printf("1..%u\n", number);
	fflush(stdout);
	_exit(1);
}

/* ---- beginning ---- */

static const struct option long_options[] = {
	{ "seconds", required_argument, NULL, 's' },
	{ "calls", required_argument, NULL, 'c' },
	{ "seed", required_argument, NULL, 'r' },
	{ "extract", required_argument, NULL, 'x' },
	{ "save", required_argument, NULL, 'o' },
	{ "replay", no_argument, NULL, 'p' },
	{ "times", required_argument, NULL, 't' },
	{ "watched", no_argument, NULL, 'w' },
	{}
};

static const char usage[] =
"Usage: fuzz [OPTION...] [FILE...]\n"
"  --seconds N    how long to go on; 0, the default: until --calls\n"
"  --calls N      how many calls to make\n"
"  --seed N       what to choose by (default: the time)\n"
"  --extract FILE print the programs that ran last in the machine whose\n"
"                 memory is FILE, and end\n"
"  --save FILE    where to put a small corpus that reaches as much\n"
"  --replay       run the programs of FILE... and no others\n"
"  --times N      each of them so many times\n"
"  --watched      it is an error if this kernel has no KCOV or kmemleak\n"
"  FILE           programs to begin with\n";

static int parse_options(int argc, char **argv)
{
	int option;

	options.seed = ws_now() / WS_US;
	while ((option = getopt_long(argc, argv, "", long_options,
				     NULL)) >= 0) {
		__u64 v = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (option) {
		case 's':
			options.seconds = v;
			break;
		case 'c':
			options.calls = v;
			break;
		case 'r':
			options.seed = v;
			break;
		case 'x':
			options.extract = optarg;
			break;
		case 'o':
			options.save = optarg;
			break;
		case 'p':
			options.replay = true;
			break;
		case 't':
			options.times = v;
			break;
		case 'w':
			options.watched = true;
			break;
		default:
			fputs(usage, stderr);
			return -EINVAL;
		}
	}
	return 0;
}

/* What the journal of another run, in the memory of its machine, says. */
static int extract(const char *path)
{
	FILE *file = fopen(path, "re");
	char page[FZ_TEXT];

	if (!file) {
		perror(path);
		return 1;
	}
	while (fread(page, sizeof(page), 1, file))
		if (!memcmp(page, MARK, strlen(MARK)))
			printf("%.*s\n", (int)sizeof(page), page);
	fclose(file);
	return 0;
}

static int read_files(int count, char **paths)
{
	int ret = 0, i;

	for (i = 0; i < count && !ret && !fz_verdict.failed; i++) {
		ret = fz_read_file(paths[i], take, NULL);
		if (ret)
			fprintf(stderr, "%s: %s\n", paths[i], strerror(-ret));
	}
	return ret;
}

static int begin(void)
{
	enum ws_ready ready;
	int ret;

	ready = ws_begin(&dev, 0);
	if (ready == WS_ABSENT) {
		printf("1..0 # SKIP %s\n", dev.why);
		return 4;
	}
	ret = ready == WS_READY ? fz_run_init(&run, &dev, options.seed) : -EIO;
	if (!ret)
		return 0;
	printf("not ok 1 device: %s\n1..1\n",
	       dev.why ? dev.why : strerror(-ret));
	return 1;
}

int main(int argc, char **argv)
{
	int ret;

	if (parse_options(argc, argv))
		return 2;
	if (options.extract)
		return extract(options.extract);
	printf("TAP version 13\n");
	ret = begin();
	if (ret)
		return ret;
	printf("# seed %llu, %s\n", options.seed,
	       fz_blind() ? "blind: no KCOV" : "by coverage");
	fflush(stdout);
	chance.state = options.seed;
	run.replay = options.replay;
	begun = ws_now();
	if (read_files(argc - optind, argv + optind))
		return 2;
	if (!options.replay)
		fuzz();
	if (options.save && !fz_verdict.failed)
		ret = save_corpus(options.save);
	if (ret)
		fprintf(stderr, "%s: %s\n", options.save, strerror(-ret));
	return print_verdict();
}

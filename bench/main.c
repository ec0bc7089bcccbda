// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const struct {
	const char *name;
	void (*run)(struct bench *b);
} suites[] = {
	{ "copy", bench_copy },
	{ "sync", bench_sync },
	{ "threads", bench_threads },
	{ "time", bench_time },
	{ "scale", bench_scale },
};

static const char usage[] =
"Usage: bench SUITE FILE [ROUNDS [SEED]]\n"
"  SUITE   copy, sync, threads, time or scale\n"
"  FILE    where the samples go, as lines of JSON\n"
"  ROUNDS  how often everything is measured, in turns (9)\n"
"  SEED    of the data that is written (1)\n";

void die(const char *what, int error)
{
	fprintf(stderr, "\nbench: %s: %s\n", what, strerror(abs(error)));
	exit(1);
}

void must(const char *what, long ret)
{
	if (ret < 0)
		die(what, ret);
}

void progress(const struct bench *b, unsigned int done, unsigned int of)
{
	fprintf(stderr, "# %u %%\n",
		(b->round * of + done) * 100 / (b->rounds * of));
}

static void put_field(struct bench *b, const char *name, __s64 value)
{
	fprintf(b->out, ",\"%s\":%lld", name, value);
}

void put_sample(struct bench *b, const struct sample *s)
{
	fprintf(b->out, "{\"figure\":\"%s\",\"peer\":\"%s\",\"posted\":%s",
		s->figure, s->peer,
		b->dev.features & WS_EDU_FEATURE_POSTED ? "true" : "false");
	put_field(b, "round", b->round);
	put_field(b, "bytes", s->bytes);
	put_field(b, "offset", s->offset);
	put_field(b, "callers", s->callers);
	put_field(b, "read_ns", s->read_ns);
	put_field(b, "ops", s->ops);
	put_field(b, "ns", s->ns);
	put_field(b, "stores", s->stores);
	put_field(b, "store_bytes", s->store_bytes);
	put_field(b, "reads", s->reads);
	put_field(b, "value", s->value);
	fprintf(b->out, "}\n");
}

/* So many at a time that looking at the clock does not count. */
void measure(struct sample *s, void (*act)(void *), void *data, __u64 ns)
{
	__u64 begun = ws_now(), now;
	unsigned int batch = 1, i;

	s->ops = 0;
	do {
		for (i = 0; i < batch; i++)
			act(data);
		s->ops += batch;
		now = ws_now();
		if (now - begun < ns / 16)
			batch *= 2;
	} while (now - begun < ns);
	s->ns = now - begun;
}

int main(int argc, char **argv)
{
	struct bench b = { .rounds = 9, .seed = 1 };
	enum ws_ready ready;
	size_t i;

	for (i = 0; argc > 2 && i < COUNT(suites); i++)
		if (ws_is(argv[1], suites[i].name))
			break;
	if (argc < 3 || argc > 5 || i == COUNT(suites)) {
		fputs(usage, stderr);
		return 2;
	}
	if (argc > 3)
		b.rounds = strtoul(argv[3], NULL, 0);
	if (argc > 4)
		b.seed = strtoull(argv[4], NULL, 0);
	ready = ws_begin(&b.dev, WS_NEED_INSTRUMENT);
	if (ready != WS_READY) {
		fprintf(stderr, "bench: %s\n", b.dev.why);
		return 1;
	}
	b.out = fopen(argv[2], "ae");
	if (!b.out)
		die(argv[2], errno);
	for (b.round = 0; b.round < b.rounds; b.round++)
		suites[i].run(&b);
	must("device", ws_end(&b.dev));
	if (fclose(b.out))
		die(argv[2], errno);
	return 0;
}

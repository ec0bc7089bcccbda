// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints, read from an instance of our own: what happened to a write or a
 * sync (C1 to C4), and to the window (C5, C8).
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LENGTH		64
#define RESET_WAIT	(5 * WS_S)

#define TRACEFS		"/sys/kernel/tracing"
#define TRACE_SIZE	(256 * 1024)

FIXTURE(tracing) {
	struct ws_dev dev;
	int fd;
	char instance[64];
	char *trace;			/* what was read last */
	__u8 data[LENGTH];
	__u64 window;
};

#define RECORD_NAMES	TRACEFS "/options/record-cmd"
#define TRACING		FIXTURE_DATA(tracing)

static int trace_write(TRACING *self, const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", self->instance, file);
	return ws_write_file(path, text);
}

static bool has_tracefs(void)
{
	if (!access(TRACEFS "/instances", F_OK))
		return true;
	return !mount("tracefs", TRACEFS, "tracefs", 0, NULL) &&
	       !access(TRACEFS "/instances", F_OK);
}

FIXTURE_SETUP(tracing)
{
	struct writesync_info info;

	WS_BEGIN(return, &self->dev, WS_NEED_POSTED);
	if (!has_tracefs())
		SKIP(return, "there is no tracefs");
	/* One that a stalled device holds up. */
	ASSERT_EQ(0, ws_set(&self->dev, "confirm", "sentinel"));
	ws_fill(self->data, LENGTH, 4);
	self->trace = malloc(TRACE_SIZE);
	ASSERT_NE(NULL, self->trace);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ws_info(self->fd, &info));
	self->window = info.window;
	/*
	 * To note the names of tasks, the kernel would patch its scheduler,
	 * which all processors run meanwhile. Some emulators (QEMU before 8.1)
	 * do not bear that: the processor may run the old code.
	 */
	ASSERT_EQ(0, ws_write_file(RECORD_NAMES, "0"));
	snprintf(self->instance, sizeof(self->instance),
		 TRACEFS "/instances/writesync_test.%d", getpid());
	ASSERT_EQ(0, mkdir(self->instance, 0700));
	ASSERT_EQ(0, trace_write(self, "events/writesync/enable", "1"));
}

FIXTURE_TEARDOWN(tracing)
{
	EXPECT_EQ(0, trace_write(self, "events/writesync/enable", "0"));
	EXPECT_EQ(0, rmdir(self->instance));
	EXPECT_EQ(0, ws_write_file(RECORD_NAMES, "1"));
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static int read_trace(TRACING *self)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/trace", self->instance);
	return ws_file(path, self->trace, TRACE_SIZE);
}

/* The @nth event of a name, from 0 on; NULL: there are not so many. */
static char *event(TRACING *self, const char *name, int nth)
{
	char mark[64];
	char *at = self->trace - 1;

	snprintf(mark, sizeof(mark), ": writesync_%s: ", name);
	do {
		at = strstr(at + 1, mark);
	} while (at && nth--);
	return at;
}

/* The value of a field, up to the next blank; "": there is none. */
static const char *word(const char *at, const char *field)
{
	static char value[64];
	char mark[32];
	size_t n = strcspn(at, "\n");
	const char *found;

	snprintf(mark, sizeof(mark), " %s=", field);
	found = strstr(at, mark);
	if (!found || found > at + n)
		return "";
	found += strlen(mark);
	n = strcspn(found, "\n ");
	n = n < sizeof(value) ? n : sizeof(value) - 1;
	memcpy(value, found, n);
	value[n] = 0;
	return value;
}

static long long field(const char *at, const char *name)
{
	const char *text = word(at, name);
	long long value;
	char *end;

	errno = 0;
	value = strtoll(text, &end, 10);
	return *text && !*end && !errno ? value : LLONG_MIN;
}

TEST_F(tracing, c1_a_write_is_traced)
{
	char *e;

	ASSERT_EQ(24, ws_pwrite(self->fd, self->data, 24, 40));
	EXPECT_EQ(-ENOSPC, ws_pwrite(self->fd, self->data, 8,
				     self->dev.size));
	ASSERT_EQ(0, read_trace(self));
	e = event(self, "write", 0);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(self->window, field(e, "window"));
	EXPECT_EQ(40, field(e, "offset"));
	EXPECT_EQ(24, field(e, "length"));
	EXPECT_EQ(24, field(e, "ret"));
	e = event(self, "write", 1);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(self->dev.size, field(e, "offset"));
	EXPECT_EQ(-ENOSPC, field(e, "ret"));
	EXPECT_EQ(NULL, event(self, "write", 2));
	EXPECT_EQ(NULL, event(self, "sync_begin", 0));
	EXPECT_EQ(NULL, event(self, "readback", 0));
}

TEST_F(tracing, c1_a_sync_is_traced_from_begin_to_end)
{
	struct writesync_sync sync = { 0 };
	struct writesync_query query;
	char *begin, *read, *end;

	ASSERT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	ASSERT_EQ(0, ws_query(self->fd, &query));
	EXPECT_EQ(0, ws_sync_call(self->fd, &sync));
	ASSERT_EQ(0, read_trace(self));
	begin = event(self, "sync_begin", 0);
	read = event(self, "readback", 0);
	end = event(self, "sync_end", 0);
	ASSERT_TRUE(begin && read && end);
	EXPECT_TRUE(begin < read && read < end);
	EXPECT_EQ(self->window, field(begin, "window"));
	EXPECT_EQ(query.posted, field(begin, "posted"));
	EXPECT_EQ(query.synced, field(begin, "synced"));
	EXPECT_EQ(self->window, field(read, "window"));
	EXPECT_EQ(query.posted, field(read, "covered"));
	EXPECT_EQ(0, field(read, "ret"));
	EXPECT_LT(0, field(read, "ns"));
	EXPECT_EQ(self->window, field(end, "window"));
	EXPECT_EQ(0, field(end, "ret"));
	EXPECT_EQ(sync.synced, field(end, "synced"));
	EXPECT_EQ(sync.readbacks, field(end, "readbacks"));
	EXPECT_EQ(1, field(end, "readbacks"));
	EXPECT_LT(field(read, "ns"), field(end, "elapsed_ns"));
	EXPECT_EQ(NULL, event(self, "readback", 1));
}

TEST_F(tracing, c2_a_clean_sync_is_traced_without_a_readback)
{
	char *begin, *end;

	EXPECT_EQ(0, fsync(self->fd));
	ASSERT_EQ(0, read_trace(self));
	begin = event(self, "sync_begin", 0);
	end = event(self, "sync_end", 0);
	ASSERT_TRUE(begin && end);
	EXPECT_EQ(field(begin, "posted"), field(begin, "synced"));
	EXPECT_EQ(field(begin, "synced"), field(end, "synced"));
	EXPECT_EQ(0, field(end, "ret"));
	EXPECT_EQ(0, field(end, "readbacks"));
	EXPECT_EQ(NULL, event(self, "readback", 0));
}

TEST_F(tracing, c3_a_timeout_is_traced)
{
	char *end;

	ASSERT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	ws_fault(&self->dev, WS_FAULT_STALL);
	EXPECT_EQ(-ETIMEDOUT, ws_sync_for(self->fd, 20 * WS_MS));
	ws_fault(&self->dev, 0);
	ASSERT_EQ(0, read_trace(self));
	end = event(self, "sync_end", 0);
	ASSERT_NE(NULL, end);
	EXPECT_EQ(-ETIMEDOUT, field(end, "ret"));
	EXPECT_LE(20 * WS_MS, field(end, "elapsed_ns"));
}

/* One that took long has no answer that counts, and is made again. */
static char *last_readback(TRACING *self)
{
	char *last = NULL, *next;
	int n = 0;

	while ((next = event(self, "readback", n++)))
		last = next;
	return last;
}

TEST_F(tracing, c4_a_failed_readback_is_traced)
{
	char *read, *end;

	ASSERT_EQ(8, ws_pwrite(self->fd, self->data, 8, 0));
	ASSERT_EQ(0, ws_decode(&self->dev, false));
	EXPECT_EQ(-EIO, ws_sync(self->fd));
	ASSERT_EQ(0, ws_decode(&self->dev, true));
	ASSERT_EQ(0, read_trace(self));
	read = last_readback(self);
	end = event(self, "sync_end", 0);
	ASSERT_TRUE(read && end);
	EXPECT_EQ(-EIO, field(read, "ret"));
	EXPECT_EQ(-EIO, field(end, "ret"));
	EXPECT_LT(field(end, "synced"), field(read, "covered"));
}

TEST_F(tracing, c5_the_devices_own_reset_is_traced)
{
	struct writesync_info info;
	char *e;

	ASSERT_EQ(0, ws_info(self->fd, &info));
	ASSERT_EQ(0, ws_own_reset(&self->dev, RESET_WAIT));
	ASSERT_EQ(0, read_trace(self));
	e = event(self, "state", 0);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(self->window, field(e, "window"));
	EXPECT_STREQ("live", word(e, "state"));
	EXPECT_EQ(info.generation + 1, field(e, "generation"));
}

/* Each state in turn; what is told twice does no harm. */
TEST_F(tracing, c5_a_function_level_reset_is_traced)
{
	struct writesync_info info;
	char *first, *e, *last = NULL;
	int i;

	if (!ws_can_flr(&self->dev))
		SKIP(return, "the function offers no function-level reset");
	ASSERT_EQ(0, ws_info(self->fd, &info));
	ASSERT_EQ(0, ws_flr(&self->dev));
	ASSERT_EQ(0, read_trace(self));
	first = event(self, "state", 0);
	ASSERT_NE(NULL, first);
	EXPECT_STREQ("frozen", word(first, "state"));
	EXPECT_EQ(info.generation, field(first, "generation"));
	for (i = 1; (e = event(self, "state", i)); i++)
		last = e;
	ASSERT_NE(NULL, last);
	EXPECT_STREQ("live", word(last, "state"));
	EXPECT_EQ(info.generation + 1, field(last, "generation"));
}

TEST_F(tracing, c8_the_end_of_a_binding_is_traced)
{
	char *e;

	ASSERT_EQ(0, ws_unbind(&self->dev));
	ASSERT_EQ(0, read_trace(self));
	ASSERT_EQ(0, ws_bind(&self->dev));
	e = event(self, "state", 0);
	ASSERT_NE(NULL, e);
	EXPECT_EQ(self->window, field(e, "window"));
	EXPECT_STREQ("dead", word(e, "state"));
}

TEST_F(tracing, c1_events_can_be_filtered_by_their_fields)
{
	ASSERT_EQ(0, trace_write(self, "events/writesync/writesync_write/filter",
				 "length == 16 && offset >= 64 && ret > 0"));
	ASSERT_EQ(8, ws_pwrite(self->fd, self->data, 8, 64));
	ASSERT_EQ(16, ws_pwrite(self->fd, self->data, 16, 0));
	ASSERT_EQ(16, ws_pwrite(self->fd, self->data, 16, 64));
	ASSERT_EQ(0, read_trace(self));
	EXPECT_NE(NULL, event(self, "write", 0));
	EXPECT_EQ(NULL, event(self, "write", 1));
	ASSERT_EQ(0, trace_write(self, "events/writesync/writesync_readback/filter",
				 "ret == 0 && covered > 0 && ns > 0"));
	ASSERT_EQ(0, trace_write(self, "events/writesync/writesync_sync_end/filter",
				 "ret < 0 || readbacks > 7"));
	EXPECT_EQ(0, ws_sync(self->fd));
	ASSERT_EQ(0, read_trace(self));
	EXPECT_NE(NULL, event(self, "readback", 0));
	EXPECT_EQ(NULL, event(self, "sync_end", 0));
}

/* What tools parse: one line for each field of an event's own. */

struct format {
	const char *event;
	const char *fields[8];
};

static const struct format formats[] = {
	{ "write", { "u32 window", "u64 offset", "u64 length", "s64 ret" } },
	{ "sync_begin", { "u32 window", "u64 posted", "u64 synced" } },
	{ "sync_end", { "u32 window", "s32 ret", "u64 synced",
			"u32 readbacks", "u64 elapsed_ns" } },
	{ "readback", { "u32 window", "u64 covered", "u64 ns", "s32 ret" } },
	{ "state", { "u32 window", "u32 state", "u64 generation" } },
};

/* "\tfield:TYPE NAME;\toffset:N;\tsize:N;\tsigned:N;" as "u32 NAME" */
static bool parse_field(const char *line, char *out, size_t len)
{
	unsigned int offset, size, sign;
	char declaration[64];
	const char *name;

	if (sscanf(line, " field:%63[^;]; offset:%u; size:%u; signed:%u;",
		   declaration, &offset, &size, &sign) != 4)
		return false;
	name = strrchr(declaration, ' ');
	if (!name || !strncmp(name, " common_", 8))
		return false;
	snprintf(out, len, "%c%u%s", sign ? 's' : 'u', 8 * size, name);
	return true;
}

static int expect_format(struct __test_metadata *_metadata,
			 const struct format *format)
{
	char path[PATH_MAX], line[512], field[96];
	FILE *file;
	int n = 0;

	snprintf(path, sizeof(path),
		 TRACEFS "/events/writesync/writesync_%s/format",
		 format->event);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!parse_field(line, field, sizeof(field)))
			continue;
		if (n < 8 && format->fields[n])
			EXPECT_STREQ(format->fields[n], field);
		n++;
	}
	fclose(file);
	return n;
}

TEST_F(tracing, c1_the_formats_of_the_events_tell_their_fields)
{
	size_t i;
	int n;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		for (n = 0; formats[i].fields[n]; n++)
			;
		EXPECT_EQ(n, expect_format(_metadata, &formats[i])) {
			TH_LOG("%s", formats[i].event);
		}
	}
}

TEST_HARNESS_MAIN

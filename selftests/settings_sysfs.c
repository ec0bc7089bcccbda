// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen and set of a window in sysfs, and what the settings do.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "ws_test.h"

FIXTURE(settings) {
	struct ws_dev dev;
	int fd;
};

FIXTURE_SETUP(settings)
{
	WS_BEGIN(return, &self->dev, 0);
	/* The values are those of a new device then. */
	ASSERT_EQ(0, ws_rebind(&self->dev));
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(settings)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void expect_value(struct __test_metadata *_metadata,
			 const struct ws_dev *dev, const char *attr,
			 const char *value)
{
	char text[64] = "";

	EXPECT_EQ(0, ws_get(dev, attr, text, sizeof(text)));
	EXPECT_STREQ(value, text);
}

static void accepts(struct __test_metadata *_metadata,
		    const struct ws_dev *dev, const char *attr,
		    const char *value)
{
	char line[64];

	EXPECT_EQ(0, ws_set(dev, attr, value)) {
		TH_LOG("%s %s", attr, value);
	}
	expect_value(_metadata, dev, attr, value);
	snprintf(line, sizeof(line), "%s\n", value);
	EXPECT_EQ(0, ws_set(dev, attr, line));
	expect_value(_metadata, dev, attr, value);
}

/* A refused value changes nothing. */
static void rejects(struct __test_metadata *_metadata,
		    const struct ws_dev *dev, const char *attr,
		    const char *value)
{
	char before[64] = "";

	EXPECT_EQ(0, ws_get(dev, attr, before, sizeof(before)));
	EXPECT_GT(0, ws_set(dev, attr, value)) {
		TH_LOG("%s '%s'", attr, value);
	}
	expect_value(_metadata, dev, attr, before);
}

TEST_F(settings, c1_confirm)
{
	static const char * const methods[] = {
		"window", "sentinel", "config", "pending",
	};
	size_t i;

	expect_value(_metadata, &self->dev, "confirm",
		     self->dev.prefetch ? "window" : "config");
	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		if (ws_can_confirm(&self->dev, methods[i]))
			accepts(_metadata, &self->dev, "confirm", methods[i]);
		else
			rejects(_metadata, &self->dev, "confirm", methods[i]);
	}
	rejects(_metadata, &self->dev, "confirm", "\n");
	rejects(_metadata, &self->dev, "confirm", "none");
	rejects(_metadata, &self->dev, "confirm", "Window");
	rejects(_metadata, &self->dev, "confirm", "windowwindow");
	rejects(_metadata, &self->dev, "confirm", "0");
}

TEST_F(settings, c1_confirm_is_what_info_says)
{
	static const char * const methods[] = {
		[WRITESYNC_CONFIRM_WINDOW] = "window",
		[WRITESYNC_CONFIRM_SENTINEL] = "sentinel",
		[WRITESYNC_CONFIRM_CONFIG] = "config",
		[WRITESYNC_CONFIRM_PENDING] = "pending",
	};
	struct writesync_info info;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		if (!ws_can_confirm(&self->dev, methods[i]))
			continue;
		EXPECT_EQ(0, ws_set(&self->dev, "confirm", methods[i]));
		EXPECT_EQ(0, ws_info(self->fd, &info));
		EXPECT_EQ(i, info.confirm);
	}
}

TEST_F(settings, c3_inline_sync)
{
	expect_value(_metadata, &self->dev, "inline_sync", "auto");
	accepts(_metadata, &self->dev, "inline_sync", "always");
	accepts(_metadata, &self->dev, "inline_sync", "never");
	accepts(_metadata, &self->dev, "inline_sync", "auto");
	rejects(_metadata, &self->dev, "inline_sync", "\n");
	rejects(_metadata, &self->dev, "inline_sync", "1");
	rejects(_metadata, &self->dev, "inline_sync", "autoalways");
}

TEST_F(settings, c3_timeout_ms)
{
	struct writesync_info info;

	if (ws_slow() == 1)
		expect_value(_metadata, &self->dev, "timeout_ms", "1000");
	accepts(_metadata, &self->dev, "timeout_ms", "1");
	accepts(_metadata, &self->dev, "timeout_ms", "3600000");
	accepts(_metadata, &self->dev, "timeout_ms", "1234");
	EXPECT_EQ(0, ws_info(self->fd, &info));
	EXPECT_EQ(1234 * WS_MS, info.timeout_ns);
	rejects(_metadata, &self->dev, "timeout_ms", "0");
	rejects(_metadata, &self->dev, "timeout_ms", "3600001");
	rejects(_metadata, &self->dev, "timeout_ms", "-1");
	rejects(_metadata, &self->dev, "timeout_ms", "4294967297");
	rejects(_metadata, &self->dev, "timeout_ms", "18446744073709551617");
	rejects(_metadata, &self->dev, "timeout_ms", "1.5");
	rejects(_metadata, &self->dev, "timeout_ms", "10 ms");
	rejects(_metadata, &self->dev, "timeout_ms", "\n");
}

TEST_F(settings, c7_access_width)
{
	accepts(_metadata, &self->dev, "access_width", "1");
	accepts(_metadata, &self->dev, "access_width", "2");
	accepts(_metadata, &self->dev, "access_width", "4");
	accepts(_metadata, &self->dev, "access_width", "8");
	rejects(_metadata, &self->dev, "access_width", "3");
	rejects(_metadata, &self->dev, "access_width", "16");
	rejects(_metadata, &self->dev, "access_width", "-1");
	rejects(_metadata, &self->dev, "access_width", "64");
	rejects(_metadata, &self->dev, "access_width", "eight");
	rejects(_metadata, &self->dev, "access_width", "\n");
	ws_rebind_later(&self->dev);
}

TEST_F(settings, c7_what_is_read_only)
{
	static const char * const attrs[] = { "bar", "size", "state" };
	char path[PATH_MAX], text[64];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		snprintf(path, sizeof(path), "/sys/class/writesync/%s/%s",
			 self->dev.name, attrs[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0444, st.st_mode & 0777);
		ASSERT_EQ(0, ws_get(&self->dev, attrs[i], text, sizeof(text)));
		EXPECT_GT(0, ws_set(&self->dev, attrs[i], text));
	}
	expect_value(_metadata, &self->dev, "state", "live");
}

TEST_F(settings, c7_only_the_owner_may_change_them)
{
	static const char * const attrs[] = {
		"confirm", "inline_sync", "access_width", "timeout_ms",
	};
	char path[PATH_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		snprintf(path, sizeof(path), "/sys/class/writesync/%s/%s",
			 self->dev.name, attrs[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0644, st.st_mode & 0777);
	}
	ASSERT_EQ(0, stat(self->dev.node, &st));
	EXPECT_EQ(0, st.st_mode & 0007);
	EXPECT_TRUE(S_ISCHR(st.st_mode));
}

/* Stores of exactly the width that was set */

FIXTURE(width) {
	struct ws_dev dev;
	int fd;
	__u8 data[4096];
	__u8 back[4096];
};

FIXTURE_VARIANT(width) {
	unsigned int bytes;
};

FIXTURE_VARIANT_ADD(width, 1) {
	.bytes = 1,
};

FIXTURE_VARIANT_ADD(width, 2) {
	.bytes = 2,
};

FIXTURE_VARIANT_ADD(width, 4) {
	.bytes = 4,
};

FIXTURE_VARIANT_ADD(width, 8) {
	.bytes = 8,
};

FIXTURE_SETUP(width)
{
	WS_BEGIN(return, &self->dev, 0);
	ws_rebind_later(&self->dev);
	ASSERT_EQ(0, ws_set_number(&self->dev, "access_width",
				   variant->bytes));
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	ws_fill(self->data, sizeof(self->data), ws_now());
	if (self->dev.regs)
		ws_drain(&self->dev, 0);
}

FIXTURE_TEARDOWN(width)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static bool has_queue(const struct ws_dev *dev)
{
	return dev->features & WS_EDU_FEATURE_POSTED;
}

static __u64 stores_of(struct ws_counters c, unsigned int bytes)
{
	switch (bytes) {
	case 1:
		return c.stores_1;
	case 2:
		return c.stores_2;
	case 4:
		return c.stores_4;
	default:
		return c.stores_8;
	}
}

TEST_F(width, c7_stores_are_exactly_as_wide)
{
	static const size_t lengths[] = { 8, 64, 256, 264, 4096 };
	struct ws_counters before, after;
	size_t i;

	if (!has_queue(&self->dev))
		SKIP(return, "this device has no posted-write queue");
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		before = ws_count(&self->dev);
		ASSERT_EQ(lengths[i],
			  ws_pwrite(self->fd, self->data, lengths[i], 8));
		after = ws_count(&self->dev);
		EXPECT_EQ(lengths[i] / variant->bytes,
			  ws_stores(before, after));
		EXPECT_EQ(lengths[i] / variant->bytes,
			  stores_of(after, variant->bytes) -
			  stores_of(before, variant->bytes));
		EXPECT_EQ(0, ws_reads(before, after));
	}
}

TEST_F(width, c7_contents_are_right)
{
	unsigned int step = variant->bytes;
	size_t length;
	off_t at;

	for (length = step; length < 300; length += 3 * step) {
		for (at = 0; at < 4 * step; at += step) {
			ws_fill(self->data, length, length * 16 + at);
			ASSERT_EQ(length, ws_pwrite(self->fd, self->data,
						    length, at));
			ASSERT_EQ(0, ws_sync(self->fd));
			ASSERT_EQ(length, ws_pread(self->fd, self->back,
						   length, at));
			ASSERT_EQ(0, memcmp(self->data, self->back, length));
		}
	}
}

/* What is read back is all-ones, what was written as a whole is not. */
TEST_F(width, c4_a_last_access_of_all_ones_syncs)
{
	memset(self->data, 0xff, 8);
	self->data[0] = 0x12;
	ASSERT_EQ(8, ws_pwrite(self->fd, self->data, 8, 64));
	EXPECT_EQ(0, ws_sync(self->fd));
}

TEST_F(width, c7_a_skewed_buffer_is_no_misalignment)
{
	ASSERT_EQ(64, ws_pwrite(self->fd, self->data + 3, 64, 16));
	ASSERT_EQ(64, ws_pread(self->fd, self->back + 5, 64, 16));
	EXPECT_EQ(0, memcmp(self->data + 3, self->back + 5, 64));
}

TEST_F(width, c7_misaligned_offsets_and_lengths_are_einval)
{
	struct ws_counters before = { 0 }, after = { 0 };
	unsigned int off;

	if (variant->bytes == 1)
		SKIP(return, "every offset is aligned to 1");
	if (self->dev.regs)
		before = ws_count(&self->dev);
	for (off = 1; off < variant->bytes; off++) {
		EXPECT_EQ(-EINVAL, ws_pwrite(self->fd, self->data, 64, off));
		EXPECT_EQ(-EINVAL, ws_pwrite(self->fd, self->data, off, 0));
		EXPECT_EQ(-EINVAL,
			  ws_pwrite(self->fd, self->data, 64 + off, 64));
		EXPECT_EQ(-EINVAL, ws_pread(self->fd, self->back, 64, off));
		EXPECT_EQ(-EINVAL, ws_pread(self->fd, self->back, off, 0));
	}
	if (self->dev.regs)
		after = ws_count(&self->dev);
	EXPECT_EQ(0, ws_reads(before, after));
	EXPECT_EQ(0, ws_stores(before, after));
	EXPECT_EQ(0, ws_needed(self->fd));
}

/* Whole accesses or nothing: a fault inside one drops it. */
TEST_F(width, c9_a_fault_ends_the_write_at_a_whole_access)
{
	long page = sysconf(_SC_PAGESIZE);
	__u8 *edge = ws_edge();
	ssize_t n, whole;

	ASSERT_NE(NULL, edge);
	memset(self->data, 0x77, 64);
	for (n = 0; n < 40; n++) {
		whole = n - n % variant->bytes;
		ASSERT_EQ(64, ws_pwrite(self->fd, self->data, 64, 0));
		EXPECT_EQ(whole ? whole : -EFAULT,
			  ws_pwrite(self->fd, edge + page - n, 64, 0));
		ASSERT_EQ(64, ws_pread(self->fd, self->back, 64, 0));
		EXPECT_EQ(0, memcmp(self->back, edge + page - n, whole));
		EXPECT_EQ(0, memcmp(self->back + whole, self->data,
				    64 - whole));
	}
}

TEST_F(width, c9_a_vector_of_parts_narrower_than_an_access)
{
	struct iovec iov[] = {
		{ self->data, 3 }, { self->data + 3, 7 },
		{ self->data + 10, 54 },
	};

	ASSERT_EQ(64, pwritev(self->fd, iov, 3, 8));
	ASSERT_EQ(64, ws_pread(self->fd, self->back, 64, 8));
	EXPECT_EQ(0, memcmp(self->data, self->back, 64));
}

TEST_F(width, c1_the_peer_sees_it)
{
	if (!self->dev.peer || !has_queue(&self->dev))
		SKIP(return, "no queue or no peer");
	ws_drain(&self->dev, WS_HOLD);
	ASSERT_EQ(64, ws_pwrite(self->fd, self->data, 64, 0));
	ASSERT_LT(0, ws_level(&self->dev));
	EXPECT_NE(ws_crc(self->data, 64), ws_peer_crc(&self->dev, 0, 64));
	EXPECT_EQ(0, ws_sync(self->fd));
	EXPECT_EQ(0, ws_level(&self->dev));
	EXPECT_EQ(ws_crc(self->data, 64), ws_peer_crc(&self->dev, 0, 64));
}

TEST_HARNESS_MAIN

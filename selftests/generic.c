// SPDX-License-Identifier: GPL-2.0
/*
 * Functions that the driver has never heard of, bound by driver_override and
 * told about by the module's parameter "devices". QEMU has some: those that are
 * not there are SKIP.
 */
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define PATH		300

/* What QEMU has, and nobody else: no real device is touched. */
struct kind {
	const char *name;
	__u32 vendor, device;
};

static const struct kind edu = { "edu", 0x1234, 0x11e8 };
static const struct kind testdev = { "pci-testdev", 0x1b36, 0x0005 };
static const struct kind nvme = { "nvme", 0x1b36, 0x0010 };
static const struct kind vga = { "VGA", 0x1234, 0x1111 };

/* A window: its folder in sysfs, its device file. */
struct window {
	char folder[PATH];
	char node[PATH];
};

FIXTURE(generic) {
	char pci[PATH];		/* the function in sysfs */
	const char *slot;	/* its address */
	int log;
	int windows;		/* of other functions */
};

#define GENERIC		FIXTURE_DATA(generic)

static __u32 number_in(const char *folder, const char *attr)
{
	char path[2 * PATH], text[32] = "";

	snprintf(path, sizeof(path), "%s/%s", folder, attr);
	return ws_file(path, text, sizeof(text)) ? 0 : strtoul(text, NULL, 16);
}

static bool is_kind(const char *folder, const struct kind *kind)
{
	return number_in(folder, "vendor") == kind->vendor &&
	       number_in(folder, "device") == kind->device;
}

static int count(const char *pattern)
{
	glob_t all;
	int n = 0;

	if (!glob(pattern, 0, NULL, &all)) {
		n = all.gl_pathc;
		globfree(&all);
	}
	return n;
}

static int windows(void)
{
	return count("/sys/class/writesync/*");
}

/* The @nth function of the kind. */
static int find(GENERIC *self, const struct kind *kind, size_t nth)
{
	int ret = -ENODEV;
	glob_t all;
	size_t i;

	if (glob("/sys/bus/pci/devices/*", 0, NULL, &all))
		return ret;
	for (i = 0; i < all.gl_pathc && ret; i++)
		if (is_kind(all.gl_pathv[i], kind) && !nth--) {
			snprintf(self->pci, sizeof(self->pci), "%s",
				 all.gl_pathv[i]);
			self->slot = strrchr(self->pci, '/') + 1;
			ret = 0;
		}
	globfree(&all);
	return ret;
}

static int write_to(GENERIC *self, const char *attr, const char *text)
{
	char path[2 * PATH];

	snprintf(path, sizeof(path), "%s/%s", self->pci, attr);
	return ws_write_file(path, text);
}

/* Serve it as @options say ("": nothing is said). */
static int bind_as(GENERIC *self, const char *options)
{
	char entry[PATH];
	int ret;

	snprintf(entry, sizeof(entry), "%s%s%s", *options ? "" : "-",
		 self->slot, options);
	ret = ws_write_file(WS_DEVICES, entry);
	if (!ret)
		ret = write_to(self, "driver_override", "writesync");
	return ret ?: ws_write_file("/sys/bus/pci/drivers/writesync/bind",
				    self->slot);
}

static void let_go(GENERIC *self)
{
	char entry[PATH];

	if (!self->slot)
		return;
	write_to(self, "driver/unbind", self->slot);
	write_to(self, "driver_override", "\n");
	snprintf(entry, sizeof(entry), "-%s", self->slot);
	ws_write_file(WS_DEVICES, entry);
}

/* The window of the function's BAR. */
static int window_of(GENERIC *self, unsigned int bar, struct window *w)
{
	char pattern[2 * PATH];
	int ret = -ENOENT;
	glob_t all;
	size_t i;

	snprintf(pattern, sizeof(pattern), "%s/writesync/*", self->pci);
	if (glob(pattern, 0, NULL, &all))
		return ret;
	for (i = 0; i < all.gl_pathc; i++)
		if (number_in(all.gl_pathv[i], "bar") == bar) {
			snprintf(w->folder, sizeof(w->folder), "%s",
				 all.gl_pathv[i]);
			snprintf(w->node, sizeof(w->node), "/dev/%s",
				 strrchr(w->folder, '/') + 1);
			ret = 0;
		}
	globfree(&all);
	return ret;
}

static bool attr_is(const struct window *w, const char *attr, const char *text)
{
	char path[2 * PATH], value[64] = "";

	snprintf(path, sizeof(path), "%s/%s", w->folder, attr);
	if (ws_file(path, value, sizeof(value)))
		return false;
	value[strcspn(value, "\n")] = 0;
	return !strcmp(value, text);
}

static int set_attr(const struct window *w, const char *attr, const char *text)
{
	char path[2 * PATH];

	snprintf(path, sizeof(path), "%s/%s", w->folder, attr);
	return ws_write_file(path, text);
}

static __u64 size_of(const struct window *w)
{
	char path[2 * PATH], text[32] = "";

	snprintf(path, sizeof(path), "%s/size", w->folder);
	return ws_file(path, text, sizeof(text)) ? 0 :
						   strtoull(text, NULL, 10);
}

static int open_window(const struct window *w)
{
	int fd = open(w->node, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

FIXTURE_SETUP(generic)
{
	self->log = ws_log_open();
	ASSERT_LE(0, self->log);
	self->windows = windows();
	if (ws_write_file(WS_DEVICES, "") == -ENOENT)
		SKIP(return, "the module has no parameter \"devices\"");
}

FIXTURE_TEARDOWN(generic)
{
	let_go(self);
	close(self->log);
	EXPECT_EQ(self->windows, windows());
}

/* The nth function of the kind, or SKIP by @leave (return). */
#define FIND(leave, self, wanted, nth)					\
do {									\
	const struct kind *kind__ = (wanted);				\
									\
	if (find((self), kind__, (nth)))				\
		SKIP(leave, "there is no device \"%s\"",		\
		     kind__->name);					\
} while (0)

/* What is written arrives, is read back, and is where it was written. */
static void expect_arrival(struct __test_metadata *_metadata,
			   const struct window *w)
{
	__u8 data[4096], back[4096];
	int fd = open_window(w);

	ASSERT_LE(0, fd);
	ws_fill(data, sizeof(data), 7);
	EXPECT_EQ((ssize_t)sizeof(data),
		  ws_pwrite(fd, data, sizeof(data), 4096));
	EXPECT_EQ(1, ws_needed(fd));
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(0, ws_needed(fd));
	EXPECT_EQ((ssize_t)sizeof(back),
		  ws_pread(fd, back, sizeof(back), 4096));
	EXPECT_EQ(0, memcmp(data, back, sizeof(data)));
	close(fd);
}

/* An NVMe controller memory buffer: the registers are let alone. */
TEST_F(generic, c7_all_prefetchable_bars_are_windows)
{
	struct window w;

	FIND(return, self, &nvme, 0);
	ASSERT_EQ(0, bind_as(self, ""));
	EXPECT_EQ(self->windows + 1, windows());
	ASSERT_EQ(0, window_of(self, 2, &w));
	EXPECT_TRUE(attr_is(&w, "confirm", "window"));
	EXPECT_TRUE(attr_is(&w, "cache", "wc"));
	EXPECT_TRUE(attr_is(&w, "readback_offset", "none"));
	EXPECT_TRUE(attr_is(&w, "access_width", "8"));
	expect_arrival(_metadata, &w);
}

TEST_F(generic, c1_a_frame_buffer)
{
	struct window w;

	FIND(return, self, &vga, 0);
	ASSERT_EQ(0, bind_as(self, ",bars=0,confirm=window,cache=wc"));
	ASSERT_EQ(0, window_of(self, 0, &w));
	EXPECT_TRUE(attr_is(&w, "cache", "wc"));
	expect_arrival(_metadata, &w);
}

TEST_F(generic, c1_stores_one_by_one_if_told_so)
{
	struct window w;

	FIND(return, self, &vga, 0);
	ASSERT_EQ(0, bind_as(self, ",cache=uc,width=4"));
	ASSERT_EQ(0, window_of(self, 0, &w));
	EXPECT_TRUE(attr_is(&w, "cache", "uc"));
	EXPECT_TRUE(attr_is(&w, "access_width", "4"));
	expect_arrival(_metadata, &w);
}

TEST_F(generic, c7_several_windows_of_one_function)
{
	struct window w[2];

	FIND(return, self, &vga, 0);
	ASSERT_EQ(0, bind_as(self, ",bars=0+2"));
	EXPECT_EQ(self->windows + 2, windows());
	ASSERT_EQ(0, window_of(self, 0, &w[0]));
	ASSERT_EQ(0, window_of(self, 2, &w[1]));
	EXPECT_TRUE(attr_is(&w[0], "confirm", "window"));
	EXPECT_TRUE(attr_is(&w[1], "confirm", "config"));
	expect_arrival(_metadata, &w[0]);
}

/* Each has a window of its own, and the other one keeps its. */
TEST_F(generic, c7_two_functions_with_the_same_ids)
{
	FIXTURE_DATA(generic) other = { .pci = "" };
	struct window first, second;
	int fd;

	FIND(return, self, &testdev, 0);
	FIND(return, &other, &testdev, 1);
	ASSERT_EQ(0, bind_as(self, ",bars=2"));
	EXPECT_EQ(0, bind_as(&other, ",bars=2,width=2"));
	EXPECT_EQ(self->windows + 2, windows());
	ASSERT_EQ(0, window_of(self, 2, &first));
	EXPECT_EQ(0, window_of(&other, 2, &second));
	EXPECT_TRUE(attr_is(&first, "access_width", "8"));
	EXPECT_TRUE(attr_is(&second, "access_width", "2"));
	let_go(&other);
	/* There is no memory behind it, but there is an answer. */
	fd = open_window(&first);
	ASSERT_LE(0, fd);
	EXPECT_EQ(8, ws_pwrite(fd, "unsynced", 8, 0));
	EXPECT_EQ(0, ws_sync(fd));
	close(fd);
}

/* Registers: nothing is read that was not named. */
TEST_F(generic, c7_a_bar_that_is_not_prefetchable_has_to_be_named)
{
	struct window w;
	__u32 value = 0x12345678, back = 0;
	int fd;

	FIND(return, self, &edu, 0);
	EXPECT_EQ(-ENODEV, bind_as(self, ""));
	EXPECT_TRUE(ws_log_says(self->log, "no BAR is prefetchable memory"));
	let_go(self);
	ASSERT_EQ(0, bind_as(self, ",bars=0"));
	ASSERT_EQ(0, window_of(self, 0, &w));
	EXPECT_TRUE(attr_is(&w, "confirm", "config"));
	EXPECT_TRUE(attr_is(&w, "cache", "uc"));
	EXPECT_TRUE(attr_is(&w, "access_width", "4"));
	fd = open_window(&w);
	ASSERT_LE(0, fd);
	/* Its register of liveness holds the complement. */
	EXPECT_EQ(4, ws_pwrite(fd, &value, 4, 4));
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(4, ws_pread(fd, &back, 4, 4));
	EXPECT_EQ(~value, back);
	close(fd);
}

TEST_F(generic, c1_the_readback_is_where_it_was_said)
{
	struct window w;
	__u32 value = 0;
	int fd;

	FIND(return, self, &edu, 0);
	ASSERT_EQ(0, bind_as(self, ",bars=0,readback=4"));
	ASSERT_EQ(0, window_of(self, 0, &w));
	EXPECT_TRUE(attr_is(&w, "confirm", "window"));
	EXPECT_TRUE(attr_is(&w, "readback_offset", "0x4"));
	EXPECT_EQ(0, set_attr(&w, "confirm", "config"));
	EXPECT_EQ(0, set_attr(&w, "confirm", "window"));
	fd = open_window(&w);
	ASSERT_LE(0, fd);
	/* Then it reads as all-ones, which may be an answer, and is. */
	EXPECT_EQ(4, ws_pwrite(fd, &value, 4, 4));
	EXPECT_EQ(0, ws_sync(fd));
	value = ~0U;
	EXPECT_EQ(4, ws_pwrite(fd, &value, 4, 4));
	EXPECT_EQ(0, ws_sync(fd));
	close(fd);
}

/* Memory decoding off: all that is read is made up, wherever it is read. */
TEST_F(generic, c4_the_readback_does_not_believe_a_deaf_device)
{
	static const char command[] = "\0";
	char path[2 * PATH];
	__u8 saved[2];
	struct window w;
	int fd, config;

	FIND(return, self, &edu, 0);
	ASSERT_EQ(0, bind_as(self, ",bars=0,readback=0"));
	ASSERT_EQ(0, window_of(self, 0, &w));
	fd = open_window(&w);
	ASSERT_LE(0, fd);
	snprintf(path, sizeof(path), "%s/config", self->pci);
	config = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, config);
	ASSERT_EQ(2, pread(config, saved, 2, PCI_COMMAND));
	EXPECT_EQ(4, ws_pwrite(fd, "word", 4, 4));
	ASSERT_EQ(2, pwrite(config, command, 2, PCI_COMMAND));
	EXPECT_EQ(-EIO, ws_sync(fd));
	ASSERT_EQ(2, pwrite(config, saved, 2, PCI_COMMAND));
	EXPECT_EQ(0, ws_sync(fd));
	close(config);
	close(fd);
}

/* ---- what cannot be ---- */

struct refusal {
	const struct kind *kind;
	const char *options;
	int error;
	const char *why;
};

static const struct refusal refusals[] = {
	{ &testdev, ",bars=1", -ENODEV, "BAR 1 is an I/O BAR" },
	{ &testdev, ",bars=5", -ENODEV, "BAR 5 does not exist" },
	{ &testdev, ",bars=3", -ENODEV, "BAR 3 is the upper half" },
	{ &nvme, ",bars=2+3", -ENODEV, "BAR 3 is the upper half" },
	{ &nvme, ",bars=2,confirm=sentinel", -EOPNOTSUPP, "confirm=sentinel" },
	{ &nvme, ",bars=2,confirm=pending", -EOPNOTSUPP, "confirm=pending" },
	{ &nvme, ",bars=2,readback=0x40000000", -EINVAL, "readback=0x40000000" },
	{ &edu, ",bars=0,cache=wc", -EINVAL, "cache=wc" },
	{ &edu, ",bars=0,confirm=window", -EOPNOTSUPP, "no readback=OFFSET" },
	/* The second of two windows: the first one does not stay. */
	{ &vga, ",bars=0+2,readback=0x2000", -EINVAL, "readback=0x2000" },
};

static void expect_refusal(struct __test_metadata *_metadata, GENERIC *self,
			   const struct refusal *refusal)
{
	EXPECT_EQ(refusal->error, bind_as(self, refusal->options)) {
		TH_LOG("%s%s", refusal->kind->name, refusal->options);
	}
	EXPECT_TRUE(ws_log_says(self->log, refusal->why)) {
		TH_LOG("%s", refusal->why);
	}
	EXPECT_EQ(self->windows, windows());
	EXPECT_EQ(0, number_in(self->pci, "enable"));
	let_go(self);
}

TEST_F(generic, c7_what_cannot_be_is_refused_and_nothing_stays)
{
	size_t i, done = 0;

	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (find(self, refusals[i].kind, 0))
			continue;
		expect_refusal(_metadata, self, &refusals[i]);
		done++;
	}
	self->slot = NULL;
	if (!done)
		SKIP(return, "there is none of the devices");
}

static const char * const bad_entries[] = {
	"bogus", "0000:00:1f", "0000:00:20.0", "0000:100:00.0", "0000:00:00.8",
	"0000:00:1e.0,", "0000:00:1e.0,bars", "0000:00:1e.0,bars=",
	"0000:00:1e.0,bars=6", "0000:00:1e.0,bars=-1", "0000:00:1e.0,bars=0+",
	"0000:00:1e.0,confirm=", "0000:00:1e.0,confirm=maybe",
	"0000:00:1e.0,readback=", "0000:00:1e.0,readback=-1",
	"0000:00:1e.0,readback=0xffffffffffffffff",
	"0000:00:1e.0,readback=0x10000000000000000",
	"0000:00:1e.0,width=0", "0000:00:1e.0,width=3",
	"0000:00:1e.0,width=16", "0000:00:1e.0,cache=", "0000:00:1e.0,cache=wb",
	"0000:00:1e.0,unheard=of", "-", "-0000:00:1e.0,bars=1",
	"0000:00:1e.0 ,bars=1", "0000:00:1e.0x", "0000:00:1e.0.",
	/* The whole of it is refused, what is before it too. */
	"0000:00:1d.0,bars=1;bogus",
};

/* Reads of it begin anew each time. */
static bool devices_say(const char *words)
{
	char text[4097] = "";

	return !ws_file(WS_DEVICES, text, sizeof(text)) &&
	       !strcmp(text, words);
}

TEST_F(generic, c7_entries_that_are_not_understood_are_refused)
{
	size_t i;

	ASSERT_TRUE(devices_say(""));
	for (i = 0; i < ARRAY_SIZE(bad_entries); i++) {
		EXPECT_EQ(-EINVAL, ws_write_file(WS_DEVICES, bad_entries[i])) {
			TH_LOG("\"%s\"", bad_entries[i]);
		}
		EXPECT_TRUE(ws_log_says(self->log, "is not ADDRESS"));
	}
	EXPECT_TRUE(devices_say(""));
}

TEST_F(generic, c7_entries_are_shown_as_they_are_understood)
{
	static const char entries[] = " 0000:00:1e.0,bars=3+0,width=2 ; "
		"1:2:3.4,readback=16,cache=uc,confirm=window\n\n";

	ASSERT_EQ(0, ws_write_file(WS_DEVICES, entries));
	EXPECT_TRUE(devices_say("0000:00:1e.0,bars=0+3,width=2\n"
				"0001:02:03.4,confirm=window,readback=0x10,cache=uc\n"));
	/* The last word counts. */
	ASSERT_EQ(0, ws_write_file(WS_DEVICES, "0:0:1e.0;-0001:02:03.4"));
	EXPECT_TRUE(devices_say("0000:00:1e.0\n"));
	ASSERT_EQ(0, ws_write_file(WS_DEVICES, "-0000:00:1e.0;-0000:00:1e.0"));
	EXPECT_TRUE(devices_say(""));
}

TEST_F(generic, c7_there_is_room_for_forty_entries)
{
	char entry[64];
	int i, ret = 0;

	for (i = 0; i < 64 && !ret; i++) {
		snprintf(entry, sizeof(entry),
			 "00ff:%02x:00.0,bars=0+1+2+3+4+5,readback=%d,width=8",
			 i, i);
		ret = ws_write_file(WS_DEVICES, entry);
	}
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_EQ(41, i);
	EXPECT_TRUE(ws_log_says(self->log, "no room for more than 40"));
	for (i = 0; i < 40; i++) {
		snprintf(entry, sizeof(entry), "-00ff:%02x:00.0", i);
		EXPECT_EQ(0, ws_write_file(WS_DEVICES, entry));
	}
	EXPECT_TRUE(devices_say(""));
}

/* ---- the table of interrupts ---- */

/* Where the table's pages are in BAR @bar. */
static int find_table(GENERIC *self, unsigned int *bar, __u64 *first,
		      __u64 *end)
{
	__u8 config[256] = "", at;
	char path[2 * PATH];
	__u32 table;
	__u16 flags;
	int fd;

	snprintf(path, sizeof(path), "%s/config", self->pci);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, config, sizeof(config), 0) < 64)
		return -EIO;
	close(fd);
	for (at = config[PCI_CAPABILITY_LIST]; at; at = config[at + 1])
		if (config[at] == PCI_CAP_ID_MSIX)
			break;
	if (!at)
		return -ENOENT;
	memcpy(&flags, config + at + PCI_MSIX_FLAGS, sizeof(flags));
	memcpy(&table, config + at + PCI_MSIX_TABLE, sizeof(table));
	*bar = table & PCI_MSIX_TABLE_BIR;
	*first = (table & PCI_MSIX_TABLE_OFFSET) & ~(PAGE - 1ULL);
	*end = (table & PCI_MSIX_TABLE_OFFSET) +
	       ((flags & PCI_MSIX_FLAGS_QSIZE) + 1) * PCI_MSIX_ENTRY_SIZE;
	*end = (*end + PAGE - 1) & ~(PAGE - 1ULL);
	return 0;
}

static void expect_guarded(struct __test_metadata *_metadata, int fd,
			   __u64 first, __u64 end, __u64 size)
{
	__u8 zeros[PAGE] = "";
	__u64 at;
	__u8 *map;

	for (at = first; at < end; at += PAGE) {
		EXPECT_EQ(-EPERM, ws_pwrite(fd, zeros, 8, at));
		EXPECT_EQ(-EPERM, ws_pwrite(fd, zeros, 1, at + PAGE - 1));
		EXPECT_EQ(-EPERM, ws_map(fd, at, PAGE, PROT_READ, &map));
		EXPECT_EQ(8, ws_pread(fd, zeros, 8, at));
	}
	/* What is before it can be written, up to it. */
	memset(zeros, 0, sizeof(zeros));
	EXPECT_EQ(8, ws_pwrite(fd, zeros, 16, first - 8));
	EXPECT_EQ(-EPERM, ws_map(fd, 0, size, PROT_READ, &map));
	EXPECT_EQ(0, ws_map(fd, first - PAGE, PAGE, PROT_READ, &map));
	EXPECT_EQ(0, munmap(map, PAGE));
	if (end < size) {
		EXPECT_EQ(0, ws_map(fd, end, PAGE, PROT_READ, &map));
		EXPECT_EQ(0, munmap(map, PAGE));
	}
}

/* Whoever writes it has the device write anywhere. */
TEST_F(generic, c7_the_table_of_interrupts_is_nobodys)
{
	__u64 first, end, size, offset;
	char options[16];
	unsigned int bar;
	struct window w;
	int fd, region[64];
	size_t n;

	FIND(return, self, &nvme, 0);
	ASSERT_EQ(0, find_table(self, &bar, &first, &end));
	ASSERT_LE(PAGE, first);
	snprintf(options, sizeof(options), ",bars=%u", bar);
	ASSERT_EQ(0, bind_as(self, options));
	ASSERT_EQ(0, window_of(self, bar, &w));
	size = size_of(&w);
	fd = open_window(&w);
	ASSERT_LE(0, fd);
	expect_guarded(_metadata, fd, first, end, size);
	/* No region gets a part of it, however many there are. */
	for (n = 0; n < ARRAY_SIZE(region); n++) {
		struct writesync_alloc alloc = {
			.size = sizeof(alloc), .length = PAGE,
		};

		if (ws_alloc_call(fd, &alloc))
			break;
		region[n] = alloc.fd;
		offset = alloc.offset;
		EXPECT_TRUE(offset + alloc.length <= first || offset >= end) {
			TH_LOG("a region at %#llx", offset);
		}
	}
	EXPECT_EQ((size - (end - first)) / PAGE, n);
	while (n--)
		close(region[n]);
	close(fd);
}

/* ---- who may ---- */

/*
 * In a process without privileges; the device file itself is open to all. The
 * exit status is the errno.
 */
static int open_as_nobody(void *node)
{
	if (!setgid(65534) && !setuid(65534) &&
	    open(node, O_RDWR | O_CLOEXEC) >= 0)
		return 0;
	return errno;
}

TEST_F(generic, c7_what_is_not_known_is_for_the_privileged)
{
	struct window w;

	FIND(return, self, &nvme, 0);
	ASSERT_EQ(0, bind_as(self, ""));
	ASSERT_EQ(0, window_of(self, 2, &w));
	ASSERT_EQ(0, chmod(w.node, 0666));
	EXPECT_EQ(EPERM, ws_in_child(open_as_nobody, w.node));
}

/* What is in the module's table is not. */
TEST_F(generic, c7_what_is_known_is_for_whom_the_device_file_says)
{
	struct ws_dev dev;

	WS_BEGIN(return, &dev, 0);
	ASSERT_EQ(0, chmod(dev.node, 0666));
	EXPECT_EQ(0, ws_in_child(open_as_nobody, dev.node));
	EXPECT_EQ(0, chmod(dev.node, 0600));
	EXPECT_EQ(0, ws_end(&dev));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * What the driver does with functions that it cannot serve, however they are
 * given to it: it says why, keeps nothing of them, and serves its own as before.
 */
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define NVME_CLASS	0x010802

FIXTURE(probe) {
	struct ws_dev dev;
	int log;		/* the kernel's, from the beginning of the test */
	int claims;		/* the window's */
};

#define PROBE		FIXTURE_DATA(probe)

/* How many BARs the driver claims. */
static int claims(void)
{
	FILE *file = fopen("/proc/iomem", "r");
	char line[256];
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += !!strstr(line, " : writesync\n");
	if (file)
		fclose(file);
	return n;
}

FIXTURE_SETUP(probe)
{
	WS_BEGIN(return, &self->dev, WS_NEED_INSTRUMENT);
	self->log = ws_log_open();
	ASSERT_LE(0, self->log);
	self->claims = claims();
}

/* The window has not been touched by any of it. */
FIXTURE_TEARDOWN(probe)
{
	int fd = ws_open(&self->dev, O_RDWR);

	EXPECT_EQ(8, ws_pwrite(fd, "as ever.", 8, 0));
	EXPECT_EQ(0, ws_sync(fd));
	close(fd);
	close(self->log);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* Is @function, a folder in sysfs, disabled and without a driver? */
static bool is_let_alone(const char *function)
{
	char path[PATH_MAX], text[8] = "";

	snprintf(path, sizeof(path), "%s/driver", function);
	if (!access(path, F_OK))
		return false;
	snprintf(path, sizeof(path), "%s/enable", function);
	return !ws_file(path, text, sizeof(text)) && !atoi(text);
}

/* ... and are its BARs free? */
static bool is_untouched(PROBE *self, const char *function)
{
	return is_let_alone(function) && claims() == self->claims;
}

static int write_to(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);

	return n < (int)sizeof(path) ? ws_write_file(path, text) :
				       -ENAMETOOLONG;
}

/* driver_override: the function is said to be ours, and nothing else. */
TEST_F(probe, c7_a_device_without_a_bar_to_choose_is_refused)
{
	char slot[PATH_MAX];

	if (!*self->dev.peer_pci)
		SKIP(return, "there is no peer function");
	snprintf(slot, sizeof(slot), "%s", self->dev.peer_pci);
	ASSERT_EQ(0, write_to(self->dev.peer_pci, "driver_override",
			      "writesync"));
	EXPECT_EQ(-ENODEV, write_to(self->dev.driver, "bind", basename(slot)));
	EXPECT_EQ(0, write_to(self->dev.peer_pci, "driver_override", "\n"));
	EXPECT_TRUE(ws_log_says(self->log,
				"no BAR is prefetchable memory"));
	EXPECT_TRUE(is_untouched(self, self->dev.peer_pci));
}

/* Where the kernel keeps what is known of a model; 0: it does not say. */
static unsigned long model(const char *name)
{
	char line[256], symbol[128];
	unsigned long address, found = 0;
	FILE *file = fopen("/proc/kallsyms", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx %*c %127s", &address, symbol) == 2 &&
		    !strcmp(symbol, name))
			found = address;
	if (file)
		fclose(file);
	return found;
}

static int read_id(const char *function, const char *name, unsigned int *id)
{
	char path[PATH_MAX], text[32] = "";
	int ret;

	snprintf(path, sizeof(path), "%s/%s", function, name);
	ret = ws_file(path, text, sizeof(text));
	*id = strtoul(text, NULL, 16);
	return ret;
}

/* new_id: the function is said to be of @name, and looked at the same moment. */
static int introduce(PROBE *self, const char *function, const char *name)
{
	unsigned long data = model(name);
	unsigned int vendor, device;
	char text[128];
	int ret;

	if (!data)
		return -ENOENT;
	ret = read_id(function, "vendor", &vendor) ?:
	      read_id(function, "device", &device);
	if (ret)
		return ret;
	snprintf(text, sizeof(text), "%x %x ffffffff ffffffff 0 0 %lx", vendor,
		 device, data);
	ret = write_to(self->dev.driver, "new_id", text);
	snprintf(text, sizeof(text), "%x %x", vendor, device);
	return ret ?: write_to(self->dev.driver, "remove_id", text);
}

TEST_F(probe, c7_a_bar_that_is_not_there_is_refused)
{
	static const char *const models[] = {
		"ws_model_edu", "ws_model_ivshmem",
	};
	size_t i;

	if (!*self->dev.peer_pci)
		SKIP(return, "there is no peer function");
	if (!model(models[0]))
		SKIP(return, "/proc/kallsyms has no addresses of data");
	for (i = 0; i < ARRAY_SIZE(models); i++) {
		EXPECT_EQ(0, introduce(self, self->dev.peer_pci, models[i]));
		EXPECT_TRUE(ws_log_says(self->log, "BAR 2 does not exist"));
		EXPECT_TRUE(is_untouched(self, self->dev.peer_pci));
	}
}

/* The first function of @class that has no driver. */
static int find_class(PROBE *self, unsigned int class, char *function,
		      size_t size)
{
	unsigned int found;
	int ret = -ENODEV;
	glob_t all;
	size_t i;

	if (glob("/sys/bus/pci/devices/*", 0, NULL, &all))
		return ret;
	for (i = 0; i < all.gl_pathc && ret; i++) {
		snprintf(function, size, "%s", all.gl_pathv[i]);
		if (!read_id(function, "class", &found) && found == class &&
		    is_untouched(self, function))
			ret = 0;
	}
	globfree(&all);
	return ret;
}

/* What is known of a device, nobody can know better. */
TEST_F(probe, c7_another_window_than_its_own_is_refused)
{
	ASSERT_EQ(0, ws_unbind(&self->dev));
	ASSERT_EQ(0, ws_serve(&self->dev, "bars=0"));
	EXPECT_EQ(-EINVAL, write_to(self->dev.driver, "bind",
				    self->dev.slot));
	EXPECT_TRUE(ws_log_says(self->log, "its window is BAR 2, and no other"));
	EXPECT_EQ(0, claims());
	EXPECT_EQ(0, ws_serve(&self->dev, "bars=2"));
	EXPECT_EQ(0, ws_bind(&self->dev));
	EXPECT_EQ(self->claims, claims());
	ASSERT_EQ(0, ws_serve(&self->dev, NULL));
}

/* It has the BARs, but other registers in them. */
TEST_F(probe, c7_registers_that_say_something_else_are_refused)
{
	char function[PATH_MAX];

	if (find_class(self, NVME_CLASS, function, sizeof(function)))
		SKIP(return, "there is no NVMe controller without a driver");
	if (!model("ws_model_edu"))
		SKIP(return, "/proc/kallsyms has no addresses of data");
	EXPECT_EQ(0, introduce(self, function, "ws_model_edu"));
	EXPECT_TRUE(ws_log_says(self->log, "identification is "));
	EXPECT_TRUE(is_untouched(self, function));
}

/* All of its registers read as all-ones, and so would any. */
TEST_F(probe, c4_a_device_that_does_not_answer_is_refused)
{
	ASSERT_EQ(0, ws_unbind(&self->dev));
	ws_fault(&self->dev, WS_FAULT_DEAD);
	EXPECT_EQ(-ENODEV, write_to(self->dev.driver, "bind",
				    self->dev.slot));
	EXPECT_TRUE(ws_log_says(self->log, "does not answer"));
	EXPECT_EQ(0, claims());
	ws_fault(&self->dev, 0);
	ASSERT_EQ(0, ws_bind(&self->dev));
	EXPECT_EQ(self->claims, claims());
}

/* It is there, but no access to its memory reaches it. */
TEST_F(probe, c4_a_device_that_no_access_reaches_is_refused)
{
	int ret;

	ASSERT_EQ(0, ws_unbind(&self->dev));
	ret = ws_decode_above(&self->dev, false);
	if (ret == -ENOENT) {
		ws_bind(&self->dev);
		SKIP(return, "the function is below no bridge");
	}
	ASSERT_EQ(0, ret);
	EXPECT_EQ(-ENODEV, write_to(self->dev.driver, "bind",
				    self->dev.slot));
	EXPECT_TRUE(ws_log_says(self->log, "memory decoding or power is off"));
	EXPECT_EQ(0, claims());
	ASSERT_EQ(0, ws_decode_above(&self->dev, true));
	ASSERT_EQ(0, ws_bind(&self->dev));
	EXPECT_EQ(self->claims, claims());
}

/* Where the function's BAR @bar says that its memory is; 0: nowhere. */
static int exchange_bar(PROBE *self, int bar, __u32 *address)
{
	off_t at = PCI_BASE_ADDRESS_0 + 4 * bar;
	char path[PATH_MAX];
	__u32 old;
	int fd, ret = -EIO;

	snprintf(path, sizeof(path), "%.3000s/config", self->dev.pci);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pread(fd, &old, 4, at) == 4 && pwrite(fd, address, 4, at) == 4)
		ret = 0;
	close(fd);
	*address = old;
	return ret;
}

/* As after a reset that nobody told the kernel of. */
TEST_F(probe, c4_a_device_that_lost_its_addresses_is_refused)
{
	static const int bars[] = { WS_BAR_REGS, WS_BAR_MEM, WS_BAR_MEM + 1 };
	__u32 address;
	size_t i;

	ASSERT_EQ(0, ws_unbind(&self->dev));
	for (i = 0; i < ARRAY_SIZE(bars); i++) {
		/* The upper half of an address below 4 GiB is 0 by itself. */
		address = bars[i] == WS_BAR_MEM + 1 ? 0x7f : 0;
		ASSERT_EQ(0, exchange_bar(self, bars[i], &address));
		EXPECT_EQ(-ENODEV, write_to(self->dev.driver, "bind",
					    self->dev.slot));
		EXPECT_TRUE(ws_log_says(self->log, "has lost its addresses"));
		EXPECT_EQ(0, claims());
		EXPECT_TRUE(is_let_alone(self->dev.pci));
		ASSERT_EQ(0, exchange_bar(self, bars[i], &address));
	}
	ASSERT_EQ(0, ws_bind(&self->dev));
	EXPECT_EQ(self->claims, claims());
}

/* Is there an interrupt of the window? Its name is that of the window. */
static bool has_interrupt(PROBE *self)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[1024], name[NAME_MAX + 4];
	bool found = false;

	snprintf(name, sizeof(name), " %s\n", self->dev.name);
	while (file && fgets(line, sizeof(line), file))
		found |= !!strstr(line, name);
	if (file)
		fclose(file);
	return found;
}

/* Does the function have any, whoever it is that handles them? */
static bool has_messages(PROBE *self)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3000s/msi_irqs", self->dev.pci);
	return !access(path, F_OK);
}

TEST_F(probe, c8_unbinding_keeps_nothing)
{
	bool interrupt = has_interrupt(self);

	EXPECT_EQ(interrupt, has_messages(self));
	ASSERT_EQ(0, ws_unbind(&self->dev));
	EXPECT_EQ(0, claims());
	EXPECT_TRUE(is_let_alone(self->dev.pci));
	EXPECT_FALSE(has_interrupt(self));
	EXPECT_FALSE(has_messages(self));
	ASSERT_EQ(0, ws_bind(&self->dev));
	EXPECT_EQ(self->claims, claims());
	EXPECT_FALSE(is_let_alone(self->dev.pci));
	EXPECT_EQ(interrupt, has_interrupt(self));
	EXPECT_EQ(interrupt, has_messages(self));
}

static int allow_messages(PROBE *self, const char *value)
{
	return write_to(self->dev.pci, "msi_bus", value) ?:
	       ws_rebind(&self->dev);
}

/*
 * Where messages do not work, nobody tells of a reset but the device's answer
 * to the next sync.
 */
TEST_F(probe, c5_without_an_interrupt_a_sync_finds_the_reset)
{
	int fd;

	ASSERT_EQ(0, allow_messages(self, "0"));
	EXPECT_TRUE(ws_log_says(self->log, "no interrupt ("));
	EXPECT_EQ(0, ws_set(&self->dev, "confirm", "sentinel"));
	fd = ws_open(&self->dev, O_RDWR);
	EXPECT_EQ(0, ws_sync(fd));
	ws_drain(&self->dev, WS_HOLD);
	EXPECT_EQ(8, ws_pwrite(fd, "unsynced", 8, 0));
	ws_reg_write(&self->dev, WS_EDU_CONTROL, WS_EDU_CONTROL_RESET);
	EXPECT_EQ(-EIO, ws_sync(fd));
	EXPECT_EQ(0, ws_sync(fd));
	close(fd);
	ASSERT_EQ(0, allow_messages(self, "1"));
}

TEST_HARNESS_MAIN

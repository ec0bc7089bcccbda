// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel that is locked down, which stays so until the next boot: nobody
 * reaches the memory of a device of which nothing is known.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define LOCKDOWN	"/sys/kernel/security/lockdown"
#define IS_NVME		"grep -q 0x0010 $i/device && grep -q 0x1b36 $i/vendor"

/* A controller memory buffer becomes a window. */
static const char bind_it[] =
	"cd /sys/bus/pci/devices || exit 1\n"
	"for i in *; do\n"
	"	" IS_NVME " || continue\n"
	"	echo writesync >$i/driver_override\n"
	"	echo $i >/sys/bus/pci/drivers/writesync/bind || exit 1\n"
	"	ls $i/writesync\n"
	"	exit 0\n"
	"done\n"
	"exit 1\n";

static const char release_it[] =
	"cd /sys/bus/pci/drivers/writesync || exit 1\n"
	"for i in *:*; do\n"
	"	" IS_NVME " || continue\n"
	"	echo >$i/driver_override\n"
	"	echo $i >unbind\n"
	"done\n";

static int try_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fd;
}

TEST(c7_lockdown_keeps_from_what_is_not_known)
{
	char node[64] = "/dev/", *name = node + strlen(node);
	struct ws_dev dev;
	FILE *shell;
	int fd;

	/* Nothing undoes this: not on anybody's own machine. */
	if (ws_begin(&dev, WS_NEED_INSTRUMENT) != WS_READY)
		SKIP(return, "there is no virtual device");
	/* debugfs, too, is closed then: no run could leave what it covered. */
	if (getenv("WRITESYNC_GCOV"))
		SKIP(return, "coverage is measured");
	mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	if (access(LOCKDOWN, W_OK))
		SKIP(return, "this kernel cannot be locked down");
	shell = popen(bind_it, "r");
	ASSERT_NE(NULL, shell);
	if (!fgets(name, sizeof(node) - strlen(node), shell)) {
		pclose(shell);
		SKIP(return, "there is no NVMe controller with memory");
	}
	pclose(shell);
	name[strcspn(name, "\n")] = 0;
	fd = try_open(node);
	EXPECT_LE(0, fd);
	ASSERT_EQ(0, ws_write_file(LOCKDOWN, "integrity"));
	EXPECT_EQ(-EPERM, try_open(node));
	/* Who has it keeps it. */
	EXPECT_EQ(8, ws_pwrite(fd, "unsynced", 8, 0));
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(0, close(fd));
	/* The driver knows what this one is. */
	fd = ws_open(&dev, O_RDWR);
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, system(release_it));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * libwritesync: opening a window by name, by number and by place on the PCI
 * bus; what is refused; what a window or a region says of itself.
 */
#include <ctype.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "ws_test.h"
#include <writesync.h>

#define CLASS		"/sys/class/writesync"
#define NOBODY		65534
#define UNTOUCHED	12345		/* in errno */

FIXTURE(opening) {
	struct ws_dev dev;
	unsigned int index;
	char bar[16];
};

#define OPENING		FIXTURE_DATA(opening)

FIXTURE_SETUP(opening)
{
	WS_BEGIN(return, &self->dev, 0);
	self->index = strtoul(self->dev.name + strlen("writesync"), NULL, 10);
	ASSERT_EQ(0, ws_get(&self->dev, "bar", self->bar, sizeof(self->bar)));
}

FIXTURE_TEARDOWN(opening)
{
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* It is the window under test, and no program that is started gets it. */
static void expect_window(struct __test_metadata *_metadata, OPENING *self,
			  int fd)
{
	struct writesync_info info;

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, writesync_info(fd, &info));
	EXPECT_EQ(self->index, info.window);
	EXPECT_EQ(0, close(fd));
}

TEST_F(opening, by_name)
{
	expect_window(_metadata, self, writesync_open(self->dev.name, O_RDWR));
}

TEST_F(opening, by_path)
{
	expect_window(_metadata, self, writesync_open(self->dev.node, O_RDWR));
}

TEST_F(opening, by_index)
{
	expect_window(_metadata, self,
		      writesync_open_index(self->index, O_RDONLY));
}

TEST_F(opening, by_pci_address)
{
	int bar = atoi(self->bar);

	expect_window(_metadata, self,
		      writesync_open_pci(self->dev.slot, bar, O_RDWR));
	expect_window(_metadata, self,
		      writesync_open_pci(self->dev.slot, -1, O_RDWR));
}

TEST_F(opening, by_pci_address_without_domain_or_in_capitals)
{
	char slot[sizeof(self->dev.slot)];
	size_t i;

	for (i = 0; i < sizeof(slot); i++)
		slot[i] = toupper((unsigned char)self->dev.slot[i]);
	expect_window(_metadata, self, writesync_open_pci(slot, -1, O_RDWR));
	if (strncmp(slot, "0000:", 5))
		SKIP(return, "the device is not in domain 0");
	expect_window(_metadata, self,
		      writesync_open_pci(slot + 5, -1, O_RDWR));
}

TEST_F(opening, the_flags_are_those_of_open)
{
	int fd = writesync_open(self->dev.name, O_WRONLY | O_NONBLOCK | O_DSYNC);

	ASSERT_LE(0, fd);
	EXPECT_EQ(O_WRONLY | O_NONBLOCK | O_DSYNC,
		  fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_DSYNC));
	close(fd);
}

TEST_F(opening, what_succeeds_leaves_errno_alone)
{
	int fd;

	errno = UNTOUCHED;
	fd = writesync_open_pci(self->dev.slot, -1, O_RDONLY);
	EXPECT_EQ(UNTOUCHED, errno);
	close(fd);
	fd = writesync_open(self->dev.name, O_RDONLY);
	EXPECT_EQ(UNTOUCHED, errno);
	close(fd);
}

TEST_F(opening, what_is_not_there_is_enoent)
{
	EXPECT_EQ(-ENOENT, writesync_open("", O_RDWR));
	EXPECT_EQ(-ENOENT, writesync_open("nothing-of-that-name", O_RDWR));
	EXPECT_EQ(-ENOENT, writesync_open("./writesync0", O_RDWR));
	EXPECT_EQ(-ENOENT, writesync_open_index(self->index + 1000, O_RDWR));
	EXPECT_EQ(-ENOENT, writesync_open_index(~0u, O_RDWR));
}

TEST_F(opening, other_files_are_enotty)
{
	EXPECT_EQ(-ENOTTY, writesync_open("null", O_RDWR));
	EXPECT_EQ(-ENOTTY, writesync_open("/dev/zero", O_RDONLY));
	EXPECT_EQ(-ENOTTY, writesync_open("/proc/self/status", O_RDONLY));
	EXPECT_EQ(-ENOTTY, writesync_open("/", O_RDONLY));
}

TEST_F(opening, a_name_that_is_too_long_is_enametoolong)
{
	char name[PATH_MAX + 1];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	EXPECT_EQ(-ENAMETOOLONG, writesync_open(name, O_RDWR));
	name[PATH_MAX - 1] = 0;		/* together with "/dev/" it is */
	EXPECT_EQ(-ENAMETOOLONG, writesync_open(name, O_RDWR));
	name[NAME_MAX + 1] = 0;		/* the kernel's own word */
	EXPECT_EQ(-ENAMETOOLONG, writesync_open(name, O_RDWR));
}

TEST_F(opening, flags_that_make_no_sense_are_einval)
{
	static const int flags[] = { O_CREAT, O_TRUNC, O_PATH, O_TMPFILE };
	char path[] = "/tmp/writesync-library-test";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(-EINVAL,
			  writesync_open(self->dev.name, O_RDWR | flags[i]));
		EXPECT_EQ(-EINVAL, writesync_open_pci(self->dev.slot, -1,
						      O_RDWR | flags[i]));
		EXPECT_EQ(-EINVAL, writesync_open_index(self->index,
							O_RDWR | flags[i]));
	}
	EXPECT_EQ(-EINVAL, writesync_open(path, O_RDWR | O_CREAT));
	EXPECT_NE(0, access(path, F_OK));
}

static int open_as_nobody(void *data)
{
	OPENING *self = data;

	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		return 2;
	return writesync_open(self->dev.name, O_RDWR) != -EACCES ||
	       writesync_open_index(self->index, O_RDONLY) != -EACCES ||
	       writesync_open_pci(self->dev.slot, -1, O_RDONLY) != -EACCES;
}

TEST_F(opening, who_may_not_is_told_eacces)
{
	struct stat st;

	ASSERT_EQ(0, stat(self->dev.node, &st));
	if (st.st_mode & 0007 || st.st_gid)
		SKIP(return, "everybody may open the window here");
	ASSERT_EQ(0, ws_in_child(open_as_nobody, self));
}

TEST_F(opening, too_many_open_files_is_emfile)
{
	struct rlimit limit, none;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, writesync_open(self->dev.name, O_RDWR));
	EXPECT_EQ(-EMFILE, writesync_open_index(self->index, O_RDWR));
	EXPECT_EQ(-EMFILE, writesync_open_pci(self->dev.slot, -1, O_RDWR));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
}

TEST_F(opening, what_is_no_pci_address_is_einval)
{
	static const char * const wrong[] = {
		"", ":", "x", "01", "01:00", "0000:01:00", "0000:01:00.", ".0",
		"01:00.8", "01:20.0", "001:00.0", "01:000.0", "01:00.00",
		"0000:01:00.0 ", " 0000:01:00.0", "0000:01:00.0x", "0x00:01:00.0",
		"-000:01:00.0", "000000000:01:00.0", "0:0:01:00.0", ":01:00.0",
		"0000::00.0", "0000-01-00.0", "/", "writesync0",
	};
	int accepted = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		accepted += writesync_open_pci(wrong[i], -1, O_RDWR) != -EINVAL;
	EXPECT_EQ(0, accepted);
}

TEST_F(opening, what_is_no_bar_is_einval)
{
	EXPECT_EQ(-EINVAL, writesync_open_pci(self->dev.slot, -2, O_RDWR));
	EXPECT_EQ(-EINVAL, writesync_open_pci(self->dev.slot, 6, O_RDWR));
	EXPECT_EQ(-EINVAL, writesync_open_pci(self->dev.slot, INT_MIN, O_RDWR));
	EXPECT_EQ(-EINVAL, writesync_open_pci(self->dev.slot, INT_MAX, O_RDWR));
}

TEST_F(opening, another_place_or_bar_is_enodev)
{
	int bar = atoi(self->bar);
	int i;

	EXPECT_EQ(-ENODEV, writesync_open_pci("ffff:ff:1f.7", -1, O_RDWR));
	EXPECT_EQ(-ENODEV, writesync_open_pci("00000000:ff:1f.7", -1, O_RDWR));
	for (i = 0; i <= 5; i++)
		if (i != bar)
			EXPECT_EQ(-ENODEV, writesync_open_pci(self->dev.slot, i,
							      O_RDWR));
}

/*
 * A class folder of the test's own making, in a mount name space of its own,
 * tells the library what this machine does not have.
 */
static int hide_class(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	return mount("class", CLASS, "tmpfs", 0, NULL) ? -errno : 0;
}

static int show_class(void)
{
	return umount(CLASS) ? -errno : 0;
}

static int add_window(const char *name, const char *slot, const char *bar)
{
	char path[PATH_MAX], target[PATH_MAX];

	snprintf(path, sizeof(path), CLASS "/%s", name);
	if (mkdir(path, 0755))
		return -errno;
	snprintf(path, sizeof(path), CLASS "/%s/device", name);
	snprintf(target, sizeof(target), "../../../%s", slot);
	if (symlink(target, path))
		return -errno;
	snprintf(path, sizeof(path), CLASS "/%s/bar", name);
	close(open(path, O_CREAT | O_WRONLY, 0644));
	return ws_write_file(path, bar);
}

TEST_F(opening, one_of_several_windows_has_to_be_named)
{
	const char *other = *self->bar == '0' ? "1\n" : "0\n";

	ASSERT_EQ(0, hide_class());
	ASSERT_EQ(0, add_window(self->dev.name, self->dev.slot, self->bar));
	ASSERT_EQ(0, add_window("writesync999", self->dev.slot, other));
	EXPECT_EQ(-ENOTUNIQ, writesync_open_pci(self->dev.slot, -1, O_RDWR));
	expect_window(_metadata, self,
		      writesync_open_pci(self->dev.slot, atoi(self->bar),
					 O_RDWR));
	EXPECT_EQ(0, show_class());
}

TEST_F(opening, a_window_that_became_another_ones_is_enodev)
{
	ASSERT_EQ(0, hide_class());
	ASSERT_EQ(0, add_window(self->dev.name, "0000:fe:1f.7", "0\n"));
	EXPECT_EQ(-ENODEV, writesync_open_pci("0000:fe:1f.7", 0, O_RDWR));
	EXPECT_EQ(-ENODEV, writesync_open_pci("fe:1f.7", -1, O_RDWR));
	EXPECT_EQ(-ENODEV, writesync_open_pci(self->dev.slot, -1, O_RDWR));
	EXPECT_EQ(0, show_class());
}

TEST_F(opening, without_the_driver_it_is_enodev)
{
	ASSERT_EQ(0, hide_class());
	EXPECT_EQ(-ENODEV, writesync_open_pci(self->dev.slot, -1, O_RDWR));
	ASSERT_EQ(0, show_class());
	ASSERT_EQ(0, mount("empty", "/sys/class", "tmpfs", 0, NULL));
	EXPECT_EQ(-ENODEV, writesync_open_pci(self->dev.slot, -1, O_RDWR));
	EXPECT_EQ(0, umount("/sys/class"));
}

/* What they say */

TEST_F(opening, info_tells_of_the_window)
{
	int fd = writesync_open(self->dev.name, O_RDWR);
	struct writesync_info info;
	unsigned int domain, bus, device, function;
	int n;

	ASSERT_LE(0, fd);
	memset(&info, 0xa5, sizeof(info));
	errno = UNTOUCHED;
	ASSERT_EQ(0, writesync_info(fd, &info));
	EXPECT_EQ(UNTOUCHED, errno);
	n = sscanf(self->dev.slot, "%x:%x:%x.%x", &domain, &bus, &device,
		   &function);
	ASSERT_EQ(4, n);
	EXPECT_EQ(domain, info.domain);
	EXPECT_EQ(bus, info.bus);
	EXPECT_EQ(device << 3 | function, info.devfn);
	EXPECT_EQ(atoi(self->bar), info.bar);
	EXPECT_EQ(WRITESYNC_STATE_LIVE, info.state);
	EXPECT_EQ(self->dev.size, info.window_size);
	EXPECT_EQ(self->dev.size, info.length);
	EXPECT_EQ(0, info.offset);
	EXPECT_EQ(WRITESYNC_FILE_COMMITTED, info.file);
	close(fd);
}

TEST_F(opening, info_of_other_descriptors)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct writesync_info info;

	EXPECT_EQ(-EBADF, writesync_info(-1, &info));
	EXPECT_EQ(-ENOTTY, writesync_info(fd, &info));
	EXPECT_EQ(-EBADF, writesync_query(-1));
	EXPECT_EQ(-ENOTTY, writesync_query(fd));
	close(fd);
}

TEST_F(opening, query_says_whether_a_sync_is_needed)
{
	int fd = writesync_open(self->dev.name, O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, writesync_query(fd));
	ASSERT_EQ(1, writesync_write(fd, "x", 1, 0));
	errno = UNTOUCHED;
	EXPECT_EQ(1, writesync_query(fd));
	EXPECT_EQ(0, writesync_sync(fd, WS_S));
	EXPECT_EQ(0, writesync_query(fd));
	EXPECT_EQ(UNTOUCHED, errno);
	close(fd);
}

TEST_F(opening, the_version_is_that_of_the_sources)
{
	EXPECT_STREQ(WANTED_VERSION, writesync_version());
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <linux/pci_regs.h>

#include "ws_test.h"
#include "ws_uring.h"

#define CLASS			"/sys/class/writesync"
#define PCI_BUS			"/sys/bus/pci"
#define COMMAND_REGISTER	4	/* in configuration space */
#define COMMAND_MEMORY		0x0002
#define COMMAND_MASTER		0x0004
#define RESET_WAIT		WS_S
#define HOLD_TRIES		5
#define WS_TOUCH		0x123456789abcdef1ull

/* Settings that a test may change and that must be as before after it. */
static const char * const attrs[WS_ATTRS] = {
	"confirm", "inline_sync", "timeout_ms",
};

bool ws_is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Small files: sysfs */

static int read_text(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, len - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return 0;
}

int ws_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int read_number(const char *path, __u64 *value)
{
	char text[64];
	int ret = read_text(path, text, sizeof(text));

	if (!ret)
		*value = strtoull(text, NULL, 0);
	return ret;
}

static int join(char *path, const char *dir, const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int ws_get(const struct ws_dev *dev, const char *attr, char *buf, size_t len)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CLASS "/%s/%s", dev->name, attr);
	return read_text(path, buf, len);
}

int ws_set(const struct ws_dev *dev, const char *attr, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CLASS "/%s/%s", dev->name, attr);
	return ws_write_file(path, value);
}

int ws_set_number(const struct ws_dev *dev, const char *attr, __u64 value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", value);
	return ws_set(dev, attr, text);
}

int ws_pci_number(const struct ws_dev *dev, const char *attr, __u64 *value)
{
	char path[PATH_MAX];
	int ret = join(path, dev->pci, attr);

	return ret ? ret : read_number(path, value);
}

/* Finding the function and its peer */

/* The window of that BAR or, if it is not known, of the first one that has one. */
static bool is_better(const struct ws_dev *dev, const char *name, int *bar)
{
	char path[PATH_MAX];
	__u64 found;

	snprintf(path, sizeof(path), CLASS "/%s/bar", name);
	if (read_number(path, &found))
		return false;
	if (dev->bar < 0 ? (*bar >= 0 && *bar <= (int)found) :
			   (int)found != dev->bar)
		return false;
	*bar = found;
	return true;
}

/* The window of a function may have another number after it was bound again. */
static int find_again(struct ws_dev *dev)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int bar = -1;
	DIR *dir;

	if (join(path, dev->pci, "writesync"))
		return -ENAMETOOLONG;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    !is_better(dev, entry->d_name, &bar))
			continue;
		snprintf(dev->name, sizeof(dev->name), "%s", entry->d_name);
		snprintf(dev->node, sizeof(dev->node), "/dev/%s", dev->name);
	}
	closedir(dir);
	if (bar < 0)
		return -ENODEV;
	return access(dev->node, F_OK) ? -errno : 0;
}

/* 0000:01:00.0, or 01:00.0 in domain 0; and perhaps the BAR, as in 01:00.0/2. */
static bool find_address(const char *word, char *slot, size_t size, int *bar)
{
	unsigned int domain = 0, bus, device, function;
	int n = 0;

	if (sscanf(word, "%x:%x:%x.%u%n", &domain, &bus, &device, &function,
		   &n) < 4)
		sscanf(word, "%x:%x.%u%n", &bus, &device, &function, &n);
	if (!n)
		return false;
	snprintf(slot, size, "%04x:%02x:%02x.%u", domain, bus, device,
		 function);
	*bar = -1;
	if (word[n] == '/' && word[n + 1] >= '0' && word[n + 1] <= '5') {
		*bar = word[n + 1] - '0';
		n += 2;
	}
	return !word[n];
}

static void find_by_name(struct ws_dev *dev, const char *word)
{
	char path[PATH_MAX];

	snprintf(dev->node, sizeof(dev->node), "%s%s",
		 strchr(word, '/') ? "" : "/dev/", word);
	snprintf(path, sizeof(path), "%s", word);
	snprintf(dev->name, sizeof(dev->name), "%s", basename(path));
}

static int find_window(struct ws_dev *dev)
{
	const char *word = getenv("WRITESYNC_DEVICE");
	char path[PATH_MAX], slot[NAME_MAX + 1];
	__u64 bar = 0;

	if (!word || !*word)
		word = "/dev/writesync0";
	if (find_address(word, slot, sizeof(slot), &dev->bar)) {
		snprintf(dev->pci, sizeof(dev->pci), PCI_BUS "/devices/%s",
			 slot);
		if (find_again(dev))
			return -ENODEV;
	} else {
		find_by_name(dev, word);
	}
	snprintf(path, sizeof(path), CLASS "/%s/bar", dev->name);
	if (!read_number(path, &bar))
		dev->bar = bar;
	snprintf(path, sizeof(path), CLASS "/%s/device", dev->name);
	if (access(dev->node, F_OK) || !realpath(path, dev->pci))
		return -ENODEV;
	if (join(path, dev->pci, "driver") || !realpath(path, dev->driver))
		return -ENODEV;
	snprintf(path, sizeof(path), "%s", dev->pci);
	snprintf(dev->slot, sizeof(dev->slot), "%s", basename(path));
	return 0;
}

static bool has_ids(const char *pci, __u64 vendor, __u64 device)
{
	char path[PATH_MAX];
	__u64 v = 0, d = 0;

	if (join(path, pci, "vendor") || read_number(path, &v))
		return false;
	if (join(path, pci, "device") || read_number(path, &d))
		return false;
	return v == vendor && d == device;
}

/* Or else somewhere in the machine, if the device alone has a port. */
static bool find_lone_peer(struct ws_dev *dev)
{
	unsigned int found = 0;
	glob_t all;
	size_t i;

	if (glob("/sys/bus/pci/devices/*", 0, NULL, &all))
		return false;
	for (i = 0; i < all.gl_pathc; i++) {
		if (!has_ids(all.gl_pathv[i], WS_PCI_VENDOR_ID,
			     WS_PCI_DEVICE_ID_PEER))
			continue;
		found++;
		if (!realpath(all.gl_pathv[i], dev->peer_pci))
			found = 0;
	}
	globfree(&all);
	return found == 1;
}

static bool find_peer(struct ws_dev *dev)
{
	char path[PATH_MAX];
	size_t end;
	char fn;

	snprintf(path, sizeof(path), "%s", dev->pci);
	end = strlen(path) - 1;
	for (fn = '0'; fn <= '7'; fn++) {
		path[end] = fn;
		if (!has_ids(path, WS_PCI_VENDOR_ID, WS_PCI_DEVICE_ID_PEER))
			continue;
		snprintf(dev->peer_pci, sizeof(dev->peer_pci), "%s", path);
		return true;
	}
	return find_lone_peer(dev);
}

static int change_command(const char *pci, __u16 clear, __u16 set)
{
	char path[PATH_MAX];
	__u16 old, new;
	int ret = 0;
	int fd;

	if (join(path, pci, "config"))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pread(fd, &old, 2, COMMAND_REGISTER) != 2)
		ret = -EIO;
	new = (old & ~clear) | set;
	if (!ret && new != old && pwrite(fd, &new, 2, COMMAND_REGISTER) != 2)
		ret = -EIO;
	close(fd);
	return ret;
}

static int decode(const struct ws_dev *dev, const char *pci, bool on)
{
	int ret = on ? 0 : ws_ask(dev, "config");

	return ret ? ret : change_command(pci, on ? 0 : COMMAND_MEMORY,
					  on ? COMMAND_MEMORY : 0);
}

int ws_decode(const struct ws_dev *dev, bool on)
{
	return decode(dev, dev->pci, on);
}

int ws_decode_above(const struct ws_dev *dev, bool on)
{
	char path[PATH_MAX];

	return join(path, dev->pci, "..") ?: decode(dev, path, on);
}

static __u8 *map_registers(const char *pci)
{
	char path[PATH_MAX];
	void *map;
	int fd;

	if (join(path, pci, "resource0"))
		return NULL;
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	map = mmap(NULL, WS_REGS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

static bool is_edu(const struct ws_dev *dev)
{
	return has_ids(dev->pci, WS_PCI_VENDOR_ID, WS_PCI_DEVICE_ID_EDU);
}

/* What may be done */

static const struct {
	const char *what;
	const char *means;
} deeds[] = {
	{ "overwrite", "writes all over the window" },
	{ "unbind", "unbinds the driver" },
	{ "reset", "resets the function" },
	{ "remove", "removes the function from its bus" },
	{ "config", "changes the function's configuration space" },
	{ "suspend", "suspends the machine" },
	{ "unload", "unloads the module" },
};

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word), skip;

	while (*words) {
		words += strspn(words, " ,");
		skip = strcspn(words, " ,");
		if (skip == length && !strncmp(words, word, length))
			return true;
		words += skip;
	}
	return false;
}

bool ws_may(const char *what, bool virtual)
{
	const char *allow = getenv("WRITESYNC_ALLOW");

	if (!allow || !*allow)
		return virtual;
	return has_word(allow, "all") || has_word(allow, what);
}

static const char *why_not(const char *what)
{
	static char text[128];
	size_t i;

	for (i = 0; !ws_is(deeds[i].what, what); i++)
		;
	snprintf(text, sizeof(text),
		 "this %s, which needs WRITESYNC_ALLOW=%s here",
		 deeds[i].means, what);
	return text;
}

/* The parent of a process, or 0. */
static pid_t parent_of(const char *process)
{
	char path[PATH_MAX], text[512], *end;

	snprintf(path, sizeof(path), "/proc/%s/stat", process);
	if (read_text(path, text, sizeof(text)))
		return 0;
	/* PID (NAME) STATE PARENT; there may be anything in the name. */
	end = strrchr(text, ')');
	return end && strlen(end) > 4 ? atoi(end + 4) : 0;
}

/* Nobody else is going to end them. */
static void kill_children(void)
{
	glob_t all;
	size_t i;
	char *name;

	if (glob("/proc/[0-9]*", 0, NULL, &all))
		return;
	for (i = 0; i < all.gl_pathc; i++) {
		name = basename(all.gl_pathv[i]);
		if (parent_of(name) == getpid())
			kill(atoi(name), SIGKILL);
	}
	globfree(&all);
}

int ws_ask(const struct ws_dev *dev, const char *what)
{
	if (ws_may(what, dev->virtual))
		return 0;
	/* Others cannot leave the test, but do no harm either. */
	if (dev->skip && getpid() == dev->tester && gettid() == getpid()) {
		kill_children();
		dev->skip(dev->test, why_not(what));
	}
	return -EPERM;
}

/* The IORESOURCE_PREFETCH bit of the window's line in "resource". */
static bool is_prefetchable(const struct ws_dev *dev)
{
	unsigned long long start, end, flags = 0;
	char path[PATH_MAX];
	__u64 bar = 0;
	char text[32];
	FILE *f;

	if (!ws_get(dev, "bar", text, sizeof(text)))
		bar = strtoull(text, NULL, 0);
	if (join(path, dev->pci, "resource"))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	for (bar++; bar; bar--)
		if (fscanf(f, "%llx %llx %llx", &start, &end, &flags) != 3)
			flags = 0;
	fclose(f);
	return flags & 0x2000;
}

int ws_peer_on(const struct ws_dev *dev)
{
	return change_command(dev->peer_pci, 0,
			      COMMAND_MEMORY | COMMAND_MASTER);
}

static void map_instrument(struct ws_dev *dev)
{
	struct stat st;

	dev->function = stat(dev->pci, &st) ? 0 : st.st_ino;
	dev->prefetch = is_prefetchable(dev);
	dev->virtual = is_edu(dev);
	if (!dev->virtual)
		return;
	if (find_peer(dev) && !ws_peer_on(dev))
		dev->peer = map_registers(dev->peer_pci);
	dev->regs = map_registers(dev->pci);
}

/* The instrument */

/* Atomic accesses are neither split nor left out. */
static __u32 load32(const __u8 *at)
{
	return __atomic_load_n((const __u32 *)at, __ATOMIC_SEQ_CST);
}

static __u64 load64(const __u8 *at)
{
	return __atomic_load_n((const __u64 *)at, __ATOMIC_SEQ_CST);
}

static void store32(__u8 *at, __u32 value)
{
	__atomic_store_n((__u32 *)at, value, __ATOMIC_RELEASE);
}

static void store64(__u8 *at, __u64 value)
{
	__atomic_store_n((__u64 *)at, value, __ATOMIC_RELEASE);
}

__u32 ws_reg(const struct ws_dev *dev, unsigned int offset)
{
	return load32(dev->regs + offset);
}

__u64 ws_reg64(const struct ws_dev *dev, unsigned int offset)
{
	return load64(dev->regs + offset);
}

void ws_reg_write(const struct ws_dev *dev, unsigned int offset, __u32 v)
{
	store32(dev->regs + offset, v);
}

void ws_reg_write64(const struct ws_dev *dev, unsigned int offset, __u64 v)
{
	store64(dev->regs + offset, v);
}

/*
 * Set the fault switches; a dead device can be reached through its peer only, and
 * its window is DEAD until it is bound again.
 */
void ws_fault(const struct ws_dev *dev, __u32 faults)
{
	if (faults & WS_FAULT_DEAD && ws_ask(dev, "unbind"))
		return;
	if (dev->peer)
		store32(dev->peer + WS_PEER_TARGET_FAULTS, faults);
	else if (dev->regs)
		ws_reg_write(dev, WS_EDU_FAULTS, faults);
}

void ws_drain(const struct ws_dev *dev, __u64 ns)
{
	ws_reg_write64(dev, WS_EDU_DRAIN_NS, ns);
}

void ws_slow_reads(const struct ws_dev *dev, __u64 ns)
{
	ws_reg_write64(dev, WS_EDU_READ_NS, ns);
	ws_fault(dev, WS_FAULT_SLOW_READ);
}

void ws_drop_nth(const struct ws_dev *dev, __u32 nth)
{
	ws_reg_write(dev, WS_EDU_DROP_NTH, nth);
	ws_fault(dev, WS_FAULT_DROP);
}

__u32 ws_level(const struct ws_dev *dev)
{
	return ws_reg(dev, WS_EDU_QUEUE_LEVEL);
}

struct ws_counters ws_count(const struct ws_dev *dev)
{
	return (struct ws_counters) {
		.stores_1 = ws_reg64(dev, WS_EDU_STORES_1),
		.stores_2 = ws_reg64(dev, WS_EDU_STORES_2),
		.stores_4 = ws_reg64(dev, WS_EDU_STORES_4),
		.stores_8 = ws_reg64(dev, WS_EDU_STORES_8),
		.store_bytes = ws_reg64(dev, WS_EDU_STORE_BYTES),
		.reads_mem = ws_reg64(dev, WS_EDU_READS_MEM),
		.reads_reg = ws_reg64(dev, WS_EDU_READS_REG),
		.reads_config = ws_reg64(dev, WS_EDU_READS_CONFIG),
		.read_drains = ws_reg64(dev, WS_EDU_READ_DRAINS),
		.landed = ws_reg64(dev, WS_EDU_LANDED),
		.dropped = ws_reg64(dev, WS_EDU_DROPPED),
		.backpressure = ws_reg64(dev, WS_EDU_BACKPRESSURE),
		.level_max = ws_reg64(dev, WS_EDU_LEVEL_MAX),
		.read_timeouts = ws_reg64(dev, WS_EDU_READ_TIMEOUTS),
		.dma_reads = ws_reg64(dev, WS_EDU_DMA_READS),
		.dma_read_bytes = ws_reg64(dev, WS_EDU_DMA_READ_BYTES),
	};
}

__u64 ws_reads(struct ws_counters before, struct ws_counters after)
{
	return after.reads_mem - before.reads_mem +
	       after.reads_reg - before.reads_reg +
	       after.reads_config - before.reads_config;
}

__u64 ws_stores(struct ws_counters before, struct ws_counters after)
{
	return after.stores_1 - before.stores_1 +
	       after.stores_2 - before.stores_2 +
	       after.stores_4 - before.stores_4 +
	       after.stores_8 - before.stores_8;
}

__s64 ws_peer_crc(const struct ws_dev *dev, __u64 offset, __u64 length)
{
	__u32 result;

	store64(dev->peer + WS_PEER_OFFSET, offset);
	store64(dev->peer + WS_PEER_LENGTH, length);
	store32(dev->peer + WS_PEER_COMMAND, WS_PEER_COMMAND_CRC32);
	result = load32(dev->peer + WS_PEER_RESULT);
	if (result != WS_PEER_RESULT_OK)
		return -1 - (__s64)result;
	return load32(dev->peer + WS_PEER_CRC32);
}

__u32 ws_crc(const void *data, size_t length)
{
	static __u32 table[256];
	const __u8 *p = data;
	__u32 crc = ~0u;
	unsigned int i, bit;

	for (i = 0; !table[255] && i < 256; i++)
		for (table[i] = i, bit = 0; bit < 8; bit++)
			table[i] = (table[i] >> 1) ^
				   (table[i] & 1 ? 0xedb88320 : 0);
	while (length--)
		crc = (crc >> 8) ^ table[(crc ^ *p++) & 0xff];
	return ~crc;
}

bool ws_peer_sees(const struct ws_dev *dev, const void *data, size_t length)
{
	return ws_peer_crc(dev, 0, length) == ws_crc(data, length);
}

/* State before and after a test */

bool ws_is_state(const struct ws_dev *dev, const char *state)
{
	char text[16] = "";

	return !ws_get(dev, "state", text, sizeof(text)) && ws_is(text, state);
}

static void save_settings(struct ws_dev *dev)
{
	int i;

	for (i = 0; i < WS_ATTRS; i++)
		if (ws_get(dev, attrs[i], dev->saved[i],
			   sizeof(dev->saved[i])))
			dev->saved[i][0] = 0;
}

static int restore_settings(struct ws_dev *dev)
{
	int ret = 0;
	int i;

	for (i = 0; i < WS_ATTRS; i++)
		if (dev->saved[i][0])
			ret = ret ? ret : ws_set(dev, attrs[i], dev->saved[i]);
	return ret;
}

int ws_unbind(const struct ws_dev *dev)
{
	char path[PATH_MAX];
	int ret = ws_ask(dev, "unbind");

	ret = ret ? ret : join(path, dev->driver, "unbind");
	return ret ? ret : ws_write_file(path, dev->slot);
}

int ws_bind(struct ws_dev *dev)
{
	char path[PATH_MAX];
	int ret = join(path, dev->driver, "bind");

	ret = ret ? ret : ws_write_file(path, dev->slot);
	return ret ? ret : find_again(dev);
}

/* Settings go back to their defaults, as those of a new device. */
int ws_rebind(struct ws_dev *dev)
{
	int ret = ws_unbind(dev);

	return ret ? ret : ws_bind(dev);
}

int ws_serve(const struct ws_dev *dev, const char *options)
{
	char entry[PATH_MAX];

	snprintf(entry, sizeof(entry), "%s%.32s%s%s", options ? "" : "-",
		 dev->slot, options ? "," : "", options ? options : "");
	return ws_write_file(WS_DEVICES, entry);
}

void ws_rebind_later(struct ws_dev *dev)
{
	dev->rebind = !ws_ask(dev, "unbind");
}

static int sync_all(struct ws_dev *dev)
{
	int fd = ws_open(dev, O_RDWR);
	int ret;

	if (fd < 0)
		return fd;
	ret = ws_sync_for(fd, 2 * WS_S);
	close(fd);
	return ret;
}

/*
 * The device tells of its own reset by an interrupt. The driver deals with it
 * in its own time and then acknowledges it: until then, or for @wait ns.
 */
int ws_reset_done(const struct ws_dev *dev, __u64 wait)
{
	__u64 end = ws_now() + wait;

	while (ws_reg(dev, WS_EDU_IRQ_STATUS) & WS_EDU_IRQ_RESET) {
		if (ws_now() > end)
			return -ETIMEDOUT;
		usleep(100);
	}
	return 0;
}

int ws_own_reset(const struct ws_dev *dev, __u64 wait)
{
	ws_reg_write(dev, WS_EDU_CONTROL, WS_EDU_CONTROL_RESET);
	return ws_reset_done(dev, wait);
}

/*
 * Where no interrupt arrives, nobody else acknowledges it. The reads that all
 * this took are wiped out of the counters.
 */
static void reset_instrument(const struct ws_dev *dev)
{
	if (!dev->regs)
		return;
	if (ws_own_reset(dev, RESET_WAIT))
		ws_reg_write(dev, WS_EDU_IRQ_ACK, WS_EDU_IRQ_RESET);
	ws_reg_write(dev, WS_EDU_CONTROL, WS_EDU_CONTROL_CLEAR_COUNTERS);
}

/*
 * Alive, decoding, nothing unsynced, queue and counters as after a reset. A
 * test that was killed may have left it in any state.
 */
static int make_well(struct ws_dev *dev)
{
	int ret;

	ws_fault(dev, 0);
	ret = ws_decode(dev, true);
	if (ret)
		return ret;
	if (dev->regs)
		ws_drain(dev, 0);
	if (dev->rebind || !ws_is_state(dev, "live") || sync_all(dev)) {
		dev->rebind = false;
		ret = ws_may("unbind", dev->virtual) ? ws_rebind(dev) : -EPERM;
		ret = ret ? ret : sync_all(dev);
	}
	reset_instrument(dev);
	return ret;
}

static const char *what_lacks(const struct ws_dev *dev, unsigned int needs)
{
	bool posted = dev->features & WS_EDU_FEATURE_POSTED;

	if ((needs & WS_NEED_INSTRUMENT) && !dev->regs)
		return is_edu(dev) ? "BAR 0 cannot be mapped (iomem=relaxed?)" :
				     "this device has no instrument";
	if ((needs & WS_NEED_POSTED) == WS_NEED_POSTED && !posted)
		return "this device has no posted-write queue";
	if ((needs & WS_NEED_PEER) && !dev->peer)
		return "there is no peer function";
	if ((needs & WS_NEED_PREFETCH) && !dev->prefetch)
		return "the window is not prefetchable";
	if ((needs & WS_NEED_NARROW) && dev->prefetch)
		return "the window is prefetchable";
	if ((needs & WS_NEED_CPUS) && sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return "there is only one CPU";
	return NULL;
}

static enum ws_ready broken(struct ws_dev *dev, const char *what, int error)
{
	snprintf(dev->text, sizeof(dev->text), "%s: %s", what,
		 strerror(-error));
	dev->why = dev->text;
	return WS_BROKEN;
}

enum ws_ready ws_begin(struct ws_dev *dev, unsigned int needs)
{
	char size[32] = "";
	int ret;

	memset(dev, 0, sizeof(*dev));
	if (find_window(dev)) {
		dev->why = "there is no such window (WRITESYNC_DEVICE)";
		return WS_ABSENT;
	}
	map_instrument(dev);
	if (ws_ask(dev, "overwrite")) {
		dev->why = why_not("overwrite");
		return WS_ABSENT;
	}
	save_settings(dev);
	ret = make_well(dev);
	if (ret)
		return broken(dev, "the device does not get well", ret);
	/* Else it stays as it is: a test looks at the default. */
	ret = ws_slow() == 1 ? 0 :
		ws_set_number(dev, "timeout_ms", ws_slow() * 1000);
	if (ret)
		return broken(dev, "attribute timeout_ms", ret);
	ret = ws_get(dev, "size", size, sizeof(size));
	if (ret)
		return broken(dev, "attribute size", ret);
	dev->size = strtoull(size, NULL, 0);
	if (dev->regs)
		dev->features = ws_reg(dev, WS_EDU_FEATURES);
	dev->why = what_lacks(dev, needs);
	return dev->why ? WS_ABSENT : WS_READY;
}

int ws_end(struct ws_dev *dev)
{
	int ret = make_well(dev);

	ret = ret ? ret : restore_settings(dev);
	if (dev->regs)
		munmap(dev->regs, WS_REGS_SIZE);
	if (dev->peer)
		munmap(dev->peer, WS_REGS_SIZE);
	return ret;
}

bool ws_can_confirm(const struct ws_dev *dev, const char *method)
{
	if (ws_is(method, "window"))
		return dev->prefetch;
	return ws_is(method, "config") || is_edu(dev);
}

/* Data */

void ws_fill(void *data, size_t length, __u32 seed)
{
	__u32 x = seed * 2654435761u + 1;
	__u8 *p = data;

	while (length--) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		*p++ = 1 + (x >> 8) % 254;
	}
}

__u8 *ws_edge(void)
{
	long page = sysconf(_SC_PAGESIZE);
	__u8 *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || munmap(map + page, page))
		return NULL;
	ws_fill(map, page, 7);
	return map;
}

/* Calls */

__u64 ws_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * WS_S + ts.tv_nsec;
}

int ws_open(const struct ws_dev *dev, int flags)
{
	int fd = open(dev->node, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int ws_open_with(const struct ws_dev *dev, const void *old, size_t length)
{
	int fd = ws_open(dev, O_RDWR);

	if (fd < 0)
		return fd;
	if (ws_pwrite(fd, old, length, 0) != (ssize_t)length || ws_sync(fd)) {
		close(fd);
		return -EIO;
	}
	ws_drain(dev, WS_HOLD);
	return fd;
}

ssize_t ws_pwrite(int fd, const void *data, size_t length, off_t offset)
{
	ssize_t n = pwrite(fd, data, length, offset);

	return n < 0 ? -errno : n;
}

ssize_t ws_pread(int fd, void *data, size_t length, off_t offset)
{
	ssize_t n = pread(fd, data, length, offset);

	return n < 0 ? -errno : n;
}

ssize_t ws_pwritev2(int fd, const void *data, size_t length, off_t offset,
		    int flags)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = length };
	ssize_t n = pwritev2(fd, &iov, 1, offset, flags);

	return n < 0 ? -errno : n;
}

int ws_ioctl(int fd, unsigned long request, void *argument)
{
	int ret = ioctl(fd, request, argument);

	return ret < 0 ? -errno : ret;
}

int ws_sync_call(int fd, struct writesync_sync *sync)
{
	sync->size = sizeof(*sync);
	return ws_ioctl(fd, WRITESYNC_IOC_SYNC, sync);
}

int ws_sync_for(int fd, __u64 timeout_ns)
{
	struct writesync_sync sync = { .timeout_ns = timeout_ns };

	return ws_sync_call(fd, &sync);
}

int ws_sync_until(int fd, __u64 when)
{
	struct writesync_sync sync = {
		.flags = WRITESYNC_ABSTIME, .timeout_ns = when,
	};

	return ws_sync_call(fd, &sync);
}

int ws_sync(int fd)
{
	return ws_sync_for(fd, WRITESYNC_TIMEOUT_DEFAULT);
}

int ws_query(int fd, struct writesync_query *query)
{
	memset(query, 0, sizeof(*query));
	query->size = sizeof(*query);
	return ws_ioctl(fd, WRITESYNC_IOC_QUERY, query);
}

int ws_needed(int fd)
{
	struct writesync_query query;
	int ret = ws_query(fd, &query);

	return ret ? ret : (int)query.needed;
}

int ws_info(int fd, struct writesync_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return ws_ioctl(fd, WRITESYNC_IOC_INFO, info);
}

int ws_polled(int fd, short events, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, wait_ms);

	return n < 0 ? -errno : n ? p.revents : 0;
}

/* Mappings and regions; losing what is unsynced; what can be seen */

int ws_map(int fd, __u64 offset, size_t length, int prot, __u8 **at)
{
	void *map = mmap(NULL, length, prot, MAP_SHARED, fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	*at = map;
	return 0;
}

/* By stores of 8 bytes: the number and the width of them are the test's. */
void ws_store(__u8 *at, const void *data, size_t length)
{
	const __u8 *from = data;
	size_t done;
	__u64 word;

	for (done = 0; done + 8 <= length; done += 8) {
		memcpy(&word, from + done, 8);
		__atomic_store_n((__u64 *)(at + done), word, __ATOMIC_RELEASE);
	}
}

static __thread sigjmp_buf escape;

static void leave_touch(int sig)
{
	siglongjmp(escape, sig);
}

void ws_catch_faults(void)
{
	signal(SIGBUS, leave_touch);
	signal(SIGSEGV, leave_touch);
}

/* Touch memory that may not be there: 0, or the signal that it raised. */
int ws_touch(__u8 *at, bool write)
{
	int sig = sigsetjmp(escape, 1);
	__u64 word;

	if (sig)
		return sig;
	if (write)
		__atomic_store_n((__u64 *)at, WS_TOUCH, __ATOMIC_RELEASE);
	else
		__atomic_load((__u64 *)at, &word, __ATOMIC_SEQ_CST);
	return 0;
}

/*
 * By one instruction, which is begun anew after each page fault: both have to be
 * there at last. Return: false if there is none.
 */
bool ws_move_byte(__u8 *from, __u8 *to)
{
#ifdef __x86_64__
	asm volatile("movsb" : "+S" (from), "+D" (to) : : "memory");
	return true;
#else
	(void)from;
	(void)to;
	return false;
#endif
}

/* What @act returns in a child, or 128 + the signal that ended it. */
int ws_in_child(int (*act)(void *), void *data)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(act(data));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

static int sync_file(void *data)
{
	return -ws_sync(*(int *)data);
}

int ws_sync_in_child(int fd)
{
	return -ws_in_child(sync_file, &fd);
}

/* A committed region, its bytes arrived; its descriptor or -errno. */
int ws_region(int fd, __u64 length, __u64 *offset)
{
	struct writesync_alloc alloc = { .length = length };
	int ret = ws_alloc_call(fd, &alloc);

	if (ret)
		return ret;
	*offset = alloc.offset;
	ret = ws_commit(alloc.fd);
	ret = ret ? ret : ws_sync(alloc.fd);
	if (!ret)
		return alloc.fd;
	close(alloc.fd);
	return ret;
}

bool ws_can_flr(const struct ws_dev *dev)
{
	char path[PATH_MAX], text[64];

	return !join(path, dev->pci, "reset_method") &&
	       !read_text(path, text, sizeof(text)) && strstr(text, "flr") &&
	       !ws_ask(dev, "reset");
}

/* A function-level reset: by the kernel, which tells the driver. */
int ws_flr(const struct ws_dev *dev)
{
	char path[PATH_MAX];
	int ret = ws_ask(dev, "reset");

	ret = ret ? ret : join(path, dev->pci, "reset");
	return ret ? ret : ws_write_file(path, "1");
}

int ws_number(const struct ws_dev *dev, const char *attr, __u64 *value)
{
	char text[64], *end;
	int ret = ws_get(dev, attr, text, sizeof(text));

	if (ret)
		return ret;
	*value = strtoull(text, &end, 10);
	return *text && !*end ? 0 : -EINVAL;
}

/* All of a file, which must be shorter than @len. */
int ws_file(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (n > 0 && done < len - 1) {
		n = read(fd, buf + done, len - 1 - done);
		if (n < 0)
			n = -errno;
		else
			done += n;
	}
	buf[done] = 0;
	close(fd);
	return n > 0 ? -EFBIG : n;
}

__u64 ws_env_number(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

void ws_sleep(__u64 ns)
{
	struct timespec ts = { .tv_sec = ns / WS_S, .tv_nsec = ns % WS_S };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

void ws_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* The kernel takes those that are there. */
void ws_unpin(void)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	sched_setaffinity(0, sizeof(set), &set);
}

/* Every way to sync */

static const char way_data[WS_WAY_BYTES] = "by a way";

__u32 ws_way_crc(void)
{
	return ws_crc(way_data, WS_WAY_BYTES);
}

const char *ws_way_name(enum ws_way way)
{
	static const char * const names[WS_WAYS] = {
		"SYNC", "fsync", "fdatasync", "io_uring's fsync", "O_DSYNC",
		"O_SYNC", "RWF_DSYNC", "RWF_SYNC", "io_uring's RWF_DSYNC",
	};

	return names[way];
}

static int whole(ssize_t n)
{
	return n == WS_WAY_BYTES ? 0 : n < 0 ? n : -EIO;
}

static int write_through(const struct ws_dev *dev, int flags, off_t offset)
{
	int fd = ws_open(dev, O_WRONLY | flags);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = ws_pwrite(fd, way_data, WS_WAY_BYTES, offset);
	close(fd);
	return whole(n);
}

struct uring_flush {
	struct io_uring_sqe sqe;
	__u64 took;
};

/*
 * The kernel makes a thread for a ring's first call of a kind, which takes it a
 * while: nobody's wait, and /dev/null's here. What that answers does not matter.
 */
static void warm_up(struct ws_uring *ring, const struct io_uring_sqe *call)
{
	struct io_uring_sqe sqe = *call;

	sqe.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	sqe.flags |= IOSQE_ASYNC;
	ws_uring_call(ring, &sqe, 10 * WS_S);
	close(sqe.fd);
}

static long call_by_uring(void *data)
{
	struct uring_flush *flush = data;
	struct ws_uring ring;
	int ret = ws_uring_open(&ring, 1), fd = ring.fd;
	__u64 begun;

	if (!ret) {
		warm_up(&ring, &flush->sqe);
		begun = ws_now();
		ret = ws_uring_call(&ring, &flush->sqe, 10 * WS_S);
		flush->took = ws_now() - begun;
	}
	ws_uring_unmap(&ring);
	close(fd);
	return ret;
}

/*
 * In a thread: the end of a ring, which comes later, interrupts whatever call the
 * thread that had it is in by then.
 */
static int by_uring(const struct io_uring_sqe *sqe, __u64 *took)
{
	struct uring_flush flush = { .sqe = *sqe };
	struct ws_caller caller = { 0 };
	int ret = ws_caller_start(&caller, call_by_uring, &flush);

	if (ret)
		return -ret;
	pthread_join(caller.thread, NULL);
	*took = flush.took;
	return caller.ret;
}

static int fsync_by_uring(int fd, __u64 *took)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_FSYNC, .fd = fd };

	return by_uring(&sqe, took);
}

static int write_by_uring(int fd, off_t offset, __u64 *took)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE, .fd = fd, .off = offset,
		.addr = (uintptr_t)way_data, .len = WS_WAY_BYTES,
		.rw_flags = RWF_DSYNC,
	};

	return whole(by_uring(&sqe, took));
}

/* @took: set by what needs a ring for it */
static int flush_by(const struct ws_dev *dev, int fd, enum ws_way way,
		    off_t offset, __u64 *took)
{
	switch (way) {
	case WS_BY_SYNC:
		return ws_sync(fd);
	case WS_BY_FSYNC:
		return fsync(fd) ? -errno : 0;
	case WS_BY_FDATASYNC:
		return fdatasync(fd) ? -errno : 0;
	case WS_BY_URING_FSYNC:
		return fsync_by_uring(fd, took);
	case WS_BY_O_DSYNC:
		return write_through(dev, O_DSYNC, offset);
	case WS_BY_O_SYNC:
		return write_through(dev, O_SYNC, offset);
	case WS_BY_RWF_DSYNC:
		return whole(ws_pwritev2(fd, way_data, WS_WAY_BYTES, offset,
					 RWF_DSYNC));
	case WS_BY_RWF_SYNC:
		return whole(ws_pwritev2(fd, way_data, WS_WAY_BYTES, offset,
					 RWF_SYNC));
	case WS_BY_URING_DSYNC:
		return write_by_uring(fd, offset, took);
	default:
		return -EINVAL;
	}
}

int ws_flush_timed(const struct ws_dev *dev, int fd, enum ws_way way,
		   off_t offset, __u64 *took)
{
	__u64 begun = ws_now();
	int ret;

	*took = 0;
	ret = flush_by(dev, fd, way, offset, took);
	if (!*took)
		*took = ws_now() - begun;
	return ret;
}

int ws_flush(const struct ws_dev *dev, int fd, enum ws_way way, off_t offset)
{
	__u64 took;

	return ws_flush_timed(dev, fd, way, offset, &took);
}

/* Writing by ioctl, regions, checks */

struct writesync_iovec ws_piece(const void *base, __u64 length)
{
	return (struct writesync_iovec) { (uintptr_t)base, length };
}

struct writesync_write ws_pieces(const struct writesync_iovec *iov,
				 __u32 count)
{
	return (struct writesync_write) {
		.iov = (uintptr_t)iov, .iov_count = count,
		.bytes_written = WS_GARBAGE, .elapsed_ns = WS_GARBAGE,
		.synced = WS_GARBAGE, .readbacks = (__u32)WS_GARBAGE,
	};
}

struct writesync_write ws_pieces_at(const struct writesync_iovec *iov,
				    __u32 count, __u64 offset)
{
	struct writesync_write write = ws_pieces(iov, count);

	write.flags = WRITESYNC_WRITE_AT;
	write.offset = offset;
	return write;
}

int ws_write_call(int fd, struct writesync_write *write)
{
	write->size = sizeof(*write);
	return ws_ioctl(fd, WRITESYNC_IOC_WRITE, write);
}

int ws_alloc_call(int fd, struct writesync_alloc *alloc)
{
	alloc->size = sizeof(*alloc);
	return ws_ioctl(fd, WRITESYNC_IOC_ALLOC, alloc);
}

int ws_alloc(int fd, __u64 length)
{
	struct writesync_alloc alloc = { .length = length };
	int ret = ws_alloc_call(fd, &alloc);

	return ret ? ret : alloc.fd;
}

int ws_commit(int fd)
{
	struct writesync_commit commit = { .size = sizeof(commit) };

	return ws_ioctl(fd, WRITESYNC_IOC_COMMIT, &commit);
}

int ws_decommit(int fd)
{
	struct writesync_commit commit = { .size = sizeof(commit) };

	return ws_ioctl(fd, WRITESYNC_IOC_DECOMMIT, &commit);
}

int ws_check(int fd, const void *address, __u64 length, __u64 *offset)
{
	struct writesync_check check = {
		.size = sizeof(check), .address = (uintptr_t)address,
		.length = length,
	};
	int ret = ws_ioctl(fd, WRITESYNC_IOC_CHECK, &check);

	if (ret)
		return ret;
	if (offset)
		*offset = check.offset;
	return check.inside;
}

/* Is each of them @value? */
bool ws_all(const __u8 *bytes, size_t length, __u8 value)
{
	while (length--)
		if (*bytes++ != value)
			return false;
	return true;
}

bool ws_wait_state(const struct ws_dev *dev, const char *state)
{
	__u64 end = ws_now() + WS_S;
	char text[16] = "";

	while (!ws_is(text, state) && ws_now() < end)
		if (ws_get(dev, "state", text, sizeof(text)))
			return false;
	return ws_is(text, state);
}

static void on_signal(int sig)
{
	(void)sig;
}

int ws_alarm(__u64 ns, int flags)
{
	struct sigaction action = {
		.sa_handler = on_signal, .sa_flags = flags,
	};
	struct itimerval timer = {
		.it_interval.tv_usec = ns / WS_US,
		.it_value.tv_usec = ns / WS_US,
	};

	if (sigaction(SIGALRM, &action, NULL))
		return -errno;
	return setitimer(ITIMER_REAL, &timer, NULL) ? -errno : 0;
}

int ws_let_interrupt(int sig)
{
	struct sigaction action = { .sa_handler = on_signal };

	return sigaction(sig, &action, NULL) ? -errno : 0;
}

static void *call_it(void *data)
{
	struct ws_caller *caller = data;

	caller->begun = true;
	caller->ret = caller->call(caller->data);
	caller->done = true;
	return NULL;
}

int ws_caller_start(struct ws_caller *caller, long (*call)(void *data),
		    void *data)
{
	caller->call = call;
	caller->data = data;
	return pthread_create(&caller->thread, NULL, call_it, caller);
}

static void *reset_function(void *data)
{
	struct ws_freezer *freezer = data;

	freezer->result = ws_flr(freezer->dev);
	return NULL;
}

/*
 * The reset itself switches the device's faults off, which its peer sees while
 * nobody else sees the device. @before: when it had not been yet.
 *
 * QEMU before 8.1 misdirects accesses to devices that one CPU makes while
 * another one changes where they are to be found: leave it some time.
 */
static int wait_for_reset(const struct ws_dev *dev, __u64 *before)
{
	__u64 end = ws_now() + WS_S;

	*before = ws_now();
	if (!ws_wait_state(dev, "frozen"))
		return -ETIMEDOUT;
	ws_sleep(10 * WS_MS);
	while (load32(dev->peer + WS_PEER_TARGET_FAULTS)) {
		*before = ws_now();
		if (*before > end)
			return -ETIMEDOUT;
		ws_sleep(10 * WS_MS);
	}
	return 0;
}

/*
 * Who comes too late may find the window frozen still, or LIVE again. A window
 * that does not freeze at all is -ETIMEDOUT each time.
 */
static bool came_too_late(int ret)
{
	return ret == -EBUSY || ret == -ETIMEDOUT;
}

/*
 * After the reset the kernel sleeps for 100 ms and then waits until the device
 * answers: its peer keeps it silent. On a busy machine that may come too late.
 */
static int try_freeze(struct ws_freezer *freezer, const struct ws_dev *dev)
{
	__u64 before;
	int ret;

	freezer->dev = dev;
	ws_fault(dev, WS_FAULT_SLOW_READ);
	ret = -pthread_create(&freezer->thread, NULL, reset_function, freezer);
	if (ret)
		return ret;
	freezer->running = true;
	ret = wait_for_reset(dev, &before);
	if (ret)
		return ret;
	ws_fault(dev, WS_FAULT_DEAD);
	return ws_now() - before < 90 * WS_MS ? 0 : -EBUSY;
}

/* Not again if it came so late that the window is DEAD. */
int ws_freeze(struct ws_freezer *freezer, const struct ws_dev *dev)
{
	int tries = HOLD_TRIES;
	int ret = ws_ask(dev, "reset");

	if (ret)
		return ret;
	while (came_too_late(ret = try_freeze(freezer, dev)) && --tries)
		if (ws_thaw(freezer) || !ws_is_state(dev, "live"))
			break;
	return ret;
}

int ws_thaw(struct ws_freezer *freezer)
{
	if (!freezer->running)
		return 0;
	freezer->running = false;
	ws_fault(freezer->dev, 0);
	pthread_join(freezer->thread, NULL);
	return freezer->result;
}

/* Removal */

/*
 * Long enough for the kernel to take notice; and, if it can switch the slot's
 * power, which it does a second later, to have done that.
 */
#define LINK_DOWN_TIME		(500 * WS_MS)
#define POWER_DOWN_TIME		(3500 * WS_MS)
#define REMOVAL_WAIT		(ws_slow() * 10 * WS_S)

const char *ws_removal_name(enum ws_removal how)
{
	static const char * const names[WS_REMOVALS] = {
		"unbind", "remove", "death", "link down",
	};

	return names[how];
}

/* A path below the port above the function. */
static int join_port(const struct ws_dev *dev, char *path, const char *name)
{
	char port[PATH_MAX];

	snprintf(port, sizeof(port), "%s", dev->pci);
	return join(path, dirname(port), name);
}

/* Does that port have native hot-plug? */
static bool has_hotplug(const struct ws_dev *dev)
{
	char pattern[PATH_MAX], driver[PATH_MAX];
	bool found = false;
	glob_t services;
	size_t i;

	if (join_port(dev, pattern, "*:pcie*/driver"))
		return false;
	if (glob(pattern, 0, NULL, &services))
		return false;
	for (i = 0; i < services.gl_pathc; i++)
		found |= realpath(services.gl_pathv[i], driver) &&
			 ws_is(basename(driver), "pciehp");
	globfree(&services);
	return found;
}

/* Can it switch the power of the slot? (Slot Capabilities) */
static bool has_power_control(const struct ws_dev *dev)
{
	__u8 config[256] = { 0 };
	char path[PATH_MAX];
	unsigned int at;
	int fd;

	if (join_port(dev, path, "config"))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pread(fd, config, sizeof(config), 0) != sizeof(config))
		config[PCI_CAPABILITY_LIST] = 0;
	close(fd);
	for (at = config[PCI_CAPABILITY_LIST]; at && at < sizeof(config) - 64;
	     at = config[at + PCI_CAP_LIST_NEXT])
		if (config[at + PCI_CAP_LIST_ID] == PCI_CAP_ID_EXP)
			return config[at + PCI_EXP_SLTCAP] & PCI_EXP_SLTCAP_PCP;
	return false;
}

const char *ws_no_removal(const struct ws_dev *dev, enum ws_removal how)
{
	const char *deed = how == WS_BY_UNBIND || how == WS_BY_DEATH ?
			   "unbind" : "remove";

	if (how == WS_BY_DEATH && !dev->peer)
		return "nobody could raise the device from the dead";
	if (how == WS_BY_LINK_DOWN && !has_hotplug(dev))
		return "the port above has no native hot-plug (pciehp)";
	if (how == WS_BY_LINK_DOWN && !dev->regs)
		return "the device cannot take its link down";
	return ws_may(deed, dev->virtual) ? NULL : why_not(deed);
}

void ws_let_go(struct ws_dev *dev)
{
	if (dev->regs)
		munmap(dev->regs, WS_REGS_SIZE);
	if (dev->peer)
		munmap(dev->peer, WS_REGS_SIZE);
	dev->regs = NULL;
	dev->peer = NULL;
}

/* The peer stays. */
static int remove_function(struct ws_dev *dev)
{
	char path[PATH_MAX];
	int ret = ws_ask(dev, "remove");

	ret = ret ? ret : join(path, dev->pci, "remove");
	if (dev->regs)
		munmap(dev->regs, WS_REGS_SIZE);
	dev->regs = NULL;
	return ret ? ret : ws_write_file(path, "1");
}

int ws_remove(struct ws_dev *dev, enum ws_removal how)
{
	switch (how) {
	case WS_BY_UNBIND:
		return ws_unbind(dev);
	case WS_BY_REMOVE:
		return remove_function(dev);
	case WS_BY_DEATH:
		ws_fault(dev, WS_FAULT_DEAD);
		return 0;
	case WS_BY_LINK_DOWN:
		ws_reg_write64(dev, WS_EDU_LINK_DOWN_NS,
			       has_power_control(dev) ? POWER_DOWN_TIME :
			       LINK_DOWN_TIME * ws_slow());
		ws_let_go(dev);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Somebody has to notice, unless somebody has. */
static int notice_death(const struct ws_dev *dev)
{
	int fd = ws_open(dev, O_RDWR);
	int ret = fd;

	if (fd >= 0) {
		ret = ws_pwrite(fd, "noticed", 8, 0);
		ret = ret < 0 ? ret : ws_sync_for(fd, REMOVAL_WAIT);
		close(fd);
	}
	if (ret != -ENODEV)
		return ret ? ret : -EPROTO;
	return ws_wait_state(dev, "dead") ? 0 : -ETIMEDOUT;
}

/* The function's folder goes last; there may be another one by now. */
static bool is_here(const struct ws_dev *dev)
{
	struct stat st;

	return !stat(dev->pci, &st) && st.st_ino == dev->function;
}

int ws_wait_removed(const struct ws_dev *dev, enum ws_removal how)
{
	__u64 end = ws_now() + REMOVAL_WAIT;

	if (how == WS_BY_DEATH)
		return notice_death(dev);
	while (how == WS_BY_LINK_DOWN && is_here(dev)) {
		if (ws_now() > end)
			return -ETIMEDOUT;
		ws_sleep(WS_MS);
	}
	return 0;
}

/* The window may be back sooner than the peer, if there was one. */
static int find_both(struct ws_dev *dev)
{
	char path[PATH_MAX];
	int ret = find_again(dev);

	if (!ret && *dev->peer_pci)
		ret = join(path, dev->peer_pci, "resource0");
	if (!ret && *dev->peer_pci && access(path, F_OK))
		ret = -errno;
	return ret;
}

int ws_wait_window(struct ws_dev *dev)
{
	__u64 end = ws_now() + REMOVAL_WAIT;
	int ret;

	while ((ret = find_both(dev)) && ws_now() < end)
		ws_sleep(10 * WS_MS);
	if (!ret && !dev->regs) {
		ws_let_go(dev);
		map_instrument(dev);
	}
	return ret;
}

int ws_return(struct ws_dev *dev, enum ws_removal how)
{
	int ret = 0;

	if (how == WS_BY_DEATH) {
		ws_fault(dev, 0);
		ret = ws_unbind(dev);
	}
	if (how == WS_BY_UNBIND || how == WS_BY_DEATH)
		ret = ret ? ret : ws_bind(dev);
	else if (how == WS_BY_REMOVE)
		ret = ws_write_file(PCI_BUS "/rescan", "1");
	return ret ? ret : ws_wait_window(dev);
}

union control {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int ws_send_fd(int socket, int fd)
{
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

int ws_receive_fd(int socket)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	if (!CMSG_FIRSTHDR(&msg))
		return -ENOENT;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* splitmix64 */
__u64 ws_random(__u64 *state)
{
	__u64 x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

/* Errors, recovery and power */

#define CONFIG_BYTES		4096
#define CAPABILITY_FIRST	0x100
#define ERROR_WAIT		(10 * WS_S)

/* As ws_touch(), of more than a word. */
int ws_try_store(__u8 *at, const void *data, size_t length)
{
	int sig = sigsetjmp(escape, 1);

	if (!sig)
		ws_store(at, data, length);
	return sig;
}

int ws_try_load(const __u8 *at, void *data, size_t length)
{
	int sig = sigsetjmp(escape, 1);

	if (!sig)
		memcpy(data, at, length);
	return sig;
}

static int config_access(const char *pci, unsigned int at, __u32 *value,
			 bool write)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	if (join(path, pci, "config"))
		return -ENAMETOOLONG;
	fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write ? pwrite(fd, value, 4, at) : pread(fd, value, 4, at);
	close(fd);
	return n == 4 ? 0 : -EIO;
}

/* The offset of the AER capability of a function, or 0. */
static unsigned int find_aer(const char *pci)
{
	unsigned int at = CAPABILITY_FIRST;
	__u32 head;

	while (at >= CAPABILITY_FIRST && at < CONFIG_BYTES &&
	       !config_access(pci, at, &head, false)) {
		if (PCI_EXT_CAP_ID(head) == PCI_EXT_CAP_ID_ERR)
			return at;
		at = PCI_EXT_CAP_NEXT(head);
	}
	return 0;
}

int ws_aer_read(const struct ws_dev *dev, unsigned int reg, __u32 *value)
{
	unsigned int aer = find_aer(dev->pci);

	return aer ? config_access(dev->pci, aer + reg, value, false) : -ENOENT;
}

int ws_aer_write(const struct ws_dev *dev, unsigned int reg, __u32 value)
{
	unsigned int aer = find_aer(dev->pci);

	int ret = ws_ask(dev, "config");

	if (ret || !aer)
		return ret ? ret : -ENOENT;
	return config_access(dev->pci, aer + reg, &value, true);
}

static bool has_file(const char *dir, const char *name)
{
	char path[PATH_MAX];

	return !join(path, dir, name) && !access(path, F_OK);
}

/* The functions of the same bus, the window's own included. */
static int functions(const struct ws_dev *dev, glob_t *all)
{
	char pattern[PATH_MAX], port[PATH_MAX];

	snprintf(port, sizeof(port), "%s", dev->pci);
	if (join(pattern, dirname(port), "*:*:*.*/vendor"))
		return -ENAMETOOLONG;
	return glob(pattern, 0, NULL, all) ? -ENOENT : 0;
}

const char *ws_no_errors(const struct ws_dev *dev, bool alone)
{
	char port[PATH_MAX];
	size_t count;
	glob_t all;

	snprintf(port, sizeof(port), "%s", dev->pci);
	if (!has_file(dev->pci, "aer_dev_fatal") ||
	    !has_file(dirname(port), "aer_rootport_total_err_fatal") ||
	    !find_aer(dev->pci))
		return "the function or the port above reports no errors (AER)";
	if (functions(dev, &all))
		return "the function is not to be found";
	count = all.gl_pathc;
	globfree(&all);
	if (alone && count > 1)
		return "the function is not alone behind its port";
	if (!alone && count == 1)
		return "the function is alone behind its port";
	return NULL;
}

void ws_error(const struct ws_dev *dev, __u32 bit)
{
	ws_reg_write(dev, WS_EDU_AER_UNCORRECTABLE, bit);
}

/*
 * The port counts the messages; the function does not count fatal ones, since
 * nobody reads its status then.
 */
__u64 ws_errors(const struct ws_dev *dev, const char *severity)
{
	char name[64], path[PATH_MAX], port[PATH_MAX];
	__u64 total = 0;

	snprintf(name, sizeof(name), "aer_rootport_total_err_%s", severity);
	snprintf(port, sizeof(port), "%s", dev->pci);
	if (join(path, dirname(port), name) || read_number(path, &total))
		return 0;
	return total;
}

/* By a reset, if no read of the configuration pushes them before. */
void ws_lose_next(const struct ws_dev *dev, bool reset)
{
	ws_drain(dev, WS_HOLD);
	if (reset)
		ws_fault(dev, WS_FAULT_STALL);
	else
		ws_drop_nth(dev, 1);
}

int ws_wait_generation(const struct ws_dev *dev, __u64 generation)
{
	__u64 end = ws_now() + ERROR_WAIT, now = 0;
	char state[16] = "";

	while (ws_now() < end) {
		if (ws_number(dev, "generation", &now) ||
		    ws_get(dev, "state", state, sizeof(state)) ||
		    ws_is(state, "dead"))
			return -ENODEV;
		if (now >= generation && ws_is(state, "live"))
			return now == generation ? 0 : -ERANGE;
		ws_sleep(WS_MS);
	}
	return -ETIMEDOUT;
}

int ws_settle(const struct ws_dev *dev, __u64 least, __u64 *generation)
{
	__u64 end = ws_now() + 2 * ERROR_WAIT, now = 0;
	char state[16] = "";
	int quiet = 0;

	while (quiet < 10) {
		if (ws_number(dev, "generation", &now) ||
		    ws_get(dev, "state", state, sizeof(state)) ||
		    ws_is(state, "dead"))
			return -ENODEV;
		quiet = ws_is(state, "live") && now >= least &&
			now == *generation ? quiet + 1 : 0;
		*generation = now;
		if (ws_now() > end)
			return -ETIMEDOUT;
		ws_sleep(5 * WS_MS);
	}
	return 0;
}

static int try_hold_error(const struct ws_dev *dev, __u32 bit, __u64 *begun)
{
	__u64 before;
	int ret;

	ws_fault(dev, WS_FAULT_SLOW_READ);
	*begun = ws_now();
	ws_error(dev, bit);
	ret = wait_for_reset(dev, &before);
	if (ret)
		return ret;
	ws_fault(dev, WS_FAULT_DEAD);
	return ws_now() - before < 90 * WS_MS ? 0 : -EBUSY;
}

int ws_hold_error(const struct ws_dev *dev, __u32 bit, __u64 *begun)
{
	__u64 generation = 0;
	int tries = HOLD_TRIES;
	int ret;

	while (came_too_late(ret = try_hold_error(dev, bit, begun)) && --tries) {
		ws_fault(dev, 0);
		if (ws_settle(dev, 0, &generation))
			break;
	}
	return ret;
}

bool ws_decodes(const struct ws_dev *dev)
{
	__u32 command;

	return !config_access(dev->pci, PCI_COMMAND, &command, false) &&
	       command != ~0u && command & PCI_COMMAND_MEMORY;
}

/* All functions of the bus: a reset may have taken their configuration. */
int ws_find_anew(struct ws_dev *dev)
{
	char path[PATH_MAX];
	glob_t all;
	size_t i;
	int ret = ws_ask(dev, "remove");

	ret = ret ? ret : functions(dev, &all);
	if (ret)
		return ret;
	ws_let_go(dev);
	for (i = 0; i < all.gl_pathc && !ret; i++)
		if (!join(path, dirname(all.gl_pathv[i]), "remove"))
			ret = ws_write_file(path, "1");
	globfree(&all);
	ret = ret ? ret : ws_write_file(PCI_BUS "/rescan", "1");
	return ret ? ret : ws_wait_window(dev);
}

static const char recovery_timeout[] =
	"/sys/module/writesync/parameters/recovery_timeout";

int ws_recovery_timeout(__u64 seconds, __u64 *before)
{
	char text[32];
	int ret = before ? read_number(recovery_timeout, before) : 0;

	snprintf(text, sizeof(text), "%llu", seconds);
	return ret ? ret : ws_write_file(recovery_timeout, text);
}

bool ws_kernel_since(unsigned int major, unsigned int minor)
{
	unsigned int x = 0, y = 0;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &x, &y) != 2)
		return false;
	return x > major || (x == major && y >= minor);
}

/* The kernel's log */

int ws_log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0)
		return -errno;
	lseek(log, 0, SEEK_END);
	return log;
}

void ws_print_lines(const char *text)
{
	for (; *text; text += strcspn(text, "\n") + !!strchr(text, '\n'))
		printf("#   %.*s\n", (int)strcspn(text, "\n"), text);
}

#define LOG_TEXT	4096
#define LOG_READ_ALL	3	/* see klogctl(3) */

void ws_print_log(void)
{
	char text[LOG_TEXT + 1];
	int length = klogctl(LOG_READ_ALL, text, LOG_TEXT);

	if (length <= 0)
		return;
	text[length] = 0;
	printf("# what the kernel said last:\n");
	ws_print_lines(text);
	fflush(stdout);
}

/* Each read gives one record, or says that some were overwritten. */
bool ws_log_says(int log, const char *words)
{
	__u64 end = ws_now() + WS_S;
	char text[8192];
	ssize_t n;

	while (ws_now() < end) {
		n = read(log, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
		if (strstr(text, words))
			return true;
		if (n < 0 && errno == EAGAIN)
			ws_sleep(WS_MS);
	}
	return false;
}

/* ---- how slow this machine is ---- */

unsigned int ws_slow(void)
{
	const char *text = getenv("WRITESYNC_SLOW");
	unsigned long times = text ? strtoul(text, NULL, 10) : 1;

	return times >= 1 && times <= 100 ? times : 1;
}

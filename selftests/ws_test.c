// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "ws_test.h"

#define CLASS			"/sys/class/writesync"
#define COMMAND_REGISTER	4	/* in configuration space */
#define COMMAND_MEMORY		0x0002
#define COMMAND_MASTER		0x0004

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

static int write_text(const char *path, const char *text)
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
	return write_text(path, value);
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

static int find_window(struct ws_dev *dev)
{
	const char *node = getenv("WRITESYNC_DEVICE");
	char path[PATH_MAX];

	if (!node || !*node)
		node = "/dev/writesync0";
	snprintf(dev->node, sizeof(dev->node), "%s", node);
	snprintf(path, sizeof(path), "%s", node);
	snprintf(dev->name, sizeof(dev->name), "%s", basename(path));

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
	return false;
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

int ws_decode(const struct ws_dev *dev, bool on)
{
	return change_command(dev->pci, on ? 0 : COMMAND_MEMORY,
			      on ? COMMAND_MEMORY : 0);
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

static void map_instrument(struct ws_dev *dev)
{
	dev->prefetch = is_prefetchable(dev);
	if (!is_edu(dev))
		return;
	if (find_peer(dev) &&
	    !change_command(dev->peer_pci, 0, COMMAND_MEMORY | COMMAND_MASTER))
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

/* Set the fault switches; a dead device can be reached through its peer only */
void ws_fault(const struct ws_dev *dev, __u32 faults)
{
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

/* State before and after a test */

static bool is_dead(const struct ws_dev *dev)
{
	char state[32] = "";

	return ws_get(dev, "state", state, sizeof(state)) || !ws_is(state, "live");
}

/* The window of a function may have another number after it was bound again. */
static int find_again(struct ws_dev *dev)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int ret = -ENODEV;
	DIR *dir;

	if (join(path, dev->pci, "writesync"))
		return -ENAMETOOLONG;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(dev->name, sizeof(dev->name), "%s", entry->d_name);
		snprintf(dev->node, sizeof(dev->node), "/dev/%s", dev->name);
		ret = access(dev->node, F_OK) ? -errno : 0;
	}
	closedir(dir);
	return ret;
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

/* Settings go back to their defaults, as those of a new device. */
int ws_rebind(struct ws_dev *dev)
{
	char path[PATH_MAX];
	int ret;

	ret = join(path, dev->driver, "unbind");
	ret = ret ? ret : write_text(path, dev->slot);
	ret = ret ? ret : join(path, dev->driver, "bind");
	ret = ret ? ret : write_text(path, dev->slot);
	return ret ? ret : find_again(dev);
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

static void reset_instrument(const struct ws_dev *dev)
{
	if (dev->regs)
		ws_reg_write(dev, WS_EDU_CONTROL, WS_EDU_CONTROL_RESET);
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
	if (dev->rebind || is_dead(dev) || sync_all(dev)) {
		dev->rebind = false;
		ret = ws_rebind(dev);
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
		dev->why = "there is no writesync device";
		return WS_ABSENT;
	}
	map_instrument(dev);
	save_settings(dev);
	ret = make_well(dev);
	if (ret)
		return broken(dev, "the device does not get well", ret);
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

/* Every way to sync */

static const char way_data[WS_WAY_BYTES] = "by a way";

__u32 ws_way_crc(void)
{
	return ws_crc(way_data, WS_WAY_BYTES);
}

const char *ws_way_name(enum ws_way way)
{
	static const char * const names[WS_WAYS] = {
		"SYNC", "fsync", "fdatasync", "O_DSYNC", "O_SYNC",
		"RWF_DSYNC", "RWF_SYNC",
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

int ws_flush(const struct ws_dev *dev, int fd, enum ws_way way, off_t offset)
{
	switch (way) {
	case WS_BY_SYNC:
		return ws_sync(fd);
	case WS_BY_FSYNC:
		return fsync(fd) ? -errno : 0;
	case WS_BY_FDATASYNC:
		return fdatasync(fd) ? -errno : 0;
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
	default:
		return -EINVAL;
	}
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of writesync share: finding the device, its instrument and
 * its peer, bringing them into a known state and back, and the calls under
 * test with results as 0, a count or -errno.
 */
#ifndef WS_TEST_H
#define WS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <sys/types.h>

#include <linux/writesync.h>
#include "writesync_regs.h"

#define WS_US			1000ULL
#define WS_MS			1000000ULL
#define WS_S			1000000000ULL
#define WS_HOLD			WS_EDU_DRAIN_HOLD

/* Seconds. No test takes long; one that hangs shall not hold up the rest. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	15

/* How long a wait may take beyond the time-out that was asked for. */
#define WS_SLACK		(50 * WS_MS)

/* What a test needs of the machine; what is missing makes it SKIP. */
#define WS_NEED_INSTRUMENT	0x01	/* the virtual device's registers */
#define WS_NEED_POSTED		0x03	/* ... and its posted-write queue */
#define WS_NEED_PEER		0x04	/* the second function as witness */
#define WS_NEED_PREFETCH	0x08	/* the window may be read freely */
#define WS_NEED_CPUS		0x10	/* two CPUs */
#define WS_NEED_NARROW		0x20	/* a window that is not prefetchable */

enum ws_ready { WS_READY, WS_ABSENT, WS_BROKEN };

#define WS_ATTRS		3

struct ws_dev {
	const char *why;		/* why not WS_READY */
	char text[128];
	char name[NAME_MAX + 1];	/* writesync0 */
	char node[PATH_MAX];		/* /dev/writesync0 */
	char pci[PATH_MAX];		/* the function in sysfs */
	char driver[PATH_MAX];		/* its driver in sysfs */
	char slot[NAME_MAX + 1];	/* 0000:01:00.0 */
	char peer_pci[PATH_MAX];
	char saved[WS_ATTRS][32];	/* settings as found */
	bool prefetch;
	bool rebind;			/* the test wants a fresh binding */
	__u64 size;			/* bytes of the window */
	__u32 features;		/* WS_EDU_FEATURE_* */
	__u8 *regs;		/* BAR 0, or NULL */
	__u8 *peer;		/* the peer's BAR 0, or NULL */
};

/* A snapshot of the device's counters. */
struct ws_counters {
	__u64 stores_1, stores_2, stores_4, stores_8, store_bytes;
	__u64 reads_mem, reads_reg, reads_config, read_drains;
	__u64 landed, dropped, backpressure, level_max, read_timeouts;
	__u64 dma_reads, dma_read_bytes;
};

/* Finding the device; its state before and after a test. */
enum ws_ready ws_begin(struct ws_dev *dev, unsigned int needs);
int ws_end(struct ws_dev *dev);
int ws_rebind(struct ws_dev *dev);
int ws_get(const struct ws_dev *dev, const char *attr, char *buf, size_t len);
int ws_set(const struct ws_dev *dev, const char *attr, const char *value);
int ws_set_number(const struct ws_dev *dev, const char *attr, __u64 value);
int ws_pci_number(const struct ws_dev *dev, const char *attr, __u64 *value);
int ws_decode(const struct ws_dev *dev, bool on);
bool ws_can_confirm(const struct ws_dev *dev, const char *method);
bool ws_is(const char *a, const char *b);

/* The instrument. */
__u32 ws_reg(const struct ws_dev *dev, unsigned int offset);
__u64 ws_reg64(const struct ws_dev *dev, unsigned int offset);
void ws_reg_write(const struct ws_dev *dev, unsigned int offset, __u32 v);
void ws_reg_write64(const struct ws_dev *dev, unsigned int offset, __u64 v);
void ws_fault(const struct ws_dev *dev, __u32 faults);
void ws_drain(const struct ws_dev *dev, __u64 ns);
void ws_slow_reads(const struct ws_dev *dev, __u64 ns);
void ws_drop_nth(const struct ws_dev *dev, __u32 nth);
__u32 ws_level(const struct ws_dev *dev);
struct ws_counters ws_count(const struct ws_dev *dev);
__u64 ws_reads(struct ws_counters before, struct ws_counters after);
__u64 ws_stores(struct ws_counters before, struct ws_counters after);

/* The witness: the CRC-32 of what another device reads; negative: error. */
__s64 ws_peer_crc(const struct ws_dev *dev, __u64 offset, __u64 length);
__u32 ws_crc(const void *data, size_t length);

/* Data that holds no word of all zeros or all ones. */
void ws_fill(void *data, size_t length, __u32 seed);
/* Two pages, the second one unmapped; NULL: error. */
__u8 *ws_edge(void);

/* Calls. */
__u64 ws_now(void);
int ws_open(const struct ws_dev *dev, int flags);
ssize_t ws_pwrite(int fd, const void *data, size_t length, off_t offset);
ssize_t ws_pread(int fd, void *data, size_t length, off_t offset);
ssize_t ws_pwritev2(int fd, const void *data, size_t length, off_t offset,
		    int flags);
int ws_ioctl(int fd, unsigned long request, void *argument);
int ws_sync_call(int fd, struct writesync_sync *sync);
int ws_sync(int fd);
int ws_sync_for(int fd, __u64 timeout_ns);
int ws_sync_until(int fd, __u64 when);
int ws_query(int fd, struct writesync_query *query);
int ws_needed(int fd);
int ws_info(int fd, struct writesync_info *info);

/* Every way to sync; those that write do so with 8 bytes at @offset. */
enum ws_way {
	WS_BY_SYNC, WS_BY_FSYNC, WS_BY_FDATASYNC,
	WS_BY_O_DSYNC, WS_BY_O_SYNC, WS_BY_RWF_DSYNC, WS_BY_RWF_SYNC,
	WS_WAYS
};

#define WS_WAYS_WITHOUT_WRITE	WS_BY_O_DSYNC
#define WS_WAY_BYTES		8

__u32 ws_way_crc(void);
const char *ws_way_name(enum ws_way way);
int ws_flush(const struct ws_dev *dev, int fd, enum ws_way way, off_t offset);

/*
 * Begin a fixture: SKIP by @leave (return) what this machine lacks, fail what
 * is broken.
 */
#define WS_BEGIN(leave, device, needs)					\
do {									\
	struct ws_dev *dev__ = (device);				\
	enum ws_ready ready__ = ws_begin(dev__, (needs));		\
									\
	if (ready__ == WS_ABSENT)					\
		SKIP(leave, "%s", dev__->why);				\
	ASSERT_EQ(WS_READY, ready__) {					\
		TH_LOG("%s", dev__->why);				\
	}								\
} while (0)

/* Choose how arrival is proven and by whom it is read. */
#define WS_ENGINE(leave, device, confirm, inline_sync)			\
do {									\
	struct ws_dev *dev__ = (device);				\
	const char *method__ = (confirm);				\
									\
	if (!ws_can_confirm(dev__, method__))				\
		SKIP(leave, "this window cannot confirm by %s",		\
		     method__);						\
	ASSERT_EQ(0, ws_set(dev__, "confirm", method__));		\
	ASSERT_EQ(0, ws_set(dev__, "inline_sync", (inline_sync)));	\
} while (0)

#endif /* WS_TEST_H */

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
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/writesync.h>
#include "writesync_regs.h"

#define WS_US			1000ULL
#define WS_MS			1000000ULL
#define WS_S			1000000000ULL
#define WS_HOLD			WS_EDU_DRAIN_HOLD
/* How each function is to be bound; what is written there changes entries. */
#define WS_DEVICES		"/sys/module/writesync/parameters/devices"

/* Seconds. No test takes long; one that hangs shall not hold up the rest. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	15

/*
 * How many times longer than elsewhere things take on this machine, by the
 * variable WRITESYNC_SLOW: a kernel that watches itself is slower. So long is
 * also the window's default time-out, in seconds, while a test runs.
 */
unsigned int ws_slow(void);

/* How long a wait may take beyond the time-out that was asked for. */
#define WS_SLACK		(ws_slow() * 50 * WS_MS)

#ifdef __KSELFTEST_HARNESS_H
/* Runs after the harness's own constructors, which make the lists. */
static void __attribute__((constructor)) ws_scale_timeouts(void)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;

	for (fixture = __fixture_list; fixture; fixture = fixture->next)
		for (test = fixture->tests; test; test = test->next)
			test->timeout *= ws_slow();
}
#endif

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
	int bar;			/* of the window; -1: not yet known */
	char peer_pci[PATH_MAX];
	char saved[WS_ATTRS][32];	/* settings as found */
	bool prefetch;
	bool virtual;			/* this project's own */
	bool rebind;			/* the test wants a fresh binding */
	__u64 size;			/* bytes of the window */
	__u32 features;		/* WS_EDU_FEATURE_* */
	__u8 *regs;		/* BAR 0, or NULL */
	__u8 *peer;		/* the peer's BAR 0, or NULL */
	ino_t function;		/* its folder: one that returns has another */
	/* Ends the test @test as skipped, in the process @tester; or NULL. */
	void (*skip)(void *test, const char *why);
	void *test;
	pid_t tester;
};

/* A snapshot of the device's counters. */
struct ws_counters {
	__u64 stores_1, stores_2, stores_4, stores_8, store_bytes;
	__u64 reads_mem, reads_reg, reads_config, read_drains;
	__u64 landed, dropped, backpressure, level_max, read_timeouts;
	__u64 dma_reads, dma_read_bytes;
};

/*
 * WRITESYNC_DEVICE is a window's file or name, or the address of its function,
 * with the BAR if it has several windows: 0000:01:00.0/2.
 * What is done to a device may harm one that is not the virtual one, and is
 * done there only if WRITESYNC_ALLOW names it, or is "all". ws_may() answers;
 * ws_ask() skips the test, with the reason, or returns -EPERM where it cannot.
 */
bool ws_may(const char *what, bool virtual);
int ws_ask(const struct ws_dev *dev, const char *what);

/* Finding the device; its state before and after a test. */
enum ws_ready ws_begin(struct ws_dev *dev, unsigned int needs);
int ws_end(struct ws_dev *dev);
int ws_rebind(struct ws_dev *dev);
/* How the function is served when it is bound next; NULL: as without a word. */
int ws_serve(const struct ws_dev *dev, const char *options);
/* The test changes what only a fresh binding changes back: ws_end() sees to it. */
void ws_rebind_later(struct ws_dev *dev);
int ws_get(const struct ws_dev *dev, const char *attr, char *buf, size_t len);
int ws_set(const struct ws_dev *dev, const char *attr, const char *value);
int ws_set_number(const struct ws_dev *dev, const char *attr, __u64 value);
int ws_pci_number(const struct ws_dev *dev, const char *attr, __u64 *value);
int ws_decode(const struct ws_dev *dev, bool on);
/* The same of the bridge; -ENOENT: there is none. */
int ws_decode_above(const struct ws_dev *dev, bool on);
int ws_peer_on(const struct ws_dev *dev);
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
/* Does it see @data at the beginning of the window? */
bool ws_peer_sees(const struct ws_dev *dev, const void *data, size_t length);

/* Data that holds no word of all zeros or all ones. */
void ws_fill(void *data, size_t length, __u32 seed);
/* Two pages, the second one unmapped; NULL: error. */
__u8 *ws_edge(void);

/* Calls. */
__u64 ws_now(void);
int ws_open(const struct ws_dev *dev, int flags);
/* @old has arrived at the beginning of the window; what comes next is held. */
int ws_open_with(const struct ws_dev *dev, const void *old, size_t length);
ssize_t ws_pwrite(int fd, const void *data, size_t length, off_t offset);
ssize_t ws_pread(int fd, void *data, size_t length, off_t offset);
ssize_t ws_pwritev2(int fd, const void *data, size_t length, off_t offset,
		    int flags);
int ws_ioctl(int fd, unsigned long request, void *argument);
int ws_sync_call(int fd, struct writesync_sync *sync);
int ws_sync(int fd);
int ws_sync_for(int fd, __u64 timeout_ns);
int ws_sync_until(int fd, __u64 when);
int ws_sync_in_child(int fd);
int ws_query(int fd, struct writesync_query *query);
int ws_needed(int fd);
int ws_info(int fd, struct writesync_info *info);
/* What poll() says: the events, 0 or -errno. */
int ws_polled(int fd, short events, int wait_ms);

/* Mappings and regions; losing what is unsynced; what can be seen. */
int ws_map(int fd, __u64 offset, size_t length, int prot, __u8 **at);
void ws_store(__u8 *at, const void *data, size_t length);
void ws_catch_faults(void);
int ws_touch(__u8 *at, bool write);
bool ws_move_byte(__u8 *from, __u8 *to);
int ws_in_child(int (*act)(void *), void *data);
int ws_region(int fd, __u64 length, __u64 *offset);
bool ws_can_flr(const struct ws_dev *dev);
int ws_flr(const struct ws_dev *dev);
int ws_own_reset(const struct ws_dev *dev, __u64 wait);
int ws_reset_done(const struct ws_dev *dev, __u64 wait);
int ws_unbind(const struct ws_dev *dev);
int ws_bind(struct ws_dev *dev);
int ws_number(const struct ws_dev *dev, const char *attr, __u64 *value);
int ws_file(const char *path, char *buf, size_t len);
int ws_write_file(const char *path, const char *text);
__u64 ws_env_number(const char *name, __u64 otherwise);
void ws_sleep(__u64 ns);
void ws_pin(int cpu);
void ws_unpin(void);

/* Every way to sync; those that write do so with 8 bytes at @offset. */
enum ws_way {
	WS_BY_SYNC, WS_BY_FSYNC, WS_BY_FDATASYNC, WS_BY_URING_FSYNC,
	WS_BY_O_DSYNC, WS_BY_O_SYNC, WS_BY_RWF_DSYNC, WS_BY_RWF_SYNC,
	WS_BY_URING_DSYNC,
	WS_WAYS
};

#define WS_WAYS_WITHOUT_WRITE	WS_BY_O_DSYNC
#define WS_WAY_BYTES		8

__u32 ws_way_crc(void);
const char *ws_way_name(enum ws_way way);
int ws_flush(const struct ws_dev *dev, int fd, enum ws_way way, off_t offset);
/*
 * @took: in ns; without making a ring for it and without the end of that, which
 * are the kernel's own time.
 */
int ws_flush_timed(const struct ws_dev *dev, int fd, enum ws_way way,
		   off_t offset, __u64 *took);

#ifdef __KSELFTEST_HARNESS_H
/* As an assertion that does not hold: what was set up is torn down. */
static inline void ws_skip(void *test, const char *why)
{
	struct __test_metadata *_metadata = test;

	SKIP(longjmp(_metadata->env, 1), "%s", why);
}

static inline void ws_let_skip(struct ws_dev *dev,
			       struct __test_metadata *test)
{
	dev->skip = ws_skip;
	dev->test = test;
	dev->tester = getpid();
}
#endif

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
	ws_let_skip(dev__, _metadata);					\
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

/*
 * Writing by ioctl, regions, checks. ws_alloc() returns the descriptor of a
 * region that is not committed; ws_check() 1, 0 or -errno.
 */
struct writesync_iovec ws_piece(const void *base, __u64 length);
/* What is not given is 0; the fields that are stored hold WS_GARBAGE. */
#define WS_GARBAGE		0xeeeeeeeeeeeeeeeeull
struct writesync_write ws_pieces(const struct writesync_iovec *iov,
				 __u32 count);
struct writesync_write ws_pieces_at(const struct writesync_iovec *iov,
				    __u32 count, __u64 offset);
int ws_write_call(int fd, struct writesync_write *write);
int ws_alloc_call(int fd, struct writesync_alloc *alloc);
int ws_alloc(int fd, __u64 length);
int ws_commit(int fd);
int ws_decommit(int fd);
int ws_check(int fd, const void *address, __u64 length, __u64 *offset);
bool ws_all(const __u8 *bytes, size_t length, __u8 value);
bool ws_is_state(const struct ws_dev *dev, const char *state);
/* Wait until the window is in that state; false: not within a second. */
bool ws_wait_state(const struct ws_dev *dev, const char *state);
/* SIGALRM, which does nothing, every so many ns; 0: no more. */
int ws_alarm(__u64 ns, int flags);
/* That signal does nothing but interrupt. */
int ws_let_interrupt(int sig);

/* A thread that makes one call. */
struct ws_caller {
	long (*call)(void *data);
	void *data;
	pthread_t thread;
	long ret;
	atomic_bool begun, done;
};

int ws_caller_start(struct ws_caller *caller, long (*call)(void *data),
		    void *data);

/*
 * A reset of the function that lasts from ws_freeze() to ws_thaw(). -EBUSY: the
 * machine is too busy for that; there may have been several by then, and so if
 * it succeeds.
 */
struct ws_freezer {
	const struct ws_dev *dev;
	pthread_t thread;
	int result;
	bool running;
};

int ws_freeze(struct ws_freezer *freezer, const struct ws_dev *dev);
int ws_thaw(struct ws_freezer *freezer);

/*
 * Removal: ways to take the device away, and to have it back. The files of the
 * window that was there are then those of a window that is DEAD for ever.
 */
enum ws_removal {
	WS_BY_UNBIND,		/* the driver lets go of the function */
	WS_BY_REMOVE,		/* the kernel lets go of it, by sysfs */
	WS_BY_DEATH,		/* it falls silent, which a sync notices */
	WS_BY_LINK_DOWN,	/* surprise removal, native hot-plug */
	WS_REMOVALS
};

const char *ws_removal_name(enum ws_removal how);
/* Why this machine cannot do it; NULL: it can. */
const char *ws_no_removal(const struct ws_dev *dev, enum ws_removal how);
/*
 * ws_remove() begins: once it returns, the device answers nobody. In an
 * orderly removal that was all; else ws_wait_removed() waits until the window
 * is DEAD. ws_return() undoes it all.
 */
int ws_remove(struct ws_dev *dev, enum ws_removal how);
int ws_wait_removed(const struct ws_dev *dev, enum ws_removal how);
int ws_return(struct ws_dev *dev, enum ws_removal how);
/* Wait until the function has a window, and find the instrument again. */
int ws_wait_window(struct ws_dev *dev);
/* No more mappings of the instrument: the function is about to go. */
void ws_let_go(struct ws_dev *dev);
/* An open file on its way through a socket. */
int ws_send_fd(int socket, int fd);
int ws_receive_fd(int socket);
/* The next number of a sequence that *@state begins and goes on with. */
__u64 ws_random(__u64 *state);

/*
 * Errors, recovery and power. Registers of the AER capability are those of
 * linux/pci_regs.h.
 */
int ws_try_store(__u8 *at, const void *data, size_t length);
int ws_try_load(const __u8 *at, void *data, size_t length);
int ws_aer_read(const struct ws_dev *dev, unsigned int reg, __u32 *value);
int ws_aer_write(const struct ws_dev *dev, unsigned int reg, __u32 value);
/* Why errors cannot be handled here, or NULL. @alone: with no sibling. */
const char *ws_no_errors(const struct ws_dev *dev, bool alone);
/* The device reports an uncorrectable error, of its own severity. */
void ws_error(const struct ws_dev *dev, __u32 bit);
/* How many the kernel was told of: "cor", "nonfatal" or "fatal" ones. */
__u64 ws_errors(const struct ws_dev *dev, const char *severity);
/* What is written next does not arrive: by a reset, or a store that fails. */
void ws_lose_next(const struct ws_dev *dev, bool reset);
/*
 * Until the window is LIVE and has it; -ERANGE: it has a later one; -ENODEV: it
 * is DEAD.
 */
int ws_wait_generation(const struct ws_dev *dev, __u64 generation);
/* Until it is LIVE, has @least at least, and nothing has changed for a while. */
int ws_settle(const struct ws_dev *dev, __u64 least, __u64 *generation);
/*
 * A fatal error whose recovery lasts until ws_fault(dev, 0): the device is
 * silent after the reset. @begun: when it happened. There may have been others
 * before. -EBUSY: the machine is too busy for that.
 */
int ws_hold_error(const struct ws_dev *dev, __u32 bit, __u64 *begun);
/* Does the function hear memory accesses? Not after a reset of its slot. */
bool ws_decodes(const struct ws_dev *dev);
/* The kernel lets go of the whole bus and looks again what is there. */
int ws_find_anew(struct ws_dev *dev);
int ws_recovery_timeout(__u64 seconds, __u64 *before);

/* Is this Linux MAJOR.MINOR or later? */
bool ws_kernel_since(unsigned int major, unsigned int minor);

/*
 * The kernel's log from now on. What it says within a second; what was looked
 * at is not looked at again.
 */
int ws_log_open(void);
bool ws_log_says(int log, const char *words);
/* As comments. */
void ws_print_lines(const char *text);
/* The end of it, as comments: a driver that refuses a device says why there. */
void ws_print_log(void);

#ifdef __KSELFTEST_HARNESS_H
/* Until a file syncs after a loss, nothing that was lost counts as synced. */
static inline void ws_expect_unsynced(struct __test_metadata *_metadata, int fd)
{
	struct writesync_query query;

	EXPECT_EQ(0, ws_query(fd, &query));
	EXPECT_LT(query.synced, query.posted);
}

/* Each file is told of it by itself. */
static inline void ws_expect_eio(struct __test_metadata *_metadata, int fd)
{
	EXPECT_EQ(1, ws_needed(fd));
	EXPECT_EQ(-EIO, ws_sync(fd));
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_EQ(0, ws_sync(fd));
}

/* The first file that syncs after it. */
static inline void ws_expect_eio_once(struct __test_metadata *_metadata, int fd)
{
	ws_expect_unsynced(_metadata, fd);
	ws_expect_eio(_metadata, fd);
}

static inline void ws_expect_arrival(struct __test_metadata *_metadata,
				     const struct ws_dev *dev, int fd)
{
	__u8 bytes[64];

	ws_drain(dev, WS_HOLD);
	ws_fill(bytes, sizeof(bytes), ws_now());
	EXPECT_EQ((ssize_t)sizeof(bytes),
		  ws_pwrite(fd, bytes, sizeof(bytes), 0));
	EXPECT_FALSE(ws_peer_sees(dev, bytes, sizeof(bytes)));
	EXPECT_EQ(0, ws_sync(fd));
	EXPECT_TRUE(ws_peer_sees(dev, bytes, sizeof(bytes))) {
		TH_LOG("level %u, %llu stores dropped, the peer says %lld",
		       ws_level(dev), ws_count(dev).dropped,
		       ws_peer_crc(dev, 0, sizeof(bytes)));
	}
}

static inline void ws_expect_waiting(struct __test_metadata *_metadata,
				     struct ws_caller *callers, size_t count)
{
	size_t i;

	ws_sleep(50 * WS_MS);
	for (i = 0; i < count; i++) {
		EXPECT_TRUE(callers[i].begun);
		EXPECT_FALSE(callers[i].done) {
			TH_LOG("call %zu: %ld", i, callers[i].ret);
		}
	}
}
#endif

#endif /* WS_TEST_H */

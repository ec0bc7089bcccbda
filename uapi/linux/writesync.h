/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * writesync - write into a PCI device's memory and know that it arrived
 *
 * /dev/writesyncN is one memory BAR of one PCI device, a "window". write()
 * and its relatives copy into it. The CPU's stores are posted: they are
 * complete for the CPU while they still travel. WRITESYNC_IOC_SYNC returns 0
 * only when everything written before has arrived in the device's memory, or
 * says why that cannot be known.
 *
 * Every structure begins with its own size in bytes, as the caller knows it
 * (sizeof). The kernel accepts older (smaller) and newer (larger) structures:
 * fields that the caller does not have count as zero; fields that the kernel
 * does not have must be zero, else E2BIG. On return the kernel stores as many
 * fields as the caller has room for and never changes @size. The layout is
 * the same for 32-bit and 64-bit callers.
 *
 * Errors of every ioctl:
 *   EFAULT   the structure cannot be read or written
 *   EINVAL   @size is smaller than the first version of the structure; an
 *            unknown flag or a reserved field is not zero
 *   E2BIG    @size is larger than a page, or a field beyond those that this
 *            kernel knows is not zero
 *   ENODEV   the device is gone
 *   ENOTTY   no such ioctl
 */
#ifndef _UAPI_LINUX_WRITESYNC_H
#define _UAPI_LINUX_WRITESYNC_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define WRITESYNC_IOC_MAGIC		0xD7

/*
 * Time-outs
 *
 * A time-out is a number of nanoseconds. Without WRITESYNC_ABSTIME it counts
 * from the call; with that flag it is a point in time of CLOCK_MONOTONIC. Two
 * values have a meaning of their own in both forms. Values from 2^63 on are as
 * good as no time-out.
 */
#define WRITESYNC_TIMEOUT_DEFAULT	((__u64)0)	/* the window's own */
#define WRITESYNC_TIMEOUT_NONE		(~(__u64)0)	/* wait for ever */

/**
 * enum writesync_state - what can be said of a window's device
 * @WRITESYNC_STATE_LIVE: it works
 * @WRITESYNC_STATE_FROZEN: suspended, being reset, or in error recovery
 * @WRITESYNC_STATE_DEAD: it is gone; final
 */
enum writesync_state {
	WRITESYNC_STATE_LIVE = 0,
	WRITESYNC_STATE_FROZEN = 1,
	WRITESYNC_STATE_DEAD = 2,
};

/**
 * enum writesync_confirm - how arrival is proven
 * @WRITESYNC_CONFIRM_WINDOW: read the last posted word of the window itself
 * @WRITESYNC_CONFIRM_SENTINEL: read a register with a known value
 * @WRITESYNC_CONFIRM_CONFIG: read the vendor ID from configuration space; this
 *	covers the bus, but not a device that holds writes inside itself
 * @WRITESYNC_CONFIRM_PENDING: poll the device's register of posted writes
 *	until it is 0
 */
enum writesync_confirm {
	WRITESYNC_CONFIRM_WINDOW = 0,
	WRITESYNC_CONFIRM_SENTINEL = 1,
	WRITESYNC_CONFIRM_CONFIG = 2,
	WRITESYNC_CONFIRM_PENDING = 3,
};

/* Capabilities: bits of writesync_info.caps */
#define WRITESYNC_CAP_WC	0x1	/* write-combining copy path */
#define WRITESYNC_CAP_VERIFY	0x2	/* WRITESYNC_VERIFY works */
#define WRITESYNC_CAP_BOUNDED	0x4	/* hardware bounds a read */

/**
 * struct writesync_info - who and what (WRITESYNC_IOC_INFO)
 * @size: in: sizeof(struct writesync_info)
 * @flags: in: 0
 * @domain: out: PCI domain
 * @bus: out: PCI bus number
 * @devfn: out: PCI device number << 3 | function number
 * @bar: out: number of the BAR, 0 to 5
 * @confirm: out: enum writesync_confirm
 * @state: out: enum writesync_state
 * @vendor: out: PCI vendor ID
 * @device: out: PCI device ID
 * @subvendor: out: PCI subsystem vendor ID
 * @subdevice: out: PCI subsystem ID
 * @access_width: out: bytes of the widest store used, 1, 2, 4 or 8
 * @window: out: N of /dev/writesyncN
 * @window_size: out: bytes of the window
 * @caps: out: WRITESYNC_CAP_* bits
 * @generation: out: goes up whenever contents may have been lost
 * @posted: out: sequence number of the newest write; a long one takes several
 * @synced: out: every write up to this number has arrived
 * @timeout_ns: out: the window's default time-out in ns
 *
 * Works on a device that is gone too: @state then says DEAD.
 *
 * Errors: only those of every ioctl, without ENODEV.
 */
struct writesync_info {
	__u32 size;
	__u32 flags;
	__u32 domain;
	__u8 bus;
	__u8 devfn;
	__u8 bar;
	__u8 confirm;
	__u16 vendor;
	__u16 device;
	__u16 subvendor;
	__u16 subdevice;
	__u32 state;
	__u32 access_width;
	__u32 window;
	__u32 __reserved;
	__aligned_u64 window_size;
	__aligned_u64 caps;
	__aligned_u64 generation;
	__aligned_u64 posted;
	__aligned_u64 synced;
	__aligned_u64 timeout_ns;
};

/**
 * struct writesync_query - is a sync needed now? (WRITESYNC_IOC_QUERY)
 * @size: in: sizeof(struct writesync_query)
 * @flags: in: 0
 * @needed: out: 1 if WRITESYNC_IOC_SYNC would have to ask the device, else 0
 * @__reserved: in: 0
 * @posted: out: sequence number of the newest write; a long one takes several
 * @synced: out: every write up to this number has arrived
 *
 * Does not touch the device and does not wait.
 *
 * Errors: only those of every ioctl.
 */
struct writesync_query {
	__u32 size;
	__u32 flags;
	__u32 needed;
	__u32 __reserved;
	__aligned_u64 posted;
	__aligned_u64 synced;
};

/* Flags of writesync_sync.flags */

/* @timeout_ns is a point in time of CLOCK_MONOTONIC. */
#define WRITESYNC_ABSTIME	0x1
/*
 * Only the bytes @offset to @offset + @length - 1 matter. They must lie in the
 * window. A readback pushes everything ahead of it, so more may be flushed.
 */
#define WRITESYNC_RANGE		0x2
/*
 * If the device has to be asked, compare the last written word with what is
 * read from the window; if they differ, the bytes stay unsynced. This is
 * meaningful only while nobody else, the device included, writes that word.
 */
#define WRITESYNC_VERIFY	0x4

/**
 * struct writesync_sync - flush posted writes (WRITESYNC_IOC_SYNC)
 * @size: in: sizeof(struct writesync_sync)
 * @flags: in: WRITESYNC_ABSTIME, WRITESYNC_RANGE, WRITESYNC_VERIFY
 * @timeout_ns: in: see "Time-outs" above
 * @offset: in: with WRITESYNC_RANGE: first byte, else 0
 * @length: in: with WRITESYNC_RANGE: number of bytes, else 0
 * @elapsed_ns: out: how long the call took, in ns
 * @synced: out: every write up to this sequence number has arrived
 * @readbacks: out: device accesses (readbacks) that were made for this call;
 *	0 if nothing was unsynced, or if another caller's readback served
 * @__reserved: in: 0
 *
 * Returns 0 when every byte of every write to the window that had returned
 * before the call began, by any thread and through any file, is in the
 * device's memory, for whoever reads that memory. (With
 * WRITESYNC_CONFIRM_CONFIG that holds for the bus, not for what a device holds
 * inside itself.) The output fields are
 * stored on errors too, unless an argument was refused (EFAULT, EINVAL, E2BIG,
 * EOPNOTSUPP).
 *
 * A sync of a window with nothing unsynced returns 0 without touching the
 * device. On a file with O_NONBLOCK the call does not sleep: if it would, it
 * sees that a readback begins and fails with EAGAIN; call again. A write with
 * O_DSYNC or RWF_DSYNC always waits.
 *
 * Errors, besides those of every ioctl:
 *   ETIMEDOUT  not confirmed in time; the bytes may still arrive
 *   EINTR      a signal came first; the same holds
 *   EAGAIN     O_NONBLOCK is set and the call would sleep
 *   EIO        the device is there but its answer cannot be trusted, its
 *              memory decoding is off, or WRITESYNC_VERIFY found another word
 *   EINVAL     @offset and @length are not in the window, or not 0 without
 *              WRITESYNC_RANGE
 *   EOPNOTSUPP WRITESYNC_VERIFY on a window that must not be read
 */
struct writesync_sync {
	__u32 size;
	__u32 flags;
	__aligned_u64 timeout_ns;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 elapsed_ns;
	__aligned_u64 synced;
	__u32 readbacks;
	__u32 __reserved;
};

/* Each takes a pointer to the structure of its name. */
#define WRITESYNC_IOC_INFO	_IO(WRITESYNC_IOC_MAGIC, 0x00)
#define WRITESYNC_IOC_QUERY	_IO(WRITESYNC_IOC_MAGIC, 0x01)
#define WRITESYNC_IOC_SYNC	_IO(WRITESYNC_IOC_MAGIC, 0x02)

#endif /* _UAPI_LINUX_WRITESYNC_H */

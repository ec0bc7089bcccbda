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
 * WRITESYNC_IOC_ALLOC cuts a "region" out of a window: device memory that is
 * its owner's alone, with a file descriptor of its own. The window's file and
 * a region's take the same calls; offsets are relative to the file's memory.
 *
 * Every structure begins with its own size in bytes, as the caller knows it
 * (sizeof). The kernel accepts older (smaller) and newer (larger) structures:
 * fields that the caller does not have count as zero; fields that the kernel
 * does not have must be zero, else E2BIG. On return the kernel stores as many
 * fields as the caller has room for and never changes @size. The layout is
 * the same for 32-bit and 64-bit callers.
 *
 * Errors of every ioctl:
 *   EFAULT   the structure cannot be read; or, if there is no other error, not
 *            written
 *   EINVAL   @size is smaller than the first version of the structure; an
 *            unknown flag or a reserved field is not zero
 *   E2BIG    @size is larger than a page, or a field beyond those that this
 *            kernel knows is not zero
 *   ENODEV   the device is gone
 *   ENOTTY   no such ioctl
 *
 * While the window is FROZEN, the calls that need the device (SYNC, WRITE,
 * COMMIT) wait within their time-out, then fail with ETIMEDOUT; with O_NONBLOCK
 * they fail with EAGAIN at once.
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
#define WRITESYNC_CAP_WC	0x1	/* write-combining copy path and mmap */
#define WRITESYNC_CAP_VERIFY	0x2	/* WRITESYNC_VERIFY works */
#define WRITESYNC_CAP_BOUNDED	0x4	/* hardware bounds a read */

/* Bits of writesync_info.file */
#define WRITESYNC_FILE_REGION		0x1	/* it is a region */
#define WRITESYNC_FILE_COMMITTED	0x2	/* see WRITESYNC_IOC_COMMIT */

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
 * @synced: out: every write up to this number has arrived, or was lost, of
 *	which each file's next sync tells
 * @timeout_ns: out: the window's default time-out in ns
 * @total: out: bytes of the window that regions can be cut out of
 * @free: out: bytes of @total that belong to no region
 * @largest_free: out: the largest region that could be had now, in bytes; less
 *	than @free if that is in pieces
 * @granule: out: regions are multiples of this many bytes, a power of two
 * @offset: out: where this file's memory begins in the window, hence in the
 *	BAR; 0 for the window's own file
 * @length: out: bytes of this file's memory
 * @file: out: WRITESYNC_FILE_* bits
 * @__reserved2: in: 0
 *
 * The fields from @total on came with the second version of the structure; the
 * first one ends before them, WRITESYNC_INFO_SIZE_V1.
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
	__aligned_u64 total;
	__aligned_u64 free;
	__aligned_u64 largest_free;
	__aligned_u64 granule;
	__aligned_u64 offset;
	__aligned_u64 length;
	__u32 file;
	__u32 __reserved2;
};

#define WRITESYNC_INFO_SIZE_V1	88

/**
 * struct writesync_query - is a sync needed now? (WRITESYNC_IOC_QUERY)
 * @size: in: sizeof(struct writesync_query)
 * @flags: in: 0
 * @needed: out: 1 if WRITESYNC_IOC_SYNC would have to ask the device, or would
 *	report a loss (EIO), else 0
 * @__reserved: in: 0
 * @posted: out: sequence number of the newest write; a long one takes several
 * @synced: out: every write up to this number has arrived, or was lost, of
 *	which each file's next sync tells
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

/* Flags of writesync_sync.flags and, except RANGE, of writesync_write.flags */

/* @timeout_ns is a point in time of CLOCK_MONOTONIC. */
#define WRITESYNC_ABSTIME	0x1
/*
 * Only the bytes @offset to @offset + @length - 1 matter. They must lie in the
 * file's memory. A readback pushes everything ahead of it, so more may be flushed.
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
 * @elapsed_ns: out: how long the call took, in ns; 0 if nothing was unsynced
 * @synced: out: every write up to this sequence number has arrived, or was lost,
 *	of which each file's next sync tells
 * @readbacks: out: device accesses (readbacks) that were made for this call;
 *	0 if nothing was unsynced, or if another caller's readback served
 * @__reserved: in: 0
 *
 * Returns 0 when every byte of every write to the window that had returned
 * before the call began, by any thread and through any file, is in the
 * device's memory, for whoever reads that memory. (With
 * WRITESYNC_CONFIRM_CONFIG that holds for the bus, not for what a device holds
 * inside itself.) Stores through a shared mapping count too: the caller's own,
 * and those of other threads of its process. The output fields are stored on
 * errors too, unless an argument was refused (EFAULT, EINVAL, E2BIG,
 * EOPNOTSUPP).
 *
 * A sync of a window with nothing unsynced returns 0 without touching the
 * device. While a mapping exists through which somebody has written, nobody
 * but the device knows whether anything is unsynced: each sync asks.
 *
 * If the device may have lost unsynced bytes (it was reset, for example), the
 * next sync of each file that was open then fails with EIO, once, and
 * @generation of struct writesync_info has gone up. Of several syncs of one file
 * that wait at that time, all fail. Whatever was written before and not confirmed
 * has to be written again.
 *
 * On a file with O_NONBLOCK the call does not sleep: if it would, it sees that
 * a readback begins and fails with EAGAIN; call again. While others go on
 * writing, that may be so for ever. Where the caller does not read by itself
 * (inline_sync in sysfs), such a call cannot cover stores through a mapping: no
 * earlier readback is of any use for them, so it fails with EAGAIN each time.
 * write() with O_DSYNC or RWF_DSYNC always waits; WRITESYNC_IOC_WRITE, which can
 * tell both how much was written and that it waits no longer, does not.
 *
 * Errors, besides those of every ioctl:
 *   ETIMEDOUT  not confirmed in time; the bytes may still arrive
 *   EINTR      a signal came first; the same holds
 *   EAGAIN     O_NONBLOCK is set and the call would sleep
 *   EIO        unsynced bytes may be lost, see above; or the device is there
 *              but its answer cannot be trusted, its memory decoding is off,
 *              or WRITESYNC_VERIFY found another word
 *   EBADFD     the region is not committed
 *   EINVAL     @offset and @length are not in the file's memory, or not 0
 *              without WRITESYNC_RANGE
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

/* Flags of writesync_write.flags, besides ABSTIME and VERIFY */

/* Write at @offset; without it at the file position, which then advances. */
#define WRITESYNC_WRITE_AT	0x8
/* Then sync, as WRITESYNC_IOC_SYNC does. */
#define WRITESYNC_WRITE_SYNC	0x10

/**
 * struct writesync_iovec - one piece of user memory
 * @base: address
 * @length: bytes
 *
 * On 64-bit machines this is struct iovec.
 */
struct writesync_iovec {
	__aligned_u64 base;
	__aligned_u64 length;
};

#define WRITESYNC_IOV_MAX	1024

/**
 * struct writesync_write - write, and sync if asked to (WRITESYNC_IOC_WRITE)
 * @size: in: sizeof(struct writesync_write)
 * @flags: in: WRITESYNC_ABSTIME, WRITESYNC_VERIFY, WRITESYNC_WRITE_AT,
 *	WRITESYNC_WRITE_SYNC. VERIFY needs WRITE_SYNC
 * @iov: in: address of an array of struct writesync_iovec
 * @iov_count: in: how many there are, 0 to WRITESYNC_IOV_MAX
 * @__reserved: in: 0
 * @offset: in: with WRITESYNC_WRITE_AT: first byte to write, else 0
 * @timeout_ns: in: for both together, see "Time-outs" above
 * @bytes_written: out: bytes written
 * @elapsed_ns: out: how long the call took, in ns
 * @synced: out: every write up to this sequence number has arrived, or was lost,
 *	of which each file's next sync tells
 * @readbacks: out: as in struct writesync_sync
 * @__reserved2: in: 0
 *
 * Returns 0 only if all bytes were written and, with WRITESYNC_WRITE_SYNC or on
 * a file with O_DSYNC, have arrived. On an error @bytes_written says how many
 * were written; the file position, if it is used, has advanced by as many. If
 * they are fewer than asked for, there was no sync; if they are as many, it is
 * the sync that failed. A write of no bytes is only the sync.
 *
 * The output fields are stored on errors too, unless an argument was refused
 * (EINVAL, E2BIG, EOPNOTSUPP, EBADF, ENOMEM, or EFAULT for the structure or the
 * array @iov). A long copy looks at the time between its parts. The file position is
 * that of write(); threads that share it have to agree who uses it.
 *
 * Errors, besides those of every ioctl:
 *   EBADF      the file is not open for writing
 *   EBADFD     the region is not committed
 *   EPERM      not all bytes fit before the device's MSI-X table, which is in
 *              the BAR and must not be written
 *   ENOSPC     not all bytes fit before the end of the file's memory
 *   ENOMEM     no kernel memory for the array @iov
 *   EFAULT     also: a piece of @iov cannot be read; the bytes before it are
 *              written
 *   EINVAL     also: @iov_count is over WRITESYNC_IOV_MAX, the lengths together
 *              are over SSIZE_MAX (2^63 - 1), @offset is over 2^63 - 1 or not 0
 *              without WRITESYNC_WRITE_AT, VERIFY without WRITESYNC_WRITE_SYNC,
 *              or the bytes are not aligned to the access width that was set
 *   ETIMEDOUT, EINTR, EAGAIN, EIO, EOPNOTSUPP
 *              as for WRITESYNC_IOC_SYNC
 */
struct writesync_write {
	__u32 size;
	__u32 flags;
	__aligned_u64 iov;
	__u32 iov_count;
	__u32 __reserved;
	__aligned_u64 offset;
	__aligned_u64 timeout_ns;
	__aligned_u64 bytes_written;
	__aligned_u64 elapsed_ns;
	__aligned_u64 synced;
	__u32 readbacks;
	__u32 __reserved2;
};

/**
 * struct writesync_alloc - cut a region out of a window (WRITESYNC_IOC_ALLOC)
 * @size: in: sizeof(struct writesync_alloc)
 * @flags: in: 0
 * @length: in: bytes wanted, 1 or more; out: rounded up to the granule
 * @alignment: in: the region's offset in the window is a multiple of this
 *	power of two; 0: of the granule
 * @offset: out: where the region begins in the window, hence in the BAR
 * @fd: out: a file descriptor of the region, close-on-exec
 * @__reserved: in: 0
 *
 * The region is nobody else's until the last descriptor and the last mapping of
 * it are closed. It is not committed. The window's own file still reaches it.
 * The descriptor is open for reading too if the window's file is. It may be
 * passed to a process that may not open the window.
 *
 * Errors, besides those of every ioctl:
 *   EBADF      the file is not open for writing
 *   EINVAL     @length is 0, @alignment is not a power of two, or the file is
 *              itself a region
 *   ENOSPC     no free piece is large enough; see @largest_free of struct
 *              writesync_info
 *   ENOMEM     no kernel memory
 *   EMFILE, ENFILE
 *              too many open files
 */
struct writesync_alloc {
	__u32 size;
	__u32 flags;
	__aligned_u64 length;
	__aligned_u64 alignment;
	__aligned_u64 offset;
	__s32 fd;
	__u32 __reserved;
};

/**
 * struct writesync_commit - make a region usable, or unusable
 *	(WRITESYNC_IOC_COMMIT, WRITESYNC_IOC_DECOMMIT)
 * @size: in: sizeof(struct writesync_commit)
 * @flags: in: 0
 *
 * The first commit of a region fills it with zeros and waits, for the default
 * time-out, until they have arrived, so that nobody reads what an earlier owner
 * left. While it is not committed, read(), write(), mmap(), fsync() and the
 * ioctls SYNC and WRITE fail with EBADFD; mappings that exist stay valid. To
 * commit what is committed, or to decommit what is not, does
 * nothing and is no error. A window's file is committed when it is opened; the
 * ioctls concern that file alone and never clear anything. Calls that commit the
 * same region take turns.
 *
 * Errors of WRITESYNC_IOC_COMMIT, besides those of every ioctl; the region is
 * then not committed:
 *   EINTR      a signal came
 *   ETIMEDOUT  the zeros are not known to have arrived, or the window has been
 *              FROZEN all the time
 *   EIO        the zeros may be lost, or as for WRITESYNC_IOC_SYNC
 *   EAGAIN     the window is FROZEN and O_NONBLOCK is set
 * Errors of WRITESYNC_IOC_DECOMMIT, besides those of every ioctl:
 *   EINTR      a signal came while another call commits the region
 */
struct writesync_commit {
	__u32 size;
	__u32 flags;
};

/**
 * struct writesync_check - is that this file's memory? (WRITESYNC_IOC_CHECK)
 * @size: in: sizeof(struct writesync_check)
 * @flags: in: 0
 * @address: in: first address
 * @length: in: bytes, 1 or more
 * @offset: out: offset of @address in this file's memory, if @inside
 * @inside: out: 1 if all of the range is mapped by the caller and is this
 *	file's memory, one piece and in order; else 0
 * @__reserved: in: 0
 *
 * A mapping of the window counts for a region that lies in it, and the other
 * way round.
 *
 * Errors, besides those of every ioctl:
 *   EINVAL     @length is 0, or @address + @length is over 2^64
 *   EINTR      a fatal signal came
 */
struct writesync_check {
	__u32 size;
	__u32 flags;
	__aligned_u64 address;
	__aligned_u64 length;
	__aligned_u64 offset;
	__u32 inside;
	__u32 __reserved;
};

/* Each takes a pointer to the structure of its name; DECOMMIT: writesync_commit */
#define WRITESYNC_IOC_INFO	_IO(WRITESYNC_IOC_MAGIC, 0x00)
#define WRITESYNC_IOC_QUERY	_IO(WRITESYNC_IOC_MAGIC, 0x01)
#define WRITESYNC_IOC_SYNC	_IO(WRITESYNC_IOC_MAGIC, 0x02)
#define WRITESYNC_IOC_WRITE	_IO(WRITESYNC_IOC_MAGIC, 0x03)
#define WRITESYNC_IOC_ALLOC	_IO(WRITESYNC_IOC_MAGIC, 0x04)
#define WRITESYNC_IOC_COMMIT	_IO(WRITESYNC_IOC_MAGIC, 0x05)
#define WRITESYNC_IOC_DECOMMIT	_IO(WRITESYNC_IOC_MAGIC, 0x06)
#define WRITESYNC_IOC_CHECK	_IO(WRITESYNC_IOC_MAGIC, 0x07)

#endif /* _UAPI_LINUX_WRITESYNC_H */

/* SPDX-License-Identifier: MIT */
/*
 * libwritesync - write into a PCI device's memory and know that it arrived
 *
 * Functions on plain file descriptors: of /dev/writesyncN, a "window", and of
 * regions that are cut out of one. Everything that works on a descriptor works
 * beside them: read(), write(), lseek(), mmap(), poll(), fsync(), close().
 *
 * Results. Every function returns 0 or a value above it, or a negative errno
 * value (-ETIMEDOUT, say). errno itself is left alone by a function that
 * succeeds, and means nothing after one that failed.
 *
 * Errors. Each function lists its own. Besides these, every function that takes
 * a descriptor can return
 *   -EBADF   it is not an open descriptor
 *   -ENOTTY  it is not one of writesync's; writesync_write() and
 *            writesync_map() do not look, they do what write() and mmap() do
 *   -ENODEV  the device is gone (not writesync_info(), which then says so)
 *
 * Threads. The library has no state of its own. Every function may be called
 * by any number of threads at a time, with the same descriptor too. Threads
 * that use the file position (WRITESYNC_POSITION) of one descriptor have to
 * agree on who does so when.
 *
 * Time-outs are nanoseconds from the call on; with the flag WRITESYNC_ABSTIME,
 * where there are flags, a point in time of CLOCK_MONOTONIC. In both forms
 * WRITESYNC_TIMEOUT_DEFAULT (0) is the window's own time-out, and
 * WRITESYNC_TIMEOUT_NONE waits for ever.
 *
 * In C++ a structure of a function's name needs the word struct in front.
 *
 * Offsets and lengths are bytes, relative to the descriptor's memory: the
 * window's or the region's.
 */
#ifndef WRITESYNC_H
#define WRITESYNC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <linux/writesync.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the shared library offers is exactly what is declared here. */
#pragma GCC visibility push(default)

/* As an offset to write at: the file position, which then advances. */
#define WRITESYNC_POSITION	UINT64_MAX

/* As a length to sync, from offset 0 on: all of the descriptor's memory. */
#define WRITESYNC_WHOLE		UINT64_MAX

/* Opening and closing; to close, call close() */

/**
 * writesync_open() - open a window by its name
 * @name: the name of a device file, "writesync0", which is looked for in /dev;
 *	or a path, which has a '/' in it
 * @flags: O_RDONLY, O_WRONLY or O_RDWR, perhaps with O_NONBLOCK, O_DSYNC or
 *	others of open(2). O_CLOEXEC is always added
 *
 * Return: a file descriptor; or
 *   -EINVAL        @flags has O_CREAT, O_TRUNC, O_PATH or O_TMPFILE
 *   -ENAMETOOLONG  @name is longer than a path can be
 *   -ENOTTY        it can be opened, but is not one of writesync's
 *   -ENODEV        the device has gone
 *   -ENOENT, -EACCES, -EMFILE, -ENFILE and others
 *                  what open(2) says
 */
int writesync_open(const char *name, int flags);

/**
 * writesync_open_index() - open a window by its number
 * @index: the N of /dev/writesyncN
 * @flags: as for writesync_open()
 *
 * Return: as writesync_open().
 */
int writesync_open_index(unsigned int index, int flags);

/**
 * writesync_open_pci() - open a window by its place on the PCI bus
 * @address: "0000:01:00.0", as lspci -D writes it, or "01:00.0", which is in
 *	domain 0; hexadecimal digits, of either case
 * @bar: number of the BAR, 0 to 5; or -1: the only one that is a window
 * @flags: as for writesync_open()
 *
 * Return: a file descriptor; or, besides what writesync_open() returns,
 *   -EINVAL    @address is not a PCI address, or @bar is not -1 to 5
 *   -ENODEV    no such window: there is no such device, the driver is not
 *              bound to it, or the BAR is not a window
 *   -ENOTUNIQ  @bar is -1, and the device has several windows
 */
int writesync_open_pci(const char *address, int bar, int flags);

/* Looking */

/**
 * writesync_info() - who and what
 * @fd: a window or a region
 * @info: out: everything about it, see struct writesync_info
 *
 * Works on a device that is gone too: @info->state then says so. What an older
 * kernel does not know is 0.
 *
 * Return: 0 or a negative errno value.
 */
int writesync_info(int fd, struct writesync_info *info);

/**
 * writesync_query() - is a sync needed now?
 * @fd: a window or a region
 *
 * Does not touch the device and does not wait.
 *
 * Return: 1 if writesync_sync() would have to ask the device or would report a
 * loss, else 0; or a negative errno value.
 */
int writesync_query(int fd);

/**
 * writesync_version() - the version of the library that is running
 *
 * Return: a string such as "0.1", never freed.
 */
const char *writesync_version(void);

/* Writing */

/**
 * writesync_write() - write, all of it
 * @fd: a window or a region, open for writing
 * @buf: what to write
 * @len: how many bytes, 0 to SSIZE_MAX
 * @offset: where to, 0 to 2^63 - 1, or WRITESYNC_POSITION
 *
 * The bytes are posted, not arrived, when the call returns, unless the file is
 * open with O_DSYNC. A write that is cut short is continued; a signal ends the
 * call only before the first byte is written.
 *
 * Return: @len; fewer, if an error came after that many bytes; or
 *   -ENOSPC     it begins at or beyond the end of the memory
 *   -EFAULT     the first byte cannot be read
 *   -EINVAL     @len, @offset or both together are too large, or not aligned to
 *               the access width that was set
 *   -EBADF      also: not open for writing
 *   -EBADFD     the region is not committed
 *   -EINTR      a signal came first
 *   -EAGAIN     O_NONBLOCK, and the call would wait
 *   -ETIMEDOUT, -EIO
 *               the file is open with O_DSYNC, and the sync failed; or the
 *               window stayed frozen for its time-out
 */
ssize_t writesync_write(int fd, const void *buf, size_t len, uint64_t offset);

/**
 * writesync_write_sync() - write, and wait until it has arrived
 * @fd: a window or a region, open for writing
 * @buf: what to write
 * @len: how many bytes; 0: only the sync
 * @offset: where to, 0 to 2^63 - 1, or WRITESYNC_POSITION
 * @timeout_ns: for both together
 * @written: out, or NULL: how many bytes were written, on errors too
 *
 * If @written is less than @len on an error, there was no sync; if it is @len,
 * it is the sync that failed.
 *
 * Return: 0 if all bytes were written and have arrived; or
 *   -ETIMEDOUT  not written or not confirmed in time; the bytes may still
 *               arrive
 *   -EINTR      a signal came first; the same holds
 *   -EAGAIN     O_NONBLOCK, and the call would wait; if @written is @len, sync
 *               again
 *   -EIO        unsynced bytes may be lost, or the device's answer cannot be
 *               trusted: write them again
 *   -ENOSPC     not all bytes fit before the end of the memory
 *   -EFAULT     a byte cannot be read; those before it are written
 *   -EINVAL     @len or @offset is too large, or not aligned to the access
 *               width that was set
 *   -EBADF      also: not open for writing
 *   -EBADFD     the region is not committed
 */
int writesync_write_sync(int fd, const void *buf, size_t len, uint64_t offset,
			 uint64_t timeout_ns, size_t *written);

/**
 * writesync_writev_sync() - write pieces, and wait until they have arrived
 * @fd: a window or a region, open for writing
 * @iov: the pieces; they are written one behind the other
 * @count: how many, 0 to WRITESYNC_IOV_MAX; 0: only the sync
 * @offset: where to, 0 to 2^63 - 1, or WRITESYNC_POSITION
 * @timeout_ns: for all together
 * @flags: WRITESYNC_ABSTIME: @timeout_ns is a point in time of CLOCK_MONOTONIC;
 *	WRITESYNC_VERIFY: also compare the last word with what is read back
 * @written: out, or NULL: how many bytes were written, on errors too
 *
 * Return: as writesync_write_sync(), and
 *   -EINVAL      also: @count is out of its range, the lengths together are
 *                over SSIZE_MAX, or an unknown flag
 *   -EIO         also: WRITESYNC_VERIFY found another word
 *   -EOPNOTSUPP  WRITESYNC_VERIFY on a window that must not be read
 *   -ENOMEM      no memory for a copy of @iov
 */
int writesync_writev_sync(int fd, const struct iovec *iov, int count,
			  uint64_t offset, uint64_t timeout_ns,
			  unsigned int flags, size_t *written);

/* Syncing */

/**
 * writesync_sync() - wait until everything written before has arrived
 * @fd: a window or a region
 * @timeout_ns: how long to wait at most
 *
 * What counts is every write to the window that has returned, by whomever and
 * through any descriptor, and the stores of this process through mappings.
 * With nothing unsynced the device is not touched.
 *
 * Return: 0 if all has arrived; or
 *   -ETIMEDOUT  not confirmed in time; the bytes may still arrive
 *   -EINTR      a signal came first; the same holds
 *   -EAGAIN     O_NONBLOCK, and the call would wait; the readback has begun,
 *               unless the window is FROZEN.
 *               May be so for ever while others write, and is so each time if
 *               somebody has written through a mapping and the caller may not
 *               read by itself (inline_sync in sysfs)
 *   -EIO        unsynced bytes may be lost (said once for each open file), or
 *               the device's answer cannot be trusted: write them again
 *   -EBADFD     the region is not committed
 */
int writesync_sync(int fd, uint64_t timeout_ns);

/**
 * writesync_sync_range() - the same for a range, with flags
 * @fd: a window or a region
 * @offset: the first byte that matters
 * @length: how many bytes do; WRITESYNC_WHOLE with @offset 0: all
 * @timeout_ns: how long to wait at most
 * @flags: WRITESYNC_ABSTIME and WRITESYNC_VERIFY, as for
 *	writesync_writev_sync()
 *
 * Return: as writesync_sync(), and
 *   -EINVAL      the range is not in the descriptor's memory, or an unknown flag
 *   -EIO         also: WRITESYNC_VERIFY found another word
 *   -EOPNOTSUPP  WRITESYNC_VERIFY on a window that must not be read
 */
int writesync_sync_range(int fd, uint64_t offset, uint64_t length,
			 uint64_t timeout_ns, unsigned int flags);

/* Regions */

/**
 * writesync_region_alloc() - cut a region out of a window
 * @fd: a window, open for writing
 * @length: in: bytes wanted, 1 or more; out: rounded up to the granule
 * @alignment: the region's offset in the window is a multiple of this power of
 *	two; 0: of the granule
 * @offset: out, or NULL: where the region begins in the window
 *
 * It is nobody else's until the last descriptor and the last mapping of it are
 * closed. It has to be committed before it is used. On errors the out values
 * stay as they are.
 *
 * Return: a file descriptor of the region, close-on-exec; or
 *   -EBADF   also: not open for writing
 *   -EINVAL  @length is 0, @alignment is not a power of two, or @fd is itself
 *            a region
 *   -ENOSPC  no free piece is large enough
 *   -ENOMEM  no kernel memory
 *   -EMFILE, -ENFILE
 *            too many open files
 */
int writesync_region_alloc(int fd, uint64_t *length, uint64_t alignment,
			   uint64_t *offset);

/**
 * writesync_region_commit() - make a region usable
 * @fd: a region; a window, if it was decommitted
 *
 * The first commit of a region fills it with zeros and waits, for the window's
 * own time-out, until they have arrived; with O_NONBLOCK too. To commit what is
 * committed does nothing.
 *
 * Return: 0; or
 *   -EINTR      a signal came
 *   -ETIMEDOUT  the zeros are not known to have arrived, or the window stayed
 *               frozen for its time-out
 *   -EIO        the zeros may be lost, or the device's answer cannot be trusted
 *   -EAGAIN     the window is frozen, and O_NONBLOCK is set
 */
int writesync_region_commit(int fd);

/**
 * writesync_region_decommit() - make a region unusable
 * @fd: a region; or a window, for this open file alone
 *
 * Until it is committed again reads, writes, syncs and new mappings fail with
 * -EBADFD. Contents and existing mappings stay. To decommit what is not
 * committed does nothing.
 *
 * Return: 0; or
 *   -EINTR  a signal came while another call commits the region
 */
int writesync_region_decommit(int fd);

/* Mappings */

/**
 * writesync_map() - map device memory
 * @fd: a window or a region
 * @offset: first byte, a multiple of the page size
 * @length: bytes, 1 or more; the mapping ends at a page's end
 * @prot: PROT_READ, PROT_WRITE or both
 * @address: out: where it is, on success
 *
 * Stores through the mapping are posted; writesync_sync() waits for them.
 *
 * Return: 0; or
 *   -EINVAL  @offset is not a multiple of the page size, @length is 0, or the
 *            range is not in the descriptor's memory
 *   -EACCES  the descriptor is not open for reading, or PROT_WRITE is asked for
 *            and it is not open for writing
 *   -EBADFD  the region is not committed
 *   -ENOMEM  no room in the address space, or no kernel memory
 *   -ENODEV  the device is gone, or the descriptor is not of this kind
 */
int writesync_map(int fd, uint64_t offset, size_t length, int prot,
		  void **address);

/**
 * writesync_unmap() - undo writesync_map()
 * @address: what writesync_map() stored
 * @length: as for writesync_map()
 *
 * Does not sync.
 *
 * Return: 0; or -EINVAL: @address is not at a page's beginning, or @length is 0.
 */
int writesync_unmap(void *address, size_t length);

/**
 * writesync_check() - is that the descriptor's memory?
 * @fd: a window or a region
 * @address: first address
 * @length: bytes, 1 or more
 * @offset: out, or NULL: if it is, the offset of @address
 *
 * Return: 1 if the whole range is mapped by this process and is @fd's memory,
 * one piece and in order, else 0; or
 *   -EINVAL  @length is 0, or the range ends beyond 2^64
 *   -EINTR   a fatal signal came
 */
int writesync_check(int fd, const void *address, size_t length,
		    uint64_t *offset);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* WRITESYNC_H */

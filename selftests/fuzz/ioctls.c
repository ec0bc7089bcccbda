// SPDX-License-Identifier: GPL-2.0
/*
 * Steps that are ioctls of writesync. The first arguments are always: fd; at,
 * where the structure is; size, what it says of itself; tail, a byte that is
 * set in it, whatever that is; abi, 32 for a call as 32-bit programs make it.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "fuzz.h"

#define STRUCT_MAX	4096
#define CANARY		64
#define CANARY_BYTE	0xc5
#define PIECES		16	/* pieces that are given, of any number said */
#define IOCTL_32	54	/* the number of ioctl() there */

enum { FD, AT, SIZE, TAIL, ABI, FIRST };

/* The path that a 32-bit program takes, which has other numbers. */
static long ioctl_32(int fd, unsigned long cmd, __u64 at)
{
#ifdef __x86_64__
	long ret;

	asm volatile("int $0x80"
		     : "=a" (ret)
		     : "a" (IOCTL_32), "b" (fd), "c" (cmd), "d" ((__u32)at)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
#else
	return fz_result(syscall(SYS_ioctl, fd, cmd, at));
#endif
}

static long call(const __u64 *args, unsigned long cmd)
{
	return args[ABI] == 32 ? ioctl_32(args[FD], cmd, args[AT]) :
	       fz_result(ioctl((int)args[FD], cmd, args[AT]));
}

static bool in_ram(__u64 at, __u64 length)
{
	return at >= FZ_RAM && length <= FZ_RAM_SIZE &&
	       at - FZ_RAM <= FZ_RAM_SIZE - length;
}

/*
 * Does nobody but the call itself change the structure? In device memory a
 * store may be lost.
 */
static bool is_private(const struct fz_run *run, const __u64 *args,
		       size_t length)
{
	return run->program->threads < 2 && !run->rings_used &&
	       in_ram(args[AT], length);
}

/*
 * With nobody else about, no byte changes behind what the caller says is there.
 */
static void check_canary(const __u64 *args, size_t size)
{
	__u8 canary[CANARY];

	if (fz_copy(canary, (void *)(args[AT] + size), CANARY) &&
	    !ws_all(canary, CANARY, CANARY_BYTE))
		fz_fail(FZ_RULE_RESULT,
			"a structure of %zu bytes was overrun by the kernel",
			size);
}

/* @s: the structure as it should be; afterwards as the kernel left it. */
static long call_struct(struct fz_run *run, const __u64 *args,
			unsigned long cmd, void *s, size_t full)
{
	__u8 bytes[STRUCT_MAX + CANARY] = {};
	__u32 size = args[SIZE];
	size_t length = size < STRUCT_MAX ? size : STRUCT_MAX;
	bool watch = is_private(run, args, length + CANARY);
	long ret;

	memcpy(bytes, s, full);
	memcpy(bytes, &size, sizeof(size));
	if (args[TAIL] && args[TAIL] < STRUCT_MAX)
		bytes[args[TAIL]] ^= 0x5a;
	memset(bytes + length, CANARY_BYTE, CANARY);
	fz_copy((void *)args[AT], bytes, length + (watch ? CANARY : 0));
	ret = call(args, cmd);
	if (watch)
		check_canary(args, length);
	if (length < full || !fz_copy(s, (void *)args[AT], full))
		memset(s, 0, full);
	if (ret > 0)
		fz_fail(FZ_RULE_RESULT, "ioctl %#lx returned %ld", cmd, ret);
	return ret;
}

FZ_ACT(ioctl)
{
	return call(args, args[FIRST]);
}

FZ_ACT(info)
{
	struct writesync_info info = { .flags = args[FIRST] };
	long ret = call_struct(run, args, WRITESYNC_IOC_INFO, &info,
			       sizeof(info));

	if (!ret && is_private(run, args, sizeof(info)) &&
	    info.size == sizeof(info) &&
	    (info.free > info.total || info.largest_free > info.free ||
	     info.synced > info.posted || info.offset > run->dev->size ||
	     info.length > run->dev->size - info.offset))
		fz_fail(FZ_RULE_RESULT, "INFO contradicts itself");
	return ret;
}

FZ_ACT(query)
{
	struct writesync_query query = { .flags = args[FIRST] };

	return call_struct(run, args, WRITESYNC_IOC_QUERY, &query,
			   sizeof(query));
}

/*
 * A point in time can be given as one: what is less than 10 s counts from now.
 * The call may take as long as the time-out says.
 */
static __u64 time_out(struct fz_run *run, __u64 flags, __u64 timeout_ns)
{
	__u64 length = timeout_ns;

	if (!timeout_ns)
		length = run->timeout_ns;
	else if (flags & WRITESYNC_ABSTIME && timeout_ns < 10 * WS_S)
		timeout_ns += ws_now();
	fz_limit(length);
	return timeout_ns;
}

FZ_ACT(sync)
{
	struct writesync_sync sync = {
		.flags = args[FIRST],
		.timeout_ns = time_out(run, args[FIRST], args[FIRST + 1]),
		.offset = args[FIRST + 2],
		.length = args[FIRST + 3],
	};

	return call_struct(run, args, WRITESYNC_IOC_SYNC, &sync, sizeof(sync));
}

static const __u64 iov_base = FIRST + 2;

/* Pieces that follow each other, as many as the kernel may read. */
static __u64 put_iov(const __u64 *args)
{
	struct writesync_iovec iov[PIECES];
	__u64 base = args[iov_base], length = args[iov_base + 1], i;
	__u64 count = args[FIRST + 4] < PIECES ? args[FIRST + 4] : PIECES;

	for (i = 0; i < count; i++) {
		iov[i].base = base + i * length;
		iov[i].length = length;
	}
	fz_copy((void *)args[FIRST + 1], iov, count * sizeof(iov[0]));
	return args[FIRST + 1];
}

/* Is the list in RAM, and the structure not over it? */
static bool has_list(const __u64 *args, __u64 length)
{
	__u64 list = args[FIRST + 1], at = args[AT];

	return in_ram(list, length) &&
	       (at >= list + length || list >= at + STRUCT_MAX + CANARY);
}

FZ_ACT(ioc_write)
{
	struct writesync_write write = {
		.flags = args[FIRST],
		.iov = put_iov(args),
		.iov_count = args[FIRST + 4],
		.offset = args[FIRST + 5],
		.timeout_ns = time_out(run, args[FIRST], args[FIRST + 6]),
	};
	__u64 asked = write.iov_count * args[iov_base + 1];
	long ret = call_struct(run, args, WRITESYNC_IOC_WRITE, &write,
			       sizeof(write));

	if (!ret && is_private(run, args, sizeof(write)) &&
	    write.size == sizeof(write) && write.iov_count <= PIECES &&
	    has_list(args, sizeof(struct writesync_iovec) * PIECES) &&
	    write.bytes_written != asked)
		fz_fail(FZ_RULE_RESULT, "WRITE of %llu bytes wrote %llu", asked,
			write.bytes_written);
	return ret;
}

/* So that it is known afterwards where a confined program may write. */
static void note_region(struct fz_run *run, int fd)
{
	unsigned int i = run->extent_count++;
	struct writesync_info info;

	if (i >= FZ_EXTENTS || ws_info(fd, &info)) {
		/* Then everything may change. */
		i = 0;
		info.offset = 0;
		info.length = run->dev->size;
	}
	run->extents[i].at = info.offset;
	run->extents[i].length = info.length;
}

FZ_ACT(alloc)
{
	struct writesync_alloc alloc = {
		.flags = args[FIRST], .length = args[FIRST + 1],
		.alignment = args[FIRST + 2], .fd = -1,
	};
	__u64 changed[FZ_ARGS];
	long ret;

	memcpy(changed, args, sizeof(changed));
	/* A file that can only be read allocates nothing. */
	if (run->program->confined)
		changed[FD] = run->control;
	ret = call_struct(run, changed, WRITESYNC_IOC_ALLOC, &alloc,
			  sizeof(alloc));
	if (!ret)
		made->fd = alloc.fd;
	if (!ret && run->program->confined)
		note_region(run, alloc.fd);
	return ret;
}

static long commit(struct fz_run *run, const __u64 *args, unsigned long cmd)
{
	struct writesync_commit commit = { .flags = args[FIRST] };

	return call_struct(run, args, cmd, &commit, sizeof(commit));
}

FZ_ACT(commit)
{
	return commit(run, args, WRITESYNC_IOC_COMMIT);
}

FZ_ACT(decommit)
{
	return commit(run, args, WRITESYNC_IOC_DECOMMIT);
}

FZ_ACT(check)
{
	struct writesync_check check = {
		.flags = args[FIRST], .address = args[FIRST + 1],
		.length = args[FIRST + 2],
	};

	return call_struct(run, args, WRITESYNC_IOC_CHECK, &check,
			   sizeof(check));
}

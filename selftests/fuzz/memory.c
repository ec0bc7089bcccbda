// SPDX-License-Identifier: GPL-2.0
/*
 * Steps about memory, and the areas that addresses point into.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fuzz.h"

#define PAGE	4096ULL

/* ---- areas ---- */

/* @how: MAP_FIXED, or MAP_FIXED_NOREPLACE where nothing is yet */
static bool place(__u64 at, __u64 length, int prot, int how)
{
	return mmap((void *)at, length, prot,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | how, -1,
		    0) != MAP_FAILED;
}

int fz_memory_init(void)
{
	if (!place(FZ_RAM, FZ_RAM_SIZE, PROT_READ | PROT_WRITE,
		   MAP_FIXED_NOREPLACE) ||
	    !place(FZ_RO, FZ_RO_SIZE, PROT_READ, MAP_FIXED_NOREPLACE) ||
	    !place(FZ_ZONE, FZ_ZONE_SIZE, PROT_NONE, MAP_FIXED_NOREPLACE))
		return -errno;
	ws_fill((void *)FZ_RAM, FZ_RAM_SIZE, 1);
	return 0;
}

void fz_memory_reset(struct fz_run *run)
{
	if (run->mapped && !place(FZ_ZONE, FZ_ZONE_SIZE, PROT_NONE, MAP_FIXED))
		abort();
	run->mapped = false;
}

bool fz_in_zone(__u64 at, __u64 length)
{
	return at >= FZ_ZONE && length <= FZ_ZONE_SIZE &&
	       at - FZ_ZONE <= FZ_ZONE_SIZE - length;
}

/* ---- memory that may not be there ---- */

static __thread sigjmp_buf escape;
static __thread volatile sig_atomic_t armed;

/* A fault that nobody expects is one of the fuzzer's own. */
static void on_fault(int sig)
{
	if (!armed) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	siglongjmp(escape, sig);
}

static __attribute__((constructor)) void catch_faults(void)
{
	struct sigaction action = {
		.sa_handler = on_fault, .sa_flags = SA_NODEFER,
	};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

bool fz_copy(void *to, const void *from, size_t length)
{
	if (sigsetjmp(escape, 0)) {
		armed = 0;
		return false;
	}
	armed = 1;
	memcpy(to, from, length);
	armed = 0;
	return true;
}

enum { READ_1, READ_8, WRITE_1, WRITE_8, CHANGE_8, WRITE_PAGE, EXECUTE };

const struct fz_name fz_touches[] = {
	{ "read", READ_8 }, { "write", WRITE_8 }, { "read1", READ_1 },
	{ "write1", WRITE_1 }, { "change", CHANGE_8 },
	{ "writepage", WRITE_PAGE }, {}
};

static void touch_now(__u64 at, __u64 how)
{
	volatile __u8 *byte = (volatile __u8 *)at;
	volatile __u64 *word = (volatile __u64 *)at;

	switch (how) {
	case READ_1:
		(void)*byte;
		break;
	case READ_8:
		(void)*word;
		break;
	case WRITE_1:
		*byte = 0xe1;
		break;
	case WRITE_8:
		*word = 0xe1e2e3e4e5e6e7e8;
		break;
	case CHANGE_8:
		__atomic_fetch_add((__u64 *)at, 1, __ATOMIC_SEQ_CST);
		break;
	case WRITE_PAGE:
		memset((void *)(at & -PAGE), 0xe9, PAGE);
		break;
	}
}

static long touch(__u64 at, __u64 how)
{
	/* Our own stack and data are nobody's to touch. */
	if (how > READ_8 && how != READ_1 && !fz_in_zone(at, PAGE) &&
	    at - FZ_RAM > FZ_RAM_SIZE - PAGE)
		return FZ_SKIPPED;
	if (sigsetjmp(escape, 0)) {
		armed = 0;
		return -EFAULT;
	}
	armed = 1;
	touch_now(at, how);
	armed = 0;
	return 0;
}

FZ_ACT(touch)
{
	return touch(args[0], args[1]);
}

FZ_ACT(copy)
{
	__u64 length = args[2] < PAGE ? args[2] : PAGE;

	if (!fz_in_zone(args[0], PAGE) &&
	    args[0] - FZ_RAM > FZ_RAM_SIZE - PAGE)
		return FZ_SKIPPED;
	return fz_copy((void *)args[0], (void *)args[1], length) ? 0 : -EFAULT;
}

/* ---- mappings ---- */

/* Elsewhere it would take the place of what the fuzzer needs. */
FZ_ACT(mmap)
{
	int flags = args[3];
	void *map;

	run->mapped = true;
	if (args[1] && fz_in_zone(args[0], args[1]))
		return mmap((void *)args[0], args[1], args[2],
			    flags | MAP_FIXED, args[4], args[5]) == MAP_FAILED ?
		       -errno : 0;
	flags &= ~(MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_POPULATE);
	map = mmap(NULL, args[1], args[2], flags, args[4], args[5]);
	if (map == MAP_FAILED)
		return -errno;
	munmap(map, args[1]);
	return 0;
}

FZ_ACT(munmap)
{
	run->mapped = true;
	if (!fz_in_zone(args[0], args[1]))
		return FZ_SKIPPED;
	return fz_result(munmap((void *)args[0], args[1]));
}

FZ_ACT(mprotect)
{
	run->mapped = true;
	if (!fz_in_zone(args[0], args[1]))
		return FZ_SKIPPED;
	return fz_result(mprotect((void *)args[0], args[1], args[2]));
}

FZ_ACT(mremap)
{
	int flags = args[4];
	void *map;

	run->mapped = true;
	if (!fz_in_zone(args[0], args[1]) || !fz_in_zone(args[0], args[2]))
		return FZ_SKIPPED;
	if (flags & MREMAP_MAYMOVE) {
		flags |= MREMAP_FIXED;
		if (!fz_in_zone(args[3], args[2]))
			return FZ_SKIPPED;
	}
	map = mremap((void *)args[0], args[1], args[2], flags, args[3]);
	return map == MAP_FAILED ? -errno : 0;
}

FZ_ACT(msync)
{
	return fz_result(msync((void *)args[0], args[1], args[2]));
}

FZ_ACT(madvise)
{
	run->mapped = true;
	/* In RAM: a page that is to be brought in again when it is copied. */
	if (args[0] - FZ_RAM < FZ_RAM_SIZE &&
	    args[1] <= FZ_RAM_SIZE - (args[0] - FZ_RAM))
		return fz_result(madvise((void *)args[0], args[1],
					 MADV_DONTNEED));
	if (!fz_in_zone(args[0], args[1]))
		return FZ_SKIPPED;
	return fz_result(madvise((void *)args[0], args[1], args[2]));
}

FZ_ACT(mlock)
{
	run->mapped = true;
	if (!fz_in_zone(args[0], args[1]))
		return FZ_SKIPPED;
	return fz_result(args[2] ? munlock((void *)args[0], args[1]) :
				   mlock((void *)args[0], args[1]));
}

/* ---- other processes ---- */

enum { CHILD_LEAVE, CHILD_READ, CHILD_WRITE, CHILD_UNMAP, CHILD_SYNC };

const struct fz_name fz_child_acts[] = {
	{ "leave", CHILD_LEAVE }, { "read", CHILD_READ },
	{ "write", CHILD_WRITE }, { "unmap", CHILD_UNMAP },
	{ "sync", CHILD_SYNC }, {}
};

static void in_child(__u64 act, int fd, __u64 at)
{
	switch (act) {
	case CHILD_READ:
		touch(at, READ_8);
		break;
	case CHILD_WRITE:
		touch(at, WRITE_8);
		break;
	case CHILD_UNMAP:
		munmap((void *)FZ_ZONE, FZ_ZONE_SIZE / 2);
		break;
	case CHILD_SYNC:
		touch(at, WRITE_8);
		fsync(fd);
		break;
	}
}

FZ_ACT(fork)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		in_child(args[0], args[1], args[2]);
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	run->child = pid;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	run->child = 0;
	return 0;
}

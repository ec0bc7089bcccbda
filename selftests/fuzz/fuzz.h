/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of everything that a file of writesync can be asked.
 *
 * A program is a list of steps; a step is a call and its arguments. Arguments
 * are plain numbers: addresses in areas that lie at fixed places, and results
 * of earlier steps by their numbers. So a program means the same in every run,
 * and can be written down (program.c), changed (mutate.c) and run (run.c).
 */
#ifndef WS_FUZZ_H
#define WS_FUZZ_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>

#include "ws_test.h"
#include "ws_uring.h"

#ifndef __printf
#define __printf(text, rest)	__attribute__((format(printf, text, rest)))
#endif

#define FZ_COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#define FZ_ARGS		13
#define FZ_OWN_ARGS	8
#define FZ_SETS		3
#define FZ_STEPS	24
#define FZ_THREADS	3
#define FZ_TEXT		4096	/* of a program, as text */
#define FZ_EDGES	0x10000	/* of the table of edges */

/*
 * Areas of memory, below 4 GiB for the sake of 32-bit calls, and above where
 * the heap may be, which begins up to 1 GiB behind the program. Behind RAM and
 * RO nothing is mapped, and nothing ever is at GONE. The steps map what they
 * map in ZONE only.
 */
#define FZ_RAM		0x60000000ULL
#define FZ_RAM_SIZE	0x10000ULL
#define FZ_RO		0x60100000ULL
#define FZ_RO_SIZE	0x1000ULL
#define FZ_GONE		0x61000000ULL
#define FZ_GONE_SIZE	0x100000ULL
#define FZ_ZONE		0x70000000ULL
#define FZ_ZONE_SIZE	0x2000000ULL
#define FZ_SLOT		0x200000ULL	/* of ZONE; as large as a huge page */

/* The result of step N stands for itself until it is there. */
#define FZ_RESULT	0x7e5a000000000000ULL
#define FZ_IS_RESULT(v)	(((v) & ~0xffULL) == FZ_RESULT)

/* Descriptors of programs are below; those of the fuzzer are not. */
#define FZ_FDS		200

/**
 * enum fz_kind - what is a good value of an argument
 * @FZ_NONE: there is no argument
 * @FZ_FILE: a descriptor, of a window or a region most of the time
 * @FZ_OTHER: a descriptor, of something else most of the time
 * @FZ_SECOND: the same; of what has two ends, the second one
 * @FZ_MEMORY: an address
 * @FZ_PLACE: an address in ZONE
 * @FZ_LENGTH: bytes
 * @FZ_PAGES: bytes of whole pages
 * @FZ_OFFSET: in a file
 * @FZ_TIME: ns
 * @FZ_FLAGS: any of the names together
 * @FZ_PICK: one of the names
 * @FZ_SIZE: the size of a structure
 * @FZ_RARE: 0, nearly always
 */
enum fz_kind {
	FZ_NONE, FZ_FILE, FZ_OTHER, FZ_SECOND, FZ_MEMORY, FZ_PLACE, FZ_LENGTH,
	FZ_PAGES, FZ_OFFSET, FZ_TIME, FZ_FLAGS, FZ_PICK, FZ_SIZE, FZ_RARE,
};

struct fz_name {
	const char *name;
	__u64 value;
};

struct fz_arg {
	const char *name;
	enum fz_kind kind;
	const struct fz_name *names;
};

/**
 * struct fz_fd - what a step made
 * @fd: a descriptor, or -1
 * @second: the other end, or the number of a ring
 */
struct fz_fd {
	int fd;
	int second;
};

struct fz_run;

typedef long (*fz_act)(struct fz_run *run, const __u64 *args,
		       struct fz_fd *made);

/**
 * struct fz_call - something that a step can do
 * @name: of it
 * @act: does it; returns 0 or more, or a negative errno
 * @makes: it makes a descriptor
 * @weight: how often it is taken, relative to the others
 * @every: slow or harsh: once in so many calls at most
 * @bounded: it has to end within the window's default time-out, a few times
 *	over; if not, a signal has to end it
 * @errors: what it may fail with, each set with 0 at the end; none: anything
 *	that exists
 * @first: its first arguments, which others have, too
 * @size: of the structure, if it takes one
 * @args: the others
 */
struct fz_call {
	const char *name;
	fz_act act;
	bool makes;
	unsigned int weight;
	unsigned int every;
	bool bounded;
	const int *errors[FZ_SETS];
	const struct fz_arg *first;
	size_t size;
	struct fz_arg args[FZ_OWN_ARGS + 1];
};

struct fz_step {
	unsigned int call;
	__u64 args[FZ_ARGS];
};

/**
 * struct fz_program - what is run in one go
 * @steps: how many
 * @threads: that share the steps from @from on
 * @from: the steps before are done by one thread
 * @loops: how often the threads do their steps
 * @confined: the window's own files can be read only, so that nothing but the
 *	regions that it makes may change
 * @step: the steps
 */
struct fz_program {
	unsigned int steps;
	unsigned int threads;
	unsigned int from;
	unsigned int loops;
	bool confined;
	struct fz_step step[FZ_STEPS];
};

#define FZ_RINGS	4
#define FZ_EXTENTS	64

/**
 * struct fz_run - a program that runs
 * @dev: what it runs on
 * @program: the program
 * @control: an open file of the window, the fuzzer's own
 * @config: the function's configuration space
 * @replay: nothing is left out for being slow
 * @calls: how many calls were made, by all programs
 * @last: for each call, the value of @calls when it was made last
 * @made: what the steps made
 * @timeout_ns: the longest default time-out that the window has had
 * @fault_until: when the device's faults end
 * @child: to be killed when it takes long
 * @rings: made so far
 * @ring_count: how many
 * @extents: memory of the regions made, in a confined program
 * @extent_count: how many
 * @mapped: ZONE is to be cleared
 * @settings: the window's attributes are to be restored
 * @faults: the device's registers are to be restored
 * @timer: a timer runs
 * @rings_used: what a ring was asked to do may come later
 */
struct fz_run {
	struct ws_dev *dev;
	const struct fz_program *program;
	int control;
	int config;
	bool replay;
	atomic_ulong calls;
	atomic_ulong last[64];
	struct fz_fd made[FZ_STEPS];
	atomic_ullong timeout_ns;
	atomic_ullong fault_until;
	atomic_int child;
	struct ws_uring rings[FZ_RINGS];
	atomic_uint ring_count;
	struct {
		__u64 at, length;
	} extents[FZ_EXTENTS];
	atomic_uint extent_count;
	atomic_bool mapped, settings, faults, timer, rings_used;
};

/* calls.c, files.c, memory.c, device.c: what steps can do */
extern const struct fz_call fz_calls[];
extern const unsigned int fz_call_count;
/* The call was not made. */
#define FZ_SKIPPED	LONG_MIN
long fz_result(long ret);
int fz_call_find(const char *name);
unsigned int fz_call_args(const struct fz_call *call);
const struct fz_arg *fz_arg(const struct fz_call *call, unsigned int number);
__u64 fz_usual(const struct fz_call *call, unsigned int number);
bool fz_error_known(const struct fz_call *call, int error);

#define FZ_UNUSED	__attribute__((unused))
#define FZ_ACT(name)							\
	long fz_do_##name(FZ_UNUSED struct fz_run *run,			\
			  FZ_UNUSED const __u64 *args,			\
			  FZ_UNUSED struct fz_fd *made)
FZ_ACT(open);
FZ_ACT(dup);
FZ_ACT(close);
FZ_ACT(read);
FZ_ACT(write);
FZ_ACT(pread);
FZ_ACT(pwrite);
FZ_ACT(preadv2);
FZ_ACT(pwritev2);
FZ_ACT(lseek);
FZ_ACT(fsync);
FZ_ACT(fdatasync);
FZ_ACT(fcntl);
FZ_ACT(fileop);
FZ_ACT(poll);
FZ_ACT(epoll_create);
FZ_ACT(epoll_ctl);
FZ_ACT(epoll_wait);
FZ_ACT(pipe);
FZ_ACT(socketpair);
FZ_ACT(eventfd);
FZ_ACT(memfd);
FZ_ACT(send);
FZ_ACT(recv);
FZ_ACT(sendfile);
FZ_ACT(splice_in);
FZ_ACT(splice_out);
FZ_ACT(tee);
FZ_ACT(vmsplice);
FZ_ACT(uring);
FZ_ACT(uring_op);
FZ_ACT(ioctl);
FZ_ACT(info);
FZ_ACT(query);
FZ_ACT(sync);
FZ_ACT(ioc_write);
FZ_ACT(alloc);
FZ_ACT(commit);
FZ_ACT(decommit);
FZ_ACT(check);
FZ_ACT(mmap);
FZ_ACT(munmap);
FZ_ACT(mprotect);
FZ_ACT(mremap);
FZ_ACT(msync);
FZ_ACT(madvise);
FZ_ACT(mlock);
FZ_ACT(touch);
FZ_ACT(copy);
FZ_ACT(fork);
FZ_ACT(alarm);
FZ_ACT(yield);
FZ_ACT(set);
FZ_ACT(get);
FZ_ACT(device);
FZ_ACT(flr);
FZ_ACT(rebind);
extern const struct fz_name fz_settings[], fz_values[], fz_attributes[];
extern const struct fz_name fz_device_names[], fz_file_ops[], fz_uring_ops[];
extern const struct fz_name fz_touches[], fz_child_acts[];

/* memory.c: the areas; access to memory that may not be there */
int fz_memory_init(void);
void fz_memory_reset(struct fz_run *run);
bool fz_copy(void *to, const void *from, size_t length);
bool fz_in_zone(__u64 at, __u64 length);

/* device.c: restoring what programs change */
int fz_device_init(struct fz_run *run);
void fz_device_reset(struct fz_run *run);
void fz_fault_end(struct fz_run *run);
int fz_revive(struct fz_run *run);

/* files.c */
void fz_rings_reset(struct fz_run *run);

/* program.c: programs as text */
size_t fz_print(const struct fz_program *p, char *text, size_t size);
/* Programs of a file, in the order of their numbers, if they have any. */
typedef int (*fz_taker)(void *data, const struct fz_program *p);
int fz_read_file(const char *path, fz_taker take, void *data);

/* mutate.c: chance, new programs, changed programs */
struct fz_random {
	__u64 state;
};

__u64 fz_random(struct fz_random *random);
__u64 fz_below(struct fz_random *random, __u64 end);
bool fz_one_in(struct fz_random *random, unsigned int n);
void fz_generate(struct fz_random *random, const struct ws_dev *dev,
		 struct fz_program *p);
/* @other: a second program, of which a part may be taken over */
void fz_mutate(struct fz_random *random, const struct ws_dev *dev,
	       struct fz_program *p, const struct fz_program *other);
void fz_delete(struct fz_program *p, unsigned int at);

/* cover.c: what the kernel's code went through, of one thread */
struct fz_cover {
	int fd;
	unsigned long *area;
};

bool fz_cover_open(struct fz_cover *cover);
void fz_cover_begin(struct fz_cover *cover);
void fz_cover_end(struct fz_cover *cover);
/* Of all threads. A trace collects the edges of a program. */
void fz_trace_begin(void);
unsigned int fz_trace_new(__u32 *slots, unsigned int most);
bool fz_trace_has(const __u32 *slots, unsigned int count);
bool fz_trace_hit(unsigned int slot);
unsigned int fz_edges(void);

/* run.c: running programs, and what has to be so whatever they do */
int fz_run_init(struct fz_run *run, struct ws_dev *dev, __u64 on);
void fz_run(struct fz_run *run, const struct fz_program *p);
void fz_limit(__u64 ns);
long fz_apart(fz_act act, const __u64 *args);
bool fz_blind(void);

/* oracle.c: what is asked after a program */
enum fz_rule {
	FZ_RULE_TIME, FZ_RULE_ERRNO, FZ_RULE_RESULT, FZ_RULE_MEMORY,
	FZ_RULE_CONFINED, FZ_RULE_ARRIVAL, FZ_RULE_SIGNAL, FZ_RULE_REVIVE,
	FZ_RULES
};

struct fz_verdict {
	atomic_bool failed;
	atomic_flag told;
	enum fz_rule rule;
	char text[256];
	atomic_ulong asked[FZ_RULES];	/* how often the rule was looked at */
};

extern struct fz_verdict fz_verdict;
void __printf(2, 3) fz_fail(enum fz_rule rule, const char *format, ...);
/* fuzz.c: no program can be run any more */
_Noreturn void fz_give_up(void);
void fz_confined_begin(struct fz_run *run);
void fz_confined_end(struct fz_run *run);
void fz_after(struct fz_run *run);
bool fz_works(struct fz_run *run);

#endif /* WS_FUZZ_H */

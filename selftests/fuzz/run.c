// SPDX-License-Identifier: GPL-2.0
/*
 * Running programs. The steps of a program are done by up to three threads
 * that live as long as the fuzzer, so a program costs no more than its calls.
 * Beside them an attendant ends the device's faults, wakes with a signal what
 * nothing else would wake, and tells when a call does not end.
 */
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "fuzz.h"

#define TICK		(10 * WS_MS)
#define LATE		(2 * WS_S)	/* of what ought to have ended */
#define HUNG		(60 * WS_S)
#define KICK		(100 * WS_MS)
#define CHILD_TIME	(500 * WS_MS)
/* Times the default time-out: a wait for the end of a reset, and a sync. */
#define BOUND		4
/* What is as rare as that takes the time that it takes. */
#define HARSH		1000

/**
 * struct clerk - a thread for what opens files that are not the program's
 * @cover: what the kernel goes through for it
 * @go: there is something to do
 * @done: it is done
 * @act: to be done
 * @args: its arguments
 * @ret: what it returned
 * @cpu: where it runs
 *
 * Programs close descriptors and use the numbers again, in several threads and
 * in rings. If they were the clerk's, too, the value of an attribute might go to
 * a region, and a program's bytes to the configuration space.
 */
struct clerk {
	struct fz_cover cover;
	sem_t go, done;
	fz_act act;
	const __u64 *args;
	long ret;
	unsigned int cpu;
};

/**
 * struct worker - a thread that does steps
 * @tid: the kernel's number of it
 * @begun: when its call began; 0 between calls
 * @limit: how long the call may take; 0: until a signal comes
 * @kicked: when it got the first signal
 * @step: which one it does
 * @clerk: does some of them for it
 */
struct worker {
	pthread_t thread;
	pid_t tid;
	unsigned int id;
	struct fz_cover cover;
	struct clerk clerk;
	sem_t go, done;
	atomic_ullong begun, limit, kicked, stolen;
	atomic_uint step;
};

static struct worker workers[FZ_THREADS];
static __thread struct worker *self;
static struct fz_run *running;
static pthread_t attendant;
static atomic_ullong stolen;	/* ns that the machine did not give us */
static __u64 slow = 1;		/* how much slower than others it is */
static bool blind;

/*
 * As long as one thread is enough, one processor is, too: another one on which
 * the process has run would be interrupted at each change of a mapping.
 */
static unsigned int home, cpus;

bool fz_blind(void)
{
	return blind;
}

/* How long the call of this thread may take. */
void fz_limit(__u64 ns)
{
	self->limit = ns > HUNG ? 0 : ns + 1;
}

/* ---- one step ---- */

static int descriptor(__u64 v, bool second)
{
	const struct fz_fd *made;

	if (!FZ_IS_RESULT(v))
		return v > 2 && v < FZ_FDS ? (int)v : -1;
	if ((v & 0xff) >= FZ_STEPS)
		return -1;
	made = &running->made[v & 0xff];
	return second && made->second >= 0 ? made->second : made->fd;
}

static void resolve(const struct fz_call *call, const struct fz_step *step,
		    __u64 *args)
{
	unsigned int i;

	for (i = 0; i < fz_call_args(call); i++) {
		enum fz_kind kind = fz_arg(call, i)->kind;

		args[i] = step->args[i];
		if (kind == FZ_FILE || kind == FZ_OTHER || kind == FZ_SECOND)
			args[i] = descriptor(args[i], kind == FZ_SECOND);
		else if (FZ_IS_RESULT(args[i]))
			args[i] = 0;
	}
}

/* Slow calls have to wait for their turn, by the number of calls. */
static bool may(unsigned int number)
{
	unsigned long every = fz_calls[number].every, last, now;

	if (!every || running->replay)
		return true;
	last = running->last[number];
	now = running->calls;
	if (now - last < every)
		return false;
	return atomic_compare_exchange_strong(&running->last[number], &last,
					      now);
}

static void judge_time(const struct fz_call *call, __u64 took)
{
	__u64 grace = LATE * slow + (stolen - self->stolen);

	fz_verdict.asked[FZ_RULE_TIME]++;
	if (call->every >= HARSH)
		return;
	if (self->limit && took > self->limit + grace)
		fz_fail(FZ_RULE_TIME, "%s took %llu ms, not %llu at most",
			call->name, took / WS_MS, self->limit / WS_MS);
	else if (self->kicked && took > self->kicked - self->begun + grace)
		fz_fail(FZ_RULE_SIGNAL,
			"%s went on for %llu ms after a signal", call->name,
			(took - (self->kicked - self->begun)) / WS_MS);
}

static void judge(const struct fz_call *call, long ret)
{
	judge_time(call, ws_now() - self->begun);
	if (ret >= 0)
		return;
	fz_verdict.asked[FZ_RULE_ERRNO]++;
	if (!fz_error_known(call, -ret))
		fz_fail(FZ_RULE_ERRNO,
			"%s failed with %ld (%s), which it may not", call->name,
			-ret, strerror(-ret));
}

/* Which nobody else is to close or to use. */
static bool opens_files(fz_act act)
{
	return act == fz_do_set || act == fz_do_get || act == fz_do_device ||
	       act == fz_do_flr || act == fz_do_rebind;
}

static void do_step(unsigned int at)
{
	const struct fz_step *step = &running->program->step[at];
	const struct fz_call *call = &fz_calls[step->call];
	struct fz_fd made = { -1, -1 };
	__u64 args[FZ_ARGS] = {};
	long ret;

	if (!may(step->call))
		return;
	resolve(call, step, args);
	self->step = at;
	self->kicked = 0;
	self->stolen = stolen;
	self->limit = call->bounded ? BOUND * running->timeout_ns : 0;
	fz_cover_begin(&self->cover);
	self->begun = ws_now();
	ret = opens_files(call->act) ? fz_apart(call->act, args) :
				       call->act(running, args, &made);
	fz_cover_end(&self->cover);
	if (ret != FZ_SKIPPED) {
		running->calls++;
		judge(call, ret);
	}
	self->begun = 0;
	/* What a program misread may be one of ours. */
	if (made.fd <= 2 || made.fd >= FZ_FDS)
		made.fd = -1;
	if (call->makes)
		running->made[at] = made;
}

/* ---- threads ---- */

static void do_share(const struct fz_program *p)
{
	unsigned int loop, i;

	for (loop = 0; loop < p->loops; loop++)
		for (i = p->from + self->id; i < p->steps; i += p->threads)
			do_step(i);
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) && errno == EINTR)
		;
}

/* It begins without descriptors: a copy of one would hold the file open. */
static void *serve(void *data)
{
	struct clerk *clerk = data;
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	clerk->ret = fz_result(syscall(SYS_close_range, 3, ~0U,
				       CLOSE_RANGE_UNSHARE));
	ws_pin(clerk->cpu);
	fz_cover_open(&clerk->cover);
	sem_post(&clerk->done);
	for (;;) {
		wait_for(&clerk->go);
		fz_cover_begin(&clerk->cover);
		clerk->ret = clerk->act(running, clerk->args, NULL);
		fz_cover_end(&clerk->cover);
		sem_post(&clerk->done);
	}
	return NULL;
}

/* Do it where no program can close or use the descriptors. */
long fz_apart(fz_act act, const __u64 *args)
{
	struct clerk *clerk = &self->clerk;

	clerk->act = act;
	clerk->args = args;
	sem_post(&clerk->go);
	wait_for(&clerk->done);
	return clerk->ret;
}

static int employ(struct clerk *clerk, unsigned int cpu)
{
	pthread_t thread;

	clerk->cpu = cpu;
	if (sem_init(&clerk->go, 0, 0) || sem_init(&clerk->done, 0, 0) ||
	    pthread_create(&thread, NULL, serve, clerk))
		return -EAGAIN;
	wait_for(&clerk->done);
	return clerk->ret;
}

static void *work(void *data)
{
	self = data;
	self->tid = gettid();
	ws_pin((home + self->id) % cpus);
	fz_cover_open(&self->cover);
	sem_post(&self->done);
	for (;;) {
		wait_for(&self->go);
		do_share(running->program);
		sem_post(&self->done);
	}
	return NULL;
}

static void do_steps(const struct fz_program *p)
{
	unsigned int from = p->threads > 1 ? p->from : p->steps, i;

	for (i = 0; i < from && i < p->steps; i++)
		do_step(i);
	if (p->threads < 2)
		return;
	for (i = 1; i < p->threads; i++)
		sem_post(&workers[i].go);
	do_share(p);
	for (i = 1; i < p->threads; i++)
		wait_for(&workers[i].done);
}

static void close_all(void)
{
	syscall(SYS_close_range, 3, FZ_FDS - 1, 0);
}

void fz_run(struct fz_run *run, const struct fz_program *p)
{
	run->program = p;
	memset(run->made, 0xff, sizeof(run->made));
	run->extent_count = 0;
	if (p->confined)
		fz_confined_begin(run);
	do_steps(p);
	/* Either may be the last to hold a file. */
	if (p->steps % 2)
		fz_memory_reset(run);
	close_all();
	fz_rings_reset(run);
	fz_memory_reset(run);
	fz_device_reset(run);
	if (p->confined)
		fz_confined_end(run);
	fz_after(run);
}

/* ---- the attendant ---- */

static void attend_child(struct fz_run *run, __u64 now)
{
	static __u64 since;
	static int child;

	if (run->child != child) {
		child = run->child;
		since = now;
	} else if (child && now - since > CHILD_TIME) {
		kill(child, SIGKILL);
	}
}

static void tell_file(pid_t thread, const char *name)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", thread, name);
	if (!ws_file(path, text, sizeof(text)))
		ws_print_lines(text);
}

/* Does it sleep, or how much time has it had, and where is it? */
static void tell_where(const struct worker *w)
{
	printf("# the thread:\n");
	tell_file(w->tid, "stat");
	tell_file(w->tid, "syscall");
	tell_file(w->tid, "stack");
}

/* It will not end by itself: nothing can be done but to tell. */
static void tell_hung(const struct worker *w, __u64 took)
{
	const struct fz_program *p = running->program;

	tell_where(w);
	fz_fail(FZ_RULE_TIME, "%s (step %u) has not ended after %llu s",
		fz_calls[p->step[w->step].call].name, w->step, took / WS_S);
	fz_give_up();
}

static void attend_worker(struct worker *w, __u64 now)
{
	__u64 begun = w->begun;

	if (!begun || now < begun)
		return;
	if (!w->limit && now - begun > KICK) {
		if (!w->kicked)
			w->kicked = now;
		pthread_kill(w->thread, SIGUSR1);
	}
	if (now - begun > HUNG * slow)
		tell_hung(w, now - begun);
}

static void *attend(void *data)
{
	struct fz_run *run = data;
	__u64 then = ws_now(), now;
	unsigned int i;

	ws_pin(home);

	for (;;) {
		ws_sleep(TICK);
		now = ws_now();
		if (now - then > 2 * TICK)
			stolen += now - then - TICK;
		then = now;
		if (run->fault_until && now > run->fault_until)
			fz_fault_end(run);
		attend_child(run, now);
		for (i = 0; i < FZ_THREADS; i++)
			attend_worker(&workers[i], now);
	}
	return NULL;
}

/* ---- beginning and end ---- */

static void on_signal(int sig)
{
	(void)sig;
}

/* What steps may raise; none of it ends the fuzzer, some of it ends waits. */
static void handle_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGIO, SIGURG };
	struct sigaction action = { .sa_handler = on_signal };
	unsigned int i;

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < FZ_COUNT(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

static int start_threads(struct fz_run *run)
{
	unsigned int i;
	sigset_t alarm;
	int ret = 0;

	ws_pin(home);
	self = &workers[0];
	self->thread = pthread_self();
	self->tid = gettid();
	blind = !fz_cover_open(&self->cover);
	for (i = 0; i < FZ_THREADS && !ret; i++)
		ret = employ(&workers[i].clerk, (home + i) % cpus);
	for (i = 1; i < FZ_THREADS && !ret; i++) {
		workers[i].id = i;
		ret = sem_init(&workers[i].go, 0, 0) ||
		      sem_init(&workers[i].done, 0, 0) ||
		      pthread_create(&workers[i].thread, NULL, work,
				     &workers[i]);
		if (!ret)
			wait_for(&workers[i].done);
	}
	/* The attendant has to keep awake. */
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	ret = ret || pthread_create(&attendant, NULL, attend, run);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	return ret ? -EAGAIN : 0;
}

/* @on: the processor of programs of one thread, of which there are many */
int fz_run_init(struct fz_run *run, struct ws_dev *dev, __u64 on)
{
	const char *text = getenv("WRITESYNC_SLOW");
	int ret = fz_memory_init();

	if (ret)
		return ret;
	if (text && atoi(text) > 1)
		slow = atoi(text);
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	home = on % cpus;
	run->dev = dev;
	run->timeout_ns = WS_S;
	running = run;
	ret = fz_device_init(run);
	if (ret)
		return ret;
	handle_signals();
	return start_threads(run);
}

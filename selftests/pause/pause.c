// SPDX-License-Identifier: GPL-2.0
/*
 * Holds the first thread that calls a function, there or when it returns, so
 * that a test can let other things happen meanwhile. The thread keeps its CPU,
 * with interrupts, and so the machine needs another one. Or it holds up everybody
 * who comes, for a while.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/module.h>

/* Nanoseconds after which it goes on, whatever the test does. */
#define PAUSE_MAX	(10 * NSEC_PER_SEC)

static char *function;
module_param(function, charp, 0400);
MODULE_PARM_DESC(function, "MODULE:NAME of the function");

static bool at_return;
module_param(at_return, bool, 0400);
MODULE_PARM_DESC(at_return, "hold who returns from it, not who calls it");

static unsigned int delay_us;
module_param(delay_us, uint, 0400);
MODULE_PARM_DESC(delay_us, "hold up each who comes for so long; state: 2 if one did");

static bool release;
module_param(release, bool, 0600);
MODULE_PARM_DESC(release, "let it go on");

enum pause_state { PAUSE_NOBODY, PAUSE_HELD, PAUSE_OVER, PAUSE_LATE, PAUSE_NOT };

static int state;
module_param(state, int, 0400);
MODULE_PARM_DESC(state, "0: nobody came, 1: is held, 2: was released, 3: was held for too long, 4: came with interrupts off");

static atomic_t visitors;

static void pause_here(void)
{
	u64 begun = ktime_get_ns();

	if (delay_us) {
		udelay(delay_us);
		WRITE_ONCE(state, PAUSE_OVER);
		return;
	}
	if (atomic_inc_return(&visitors) > 1)
		return;
	/* Another CPU that wants to interrupt this one would wait, too. */
	if (irqs_disabled()) {
		WRITE_ONCE(state, PAUSE_NOT);
		return;
	}
	WRITE_ONCE(state, PAUSE_HELD);
	while (!READ_ONCE(release)) {
		if (ktime_get_ns() - begun > PAUSE_MAX) {
			WRITE_ONCE(state, PAUSE_LATE);
			return;
		}
		cpu_relax();
	}
	WRITE_ONCE(state, PAUSE_OVER);
}

static int pause_call(struct kprobe *p, struct pt_regs *regs)
{
	pause_here();
	return 0;
}

static int pause_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	pause_here();
	return 0;
}

static struct kprobe call_probe = { .pre_handler = pause_call };
static struct kretprobe return_probe = { .handler = pause_return };

static int __init pause_init(void)
{
	if (!function)
		return -EINVAL;
	call_probe.symbol_name = function;
	return_probe.kp.symbol_name = function;
	return at_return ? register_kretprobe(&return_probe) :
			   register_kprobe(&call_probe);
}

static void __exit pause_exit(void)
{
	if (at_return)
		unregister_kretprobe(&return_probe);
	else
		unregister_kprobe(&call_probe);
}

module_init(pause_init);
module_exit(pause_exit);
MODULE_DESCRIPTION("Holds a thread in a function, for tests");
MODULE_LICENSE("GPL");

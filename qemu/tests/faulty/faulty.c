// SPDX-License-Identifier: GPL-2.0
/*
 * Does wrong on purpose, one thing for each name that is written to
 * /sys/kernel/debug/faulty, so that a test can see whether each of the watchers
 * of a debug kernel watches. Never load this on a machine that matters.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

static DEFINE_MUTEX(lock_a);
static DEFINE_MUTEX(lock_b);
static int __rcu *protected;
static unsigned int shared;

/* A number that the compiler does not know. */
static unsigned int eight(void)
{
	unsigned int number = 8;

	OPTIMIZER_HIDE_VAR(number);
	return number;
}

static void use_after_free(void)
{
	unsigned char *bytes = kmalloc(eight(), GFP_KERNEL);

	if (!bytes)
		return;
	kfree(bytes);
	WRITE_ONCE(shared, READ_ONCE(bytes[1]));
}

static void out_of_bounds(void)
{
	static int numbers[8];

	WRITE_ONCE(shared, numbers[eight()]);
}

static void shift_too_far(void)
{
	WRITE_ONCE(shared, 1u << (eight() * 4));
}

static void lock_order(void)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_b);
	mutex_unlock(&lock_b);
	mutex_unlock(&lock_a);
	mutex_lock(&lock_b);
	mutex_lock(&lock_a);
	mutex_unlock(&lock_a);
	mutex_unlock(&lock_b);
}

static void unprotected(void)
{
	if (rcu_dereference(protected))
		WRITE_ONCE(shared, 1);
}

static void sleep_in_atomic(void)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

static void no_action(struct timer_list *timer)
{
}

static void free_active(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, no_action, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	/* The debug objects stop it. */
	kfree(timer);
}

static void list_twice(void)
{
	struct list_head head, entry;

	INIT_LIST_HEAD(&head);
	list_add(&entry, &head);
	list_add(&entry, &head);
}

static void count_zero(void)
{
	refcount_t count = REFCOUNT_INIT(0);

	refcount_inc(&count);
}

static void forget(void)
{
	void *memory = kmalloc(eight() * 100, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(memory);
}

static int never_ready(void *data)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_timeout(5 * HZ);
	return 0;
}

static void hang(void)
{
	struct task_struct *task = kthread_run(never_ready, NULL, "hanging");

	if (!IS_ERR(task))
		ssleep(6);
}

static void lock_up(void)
{
	preempt_disable();
	mdelay(5000);
	preempt_enable();
}

/* A work item that can be preempted would let the next one overtake it. */
static void busy(struct work_struct *work)
{
	lock_up();
}

static DECLARE_WORK(busy_work, busy);
static DECLARE_WORK(waiting_work, busy);

/* The second one waits for the first one's CPU. */
static void stall_workqueue(void)
{
	schedule_work_on(0, &busy_work);
	schedule_work_on(0, &waiting_work);
	flush_work(&busy_work);
	flush_work(&waiting_work);
}

static int count_up(void *data)
{
	unsigned long end = jiffies + 2 * HZ;

	while (time_before(jiffies, end)) {
		shared++;
		/* Or it is counted in a register and stored at the end. */
		barrier();
	}
	return 0;
}

static void race(void)
{
	struct task_struct *task = kthread_run(count_up, NULL, "racing");

	if (IS_ERR(task))
		return;
	count_up(NULL);
	ssleep(1);
}

static const struct fault {
	const char *name;
	void (*commit)(void);
} faults[] = {
	{ "use_after_free", use_after_free },
	{ "out_of_bounds", out_of_bounds },
	{ "shift_too_far", shift_too_far },
	{ "lock_order", lock_order },
	{ "unprotected", unprotected },
	{ "sleep_in_atomic", sleep_in_atomic },
	{ "free_active", free_active },
	{ "list_twice", list_twice },
	{ "count_zero", count_zero },
	{ "forget", forget },
	{ "hang", hang },
	{ "stall_workqueue", stall_workqueue },
	{ "lock_up", lock_up },
	{ "race", race },
};

static ssize_t faulty_write(struct file *file, const char __user *buf,
			    size_t count, loff_t *pos)
{
	char name[32] = "";
	int i;

	if (count >= sizeof(name) || copy_from_user(name, buf, count))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (sysfs_streq(name, faults[i].name)) {
			faults[i].commit();
			return count;
		}
	}
	return -EINVAL;
}

static const struct file_operations faulty_fops = {
	.owner = THIS_MODULE,
	.write = faulty_write,
};

static struct dentry *faulty_file;

static int __init faulty_init(void)
{
	faulty_file = debugfs_create_file("faulty", 0200, NULL, NULL,
					  &faulty_fops);
	return PTR_ERR_OR_ZERO(faulty_file);
}
module_init(faulty_init);

static void __exit faulty_exit(void)
{
	debugfs_remove(faulty_file);
}
module_exit(faulty_exit);

MODULE_DESCRIPTION("Does wrong on purpose");
MODULE_LICENSE("GPL");

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A window: one memory BAR as a character device; and its open files.
 */
#ifndef WS_WINDOW_H
#define WS_WINDOW_H

#include <linux/bits.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/writesync.h>

#include "flush.h"

#define WS_TIMEOUT_DEFAULT_MS	1000
#define WS_TIMEOUT_MAX_MS	(60 * 60 * 1000)

/* Without an offset of its own, the confirm method "window" reads what was
 * written last.
 */
#define WS_NO_READBACK	U64_MAX

/* How the processor treats a window's memory. */
enum ws_cache {
	WS_CACHE_WC,		/* stores may combine */
	WS_CACHE_UC,		/* each is an access of its own */
};

#define WS_CACHE_POLICIES	2

/**
 * struct ws_binding - how a function is to be served, as far as that was said
 * @bars: which BARs become windows, a bit each; 0: the model's; without one,
 *	all that are prefetchable memory
 * @confirm: enum writesync_confirm; -1: the default
 * @width: the access width in bytes, 1, 2, 4 or 8; 0: the default
 * @readback: where the confirm method "window" reads; or %WS_NO_READBACK
 * @cache: enum ws_cache; -1: the default
 */
struct ws_binding {
	u8 bars;
	s8 confirm;
	u8 width;
	u64 readback;
	s8 cache;
};

/**
 * struct ws_model - what is known of a kind of device
 * @name: for messages
 * @generic: nothing is
 * @binding: how it is served unless the user says otherwise
 * @has_regs: it has registers that prove arrival, in @regs_bar
 * @regs_bar: the BAR of the registers
 * @regs_size: bytes of it that have to be there
 * @id: offset of the 32-bit register of identification
 * @id_mask: the bits of it that are known
 * @id_value: their value
 * @sentinel: offset of a 32-bit register that a reset clears to 0
 * @sentinel_write: what is written to it
 * @sentinel_value: what it then reads
 * @pending: offset of the 32-bit register of posted writes not yet landed
 * @has_irq: it interrupts when it has reset itself
 * @irq_ack: offset of the 32-bit register that clears causes
 * @irq_reset: the cause
 */
struct ws_model {
	const char *name;
	bool generic;
	struct ws_binding binding;
	bool has_regs;
	u8 regs_bar;
	u16 regs_size;
	u16 id;
	u32 id_mask;
	u32 id_value;
	u16 sentinel;
	u32 sentinel_write;
	u32 sentinel_value;
	u16 pending;
	bool has_irq;
	u16 irq_ack;
	u32 irq_reset;
};

/* Why a window is FROZEN; more than one may hold. */
enum ws_freeze {
	WS_FREEZE_RESET = BIT(0),
	WS_FREEZE_ERROR = BIT(1),
	WS_FREEZE_SLEEP = BIT(2),
};

/**
 * struct ws_window - a memory BAR exposed as /dev/writesyncN
 * @dev: the character device; its last reference frees the window
 * @cdev: the same
 * @id: N
 * @bar: number of the BAR
 * @size: bytes
 * @prefetchable: reads have no side effects, stores may combine
 * @pdev: the PCI function; held, but usable only inside the gate
 * @info: the part of WRITESYNC_IOC_INFO that never changes
 * @model: what is known of it
 * @hole: where the pages of the MSI-X table begin, which are not to be written
 * @hole_size: bytes of them; 0: they are elsewhere
 * @mem: the BAR as write-combining memory; NULL if it is mapped uncached
 * @io: the same BAR for accesses of an exact width
 * @regs: the registers, if the model has any
 * @bound_ns: the longest time one read can take, 0 if the hardware sets none
 * @flush: what is posted and what has arrived
 * @srcu: the gate: device accesses are inside, removal waits for them
 * @state: enum writesync_state; %WRITESYNC_STATE_DEAD is final
 * @frozen: enum ws_freeze, why it is to be FROZEN
 * @state_lock: for changes of @state and @frozen
 * @wait: for poll() and for whoever waits for the end of FROZEN
 * @reset_lock: one at a time asks the device whether it has reset itself
 * @interrupts: how often it has interrupted
 * @interrupts_seen: how often it had when it was last asked
 * @zap_work: takes the mappings away after the device was found to be gone
 * @inode: every file of the window has its mappings, so that they can be found
 * @map_lock: for changes of @map_epoch and @maps_written
 * @map_epoch: a new one begins when all mappings have been taken away
 * @maps_written: through how many VMAs the window has been written in it
 * @pool: what regions are cut out of; NULL if the window is too small
 * @pool_lock: for allocation, and for looking at the whole
 * @granule: the unit of @pool, in bytes
 * @reserved: bytes of @pool around @hole that no region gets
 * @debugfs: the window's folder
 * @confirm: enum writesync_confirm
 * @readback: where the method "window" reads; or %WS_NO_READBACK
 * @timeout_ns: the default time-out
 * @exact_width: the access width that the user set, accesses must be aligned
 *	to it; 0 if not set
 */
struct ws_window {
	struct device dev;
	struct cdev cdev;
	int id;
	u8 bar;
	u64 size;
	bool prefetchable;
	u64 hole;
	u64 hole_size;
	struct pci_dev *pdev;
	struct writesync_info info;
	const struct ws_model *model;
	void *mem;
	void __iomem *io;
	void __iomem *regs;
	u64 bound_ns;
	struct ws_flush flush;
	struct srcu_struct srcu;
	enum writesync_state state;
	unsigned int frozen;
	spinlock_t state_lock;	/* changes of @state, @frozen */
	wait_queue_head_t wait;
	struct mutex reset_lock;	/* the registers of the interrupt */
	atomic_t interrupts;
	int interrupts_seen;
	struct work_struct zap_work;
	struct inode *inode;
	spinlock_t map_lock;	/* changes of @map_epoch, @maps_written */
	unsigned long map_epoch;
	unsigned long maps_written;
	struct gen_pool *pool;
	struct mutex pool_lock;	/* @pool */
	u64 granule;
	u64 reserved;
	struct dentry *debugfs;
	u8 confirm;
	u64 readback;
	u64 timeout_ns;
	u8 exact_width;
};

/**
 * struct ws_file - an open file: a window's own, or a region
 * @win: the window; a region holds it by a reference to its device
 * @base: where the file's memory begins in the window
 * @size: bytes of it
 * @region: it is a region
 * @commit_lock: one commit or decommit at a time
 * @committed: it may be used
 * @cleared: it has been committed before
 * @client: what the flush engine knows of it
 * @generation: the last one that poll() has told of
 */
struct ws_file {
	struct ws_window *win;
	u64 base;
	u64 size;
	bool region;
	struct mutex commit_lock;	/* @committed, @cleared */
	bool committed;
	bool cleared;
	struct ws_client client;
	atomic64_t generation;
};

/* main.c */
extern struct class *ws_class;
extern dev_t ws_devt;
#define WS_MAX_WINDOWS	1024

/* binding.c */
extern const struct ws_binding ws_binding_default;
void ws_binding_of(struct pci_dev *pdev, struct ws_binding *binding);

/* pci.c */
int ws_pci_init(void);
void ws_pci_exit(void);
int ws_pci_check(struct pci_dev *pdev);

/* window.c */
extern const char *const ws_cache_names[];
struct ws_window *ws_window_create(struct pci_dev *pdev, unsigned int bar,
				   const struct ws_model *model,
				   const struct ws_binding *binding,
				   void __iomem *regs, u64 bound_ns);
u64 ws_window_writable(const struct ws_window *win, u64 offset, u64 length);
void ws_window_remove(struct ws_window *win);
void ws_windows_exit(void);
void ws_window_freeze(struct ws_window *win, enum ws_freeze reason);
void ws_window_thaw(struct ws_window *win, enum ws_freeze reason);
void ws_window_kill(struct ws_window *win);
void ws_window_lose(struct ws_window *win);
bool ws_window_dead(struct ws_window *win);
int ws_window_enter(struct ws_window *win) __acquires(&win->srcu);
void ws_window_exit(struct ws_window *win, int idx) __releases(&win->srcu);

/* Whoever touches the device is inside the gate. */
static inline void ws_window_assert_entered(const struct ws_window *win)
{
	RCU_LOCKDEP_WARN(!srcu_read_lock_held(&win->srcu),
			 "the device is touched outside the gate");
}

/*
 * When a load begins that is timed. Nothing comes between: on kernels that watch,
 * what the driver does takes longer than the device's answer. For the same reason
 * it is a clock that is not watched.
 */
static inline u64 ws_load_begins(void)
{
	u64 ns = ktime_get_raw_fast_ns();

	/* The clock is read before the device is. */
	rmb();
	return ns;
}

int ws_window_usable(struct ws_window *win);
int ws_window_check(struct ws_window *win);
int ws_window_wait(struct ws_window *win, const struct ws_limit *limit);
ktime_t ws_window_deadline(const struct ws_window *win, u64 timeout_ns,
			   bool absolute, ktime_t begun);
int ws_window_check_reset(struct ws_window *win);
bool ws_window_interrupted(const struct ws_window *win);

/* copy.c */
size_t ws_copy_in(struct ws_window *win, u64 pos, struct iov_iter *from,
		  const struct ws_limit *limit, int *error);
ssize_t ws_copy_out(struct ws_window *win, u64 pos, struct iov_iter *to,
		    const struct ws_limit *limit);
int ws_copy_zeros(struct ws_window *win, u64 pos, u64 len,
		  const struct ws_limit *limit);
u8 ws_copy_load_word(struct ws_window *win, u64 last, u8 *bytes, u64 *begun_ns);
unsigned int ws_copy_width(const struct ws_window *win);
int ws_copy_set_width(struct ws_window *win, unsigned int width);

/* confirm.c */
extern const struct ws_flush_ops ws_confirm_ops;
extern const char *const ws_confirm_names[];
u8 ws_confirm_default(const struct ws_window *win);
int ws_confirm_set(struct ws_window *win, unsigned int method);
void ws_confirm_arm(struct ws_window *win);
int ws_confirm_disarmed(struct ws_window *win);
#define WS_CONFIRM_METHODS	4

/* region.c */
int ws_region_init(struct ws_window *win);
void ws_region_exit(struct ws_window *win);
int ws_region_alloc(struct ws_window *win, struct writesync_alloc *arg,
		    struct ws_file **region);
void ws_region_free(struct ws_file *region);
int ws_region_commit(struct ws_file *wf, const struct ws_limit *limit);
int ws_region_decommit(struct ws_file *wf);
void ws_region_totals(struct ws_window *win, struct writesync_info *info);

/* file.c */
extern const struct file_operations ws_file_fops;
struct ws_file *ws_file_alloc(struct ws_window *win);
void ws_file_setup(struct file *file, struct ws_file *wf);
int ws_file_usable(const struct ws_file *wf);
size_t ws_file_write(struct ws_file *wf, loff_t pos, struct iov_iter *from,
		     const struct ws_limit *limit, int *error);
int ws_file_sync(struct ws_file *wf, struct ws_sync *s);
int ws_file_flush(struct ws_file *wf, struct ws_sync *s);

/* mmap.c */
int ws_mmap_init(void);
void ws_mmap_exit(void);
struct inode *ws_mmap_inode(void);
int ws_mmap(struct file *file, struct vm_area_struct *vma);
void ws_mmap_zap(struct ws_window *win);
void ws_mmap_forget(struct ws_window *win);
int ws_mmap_check(const struct ws_file *wf, u64 address, u64 length,
		  u64 *offset);

/* ioctl.c */
long ws_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* sysfs.c */
extern const struct attribute_group *ws_window_groups[];

/* debugfs.c */
void ws_debugfs_init(void);
void ws_debugfs_exit(void);
void ws_debugfs_create(struct ws_window *win);
void ws_debugfs_remove(struct ws_window *win);

#endif /* WS_WINDOW_H */

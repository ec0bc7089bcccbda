/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A window: one memory BAR as a character device.
 */
#ifndef WS_WINDOW_H
#define WS_WINDOW_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/writesync.h>

#include "flush.h"

#define WS_TIMEOUT_DEFAULT_MS	1000
#define WS_TIMEOUT_MAX_MS	(60 * 60 * 1000)

/**
 * struct ws_model - what is known of a kind of device
 * @name: for messages
 * @bar: the memory BAR
 * @has_regs: it has registers that prove arrival, in @regs_bar
 * @regs_bar: the BAR of the registers
 * @sentinel: offset of a 32-bit register with a known value
 * @sentinel_mask: the bits of it that are known
 * @sentinel_value: their value
 * @pending: offset of the 32-bit register of posted writes not yet landed
 */
struct ws_model {
	const char *name;
	u8 bar;
	bool has_regs;
	u8 regs_bar;
	u16 sentinel;
	u32 sentinel_mask;
	u32 sentinel_value;
	u16 pending;
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
 * @mem: the BAR as write-combining memory; NULL if not @prefetchable
 * @io: the same BAR for accesses of an exact width
 * @regs: the registers, if the model has any
 * @bound_ns: the longest time one read can take, 0 if the hardware sets none
 * @flush: what is posted and what has arrived
 * @srcu: the gate: device accesses are inside, removal waits for them
 * @dead: the device is gone; final
 * @wait: for poll()
 * @confirm: enum writesync_confirm
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
	struct pci_dev *pdev;
	struct writesync_info info;
	const struct ws_model *model;
	void *mem;
	void __iomem *io;
	void __iomem *regs;
	u64 bound_ns;
	struct ws_flush flush;
	struct srcu_struct srcu;
	bool dead;
	wait_queue_head_t wait;
	u8 confirm;
	u64 timeout_ns;
	u8 exact_width;
};

/* main.c */
extern struct class *ws_class;
extern dev_t ws_devt;
#define WS_MAX_WINDOWS	1024

/* pci.c */
int ws_pci_init(void);
void ws_pci_exit(void);
int ws_pci_check(struct pci_dev *pdev);

/* window.c */
struct ws_window *ws_window_create(struct pci_dev *pdev,
				   const struct ws_model *model,
				   void __iomem *regs, u64 bound_ns);
void ws_window_remove(struct ws_window *win);
void ws_window_kill(struct ws_window *win);
bool ws_window_dead(struct ws_window *win);
int ws_window_enter(struct ws_window *win) __acquires(&win->srcu);
void ws_window_exit(struct ws_window *win, int idx) __releases(&win->srcu);
ssize_t ws_window_write(struct ws_window *win, loff_t pos,
			struct iov_iter *from);
ssize_t ws_window_read(struct ws_window *win, loff_t pos, struct iov_iter *to);
u8 ws_window_load_word(struct ws_window *win, u64 last, u8 *bytes);
unsigned int ws_window_width(const struct ws_window *win);
int ws_window_sync(struct ws_window *win, struct ws_sync *s, u64 timeout_ns,
		   bool absolute);
int ws_window_set_width(struct ws_window *win, unsigned int width);

/* confirm.c */
extern const struct ws_flush_ops ws_confirm_ops;
extern const char *const ws_confirm_names[];
u8 ws_confirm_default(const struct ws_window *win);
int ws_confirm_set(struct ws_window *win, unsigned int method);
#define WS_CONFIRM_METHODS	4

/* file.c */
extern const struct file_operations ws_file_fops;

/* ioctl.c */
long ws_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* sysfs.c */
extern const struct attribute_group *ws_window_groups[];

#endif /* WS_WINDOW_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between the kernels that writesync supports (6.1 and
 * later). The rest of the module is written for the newest one.
 */
#ifndef WS_COMPAT_H
#define WS_COMPAT_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/version.h>

#ifndef CONFIG_64BIT
#error "writesync needs a 64-bit kernel: windows are accessed by 8 bytes"
#endif

/* 6.4: class_create() lost its module argument (it had no use). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define ws_class_create(name) class_create(THIS_MODULE, name)
#else
#define ws_class_create(name) class_create(name)
#endif

/* 6.5: copy_splice_read() replaced generic_file_splice_read(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define copy_splice_read generic_file_splice_read
#endif

/* 6.12: the header moved. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

/* 6.13: hrtimer_init_sleeper_on_stack() got the name of what it does. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define hrtimer_setup_sleeper_on_stack hrtimer_init_sleeper_on_stack
#endif

/* 6.14: a created worker no longer starts by itself; kthread_run_worker(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define kthread_run_worker kthread_create_worker
#endif

#endif /* WS_COMPAT_H */

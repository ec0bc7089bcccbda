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
#include <linux/mm.h>
#include <linux/version.h>

#ifndef CONFIG_64BIT
#error "writesync needs a 64-bit kernel: windows are accessed by 8 bytes"
#endif

/* 6.3: vm_flags are no longer assigned. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}
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

/*
 * A loop of a constant count that is to be none. Clang cannot do that where a
 * fault jumps away, and warns; so would 6.15's "unrolled_full".
 */
#ifdef __clang__
#define ws_for_unrolled(i, count) for (i = 0; i < (count); i++)
#else
#define ws_for_unrolled(i, count) \
	_Pragma("GCC unroll 127") \
	for (i = 0; i < (count); i++)
#endif

/* 6.12: the header moved. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

/* 6.6: a fault may hold the lock of its VMA instead of its address space's. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define ws_release_fault_lock(vmf) mmap_read_unlock((vmf)->vma->vm_mm)
#else
#define ws_release_fault_lock(vmf) release_fault_lock(vmf)
#endif

/*
 * 6.12: a huge page of memory without struct page is marked as such. Before,
 * get_user_pages_fast() took it for memory, so there are none.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0) && \
	defined(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)
#define WS_HUGE_FAULT
#endif

/* 6.17: pfn_t is gone. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#define ws_huge_pfn(pfn) __pfn_to_pfn_t(pfn, PFN_DEV)
#else
#define ws_huge_pfn(pfn) (pfn)
#endif

static inline vm_fault_t ws_insert_pfn_huge(struct vm_fault *vmf,
					    unsigned long pfn,
					    unsigned int order, bool write)
{
#ifdef WS_HUGE_FAULT
	if (order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, ws_huge_pfn(pfn), write);
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	if (order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, ws_huge_pfn(pfn), write);
#endif
#endif
	return VM_FAULT_FALLBACK;
}

/* 6.13: hrtimer_init_sleeper_on_stack() got the name of what it does. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define hrtimer_setup_sleeper_on_stack hrtimer_init_sleeper_on_stack
#endif

/*
 * 6.14: a created worker no longer starts by itself. When it does, it gives
 * itself all CPUs unless it was told others before. (If there is no memory for
 * that, or they all went offline, any CPU has to do.)
 */
static inline struct kthread_worker *
ws_run_worker(const struct cpumask *cpus, const char *name)
{
	struct kthread_worker *worker = kthread_create_worker(0, "%s", name);

	if (IS_ERR(worker))
		return worker;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
	set_cpus_allowed_ptr(worker->task, cpus);
#else
	kthread_affine_preferred(worker->task, cpus);
	wake_up_process(worker->task);
#endif
	return worker;
}

/* 7.1: zap_vma_ptes() got the name of the mappings it is for. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
#define zap_special_vma_range zap_vma_ptes
#endif

#endif /* WS_COMPAT_H */

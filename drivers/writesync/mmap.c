// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of a window into user space.
 *
 * They are filled by faults, inside the gate, so that they can be taken away
 * (zapped): while the window is FROZEN the next access waits in the fault,
 * once it is DEAD the access gets SIGBUS. Pages are read-only until they are
 * written: the write fault tells that stores are made which take no number.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "window.h"

/* "WSYN" */
#define WS_FS_MAGIC	0x5753594e

/* How long a fault that must keep its locks waits at a time. */
#define WS_FAULT_WAIT	(HZ / 100 + 1)

static struct vfsmount *ws_mount;

static int ws_fs_init(struct fs_context *fc)
{
	return init_pseudo(fc, WS_FS_MAGIC) ? 0 : -ENOMEM;
}

/*
 * Without an owner: the mount would keep the module from being unloaded, and
 * it does not outlive the module.
 */
static struct file_system_type ws_fs = {
	.name = KBUILD_MODNAME,
	.init_fs_context = ws_fs_init,
	.kill_sb = kill_anon_super,
};

/**
 * ws_mmap_init() - prepare for inodes
 *
 * Return: 0 or negative errno.
 */
int ws_mmap_init(void)
{
	ws_mount = kern_mount(&ws_fs);
	return PTR_ERR_OR_ZERO(ws_mount);
}

/**
 * ws_mmap_exit() - undo ws_mmap_init()
 */
void ws_mmap_exit(void)
{
	kern_unmount(ws_mount);
}

/**
 * ws_mmap_inode() - make an inode that collects a window's mappings
 *
 * Return: the inode, for iput(); or an ERR_PTR().
 */
struct inode *ws_mmap_inode(void)
{
	return alloc_anon_inode(ws_mount->mnt_sb);
}

/**
 * ws_mmap_zap() - take away what is mapped
 * @win: the window; faults are kept out by its state
 */
void ws_mmap_zap(struct ws_window *win)
{
	unmap_mapping_range(win->inode->i_mapping, 0, 0, 1);
}

static struct ws_file *ws_vma_file(const struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

/*
 * A VMA's private data is the last epoch in which it was written through; 0:
 * none.
 */
static bool ws_vma_written(const struct vm_area_struct *vma)
{
	struct ws_window *win = ws_vma_file(vma)->win;

	lockdep_assert_held(&win->map_lock);
	return (unsigned long)vma->vm_private_data == win->map_epoch;
}

/**
 * ws_mmap_forget() - what was written through mappings is accounted for
 * @win: the window; nothing is mapped
 */
void ws_mmap_forget(struct ws_window *win)
{
	spin_lock(&win->map_lock);
	win->map_epoch++;
	WRITE_ONCE(win->maps_written, 0);
	spin_unlock(&win->map_lock);
}

/* A copy of a VMA: after a fork, a split or a move. */
static void ws_vm_open(struct vm_area_struct *vma)
{
	struct ws_window *win = ws_vma_file(vma)->win;

	spin_lock(&win->map_lock);
	if (ws_vma_written(vma))
		WRITE_ONCE(win->maps_written, win->maps_written + 1);
	spin_unlock(&win->map_lock);
}

/*
 * What was stored through the last one is still to be synced, once. Stores of
 * other threads may sit in the write-combining buffers of their CPUs. Unmapping
 * used to interrupt these for the sake of their TLBs; from 6.15 on it need not
 * (INVLPGB on AMD), so that the next readback has to.
 */
static void ws_vm_close(struct vm_area_struct *vma)
{
	struct ws_window *win = ws_vma_file(vma)->win;

	/* The stores, before the number that stands for them. */
	wmb();
	spin_lock(&win->map_lock);
	if (ws_vma_written(vma)) {
		ws_flush_want_fence(&win->flush, vma->vm_mm);
		if (win->maps_written == 1)
			ws_flush_post_unknown(&win->flush);
		WRITE_ONCE(win->maps_written, win->maps_written - 1);
	}
	spin_unlock(&win->map_lock);
}

/* From now on stores are made that take no number, as long as it exists. */
static void ws_vm_written(struct vm_area_struct *vma)
{
	struct ws_window *win = ws_vma_file(vma)->win;

	spin_lock(&win->map_lock);
	if (!ws_vma_written(vma)) {
		vma->vm_private_data = (void *)win->map_epoch;
		WRITE_ONCE(win->maps_written, win->maps_written + 1);
	}
	spin_unlock(&win->map_lock);
}

static unsigned long ws_vm_pfn(const struct ws_file *wf, pgoff_t page)
{
	struct ws_window *win = wf->win;
	phys_addr_t start = pci_resource_start(win->pdev, win->bar);

	ws_window_assert_entered(win);
	return PHYS_PFN(start + wf->base) + page;
}

/* How the device's memory is accessed, with the rights of @prot. */
static pgprot_t ws_vm_prot(const struct ws_window *win, pgprot_t prot)
{
	prot = win->mem ? pgprot_writecombine(prot) : pgprot_noncached(prot);
	return pgprot_decrypted(prot);
}

static vm_fault_t ws_vm_insert_page(struct vm_fault *vmf, bool write)
{
	struct vm_area_struct *vma = vmf->vma;
	struct ws_file *wf = ws_vma_file(vma);
	unsigned long pfn = ws_vm_pfn(wf, vmf->pgoff);
	pgprot_t prot = vma->vm_page_prot;

	/* With a pfn_mkwrite operation, that one is read-only. */
	if (write)
		prot = ws_vm_prot(wf->win, vm_get_page_prot(vma->vm_flags));
	return vmf_insert_pfn_prot(vma, vmf->address, pfn, prot);
}

static vm_fault_t ws_vm_insert_huge(struct vm_fault *vmf, unsigned int order,
				    bool write)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	unsigned long pfn;

	if (addr < vma->vm_start || (PAGE_SIZE << order) > vma->vm_end - addr)
		return VM_FAULT_FALLBACK;
	pfn = ws_vm_pfn(ws_vma_file(vma), linear_page_index(vma, addr));
	if (pfn & ((1UL << order) - 1))
		return VM_FAULT_FALLBACK;
	return ws_insert_pfn_huge(vmf, pfn, order, write);
}

/* Return: what the fault gets; 0: the window is FROZEN. */
static vm_fault_t ws_vm_insert(struct vm_fault *vmf, unsigned int order)
{
	struct ws_window *win = ws_vma_file(vmf->vma)->win;
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	/* Page tables must not wait for a disk that waits for us to leave. */
	unsigned int noio = memalloc_noio_save();
	int idx = ws_window_enter(win);

	switch (ws_window_usable(win)) {
	case 0:
		if (write)
			ws_vm_written(vmf->vma);
		ret = order ? ws_vm_insert_huge(vmf, order, write) :
			      ws_vm_insert_page(vmf, write);
		break;
	case -EAGAIN:
		ret = 0;
		break;
	}
	ws_window_exit(win, idx);
	memalloc_noio_restore(noio);
	return ret;
}

static bool ws_thawed(struct ws_window *win)
{
	return ws_window_usable(win) != -EAGAIN;
}

/* The address space is not ours while we wait; the file keeps the window. */
static vm_fault_t ws_vm_wait_unlocked(struct vm_fault *vmf)
{
	struct file *file = get_file(vmf->vma->vm_file);
	struct ws_window *win = ws_vma_file(vmf->vma)->win;

	ws_release_fault_lock(vmf);
	if (vmf->flags & FAULT_FLAG_INTERRUPTIBLE)
		wait_event_interruptible(win->wait, ws_thawed(win));
	else
		wait_event_killable(win->wait, ws_thawed(win));
	fput(file);
	return VM_FAULT_RETRY;
}

/* The window is FROZEN: have the access made again, later. */
static vm_fault_t ws_vm_wait(struct vm_fault *vmf)
{
	struct ws_window *win = ws_vma_file(vmf->vma)->win;

	if (fault_flag_allow_retry_first(vmf->flags))
		return vmf->flags & FAULT_FLAG_RETRY_NOWAIT ?
		       VM_FAULT_RETRY : ws_vm_wait_unlocked(vmf);

	wait_event_killable_timeout(win->wait, ws_thawed(win), WS_FAULT_WAIT);
	return fatal_signal_pending(current) ? VM_FAULT_SIGBUS :
					       VM_FAULT_NOPAGE;
}

static vm_fault_t ws_vm_fault_order(struct vm_fault *vmf, unsigned int order)
{
	return ws_vm_insert(vmf, order) ?: ws_vm_wait(vmf);
}

static vm_fault_t ws_vm_fault(struct vm_fault *vmf)
{
	return ws_vm_fault_order(vmf, 0);
}

#ifdef WS_HUGE_FAULT
/*
 * A VMA may be in the middle of a split, its copy made and counted as not
 * written, unless the fault holds the lock of the address space.
 */
static vm_fault_t ws_vm_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	if (vmf->flags & FAULT_FLAG_VMA_LOCK) {
		ws_release_fault_lock(vmf);
		return VM_FAULT_RETRY;
	}
	return ws_vm_fault_order(vmf, order);
}
#endif

/*
 * A page that was mapped to be read is about to be written. It is mapped anew
 * inside the gate: what was marked as written here might be forgotten by a reset
 * before the caller makes the page writable. And at once: an instruction that
 * reads from the page before it writes to it would have it mapped to be read
 * again, and never come to an end. While the window is FROZEN, the next fault
 * waits: here, a caller that is to try again would be taken for one that is not.
 */
static vm_fault_t ws_vm_mkwrite(struct vm_fault *vmf)
{
	zap_special_vma_range(vmf->vma, vmf->address & PAGE_MASK, PAGE_SIZE);
	return ws_vm_insert(vmf, 0) ?: VM_FAULT_NOPAGE;
}

static const struct vm_operations_struct ws_vm_ops = {
	.open = ws_vm_open,
	.close = ws_vm_close,
	.fault = ws_vm_fault,
#ifdef WS_HUGE_FAULT
	.huge_fault = ws_vm_huge_fault,
#endif
	.pfn_mkwrite = ws_vm_mkwrite,
};

/**
 * ws_mmap() - map a file's memory
 * @file: the file
 * @vma: where to
 *
 * Return: 0; -EINVAL; -ENODEV, -EBADFD; -EPERM if the device's MSI-X table is
 * there.
 */
int ws_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ws_file *wf = file->private_data;
	u64 pages = wf->size >> PAGE_SHIFT, length;
	int ret = ws_file_usable(wf);

	if (ret)
		return ret;
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	length = (u64)vma_pages(vma) << PAGE_SHIFT;
	if (ws_window_writable(wf->win,
			       wf->base + ((u64)vma->vm_pgoff << PAGE_SHIFT),
			       length) < length)
		return -EPERM;

	vma->vm_page_prot = ws_vm_prot(wf->win, vma->vm_page_prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = NULL;
	vma->vm_ops = &ws_vm_ops;
	return 0;
}

/* Is @address in a mapping of the window? At which offset, and how far? */
static bool ws_vma_at(struct ws_window *win, u64 address, u64 *offset,
		      u64 *end)
{
	struct vm_area_struct *vma = vma_lookup(current->mm, address);

	if (!vma || vma->vm_ops != &ws_vm_ops || ws_vma_file(vma)->win != win)
		return false;
	*offset = ws_vma_file(vma)->base + (address - vma->vm_start) +
		  ((u64)vma->vm_pgoff << PAGE_SHIFT);
	*end = vma->vm_end;
	return true;
}

/* The range may be mapped in several pieces that follow each other. */
static bool ws_mapped(struct ws_window *win, u64 address, u64 length,
		      u64 *offset)
{
	u64 at, end, done;

	if (!ws_vma_at(win, address, offset, &end))
		return false;
	for (done = end - address; done < length; done = end - address)
		if (!ws_vma_at(win, address + done, &at, &end) ||
		    at != *offset + done)
			return false;
	return true;
}

/**
 * ws_mmap_check() - is that this file's memory?
 * @wf: the file
 * @address: in the caller's address space
 * @length: bytes, 1 or more; the end does not wrap around
 * @offset: out: of @address in the file's memory
 *
 * Return: 1 if all of it is, else 0; -EINTR after a fatal signal.
 */
int ws_mmap_check(const struct ws_file *wf, u64 address, u64 length,
		  u64 *offset)
{
	bool mapped;
	u64 at = 0;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	mapped = ws_mapped(wf->win, address, length, &at);
	mmap_read_unlock(current->mm);
	if (!mapped || at < wf->base || at - wf->base > wf->size ||
	    length > wf->size - (at - wf->base))
		return 0;
	*offset = at - wf->base;
	return 1;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Regions: ranges of a window that belong to one owner.
 */
#include <linux/bitmap.h>
#include <linux/genalloc.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "compat.h"
#include "window.h"

/* Offset 0 as an address of the pool: gen_pool takes 0 for failure. */
#define WS_POOL_BASE	BIT(62)

/* The pool has as many granules at the most: a bit each, 1 KiB for a GiB. */
#define WS_GRANULES	8192

/*
 * First fit; offsets are aligned, not addresses of the pool. @data: one less
 * than the alignment, in granules. The library's own fit cannot align to more
 * than 1 GiB.
 */
static unsigned long ws_region_fit(unsigned long *map, unsigned long size,
				   unsigned long start, unsigned int nr,
				   void *data, struct gen_pool *pool,
				   unsigned long start_addr)
{
	const unsigned long *mask = data;

	return bitmap_find_next_zero_area(map, size, start, nr, *mask);
}

/* No region gets the pages of the MSI-X table. */
static int ws_region_reserve(struct ws_window *win, u64 total)
{
	u64 first = round_down(win->hole, win->granule);
	u64 end = min(round_up(win->hole + win->hole_size, win->granule),
		      total);
	struct genpool_data_fixed where = { .offset = first };

	if (!win->hole_size || first >= end)
		return 0;
	win->reserved = end - first;
	if (gen_pool_alloc_algo(win->pool, win->reserved, gen_pool_fixed_alloc,
				&where))
		return 0;
	win->reserved = 0;
	return -ENOMEM;
}

/**
 * ws_region_init() - make a window's pool
 * @win: the window; its size is set, and what no region may have
 *
 * Return: 0 or negative errno; ws_region_exit() is due in either case.
 */
int ws_region_init(struct ws_window *win)
{
	u64 total;
	int ret;

	win->granule = max_t(u64, PAGE_SIZE,
			     roundup_pow_of_two(win->size) / WS_GRANULES);
	total = round_down(win->size, win->granule);
	if (!total)
		return 0;
	win->pool = gen_pool_create(ilog2(win->granule), NUMA_NO_NODE);
	if (!win->pool)
		return -ENOMEM;
	ret = gen_pool_add(win->pool, WS_POOL_BASE, total, NUMA_NO_NODE);
	return ret ?: ws_region_reserve(win, total);
}

/**
 * ws_region_exit() - undo ws_region_init()
 * @win: the window; no region is left
 */
void ws_region_exit(struct ws_window *win)
{
	if (win->reserved)
		gen_pool_free(win->pool, WS_POOL_BASE +
			      round_down(win->hole, win->granule),
			      win->reserved);
	if (win->pool)
		gen_pool_destroy(win->pool);
}

/* Return: 0 or -ENOSPC. */
static int ws_region_take(struct ws_window *win, u64 *length, u64 alignment,
			  u64 *offset)
{
	unsigned long mask, addr;

	if (!win->pool || *length > win->size)
		return -ENOSPC;
	*length = round_up(*length, win->granule);
	mask = max(alignment, win->granule) / win->granule - 1;

	mutex_lock(&win->pool_lock);
	addr = gen_pool_alloc_algo(win->pool, *length, ws_region_fit, &mask);
	mutex_unlock(&win->pool_lock);
	if (!addr)
		return -ENOSPC;
	*offset = addr - WS_POOL_BASE;
	return 0;
}

static void ws_region_give_back(struct ws_window *win, u64 offset, u64 length)
{
	mutex_lock(&win->pool_lock);
	gen_pool_free(win->pool, WS_POOL_BASE + offset, length);
	mutex_unlock(&win->pool_lock);
}

/**
 * ws_region_alloc() - cut a region out of a window
 * @win: the window
 * @arg: in: length and alignment; out: length and offset
 * @region: out: to be undone by ws_region_free()
 *
 * Return: 0; -EINVAL, -ENOSPC, -ENOMEM.
 */
int ws_region_alloc(struct ws_window *win, struct writesync_alloc *arg,
		    struct ws_file **region)
{
	struct ws_file *wf;
	int ret;

	if (!arg->length ||
	    (arg->alignment && !is_power_of_2(arg->alignment)))
		return -EINVAL;
	wf = ws_file_alloc(win);
	if (!wf)
		return -ENOMEM;
	ret = ws_region_take(win, &arg->length, arg->alignment, &arg->offset);
	if (ret) {
		kfree(wf);
		return ret;
	}
	wf->region = true;
	wf->base = arg->offset;
	wf->size = arg->length;
	get_device(&win->dev);
	*region = wf;
	return 0;
}

/**
 * ws_region_free() - give a region's memory back
 * @region: the region; nobody uses it, nor maps it
 */
void ws_region_free(struct ws_file *region)
{
	struct ws_window *win = region->win;

	ws_region_give_back(win, region->base, region->size);
	kfree(region);
	put_device(&win->dev);
}

/* Only zeros that have arrived are sure to hide what is there. */
static int ws_region_clear(struct ws_file *wf, const struct ws_limit *limit)
{
	struct ws_client own = {};
	struct ws_sync s = { .client = &own };

	/* Losses before this are not about the zeros. */
	ws_flush_add_client(&wf->win->flush, &own);
	return ws_copy_zeros(wf->win, wf->base, wf->size, limit) ?:
	       ws_file_flush(wf, &s);
}

/**
 * ws_region_commit() - make a file's memory usable
 * @wf: the file
 * @limit: how long to wait while the window is FROZEN
 *
 * The first time, a region is cleared, so that one owner never reads what
 * another one left.
 *
 * Return: 0; -EINTR; as ws_window_wait() and ws_file_sync().
 */
int ws_region_commit(struct ws_file *wf, const struct ws_limit *limit)
{
	int ret = 0;

	if (mutex_lock_interruptible(&wf->commit_lock))
		return -EINTR;
	if (!wf->cleared)
		ret = ws_region_clear(wf, limit);
	if (!ret) {
		wf->cleared = true;
		WRITE_ONCE(wf->committed, true);
	}
	mutex_unlock(&wf->commit_lock);
	return ret;
}

/**
 * ws_region_decommit() - make a file's memory unusable
 * @wf: the file
 *
 * Calls that are under way, and mappings, go on.
 */
int ws_region_decommit(struct ws_file *wf)
{
	if (mutex_lock_interruptible(&wf->commit_lock))
		return -EINTR;
	WRITE_ONCE(wf->committed, false);
	mutex_unlock(&wf->commit_lock);
	return 0;
}

/* The longest run of granules that no region has. */
static unsigned long ws_region_longest(struct ws_window *win)
{
	unsigned long granules = gen_pool_size(win->pool) / win->granule;
	unsigned long first, end = 0, longest = 0;
	struct gen_pool_chunk *chunk;

	lockdep_assert_held(&win->pool_lock);
	/* There is but one. */
	chunk = list_first_entry(&win->pool->chunks, struct gen_pool_chunk,
				 next_chunk);
	for (;;) {
		first = find_next_zero_bit(chunk->bits, granules, end);
		if (first >= granules)
			return longest;
		end = find_next_bit(chunk->bits, granules, first);
		longest = max(longest, end - first);
	}
}

/**
 * ws_region_totals() - what WRITESYNC_IOC_INFO says of a window's memory
 * @win: the window
 * @info: out
 */
void ws_region_totals(struct ws_window *win, struct writesync_info *info)
{
	info->granule = win->granule;
	if (!win->pool)
		return;
	mutex_lock(&win->pool_lock);
	info->total = gen_pool_size(win->pool);
	info->free = gen_pool_avail(win->pool);
	info->largest_free = win->granule * ws_region_longest(win);
	mutex_unlock(&win->pool_lock);
}

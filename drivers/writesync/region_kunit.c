// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the region allocator, in windows that are not there; of some of them
 * there is memory. A map of bytes, one for each granule, says what has to be
 * free.
 */
#include <linux/slab.h>

#include "fake_kunit.h"
#include "window.h"

/* Owners of granules, from 1. */
#define WS_TEST_REGIONS		32

#define WS_TEST_STEPS		400

/**
 * struct ws_test_size - a size of window to test
 * @name: of the case
 * @size: of the window
 * @granule: what it has to be divided by
 * @granules: and into how many parts
 */
struct ws_test_size {
	const char *name;
	u64 size;
	u64 granule;
	unsigned int granules;
};

static const struct ws_test_size ws_test_sizes[] = {
	{ "half a page", PAGE_SIZE / 2, PAGE_SIZE, 0 },
	{ "a page", PAGE_SIZE, PAGE_SIZE, 1 },
	{ "a page and a half", PAGE_SIZE * 3 / 2, PAGE_SIZE, 1 },
	{ "three pages", PAGE_SIZE * 3, PAGE_SIZE, 3 },
	{ "64 pages", PAGE_SIZE * 64, PAGE_SIZE, 64 },
	{ "8192 pages", PAGE_SIZE * 8192, PAGE_SIZE, 8192 },
	{ "8193 pages", PAGE_SIZE * 8193, PAGE_SIZE * 2, 4096 },
	{ "1 TiB", BIT_ULL(40), BIT_ULL(27), 8192 },
	{ "1.5 TiB and a byte", 3 * BIT_ULL(39) + 1, BIT_ULL(28), 6144 },
	{ "8 EiB", BIT_ULL(63), BIT_ULL(50), 8192 },
};

KUNIT_ARRAY_PARAM_DESC(ws_test_size, ws_test_sizes, name);

/**
 * struct ws_test_window - a window that is not there
 * @win: the part of it that regions need
 * @released: nobody holds it any more
 * @answer: what its readbacks come to
 * @loses: they find that everything was lost
 * @granules: how many it has
 * @owner: of each granule, 0 if it is free
 * @regions: the owners, by their number less one
 * @rnd: what happens next
 */
struct ws_test_window {
	struct ws_window win;
	bool released;
	int answer;
	bool loses;
	unsigned int granules;
	u8 *owner;
	struct ws_file *regions[WS_TEST_REGIONS];
	struct rnd_state rnd;
};

static int ws_test_confirm(struct ws_flush *f, struct ws_mark *mark)
{
	struct ws_test_window *t = container_of(f, struct ws_test_window,
						win.flush);

	if (t->loses)
		ws_flush_lose(f, false);
	return t->answer;
}

static u64 ws_test_bound_ns(struct ws_flush *f)
{
	return 0;
}

static const struct ws_flush_ops ws_test_flush_ops = {
	.confirm = ws_test_confirm,
	.bound_ns = ws_test_bound_ns,
};

static void ws_test_release(struct device *dev)
{
	container_of(dev, struct ws_test_window, win.dev)->released = true;
}

static struct ws_test_window *ws_test_window(struct kunit *test, u64 size)
{
	struct ws_test_window *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct ws_window *win = &t->win;

	KUNIT_ASSERT_NOT_NULL(test, t);
	prandom_seed_state(&t->rnd, ws_fake_seed);
	test->priv = t;
	device_initialize(&win->dev);
	win->dev.release = ws_test_release;
	mutex_init(&win->pool_lock);
	init_waitqueue_head(&win->wait);
	win->size = size;
	win->timeout_ns = WS_FAKE_PATIENCE_MS * NSEC_PER_MSEC;
	KUNIT_ASSERT_EQ(test, 0, init_srcu_struct(&win->srcu));
	KUNIT_ASSERT_EQ(test, 0, ws_flush_init(&win->flush, &ws_test_flush_ops,
					       0, "ws_test"));
	KUNIT_ASSERT_EQ(test, 0, ws_region_init(win));
	t->granules = div64_u64(size, win->granule);
	t->owner = kunit_kzalloc(test, t->granules ?: 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->owner);
	return t;
}

/* Memory for a window, full of what others left. */
static struct ws_test_window *ws_test_memory(struct kunit *test, u64 size)
{
	struct ws_test_window *t = ws_test_window(test, size);

	t->win.mem = kunit_kmalloc(test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->win.mem);
	memset(t->win.mem, 0xa5, size);
	t->win.io = (void __iomem __force *)t->win.mem;
	t->win.prefetchable = true;
	return t;
}

static void ws_region_test_exit(struct kunit *test)
{
	struct ws_test_window *t = test->priv;
	unsigned int i;

	if (!t)
		return;
	for (i = 0; i < WS_TEST_REGIONS; i++)
		if (t->regions[i])
			ws_region_free(t->regions[i]);
	ws_region_exit(&t->win);
	if (!IS_ERR_OR_NULL(t->win.flush.worker)) {
		ws_flush_kill(&t->win.flush, -ENODEV);
		ws_flush_exit(&t->win.flush);
	}
	ws_flush_free(&t->win.flush);
	cleanup_srcu_struct(&t->win.srcu);
	put_device(&t->win.dev);
	KUNIT_EXPECT_TRUE_MSG(test, t->released, "somebody holds the window");
}

/* ---- what has to be free ---- */

/* Does the number of granules @n fit at a multiple of @step granules? */
static bool ws_test_fits(const struct ws_test_window *t, u64 n, u64 step)
{
	u64 at;

	for (at = 0; at < t->granules && n <= t->granules - at; at += step)
		if (!memchr_inv(t->owner + at, 0, n))
			return true;
	return false;
}

static unsigned int ws_test_longest(const struct ws_test_window *t)
{
	unsigned int i, run = 0, longest = 0;

	for (i = 0; i < t->granules; i++) {
		run = t->owner[i] ? 0 : run + 1;
		longest = max(longest, run);
	}
	return longest;
}

static unsigned int ws_test_free(const struct ws_test_window *t)
{
	unsigned int i, n = 0;

	for (i = 0; i < t->granules; i++)
		n += !t->owner[i];
	return n;
}

static void ws_test_check_totals(struct kunit *test, struct ws_test_window *t)
{
	u64 granule = t->win.granule;
	struct writesync_info info = {};

	ws_region_totals(&t->win, &info);
	KUNIT_ASSERT_EQ(test, info.granule, granule);
	KUNIT_ASSERT_EQ(test, info.total, granule * t->granules);
	KUNIT_ASSERT_EQ(test, info.free, granule * ws_test_free(t));
	KUNIT_ASSERT_EQ(test, info.largest_free, granule * ws_test_longest(t));
}

/* ---- allocating and freeing ---- */

static u64 ws_test_ceil(u64 length, u64 granule)
{
	return div64_u64(length, granule) + !!(length % granule);
}

/* A region where there was room: where it may be, and nobody else's. */
static void ws_test_check_region(struct kunit *test, struct ws_test_window *t,
				 const struct writesync_alloc *arg,
				 u64 alignment, u64 n, unsigned int i)
{
	const struct ws_file *wf = t->regions[i];
	u64 granule = t->win.granule;
	u64 at = div64_u64(arg->offset, granule);

	KUNIT_ASSERT_EQ(test, arg->offset % granule, 0);
	KUNIT_ASSERT_EQ(test, arg->offset & (max(alignment, 1ULL) - 1), 0);
	KUNIT_ASSERT_EQ(test, arg->length, n * granule);
	KUNIT_ASSERT_LT(test, at, t->granules);
	KUNIT_ASSERT_LE(test, n, t->granules - at);
	KUNIT_ASSERT_NULL_MSG(test, memchr_inv(t->owner + at, 0, n),
			      "granule %llu, %llu of them", at, n);
	memset(t->owner + at, i + 1, n);
	KUNIT_ASSERT_PTR_EQ(test, wf->win, &t->win);
	KUNIT_ASSERT_EQ(test, wf->base, arg->offset);
	KUNIT_ASSERT_EQ(test, wf->size, arg->length);
	KUNIT_ASSERT_TRUE(test, wf->region);
	KUNIT_ASSERT_FALSE(test, wf->committed);
	KUNIT_ASSERT_FALSE(test, wf->cleared);
}

static int ws_test_alloc(struct kunit *test, unsigned int i, u64 length,
			 u64 alignment)
{
	struct writesync_alloc arg = {
		.length = length,
		.alignment = alignment,
	};
	struct ws_test_window *t = test->priv;
	u64 n = ws_test_ceil(length, t->win.granule);
	u64 step = ws_test_ceil(max(alignment, 1ULL), t->win.granule);
	int want = ws_test_fits(t, n, step) ? 0 : -ENOSPC;
	int ret;

	if (!length || (alignment && !is_power_of_2(alignment)))
		want = -EINVAL;
	ret = ws_region_alloc(&t->win, &arg, &t->regions[i]);
	KUNIT_ASSERT_EQ_MSG(test, ret, want, "%llu bytes, alignment %llu",
			    length, alignment);
	if (!ret)
		ws_test_check_region(test, t, &arg, alignment, n, i);
	ws_test_check_totals(test, t);
	return ret;
}

static void ws_test_give_back(struct kunit *test, unsigned int i)
{
	struct ws_test_window *t = test->priv;
	unsigned int at;

	ws_region_free(t->regions[i]);
	t->regions[i] = NULL;
	for (at = 0; at < t->granules; at++)
		if (t->owner[at] == i + 1)
			t->owner[at] = 0;
	ws_test_check_totals(test, t);
}

static void ws_test_give_back_all(struct kunit *test)
{
	struct ws_test_window *t = test->priv;
	struct writesync_info info = {};
	unsigned int i;

	for (i = 0; i < WS_TEST_REGIONS; i++)
		if (t->regions[i])
			ws_test_give_back(test, i);
	ws_region_totals(&t->win, &info);
	KUNIT_EXPECT_EQ(test, info.free, info.total);
	KUNIT_EXPECT_EQ(test, info.largest_free, info.total);
}

/* Lengths of all sizes, and those around which mistakes are made. */
static u64 ws_test_length(struct ws_test_window *t)
{
	u64 granule = t->win.granule;
	u64 few = 1 + ws_fake_below(&t->rnd, max(t->granules / 8, 1U));

	switch (ws_fake_below(&t->rnd, 16)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return U64_MAX - ws_fake_below(&t->rnd, 2) * granule;
	case 3:
		return t->win.size - 1 + ws_fake_below(&t->rnd, 3);
	case 4:
		return granule * ws_test_longest(t) +
		       ws_fake_below(&t->rnd, 2);
	case 5:
		return BIT_ULL(ws_fake_below(&t->rnd, 64));
	default:
		return granule * few - ws_fake_below(&t->rnd, 3) +
		       ws_fake_below(&t->rnd, 3);
	}
}

static u64 ws_test_alignment(struct ws_test_window *t)
{
	switch (ws_fake_below(&t->rnd, 4)) {
	case 0:
		return BIT_ULL(ws_fake_below(&t->rnd, 64));
	case 1:
		return t->win.granule << ws_fake_below(&t->rnd, 8);
	case 2:
		return ws_fake_below(&t->rnd, 8);
	default:
		return 0;
	}
}

static void c7_random_regions(struct kunit *test)
{
	const struct ws_test_size *size = test->param_value;
	struct ws_test_window *t = ws_test_window(test, size->size);
	unsigned int i, taken = 0, full = 0, steps = WS_TEST_STEPS;
	int ret;

	KUNIT_EXPECT_EQ(test, t->win.granule, size->granule);
	KUNIT_EXPECT_EQ(test, t->granules, size->granules);
	ws_test_check_totals(test, t);
	while (steps--) {
		i = ws_fake_below(&t->rnd, WS_TEST_REGIONS);
		if (t->regions[i]) {
			ws_test_give_back(test, i);
			continue;
		}
		ret = ws_test_alloc(test, i, ws_test_length(t),
				    ws_test_alignment(t));
		taken += !ret;
		full += ret == -ENOSPC;
	}
	KUNIT_EXPECT_EQ(test, !taken, !size->granules);
	KUNIT_EXPECT_GT(test, full, 0);
	ws_test_give_back_all(test);
}

static void c7_bad_arguments(struct kunit *test)
{
	ws_test_window(test, PAGE_SIZE * 64);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, 1, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, 1, U64_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, 1, BIT_ULL(63) + 1),
			-EINVAL);
}

static void c7_extreme_alignments(struct kunit *test)
{
	unsigned int i;

	ws_test_window(test, BIT_ULL(40));
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, 1, BIT_ULL(63)), 0);
	/* Only offset 0 is aligned to more than the window's size. */
	for (i = 40; i < 64; i++)
		KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 1, 1, BIT_ULL(i)),
				-ENOSPC);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 1, 1, BIT_ULL(39)), 0);
	ws_test_give_back_all(test);
}

static void c7_extreme_lengths(struct kunit *test)
{
	unsigned int i;

	ws_test_window(test, BIT_ULL(40));
	for (i = 41; i < 64; i++)
		KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, BIT_ULL(i), 0),
				-ENOSPC);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, U64_MAX, 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, BIT_ULL(40) + 1, 0),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, BIT_ULL(40), 0), 0);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 1, 1, 0), -ENOSPC);
	ws_test_give_back_all(test);
}

static void c7_neighbours_merge(struct kunit *test)
{
	unsigned int i;

	ws_test_window(test, PAGE_SIZE * WS_TEST_REGIONS);
	for (i = 0; i < WS_TEST_REGIONS; i++)
		KUNIT_EXPECT_EQ(test, ws_test_alloc(test, i, 1, 0), 0);
	for (i = 0; i < WS_TEST_REGIONS; i += 2)
		ws_test_give_back(test, i);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, PAGE_SIZE + 1, 0),
			-ENOSPC);
	ws_test_give_back(test, 5);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, PAGE_SIZE * 3, 0), 0);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 5, PAGE_SIZE + 1, 0),
			-ENOSPC);
	ws_test_give_back_all(test);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, PAGE_SIZE *
					    WS_TEST_REGIONS, 0), 0);
}

static void c8_region_holds_its_window(struct kunit *test)
{
	struct ws_test_window *t = ws_test_window(test, PAGE_SIZE * 4);
	unsigned int held = kref_read(&t->win.dev.kobj.kref);

	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 0, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&t->win.dev.kobj.kref), held + 1);
	KUNIT_EXPECT_EQ(test, ws_test_alloc(test, 1, PAGE_SIZE * 4, 0),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, kref_read(&t->win.dev.kobj.kref), held + 1);
	ws_test_give_back(test, 0);
	KUNIT_EXPECT_EQ(test, kref_read(&t->win.dev.kobj.kref), held);
}

/* ---- commitment ---- */

static int ws_test_commit(struct ws_file *wf)
{
	const struct ws_limit limit = {};

	return ws_region_commit(wf, &limit);
}

static u8 *ws_test_bytes(const struct ws_file *wf)
{
	return wf->win->mem + wf->base;
}

/* Are all bytes of the region @value? */
static bool ws_test_holds(const struct ws_file *wf, u8 value)
{
	return !memchr_inv(ws_test_bytes(wf), value, wf->size);
}

static void c7_first_commit_clears(struct kunit *test)
{
	struct ws_test_window *t = ws_test_memory(test, PAGE_SIZE * 16);
	struct ws_file *wf;

	KUNIT_ASSERT_EQ(test, ws_test_alloc(test, 0, PAGE_SIZE * 4,
					    PAGE_SIZE * 4), 0);
	wf = t->regions[0];
	KUNIT_EXPECT_EQ(test, ws_file_usable(wf), -EBADFD);
	KUNIT_EXPECT_EQ(test, ws_test_commit(wf), 0);
	KUNIT_EXPECT_EQ(test, ws_file_usable(wf), 0);
	KUNIT_EXPECT_TRUE(test, ws_test_holds(wf, 0));
	KUNIT_EXPECT_EQ(test, *(ws_test_bytes(wf) + wf->size), 0xa5);

	memset(ws_test_bytes(wf), 1, wf->size);
	KUNIT_EXPECT_EQ(test, ws_test_commit(wf), 0);
	KUNIT_EXPECT_EQ(test, ws_region_decommit(wf), 0);
	KUNIT_EXPECT_EQ(test, ws_region_decommit(wf), 0);
	KUNIT_EXPECT_EQ(test, ws_file_usable(wf), -EBADFD);
	KUNIT_EXPECT_EQ(test, ws_test_commit(wf), 0);
	KUNIT_EXPECT_TRUE(test, ws_test_holds(wf, 1));
}

static void c7_zeros_that_did_not_arrive_are_written_again(struct kunit *test)
{
	struct ws_test_window *t = ws_test_memory(test, PAGE_SIZE * 16);
	struct ws_file *wf;

	KUNIT_ASSERT_EQ(test, ws_test_alloc(test, 0, PAGE_SIZE, 0), 0);
	wf = t->regions[0];
	t->answer = -EREMOTEIO;
	KUNIT_EXPECT_EQ(test, ws_test_commit(wf), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, ws_file_usable(wf), -EBADFD);
	memset(ws_test_bytes(wf), 0xa5, wf->size);
	t->answer = 0;
	KUNIT_EXPECT_EQ(test, ws_test_commit(wf), 0);
	KUNIT_EXPECT_TRUE(test, ws_test_holds(wf, 0));
}

static void c5_zeros_that_are_lost_are_no_commit(struct kunit *test)
{
	struct ws_test_window *t = ws_test_memory(test, PAGE_SIZE * 16);
	struct ws_file *wf;

	KUNIT_ASSERT_EQ(test, ws_test_alloc(test, 0, PAGE_SIZE, 0), 0);
	wf = t->regions[0];
	t->loses = true;
	KUNIT_EXPECT_EQ(test, ws_test_commit(wf), -EIO);
	KUNIT_EXPECT_EQ(test, ws_file_usable(wf), -EBADFD);
	/* An older loss is not about the zeros; the file still hears of it. */
	t->loses = false;
	KUNIT_EXPECT_EQ(test, ws_test_commit(wf), 0);
	KUNIT_EXPECT_TRUE(test, ws_flush_needed(&t->win.flush, &wf->client));
}

/* Nobody's bytes change but by their owner, and nobody sees another's. */
static void ws_test_use(struct kunit *test, struct ws_file *wf, u8 mine)
{
	struct ws_test_window *t = test->priv;

	if (wf->cleared)
		KUNIT_ASSERT_TRUE(test, ws_test_holds(wf, mine));
	if (ws_fake_one_in(&t->rnd, 2)) {
		KUNIT_ASSERT_EQ(test, ws_region_decommit(wf), 0);
		return;
	}
	mine = wf->cleared ? mine : 0;
	KUNIT_ASSERT_EQ(test, ws_test_commit(wf), 0);
	KUNIT_ASSERT_TRUE(test, ws_test_holds(wf, mine));
}

static void c7_random_commits(struct kunit *test)
{
	struct ws_test_window *t = ws_test_memory(test, PAGE_SIZE * 64);
	unsigned int i, steps = WS_TEST_STEPS;
	struct ws_file *wf;

	while (steps--) {
		i = ws_fake_below(&t->rnd, WS_TEST_REGIONS);
		wf = t->regions[i];
		if (!wf) {
			ws_test_alloc(test, i, ws_test_length(t),
				      ws_test_alignment(t));
		} else if (ws_fake_one_in(&t->rnd, 3)) {
			ws_test_give_back(test, i);
		} else {
			ws_test_use(test, wf, i + 1);
			if (wf->cleared)
				memset(ws_test_bytes(wf), i + 1, wf->size);
		}
	}
	ws_test_give_back_all(test);
}

static struct kunit_case ws_region_cases[] = {
	KUNIT_CASE_PARAM(c7_random_regions, ws_test_size_gen_params),
	KUNIT_CASE(c7_bad_arguments),
	KUNIT_CASE(c7_extreme_alignments),
	KUNIT_CASE(c7_extreme_lengths),
	KUNIT_CASE(c7_neighbours_merge),
	KUNIT_CASE(c8_region_holds_its_window),
	KUNIT_CASE(c7_first_commit_clears),
	KUNIT_CASE(c7_zeros_that_did_not_arrive_are_written_again),
	KUNIT_CASE(c5_zeros_that_are_lost_are_no_commit),
	KUNIT_CASE(c7_random_commits),
	{}
};

static struct kunit_suite ws_region_suite = {
	.name = "writesync_region",
	.suite_init = ws_fake_seed_say,
	.exit = ws_region_test_exit,
	.test_cases = ws_region_cases,
};

kunit_test_suites(&ws_region_suite);

// SPDX-License-Identifier: GPL-2.0
/*
 * What calls cost in instructions, kernel and all. On a virtual machine whose
 * clock counts them (QEMU's -icount shift=0: a nanosecond each), which the
 * variable WRITESYNC_ICOUNT says; seconds would say something of the machine.
 *
 * The limits are a fifth above what a distribution's kernel takes (Debian's 6.1
 * and 6.12, with the security modules that it turns on).
 */
#include <fcntl.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define TIMES		64
#define TRIES		16
#define LENGTH		64

#define WRITE_MOST		1700
#define CLEAN_SYNC_MOST		1500
#define DIRTY_SYNC_MOST		2600
#define WRITE_SYNC_MOST		3800

FIXTURE(cost) {
	struct ws_dev dev;
	int fd;
	__u8 data[LENGTH];
};

#define COST		FIXTURE_DATA(cost)

FIXTURE_SETUP(cost)
{
	if (!ws_env_number("WRITESYNC_ICOUNT", 0))
		SKIP(return, "the clock does not count instructions");
	WS_BEGIN(return, &self->dev, 0);
	ws_fill(self->data, LENGTH, 60);
	self->fd = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, ws_sync(self->fd));
}

FIXTURE_TEARDOWN(cost)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static int do_write(COST *self)
{
	return ws_pwrite(self->fd, self->data, LENGTH, 0) - LENGTH;
}

static int do_sync(COST *self)
{
	return ws_sync(self->fd);
}

static int do_write_and_sync(COST *self)
{
	struct writesync_iovec iov = ws_piece(self->data, LENGTH);
	struct writesync_write write = ws_pieces_at(&iov, 1, 0);

	write.flags |= WRITESYNC_WRITE_SYNC;
	return ws_write_call(self->fd, &write);
}

/*
 * The least that @act took, which interrupts cannot make smaller. @before it,
 * which does not count, comes another call, if there is one.
 */
static __u64 least(COST *self, int (*before)(COST *self),
		   int (*act)(COST *self))
{
	__u64 most = ~0ull, sum, begun;
	int i, n;

	for (i = 0; i < TRIES; i++) {
		for (n = 0, sum = 0; n < TIMES; n++) {
			if (before && before(self))
				return ~0ull;
			begun = ws_now();
			if (act(self))
				return ~0ull;
			sum += ws_now() - begun;
		}
		if (sum / TIMES < most)
			most = sum / TIMES;
	}
	return most;
}

static void expect_at_most(struct __test_metadata *_metadata, __u64 limit,
			   __u64 took)
{
	EXPECT_GE(limit, took);
	ksft_print_msg("%llu instructions, of %llu at most\n", took, limit);
}

TEST_F(cost, c1_a_write_of_64_bytes)
{
	expect_at_most(_metadata, WRITE_MOST, least(self, NULL, do_write));
}

TEST_F(cost, c2_a_clean_sync)
{
	expect_at_most(_metadata, CLEAN_SYNC_MOST, least(self, NULL, do_sync));
}

TEST_F(cost, c3_a_sync_by_the_caller)
{
	expect_at_most(_metadata, DIRTY_SYNC_MOST,
		       least(self, do_write, do_sync));
}

TEST_F(cost, c1_a_write_and_a_sync_in_one_call)
{
	expect_at_most(_metadata, WRITE_SYNC_MOST,
		       least(self, NULL, do_write_and_sync));
}

TEST_HARNESS_MAIN

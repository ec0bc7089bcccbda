// SPDX-License-Identifier: GPL-2.0
/*
 * libwritesync: every function may be called by any number of threads at a
 * time, with the same descriptor too.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "ws_test.h"
#include <writesync.h>

#define THREADS		8
#define ROUNDS		40
#define LENGTH		512
#define LONG		(10 * WS_S)

struct worker {
	struct ws_dev *dev;
	pthread_t thread;
	int fd;			/* everybody's window */
	unsigned int index;
	__u64 offset;		/* of what was written last */
	__u8 data[LENGTH];
	int error;		/* the first one */
	int round;		/* and when */
};

FIXTURE(threads) {
	struct ws_dev dev;
	int fd;
	struct worker workers[THREADS];
};

#define TOGETHER	FIXTURE_DATA(threads)

FIXTURE_SETUP(threads)
{
	WS_BEGIN(return, &self->dev, WS_NEED_PEER);
	self->fd = writesync_open(self->dev.name, O_RDWR);
	ASSERT_LE(0, self->fd);
	ws_drain(&self->dev, 100);
}

FIXTURE_TEARDOWN(threads)
{
	close(self->fd);
	EXPECT_EQ(0, ws_end(&self->dev));
}

static void run_all(struct __test_metadata *_metadata, TOGETHER *self,
		    void *(*run)(void *))
{
	struct worker *worker;
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		worker = &self->workers[i];
		worker->dev = &self->dev;
		worker->fd = self->fd;
		worker->index = i;
		ASSERT_EQ(0, pthread_create(&worker->thread, NULL, run,
					    worker));
	}
	for (i = 0; i < THREADS; i++) {
		worker = &self->workers[i];
		ASSERT_EQ(0, pthread_join(worker->thread, NULL));
		EXPECT_EQ(0, worker->error) {
			TH_LOG("thread %u, round %d", i, worker->round);
		}
		EXPECT_EQ(ws_crc(worker->data, LENGTH),
			  ws_peer_crc(&self->dev, worker->offset, LENGTH));
	}
}

/* One call or two, by turns. */
static int write_and_sync(struct worker *worker, int fd, __u64 offset,
			  int round)
{
	size_t written = 0;
	ssize_t n;
	int ret;

	if (round % 2) {
		n = writesync_write(fd, worker->data, LENGTH, offset);
		if (n != LENGTH)
			return n < 0 ? n : -ENOSPC;
		return writesync_sync(fd, LONG);
	}
	ret = writesync_write_sync(fd, worker->data, LENGTH, offset, LONG,
				   &written);
	return ret ? ret : written == LENGTH ? 0 : -EPROTO;
}

static bool reads_back(struct worker *worker, int fd, __u64 offset)
{
	__u8 seen[LENGTH];

	return ws_pread(fd, seen, LENGTH, offset) == LENGTH &&
	       !memcmp(seen, worker->data, LENGTH);
}

/* Everybody writes into a part of their own, through one descriptor. */
static void *share_a_descriptor(void *data)
{
	struct worker *worker = data;

	for (; worker->round < ROUNDS && !worker->error; worker->round++) {
		worker->offset = (worker->round % 4 * THREADS + worker->index) *
				 LENGTH;
		ws_fill(worker->data, LENGTH,
			worker->index * ROUNDS + worker->round + 1);
		worker->error = write_and_sync(worker, worker->fd,
					       worker->offset, worker->round);
		if (!worker->error &&
		    !reads_back(worker, worker->fd, worker->offset))
			worker->error = -EILSEQ;
	}
	return NULL;
}

TEST_F(threads, write_and_sync_through_one_descriptor)
{
	run_all(_metadata, self, share_a_descriptor);
}

/* A region each, made and given back in every round. */
static int use_region(struct worker *worker, int fd)
{
	struct writesync_info info;
	int ret;

	ret = writesync_info(fd, &info);
	ret = ret ? ret : writesync_region_commit(fd);
	if (ret)
		return ret;
	worker->offset = info.offset;
	ret = write_and_sync(worker, fd, 0, worker->round);
	if (!ret && !reads_back(worker, fd, 0))
		ret = -EILSEQ;
	return ret;
}

static void *have_regions(void *data)
{
	struct worker *worker = data;
	uint64_t length;
	int fd, last = -1;

	for (; worker->round < ROUNDS && !worker->error; worker->round++) {
		length = LENGTH;
		fd = writesync_region_alloc(worker->fd, &length, 0, NULL);
		ws_fill(worker->data, LENGTH,
			worker->index * ROUNDS + worker->round + 1);
		worker->error = fd < 0 ? fd : use_region(worker, fd);
		if (last >= 0)
			close(last);
		last = fd;
	}
	/* The last one stays: what is in it shall be looked at. */
	return NULL;
}

TEST_F(threads, regions_of_their_own)
{
	run_all(_metadata, self, have_regions);
}

/* Stores through one mapping; everybody's sync covers everybody's stores. */
static void *store_and_sync(void *data)
{
	struct worker *worker = data;
	uint64_t page = sysconf(_SC_PAGESIZE);
	void *memory;

	worker->offset = worker->index * page;
	worker->error = writesync_map(worker->fd, worker->offset, page,
				      PROT_READ | PROT_WRITE, &memory);
	for (; worker->round < ROUNDS && !worker->error; worker->round++) {
		ws_fill(worker->data, LENGTH,
			worker->index * ROUNDS + worker->round + 1);
		ws_store(memory, worker->data, LENGTH);
		worker->error = writesync_sync(worker->fd, LONG);
		if (!worker->error &&
		    writesync_check(worker->fd, memory, page, NULL) != 1)
			worker->error = -EFAULT;
	}
	return NULL;
}

TEST_F(threads, stores_through_mappings)
{
	run_all(_metadata, self, store_and_sync);
}

TEST_HARNESS_MAIN

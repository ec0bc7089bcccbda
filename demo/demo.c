// SPDX-License-Identifier: GPL-2.0
/*
 * The demonstration: write a file into a PCI device's memory, let another
 * device read it too early, WRITESYNC, let it read again.
 *
 * Runs in the virtual machine, where the device's own instrument shows what
 * the bus saw. Exit status 0 only if the early read was stale and the late one
 * matched the file.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ws_test.h"

/* Slow enough that the early read is early; quick where the queue overflows. */
#define SLOW_NS		(100 * WS_MS)
#define QUICK_NS	(10 * WS_US)

struct demo {
	struct ws_dev dev;
	const char *name;
	uint8_t *data;
	size_t size;
	uint32_t crc;
	int fd;
};

static int fail(const char *what, long value)
{
	fprintf(stderr, "demo: %s (%ld: %s)\n", what, value,
		value < 0 ? strerror(-value) : "no system error");
	return 1;
}

static int load(struct demo *demo, const char *path)
{
	FILE *file = fopen(path, "rb");

	demo->data = malloc(demo->dev.size);
	if (!file || !demo->data)
		return fail("the file cannot be read", 0);
	demo->size = fread(demo->data, 1, demo->dev.size, file);
	fclose(file);
	if (!demo->size)
		return fail("the file is empty", 0);
	demo->crc = ws_crc(demo->data, demo->size);
	return 0;
}

/* Every byte of the old contents differs from the file. */
static int put_old_contents(struct demo *demo)
{
	uint8_t *old = malloc(demo->size);
	ssize_t n = -1;
	size_t i;

	if (!old)
		return fail("no memory", 0);
	for (i = 0; i < demo->size; i++)
		old[i] = ~demo->data[i];
	n = ws_pwrite(demo->fd, old, demo->size, 0);
	free(old);
	if (n != (ssize_t)demo->size)
		return fail("the old contents cannot be written", n);
	n = ws_sync(demo->fd);
	return n ? fail("the old contents cannot be synced", n) : 0;
}

static void slow_queue(struct demo *demo)
{
	bool fits = demo->size / 8 + 16 < WS_EDU_QUEUE_DEPTH_MAX;

	ws_reg_write(&demo->dev, WS_EDU_QUEUE_DEPTH, WS_EDU_QUEUE_DEPTH_MAX);
	ws_drain(&demo->dev, fits ? SLOW_NS : QUICK_NS);
}

static int step_write(struct demo *demo)
{
	struct ws_counters before = ws_count(&demo->dev), after;
	uint64_t begun = ws_now(), ended;
	ssize_t n = ws_pwrite(demo->fd, demo->data, demo->size, 0);

	ended = ws_now();
	if (n != (ssize_t)demo->size)
		return fail("write() failed", n);
	after = ws_count(&demo->dev);
	printf("  1. write()      %zu bytes accepted in %.0f us: %llu stores, %llu reads\n",
	       demo->size, (ended - begun) / 1e3, ws_stores(before, after),
	       ws_reads(before, after));
	return 0;
}

static int step_peer(struct demo *demo, int step, const char *right,
		     const char *wrong, bool *same)
{
	int64_t crc = ws_peer_crc(&demo->dev, 0, demo->size);
	uint32_t level = ws_level(&demo->dev);

	if (crc < 0)
		return fail("the peer cannot read", crc);
	*same = crc == demo->crc;
	printf("  %d. peer reads   CRC-32 %08" PRIx64 ": %s (%" PRIu32
	       " stores not landed)\n", step, (uint64_t)crc,
	       *same ? right : wrong, level);
	return 0;
}

static int step_sync(struct demo *demo)
{
	struct writesync_sync sync = { .size = sizeof(sync) };
	int ret = ws_sync_call(demo->fd, &sync);

	if (ret)
		return fail("WRITESYNC failed", ret);
	printf("  3. WRITESYNC    returned 0 after %.0f us: %u readback\n",
	       sync.elapsed_ns / 1e3, sync.readbacks);
	return 0;
}

static int show(struct demo *demo)
{
	bool early, late;

	printf("\n%s (%zu bytes, CRC-32 %08" PRIx32 ") -> %s, BAR 2 of %s\n",
	       demo->name, demo->size, demo->crc, demo->dev.node,
	       demo->dev.slot);
	puts("\n  CPU --store--> [posted-write queue] --lands--> memory <--DMA-- peer\n");
	if (step_write(demo) ||
	    step_peer(demo, 2, "the new bytes, too soon", "STALE, old bytes",
		      &early) ||
	    step_sync(demo) ||
	    step_peer(demo, 4, "MATCHES the file", "NOT the file", &late))
		return 1;
	if (early)
		return fail("the early read was not stale", 0);
	if (!late)
		return fail("the late read does not match the file", 0);
	puts("\n  Without WRITESYNC the other device would have used old bytes.\n");
	return 0;
}

int main(int argc, char **argv)
{
	struct demo demo = { .name = argc > 2 ? argv[2] : argv[1] };
	int ret;

	if (argc < 2) {
		fprintf(stderr, "usage: demo FILE [NAME]\n");
		return 2;
	}
	if (ws_begin(&demo.dev, WS_NEED_POSTED | WS_NEED_PEER) != WS_READY) {
		fprintf(stderr, "demo: %s\n", demo.dev.why);
		return 1;
	}
	demo.fd = ws_open(&demo.dev, O_RDWR);
	if (demo.fd < 0)
		return fail("the window cannot be opened", demo.fd);
	ret = load(&demo, argv[1]);
	if (!ret)
		ret = put_old_contents(&demo);
	if (!ret) {
		slow_queue(&demo);
		ret = show(&demo);
	}
	close(demo.fd);
	if (ws_end(&demo.dev))
		ret = fail("the device cannot be put back as it was", 0);
	free(demo.data);
	return ret;
}

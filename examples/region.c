// SPDX-License-Identifier: MIT
/*
 * Device memory of one's own: allocate a region, commit it, write by write()
 * and by plain stores through a mapping, and sync.
 *
 *	gcc region.c $(pkg-config --cflags --libs writesync) -o region
 *	./region writesync0
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <writesync.h>

#define MS	1000000ULL
#define WANTED	10000		/* bytes */

/* Say what failed, if it did. */
static int check(const char *what, long ret)
{
	if (ret < 0)
		fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	return ret < 0;
}

static int use_mapping(int region, uint64_t length)
{
	uint64_t offset;
	void *memory;
	int ret;

	if (check("map", writesync_map(region, 0, length,
				       PROT_READ | PROT_WRITE, &memory)))
		return 1;
	memcpy((char *)memory + 4096, "stored", sizeof("stored"));
	ret = check("sync", writesync_sync(region, 100 * MS));

	/* Where is this in the region? A driver may want to know. */
	if (writesync_check(region, (char *)memory + 4096, 7, &offset) == 1)
		printf("the text is at offset %llu\n",
		       (unsigned long long)offset);
	printf("read back: \"%s\" and \"%s\"\n", (char *)memory,
	       (char *)memory + 4096);
	writesync_unmap(memory, length);
	return ret;
}

static int use_region(int region, uint64_t length)
{
	static const char text[] = "written";

	return check("commit", writesync_region_commit(region)) ||
	       check("write", writesync_write(region, text, sizeof(text), 0)) ||
	       use_mapping(region, length);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "writesync0";
	uint64_t length = WANTED, offset;
	int window, region, ret;

	window = writesync_open(name, O_RDWR);
	if (check(name, window))
		return 1;
	region = writesync_region_alloc(window, &length, 0, &offset);
	close(window);	/* the region lives on */
	if (check("allocate", region))
		return 1;
	printf("%llu bytes at offset %llu of the window\n",
	       (unsigned long long)length, (unsigned long long)offset);
	ret = use_region(region, length);
	close(region);
	return ret;
}

// SPDX-License-Identifier: MIT
/*
 * Records of two pieces, one behind the other at the file position, until one
 * point in time for all of them.
 *
 *	gcc vectored.c $(pkg-config --cflags --libs writesync) -o vectored
 *	./vectored writesync0
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <writesync.h>

#define MS	1000000ULL
#define RECORDS	3

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + t.tv_nsec;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "writesync0";
	uint64_t until = now() + 500 * MS;
	struct { uint32_t number, length; } header;
	char payload[24] = "of a record";
	struct iovec pieces[] = {
		{ &header, sizeof(header) },
		{ payload, sizeof(payload) },
	};
	int fd, ret = 0;
	size_t written;
	uint32_t i;

	fd = writesync_open(name, O_WRONLY);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", name, strerror(-fd));
		return 1;
	}
	for (i = 0; i < RECORDS && !ret; i++) {
		header.number = i;
		header.length = sizeof(payload);
		ret = writesync_writev_sync(fd, pieces, 2, WRITESYNC_POSITION,
					    until, WRITESYNC_ABSTIME, &written);
		if (ret < 0)
			fprintf(stderr, "record %u: %s after %zu bytes\n", i,
				strerror(-ret), written);
	}
	printf("%u records arrived, position %lld\n", i - (ret < 0),
	       (long long)lseek(fd, 0, SEEK_CUR));
	close(fd);
	return ret < 0;
}

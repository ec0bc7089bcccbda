// SPDX-License-Identifier: MIT
/*
 * Write a line of text and know that it arrived, in one call that takes at most
 * 100 ms.
 *
 *	gcc write_sync.c $(pkg-config --cflags --libs writesync) -o write_sync
 *	./write_sync writesync0
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <writesync.h>

#define MS	1000000ULL

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "writesync0";
	static const char text[] = "hello, device";
	size_t written;
	int fd, ret;

	fd = writesync_open(name, O_WRONLY);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", name, strerror(-fd));
		return 1;
	}
	ret = writesync_write_sync(fd, text, sizeof(text), 0, 100 * MS,
				   &written);
	if (ret < 0)
		fprintf(stderr, "%s: %zu of %zu bytes written, not known to have arrived: %s\n",
			name, written, sizeof(text), strerror(-ret));
	else
		printf("%zu bytes arrived\n", written);
	close(fd);
	return ret < 0;
}

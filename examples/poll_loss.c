// SPDX-License-Identifier: MIT
/*
 * Notice that the device was reset, and write again what may be lost.
 *
 *	gcc poll_loss.c $(pkg-config --cflags --libs writesync) -o poll_loss
 *	./poll_loss writesync0 &
 *	echo 1 > /sys/class/writesync/writesync0/device/reset
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <writesync.h>

#define MS	1000000ULL
#define PATIENCE	60000		/* ms */

static const char text[] = "keep this";

static int fail(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(error));
	return 1;
}

static unsigned long long generation(int fd)
{
	struct writesync_info info;

	return writesync_info(fd, &info) ? 0 : info.generation;
}

/* What was written before the reset and never confirmed is in doubt. */
static int recover(int fd)
{
	int ret = writesync_sync(fd, 1000 * MS);

	if (ret == -EIO) {
		puts("unsynced bytes may be lost: writing them again");
		ret = writesync_write_sync(fd, text, sizeof(text), 0, 1000 * MS,
					   NULL);
	}
	if (ret < 0)
		return fail("not known to have arrived", -ret);
	puts("arrived");
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "writesync0";
	struct pollfd p = { .events = POLLPRI };
	unsigned long long before;
	int ret;

	p.fd = writesync_open(name, O_RDWR);
	if (p.fd < 0)
		return fail(name, -p.fd);
	before = generation(p.fd);
	ret = writesync_write(p.fd, text, sizeof(text), 0);
	if (ret < 0)
		return fail("write", -ret);

	puts("waiting for a reset");
	fflush(stdout);
	ret = poll(&p, 1, PATIENCE);
	if (ret < 1)
		return fail("poll", ret ? errno : ETIMEDOUT);
	if (!(p.revents & POLLPRI))
		return fail(name, ENODEV);
	printf("reset: the generation went up by %llu\n",
	       generation(p.fd) - before);
	ret = recover(p.fd);
	close(p.fd);
	return ret;
}

// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/writesync.h>

int main(void)
{
	static const char data[64] = "hello, device";
	struct writesync_sync sync = {
		.size = sizeof(sync),
		.timeout_ns = 100 * 1000 * 1000,	/* 100 ms */
	};
	int fd = open("/dev/writesync0", O_WRONLY);

	if (fd < 0 || pwrite(fd, data, sizeof(data), 0) != sizeof(data)) {
		perror("/dev/writesync0");
		return 1;
	}
	if (ioctl(fd, WRITESYNC_IOC_SYNC, &sync)) {
		perror("not known to have arrived");
		return 1;
	}
	printf("arrived: %llu ns, %u readback\n",
	       (unsigned long long)sync.elapsed_ns, sync.readbacks);
	return close(fd);
}

// SPDX-License-Identifier: GPL-2.0
/* What people use in place of writesync: their drivers, and how they copy. */
#include <emmintrin.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <liburing.h>
#include <linux/vfio.h>

#include "peer.h"
#include "usual/usual.h"

static const char * const drivers[DRIVERS] = {
	[WRITESYNC] = "writesync",
	[USUAL] = "usual",
	[UIO] = "uio_pci_generic",
	[VFIO] = "vfio-pci",
};

static int write_attr(const struct bench *b, const char *attr, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3000s/%s", b->dev.pci, attr);
	return ws_write_file(path, text);
}

/* Whatever has it gives it up. */
int bind_driver(struct bench *b, enum bench_driver driver)
{
	int ret;

	write_attr(b, "driver/unbind", b->dev.slot);
	ret = write_attr(b, "driver_override",
			 drivers[driver] ? drivers[driver] : "\n");
	if (ret)
		return ret;
	if (driver == NO_DRIVER)
		return write_attr(b, "enable", "1");
	if (driver == WRITESYNC)
		return ws_bind(&b->dev);
	return ws_write_file("/sys/bus/pci/drivers_probe", b->dev.slot);
}

/* ---- opening and closing ---- */

static void open_window(struct peer_state *p)
{
	p->fd = ws_open(&p->b->dev, O_RDWR);
	must("open the window", p->fd);
}

static void map_fd(struct peer_state *p, off_t at)
{
	p->map = mmap((void *)MAP_AT, p->b->dev.size, PROT_READ | PROT_WRITE,
		      MAP_SHARED, p->fd, at);
	if (p->map == MAP_FAILED)
		die("map the memory", errno);
}

static void open_ring(struct peer_state *p)
{
	open_window(p);
	must("io_uring", io_uring_queue_init(p->depth, &p->ring, 0));
}

static void open_mapped_window(struct peer_state *p)
{
	open_window(p);
	map_fd(p, 0);
}

static void open_resource(struct peer_state *p, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3000s/%s", p->b->dev.pci, name);
	p->fd = open(path, O_RDWR | O_CLOEXEC);
	if (p->fd < 0)
		die(path, errno);
	map_fd(p, 0);
}

static void open_resource_wc(struct peer_state *p)
{
	open_resource(p, "resource2_wc");
}

static void open_resource_uc(struct peer_state *p)
{
	open_resource(p, "resource2");
}

static void open_usual(struct peer_state *p)
{
	p->fd = open("/dev/usual", O_RDWR | O_CLOEXEC);
	if (p->fd < 0)
		die("/dev/usual", errno);
}

static void open_null(struct peer_state *p)
{
	p->fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (p->fd < 0)
		die("/dev/null", errno);
}

static void open_memory(struct peer_state *p)
{
	p->fd = -1;
	p->map = mmap((void *)MAP_AT, COPY_MAX + 64, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p->map == MAP_FAILED)
		die("memory", errno);
}

/* The group of the function, in a container of its own. */
static int vfio_group(const struct bench *b)
{
	char path[PATH_MAX], link[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%.3000s/iommu_group", b->dev.pci);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		die("vfio: the machine has no IOMMU", errno);
	link[n] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%.100s",
		 strrchr(link, '/') + 1);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(path, errno);
	return fd;
}

static void open_vfio(struct peer_state *p)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = VFIO_PCI_BAR2_REGION_INDEX,
	};
	__u16 command;

	p->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (p->container < 0)
		die("/dev/vfio/vfio", errno);
	p->group = vfio_group(p->b);
	if (ioctl(p->group, VFIO_GROUP_SET_CONTAINER, &p->container) ||
	    ioctl(p->container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU))
		die("vfio: container", errno);
	p->fd = ioctl(p->group, VFIO_GROUP_GET_DEVICE_FD, p->b->dev.slot);
	if (p->fd < 0)
		die("vfio: device", errno);
	if (ioctl(p->fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		die("vfio: region", errno);
	p->at = info.offset;
	info.index = VFIO_PCI_CONFIG_REGION_INDEX;
	if (ioctl(p->fd, VFIO_DEVICE_GET_REGION_INFO, &info) ||
	    pread(p->fd, &command, 2, info.offset + 4) != 2)
		die("vfio: configuration", errno);
	command |= 2;	/* memory decoding */
	if (pwrite(p->fd, &command, 2, info.offset + 4) != 2)
		die("vfio: configuration", errno);
}

static void open_mapped_vfio(struct peer_state *p)
{
	open_vfio(p);
	map_fd(p, p->at);
}

void peer_close(struct peer_state *p)
{
	if (p->map)
		munmap(p->map, p->fd < 0 ? COPY_MAX + 64 : p->b->dev.size);
	if (p->fd >= 0)
		close(p->fd);
	if (p->group)
		close(p->group);
	if (p->container)
		close(p->container);
	if (p->depth)
		io_uring_queue_exit(&p->ring);
}

/* ---- copying ---- */

static void copy_pwrite(struct peer_state *p)
{
	ssize_t n = pwrite(p->fd, p->from, p->bytes, p->at + p->offset);

	if (n != (ssize_t)p->bytes)
		die("pwrite", n < 0 ? errno : EIO);
}

/* In four pieces. */
static void copy_pwritev(struct peer_state *p)
{
	size_t part = p->bytes / 4;
	struct iovec iov[] = {
		{ (void *)p->from, part },
		{ (void *)(p->from + part), part },
		{ (void *)(p->from + 2 * part), part },
		{ (void *)(p->from + 3 * part), p->bytes - 3 * part },
	};
	ssize_t n = pwritev(p->fd, iov, COUNT(iov), p->offset);

	if (n != (ssize_t)p->bytes)
		die("pwritev", n < 0 ? errno : EIO);
}

/* As many at a time as are to be under way. */
static void copy_ring(struct peer_state *p)
{
	struct io_uring_cqe *answer;
	unsigned int i;

	for (i = 0; i < p->depth; i++)
		io_uring_prep_write(io_uring_get_sqe(&p->ring), p->fd, p->from,
				    p->bytes, p->offset);
	must("io_uring", io_uring_submit_and_wait(&p->ring, p->depth));
	for (i = 0; i < p->depth; i++) {
		must("io_uring", io_uring_wait_cqe(&p->ring, &answer));
		if (answer->res != (int)p->bytes)
			die("io_uring", answer->res);
		io_uring_cqe_seen(&p->ring, answer);
	}
}

/* With the fence without which nobody knows when the stores leave. */
static void copy_memcpy(struct peer_state *p)
{
	memcpy(p->map + p->offset, p->from, p->bytes);
	_mm_sfence();
}

/* As gdrcopy does: 16 bytes at a time, past the caches. */
static void copy_nontemporal(struct peer_state *p)
{
	size_t head = -(uintptr_t)(p->map + p->offset) % 16, i;

	if (head > p->bytes)
		head = p->bytes;
	memcpy(p->map + p->offset, p->from, head);
	for (i = head; i + 16 <= p->bytes; i += 16)
		_mm_stream_si128((__m128i *)(p->map + p->offset + i),
				 _mm_loadu_si128((void *)(p->from + i)));
	memcpy(p->map + p->offset + i, p->from + i, p->bytes - i);
	_mm_sfence();
}

/* ---- flushing ---- */

static void sync_window(struct peer_state *p)
{
	struct writesync_sync sync = { .size = sizeof(sync) };

	must("WRITESYNC", ioctl(p->fd, WRITESYNC_IOC_SYNC, &sync));
}

static void sync_usual(struct peer_state *p)
{
	must("flush", ioctl(p->fd, USUAL_IOC_FLUSH));
}

static void sync_readback(struct peer_state *p)
{
	_mm_mfence();
	(void)*(volatile __u32 *)(p->map + (p->offset & ~3ULL));
}

const struct peer peers[] = {
	{ .name = "write", .driver = WRITESYNC, .open = open_window,
	  .copy = copy_pwrite, .sync = sync_window },
	{ .name = "writev", .driver = WRITESYNC, .open = open_window,
	  .copy = copy_pwritev },
	{ .name = "uring_1", .driver = WRITESYNC, .open = open_ring,
	  .copy = copy_ring, .depth = 1 },
	{ .name = "uring_8", .driver = WRITESYNC, .open = open_ring,
	  .copy = copy_ring, .depth = 8 },
	{ .name = "uring_32", .driver = WRITESYNC, .open = open_ring,
	  .copy = copy_ring, .depth = 32 },
	{ .name = "mapping", .driver = WRITESYNC, .open = open_mapped_window,
	  .copy = copy_memcpy, .sync = sync_window },
	{ .name = "resource_wc", .driver = NO_DRIVER, .open = open_resource_wc,
	  .copy = copy_memcpy, .sync = sync_readback },
	{ .name = "resource_wc_nt", .driver = NO_DRIVER,
	  .open = open_resource_wc, .copy = copy_nontemporal,
	  .sync = sync_readback },
	{ .name = "uio", .driver = UIO, .open = open_resource_uc,
	  .copy = copy_memcpy, .sync = sync_readback },
	{ .name = "vfio_write", .driver = VFIO, .open = open_vfio,
	  .copy = copy_pwrite, .most = 1 << 20 },
	{ .name = "vfio_mapping", .driver = VFIO, .open = open_mapped_vfio,
	  .copy = copy_memcpy, .sync = sync_readback },
	{ .name = "usual", .driver = USUAL, .open = open_usual,
	  .copy = copy_pwrite, .sync = sync_usual },
	{ .name = "dev_null", .driver = NO_DRIVER, .open = open_null,
	  .copy = copy_pwrite },
	{ .name = "memory", .driver = NO_DRIVER, .open = open_memory,
	  .copy = copy_memcpy },
};

const unsigned int peer_count = COUNT(peers);

// SPDX-License-Identifier: GPL-2.0
/*
 * The demonstration to look at: draw into the memory of a display adapter that
 * the driver has never heard of, by write() and WRITESYNC.
 *
 * framebuffer WINDOW REGISTERS PICTURE: WINDOW is the adapter's memory,
 * REGISTERS its BAR 2 (the "Bochs dispi" interface of QEMU's standard VGA),
 * both windows of writesync. What is drawn is also put into PICTURE (PPM).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/writesync.h>

#define WIDTH		640
#define HEIGHT		480

/* Registers of 16 bits, from this offset of the BAR on. */
#define DISPI		0x500
#define DISPI_XRES	1
#define DISPI_YRES	2
#define DISPI_BPP	3
#define DISPI_ENABLE	4
#define DISPI_ENABLED	0x41	/* with all of the memory in a row */

#define GLYPH_WIDTH	5
#define GLYPH_HEIGHT	7

static const struct {
	char letter;
	const char *rows[GLYPH_HEIGHT];
} glyphs[] = {
	{ 'w', { "#...#", "#...#", "#...#", "#.#.#", "#.#.#", "##.##",
		 "#...#" } },
	{ 'r', { "####.", "#...#", "#...#", "####.", "#.#..", "#..#.",
		 "#...#" } },
	{ 'i', { ".###.", "..#..", "..#..", "..#..", "..#..", "..#..",
		 ".###." } },
	{ 't', { "#####", "..#..", "..#..", "..#..", "..#..", "..#..",
		 "..#.." } },
	{ 'e', { "#####", "#....", "#....", "####.", "#....", "#....",
		 "#####" } },
	{ 's', { ".####", "#....", "#....", ".###.", "....#", "....#",
		 "####." } },
	{ 'y', { "#...#", "#...#", ".#.#.", "..#..", "..#..", "..#..",
		 "..#.." } },
	{ 'n', { "#...#", "##..#", "#.#.#", "#..##", "#...#", "#...#",
		 "#...#" } },
	{ 'c', { ".####", "#....", "#....", "#....", "#....", "#....",
		 ".####" } },
	{ 'a', { ".###.", "#...#", "#...#", "#####", "#...#", "#...#",
		 "#...#" } },
	{ 'v', { "#...#", "#...#", "#...#", "#...#", "#...#", ".#.#.",
		 "..#.." } },
	{ 'd', { "####.", "#...#", "#...#", "#...#", "#...#", "#...#",
		 "####." } },
	{ '0', { ".###.", "#...#", "#..##", "#.#.#", "##..#", "#...#",
		 ".###." } },
	{ ':', { ".....", "..#..", "..#..", ".....", "..#..", "..#..",
		 "....." } },
	{ ' ', { ".....", ".....", ".....", ".....", ".....", ".....",
		 "....." } },
	{ 0 },
};

/* Blue, green, red, unused: the order of bytes in the memory. */
static unsigned char picture[HEIGHT][WIDTH][4];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void dot(unsigned int x, unsigned int y, unsigned int size,
		uint32_t color)
{
	unsigned int i, j;

	for (i = y; i < y + size && i < HEIGHT; i++)
		for (j = x; j < x + size && j < WIDTH; j++)
			memcpy(picture[i][j], &color, 4);
}

static void letter(char which, unsigned int x, unsigned int y,
		   unsigned int size, uint32_t color)
{
	unsigned int i, row, column;

	for (i = 0; glyphs[i].letter != which; i++)
		if (!glyphs[i + 1].letter)
			return;
	for (row = 0; row < GLYPH_HEIGHT; row++)
		for (column = 0; column < GLYPH_WIDTH; column++)
			if (glyphs[i].rows[row][column] == '#')
				dot(x + column * size, y + row * size,
				    size - size / 6, color);
}

static void text(const char *words, unsigned int y, unsigned int size,
		 uint32_t color)
{
	unsigned int step = (GLYPH_WIDTH + 1) * size, x;

	for (x = (WIDTH - strlen(words) * step + size) / 2; *words; words++) {
		letter(*words, x, y, size, color);
		x += step;
	}
}

static void draw(void)
{
	unsigned int x, y;

	for (y = 0; y < HEIGHT; y++)
		for (x = 0; x < WIDTH; x++) {
			picture[y][x][0] = 70 + y * 100 / HEIGHT;
			picture[y][x][1] = 30 + x * 70 / WIDTH;
			picture[y][x][2] = 20 + ((x ^ y) & 32 ? 12 : 0);
		}
	text("writesync", 130, 10, 0xffffff);
	text("0: arrived", 290, 8, 0x60e0a0);
}

/* Each register is a store of its own: the window's width is 2. */
static void set_register(int fd, unsigned int index, uint16_t value)
{
	if (pwrite(fd, &value, 2, DISPI + 2 * index) != 2)
		fail("pwrite() to the registers");
}

static void sync_window(int fd)
{
	struct writesync_sync sync = {
		.size = sizeof(sync),
		.timeout_ns = 1000 * 1000 * 1000,
	};

	if (ioctl(fd, WRITESYNC_IOC_SYNC, &sync))
		fail("WRITESYNC");
	printf("  WRITESYNC returned 0 after %llu us: %u readback%s\n",
	       (unsigned long long)sync.elapsed_ns / 1000, sync.readbacks,
	       sync.readbacks == 1 ? "" : "s");
}

static int open_window(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail(path);
	return fd;
}

static void set_mode(const char *path)
{
	int fd = open_window(path);

	set_register(fd, DISPI_ENABLE, 0);
	set_register(fd, DISPI_XRES, WIDTH);
	set_register(fd, DISPI_YRES, HEIGHT);
	set_register(fd, DISPI_BPP, 32);
	set_register(fd, DISPI_ENABLE, DISPI_ENABLED);
	printf("  %d x %d pixels: 5 registers written to %s\n", WIDTH, HEIGHT,
	       path);
	sync_window(fd);
	close(fd);
}

static void show(const char *path)
{
	int fd = open_window(path);
	ssize_t n = write(fd, picture, sizeof(picture));

	if (n != (ssize_t)sizeof(picture)) {
		errno = n < 0 ? errno : EIO;
		fail("write() of the picture");
	}
	printf("  write()   %zd bytes into %s\n", n, path);
	sync_window(fd);
	close(fd);
}

static void save(const char *path)
{
	FILE *file = fopen(path, "wb");
	unsigned int x, y;

	if (!file)
		fail(path);
	fprintf(file, "P6\n%d %d\n255\n", WIDTH, HEIGHT);
	for (y = 0; y < HEIGHT; y++)
		for (x = 0; x < WIDTH; x++) {
			fputc(picture[y][x][2], file);
			fputc(picture[y][x][1], file);
			fputc(picture[y][x][0], file);
		}
	if (fclose(file))
		fail(path);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr,
			"usage: framebuffer WINDOW REGISTERS PICTURE\n");
		return 2;
	}
	draw();
	set_mode(argv[2]);
	show(argv[1]);
	save(argv[3]);
	return 0;
}

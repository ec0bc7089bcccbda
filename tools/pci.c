// SPDX-License-Identifier: MIT
/*
 * PCI functions in sysfs: who drives them, and whether their BARs can be
 * windows. The kernel checks that as well; here it is said in a way that helps.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "bind.h"
#include "ctl.h"

/* Flags of a resource as sysfs prints them: the kernel's linux/ioport.h. */
#define FLAG_IO		0x00000100
#define FLAG_MEM	0x00000200
#define FLAG_PREFETCH	0x00002000
#define FLAG_MEM_64	0x00100000
#define FLAG_UNSET	0x20000000

#define BARS	6

struct bar {
	uint64_t start, end, flags;
};

/**
 * ctl_pci_path() - an attribute of a function
 * @address: the function
 * @attr: the attribute
 * @path: out
 */
void ctl_pci_path(const char *address, const char *attr, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, CTL_PCI "/%s/%s", address, attr);
}

/**
 * ctl_pci_exists() - is there such a function?
 * @address: its address
 */
bool ctl_pci_exists(const char *address)
{
	char path[PATH_MAX];

	ctl_pci_path(address, "vendor", path);
	return !access(path, F_OK);
}

/**
 * ctl_pci_absent() - say that there is no such function
 * @address: its address
 *
 * Return: CTL_NO_DEVICE.
 */
int ctl_pci_absent(const char *address)
{
	ctl_say("there is no PCI device at %s", address);
	ctl_hint("\"lspci -D\" lists those that there are; to look for more:");
	ctl_hint("  echo 1 >/sys/bus/pci/rescan");
	return CTL_NO_DEVICE;
}

/**
 * ctl_pci_driver() - the driver of a function
 * @address: its address
 * @name: out: empty if it has none
 */
void ctl_pci_driver(const char *address, char name[CTL_DRIVER])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	ctl_pci_path(address, "driver", path);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = 0;
	snprintf(name, CTL_DRIVER, "%.127s", n < 0 ? "" : basename(target));
}

/**
 * ctl_pci_override() - which driver alone may have a function
 * @address: its address
 * @name: out: empty if any may
 */
void ctl_pci_override(const char *address, char name[CTL_DRIVER])
{
	char path[PATH_MAX];

	ctl_pci_path(address, "driver_override", path);
	if (ctl_sysfs_read(path, name, CTL_DRIVER) || !strcmp(name, "(null)"))
		*name = 0;
}

/**
 * ctl_pci_set_override() - let only one driver have a function
 * @address: its address
 * @name: the driver; empty: let any
 *
 * Return: 0 or negative errno.
 */
int ctl_pci_set_override(const char *address, const char *name)
{
	char path[PATH_MAX], text[CTL_DRIVER + 1];

	/* A newline alone is no name. */
	ctl_pci_path(address, "driver_override", path);
	snprintf(text, sizeof(text), "%s\n", name);
	return ctl_sysfs_write(path, text);
}

static int tell_driver(const char *driver, const char *attr,
		       const char *address)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CTL_PCI_DRIVERS "/%s/%s", driver, attr);
	return ctl_sysfs_write(path, address);
}

/**
 * ctl_pci_attach() - give a function to a driver
 * @address: its address
 * @driver: the driver
 *
 * Return: 0 or negative errno, the probe's.
 */
int ctl_pci_attach(const char *address, const char *driver)
{
	return tell_driver(driver, "bind", address);
}

/**
 * ctl_pci_detach() - take a function from its driver
 * @address: its address
 * @driver: the driver
 *
 * Return: 0 or negative errno.
 */
int ctl_pci_detach(const char *address, const char *driver)
{
	return tell_driver(driver, "unbind", address);
}

/**
 * ctl_pci_probe() - let the drivers that are loaded look at a function
 * @address: its address
 *
 * Return: 0 or negative errno; also 0 if none of them wants it.
 */
int ctl_pci_probe(const char *address)
{
	return ctl_sysfs_write("/sys/bus/pci/drivers_probe", address);
}

/* ---- can its BARs be windows? ---- */

static int read_bars(const char *address, struct bar bars[BARS])
{
	char path[PATH_MAX];
	int i, read = 0;
	FILE *file;

	ctl_pci_path(address, "resource", path);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	for (i = 0; i < BARS; i++)
		read += fscanf(file, "%" SCNx64 "%" SCNx64 "%" SCNx64,
			       &bars[i].start, &bars[i].end,
			       &bars[i].flags) == 3;
	fclose(file);
	return read == BARS ? 0 : -EIO;
}

static uint64_t size_of(const struct bar *bar)
{
	return bar->end > bar->start ? bar->end - bar->start + 1 : 0;
}

/* What keeps a BAR from being a window, or NULL. */
static const char *fault_of(const struct bar bars[BARS], int i)
{
	const struct bar *bar = &bars[i];

	if (i && bars[i - 1].flags & FLAG_MEM_64)
		return "is the upper half of the 64-bit BAR before it";
	if (bar->flags & FLAG_IO)
		return "is I/O ports, not memory";
	if (!(bar->flags & FLAG_MEM) || !size_of(bar))
		return "has no memory: there is no such BAR, or no room for it (see dmesg)";
	if (bar->flags & FLAG_UNSET || !bar->start)
		return "has no address: no room for it (see dmesg; try pci=realloc)";
	return NULL;
}

/* Those that may be given with --bar. */
static void show_bars(const struct bar bars[BARS])
{
	char size[CTL_TEXT];
	int i, shown = 0;

	for (i = 0; i < BARS; i++) {
		if (fault_of(bars, i))
			continue;
		if (!shown++)
			ctl_hint("It has:");
		ctl_hint("  BAR %d, %s, %sprefetchable", i,
			 ctl_size_text(size_of(&bars[i]), size),
			 bars[i].flags & FLAG_PREFETCH ? "" : "not ");
	}
	if (!shown)
		ctl_hint("It has no BAR that could be a window.");
}

static int check_bar(const char *address, const struct ctl_binding *binding,
		     const struct bar bars[BARS], int i)
{
	const char *fault = fault_of(bars, i);

	if (fault) {
		ctl_say("%s: BAR %d %s", address, i, fault);
		show_bars(bars);
		return CTL_ERROR;
	}
	if (binding->has_readback && binding->readback >= size_of(&bars[i])) {
		ctl_say("%s: the readback offset %#llx is not in BAR %d, whose size is %#llx",
			address, (unsigned long long)binding->readback, i,
			(unsigned long long)size_of(&bars[i]));
		return CTL_ERROR;
	}
	return CTL_OK;
}

/* Those of bars that the driver takes if none is named. */
static unsigned int prefetchable(const struct bar bars[BARS])
{
	unsigned int mask = 0;
	int i;

	for (i = 0; i < BARS; i++)
		if (bars[i].flags & FLAG_MEM && bars[i].flags & FLAG_PREFETCH)
			mask |= 1 << i;
	return mask;
}

static int no_prefetchable(const char *address, const struct bar bars[BARS])
{
	ctl_say("%s has no prefetchable memory BAR: say which one with --bar",
		address);
	show_bars(bars);
	ctl_hint("Reads of memory that is not prefetchable may have side effects:");
	ctl_hint("know the device.");
	return CTL_ERROR;
}

static int check_bars(const char *address, const struct ctl_binding *binding)
{
	unsigned int mask = binding->bars;
	struct bar bars[BARS] = { 0 };
	int err = read_bars(address, bars);
	int status = CTL_OK, i;

	if (err) {
		ctl_say("%s: cannot read its BARs from sysfs: %s", address,
			strerror(-err));
		return CTL_ERROR;
	}
	/* The driver knows which BAR it is of those that it knows. */
	if (!mask && ctl_known(address))
		return CTL_OK;
	if (!mask)
		mask = prefetchable(bars);
	if (!mask)
		return no_prefetchable(address, bars);
	for (i = 0; i < BARS && !status; i++)
		if (mask & 1 << i)
			status = check_bar(address, binding, bars, i);
	return status;
}

static bool is_bridge(const char *address)
{
	char path[PATH_MAX];
	unsigned char type = PCI_HEADER_TYPE_NORMAL;
	int fd;

	ctl_pci_path(address, "config", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (pread(fd, &type, 1, PCI_HEADER_TYPE) != 1)
		type = PCI_HEADER_TYPE_NORMAL;
	close(fd);
	/* All-ones is no bridge, but a device that does not answer. */
	return type != 0xff && (type & 0x7f) != PCI_HEADER_TYPE_NORMAL;
}

/**
 * ctl_pci_check() - can a function's BARs be windows?
 * @address: the function
 * @binding: which ones
 *
 * Return: the exit status; if it is not CTL_OK, the user knows why not.
 */
int ctl_pci_check(const char *address, const struct ctl_binding *binding)
{
	if (!ctl_pci_exists(address))
		return ctl_pci_absent(address);
	if (is_bridge(address)) {
		ctl_say("%s is a bridge: its memory is that of the devices behind it",
			address);
		ctl_hint("\"lspci -tv\" shows them.");
		return CTL_ERROR;
	}
	return check_bars(address, binding);
}

// SPDX-License-Identifier: MIT
/*
 * There is no window. Why, and what to do about it: is the module not loaded,
 * is there no device that it knows, or has another driver got it?
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind.h"
#include "ctl.h"
#include "writesync_regs.h"

#define DRIVER		CTL_PCI_DRIVERS "/" CTL_PREFIX

/* What the driver binds: its table is drivers/writesync/pci.c. */
static const struct known {
	unsigned int vendor, device;
	const char *what;
} known[] = {
	{ WS_PCI_VENDOR_ID, WS_PCI_DEVICE_ID_EDU,
	  "writesync-edu, this project's virtual device" },
	{ 0x1af4, 0x1110, "ivshmem-plain, QEMU's shared memory" },
};

static unsigned int pci_number(const char *slot, const char *attr)
{
	char path[PATH_MAX], text[CTL_NAME];

	snprintf(path, sizeof(path), CTL_PCI "/%s/%s", slot, attr);
	if (ctl_sysfs_read(path, text, sizeof(text)))
		return 0;
	return strtoul(text, NULL, 16);
}

static const struct known *lookup(const char *slot)
{
	unsigned int vendor = pci_number(slot, "vendor");
	unsigned int device = pci_number(slot, "device");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].vendor == vendor && known[i].device == device)
			return &known[i];
	return NULL;
}

/**
 * ctl_known() - does the driver bind a function by itself?
 * @slot: its address, as in sysfs
 */
bool ctl_known(const char *slot)
{
	return lookup(slot);
}

/**
 * ctl_hint_load() - how to load the module
 */
void ctl_hint_load(void)
{
	ctl_hint("Load it: modprobe writesync, or insmod build/$(uname -r)/writesync.ko");
}

/* A device that could be a window, and what keeps it from being one. */
static void explain_device(const char *slot, const struct known *model,
			   bool loaded)
{
	char driver[CTL_DRIVER];

	ctl_pci_driver(slot, driver);
	ctl_hint("%s [%04x:%04x] is %s,", slot, model->vendor, model->device,
		 model->what);
	if (!*driver && !loaded) {
		ctl_hint("  which the module will bind.");
	} else if (!strcmp(driver, CTL_PREFIX)) {
		ctl_hint("  but it has no window: see dmesg.");
	} else if (!*driver) {
		ctl_hint("  but has no driver; bind it, then see dmesg:");
		ctl_hint("    echo %s >" DRIVER "/bind", slot);
	} else {
		ctl_hint("  but the driver %s has it; to change that:", driver);
		ctl_hint("    echo %s >" CTL_PCI "/%s/driver/unbind", slot, slot);
		ctl_hint("    echo %s >" DRIVER "/bind", slot);
	}
}

/* Return: how many there are. */
static int explain_devices(bool loaded)
{
	DIR *dir = opendir(CTL_PCI);
	const struct known *model;
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir))) {
		model = entry->d_name[0] == '.' ? NULL : lookup(entry->d_name);
		if (!model)
			continue;
		explain_device(entry->d_name, model, loaded);
		count++;
	}
	if (dir)
		closedir(dir);
	return count;
}

static void explain_ids(void)
{
	size_t i;

	ctl_hint("This machine has no PCI device that writesync knows; lspci -nn");
	ctl_hint("lists what it has, and these are known:");
	for (i = 0; i < ARRAY_SIZE(known); i++)
		ctl_hint("  %04x:%04x  %s", known[i].vendor, known[i].device,
			 known[i].what);
	ctl_hint("Any other with a memory BAR is bound by: writesyncctl bind ADDRESS");
}

/**
 * ctl_absent() - say that there is no window, why, and how to get one
 *
 * Return: CTL_NO_DEVICE.
 */
int ctl_absent(void)
{
	bool loaded = !access(CTL_MODULE, F_OK);

	ctl_say("there is no window: %s", loaded ?
		"the module writesync is loaded, but serves no device" :
		"the module writesync is not loaded");
	if (!loaded)
		ctl_hint_load();
	if (!explain_devices(loaded))
		explain_ids();
	ctl_hint("More: writesyncctl(1), NO DEVICE.");
	return CTL_NO_DEVICE;
}

/* SPDX-License-Identifier: MIT */
/*
 * What the commands share that bind devices to the driver and release them.
 */
#ifndef CTL_BIND_H
#define CTL_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl.h"

#define CTL_PCI		"/sys/bus/pci/devices"
#define CTL_PCI_DRIVERS	"/sys/bus/pci/drivers"
#define CTL_MODULE	"/sys/module/writesync"
#define CTL_RUN		"/run/writesync"
#define CTL_CONFIG	"/etc/writesync/devices.conf"

#define CTL_DRIVER	128	/* room for a driver's name */
#define CTL_ENTRY	256	/* room for a device's options as text */

/* ---- options of a device, and their text (binding.c) ---- */

int ctl_binding_set(struct ctl_binding *binding, const char *name,
		    const char *value, const char **why);
bool ctl_binding_same(const struct ctl_binding *a,
		      const struct ctl_binding *b);
void ctl_binding_entry(const char *address, const struct ctl_binding *binding,
		       char text[CTL_ENTRY]);
void ctl_binding_line(const char *address, const struct ctl_binding *binding,
		      char text[CTL_ENTRY]);
int ctl_binding_parse(const char *entry, struct ctl_binding *binding);

/* ---- functions in sysfs (pci.c) ---- */

void ctl_pci_path(const char *address, const char *attr, char path[PATH_MAX]);
bool ctl_pci_exists(const char *address);
int ctl_pci_absent(const char *address);
void ctl_pci_driver(const char *address, char name[CTL_DRIVER]);
void ctl_pci_override(const char *address, char name[CTL_DRIVER]);
int ctl_pci_set_override(const char *address, const char *name);
int ctl_pci_attach(const char *address, const char *driver);
int ctl_pci_detach(const char *address, const char *driver);
int ctl_pci_probe(const char *address);
int ctl_pci_check(const char *address, const struct ctl_binding *binding);

/* ---- disks (disks.c) ---- */

int ctl_disks_check(const char *address);

/* ---- the module and its list of devices (module.c) ---- */

int ctl_module_need(bool *loaded);
void ctl_module_entry(const char *address, char entry[CTL_ENTRY]);
int ctl_module_set_entry(const char *entry);
int ctl_module_drop_entry(const char *address);

int ctl_log_begin(void);
void ctl_log_end(int fd, const char *address);

/* ---- what has to be known later (record.c) ---- */

/* Who had a function before; empty: nobody, or no override. */
struct ctl_record {
	char driver[CTL_DRIVER];
	char override[CTL_DRIVER];
};

int ctl_record_lock(void);
void ctl_record_unlock(void);
bool ctl_record_read(const char *address, struct ctl_record *record);
int ctl_record_write(const char *address, const struct ctl_record *record);
void ctl_record_drop(const char *address);

/* ---- binding, with everything put back if it fails (device.c) ---- */

enum ctl_how {
	CTL_FRESH,	/* writesync does not have it yet */
	CTL_AGAIN,	/* it has, with other options */
	CTL_CONFIGURED,	/* either: what a person chose stays */
};

int ctl_device_bind(const char *address, const struct ctl_binding *binding,
		    enum ctl_how how);
bool ctl_device_ours(const char *address);
bool ctl_device_touched(const char *address);
int ctl_device_unbind(const char *address);
void ctl_device_json(const char *address, struct json_object *json);
void ctl_device_print(const char *address);
int ctl_device_command(const struct ctl_args *args, enum ctl_how how);

/* ---- the configuration file (config.c) ---- */

struct ctl_line {
	char *text;			/* with its newline, if it has one */
	char address[CTL_NAME];		/* empty: only a comment, or nothing */
	struct ctl_binding binding;
	unsigned int number;
};

struct ctl_config {
	const char *path;
	struct ctl_line *lines;
	size_t count;
	bool exists;
};

int ctl_config_read(struct ctl_config *config, const char *path);
void ctl_config_free(struct ctl_config *config);
struct ctl_line *ctl_config_find(struct ctl_config *config,
				 const char *address);
int ctl_config_save(struct ctl_config *config, const char *address,
		    const struct ctl_binding *binding);

#endif /* CTL_BIND_H */

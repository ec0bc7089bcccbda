// SPDX-License-Identifier: MIT
/*
 * Binding a device to the driver and releasing it. It succeeds, or everything
 * is as it was and the user knows why.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind.h"
#include "ctl.h"

/* How a function stands; each is empty if there is none. */
struct state {
	char driver[CTL_DRIVER];
	char override[CTL_DRIVER];
	char entry[CTL_ENTRY];
};

static void look(const char *address, struct state *state)
{
	ctl_pci_driver(address, state->driver);
	ctl_pci_override(address, state->override);
	ctl_module_entry(address, state->entry);
}

static bool has_driver(const char *address, const char *name)
{
	char driver[CTL_DRIVER];

	ctl_pci_driver(address, driver);
	return !strcmp(driver, name);
}

/**
 * ctl_device_ours() - is a function bound to the driver?
 * @address: the function
 */
bool ctl_device_ours(const char *address)
{
	return has_driver(address, CTL_PREFIX);
}

/* ---- before anything is changed ---- */

static int check_driver(const char *address, const struct ctl_binding *binding,
			enum ctl_how how)
{
	char driver[CTL_DRIVER];

	ctl_pci_driver(address, driver);
	if (how == CTL_AGAIN && strcmp(driver, CTL_PREFIX)) {
		ctl_say("%s is not bound to writesync", address);
		ctl_hint("To do that: writesyncctl bind %s", address);
		return CTL_ERROR;
	}
	if (how == CTL_FRESH && !strcmp(driver, CTL_PREFIX)) {
		ctl_say("%s is bound to writesync already", address);
		ctl_hint("\"writesyncctl list\" shows its windows; with other options:");
		ctl_hint("  writesyncctl rebind %s", address);
		return CTL_ERROR;
	}
	if (*driver && strcmp(driver, CTL_PREFIX) && !binding->replace) {
		ctl_say("the driver %s has %s", driver, address);
		ctl_hint("If nothing needs it (a disk? the network?), --replace takes it away;");
		ctl_hint("unbind gives it back.");
		return CTL_ERROR;
	}
	return CTL_OK;
}

static int check_permission(const char *address)
{
	char path[PATH_MAX];

	ctl_pci_path(address, "driver_override", path);
	if (!euidaccess(path, W_OK))
		return CTL_OK;
	if (errno == ENOENT)
		ctl_say("%s: no driver_override in sysfs: the kernel is too old",
			address);
	else
		ctl_say("not permitted to change the driver of %s: %s", address,
			strerror(errno));
	if (errno == EACCES || errno == EPERM)
		ctl_hint("It takes root (CAP_SYS_ADMIN): use sudo.");
	else if (errno == EROFS)
		ctl_hint("Here, as in many containers, /sys is read-only: do it on the host.");
	return CTL_ERROR;
}

static int check(const char *address, const struct ctl_binding *binding,
		 enum ctl_how how)
{
	int status;

	if (!ctl_pci_exists(address))
		return ctl_pci_absent(address);
	status = ctl_pci_check(address, binding);
	if (!status)
		status = check_driver(address, binding, how);
	if (!status)
		status = check_permission(address);
	return status ? status : ctl_disks_check(address);
}

/* ---- changing and putting back ---- */

/* Half of it must not stay if somebody types Ctrl-C. */
static void hold_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, old);
}

static int failed(const char *address, const char *what, const char *with,
		  int err)
{
	const char *name = strerrorname_np(-err);

	ctl_say("%s: cannot %s%s: %s (%s)", address, what, with, strerror(-err),
		name ? name : "?");
	return err;
}

static int set_entry(const char *address, const char *entry)
{
	int err = *entry ? ctl_module_set_entry(entry) :
			   ctl_module_drop_entry(address);

	return err ? failed(address, "tell the module its options ", entry,
			    err) : 0;
}

static int set_override(const char *address, const char *name)
{
	int err = ctl_pci_set_override(address, name);

	return err ? failed(address, "set driver_override to ",
			    *name ? name : "nothing", err) : 0;
}

static int detach(const char *address, const char *driver)
{
	int err = *driver ? ctl_pci_detach(address, driver) : 0;

	return err ? failed(address, "take it from the driver ", driver, err) :
		     0;
}

/* A driver that says yes may have changed its mind: what counts is the link. */
static int attach(const char *address, const char *driver)
{
	int err = ctl_pci_attach(address, driver);

	if (!err && !has_driver(address, driver))
		err = -ENODEV;
	return err ? failed(address, "bind it to the driver ", driver, err) : 0;
}

/* The state may be that of any moment; all of it is tried. */
static int put_back(const char *address, const struct state *before)
{
	char driver[CTL_DRIVER];
	int err = set_override(address, before->override);
	int worse = set_entry(address, before->entry);

	err = err ? err : worse;
	ctl_pci_driver(address, driver);
	if (!strcmp(driver, before->driver))
		return err;
	worse = detach(address, driver);
	if (!worse && *before->driver)
		worse = attach(address, before->driver);
	return err ? err : worse;
}

static int change(const char *address, const char *entry,
		  const struct state *before)
{
	int err = set_entry(address, entry);

	if (!err)
		err = detach(address, before->driver);
	return err ? err : attach(address, CTL_PREFIX);
}

static int remember(const char *address, const struct state *before)
{
	struct ctl_record record;
	bool ours = !strcmp(before->override, CTL_PREFIX);
	int err;

	/* The module was unloaded meanwhile: who had it before that counts. */
	if (ours && !*before->driver)
		return 0;
	memcpy(record.driver, before->driver, CTL_DRIVER);
	memcpy(record.override, before->override, CTL_DRIVER);
	if (ours)
		*record.override = 0;
	err = ctl_record_write(address, &record);
	return err ? failed(address, "write down its driver in ", CTL_RUN, err) :
		     0;
}

/* What an errno of the module or of the bus means here. */
static const struct {
	int err;
	const char *todo;
} todos[] = {
	{ EBUSY, "Something else has the BAR: see /proc/iomem." },
	{ EPERM, "The kernel is locked down: see /sys/kernel/security/lockdown." },
	{ EINVAL, "The module does not accept these options for this device." },
	{ ENODEV, "The module cannot serve it." },
	{ EOPNOTSUPP, "The device has not what these options take." },
	{ ENOSPC, "The module has no room for more devices." },
};

static void explain(int err, int log, const char *address)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(todos); i++)
		if (todos[i].err == -err)
			ctl_hint("%s", todos[i].todo);
	ctl_log_end(log, address);
	ctl_hint("The kernel's log has the reason: dmesg | grep -e writesync -e %s",
		 address);
}

static int bind_or_put_back(const char *address, const char *entry,
			    const struct state *before)
{
	int log = ctl_log_begin();
	int err = change(address, entry, before);

	if (!err) {
		ctl_log_end(log, NULL);
		return CTL_OK;
	}
	explain(err, log, address);
	if (put_back(address, before))
		ctl_hint("Not everything could be put back as it was.");
	else
		ctl_hint("Everything is as it was before.");
	return CTL_ERROR;
}

/* From here on no driver takes it that may have been about to. */
static int reserve(const char *address, const struct ctl_binding *binding,
		   enum ctl_how how, struct state *before)
{
	int status;

	look(address, before);
	if (set_override(address, CTL_PREFIX))
		return CTL_ERROR;
	ctl_pci_driver(address, before->driver);
	status = check(address, binding, how);
	if (status)
		set_override(address, before->override);
	return status;
}

static int remember_and_bind(const char *address,
			     const struct ctl_binding *binding,
			     const char *entry, enum ctl_how how)
{
	struct state before;
	int status;

	status = reserve(address, binding, how, &before);
	if (status)
		return status;
	/* What was before the first time is what unbind brings back. */
	if (how == CTL_FRESH && remember(address, &before)) {
		set_override(address, before.override);
		return CTL_ERROR;
	}
	status = bind_or_put_back(address, entry, &before);
	if (status && how == CTL_FRESH &&
	    strcmp(before.override, CTL_PREFIX))
		ctl_record_drop(address);
	return status;
}

/*
 * What a person bound in another way than the file says may be in use. What the
 * module bound by itself was nobody's choice, and has no entry.
 */
static int keep(const char *address, const struct ctl_binding *binding,
		const char *entry)
{
	struct ctl_binding now;

	if (!ctl_binding_parse(entry, &now) && ctl_binding_same(&now, binding))
		return CTL_OK;
	ctl_say("%s is bound to writesync already, with other options: %s",
		address, entry);
	ctl_hint("To have those of the file: writesyncctl unbind %s, then apply.",
		 address);
	return CTL_ERROR;
}

static int check_and_bind(const char *address,
			  const struct ctl_binding *binding, enum ctl_how how)
{
	char entry[CTL_ENTRY];
	int status = check(address, binding, how);
	sigset_t old;

	if (status)
		return status;
	ctl_module_entry(address, entry);
	if (how == CTL_CONFIGURED && !ctl_device_ours(address))
		how = CTL_FRESH;
	if (how == CTL_CONFIGURED && *entry)
		return keep(address, binding, entry);
	ctl_binding_entry(address, binding, entry);
	hold_signals(&old);
	status = remember_and_bind(address, binding, entry, how);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}

/**
 * ctl_device_bind() - make windows of a function's BARs
 * @address: the function
 * @binding: which ones, and how
 * @how: whether it has to be ours already
 *
 * Return: the exit status; if it is not CTL_OK, the user knows why, and
 * everything is as it was.
 */
int ctl_device_bind(const char *address, const struct ctl_binding *binding,
		    enum ctl_how how)
{
	int status = check(address, binding, how);
	bool loaded = false;

	if (!status)
		status = ctl_module_need(&loaded);
	if (!status)
		status = ctl_record_lock();
	if (status)
		return status;
	/* The module has bound at once what it knows. */
	if (loaded && ctl_device_ours(address))
		how = CTL_AGAIN;
	status = check_and_bind(address, binding, how);
	ctl_record_unlock();
	return status;
}

/* ---- releasing ---- */

/*
 * Nobody had it: others may have it now, as if we had never been there. The
 * driver itself would take what it knows.
 */
static void offer(const char *address)
{
	if (ctl_known(address))
		return;
	ctl_pci_probe(address);
	if (ctl_device_ours(address))
		ctl_pci_detach(address, CTL_PREFIX);
}

static int give_back(const char *address, const char *driver)
{
	int err = attach(address, driver);

	if (!err)
		return 0;
	ctl_hint("It had the device before. It may have to be loaded; then:");
	ctl_hint("  echo %s >" CTL_PCI_DRIVERS "/%s/bind", address, driver);
	offer(address);
	return err;
}

static int release(const char *address)
{
	int log = ctl_log_begin(), err;
	struct ctl_record record;
	struct state now;

	look(address, &now);
	ctl_record_read(address, &record);
	err = ctl_device_ours(address) ? detach(address, now.driver) : 0;
	if (!err && !strcmp(now.override, CTL_PREFIX))
		err = set_override(address, record.override);
	if (!err)
		err = set_entry(address, "");
	if (!err && *record.driver)
		err = give_back(address, record.driver);
	else if (!err)
		offer(address);
	ctl_log_end(log, err ? address : NULL);
	ctl_record_drop(address);
	return err ? CTL_ERROR : CTL_OK;
}

/**
 * ctl_device_touched() - is there something that ctl_device_unbind() would undo?
 * @address: the function
 *
 * It need not be bound, nor be there: the module remembers its options.
 */
bool ctl_device_touched(const char *address)
{
	struct state now;

	look(address, &now);
	return !strcmp(now.driver, CTL_PREFIX) ||
	       !strcmp(now.override, CTL_PREFIX) || *now.entry;
}

static int not_ours(const char *address)
{
	char driver[CTL_DRIVER];

	ctl_pci_driver(address, driver);
	if (*driver)
		ctl_say("%s is not bound to writesync, but to the driver %s",
			address, driver);
	else
		ctl_say("%s is not bound to writesync, nor to another driver",
			address);
	return CTL_ERROR;
}

/* Unplugged: what is left of it would be taken for its successor's. */
static int forget(const char *address)
{
	if (set_entry(address, ""))
		return CTL_ERROR;
	ctl_record_drop(address);
	return CTL_OK;
}

/**
 * ctl_device_unbind() - undo ctl_device_bind()
 * @address: the function
 *
 * The driver that had it before gets it back.
 *
 * Return: the exit status; if it is not CTL_OK, the user knows why.
 */
int ctl_device_unbind(const char *address)
{
	bool there = ctl_pci_exists(address);
	int status = CTL_OK;
	sigset_t old;

	if (!ctl_device_touched(address))
		return there ? not_ours(address) : ctl_pci_absent(address);
	if (there)
		status = check_permission(address);
	if (!status)
		status = ctl_record_lock();
	if (status)
		return status;
	hold_signals(&old);
	/* Somebody else may have been faster. */
	if (!ctl_device_touched(address))
		status = not_ours(address);
	else
		status = there ? release(address) : forget(address);
	sigprocmask(SIG_SETMASK, &old, NULL);
	ctl_record_unlock();
	return status;
}

/* ---- what it has become ---- */

/* Those of all windows that are the function's. Return: how many. */
static int windows_of(const char *address, struct ctl_window **list)
{
	int count = ctl_windows(list), i, left = 0;

	for (i = 0; i < count; i++)
		if (!strcmp((*list)[i].address, address))
			(*list)[left++] = (*list)[i];
	return left;
}

/**
 * ctl_device_json() - a function's driver and windows
 * @address: the function
 * @json: out: members are added
 */
void ctl_device_json(const char *address, struct json_object *json)
{
	struct json_object *array, *window;
	struct ctl_window *list;
	struct ctl_record record;
	char driver[CTL_DRIVER];
	int count = windows_of(address, &list), i;

	ctl_pci_driver(address, driver);
	ctl_record_read(address, &record);
	ctl_json_text(json, "address", address);
	ctl_json_text(json, "driver", driver);
	ctl_json_text(json, "replaced", record.driver);
	array = ctl_json_list(json, "windows");
	for (i = 0; i < count; i++) {
		window = ctl_json_push(array);
		ctl_json_text(window, "window", list[i].name);
		ctl_json_text(window, "path", list[i].path);
		ctl_json_number(window, "bar", list[i].bar);
		ctl_json_number(window, "size", list[i].size);
	}
	free(list);
}

/**
 * ctl_device_print() - a line for each window of a function
 * @address: the function
 */
void ctl_device_print(const char *address)
{
	struct ctl_window *list;
	char size[CTL_TEXT];
	int count = windows_of(address, &list), i;

	for (i = 0; i < count; i++)
		printf("%s  %s BAR %" PRIu64 "  %s\n", list[i].path, address,
		       list[i].bar, ctl_size_text(list[i].size, size));
	free(list);
}

/* A file with a mistake is told before anything is bound. */
static int read_config(const struct ctl_args *args, const char *address,
		       struct ctl_config *config, struct ctl_binding *binding)
{
	int status = ctl_config_read(config, args->config);
	struct ctl_line *line;

	if (status)
		return status;
	line = ctl_config_find(config, address);
	/* Other options are no reason to have it fail at the next boot. */
	if (line && line->binding.replace)
		binding->replace = true;
	return CTL_OK;
}

/**
 * ctl_device_command() - the commands "bind" and "rebind"
 * @args: the command line
 * @how: which one
 *
 * Return: the exit status.
 */
int ctl_device_command(const struct ctl_args *args, enum ctl_how how)
{
	struct ctl_binding saved = args->binding;
	struct ctl_config config = { 0 };
	struct json_object *json;
	int status = CTL_OK;

	if (args->save)
		status = read_config(args, args->address, &config, &saved);
	if (!status)
		status = ctl_device_bind(args->address, &args->binding, how);
	if (!status && args->json) {
		json = ctl_json_new();
		ctl_device_json(args->address, json);
		ctl_json_print(json, false);
	} else if (!status) {
		ctl_device_print(args->address);
	}
	if (!status && args->save)
		status = ctl_config_save(&config, args->address, &saved);
	ctl_config_free(&config);
	return status;
}

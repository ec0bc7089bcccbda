// SPDX-License-Identifier: GPL-2.0
/*
 * How the user wants devices to be served: the module's parameter "devices".
 * Documentation/ABI/testing/sysfs-module-writesync describes it.
 */
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "window.h"

/* All of them have to fit into the page that shows them. */
#define WS_ENTRIES_MAX	40

/**
 * struct ws_entry - what was said of one function
 * @node: in ws_entries, or in what is to be added to it
 * @domain: its address
 * @bus: the same
 * @devfn: the same
 * @remove: forget it
 * @binding: the rest
 */
struct ws_entry {
	struct list_head node;
	unsigned int domain;
	unsigned int bus;
	unsigned int devfn;
	bool remove;
	struct ws_binding binding;
};

static LIST_HEAD(ws_entries);
static unsigned int ws_entry_count;
static DEFINE_MUTEX(ws_entries_lock);	/* both */

static int ws_parse_number(const char *text, u64 max, u64 *number)
{
	int ret = kstrtou64(text, 0, number);

	return ret ?: *number > max ? -ERANGE : 0;
}

static int ws_parse_address(struct ws_entry *entry, const char *text)
{
	unsigned int slot, function;
	int end = 0;

	/* sscanf() takes signs, spaces and 0x as well. */
	if (text[strspn(text, "0123456789abcdefABCDEF:.")])
		return -EINVAL;
	if (sscanf(text, "%x:%x:%x.%x%n", &entry->domain, &entry->bus, &slot,
		   &function, &end) != 4 || text[end])
		return -EINVAL;
	if (entry->bus > 0xff || slot > 0x1f || function > 7)
		return -EINVAL;
	entry->devfn = PCI_DEVFN(slot, function);
	return 0;
}

static int ws_parse_bars(struct ws_binding *binding, char *text)
{
	char *one;
	u64 bar;

	while ((one = strsep(&text, "+"))) {
		if (ws_parse_number(one, PCI_STD_NUM_BARS - 1, &bar))
			return -EINVAL;
		binding->bars |= BIT(bar);
	}
	return 0;
}

static int ws_parse_confirm(struct ws_binding *binding, const char *text)
{
	int method = match_string(ws_confirm_names, WS_CONFIRM_METHODS, text);

	binding->confirm = method;
	return method < 0 ? method : 0;
}

static int ws_parse_width(struct ws_binding *binding, const char *text)
{
	u64 width;

	if (ws_parse_number(text, WS_WORD_BYTES, &width) ||
	    !is_power_of_2(width))
		return -EINVAL;
	binding->width = width;
	return 0;
}

static int ws_parse_cache(struct ws_binding *binding, const char *text)
{
	int policy = match_string(ws_cache_names, WS_CACHE_POLICIES, text);

	binding->cache = policy;
	return policy < 0 ? policy : 0;
}

static int ws_parse_option(struct ws_binding *binding, char *option)
{
	char *name = strsep(&option, "=");

	if (!option)
		return -EINVAL;
	if (!strcmp(name, "bars"))
		return ws_parse_bars(binding, option);
	if (!strcmp(name, "confirm"))
		return ws_parse_confirm(binding, option);
	if (!strcmp(name, "readback"))
		return ws_parse_number(option, WS_NO_READBACK - 1,
				       &binding->readback);
	if (!strcmp(name, "width"))
		return ws_parse_width(binding, option);
	if (!strcmp(name, "cache"))
		return ws_parse_cache(binding, option);
	return -EINVAL;
}

static int ws_parse_fields(struct ws_entry *entry, char *text)
{
	char *field = strsep(&text, ",");
	int ret;

	entry->remove = *field == '-';
	ret = ws_parse_address(entry, field + entry->remove);
	while (!ret && (field = strsep(&text, ",")))
		ret = entry->remove ? -EINVAL :
				      ws_parse_option(&entry->binding, field);
	return ret;
}

/* "ADDRESS[,OPTION...]" or "-ADDRESS". Return: the entry or an ERR_PTR(). */
static struct ws_entry *ws_parse_entry(const char *text)
{
	char *copy = kstrdup(text, GFP_KERNEL);
	struct ws_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	int ret = -ENOMEM;

	if (copy && entry) {
		entry->binding = ws_binding_default;
		ret = ws_parse_fields(entry, copy) ? -EINVAL : 0;
	}
	if (ret == -EINVAL)
		pr_err("devices: \"%s\" is not ADDRESS[,bars=N[+N...]][,confirm=METHOD][,readback=OFFSET][,width=1|2|4|8][,cache=wc|uc] or -ADDRESS\n",
		       text);
	kfree(copy);
	if (!ret)
		return entry;
	kfree(entry);
	return ERR_PTR(ret);
}

static void ws_free_entries(struct list_head *list)
{
	struct ws_entry *entry, *next;

	list_for_each_entry_safe(entry, next, list, node)
		kfree(entry);
	INIT_LIST_HEAD(list);
}

static int ws_parse_entries(struct list_head *list, char *text)
{
	struct ws_entry *entry;
	char *one;

	while ((one = strsep(&text, ";\n"))) {
		one = strim(one);
		if (!*one)
			continue;
		entry = ws_parse_entry(one);
		if (IS_ERR(entry))
			return PTR_ERR(entry);
		list_add_tail(&entry->node, list);
	}
	return 0;
}

static struct ws_entry *ws_find_entry(unsigned int domain, unsigned int bus,
				      unsigned int devfn)
{
	struct ws_entry *entry;

	lockdep_assert_held(&ws_entries_lock);
	list_for_each_entry(entry, &ws_entries, node)
		if (entry->domain == domain && entry->bus == bus &&
		    entry->devfn == devfn)
			return entry;
	return NULL;
}

/* Takes @entry over. */
static int ws_apply_entry(struct ws_entry *entry)
{
	struct ws_entry *old = ws_find_entry(entry->domain, entry->bus,
					     entry->devfn);

	if (old) {
		list_del(&old->node);
		ws_entry_count--;
		kfree(old);
	}
	if (entry->remove) {
		kfree(entry);
		return 0;
	}
	if (ws_entry_count == WS_ENTRIES_MAX) {
		pr_err("devices: no room for more than %u entries\n",
		       WS_ENTRIES_MAX);
		kfree(entry);
		return -ENOSPC;
	}
	list_add_tail(&entry->node, &ws_entries);
	ws_entry_count++;
	return 0;
}

/* All of @list that fit; what is not understood has been refused before. */
static int ws_apply_entries(struct list_head *list)
{
	struct ws_entry *entry, *next;
	int ret = 0;

	mutex_lock(&ws_entries_lock);
	list_for_each_entry_safe(entry, next, list, node) {
		list_del(&entry->node);
		ret = ws_apply_entry(entry);
		if (ret)
			break;
	}
	mutex_unlock(&ws_entries_lock);
	return ret;
}

static int ws_set_devices(const char *text, const struct kernel_param *kp)
{
	char *copy = kstrdup(text, GFP_KERNEL);
	LIST_HEAD(list);
	int ret;

	if (!copy)
		return -ENOMEM;
	ret = ws_parse_entries(&list, copy) ?: ws_apply_entries(&list);
	ws_free_entries(&list);
	kfree(copy);
	return ret;
}

static int ws_show_entry(char *buf, const struct ws_entry *entry)
{
	const struct ws_binding *binding = &entry->binding;
	unsigned long bars = binding->bars;
	const char *separator = ",bars=";
	unsigned int bar;
	int n;

	n = sprintf(buf, "%04x:%02x:%02x.%u", entry->domain, entry->bus,
		    PCI_SLOT(entry->devfn), PCI_FUNC(entry->devfn));
	for_each_set_bit(bar, &bars, PCI_STD_NUM_BARS) {
		n += sprintf(buf + n, "%s%u", separator, bar);
		separator = "+";
	}
	if (binding->confirm >= 0)
		n += sprintf(buf + n, ",confirm=%s",
			     ws_confirm_names[binding->confirm]);
	if (binding->readback != WS_NO_READBACK)
		n += sprintf(buf + n, ",readback=%#llx", binding->readback);
	if (binding->width)
		n += sprintf(buf + n, ",width=%u", binding->width);
	if (binding->cache >= 0)
		n += sprintf(buf + n, ",cache=%s",
			     ws_cache_names[binding->cache]);
	return n + sprintf(buf + n, "\n");
}

static int ws_get_devices(char *buf, const struct kernel_param *kp)
{
	struct ws_entry *entry;
	int n = 0;

	mutex_lock(&ws_entries_lock);
	list_for_each_entry(entry, &ws_entries, node)
		n += ws_show_entry(buf + n, entry);
	mutex_unlock(&ws_entries_lock);
	return n;
}

static void ws_free_devices(void *unused)
{
	ws_free_entries(&ws_entries);
}

static const struct kernel_param_ops ws_devices_ops = {
	.set = ws_set_devices,
	.get = ws_get_devices,
	.free = ws_free_devices,
};

module_param_cb(devices, &ws_devices_ops, NULL, 0644);
MODULE_PARM_DESC(devices,
		 "How devices are served when they are bound: ADDRESS[,bars=N[+N...]][,confirm=METHOD][,readback=OFFSET][,width=1|2|4|8][,cache=wc|uc], separated by \";\"; -ADDRESS forgets one");

const struct ws_binding ws_binding_default = {
	.confirm = -1,
	.readback = WS_NO_READBACK,
	.cache = -1,
};

/**
 * ws_binding_of() - how is a function to be served?
 * @pdev: the function
 * @binding: out: what the user said; ws_binding_default otherwise
 */
void ws_binding_of(struct pci_dev *pdev, struct ws_binding *binding)
{
	struct ws_entry *entry;

	mutex_lock(&ws_entries_lock);
	entry = ws_find_entry(pci_domain_nr(pdev->bus), pdev->bus->number,
			      pdev->devfn);
	*binding = entry ? entry->binding : ws_binding_default;
	mutex_unlock(&ws_entries_lock);
}

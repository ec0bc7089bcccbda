// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen and set of a window: /sys/class/writesync/writesyncN/.
 * Documentation/sysfs.md describes each attribute.
 */
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "compat.h"
#include "window.h"

static const char *const ws_inline_names[] = {
	[WS_INLINE_AUTO] = "auto",
	[WS_INLINE_ALWAYS] = "always",
	[WS_INLINE_NEVER] = "never",
};

static struct ws_window *to_window(struct device *dev)
{
	return container_of(dev, struct ws_window, dev);
}

static ssize_t bar_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%u\n", to_window(dev)->bar);
}
static DEVICE_ATTR_RO(bar);

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_window(dev)->size);
}
static DEVICE_ATTR_RO(size);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  ws_window_dead(to_window(dev)) ? "dead" : "live");
}
static DEVICE_ATTR_RO(state);

static ssize_t confirm_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct ws_window *win = to_window(dev);

	return sysfs_emit(buf, "%s\n",
			  ws_confirm_names[READ_ONCE(win->confirm)]);
}

static ssize_t confirm_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	int method = __sysfs_match_string(ws_confirm_names, WS_CONFIRM_METHODS,
					  buf);

	if (method < 0)
		return method;
	return ws_confirm_set(to_window(dev), method) ?: count;
}
static DEVICE_ATTR_RW(confirm);

static ssize_t inline_sync_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	struct ws_window *win = to_window(dev);

	return sysfs_emit(buf, "%s\n",
			  ws_inline_names[READ_ONCE(win->flush.policy)]);
}

static ssize_t inline_sync_store(struct device *dev,
				 struct device_attribute *attr,
				 const char *buf, size_t count)
{
	int policy = sysfs_match_string(ws_inline_names, buf);

	if (policy < 0)
		return policy;
	WRITE_ONCE(to_window(dev)->flush.policy, policy);
	return count;
}
static DEVICE_ATTR_RW(inline_sync);

static ssize_t access_width_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", ws_window_width(to_window(dev)));
}

static ssize_t access_width_store(struct device *dev,
				  struct device_attribute *attr,
				  const char *buf, size_t count)
{
	unsigned int width;
	int ret;

	ret = kstrtouint(buf, 0, &width);
	if (ret)
		return ret;
	return ws_window_set_width(to_window(dev), width) ?: count;
}
static DEVICE_ATTR_RW(access_width);

static ssize_t timeout_ms_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(to_window(dev)->timeout_ns) /
			  NSEC_PER_MSEC);
}

static ssize_t timeout_ms_store(struct device *dev,
				struct device_attribute *attr, const char *buf,
				size_t count)
{
	unsigned int ms;
	int ret;

	ret = kstrtouint(buf, 0, &ms);
	if (ret)
		return ret;
	if (!ms || ms > WS_TIMEOUT_MAX_MS)
		return -EINVAL;
	WRITE_ONCE(to_window(dev)->timeout_ns, (u64)ms * NSEC_PER_MSEC);
	return count;
}
static DEVICE_ATTR_RW(timeout_ms);

static struct attribute *ws_window_attrs[] = {
	&dev_attr_bar.attr,
	&dev_attr_size.attr,
	&dev_attr_state.attr,
	&dev_attr_confirm.attr,
	&dev_attr_inline_sync.attr,
	&dev_attr_access_width.attr,
	&dev_attr_timeout_ms.attr,
	NULL
};

static const struct attribute_group ws_window_group = {
	.attrs = ws_window_attrs,
};

const struct attribute_group *ws_window_groups[] = {
	&ws_window_group,
	NULL
};

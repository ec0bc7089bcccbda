// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen and set of a window: /sys/class/writesync/writesyncN/.
 * Documentation/ABI/testing/sysfs-class-writesync describes each attribute.
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

static const char *const ws_state_names[] = {
	[WRITESYNC_STATE_LIVE] = "live",
	[WRITESYNC_STATE_FROZEN] = "frozen",
	[WRITESYNC_STATE_DEAD] = "dead",
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
	enum writesync_state state = READ_ONCE(to_window(dev)->state);

	return sysfs_emit(buf, "%s\n", ws_state_names[state]);
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

static ssize_t readback_offset_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	struct ws_window *win = to_window(dev);

	if (win->readback == WS_NO_READBACK)
		return sysfs_emit(buf, "none\n");
	return sysfs_emit(buf, "%#llx\n", win->readback);
}
static DEVICE_ATTR_RO(readback_offset);

static ssize_t cache_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	enum ws_cache cache = to_window(dev)->mem ? WS_CACHE_WC : WS_CACHE_UC;

	return sysfs_emit(buf, "%s\n", ws_cache_names[cache]);
}
static DEVICE_ATTR_RO(cache);

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
	return sysfs_emit(buf, "%u\n", ws_copy_width(to_window(dev)));
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
	return ws_copy_set_width(to_window(dev), width) ?: count;
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

static ssize_t generation_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  ws_flush_generation(&to_window(dev)->flush));
}
static DEVICE_ATTR_RO(generation);

static ssize_t posted_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	u64 posted, synced;

	ws_flush_sequences(&to_window(dev)->flush, &posted, &synced);
	return sysfs_emit(buf, "%llu\n", posted);
}
static DEVICE_ATTR_RO(posted);

static ssize_t synced_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	u64 posted, synced;

	ws_flush_sequences(&to_window(dev)->flush, &posted, &synced);
	return sysfs_emit(buf, "%llu\n", synced);
}
static DEVICE_ATTR_RO(synced);

static struct attribute *ws_window_attrs[] = {
	&dev_attr_bar.attr,
	&dev_attr_size.attr,
	&dev_attr_state.attr,
	&dev_attr_confirm.attr,
	&dev_attr_readback_offset.attr,
	&dev_attr_cache.attr,
	&dev_attr_inline_sync.attr,
	&dev_attr_access_width.attr,
	&dev_attr_timeout_ms.attr,
	&dev_attr_generation.attr,
	&dev_attr_posted.attr,
	&dev_attr_synced.attr,
	NULL
};

static const struct attribute_group ws_window_group = {
	.attrs = ws_window_attrs,
};

#define WS_STATISTIC(name)						\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	struct ws_stats stats;						\
									\
	ws_flush_stats(&to_window(dev)->flush, &stats);			\
	return sysfs_emit(buf, "%llu\n", stats.name);			\
}									\
static DEVICE_ATTR_RO(name)

WS_STATISTIC(writes);
WS_STATISTIC(bytes);
WS_STATISTIC(syncs);
WS_STATISTIC(readbacks);
WS_STATISTIC(coalesced);
WS_STATISTIC(clean);
WS_STATISTIC(timeouts);
WS_STATISTIC(errors);
WS_STATISTIC(losses);

static struct attribute *ws_statistics_attrs[] = {
	&dev_attr_writes.attr,
	&dev_attr_bytes.attr,
	&dev_attr_syncs.attr,
	&dev_attr_readbacks.attr,
	&dev_attr_coalesced.attr,
	&dev_attr_clean.attr,
	&dev_attr_timeouts.attr,
	&dev_attr_errors.attr,
	&dev_attr_losses.attr,
	NULL
};

static const struct attribute_group ws_statistics_group = {
	.name = "statistics",
	.attrs = ws_statistics_attrs,
};

const struct attribute_group *ws_window_groups[] = {
	&ws_window_group,
	&ws_statistics_group,
	NULL
};

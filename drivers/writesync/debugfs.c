// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/writesync/writesyncN/readback_ns: how long readbacks took.
 * Documentation/ABI/testing/debugfs-writesync describes it.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "window.h"

static struct dentry *ws_debugfs;

static int readback_ns_show(struct seq_file *file, void *unused)
{
	struct ws_window *win = file->private;
	struct ws_stats stats;
	unsigned int i;

	if (!READ_ONCE(win->debugfs))
		return -ENODEV;
	ws_flush_stats(&win->flush, &stats);
	for (i = 0; i < WS_LATENCIES; i++)
		if (stats.latency[i])
			seq_printf(file, "%llu %llu %llu\n",
				   i ? 1ULL << (i - 1) : 0, 1ULL << i,
				   stats.latency[i]);
	return 0;
}

/* Removal does not wait for who reads: an open file keeps the window. */
static int readback_ns_open(struct inode *inode, struct file *file)
{
	struct ws_window *win = inode->i_private;
	int ret = single_open(file, readback_ns_show, win);

	if (!ret)
		get_device(&win->dev);
	return ret;
}

static int readback_ns_release(struct inode *inode, struct file *file)
{
	struct ws_window *win = inode->i_private;

	single_release(inode, file);
	put_device(&win->dev);
	return 0;
}

static const struct file_operations readback_ns_fops = {
	.owner = THIS_MODULE,
	.open = readback_ns_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = readback_ns_release,
};

/**
 * ws_debugfs_init() - make the folder of all windows
 */
void ws_debugfs_init(void)
{
	ws_debugfs = debugfs_create_dir(KBUILD_MODNAME, NULL);
}

/**
 * ws_debugfs_exit() - undo ws_debugfs_init()
 */
void ws_debugfs_exit(void)
{
	debugfs_remove(ws_debugfs);
}

/**
 * ws_debugfs_create() - make a window's folder
 * @win: the window
 */
void ws_debugfs_create(struct ws_window *win)
{
	win->debugfs = debugfs_create_dir(dev_name(&win->dev), ws_debugfs);
	debugfs_create_file_unsafe("readback_ns", 0444, win->debugfs, win,
				   &readback_ns_fops);
}

/**
 * ws_debugfs_remove() - undo ws_debugfs_create()
 * @win: the window
 */
void ws_debugfs_remove(struct ws_window *win)
{
	struct dentry *folder = win->debugfs;

	/* Files that are open end here, too. */
	WRITE_ONCE(win->debugfs, NULL);
	debugfs_remove(folder);
}

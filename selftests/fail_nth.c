// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation, and every copy from or to a user, that a call makes fails
 * once: the first, the second, and so on until the call makes no more. The call
 * then says so, or does without; it leaves nothing behind (C7), and afterwards
 * everything works. Needs a kernel with fault injection.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ws_test.h"

#define PAGE		4096
#define LENGTH		600	/* more than a bounce buffer holds */
#define PIECES		12	/* more than need no allocation */
#define BOTH		(PROT_READ | PROT_WRITE)
#define MOST		2000	/* no call has that many */
#define SECONDS		300	/* probing takes its time */
#define BIND_ROUNDS	3
#define EXPEDITED	"/sys/kernel/rcu_expedited"
#define FAULTS		"/sys/kernel/debug/"
#define CACHES		"/sys/kernel/slab"
#define LEAKS		"/sys/kernel/debug/kmemleak"

/* What a binding holds of the kernel's; all drivers' together. */
struct resources {
	int mappings, interrupts, enabled;
};

FIXTURE(failing) {
	struct ws_dev dev;
	int control;			/* fail-nth of this thread */
	int window;
	int fd;				/* what was made, or what is used */
	int file;			/* some other file */
	__u8 *map;
	__u64 free;
	__u64 written;			/* as the call said, failed or not */
	bool no_memory;			/* it has failed for lack of memory */
	struct resources bound, unbound;
	__u8 data[LENGTH];
	__u8 back[LENGTH];
};

#define FAILING		FIXTURE_DATA(failing)

FIXTURE_VARIANT(failing) {
	int (*prepare)(FAILING *self);
	long (*act)(FAILING *self);
	void (*undo)(FAILING *self);	/* after it succeeded, or always: */
	bool always;
	bool bytes;			/* it moves so many, and no others */
	bool within;			/* only what the module asks for */
	bool binds;			/* afterwards the device may be gone */
	bool none;			/* it has nothing that could */
	bool watched;			/* only who watches it has something */
	bool tells;			/* it has to fail with ENOMEM once */
	int allowed;			/* an error besides ENOMEM and EFAULT */
	unsigned int least;		/* so many fail, or it was no test */
};

#define FAILING_VARIANT	FIXTURE_VARIANT(failing)

static const struct {
	const char *path, *value;
} settings[] = {
	{ FAULTS "failslab/ignore-gfp-wait", "N" },
	{ FAULTS "failslab/cache-filter", "Y" },
	{ FAULTS "failslab/verbose", "0" },
	{ FAULTS "fail_page_alloc/ignore-gfp-wait", "N" },
	{ FAULTS "fail_page_alloc/min-order", "0" },
	{ FAULTS "fail_page_alloc/verbose", "0" },
	{ FAULTS "fail_usercopy/verbose", "0" },
};

static const char * const kinds[] = {
	"failslab", "fail_page_alloc", "fail_usercopy",
};

static int set_all(const char *setting, unsigned long value)
{
	char path[128], text[32];
	int ret = 0;
	size_t i;

	snprintf(text, sizeof(text), "%#lx", value);
	for (i = 0; i < ARRAY_SIZE(kinds) && !ret; i++) {
		snprintf(path, sizeof(path), FAULTS "%s/%s", kinds[i], setting);
		ret = ws_write_file(path, text);
	}
	return ret;
}

struct code {
	unsigned long start, end;	/* addresses; 0: there is none */
};

struct symbol {
	unsigned long address;
	char type, name[128], module[64];
};

static FILE *open_symbols(void)
{
	return fopen("/proc/kallsyms", "re");
}

static bool next_symbol(FILE *file, struct symbol *symbol)
{
	char line[512] = "";

	symbol->module[0] = 0;
	return file && fgets(line, sizeof(line), file) &&
	       sscanf(line, "%lx %c %127s %63s", &symbol->address,
		      &symbol->type, symbol->name, symbol->module) >= 3;
}

static struct code find_module(const char *name)
{
	struct code code = { 0 };
	FILE *file = open_symbols();
	struct symbol symbol;

	while (next_symbol(file, &symbol)) {
		if (!ws_is(symbol.module, name) || (symbol.type | 0x20) != 't')
			continue;
		if (!code.start || symbol.address < code.start)
			code.start = symbol.address;
		if (symbol.address >= code.end)
			code.end = symbol.address + PAGE;
	}
	if (file)
		fclose(file);
	return code;
}

/* The kernel's own are in the order of their addresses. */
static struct code find_function(const char *name)
{
	struct code code = { 0 };
	FILE *file = open_symbols();
	struct symbol symbol;

	while (!code.end && next_symbol(file, &symbol)) {
		if (code.start && symbol.address > code.start)
			code.end = symbol.address;
		else if (ws_is(symbol.name, name))
			code.start = symbol.address;
	}
	if (file)
		fclose(file);
	return code;
}

/* Only allocations that the module asks for, itself or by what it calls. */
static int let_module_fail(void)
{
	struct code module = find_module("[writesync]");
	int ret;

	if (!module.start)
		return -ENOENT;
	ret = set_all("require-start", module.start);
	return ret ? ret : set_all("require-end", module.end);
}

/* The kernel cannot fail here without a complaint, with a stack. */
static int spare_vmalloc(void)
{
	struct code function = find_function("__vmalloc_node_range_noprof");
	int ret = set_all("reject-start", function.start);

	return ret ? ret : set_all("reject-end", function.end);
}

/*
 * What watches allocations makes some, too, and is blind without; ACPI's code
 * touches objects that it has freed after it got none.
 */
static bool is_spared(const char *cache)
{
	return strstr(cache, "kmemleak") || strstr(cache, "debug_objects") ||
	       strstr(cache, "Acpi-");
}

/* A cache that several users share refuses. */
static int let_caches_fail(void)
{
	struct dirent *entry;
	char path[PATH_MAX];
	int count = 0;
	DIR *dir;

	dir = opendir(CACHES);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (is_spared(entry->d_name))
			continue;
		snprintf(path, sizeof(path), CACHES "/%s/failslab",
			 entry->d_name);
		count += !ws_write_file(path, "1");
	}
	closedir(dir);
	return count ? 0 : -ENOENT;
}

static int let_all_fail(void)
{
	int ret = let_caches_fail();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings) && !ret; i++)
		ret = ws_write_file(settings[i].path, settings[i].value);
	ret = ret ? ret : set_all("require-start", 0);
	ret = ret ? ret : set_all("require-end", ULONG_MAX);
	return ret ? ret : spare_vmalloc();
}

/* How many lines of a file hold @word. */
static int lines_with(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	char line[512];
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += !!strstr(line, word);
	if (file)
		fclose(file);
	return n;
}

static struct resources count_resources(const FAILING *self)
{
	__u64 enabled = 0;

	ws_pci_number(&self->dev, "enable", &enabled);
	return (struct resources) {
		.enabled = enabled,
		.mappings = lines_with("/proc/vmallocinfo", "ioremap"),
		.interrupts = lines_with("/proc/interrupts", self->dev.name),
	};
}

static bool is_bound(const FAILING *self)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/driver", self->dev.pci);
	return !access(path, F_OK);
}

FIXTURE_SETUP(failing)
{
	struct writesync_info info;

	WS_BEGIN(return, &self->dev, 0);
	self->control = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->control < 0)
		SKIP(return, "this kernel has no fault injection");
	ASSERT_EQ(0, let_all_fail());
	if (variant->within)
		ASSERT_EQ(0, let_module_fail());
	self->window = ws_open(&self->dev, O_RDWR);
	ASSERT_LE(0, self->window);
	self->file = memfd_create("file", MFD_CLOEXEC);
	ASSERT_LE(0, self->file);
	ws_fill(self->data, LENGTH, 81);
	ASSERT_EQ(LENGTH, write(self->file, self->data, LENGTH));
	ASSERT_EQ(0, ws_info(self->window, &info));
	self->free = info.free;
	self->bound = count_resources(self);
	/* Unbinding waits for RCU many times over. */
	if (variant->binds)
		ws_write_file(EXPEDITED, "1");
	self->fd = -1;
}

static int write_to(FAILING *self, const char *attr, const char *text)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", self->dev.pci, attr);
	return ws_write_file(path, text);
}

static void allow_messages(FAILING *self, const char *yes)
{
	write_to(self, "msi_bus", yes);
}

FIXTURE_TEARDOWN(failing)
{
	/* Not without an interrupt. */
	if (variant->binds && is_bound(self))
		ws_unbind(&self->dev);
	allow_messages(self, "1");
	if (self->unbound.enabled)
		EXPECT_EQ(0, write_to(self, "enable", "0"));
	if (!is_bound(self))
		ws_bind(&self->dev);
	ws_write_file(EXPEDITED, "0");
	close(self->file);
	close(self->window);
	EXPECT_EQ(0, ws_end(&self->dev));
}

/* From now on this thread's @n-th allocation fails; 0: none. */
static int fail_nth(FAILING *self, unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	return pwrite(self->control, text, length, 0) == length ? 0 : -errno;
}

/* Did it? If not, reading this may be what fails. */
static bool has_failed(FAILING *self)
{
	char text[16] = "1";

	return pread(self->control, text, sizeof(text) - 1, 0) > 0 &&
	       !strtoul(text, NULL, 10);
}

static int least_free_descriptor(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* The window works, and has as much to give as before. */
static void expect_works(struct __test_metadata *_metadata, FAILING *self,
			 unsigned int n)
{
	struct writesync_info info = { 0 };
	__u8 data[8], back[8] = { 0 };

	ws_fill(data, 8, n);
	ASSERT_EQ(8, ws_pwrite(self->window, data, 8, 8 * PAGE)) {
		TH_LOG("after allocation %u", n);
	}
	ASSERT_EQ(0, ws_sync(self->window));
	ASSERT_EQ(8, ws_pread(self->window, back, 8, 8 * PAGE));
	ASSERT_EQ(0, memcmp(data, back, 8));
	ASSERT_EQ(0, ws_needed(self->window));
	ASSERT_EQ(0, ws_info(self->window, &info));
	ASSERT_EQ(self->free, info.free) {
		TH_LOG("after allocation %u", n);
	}
}

/* What is undone: a descriptor, a mapping */

static void undo_descriptor(FAILING *self)
{
	close(self->fd);
	self->fd = -1;
}

static void undo_mapping(FAILING *self)
{
	if (self->map)
		munmap(self->map, 4 * PAGE);
	self->map = NULL;
}

static int prepare_region(FAILING *self)
{
	self->fd = ws_alloc(self->window, 1);
	return self->fd < 0 ? self->fd : 0;
}

static int prepare_mapping(FAILING *self)
{
	int ret = ws_map(self->window, 0, 4 * PAGE, BOTH, &self->map);

	if (!ret)
		ws_store(self->map, self->data, 8);
	return ret;
}

/* Posted, not synced: the call has to ask the device. */
static int prepare_unsynced(FAILING *self)
{
	return ws_pwrite(self->window, self->data, 8, 0) == 8 ? 0 : -EIO;
}

static int prepare_worker(FAILING *self)
{
	int ret = ws_set(&self->dev, "inline_sync", "never");

	return ret ? ret : prepare_unsynced(self);
}

/* What is called */

static long do_open(FAILING *self)
{
	self->fd = ws_open(&self->dev, O_RDWR);
	return self->fd;
}

static long do_info(FAILING *self)
{
	struct writesync_info info;

	return ws_info(self->window, &info);
}

static long do_query(FAILING *self)
{
	return ws_needed(self->window);
}

static long do_sync(FAILING *self)
{
	return ws_sync(self->window);
}

static long do_write(FAILING *self)
{
	struct writesync_iovec pieces[PIECES] = { 0 };
	struct writesync_write write = ws_pieces(pieces, PIECES);
	int i, ret;

	for (i = 0; i < PIECES; i++)
		pieces[i] = ws_piece(self->data + 50 * i, 50);
	write.flags = WRITESYNC_WRITE_SYNC;
	write.bytes_written = ~0ULL;
	lseek(self->window, 0, SEEK_SET);
	ret = ws_write_call(self->window, &write);
	/* As it was, if the structure was not copied or an argument refused. */
	self->written = write.bytes_written == ~0ULL ? 0 : write.bytes_written;
	return ret;
}

static long do_alloc(FAILING *self)
{
	struct writesync_alloc alloc = { .length = 1, .fd = -1 };
	int ret = ws_alloc_call(self->window, &alloc);

	self->fd = ret ? -1 : alloc.fd;
	return ret;
}

static long do_commit(FAILING *self)
{
	return ws_commit(self->fd);
}

static long do_decommit(FAILING *self)
{
	return ws_decommit(self->fd);
}

static long do_check(FAILING *self)
{
	return ws_check(self->window, self->data, LENGTH, NULL);
}

static long do_close(FAILING *self)
{
	return close(self->fd) ? -errno : 0;
}

static long do_mmap(FAILING *self)
{
	return ws_map(self->window, 0, 4 * PAGE, BOTH, &self->map);
}

/* Far from all others, so that it needs page tables of its own. */
#define FAR		((void *)(1ul << (sizeof(long) == 8 ? 40 : 30)))

/* A fault that finds no memory for its tables is made again. */
static long do_touch(FAILING *self)
{
	void *map = mmap(FAR, 4 * PAGE, BOTH, MAP_SHARED, self->window, 0);

	if (map == MAP_FAILED)
		return -errno;
	self->map = map;
	ws_store(self->map + PAGE, self->data, 8);
	return memcmp(self->map + PAGE, self->data, 8) ? -EIO : 0;
}

/* A hole makes two mappings of one. */
static long do_hole(FAILING *self)
{
	return munmap(self->map + PAGE, PAGE) ? -errno : 0;
}

static long do_mprotect(FAILING *self)
{
	return mprotect(self->map + PAGE, PAGE, PROT_READ) ? -errno : 0;
}

static long do_msync(FAILING *self)
{
	return msync(self->map, PAGE, MS_SYNC) ? -errno : 0;
}

static long do_fork(FAILING *self)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ws_store(self->map + PAGE, self->data, 8);
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	waitpid(pid, &status, 0);
	return status;
}

static int prepare_write(FAILING *self)
{
	ws_fill(self->data, LENGTH, ws_now());
	return 0;
}

/* Through the bounce buffer. */
static int prepare_narrow(FAILING *self)
{
	ws_rebind_later(&self->dev);
	return ws_set(&self->dev, "access_width", "4") ?: prepare_write(self);
}

static long do_pwrite(FAILING *self)
{
	return ws_pwrite(self->window, self->data, LENGTH, 0);
}

static long do_pwrite_dsync(FAILING *self)
{
	return ws_pwritev2(self->window, self->data, LENGTH, 0, RWF_DSYNC);
}

static long do_pwritev(FAILING *self)
{
	struct iovec iov[PIECES];
	ssize_t n;
	int i;

	for (i = 0; i < PIECES; i++)
		iov[i] = (struct iovec) { self->data + 50 * i, 50 };
	n = pwritev(self->window, iov, PIECES, 0);
	return n < 0 ? -errno : n;
}

static long do_pread(FAILING *self)
{
	return ws_pread(self->window, self->data, LENGTH, 0);
}

static long do_fsync(FAILING *self)
{
	return fsync(self->window) ? -errno : 0;
}

static long do_sendfile(FAILING *self)
{
	off_t from = 0;
	ssize_t n;

	lseek(self->window, 0, SEEK_SET);
	n = sendfile(self->window, self->file, &from, LENGTH);
	return n < 0 ? -errno : n;
}

static long do_splice(FAILING *self)
{
	loff_t from = 0;
	int ends[2];
	long n;

	if (pipe(ends))
		return -errno;
	n = splice(self->window, &from, ends[1], NULL, LENGTH, 0);
	n = n < 0 ? -errno : n;
	close(ends[0]);
	close(ends[1]);
	return n;
}

static long do_poll(FAILING *self)
{
	struct pollfd p[40];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = (struct pollfd) { .fd = self->window, .events = POLLPRI };
	return poll(p, ARRAY_SIZE(p), 1) < 0 ? -errno : 0;
}

static long do_read_attributes(FAILING *self)
{
	static const char * const names[] = {
		"bar", "size", "state", "generation", "posted", "synced",
		"confirm", "inline_sync", "timeout_ms", "access_width",
	};
	char text[128];
	size_t i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(names) && !ret; i++)
		ret = ws_get(&self->dev, names[i], text, sizeof(text));
	return ret;
}

static long do_set_attributes(FAILING *self)
{
	int ret = ws_set(&self->dev, "timeout_ms", "777");

	ret = ret ? ret : ws_set(&self->dev, "inline_sync", "auto");
	return ret ? ret : ws_set(&self->dev, "confirm", "config");
}

static long do_read_debugfs(FAILING *self)
{
	char path[PATH_MAX], text[PAGE];

	snprintf(path, sizeof(path),
		 "/sys/kernel/debug/writesync/%s/readback_ns", self->dev.name);
	return ws_file(path, text, sizeof(text));
}

static int prepare_flr(FAILING *self)
{
	return ws_can_flr(&self->dev) ? 0 : -EOPNOTSUPP;
}

static long do_flr(FAILING *self)
{
	return ws_flr(&self->dev);
}

/*
 * The function stays enabled: what ACPI allocates for that, each time another
 * number, is not the module's. Without an interrupt: if a file of it in
 * /proc/irq could not be made, the kernel warns of that when it removes it.
 */
static int prepare_unbound(FAILING *self)
{
	int ret = is_bound(self) ? ws_unbind(&self->dev) : 0;

	allow_messages(self, "0");
	if (!ret && !self->unbound.mappings) {
		ret = write_to(self, "enable", "1");
		self->bound.enabled++;
		self->unbound = count_resources(self);
	}
	return ret;
}

/* Bound all the same, perhaps without an interrupt; or else not at all. */
static long do_bind(FAILING *self)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/bind", self->dev.driver);
	return ws_write_file(path, self->dev.slot);
}

/* A file of the binding that there is now. */
static void open_again(FAILING *self)
{
	if (!is_bound(self))
		return;
	close(self->window);
	self->window = ws_open(&self->dev, O_RDWR);
}

static void bind_again(FAILING *self)
{
	if (!is_bound(self))
		ws_bind(&self->dev);
	open_again(self);
}

static long do_unbind(FAILING *self)
{
	return ws_unbind(&self->dev);
}

/* An address where nothing is. */
static long do_devices(FAILING *self)
{
	(void)self;
	return ws_write_file(WS_DEVICES, "0000:00:1e.7,bars=0");
}

static void undo_devices(FAILING *self)
{
	(void)self;
	ws_write_file(WS_DEVICES, "-0000:00:1e.7");
}

FIXTURE_VARIANT_ADD(failing, open) {
	.act = do_open, .undo = undo_descriptor, .tells = true,
};

/* Their structures are copied by words, which no kernel makes fail. */
FIXTURE_VARIANT_ADD(failing, info) { .act = do_info, .none = true };
FIXTURE_VARIANT_ADD(failing, query) { .act = do_query, .none = true };
FIXTURE_VARIANT_ADD(failing, clean_sync) { .act = do_sync, .none = true };
FIXTURE_VARIANT_ADD(failing, sync) {
	.prepare = prepare_unsynced, .act = do_sync, .none = true,
};

FIXTURE_VARIANT_ADD(failing, sync_by_the_worker) {
	.prepare = prepare_worker, .act = do_sync, .none = true,
};

FIXTURE_VARIANT_ADD(failing, write_ioctl) {
	.prepare = prepare_write, .act = do_write, .bytes = true, .tells = true,
};

FIXTURE_VARIANT_ADD(failing, alloc) {
	.act = do_alloc, .undo = undo_descriptor, .tells = true,
};

FIXTURE_VARIANT_ADD(failing, commit) {
	.prepare = prepare_region, .act = do_commit,
	.undo = undo_descriptor, .always = true, .none = true,
};

FIXTURE_VARIANT_ADD(failing, decommit) {
	.prepare = prepare_region, .act = do_decommit,
	.undo = undo_descriptor, .always = true, .none = true,
};

FIXTURE_VARIANT_ADD(failing, check) { .act = do_check, .none = true };
FIXTURE_VARIANT_ADD(failing, devices) {
	.act = do_devices, .undo = undo_devices, .within = true,
	.tells = true, .least = 3,
};

FIXTURE_VARIANT_ADD(failing, close) {
	.prepare = prepare_region, .act = do_close, .watched = true,
};

FIXTURE_VARIANT_ADD(failing, mmap) {
	.act = do_mmap, .undo = undo_mapping, .tells = true,
};

FIXTURE_VARIANT_ADD(failing, mmap_and_store) {
	.act = do_touch, .undo = undo_mapping, .always = true,
};

FIXTURE_VARIANT_ADD(failing, a_hole_in_a_mapping) {
	.prepare = prepare_mapping, .act = do_hole,
	.undo = undo_mapping, .always = true,
};

FIXTURE_VARIANT_ADD(failing, mprotect) {
	.prepare = prepare_mapping, .act = do_mprotect,
	.undo = undo_mapping, .always = true,
};

FIXTURE_VARIANT_ADD(failing, msync) {
	.prepare = prepare_mapping, .act = do_msync,
	.undo = undo_mapping, .always = true, .none = true,
};

FIXTURE_VARIANT_ADD(failing, fork_with_a_mapping) {
	.prepare = prepare_mapping, .act = do_fork,
	.undo = undo_mapping, .always = true, .allowed = -EAGAIN,
};

FIXTURE_VARIANT_ADD(failing, pwrite) {
	.prepare = prepare_write, .act = do_pwrite, .bytes = true,
};

FIXTURE_VARIANT_ADD(failing, pwrite_by_width) {
	.prepare = prepare_narrow, .act = do_pwrite, .bytes = true,
};

FIXTURE_VARIANT_ADD(failing, pwrite_and_sync) {
	.prepare = prepare_write, .act = do_pwrite_dsync, .bytes = true,
};

FIXTURE_VARIANT_ADD(failing, pwritev) {
	.prepare = prepare_write, .act = do_pwritev, .bytes = true,
};

FIXTURE_VARIANT_ADD(failing, pread) { .act = do_pread, .bytes = true };
FIXTURE_VARIANT_ADD(failing, fsync) {
	.prepare = prepare_unsynced, .act = do_fsync, .none = true,
};

FIXTURE_VARIANT_ADD(failing, sendfile) { .act = do_sendfile };
FIXTURE_VARIANT_ADD(failing, splice) { .act = do_splice, .allowed = -ENFILE };
FIXTURE_VARIANT_ADD(failing, poll) { .act = do_poll };
FIXTURE_VARIANT_ADD(failing, attributes_read) { .act = do_read_attributes };
FIXTURE_VARIANT_ADD(failing, attributes_set) { .act = do_set_attributes };
FIXTURE_VARIANT_ADD(failing, debugfs_read) { .act = do_read_debugfs };
FIXTURE_VARIANT_ADD(failing, reset) {
	.prepare = prepare_flr, .act = do_flr, .within = true, .none = true,
};

FIXTURE_VARIANT_ADD(failing, bind) {
	.prepare = prepare_unbound, .act = do_bind,
	.undo = open_again, .always = true, .allowed = -EBUSY,
	.binds = true, .within = true, .least = 30, .tells = true,
};

FIXTURE_VARIANT_ADD(failing, unbind) {
	.act = do_unbind, .undo = bind_again, .always = true,
	.binds = true, .within = true,
};

/* As much is held as by any binding, or by none; its number is the same. */
static void expect_resources(struct __test_metadata *_metadata,
			     const FAILING *self, unsigned int n)
{
	struct resources now = count_resources(self), want = self->unbound;

	if (is_bound(self)) {
		want = self->bound;
		ASSERT_EQ(0, access(self->dev.node, F_OK));
	}
	ASSERT_EQ(want.mappings, now.mappings) {
		TH_LOG("after allocation %u", n);
	}
	ASSERT_EQ(want.enabled, now.enabled) {
		TH_LOG("after allocation %u", n);
	}
	/* An interrupt it may do without. */
	ASSERT_LE(now.interrupts, want.interrupts) {
		TH_LOG("after allocation %u", n);
	}
}

/* The bytes that were counted are the same on both sides. */
static void expect_bytes(struct __test_metadata *_metadata, FAILING *self,
			 size_t n)
{
	ASSERT_EQ(LENGTH, ws_pread(self->window, self->back, LENGTH, 0));
	ASSERT_EQ(0, memcmp(self->data, self->back, n));
}

/* One call with its @n-th allocation failing. Return: is there one? */
static bool fail_once(struct __test_metadata *_metadata, FAILING *self,
		      const FAILING_VARIANT *variant, unsigned int n)
{
	int before = least_free_descriptor();
	bool failed;
	long ret;

	if (variant->prepare)
		ASSERT_EQ(0, variant->prepare(self));
	ASSERT_EQ(0, fail_nth(self, n));
	ret = variant->act(self);
	failed = has_failed(self);
	fail_nth(self, 0);
	ASSERT_TRUE(ret >= 0 || (failed && (ret == -ENOMEM || ret == -EFAULT ||
					    ret == variant->allowed))) {
		TH_LOG("%ld at allocation %u%s", ret, n,
		       failed ? "" : ", which there is not");
	}
	self->no_memory |= ret == -ENOMEM;
	if (variant->bytes)
		expect_bytes(_metadata, self, ret > 0 ? (__u64)ret : self->written);
	if (variant->undo && (ret >= 0 || variant->always))
		variant->undo(self);
	if (variant->binds)
		expect_resources(_metadata, self, n);
	if (is_bound(self))
		expect_works(_metadata, self, n);
	ASSERT_EQ(before, least_free_descriptor());
	return failed;
}

/* Not all binds are alike: what the kernel has cached is not allocated. */
static unsigned int fail_each(struct __test_metadata *_metadata, FAILING *self,
			      const FAILING_VARIANT *variant)
{
	unsigned int n = 1;

	while (n < MOST && fail_once(_metadata, self, variant, n))
		n++;
	return n - 1;
}

static bool has_none(const FAILING_VARIANT *variant)
{
	return variant->none || (variant->watched && access(LEAKS, F_OK));
}

TEST_F_TIMEOUT(failing, c7_the_nth_allocation, SECONDS)
{
	int rounds = variant->binds ? BIND_ROUNDS : 1;
	unsigned int failed;

	while (rounds--) {
		failed = fail_each(_metadata, self, variant);
		ASSERT_GT(MOST - 1, failed);
		printf("# %u of its allocations and copies fail\n", failed);
		ASSERT_EQ(has_none(variant), !failed);
		ASSERT_LE(variant->tells, self->no_memory);
		ASSERT_LE(variant->least, failed);
	}
}

TEST_HARNESS_MAIN

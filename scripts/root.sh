# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A folder with a Debian system inside, and commands that run there. To be
# sourced after lib.sh and apt.sh.

# apart COMMAND...: as root, with mounts and processes that end with it, however
# it ends.
apart() {
	as_root unshare --mount --pid --fork --kill-child --propagation private \
		-- env XDG_CACHE_HOME="${WS_CACHE%/*}" TMPDIR="${TMPDIR:-/tmp}" \
		"$@"
}

# mount_root FOLDER: what programs expect of a system. For apart.
mount_root() {
	mount -t proc proc "$1/proc"
	mount -t sysfs -o ro sysfs "$1/sys"
	mount -t tmpfs -o mode=755 dev "$1/dev"
	mknod -m 666 "$1/dev/null" c 1 3
	mknod -m 666 "$1/dev/zero" c 1 5
	mknod -m 666 "$1/dev/random" c 1 8
	mknod -m 666 "$1/dev/urandom" c 1 9
	ln -s /proc/self/fd "$1/dev/fd"
	mount -t tmpfs tmp "$1/tmp"
	mount -t tmpfs run "$1/run"
}

# in_root FOLDER COMMAND...: no initial RAM disk for kernels, which takes minutes
# and is not booted.
in_root() {
	local root=$1

	shift
	chroot "$root" /usr/bin/env -i LC_ALL=C.UTF-8 HOME=/root \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		DEBIAN_FRONTEND=noninteractive INITRD=No "$@" </dev/null
}

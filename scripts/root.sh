# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A folder with a Debian system inside, and commands that run there. To be
# sourced after lib.sh and apt.sh.

# ---- making one ----

refresh_if_unknown() {
	[ -n "$(archive_of Debian)" ] || refresh_host_lists
	[ -n "$(archive_of Debian)" ] ||
		die "apt knows no Debian archive on this machine: give" \
		    "/etc/apt a source for \"$(host_suite) main\""
}

# How debootstrap is to check what it gets, as the user has told apt.
trust_options() {
	local fields
	fields=$(trust_of "$1")

	if grep -qi '^trusted: *yes' <<<"$fields"; then
		echo --no-check-gpg
	else
		# A key may also stand in the source itself, which is Debian's.
		sed -n 's/^[Ss]igned-[Bb]y: *\(\/[^ ]*\).*/--keyring=\1/p' \
			<<<"$fields"
	fi
}

# What apt is told of a proxy, debootstrap's wget is to know.
proxy_variables() {
	local PROXY=
	eval "$(apt-config shell PROXY Acquire::http::Proxy)"

	[ -z "$PROXY" ] || echo "http_proxy=$PROXY"
}

# debootstrap_words SUITE FOLDER: its arguments, one a line
debootstrap_words() {
	local uri entry

	command -v debootstrap >/dev/null ||
		die "debootstrap is missing: run scripts/setup test"
	refresh_if_unknown
	read -r uri entry < <(archive_of Debian)
	echo --variant=minbase
	trust_options "$entry"
	printf '%s\n' "$1" "$2" "$uri"
}

# What apt on this machine knows, it has to know there: a key that is the
# user's own, a proxy.
configure_apt() {
	local root=$1 key

	rm -f "$root/etc/apt/sources.list"
	cp "$WS_APT/writesync.sources" "$root/etc/apt/sources.list.d/"
	sed -n 's/^Signed-By: *//p' "$WS_APT/writesync.sources" |
	while read -r key; do
		[ ! -f "$key" ] || [ -e "$root$key" ] ||
			install -D -m 644 "$key" "$root$key"
	done
	cat >"$root/etc/apt/apt.conf.d/90writesync" <<-END
		APT::Install-Recommends "false";
		APT::Keep-Downloaded-Packages "true";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "2";
		Binary::apt::APT::Keep-Downloaded-Packages "true";
	END
	apt-config dump | grep -iE '^Acquire::https?::Proxy' \
		>>"$root/etc/apt/apt.conf.d/90writesync" || true
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/writesync"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
}

# bootstrap SUITE FOLDER LOG: the least there is, whose apt sees what use_apt_for
# has chosen. As root.
bootstrap() {
	local words proxy

	mapfile -t words < <(debootstrap_words "$1" "$2")
	mapfile -t proxy < <(proxy_variables)
	run_logged "$3" env "${proxy[@]}" debootstrap "${words[@]}"
	configure_apt "$2"
}

# ---- using it ----

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
	mkdir "$1/dev/pts" "$1/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=666 devpts "$1/dev/pts"
	ln -s pts/ptmx "$1/dev/ptmx"
	mount -t tmpfs shm "$1/dev/shm"
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

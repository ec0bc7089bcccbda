# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Helpers of the scripts: words to the user, the cache, and apt without
# touching the machine's own apt configuration. To be sourced.

set -eu -o pipefail
shopt -s inherit_errexit

# Non-root users on Debian have no sbin folder in their PATH (depmod).
PATH=$PATH:/usr/sbin:/sbin
# Messages that are parsed must not be translated.
export LC_ALL=C.UTF-8

# shellcheck disable=SC2034 # used by those who source this
WS_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WS_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/writesync
WS_NAME=$(basename "$0")

# ---- words to the user; stdout is kept for results ----

note() {
	printf '%s: %s\n' "$WS_NAME" "$*" >&2
}

die() {
	note "$*"
	exit 1
}

die_usage() {
	note "$*"
	exit 2
}

# progress WHAT PERCENT: one living line on a terminal, one line for every
# tenth part elsewhere.
progress() {
	local tenth=$(($2 / 10))

	if [ -t 2 ]; then
		printf '\r%s: %s %3d %%' "$WS_NAME" "$1" "$2" >&2
		[ "$2" -lt 100 ] || printf '\n' >&2
	elif [ "$1$tenth" != "${WS_PROGRESS:-}" ]; then
		note "$1 $2 %"
		WS_PROGRESS=$1$tenth
	fi
}

# run_logged LOG COMMAND...: the output is for the case that it fails.
run_logged() {
	local log=$1
	shift
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 30 "$log" >&2
		die "failed: $* (the last lines of its output are above)"
	fi
}

# ---- the cache ----
#
# An entry is built aside, on the same file system, and renamed when it is
# complete: an entry that exists is whole, and whatever an interrupted build
# left behind is deleted by the next one. The lock serialises builders.

# with_lock NAME COMMAND...
with_lock() {
	local name=$1
	shift
	mkdir -p "$WS_CACHE/locks"
	(
		exec 9>"$WS_CACHE/locks/$name"
		if ! flock -n 9; then
			note "waiting for another run that prepares $name"
			flock 9
		fi
		"$@" 9>&-
	)
}

# cached KEY BUILDER ARG...: prints the folder of the entry KEY. If there is
# none, "BUILDER FOLDER ARG..." has to fill it.
cached() {
	case $WS_CACHE in
	*[[:space:]:]*)
		die "the cache folder \"$WS_CACHE\" has a space or a colon in" \
		    "its name, which make and QEMU cannot bear: set" \
		    "XDG_CACHE_HOME to another folder" ;;
	esac
	if ! [ -d "$WS_CACHE/$1" ]; then
		with_lock "$1" fill_entry "$@" >&2
	fi
	echo "$WS_CACHE/$1"
}

fill_entry() {
	local key=$1 builder=$2 part=$WS_CACHE/.part-$1
	shift 2
	if ! [ -d "$WS_CACHE/$key" ]; then
		rm -rf "$part"
		mkdir -p "$part"
		"$builder" "$part" "$@"
		mv -T "$part" "$WS_CACHE/$key"
	fi
}

# remember NAME VALUE: what a name resolved to, so that warm runs need neither
# the network nor apt; recall NAME prints it.
remember() {
	mkdir -p "$WS_CACHE/resolved"
	printf '%s\n' "$2" >"$WS_CACHE/resolved/.$1.$$"
	mv -T "$WS_CACHE/resolved/.$1.$$" "$WS_CACHE/resolved/$1"
}

recall() {
	cat "$WS_CACHE/resolved/$1" 2>/dev/null
}

hash_of() {
	sha256sum | cut -c1-12
}

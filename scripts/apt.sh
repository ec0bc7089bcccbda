# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A private apt: other suites, and source packages, from the mirror this
# machine already uses, with lists and sources of its own in the cache. The
# machine's configuration is read and never changed. To be sourced after
# lib.sh.

# The Debian release of this machine: bookworm, trixie, ...
host_suite() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "${VERSION_CODENAME:?}")
}

# The one table of what comes from where: TYPE SUITE...
origin_of() {
	case $1 in
	qemu)
		echo "deb-src $(host_suite) $(host_suite)-security" ;;
	system)
		# Backports have kernels of another series than the release.
		echo "deb $(host_suite) $(host_suite)-security" \
			"$(host_suite)-backports" ;;
	host-*)
		echo "deb ${1#host-} ${1#host-}-security" ;;
	promtool)
		echo "deb $(host_suite) $(host_suite)-security" ;;
	6.1)
		echo "deb bookworm bookworm-security" ;;
	6.12)
		# As built for this machine's compiler where there is one.
		if [ "$(host_suite)" = bookworm ]; then
			echo "deb bookworm-security bookworm-backports"
		else
			echo "deb trixie trixie-security"
		fi ;;
	7.3)
		echo "deb trixie-backports" ;;
	*)
		return 1 ;;
	esac
}

# as_root COMMAND...: for the few commands that change the machine.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "\"$*\" needs root: run this as root, or install sudo"
	fi
}

refresh_host_lists() {
	note "refreshing the package lists (apt-get update, some seconds)"
	run_logged "$(log_file)" \
		as_root apt-get -q -o Acquire::Retries=2 update
}

log_file() {
	mkdir -p "$WS_CACHE"
	echo "$WS_CACHE/last-command.log"
}

# The fields Signed-By and Trusted, as deb822, of a source named as apt does
# (FILE:STANZA or FILE:LINE), so that the private source is checked with the
# very key that the user trusts.
trust_of() {
	local file=${1%:*} number=${1##*:}

	case $file in
	*.sources)
		awk -v number="$number" '
		/^[[:space:]]*$/ { inside = 0; next }
		/^#/ { next }
		!inside { inside = 1; stanza++ }
		/^[^[:space:]]/ {
			wanted = tolower($0) ~ /^(signed-by|trusted):/
		}
		stanza == number && wanted' "$file" ;;
	*)
		sed -n "${number}s/^[^[]*\[\([^]]*\)\].*/\1/p" "$file" |
		tr ' ' '\n' |
		sed -n -e 's/^signed-by=/Signed-By: /p' \
			-e 's/^trusted=/Trusted: /p' ;;
	esac
}

# archive_of LABEL: the place this machine gets that archive from, and the
# source that says so; nothing if there is none.
archive_of() {
	# shellcheck disable=SC2016 # apt's variables, not the shell's
	apt-get indextargets --format '$(REPO_URI) $(SOURCESENTRY)' \
		"Created-By: Packages" "Origin: Debian" "Label: $1" |
	sed -n 1p
}

# write_source TYPE LABEL SUITE...: a stanza for the suites, at the place this
# machine gets the archive called LABEL from.
write_source() {
	local type=$1 label=$2 found uri entry
	shift 2
	[ $# -gt 0 ] || return 0
	found=$(archive_of "$label")
	[ -n "$found" ] || return 0
	read -r uri entry <<<"$found"
	printf '%s\n' "Types: $type" "URIs: $uri" "Suites: $*" \
		"Components: main" "Architectures: amd64"
	trust_of "$entry"
	printf '\n'
}

# write_sources TYPE SUITE...
write_sources() {
	local type=$1 main=() security=() suite
	shift
	for suite in "$@"; do
		case $suite in
		*-security) security+=("$suite") ;;
		*) main+=("$suite") ;;
		esac
	done
	write_source "$type" Debian "${main[@]}"
	write_source "$type" Debian-Security "${security[@]}"
}

# use_apt_for NAME: makes private_apt and private_cache see the suites of NAME.
use_apt_for() {
	local sources origin

	origin=$(origin_of "$1") ||
		die "\"$1\" is not in the table of $WS_TOP/scripts/apt.sh"
	# shellcheck disable=SC2086 # a list of words
	sources=$(write_sources $origin)
	if [ -z "$sources" ]; then
		refresh_host_lists
		# shellcheck disable=SC2086
		sources=$(write_sources $origin)
	fi
	[ -n "$sources" ] ||
		die "apt knows no Debian archive on this machine" \
		    "(\"apt-get indextargets\" lists none):" \
		    "give /etc/apt a source for \"$(host_suite) main\""
	WS_APT=$WS_CACHE/apt-$1
	WS_APT_OPTIONS=(
		-q
		-o Dir::Etc::SourceList="$WS_APT/writesync.sources"
		-o Dir::Etc::SourceParts=/dev/null
		-o Dir::Etc::Preferences=/dev/null
		-o Dir::Etc::PreferencesParts=/dev/null
		-o Dir::State::Lists="$WS_APT/lists"
		-o Dir::Cache="$WS_APT/cache"
		-o APT::Default-Release=
		-o APT::Sandbox::User=
		-o Acquire::Languages=none
		-o Acquire::Retries=2
	)
	with_lock "apt-$1" update_private_lists "$sources"
}

# Lists that are older than an hour may name files that are gone.
update_private_lists() {
	mkdir -p "$WS_APT/lists/partial" "$WS_APT/cache/archives/partial"
	if [ "$1" != "$(cat "$WS_APT/writesync.sources" 2>/dev/null)" ] ||
	   [ -z "$(find "$WS_APT/updated" -mmin -60 2>/dev/null)" ]; then
		rm -f "$WS_APT/updated"
		printf '%s\n' "$1" >"$WS_APT/writesync.sources"
		run_logged "$WS_APT/log" private_apt update
		touch "$WS_APT/updated"
	fi
}

private_apt() {
	apt-get "${WS_APT_OPTIONS[@]}" "$@"
}

private_cache() {
	apt-cache "${WS_APT_OPTIONS[@]}" "$@"
}

# newest_version PREFIX PACKAGE...: "PACKAGE VERSION" of the newest one whose
# version begins with PREFIX; fails if there is none.
newest_version() {
	local prefix=$1 best='' bar package version rest
	shift
	while read -r package bar version rest; do
		: "$bar $rest"
		if [ "${version#"$prefix"}" != "$version" ] &&
		   dpkg --compare-versions "$version" gt "${best#* }"; then
			best="$package $version"
		fi
	done < <(private_cache madison "$@" 2>/dev/null)
	[ -n "$best" ] && echo "$best"
}

# download FOLDER PACKAGE=VERSION...: .deb files, not installed.
download() {
	local folder=$1
	shift
	if ! (cd "$folder" && run_logged "$WS_APT/log" \
	      private_apt -y download "$@"); then
		# Perhaps the lists were too old: the next run refreshes them.
		rm -f "$WS_APT/updated"
		exit 1
	fi
}

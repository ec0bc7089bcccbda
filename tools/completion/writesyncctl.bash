# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bash completion of writesyncctl: commands, options and their values, windows,
# files. Needs nothing of the package bash-completion.

# The windows that there are, by name; an address is found by -w 0<Tab>.
_writesyncctl_windows() {
	local dir device

	for dir in /sys/class/writesync/writesync*; do
		[ -d "$dir" ] || continue
		echo "${dir##*/}"
		device=$(readlink "$dir/device") && echo "${device##*/}"
	done
}

# Addresses of PCI functions; $1: only those of the driver.
_writesyncctl_functions() {
	local folder=/sys/bus/pci/${1:-devices} function

	for function in "$folder"/*:*; do
		[ -e "$function" ] && echo "${function##*/}"
	done
}

# _writesyncctl_options COMMAND
_writesyncctl_options() {
	case $1 in
	list) echo --json --help ;;
	info) echo --window --json --help ;;
	write) echo --window --offset --sync --timeout --verify --json --help ;;
	read) echo --window --offset --length --help ;;
	sync) echo --window --timeout --verify --json --help ;;
	stat)
		echo --window --watch --count --openmetrics --output --json \
			--help ;;
	bind|rebind)
		echo --bar --confirm --readback-offset --width --cache \
			--replace --save --config --json --help ;;
	unbind) echo --save --config --json --help ;;
	apply) echo --config --json --help ;;
	esac
}

# Colons part words for bash: what is before the last one stands already.
_writesyncctl_reply() {
	local i before=${2%"${2##*:}"}

	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
	[[ $COMP_WORDBREAKS == *:* ]] || return
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$before"}
	done
}

# The word that is being typed, colons and all, and the one before it: bash
# has cut 0000:01:00.0 in pieces.
_writesyncctl_words() {
	local line=${COMP_LINE:0:COMP_POINT}

	cur=${line##*[[:space:]=]}
	line=${line%"$cur"}
	line=${line%=}
	line=${line%"${line##*[![:space:]]}"}
	prev=${line##*[[:space:]]}
}

# A window comes first, if at all; files are added to what there is.
_writesyncctl_files() {
	local files

	compopt -o filenames 2>/dev/null
	mapfile -t files < <(compgen -f -- "$1")
	COMPREPLY+=("${files[@]}")
}

_writesyncctl() {
	local cur prev command=${COMP_WORDS[1]}
	local commands="list info write read sync stat bind unbind rebind apply
		help version"

	COMPREPLY=()
	_writesyncctl_words
	if [ "$COMP_CWORD" -eq 1 ]; then
		_writesyncctl_reply "$commands --help --version" "$cur"
		return
	fi
	case $prev in
	-w|--window)
		_writesyncctl_reply "$(_writesyncctl_windows)" "$cur"
		return ;;
	-t|--timeout)
		_writesyncctl_reply "none 100ms 1s 10s" "$cur"
		return ;;
	-b|--bar)
		_writesyncctl_reply "0 1 2 3 4 5" "$cur"
		return ;;
	-m|--confirm)
		_writesyncctl_reply "window sentinel config pending" "$cur"
		return ;;
	-a|--width)
		_writesyncctl_reply "1 2 4 8" "$cur"
		return ;;
	-k|--cache)
		_writesyncctl_reply "wc uc" "$cur"
		return ;;
	-f|--config)
		_writesyncctl_files "$cur"
		return ;;
	-M|--openmetrics)
		_writesyncctl_reply "strict $(_writesyncctl_windows)" "$cur"
		return ;;
	-O|--output)
		_writesyncctl_files "$cur"
		return ;;
	-o|--offset|-l|--length|-c|--count|-r|--readback-offset)
		return ;;
	esac
	case $command:$cur in
	*:-?*)
		_writesyncctl_reply "$(_writesyncctl_options "$command")" \
			"$cur" ;;
	help:*)
		_writesyncctl_reply "$commands" "$cur" ;;
	info:*|sync:*|stat:*)
		_writesyncctl_reply "$(_writesyncctl_windows)" "$cur" ;;
	bind:*|apply:*)
		_writesyncctl_reply "$(_writesyncctl_functions)" "$cur" ;;
	unbind:*|rebind:*)
		_writesyncctl_reply \
			"$(_writesyncctl_functions drivers/writesync)" "$cur" ;;
	write:*|read:*)
		_writesyncctl_reply "$(_writesyncctl_windows)" "$cur"
		_writesyncctl_files "$cur" ;;
	esac
}

complete -F _writesyncctl writesyncctl

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317 # whose variables, and who calls: test-packages
# A system with our packages boots with systemd: does /etc/writesync/devices.conf
# hold at each boot, and for what is plugged in later? Each boot is a virtual
# machine's, where scripts/boot-inside says what it finds. To be sourced by
# scripts/test-packages.

# A driver has the first one; the other one, and what is plugged in, have none.
# shellcheck disable=SC2054 # commas of QEMU's
BOOT_DEVICES=(
	--device pcie-root-port,id=rp0,bus=pcie.0,chassis=1,slot=1
	--device nvme,serial=1,cmb_size_mb=16,addr=5.0
	--device pci-testdev,membar=1M,addr=6.0
)

# ---- the system ----

# make_boot_disk: from a copy of the system, as what systemd leaves behind is not
# the packages'; without what is big and has no part in it. A disk, as systemd
# takes minutes to boot from a folder of the host's under emulation.
make_boot_disk() {
	local boot=$out/boot-root

	mkdir "$boot" &&
	tar -C "$root" --one-file-system --numeric-owner -c \
		--exclude='./usr/src/*' --exclude='./usr/lib/gcc*' \
		--exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*' \
		--exclude='./usr/include/*' \
		--exclude='./var/cache/apt/archives/linux-*' . |
		tar -C "$boot" --numeric-owner -x || return 1
	mount_root "$boot"
	in_root "$boot" apt-get -q -y install systemd || return 1
	umount -R "$boot"/{proc,sys,dev,tmp,run} || return 1
	rm -rf "$boot"/var/{cache/apt,lib/apt/lists}
	add_modules "$boot/lib/modules/$release" &&
	depmod -b "$boot" "$release" || return 1
	quieten "$boot/etc/systemd"
	cp "$top/scripts/boot-inside" "$boot/var/"
	mke2fs -q -t ext4 -d "$boot" "$out/boot-disk" 1G &&
	rm -rf "$boot"
}

# add_modules FOLDER: the driver of the device that shall lose it, and what that
# needs
add_modules() {
	local kind path

	while read -r kind path _; do
		[ "$kind" = insmod ] || continue
		install -D -m 644 "$path" \
			"$1/kernel/${path#*"/$release/kernel/"}" || return 1
	done < <(modprobe -d "$system/image" -S "$release" --show-depends nvme)
	ls "$1/kernel/drivers/nvme/host"/nvme.ko*
}

# quieten FOLDER: nobody logs in, nothing is done by the clock, and no log is kept
quieten() {
	local unit

	mkdir -p "$1/journald.conf.d"
	printf '[Journal]\nStorage=volatile\n' >"$1/journald.conf.d/test.conf"
	for unit in systemd-logind.service getty.target timers.target \
			e2scrub_reap.service modprobe@.service; do
		ln -sf /dev/null "$1/system/$unit"
	done
}

# ---- the host's side of a boot ----

# qmp SOCKET COMMAND JSON: its arguments
qmp() {
	python3 - "$@" <<-'PYTHON'
		import json, socket, sys
		control = socket.socket(socket.AF_UNIX)
		control.settimeout(60)
		control.connect(sys.argv[1])
		lines = control.makefile("rw")
		lines.readline()
		for name, words in ("qmp_capabilities", "{}"), sys.argv[2:4]:
		    print(json.dumps({"execute": name,
		                      "arguments": json.loads(words)}),
		          file=lines, flush=True)
		    answer = {"event": ""}
		    while "event" in answer:
		        answer = json.loads(lines.readline())
		sys.exit(str(answer["error"]) if "error" in answer else 0)
	PYTHON
}

# plug SOCKET: the one that was unplugged may need a moment to go.
plug() {
	local i

	for ((i = 0; i < 50; i++)); do
		qmp "$1" device_add '{"driver": "pci-testdev", "membar": 1048576,
			"bus": "rp0", "id": "plugged"}' && return
		sleep 0.2
	done
}

# obey PID FILE SOCKET: does what FILE asks for, until process PID ends
obey() {
	local done=0 wish

	while kill -0 "$1" 2>/dev/null; do
		wish=$(grep '^host: ' "$2" | sed -n "$((done + 1))p")
		case $wish in
		'host: plug') plug "$3" ;;
		'host: unplug') qmp "$3" device_del '{"id": "plugged"}' ;;
		*) sleep 0.2; continue ;;
		esac
		done=$((done + 1))
	done
}

# Runs in the machine, for one boot after the other: systemd becomes the first
# process of a world of its own, as the first one of all is the machine's;
# boot-inside is called there; and the devices become what they were.
# shellcheck disable=SC2016 # the other shell's variables
BOOT_STARTER='
	boot() {
		echo "=== $1"
		unshare -m -p -f chroot /root/disk /lib/systemd/systemd \
			</dev/null >/dev/null 2>&1 &
		until init=$(cat "/proc/$!/task/$!/children") &&
		      init=${init% } &&
		      [ -S "/proc/$init/root/run/systemd/private" ]; do
			sleep 0.2
		done 2>/dev/null
		nsenter -t "$init" -m -p -r -w /bin/bash /var/boot-inside "$1"
		kill -9 "$init"
		wait
		rmmod writesync
		rm -rf /dev/writesync
		for address in 0000:00:05.0 0000:00:06.0; do
			echo 1 >"/sys/bus/pci/devices/$address/remove"
		done
		echo 1 >/sys/bus/pci/rescan
	}
	modprobe -a virtio_blk ext4 && mkdir /root/disk &&
	mount /dev/vda /root/disk || exit
	cd /
	for name; do
		boot "$name"
	done
	umount /root/disk'

# boots FILE NAME...: what they say goes to FILE
boots() {
	local file=$out/$1 folder vm status

	shift
	: >"$file"
	# The name of a socket must not be long.
	folder=$(mktemp -d)
	"$top/qemu/vm" run --kernel "$system/vmlinuz" --no-module \
		--kernel-args systemd.show_status=0 --qmp "$folder/qmp" \
		"${BOOT_DEVICES[@]}" --device virtio-blk-pci,drive=disk \
		--qemu-arg -drive --qemu-arg \
		"id=disk,file=${out//,/,,}/boot-disk,format=raw,if=none,cache=unsafe" \
		--timeout 400 -- sh -c "$BOOT_STARTER" sh "$@" \
		>"$file" 2>"$file.errors" &
	vm=$!
	obey "$vm" "$file" "$folder/qmp"
	wait "$vm"
	status=$?
	rm -rf "$folder"
	cat "$file" "$file.errors"
	return "$status"
}

# ---- what was found ----

# said BOOT PATTERN...: each is a line of it, in this order
said() {
	local boot=$1 line

	shift
	while [ $# -gt 0 ] && read -r line; do
		[[ ! $line =~ ^$1$ ]] || shift
	done < <(awk -v boot="$boot" \
		'/^=== / { inside = $2 == boot } inside' "$out"/boot-said.?)
	[ $# -gt 0 ] || return 0
	echo "\"$1\" is not, or not where it should be, in:"
	cat "$out"/boot-said.?
	return 1
}

# A name for each of the three, see boot-inside.
BOOT_NVME=0000:00:05.0
BOOT_BOARD=0000:00:06.0
BOOT_SLOT=0000:01:00.0

# bound ADDRESS WIDTH READBACK: the lines that say so, for said
bound() {
	printf '%s\n' "$1 driver writesync" \
		"$1 bar 2 width $2 readback $3" \
		"$1 node root writesync 660 character special file"
}

test_boot() {
	local conf=/etc/writesync/devices.conf nvme board slot

	mapfile -t nvme < <(bound "$BOOT_NVME" 8 none)
	mapfile -t board < <(bound "$BOOT_BOARD" 4 0x1000)
	mapfile -t slot < <(bound "$BOOT_SLOT" 2 none)
	try a_disk_to_boot_from_is_made make_boot_disk
	try systemd_boots_with_the_packages boots boot-said.1 new
	try at_boot_nothing_is_bound_without_a_configuration said new \
		"system running" "service enabled inactive" \
		"$BOOT_NVME driver nvme" "$BOOT_NVME no link" \
		"$BOOT_BOARD driver none" "$BOOT_BOARD no link"
	try a_person_binds_two_devices_for_good said new \
		"by hand" "${nvme[@]}" "${board[@]}"
	try systemd_boots_again boots boot-said.2 again changed disabled
	try at_boot_the_same_is_bound said again "system running" \
		"service enabled active" "${nvme[@]}" "${board[@]}" arrived
	try at_boot_an_absent_device_is_told said again \
		"service: .*$conf:7: there is no PCI device at $BOOT_SLOT now"
	try what_is_plugged_in_is_bound said again \
		"host: plug" "${slot[@]}" "$BOOT_SLOT gone"
	try what_is_plugged_in_again_is_bound_again said again \
		"$BOOT_SLOT gone" "host: plug" "${slot[@]}" "$BOOT_SLOT gone"
	try at_boot_a_mistake_is_told_with_its_line said changed \
		"failed writesync.service" "service enabled failed" \
		"service: .*$conf:7: there is no option \"colour\""
	try a_mistake_lets_nothing_be_bound said changed \
		"$BOOT_NVME driver nvme" "$BOOT_BOARD driver none" \
		"host: plug" "$BOOT_SLOT driver none"
	try without_the_mistake_the_others_are_bound said changed \
		repaired "${nvme[@]}" "${slot[@]}"
	try what_has_no_line_any_more_is_not_bound said changed \
		repaired "$BOOT_BOARD driver none" "$BOOT_BOARD no link"
	try a_disabled_service_binds_nothing_at_boot said disabled \
		"system running" "service disabled inactive" \
		"$BOOT_NVME driver nvme" "$BOOT_NVME no link"
	try a_disabled_service_binds_nothing_that_is_plugged_in said disabled \
		"host: plug" "$BOOT_SLOT driver none" "$BOOT_SLOT no link" \
		"system running"
	try an_enabled_service_binds_what_is_there said disabled \
		enabled "${nvme[@]}" "${slot[@]}"
	rm -f "$out/boot-disk"
}

# SPDX-License-Identifier: GPL-2.0
# What a person can build; Kbuild is what the kernel's build system reads.

# The kernel to build against: KERNEL=6.1, 6.12 or 7.3 takes the distribution's
# own from the cache (fetched if need be), KDIR= any build folder. LLVM=1 takes
# clang, as for the kernel itself.
KERNEL ?=
ifneq ($(KERNEL),)
KDIR = $$(scripts/kernel $(KERNEL))/build
else
KDIR ?= /lib/modules/$(shell uname -r)/build
endif

# Example: make demo FILE=/path/to/a/file. It goes by the environment, so that
# no character of the name means anything to a shell (to make, $ does).
FILE ?=
export FILE

# For test: names of stages, as scripts/test prints them; all if empty.
STAGES ?=

# What runs on the kernels that watch, and what takes too long for every day.
STAGES_DEBUG := selftests-debug selftests-debug-plain hung-debug \
	hung-debug-link selftests-debug-timed selftests-kcsan selftests-kcsan-more \
	kunit kunit-kcsan watchers fuzz fuzz-posted sizes \
	device-fuzz-sanitizers removal-debug removal-debug-locks \
	recovery-debug recovery-refused-debug power-debug \
	hotplug-debug 8g-debug huge-pages-debug not-prefetchable-debug \
	selftests-ivshmem-all

# All there is on each of Debian's kernels.
KERNELS = $(shell scripts/kernel --list)
STAGES_KERNELS = $(foreach test,selftests timing removal hotplug recovery power,\
	$(KERNELS:%=$(test)-%)) clang

# For stress and fuzz: how long, and what they choose by.
SECONDS ?=
SEED ?=
export SEED

# For fuzz and removal: how many machines side by side; each uses little more than
# one processor. What is to be done is shared among them. {} is which one it is.
JOBS ?= 1
SIDE_BY_SIDE = [ "$(JOBS)" -ge 1 ] || { \
	echo 'JOBS="$(JOBS)": say a number of machines, at least 1' >&2; \
	exit 2; }; seq $(JOBS) | xargs -P $(JOBS) -I{} sh -c
SHARE = $$((($(1) + $(JOBS) - 1) / $(JOBS)))
OF_JOB = $(if $(filter-out 1,$(JOBS)),-{})

# For removal, recovery and power: how often; for bench, too.
CYCLES ?=
ROUNDS ?=
MANY = WRITESYNC_CYCLES=$(or $(CYCLES),$(1))

# What programs and their users need. Each folder's Makefile has all, install
# and clean; DESTDIR, prefix and the compiler's variables mean the usual things
# (see scripts/install.mk).
PARTS := lib tools Documentation/man udev systemd
UNINSTALL := $(CURDIR)/build/uninstall

# For install-module: what stands before /lib/modules.
INSTALL_MOD_PATH ?= $(DESTDIR)
INSTALL_MODULE = kdir="$(KDIR)" && INSTALL_MOD_PATH="$(INSTALL_MOD_PATH)" \
	scripts/install-module

.DEFAULT_GOAL := module
.PHONY: module demo demo-framebuffer lib tools man user install \
	install-strip uninstall install-module uninstall-module dist deb \
	test lint test-kernels test-debug coverage device-test vm-test \
	selftests stress fio fuzz device-fuzz bench mutants removal recovery \
	power qemu setup clean distclean help

module: ## build writesync.ko (KDIR=build folder, default: running kernel's)
	@kdir="$(KDIR)" && scripts/build-module "$$kdir" $(if $(W),W=$(W)) \
		$(if $(C),C=$(C)) $(if $(LLVM),LLVM=$(LLVM))

demo: ## write a file (FILE=path) into device memory and prove that it arrived
	@scripts/demo --check
	@scripts/setup demo
	@scripts/demo

demo-framebuffer: ## draw on a display adapter's memory; takes a screenshot
	@scripts/setup demo
	@scripts/demo-framebuffer

lib: ## build libwritesync, static and shared
	@$(MAKE) --no-print-directory -C lib all

tools: lib ## build writesyncctl
	@$(MAKE) --no-print-directory -C tools all

man: ## make the man pages ready
	@$(MAKE) --no-print-directory -C Documentation/man all

user: lib tools man ## build all that install installs

install: user ## install these, headers, udev's rules (prefix=, DESTDIR=)
	@set -e; for part in $(PARTS); do \
		$(MAKE) --no-print-directory -C $$part install; done

install-strip: ## install without symbols for a debugger
	@$(MAKE) --no-print-directory install INSTALL_PROGRAM="$(or \
		$(INSTALL_PROGRAM),install) -s"

# What an installation puts somewhere is what there is to remove.
uninstall: user ## remove what install installed (same prefix=, DESTDIR=)
	@rm -rf "$(UNINSTALL)"
	@set -e; for part in $(PARTS); do $(MAKE) --no-print-directory -s \
		-C $$part install DESTDIR="$(UNINSTALL)"; done
	@cd "$(UNINSTALL)" && find . ! -type d | cut -c2- | \
		while IFS= read -r file; do rm -fv "$(DESTDIR)$$file"; done
	@rm -rf "$(UNINSTALL)"

install-module: ## build and install the module (KDIR=, INSTALL_MOD_PATH=)
	@$(INSTALL_MODULE) "$$kdir"

uninstall-module: ## remove what install-module installed (same variables)
	@$(INSTALL_MODULE) --remove "$$kdir"

dist: ## the release of the last commit: build/writesync-VERSION.tar.xz
	@scripts/dist

deb: ## Debian packages, the module by DKMS: build/deb/
	@scripts/setup deb
	@scripts/deb

test: ## everything: build, lint, all tests on all kernels (STAGES=: some)
	@scripts/setup test
	@scripts/test $(STAGES)

lint: ## checkpatch --strict, sparse, W=1, cppcheck, shellcheck, mandoc
	@scripts/setup lint
	@scripts/lint

test-kernels: ## all selftests on all kernels of Debian: 6.1, 6.12 and 7.3
	@scripts/setup test
	@scripts/test $(STAGES_KERNELS)

test-debug: ## all selftests, KUnit, fuzzing on the kernels that watch the module
	@scripts/setup test
	@scripts/test $(STAGES_DEBUG)

coverage: ## which lines and branches ran in all tests: build/coverage/
	@scripts/setup test
	@scripts/coverage

device-test: ## tests of the virtual devices through qtest, without a kernel
	@scripts/setup demo
	@qemu/tests/device_test

vm-test: ## tests of qemu/vm
	@scripts/setup demo
	@qemu/tests/vm_test

selftests: ## build the kselftests and run them in the VM (KERNEL=6.1, 6.12, 7.3, debug)
	@scripts/setup test
	@scripts/selftest $(or $(KERNEL),6.1)

stress: ## twelve processes, one window (SECONDS=60, SEED=, KERNEL=6.12)
	@scripts/setup test
	@scripts/test-stress $(or $(SECONDS),60) $(or $(KERNEL),6.12)

fio: ## fio writes and verifies in the VM (KERNEL=6.12)
	@scripts/setup test
	@scripts/test-fio $(or $(KERNEL),6.12)

fuzz: ## fuzz all calls, 2 million or SECONDS=, on the debug kernel (SEED=, JOBS=)
	@scripts/setup test
	@export SEED=$${SEED:-$$(date +%s)}; $(SIDE_BY_SIDE) ' \
		OUTPUT="$(CURDIR)/build/fuzz$(OF_JOB)" \
		SAVE="$${SAVE:+$$SAVE$(OF_JOB)}" \
		CALLS=$(if $(SECONDS),,$(call SHARE,2000000)) \
		scripts/fuzz $(or $(SECONDS),0) $$((SEED + {} - 1))'

removal: ## unbind and remove 1000 times, or CYCLES=, under load (KERNEL=debug, JOBS=)
	@scripts/setup test
	@$(SIDE_BY_SIDE) 'PROGRAMS="gone removal" \
		WRITESYNC_CYCLES=$(call SHARE,$(or $(CYCLES),1000)) \
		scripts/test-removal $(or $(KERNEL),debug) --timeout 36000'

bench: ## measure it and what else there is: build/bench (ROUNDS=9, SEED=1)
	@scripts/setup bench
	@scripts/bench $(or $(ROUNDS),9) $(or $(SEED),1)

device-fuzz: ## fuzz the virtual devices, with sanitizers (SECONDS=120)
	@scripts/setup test
	@qemu/tests/device_fuzz --sanitizers --seconds $(or $(SECONDS),120)

mutants: ## break the module in known ways: does some test notice each? (NAMES=)
	@scripts/setup test
	@scripts/test-mutants $(NAMES)

recovery: ## 200 errors, or CYCLES=, and the recoveries from them (KERNEL=debug)
	@scripts/setup test
	@$(call MANY,200) scripts/test-recovery $(or $(KERNEL),debug)

power: ## 20 suspends to RAM, or CYCLES=, with open files (KERNEL=debug)
	@scripts/setup test
	@$(call MANY,20) scripts/test-power $(or $(KERNEL),debug)

qemu: ## build QEMU with the virtual devices; prints its path
	@scripts/setup demo
	@qemu/build

setup: ## install and fetch all that demo, lint and test need
	@scripts/setup test

clean: ## remove what was built in this folder
	rm -rf build

distclean: clean ## also remove the cache of kernels and QEMU
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/writesync"

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))

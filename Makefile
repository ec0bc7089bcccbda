# SPDX-License-Identifier: GPL-2.0
# What a person can build; Kbuild is what the kernel's build system reads.

# The kernel to build against: KERNEL=6.1 or 6.12 takes the distribution's own
# from the cache (fetched if need be), KDIR= any build folder.
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

.DEFAULT_GOAL := module
.PHONY: module demo test lint device-test vm-test selftests qemu setup clean \
	distclean help

module: ## build writesync.ko (KDIR=build folder, default: running kernel's)
	@kdir="$(KDIR)" && scripts/build-module "$$kdir" $(if $(W),W=$(W)) \
		$(if $(C),C=$(C))

demo: ## write a file (FILE=path) into device memory and prove that it arrived
	@scripts/demo --check
	@scripts/setup demo
	@scripts/demo

test: ## everything: build, lint, device tests, selftests on 6.1 and 6.12
	@scripts/setup test
	@scripts/test

lint: ## checkpatch --strict, sparse, W=1, cppcheck, shellcheck
	@scripts/setup lint
	@scripts/lint

device-test: ## tests of the virtual devices through qtest, without a kernel
	@scripts/setup demo
	@qemu/tests/device_test

vm-test: ## tests of qemu/vm
	@scripts/setup demo
	@qemu/tests/vm_test

selftests: ## build the kselftests and run them in the VM (KERNEL=6.1 or 6.12)
	@scripts/setup test
	@scripts/selftest $(or $(KERNEL),6.1)

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
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))

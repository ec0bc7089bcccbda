# SPDX-License-Identifier: GPL-2.0
"""What the guest boots with: a kernel, and an initramfs made for one run."""

import fcntl
import lzma
import os
import shlex
import stat
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUSYBOX = "/bin/busybox"
# Loaded before anything else, with what they depend on. A kernel that has
# them built in has no such modules, and that is fine.
DRIVERS = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p")


class Problem(Exception):
    """Told to the user in one line."""


class Failure(Problem):
    """Not the user's mistake."""


class Kernel:
    """An image, and what belongs to it (None where it is missing)."""

    def __init__(self, image, modules, build):
        self.image = image
        self.modules = modules
        self.build = build


def find_kernel(name):
    """NAME as scripts/kernel knows it, or the path of an image."""
    if os.path.isfile(name):
        return kernel_of_image(name)
    if "/" in name:
        raise Problem(f'--kernel "{name}": no such file')
    command = [f"{TOP}/scripts/kernel", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 2):
        raise Failure(f"Linux {name} could not be fetched (see above)")
    if done.returncode:
        raise Problem(f'--kernel "{name}": there is no such file, and '
                      "scripts/kernel has none of that name (see above)")
    folder = done.stdout.strip()
    image = f"{folder}/vmlinux"
    if not os.path.exists(image):
        image = f"{folder}/vmlinuz"
    return Kernel(image, f"{folder}/modules", f"{folder}/build")


def kernel_of_image(image):
    """Beside DIR/IMAGE: DIR/modules, DIR/build; for /boot: /lib/modules."""
    folder, base = os.path.split(os.path.abspath(image))
    installed = "/lib/modules/" + base.partition("-")[2]
    modules, build = f"{folder}/modules", f"{folder}/build"
    if not os.path.isdir(modules) and folder == "/boot":
        modules, build = installed, f"{installed}/build"
    return Kernel(image,
                  modules if os.path.isdir(modules) else None,
                  build if os.path.isdir(build) else None)


# ---- kernel modules ----

def module_name(path):
    return os.path.basename(path).partition(".ko")[0].replace("-", "_")


def with_dependencies(modules, wanted):
    """Paths of the wanted modules, each after those it depends on."""
    needs, paths = {}, {}
    with open(f"{modules}/modules.dep") as lines:
        for line in lines:
            path, _, dependencies = line.partition(":")
            needs[path] = dependencies.split()
            paths[module_name(path)] = path
    order = []
    for name in wanted:
        path = paths.get(name)
        if path:
            # depmod lists the nearest first.
            for each in needs[path][::-1] + [path]:
                if each not in order:
                    order.append(each)
    return [f"{modules}/{path}" for path in order]


def read_module(path):
    if path.endswith(".xz"):
        with lzma.open(path) as file:
            return file.read()
    if path.endswith((".zst", ".gz")):
        command = ["zstd" if path.endswith(".zst") else "gzip", "-dc", path]
        return subprocess.run(command, check=True,
                              stdout=subprocess.PIPE).stdout
    with open(path, "rb") as file:
        return file.read()


def build_writesync(kernel):
    """Brings writesync.ko for that kernel up to date and returns it."""
    if not kernel.build:
        raise Problem(f"{kernel.image} has no folder \"build\" beside it to "
                      "build writesync for it: give one, or say --no-module")
    command = [f"{TOP}/scripts/build-module", kernel.build, "-s"]
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Failure("writesync does not build:\n"
                      + done.stderr.decode(errors="replace").rstrip())
    path = done.stdout.decode().splitlines()[-1]
    # Another run may be building it again.
    with open(f"{os.path.dirname(path)}/.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        return read_module(path)


# ---- the initramfs ----

class Archive:
    """A cpio archive as the kernel reads it ("newc")."""

    def __init__(self):
        self.parts = []
        self.count = 0

    def add(self, name, mode, data=b""):
        self.count += 1
        path = os.fsencode(name) + b"\0"
        fields = (self.count, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
                  len(path), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields)
        self.parts.append(padded(head + path) + padded(data))

    def add_file(self, name, data, mode=0o644):
        self.add(name, stat.S_IFREG | mode, data)

    def add_folder(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def add_link(self, name, target):
        self.add(name, stat.S_IFLNK | 0o777, os.fsencode(target))

    def finish(self):
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)


def padded(data):
    return data + bytes(-len(data) % 4)


def add_busybox(archive):
    with open(BUSYBOX, "rb") as file:
        archive.add_file("bin/busybox", file.read(), 0o755)
    applets = subprocess.run([BUSYBOX, "--list"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.split()
    for applet in applets:
        if applet != "busybox":
            archive.add_link(f"bin/{applet}", "busybox")


def add_tree(archive):
    for name in ("bin", "dev", "etc", "lib", "lib/modules", "proc", "root",
                 "run", "sys", "tmp", "usr", "ws", "ws/drivers"):
        archive.add_folder(name)
    archive.add_link("sbin", "bin")
    archive.add_link("usr/bin", "../bin")
    archive.add_link("usr/sbin", "../bin")
    archive.add_file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    archive.add_file("etc/group", b"root:x:0:\n")


def initramfs(kernel, config, argv, shares, module):
    """All of it; config goes to qemu/init as shell variables."""
    archive = Archive()
    add_tree(archive)
    add_busybox(archive)
    with open(f"{TOP}/qemu/init", "rb") as file:
        archive.add_file("init", file.read(), 0o755)
    drivers = []
    if kernel.modules:
        drivers = with_dependencies(kernel.modules, DRIVERS)
    for number, path in enumerate(drivers):
        archive.add_file(f"ws/drivers/{number:02}-{module_name(path)}.ko",
                         read_module(path))
    if module:
        archive.add_file("ws/writesync.ko", module)
    lines = [f"{name}={shlex.quote(value)}" for name, value in config.items()]
    archive.add_file("ws/config", os.fsencode("\n".join(lines) + "\n"))
    words = " ".join(shlex.quote(word) for word in argv)
    archive.add_file("ws/argv", os.fsencode(f"set -- {words}\n"))
    archive.add_file("ws/shares", os.fsencode(
        "".join(share + "\n" for share in shares)))
    return archive.finish()

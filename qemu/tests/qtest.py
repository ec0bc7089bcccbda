# SPDX-License-Identifier: GPL-2.0
"""QEMU driven through its qtest protocol and QMP, and the devices in it.

No kernel, no firmware, and a virtual clock that moves only when it is told to:
what device_test and device_fuzz share."""

import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
HEADER = os.path.join(TOP, "include", "writesync_regs.h")
ANSWER_SECONDS = 20     # a QEMU that is silent for so long has hung
FREED = "165"   # freed memory is filled, so that who still uses it fails
LIBC = ctypes.CDLL(None)
ONES = {1: 0xff, 2: 0xffff, 4: 0xffffffff, 8: 0xffffffffffffffff}


# ---- the register header ----

def parse_header():
    """The header's numbers by name, and its registers' access and width."""
    numbers, registers = {}, {}
    line = re.compile(r"#define\s+WS_(\w+)\s+(0x[0-9a-f]+|\d+)\b"
                      r"(?:\s*/\* (RO|RW|WO) (\d)(\+4)?)?")
    with open(HEADER, encoding="ascii") as file:
        for match in filter(None, map(line.match, file)):
            name, number, access, width, split = match.groups()
            numbers[name] = int(number, 0)
            if split:
                registers[name] = (access, 4)
                numbers[name + "_HIGH"] = numbers[name] + 4
                registers[name + "_HIGH"] = (access, 4)
            elif access:
                registers[name] = (access, int(width))
            elif is_counter(name, numbers):
                registers[name] = ("RO", 8)
    return numbers, registers


def is_counter(name, numbers):
    return (name.startswith("EDU_") and not name.startswith("EDU_COUNTERS") and
            "EDU_BAD_ACCESSES" in numbers and
            0x100 <= numbers[name] < 0x180)


NUMBERS, REGISTERS = parse_header()


def number(name):
    return NUMBERS[name]


def registers_of(device, access=("RO", "RW", "WO")):
    return [name for name, (how, _) in REGISTERS.items()
            if name.startswith(device) and how in access]


HOLD = number("EDU_DRAIN_HOLD")
STALL = number("FAULT_STALL")
SLOW_READ = number("FAULT_SLOW_READ")
DROP = number("FAULT_DROP")
DEAD = number("FAULT_DEAD")
OK = number("PEER_RESULT_OK")
RANGE = number("PEER_RESULT_RANGE")
DMA = number("PEER_RESULT_DMA")

# Reset values other than 0.
RESET = {
    "EDU_ID": number("EDU_ID_VALUE"),
    "EDU_FEATURES": 7,
    "EDU_MEM_SIZE": 1 << 20,
    "EDU_QUEUE_DEPTH": 64,
    "EDU_DRAIN_NS": 1000,
    "EDU_READ_NS": 100_000,
    "EDU_COMPLETION_NS": 10_000_000,
    "EDU_DROP_NTH": 1,
    "PEER_ID": number("PEER_ID_VALUE"),
    "PEER_RESULT": number("PEER_RESULT_NONE"),
}
# Counters that a test moves by its own reads.
MOVING = ("EDU_READS_CONFIG", "EDU_READS_REG")


# ---- assertions ----

class Failure(Exception):
    pass


def show(value):
    return hex(value) if type(value) is int else repr(value)


def equal(actual, expected, what):
    if actual != expected:
        raise Failure(f"{what}: expected {show(expected)}, "
                      f"actual {show(actual)}")


def check(condition, what):
    if not condition:
        raise Failure(what)


# ---- QEMU ----

class Channel:
    """One end of a socket whose other end QEMU inherits."""

    def __init__(self):
        ours, self.theirs = socket.socketpair()
        ours.settimeout(ANSWER_SECONDS)
        self.socket = ours
        self.file = ours.makefile("rwb")

    def send(self, line):
        self.file.write(line.encode() + b"\n")
        self.file.flush()

    def receive(self):
        line = self.file.readline()
        if not line:
            raise Failure("QEMU has ended")
        return line.decode().strip()

    def close(self):
        for end in (self.file, self.socket, self.theirs):
            with contextlib.suppress(OSError):
                end.close()


def die_with_parent():
    """Runs in the child: no QEMU outlives the test, not even a killed one."""
    pr_set_pdeathsig = 1
    LIBC.prctl(pr_set_pdeathsig, signal.SIGKILL)


class Machine:
    """A QEMU that executes no guest code, driven through qtest and QMP."""

    qemu = None

    def __init__(self, *args):
        self.qtest = Channel()
        self.monitor = Channel()
        self.events = []
        self.clock = 0
        self.errors = tempfile.TemporaryFile()
        fds = self.qtest.theirs.fileno(), self.monitor.theirs.fileno()
        self.process = subprocess.Popen(
            [self.qemu, "-accel", "qtest", "-nodefaults", "-no-user-config",
             "-display", "none", "-m", "64M",
             "-chardev", f"socket,id=qtest,fd={fds[0]}",
             "-qtest", "chardev:qtest", "-qtest-log", "/dev/null",
             "-chardev", f"socket,id=qmp,fd={fds[1]}",
             "-mon", "chardev=qmp,mode=control", *args],
            env=os.environ | {"MALLOC_PERTURB_": FREED},
            pass_fds=fds, stdin=subprocess.DEVNULL, stderr=self.errors,
            preexec_fn=die_with_parent)
        self.qtest.theirs.close()
        self.monitor.theirs.close()
        self.greeting()

    def greeting(self):
        try:
            self.monitor.receive()
            self.qmp("qmp_capabilities")
        except (Failure, OSError) as error:
            self.close()
            raise Failure(f"QEMU did not start: {self.said()}") from error

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.qtest.close()
        self.monitor.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- QMP --

    def qmp_answer(self, command, **arguments):
        self.monitor.send(json.dumps({"execute": command,
                                      "arguments": arguments}))
        while True:
            answer = json.loads(self.monitor.receive())
            if "event" not in answer:
                return answer
            self.events.append(answer)

    def qmp(self, command, **arguments):
        answer = self.qmp_answer(command, **arguments)
        if "error" in answer:
            raise Failure(f"{command} {arguments}: {answer['error']['desc']}")
        return answer["return"]

    def wait_event(self, name, **data):
        while True:
            for event in self.events:
                if event["event"] == name and data.items() <= \
                        event.get("data", {}).items():
                    self.events.remove(event)
                    return event
            answer = json.loads(self.monitor.receive())
            self.events.append(answer)

    # -- qtest --

    def command(self, *words):
        self.qtest.send(" ".join(map(str, words)))
        answer = self.qtest.receive().split()
        check(answer[0] == "OK", f"qtest {words}: {answer}")
        return answer[1:]

    def read(self, addr, size):
        letter = {1: "b", 2: "w", 4: "l", 8: "q"}[size]
        return int(self.command(f"read{letter}", hex(addr))[0], 16)

    def write(self, addr, value, size):
        letter = {1: "b", 2: "w", 4: "l", 8: "q"}[size]
        self.command(f"write{letter}", hex(addr), hex(value))

    def read_bytes(self, addr, length):
        return bytes.fromhex(self.command("read", hex(addr), length)[0][2:])

    def write_bytes(self, addr, data):
        self.command("write", hex(addr), len(data), "0x" + data.hex())

    def step(self, ns):
        """The clock goes on by that, and not by itself."""
        self.clock = int(self.command("clock_step", ns)[0])


# ---- PCI ----

CF8, CFC = 0xcf8, 0xcfc
PCI_COMMAND, PCI_CAPABILITIES, PCI_BRIDGE_BUSES = 0x04, 0x34, 0x18
PCI_BRIDGE_MEMORY, PCI_BRIDGE_PREFETCH = 0x20, 0x24
COMMAND_MEMORY, COMMAND_MASTER = 2, 4
CAP_PM, CAP_MSI, CAP_EXPRESS, CAP_MSIX, CAP_AER = 1, 5, 0x10, 0x11, 1
ECAM, MCH_PCIEXBAR = 0xb0000000, 0x60


class Function:
    """Configuration space of one PCI function, by ECAM or by ports."""

    def __init__(self, machine, bus, device, function=0, ecam=True):
        self.machine = machine
        self.address = bus << 8 | device << 3 | function
        self.ecam = ecam

    def read(self, offset, size):
        if self.ecam:
            return self.machine.read(ECAM + (self.address << 12) + offset,
                                     size)
        self.select(offset)
        letter = {1: "b", 2: "w", 4: "l"}[size]
        return int(self.machine.command(f"in{letter}",
                                        CFC + offset % 4)[0], 16)

    def write(self, offset, value, size):
        if self.ecam:
            self.machine.write(ECAM + (self.address << 12) + offset, value,
                               size)
            return
        self.select(offset)
        letter = {1: "b", 2: "w", 4: "l"}[size]
        self.machine.command(f"out{letter}", CFC + offset % 4, hex(value))

    def select(self, offset):
        self.machine.command("outl", CF8, hex(1 << 31 | self.address << 8 |
                                              offset & 0xfc))

    def set_bar(self, bar, address, wide):
        self.write(0x10 + 4 * bar, address & ONES[4], 4)
        if wide:
            self.write(0x14 + 4 * bar, address >> 32, 4)

    def bar_size(self, bar):
        """By writing all ones, as firmware does; for a 64-bit BAR."""
        self.write(0x10 + 4 * bar, ONES[4], 4)
        self.write(0x14 + 4 * bar, ONES[4], 4)
        mask = self.read(0x10 + 4 * bar, 4) & ~0xf
        mask |= self.read(0x14 + 4 * bar, 4) << 32
        return -mask & ONES[8]

    def enable(self, command=COMMAND_MEMORY | COMMAND_MASTER):
        self.write(PCI_COMMAND, command, 2)

    def capability(self, wanted):
        offset = self.read(PCI_CAPABILITIES, 1)
        while offset:
            if self.read(offset, 1) == wanted:
                return offset
            offset = self.read(offset + 1, 1)
        return None


def enable_ecam(machine):
    host = Function(machine, 0, 0, ecam=False)
    host.write(MCH_PCIEXBAR + 4, 0, 4)
    host.write(MCH_PCIEXBAR, ECAM | 1, 4)


WINDOW = 0xe0000000             # 32-bit addresses, 16 MiB
PREFETCH_WINDOW = 0x1000000000  # 64-bit addresses, 64 GiB


def open_bridge(bridge, bus):
    bridge.write(PCI_BRIDGE_BUSES, bus << 16 | bus << 8, 4)
    first = WINDOW + (bus << 24)
    bridge.write(PCI_BRIDGE_MEMORY,
                 (first + 0xf00000) & 0xfff00000 | first >> 16, 4)
    first = PREFETCH_WINDOW * bus
    last = first + PREFETCH_WINDOW - 1
    bridge.write(PCI_BRIDGE_PREFETCH,
                 last & 0xfff00000 | first >> 16 & 0xfff0, 4)
    bridge.write(PCI_BRIDGE_PREFETCH + 4, first >> 32, 4)
    bridge.write(PCI_BRIDGE_PREFETCH + 8, last >> 32, 4)
    bridge.enable()


# ---- a writesync-edu and its peer ----

RAM = 0x200000          # a place in the machine's own memory


class Pair:
    def __init__(self, machine, edu, peer, bus=1, prefetch=True, name="ws0"):
        self.machine = machine
        self.edu = edu
        self.peer = peer
        self.prefetch = prefetch
        self.qom = f"/machine/peripheral/{name}"
        self.regs = WINDOW + (bus << 24)
        self.peer_regs = self.regs + 0x1000
        self.mem = PREFETCH_WINDOW * bus if prefetch else self.regs + 0x100000
        self.step = machine.step
        self.place()

    def place(self):
        self.edu.set_bar(0, self.regs, False)
        self.edu.set_bar(2, self.mem, True)
        self.edu.enable()
        self.peer.set_bar(0, self.peer_regs, False)
        self.peer.enable()

    # -- registers, by the names of the header --

    def where(self, name):
        base = self.regs if name.startswith("EDU_") else self.peer_regs
        return base + number(name), REGISTERS[name][1]

    def get(self, name):
        return self.machine.read(*self.where(name))

    def set(self, name, value):
        address, width = self.where(name)
        self.machine.write(address, value, width)

    def expect(self, **values):
        """Each edu register of the instrument has the given value."""
        for name, value in values.items():
            equal(self.get(f"EDU_{name}"), value, name)

    def instrument(self):
        return {name: self.get(name) for name in registers_of("EDU_",
                                                              ("RO", "RW"))
                if number(name) >= number("EDU_INSTRUMENT")}

    # -- QOM properties --

    def prop(self, name):
        return self.machine.qmp("qom-get", path=self.qom, property=name)

    def set_prop(self, name, value):
        self.machine.qmp("qom-set", path=self.qom, property=name, value=value)

    # -- the memory --

    def store(self, offset, value, size=8):
        self.machine.write(self.mem + offset, value, size)

    def load(self, offset, size=8):
        return self.machine.read(self.mem + offset, size)

    # -- the peer --

    def command(self, command, offset, length, ram=0):
        self.set("PEER_OFFSET", offset)
        self.set("PEER_LENGTH", length)
        self.set("PEER_RAM_ADDRESS", ram)
        self.set("PEER_COMMAND", number(f"PEER_COMMAND_{command}"))
        return self.get("PEER_RESULT")

    def crc(self, offset, length):
        equal(self.command("CRC32", offset, length), OK, "result of CRC32")
        return self.get("PEER_CRC32")

    def seen(self, offset, size=8):
        """What the peer finds there, beside the queue."""
        equal(self.command("COPY", offset, size, RAM), OK, "result of COPY")
        return int.from_bytes(self.machine.read_bytes(RAM, size), "little")


@contextlib.contextmanager
def express_pair(edu="", extra=(), prefetch=True):
    """The default arrangement: both functions behind a root port."""
    with Machine("-M", "q35", *express_devices(edu), *extra) as machine:
        yield express_place(machine, prefetch)


def express_devices(edu=""):
    return ("-device", "pcie-root-port,id=rp0,bus=pcie.0,addr=3,slot=1",
            "-device", "writesync-edu,id=ws0,bus=rp0,addr=0.0,"
            f"multifunction=on{edu and ',' + edu}",
            "-device", "writesync-peer,id=peer0,bus=rp0,addr=0.1,target=ws0")


def express_place(machine, prefetch=True):
    enable_ecam(machine)
    open_bridge(Function(machine, 0, 3), 1)
    return Pair(machine, Function(machine, 1, 0, 0),
                Function(machine, 1, 0, 1), prefetch=prefetch)


@contextlib.contextmanager
def pc_pair(edu=""):
    """On the conventional bus of the older board."""
    with Machine("-M", "pc",
                 "-device", f"writesync-edu,id=ws0,addr=4{edu and ',' + edu}",
                 "-device", "writesync-peer,id=peer0,addr=5,target=ws0"
                 ) as machine:
        yield Pair(machine, Function(machine, 0, 4, ecam=False),
                   Function(machine, 0, 5, ecam=False))


@contextlib.contextmanager
def bridge_pair():
    """Conventional devices in an Express machine."""
    with Machine("-M", "q35",
                 "-device", "pcie-pci-bridge,id=br0,bus=pcie.0,addr=3",
                 "-device", "writesync-edu,id=ws0,bus=br0,addr=1",
                 "-device", "writesync-peer,id=peer0,bus=br0,addr=2,target=ws0"
                 ) as machine:
        enable_ecam(machine)
        open_bridge(Function(machine, 0, 3), 1)
        yield Pair(machine, Function(machine, 1, 1), Function(machine, 1, 2))


def find_qemu(path, *options):
    if path:
        return os.path.abspath(path)
    build = os.path.join(TOP, "qemu", "build")
    return subprocess.run([build, *options], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()

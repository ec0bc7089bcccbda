# SPDX-License-Identifier: GPL-2.0
"""What the kernel said during a run, and whether it was trouble."""

import os
import re

STAMP = re.compile(r"^\[ *\d+\.\d+\](\[ *[TC]\d+\])? ?")

# A test by KUnit that fails is trouble, too.
# Each at the very beginning of a message, behind the time stamp: a process
# that writes "mine: WARNING: ..." to /dev/kmsg is not the kernel.
TROUBLE = re.compile(r"""
    -+\[\ cut\ here\ \]-+
  | WARNING:
  | BUG:
  | BUG\ \S+\ \(
  | (watchdog:\ )?BUG:\ soft\ lockup
  | (watchdog:\ )?Watchdog\ detected\ hard\ LOCKUP
  | Oops:
  | general\ protection\ fault
  | invalid\ opcode:
  | traps:\ PANIC
  | Call\ Trace:
  | KASAN:
  | UBSAN:
  | KCSAN:
  | Kernel\ panic
  | INFO:\ (task|possible|inconsistent|rcu|suspicious|lockdep|trying)
  | INFO:.*(self-detected|detected)\ stall
  | rcu:\ INFO:.*\ stall
  | (possible\ )?(circular|recursive)\ locking
  | inconsistent\ lock\ state
  | suspicious\ RCU\ usage
  | kmemleak:\ \d+\ new\ suspected\ memory\ leaks
  | refcount_t:
  | list_(add|del)\ corruption
  | list_add\ double\ add
  | ODEBUG:
  | usercopy:\ Kernel\ memory
  | kernel\ BUG\ at
  | irq\ \d+:\ nobody\ cared
  | Slab\ corruption
  | \s*not\ ok\ \d+[ ]
  | \S+:\ trying\ to\ (free|unmap)
    """, re.VERBOSE)


# The init's last word when all leaks that kmemleak counted are not the module's.
NO_LEAK_OF_OURS = "writesync-vm: leaks: known ones of the kernel only"


class KernelLog:
    """The serial console, which QEMU writes into an anonymous file."""

    def __init__(self):
        self.file = os.memfd_create("console")
        self.seen = 0

    def text(self):
        size = os.fstat(self.file).st_size
        return os.pread(self.file, size, 0).decode(errors="replace")

    def lines(self):
        return self.text().replace("\r", "").splitlines()

    def news(self):
        """What was added since the last call, as bytes."""
        size = os.fstat(self.file).st_size
        data = os.pread(self.file, size - self.seen, self.seen)
        self.seen += len(data)
        return data.replace(b"\r", b"")

    def has(self, message):
        return any(STAMP.sub("", line) == message for line in self.lines())

    def tail(self, count=30):
        return self.lines()[-count:]

    def trouble(self, before=5, after=60):
        """The lines around the first sign of trouble; empty if none."""
        lines = self.lines()
        excused = "kmemleak: " if self.has(NO_LEAK_OF_OURS) else None
        for number, line in enumerate(lines):
            message = STAMP.sub("", line)
            if excused and message.startswith(excused):
                continue
            if TROUBLE.match(message):
                return lines[max(0, number - before):number + after]
        return []

# SPDX-License-Identifier: GPL-2.0
#
# Where things go, and by what command, for the Makefiles that install: the
# names of the GNU conventions. Those in capital letters came first here; they
# may come from the environment, too, and mean the same.

DESTDIR ?=
PREFIX ?= /usr/local
prefix = $(PREFIX)
exec_prefix = $(prefix)
BINDIR ?= $(exec_prefix)/bin
bindir = $(BINDIR)
LIBDIR ?= $(exec_prefix)/lib
libdir = $(LIBDIR)
INCLUDEDIR ?= $(prefix)/include
includedir = $(INCLUDEDIR)
datarootdir = $(prefix)/share
DATADIR ?= $(datarootdir)
datadir = $(DATADIR)
MANDIR ?= $(datarootdir)/man
mandir = $(MANDIR)
docdir = $(datarootdir)/doc/writesync
sysconfdir = $(prefix)/etc
# udev, systemd-sysusers and systemd look below /usr/lib and /usr/local/lib,
# wherever libraries are.
udevdir = $(prefix)/lib/udev
sysusersdir = $(prefix)/lib/sysusers.d
systemdsystemunitdir = $(prefix)/lib/systemd/system

INSTALL ?= install
INSTALL_PROGRAM ?= $(INSTALL)
INSTALL_DATA ?= $(INSTALL) -m 644

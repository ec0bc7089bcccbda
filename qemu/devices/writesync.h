/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the devices writesync-edu and writesync-peer share: how registers are
 * found, how a device becomes a PCI or PCI Express function, and what the peer
 * may ask of its target. Every difference between the versions of QEMU that
 * these sources are built with (7.2 to 10.x) is dealt with here.
 */
#ifndef HW_MISC_WRITESYNC_H
#define HW_MISC_WRITESYNC_H

#if __has_include("hw/pci/pci_device.h")
#include "hw/pci/pci_device.h"
#else
#include "hw/pci/pci.h"
#endif
#if __has_include("hw/core/qdev-properties.h")
#include "hw/core/qdev-properties.h"
#else
#include "hw/qdev-properties.h"
#endif
#if __has_include("system/runstate.h")
#include "system/qtest.h"
#include "system/runstate.h"
#else
#include "sysemu/qtest.h"
#include "sysemu/runstate.h"
#endif
#if __has_include("exec/icount.h")
#include "exec/icount.h"
#elif __has_include("system/cpu-timers.h")
#include "system/cpu-timers.h"
#else
#include "sysemu/cpu-timers.h"
#endif
#include "qemu/main-loop.h"
#include "qemu/notify.h"
#include "qom/object.h"
#include "writesync_regs.h"

#define WS_QEMU_BEFORE(major, minor)                \
    (QEMU_VERSION_MAJOR < (major) ||                \
     (QEMU_VERSION_MAJOR == (major) && QEMU_VERSION_MINOR < (minor)))

/* Older versions get the names of the newer ones. */
#if WS_QEMU_BEFORE(9, 0)
#define bql_lock() qemu_mutex_lock_iothread()
#define bql_unlock() qemu_mutex_unlock_iothread()
#endif

#if WS_QEMU_BEFORE(9, 2)
static inline void device_class_set_legacy_reset(DeviceClass *dc,
                                                 void (*reset)(DeviceState *))
{
    dc->reset = reset;
}
#endif

#if WS_QEMU_BEFORE(10, 0)
#define WS_PROPERTIES static Property
#define WS_END_OF_PROPERTIES DEFINE_PROP_END_OF_LIST()
#else
#define WS_PROPERTIES static const Property
#define WS_END_OF_PROPERTIES
#endif

/* The type of a class_init function's second argument. */
#if WS_QEMU_BEFORE(10, 1)
typedef void WsClassData;
#else
typedef const void WsClassData;
#endif

/*
 * A register. An 8-byte one can be accessed as two 4-byte halves too, unless
 * it is described as two registers.
 */
typedef struct WsReg {
    uint16_t offset;
    uint8_t width;                  /* bytes: 4 or 8 */
    uint32_t arg;                   /* for the functions */
    uint64_t (*read)(void *dev, uint32_t arg);  /* NULL: write-only */
    /* NULL: read-only. False: the value is refused. */
    bool (*write)(void *dev, uint32_t arg, uint64_t value);
    const char *property;           /* QOM property of the same value */
} WsReg;

typedef struct WsRegs {
    const WsReg *reg;
    size_t count;
} WsRegs;

uint64_t ws_read_constant(void *dev, uint32_t arg);

/* Is there something to read with such an access? */
bool ws_regs_readable(const WsRegs *regs, hwaddr addr, unsigned size);
/* False: there is nothing to read or write so, and nothing has changed. */
bool ws_regs_read(const WsRegs *regs, void *dev, hwaddr addr, unsigned size,
                  uint64_t *value);
bool ws_regs_write(const WsRegs *regs, void *dev, hwaddr addr, unsigned size,
                   uint64_t value);

/*
 * DeviceClass.realize: a function on a PCI Express bus is an Express one, with
 * 4 KiB of configuration space, any other is a conventional one.
 */
void ws_pci_realize(DeviceState *dev, Error **errp);
/* Power management and, for Express, endpoint, reset and error reporting. */
bool ws_pci_add_capabilities(PCIDevice *pdev, Error **errp);
void ws_pci_remove_capabilities(PCIDevice *pdev);
void ws_pci_reset(PCIDevice *pdev);
/* Off and on again: a reset, which comes by DeviceClass.reset, and more. */
void ws_pci_power_cycle(PCIDevice *pdev);
/* What a function that does not answer is read as. */
uint32_t ws_pci_all_ones(int len);
void ws_pci_write_config(PCIDevice *pdev, uint32_t addr, uint32_t val, int len);
/*
 * Reports an error as AER has it. @flags is 0 or PCIE_AER_ERR_IS_CORRECTABLE.
 * False: there is no such error, or no AER.
 */
bool ws_pci_report_error(PCIDevice *pdev, uint32_t status, uint32_t flags);

/* The link above the function: all that is below shares it. */
bool ws_link_exists(PCIDevice *pdev);
void ws_link_init(PCIDevice *pdev);
void ws_link_set(PCIDevice *pdev, bool up);

/* Another device's access, as opposed to a CPU's (or a debugger's). */
static inline bool ws_is_dma(MemTxAttrs attrs)
{
    return attrs.requester_id != 0;
}

#define TYPE_WRITESYNC_EDU "writesync-edu"
OBJECT_DECLARE_SIMPLE_TYPE(WsEdu, WRITESYNC_EDU)

#define TYPE_WRITESYNC_PEER "writesync-peer"
OBJECT_DECLARE_SIMPLE_TYPE(WsPeer, WRITESYNC_PEER)

/* For the link. */
void ws_edu_set_link(WsEdu *s, bool up);
void ws_peer_set_link(WsPeer *s, bool up);

/* For the peer. */
uint64_t ws_edu_mem_size(const WsEdu *s);
bool ws_edu_link_down(const WsEdu *s);
uint32_t ws_edu_faults(const WsEdu *s);
bool ws_edu_set_faults(WsEdu *s, uint32_t faults);
void ws_edu_add_exit_notifier(WsEdu *s, Notifier *notifier);

#endif /* HW_MISC_WRITESYNC_H */

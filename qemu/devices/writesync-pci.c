/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the devices writesync-edu and writesync-peer share; see writesync.h.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qapi/error.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "writesync.h"

/* Offsets of the capabilities in configuration space. */
#define WS_CAP_PM 0x40
#define WS_CAP_EXPRESS 0x80
#define WS_CAP_AER PCI_CONFIG_SPACE_SIZE

uint64_t ws_read_constant(void *dev, uint32_t arg)
{
    return arg;
}

static const WsReg *ws_regs_find(const WsRegs *regs, hwaddr addr, unsigned size)
{
    const WsReg *reg;

    if (size < 4 || addr % size) {
        return NULL;
    }
    for (reg = regs->reg; reg < regs->reg + regs->count; reg++) {
        if (addr >= reg->offset && addr + size <= reg->offset + reg->width) {
            return reg;
        }
    }
    return NULL;
}

bool ws_regs_readable(const WsRegs *regs, hwaddr addr, unsigned size)
{
    const WsReg *reg = ws_regs_find(regs, addr, size);

    return reg && reg->read;
}

bool ws_regs_read(const WsRegs *regs, void *dev, hwaddr addr, unsigned size,
                  uint64_t *value)
{
    const WsReg *reg = ws_regs_find(regs, addr, size);

    if (!reg || !reg->read) {
        *value = 0;
        return false;
    }
    *value = extract64(reg->read(dev, reg->arg), (addr - reg->offset) * 8,
                       size * 8);
    return true;
}

bool ws_regs_write(const WsRegs *regs, void *dev, hwaddr addr, unsigned size,
                   uint64_t value)
{
    const WsReg *reg = ws_regs_find(regs, addr, size);

    if (!reg || !reg->write) {
        return false;
    }
    if (size < reg->width) {
        /* Half of a register: the other half stays as it is. */
        value = deposit64(reg->read(dev, reg->arg), (addr - reg->offset) * 8,
                          size * 8, value);
    }
    return reg->write(dev, reg->arg, value);
}

void ws_pci_realize(DeviceState *dev, Error **errp)
{
    PCIDevice *pdev = PCI_DEVICE(dev);
    DeviceClass *parent = DEVICE_CLASS(object_class_by_name(TYPE_PCI_DEVICE));

    /* The parent allocates configuration space of the size this implies. */
    if (pci_bus_is_express(pci_get_bus(pdev))) {
        pdev->cap_present |= QEMU_PCI_CAP_EXPRESS;
    }
    parent->realize(dev, errp);
}

static bool ws_pci_add_power_management(PCIDevice *pdev, Error **errp)
{
    if (pci_add_capability(pdev, PCI_CAP_ID_PM, WS_CAP_PM, PCI_PM_SIZEOF,
                           errp) < 0) {
        return false;
    }
    pci_set_word(pdev->config + WS_CAP_PM + PCI_PM_PMC, PCI_PM_CAP_VER_1_2);
    pci_set_word(pdev->config + WS_CAP_PM + PCI_PM_CTRL,
                 PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(pdev->wmask + WS_CAP_PM + PCI_PM_CTRL,
                 PCI_PM_CTRL_STATE_MASK);
    return true;
}

bool ws_pci_add_capabilities(PCIDevice *pdev, Error **errp)
{
    if (!ws_pci_add_power_management(pdev, errp)) {
        return false;
    }
    if (!pci_is_express(pdev)) {
        return true;
    }
    if (pcie_endpoint_cap_init(pdev, WS_CAP_EXPRESS) < 0) {
        error_setg(errp, "the PCI Express capability cannot be added");
        return false;
    }
    pcie_cap_deverr_init(pdev);
    pcie_cap_flr_init(pdev);
    if (pcie_aer_init(pdev, PCI_ERR_VER, WS_CAP_AER, PCI_ERR_SIZEOF,
                      errp) < 0) {
        pcie_cap_exit(pdev);
        return false;
    }
    return true;
}

void ws_pci_remove_capabilities(PCIDevice *pdev)
{
    if (pci_is_express(pdev)) {
        pcie_aer_exit(pdev);
        pcie_cap_exit(pdev);
    }
    pci_del_capability(pdev, PCI_CAP_ID_PM, PCI_PM_SIZEOF);
}

void ws_pci_reset(PCIDevice *pdev)
{
    pci_word_test_and_clear_mask(pdev->config + WS_CAP_PM + PCI_PM_CTRL,
                                 PCI_PM_CTRL_STATE_MASK);
    if (pci_is_express(pdev)) {
        pcie_cap_deverr_reset(pdev);
    }
}

void ws_pci_write_config(PCIDevice *pdev, uint32_t addr, uint32_t val, int len)
{
    pci_default_write_config(pdev, addr, val, len);
    if (pci_is_express(pdev)) {
        pcie_cap_flr_write_config(pdev, addr, val, len);
        pcie_aer_write_config(pdev, addr, val, len);
    }
}

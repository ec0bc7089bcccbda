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
        if (!reg->read) {
            return false;
        }
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

static bool ws_pci_add_error_reporting(PCIDevice *pdev, Error **errp)
{
    if (pcie_aer_init(pdev, PCI_ERR_VER, WS_CAP_AER, PCI_ERR_SIZEOF,
                      errp) < 0) {
        return false;
    }
    /* Older versions of QEMU offer no mask of uncorrectable errors. */
    pci_set_long(pdev->wmask + WS_CAP_AER + PCI_ERR_UNCOR_MASK,
                 PCI_ERR_UNC_SUPPORTED);
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
    if (!ws_pci_add_error_reporting(pdev, errp)) {
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
        pci_set_word(pdev->config + WS_CAP_EXPRESS + PCI_EXP_DEVSTA, 0);
    }
}

/* A reset leaves the sticky registers of error reporting as they are. */
void ws_pci_power_cycle(PCIDevice *pdev)
{
    pci_device_reset(pdev);
    if (pci_is_express(pdev)) {
        pcie_aer_exit(pdev);
        memset(pdev->config + WS_CAP_AER, 0, PCI_ERR_SIZEOF);
        ws_pci_add_error_reporting(pdev, &error_abort);
    }
}

uint32_t ws_pci_all_ones(int len)
{
    return UINT32_MAX >> (32 - len * 8);
}

void ws_pci_write_config(PCIDevice *pdev, uint32_t addr, uint32_t val, int len)
{
    if (addr == PCI_COMMAND + 1) {
        /* QEMU looks at INTx Disable only when the low byte is written, too. */
        pci_default_write_config(pdev, PCI_COMMAND,
                                 (val & 0xff) << 8 | pdev->config[PCI_COMMAND],
                                 2);
    }
    pci_default_write_config(pdev, addr, val, len);
    if (pci_is_express(pdev)) {
        pcie_cap_flr_write_config(pdev, addr, val, len);
        pcie_aer_write_config(pdev, addr, val, len);
    }
}

bool ws_pci_report_error(PCIDevice *pdev, uint32_t status, uint32_t flags)
{
    PCIEAERErr err = {
        .status = status,
        .source_id = pci_requester_id(pdev),
        .flags = flags,
    };
    uint8_t *link_cap = pdev->config + WS_CAP_EXPRESS + PCI_EXP_LNKCAP;
    uint16_t saved = pci_get_word(link_cap);
    bool reported;

    if (!pci_is_express(pdev) || !is_power_of_2(status)) {
        return false;
    }
    reported = pcie_aer_inject_error(pdev, &err) == 0;
    /* QEMU writes two bytes more than Device Status has. */
    if (DEVICE(pdev)->realized) {
        pci_set_word(link_cap, saved);
    }
    return reported;
}

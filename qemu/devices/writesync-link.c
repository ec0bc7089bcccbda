/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link between a PCI Express port and the functions below it: it can go
 * down and come up again. QEMU's ports know devices that are plugged and
 * unplugged, but no links, so what the port shows of it is done here.
 */
#include "qemu/osdep.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "writesync.h"

/* The port above, or NULL if what is above has no link. */
static PCIDevice *ws_link_port(PCIDevice *pdev)
{
    PCIDevice *port = pci_bridge_get_device(pci_get_bus(pdev));
    uint8_t type;

    if (!port || !pci_is_express(port)) {
        return NULL;
    }
    type = pcie_cap_get_type(port);
    return type == PCI_EXP_TYPE_ROOT_PORT ||
           type == PCI_EXP_TYPE_DOWNSTREAM ? port : NULL;
}

bool ws_link_exists(PCIDevice *pdev)
{
    return ws_link_port(pdev) != NULL;
}

/*
 * Who is told of a change has to be able to acknowledge it, and to migrate with
 * a slot that looks empty though it is not.
 */
void ws_link_init(PCIDevice *pdev)
{
    PCIDevice *port = ws_link_port(pdev);
    uint8_t cap;

    if (!port) {
        return;
    }
    cap = port->exp.exp_cap;
    pci_word_test_and_set_mask(port->w1cmask + cap + PCI_EXP_SLTSTA,
                               PCI_EXP_SLTSTA_DLLSC);
    pci_word_test_and_clear_mask(port->cmask + cap + PCI_EXP_SLTSTA,
                                 PCI_EXP_SLTSTA_PDS);
    pci_word_test_and_clear_mask(port->cmask + cap + PCI_EXP_LNKSTA,
                                 PCI_EXP_LNKSTA_DLLLA);
}

static void ws_link_interrupt(PCIDevice *port)
{
    if (msix_enabled(port)) {
        msix_notify(port, pcie_cap_flags_get_vector(port));
    } else if (msi_enabled(port)) {
        msi_notify(port, pcie_cap_flags_get_vector(port));
    } else if (pci_intx(port) >= 0) {
        /* The port releases it when its Slot Status is written. */
        pci_irq_assert(port);
    }
}

/*
 * Both change bits of the slot. The one of the link has no enable bit in QEMU's
 * ports, so that the enable of all hot-plug interrupts decides alone; one comes
 * when there was nothing to tell before.
 */
static void ws_link_slot_event(PCIDevice *port)
{
    uint8_t *cap = port->config + port->exp.exp_cap;
    uint16_t control = pci_get_word(cap + PCI_EXP_SLTCTL);
    uint16_t before = pci_word_test_and_set_mask(cap + PCI_EXP_SLTSTA,
                                                 PCI_EXP_SLTSTA_DLLSC |
                                                 PCI_EXP_SLTSTA_PDC);
    bool told = port->exp.hpev_notified || before & PCI_EXP_SLTSTA_DLLSC;

    if (!(control & PCI_EXP_SLTCTL_HPIE)) {
        return;
    }
    /* The port's own account of what it has told. */
    port->exp.hpev_notified |= !!(control & PCI_EXP_SLTCTL_PDCE);
    if (!told) {
        ws_link_interrupt(port);
    }
}

static void ws_link_set_bits(uint8_t *reg, uint16_t bits, bool on)
{
    if (on) {
        pci_word_test_and_set_mask(reg, bits);
    } else {
        pci_word_test_and_clear_mask(reg, bits);
    }
}

static void ws_link_tell_port(PCIDevice *port, bool up)
{
    uint8_t *cap = port->config + port->exp.exp_cap;
    bool reports = port->cap_present & QEMU_PCIE_LNKSTA_DLLLA ||
                   pci_get_long(cap + PCI_EXP_LNKCAP) & PCI_EXP_LNKCAP_DLLLARC;

    ws_link_set_bits(cap + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA,
                     up && reports);
    if (pci_get_word(cap + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_SLOT) {
        ws_link_set_bits(cap + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS, up);
        ws_link_slot_event(port);
    }
}

static void ws_link_tell_function(PCIBus *bus, PCIDevice *pdev, void *opaque)
{
    bool up = *(bool *)opaque;

    if (object_dynamic_cast(OBJECT(pdev), TYPE_WRITESYNC_EDU)) {
        ws_edu_set_link(WRITESYNC_EDU(pdev), up);
    } else if (object_dynamic_cast(OBJECT(pdev), TYPE_WRITESYNC_PEER)) {
        ws_peer_set_link(WRITESYNC_PEER(pdev), up);
    } else {
        pci_set_power(pdev, up);
    }
}

void ws_link_set(PCIDevice *pdev, bool up)
{
    /* The interrupt of the last change may have unplugged it. */
    if (!DEVICE(pdev)->realized) {
        return;
    }
    pci_for_each_device_under_bus(pci_get_bus(pdev), ws_link_tell_function,
                                  &up);
    ws_link_tell_port(ws_link_port(pdev), up);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writesync-peer: the witness. A function that reads the memory of a
 * writesync-edu by DMA, beside the posted-write queue, and tells its CRC-32 or
 * copies it to RAM. Documentation/registers.md in the writesync project
 * describes every register.
 */
#include "qemu/osdep.h"
#include <zlib.h>
#include "qemu/log.h"
#include "qapi/error.h"
#include "migration/vmstate.h"
#include "writesync.h"

#define WS_PEER_CHUNK 4096

struct WsPeer {
    PCIDevice parent_obj;

    MemoryRegion regs;      /* BAR 0 */
    WsEdu *target;          /* NULL: it was unplugged */
    Notifier target_exit;

    uint32_t result;
    uint64_t offset;
    uint64_t length;
    uint64_t ram_address;
    uint32_t crc;
    uint64_t done_bytes;
    uint32_t bad_accesses;
    bool link_down;
    uint32_t resets;        /* tells a command that it was reset meanwhile */
};

/* ---- commands ---- */

/* The requester's ID tells the target that it is no CPU. */
static bool ws_peer_dma(WsPeer *s, uint64_t addr, void *buf, uint64_t len,
                        DMADirection direction)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    MemTxAttrs attrs = {};

    /* What it has written before may have unplugged it. */
    if (!DEVICE(s)->realized) {
        return false;
    }
    attrs.requester_id = pci_requester_id(pdev);
    return pci_dma_rw(pdev, addr, buf, len, direction, attrs) == MEMTX_OK;
}

static bool ws_peer_in_memory(WsPeer *s)
{
    uint64_t size = ws_edu_mem_size(s->target);

    return s->length && s->length <= size && s->offset <= size - s->length;
}

static bool ws_peer_bus_master(WsPeer *s)
{
    uint8_t *config = PCI_DEVICE(s)->config;

    return pci_get_word(config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* Takes a chunk of the memory to where it belongs. */
typedef bool WsPeerSink(WsPeer *s, uint8_t *chunk, uint64_t len);

static bool ws_peer_add_to_crc(WsPeer *s, uint8_t *chunk, uint64_t len)
{
    s->crc = crc32(s->crc, chunk, len);
    return true;
}

static bool ws_peer_copy_to_ram(WsPeer *s, uint8_t *chunk, uint64_t len)
{
    return ws_peer_dma(s, s->ram_address + s->done_bytes, chunk, len,
                       DMA_DIRECTION_FROM_DEVICE);
}

static uint32_t ws_peer_run(WsPeer *s, WsPeerSink *sink)
{
    uint8_t chunk[WS_PEER_CHUNK];
    uint32_t resets = s->resets;
    pcibus_t base;

    if (!s->target) {
        return WS_PEER_RESULT_DMA;
    }
    if (!ws_peer_in_memory(s)) {
        return WS_PEER_RESULT_RANGE;
    }
    base = pci_get_bar_addr(PCI_DEVICE(s->target), WS_BAR_MEM);
    if (base == PCI_BAR_UNMAPPED || ws_edu_link_down(s->target) ||
        !ws_peer_bus_master(s)) {
        return WS_PEER_RESULT_DMA;
    }
    while (s->done_bytes < s->length) {
        uint64_t len = MIN(s->length - s->done_bytes, sizeof(chunk));

        if (!ws_peer_dma(s, base + s->offset + s->done_bytes, chunk, len,
                         DMA_DIRECTION_TO_DEVICE) ||
            !sink(s, chunk, len)) {
            return WS_PEER_RESULT_DMA;
        }
        if (s->resets != resets) {
            return WS_PEER_RESULT_NONE;
        }
        s->done_bytes += len;
    }
    return WS_PEER_RESULT_OK;
}

static uint32_t ws_peer_crc32(WsPeer *s)
{
    uint32_t result;

    s->crc = 0;
    result = ws_peer_run(s, ws_peer_add_to_crc);
    if (result != WS_PEER_RESULT_OK) {
        s->crc = 0;     /* half a checksum is none */
    }
    return result;
}

static uint32_t ws_peer_copy(WsPeer *s)
{
    /* No memory goes round the end of the address space. */
    if (s->length && s->ram_address > UINT64_MAX - (s->length - 1)) {
        return WS_PEER_RESULT_RANGE;
    }
    return ws_peer_run(s, ws_peer_copy_to_ram);
}

/* ---- registers ---- */

static bool ws_peer_write_command(void *opaque, uint32_t arg, uint64_t value)
{
    WsPeer *s = opaque;

    s->done_bytes = 0;
    switch (value) {
    case WS_PEER_COMMAND_CRC32:
        s->result = ws_peer_crc32(s);
        break;
    case WS_PEER_COMMAND_COPY:
        s->result = ws_peer_copy(s);
        break;
    default:
        s->result = WS_PEER_RESULT_COMMAND;
        break;
    }
    return true;
}

/* A plain register is a field at an offset in the state. */
static uint64_t ws_peer_read_32(void *opaque, uint32_t field)
{
    return *(uint32_t *)(opaque + field);
}

static uint64_t ws_peer_read_64(void *opaque, uint32_t field)
{
    return *(uint64_t *)(opaque + field);
}

static bool ws_peer_write_64(void *opaque, uint32_t field, uint64_t value)
{
    *(uint64_t *)(opaque + field) = value;
    return true;
}

static uint64_t ws_peer_read_target_faults(void *opaque, uint32_t arg)
{
    WsPeer *s = opaque;

    return s->target ? ws_edu_faults(s->target) : UINT32_MAX;
}

static bool ws_peer_write_target_faults(void *opaque, uint32_t arg,
                                        uint64_t value)
{
    WsPeer *s = opaque;

    return s->target && ws_edu_set_faults(s->target, value);
}

#define WS_PEER_RO32(reg, field) \
    { reg, 4, offsetof(WsPeer, field), ws_peer_read_32 }
#define WS_PEER_RO64(reg, field) \
    { reg, 8, offsetof(WsPeer, field), ws_peer_read_64 }
#define WS_PEER_RW64(reg, field) \
    { reg, 8, offsetof(WsPeer, field), ws_peer_read_64, ws_peer_write_64 }

static const WsReg ws_peer_reg[] = {
    { WS_PEER_ID, 4, WS_PEER_ID_VALUE, ws_read_constant },
    WS_PEER_RO32(WS_PEER_RESULT, result),
    { WS_PEER_COMMAND, 4, 0, NULL, ws_peer_write_command },
    WS_PEER_RW64(WS_PEER_OFFSET, offset),
    WS_PEER_RW64(WS_PEER_LENGTH, length),
    WS_PEER_RW64(WS_PEER_RAM_ADDRESS, ram_address),
    WS_PEER_RO32(WS_PEER_CRC32, crc),
    { WS_PEER_TARGET_FAULTS, 4, 0, ws_peer_read_target_faults,
      ws_peer_write_target_faults },
    WS_PEER_RO64(WS_PEER_DONE_BYTES, done_bytes),
    WS_PEER_RO32(WS_PEER_BAD_ACCESSES, bad_accesses),
};

static const WsRegs ws_peer_regs = { ws_peer_reg, ARRAY_SIZE(ws_peer_reg) };

static void ws_peer_reject(WsPeer *s, const char *what, hwaddr addr,
                           unsigned size, uint64_t value)
{
    s->bad_accesses++;
    qemu_log_mask(LOG_GUEST_ERROR, "writesync-peer: rejected %s at 0x%"
                  HWADDR_PRIx ", %u bytes, value 0x%" PRIx64 "\n",
                  what, addr, size, value);
}

static uint64_t ws_peer_regs_read(void *opaque, hwaddr addr, unsigned size)
{
    WsPeer *s = opaque;
    uint64_t value;

    if (s->link_down) {
        return UINT64_MAX;
    }
    if (!ws_regs_read(&ws_peer_regs, opaque, addr, size, &value)) {
        ws_peer_reject(opaque, "read of register", addr, size, 0);
    }
    return value;
}

static void ws_peer_regs_write(void *opaque, hwaddr addr, uint64_t data,
                               unsigned size)
{
    WsPeer *s = opaque;

    if (!s->link_down &&
        !ws_regs_write(&ws_peer_regs, s, addr, size, data)) {
        ws_peer_reject(opaque, "write to register", addr, size, data);
    }
}

/* Every access comes in as it is, so that it can be judged and counted. */
static const MemoryRegionOps ws_peer_regs_ops = {
    .read = ws_peer_regs_read,
    .write = ws_peer_regs_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* ---- configuration space ---- */

static uint32_t ws_peer_config_read(PCIDevice *pdev, uint32_t addr, int len)
{
    return WRITESYNC_PEER(pdev)->link_down ?
           ws_pci_all_ones(len) : pci_default_read_config(pdev, addr, len);
}

static void ws_peer_config_write(PCIDevice *pdev, uint32_t addr, uint32_t val,
                                 int len)
{
    if (!WRITESYNC_PEER(pdev)->link_down) {
        ws_pci_write_config(pdev, addr, val, len);
    }
}

/* ---- life ---- */

WS_PROPERTIES ws_peer_properties[] = {
    DEFINE_PROP_LINK("target", WsPeer, target, TYPE_WRITESYNC_EDU, WsEdu *),
    WS_END_OF_PROPERTIES
};

static const VMStateDescription vmstate_ws_peer = {
    .name = TYPE_WRITESYNC_PEER,
    .version_id = 2,
    .minimum_version_id = 2,
    .fields = (VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, WsPeer),
        VMSTATE_UINT32(result, WsPeer),
        VMSTATE_UINT64(offset, WsPeer),
        VMSTATE_UINT64(length, WsPeer),
        VMSTATE_UINT64(ram_address, WsPeer),
        VMSTATE_UINT32(crc, WsPeer),
        VMSTATE_UINT64(done_bytes, WsPeer),
        VMSTATE_UINT32(bad_accesses, WsPeer),
        VMSTATE_BOOL(link_down, WsPeer),
        VMSTATE_END_OF_LIST()
    },
};

static void ws_peer_reset(DeviceState *dev)
{
    WsPeer *s = WRITESYNC_PEER(dev);

    ws_pci_reset(PCI_DEVICE(dev));
    s->resets++;
    s->result = WS_PEER_RESULT_NONE;
    s->offset = 0;
    s->length = 0;
    s->ram_address = 0;
    s->crc = 0;
    s->done_bytes = 0;
    s->bad_accesses = 0;
}

/* Called when the link of all functions below the port changes. */
void ws_peer_set_link(WsPeer *s, bool up)
{
    s->link_down = !up;
    if (up) {
        ws_pci_power_cycle(PCI_DEVICE(s));
    }
}

/* A reference held here would keep the target from ever going away. */
static void ws_peer_forget_target(Notifier *notifier, void *data)
{
    WsPeer *s = container_of(notifier, WsPeer, target_exit);

    notifier_remove(&s->target_exit);
    object_unref(OBJECT(s->target));
    s->target = NULL;
}

static void ws_peer_realize(PCIDevice *pdev, Error **errp)
{
    WsPeer *s = WRITESYNC_PEER(pdev);

    if (!s->target) {
        error_setg(errp, "target must name a writesync-edu");
        return;
    }
    if (!ws_pci_add_capabilities(pdev, errp)) {
        return;
    }
    memory_region_init_io(&s->regs, OBJECT(s), &ws_peer_regs_ops, s,
                          "writesync-peer-regs", WS_REGS_SIZE);
    pci_register_bar(pdev, WS_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->regs);
    s->target_exit.notify = ws_peer_forget_target;
    ws_edu_add_exit_notifier(s->target, &s->target_exit);
}

static void ws_peer_exit(PCIDevice *pdev)
{
    WsPeer *s = WRITESYNC_PEER(pdev);

    if (s->target) {
        notifier_remove(&s->target_exit);
    }
    ws_pci_remove_capabilities(pdev);
}

static void ws_peer_class_init(ObjectClass *oc, WsClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(oc);

    k->realize = ws_peer_realize;
    k->exit = ws_peer_exit;
    k->config_read = ws_peer_config_read;
    k->config_write = ws_peer_config_write;
    k->vendor_id = WS_PCI_VENDOR_ID;
    k->device_id = WS_PCI_DEVICE_ID_PEER;
    k->revision = 0x10;
    k->class_id = PCI_CLASS_OTHERS;

    dc->desc = "reads the memory of a writesync-edu by DMA";
    dc->realize = ws_pci_realize;
    dc->vmsd = &vmstate_ws_peer;
    device_class_set_legacy_reset(dc, ws_peer_reset);
    device_class_set_props(dc, ws_peer_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static void ws_peer_register_types(void)
{
    static InterfaceInfo interfaces[] = {
        { INTERFACE_PCIE_DEVICE },
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    };
    static const TypeInfo info = {
        .name = TYPE_WRITESYNC_PEER,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(WsPeer),
        .class_init = ws_peer_class_init,
        .interfaces = interfaces,
    };

    type_register_static(&info);
}
type_init(ws_peer_register_types)

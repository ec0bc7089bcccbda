/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writesync-edu: a PCI device whose memory lies behind a posted-write queue.
 *
 * QEMU completes a guest's store at once, so nothing is ever posted. Here a
 * CPU's store to BAR 2 enters a FIFO and lands in memory later: when its time
 * has come, when a CPU read pushes it, or when a full queue lets it in. Another
 * device's DMA reads the memory as it is. Documentation/registers.md in the
 * writesync project describes every register, fault and property.
 *
 * Landing is lazy: entries that are due land when somebody could tell the
 * difference. Everything runs under the big QEMU lock, except that a vCPU
 * gives it up while it sleeps in ws_edu_sleep().
 */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/madvise.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/core/cpu.h"
#include "hw/pci/msi.h"
#include "hw/pci/pcie_aer.h"
#include "migration/vmstate.h"
#include "writesync.h"

#define WS_EDU_MEM_SIZE_MIN (4 * KiB)
/* A larger memory is not reserved on the host: whoever uses it all needs it. */
#define WS_EDU_MEM_SIZE_RESERVED (256 * MiB)
#define WS_EDU_COUNTER_COUNT ((WS_EDU_COUNTERS_END - WS_EDU_COUNTERS) / 8)
#define WS_EDU_SLEEP_STEP_US 500
/* The memory after a loss of power; the complement if it began with that. */
#define WS_EDU_MEM_PATTERN 0x5a

/* Parameters: registers that creation properties give reset values to. */
enum {
    WS_DEPTH,
    WS_DRAIN_NS,
    WS_READ_NS,
    WS_COMPLETION_NS,
    WS_PARAM_COUNT,
};

typedef struct WsParam {
    uint64_t initial;
    uint64_t min;
    uint64_t max;
    bool may_hold;
} WsParam;

static const WsParam ws_params[WS_PARAM_COUNT] = {
    [WS_DEPTH] = { 64, 1, WS_EDU_QUEUE_DEPTH_MAX },
    [WS_DRAIN_NS] = { 1000, 0, WS_EDU_DRAIN_NS_MAX, true },
    [WS_READ_NS] = { 100000, 0, WS_EDU_READ_NS_MAX },
    [WS_COMPLETION_NS] = { 10000000, WS_EDU_COMPLETION_NS_MIN,
                           WS_EDU_COMPLETION_NS_MAX },
};

/* A posted store. */
typedef struct WsStore {
    uint64_t addr;
    uint64_t data;
    int64_t due;            /* when it lands by time, virtual clock */
    uint8_t size;
} WsStore;

struct WsEdu {
    PCIDevice parent_obj;

    MemoryRegion regs;      /* BAR 0 */
    MemoryRegion bar;       /* BAR 2: the memory, and at times mem_io above */
    MemoryRegion mem;       /* what has landed */
    MemoryRegion mem_io;    /* catches the accesses: the queue, the faults */
    uint8_t *mem_ptr;

    uint64_t mem_size;
    bool posted;
    bool prefetch;
    uint64_t param_reset[WS_PARAM_COUNT];

    uint32_t liveness;
    uint32_t irq_status;
    bool irq_on_empty;
    bool sends_message;
    uint64_t param[WS_PARAM_COUNT];
    uint32_t faults;
    uint32_t drop_nth;
    uint32_t drop_left;     /* stores until the one that is lost; 0: off */
    int64_t give_up;        /* when a stall begins to lose stores; 0: unknown */
    uint32_t bad_accesses;
    uint64_t counter[WS_EDU_COUNTER_COUNT];

    WsStore *queue;         /* a ring of WS_EDU_QUEUE_DEPTH_MAX */
    uint32_t head;
    uint32_t level;
    QEMUTimer *empty_timer; /* for the interrupt only */

    bool link_down;
    QEMUTimer *link_timer;  /* brings it up again */
    uint32_t link_losses;   /* tells who slept that it went down meanwhile */

    NotifierList exit_notifiers;
};

static uint64_t *ws_edu_counter(WsEdu *s, uint32_t reg)
{
    return &s->counter[(reg - WS_EDU_COUNTERS) / 8];
}

static void ws_edu_count(WsEdu *s, uint32_t reg)
{
    ++*ws_edu_counter(s, reg);
}

static bool ws_edu_has(WsEdu *s, uint32_t fault)
{
    return s->faults & fault;
}

static bool ws_edu_alive(WsEdu *s)
{
    return DEVICE(s)->realized && !s->link_down &&
           !ws_edu_has(s, WS_FAULT_DEAD);
}

/*
 * Does an access that came in when the link had been lost so often still get
 * an answer? To be asked whenever the lock was given up.
 */
static bool ws_edu_answers(WsEdu *s, uint32_t link_losses)
{
    return ws_edu_alive(s) && s->link_losses == link_losses;
}

static int64_t ws_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/* ---- sleeping ---- */

/*
 * Only a running vCPU can wait for the virtual clock. Nobody else has a reason
 * to, and while the machine is being stopped, under qtest and under icount the
 * clock would never get there: then what comes after the wait comes at once.
 */
static bool ws_may_sleep(void)
{
    return current_cpu && !current_cpu->stop && runstate_is_running() &&
           !qtest_enabled() && !icount_enabled();
}

/*
 * Sleeps a little, at most until @until, and lets the others run meanwhile.
 * False: the time is over. True: look again, anything may have happened, the
 * device may even have been unplugged. The callers hold a reference to it.
 */
static bool ws_edu_sleep(int64_t until)
{
    int64_t left_us = DIV_ROUND_UP(until - ws_now(), SCALE_US);

    if (left_us <= 0 || !ws_may_sleep()) {
        return false;
    }
    bql_unlock();
    g_usleep(MIN(left_us, WS_EDU_SLEEP_STEP_US));
    bql_lock();
    return true;
}

/* ---- interrupt ---- */

static void ws_edu_update_intx(WsEdu *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    if (!DEVICE(s)->realized) {
        return;
    }
    pci_set_irq(pdev, s->irq_status && !msi_enabled(pdev) &&
                      !s->link_down && !ws_edu_has(s, WS_FAULT_DEAD));
}

/*
 * A message is a write to wherever the guest says: it can come back to these
 * very registers, and it can unplug the device.
 */
static void ws_edu_raise_irq(WsEdu *s, uint32_t bits)
{
    PCIDevice *pdev = PCI_DEVICE(s);

    s->irq_status |= bits;
    ws_edu_update_intx(s);
    if (s->irq_status && msi_enabled(pdev) && !s->sends_message) {
        s->sends_message = true;
        msi_notify(pdev, 0);
        s->sends_message = false;
    }
}

/* ---- the queue ---- */

static WsStore *ws_edu_entry(WsEdu *s, uint32_t index)
{
    return &s->queue[(s->head + index) % WS_EDU_QUEUE_DEPTH_MAX];
}

static bool ws_edu_lands_by_time(WsEdu *s)
{
    return !ws_edu_has(s, WS_FAULT_STALL) &&
           s->param[WS_DRAIN_NS] != WS_EDU_DRAIN_HOLD;
}

static void ws_edu_update_timer(WsEdu *s)
{
    if (s->irq_on_empty && s->level && ws_edu_lands_by_time(s)) {
        timer_mod(s->empty_timer, ws_edu_entry(s, s->level - 1)->due);
    } else {
        timer_del(s->empty_timer);
    }
}

static void ws_edu_put(WsEdu *s, uint64_t addr, uint64_t data, unsigned size)
{
    stn_le_p(s->mem_ptr + addr, size, data);
    memory_region_set_dirty(&s->mem, addr, size);
}

static void ws_edu_land_head(WsEdu *s)
{
    WsStore *store = ws_edu_entry(s, 0);

    ws_edu_put(s, store->addr, store->data, store->size);
    s->head = (s->head + 1) % WS_EDU_QUEUE_DEPTH_MAX;
    s->level--;
    ws_edu_count(s, WS_EDU_LANDED);
    if (!s->level && s->irq_on_empty) {
        ws_edu_raise_irq(s, WS_EDU_IRQ_EMPTY);
    }
}

/* What is due lands: comes first in whatever could tell the difference. */
static void ws_edu_land_due(WsEdu *s)
{
    int64_t now = ws_now();

    if (!ws_edu_lands_by_time(s)) {
        return;
    }
    while (s->level && ws_edu_entry(s, 0)->due <= now) {
        ws_edu_land_head(s);
    }
}

/* The oldest entry's time begins now: the queue moves again, or otherwise. */
static void ws_edu_restart_queue(WsEdu *s)
{
    int64_t due = ws_now();
    uint32_t i;

    if (!ws_edu_lands_by_time(s)) {
        return;
    }
    for (i = 0; i < s->level; i++) {
        due += s->param[WS_DRAIN_NS];
        ws_edu_entry(s, i)->due = due;
    }
}

static void ws_edu_lose_queue(WsEdu *s)
{
    s->head = 0;
    s->level = 0;
}

static void ws_edu_enqueue(WsEdu *s, uint64_t addr, uint64_t data,
                           unsigned size)
{
    uint64_t *level_max = ws_edu_counter(s, WS_EDU_LEVEL_MAX);
    int64_t due = ws_now();

    if (s->level) {
        due = MAX(due, ws_edu_entry(s, s->level - 1)->due);
    }
    if (ws_edu_lands_by_time(s)) {
        due += s->param[WS_DRAIN_NS];
    }
    *ws_edu_entry(s, s->level++) = (WsStore) { addr, data, due, size };
    *level_max = MAX(*level_max, s->level);
    ws_edu_update_timer(s);
}

static void ws_edu_timer(void *opaque)
{
    WsEdu *s = opaque;

    ws_edu_land_due(s);
    ws_edu_update_timer(s);
}

/* ---- faults ---- */

/* Memory that is not queued is caught only while a fault has to be shown. */
static void ws_edu_update_catch(WsEdu *s)
{
    memory_region_set_enabled(&s->mem_io,
                              s->posted || s->faults || s->link_down);
}

uint32_t ws_edu_faults(const WsEdu *s)
{
    return s->faults;
}

bool ws_edu_set_faults(WsEdu *s, uint32_t faults)
{
    uint32_t on, off;

    if (faults & ~WS_FAULT_ALL) {
        return false;
    }
    ws_edu_land_due(s);
    on = faults & ~s->faults;
    off = s->faults & ~faults;
    s->faults = faults;
    if (on & WS_FAULT_DROP) {
        s->drop_left = s->drop_nth;
    }
    if (off & WS_FAULT_DROP) {
        s->drop_left = 0;
    }
    if (on & WS_FAULT_DEAD) {
        ws_edu_lose_queue(s);
    }
    if (off & WS_FAULT_STALL) {
        s->give_up = 0;
        ws_edu_restart_queue(s);
    }
    ws_edu_update_catch(s);
    ws_edu_update_intx(s);
    ws_edu_update_timer(s);
    return true;
}

static bool ws_edu_drops(WsEdu *s)
{
    if (!ws_edu_has(s, WS_FAULT_DROP) || --s->drop_left) {
        return false;
    }
    ws_edu_set_faults(s, s->faults & ~WS_FAULT_DROP);
    return true;
}

/* ---- BAR 2: the memory ---- */

static uint32_t ws_edu_room(WsEdu *s)
{
    uint32_t depth = s->posted ? s->param[WS_DEPTH] : 0;

    return depth > s->level ? depth - s->level : 0;
}

/*
 * A bus that no store can leave is given up once. It is the first store that
 * waits for that; those after it are lost at once.
 */
static int64_t ws_edu_gives_up(WsEdu *s)
{
    if (!s->give_up) {
        s->give_up = ws_now() + s->param[WS_COMPLETION_NS];
    }
    return s->give_up;
}

/*
 * A store that meets a full queue waits for the head to land, as back-pressure
 * on the bus makes it wait. False: it is lost.
 */
static bool ws_edu_wait_for_room(WsEdu *s)
{
    uint32_t link_losses = s->link_losses;

    ws_edu_count(s, WS_EDU_BACKPRESSURE);
    while (!ws_edu_room(s)) {
        if (ws_edu_has(s, WS_FAULT_STALL)) {
            if (!ws_edu_sleep(ws_edu_gives_up(s))) {
                ws_edu_count(s, WS_EDU_DROPPED);
                return false;
            }
        } else if (!ws_edu_lands_by_time(s) ||
                   !ws_edu_sleep(ws_edu_entry(s, 0)->due)) {
            ws_edu_land_head(s);
        }
        if (!ws_edu_answers(s, link_losses)) {
            return false;
        }
        ws_edu_land_due(s);
    }
    return true;
}

/*
 * Waits for a device that does not move. False: it did not by the time-out,
 * which is counted, or it died.
 */
static bool ws_edu_wait_for_stall(WsEdu *s, int64_t timeout,
                                  uint32_t timeout_counter)
{
    uint32_t link_losses = s->link_losses;

    while (ws_edu_has(s, WS_FAULT_STALL)) {
        if (!ws_edu_sleep(timeout)) {
            ws_edu_count(s, timeout_counter);
            return false;
        }
        if (!ws_edu_answers(s, link_losses)) {
            return false;
        }
    }
    return true;
}

/* posted=off: a store is at its destination at once, if the device moves. */
static void ws_edu_store_through(WsEdu *s, uint64_t addr, uint64_t data,
                                 unsigned size)
{
    if (!ws_edu_has(s, WS_FAULT_STALL) ||
        ws_edu_wait_for_stall(s, ws_edu_gives_up(s), WS_EDU_DROPPED)) {
        ws_edu_put(s, addr, data, size);
        ws_edu_count(s, WS_EDU_LANDED);
    }
}

static void ws_edu_cpu_store(WsEdu *s, uint64_t addr, uint64_t data,
                             unsigned size)
{
    ws_edu_count(s, WS_EDU_STORES_1 + ctz32(size) * 8);
    *ws_edu_counter(s, WS_EDU_STORE_BYTES) += size;
    if (ws_edu_drops(s)) {
        ws_edu_count(s, WS_EDU_DROPPED);
    } else if (!s->posted) {
        ws_edu_store_through(s, addr, data, size);
    } else if (ws_edu_room(s) || ws_edu_wait_for_room(s)) {
        ws_edu_enqueue(s, addr, data, size);
    }
}

/*
 * A CPU's read arrives and pushes the posted stores ahead of it. False: the
 * device does not move, and the read ends by the bus's completion time-out.
 */
static bool ws_edu_read_arrives(WsEdu *s)
{
    int64_t timeout = ws_now() + s->param[WS_COMPLETION_NS];

    if (!ws_edu_wait_for_stall(s, timeout, WS_EDU_READ_TIMEOUTS)) {
        return false;
    }
    ws_edu_land_due(s);
    if (s->level) {
        ws_edu_count(s, WS_EDU_READ_DRAINS);
    }
    while (s->level) {
        ws_edu_land_head(s);
    }
    ws_edu_update_timer(s);
    return true;
}

/* The answer to a CPU's read is on its way. False: it never arrives. */
static bool ws_edu_read_returns(WsEdu *s)
{
    int64_t until = ws_now() + s->param[WS_READ_NS];
    uint32_t link_losses = s->link_losses;

    while (ws_edu_has(s, WS_FAULT_SLOW_READ) && ws_edu_sleep(until)) {
        if (!ws_edu_answers(s, link_losses)) {
            return false;
        }
    }
    return true;
}

static void ws_edu_reject(WsEdu *s, const char *what, hwaddr addr,
                          unsigned size, uint64_t value)
{
    s->bad_accesses++;
    qemu_log_mask(LOG_GUEST_ERROR, "writesync-edu: rejected %s at 0x%"
                  HWADDR_PRIx ", %u bytes, value 0x%" PRIx64 "\n",
                  what, addr, size, value);
}

static bool ws_edu_in_memory(WsEdu *s, hwaddr addr, unsigned size)
{
    return size <= s->mem_size && addr <= s->mem_size - size;
}

static uint64_t ws_edu_get(WsEdu *s, uint64_t addr, unsigned size)
{
    return ldn_le_p(s->mem_ptr + addr, size);
}

static uint64_t ws_edu_dma_read_mem(WsEdu *s, hwaddr addr, unsigned size)
{
    ws_edu_count(s, WS_EDU_DMA_READS);
    *ws_edu_counter(s, WS_EDU_DMA_READ_BYTES) += size;
    ws_edu_land_due(s);
    return ws_edu_get(s, addr, size);
}

static uint64_t ws_edu_cpu_read_mem(WsEdu *s, hwaddr addr, unsigned size)
{
    uint64_t value;

    ws_edu_count(s, WS_EDU_READS_MEM);
    if (!ws_edu_read_arrives(s)) {
        return UINT64_MAX;
    }
    value = ws_edu_get(s, addr, size);
    return ws_edu_read_returns(s) ? value : UINT64_MAX;
}

static MemTxResult ws_edu_mem_read(void *opaque, hwaddr addr, uint64_t *data,
                                   unsigned size, MemTxAttrs attrs)
{
    WsEdu *s = opaque;

    if (!ws_edu_alive(s)) {
        *data = UINT64_MAX;
    } else if (!ws_edu_in_memory(s, addr, size)) {
        ws_edu_reject(s, "read of memory", addr, size, 0);
        *data = 0;
    } else if (ws_is_dma(attrs)) {
        *data = ws_edu_dma_read_mem(s, addr, size);
    } else {
        object_ref(OBJECT(s));
        *data = ws_edu_cpu_read_mem(s, addr, size);
        object_unref(OBJECT(s));
    }
    return MEMTX_OK;
}

static MemTxResult ws_edu_mem_write(void *opaque, hwaddr addr, uint64_t data,
                                    unsigned size, MemTxAttrs attrs)
{
    WsEdu *s = opaque;

    if (!ws_edu_alive(s)) {
        return MEMTX_OK;
    }
    ws_edu_land_due(s);
    if (!ws_edu_in_memory(s, addr, size)) {
        ws_edu_reject(s, "write to memory", addr, size, data);
    } else if (ws_is_dma(attrs)) {
        ws_edu_put(s, addr, data, size);
    } else {
        object_ref(OBJECT(s));
        ws_edu_cpu_store(s, addr, data, size);
        object_unref(OBJECT(s));
    }
    return MEMTX_OK;
}

static const MemoryRegionOps ws_edu_mem_ops = {
    .read_with_attrs = ws_edu_mem_read,
    .write_with_attrs = ws_edu_mem_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* ---- registers ---- */

static uint64_t ws_edu_read_liveness(void *opaque, uint32_t arg)
{
    WsEdu *s = opaque;

    return s->liveness;
}

static bool ws_edu_write_liveness(void *opaque, uint32_t arg, uint64_t value)
{
    WsEdu *s = opaque;

    s->liveness = ~value;
    return true;
}

static uint64_t ws_edu_read_features(void *opaque, uint32_t arg)
{
    WsEdu *s = opaque;

    return (s->posted ? WS_EDU_FEATURE_POSTED : 0) |
           (s->prefetch ? WS_EDU_FEATURE_PREFETCH : 0) |
           (pci_is_express(PCI_DEVICE(s)) ? WS_EDU_FEATURE_EXPRESS : 0);
}

static uint64_t ws_edu_read_mem_size(void *opaque, uint32_t shift)
{
    WsEdu *s = opaque;

    return s->mem_size >> shift;
}

static uint64_t ws_edu_read_status(void *opaque, uint32_t arg)
{
    WsEdu *s = opaque;

    return (s->level ? WS_EDU_STATUS_PENDING : 0) |
           (s->posted && !ws_edu_room(s) ? WS_EDU_STATUS_FULL : 0) |
           (s->irq_on_empty ? WS_EDU_STATUS_IRQ_ON_EMPTY : 0);
}

static bool ws_edu_write_status(void *opaque, uint32_t arg, uint64_t value)
{
    WsEdu *s = opaque;

    /* PENDING and FULL are only shown: writing back what was read is fine. */
    if (value & ~(WS_EDU_STATUS_PENDING | WS_EDU_STATUS_FULL |
                  WS_EDU_STATUS_IRQ_ON_EMPTY)) {
        return false;
    }
    ws_edu_land_due(s);
    s->irq_on_empty = value & WS_EDU_STATUS_IRQ_ON_EMPTY;
    ws_edu_update_timer(s);
    return true;
}

static uint64_t ws_edu_read_irq_status(void *opaque, uint32_t arg)
{
    WsEdu *s = opaque;

    return s->irq_status;
}

static bool ws_edu_write_irq_raise(void *opaque, uint32_t arg, uint64_t value)
{
    ws_edu_raise_irq(opaque, value);
    return true;
}

static bool ws_edu_write_irq_ack(void *opaque, uint32_t arg, uint64_t value)
{
    WsEdu *s = opaque;

    s->irq_status &= ~value;
    ws_edu_update_intx(s);
    return true;
}

static uint64_t ws_edu_read_param(void *opaque, uint32_t index)
{
    WsEdu *s = opaque;

    return s->param[index];
}

static bool ws_edu_param_valid(uint32_t index, uint64_t value)
{
    const WsParam *param = &ws_params[index];

    return (param->may_hold && value == WS_EDU_DRAIN_HOLD) ||
           (value >= param->min && value <= param->max);
}

static bool ws_edu_write_param(void *opaque, uint32_t index, uint64_t value)
{
    WsEdu *s = opaque;

    if (!ws_edu_param_valid(index, value)) {
        return false;
    }
    ws_edu_land_due(s);
    s->param[index] = value;
    if (index == WS_DRAIN_NS) {
        ws_edu_restart_queue(s);
        ws_edu_update_timer(s);
    }
    return true;
}

static uint64_t ws_edu_read_level(void *opaque, uint32_t arg)
{
    WsEdu *s = opaque;

    return s->level;
}

static uint64_t ws_edu_read_faults(void *opaque, uint32_t arg)
{
    return ws_edu_faults(opaque);
}

static bool ws_edu_write_faults(void *opaque, uint32_t arg, uint64_t value)
{
    return ws_edu_set_faults(opaque, value);
}

static uint64_t ws_edu_read_drop_nth(void *opaque, uint32_t arg)
{
    WsEdu *s = opaque;

    return s->drop_nth;
}

static bool ws_edu_write_drop_nth(void *opaque, uint32_t arg, uint64_t value)
{
    WsEdu *s = opaque;

    if (!value) {
        return false;
    }
    s->drop_nth = value;
    return true;
}

static uint64_t ws_edu_read_bad_accesses(void *opaque, uint32_t arg)
{
    WsEdu *s = opaque;

    return s->bad_accesses;
}

static uint64_t ws_edu_read_counter(void *opaque, uint32_t reg)
{
    return *ws_edu_counter(opaque, reg);
}

static void ws_edu_clear_counters(WsEdu *s)
{
    memset(s->counter, 0, sizeof(s->counter));
    *ws_edu_counter(s, WS_EDU_LEVEL_MAX) = s->level;
    s->bad_accesses = 0;
}

/* Everything but the memory's contents. */
static void ws_edu_reset_state(WsEdu *s)
{
    ws_edu_lose_queue(s);
    memcpy(s->param, s->param_reset, sizeof(s->param));
    s->liveness = 0;
    s->irq_status = 0;
    s->irq_on_empty = false;
    s->faults = 0;
    s->drop_nth = 1;
    s->drop_left = 0;
    s->give_up = 0;
    ws_edu_clear_counters(s);
    ws_edu_update_catch(s);
    ws_edu_update_intx(s);
    ws_edu_update_timer(s);
}

static bool ws_edu_write_control(void *opaque, uint32_t arg, uint64_t value)
{
    WsEdu *s = opaque;

    if (value & ~(WS_EDU_CONTROL_CLEAR_COUNTERS | WS_EDU_CONTROL_RESET)) {
        return false;
    }
    if (value & WS_EDU_CONTROL_RESET) {
        ws_edu_reset_state(s);
    }
    if (value & WS_EDU_CONTROL_CLEAR_COUNTERS) {
        ws_edu_land_due(s);
        ws_edu_clear_counters(s);
    }
    /* Nobody outside has asked for it, so somebody has to be told. */
    if (value & WS_EDU_CONTROL_RESET) {
        ws_edu_raise_irq(s, WS_EDU_IRQ_RESET);
    }
    return true;
}

static bool ws_edu_write_aer(void *opaque, uint32_t flags, uint64_t value)
{
    return ws_pci_report_error(PCI_DEVICE(opaque), value, flags);
}

static bool ws_edu_write_link_down(void *opaque, uint32_t arg, uint64_t value)
{
    WsEdu *s = opaque;
    PCIDevice *pdev = PCI_DEVICE(s);

    if (!ws_link_exists(pdev) || (value > WS_EDU_LINK_DOWN_NS_MAX &&
                                  value != WS_EDU_LINK_DOWN_HOLD)) {
        return false;
    }
    ws_link_set(pdev, false);
    if (!value) {
        ws_link_set(pdev, true);
    } else if (value != WS_EDU_LINK_DOWN_HOLD) {
        timer_mod(s->link_timer, ws_now() + value);
    }
    return true;
}

#define WS_EDU_PARAM(reg, width, index, property) \
    { reg, width, index, ws_edu_read_param, ws_edu_write_param, property }
#define WS_EDU_COUNTER(reg, property) \
    { reg, 8, reg, ws_edu_read_counter, NULL, property }

static const WsReg ws_edu_reg[] = {
    { WS_EDU_ID, 4, WS_EDU_ID_VALUE, ws_read_constant },
    { WS_EDU_LIVENESS, 4, 0, ws_edu_read_liveness, ws_edu_write_liveness },
    { WS_EDU_FEATURES, 4, 0, ws_edu_read_features },
    { WS_EDU_MEM_SIZE, 4, 0, ws_edu_read_mem_size },
    { WS_EDU_MEM_SIZE + 4, 4, 32, ws_edu_read_mem_size },
    { WS_EDU_STATUS, 4, 0, ws_edu_read_status, ws_edu_write_status },
    { WS_EDU_IRQ_STATUS, 4, 0, ws_edu_read_irq_status },
    { WS_EDU_IRQ_RAISE, 4, 0, NULL, ws_edu_write_irq_raise },
    { WS_EDU_IRQ_ACK, 4, 0, NULL, ws_edu_write_irq_ack },
    WS_EDU_PARAM(WS_EDU_QUEUE_DEPTH, 4, WS_DEPTH, "depth"),
    { WS_EDU_QUEUE_LEVEL, 4, 0, ws_edu_read_level, NULL, "level" },
    WS_EDU_PARAM(WS_EDU_DRAIN_NS, 8, WS_DRAIN_NS, "drain-ns"),
    WS_EDU_PARAM(WS_EDU_READ_NS, 8, WS_READ_NS, "read-ns"),
    WS_EDU_PARAM(WS_EDU_COMPLETION_NS, 8, WS_COMPLETION_NS,
                 "completion-timeout-ns"),
    { WS_EDU_FAULTS, 4, 0, ws_edu_read_faults, ws_edu_write_faults },
    { WS_EDU_DROP_NTH, 4, 0, ws_edu_read_drop_nth, ws_edu_write_drop_nth },
    { WS_EDU_BAD_ACCESSES, 4, 0, ws_edu_read_bad_accesses, NULL,
      "bad-accesses" },
    { WS_EDU_CONTROL, 4, 0, NULL, ws_edu_write_control },
    { WS_EDU_AER_UNCORRECTABLE, 4, 0, NULL, ws_edu_write_aer },
    { WS_EDU_AER_CORRECTABLE, 4, PCIE_AER_ERR_IS_CORRECTABLE, NULL,
      ws_edu_write_aer },
    { WS_EDU_LINK_DOWN_NS, 8, 0, NULL, ws_edu_write_link_down },
    WS_EDU_COUNTER(WS_EDU_STORES_1, "stores-1"),
    WS_EDU_COUNTER(WS_EDU_STORES_2, "stores-2"),
    WS_EDU_COUNTER(WS_EDU_STORES_4, "stores-4"),
    WS_EDU_COUNTER(WS_EDU_STORES_8, "stores-8"),
    WS_EDU_COUNTER(WS_EDU_STORE_BYTES, "store-bytes"),
    WS_EDU_COUNTER(WS_EDU_READS_MEM, "reads-mem"),
    WS_EDU_COUNTER(WS_EDU_READS_REG, "reads-reg"),
    WS_EDU_COUNTER(WS_EDU_READS_CONFIG, "reads-config"),
    WS_EDU_COUNTER(WS_EDU_READ_DRAINS, "read-drains"),
    WS_EDU_COUNTER(WS_EDU_LANDED, "landed"),
    WS_EDU_COUNTER(WS_EDU_DROPPED, "dropped"),
    WS_EDU_COUNTER(WS_EDU_BACKPRESSURE, "backpressure"),
    WS_EDU_COUNTER(WS_EDU_LEVEL_MAX, "level-max"),
    WS_EDU_COUNTER(WS_EDU_READ_TIMEOUTS, "read-timeouts"),
    WS_EDU_COUNTER(WS_EDU_DMA_READS, "dma-reads"),
    WS_EDU_COUNTER(WS_EDU_DMA_READ_BYTES, "dma-read-bytes"),
};

static const WsRegs ws_edu_regs = { ws_edu_reg, ARRAY_SIZE(ws_edu_reg) };

/* A functional register: its read is an ordinary read of the bus. */
static uint64_t ws_edu_cpu_read_reg(WsEdu *s, hwaddr addr, unsigned size)
{
    uint64_t value;

    ws_edu_count(s, WS_EDU_READS_REG);
    if (!ws_edu_read_arrives(s)) {
        return UINT64_MAX;
    }
    ws_regs_read(&ws_edu_regs, s, addr, size, &value);
    return ws_edu_read_returns(s) ? value : UINT64_MAX;
}

static MemTxResult ws_edu_regs_read(void *opaque, hwaddr addr, uint64_t *data,
                                    unsigned size, MemTxAttrs attrs)
{
    WsEdu *s = opaque;

    if (!ws_edu_alive(s)) {
        *data = UINT64_MAX;
    } else if (!ws_regs_readable(&ws_edu_regs, addr, size)) {
        ws_edu_reject(s, "read of register", addr, size, 0);
        *data = 0;
    } else if (addr < WS_EDU_INSTRUMENT && !ws_is_dma(attrs)) {
        object_ref(OBJECT(s));
        *data = ws_edu_cpu_read_reg(s, addr, size);
        object_unref(OBJECT(s));
    } else {
        ws_edu_land_due(s);
        ws_regs_read(&ws_edu_regs, s, addr, size, data);
    }
    return MEMTX_OK;
}

static MemTxResult ws_edu_regs_write(void *opaque, hwaddr addr, uint64_t data,
                                     unsigned size, MemTxAttrs attrs)
{
    WsEdu *s = opaque;

    if (ws_edu_alive(s) &&
        !ws_regs_write(&ws_edu_regs, s, addr, size, data)) {
        ws_edu_reject(s, "write to register", addr, size, data);
    }
    return MEMTX_OK;
}

/* Every access comes in as it is, so that it can be judged and counted. */
static const MemoryRegionOps ws_edu_regs_ops = {
    .read_with_attrs = ws_edu_regs_read,
    .write_with_attrs = ws_edu_regs_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* ---- configuration space ---- */

static uint32_t ws_edu_config_read(PCIDevice *pdev, uint32_t addr, int len)
{
    WsEdu *s = WRITESYNC_EDU(pdev);

    if (!ws_edu_alive(s)) {
        return ws_pci_all_ones(len);
    }
    ws_edu_count(s, WS_EDU_READS_CONFIG);
    if (!ws_edu_has(s, WS_FAULT_STALL)) {
        ws_edu_read_arrives(s);
    }
    return pci_default_read_config(pdev, addr, len);
}

static void ws_edu_config_write(PCIDevice *pdev, uint32_t addr, uint32_t val,
                                int len)
{
    WsEdu *s = WRITESYNC_EDU(pdev);

    if (ws_edu_alive(s)) {
        ws_pci_write_config(pdev, addr, val, len);
    }
}

/* ---- properties ---- */

static void ws_edu_get_reg(Object *obj, Visitor *v, const char *name,
                           void *opaque, Error **errp)
{
    WsEdu *s = WRITESYNC_EDU(obj);
    const WsReg *reg = opaque;
    uint64_t value;

    if (DEVICE(s)->realized) {
        ws_edu_land_due(s);
    }
    value = reg->read(s, reg->arg);
    visit_type_uint64(v, name, &value, errp);
}

static void ws_edu_set_param(Object *obj, Visitor *v, const char *name,
                             void *opaque, Error **errp)
{
    WsEdu *s = WRITESYNC_EDU(obj);
    const WsReg *reg = opaque;
    const WsParam *param = &ws_params[reg->arg];
    uint64_t value;

    if (!visit_type_uint64(v, name, &value, errp)) {
        return;
    }
    if (!ws_edu_param_valid(reg->arg, value)) {
        error_setg(errp, "%s takes %" PRIu64 " to %" PRIu64 "%s, not %" PRIu64,
                   name, param->min, param->max,
                   param->may_hold ? ", or 18446744073709551615 to hold" : "",
                   value);
        return;
    }
    if (DEVICE(s)->realized) {
        reg->write(s, reg->arg, value);
    } else {
        s->param_reset[reg->arg] = value;
        s->param[reg->arg] = value;
    }
}

/* A reset clears the faults, and there is one between creation and start. */
static bool ws_edu_check_exists(WsEdu *s, const char *name, Error **errp)
{
    if (!DEVICE(s)->realized) {
        error_setg(errp, "%s can only be set on a device that exists, "
                   "for example by qom-set", name);
        return false;
    }
    return true;
}

static void ws_edu_get_fault(Object *obj, Visitor *v, const char *name,
                             void *opaque, Error **errp)
{
    bool value = ws_edu_has(WRITESYNC_EDU(obj), GPOINTER_TO_UINT(opaque));

    visit_type_bool(v, name, &value, errp);
}

static void ws_edu_set_fault(Object *obj, Visitor *v, const char *name,
                             void *opaque, Error **errp)
{
    WsEdu *s = WRITESYNC_EDU(obj);
    uint32_t fault = GPOINTER_TO_UINT(opaque);
    bool value;

    if (visit_type_bool(v, name, &value, errp) &&
        ws_edu_check_exists(s, name, errp)) {
        ws_edu_set_faults(s, value ? s->faults | fault : s->faults & ~fault);
    }
}

static void ws_edu_get_drop(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    visit_type_uint32(v, name, &WRITESYNC_EDU(obj)->drop_left, errp);
}

static void ws_edu_set_drop(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    WsEdu *s = WRITESYNC_EDU(obj);
    uint32_t value;

    if (!visit_type_uint32(v, name, &value, errp) ||
        !ws_edu_check_exists(s, name, errp)) {
        return;
    }
    /* Off first, so that the count begins anew. */
    ws_edu_set_faults(s, s->faults & ~WS_FAULT_DROP);
    if (value) {
        s->drop_nth = value;
        ws_edu_set_faults(s, s->faults | WS_FAULT_DROP);
    }
}

static void ws_edu_get_link(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    bool value = !WRITESYNC_EDU(obj)->link_down;

    visit_type_bool(v, name, &value, errp);
}

static void ws_edu_set_link_property(Object *obj, Visitor *v, const char *name,
                                     void *opaque, Error **errp)
{
    WsEdu *s = WRITESYNC_EDU(obj);
    bool value;

    if (!visit_type_bool(v, name, &value, errp) ||
        !ws_edu_check_exists(s, name, errp)) {
        return;
    }
    if (!ws_link_exists(PCI_DEVICE(s))) {
        error_setg(errp, "there is no PCI Express port above the device, "
                   "so it has no link");
        return;
    }
    timer_del(s->link_timer);
    if (value == s->link_down) {
        ws_link_set(PCI_DEVICE(s), value);
    }
}

static void ws_edu_add_fault(ObjectClass *oc, const char *name, uint32_t fault)
{
    object_class_property_add(oc, name, "bool", ws_edu_get_fault,
                              ws_edu_set_fault, NULL, GUINT_TO_POINTER(fault));
}

static void ws_edu_add_properties(ObjectClass *oc)
{
    const WsReg *reg;

    for (reg = ws_edu_reg; reg < ws_edu_reg + ARRAY_SIZE(ws_edu_reg); reg++) {
        if (reg->property) {
            object_class_property_add(oc, reg->property, "uint64",
                                      ws_edu_get_reg,
                                      reg->write ? ws_edu_set_param : NULL,
                                      NULL, (void *)reg);
        }
    }
    ws_edu_add_fault(oc, "stall", WS_FAULT_STALL);
    ws_edu_add_fault(oc, "slow-read", WS_FAULT_SLOW_READ);
    ws_edu_add_fault(oc, "dead", WS_FAULT_DEAD);
    object_class_property_add(oc, "drop", "uint32", ws_edu_get_drop,
                              ws_edu_set_drop, NULL, NULL);
    object_class_property_add(oc, "link", "bool", ws_edu_get_link,
                              ws_edu_set_link_property, NULL, NULL);
}

WS_PROPERTIES ws_edu_properties[] = {
    DEFINE_PROP_SIZE("mem-size", WsEdu, mem_size, 1 * MiB),
    DEFINE_PROP_BOOL("posted", WsEdu, posted, true),
    DEFINE_PROP_BOOL("prefetch", WsEdu, prefetch, true),
    WS_END_OF_PROPERTIES
};

uint64_t ws_edu_mem_size(const WsEdu *s)
{
    return s->mem_size;
}

bool ws_edu_link_down(const WsEdu *s)
{
    return s->link_down;
}

void ws_edu_add_exit_notifier(WsEdu *s, Notifier *notifier)
{
    notifier_list_add(&s->exit_notifiers, notifier);
}

/* ---- migration ---- */

/* The memory has been saved already: what is due lands at the other side. */
static int ws_edu_pre_save(void *opaque)
{
    WsEdu *s = opaque;
    g_autofree WsStore *linear = g_new(WsStore, s->level);
    uint32_t i;

    for (i = 0; i < s->level; i++) {
        linear[i] = *ws_edu_entry(s, i);
    }
    if (s->level) {
        memcpy(s->queue, linear, s->level * sizeof(*linear));
    }
    s->head = 0;
    return 0;
}

static bool ws_edu_level_valid(void *opaque, int version_id)
{
    WsEdu *s = opaque;

    return s->level <= (s->posted ? WS_EDU_QUEUE_DEPTH_MAX : 0);
}

static int ws_edu_post_load(void *opaque, int version_id)
{
    WsEdu *s = opaque;
    uint32_t i;

    s->head = 0;
    for (i = 0; i < WS_PARAM_COUNT; i++) {
        if (!ws_edu_param_valid(i, s->param[i])) {
            return -EINVAL;
        }
    }
    for (i = 0; i < s->level; i++) {
        WsStore *store = ws_edu_entry(s, i);

        if (store->size > 8 || !is_power_of_2(store->size) ||
            !ws_edu_in_memory(s, store->addr, store->size)) {
            return -EINVAL;
        }
    }
    if (s->faults & ~WS_FAULT_ALL || !s->drop_nth ||
        !s->drop_left == !!(s->faults & WS_FAULT_DROP)) {
        return -EINVAL;
    }
    if (s->link_down ? !ws_link_exists(PCI_DEVICE(s)) :
                       timer_pending(s->link_timer)) {
        return -EINVAL;
    }
    ws_edu_update_catch(s);
    ws_edu_update_timer(s);
    return 0;
}

static const VMStateDescription vmstate_ws_store = {
    .name = "writesync-edu/store",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (VMStateField[]) {
        VMSTATE_UINT64(addr, WsStore),
        VMSTATE_UINT64(data, WsStore),
        VMSTATE_INT64(due, WsStore),
        VMSTATE_UINT8(size, WsStore),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_ws_edu = {
    .name = TYPE_WRITESYNC_EDU,
    .version_id = 2,
    .minimum_version_id = 2,
    .pre_save = ws_edu_pre_save,
    .post_load = ws_edu_post_load,
    .fields = (VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, WsEdu),
        VMSTATE_UINT64_EQUAL(mem_size, WsEdu, "another mem-size"),
        VMSTATE_UINT32(liveness, WsEdu),
        VMSTATE_UINT32(irq_status, WsEdu),
        VMSTATE_BOOL(irq_on_empty, WsEdu),
        VMSTATE_UINT64_ARRAY(param, WsEdu, WS_PARAM_COUNT),
        VMSTATE_UINT32(faults, WsEdu),
        VMSTATE_UINT32(drop_nth, WsEdu),
        VMSTATE_UINT32(drop_left, WsEdu),
        VMSTATE_INT64(give_up, WsEdu),
        VMSTATE_UINT32(bad_accesses, WsEdu),
        VMSTATE_UINT64_ARRAY(counter, WsEdu, WS_EDU_COUNTER_COUNT),
        VMSTATE_UINT32(level, WsEdu),
        VMSTATE_VALIDATE("level fits", ws_edu_level_valid),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(queue, WsEdu, level,
                                             vmstate_ws_store, WsStore),
        VMSTATE_BOOL(link_down, WsEdu),
        VMSTATE_TIMER_PTR(link_timer, WsEdu),
        VMSTATE_END_OF_LIST()
    },
};

/* ---- life ---- */

/* None brings the link up that is down. */
static void ws_edu_reset(DeviceState *dev)
{
    ws_pci_reset(PCI_DEVICE(dev));
    ws_edu_reset_state(WRITESYNC_EDU(dev));
}

/*
 * Memory without power forgets. It wakes up with other bytes than it had, which
 * are not those that a device which does not answer is read as.
 */
static void ws_edu_forget_memory(WsEdu *s)
{
    uint64_t filled = MIN(s->mem_size, WS_EDU_MEM_SIZE_RESERVED);
    uint8_t pattern = WS_EDU_MEM_PATTERN;

    if (s->mem_ptr[0] == pattern) {
        pattern = ~pattern;
    }
    memset(s->mem_ptr, pattern, filled);
    /* The rest is not to be backed by the host: it becomes zeros. */
    qemu_madvise(s->mem_ptr + filled, s->mem_size - filled,
                 QEMU_MADV_DONTNEED);
    memory_region_set_dirty(&s->mem, 0, s->mem_size);
}

/* Called when the link of all functions below the port changes. */
void ws_edu_set_link(WsEdu *s, bool up)
{
    timer_del(s->link_timer);
    s->link_down = !up;
    if (up) {
        ws_pci_power_cycle(PCI_DEVICE(s));
        ws_edu_forget_memory(s);
    } else {
        s->link_losses++;
        ws_edu_lose_queue(s);
    }
    ws_edu_update_catch(s);
    ws_edu_update_intx(s);
    ws_edu_update_timer(s);
}

static void ws_edu_link_timer(void *opaque)
{
    ws_link_set(PCI_DEVICE(opaque), true);
}

static bool ws_edu_init_memory(WsEdu *s, Error **errp)
{
    ERRP_GUARD();
    uint32_t flags = s->mem_size > WS_EDU_MEM_SIZE_RESERVED ? RAM_NORESERVE : 0;

    memory_region_init_ram_flags_nomigrate(&s->mem, OBJECT(s), "writesync-mem",
                                           s->mem_size, flags, errp);
    if (*errp) {
        return false;
    }
    vmstate_register_ram(&s->mem, DEVICE(s));
    s->mem_ptr = memory_region_get_ram_ptr(&s->mem);
    return true;
}

static void ws_edu_init_bars(WsEdu *s)
{
    PCIDevice *pdev = PCI_DEVICE(s);
    uint8_t type = PCI_BASE_ADDRESS_SPACE_MEMORY |
                   PCI_BASE_ADDRESS_MEM_TYPE_64 |
                   (s->prefetch ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0);

    memory_region_init_io(&s->regs, OBJECT(s), &ws_edu_regs_ops, s,
                          "writesync-regs", WS_REGS_SIZE);
    memory_region_init_io(&s->mem_io, OBJECT(s), &ws_edu_mem_ops, s,
                          "writesync-posted", s->mem_size);
    /* One vCPU may enter while another one sleeps in here. */
    s->regs.disable_reentrancy_guard = true;
    s->mem_io.disable_reentrancy_guard = true;

    memory_region_init(&s->bar, OBJECT(s), "writesync-bar", s->mem_size);
    memory_region_add_subregion(&s->bar, 0, &s->mem);
    memory_region_add_subregion_overlap(&s->bar, 0, &s->mem_io, 1);
    ws_edu_update_catch(s);

    pci_register_bar(pdev, WS_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->regs);
    pci_register_bar(pdev, WS_BAR_MEM, type, &s->bar);
}

/* A board without MSI still has the interrupt pin. */
static bool ws_edu_init_irq(PCIDevice *pdev, Error **errp)
{
    Error *err = NULL;
    int ret = msi_init(pdev, 0, 1, true, false, &err);

    if (ret && ret != -ENOTSUP) {
        error_propagate(errp, err);
        return false;
    }
    error_free(err);
    pci_config_set_interrupt_pin(pdev->config, 1);
    return true;
}

static void ws_edu_realize(PCIDevice *pdev, Error **errp)
{
    WsEdu *s = WRITESYNC_EDU(pdev);

    if (s->mem_size < WS_EDU_MEM_SIZE_MIN || !is_power_of_2(s->mem_size)) {
        error_setg(errp, "mem-size must be a power of two and at least 4K, "
                   "not %" PRIu64, s->mem_size);
        return;
    }
    if (!ws_pci_add_capabilities(pdev, errp)) {
        return;
    }
    if (!ws_edu_init_irq(pdev, errp)) {
        goto err_remove_capabilities;
    }
    if (!ws_edu_init_memory(s, errp)) {
        goto err_uninit_msi;
    }
    s->queue = g_new0(WsStore, WS_EDU_QUEUE_DEPTH_MAX);
    s->empty_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, ws_edu_timer, s);
    s->link_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, ws_edu_link_timer, s);
    ws_link_init(pdev);
    ws_edu_init_bars(s);
    return;

err_uninit_msi:
    msi_uninit(pdev);
err_remove_capabilities:
    ws_pci_remove_capabilities(pdev);
}

static void ws_edu_unref(void *opaque)
{
    object_unref(OBJECT(opaque));
}

static void ws_edu_exit(PCIDevice *pdev)
{
    WsEdu *s = WRITESYNC_EDU(pdev);

    notifier_list_notify(&s->exit_notifiers, NULL);
    /* As parts of the BAR they hold references to the device. */
    memory_region_del_subregion(&s->bar, &s->mem_io);
    memory_region_del_subregion(&s->bar, &s->mem);
    ws_edu_lose_queue(s);
    vmstate_unregister_ram(&s->mem, DEVICE(s));
    msi_uninit(pdev);
    ws_pci_remove_capabilities(pdev);
    /* One of our own functions may be what leads here: it has to return. */
    object_ref(OBJECT(s));
    aio_bh_schedule_oneshot(qemu_get_aio_context(), ws_edu_unref, s);
}

static void ws_edu_instance_finalize(Object *obj)
{
    WsEdu *s = WRITESYNC_EDU(obj);

    timer_free(s->link_timer);
    timer_free(s->empty_timer);
    g_free(s->queue);
}

static void ws_edu_instance_init(Object *obj)
{
    WsEdu *s = WRITESYNC_EDU(obj);
    int i;

    for (i = 0; i < WS_PARAM_COUNT; i++) {
        s->param_reset[i] = ws_params[i].initial;
        s->param[i] = ws_params[i].initial;
    }
    s->drop_nth = 1;
    notifier_list_init(&s->exit_notifiers);
}

static void ws_edu_class_init(ObjectClass *oc, WsClassData *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(oc);

    k->realize = ws_edu_realize;
    k->exit = ws_edu_exit;
    k->config_read = ws_edu_config_read;
    k->config_write = ws_edu_config_write;
    k->vendor_id = WS_PCI_VENDOR_ID;
    k->device_id = WS_PCI_DEVICE_ID_EDU;
    k->revision = 0x10;
    k->class_id = PCI_CLASS_OTHERS;

    dc->desc = "memory behind a posted-write queue";
    dc->realize = ws_pci_realize;
    dc->vmsd = &vmstate_ws_edu;
    device_class_set_legacy_reset(dc, ws_edu_reset);
    device_class_set_props(dc, ws_edu_properties);
    ws_edu_add_properties(oc);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static void ws_edu_register_types(void)
{
    static InterfaceInfo interfaces[] = {
        { INTERFACE_PCIE_DEVICE },
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    };
    static const TypeInfo info = {
        .name = TYPE_WRITESYNC_EDU,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(WsEdu),
        .instance_init = ws_edu_instance_init,
        .instance_finalize = ws_edu_instance_finalize,
        .class_init = ws_edu_class_init,
        .interfaces = interfaces,
    };

    type_register_static(&info);
}
type_init(ws_edu_register_types)

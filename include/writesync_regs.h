/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writesync_regs.h - registers of the virtual devices writesync-edu and
 * writesync-peer.
 *
 * This is the one definition of the register map: the kernel driver, the QEMU
 * device models and the tests all include it. It uses the preprocessor only,
 * so that C for any side can include it. Documentation/registers.md says what
 * each register means.
 */
#ifndef WRITESYNC_REGS_H
#define WRITESYNC_REGS_H

/* PCI identification: vendor 1234 is the one QEMU's own edu device uses. */
#define WS_PCI_VENDOR_ID		0x1234
#define WS_PCI_DEVICE_ID_EDU		0x5753
#define WS_PCI_DEVICE_ID_PEER		0x5750

#define WS_BAR_REGS			0	/* both devices: registers */
#define WS_BAR_MEM			2	/* writesync-edu: the memory */
#define WS_REGS_SIZE			0x1000

/*
 * writesync-edu, BAR 0.
 *
 * Offsets below 0x80 are the device's functional registers; they begin as
 * those of QEMU's edu do and take 4-byte accesses only. A CPU read of one of
 * them is an ordinary PCI read: it pushes the posted-write queue ahead of it.
 */
#define WS_EDU_ID			0x00	/* RO 4 */
#define  WS_EDU_ID_MAGIC_MASK		0x0000ffff
#define  WS_EDU_ID_MAGIC		0x000057ed
#define  WS_EDU_ID_MAJOR_SHIFT		24
#define  WS_EDU_ID_MINOR_SHIFT		16
#define  WS_EDU_ID_VALUE		0x010057ed	/* version 1.0 */
#define WS_EDU_LIVENESS			0x04	/* RW 4: reads ~written */
#define WS_EDU_FEATURES			0x10	/* RO 4 */
#define  WS_EDU_FEATURE_POSTED		0x00000001	/* BAR 2 is queued */
#define  WS_EDU_FEATURE_PREFETCH	0x00000002	/* BAR 2 prefetchable */
#define  WS_EDU_FEATURE_EXPRESS		0x00000004	/* PCIe endpoint */
#define WS_EDU_MEM_SIZE			0x18	/* RO 4+4: bytes of BAR 2 */
#define WS_EDU_STATUS			0x20	/* RW 4 */
#define  WS_EDU_STATUS_PENDING		0x00000001	/* RO: queue not empty */
#define  WS_EDU_STATUS_FULL		0x00000002	/* RO: queue full */
#define  WS_EDU_STATUS_IRQ_ON_EMPTY	0x00000080	/* RW: see below */
#define WS_EDU_IRQ_STATUS		0x24	/* RO 4 */
#define  WS_EDU_IRQ_EMPTY		0x00000100	/* queue ran empty */
#define  WS_EDU_IRQ_RESET		0x00000200	/* the device reset itself */
#define WS_EDU_IRQ_RAISE		0x60	/* WO 4 */
#define WS_EDU_IRQ_ACK			0x64	/* WO 4 */

/*
 * Offsets from 0x80 on are the instrument: queue, faults, counters. Its reads
 * are answered beside the queue. They neither drain it nor are they counted,
 * so a witness does not change what it watches. It takes 4-byte accesses, and
 * 8-byte accesses to the 8-byte registers.
 */
#define WS_EDU_INSTRUMENT		0x80
#define WS_EDU_QUEUE_DEPTH		0x80	/* RW 4: entries, 1..65536 */
#define  WS_EDU_QUEUE_DEPTH_MAX		65536
#define WS_EDU_QUEUE_LEVEL		0x84	/* RO 4: stores not yet landed */
#define WS_EDU_DRAIN_NS			0x88	/* RW 8: ns per entry */
#define  WS_EDU_DRAIN_NS_MAX		10000000000
#define  WS_EDU_DRAIN_HOLD		0xffffffffffffffff	/* no time */
#define WS_EDU_READ_NS			0x90	/* RW 8: used by SLOW_READ */
#define  WS_EDU_READ_NS_MAX		10000000000
#define WS_EDU_COMPLETION_NS		0x98	/* RW 8: completion time-out */
#define  WS_EDU_COMPLETION_NS_MIN	50000		/* 50 us */
#define  WS_EDU_COMPLETION_NS_MAX	64000000000	/* 64 s: range D */
#define WS_EDU_FAULTS			0xa0	/* RW 4 */
#define  WS_FAULT_STALL			0x00000001
#define  WS_FAULT_SLOW_READ		0x00000002
#define  WS_FAULT_DROP			0x00000004	/* clears itself */
#define  WS_FAULT_DEAD			0x00000008
#define  WS_FAULT_ALL			0x0000000f
#define WS_EDU_DROP_NTH			0xa4	/* RW 4: 1 is the next store */
#define WS_EDU_BAD_ACCESSES		0xa8	/* RO 4: rejected accesses */
#define WS_EDU_CONTROL			0xb0	/* WO 4 */
#define  WS_EDU_CONTROL_CLEAR_COUNTERS	0x00000001
#define  WS_EDU_CONTROL_RESET		0x00000002	/* the device's own reset */
#define WS_EDU_AER_UNCORRECTABLE	0xb8	/* WO 4: report this error (AER) */
#define WS_EDU_AER_CORRECTABLE		0xbc	/* WO 4: one bit of the status */
#define WS_EDU_LINK_DOWN_NS		0xc0	/* WO 8: take the link down */
#define  WS_EDU_LINK_DOWN_NS_MAX	10000000000
#define  WS_EDU_LINK_DOWN_HOLD		0xffffffffffffffff	/* until the host */

/* Counters, RO 8 each: what the bus saw at BAR 2 (posted mode). */
#define WS_EDU_STORES_1			0x100	/* CPU stores of 1 byte */
#define WS_EDU_STORES_2			0x108
#define WS_EDU_STORES_4			0x110
#define WS_EDU_STORES_8			0x118
#define WS_EDU_STORE_BYTES		0x120
#define WS_EDU_READS_MEM		0x128	/* CPU reads of BAR 2 */
#define WS_EDU_READS_REG		0x130	/* CPU reads of BAR 0 < 0x80 */
#define WS_EDU_READS_CONFIG		0x138	/* configuration reads */
#define WS_EDU_READ_DRAINS		0x140	/* reads that pushed a store */
#define WS_EDU_LANDED			0x148	/* stores that landed */
#define WS_EDU_DROPPED			0x150	/* stores lost by a fault */
#define WS_EDU_BACKPRESSURE		0x158	/* stores that met a full queue */
#define WS_EDU_LEVEL_MAX		0x160	/* highest queue level */
#define WS_EDU_READ_TIMEOUTS		0x168	/* reads that timed out */
#define WS_EDU_DMA_READS		0x170	/* other devices' reads of BAR 2 */
#define WS_EDU_DMA_READ_BYTES		0x178
#define WS_EDU_COUNTERS			0x100
#define WS_EDU_COUNTERS_END		0x180

/*
 * writesync-peer, BAR 0: a second function behind the same port that reads the
 * first one's memory by DMA. 4-byte accesses, 8-byte ones too where 8 stands.
 */
#define WS_PEER_ID			0x00	/* RO 4 */
#define  WS_PEER_ID_MAGIC_MASK		0x0000ffff
#define  WS_PEER_ID_MAGIC		0x00005750
#define  WS_PEER_ID_VALUE		0x01005750	/* version 1.0 */
#define WS_PEER_RESULT			0x04	/* RO 4: of the last command */
#define  WS_PEER_RESULT_OK		0
#define  WS_PEER_RESULT_RANGE		1	/* not inside the memory */
#define  WS_PEER_RESULT_DMA		2	/* the bus refused */
#define  WS_PEER_RESULT_COMMAND		3	/* no such command */
#define  WS_PEER_RESULT_NONE		4	/* no command since reset */
#define WS_PEER_COMMAND			0x08	/* WO 4: runs at once */
#define  WS_PEER_COMMAND_CRC32		1
#define  WS_PEER_COMMAND_COPY		2
#define WS_PEER_OFFSET			0x10	/* RW 8: into the memory */
#define WS_PEER_LENGTH			0x18	/* RW 8: bytes, 1 or more */
#define WS_PEER_RAM_ADDRESS		0x20	/* RW 8: bus address, for COPY */
#define WS_PEER_CRC32			0x28	/* RO 4: IEEE 802.3 */
#define WS_PEER_TARGET_FAULTS		0x2c	/* RW 4: WS_EDU_FAULTS of the target */
#define WS_PEER_DONE_BYTES		0x30	/* RO 8: of the last command */
#define WS_PEER_BAD_ACCESSES		0x38	/* RO 4 */

#endif /* WRITESYNC_REGS_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: /sys/kernel/tracing/events/writesync/.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM writesync

#if !defined(WS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define WS_TRACE_H

#include <linux/tracepoint.h>
#include <linux/writesync.h>

TRACE_EVENT(writesync_write,
	TP_PROTO(unsigned int window, u64 offset, u64 length, s64 ret),
	TP_ARGS(window, offset, length, ret),
	TP_STRUCT__entry(
		__field(u32, window)
		__field(u64, offset)
		__field(u64, length)
		__field(s64, ret)
	),
	TP_fast_assign(
		__entry->window = window;
		__entry->offset = offset;
		__entry->length = length;
		__entry->ret = ret;
	),
	TP_printk("window=%u offset=%llu length=%llu ret=%lld",
		  __entry->window, __entry->offset, __entry->length,
		  __entry->ret)
);

TRACE_EVENT(writesync_sync_begin,
	TP_PROTO(unsigned int window, u64 posted, u64 synced),
	TP_ARGS(window, posted, synced),
	TP_STRUCT__entry(
		__field(u32, window)
		__field(u64, posted)
		__field(u64, synced)
	),
	TP_fast_assign(
		__entry->window = window;
		__entry->posted = posted;
		__entry->synced = synced;
	),
	TP_printk("window=%u posted=%llu synced=%llu",
		  __entry->window, __entry->posted, __entry->synced)
);

TRACE_EVENT(writesync_sync_end,
	TP_PROTO(unsigned int window, int ret, u64 synced, u32 readbacks,
		 u64 elapsed_ns),
	TP_ARGS(window, ret, synced, readbacks, elapsed_ns),
	TP_STRUCT__entry(
		__field(u32, window)
		__field(s32, ret)
		__field(u64, synced)
		__field(u32, readbacks)
		__field(u64, elapsed_ns)
	),
	TP_fast_assign(
		__entry->window = window;
		__entry->ret = ret;
		__entry->synced = synced;
		__entry->readbacks = readbacks;
		__entry->elapsed_ns = elapsed_ns;
	),
	TP_printk("window=%u ret=%d synced=%llu readbacks=%u elapsed_ns=%llu",
		  __entry->window, __entry->ret, __entry->synced,
		  __entry->readbacks, __entry->elapsed_ns)
);

TRACE_EVENT(writesync_readback,
	TP_PROTO(unsigned int window, u64 covered, u64 ns, int ret),
	TP_ARGS(window, covered, ns, ret),
	TP_STRUCT__entry(
		__field(u32, window)
		__field(u64, covered)
		__field(u64, ns)
		__field(s32, ret)
	),
	TP_fast_assign(
		__entry->window = window;
		__entry->covered = covered;
		__entry->ns = ns;
		__entry->ret = ret;
	),
	TP_printk("window=%u covered=%llu ns=%llu ret=%d",
		  __entry->window, __entry->covered, __entry->ns,
		  __entry->ret)
);

TRACE_DEFINE_ENUM(WRITESYNC_STATE_LIVE);
TRACE_DEFINE_ENUM(WRITESYNC_STATE_FROZEN);
TRACE_DEFINE_ENUM(WRITESYNC_STATE_DEAD);

TRACE_EVENT(writesync_state,
	TP_PROTO(unsigned int window, u32 state, u64 generation),
	TP_ARGS(window, state, generation),
	TP_STRUCT__entry(
		__field(u32, window)
		__field(u32, state)
		__field(u64, generation)
	),
	TP_fast_assign(
		__entry->window = window;
		__entry->state = state;
		__entry->generation = generation;
	),
	TP_printk("window=%u state=%s generation=%llu", __entry->window,
		  __print_symbolic(__entry->state,
				   { WRITESYNC_STATE_LIVE, "live" },
				   { WRITESYNC_STATE_FROZEN, "frozen" },
				   { WRITESYNC_STATE_DEAD, "dead" }),
		  __entry->generation)
);

#endif /* WS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

// Decoding of the side-band records of a perf ring into ProcessEvents.
//
// Expects events opened with sample_id_all and PERF_SAMPLE_TID | TIME | CPU, so that the last 24
// bytes of every record are { u32 pid, tid; u64 time; u32 cpu, reserved }. The kernel writes the
// rings, nevertheless no length is believed. No state, any thread.
#pragma once

#include <linux/perf_event.h>

#include <cstddef>
#include <optional>
#include <span>

#include "daemon/process/process_event.h"

namespace pprofd {

// The event of one record; nothing for types that are not of interest or records too short to be
// true.
std::optional<ProcessEvent> decode_sideband(const perf_event_header& header,
                                            std::span<const std::byte> payload);

} // namespace pprofd

// Small things asked of the kernel, to see whether it gives them: maps, programs of a few
// instructions, perf events. Raw bpf(2) and perf_event_open(2) through the environment's calls.
//
// Results are descriptors that close themselves; failures are errno values.
#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/doctor/probes.h"
#include "symbolizer/base/fd.h"

namespace pprofd {

using Trial = std::expected<Fd, int>;

Trial create_ring_buffer(const KernelCalls& calls, uint32_t bytes);
Trial create_array(const KernelCalls& calls, uint32_t bytes);

// A perf_event program that does nothing.
Trial load_perf_program(const KernelCalls& calls);

// Whether perf_event programs may call the helper. The trial program calls it with wrong arguments:
// a verifier that knows the helper complains about those, one that does not about the helper.
// EINVAL without a word means the latter. Other errors are not the verifier's: errno values.
std::expected<bool, int> helper_exists(const KernelCalls& calls, uint32_t helper);

// A tracing program that does nothing, attached to the tracepoint that the BTF type is of.
Trial attach_tracepoint(const KernelCalls& calls, uint32_t btf_type);

// An event of all processes on the CPU, disabled.
Trial open_sampling_event(const KernelCalls& calls, uint32_t type, uint64_t config, int cpu);
// The side band of processes and mappings.
Trial open_side_band(const KernelCalls& calls, bool build_ids, int cpu);

// The number of the type "btf_trace_NAME" in a BTF file as /sys/kernel/btf has them; nothing if it
// is not there or the file makes no sense. Source: Documentation/bpf/btf.rst.
std::optional<uint32_t> find_tracepoint_type(const std::filesystem::path& btf,
                                             std::string_view name);

} // namespace pprofd

// One process's aggregate -> one pprof profile, with names, labels and the accounting in its
// comments. The rules are pprof's (profile_builder.h) and:
//   - kernel frames have the mapping [kernel.kallsyms] or [MODULE];
//   - a frame without a symbol is a function BASENAME+0xADDRESS and is counted;
//   - samples.taken = samples.written + every samples.dropped.*,
//     samples.written = stacks.complete + every stacks.incomplete.*.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/collect/collector.h"
#include "daemon/kernel/kernel_symbols.h"
#include "daemon/profile/profile_builder.h"
#include "daemon/sampling/event.h"

namespace pprofd {

// What all profiles of one recording have in common.
struct RecordingInfo {
  SamplingEvent event;
  unsigned frequency = 0; // Hz
  int64_t time_nanos = 0; // start, since 1970
  int64_t duration_nanos = 0;
  bool symbolized = true;
  bool merged = false; // to be merged: samples carry their process, comments come in the end
  std::string host;
  std::string kernel;              // uname's release
  uint64_t unattributed_drops = 0; // of the machine, by no process
};

// The names of all kernel addresses in these aggregates, looked up in one pass.
class KernelNames {
public:
  static KernelNames resolve(const Collector& collector);

  [[nodiscard]] const KernelSymbol* find(uint64_t address) const;
  // The addresses seen in a module, or in the kernel where they lie in no known text.
  struct Span {
    uint64_t start;
    uint64_t limit;
  };
  [[nodiscard]] Span span_of(const std::string& module) const;
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] const std::string& hint() const { return hint_; }

private:
  std::unordered_map<uint64_t, KernelSymbol> symbols_;
  std::unordered_map<std::string, Span> spans_; // by module; the kernel's under ""
  std::string failure_;
  std::string hint_;
};

struct ComposedProfile {
  perftools::profiles::Profile profile;
  uint64_t unsymbolized_frames = 0; // of all samples
};

// The profile of one process. Any thread, after Collector::finish().
ComposedProfile compose_profile(const RecordingInfo& info, const CollectedProcess& process,
                                const Collector& collector, const KernelNames& kernel);

// One profile of several processes (composed with info.merged), with their accounting added up.
// `profiles` is not empty.
Result<perftools::profiles::Profile> compose_merged(const RecordingInfo& info,
                                                    const std::vector<ComposedProfile>& profiles,
                                                    const SampleAccounting& accounting);

} // namespace pprofd

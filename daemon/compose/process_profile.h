// One process's aggregate -> one pprof profile, with names, labels and the accounting in its
// comments. The rules are pprof's (profile_builder.h) and:
//   - kernel frames have the mapping [kernel.kallsyms] or [MODULE];
//   - a frame without a symbol is a function BASENAME+0xADDRESS and is counted;
//   - frames.unsymbolized = every symbols.missing.*;
//   - samples.taken = samples.written + every samples.dropped.*,
//     samples.written = stacks.complete + every stacks.incomplete.*.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/collect/collector.h"
#include "daemon/compose/missing_names.h"
#include "daemon/kernel/kernel_symbols.h"
#include "daemon/profile/key_values.h"
#include "daemon/profile/profile_builder.h"
#include "daemon/sampling/event.h"

namespace pprofd {

// What all profiles of one recording (one window) have in common.
struct RecordingInfo {
  SamplingEvent event;
  unsigned frequency = 0; // Hz
  int64_t time_nanos = 0; // start, since 1970
  int64_t duration_nanos = 0;
  bool symbolized = true;
  bool merged = false; // to be merged: samples carry their process, comments come in the end
  std::string host;
  std::string kernel;              // uname's release
  KeyValues comments;              // further ones, of every profile: the configuration's labels
  uint64_t unattributed_drops = 0; // of the machine, by no process
};

// Host and kernel of this machine, for a RecordingInfo; the rest is the caller's.
RecordingInfo describe_machine();

// The names of kernel addresses, looked up for many at a time: each look-up reads all symbols (a
// tenth of a second). What lies in a function that is known needs none.
class KernelNames {
public:
  // Looks up what the window's processes have and what was not asked for before.
  void add(const CollectedWindow& window);

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
  // Modules come and go: everything is looked up anew when there is more than this.
  static constexpr size_t kMost = size_t{1} << 16;

  void resolve(const std::vector<ProcessAddress>& addresses);
  [[nodiscard]] const KernelSymbol* known_around(uint64_t address) const;
  void note(uint64_t address, const KernelSymbol* symbol);

  std::unordered_set<uint64_t> asked_;
  std::unordered_map<uint64_t, KernelSymbol> symbols_;
  std::map<uint64_t, KernelSymbol> functions_;  // those of symbols_, by their start
  std::unordered_map<std::string, Span> spans_; // by module; the kernel's under ""
  std::string failure_;
  std::string hint_;
};

struct ComposedProfile {
  perftools::profiles::Profile profile;
  MissingNames missing;
};

// The profile of one process. The collector's thread, for a window that is ready.
ComposedProfile compose_profile(const RecordingInfo& info, const CollectedProcess& process,
                                const Collector& collector, const KernelNames& kernel);

// One profile of several processes (composed with info.merged), with their accounting added up.
Result<perftools::profiles::Profile> compose_merged(const RecordingInfo& info,
                                                    const std::vector<ComposedProfile>& profiles,
                                                    const SampleAccounting& accounting);

} // namespace pprofd

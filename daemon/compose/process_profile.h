// One process's aggregate -> one pprof profile, with names, labels and the accounting in its
// comments. The rules are pprof's (profile_builder.h) and:
//   - kernel frames have the mapping [kernel.kallsyms] or [MODULE];
//   - a frame without a symbol is a function BASENAME+0xADDRESS and is counted;
//   - frames.unsymbolized = every symbols.missing.*;
//   - samples.taken = samples.written + every samples.dropped.*,
//     samples.written = stacks.complete + every stacks.incomplete.*.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/collect/collector.h"
#include "daemon/compose/missing_names.h"
#include "daemon/kernel/kernel_names.h"
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

// Looks up the names of the kernel's addresses in a window.
void add_kernel_names(KernelNames& kernel, const CollectedWindow& window);

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

// One process's profile as it goes to the sink: composed, and what stands beside its bytes. The
// collector's thread.
#pragma once

#include "daemon/collect/collector.h"
#include "daemon/compose/process_profile.h"
#include "proto/serve.pb.h"

namespace pprofd {

struct SinkProfile {
  serve::WindowProfile head; // all but the bytes
  ComposedProfile composed;
};

// For a window that is ready. What `info` has as comments are labels too; the label `service` is
// the process's (service_name.h).
SinkProfile make_sink_profile(RecordingInfo info, const CollectedProcess& process,
                              const Collector& collector, const KernelNames& kernel);

} // namespace pprofd

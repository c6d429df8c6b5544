// perf_event_open(2) with owned descriptors and errors that say what to do.
//
// Source: include/uapi/linux/perf_event.h and perf_event_open(2).
#pragma once

#include <linux/perf_event.h>
#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <string>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Opens one event; attr.size is filled in, PERF_FLAG_FD_CLOEXEC is added. pid -1 with a CPU number
// is everything on that CPU. The failure is the errno value, for callers that have a fallback
// (EINVAL: this kernel does not know an attribute; ENODEV: the CPU is not online; ENOENT and
// EOPNOTSUPP: no such event here; EACCES and EPERM: privileges; EMFILE: descriptors).
std::expected<Fd, int> perf_event_open(perf_event_attr attr, pid_t pid, int cpu, int group_fd = -1,
                                       uint64_t flags = 0);

// The errno value of perf_event_open as the user shall read it, with a hint. `what` names the
// event: "open the cpu-clock event of CPU 3".
Error perf_event_error(std::string what, int error_number);

} // namespace pprofd

// The probes by what they ask, each group in a file of its own. Used by run_probes().
#pragma once

#include <string>
#include <vector>

#include "daemon/doctor/host.h"
#include "daemon/doctor/probes.h"

namespace pprofd {

struct ProbeContext {
  const ProbeEnvironment& environment;
  const Host& host;
};

std::vector<Probe> host_probes(const ProbeContext& context);      // kernel, namespaces, cgroups
std::vector<Probe> privilege_probes(const ProbeContext& context); // capabilities
std::vector<Probe> bpf_probes(const ProbeContext& context);
std::vector<Probe> perf_probes(const ProbeContext& context);
std::vector<Probe> name_probes(const ProbeContext& context);    // kernel symbols, the worker
std::vector<Probe> storage_probes(const ProbeContext& context); // output

// Why the kernel refuses, and what helps.
struct Refusal {
  std::string why;
  std::string remedy;
};

// Bad answers.
Probe warned(Probe probe, std::string result, std::string consequence, std::string remedy);
Probe failed(Probe probe, std::string result, std::string consequence, std::string remedy);

inline constexpr const char* kNoRecording = "recording is impossible";
inline constexpr const char* kRunAsRoot = "run it as root: sudo pprofd ...";

} // namespace pprofd

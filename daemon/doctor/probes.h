// What this kernel and these privileges allow, found by trying. Each probe answers one question and
// says, where the answer is bad, what follows from it and what helps.
//
// `pprofd doctor` prints them all; `record` asks them why a start failed. Probes leave nothing
// behind: every program, map, event and child process is gone when they return. Any thread; a run
// takes some ten milliseconds.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/result.h"

union bpf_attr;
struct perf_event_attr;

namespace pprofd {

enum class ProbeStatus {
  kOk,
  kNote,    // something is not there, and nothing is lost by it
  kWarning, // recording works, but less well
  kFailed,  // recording is impossible
};

// Members that may be left out say so by {}: GCC warns of the others.
// NOLINTBEGIN(readability-redundant-member-init)
struct Probe {
  std::string id;    // for scripts: "cap-bpf", "ring-buffer"
  std::string title; // for people: "CAP_BPF", "BPF ring buffer"
  ProbeStatus status = ProbeStatus::kOk;
  std::string result = {};
  std::string consequence = {}; // what follows; only of kWarning and kFailed
  std::string remedy = {};      // what helps; only of kWarning and kFailed
};

// NOLINTEND(readability-redundant-member-init)

// The calls that probes try. Each gives a descriptor or 0, or an errno value as a negative number.
struct KernelCalls {
  std::function<long(int command, bpf_attr& attr)> bpf;
  std::function<long(perf_event_attr& attr, pid_t pid, int cpu)> perf_event_open;
  std::function<long(int event, int program)> attach; // a BPF program to a perf event

  static KernelCalls real();
};

// Where probes look. Tests put other folders and calls in place.
struct ProbeEnvironment {
  std::filesystem::path proc = "/proc";
  std::filesystem::path sys = "/sys";
  std::filesystem::path output = ".";
  KernelCalls calls = KernelCalls::real();
};

// All probes: what is asked of the system first, then what it gives.
std::vector<Probe> run_probes(const ProbeEnvironment& environment);

// Whether no probe has failed.
bool recording_possible(const std::vector<Probe>& probes);

// Why recording could not start, in one sentence with its remedy: missing capabilities by name, or
// the first probe that fails. The given failure where all probes pass.
Error explain_start_failure(const ProbeEnvironment& environment, const Error& failure);

} // namespace pprofd

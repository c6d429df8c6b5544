#include "daemon/doctor/probes.h"

#include <algorithm>
#include <iterator>

#include "daemon/doctor/probe_groups.h"

namespace pprofd {
namespace {

bool has_failed(const Probe& probe) {
  return probe.status == ProbeStatus::kFailed;
}

// "CAP_BPF and CAP_PERFMON": titles of the capabilities that recording lacks.
std::string missing_capabilities(const std::vector<Probe>& probes) {
  std::string names;
  for (const Probe& probe : probes)
    if (has_failed(probe) && probe.id.starts_with("cap-"))
      names.append(names.empty() ? "" : " and ").append(probe.title);
  return names;
}

using ProbeGroup = std::vector<Probe> (*)(const ProbeContext&);

std::vector<Probe> run_groups(const ProbeEnvironment& environment,
                              std::initializer_list<ProbeGroup> groups) {
  const Host host(environment.proc, environment.sys);
  const ProbeContext context{.environment = environment, .host = host};
  std::vector<Probe> probes;
  for (const ProbeGroup group : groups)
    std::ranges::move(group(context), std::back_inserter(probes));
  return probes;
}

Probe bad(ProbeStatus status, Probe probe, std::string result, std::string consequence,
          std::string remedy) {
  probe.status = status;
  probe.result = std::move(result);
  probe.consequence = std::move(consequence);
  probe.remedy = std::move(remedy);
  return probe;
}

} // namespace

Probe warned(Probe probe, std::string result, std::string consequence, std::string remedy) {
  return bad(ProbeStatus::kWarning, std::move(probe), std::move(result), std::move(consequence),
             std::move(remedy));
}

Probe failed(Probe probe, std::string result, std::string consequence, std::string remedy) {
  return bad(ProbeStatus::kFailed, std::move(probe), std::move(result), std::move(consequence),
             std::move(remedy));
}

std::vector<Probe> run_probes(const ProbeEnvironment& environment) {
  return run_groups(environment, {host_probes, privilege_probes, bpf_probes, perf_probes,
                                  name_probes, storage_probes});
}

bool recording_possible(const std::vector<Probe>& probes) {
  return std::ranges::none_of(probes, has_failed);
}

Error explain_start_failure(const ProbeEnvironment& environment, const Error& failure) {
  const std::vector<Probe> probes =
      run_groups(environment, {host_probes, privilege_probes, bpf_probes, perf_probes});
  const auto first = std::ranges::find_if(probes, has_failed);
  if (first == probes.end())
    return failure;
  const std::string missing = missing_capabilities(probes);
  if (!missing.empty() && first->id.starts_with("cap-"))
    return {.what = "start recording",
            .why = "missing " + missing,
            .hint = "run it as root (sudo), or add " + missing +
                    "; 'pprofd doctor' says what each is for"};
  return {
      .what = "start recording", .why = first->title + ": " + first->result, .hint = first->remedy};
}

} // namespace pprofd

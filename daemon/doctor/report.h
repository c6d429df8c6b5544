// What `pprofd doctor` prints.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/doctor/probes.h"

namespace pprofd {

// One line a probe; below a bad one its consequence and its remedy; at the end the verdict.
std::string doctor_text(const std::vector<Probe>& probes, bool colour);

// One document: {"version", "recording_possible", "probes": [{"id", "title", "status", "result",
// "consequence", "remedy"}]}; status is "ok", "note", "warning" or "failed".
std::string doctor_json(const std::vector<Probe>& probes, std::string_view version);

} // namespace pprofd

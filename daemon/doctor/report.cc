#include "daemon/doctor/report.h"

#include <algorithm>
#include <array>

#include "daemon/profile/json_text.h"

namespace pprofd {
namespace {

struct StatusWords {
  std::string_view line; // of equal length
  std::string_view json;
  std::string_view paint;
};

constexpr StatusWords words_of(ProbeStatus status) {
  switch (status) {
  case ProbeStatus::kOk:
    return {"ok  ", "ok", "\x1b[32m"};
  case ProbeStatus::kNote:
    return {"note", "note", "\x1b[36m"};
  case ProbeStatus::kWarning:
    return {"WARN", "warning", "\x1b[33m"};
  case ProbeStatus::kFailed:
    return {"FAIL", "failed", "\x1b[31m"};
  }
  return {};
}

std::string verdict(const std::vector<Probe>& probes) {
  if (recording_possible(probes))
    return "Recording is possible.\n";
  std::string failures;
  for (const Probe& probe : probes)
    if (probe.status == ProbeStatus::kFailed)
      failures.append(failures.empty() ? "" : ", ").append(probe.title);
  return "Recording is not possible: " + failures + ".\n";
}

} // namespace

std::string doctor_text(const std::vector<Probe>& probes, bool colour) {
  std::string text;
  for (const Probe& probe : probes) {
    const StatusWords words = words_of(probe.status);
    text += colour ? std::string(words.paint).append(words.line).append("\x1b[0m")
                   : std::string(words.line);
    text.append("  ").append(probe.title).append(": ").append(probe.result).append("\n");
    if (!probe.consequence.empty())
      text.append("      consequence: ").append(probe.consequence).append("\n");
    if (!probe.remedy.empty())
      text.append("      remedy: ").append(probe.remedy).append("\n");
  }
  return text + verdict(probes);
}

std::string doctor_json(const std::vector<Probe>& probes, std::string_view version) {
  std::string list;
  for (const Probe& probe : probes) {
    const std::array<std::pair<std::string_view, std::string_view>, 6> fields = {{
        {"id", probe.id},
        {"title", probe.title},
        {"status", words_of(probe.status).json},
        {"result", probe.result},
        {"consequence", probe.consequence},
        {"remedy", probe.remedy},
    }};
    std::string object;
    for (const auto& [name, value] : fields)
      object += (object.empty() ? "" : ", ") + json_text(name) + ": " + json_text(value);
    list += (list.empty() ? "\n    {" : ",\n    {") + object + "}";
  }
  return "{\n  \"version\": " + json_text(version) +
         ",\n  \"recording_possible\": " + (recording_possible(probes) ? "true" : "false") +
         ",\n  \"probes\": [" + list + "\n  ]\n}\n";
}

} // namespace pprofd

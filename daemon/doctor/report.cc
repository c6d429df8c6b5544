#include "daemon/doctor/report.h"

#include <algorithm>
#include <array>

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

// A JSON string. Text here is ASCII or UTF-8 of our own and of file names.
std::string quoted_json(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      result.append({'\\', c});
    else if (byte < 0x20 || byte == 0x7f)
      result.append("\\u00").append({kHex[byte >> 4], kHex[byte & 15]});
    else
      result += c;
  }
  return result + "\"";
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
      object += (object.empty() ? "" : ", ") + quoted_json(name) + ": " + quoted_json(value);
    list += (list.empty() ? "\n    {" : ",\n    {") + object + "}";
  }
  return "{\n  \"version\": " + quoted_json(version) +
         ",\n  \"recording_possible\": " + (recording_possible(probes) ? "true" : "false") +
         ",\n  \"probes\": [" + list + "\n  ]\n}\n";
}

} // namespace pprofd

#include "daemon/profile/flamegraph/accounting.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "daemon/profile/saturating.h"

namespace pprofd {

namespace {

constexpr std::string_view kComplete = "stacks.complete";
constexpr std::string_view kIncomplete = "stacks.incomplete.";
constexpr std::string_view kDropped = "samples.dropped.";
constexpr std::string_view kFrequency = "frequency";

// More reasons than this are somebody's attempt at our memory.
constexpr size_t kMostReasons = 64;

std::optional<int64_t> count(std::string_view text) {
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc() || stop != text.end() || value < 0)
    return std::nullopt;
  return value;
}

void add_reason(std::map<std::string, int64_t>& reasons, std::string_view reason, int64_t value) {
  const auto found = reasons.find(std::string(reason));
  if (found != reasons.end())
    found->second = saturating_add(found->second, value);
  else if (reasons.size() < kMostReasons)
    reasons.emplace(reason, value);
}

} // namespace

void ProfileAccounting::add(const perftools::profiles::Profile& profile) {
  for (const int64_t index : profile.comment()) {
    const std::string_view comment = profile.string_table(static_cast<int>(index));
    const size_t equals = comment.find('=');
    if (equals == std::string_view::npos)
      continue;
    const std::string_view key = comment.substr(0, equals);
    const auto value = count(comment.substr(equals + 1));
    if (!value)
      continue;
    if (key == kComplete)
      complete = saturating_add(complete, *value);
    else if (key.starts_with(kIncomplete))
      add_reason(incomplete, key.substr(kIncomplete.size()), *value);
    else if (key.starts_with(kDropped))
      add_reason(dropped, key.substr(kDropped.size()), *value);
    else if (key == kFrequency && *value > 0)
      frequency = frequency == 0 ? *value : std::min(frequency, *value);
  }
}

} // namespace pprofd

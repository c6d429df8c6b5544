#include "daemon/ship/backends/labels.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

#include "daemon/profile/rows/facts.h"
#include "daemon/profile/utf8.h"

namespace pprofd::ship {

namespace {

constexpr std::string_view kContainer = "container";
constexpr std::string_view kContainerId = "container.id";
constexpr std::string_view kService = "service";

std::string value_of(const serve::WindowProfile& profile, std::string_view name) {
  if (name == kService)
    return profile.service();
  const auto found = profile.labels().find(std::string(name));
  return found == profile.labels().end() ? std::string() : found->second;
}

bool matches(const serve::WindowProfile& profile, const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos)
    return false;
  const std::string_view key = std::string_view(text).substr(0, colon);
  const std::string value = value_of(profile, key == kContainer ? kContainerId : key);
  return !value.empty() && ::fnmatch(text.c_str() + colon + 1, value.c_str(), 0) == 0;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

} // namespace

Labels labels_for(const serve::ShipTarget& target, const serve::WindowProfile& profile) {
  Labels labels;
  for (const auto& [there, here] : target.labels()) {
    if (const std::string value = value_of(profile, here); !value.empty())
      labels[there] = to_utf8(value);
  }
  if (!target.labels().empty())
    return labels;
  for (const auto& [name, value] : profile.labels()) {
    if (!is_of_one_profile(name) && !value.empty())
      labels[name] = to_utf8(value);
  }
  return labels;
}

bool concerns(const serve::ShipTarget& target, const serve::WindowProfile& profile) {
  const auto matching = [&](const std::string& glob) { return matches(profile, glob); };
  return (target.include().empty() || std::ranges::any_of(target.include(), matching)) &&
         std::ranges::none_of(target.exclude(), matching);
}

std::string prometheus_name(std::string_view name) {
  std::string made;
  if (name.empty() || (name.front() >= '0' && name.front() <= '9'))
    made += '_';
  for (const char c : name)
    made += is_plain(c) ? c : '_';
  return made;
}

std::string percent_encoded(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (is_plain(c) || c == '-' || c == '.' || c == '_' || c == '~')
      made += c;
    else
      made += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return made;
}

} // namespace pprofd::ship

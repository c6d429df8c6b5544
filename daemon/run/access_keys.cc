#include "daemon/run/access_keys.h"

#include <algorithm>
#include <array>

#include "daemon/run/credentials.h"

namespace pprofd {

namespace {

constexpr std::string_view kSection = "[default]";

struct NamedKey {
  std::string_view name;
  std::string AccessKeys::* key;
};
constexpr std::array kNamedKeys = {NamedKey{"aws_access_key_id", &AccessKeys::id},
                                   NamedKey{"aws_secret_access_key", &AccessKeys::secret},
                                   NamedKey{"aws_session_token", &AccessKeys::session_token}};

void take_key(std::string_view line, AccessKeys& keys) {
  const size_t equals = std::min(line.find('='), line.size());
  const std::string_view name = trimmed(line.substr(0, equals));
  for (const NamedKey& each : kNamedKeys)
    if (each.name == name)
      keys.*each.key = trimmed(line.substr(std::min(equals + 1, line.size())));
}

// They stand in headers.
bool is_plain_key(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

} // namespace

Result<AccessKeys> parse_access_keys(std::string_view text, const std::string& what) {
  AccessKeys keys;
  bool ours = true;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('['))
      ours = line == kSection;
    else if (ours)
      take_key(line, keys);
  }
  for (const NamedKey& each : kNamedKeys)
    if (!is_plain_key(keys.*each.key))
      return fail(what, std::string(each.name) + " has characters that no key has",
                  "write NAME = KEY, without quotes");
  if (keys.id.empty() || keys.secret.empty())
    return fail(
        what, "it has no " + std::string(keys.id.empty() ? kNamedKeys[0].name : kNamedKeys[1].name),
        "write aws_access_key_id = … and aws_secret_access_key = …, a line each, below "
        "[default]");
  return keys;
}

} // namespace pprofd

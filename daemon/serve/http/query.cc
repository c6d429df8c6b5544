#include "daemon/serve/http/query.h"

#include <algorithm>
#include <array>
#include <ranges>

namespace pprofd::serve {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); i++) {
    char c = text[i];
    if (c == '+' && plus_is_space)
      c = ' ';
    if (c == '%') {
      if (text.size() - i < 3 || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0)
        return std::nullopt;
      c = static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    }
    if (c == '\0')
      return std::nullopt;
    decoded += c;
  }
  return decoded;
}

bool has_dot_segment(std::string_view path) {
  return std::ranges::any_of(path | std::views::split('/'), [](auto segment) {
    const std::string_view text(segment.begin(), segment.end());
    return text == "." || text == "..";
  });
}

} // namespace

std::optional<Query> Query::parse(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.empty())
      continue;
    const size_t equals = std::min(one.find('='), one.size());
    auto name = decode(one.substr(0, equals), true);
    auto value = decode(one.substr(std::min(equals + 1, one.size())), true);
    if (!name || !value)
      return std::nullopt;
    query.parameters_.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

std::optional<std::string_view> Query::find(std::string_view name) const {
  const auto found = std::ranges::find(parameters_, name,
                                       [](const auto& p) -> std::string_view { return p.first; });
  if (found == parameters_.end())
    return std::nullopt;
  return found->second;
}

std::string_view Query::get(std::string_view name) const {
  return find(name).value_or(std::string_view());
}

std::vector<std::string_view> Query::all(std::string_view name) const {
  std::vector<std::string_view> found;
  for (const auto& [key, value] : parameters_)
    if (key == name)
      found.emplace_back(value);
  return found;
}

std::optional<std::string> percent_decode(std::string_view text) {
  return decode(text, false);
}

std::optional<Target> parse_target(std::string_view text) {
  const size_t question = std::min(text.find('?'), text.size());
  auto path = decode(text.substr(0, question), false);
  auto query = Query::parse(text.substr(std::min(question + 1, text.size())));
  if (!path || !query || !path->starts_with('/') || has_dot_segment(*path))
    return std::nullopt;
  return Target{.path = std::move(*path), .query = std::move(*query)};
}

} // namespace pprofd::serve

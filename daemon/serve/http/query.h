// The target of a request: path and parameters, percent-decoded. Any input.
//
// Source: RFC 3986, 2.1 and 3.4; WHATWG URL, application/x-www-form-urlencoded ('+' is a space in
// the query, not in the path).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pprofd::serve {

class Query {
public:
  // Nothing: it has a '%' without two hexadecimal digits behind it, or a zero byte.
  static std::optional<Query> parse(std::string_view text);

  // The first parameter of that name; nothing: there is none.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  // The same, empty where there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }
  // Of every parameter of that name, in their order.
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;

private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

// Each %XX as its byte. Nothing: a '%' without two digits, or a zero byte.
std::optional<std::string> percent_decode(std::string_view text);

struct Target {
  std::string path; // begins with '/', has no segment "." or ".."
  Query query;
};

// Nothing: it is no path of ours.
std::optional<Target> parse_target(std::string_view text);

} // namespace pprofd::serve

// Writes JSON piece by piece; commas are put where they belong. Numbers that JSON has not (NaN,
// infinities) become null.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

#include "daemon/profile/json_text.h"

namespace pprofd::serve {

class Json {
public:
  Json& open(char bracket) {
    comma();
    text_ += bracket;
    return *this;
  }
  Json& close(char bracket) {
    text_ += bracket;
    return *this;
  }
  Json& key(std::string_view name) {
    comma();
    append_json(text_, name);
    text_ += ':';
    return *this;
  }
  Json& value(std::string_view text) {
    comma();
    append_json(text_, text);
    return *this;
  }
  Json& value(const char* text) { return value(std::string_view(text)); }
  Json& value(bool truth) { return raw(truth ? "true" : "false"); }
  template <std::integral Number> Json& value(Number number) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return raw({digits, static_cast<size_t>(end - digits)});
  }
  // As short as six digits allow, or as many as the whole part has.
  Json& value(double number) {
    if (!std::isfinite(number))
      return raw("null");
    char digits[32];
    const auto end =
        std::to_chars(digits, digits + sizeof digits, number, std::chars_format::general, 10).ptr;
    return raw({digits, static_cast<size_t>(end - digits)});
  }
  // What is JSON already.
  Json& raw(std::string_view json) {
    comma();
    text_ += json;
    return *this;
  }
  template <typename Value> Json& field(std::string_view name, const Value& given) {
    return key(name).value(given);
  }
  std::string take() { return std::move(text_); }

private:
  void comma() {
    if (!text_.empty() && std::string_view("{[:,").find(text_.back()) == std::string_view::npos)
      text_ += ',';
  }

  std::string text_;
};

} // namespace pprofd::serve

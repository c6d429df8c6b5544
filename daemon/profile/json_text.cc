#include "daemon/profile/json_text.h"

#include "daemon/profile/utf8.h"

namespace pprofd {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kLineSeparator = "\xe2\x80\xa8";
constexpr std::string_view kParagraphSeparator = "\xe2\x80\xa9";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

void append_character(std::string& out, std::string_view character) {
  const char first = character.front();
  const auto byte = static_cast<unsigned char>(first);
  if (first == '"' || first == '\\')
    out.append({'\\', first});
  else if (byte < 0x20 || byte == 0x7f)
    out.append("\\u00").append({kHex[byte >> 4], kHex[byte & 15]});
  else if (character == kLineSeparator)
    out += "\\u2028";
  else if (character == kParagraphSeparator)
    out += "\\u2029";
  else
    out += character;
}

} // namespace

void append_json(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    append_character(out, length == 0 ? kReplacement : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

std::string json_text(std::string_view text) {
  std::string out;
  append_json(out, text);
  return out;
}

} // namespace pprofd

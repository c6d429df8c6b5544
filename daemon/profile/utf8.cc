#include "daemon/profile/utf8.h"

#include <array>
#include <cstdint>

namespace pprofd {

namespace {

// Characters of one length: the range of their first byte and of their second one (later bytes are
// 80…BF always), RFC 3629 section 4.
struct Form {
  uint8_t first_low, first_high, second_low, second_high;
  size_t length;
};

constexpr std::array kForms{
    Form{0xc2, 0xdf, 0x80, 0xbf, 2}, Form{0xe0, 0xe0, 0xa0, 0xbf, 3},
    Form{0xe1, 0xec, 0x80, 0xbf, 3}, Form{0xed, 0xed, 0x80, 0x9f, 3},
    Form{0xee, 0xef, 0x80, 0xbf, 3}, Form{0xf0, 0xf0, 0x90, 0xbf, 4},
    Form{0xf1, 0xf3, 0x80, 0xbf, 4}, Form{0xf4, 0xf4, 0x80, 0x8f, 4},
};

uint8_t byte_at(std::string_view bytes, size_t index) {
  return static_cast<uint8_t>(bytes[index]);
}

bool fits(const Form& form, std::string_view bytes) {
  if (bytes.size() < form.length || byte_at(bytes, 0) < form.first_low ||
      byte_at(bytes, 0) > form.first_high || byte_at(bytes, 1) < form.second_low ||
      byte_at(bytes, 1) > form.second_high)
    return false;
  for (size_t i = 2; i < form.length; i++)
    if ((byte_at(bytes, i) & 0xc0) != 0x80)
      return false;
  return true;
}

// How many bytes at the beginning are whole characters.
size_t valid_prefix(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    size_t length = utf8_length(bytes.substr(at));
    if (length == 0)
      break;
    at += length;
  }
  return at;
}

} // namespace

size_t utf8_length(std::string_view bytes) {
  if (bytes.empty())
    return 0;
  if (byte_at(bytes, 0) < 0x80)
    return 1;
  for (const Form& form : kForms)
    if (fits(form, bytes))
      return form.length;
  return 0;
}

bool is_utf8(std::string_view bytes) {
  return valid_prefix(bytes) == bytes.size();
}

std::string to_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    size_t valid = valid_prefix(bytes);
    text += bytes.substr(0, valid);
    bytes.remove_prefix(valid);
    if (!bytes.empty()) {
      text += "\xef\xbf\xbd";
      bytes.remove_prefix(1);
    }
  }
  return text;
}

} // namespace pprofd

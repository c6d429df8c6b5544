#include "symbolizer/protocol/text.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pprofd::symbolizer {
namespace {

constexpr std::string_view kCut = "...";

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// The length of the character `text` starts with; 0 where it is none or a control character.
size_t character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80)
    return first >= 0x20 && first != 0x7f ? 1 : 0;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length)
    return 0;
  uint32_t code = first & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i]))
      return 0;
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  static constexpr uint32_t kSmallest[] = {0, 0, 0xa0, 0x800, 0x10000}; // below 0xa0: C1
  if (code < kSmallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    return 0;
  return length;
}

// Whether the first 8 bytes are all printable ASCII; names are little else.
bool is_plain(std::string_view bytes) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHigh = kOnes * 0x80;
  uint64_t word = 0;
  std::memcpy(&word, bytes.data(), sizeof word);
  const uint64_t below_space = word - kOnes * 0x20;
  const uint64_t delete_is_zero = word ^ kOnes * 0x7f;
  return ((word | below_space | (delete_is_zero - kOnes)) & kHigh) == 0;
}

} // namespace

bool is_clean_text(std::string_view text) {
  while (text.size() >= sizeof(uint64_t) && is_plain(text))
    text.remove_prefix(sizeof(uint64_t));
  while (!text.empty()) {
    const size_t length = character(text);
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string clean_text(std::string_view text) {
  if (is_clean_text(text))
    return std::string(text);
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const size_t length = character(text);
    if (length == 0)
      clean += '?';
    else
      clean += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

std::string cut_text(std::string text, size_t limit) {
  if (text.size() <= limit)
    return text;
  size_t end = limit - kCut.size();
  while (end != 0 && is_continuation(text[end]))
    --end;
  text.resize(end);
  text += kCut;
  return text;
}

} // namespace pprofd::symbolizer

#include "daemon/top/text/terminal_text.h"

#include <fmt/format.h>
#include <langinfo.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cwchar>

#include "daemon/profile/utf8.h"

namespace pprofd::top {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};
// Unicode's format characters and separators of lines: they are not seen, but change what is.
constexpr std::array kUnseen = {
    Range{0x00ad, 0x00ad},   Range{0x0600, 0x0605},   Range{0x061c, 0x061c},
    Range{0x06dd, 0x06dd},   Range{0x070f, 0x070f},   Range{0x0890, 0x0891},
    Range{0x08e2, 0x08e2},   Range{0x115f, 0x1160},   Range{0x180e, 0x180e},
    Range{0x200b, 0x200f},   Range{0x2028, 0x202e},   Range{0x2060, 0x206f},
    Range{0x3164, 0x3164},   Range{0xfe00, 0xfe0f},   Range{0xfeff, 0xfeff},
    Range{0xffa0, 0xffa0},   Range{0xfff0, 0xfffb},   Range{0x110bd, 0x110bd},
    Range{0x110cd, 0x110cd}, Range{0x13430, 0x1343f}, Range{0x1bca0, 0x1bca3},
    Range{0x1d173, 0x1d17a}, Range{0xe0000, 0xe0fff}};

// How many marks may be put on one character.
constexpr size_t kMostMarks = 4;

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

bool is_unseen(char32_t c) {
  return std::ranges::any_of(
      kUnseen, [c](const Range& range) { return range.first <= c && c <= range.last; });
}

// The character of `length` bytes that `bytes` begins with.
char32_t decode(std::string_view bytes, size_t length) {
  constexpr std::array<unsigned char, 5> kLead = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t c = static_cast<unsigned char>(bytes[0]) & kLead.at(length);
  for (size_t at = 1; at < length; ++at)
    c = c << 6 | (static_cast<unsigned char>(bytes[at]) & 0x3fU);
  return c;
}

int columns_of(char32_t c) {
  return ::wcwidth(static_cast<wchar_t>(c));
}

} // namespace

bool use_utf8_locale() {
  bool utf8 = false;
  if (std::setlocale(LC_CTYPE, "") != nullptr)
    utf8 = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
  std::setlocale(LC_CTYPE, "C.UTF-8");
  return utf8;
}

std::string clean(std::string_view bytes, bool ascii) {
  std::string text;
  size_t marks = kMostMarks; // of the character before; the first has nothing to stand on
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = utf8_length(bytes.substr(at));
    const char32_t c = length == 0 ? U'\ufffd' : decode(bytes.substr(at), length);
    const std::string_view as_is = length == 0 ? "\ufffd" : bytes.substr(at, length);
    at += std::max(length, size_t{1});
    if (is_control(c)) {
      text += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
      marks = 0;
    } else if (c < 0x80) {
      text += as_is;
      marks = 0;
    } else if (ascii) {
      text += '?';
    } else if (const int columns = columns_of(c);
               is_unseen(c) || columns < 0 || (columns == 0 && marks == kMostMarks)) {
      text += fmt::format("\\u{{{:04x}}}", static_cast<uint32_t>(c));
      marks = 0;
    } else {
      text += as_is;
      marks = columns == 0 ? marks + 1 : 0;
    }
  }
  return text;
}

size_t width_of(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = std::max(utf8_length(text.substr(at)), size_t{1});
    width += static_cast<size_t>(std::max(columns_of(decode(text.substr(at), length)), 0));
    at += length;
  }
  return width;
}

std::string cut(std::string_view text, size_t columns, bool ascii) {
  if (width_of(text) <= columns)
    return std::string(text);
  if (columns == 0)
    return {};
  size_t width = 0;
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = std::max(utf8_length(text.substr(at)), size_t{1});
    const auto more = static_cast<size_t>(std::max(columns_of(decode(text.substr(at), length)), 0));
    if (width + more > columns - 1)
      break;
    width += more;
    at += length;
  }
  return std::string(text.substr(0, at)) + (ascii ? "~" : "…");
}

std::string fit(std::string_view text, size_t columns, Align align, bool ascii) {
  std::string result = cut(text, columns, ascii);
  const std::string space(columns - std::min(width_of(result), columns), ' ');
  return align == Align::kLeft ? result + space : space + result;
}

} // namespace pprofd::top

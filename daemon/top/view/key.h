// A key as the view understands it, whatever the terminal sends for it.
#pragma once

#include <cstdint>

namespace pprofd::top {

enum class Special : uint8_t {
  kNone, // a character
  kUp,
  kDown,
  kLeft,
  kRight,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kEnter,
  kEscape,
  kBackspace,
  kTab,
  kBackTab,
  kRedraw,
  kF1,
  kF4,
  kF6,
  kF10,
};

struct Key {
  Special special = Special::kNone;
  char32_t character = 0; // where it is one

  bool operator==(const Key&) const = default;
};

constexpr Key key(char32_t character) {
  return {.special = Special::kNone, .character = character};
}
constexpr Key key(Special special) {
  return {.special = special, .character = 0};
}

} // namespace pprofd::top

// Bytes as text, for build ids.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pprofd {

// Lower case, two digits a byte.
inline std::string hex_of(std::span<const std::byte> bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

} // namespace pprofd

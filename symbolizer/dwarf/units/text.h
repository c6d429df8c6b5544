// NUL-terminated text in a section.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace pprofd::symbolizer::dwarf {

// The text at `offset`; nullopt: there is none that ends within the section. Longer ones than
// `kMaxText` are cut: a section without NULs must not be searched for every name.
inline constexpr size_t kMaxText = 1 << 20;
inline std::optional<std::string_view> text_at(std::span<const std::byte> section,
                                               uint64_t offset) {
  if (offset >= section.size())
    return std::nullopt;
  const auto* const start = reinterpret_cast<const char*>(section.data()) + offset;
  const size_t left = section.size() - offset;
  const size_t length = ::strnlen(start, left < kMaxText ? left : kMaxText);
  if (length == left)
    return std::nullopt;
  return std::string_view(start, length);
}

} // namespace pprofd::symbolizer::dwarf

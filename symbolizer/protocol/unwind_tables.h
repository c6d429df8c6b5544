// What an unwind table may hold when it crosses the protocol, for both ends: the worker sends
// nothing else, the client takes nothing else. Any thread.
#pragma once

#include <linux/types.h>

#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "bpf/unwind_rule.h"
#include "symbolizer/elf/segment.h"

namespace pprofd::symbolizer {

// A rule as the compiler makes them: known kinds and flags, offsets within a gigabyte, registers
// below 256, a pair's second row a few bytes away, zeros where a kind has no use for a field.
bool is_valid(const unwind_rule& rule);

// A segment whose bytes and addresses do not reach around.
bool is_valid(const ElfSegment& segment);

static_assert(std::endian::native == std::endian::little, "packed arrays are copied as they are");

template <typename T>
  requires std::is_trivially_copyable_v<T>
std::string pack(std::span<const T> values) {
  std::string packed(values.size_bytes(), '\0');
  if (!values.empty())
    std::memcpy(packed.data(), values.data(), values.size_bytes());
  return packed;
}

// `packed` must hold whole values.
template <typename T>
  requires std::is_trivially_copyable_v<T>
void unpack(const std::string& packed, std::vector<T>& values) {
  values.resize(packed.size() / sizeof(T));
  if (!values.empty())
    std::memcpy(values.data(), packed.data(), values.size() * sizeof(T));
}

} // namespace pprofd::symbolizer

// Where a file's debug information is: in the file itself, or in one that it names. Plain data.
// Source: GDB's manual, "Debugging Information in Separate Files"; dwz(1) for .gnu_debugaltlink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pprofd::symbolizer {

struct DebugLinks {
  bool inside = false;       // it has .debug_info of its own
  std::string name;          // of a file in well-known folders (.gnu_debuglink); empty: none
  uint32_t crc = 0;          // of that file
  std::string supplementary; // path of what dwz has put aside; empty: none
  std::vector<std::byte> supplementary_id; // its build id
  uint64_t inflated = 0; // what its own compressed debug information comes to, in bytes
};

} // namespace pprofd::symbolizer

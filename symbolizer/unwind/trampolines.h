// Looks for signal trampolines by their instructions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/architecture.h"

namespace pprofd::symbolizer {

class TrampolineFinder {
public:
  // All must outlive this.
  TrampolineFinder(const ByteSource& source, const ElfImage& image,
                   const Architecture& architecture, uint64_t max_bytes);

  // First instructions in [start, end), as far as that is code in the file; ascending. Reads at
  // most max_bytes and finds at most kMaxFound over all calls.
  std::vector<uint64_t> find(uint64_t start, uint64_t end);

private:
  static constexpr size_t kMaxFound = 1024;

  // Executable bytes of the file at an address.
  struct Code {
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t offset = 0;
  };

  void find_in(const Code& code, std::vector<uint64_t>& found);

  const ByteSource* source_;
  const Architecture* architecture_;
  std::vector<Code> code_; // by address
  uint64_t bytes_left_;
  size_t found_ = 0;
  std::vector<std::byte> chunk_;
};

} // namespace pprofd::symbolizer

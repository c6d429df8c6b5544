// Looks for code by its instructions: signal trampolines, and where coroutines end.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"

namespace pprofd::symbolizer {

class TrampolineFinder {
public:
  // All must outlive this.
  TrampolineFinder(const ByteSource& source, const ElfImage& image, uint64_t max_bytes);

  struct Hit {
    uint64_t address = 0;
    size_t wanted = 0; // index
    auto operator<=>(const Hit&) const = default;
  };

  // Where any of `wanted` stands in [start, end), as far as that is code in the file; ascending.
  // An empty one stands nowhere. Reads at most max_bytes and finds at most kMaxFound over all
  // calls.
  std::vector<Hit> find(std::span<const std::span<const uint8_t>> wanted, uint64_t start,
                        uint64_t end);

private:
  static constexpr size_t kMaxFound = 1024;

  // Executable bytes of the file at an address.
  struct Code {
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t offset = 0;
  };

  using Wanted = std::span<const std::span<const uint8_t>>;

  void find_in(Wanted wanted, const Code& code, std::vector<Hit>& found);
  // `address` is that of the chunk's first byte.
  void find_in(Wanted wanted, std::span<const std::byte> chunk, uint64_t address,
               std::vector<Hit>& found);

  const ByteSource* source_;
  std::vector<Code> code_; // by address
  uint64_t bytes_left_;
  size_t found_ = 0;
  std::vector<std::byte> chunk_;
};

} // namespace pprofd::symbolizer

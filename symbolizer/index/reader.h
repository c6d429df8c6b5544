// Looks addresses up in an index (format.h) that is mapped. Nothing is read in advance but the
// header and the sums: a page is checked when it is looked at for the first time.
//
// The index may be damaged or anybody's: every number is checked, a look-up takes some thousand
// steps at most. What is found wrong makes all of it damaged(): whoever asks looks the address up
// otherwise and makes the index anew. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/base/result.h"
#include "symbolizer/elf/cursor.h"
#include "symbolizer/index/format.h"

namespace pprofd::symbolizer {

// As dwarf::Frame, without a readable name.
struct IndexFrame {
  std::string_view system_name; // never empty
  std::string_view file;
  uint32_t line = 0;
  uint32_t column = 0;
  uint32_t start_line = 0;
};

struct IndexAnswer {
  ElfAddress start;                   // of the function; 0: unknown
  std::span<const IndexFrame> frames; // innermost first; empty: no name is known
};

class IndexReader {
public:
  static constexpr size_t kMaxFrames = 128; // of one address; outer ones beyond are left out

  // `bytes` must outlive this. Fails, with Error::why, where it is no index, of another version,
  // not whole, or of something else than `key`.
  static Result<IndexReader> open(std::span<const std::byte> bytes, std::string_view key);

  // Valid until the next call, the texts as long as the bytes. Nothing where the index is damaged.
  IndexAnswer find(ElfAddress address);

  // Whether something that was looked at was wrong.
  [[nodiscard]] bool damaged() const { return damaged_; }
  [[nodiscard]] size_t memory() const {
    return checked_.capacity() / 8 + frames_.capacity() * sizeof(IndexFrame);
  }

private:
  // The line at an address and the innermost function there.
  struct Place {
    uint64_t node = 0;
    uint64_t file = 0;
    uint64_t line = 0;
    uint64_t column = 0;
  };

  IndexReader(std::span<const std::byte> bytes, const IndexHeader& header);

  // At most `size` bytes of a part from `offset` on, checked; none where there are not any.
  std::span<const std::byte> part(IndexPart part, uint64_t offset, uint64_t size);
  bool check(uint64_t first, uint64_t end);
  [[nodiscard]] IndexBlock block(size_t number);
  std::optional<IndexBlock> block_at(uint32_t address);
  Place place_in(const IndexBlock& block, uint32_t address);
  void add_frames(Place place);
  void add_name(uint64_t name, IndexFrame& frame);
  std::string_view file(uint64_t number);
  std::string_view text(uint64_t offset);

  std::span<const std::byte> bytes_;
  IndexHeader header_;
  std::vector<bool> checked_; // pages
  bool damaged_ = false;
  ElfAddress start_;
  std::vector<IndexFrame> frames_;
};

} // namespace pprofd::symbolizer

// Writes an index (format.h) into a file that is mapped for it, in any order of addresses. One
// thread.
//
// Pieces, nodes and texts grow in shares of the room and are moved together in the end, the rest is
// kept in memory. Where the room or the memory is not enough, full() holds and nothing more is
// taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "symbolizer/base/result.h"
#include "symbolizer/index/format.h"

namespace pprofd::symbolizer {

// What an address has. References are those that the writer gave.
struct IndexPlace {
  uint32_t node = 0;
  uint32_t file = 0;
  uint32_t line = 0;
  uint32_t column = 0;
  bool operator==(const IndexPlace&) const = default;
};

class IndexWriter {
public:
  // `base`: the lowest address; none may be 4 GB above it or more.
  IndexWriter(std::span<std::byte> room, uint64_t base);

  // Empty texts are none, 0.
  uint32_t add_file(std::string_view path);
  uint32_t add_name(std::string_view system_name, uint32_t start_line);

  // A function, which begins at `start`; 0: unknown.
  uint32_t add_function(uint32_t name, uint64_t start);
  // One that is inlined into `caller` there.
  uint32_t add_inlined(uint32_t caller, uint32_t name, uint32_t file, uint32_t line,
                       uint32_t column);

  // What stands from `address` on. Addresses ascend up to end_run(), which says where that ends.
  void add(uint64_t address, const IndexPlace& place);
  void end_run(uint64_t end);

  [[nodiscard]] bool full() const { return full_; }
  [[nodiscard]] size_t memory() const; // bytes held, about

  // Completes the index; its size, from the room's start on. Fails where full().
  Result<uint64_t> finish(std::string_view key);

private:
  // A part that grows in the room.
  struct Region {
    std::span<std::byte> room;
    size_t used = 0;
  };
  // Which texts are there: places by hash.
  struct TextSlot {
    uint32_t hash = 0;
    uint32_t place = 0; // plus 1; 0: free
  };
  static constexpr size_t kMaxBytes = size_t{48} << 20; // held in memory
  static constexpr size_t kPiecesPerBlock = 32;

  void append(Region& region, std::span<const std::byte> bytes);
  uint32_t add_text(std::string_view text);
  [[nodiscard]] std::string_view text_at(uint32_t place) const;
  void grow_texts();
  void add_piece(uint32_t address, const IndexPlace& place);
  void end_block();
  void write_sums(IndexHeader& header);

  std::span<std::byte> room_;
  uint64_t base_;
  size_t data_ = 0; // where the parts begin
  Region pieces_;
  Region nodes_;
  Region texts_;
  std::vector<IndexBlock> blocks_;
  std::vector<std::byte> names_;
  std::vector<uint32_t> files_;
  std::vector<TextSlot> slots_;
  size_t known_texts_ = 0;
  std::unordered_map<uint32_t, uint32_t> file_of_; // by text
  std::unordered_map<uint64_t, uint32_t> name_of_; // by text and line
  // The block that is being filled.
  std::vector<std::byte> block_;
  size_t block_pieces_ = 0;
  uint32_t block_start_ = 0;
  uint32_t last_address_ = 0;
  IndexPlace last_;
  bool full_ = false;
};

} // namespace pprofd::symbolizer

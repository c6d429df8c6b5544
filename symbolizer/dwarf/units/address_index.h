// From an address to the unit that describes it, made from the units themselves: .debug_aranges is
// missing from what clang and Go write, and may say anything.
//
// Where units overlap, one keeps what it has begun to its end, then the first in the file follows:
// as llvm-symbolizer has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pprofd::symbolizer::dwarf {

// Add ranges, then finish(), then look up.
class AddressIndex {
public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // A range that is not empty. More than 2 million are not kept. `unit` numbers units in the
  // file's order.
  void add(uint64_t start, uint64_t end, uint32_t unit);
  void finish();

  // The unit at an address; kNone: none.
  [[nodiscard]] uint32_t find(uint64_t address) const;

  // Called for each stretch that a unit has, with start, end and unit; in address order.
  template <typename Visitor> void visit(const Visitor& visitor) const {
    for (size_t i = 0; i + 1 < pieces_.size(); ++i)
      if (pieces_[i].unit != kNone)
        visitor(pieces_[i].start, pieces_[i + 1].start, pieces_[i].unit);
  }

  [[nodiscard]] bool full() const { return full_; }
  [[nodiscard]] size_t memory() const { return pieces_.capacity() * sizeof(Piece); }

private:
  struct Range {
    uint64_t start = 0;
    uint64_t end = 0;
    uint32_t unit = 0;
  };
  // Up to the next one's start.
  struct Piece {
    uint64_t start = 0;
    uint32_t unit = kNone;
  };
  friend class PieceSweep;

  std::vector<Range> ranges_;
  std::vector<Piece> pieces_;
  bool full_ = false;
};

} // namespace pprofd::symbolizer::dwarf

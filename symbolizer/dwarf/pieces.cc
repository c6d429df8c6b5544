#include "symbolizer/dwarf/pieces.h"

#include <algorithm>
#include <iterator>

namespace pprofd::symbolizer::dwarf {
namespace {

// Goes through the rows; addresses ascend.
class RowSteps {
public:
  RowSteps(const LineTable& lines, uint64_t start)
      : lines_(lines), sequence_(std::ranges::upper_bound(lines.sequences(), start, {},
                                                          &LineTable::Sequence::end)) {
    enter(start);
  }

  // The row at `address`, which is not before those of earlier calls.
  const LineTable::Row* at(uint64_t address) {
    const auto end = lines_.sequences().end();
    if (sequence_ != end && address >= sequence_->end) {
      while (sequence_ != end && address >= sequence_->end)
        ++sequence_;
      enter(address);
    }
    if (sequence_ == end || address < sequence_->start)
      return nullptr;
    while (row_ + 1 < last_ && address - sequence_->start >= row_[1].address)
      ++row_;
    return row_;
  }

  // Where the row that at() gave ends.
  [[nodiscard]] uint64_t end(uint64_t address) const {
    if (sequence_ == lines_.sequences().end())
      return UINT64_MAX;
    if (address < sequence_->start)
      return sequence_->start;
    return row_ + 1 < last_ ? std::min(sequence_->start + row_[1].address, sequence_->end)
                            : sequence_->end;
  }

private:
  // To the row at `address`, or to the first.
  void enter(uint64_t address) {
    if (sequence_ == lines_.sequences().end())
      return;
    row_ = lines_.rows().data() + sequence_->first_row;
    last_ = row_ + sequence_->rows;
    if (address > sequence_->start)
      row_ = std::prev(std::upper_bound(
          row_ + 1, last_, address - sequence_->start,
          [](uint64_t into, const LineTable::Row& row) { return into < row.address; }));
  }

  const LineTable& lines_;
  std::vector<LineTable::Sequence>::const_iterator sequence_;
  const LineTable::Row* row_ = nullptr;
  const LineTable::Row* last_ = nullptr;
};

// Goes through the scopes; addresses ascend.
class ScopeSteps {
public:
  ScopeSteps(const ScopeTable& scopes, uint64_t start) : scopes_(scopes) {
    next_ = std::ranges::partition_point(scopes.pieces(), [&](const ScopePiece& piece) {
      return scopes_.base() + piece.start <= start;
    });
  }

  uint32_t at(uint64_t address) {
    while (next_ != scopes_.pieces().end() && scopes_.base() + next_->start <= address)
      ++next_;
    return next_ == scopes_.pieces().begin() ? Scope::kNone : std::prev(next_)->scope;
  }

  [[nodiscard]] uint64_t end() const {
    return next_ == scopes_.pieces().end() ? UINT64_MAX : scopes_.base() + next_->start;
  }

private:
  const ScopeTable& scopes_;
  std::vector<ScopePiece>::const_iterator next_; // the first behind the address
};

} // namespace

void visit_pieces(const LineTable& lines, const ScopeTable& scopes, uint64_t start, uint64_t end,
                  const std::function<void(const CodePiece&)>& visitor) {
  RowSteps rows(lines, start);
  ScopeSteps functions(scopes, start);
  for (uint64_t at = start; at < end;) {
    CodePiece piece{.start = at, .row = rows.at(at), .scope = functions.at(at)};
    piece.end = std::min({end, rows.end(at), functions.end()});
    visitor(piece);
    at = piece.end;
  }
}

} // namespace pprofd::symbolizer::dwarf

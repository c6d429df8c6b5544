#include "symbolizer/dwarf/units/address_index.h"

#include <algorithm>
#include <queue>
#include <tuple>

namespace pprofd::symbolizer::dwarf {
namespace {

constexpr size_t kMaxRanges = 2 << 20;

} // namespace

// Goes through the ranges in order of start. At any time one unit is current; the ranges of others
// that have begun wait.
class PieceSweep {
public:
  explicit PieceSweep(std::vector<AddressIndex::Piece>& pieces) : pieces_(pieces) {}

  void add(const AddressIndex::Range& range) {
    close_before(range.start);
    if (current_ == AddressIndex::kNone)
      begin(range.start, range.unit, range.end);
    else if (range.unit == current_)
      end_ = std::max(end_, range.end);
    else
      waiting_.push(range);
  }

  void finish() { close_before(UINT64_MAX); }

private:
  struct LaterInFile {
    bool operator()(const AddressIndex::Range& a, const AddressIndex::Range& b) const {
      return std::tie(a.unit, a.start) > std::tie(b.unit, b.start);
    }
  };

  void close_before(uint64_t start) {
    while (current_ != AddressIndex::kNone && end_ <= start)
      begin_next(end_);
  }

  void begin_next(uint64_t at) {
    while (!waiting_.empty() && waiting_.top().end <= at)
      waiting_.pop();
    if (waiting_.empty()) {
      begin(at, AddressIndex::kNone, at);
      return;
    }
    begin(at, waiting_.top().unit, waiting_.top().end);
    waiting_.pop();
  }

  void begin(uint64_t at, uint32_t unit, uint64_t end) {
    current_ = unit;
    end_ = end;
    if (!pieces_.empty() && pieces_.back().start == at)
      pieces_.pop_back();
    if (pieces_.empty() || pieces_.back().unit != unit)
      pieces_.push_back({at, unit});
  }

  std::vector<AddressIndex::Piece>& pieces_;
  std::priority_queue<AddressIndex::Range, std::vector<AddressIndex::Range>, LaterInFile> waiting_;
  uint32_t current_ = AddressIndex::kNone;
  uint64_t end_ = 0;
};

void AddressIndex::add(uint64_t start, uint64_t end, uint32_t unit) {
  if (start >= end)
    return;
  if (!ranges_.empty() && ranges_.back().unit == unit && ranges_.back().end == start) {
    ranges_.back().end = end;
    return;
  }
  full_ = full_ || ranges_.size() >= kMaxRanges;
  if (!full_)
    ranges_.push_back({start, end, unit});
}

void AddressIndex::finish() {
  std::ranges::sort(ranges_, {},
                    [](const Range& range) { return std::make_pair(range.start, range.unit); });
  PieceSweep sweep(pieces_);
  for (const Range& range : ranges_)
    sweep.add(range);
  sweep.finish();
  pieces_.shrink_to_fit();
  ranges_ = {};
}

uint32_t AddressIndex::find(uint64_t address) const {
  const auto after = std::ranges::upper_bound(pieces_, address, {}, &Piece::start);
  return after == pieces_.begin() ? kNone : std::prev(after)->unit;
}

} // namespace pprofd::symbolizer::dwarf

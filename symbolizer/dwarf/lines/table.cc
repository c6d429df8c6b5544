#include "symbolizer/dwarf/lines/table.h"

#include <algorithm>
#include <utility>

namespace pprofd::symbolizer::dwarf {
namespace {

constexpr size_t kMaxSequences = 1 << 20;

// Takes the rows of a program as they come.
class Collector {
public:
  Collector(CodeMap& code, std::vector<LineTable::Row>& rows,
            std::vector<LineTable::Sequence>& sequences)
      : code_(code), rows_(rows), sequences_(sequences) {
    rows_.clear();
  }

  bool operator()(const LineRow& row) {
    ++decoded_;
    if (!open_)
      begin(row);
    if (row.end_sequence) {
      end(row.address);
      return true;
    }
    if (kept_)
      add(row);
    return !full_;
  }

  // What was taken before there were too many ends with the last row.
  void finish() {
    if (full_ && open_ && kept_ && rows_.size() > first_)
      end(start_ + rows_.back().address + 1);
  }

  [[nodiscard]] uint64_t decoded() const { return decoded_; }
  [[nodiscard]] bool full() const { return full_; }

private:
  void begin(const LineRow& row) {
    open_ = true;
    kept_ = code_.contains(row.address);
    first_ = rows_.size();
    start_ = row.address;
  }

  // Rows of one address: the last counts. Rows go up; what falls back is no compiler's.
  void add(const LineRow& row) {
    const uint64_t into = row.address - start_;
    const LineTable::Row made{.address = static_cast<uint32_t>(into),
                              .file =
                                  static_cast<uint32_t>(std::min<uint64_t>(row.file, UINT32_MAX)),
                              .line = row.line,
                              .column = row.column};
    if (into > UINT32_MAX)
      return;
    if (rows_.size() > first_) {
      LineTable::Row& last = rows_.back();
      if (made.address < last.address)
        return;
      if (made.address == last.address) {
        last = made;
        return;
      }
      if (made.file == last.file && made.line == last.line && made.column == last.column)
        return;
    }
    if (rows_.size() >= LineTable::kMaxRows) {
      full_ = true;
      return;
    }
    rows_.push_back(made);
  }

  void end(uint64_t address) {
    open_ = false;
    if (!kept_)
      return;
    if (address > start_ && rows_.size() > first_ && sequences_.size() < kMaxSequences)
      sequences_.push_back({.start = start_,
                            .end = address,
                            .first_row = static_cast<uint32_t>(first_),
                            .rows = static_cast<uint32_t>(rows_.size() - first_)});
    else
      rows_.resize(first_);
  }

  CodeMap& code_;
  std::vector<LineTable::Row>& rows_;
  std::vector<LineTable::Sequence>& sequences_;
  uint64_t decoded_ = 0;
  uint64_t start_ = 0;
  size_t first_ = 0;
  bool open_ = false;
  bool kept_ = false;
  bool full_ = false;
};

} // namespace

LineTable::LineTable(LineProgram& program, CodeMap& code, std::vector<Row>& scratch) {
  Collector collector(code, scratch, sequences_);
  program.visit(collector);
  collector.finish();
  decoded_ = collector.decoded();
  full_ = collector.full();
  rows_.assign(scratch.begin(), scratch.end());
  sequences_.shrink_to_fit();
  std::ranges::sort(sequences_, {}, [](const Sequence& sequence) {
    return std::make_pair(sequence.end, sequence.first_row);
  });
}

const LineTable::Row* LineTable::find(uint64_t address) const {
  const auto sequence = std::ranges::upper_bound(sequences_, address, {}, &Sequence::end);
  if (sequence == sequences_.end() || address < sequence->start)
    return nullptr;
  const auto first = rows_.begin() + sequence->first_row;
  const auto last = first + sequence->rows;
  // The first row stands at the sequence's start.
  return &*std::prev(
      std::upper_bound(first + 1, last, address - sequence->start,
                       [](uint64_t into, const Row& row) { return into < row.address; }));
}

size_t LineTable::memory() const {
  return sequences_.capacity() * sizeof(Sequence) + rows_.capacity() * sizeof(Row);
}

} // namespace pprofd::symbolizer::dwarf

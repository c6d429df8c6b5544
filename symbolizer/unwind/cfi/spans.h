// Which FDE holds where: disjoint spans in address order.
//
// .eh_frame's FDEs come first, each cut where the next begins; .debug_frame's, cut alike, fill what
// they leave.
#pragma once

#include <cstdint>
#include <optional>

#include "symbolizer/unwind/cfi/index.h"
#include "symbolizer/unwind/cfi/records.h"

namespace pprofd::symbolizer::cfi {

struct FdeSpan {
  uint64_t start = 0; // addresses
  uint64_t end = 0;
  const CfiSection* section = nullptr;
  RecordHeader header;
  Fde fde; // its addresses uncut
};

class FdeSpans {
public:
  // All must outlive this. FDEs hidden or cut are counted into `facts`.
  FdeSpans(const FdeIndex& index, RecordReader& reader, UnwindFacts& facts)
      : eh_(index, false), debug_(index, true), reader_(&reader), facts_(&facts) {
    advance(eh_);
    advance(debug_);
  }

  std::optional<FdeSpan> next();

private:
  // The FDEs of one kind of section.
  struct Stream {
    Stream(const FdeIndex& fdes, bool debug_frame) : index(&fdes), debug(debug_frame) {}
    const FdeIndex* index;
    bool debug;
    size_t at = 0;
    std::optional<FdeSpan> current;
  };

  void advance(Stream& stream);
  static std::optional<FdeIndex::Entry> peek(Stream& stream);
  std::optional<FdeSpan> read(const FdeIndex::Entry& entry);
  std::optional<FdeSpan> take_eh();

  Stream eh_;
  Stream debug_;
  RecordReader* reader_;
  UnwindFacts* facts_;
};

} // namespace pprofd::symbolizer::cfi

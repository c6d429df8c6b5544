#include "symbolizer/unwind/cfi/spans.h"

namespace pprofd::symbolizer::cfi {

// Entries of the other kind are passed over.
std::optional<FdeIndex::Entry> FdeSpans::peek(Stream& stream) {
  if (!stream.index->has(stream.debug))
    return std::nullopt;
  for (; stream.at < stream.index->size(); ++stream.at) {
    const FdeIndex::Entry entry = (*stream.index)[stream.at];
    if (entry.place.section->debug == stream.debug)
      return entry;
  }
  return std::nullopt;
}

std::optional<FdeSpan> FdeSpans::read(const FdeIndex::Entry& entry) {
  const auto header = reader_->header(*entry.place.section, entry.place.offset);
  if (!header)
    return std::nullopt;
  const auto fde = reader_->fde(*entry.place.section, *header);
  if (!fde || fde->end <= entry.address)
    return std::nullopt;
  return FdeSpan{.start = entry.address,
                 .end = fde->end,
                 .section = entry.place.section,
                 .header = *header,
                 .fde = *fde};
}

void FdeSpans::advance(Stream& stream) {
  stream.current.reset();
  while (const auto entry = peek(stream)) {
    ++stream.at;
    auto span = read(*entry);
    // It was readable when it was indexed: the file has changed since.
    if (!span)
      continue;
    while (const auto next = peek(stream)) {
      if (next->address >= span->end)
        break;
      ++facts_->overlapping;
      if (next->address > span->start) {
        span->end = next->address;
        break;
      }
      ++stream.at;
    }
    stream.current = span;
    return;
  }
}

std::optional<FdeSpan> FdeSpans::take_eh() {
  const auto span = eh_.current;
  if (span)
    advance(eh_);
  return span;
}

std::optional<FdeSpan> FdeSpans::next() {
  while (debug_.current) {
    FdeSpan& filler = *debug_.current;
    if (eh_.current && eh_.current->start <= filler.start) {
      const uint64_t covered = eh_.current->end;
      if (covered > filler.start) {
        // Hidden as a whole, or in its beginning.
        if (covered >= filler.end)
          advance(debug_);
        else
          filler.start = covered;
        continue;
      }
      return take_eh();
    }
    FdeSpan part = filler;
    if (eh_.current && eh_.current->start < filler.end) {
      part.end = eh_.current->start;
      filler.start = eh_.current->start;
    } else {
      advance(debug_);
    }
    return part;
  }
  return take_eh();
}

} // namespace pprofd::symbolizer::cfi

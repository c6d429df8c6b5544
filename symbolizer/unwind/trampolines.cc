#include "symbolizer/unwind/trampolines.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace pprofd::symbolizer {
namespace {

constexpr size_t kCodeChunk = size_t{256} << 10;
constexpr size_t kMaxWanted = 16; // bytes

} // namespace

TrampolineFinder::TrampolineFinder(const ByteSource& source, const ElfImage& image,
                                   uint64_t max_bytes)
    : source_(&source), bytes_left_(max_bytes) {
  for (const ElfSegment& segment : image.segments()) {
    Code code{.start = segment.address.value, .offset = segment.offset};
    uint64_t file_end = 0;
    if (!segment.executable || segment.offset >= source.size() ||
        __builtin_add_overflow(
            code.start, std::min(segment.file_size, source.size() - segment.offset), &code.end) ||
        __builtin_add_overflow(segment.offset, segment.file_size, &file_end))
      continue;
    code_.push_back(code);
  }
  std::ranges::sort(code_, {}, &Code::start);
}

std::vector<TrampolineFinder::Hit> TrampolineFinder::find(Wanted wanted, uint64_t start,
                                                          uint64_t end) {
  std::vector<Hit> found;
  for (const Code& code : code_) {
    const uint64_t from = std::max(start, code.start);
    const uint64_t to = std::min(end, code.end);
    if (from < to)
      find_in(wanted, {.start = from, .end = to, .offset = code.offset + (from - code.start)},
              found);
  }
  // Chunks overlap, and so may the segments of a hostile file.
  std::ranges::sort(found);
  const auto twice = std::ranges::unique(found);
  found.erase(twice.begin(), twice.end());
  return found;
}

void TrampolineFinder::find_in(Wanted wanted, const Code& code, std::vector<Hit>& found) {
  chunk_.resize(std::max(chunk_.size(), std::min<uint64_t>(kCodeChunk, code.end - code.start)));
  for (uint64_t at = code.start; bytes_left_ != 0;) {
    const auto part = std::span(chunk_).first(std::min<uint64_t>(code.end - at, chunk_.size()));
    const size_t size = source_->read_some(code.offset + (at - code.start), part);
    bytes_left_ -= std::min<uint64_t>(bytes_left_, size);
    find_in(wanted, part.first(size), at, found);
    if (size <= kMaxWanted || at + size >= code.end)
      return;
    // What is wanted may lie across two chunks.
    at += size - kMaxWanted;
  }
}

void TrampolineFinder::find_in(Wanted wanted, std::span<const std::byte> chunk, uint64_t address,
                               std::vector<Hit>& found) {
  const std::byte* const stop = chunk.data() + chunk.size();
  for (size_t i = 0; i < wanted.size(); ++i) {
    const size_t size = wanted[i].size();
    for (const std::byte* from = chunk.data(); size != 0;) {
      const auto* hit = static_cast<const std::byte*>(
          ::memmem(from, static_cast<size_t>(stop - from), wanted[i].data(), size));
      if (hit == nullptr)
        break;
      const uint64_t where = address + static_cast<uint64_t>(hit - chunk.data());
      if (found_ == kMaxFound)
        return;
      if (where != 0) {
        found.push_back({.address = where, .wanted = i});
        ++found_;
      }
      from = hit + size;
    }
  }
}

} // namespace pprofd::symbolizer

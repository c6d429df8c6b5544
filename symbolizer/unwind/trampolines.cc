#include "symbolizer/unwind/trampolines.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace pprofd::symbolizer {
namespace {

constexpr size_t kChunk = size_t{256} << 10;

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

std::vector<uint64_t> TrampolineFinder::find(std::span<const uint8_t> wanted, uint64_t start,
                                             uint64_t end) {
  std::vector<uint64_t> found;
  if (wanted.empty())
    return found;
  for (const Code& code : code_) {
    const uint64_t from = std::max(start, code.start);
    const uint64_t to = std::min(end, code.end);
    if (from < to)
      find_in(std::as_bytes(wanted),
              {.start = from, .end = to, .offset = code.offset + (from - code.start)}, found);
  }
  // Segments of a hostile file may overlap.
  std::ranges::sort(found);
  const auto twice = std::ranges::unique(found);
  found.erase(twice.begin(), twice.end());
  return found;
}

void TrampolineFinder::find_in(std::span<const std::byte> wanted, const Code& code,
                               std::vector<uint64_t>& found) {
  chunk_.resize(std::max(chunk_.size(), std::min<uint64_t>(kChunk, code.end - code.start)));
  for (uint64_t at = code.start; code.end - at >= wanted.size() && bytes_left_ != 0;) {
    const auto part = std::span(chunk_).first(std::min<uint64_t>(code.end - at, chunk_.size()));
    const size_t size = source_->read_some(code.offset + (at - code.start), part);
    if (size < wanted.size())
      return;
    bytes_left_ -= std::min<uint64_t>(bytes_left_, size);
    const std::byte* const begin = part.data();
    const std::byte* const stop = begin + size;
    for (const std::byte* from = begin;;) {
      const auto* hit = static_cast<const std::byte*>(
          ::memmem(from, static_cast<size_t>(stop - from), wanted.data(), wanted.size()));
      if (hit == nullptr)
        break;
      const uint64_t address = at + static_cast<uint64_t>(hit - begin);
      if (found_ == kMaxFound)
        return;
      if (address != 0) {
        found.push_back(address);
        ++found_;
      }
      from = hit + wanted.size();
    }
    // A trampoline may lie across two chunks.
    at += size - (wanted.size() - 1);
  }
}

} // namespace pprofd::symbolizer

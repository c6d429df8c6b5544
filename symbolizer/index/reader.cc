#include "symbolizer/index/reader.h"

#include <algorithm>
#include <cstring>

#include "symbolizer/index/sum.h"

namespace pprofd::symbolizer {
namespace {

uint64_t pages_of(const IndexHeader& header) {
  return (header.file_size - header.data + kIndexPage - 1) / kIndexPage;
}

// Whether all that the header states lies within a file of that size.
bool is_sound(const IndexHeader& header, uint64_t size) {
  if (header.file_size != size || header.data < sizeof header || header.data > size ||
      header.key_size > kMaxIndexKey)
    return false;
  if (pages_of(header) > (header.data - sizeof header) / sizeof(uint32_t))
    return false;
  return std::ranges::all_of(header.parts, [&](const IndexSection& part) {
    return part.offset >= header.data && part.offset <= size && part.size <= size - part.offset;
  });
}

std::span<const std::byte> sums_of(std::span<const std::byte> bytes, const IndexHeader& header) {
  return bytes.subspan(sizeof header, pages_of(header) * sizeof(uint32_t));
}

uint32_t clipped(uint64_t value) {
  return static_cast<uint32_t>(std::min<uint64_t>(value, UINT32_MAX));
}

} // namespace

Result<IndexReader> IndexReader::open(std::span<const std::byte> bytes, std::string_view key) {
  IndexHeader header;
  if (bytes.size() < sizeof header)
    return fail("", "it is too short for an index");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kIndexMagic)
    return fail("", "it is no index");
  if (header.version != kIndexVersion)
    return fail("", "it is an index of version " + std::to_string(header.version));
  if (!is_sound(header, bytes.size()))
    return fail("", "it is not whole");
  if (header_sum(header, sums_of(bytes, header)) != header.sum)
    return fail("", "it is damaged");
  if (std::string_view(header.key.data(), header.key_size) != key)
    return fail("", "it is the index of another file");
  return IndexReader(bytes, header);
}

IndexReader::IndexReader(std::span<const std::byte> bytes, const IndexHeader& header)
    : bytes_(bytes), header_(header), checked_(pages_of(header)) {}

std::span<const std::byte> IndexReader::part(IndexPart part, uint64_t offset, uint64_t size) {
  const IndexSection& section = header_.parts.at(static_cast<size_t>(part));
  if (offset >= section.size) {
    damaged_ = true;
    return {};
  }
  size = std::min(size, section.size - offset);
  const uint64_t first = section.offset + offset;
  return check(first, first + size) ? bytes_.subspan(first, size) : std::span<const std::byte>();
}

bool IndexReader::check(uint64_t first, uint64_t end) {
  for (uint64_t page = (first - header_.data) / kIndexPage;
       page <= (end - 1 - header_.data) / kIndexPage; ++page) {
    if (checked_[page])
      continue;
    const uint64_t start = header_.data + page * kIndexPage;
    const auto bytes = bytes_.subspan(start, std::min<uint64_t>(kIndexPage, bytes_.size() - start));
    uint32_t stated = 0;
    std::memcpy(&stated, sums_of(bytes_, header_).subspan(page * sizeof stated).data(),
                sizeof stated);
    damaged_ = damaged_ || index_sum(bytes) != stated;
    if (damaged_)
      return false;
    checked_[page] = true;
  }
  return !damaged_;
}

IndexBlock IndexReader::block(size_t number) {
  IndexBlock block;
  const auto bytes = part(IndexPart::kBlocks, number * sizeof block, sizeof block);
  if (bytes.size() == sizeof block)
    std::memcpy(&block, bytes.data(), sizeof block);
  return block;
}

std::optional<IndexBlock> IndexReader::block_at(uint32_t address) {
  size_t first = 0; // none before begins behind the address
  size_t end = header_.parts[static_cast<size_t>(IndexPart::kBlocks)].size / sizeof(IndexBlock);
  IndexBlock found;
  bool any = false;
  while (first < end && !damaged_) {
    const size_t middle = first + (end - first) / 2;
    const IndexBlock each = block(middle);
    if (each.start > address) {
      end = middle;
      continue;
    }
    found = each;
    any = true;
    first = middle + 1;
  }
  return any && !damaged_ ? std::optional(found) : std::nullopt;
}

IndexReader::Place IndexReader::place_in(const IndexBlock& block, uint32_t address) {
  Cursor cursor(part(IndexPart::kPieces, block.pieces, kMaxBlockBytes));
  Place place;
  uint64_t at = block.start;
  for (uint64_t left = cursor.uleb(); left != 0 && !cursor.failed(); --left) {
    const uint64_t piece = cursor.uleb();
    at += piece >> kPieceBits;
    if (at > address)
      return place;
    if ((piece & kNodeFollows) != 0)
      place.node += static_cast<uint64_t>(cursor.sleb());
    if ((piece & kFileFollows) != 0)
      place.file += static_cast<uint64_t>(cursor.sleb());
    if ((piece & kLineFollows) != 0)
      place.line += static_cast<uint64_t>(cursor.sleb());
    if ((piece & kColumnFollows) != 0)
      place.column = cursor.uleb();
  }
  damaged_ = damaged_ || cursor.failed();
  return place;
}

IndexAnswer IndexReader::find(ElfAddress address) {
  frames_.clear();
  start_ = {};
  const uint64_t relative = address.value - header_.base;
  if (damaged_ || address.value < header_.base || relative > UINT32_MAX)
    return {};
  const auto block = block_at(static_cast<uint32_t>(relative));
  if (!block)
    return {};
  add_frames(place_in(*block, static_cast<uint32_t>(relative)));
  if (damaged_)
    return {};
  return {.start = start_, .frames = frames_};
}

// A node is only ever inlined into one before it: the way ends.
void IndexReader::add_frames(Place place) {
  for (size_t depth = 0; place.node != 0 && depth < kMaxFrames && !damaged_; ++depth) {
    const uint64_t offset = place.node - 1;
    Cursor cursor(part(IndexPart::kNodes, offset, kMaxNodeBytes));
    const uint64_t back = cursor.uleb();
    const uint64_t name = cursor.uleb();
    IndexFrame frame{.system_name = {},
                     .file = file(place.file),
                     .line = clipped(place.line),
                     .column = clipped(place.column)};
    place = {};
    if (back == 0) {
      const uint64_t start = cursor.uleb();
      start_ = {start == 0 ? 0 : header_.base + (start - 1)};
    } else {
      place.file = cursor.uleb();
      place.line = cursor.uleb();
      place.column = cursor.uleb();
      place.node = back <= offset ? offset - back + 1 : 0;
      damaged_ = damaged_ || place.node == 0;
    }
    damaged_ = damaged_ || cursor.failed();
    if (name == 0)
      continue;
    add_name(name, frame);
    frames_.push_back(frame);
  }
}

void IndexReader::add_name(uint64_t name, IndexFrame& frame) {
  Cursor cursor(part(IndexPart::kNames, name - 1, kMaxNameBytes));
  frame.start_line = clipped(cursor.uleb());
  frame.system_name = text(cursor.uleb());
  damaged_ = damaged_ || cursor.failed() || frame.system_name.empty();
}

std::string_view IndexReader::file(uint64_t number) {
  if (number == 0)
    return {};
  uint32_t offset = 0;
  // Beyond all files is beyond the part, however large.
  const auto bytes = part(
      IndexPart::kFiles, std::min<uint64_t>(number - 1, UINT32_MAX) * sizeof offset, sizeof offset);
  if (bytes.size() != sizeof offset) {
    damaged_ = true;
    return {};
  }
  std::memcpy(&offset, bytes.data(), sizeof offset);
  return text(offset);
}

std::string_view IndexReader::text(uint64_t offset) {
  constexpr size_t kLongestLength = 10;
  Cursor cursor(part(IndexPart::kTexts, offset, kLongestLength));
  const uint64_t size = cursor.uleb();
  if (damaged_ || cursor.failed() || size == 0 || size > kMaxIndexText) {
    damaged_ = true;
    return {};
  }
  const auto bytes = part(IndexPart::kTexts, offset + cursor.position(), size);
  damaged_ = damaged_ || bytes.size() != size;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace pprofd::symbolizer

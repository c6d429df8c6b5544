#include "symbolizer/go/header.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "symbolizer/base/hex.h"

namespace pprofd::symbolizer::go {
namespace {

constexpr uint32_t kMagicGo12 = 0xfffffffb;
constexpr uint32_t kMagicGo116 = 0xfffffffa;
constexpr uint32_t kMagicGo118 = 0xfffffff0;
constexpr uint32_t kMagicGo120 = 0xfffffff1;

// The bytes that every table begins with.
struct Start {
  uint32_t magic;
  uint16_t zero;
  uint8_t quantum;
  uint8_t pointer_size;
};
static_assert(sizeof(Start) == sizeof(uint64_t));
constexpr size_t kMaxWords = 8; // behind them

constexpr uint64_t kAlignment = 8;

std::optional<Layout> layout_of(uint32_t magic) {
  switch (magic) {
  case kMagicGo12:
    return Layout::kGo12;
  case kMagicGo116:
    return Layout::kGo116;
  case kMagicGo118:
    return Layout::kGo118;
  case kMagicGo120:
    return Layout::kGo120;
  default:
    return std::nullopt;
  }
}

bool is_start(const Start& start) {
  const bool counts = start.quantum == 1 || start.quantum == 2 || start.quantum == 4;
  return layout_of(start.magic) && start.zero == 0 && counts && start.pointer_size == 8;
}

bool set_parts_go12(const ByteSource& source, Header& header) {
  header.entries = sizeof(Start) + sizeof(uint64_t);
  const uint64_t behind = header.entries + (uint64_t{header.functions} * 2 + 1) * sizeof(uint64_t);
  if (behind >= header.place.size)
    return false;
  const auto files = source.read_as<uint32_t>(header.place.offset + behind);
  header.files = files ? *files : header.place.size;
  return header.files < header.place.size;
}

bool set_parts(std::span<const uint64_t> words, Header& header) {
  header.names = words[0];
  header.units = words[1];
  header.files = words[2];
  header.numbers = words[3];
  header.entries = header.records = words[4];
  return std::ranges::max(words.first(5)) < header.place.size;
}

Result<Header> read_header(const ByteSource& source, const FileRange& place, ElfAddress address) {
  const auto start = source.read_as<Start>(place.offset);
  std::array<uint64_t, kMaxWords> words{};
  if (!start || place.size < sizeof(Start) + sizeof words ||
      !source.read(place.offset + sizeof(Start), std::as_writable_bytes(std::span(words))))
    return fail("", "it is too short");
  const auto layout = layout_of(start->magic);
  if (!layout)
    return fail("", "it begins with " + hex_of(std::as_bytes(std::span(&start->magic, 1))) +
                        ", which is no layout known here");
  if (!is_start(*start))
    return fail("",
                "pointers of " + std::to_string(start->pointer_size) + " bytes are not supported");
  Header header{.layout = *layout, .quantum = start->quantum, .address = address, .place = place};
  if (words[0] == 0 || words[0] > place.size / (2 * header.entry_size()))
    return fail("", "its number of functions is not possible");
  header.functions = static_cast<uint32_t>(std::min<uint64_t>(words[0], UINT32_MAX));
  const bool fits = *layout == Layout::kGo12    ? set_parts_go12(source, header)
                    : *layout == Layout::kGo116 ? set_parts(std::span(words).subspan(2), header)
                                                : set_parts(std::span(words).subspan(3), header);
  if (*layout >= Layout::kGo118)
    header.text_word = {address.value + sizeof(Start) + 2 * sizeof(uint64_t)};
  const uint64_t entries = (uint64_t{header.functions} * 2 + 1) * header.entry_size();
  if (!fits || entries > place.size - header.entries)
    return fail("", "its header is malformed");
  return header;
}

// A segment's table, by its first bytes.
std::optional<Header> scan(const ByteSource& source, const ElfSegment& segment, uint64_t& budget) {
  std::vector<uint64_t> chunk(kScanChunk / sizeof(uint64_t));
  const uint64_t skipped = -segment.address.value % kAlignment;
  for (uint64_t at = skipped; at < segment.file_size && budget != 0;) {
    const uint64_t wanted =
        std::min({uint64_t{kScanChunk}, segment.file_size - at, budget}) / kAlignment;
    const size_t got = source.read_some(segment.offset + at,
                                        std::as_writable_bytes(
                                            std::span(chunk).first(static_cast<size_t>(wanted)))) /
                       kAlignment;
    if (got == 0)
      return std::nullopt;
    for (size_t i = 0; i < got; ++i) {
      Start start;
      std::memcpy(&start, &chunk[i], sizeof start);
      const uint64_t into = at + i * kAlignment;
      if (!is_start(start))
        continue;
      const FileRange place{
          .offset = segment.offset + into,
          .size = std::min(segment.file_size - into, source.size() - (segment.offset + into))};
      if (auto header = read_header(source, place, {segment.address.value + into}))
        return *header;
    }
    at += got * kAlignment;
    budget -= got * kAlignment;
  }
  return std::nullopt;
}

bool may_be_go(const ElfImage& image) {
  if (image.sections().empty())
    return true;
  return std::ranges::any_of(std::array{".go.buildinfo", ".note.go.buildid", ".go.module"},
                             [&](const char* name) { return image.find_section(name) != nullptr; });
}

} // namespace

Result<Header> find_header(const ByteSource& source, const ElfImage& image) {
  constexpr std::string_view kWhat = "Go's table of functions";
  for (const char* name : {".gopclntab", ".data.rel.ro.gopclntab"}) {
    const ElfSection* section = image.find_section(name);
    if (section == nullptr)
      continue;
    if (section->type == SHT_NOBITS || (section->flags & SHF_COMPRESSED) != 0)
      return fail(std::string(kWhat), "its section has no bytes");
    const uint64_t left = source.size() - std::min(section->offset, source.size());
    auto header =
        read_header(source, {.offset = section->offset, .size = std::min(section->size, left)},
                    section->address);
    if (!header)
      header.error().what = kWhat;
    return header;
  }
  uint64_t budget = kMaxScanned;
  if (may_be_go(image))
    for (const ElfSegment& segment : image.segments())
      if (!segment.executable && segment.offset < source.size())
        if (auto header = scan(source, segment, budget))
          return *header;
  return fail(std::string(kWhat), "there is none");
}

} // namespace pprofd::symbolizer::go

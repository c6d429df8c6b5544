#include "symbolizer/go/module.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "symbolizer/base/saturating.h"
#include "symbolizer/go/relocated.h"

namespace pprofd::symbolizer::go {
namespace {

// Words of moduledata. Slices are three words.
constexpr uint64_t kHeader = 0;
constexpr uint64_t kNames = 1;
constexpr uint64_t kUnits = 4;
constexpr uint64_t kFiles = 7;
constexpr uint64_t kNumbers = 10;
constexpr uint64_t kRecords = 13;
constexpr uint64_t kEntries = 16;
constexpr uint64_t kText = 22;
constexpr uint64_t kFuncdataGo118 = 38;
constexpr uint64_t kFuncdataGo120 = 40;
constexpr uint64_t kLastFuncdata = 48; // what later releases may make of it
constexpr uint64_t kWords = kLastFuncdata + 2;

constexpr uint64_t kWord = sizeof(uint64_t);
constexpr size_t kMaxCandidates = 8;

// Data as the file has it: addresses to places.
struct DataRange {
  ElfAddress address{};
  FileRange place;
};

// Where moduledata may stand; its own section, since Go 1.26, first.
std::vector<DataRange> data_of(const ElfImage& image) {
  std::vector<DataRange> ranges;
  for (const ElfSection& section : image.sections())
    if (section.type == SHT_PROGBITS && (section.flags & SHF_WRITE) != 0) {
      const bool own = image.name_of(section) == ".go.module";
      ranges.insert(
          own ? ranges.begin() : ranges.end(),
          {.address = section.address, .place = {.offset = section.offset, .size = section.size}});
    }
  if (image.sections().empty())
    for (const ElfSegment& segment : image.segments())
      if (!segment.executable)
        ranges.push_back({.address = segment.address,
                          .place = {.offset = segment.offset, .size = segment.file_size}});
  return ranges;
}

// Calls `take` with the addresses of words of `value`, until it returns true.
template <typename Take>
bool scan(const ByteSource& source, const DataRange& range, uint64_t value, uint64_t& budget,
          const Take& take) {
  std::vector<uint64_t> chunk(kScanChunk / kWord);
  for (uint64_t at = -range.address.value % kWord; at < range.place.size && budget != 0;) {
    const uint64_t wanted = std::min({uint64_t{kScanChunk}, range.place.size - at, budget}) / kWord;
    const auto part = std::span(chunk).first(static_cast<size_t>(wanted));
    const size_t got =
        source.read_some(range.place.offset + at, std::as_writable_bytes(part)) / kWord;
    if (got == 0)
      return false;
    for (size_t i = 0; i < got; ++i)
      if (chunk[i] == value && take(ElfAddress{range.address.value + at + i * kWord}))
        return true;
    at += got * kWord;
    budget -= got * kWord;
  }
  return false;
}

using Words = std::array<uint64_t, kWords>;

// Since Go 1.26 functions' data is the table's last part, and the next word is the table's end.
// Go 1.27 put words before the two.
uint64_t find_funcdata(const Words& words, const Header& header) {
  if (header.layout == Layout::kGo118)
    return words[kFuncdataGo118];
  const uint64_t start = header.address.value + header.records;
  const uint64_t end = saturating_add(header.address.value, header.place.size);
  for (uint64_t i = kFuncdataGo120; i <= kLastFuncdata; ++i)
    if (start < words.at(i) && words.at(i) <= words.at(i + 1) && words.at(i + 1) <= end)
      return words.at(i);
  return words[kFuncdataGo120];
}

std::optional<Module> read_module(const ByteSource& source, const ElfImage& image,
                                  const Header& header, ElfAddress address) {
  const RelocatedPointers pointers(
      source, image, {.start = address, .end = {saturating_add(address.value, kWords * kWord)}});
  Words words{};
  for (uint64_t i = 0; i < kWords; ++i)
    words.at(i) = pointers.at({address.value + i * kWord}).value_or(0);
  const std::array<std::pair<uint64_t, uint64_t>, 7> parts = {{{kHeader, 0},
                                                               {kNames, header.names},
                                                               {kUnits, header.units},
                                                               {kFiles, header.files},
                                                               {kNumbers, header.numbers},
                                                               {kRecords, header.records},
                                                               {kEntries, header.entries}}};
  for (const auto& [index, offset] : parts)
    if (words.at(index) != header.address.value + offset)
      return std::nullopt;
  return Module{.text = {words[kText]}, .funcdata = {find_funcdata(words, header)}};
}

} // namespace

std::optional<Module> find_module(const ByteSource& source, const ElfImage& image,
                                  const Header& header) {
  if (header.layout < Layout::kGo118)
    return std::nullopt;
  std::optional<Module> found;
  size_t candidates = 0;
  const auto is_module = [&](ElfAddress address) {
    found = read_module(source, image, header, address);
    return found || ++candidates == kMaxCandidates;
  };
  uint64_t budget = kMaxScanned;
  for (const DataRange& range : data_of(image))
    if (scan(source, range, header.address.value, budget, is_module))
      return found;
  std::vector<uint64_t> places;
  each_relative(source, image, [&](const RelativeRelocation& relocation) {
    if (relocation.value == header.address.value)
      places.push_back(relocation.place);
    return places.size() < kMaxCandidates;
  });
  for (const uint64_t place : places)
    if (is_module({place}))
      return found;
  return std::nullopt;
}

} // namespace pprofd::symbolizer::go

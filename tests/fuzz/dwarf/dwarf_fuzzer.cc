// Debug information, any of it: whole ELF files, and sections by themselves.
//
// The first byte is the shape. kSections: each section follows as a 32-bit size and its bytes, in
// the order of Sections; the same bytes also serve as the supplementary and the split file.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "symbolizer/dwarf/lookup.h"
#include "symbolizer/elf/image.h"

namespace {

using namespace pprofd;
using namespace pprofd::symbolizer;

using Bytes = std::span<const std::byte>;

enum Shape : uint8_t { kWhole, kWholeSplit, kSections, kShapes };

void check(bool holds) {
  if (!holds)
    std::abort();
}

constexpr std::array kMembers = {
    &dwarf::Sections::info,     &dwarf::Sections::abbrev,   &dwarf::Sections::line,
    &dwarf::Sections::str,      &dwarf::Sections::line_str, &dwarf::Sections::str_offsets,
    &dwarf::Sections::addr,     &dwarf::Sections::ranges,   &dwarf::Sections::rnglists,
    &dwarf::Sections::cu_index,
};

// In memory of their own, so that a use after they went is seen.
dwarf::SplitSections copy_of(const dwarf::Sections& sections) {
  struct Copy {
    std::array<std::vector<std::byte>, kMembers.size()> bytes;
    dwarf::Sections sections;
  };
  auto copy = std::make_shared<Copy>();
  for (size_t i = 0; i < kMembers.size(); ++i) {
    const Bytes from = sections.*kMembers.at(i);
    copy->bytes.at(i).assign(from.begin(), from.end());
    copy->sections.*kMembers.at(i) = copy->bytes.at(i);
  }
  return {copy, &copy->sections};
}

void look_up(const dwarf::Sections& sections, std::span<const AddressRange> code) {
  dwarf::LookupOptions options;
  options.table_bytes = 1 << 20;
  options.supplementary = &sections;
  size_t asked = 0;
  options.split_files = [&](const dwarf::SplitReference&) {
    ++asked;
    return std::vector<dwarf::SplitSections>{copy_of(sections)};
  };
  options.split_files_full = [&] { return asked % 4 == 3; };
  dwarf::DwarfLookup lookup(sections, code, options);
  std::vector<ElfAddress> addresses;
  for (const AddressRange& range : code.first(std::min<size_t>(code.size(), 4))) {
    const uint64_t step = std::max<uint64_t>((range.end.value - range.start.value) / 64, 1);
    for (uint64_t i = 0; i < 64; ++i)
      if (range.contains({range.start.value + i * step}))
        addresses.push_back({range.start.value + i * step});
  }
  size_t found = 0;
  lookup.find_all(addresses, [&](size_t index, std::span<const dwarf::Frame> frames) {
    ++found;
    check(index < addresses.size() && frames.size() <= dwarf::DwarfLookup::kMaxFrames);
    size_t bytes = 0; // every text can be read
    for (const dwarf::Frame& frame : frames)
      for (const std::string_view text : {frame.name, frame.system_name, frame.file})
        bytes += static_cast<size_t>(std::ranges::count(text, 'x'));
    check(bytes <= size_t{1} << 40);
  });
  check(found == addresses.size());
}

Bytes take(Bytes& input) {
  uint32_t size = 0;
  if (input.size() < sizeof size)
    return {};
  std::memcpy(&size, input.data(), sizeof size);
  input = input.subspan(sizeof size);
  const Bytes taken = input.first(std::min<size_t>(size, input.size()));
  input = input.subspan(taken.size());
  return taken;
}

void read_sections(Bytes input) {
  dwarf::Sections sections;
  for (Bytes dwarf::Sections::* member : kMembers)
    sections.*member = take(input);
  const std::array code = {AddressRange{{0x1000}, {0x2000}}};
  look_up(sections, code);
}

void read_file(Bytes input, bool split) {
  const ByteSource source = ByteSource::of_memory(input);
  const auto image = ElfImage::open(source);
  if (!image)
    return;
  dwarf::SectionOptions options;
  options.split = split;
  options.max_inflated = 1 << 20;
  const auto file = dwarf::SectionFile::read(*image, input, options);
  look_up(file.sections(), image->code());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  const auto input = std::as_bytes(std::span(data + 1, size - 1));
  const int shape = data[0] % kShapes;
  if (shape == kSections)
    read_sections(input);
  else
    read_file(input, shape == kWholeSplit);
  return 0;
}

#include "symbolizer/dwarf/split.h"

#include <span>
#include <utility>

#include "symbolizer/dwarf/units/constants.h"

namespace pprofd::symbolizer::dwarf {
namespace {

constexpr size_t kAbbreviationBytes = 4 << 20; // of one split file
constexpr uint32_t kMaxColumns = 16;

using Bytes = std::span<const std::byte>;

uint32_t word(Bytes section, uint64_t offset) {
  if (offset >= section.size())
    return 0;
  return Cursor(section.subspan(offset)).read<uint32_t>();
}

// .debug_cu_index: a hash table of ids, the rows they stand for, and for each row where its parts
// begin in the sections and how long they are.
class PackageIndex {
public:
  explicit PackageIndex(Bytes section) : section_(section) {
    Cursor cursor(section);
    const auto version = cursor.read<uint32_t>(); // 2, or 5 and 16 bits of padding
    columns_ = cursor.read<uint32_t>();
    rows_ = cursor.read<uint32_t>();
    slots_ = cursor.read<uint32_t>();
    valid_ = !cursor.failed() && (version & 0xffff) <= 5 && columns_ <= kMaxColumns &&
             uint64_t{slots_} * 12 <= cursor.left();
  }

  // From 1 on; 0: it is not there. Tables are small, and a hostile one's hash may lead anywhere.
  [[nodiscard]] uint32_t row_of(uint64_t id) const {
    if (!valid_ || slots_ == 0 || (slots_ & (slots_ - 1)) != 0)
      return 0;
    const uint64_t mask = slots_ - 1;
    const uint64_t stride = ((id >> 32) & mask) | 1;
    uint64_t slot = id & mask;
    for (uint32_t tried = 0; tried < slots_; ++tried, slot = (slot + stride) & mask) {
      const auto row = word(section_, rows_at() + slot * 4);
      if (row == 0)
        return 0;
      if (Cursor(section_.subspan(kHeader + slot * 8)).read<uint64_t>() == id)
        return row <= rows_ ? row : 0;
    }
    return 0;
  }

  // The part of `section` that row `row` has of the kind; nothing where it has none.
  [[nodiscard]] Bytes part(uint32_t row, uint32_t kind, Bytes section) const {
    const uint64_t kinds = rows_at() + uint64_t{slots_} * 4;
    for (uint64_t column = 0; column < columns_; ++column) {
      if (word(section_, kinds + column * 4) != kind)
        continue;
      const uint64_t offset = word(section_, kinds + (row * uint64_t{columns_} + column) * 4);
      const uint64_t size =
          word(section_, kinds + ((uint64_t{rows_} + row) * columns_ + column) * 4);
      if (offset > section.size() || size > section.size() - offset)
        return {};
      return section.subspan(offset, size);
    }
    return {};
  }

private:
  static constexpr uint64_t kHeader = 16;
  [[nodiscard]] uint64_t rows_at() const { return kHeader + uint64_t{slots_} * 8; }

  Bytes section_;
  uint32_t columns_ = 0;
  uint32_t rows_ = 0;
  uint32_t slots_ = 0;
  bool valid_ = false;
};

bool has_id(const Unit& unit, uint64_t id) {
  if (unit.header.type == DW_UT_split_compile)
    return unit.header.split_id == id;
  const FormValue* const value = unit.root.find(Slot::kSplitId);
  return value != nullptr && value->raw == id;
}

// Values of the split unit that stand for something in the executable's sections.
Unit joined(const Unit& split, const Unit& skeleton) {
  Unit unit = split;
  unit.main_sections = skeleton.sections;
  unit.bases.addresses = skeleton.bases.addresses;
  unit.bases.base_address = skeleton.bases.base_address;
  unit.bases.ranges = skeleton.root.number(Slot::kRangesBase);
  return unit;
}

} // namespace

std::optional<SplitReference> split_reference(const Unit& skeleton) {
  const FormValue* const name = skeleton.root.find(Slot::kSplitName);
  if (name == nullptr)
    return std::nullopt;
  SplitReference reference{.folder = skeleton.folder(),
                           .name = skeleton.text(*name).value_or(""),
                           .id = skeleton.header.split_id};
  if (skeleton.header.type != DW_UT_skeleton)
    reference.id = skeleton.root.number(Slot::kSplitId);
  return reference;
}

std::optional<Sections> sections_of(const Sections& package, uint64_t id) {
  if (package.cu_index.empty())
    return package;
  const PackageIndex index(package.cu_index);
  const uint32_t row = index.row_of(id);
  if (row == 0)
    return std::nullopt;
  Sections sections = package;
  sections.info = index.part(row, DW_SECT_INFO, package.info);
  sections.abbrev = index.part(row, DW_SECT_ABBREV, package.abbrev);
  sections.str_offsets = index.part(row, DW_SECT_STR_OFFSETS, package.str_offsets);
  sections.rnglists = index.part(row, DW_SECT_RNGLISTS, package.rnglists);
  return sections;
}

std::unique_ptr<SplitUnit> SplitUnit::find(SplitSections file, const Unit& skeleton, uint64_t id,
                                           uint32_t number) {
  const auto sections = sections_of(*file, id);
  if (!sections)
    return nullptr;
  auto result = std::make_unique<SplitUnit>();
  result->file = std::move(file);
  result->sections = *sections;
  result->units = std::make_unique<UnitSet>(number, result->sections, nullptr, kAbbreviationBytes);
  for (const UnitHeader& header : result->units->headers()) {
    if (header.is_type())
      continue;
    const auto unit = result->units->get(header);
    if (unit->tag == 0 || !has_id(*unit, id))
      continue;
    result->unit = std::make_shared<const Unit>(joined(*unit, skeleton));
    return result;
  }
  return nullptr;
}

} // namespace pprofd::symbolizer::dwarf

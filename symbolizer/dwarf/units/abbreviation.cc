#include "symbolizer/dwarf/units/abbreviation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "symbolizer/dwarf/units/constants.h"

namespace pprofd::symbolizer::dwarf {
namespace {

constexpr size_t kMaxSteps = 1 << 20; // and attributes
constexpr size_t kMaxAbbreviations = 1 << 18;
// Sizes up to here are added up without a thought of overflow.
constexpr uint32_t kMaxFixed = 1 << 24;

constexpr Abbreviation kNoAbbreviation;

bool is_function(uint64_t tag) {
  return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

bool is_unit(uint64_t tag) {
  return tag == DW_TAG_compile_unit || tag == DW_TAG_partial_unit || tag == DW_TAG_skeleton_unit;
}

// Types that cannot have functions with code beneath. Classes can: GCC puts a local class's and a
// lambda's functions there.
bool is_barren(uint64_t tag) {
  return tag == DW_TAG_array_type || tag == DW_TAG_enumeration_type ||
         tag == DW_TAG_subroutine_type;
}

Slot function_slot(uint64_t attribute) {
  switch (attribute) {
  case DW_AT_sibling:
    return Slot::kSibling;
  case DW_AT_name:
    return Slot::kName;
  case DW_AT_linkage_name:
  case DW_AT_MIPS_linkage_name:
    return Slot::kLinkageName;
  case DW_AT_low_pc:
    return Slot::kLowPc;
  case DW_AT_high_pc:
    return Slot::kHighPc;
  case DW_AT_ranges:
    return Slot::kRanges;
  case DW_AT_abstract_origin:
    return Slot::kAbstractOrigin;
  case DW_AT_specification:
    return Slot::kSpecification;
  case DW_AT_decl_line:
    return Slot::kDeclLine;
  case DW_AT_call_file:
    return Slot::kCallFile;
  case DW_AT_call_line:
    return Slot::kCallLine;
  case DW_AT_call_column:
    return Slot::kCallColumn;
  default:
    return Slot::kNone;
  }
}

Slot unit_slot(uint64_t attribute) {
  switch (attribute) {
  case DW_AT_name:
    return Slot::kName;
  case DW_AT_low_pc:
    return Slot::kLowPc;
  case DW_AT_high_pc:
    return Slot::kHighPc;
  case DW_AT_ranges:
    return Slot::kRanges;
  case DW_AT_stmt_list:
    return Slot::kStatements;
  case DW_AT_comp_dir:
    return Slot::kFolder;
  case DW_AT_str_offsets_base:
    return Slot::kStringOffsetsBase;
  case DW_AT_addr_base:
  case DW_AT_GNU_addr_base:
    return Slot::kAddressBase;
  case DW_AT_rnglists_base:
    return Slot::kRangeListsBase;
  case DW_AT_GNU_ranges_base:
    return Slot::kRangesBase;
  case DW_AT_dwo_name:
  case DW_AT_GNU_dwo_name:
    return Slot::kSplitName;
  case DW_AT_GNU_dwo_id:
    return Slot::kSplitId;
  default:
    return Slot::kNone;
  }
}

Slot slot_of(uint64_t tag, uint64_t attribute) {
  if (is_function(tag))
    return function_slot(attribute);
  if (is_unit(tag))
    return unit_slot(attribute);
  return is_barren(tag) && attribute == DW_AT_sibling ? Slot::kSibling : Slot::kNone;
}

} // namespace

class AbbreviationReader {
public:
  AbbreviationReader(std::span<const std::byte> bytes, const UnitFormat& format)
      : cursor_(bytes), format_(format) {}

  Result<AbbreviationTable> read(uint64_t only) {
    for (;;) {
      // A table may end with its section.
      const uint64_t code = cursor_.at_end() ? 0 : cursor_.uleb();
      if (code == 0)
        break;
      if (only != AbbreviationTable::kEveryCode && code != only) {
        skip_one();
        continue;
      }
      const auto abbreviation = read_one();
      if (!abbreviation)
        return fail("", "an abbreviation table is malformed or too big");
      add(code, *abbreviation);
      if (code == only)
        break;
    }
    std::ranges::sort(table_.sparse_, {}, [](const AbbreviationTable::Sparse& sparse) {
      return std::make_pair(sparse.code, sparse.abbreviation.first_step);
    });
    return std::move(table_);
  }

private:
  // GCC numbers abbreviations by how often they are used: a unit's own comes last.
  void skip_one() {
    cursor_.uleb();
    cursor_.u8();
    for (;;) {
      const uint64_t attribute = cursor_.uleb();
      const uint64_t form = cursor_.uleb();
      if (attribute == 0 && form == 0)
        return;
      if (form == DW_FORM_implicit_const)
        cursor_.sleb();
    }
  }

  std::optional<Abbreviation> read_one() {
    Abbreviation abbreviation;
    const uint64_t tag = cursor_.uleb();
    abbreviation.tag = static_cast<uint16_t>(std::min<uint64_t>(tag, UINT16_MAX));
    abbreviation.children = cursor_.u8() != 0;
    abbreviation.first_step = static_cast<uint32_t>(table_.steps_.size());
    bool code = false, declaration = false, sibling = false;
    for (;;) {
      const uint64_t attribute = cursor_.uleb();
      const uint64_t form = cursor_.uleb();
      if (cursor_.failed() || ++attributes_ > kMaxSteps)
        return std::nullopt;
      const int64_t constant = form == DW_FORM_implicit_const ? cursor_.sleb() : 0;
      if (attribute == 0 && form == 0)
        break;
      code |= attribute == DW_AT_low_pc || attribute == DW_AT_ranges;
      declaration |= attribute == DW_AT_declaration;
      sibling |= attribute == DW_AT_sibling;
      // The walk stops at an unknown form, when it comes to an entry that has it.
      add_attribute(abbreviation, slot_of(tag, attribute),
                    static_cast<uint16_t>(std::min<uint64_t>(form, UINT16_MAX)), constant);
    }
    finish(abbreviation);
    abbreviation.role = Role::kPlain;
    if (is_function(tag) && code)
      abbreviation.role = Role::kCode;
    else if (abbreviation.children && sibling && (is_barren(tag) || declaration))
      abbreviation.role = is_function(tag) || is_barren(tag) ? Role::kBarren : Role::kPlain;
    else if (is_function(tag) && abbreviation.children)
      abbreviation.role = Role::kScope;
    table_.has_code_ |= abbreviation.role == Role::kCode;
    return abbreviation;
  }

  void add_attribute(Abbreviation& abbreviation, Slot slot, uint16_t form, int64_t constant) {
    const auto size = fixed_size(form, format_);
    if (slot == Slot::kSibling && form == DW_FORM_ref4)
      abbreviation.sibling = abbreviation.size;
    if (size)
      abbreviation.size += *size;
    else
      variable_ = true;
    if (slot == Slot::kNone && size && skip_ < kMaxFixed) {
      skip_ += *size;
      return;
    }
    table_.steps_.push_back({.skip = skip_,
                             .form = form,
                             .slot = slot,
                             .size = size && *size <= 8 ? *size : Step::kVariable,
                             .constant = constant});
    skip_ = 0;
  }

  void finish(Abbreviation& abbreviation) {
    abbreviation.steps =
        static_cast<uint32_t>(table_.steps_.size() - size_t{abbreviation.first_step});
    abbreviation.tail = skip_;
    if (variable_ || abbreviation.size >= kMaxFixed) {
      abbreviation.size = Abbreviation::kVariable;
      abbreviation.sibling = Abbreviation::kVariable;
    }
    skip_ = 0;
    variable_ = false;
  }

  // Codes that follow each other, as compilers number them, are found by index; of two with one
  // code the first counts.
  void add(uint64_t code, const Abbreviation& abbreviation) {
    auto& dense = table_.dense_;
    if (dense.size() + table_.sparse_.size() >= kMaxAbbreviations)
      return;
    if (dense.empty() && table_.sparse_.empty())
      table_.first_code_ = code;
    if (code - table_.first_code_ == dense.size())
      dense.push_back(abbreviation);
    else
      table_.sparse_.push_back({code, abbreviation});
  }

  Cursor cursor_;
  UnitFormat format_;
  AbbreviationTable table_;
  size_t attributes_ = 0;
  uint32_t skip_ = 0;
  bool variable_ = false;
};

Result<AbbreviationTable> AbbreviationTable::read(std::span<const std::byte> section,
                                                  uint64_t offset, const UnitFormat& format,
                                                  uint64_t only) {
  if (offset >= section.size())
    return fail("", "an abbreviation table is outside its section");
  return AbbreviationReader(section.subspan(offset), format).read(only);
}

const Abbreviation& AbbreviationTable::find_sparse(uint64_t code) const {
  const auto found = std::ranges::lower_bound(sparse_, code, {}, &Sparse::code);
  return found != sparse_.end() && found->code == code ? found->abbreviation : kNoAbbreviation;
}

void AbbreviationTable::read_entry(Cursor& cursor, const Abbreviation& abbreviation,
                                   const UnitFormat& format, Attributes& attributes) const {
  const Step* const end = steps_.data() + abbreviation.first_step + abbreviation.steps;
  for (const Step* step = end - abbreviation.steps; step != end; ++step) {
    cursor.skip(step->skip);
    // Most are numbers of a size that is known; a flag's or constant's has no bytes.
    const FormValue value = step->size == Step::kVariable ? read_form(cursor, step->form, format)
                            : step->size == 0
                                ? FormValue{step->form, static_cast<uint64_t>(step->constant)}
                                : FormValue{step->form, read_number(cursor, step->size)};
    if (step->slot != Slot::kNone)
      attributes.set(step->slot, value);
  }
  cursor.skip(abbreviation.tail);
}

size_t AbbreviationTable::memory() const {
  return sizeof *this + dense_.capacity() * sizeof(Abbreviation) +
         sparse_.capacity() * sizeof(Sparse) + steps_.capacity() * sizeof(Step);
}

std::shared_ptr<const AbbreviationTable> AbbreviationCache::get(uint64_t offset,
                                                                const UnitFormat& format) {
  const Key key{offset, format};
  if (const auto* found = tables_.find(key); found != nullptr)
    return *found;
  auto table = AbbreviationTable::read(section_, offset, format);
  if (!table)
    return tables_.put(key, nullptr, 0);
  const size_t memory = table->memory();
  return tables_.put(key, std::make_shared<const AbbreviationTable>(std::move(*table)), memory);
}

} // namespace pprofd::symbolizer::dwarf

// Abbreviation tables, prepared for walks: for each abbreviation what a walk for code wants of it,
// and how to get over its entry (DIE) with the least work.
// Source: DWARF 5, sections 2.3 and 7.5.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "symbolizer/base/lru_cache.h"
#include "symbolizer/base/result.h"
#include "symbolizer/dwarf/units/form.h"

namespace pprofd::symbolizer::dwarf {

// The attributes that are looked at, each with a place of its own in Attributes.
enum class Slot : uint8_t {
  kSibling,
  kName,
  kLinkageName,
  kLowPc,
  kHighPc,
  kRanges,
  kAbstractOrigin,
  kSpecification,
  kDeclLine,
  kCallFile,
  kCallLine,
  kCallColumn,
  kStatements, // DW_AT_stmt_list
  kFolder,     // DW_AT_comp_dir
  kStringOffsetsBase,
  kAddressBase,
  kRangeListsBase,
  kRangesBase, // DW_AT_GNU_ranges_base
  kSplitName,  // DW_AT_dwo_name
  kSplitId,    // DW_AT_GNU_dwo_id
  kNone,       // none that matters
};
inline constexpr size_t kSlots = static_cast<size_t>(Slot::kNone);

// One entry's values of these. A value that comes twice counts the first time.
class Attributes {
public:
  void clear() { present_ = 0; }
  void set(Slot slot, const FormValue& value) {
    if (has(slot))
      return;
    present_ |= 1U << index(slot);
    values_[index(slot)] = value;
  }
  [[nodiscard]] bool has(Slot slot) const { return ((present_ >> index(slot)) & 1) != 0; }
  // nullptr: the entry has none.
  [[nodiscard]] const FormValue* find(Slot slot) const {
    return has(slot) ? &values_[index(slot)] : nullptr;
  }
  // The number, or 0.
  [[nodiscard]] uint64_t number(Slot slot) const {
    return has(slot) ? values_[index(slot)].raw : 0;
  }

private:
  static size_t index(Slot slot) { return static_cast<size_t>(slot); }
  uint32_t present_ = 0;
  std::array<FormValue, kSlots> values_;
};
static_assert(kSlots <= 32);

// What a walk for code does with an entry.
enum class Role : uint8_t {
  kMissing, // no such abbreviation
  kPlain,   // nothing, but its children are walked
  kBarren,  // no code beneath: its children are skipped where it states its sibling
  kCode,    // a function or an inlined one with addresses
  kScope,   // one without; functions beneath it may have some
};

// Over `skip` bytes, then a value that is wanted or whose size only it itself tells.
struct Step {
  static constexpr uint8_t kVariable = UINT8_MAX;
  uint32_t skip = 0;
  uint16_t form = 0;
  Slot slot = Slot::kNone;
  uint8_t size = kVariable; // at most 8
  int64_t constant = 0;     // DW_FORM_implicit_const
};

struct Abbreviation {
  static constexpr uint32_t kVariable = UINT32_MAX;

  uint16_t tag = 0;
  Role role = Role::kMissing;
  bool children = false;
  uint32_t size = 0; // of an entry behind its code; kVariable: only its steps tell
  // Where in an entry of fixed size DW_AT_sibling stands as a DW_FORM_ref4; kVariable: it doesn't.
  uint32_t sibling = kVariable;
  uint32_t first_step = 0;
  uint32_t steps = 0;
  uint32_t tail = 0; // bytes behind the last step
};

class AbbreviationTable {
public:
  static constexpr uint64_t kEveryCode = 0; // which no abbreviation has

  // The table at `offset` of .debug_abbrev for units of `format`; only the abbreviation `only`,
  // where it is not kEveryCode. Fails where the table is malformed or has over a million
  // attributes. Error::what stays empty.
  static Result<AbbreviationTable> read(std::span<const std::byte> section, uint64_t offset,
                                        const UnitFormat& format, uint64_t only = kEveryCode);

  // Of role kMissing where there is none.
  [[nodiscard]] const Abbreviation& find(uint64_t code) const {
    const uint64_t index = code - first_code_;
    return index < dense_.size() ? dense_[index] : find_sparse(code);
  }

  // Whether an entry of some unit of this table can have code.
  [[nodiscard]] bool has_code() const { return has_code_; }

  // Moves from behind an entry's code to behind the entry. The attributes are set, not cleared.
  void read_entry(Cursor& cursor, const Abbreviation& abbreviation, const UnitFormat& format,
                  Attributes& attributes) const;

  [[nodiscard]] size_t memory() const; // bytes held, about

private:
  friend class AbbreviationReader;
  struct Sparse {
    uint64_t code = 0;
    Abbreviation abbreviation;
  };
  [[nodiscard]] const Abbreviation& find_sparse(uint64_t code) const;

  uint64_t first_code_ = 1;
  bool has_code_ = false;
  std::vector<Abbreviation> dense_;
  std::vector<Sparse> sparse_; // by code
  std::vector<Step> steps_;
};

// The tables of one .debug_abbrev that were used last.
class AbbreviationCache {
public:
  // `section` must outlive this; `limit` in bytes.
  AbbreviationCache(std::span<const std::byte> section, size_t limit)
      : section_(section), tables_(limit) {}

  // nullptr: malformed.
  std::shared_ptr<const AbbreviationTable> get(uint64_t offset, const UnitFormat& format);

  [[nodiscard]] size_t memory() const { return tables_.bytes(); }

private:
  struct Key {
    uint64_t offset = 0;
    UnitFormat format;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const { return std::hash<uint64_t>()(key.offset); }
  };

  std::span<const std::byte> section_;
  LruCache<Key, std::shared_ptr<const AbbreviationTable>, KeyHash> tables_;
};

} // namespace pprofd::symbolizer::dwarf

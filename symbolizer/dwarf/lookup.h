// From an address of an ELF file to the functions and lines that its debug information (DWARF 2 to
// 5) has for it: the innermost inlined function first, then those it is inlined into.
//
// Nothing is read in advance but the units' first entries, once. A look-up reads the unit around
// the address: its line program and its entries, at some 5 to 15 ns each. Tables of the units used
// last are kept, so that many addresses are best asked by find_all(), or in order.
//
// The outermost function's name is as the debug information has it. llvm-symbolizer takes the
// symbol table's instead where that has one; whoever wants that puts it in place of the last
// frame's.
//
// The sections may be anybody's. What is malformed has no frames, or fewer. Memory is bounded
// (LookupOptions and what units.h, table.h and scopes.h say of one unit), time is not: a file may
// have any number of entries. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/demangle/demangle.h"
#include "symbolizer/dwarf/functions/names.h"
#include "symbolizer/dwarf/sections.h"
#include "symbolizer/dwarf/split.h"
#include "symbolizer/dwarf/unit_tables.h"

namespace pprofd::symbolizer::dwarf {

struct Frame {
  std::string_view name;        // readable; empty: unknown
  std::string_view system_name; // as in the file
  std::string_view file;        // empty: unknown
  uint32_t line = 0;            // 0: unknown, as are these two
  uint32_t column = 0;
  uint32_t start_line = 0; // of the function's declaration
};

struct LookupOptions {
  NameStyle style = NameStyle::kFull;
  size_t max_mangled = kMaxMangled;
  // What may be kept, in bytes.
  size_t table_bytes = size_t{32} << 20;
  size_t abbreviation_bytes = size_t{12} << 20;
  size_t name_bytes = size_t{16} << 20;
  // The sections of the file that dwz has put aside; nullptr: none. They must outlive the look-up.
  const Sections* supplementary = nullptr;
  // Files that may have the rest of a split unit, .dwo or .dwp: the first with a unit of that id is
  // taken. Asked at most once for each unit that is read.
  std::function<std::vector<SplitSections>(const SplitReference&)> split_files;
  // Asked before each unit that is read: whether so many files are held that all have to go first.
  std::function<bool()> split_files_full;
};

// Code that one unit describes.
struct UnitRange {
  uint64_t start = 0;
  uint64_t end = 0;
  uint32_t unit = 0;
};

// What was done, for measurements.
struct LookupCounts {
  uint64_t units = 0;         // in .debug_info
  uint64_t units_read = 0;    // some of them more than once
  uint64_t entries = 0;       // walked over
  uint64_t rows = 0;          // of line programs
  uint64_t split_missing = 0; // units whose split file was not there
};

class DwarfLookup {
public:
  static constexpr size_t kMaxFrames = 128; // of one address; outer ones beyond are left out

  // `code` as ElfImage::code() has it. Both must outlive this.
  DwarfLookup(const Sections& sections, std::span<const AddressRange> code,
              LookupOptions options = {});
  ~DwarfLookup();
  DwarfLookup(const DwarfLookup&) = delete;
  DwarfLookup& operator=(const DwarfLookup&) = delete;

  // Empty: the debug information says nothing of the address. A line without a function is one
  // frame without names. Valid until the next call.
  std::span<const Frame> find(ElfAddress address);

  // All of them, in the order of units: `found` is called for each with its index in `addresses`.
  void find_all(std::span<const ElfAddress> addresses,
                const std::function<void(size_t, std::span<const Frame>)>& found);

  // For whoever takes all there is. Which unit find() asks of which addresses, in no order;
  // addresses outside are no unit's.
  std::vector<UnitRange> ranges();
  // What it asks, read anew.
  std::unique_ptr<UnitTables> read_unit(uint32_t number);
  // A file of the unit, and what a function is called. The path is valid until the next call.
  std::string_view path(const UnitTables& unit, uint32_t file);
  FunctionName name(const UnitTables& unit, const Scope& scope);

  // Whether any unit has its other part in another file.
  [[nodiscard]] bool has_split_units() const;
  // As the first unit calls it whose file was not there, or had no unit of its id; empty: there is
  // no such unit among those that were read.
  [[nodiscard]] const std::string& missing_split_file() const;
  // Lets go of split files, with all that was read.
  void forget();

  [[nodiscard]] const LookupCounts& counts() const;
  [[nodiscard]] size_t memory() const; // bytes held, about

private:
  class State;
  std::unique_ptr<State> state_;
};

} // namespace pprofd::symbolizer::dwarf

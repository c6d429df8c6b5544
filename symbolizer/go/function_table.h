// Go's table of functions: from an address to a function's record. Read as it is asked for: memory
// is a cache of a few megabytes, and an answer costs the logarithm of the number of functions.
//
// The file may be anybody's: whatever is read is checked against the file, and an answer may be
// wrong, but not outside of what was asked for.
// Source: header.h; runtime/runtime2.go (_func) of Go 1.2 to 1.27. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "symbolizer/go/blocks.h"
#include "symbolizer/go/header.h"
#include "symbolizer/go/module.h"
#include "symbolizer/go/pc_values.h"
#include "symbolizer/go/relocated.h"
#include "symbolizer/symbols/string_table.h"

namespace pprofd::symbolizer::go {

// A function as the table lists it. It ends where the next begins: padding included.
struct TableEntry {
  uint64_t start = 0; // addresses
  uint64_t end = 0;
  uint64_t record = 0; // offset in the table
};

// What the table says of a function. Numbers of 0 are those that its layout does not have.
struct Record {
  // Flags.
  static constexpr uint8_t kWritesSp = 1 << 1; // sets sp by other means than addition

  uint32_t name = 0;   // offset in the names
  uint32_t growth = 0; // offsets in the numbers; 0: none
  uint32_t files = 0;
  uint32_t lines = 0;
  uint32_t pcdata_count = 0;
  uint32_t unit = 0; // of compilation: where its files begin
  uint32_t start_line = 0;
  uint8_t id = 0; // of the functions that are special to the runtime; since Go 1.12
  uint8_t flags = 0;
  uint32_t funcdata_count = 0;
  bool before_go112 = false;
  uint64_t pcdata = 0; // offsets in the table
  uint64_t funcdata = 0;
};

class FunctionTable {
public:
  // Fails where there is no table that could be read, and where the code is that it is of is not
  // known. Both must outlive the table.
  static Result<FunctionTable> open(const ByteSource& source, const ElfImage& image,
                                    size_t cache_bytes);

  [[nodiscard]] const Header& header() const { return header_; }
  [[nodiscard]] uint32_t size() const { return header_.functions; }
  // Where the functions stand.
  [[nodiscard]] AddressRange text() const { return text_; }

  // The function at `index`, in address order; nullopt where it is malformed.
  std::optional<TableEntry> entry(uint32_t index);
  // The function with `address`.
  std::optional<TableEntry> find(ElfAddress address);
  std::optional<Record> record(const TableEntry& entry);

  // Strings are valid until the next call of either; cut at kMaxName.
  std::string_view name(uint32_t offset);
  // The file of a number that a function's `files` has; empty: none.
  std::string_view file(const Record& record, int32_t number);

  // The numbers at an offset of a record.
  [[nodiscard]] PcValueReader numbers(uint32_t offset) const {
    return {header_.place.offset + header_.numbers + offset, header_.quantum};
  }
  // The offset of the function's numbers of PCDATA kind `index`; 0: none.
  uint32_t pcdata(const Record& record, uint32_t index);
  // The address of the function's data of FUNCDATA kind `index`.
  std::optional<ElfAddress> funcdata(const Record& record, uint32_t index);

  // The file's bytes, in the table and elsewhere.
  Blocks& blocks() { return blocks_; }
  // Functions' data can't be found: what offsets of it count from is not known.
  [[nodiscard]] bool lacks_funcdata() const { return header_.layout >= Layout::kGo118 && !module_; }

private:
  FunctionTable(const ByteSource& source, const ElfImage& image, const Header& header,
                size_t cache_bytes);

  // Pointers that may be relocated: the whole table before Go 1.18, then one word.
  [[nodiscard]] static AddressRange pointers_of(const Header& header);

  bool find_text(const ElfImage& image);
  // At an offset in the table: the address and the number of an entry, a pointer.
  std::optional<uint64_t> address_at(uint64_t offset);
  std::optional<uint64_t> number(uint64_t offset);
  std::optional<uint64_t> pointer(uint64_t offset);
  template <typename T> std::optional<T> read(uint64_t offset) {
    return offset < header_.place.size ? blocks_.read<T>(header_.place.offset + offset)
                                       : std::nullopt;
  }

  Header header_;
  Blocks blocks_;
  StringTable strings_;
  RelocatedPointers pointers_;
  std::optional<Module> module_;
  uint64_t base_ = 0; // what addresses of entries count from
  AddressRange text_;
};

} // namespace pprofd::symbolizer::go

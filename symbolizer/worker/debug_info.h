// Lines and inlined functions of one file: by its DWARF, or of a Go program by Go's own table,
// which stripping leaves. Holds the file mapped, so that it can be asked again when the descriptor
// is gone.
//
// The file may be anybody's: see dwarf/lookup.h and go/symbols.h for what a look-up costs. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/demangle/demangle.h"
#include "symbolizer/dwarf/lookup.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/elf/mapped_file.h"
#include "symbolizer/go/symbols.h"

namespace pprofd::symbolizer {

struct DebugOptions {
  NameStyle style = NameStyle::kFull;
  size_t max_mangled = kMaxMangled;
  uint64_t memory = 0; // bytes it may come to
};

class DebugInfo {
public:
  // nullptr: the file has none, or cannot be mapped.
  static std::unique_ptr<DebugInfo> open(int fd, const DebugOptions& options);

  // The innermost function first; empty: nothing is known of the address. Valid until the next
  // call.
  std::span<const dwarf::Frame> find(ElfAddress address);

  // Whether the outermost frame has the name that belongs into a profile. Otherwise the symbol
  // table's goes before it.
  [[nodiscard]] bool names_are_final() const { return go_.has_value(); }
  [[nodiscard]] NameStyle style() const { return style_; }
  // What could not be used and why.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] size_t memory() const; // bytes held, about

private:
  DebugInfo(MappedFile file, ElfImage image, NameStyle style);

  void open_go();
  void open_dwarf(const DebugOptions& options);
  std::span<const dwarf::Frame> find_go(go::Symbols& symbols, ElfAddress address);

  MappedFile file_;
  ByteSource source_; // of file_
  ElfImage image_;
  NameStyle style_;
  std::optional<go::Symbols> go_;
  std::optional<dwarf::SectionFile> sections_;
  std::unique_ptr<dwarf::DwarfLookup> dwarf_;
  std::vector<std::string> notes_;
  std::vector<go::Frame> go_frames_; // what frames_ shows
  std::vector<dwarf::Frame> frames_;
};

} // namespace pprofd::symbolizer

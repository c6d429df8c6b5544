// The entries of the procedure linkage table: which function each stub jumps to.
//
// A stub of x86-64 jumps through a slot of the GOT (`jmp *slot(%rip)`, with or without endbr64 and
// bnd); the relocation that fills the slot names the function. A lazy stub of an IBT table pushes
// the number of its relocation instead. Sources: System V ABI, AMD64 supplement, section 5.2.5 and
// appendix "Intel CET"; the layouts GNU ld, gold and lld write. Other machines: no entries.
#pragma once

#include <cstdint>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/symbols/string_table.h"

namespace pprofd::symbolizer {

struct PltEntry {
  ElfAddress start;
  uint32_t size = 0;
  // The name's offset in `names`, or, where the slot is filled by an IRELATIVE relocation, the
  // address of the resolver.
  uint32_t name = 0;
  ElfAddress resolver;
};

struct PltEntries {
  std::vector<PltEntry> entries; // sorted by start
  StringTableRange names;        // .dynstr
};

PltEntries read_plt(const ByteSource& source, const ElfImage& image);

} // namespace pprofd::symbolizer

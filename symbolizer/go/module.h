// What the linker tells Go's runtime about a program (runtime.moduledata), as far as the table of
// functions needs it. It has no name in a stripped file: it is known by its pointers to the parts
// of that table.
//
// Source: runtime/symtab.go and cmd/link/internal/ld/symtab.go of Go 1.18 to 1.27.
#pragma once

#include <optional>

#include "symbolizer/base/address.h"
#include "symbolizer/go/header.h"

namespace pprofd::symbolizer::go {

struct Module {
  ElfAddress text{};     // what functions' offsets count from
  ElfAddress funcdata{}; // what offsets of functions' data count from
};

// nullopt: not found, or of a Go before 1.18. Looks through the file's data, which is bounded.
std::optional<Module> find_module(const ByteSource& source, const ElfImage& image,
                                  const Header& header);

} // namespace pprofd::symbolizer::go

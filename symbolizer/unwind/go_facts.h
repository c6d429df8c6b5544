// Whether Go wrote a file, and where its runtime's stacks end and switch.
#pragma once

#include <optional>

#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/rows.h"

namespace pprofd::symbolizer {

// nullopt: not Go. Addresses are read from .symtab; a stripped file has none here.
std::optional<GoFacts> find_go_facts(const ByteSource& source, const ElfImage& image);

} // namespace pprofd::symbolizer

// Linkage stubs that call frame information leaves out: GNU ld describes those of dynamic x86-64
// files only, lld and arm64's linkers none, and nobody _init and _fini. What they do to the stack
// is fixed. Source: System V ABI x86-64, 5.2, with lld's and GNU ld's entries; ELF for the Arm
// 64-bit architecture, appendix on the PLT.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <vector>

#include "bpf/unwind_rule.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/architecture.h"

namespace pprofd::symbolizer {

struct StubRow {
  uint64_t start = 0;
  uint64_t end = 0;
  unwind_rule rule{};
};

// Ascending, disjoint; known by the names of their sections and their first instructions. Others'
// stubs (retpolines) have none.
std::vector<StubRow> find_stubs(const ByteSource& source, const ElfImage& image,
                                const Architecture& architecture);

} // namespace pprofd::symbolizer

// Rows laid out in the chunks that the kernel searches (bpf/unwind_tables.h).
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "bpf/unwind_tables.h"

namespace pprofd {

// A row as the kernel holds it: an offset in the file and the index of a rule of all.
struct TableRow {
  uint32_t address = 0;
  uint16_t rule = 0;
};

// A table's chunks. The directory comes last: a table without it is not looked at.
using TableChunks = std::vector<pprofd_table_chunk>;

// `rows` in address order, the last of them a gap: no row is wide without end. Empty rows make a
// table that says that the file has none.
TableChunks lay_out(uint32_t table, std::span<const TableRow> rows);

} // namespace pprofd

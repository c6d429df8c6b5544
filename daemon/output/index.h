// index.tsv: what lies in a folder of profiles, one line a process.
//
// The first line names the columns: pid, start_time (clock ticks since boot, as in the file's
// name), comm, executable, build_id, samples, file (relative to the folder). Lines that begin with
// "# " follow the table: key=value, of the whole machine. Fields are UTF-8 without control
// characters: tab, line break and backslash are \t, \n, \r, \\; other bytes \xNN.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/profile/key_values.h"

namespace pprofd {

struct IndexRow {
  int64_t pid = 0;
  uint64_t start_ticks = 0;
  std::string comm;
  std::string executable;
  std::string build_id;
  int64_t samples = 0;
  std::string file;
};

std::string index_text(const std::vector<IndexRow>& rows, const KeyValues& machine);

// A field as it stands in the table.
std::string escape_field(std::string_view field);

} // namespace pprofd

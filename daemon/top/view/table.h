// One table as it is to be shown, before it is known how much of it fits. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/top/data/live_samples.h"
#include "daemon/top/text/terminal_text.h"
#include "daemon/top/view/filter.h"
#include "daemon/top/view/subject.h"

namespace pprofd::top {

struct Column {
  std::string title;
  Align align = Align::kLeft;
  // Where there is no room the columns with the highest number go first; 0: never. The last column
  // takes the room that the others leave.
  unsigned gives_way = 0;
  size_t most = SIZE_MAX; // columns of the terminal
};

struct Row {
  std::string key; // the same for the same thing in the next table
  std::vector<std::string> cells;
  std::optional<Subject> opens; // nothing: there is nothing behind it
  bool marked = false;          // the function whose callers and callees the others are
  double share = 0;             // of everything, 0…1
};

struct Table {
  std::string title; // "functions of burn (4711)"
  std::vector<Column> columns;
  std::vector<Row> rows; // in their order
  size_t hidden = 0;     // rows that the filter takes out
};

// `cpu_time`: values are nanoseconds on a CPU, so that processes and threads have CPU%.
Table make_table(const LiveSamples& samples, bool cpu_time, const Subject& subject,
                 const Settings& settings, const Filter& filter);

} // namespace pprofd::top

// A screen made of what is known, for a terminal of any size. Pure. Every text on it is clean
// (terminal_text.h) and no line is wider than the screen, whatever names processes and functions
// have.
//
// Where there is no room, columns are left out by the order that the table states, parts of the
// first lines from the end, and whole lines in this order: keys, title, state, column titles. What
// says that figures mislead (incomplete stacks, drops) goes last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/top/data/live_samples.h"
#include "daemon/top/view/table.h"
#include "daemon/top/view/view_state.h"

namespace pprofd::top {

enum class Style : uint8_t { kPlain, kBar, kStrong, kHot, kWarm, kDim, kWarning, kSelected };

struct Span {
  std::string text;
  Style style = Style::kPlain;
};
using Line = std::vector<Span>;

struct Size {
  size_t columns = 80;
  size_t lines = 24;
};

struct Screen {
  std::vector<Line> lines;
  // Where text is typed: line and column; nothing: nowhere.
  std::optional<std::pair<size_t, size_t>> cursor;
};

// What is said beside the table.
struct Status {
  unsigned frequency = 0;
  std::string event; // empty: the CPU's time
  bool cpu_time = true;
  bool ended = false; // all that was to be watched has ended
  std::string notice; // one line in the place of the keys; empty: none
};

// Lines of the screen that the table's rows get.
size_t rows_on(const Size& size);

Screen layout(const LiveSamples& samples, const Status& status, const Table& table,
              ViewState& state, const Size& size, bool ascii);

// The first two lines, as text of any length: what was sampled, and how far it is to be believed.
std::string state_text(const LiveSamples& samples, const Status& status);
std::string quality_text(const LiveSamples& samples);

} // namespace pprofd::top

// Values for people: "1.23s", "512kB", "37", and shares of a total.
//
// Units and roundings are pprof's (internal/measurement), so that tables can be compared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pprofd {

// Writes values of one unit, all in the same larger or smaller unit of its kind.
class ValueFormat {
public:
  // `unit`: what the values are in ("nanoseconds", "bytes", "count" …). The unit shown is the one
  // that suits the least value, or one that is 100 times as large where the greatest is so much
  // greater that two decimals show the least one still.
  ValueFormat(std::string_view unit, int64_t least, int64_t greatest);

  [[nodiscard]] std::string operator()(int64_t value) const;

private:
  double factor_ = 1;       // of the values' unit …
  double shown_factor_ = 1; // … and of the one shown
  std::string suffix_;
};

// One value in the unit that suits it.
std::string humanize(int64_t value, std::string_view unit);

// "59.52%", six columns wide; "  100%" from 99.95 % on.
std::string percentage(int64_t value, int64_t total);

// How many of a finer unit a coarser one of the same kind has: 1e6 for "ms" and "nanoseconds", 1
// for the same unit, 0 where they are not of the same kind.
double unit_ratio(std::string_view coarser, std::string_view finer);

} // namespace pprofd

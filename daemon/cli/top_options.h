// What `pprofd top` was asked to do, checked. Pure values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "daemon/cli/record_options.h"
#include "daemon/cli/table/parser.h"
#include "daemon/top/view/view.h"
#include "symbolizer/base/result.h"

namespace pprofd {

struct TopOptions {
  Target target; // never a command
  unsigned frequency = 99;
  std::string event = "cpu-clock";
  bool kernel = true;
  bool user = true;
  std::chrono::nanoseconds interval = std::chrono::seconds(1); // between refreshes
  std::chrono::nanoseconds window = std::chrono::seconds(10);  // what is shown is of; >= interval
  bool batch = false;
  std::optional<uint64_t> iterations; // refreshes; nothing: until it is ended
  size_t rows = 20;                   // of each refresh in batch mode; 0: all
  top::View view = top::View::kFunctions;
  top::Order order = top::Order::kSelf;
  std::string filter; // empty: none
  bool long_names = false;
  IndexCacheChoice indexes;
  DebuginfodChoice debuginfod;
  symbolizer::DemangleStyle demangle = symbolizer::DemangleStyle::kFull;
};

// Arguments after the word "top". An Error is wrong usage (exit status 2).
Result<TopOptions> make_top_options(const Arguments& arguments);

} // namespace pprofd

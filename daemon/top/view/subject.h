// What a table is of: which list, whose samples, around which function.
#pragma once

#include <optional>
#include <string>

#include "daemon/top/data/figures.h"
#include "daemon/top/view/view.h"

namespace pprofd::top {

struct Subject {
  View view = View::kFunctions;
  Scope scope;
  std::string scope_name;               // for the title: "burn (4711)"
  std::optional<FunctionName> function; // its callers and callees

  bool operator==(const Subject&) const = default;
};

// How rows are made and chosen, for all tables.
struct Settings {
  Order order = Order::kSelf;
  bool long_names = false; // with parameters and template arguments
  bool kernel = true;      // functions of the kernel are listed
  bool user = true;        // functions of programs are
};

} // namespace pprofd::top

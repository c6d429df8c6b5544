// The manual page pprofd(1) in roff (man(7) macros), from the option table.
#pragma once

#include <string>
#include <string_view>

#include "daemon/cli/table/option_table.h"

namespace pprofd {

// `date`: of the page, as "2025-01-31".
std::string man_page(const ProgramSpec& program, std::string_view date);

} // namespace pprofd

// The program's own option table: every command of pprofd, its options, operands and examples.
// To add an option, add its entry here; help, manual page and completion follow.
#pragma once

#include <string_view>

#include "daemon/cli/table/option_table.h"

namespace pprofd {

// The table. Constant data that lives as long as the program.
const ProgramSpec& program();

// One of program()'s commands. The name must be one of them (a mistake of the program otherwise:
// throws std::invalid_argument).
const CommandSpec& command_spec(std::string_view name);

} // namespace pprofd

// The whole command line: which command, or which of the program's own questions. Pure, apart from
// what parser.h reads.
#pragma once

#include <string>
#include <vector>

#include "daemon/cli/table/option_table.h"
#include "daemon/cli/table/parser.h"
#include "symbolizer/base/result.h"

namespace pprofd {

struct CommandLine {
  enum class Wish { kRun, kHelp, kVersion };
  Wish wish = Wish::kRun;
  const CommandSpec* command = nullptr; // kRun: always; kHelp: nullptr is the program's own help
  Arguments arguments;                  // of the command
};

// The words after the program's name. An Error is wrong usage (exit status 2); an unknown command's
// hint names those there are.
Result<CommandLine> parse_command_line(const ProgramSpec& program,
                                       const std::vector<std::string>& words);

} // namespace pprofd

// Completion scripts, from the option table: commands, options, and values as far as the shell can
// list them (choices, files, processes, units). The scripts never let the shell interpret what they
// list: process names are chosen by anybody.
#pragma once

#include <string>

#include "daemon/cli/table/option_table.h"

namespace pprofd {

std::string bash_completion(const ProgramSpec& program); // for bash 4 and later
std::string zsh_completion(const ProgramSpec& program);
std::string fish_completion(const ProgramSpec& program);

} // namespace pprofd

// The text of --help, from the option table. 80 columns, plain ASCII.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/table/option_table.h"

namespace pprofd {

std::string program_help(const ProgramSpec& program);
std::string command_help(const ProgramSpec& program, const CommandSpec& command);

// What the table says of an option in one paragraph: its help, values, range and default.
std::string option_description(const OptionSpec& option);

// The command's options and those of every command, in the table's order, by group.
struct OptionGroup {
  std::string_view name;
  std::vector<OptionSpec> options;
};
std::vector<OptionGroup> option_groups(std::span<const OptionSpec> own,
                                       std::span<const OptionSpec> common);

} // namespace pprofd

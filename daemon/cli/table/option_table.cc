#include "daemon/cli/table/option_table.h"

#include <algorithm>
#include <cctype>

#include "daemon/cli/table/values.h"

namespace pprofd {

const CommandSpec* find_command(const ProgramSpec& program, std::string_view name) {
  const auto found = std::ranges::find(program.commands, name, &CommandSpec::name);
  return found == program.commands.end() ? nullptr : &*found;
}

const OptionSpec* find_option(std::span<const OptionSpec> options, std::string_view name) {
  const auto found = std::ranges::find(options, name, &OptionSpec::name);
  return found == options.end() ? nullptr : &*found;
}

bool takes_value(const OptionSpec& option) {
  return option.type != OptionType::kFlag && option.type != OptionType::kSwitch;
}

std::string environment_name(const OptionSpec& option) {
  if (option.key.empty())
    return {};
  std::string name = "PPROFD_";
  for (const char c : option.key)
    name += (c == '.' || c == '-') ? '_'
                                   : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string range_text(const OptionSpec& option) {
  const auto bound = [&](uint64_t value) {
    switch (option.type) {
    case OptionType::kDuration:
      return duration_text(std::chrono::milliseconds(value));
    case OptionType::kBytes:
      return bytes_text(value);
    case OptionType::kPercent:
      return percent_text(value);
    default:
      return std::to_string(value);
    }
  };
  const bool has_range = option.type == OptionType::kUnsigned ||
                         option.type == OptionType::kDuration ||
                         option.type == OptionType::kBytes || option.type == OptionType::kPercent;
  if (!has_range)
    return {};
  std::string text;
  if (option.max == UINT64_MAX)
    text = option.min == 0 ? "" : "at least " + bound(option.min);
  else
    text = bound(option.min) + " to " + bound(option.max);
  if (!text.empty() && option.type == OptionType::kUnsigned && !option.unit.empty())
    text.append(" ").append(option.unit);
  return text;
}

std::string option_heading(const OptionSpec& option) {
  std::string text;
  if (option.short_name != 0)
    text = {'-', option.short_name, ',', ' '};
  text.append("--").append(option.name);
  if (option.type == OptionType::kSwitch)
    text.append(", --no-").append(option.name);
  if (takes_value(option)) {
    text.append(" ").append(option.argument);
    if (option.comma_list)
      text.append("[,").append(option.argument).append("...]");
  }
  return text;
}

} // namespace pprofd

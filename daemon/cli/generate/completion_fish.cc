#include "daemon/cli/generate/completion.h"

namespace pprofd {
namespace {

std::string quoted_text(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + "'";
}

// fish reads the list as words of a command line: name\t'description'.
std::string fish_choice_list(std::span<const Choice> choices) {
  std::string text;
  for (const Choice& choice : choices) {
    text.append(text.empty() ? "" : " ").append(choice.name);
    text += "\\t" + quoted_text(choice.help);
  }
  return quoted_text(text);
}

std::string value_part(std::span<const Choice> choices, Completion completion, bool comma_list) {
  if (!choices.empty())
    return " -x -a " + fish_choice_list(choices);
  switch (completion) {
  case Completion::kFile:
    return " -r -F";
  case Completion::kFolder:
    return " -x -a '(__fish_complete_directories)'";
  case Completion::kPid:
    return comma_list ? " -x -a '(__fish_complete_list , __fish_complete_pids)'"
                      : " -x -a '(__fish_complete_pids)'";
  case Completion::kProcessName:
    return " -x -a '(cat /proc/[0-9]*/comm 2>/dev/null | sort -u)'";
  case Completion::kUnit:
    return " -x -a '(systemctl list-units --plain --no-legend 2>/dev/null | string replace -r "
           "\" .*\" \"\")'";
  case Completion::kNone:
    break;
  }
  return " -x";
}

std::string option_lines(const std::string& start, const OptionSpec& option) {
  std::string text = start;
  if (option.short_name != 0)
    text.append(" -s ") += option.short_name;
  text.append(" -l ").append(option.name);
  if (takes_value(option))
    text += value_part(option.choices, option.completion, option.comma_list);
  text += " -d " + quoted_text(option.help) + "\n";
  if (option.type == OptionType::kSwitch)
    text += start + " -l no-" + std::string(option.name) + " -d " +
            quoted_text("no " + std::string(option.help)) + "\n";
  return text;
}

std::string operand_line(const std::string& start, const CommandSpec& command) {
  const OperandSpec& operand = command.operand;
  if (command.takes_command)
    return start + " -n 'contains -- -- (commandline -opc)' -x -a '(__pprofd_started_command)'\n";
  if (operand.completion == Completion::kFile)
    return start + " -F\n";
  if (!operand.choices.empty())
    return start + " -a " + fish_choice_list(operand.choices) + "\n";
  return {};
}

// What stands after `--` is completed as a command line of its own.
constexpr std::string_view kFishHelpers = R"sh(
function __pprofd_started_command
    set -l words (commandline -opc)
    set -l mark (contains -i -- -- $words)
    set -l started (string escape -- $words[(math $mark + 1)..-1])
    complete -C (string join ' ' -- $started (commandline -ct))
end

)sh";

} // namespace

std::string fish_completion(const ProgramSpec& program) {
  const std::string name(program.name);
  const std::string base = "complete -c " + name;
  std::string text =
      "# Completion of " + name + " for fish; made by: " + name + " completion fish\n";
  text += std::string(kFishHelpers) + base + " -f\n";
  for (const CommandSpec& command : program.commands)
    text += base + " -n __fish_use_subcommand -a " + std::string(command.name) + " -d " +
            quoted_text(command.summary) + "\n";
  for (const OptionSpec& option : program.top_options)
    text += option_lines(base + " -n __fish_use_subcommand", option);
  for (const OptionSpec& option : program.options)
    text += option_lines(base, option);
  for (const CommandSpec& command : program.commands) {
    const std::string start =
        base + " -n '__fish_seen_subcommand_from " + std::string(command.name) + "'";
    for (const OptionSpec& option : command.options)
      text += option_lines(start, option);
    text += operand_line(start, command);
  }
  return text;
}

} // namespace pprofd

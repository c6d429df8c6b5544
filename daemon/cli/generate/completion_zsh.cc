#include "daemon/cli/generate/completion.h"

namespace pprofd {
namespace {

// Text inside a specification of _arguments or _describe, which stands in single quotes.
std::string zsh_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'')
      result += "'\\''";
    else if (c == '\\' || c == ':' || c == '[' || c == ']')
      result.append("\\") += c;
    else
      result += c;
  }
  return result;
}

// Words inside ((…)) are read by the shell once more.
std::string zsh_choice_list(std::span<const Choice> choices) {
  constexpr std::string_view kSpecial = " '\"();,<>&|*?$`";
  std::string text = "((";
  for (const Choice& choice : choices) {
    text.append(text.size() > 2 ? " " : "").append(choice.name).append("\\:");
    for (const char c : choice.help)
      text += (kSpecial.contains(c) ? "\\" : "") + zsh_escaped({&c, 1});
  }
  return text + "))";
}

std::string value_action(std::span<const Choice> choices, Completion completion, bool comma_list) {
  if (!choices.empty())
    return zsh_choice_list(choices);
  switch (completion) {
  case Completion::kFile:
    return "_files";
  case Completion::kFolder:
    return "_files -/";
  case Completion::kPid:
    return comma_list ? "_sequence _pids" : "_pids";
  case Completion::kProcessName:
    return "_pprofd_process_names";
  case Completion::kUnit:
    return "_pprofd_units";
  case Completion::kNone:
    break;
  }
  return " ";
}

std::string flag_line(const std::string& exclusive, const std::string& flag,
                      const std::string& rest) {
  return "    '" + exclusive + flag + rest + "' \\\n";
}

std::string option_lines(const OptionSpec& option) {
  const std::string name = "--" + std::string(option.name);
  const std::string rest =
      "[" + zsh_escaped(option.help) + "]" +
      (takes_value(option) ? ":" + std::string(option.argument) + ":" +
                                 value_action(option.choices, option.completion, option.comma_list)
                           : "");
  const bool value = takes_value(option);
  if (option.type == OptionType::kSwitch) {
    const std::string negated = "--no-" + std::string(option.name);
    const std::string exclusive = "(" + name + " " + negated + ")";
    return flag_line(exclusive, name, rest) +
           flag_line(exclusive, negated, "[no " + zsh_escaped(option.help) + "]");
  }
  const std::string short_name = option.short_name == 0 ? "" : std::string{'-', option.short_name};
  const std::string all = short_name.empty() ? name : short_name + " " + name;
  const std::string exclusive = option.repeatable ? "*" : "(" + all + ")";
  return (short_name.empty() ? "" : flag_line(exclusive, short_name + (value ? "+" : ""), rest)) +
         flag_line(exclusive, name + (value ? "=" : ""), rest);
}

// What stands after `--` is completed as a command line of its own.
constexpr std::string_view kStartedCommand = R"sh(
  local -i mark=${words[(i)--]}
  if (( mark < CURRENT )); then
    shift $mark words
    (( CURRENT -= mark ))
    _normal
    return
  fi
)sh";

std::string command_function(const ProgramSpec& program, const CommandSpec& command) {
  std::string text = "\n_pprofd_" + std::string(command.name) + "() {\n";
  if (command.takes_command)
    text += kStartedCommand;
  text += "  _arguments -s -S \\\n";
  for (const std::span<const OptionSpec> options : {command.options, program.options})
    for (const OptionSpec& option : options)
      text += option_lines(option);
  if (command.operand.name.empty())
    text += "    '*: :'\n";
  else
    text += "    '" + std::string(command.operand.max == 1 ? "1" : "*") + ":" +
            zsh_escaped(command.operand.name) + ":" +
            value_action(command.operand.choices, command.operand.completion, false) + "'\n";
  return text + "}\n";
}

constexpr std::string_view kZshHelpers = R"sh(
_pprofd_process_names() {
  local -aU names
  names=(${(f)"$(cat /proc/[0-9]*/comm 2>/dev/null)"})
  compadd -a names
}

_pprofd_units() {
  local -a units
  units=(${${(f)"$(systemctl list-units --plain --no-legend 2>/dev/null)"}%% *})
  compadd -a units
}
)sh";

} // namespace

std::string zsh_completion(const ProgramSpec& program) {
  const std::string name(program.name);
  std::string text = "#compdef " + name + "\n# Completion of " + name +
                     " for zsh; made by: " + name + " completion zsh\n" + std::string(kZshHelpers);
  std::string commands;
  std::string calls;
  for (const CommandSpec& command : program.commands) {
    text += command_function(program, command);
    commands += "    '" + zsh_escaped(command.name) + ":" + zsh_escaped(command.summary) + "'\n";
    calls +=
        "        " + std::string(command.name) + ") _pprofd_" + std::string(command.name) + " ;;\n";
  }
  text += "\n_pprofd() {\n  local curcontext=$curcontext state line\n  local -a names\n";
  text += "  names=(\n" + commands + "  )\n  _arguments -C \\\n";
  for (const std::span<const OptionSpec> options : {program.options, program.top_options})
    for (const OptionSpec& option : options)
      text += option_lines(option);
  text += "    '1:COMMAND:->command' \\\n    '*::argument:->arguments'\n";
  text += "  case $state in\n    command) _describe -t commands command names ;;\n";
  text += "    arguments)\n      case $words[1] in\n" + calls + "      esac ;;\n  esac\n}\n\n";
  // Sourced, it registers itself; autoloaded from fpath, it completes.
  return text + "if [[ $funcstack[1] == _" + name + " ]]; then\n  _" + name +
         " \"$@\"\nelse\n  compdef _" + name + " " + name + "\nfi\n";
}

} // namespace pprofd

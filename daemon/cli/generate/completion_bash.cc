#include <vector>

#include "daemon/cli/generate/completion.h"

namespace pprofd {
namespace {

// Every helper adds to COMPREPLY what begins with $cur. compgen -W is used for the table's own
// words only, since it expands its list as the shell would.
constexpr std::string_view kBashHelpers = R"sh(
_pprofd_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_pprofd_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_pprofd_folders() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}

_pprofd_lines() {
  local text
  while IFS= read -r text; do
    [[ $text == "$cur"* ]] && COMPREPLY+=("$(printf '%q' "$text")")
  done
}

_pprofd_processes() {
  local list= folder
  [[ $cur == *,* ]] && list=${cur%,*},
  for folder in /proc/[0-9]*; do
    [[ $list${folder#/proc/} == "$cur"* ]] && COMPREPLY+=("$list${folder#/proc/}")
  done
}

_pprofd_process_names() {
  _pprofd_lines < <(cat /proc/[0-9]*/comm 2>/dev/null | sort -u)
}

_pprofd_units() {
  _pprofd_lines < <(systemctl list-units --plain --no-legend 2>/dev/null | cut -d' ' -f1)
}

_pprofd_started_command() {
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif ((COMP_CWORD == $1)); then
    mapfile -t COMPREPLY < <(compgen -c -- "$cur")
  else
    _pprofd_files
  fi
}
)sh";

constexpr std::string_view kWords = R"sh(
_pprofd() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= i
  COMPREPLY=()
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]] && ((COMP_CWORD > 1)); then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then
      break
    elif [[ -z $command && ${COMP_WORDS[i]} != -* ]]; then
      command=${COMP_WORDS[i]}
    fi
  done
)sh";

std::string names_of(std::span<const Choice> choices) {
  std::string text;
  for (const Choice& choice : choices)
    text.append(text.empty() ? "" : " ").append(choice.name);
  return text;
}

std::string flags_of(const OptionSpec& option) {
  std::string text = "--" + std::string(option.name);
  if (option.type == OptionType::kSwitch)
    text.append(" --no-").append(option.name);
  return text;
}

std::string value_call(std::span<const Choice> choices, Completion completion) {
  if (!choices.empty())
    return "_pprofd_words '" + names_of(choices) + "'";
  switch (completion) {
  case Completion::kFile:
    return "_pprofd_files";
  case Completion::kFolder:
    return "_pprofd_folders";
  case Completion::kPid:
    return "_pprofd_processes";
  case Completion::kProcessName:
    return "_pprofd_process_names";
  case Completion::kUnit:
    return "_pprofd_units";
  case Completion::kNone:
    break;
  }
  return ":";
}

std::string value_case(std::string_view command, const OptionSpec& option) {
  const std::string name(command);
  std::string pattern = name + ":--" + std::string(option.name);
  if (option.short_name != 0)
    pattern += " | " + name + ":-" + option.short_name;
  return "    " + pattern + ") " + value_call(option.choices, option.completion) + "; return ;;\n";
}

std::string command_case(const ProgramSpec& program, const CommandSpec& command) {
  std::string flags;
  for (const std::span<const OptionSpec> options : {command.options, program.options})
    for (const OptionSpec& option : options)
      flags += (flags.empty() ? "" : " ") + flags_of(option);
  std::string text = "    " + std::string(command.name) + ")\n";
  text += "      if [[ $cur == -* ]]; then\n        _pprofd_words '" + flags + "'\n";
  if (!command.operand.name.empty())
    text += "      else\n        " +
            value_call(command.operand.choices, command.operand.completion) + "\n";
  return text + "      fi ;;\n";
}

} // namespace

std::string bash_completion(const ProgramSpec& program) {
  const std::string name(program.name);
  std::string values;
  std::string commands;
  std::string words;
  std::string starters;
  for (const CommandSpec& command : program.commands) {
    for (const OptionSpec& option : command.options)
      if (takes_value(option))
        values += value_case(command.name, option);
    commands += command_case(program, command);
    words.append(command.name) += ' ';
    if (command.takes_command)
      starters.append(starters.empty() ? "" : " | ").append(command.name);
  }
  for (const std::span<const OptionSpec> options : {program.options, program.top_options})
    for (const OptionSpec& option : options)
      words += flags_of(option) + " ";
  words.pop_back();

  std::string text =
      "# Completion of " + name + " for bash; made by: " + name + " completion bash\n";
  text += std::string(kBashHelpers) + std::string(kWords);
  text += "  if ((i < COMP_CWORD)); then\n    case $command in\n      " + starters +
          ") _pprofd_started_command \"$((i + 1))\"; return ;;\n    esac\n  fi\n";
  text += "  case $command:$prev in\n" + values + "  esac\n";
  text +=
      "  case $command in\n    '') _pprofd_words '" + words + "' ;;\n" + commands + "  esac\n}\n\n";
  return text + "complete -F _pprofd " + name + "\n";
}

} // namespace pprofd

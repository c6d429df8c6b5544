#include "daemon/cli/generate/help.h"

#include <algorithm>

namespace pprofd {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kColumn = 26; // where descriptions begin

// Words of `text` in lines of at most kWidth; every line but the first is indented.
std::string wrap(std::string_view text, size_t first_column, size_t indent) {
  std::string result;
  size_t column = first_column;
  bool line_begins = true;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (!line_begins && column + 1 + word.size() > kWidth) {
      result.append("\n").append(indent, ' ');
      column = indent;
      line_begins = true;
    }
    if (!line_begins) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
    line_begins = false;
    begin = end + 1;
  }
  return result + "\n";
}

std::string entry(std::string_view heading, std::string_view text) {
  std::string line = "  " + std::string(heading);
  if (line.size() + 2 > kColumn)
    line.append("\n").append(kColumn, ' ');
  else
    line.resize(kColumn, ' ');
  return line + wrap(text, kColumn, kColumn);
}

std::string heading_of(const OptionSpec& option) {
  return option.short_name == 0 ? "    " + option_heading(option) : option_heading(option);
}

std::string options_text(std::span<const OptionSpec> own, std::span<const OptionSpec> common) {
  std::string text;
  for (const OptionGroup& group : option_groups(own, common)) {
    text.append("\n").append(group.name).append(":\n");
    for (const OptionSpec& option : group.options)
      text += entry(heading_of(option), option_description(option));
  }
  return text;
}

std::string choices_text(std::string_view title, std::span<const Choice> choices) {
  std::string text = "\n" + std::string(title) + ":\n";
  for (const Choice& choice : choices)
    text += entry(choice.name, choice.help);
  return text;
}

// The lists of values that deserve a line each.
std::string value_lists(const CommandSpec& command) {
  std::string text;
  for (const OptionSpec& option : command.options)
    if (!option.choices.empty())
      text += choices_text("Values of --" + std::string(option.name), option.choices);
  if (!command.operand.choices.empty())
    text += choices_text("Values of " + std::string(command.operand.name), command.operand.choices);
  return text;
}

std::string examples_text(std::span<const Example> examples) {
  std::string text = "\nExamples:\n";
  for (const Example& example : examples)
    text.append("  ").append(example.command).append("\n      ").append(example.help).append("\n");
  return text;
}

std::string sentence(std::string_view text) {
  std::string result(text);
  if (result.front() >= 'a' && result.front() <= 'z')
    result.front() = static_cast<char>(result.front() - 'a' + 'A');
  return result + ".";
}

} // namespace

std::string option_description(const OptionSpec& option) {
  std::string text(option.help);
  std::string details;
  const auto add = [&](std::string_view detail) {
    details.append(details.empty() ? "" : "; ").append(detail);
  };
  if (const std::string range = range_text(option);
      !range.empty() && option.completion != Completion::kPid)
    add(range);
  if (!option.default_text.empty())
    add("default: " + std::string(option.default_text));
  if (option.repeatable)
    add("may be repeated");
  if (const std::string variable = environment_name(option); !variable.empty())
    add("key " + std::string(option.key) + ", variable " + variable);
  return details.empty() ? text : text + " (" + details + ")";
}

std::vector<OptionGroup> option_groups(std::span<const OptionSpec> own,
                                       std::span<const OptionSpec> common) {
  std::vector<OptionGroup> groups;
  for (const std::span<const OptionSpec> options : {own, common}) {
    for (const OptionSpec& option : options) {
      auto group = std::ranges::find(groups, option.group, &OptionGroup::name);
      if (group == groups.end())
        group = groups.insert(groups.end(), OptionGroup{option.group, {}});
      group->options.push_back(option);
    }
  }
  return groups;
}

std::string program_help(const ProgramSpec& program) {
  const std::string name(program.name);
  std::string text = "Usage: " + name + " COMMAND [OPTIONS]\n\n";
  text += wrap(program.description, 0, 0);
  text += "\nCommands:\n";
  for (const CommandSpec& command : program.commands)
    text += entry(command.name, command.summary);
  text += options_text(program.top_options, program.options);
  text += choices_text("Exit status", program.exit_status);
  text += choices_text("Environment", program.environment);
  text += "\nEach command has its own help: " + name + " COMMAND --help\n";
  return text;
}

std::string command_help(const ProgramSpec& program, const CommandSpec& command) {
  const std::string name = std::string(program.name) + " " + std::string(command.name);
  std::string text;
  for (const std::string_view form : command.usage)
    text.append(text.empty() ? "Usage: " : "       ").append(name).append(" ").append(form) += '\n';
  text += "\n" + wrap(sentence(command.summary), 0, 0);
  for (const std::string_view note : command.notes)
    text += "\n" + wrap(note, 0, 0);
  text += options_text(command.options, program.options);
  text += value_lists(command);
  text += examples_text(command.examples);
  return text;
}

} // namespace pprofd

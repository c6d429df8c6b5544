#include "daemon/cli/generate/man_page.h"

#include "daemon/cli/generate/help.h"

namespace pprofd {
namespace {

// Text as roff prints it literally: '\' and '-' escaped, no control character at a line's start.
std::string roff_escaped(std::string_view text) {
  std::string result;
  if (text.starts_with('.') || text.starts_with('\''))
    result = "\\&";
  for (const char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else if (c == '\'')
      result += "\\(aq";
    else
      result += c;
  }
  return result;
}

// An argument of a macro.
std::string argument(std::string_view text) {
  std::string result = "\"";
  for (const char c : roff_escaped(text))
    result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + "\"";
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z')
      c = static_cast<char>(c - 'a' + 'A');
  return result;
}

std::string line(std::string_view text) {
  return roff_escaped(text) + "\n";
}

std::string tagged(std::string_view tag, std::string_view text) {
  return ".TP\n.B " + argument(tag) + "\n" + line(text);
}

std::string choices(std::span<const Choice> values) {
  std::string text;
  for (const Choice& value : values)
    text += tagged(value.name, value.help);
  return text;
}

std::string option(const OptionSpec& spec) {
  std::string text = tagged(option_heading(spec), option_description(spec));
  if (!spec.choices.empty())
    text += ".RS\n" + choices(spec.choices) + ".RE\n";
  return text;
}

std::string options(const CommandSpec& command) {
  std::string text;
  for (const OptionGroup& group : option_groups(command.options, {})) {
    text += ".PP\n" + line(std::string(group.name) + ":");
    for (const OptionSpec& spec : group.options)
      text += option(spec);
  }
  return text;
}

std::string synopsis(const ProgramSpec& program) {
  std::string text;
  for (const CommandSpec& command : program.commands) {
    for (const std::string_view form : command.usage) {
      text += text.empty() ? "" : ".br\n";
      text += ".B " + argument(std::string(program.name) + " " + std::string(command.name)) + "\n" +
              line(form);
    }
  }
  return text;
}

std::string command(const ProgramSpec& program, const CommandSpec& spec) {
  std::string text = ".SS " + argument(std::string(program.name) + " " + std::string(spec.name)) +
                     "\n" + line(std::string(spec.summary) + ".");
  for (const std::string_view note : spec.notes)
    text += ".PP\n" + line(note);
  if (!spec.operand.name.empty())
    text += tagged(spec.operand.name, spec.operand.help) +
            (spec.operand.choices.empty() ? "" : ".RS\n" + choices(spec.operand.choices) + ".RE\n");
  return text + options(spec);
}

std::string examples(const ProgramSpec& program) {
  std::string text = ".SH EXAMPLES\n";
  for (const CommandSpec& spec : program.commands)
    for (const Example& example : spec.examples)
      text += ".TP\n" + line(std::string(example.help) + ":") + ".B " + argument(example.command) +
              "\n";
  return text;
}

} // namespace

std::string man_page(const ProgramSpec& program, std::string_view date) {
  const std::string name(program.name);
  std::string text = ".TH " + upper(program.name) + " 1 " + std::string(date) + " " +
                     argument(name + " " + std::string(program.version)) + "\n";
  text += ".SH NAME\n" + name + " \\- " + line(program.summary);
  text += ".SH SYNOPSIS\n" + synopsis(program);
  text += ".SH DESCRIPTION\n" + line(program.description);
  text += ".SH OPTIONS\n";
  for (const std::span<const OptionSpec> specs : {program.top_options, program.options})
    for (const OptionSpec& spec : specs)
      text += option(spec);
  text += ".SH COMMANDS\n";
  for (const CommandSpec& spec : program.commands)
    text += command(program, spec);
  text += ".SH EXIT STATUS\n" + choices(program.exit_status);
  text += ".SH ENVIRONMENT\n" + choices(program.environment);
  text += examples(program);
  text += ".SH SEE ALSO\n.BR perf (1),\n.BR bpftool (8)\n";
  return text;
}

} // namespace pprofd

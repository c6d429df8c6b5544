#include "daemon/cli/command_line.h"

#include "daemon/cli/table/suggest.h"

namespace pprofd {
namespace {

std::string list_hint(const ProgramSpec& program, std::string_view close) {
  std::string hint = close.empty() ? "" : "did you mean " + std::string(close) + "? ";
  std::string names;
  for (const CommandSpec& command : program.commands)
    names.append(names.empty() ? "" : ", ").append(command.name);
  return hint + "the commands are " + names + "; see " + std::string(program.name) + " --help";
}

std::unexpected<Error> unknown_command(const ProgramSpec& program, std::string_view name) {
  std::vector<std::string_view> names;
  for (const CommandSpec& command : program.commands)
    names.push_back(command.name);
  return fail("command " + in_quotes(name), "unknown", list_hint(program, nearest(name, names)));
}

Result<CommandLine> parse_question(const ProgramSpec& program,
                                   const std::vector<std::string>& words) {
  const auto arguments = parse_top_arguments(program, words);
  if (!arguments)
    return std::unexpected(arguments.error());
  if (arguments->flag("help"))
    return CommandLine{.wish = CommandLine::Wish::kHelp, .command = nullptr, .arguments = {}};
  if (arguments->flag("version"))
    return CommandLine{.wish = CommandLine::Wish::kVersion, .command = nullptr, .arguments = {}};
  return fail("command", "none given", list_hint(program, ""));
}

} // namespace

Result<CommandLine> parse_command_line(const ProgramSpec& program,
                                       const std::vector<std::string>& words) {
  if (words.empty() || words.front().starts_with('-'))
    return parse_question(program, words);
  const CommandSpec* command = find_command(program, words.front());
  if (command == nullptr)
    return unknown_command(program, words.front());
  auto arguments = parse_arguments(program, *command, {words.begin() + 1, words.end()});
  if (!arguments)
    return std::unexpected(arguments.error());
  const auto wish = arguments->flag("help") ? CommandLine::Wish::kHelp : CommandLine::Wish::kRun;
  return CommandLine{.wish = wish, .command = command, .arguments = std::move(*arguments)};
}

} // namespace pprofd

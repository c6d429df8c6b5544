#include <gtest/gtest.h>

#include "daemon/cli/command_line.h"
#include "daemon/cli/program.h"

namespace pprofd {
namespace {

using Words = std::vector<std::string>;
using Wish = CommandLine::Wish;

Result<CommandLine> parse(const Words& words) {
  return parse_command_line(program(), words);
}

TEST(CommandLine, FindsTheCommandAndItsArguments) {
  for (const CommandSpec& command : program().commands) {
    const auto line = parse({std::string(command.name), "--help"});
    ASSERT_TRUE(line) << command.name;
    EXPECT_EQ(line->wish, Wish::kHelp);
    EXPECT_EQ(line->command, find_command(program(), command.name));
  }
  const auto line = parse({"record", "-p", "7"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->wish, Wish::kRun);
  EXPECT_EQ(line->arguments.get<uint64_t>("pid"), 7U);
}

TEST(CommandLine, AnswersTheProgramsOwnQuestions) {
  EXPECT_EQ(parse({"--version"})->wish, Wish::kVersion);
  for (const Words& words :
       {Words{"--help"}, Words{"-h"}, Words{"--help", "record"}, Words{"--version", "--help"}}) {
    const auto line = parse(words);
    ASSERT_TRUE(line);
    EXPECT_EQ(line->wish, Wish::kHelp);
    EXPECT_EQ(line->command, nullptr);
  }
}

TEST(CommandLine, RefusesUnknownCommandsAndNamesThoseThereAre) {
  const std::string all = "the commands are record, top, run, report, inspect, symbolize, export, "
                          "doctor, completion; see pprofd --help";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"recrod", "did you mean record? " + all},
      {"docter", "did you mean doctor? " + all},
      {"upload", all},
      {"__woker", all},
  };
  for (const auto& [name, hint] : cases) {
    const auto line = parse({name});
    ASSERT_FALSE(line) << name;
    EXPECT_EQ(line.error().what, "command '" + name + "'");
    EXPECT_EQ(line.error().why, "unknown");
    EXPECT_EQ(line.error().hint, hint);
  }
}

TEST(CommandLine, RefusesOptionsWithoutACommand) {
  EXPECT_EQ(parse({}).error().what, "command");
  EXPECT_EQ(parse({"--"}).error().what, "command");
  EXPECT_EQ(parse({"--versoin"}).error().hint, "did you mean --version?");
  EXPECT_EQ(parse({"-p", "1"}).error().what, "option '-p'");
  EXPECT_FALSE(parse({"--version", "record"}));
  EXPECT_FALSE(parse({""}));
}

} // namespace
} // namespace pprofd

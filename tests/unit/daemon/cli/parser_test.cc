#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "daemon/cli/program.h"
#include "daemon/cli/table/parser.h"

namespace pprofd {
namespace {

using std::chrono::nanoseconds;
using Words = std::vector<std::string>;

constexpr std::array kOptions = {
    OptionSpec{.name = "number",
               .short_name = 'n',
               .type = OptionType::kUnsigned,
               .argument = "N",
               .max = 10,
               .default_text = "4",
               .key = "deep.number"},
    OptionSpec{.name = "word",
               .short_name = 'w',
               .type = OptionType::kText,
               .argument = "WORD",
               .repeatable = true},
    OptionSpec{
        .name = "time", .short_name = 't', .type = OptionType::kDuration, .argument = "TIME"},
    OptionSpec{.name = "flag", .short_name = 'f'},
    OptionSpec{.name = "light", .type = OptionType::kSwitch, .default_text = "yes"},
};

CommandSpec sample_command(bool takes_command = false) {
  return {.name = "sample",
          .options = kOptions,
          .operand = {.name = "FILE", .min = 0, .max = takes_command ? 0U : 2U},
          .takes_command = takes_command};
}

Result<Arguments> parse(const Words& words, bool takes_command = false) {
  return parse_arguments(program(), sample_command(takes_command), words);
}

TEST(Parser, ReadsLongShortJoinedAndStackedForms) {
  for (const Words& words : {Words{"--number", "7"}, Words{"--number=7"}, Words{"-n", "7"},
                             Words{"-n7"}, Words{"-fn", "7"}, Words{"-fn7"}}) {
    const auto arguments = parse(words);
    ASSERT_TRUE(arguments) << words[0] << ": " << arguments.error().why;
    EXPECT_EQ(arguments->get<uint64_t>("number"), 7U) << words[0];
    EXPECT_TRUE(arguments->given("number"));
  }
}

TEST(Parser, GivesDefaultsWhereNothingWasSaid) {
  const auto arguments = parse({});
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->get<uint64_t>("number"), 4U);
  EXPECT_FALSE(arguments->given("number"));
  EXPECT_FALSE(arguments->flag("flag"));
  EXPECT_TRUE(arguments->flag("light"));
  EXPECT_EQ(arguments->get<nanoseconds>("time"), std::nullopt);
  EXPECT_TRUE(arguments->all<std::string>("word").empty());
  EXPECT_FALSE(arguments->command());
}

TEST(Parser, SwitchesGoBothWaysButNotAtOnce) {
  EXPECT_TRUE(parse({"--light"})->flag("light"));
  EXPECT_FALSE(parse({"--no-light"})->flag("light"));
  const auto both = parse({"--light", "--no-light"});
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().what, "--light and --no-light");
}

TEST(Parser, KeepsRepeatedValuesInOrderAndAsTyped) {
  const auto arguments = parse({"-w", "b", "--word=a", "-w", "[x,y]", "--word", "-z", "one"});
  ASSERT_TRUE(arguments) << arguments.error().why;
  EXPECT_EQ(arguments->all<std::string>("word"), (Words{"b", "a", "[x,y]", "-z"}));
  EXPECT_EQ(arguments->operands(), Words{"one"});
}

TEST(Parser, OneOptionTakesOneWordOnly) {
  const auto arguments = parse({"--word", "a", "b", "c"});
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->all<std::string>("word"), Words{"a"});
  EXPECT_EQ(arguments->operands(), (Words{"b", "c"}));
}

TEST(Parser, RefusesWithOneSentence) {
  struct Case {
    Words words;
    std::string what;
    std::string why;
  };
  const std::vector<Case> cases = {
      {{"--number"}, "--number", "needs a value"},
      {{"-n"}, "--number", "needs a value"},
      {{"-fn"}, "--number", "needs a value"},
      {{"--number="}, "--number", "the value is empty"},
      {{"--number=", "--flag"}, "--number", "the value is empty"},
      {{"--number", ""}, "--number", "the value is empty"},
      {{"-n", "-1"}, "--number '-1'", "must not be negative"},
      {{"-n", "11"}, "--number '11'", "too high, must be 0 to 10"},
      {{"-n", "1", "-n", "2"}, "--number", "given more than once"},
      {{"--flag=yes"}, "--flag", "takes no value"},
      {{"--flag=false"}, "--flag", "takes no value"},
      {{"--no-light=1"}, "--no-light", "takes no value"},
      {{"--flog"}, "option '--flog'", "unknown"},
      {{"--no-flag"}, "option '--no-flag'", "unknown"},
      {{"--num", "4"}, "option '--num'", "unknown"},
      {{"-x"}, "option '-x'", "unknown"},
      {{"-fx"}, "option '-x'", "unknown"},
      {{"--nonsense=\x1b[0m"}, "option '--nonsense'", "unknown"},
      {{"a", "b", "c"}, "argument 'c'", "not expected here"},
  };
  for (const Case& test : cases) {
    const auto arguments = parse(test.words);
    ASSERT_FALSE(arguments) << test.words[0];
    EXPECT_EQ(arguments.error().what, test.what) << test.words[0];
    EXPECT_EQ(arguments.error().why, test.why) << test.words[0];
    EXPECT_FALSE(arguments.error().hint.empty() && test.why.find("must") == std::string::npos)
        << test.words[0];
  }
}

TEST(Parser, SuggestsTheOptionMeant) {
  EXPECT_EQ(parse({"--flog"}).error().hint, "did you mean --flag?");
  EXPECT_EQ(parse({"--no-ligth"}).error().hint, "did you mean --no-light?");
  EXPECT_EQ(parse({"--num=4"}).error().hint, "did you mean --number?");
  EXPECT_EQ(parse({"--elephant"}).error().hint, "see pprofd sample --help");
}

TEST(Parser, LeavesEverythingBehindTheDashesToTheCommand) {
  const auto arguments = parse({"-f", "--", "make", "-n", "--number", "--", "--help"}, true);
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->command(), (Words{"make", "-n", "--number", "--", "--help"}));
  EXPECT_FALSE(arguments->given("number"));
  EXPECT_FALSE(arguments->flag("help"));
  EXPECT_EQ(parse({"--"}, true)->command(), Words{});
}

TEST(Parser, TakesOperandsThatLookLikeOptionsBehindTheDashes) {
  const auto arguments = parse({"a", "--", "-f"});
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->operands(), (Words{"a", "-f"}));
  EXPECT_FALSE(arguments->flag("flag"));
}

TEST(Parser, TellsHowToStartACommandWithoutTheDashes) {
  const auto arguments = parse({"make"}, true);
  ASSERT_FALSE(arguments);
  EXPECT_EQ(arguments.error().hint, "to start and profile a command, write -- before it");
}

TEST(Parser, AnswersHelpWhateverElseIsWrong) {
  for (const Words& words :
       {Words{"--help"}, Words{"-h"}, Words{"-n", "99", "--help"}, Words{"--nonsense", "-h"},
        Words{"--help", "--number"}, Words{"a", "b", "c", "--help"}}) {
    const auto arguments = parse(words);
    ASSERT_TRUE(arguments) << words[0];
    EXPECT_TRUE(arguments->flag("help")) << words[0];
  }
}

TEST(Parser, ReadsTheVariableOfAnOptionWithAKeyAndPrefersTheCommandLine) {
  ASSERT_EQ(::setenv("PPROFD_DEEP_NUMBER", "9", 1), 0);
  EXPECT_EQ(parse({})->get<uint64_t>("number"), 9U);
  EXPECT_EQ(parse({"-n", "2"})->get<uint64_t>("number"), 2U);
  ASSERT_EQ(::setenv("PPROFD_DEEP_NUMBER", "99", 1), 0);
  const auto wrong = parse({});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().what, "environment variable PPROFD_DEEP_NUMBER '99'");
  EXPECT_EQ(wrong.error().why, "too high, must be 0 to 10");
  ::unsetenv("PPROFD_DEEP_NUMBER");
}

TEST(Parser, NeedsTheOperandsOfACommand) {
  const auto none = parse_arguments(program(), command_spec("report"), {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().why, "FILE is missing");
  const auto shell = parse_arguments(program(), command_spec("completion"), {"tcsh"});
  ASSERT_FALSE(shell);
  EXPECT_EQ(shell.error().hint, "use bash, zsh or fish");
  EXPECT_FALSE(parse_arguments(program(), command_spec("completion"), {"bash", "zsh"}));
  EXPECT_TRUE(parse_arguments(program(), command_spec("completion"), {"fish"}));
}

// What the reading of a command line relies on, of every entry.
TEST(OptionTable, IsSound) {
  for (const CommandSpec& command : program().commands) {
    std::vector<std::string> names = {"help"};
    std::string letters = "h";
    for (const OptionSpec& option : command.options) {
      const std::string name(option.name);
      EXPECT_EQ(std::ranges::find(names, name), names.end()) << name;
      names.push_back(name);
      if (option.short_name != 0) {
        EXPECT_EQ(letters.find(option.short_name), std::string::npos) << name;
        letters += option.short_name;
      }
      EXPECT_FALSE(option.help.empty()) << name;
      EXPECT_FALSE(option.help.ends_with('.')) << name;
      EXPECT_FALSE(option.group.empty()) << name;
      EXPECT_EQ(takes_value(option), !option.argument.empty()) << name;
      EXPECT_EQ(option.type == OptionType::kChoice, !option.choices.empty()) << name;
      if (takes_value(option) && !option.default_text.empty()) {
        EXPECT_TRUE(parse_values(option, option.default_text)) << name;
      }
    }
    EXPECT_FALSE(command.usage.empty()) << command.name;
    EXPECT_FALSE(command.examples.empty()) << command.name;
  }
}

// Examples that are refused teach the wrong thing.
TEST(OptionTable, ItsExamplesAreValid) {
  for (const CommandSpec& command : program().commands) {
    for (const Example& example : command.examples) {
      std::string line(example.command);
      line = line.substr(line.find("pprofd ") + 7);
      line = line.substr(0, line.find_first_of("|>"));
      Words words;
      for (size_t begin = 0; begin < line.size();) {
        const size_t end = std::min(line.find(' ', begin), line.size());
        if (end > begin)
          words.push_back(line.substr(begin, end - begin));
        begin = end + 1;
      }
      ASSERT_EQ(words.front(), command.name);
      words.erase(words.begin());
      const auto parsed = parse_arguments(program(), command, words);
      EXPECT_TRUE(parsed) << example.command << ": " << parsed.error().what;
    }
  }
}

} // namespace
} // namespace pprofd

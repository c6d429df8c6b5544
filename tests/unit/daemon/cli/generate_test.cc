// Help, manual page and completion, held against the table they are made from and against the
// programs that read them: bash, zsh, fish, mandoc, man. Programs that are missing are skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "daemon/cli/generate/completion.h"
#include "daemon/cli/generate/help.h"
#include "daemon/cli/generate/man_page.h"
#include "daemon/cli/program.h"

namespace pprofd {
namespace {

using testing::HasSubstr;

struct Outcome {
  int status = -1;
  std::string text; // standard output and standard error
};

Outcome run(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  if (pipe == nullptr)
    return outcome;
  std::array<char, 4096> buffer{};
  while (const size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe))
    outcome.text.append(buffer.data(), size);
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

bool installed(const std::string& name) {
  return run("command -v " + name).status == 0;
}

std::vector<std::string> flags_of(const OptionSpec& option) {
  std::vector<std::string> flags = {std::string(option.name)};
  if (option.type == OptionType::kSwitch)
    flags.push_back("no-" + std::string(option.name));
  return flags;
}

// Every flag of a command, without dashes.
std::vector<std::string> all_flags(const CommandSpec& command) {
  std::vector<std::string> flags;
  for (const std::span<const OptionSpec> options : {command.options, program().options})
    for (const OptionSpec& option : options)
      std::ranges::move(flags_of(option), std::back_inserter(flags));
  return flags;
}

class Generated : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/generated.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  std::filesystem::path folder_;
};

TEST(Help, ShowsEveryOptionWithItsValuesRangeAndDefault) {
  for (const CommandSpec& command : program().commands) {
    const std::string help = command_help(program(), command);
    for (const std::span<const OptionSpec> options : {command.options, program().options}) {
      for (const OptionSpec& option : options) {
        EXPECT_THAT(help, HasSubstr("  " + option_heading(option))) << command.name;
        for (const Choice& choice : option.choices)
          EXPECT_THAT(help, testing::AnyOf(HasSubstr("\n  " + std::string(choice.name) + " "),
                                           HasSubstr("\n  " + std::string(choice.name) + "\n")));
      }
    }
    for (const Example& example : command.examples)
      EXPECT_THAT(help, HasSubstr(std::string(example.command)));
  }
  const std::string help = command_help(program(), command_spec("record"));
  EXPECT_THAT(help, HasSubstr("1 to 5000 Hz; default: 99"));
  EXPECT_THAT(help, HasSubstr("Usage: pprofd record [TARGET] [OPTIONS]"));
}

TEST(Help, ListsEveryCommand) {
  const std::string help = program_help(program());
  for (const CommandSpec& command : program().commands)
    EXPECT_THAT(help, HasSubstr("\n  " + std::string(command.name) + " "));
  EXPECT_THAT(help, HasSubstr("--version"));
  EXPECT_THAT(help, HasSubstr("NO_COLOR"));
}

TEST(Help, IsPlainAsciiInEightyColumns) {
  std::vector<std::string> texts = {program_help(program())};
  for (const CommandSpec& command : program().commands)
    texts.push_back(command_help(program(), command));
  for (const std::string& text : texts) {
    EXPECT_TRUE(
        std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST_F(Generated, ManualPageRendersEveryOption) {
  if (!installed("man"))
    GTEST_SKIP() << "man is not installed";
  const std::string page = write("pprofd.1", man_page(program(), "2025-01-31"));
  const Outcome rendered =
      run("LC_ALL=C.UTF-8 MANWIDTH=200 MAN_KEEP_FORMATTING= man --warnings -l " + page + " | cat");
  EXPECT_EQ(rendered.status, 0);
  EXPECT_THAT(rendered.text, testing::Not(HasSubstr("warning")));
  for (const CommandSpec& command : program().commands) {
    for (const OptionSpec& option : command.options) {
      EXPECT_THAT(rendered.text, HasSubstr(option_heading(option)));
      for (const Choice& choice : option.choices)
        EXPECT_THAT(rendered.text, HasSubstr(std::string(choice.name)));
    }
    for (const Example& example : command.examples)
      EXPECT_THAT(rendered.text, HasSubstr(std::string(example.command)));
  }
}

TEST_F(Generated, ManualPageIsCleanForMandoc) {
  if (!installed("mandoc"))
    GTEST_SKIP() << "mandoc is not installed";
  const std::string page = write("pprofd.1", man_page(program(), "2025-01-31"));
  const Outcome lint = run("mandoc -T lint -W warning " + page);
  EXPECT_EQ(lint.status, 0) << lint.text;
  EXPECT_EQ(lint.text, "");
}

TEST(Completion, KnowsEveryOptionInEveryShell) {
  const std::string bash = bash_completion(program());
  const std::string zsh = zsh_completion(program());
  const std::string fish = fish_completion(program());
  for (const CommandSpec& command : program().commands) {
    for (const std::string& flag : all_flags(command)) {
      EXPECT_THAT(bash, HasSubstr("--" + flag));
      EXPECT_THAT(zsh, HasSubstr("--" + flag));
      EXPECT_THAT(fish, HasSubstr(" -l " + flag + " "));
    }
    for (const OptionSpec& option : command.options) {
      for (const Choice& choice : option.choices) {
        EXPECT_THAT(bash, HasSubstr(std::string(choice.name)));
        EXPECT_THAT(zsh, HasSubstr(std::string(choice.name) + "\\:"));
        EXPECT_THAT(fish, HasSubstr(std::string(choice.name) + "\\\\t"));
      }
    }
  }
}

class BashCompletion : public Generated {
protected:
  void SetUp() override {
    Generated::SetUp();
    if (!installed("bash"))
      GTEST_SKIP() << "bash is not installed";
    script_ = write("completion.bash", bash_completion(program()));
  }

  // What bash would offer after these words, the last one being typed.
  std::vector<std::string> offered(const std::vector<std::string>& words) {
    std::string list;
    for (const std::string& word : words)
      list += " '" + word + "'";
    const Outcome outcome =
        run("cd " + folder_.string() + "; bash --norc -c 'source ./completion.bash\n" +
            "COMP_WORDS=(\"$@\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n" +
            R"(_pprofd; printf "%s\n" "${COMPREPLY[@]}"' bash)" + list);
    std::vector<std::string> replies;
    std::istringstream lines(outcome.text);
    for (std::string line; std::getline(lines, line);)
      if (!line.empty())
        replies.push_back(line);
    return replies;
  }

  std::string script_;
};

TEST_F(BashCompletion, ParsesInBash) {
  const Outcome checked = run("bash -n " + script_);
  EXPECT_EQ(checked.status, 0) << checked.text;
}

TEST_F(BashCompletion, OffersCommandsFlagsAndValues) {
  using testing::Contains;
  using testing::ElementsAre;
  using testing::UnorderedElementsAre;
  write("a file.pb.gz", "");
  EXPECT_THAT(offered({"pprofd", ""}), Contains("record"));
  EXPECT_THAT(offered({"pprofd", "rec"}), ElementsAre("record"));
  EXPECT_THAT(offered({"pprofd", "record", "--fo"}), ElementsAre("--format"));
  EXPECT_THAT(offered({"pprofd", "record", "--no-"}),
              UnorderedElementsAre("--no-kernel", "--no-user"));
  EXPECT_THAT(offered({"pprofd", "record", "--format", ""}),
              ElementsAre("pprof", "folded", "html", "text"));
  EXPECT_THAT(offered({"pprofd", "record", "--format", "=", "f"}), ElementsAre("folded"));
  EXPECT_THAT(offered({"pprofd", "record", "--format", "="}),
              ElementsAre("pprof", "folded", "html", "text"));
  EXPECT_THAT(offered({"pprofd", "record", "-e", "cpu"}), ElementsAre("cpu-clock"));
  EXPECT_THAT(offered({"pprofd", "completion", ""}), ElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(offered({"pprofd", "report", "a"}), ElementsAre("a file.pb.gz"));
  EXPECT_THAT(offered({"pprofd", "record", "-F", ""}), ElementsAre());
}

TEST_F(BashCompletion, OffersProcesses) {
  const std::string own = std::to_string(::getpid());
  EXPECT_THAT(offered({"pprofd", "record", "-p", own}), testing::Contains(own));
  EXPECT_THAT(offered({"pprofd", "record", "--pid", "1," + own}), testing::Contains("1," + own));
}

TEST_F(BashCompletion, CompletesTheCommandToStart) {
  EXPECT_THAT(offered({"pprofd", "record", "--", "mkdi"}), testing::Contains("mkdir"));
}

// A process may be called anything; completing its name must not run it.
TEST_F(BashCompletion, RunsNothingThatAProcessIsCalled) {
  std::filesystem::copy_file("/bin/sleep", folder_ / "$(touch x)");
  const Outcome outcome =
      run("cd " + folder_.string() + "; './$(touch x)' 60 & child=$!\n" +
          "until [ \"$(cat /proc/$child/comm)\" = '$(touch x)' ]; do :; done\n" +
          "bash --norc -c 'source ./completion.bash; COMP_WORDS=(pprofd record --comm \"\\$\")\n" +
          R"(COMP_CWORD=3; _pprofd; printf "%s\n" "${COMPREPLY[@]}"'; kill $child)");
  EXPECT_THAT(outcome.text, HasSubstr("\\$\\(touch\\ x\\)"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x"));
}

TEST_F(Generated, ZshCompletionParsesInZsh) {
  if (!installed("zsh"))
    GTEST_SKIP() << "zsh is not installed";
  const Outcome checked = run("zsh -n " + write("_pprofd", zsh_completion(program())));
  EXPECT_EQ(checked.status, 0) << checked.text;
  EXPECT_EQ(checked.text, "");
}

TEST_F(Generated, FishCompletionOffersFlagsAndValues) {
  if (!installed("fish"))
    GTEST_SKIP() << "fish is not installed";
  const std::string script = write("pprofd.fish", fish_completion(program()));
  const Outcome checked = run("fish --no-config -n " + script);
  EXPECT_EQ(checked.status, 0) << checked.text;
  const auto offered = [&](const std::string& line) {
    return run("cd " + folder_.string() + "; HOME=" + folder_.string() +
               " fish --no-config -c 'source pprofd.fish; complete -C \"" + line + "\"'")
        .text;
  };
  EXPECT_THAT(offered("pprofd rec"), HasSubstr("record\t"));
  EXPECT_THAT(offered("pprofd record --format "), HasSubstr("folded\t"));
  EXPECT_THAT(offered("pprofd record --no-k"), HasSubstr("--no-kernel\t"));
  EXPECT_THAT(offered("pprofd completion "), HasSubstr("zsh\t"));
  EXPECT_THAT(offered("pprofd record -p "), HasSubstr(std::to_string(::getpid())));
  EXPECT_THAT(offered("pprofd record -- mkdi"), HasSubstr("mkdir"));
  EXPECT_THAT(offered("pprofd report pprofd.f"), HasSubstr("pprofd.fish"));
}

} // namespace
} // namespace pprofd

// The program as its users meet it: exit status, what goes to which stream, what a terminal gets.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "daemon/cli/program.h"
#include "symbolizer/base/fd.h"

namespace pprofd {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t size = 0; (size = ::read(fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<size_t>(size));
  return text;
}

// Runs the program in a child process that `prepare` may change first. Standard error is small and
// fits a pipe while standard output is read.
Outcome run(const Words& words, const std::function<void()>& prepare = [] {}) {
  int out[2];
  int err[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0)
    return {};
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    prepare();
    std::vector<char*> argv = {const_cast<char*>("pprofd")};
    for (const std::string& word : words)
      argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execv(PPROFD_PROGRAM, argv.data());
    ::_exit(127);
  }
  const Fd out_reader(out[0]);
  const Fd err_reader(err[0]);
  ::close(out[1]);
  ::close(err[1]);
  Outcome outcome{.status = -1, .out = read_all(out[0]), .err = read_all(err[0])};
  int status = 0;
  ::waitpid(child, &status, 0);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

TEST(Program, AnswersOnStandardOutput) {
  const Outcome version = run({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.out, "pprofd " + std::string(program().version) + "\n");
  EXPECT_THAT(version.err, IsEmpty());
  EXPECT_THAT(run({"--help"}).out, StartsWith("Usage: pprofd COMMAND"));
  for (const CommandSpec& command : program().commands) {
    const Outcome help = run({std::string(command.name), "--help"});
    EXPECT_EQ(help.status, 0) << command.name;
    EXPECT_THAT(help.out, StartsWith("Usage: pprofd " + std::string(command.name)));
    EXPECT_THAT(help.err, IsEmpty());
  }
  for (const Choice& shell : command_spec("completion").operand.choices) {
    const Outcome script = run({"completion", std::string(shell.name)});
    EXPECT_EQ(script.status, 0);
    EXPECT_THAT(script.out, HasSubstr("pprofd completion " + std::string(shell.name)));
  }
}

TEST(Program, RefusesWrongUsageWithStatusTwoAndAHint) {
  const std::vector<Words> cases = {
      {},
      {"recrod"},
      {"run", "extra"},
      {"--nonsense"},
      {"record", "--nonsense"},
      {"record", "-a", "-p", "1"},
      {"record", "--format", "svg"},
      {"record", "--container", "web"},
      {"report"},
      {"report", "--tree", "--folded", "x"},
      {"inspect"},
      {"inspect", "/bin/sh", "/bin/ls"},
      {"inspect", "--row", "/bin/sh"},
      {"inspect", ""},
      {"symbolize"},
      {"symbolize", "0x10"},
      {"symbolize", "-e", "/bin/sh", "main"},
      {"symbolize", "-e", "/bin/sh", "0x10000000000000000"},
      {"doctor", "extra"},
      {"completion", "tcsh"},
  };
  for (const Words& words : cases) {
    const Outcome outcome = run(words);
    const std::string line = words.empty() ? "(none)" : words.front() + " " + words.back();
    EXPECT_EQ(outcome.status, 2) << line;
    EXPECT_THAT(outcome.out, IsEmpty()) << line;
    EXPECT_THAT(outcome.err, StartsWith("pprofd: error: ")) << line;
    EXPECT_THAT(outcome.err, HasSubstr("\nhint: ")) << line;
  }
}

TEST(Program, FailsWithStatusOneAtRunTime) {
  const Outcome outcome = run({"report", "/nonexistent/profile.pb.gz"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, StartsWith("pprofd: error: "));
}

TEST(Program, NoticesThatItsOutputDoesNotArrive) {
  const auto full = [] { ::dup2(::open("/dev/full", O_WRONLY), STDOUT_FILENO); };
  for (const Words& words :
       {Words{"--help"}, Words{"--version"}, Words{"completion", "bash"}, Words{"doctor"},
        Words{"inspect", "/bin/sh"}, Words{"inspect", "/bin/sh", "--rows"},
        Words{"inspect", "/bin/sh", "--symbols"}, Words{"symbolize", "-e", "/bin/sh", "0x10"}}) {
    const Outcome outcome = run(words, full);
    EXPECT_EQ(outcome.status, 1) << words.front();
    EXPECT_THAT(outcome.err, HasSubstr("No space left on device")) << words.front();
  }
}

TEST(Program, DoctorNamesTheMissingCapabilitiesToAnUnprivilegedUser) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "needs root";
  // The program's own folder may be closed to other users.
  const Fd program(::open(PPROFD_PROGRAM, O_RDONLY | O_CLOEXEC));
  constexpr uid_t kNobody = 65534;
  const Outcome outcome = run({"doctor"}, [&] {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
        ::setresuid(kNobody, kNobody, kNobody) != 0)
      ::_exit(126);
    std::array<char*, 3> argv = {const_cast<char*>("pprofd"), const_cast<char*>("doctor"), nullptr};
    ::fexecve(program.get(), argv.data(), environ);
    ::_exit(127);
  });
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr("FAIL  CAP_BPF: missing"));
  EXPECT_THAT(outcome.out, HasSubstr("FAIL  CAP_PERFMON: missing"));
}

// What the program writes to a terminal as its standard error.
std::string on_a_terminal(const Words& words, const char* no_color) {
  int master = -1;
  int slave = -1;
  if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0)
    return {};
  const Fd reader(master);
  Fd writer(slave);
  run(words, [&] {
    ::dup2(writer.get(), STDERR_FILENO);
    ::setenv("TERM", "xterm", 1);
    ::setenv("NO_COLOR", no_color, 1);
  });
  writer.reset();
  return read_all(reader.get());
}

TEST(Program, ColoursErrorsOnATerminalUnlessToldNotTo) {
  EXPECT_THAT(on_a_terminal({"recrod"}, ""), HasSubstr("\x1b["));
  const std::string plain = on_a_terminal({"recrod"}, "1");
  EXPECT_THAT(plain, HasSubstr("pprofd: error: command 'recrod': unknown"));
  EXPECT_THAT(plain, Not(HasSubstr("\x1b[")));
}

TEST(Program, MakesItsManualPage) {
  const Outcome page = run({"__man", "2025-01-31"});
  EXPECT_EQ(page.status, 0);
  EXPECT_THAT(page.out, StartsWith(".TH PPROFD 1 2025-01-31"));
}

} // namespace
} // namespace pprofd

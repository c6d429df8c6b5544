#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "daemon/cli/progress_line.h"
#include "daemon/cli/terminal.h"
#include "symbolizer/base/fd.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

Progress some_progress() {
  return {.elapsed = 65s, .duration = 120s, .samples = 1234, .processes = 1, .dropped = 0};
}

// A terminal whose other end the test reads.
class TerminalTest : public testing::Test {
protected:
  void SetUp() override {
    int master = -1;
    int slave = -1;
    winsize size{};
    size.ws_col = 50;
    size.ws_row = 24;
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    master_.reset(master);
    slave_.reset(slave);
    ASSERT_EQ(::fcntl(master, F_SETFL, O_NONBLOCK), 0);
    ASSERT_EQ(::setenv("TERM", "xterm", 1), 0);
    ::unsetenv("NO_COLOR");
  }

  // What arrived so far; the slave's writes are complete when they return.
  std::string shown() {
    std::string text(4096, '\0');
    const ssize_t size = ::read(master_.get(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return text;
  }

  Fd master_;
  Fd slave_;
};

TEST(ProgressText, SaysTimeSamplesProcessesAndDrops) {
  EXPECT_EQ(progress_text(some_progress(), 200),
            "recording 1:05/2:00, 1234 samples, 1 process, 0 dropped");
  Progress open_end = some_progress();
  open_end.duration.reset();
  open_end.elapsed = 3h + 5s;
  EXPECT_EQ(progress_text(open_end, 200), "recording 3:00:05, 1234 samples, 1 process, 0 dropped");
}

TEST(ProgressText, NeverExceedsTheWidth) {
  for (unsigned width = 0; width < 80; ++width)
    EXPECT_LE(progress_text(some_progress(), width).size(), width);
  EXPECT_EQ(progress_text(some_progress(), 34), "recording 1:05/2:00, 1234 samples");
}

TEST_F(TerminalTest, RewritesOneLineAndTakesItAway) {
  const auto start = ProgressLine::Clock::now();
  {
    ProgressLine line(slave_.get());
    EXPECT_TRUE(line.active());
    line.update(some_progress(), start);
    EXPECT_EQ(shown(), "\r\x1b[Krecording 1:05/2:00, 1234 samples, 1 process");
    line.update(some_progress(), start + 199ms);
    EXPECT_EQ(shown(), "") << "updates come at most five times a second";
    line.update(some_progress(), start + 200ms);
    EXPECT_NE(shown(), "");
    line.clear();
    EXPECT_EQ(shown(), "\r\x1b[K");
    line.clear();
    EXPECT_EQ(shown(), "");
    line.update(some_progress(), start + 400ms);
    EXPECT_NE(shown(), "");
  }
  EXPECT_EQ(shown(), "\r\x1b[K");
}

TEST_F(TerminalTest, FollowsTheWidth) {
  EXPECT_EQ(terminal_width(slave_.get()), 50U);
  winsize size{};
  size.ws_col = 22;
  ASSERT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
  ProgressLine line(slave_.get());
  line.update(some_progress());
  EXPECT_EQ(shown(), "\r\x1b[Krecording 1:05/2:00");
}

TEST_F(TerminalTest, IsSilentOnADumbTerminal) {
  ASSERT_EQ(::setenv("TERM", "dumb", 1), 0);
  ProgressLine line(slave_.get());
  line.update(some_progress());
  EXPECT_FALSE(line.active());
  EXPECT_EQ(shown(), "");
}

TEST_F(TerminalTest, ColoursRespectNoColor) {
  EXPECT_TRUE(use_colour(slave_.get()));
  ASSERT_EQ(::setenv("NO_COLOR", "", 1), 0);
  EXPECT_TRUE(use_colour(slave_.get()));
  ASSERT_EQ(::setenv("NO_COLOR", "1", 1), 0);
  EXPECT_FALSE(use_colour(slave_.get()));
  EXPECT_TRUE(is_terminal(slave_.get()));
  ::unsetenv("NO_COLOR");
}

TEST(ProgressLine, IsSilentWhereThereIsNoTerminal) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  const Fd writer(ends[1]);
  {
    ProgressLine line(writer.get());
    EXPECT_FALSE(line.active());
    line.update(some_progress());
  }
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), -1);
  EXPECT_FALSE(use_colour(writer.get()));
  EXPECT_EQ(terminal_width(writer.get()), 80U);
}

} // namespace
} // namespace pprofd

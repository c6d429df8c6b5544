#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cli/program.h"
#include "daemon/cli/top_options.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

Result<TopOptions> read(const Words& words) {
  const auto arguments = parse_arguments(program(), command_spec("top"), words);
  if (!arguments)
    return std::unexpected(arguments.error());
  return make_top_options(*arguments);
}

std::string refusal(const Words& words) {
  const auto options = read(words);
  return options ? "accepted" : options.error().what + ": " + options.error().why;
}

TEST(TopOptions, WithoutAnyTheWholeMachineIsShownOncePerSecond) {
  const auto options = read({});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->target.all);
  EXPECT_EQ(options->frequency, 99);
  EXPECT_EQ(options->interval, 1s);
  EXPECT_EQ(options->window, 10s);
  EXPECT_EQ(options->view, top::View::kFunctions);
  EXPECT_EQ(options->order, top::Order::kSelf);
  EXPECT_EQ(options->iterations, std::nullopt);
  EXPECT_EQ(options->rows, 20);
  EXPECT_FALSE(options->batch);
  EXPECT_TRUE(options->kernel && options->user);
}

TEST(TopOptions, TargetsAreThoseOfRecord) {
  const auto options =
      read({"-p", "12,34", "--comm", "nginx", "--children", "-F", "499", "--no-kernel"});
  ASSERT_TRUE(options);
  EXPECT_THAT(options->target.pids, ElementsAre(12, 34));
  EXPECT_THAT(options->target.comms, ElementsAre("nginx"));
  EXPECT_TRUE(options->target.children);
  EXPECT_EQ(options->frequency, 499);
  EXPECT_FALSE(options->kernel);
  EXPECT_THAT(refusal({"--all", "-p", "1"}), HasSubstr("contradict"));
  EXPECT_THAT(refusal({"--", "true"}), testing::Not("accepted"));
}

TEST(TopOptions, TheViewCanBeChosen) {
  const auto options = read({"--view", "threads", "--sort", "total", "--filter", "^a", "--long",
                             "-b", "-n", "3", "--top", "0"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->view, top::View::kThreads);
  EXPECT_EQ(options->order, top::Order::kTotal);
  EXPECT_EQ(options->filter, "^a");
  EXPECT_TRUE(options->long_names);
  EXPECT_TRUE(options->batch);
  EXPECT_EQ(options->iterations, 3);
  EXPECT_EQ(options->rows, 0);
}

TEST(TopOptions, TheWindowIsAtLeastAnInterval) {
  EXPECT_THAT(refusal({"--window", "1s", "--interval", "2s"}), HasSubstr("shorter"));
  const auto longer = read({"--interval", "30s"});
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->window, 30s);
}

TEST(TopOptions, ContradictionsAreRefused) {
  EXPECT_THAT(refusal({"--no-kernel", "--no-user"}), HasSubstr("no stacks"));
  EXPECT_THAT(refusal({"--top", "5"}), HasSubstr("terminal's size"));
  EXPECT_THAT(refusal({"-n", "0"}), HasSubstr("0"));
  EXPECT_THAT(refusal({"--interval", "1ms"}), HasSubstr("1ms"));
}

} // namespace
} // namespace pprofd

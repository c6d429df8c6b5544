#include <gtest/gtest.h>

#include <array>

#include "daemon/cli/table/suggest.h"

namespace pprofd {
namespace {

constexpr std::array<std::string_view, 4> kCommands = {"record", "report", "doctor", "completion"};

TEST(Nearest, FindsSlipsSwapsAndBeginnings) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"recrod", "record"}, {"recor", "record"},       {"rceord", "record"}, {"Record", "record"},
      {"docter", "doctor"}, {"complet", "completion"}, {"reprt", "report"},  {"d", "doctor"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(nearest(text, kCommands), expected) << text;
}

TEST(Nearest, GuessesNothingFarFetched) {
  for (const std::string_view text : {"", "run", "top", "re", "symbolize", "inspect", "xyz"})
    EXPECT_EQ(nearest(text, kCommands), "") << text;
  EXPECT_EQ(nearest(std::string(100'000, 'r'), kCommands), "");
}

TEST(OrList, JoinsAsASentenceDoes) {
  constexpr std::array<std::string_view, 3> kThree = {"a", "b", "c"};
  EXPECT_EQ(or_list(std::span(kThree).first(1)), "a");
  EXPECT_EQ(or_list(std::span(kThree).first(2)), "a or b");
  EXPECT_EQ(or_list(kThree), "a, b or c");
}

TEST(InQuotes, ShowsControlCharactersAndCutsLongText) {
  EXPECT_EQ(in_quotes("a\x1b[31m\nb"), "'a\\x1b[31m\\x0ab'");
  EXPECT_EQ(in_quotes(std::string(500, 'x')), "'" + std::string(80, 'x') + "...'");
}

} // namespace
} // namespace pprofd

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/trigger/condition.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(TriggerCondition, ReadsMetricValueAndTime) {
  EXPECT_EQ(parse_condition("cpu > 80% for 10s").value(),
            (TriggerCondition{TriggerMetric::kCpu, 80, 10s}));
  EXPECT_EQ(parse_condition("threads>200").value(),
            (TriggerCondition{TriggerMetric::kThreads, 200, 0s}));
  EXPECT_EQ(parse_condition("  run_queue  >  12.5 %  for  1500ms ").value(),
            (TriggerCondition{TriggerMetric::kRunQueue, 12.5, 1500ms}));
}

TEST(TriggerCondition, ItsTextMeansTheSame) {
  for (const char* text :
       {"cpu > 80% for 10s", "threads > 200", "run_queue > 12.5% for 1500ms", "cpu > 0%"}) {
    EXPECT_EQ(condition_text(parse_condition(text).value()), text);
  }
  EXPECT_EQ(condition_text(parse_condition("cpu>080.0% for 2m").value()), "cpu > 80% for 120s");
}

TEST(TriggerCondition, SaysWhatIsWrong) {
  const auto why = [](const char* text) {
    const auto parsed = parse_condition(text);
    EXPECT_FALSE(parsed) << text;
    return parsed ? std::string() : parsed.error().why;
  };
  EXPECT_THAT(why(""), HasSubstr("no METRIC"));
  EXPECT_THAT(why("memory > 1"), HasSubstr("no metric 'memory'"));
  EXPECT_THAT(why("cpu 80%"), HasSubstr("no '>'"));
  EXPECT_THAT(why("cpu < 80%"), HasSubstr("no '>'"));
  EXPECT_THAT(why("cpu > 80"), HasSubstr("there is no '%'"));
  EXPECT_THAT(why("threads > 80%"), HasSubstr("a number, not a per cent"));
  EXPECT_THAT(why("cpu > much"), HasSubstr("no number"));
  EXPECT_THAT(why("cpu > -1%"), HasSubstr("no number"));
  EXPECT_THAT(why("cpu > 1e9%"), HasSubstr("there is no '%'"));
  EXPECT_THAT(why("cpu > nan%"), HasSubstr("no number"));
  EXPECT_THAT(why("cpu > 80% for"), HasSubstr("no time"));
  EXPECT_THAT(why("cpu > 80% for 0s"), HasSubstr("no time"));
  EXPECT_THAT(why("cpu > 80% for 2h"), HasSubstr("no time"));
  EXPECT_THAT(why("cpu > 80% for 10s or so"), HasSubstr("'or so' is too much"));
  const auto wrong = parse_condition("cpu > 80");
  EXPECT_EQ(wrong.error().what, "'cpu > 80'");
  EXPECT_THAT(wrong.error().hint, HasSubstr("cpu > 80% for 10s"));
}

TEST(TriggerCondition, HoldsAboveItsValueOnly) {
  const TriggerCondition condition{TriggerMetric::kThreads, 10, 0s};
  EXPECT_FALSE(condition.holds({{100, 10, 100}}));
  EXPECT_TRUE(condition.holds({{0, 11, 0}}));
}

} // namespace
} // namespace pprofd

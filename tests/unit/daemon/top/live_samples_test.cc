#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "daemon/top/data/figures.h"
#include "daemon/top/data/live_samples.h"
#include "tests/unit/daemon/top/samples.h"

namespace pprofd::top {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// Self and total in samples, by name.
std::map<std::string, std::pair<int64_t, int64_t>> functions_of(const LiveSamples& samples,
                                                                const Scope& scope = {}) {
  std::map<std::string, std::pair<int64_t, int64_t>> result;
  for (const FunctionFigures& each : function_figures(samples, scope).functions)
    result[samples.names()[each.function].name] = {each.self / kSampleNanos,
                                                   each.total / kSampleNanos};
  return result;
}

std::map<std::string, int64_t> by_name(const LiveSamples& samples,
                                       const std::vector<Neighbour>& neighbours) {
  std::map<std::string, int64_t> result;
  for (const Neighbour& each : neighbours)
    result[samples.names()[each.function].name] = each.value / kSampleNanos;
  return result;
}

FunctionId id_of(const LiveSamples& samples, const std::string& name) {
  const auto found = samples.names().find({.name = name, .object = "program"});
  EXPECT_TRUE(found) << name;
  return found.value_or(0);
}

LiveSamples samples_of(const std::vector<MadeProcess>& processes) {
  LiveSamples samples{seconds(10)};
  samples.add(made_interval(samples, processes));
  return samples;
}

TEST(Figures, SelfIsOfTheLeafAndTotalOfEveryFunctionOnTheStackOnce) {
  const LiveSamples samples =
      samples_of({{.stacks = {{.frames = {"leaf", "middle", "main"}, .samples = 3},
                              {.frames = {"middle", "middle", "main"}, .samples = 2}}}});
  EXPECT_THAT(functions_of(samples),
              UnorderedElementsAre(Pair("leaf", Pair(3, 3)), Pair("middle", Pair(2, 5)),
                                   Pair("main", Pair(0, 5))));
}

TEST(Figures, AScopeTakesOneProcessOrOneThreadOfIt) {
  const LiveSamples samples =
      samples_of({{.pid = 1, .stacks = {{.tid = 1, .frames = {"a"}}, {.tid = 2, .frames = {"b"}}}},
                  {.pid = 2, .stacks = {{.tid = 2, .frames = {"c"}}}}});
  const ProcessIdentity first{.pid = 1, .start_ticks = 7};
  EXPECT_THAT(functions_of(samples), SizeIs(3));
  EXPECT_THAT(functions_of(samples, {.process = first, .tid = {}}),
              ElementsAre(Pair("a", Pair(1, 1)), Pair("b", Pair(1, 1))));
  EXPECT_THAT(functions_of(samples, {.process = first, .tid = 2}),
              ElementsAre(Pair("b", Pair(1, 1))));
  const ProcessIdentity other_start{.pid = 1, .start_ticks = 8};
  EXPECT_THAT(functions_of(samples, {.process = other_start, .tid = {}}), IsEmpty());
}

TEST(Figures, EqualNamesInTwoFilesAreTwoFunctions) {
  const LiveSamples samples =
      samples_of({{.pid = 1, .comm = "one", .stacks = {{.frames = {"f"}}}},
                  {.pid = 2, .comm = "two", .stacks = {{.frames = {"f"}}}}});
  EXPECT_THAT(function_figures(samples, {}).functions, SizeIs(2));
}

TEST(Figures, FramesOfTheKernelAreKnownByTheirAddress) {
  const LiveSamples samples = samples_of({{.stacks = {{.frames = {"k:schedule", "main"}}}}});
  for (const FunctionFigures& each : function_figures(samples, {}).functions) {
    const FunctionName& function = samples.names()[each.function];
    EXPECT_EQ(function.kernel, function.name == "schedule");
    EXPECT_EQ(function.object, function.kernel ? "[kernel]" : "program");
  }
}

TEST(Figures, NeighboursAreTheCallersAndCalleesOfEachStackOnce) {
  const LiveSamples samples =
      samples_of({{.stacks = {{.frames = {"leaf", "f", "main"}, .samples = 3},
                              {.frames = {"f", "other", "main"}, .samples = 2},
                              {.frames = {"leaf", "f", "x", "f", "main"}, .samples = 1},
                              {.frames = {"f", "f", "main"}, .samples = 4},
                              {.frames = {"main"}, .samples = 5}}}});
  const Neighbours found = neighbours(samples, {}, id_of(samples, "f"));
  EXPECT_EQ(found.self.self / kSampleNanos, 6);
  EXPECT_EQ(found.self.total / kSampleNanos, 10);
  EXPECT_EQ(found.whole / kSampleNanos, 15);
  EXPECT_THAT(by_name(samples, found.callers),
              UnorderedElementsAre(Pair("main", 8), Pair("other", 2), Pair("x", 1)));
  EXPECT_THAT(by_name(samples, found.callees), UnorderedElementsAre(Pair("leaf", 4), Pair("x", 1)));
}

TEST(Figures, ProcessesAndThreadsAddUpOverIntervals) {
  LiveSamples samples(seconds(10));
  samples.add(made_interval(
      samples,
      {{.pid = 5, .comm = "before", .stacks = {{.tid = 6, .thread = "old", .frames = {"a"}}}}}));
  samples.add(made_interval(samples,
                            {{.pid = 5,
                              .comm = "after",
                              .stacks = {{.tid = 6, .thread = "new", .frames = {"a"}, .samples = 2},
                                         {.tid = 7, .frames = {"b"}}},
                              .incomplete = 1,
                              .dropped = 4}}));
  const auto processes = process_figures(samples);
  ASSERT_THAT(processes, SizeIs(1));
  EXPECT_EQ(processes[0].comm, "after");
  EXPECT_EQ(processes[0].value / kSampleNanos, 4);
  EXPECT_EQ(processes[0].threads, 2);
  EXPECT_EQ(processes[0].accounting.complete(), 3);
  EXPECT_EQ(processes[0].accounting.dropped(), 4);
  std::map<uint32_t, std::pair<std::string, int64_t>> threads;
  for (const ThreadFigures& each : thread_figures(samples))
    threads[each.tid] = {each.name, each.value / kSampleNanos};
  EXPECT_THAT(threads, ElementsAre(Pair(6, Pair("new", 3)), Pair(7, Pair("main", 1))));
}

void add_second(LiveSamples& samples, const std::string& function) {
  samples.add(made_interval(samples, {{.stacks = {{.frames = {function}}}}}));
}

TEST(LiveSamples, WhatIsOlderThanTheWindowLeavesIt) {
  LiveSamples samples(seconds(3));
  for (const char* name : {"a", "b", "c"})
    add_second(samples, name);
  EXPECT_EQ(samples.duration(), seconds(3));
  EXPECT_THAT(functions_of(samples), SizeIs(3));
  add_second(samples, "d");
  EXPECT_EQ(samples.duration(), seconds(3));
  EXPECT_FALSE(functions_of(samples).contains("a"));
}

TEST(LiveSamples, IntervalsThatAreALittleLongOrShortFillTheSameWindow) {
  LiveSamples samples(seconds(3));
  for (const int length : {1010, 990, 1020, 980, 1015, 1001})
    samples.add(made_interval(samples, {}, milliseconds(length)));
  EXPECT_THAT(samples.intervals(), SizeIs(3));
}

TEST(LiveSamples, NamesGoWithTheirLastInterval) {
  LiveSamples samples(seconds(2));
  for (int second = 0; second < 1000; ++second)
    add_second(samples, "function" + std::to_string(second));
  EXPECT_EQ(samples.names().size(), 2);
  EXPECT_LE(samples.names().ids(), 4);
  samples.clear();
  EXPECT_EQ(samples.names().size(), 0);
}

TEST(LiveSamples, TooManyFramesMakeTheWindowShorterAndItSaysSo) {
  LiveSamples samples(seconds(10), 2);
  for (const char* name : {"a", "b", "c"})
    add_second(samples, name);
  EXPECT_EQ(samples.duration(), seconds(2));
}

TEST(LiveSamples, WhilePausedWhatIsShownStaysAndWhatComesWaits) {
  LiveSamples samples(seconds(2));
  add_second(samples, "a");
  samples.set_paused(true);
  for (const char* name : {"b", "c", "d"})
    add_second(samples, name);
  EXPECT_THAT(functions_of(samples), ElementsAre(Pair("a", Pair(1, 1))));
  samples.set_paused(false);
  EXPECT_THAT(functions_of(samples), ElementsAre(Pair("c", Pair(1, 1)), Pair("d", Pair(1, 1))));
}

TEST(LiveSamples, AnEmptyIntervalIsTimeInWhichNothingRan) {
  LiveSamples samples(seconds(10));
  samples.add(made_interval(samples, {}));
  EXPECT_EQ(samples.duration(), seconds(1));
  EXPECT_EQ(whole_value(samples), 0);
}

} // namespace
} // namespace pprofd::top

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/profile/table/function_graph.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

using testing::ElementsAre;

std::vector<std::string> rows(const FunctionGraph& graph) {
  std::vector<std::string> lines;
  for (const FunctionNode& f : graph.functions)
    lines.push_back(f.name + " " + std::to_string(f.flat) + " " + std::to_string(f.cum));
  return lines;
}

TEST(FunctionGraph, FlatIsTheLeafsAndCumIsEveryonesOnTheStack) {
  StackProfile p;
  p.stack({{"leaf"}, {"mid"}, {"main"}}, 3);
  p.stack({{"mid"}, {"main"}}, 2);
  EXPECT_THAT(rows(function_graph(p.finish(), 0)), ElementsAre("leaf 3 3", "mid 2 5", "main 0 5"));
}

TEST(FunctionGraph, RecursionCountsOnce) {
  StackProfile p;
  p.stack({{"fib"}, {"fib"}, {"fib"}, {"main"}}, 4);
  FunctionGraph graph = function_graph(p.finish(), 0);
  EXPECT_THAT(rows(graph), ElementsAre("fib 4 4", "main 0 4"));
  ASSERT_EQ(graph.edges.size(), 1U);
  EXPECT_EQ(graph.edges[0].value, 4);
}

TEST(FunctionGraph, MutualRecursionCountsEachCallOnce) {
  StackProfile p;
  p.stack({{"a"}, {"b"}, {"a"}, {"b"}, {"a"}}, 1);
  FunctionGraph graph = function_graph(p.finish(), 0);
  EXPECT_THAT(rows(graph), ElementsAre("a 1 1", "b 0 1"));
  ASSERT_EQ(graph.edges.size(), 2U);
  EXPECT_EQ(graph.edges[0].value, 1);
  EXPECT_EQ(graph.edges[1].value, 1);
}

TEST(FunctionGraph, InlinedFunctionsAreFramesAndMarked) {
  StackProfile p;
  p.stack({{"inner", "outer"}, {"main"}}, 1);
  p.stack({{"sometimes", "main"}}, 1);
  p.stack({{"sometimes"}, {"main"}}, 1);
  FunctionGraph graph = function_graph(p.finish(), 0);
  auto find = [&](std::string_view name) -> const FunctionNode& {
    return *std::ranges::find(graph.functions, name, &FunctionNode::name);
  };
  EXPECT_EQ(find("inner").flat, 1);
  EXPECT_EQ(find("outer").flat, 0);
  EXPECT_EQ(find("inner").inlining, Inlining::Always);
  EXPECT_EQ(find("outer").inlining, Inlining::Never);
  // The same caller once inlined, once not: a real call.
  EXPECT_EQ(find("sometimes").inlining, Inlining::Never);
}

TEST(FunctionGraph, FramesWithoutANameAreKnownByTheirExecutable) {
  ProfileHeader header = cpu_header();
  header.symbolized = false;
  ProfileBuilder builder(header);
  uint64_t app = builder.add_mapping({0x1000, 0x2000, 0, "/bin/app", "", false});
  for (uint64_t address : {0x1010UL, 0x1020UL})
    builder.add_sample(std::array{builder.add_location(app, address, {})},
                       std::array<int64_t, 2>{1, 1}, {});
  EXPECT_THAT(rows(function_graph(std::move(builder).finish(), 0)), ElementsAre("[app] 2 2"));
}

TEST(FunctionGraph, TheHottestFunctionComesFirstAndNamesDecideTies) {
  StackProfile p;
  p.stack({{"b"}}, 1);
  p.stack({{"a"}}, 1);
  p.stack({{"z"}}, 2);
  EXPECT_THAT(rows(function_graph(p.finish(), 0)), ElementsAre("z 2 2", "a 1 1", "b 1 1"));
}

TEST(FunctionGraph, FunctionsThatCountForNothingAreNotThere) {
  StackProfile p;
  p.stack({{"none"}}, 0);
  p.stack({{"some"}}, 1);
  EXPECT_THAT(rows(function_graph(p.finish(), 0)), ElementsAre("some 1 1"));
}

TEST(FunctionGraph, CallersAndCalleesAreLargestFirst) {
  StackProfile p;
  p.stack({{"leaf"}, {"seldom"}}, 1);
  p.stack({{"leaf"}, {"often"}}, 9);
  FunctionGraph graph = function_graph(p.finish(), 0);
  const FunctionNode& leaf = graph.functions[0];
  std::vector<size_t> callers = largest_first(graph, leaf.in);
  ASSERT_EQ(callers.size(), 2U);
  EXPECT_EQ(graph.functions[graph.edges[callers[0]].caller].name, "often");
  EXPECT_EQ(graph.edges[callers[0]].value, 9);
  EXPECT_TRUE(leaf.out.empty());
}

TEST(FunctionGraph, TheTotalCountsNegativeSamplesToo) {
  StackProfile p;
  p.stack({{"a"}}, 5);
  p.stack({{"b"}}, -3);
  EXPECT_EQ(total_value(p.finish(), 0), 8);
}

TEST(SampleType, IsFoundByNameNumberAndDefault) {
  perftools::profiles::Profile profile = StackProfile().finish();
  EXPECT_EQ(*find_sample_type(profile, "samples"), 0);
  EXPECT_EQ(*find_sample_type(profile, "1"), 1);
  EXPECT_EQ(*find_sample_type(profile, ""), 1);
  profile.clear_default_sample_type();
  EXPECT_EQ(*find_sample_type(profile, ""), 1);
  for (const char* wrong : {"wall", "2", "-1", "1x", "99999999999999999999"}) {
    auto result = find_sample_type(profile, wrong);
    ASSERT_FALSE(result) << wrong;
    EXPECT_EQ(result.error().hint, "choose one of: samples, cpu");
  }
}

} // namespace
} // namespace pprofd

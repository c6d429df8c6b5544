#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "daemon/profile/flamegraph/flame_graph.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

using perftools::profiles::Profile;
using testing::ElementsAre;
using testing::Pair;

std::string name_of(const FlameGraph& graph, const FlameNode& node) {
  return node.function < 0 ? "root" : graph.functions[static_cast<size_t>(node.function)].name;
}

// "root;main;leaf" of a node.
std::string path(const FlameGraph& graph, size_t index) {
  const FlameNode& node = graph.nodes[index];
  std::string name = name_of(graph, node) + (node.inlined ? "*" : "");
  return node.parent < 0 ? name : path(graph, static_cast<size_t>(node.parent)) + ";" + name;
}

// path: total/self of every node, in their order.
std::vector<std::string> lines(const FlameGraph& graph) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < graph.nodes.size(); i++) {
    const FlameNode& node = graph.nodes[i];
    std::string line =
        path(graph, i) + " " + std::to_string(node.now.total) + "/" + std::to_string(node.now.self);
    if (graph.base)
      line += " " + std::to_string(node.base.total) + "/" + std::to_string(node.base.self);
    lines.push_back(std::move(line));
  }
  return lines;
}

FlameGraph graph_of(const Profile& profile, const FlameLimits& limits = {}) {
  FlameGraphBuilder builder;
  EXPECT_TRUE(builder.add(profile, "samples"));
  return std::move(builder).finish(limits);
}

TEST(FlameGraph, EqualStacksAreOneBranchAndInlinedFramesNodesOfTheirOwn) {
  StackProfile p;
  p.stack({{"inlined", "leaf"}, {"main"}}, 3);
  p.stack({{"inlined", "leaf"}, {"main"}}, 2, {{"tid", "", 7, "tid"}});
  p.stack({{"main"}}, 1);
  EXPECT_THAT(lines(graph_of(p.finish())),
              ElementsAre("root 6/0", "root;main 6/1", "root;main;leaf 5/0",
                          "root;main;leaf;inlined* 5/5"));
}

TEST(FlameGraph, SiblingsStandInTheOrderOfTheirNames) {
  StackProfile p;
  for (const char* leaf : {"c", "a", "b"})
    p.stack({{leaf}, {"main"}}, 1);
  EXPECT_THAT(lines(graph_of(p.finish())),
              ElementsAre("root 3/0", "root;main 3/0", "root;main;a 1/1", "root;main;b 1/1",
                          "root;main;c 1/1"));
}

TEST(FlameGraph, ParentsStandBeforeTheirChildren) {
  StackProfile p;
  std::vector<std::vector<std::string>> stack;
  for (int depth = 0; depth < 1000; depth++) {
    stack.insert(stack.begin(), {"f" + std::to_string(depth % 7)});
    p.stack(stack, 1);
  }
  const FlameGraph graph = graph_of(p.finish());
  ASSERT_EQ(graph.nodes.size(), 1001U);
  for (size_t i = 1; i < graph.nodes.size(); i++)
    EXPECT_LT(graph.nodes[i].parent, static_cast<int32_t>(i));
}

TEST(FlameGraph, SeveralProcessesBeginWithTheirNames) {
  StackProfile p;
  p.stack({{"main"}}, 1, {{"comm", "nginx", 0, ""}});
  p.stack({{"main"}}, 2, {{"comm", "main", 0, ""}});
  const FlameGraph graph = graph_of(p.finish());
  EXPECT_THAT(lines(graph), ElementsAre("root 3/0", "root;main 2/0", "root;main;main 2/2",
                                        "root;nginx 1/0", "root;nginx;main 1/1"));
  EXPECT_TRUE(graph.functions[static_cast<size_t>(graph.nodes[1].function)].process);
  EXPECT_FALSE(graph.functions[static_cast<size_t>(graph.nodes[2].function)].process);
}

TEST(FlameGraph, KernelFramesAreKnownByTheirMapping) {
  ProfileBuilder builder(cpu_header());
  const uint64_t upper = 0xffffffff80000000;
  std::map<std::string, std::pair<uint64_t, bool>> mappings{
      {"[kernel.kallsyms]", {upper, true}},
      {"[nf_tables]", {upper + 0x10000000, true}},
      {"[vsyscall]", {0xffffffffff600000, false}},
      {"[vdso]", {0x7fff00000000, false}},
      {"/bin/app", {0x400000, false}}};
  for (const auto& [file, at] : mappings) {
    const uint64_t mapping = builder.add_mapping({.start = at.first,
                                                  .limit = at.first + 0x1000,
                                                  .offset = 0,
                                                  .file = file,
                                                  .build_id = "",
                                                  .kernel = at.second});
    const std::array trace{builder.add_location(mapping, at.first + 0x10, {})};
    builder.add_sample(trace, std::array<int64_t, 2>{1, 1}, {});
  }
  const FlameGraph graph = graph_of(std::move(builder).finish());
  EXPECT_EQ(graph.functions.size(), mappings.size());
  for (const FlameFunction& function : graph.functions)
    EXPECT_EQ(function.kernel, mappings.at(function.mapping).second) << function.mapping;
}

TEST(FlameGraph, ANodesLineIsTheOneThatMostOfItIsAt) {
  StackProfile p;
  const uint64_t main = p.function("main");
  for (const auto& [line, samples] : {std::pair{10, 2}, {20, 7}, {30, 3}}) {
    const std::array lines{LineInfo{.function = main, .line = line, .column = 0}};
    const std::array trace{
        p.builder.add_location(p.mapping, 0x400000 + static_cast<uint64_t>(line), lines)};
    p.builder.add_sample(trace, std::array<int64_t, 2>{samples, samples}, {});
  }
  const FlameGraph graph = graph_of(p.finish());
  ASSERT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(graph.nodes[1].line, 20);
}

TEST(FlameGraph, TheProfilesSayHowMuchOfThemIsWhole) {
  FlameGraphBuilder builder;
  for (const char* frequency : {"99", "19"}) {
    StackProfile p;
    p.stack({{"main"}}, 4);
    p.builder.add_comment("frequency", frequency);
    p.builder.add_comment("stacks.complete", "3");
    p.builder.add_comment("stacks.incomplete.no_row", "1");
    p.builder.add_comment("samples.dropped.ring_full", "2");
    p.builder.add_comment("samples.dropped.nonsense", "-2");
    ASSERT_TRUE(builder.add(p.finish(), ""));
  }
  const FlameGraph graph = std::move(builder).finish();
  EXPECT_EQ(graph.type, "cpu");
  EXPECT_EQ(graph.unit, "nanoseconds");
  EXPECT_EQ(graph.now.profiles, 2U);
  EXPECT_EQ(graph.now.samples, 8);
  EXPECT_EQ(graph.now.total, 8 * 10'101'010);
  EXPECT_EQ(graph.now.accounting.frequency, 19);
  EXPECT_EQ(graph.now.accounting.complete, 6);
  EXPECT_THAT(graph.now.accounting.incomplete, ElementsAre(Pair("no_row", 2)));
  EXPECT_THAT(graph.now.accounting.dropped, ElementsAre(Pair("ring_full", 4)));
}

TEST(FlameGraph, TwoSidesShareTheirNodes) {
  StackProfile before;
  before.stack({{"old"}, {"main"}}, 2);
  before.stack({{"main"}}, 1);
  StackProfile after;
  after.stack({{"new"}, {"main"}}, 5);
  after.stack({{"main"}}, 4);
  FlameGraphBuilder builder;
  ASSERT_TRUE(builder.add(after.finish(), "samples"));
  ASSERT_TRUE(builder.add(before.finish(), "samples", FlameGraphBuilder::Side::kBase));
  EXPECT_THAT(lines(std::move(builder).finish()),
              ElementsAre("root 9/0 3/0", "root;main 9/4 3/1", "root;main;new 5/5 0/0",
                          "root;main;old 0/0 2/2"));
}

TEST(FlameGraph, SmallNodesAreAddedUpOnlyWhereThereAreTooMany) {
  StackProfile p;
  p.stack({{"big"}, {"main"}}, 900);
  for (int i = 0; i < 10; i++)
    p.stack({{"below"}, {"small" + std::to_string(i)}, {"main"}}, 10);
  const Profile profile = p.finish();
  EXPECT_EQ(graph_of(profile, {.nodes = 23, .min_share = 0.1}).nodes.size(), 23U);
  EXPECT_THAT(lines(graph_of(profile, {.nodes = 22, .min_share = 0.1})),
              ElementsAre("root 1000/0", "root;main 1000/0", "root;main;(other) 100/100",
                          "root;main;big 900/900"));
}

TEST(FlameGraph, TheLimitHoldsWhereEveryNodeIsLarge) {
  StackProfile p;
  for (int i = 0; i < 100; i++)
    p.stack({{"leaf" + std::to_string(i)}, {"main"}}, 1 + i);
  const FlameGraph graph = graph_of(p.finish(), {.nodes = 10, .min_share = 0.0001});
  EXPECT_LE(graph.nodes.size(), 20U);
  EXPECT_EQ(graph.nodes.front().now.total, 5050);
  int64_t self = 0;
  for (const FlameNode& node : graph.nodes)
    self += node.now.self;
  EXPECT_EQ(self, 5050);
}

TEST(FlameGraph, WhatDoesNotFitEndsEarlierAndIsCounted) {
  StackProfile p;
  p.stack({{"leaf"}, {"middle"}, {"main"}}, 5);
  p.stack({{"other"}, {"main"}}, 2);
  FlameGraphBuilder builder(3);
  ASSERT_TRUE(builder.add(p.finish(), "samples"));
  const FlameGraph graph = std::move(builder).finish();
  EXPECT_THAT(lines(graph), ElementsAre("root 7/0", "root;main 7/2", "root;main;middle 5/5"));
  EXPECT_EQ(graph.cut, 7);
}

TEST(FlameGraph, NothingIsARootAlone) {
  EXPECT_THAT(lines(FlameGraphBuilder().finish()), ElementsAre("root 0/0"));
}

TEST(FlameGraph, OtherUnitsAreRefused) {
  StackProfile p;
  p.stack({{"main"}}, 1);
  const Profile profile = p.finish();
  FlameGraphBuilder builder;
  ASSERT_TRUE(builder.add(profile, "samples"));
  const auto refused = builder.add(profile, "cpu");
  ASSERT_FALSE(refused);
  EXPECT_EQ(text_of(refused.error()),
            "add a profile: its values are in nanoseconds, the others' in count");
  EXPECT_FALSE(builder.add(profile, "nonsense"));
}

TEST(FlameGraph, HostileValuesSaturate) {
  StackProfile p;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const std::array one{p.location({"a"})};
  const std::array two{p.location({"b"})};
  p.builder.add_sample(one, std::array<int64_t, 2>{kMost, kMost}, {});
  p.builder.add_sample(two, std::array<int64_t, 2>{kMost, kMost}, {});
  p.builder.add_sample(std::array{p.location({"c"})}, std::array<int64_t, 2>{-5, -5}, {});
  const FlameGraph graph = graph_of(p.finish());
  EXPECT_EQ(graph.nodes.front().now.total, kMost);
  EXPECT_EQ(graph.nodes.size(), 3U);
}

} // namespace
} // namespace pprofd

#include <gtest/gtest.h>

#include "daemon/profile/flamegraph/json.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

FlameGraphBuilder builder_of(int64_t samples) {
  StackProfile p;
  p.stack({{"std::sort<int*>(int*, int*)"}, {"main"}}, samples);
  p.builder.add_comment("stacks.complete", "2");
  p.builder.add_comment("stacks.incomplete.no_row", "1");
  FlameGraphBuilder builder;
  EXPECT_TRUE(builder.add(p.finish(), "samples"));
  return builder;
}

TEST(FlameGraphJson, HasTheFieldsThatThePageReads) {
  const std::string expected =
      R"json({"type":"samples","unit":"count","profiles":1,"samples":3,"total":3,"frequency":0,)json"
      R"json("stacks":{"complete":2,"incomplete":{"no_row":1}},"dropped":{},"cut":0,"functions":[)json"
      R"json({"name":"main","short":"main","file":"app.cc","mapping":"/usr/bin/app","kernel":false},)json"
      R"json({"name":"std::sort<int*>(int*, int*)","short":"std::sort","file":"app.cc",)json"
      R"json("mapping":"/usr/bin/app","kernel":false}],)json"
      R"json("nodes":{"parent":[-1,0,1],"function":[-1,0,1],"line":[0,20,10],"inlined":[0,0,0],)json"
      R"json("total":[3,3,3],"self":[0,0,3]}})json";
  EXPECT_EQ(flame_graph_json(builder_of(3).finish()), expected);
}

TEST(FlameGraphJson, AComparisonHasBothSidesAndWhatChanged) {
  FlameGraphBuilder builder = builder_of(100);
  StackProfile base;
  base.stack({{"main"}}, 100);
  ASSERT_TRUE(builder.add(base.finish(), "samples", FlameGraphBuilder::Side::kBase));
  const std::string json = flame_graph_json(std::move(builder).finish());
  EXPECT_NE(json.find(R"("base_total":[100,100,0],"base_self":[0,100,0])"), std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("base":{"profiles":1,"samples":100,"total":100,)"), std::string::npos);
  const std::string change =
      R"("functions_changed":[{"function":0,"share":0,"base_share":1,"change":-1,"interval":[-1,)";
  EXPECT_NE(json.find(change), std::string::npos) << json;
  EXPECT_NE(json.find(R"("significant":true})"), std::string::npos);
}

} // namespace
} // namespace pprofd

#include <gtest/gtest.h>

#include "daemon/ship/backends/labels.h"

namespace pprofd::ship {
namespace {

serve::WindowProfile nginx() {
  serve::WindowProfile profile;
  profile.set_service("web");
  auto& labels = *profile.mutable_labels();
  labels["pid"] = "77";
  labels["start_time"] = "123";
  labels["comm"] = "nginx";
  labels["exe"] = "/usr/sbin/nginx";
  labels["unit"] = "nginx.service";
  labels["container.id"] = "0123456789abcdef";
  labels["host"] = "node-1";
  labels["env"] = "prod";
  return profile;
}

TEST(ShipLabels, ByDefaultAreThoseThatSeriesAreMadeOf) {
  const Labels labels = labels_for({}, nginx());
  EXPECT_EQ(labels, (Labels{{"comm", "nginx"},
                            {"container.id", "0123456789abcdef"},
                            {"env", "prod"},
                            {"host", "node-1"},
                            {"unit", "nginx.service"}}));
}

TEST(ShipLabels, AMappingGivesThoseItNamesThatAreThere) {
  serve::ShipTarget target;
  (*target.mutable_labels())["process"] = "pid";
  (*target.mutable_labels())["app"] = "service";
  (*target.mutable_labels())["zone"] = "zone";
  EXPECT_EQ(labels_for(target, nginx()), (Labels{{"app", "web"}, {"process", "77"}}));
}

TEST(ShipLabels, ValuesBecomeText) {
  auto profile = nginx();
  (*profile.mutable_labels())["comm"] = "a\xff";
  EXPECT_EQ(labels_for({}, profile).at("comm"), "a\uFFFD");
}

bool goes(const std::vector<std::string>& include, const std::vector<std::string>& exclude) {
  serve::ShipTarget target;
  target.mutable_include()->Assign(include.begin(), include.end());
  target.mutable_exclude()->Assign(exclude.begin(), exclude.end());
  return concerns(target, nginx());
}

TEST(ShipFilter, TakesTheKeysOfIncludeAndExclude) {
  EXPECT_TRUE(goes({}, {}));
  for (const char* text : {"comm:ngi*", "exe:/usr/*", "unit:nginx.service", "container:0123*",
                           "pid:77", "service:w?b"}) {
    EXPECT_TRUE(goes({text}, {})) << text;
    EXPECT_TRUE(goes({"comm:other", text}, {})) << text;
    EXPECT_FALSE(goes({}, {text})) << text;
    EXPECT_FALSE(goes({"comm:nginx"}, {text})) << text;
  }
  for (const char* text : {"comm:gin", "pid:7", "cgroup:*", "service:w"}) {
    EXPECT_FALSE(goes({text}, {})) << text;
    EXPECT_TRUE(goes({}, {text})) << text;
  }
}

TEST(ShipLabels, NamesAndTextsAreWrittenAsOthersReadThem) {
  EXPECT_EQ(prometheus_name("k8s.pod-uid"), "k8s_pod_uid");
  EXPECT_EQ(prometheus_name("9lives"), "_9lives");
  EXPECT_EQ(prometheus_name(""), "_");
  EXPECT_EQ(percent_encoded("a b/ü~.-_"), "a%20b%2F%C3%BC~.-_");
}

} // namespace
} // namespace pprofd::ship

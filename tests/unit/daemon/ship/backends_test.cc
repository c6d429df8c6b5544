#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "daemon/ship/backends/backend.h"
#include "proto/pyroscope.pb.h"
#include "tests/unit/daemon/ship/window.h"

namespace pprofd::ship {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

serve::ShipTarget target() {
  serve::ShipTarget made;
  made.set_url("http://h:1");
  made.set_compress(true);
  return made;
}

TEST(Profefe, NamesServiceTypeAndLabelsInTheAddress) {
  const auto profile = window();
  const auto parcels = encode_profefe(target(), {&profile, 1});
  ASSERT_TRUE(parcels && parcels->size() == 1);
  // Values are percent-encoded, and the list of them again.
  EXPECT_EQ(parcels->front().url, "http://h:1/api/0/profiles?service=check%20out&type=cpu"
                                  "&labels=env%3Da%253Db%252C%2520c%2Chost%3Dnode%252F1");
  EXPECT_EQ(parcels->front().body, profile.profile());
}

TEST(Profefe, AProfileWithoutSamplesIsNotSent) {
  auto profile = window();
  profile.set_samples(0);
  EXPECT_TRUE(encode_profefe(target(), {&profile, 1})->empty());
}

TEST(Profefe, WithoutCompressionTheProfileIsInflated) {
  auto plain = target();
  plain.set_compress(false);
  const auto profile = window();
  const auto parcels = encode_profefe(plain, {&profile, 1});
  ASSERT_TRUE(parcels);
  EXPECT_EQ(parse_profile(profile.profile())->SerializeAsString(), parcels->front().body);
}

TEST(File, IsNamedAsAnObjectAndHasItsBytes) {
  const auto profile = window();
  const auto parcels = encode_file(target(), {&profile, 1});
  ASSERT_TRUE(parcels && parcels->size() == 1);
  EXPECT_EQ(parcels->front().url,
            "date=2026-11-22/hour=03/host=node%2F1/1795317600000000000-0000000000000abc.pb.gz");
  EXPECT_EQ(parcels->front().body, profile.profile());
  EXPECT_EQ(parcels->front().cost, profile.profile().size());
}

push::v1::PushRequest pushed(const Parcel& parcel) {
  push::v1::PushRequest request;
  EXPECT_TRUE(request.ParseFromString(parcel.body));
  EXPECT_EQ(request.series_size(), 1);
  EXPECT_EQ(request.series(0).samples_size(), 1);
  return request;
}

TEST(Pyroscope, PushesASeriesWithoutLabelsOfSamples) {
  auto profile = window();
  (*profile.mutable_labels())["k8s.pod.uid"] = "u";
  const auto parcels = encode_pyroscope(target(), {&profile, 1});
  ASSERT_TRUE(parcels && parcels->size() == 1);
  EXPECT_EQ(parcels->front().url, "http://h:1/push.v1.PusherService/Push");
  const auto request = pushed(parcels->front());
  std::vector<std::string> labels;
  for (const auto& label : request.series(0).labels())
    labels.push_back(label.name() + "=" + label.value());
  EXPECT_THAT(labels, ElementsAre("__name__=process_cpu", "service_name=check out", "env=a=b, c",
                                  "host=node/1", "k8s_pod_uid=u"));
  const auto sent = parse_profile(request.series(0).samples(0).raw_profile());
  ASSERT_TRUE(sent);
  ASSERT_EQ(sent->sample_size(), 1) << "two threads' samples of one stack";
  EXPECT_THAT(sent->sample(0).value(), ElementsAre(7, 70'000'000));
  EXPECT_EQ(sent->sample(0).label_size(), 0);
}

TEST(Pyroscope, KeepsToThirtyLabels) {
  auto profile = window();
  for (int i = 0; i < 100; ++i)
    (*profile.mutable_labels())["l" + std::to_string(i)] = std::string(5'000, 'x');
  const auto request = pushed(encode_pyroscope(target(), {&profile, 1})->front());
  EXPECT_EQ(request.series(0).labels_size(), 30);
  for (const auto& label : request.series(0).labels())
    EXPECT_LE(label.value().size(), 1'024U);
}

TEST(Pyroscope, APieceHasItsOwnIdTheSameEachTime) {
  const auto profile = large_window(20'000);
  const auto parcels = encode_pyroscope(target(), {&profile, 1});
  ASSERT_TRUE(parcels);
  ASSERT_GE(parcels->size(), 2U);
  std::set<std::string> ids;
  int64_t samples = 0;
  for (const Parcel& parcel : *parcels) {
    const auto request = pushed(parcel);
    const auto& sample = request.series(0).samples(0);
    ids.insert(sample.id());
    const auto piece = parse_profile(sample.raw_profile());
    EXPECT_LE(piece->sample_size(), 16'000);
    EXPECT_LT(piece->ByteSizeLong(), 2'000'000U);
    EXPECT_LT(parcel.cost, 2'000'000U);
    for (const auto& each : piece->sample())
      samples += each.value(0);
  }
  EXPECT_EQ(samples, 20'000);
  EXPECT_EQ(ids.size(), parcels->size());
  EXPECT_EQ(*ids.begin(), pushed(parcels->front()).series(0).samples(0).id());
  EXPECT_EQ(encode_pyroscope(target(), {&profile, 1})->back().body, parcels->back().body);
}

TEST(Parca, WritesSeriesAsItsGatewayReadsThem) {
  const std::array profiles = {window(), window()};
  const auto parcels = encode_parca(target(), profiles);
  ASSERT_TRUE(parcels && parcels->size() == 1);
  EXPECT_EQ(parcels->front().url, "http://h:1/api/profiles/writeraw");
  EXPECT_THAT(parcels->front().body,
              HasSubstr(R"({"labels":{"labels":[{"name":"__name__","value":"process_cpu"},)"
                        R"({"name":"service_name","value":"check out"},)"
                        R"({"name":"env","value":"a=b, c"},{"name":"host","value":"node/1"}]},)"
                        R"("samples":[{"rawProfile":"H4sI)"));
}

TEST(Parca, RefusesWhatWouldBreakItsStore) {
  for (const char* missing : {"period type", "duration", "time"}) {
    auto profile = window();
    auto parsed = parse_profile(profile.profile()).value();
    if (missing == std::string("period type"))
      parsed.clear_period_type();
    else if (missing == std::string("duration"))
      parsed.clear_duration_nanos();
    else
      parsed.clear_time_nanos();
    profile.set_profile(serialize_gzip(parsed).value());
    EXPECT_FALSE(encode_parca(target(), {&profile, 1})) << missing;
  }
}

TEST(Parca, NoNameStandsTwice) {
  auto profile = window();
  (*profile.mutable_labels())["a.b"] = "1";
  (*profile.mutable_labels())["a_b"] = "2";
  (*profile.mutable_labels())["service_name"] = "3";
  (*profile.mutable_labels())["__name__"] = "4";
  const std::string body = encode_parca(target(), {&profile, 1})->front().body;
  EXPECT_THAT(body, HasSubstr(R"({"name":"a_b","value":"1"})"));
  for (const char* twice : {R"("value":"2")", R"("value":"3")", R"("value":"4")"})
    EXPECT_THAT(body, Not(HasSubstr(twice)));
}

} // namespace
} // namespace pprofd::ship

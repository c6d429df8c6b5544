#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/ship/backends/backend.h"
#include "tests/unit/daemon/ship/window.h"

namespace pprofd::ship {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::StartsWith;

serve::ShipTarget s3_target() {
  serve::ShipTarget made;
  made.set_type("s3");
  made.set_url("https://s3.example/base");
  made.set_bucket("profiles");
  made.set_compress(true);
  return made;
}

TEST(S3, PutsAnObjectIntoTheBucketByItsPath) {
  auto target = s3_target();
  target.set_prefix("a b/c+d");
  const auto profile = window();
  const auto parcels = encode_s3(target, {&profile, 1});
  ASSERT_TRUE(parcels && parcels->size() == 1);
  const Parcel& parcel = parcels->front();
  EXPECT_EQ(parcel.method, "PUT");
  // What stands as %XX in the key is encoded once more.
  EXPECT_EQ(parcel.url, "https://s3.example/base/profiles/a%20b/c%2Bd/date%3D2026-11-22/hour%3D03/"
                        "host%3Dnode%252F1/1795317600000000000-0000000000000abc.pb.gz");
  EXPECT_EQ(parcel.body, profile.profile());
  EXPECT_EQ(parcel.cost, profile.profile().size());
}

TEST(S3, SaysTheSumOfTheBody) {
  auto target = s3_target();
  target.set_compress(false);
  serve::WindowProfile profile = window();
  perftools::profiles::Profile small;
  small.add_string_table("");
  profile.set_profile(serialize_gzip(small).value()); // two bytes: 32 00
  const auto parcels = encode_s3(target, {&profile, 1});
  ASSERT_TRUE(parcels && parcels->size() == 1);
  EXPECT_THAT(parcels->front().headers,
              ElementsAre("Content-Type: application/octet-stream",
                          "x-amz-content-sha256: "
                          "913da1f8df6f8fd47593840d533ba0458cc9873996bf310460abb495b34c232a"));
}

TEST(S3, KeysThatAreValidForAWhileHaveAToken) {
  auto target = s3_target();
  target.set_session_token("token");
  const auto profile = window();
  EXPECT_THAT(encode_s3(target, {&profile, 1})->front().headers,
              Contains("x-amz-security-token: token"));
}

TEST(S3, ABatchOfRowsIsOneRequest) {
  auto target = s3_target();
  target.set_rows(true);
  target.set_zstd(true);
  const std::vector<serve::WindowProfile> profiles(3, window());
  const auto parcels = encode_s3(target, profiles);
  ASSERT_TRUE(parcels && parcels->size() == 1);
  EXPECT_TRUE(parcels->front().url.ends_with(".jsonl.zst"));
  EXPECT_THAT(parcels->front().body, StartsWith("\x28\xb5\x2f\xfd")); // RFC 8878
}

Verdict said(int status, const std::string& body) {
  Reply reply;
  reply.status = status;
  reply.body = body;
  return s3_verdict(reply);
}

TEST(S3, A400IsNotTheObjectsFault) {
  EXPECT_EQ(said(400, "<Error><Code>ExpiredToken</Code></Error>"), Verdict::kNotLikeThis);
  EXPECT_EQ(said(400, ""), Verdict::kNotLikeThis);
  EXPECT_EQ(said(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>"), Verdict::kNotLikeThis);
  EXPECT_EQ(said(404, "<Error><Code>NoSuchBucket</Code></Error>"), Verdict::kNotLikeThis);
  EXPECT_EQ(said(503, "<Error><Code>SlowDown</Code></Error>"), Verdict::kNotNow);
  EXPECT_EQ(said(200, ""), Verdict::kTaken);
}

TEST(S3, ThatItIsTooLargeIs) {
  EXPECT_EQ(said(400, "<Error><Code>EntityTooLarge</Code></Error>"), Verdict::kRefused);
  EXPECT_EQ(said(400, "<Error><Code>KeyTooLongError</Code></Error>"), Verdict::kRefused);
  EXPECT_EQ(said(413, ""), Verdict::kRefused);
}

} // namespace
} // namespace pprofd::ship

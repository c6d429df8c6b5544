#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "daemon/serve/api/state.h"
#include "daemon/serve/store/layout.h"
#include "proto/serve.pb.h"
#include "tests/unit/daemon/output/temporary_folder.h"
#include "tests/unit/daemon/serve/store/stored_profiles.h"

namespace pprofd::serve {
namespace {

using testing::HasSubstr;

class LimitsTest : public testing::Test {
protected:
  LimitsTest() : store_(std::move(Store::open(folder_ / "store", {}, [](const Error&) {}).value())) {
    ProcessMetrics metrics;
    metrics.add_processes()->set_pid(1);
    store_->add_metrics(kSomeTime, metrics.SerializeAsString());
  }

  std::string add(std::string bytes) {
    std::promise<Result<StoredProfile>> stored;
    NewProfile profile = new_profile(kSomeTime);
    profile.bytes = std::move(bytes);
    EXPECT_TRUE(store_->add(std::move(profile),
                            [&](const auto& result) { stored.set_value(result); }));
    return id_text(stored.get_future().get().value().id);
  }
  static Request get(const std::string& path) {
    Request request;
    request.method = "GET";
    request.path = path;
    request.query = Query::parse("from=0&to=1800000000").value();
    return request;
  }

  const QueryLimits none_{.deadline = std::chrono::steady_clock::time_point::max()};
  const QueryLimits late_{.deadline = std::chrono::steady_clock::now()};

private:
  TemporaryFolder folder_;

protected:
  std::unique_ptr<Store> store_;
};

TEST_F(LimitsTest, HoldForEveryQueryThatLooksAtProfiles) {
  const std::string id = add(profile_bytes());
  const std::string ids = "/api/0/profiles/" + id + "+" + id;
  EXPECT_EQ(profile_by_id(*store_, get(ids), none_).status, 200U);
  const Response by_id = profile_by_id(*store_, get(ids), late_);
  EXPECT_EQ(by_id.status, 503U);
  EXPECT_THAT(by_id.body, HasSubstr("takes too long"));
  for (auto* query : {processes, process_metrics, regressions}) {
    EXPECT_EQ(query(*store_, get("/api/v1/x"), none_).status, 200U);
    const Response response = query(*store_, get("/api/v1/x"), late_);
    EXPECT_EQ(response.status, 500U);
    EXPECT_THAT(response.body, HasSubstr("takes too long"));
  }
}

TEST_F(LimitsTest, ProfilesThatAreAskedForByIdAreMergedAsThoseOfARange) {
  StackProfile profile;
  profile.stack({{"leaf"}}, 7);
  auto counted = profile.finish();
  counted.add_comment(counted.string_table_size());
  counted.add_string_table("samples.written=7");
  const std::string id = add(serialize_gzip(counted).value());
  const Response merged =
      profile_by_id(*store_, get("/api/0/profiles/" + id + "+" + id), none_);
  ASSERT_EQ(merged.status, 200U);
  const auto both = parse_profile(merged.body).value();
  ASSERT_EQ(both.comment_size(), 1);
  EXPECT_EQ(both.string_table(static_cast<int>(both.comment(0))), "samples.written=14");
}

} // namespace
} // namespace pprofd::serve

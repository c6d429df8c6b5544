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

using testing::ElementsAre;
using testing::HasSubstr;

class LimitsTest : public testing::Test {
protected:
  LimitsTest()
      : store_(std::move(Store::open(folder_ / "store", {}, [](const Error&) {}).value())) {
    ProcessMetrics metrics;
    metrics.add_processes()->set_pid(1);
    store_->add_metrics(kSomeTime, metrics.SerializeAsString());
  }

  std::string add(std::string bytes) {
    std::promise<Result<StoredProfile>> stored;
    NewProfile profile = new_profile(kSomeTime);
    profile.bytes = std::move(bytes);
    EXPECT_TRUE(
        store_->add(std::move(profile), [&](const auto& result) { stored.set_value(result); }));
    return id_text(stored.get_future().get().value().id);
  }
  static Request get(const std::string& path) {
    Request request;
    request.method = "GET";
    request.path = path;
    request.query = Query::parse("from=0&to=1800000000").value_or(Query());
    return request;
  }

  static std::string commented(const std::vector<std::string>& comments, int64_t time) {
    StackProfile profile;
    profile.stack({{"leaf"}}, 7);
    auto made = profile.finish();
    made.set_time_nanos(time);
    for (const std::string& comment : comments) {
      made.add_comment(made.string_table_size());
      made.add_string_table(comment);
    }
    return serialize_gzip(made).value();
  }

  std::vector<std::string> comments_of(const std::vector<std::string>& ids) {
    std::string path = "/api/0/profiles/";
    for (const std::string& id : ids)
      path += (path.ends_with('/') ? "" : "+") + id;
    const auto merged = parse_profile(profile_by_id(*store_, get(path), none_).body).value();
    std::vector<std::string> texts;
    for (const int64_t index : merged.comment())
      texts.push_back(merged.string_table(static_cast<int>(index)));
    return texts;
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
  const std::string id = add(commented({"samples.written=7"}, 1));
  EXPECT_THAT(comments_of({id, id}), ElementsAre("samples.written=14"));
}

TEST_F(LimitsTest, WhatEachProfileOfAWindowTellsOfTheMachineCountsOnce) {
  const auto told = [this](const char* host, const char* dropped, int64_t time) {
    return add(
        commented({host, std::string("host.samples.dropped.unattributed=") + dropped}, time));
  };
  EXPECT_THAT(comments_of({told("host=a", "5", 1), told("host=a", "5", 1), told("host=a", "2", 2),
                           told("host=b", "10", 1)}),
              ElementsAre("host=a", "host=b", "host.samples.dropped.unattributed=17"));
}

} // namespace
} // namespace pprofd::serve

// Profiles for the store's tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "daemon/serve/store/reader.h"
#include "daemon/serve/store/record.h"
#include "daemon/serve/store/writer.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd::serve {

inline constexpr TimeNanos kSomeTime = 1'795'000'000 * kSecond; // 2026-11-18

// gzip, of one stack through `leaf`.
inline std::string profile_bytes(const std::string& leaf = "leaf", int64_t samples = 7) {
  StackProfile profile;
  profile.stack({{leaf}, {"main"}}, samples);
  return serialize_gzip(profile.finish()).value();
}

inline NewProfile new_profile(TimeNanos time, const std::string& service = "checkout",
                              const Labels& labels = {{"pid", "1"}}) {
  static const std::string bytes = profile_bytes();
  return {.type = "cpu",
          .service = service,
          .labels = labels,
          .time = time,
          .duration = 60 * kSecond,
          .samples = 7,
          .value = 70'707'070,
          .bytes = bytes};
}

// What the selector means, as it is stored.
inline std::vector<StoredProfile> list(StoreReader& reader, const Selector& selector = {}) {
  std::vector<StoredProfile> found;
  const auto done = reader.for_each(selector, [&](const IndexRow& row, const Series& series) {
    found.push_back(profile_of(row, series));
    return Result<void>();
  });
  EXPECT_TRUE(done) << (done ? "" : text_of(done.error()));
  return found;
}

inline void reconcile(StoreWriter& writer) {
  while (!writer.reconciled())
    EXPECT_TRUE(writer.reconcile_hour());
}

} // namespace pprofd::serve

#include <gtest/gtest.h>

#include <random>

#include "daemon/serve/store/file_header.h"
#include "tests/unit/daemon/serve/store/stored_profiles.h"

namespace pprofd::serve {
namespace {

TEST(FileHeader, AFileSaysWhatItIsAndIsStillTheProfile) {
  const NewProfile profile = new_profile(kSomeTime, "checkout", {{"pid", "12"}, {"comm", "a b"}});
  const auto file = with_file_header(profile);
  ASSERT_TRUE(file);
  const auto read = read_file_header(*file);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->type, "cpu");
  EXPECT_EQ(read->service, "checkout");
  EXPECT_EQ(read->labels, profile.labels);
  EXPECT_EQ(read->time, profile.time);
  EXPECT_EQ(read->duration, profile.duration);
  EXPECT_EQ(read->samples, profile.samples);
  EXPECT_EQ(read->value, profile.value);
  const auto parsed = parse_profile(*file);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(serialize_gzip(*parsed).value(), profile.bytes);
}

TEST(FileHeader, OtherGzipHasNone) {
  EXPECT_FALSE(read_file_header(profile_bytes()));
  EXPECT_FALSE(read_file_header(""));
  EXPECT_FALSE(read_file_header("\x1f\x8b\x08\x04 short"));
}

TEST(FileHeader, TooManyLabelsAreRefused) {
  EXPECT_FALSE(with_file_header(new_profile(0, "s", {{"a", std::string(70'000, 'x')}})));
}

TEST(FileHeader, WhatIsNoGzipIsRefused) {
  NewProfile profile = new_profile(0);
  profile.bytes = "not gzip at all";
  EXPECT_FALSE(with_file_header(profile));
}

TEST(FileHeader, DamagedHeadersAreReadWithoutHarm) {
  const std::string file = with_file_header(new_profile(kSomeTime)).value();
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; round++) {
    std::string damaged = file.substr(0, random() % 160);
    for (unsigned i = 0; i < 3 && !damaged.empty(); i++)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    [[maybe_unused]] const auto read = read_file_header(damaged);
  }
}

} // namespace
} // namespace pprofd::serve

#include <gtest/gtest.h>

#include <map>

#include "daemon/ship/backends/split.h"
#include "tests/unit/daemon/ship/window.h"

namespace pprofd::ship {
namespace {

using perftools::profiles::Profile;

// {function: sum of the first value}, of leaves.
std::map<std::string, int64_t> leaves(const std::vector<Profile>& pieces) {
  std::map<std::string, int64_t> sums;
  for (const Profile& piece : pieces)
    for (const auto& sample : piece.sample()) {
      const auto& location = piece.location(int(sample.location_id(0)) - 1);
      const auto& function = piece.function(int(location.line(0).function_id()) - 1);
      sums[piece.string_table(int(function.name()))] += sample.value(0);
    }
  return sums;
}

Profile profile_of(const serve::WindowProfile& window) {
  return parse_profile(window.profile()).value();
}

TEST(Split, WhatFitsStaysWhole) {
  const Profile whole = profile_of(large_window(100));
  const auto pieces = split_profile(whole, {.bytes = 1'000'000, .samples = 100}).value();
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(leaves(pieces), leaves({whole}));
}

TEST(Split, PiecesAddUpAndAreValid) {
  const Profile whole = profile_of(large_window(5'000));
  for (const SplitLimits limits : {SplitLimits{.bytes = 100'000'000, .samples = 333},
                                   SplitLimits{.bytes = 20'000, .samples = 1'000'000}}) {
    const auto pieces = split_profile(whole, limits).value();
    EXPECT_GT(pieces.size(), 10U);
    EXPECT_EQ(leaves(pieces), leaves({whole}));
    for (const Profile& piece : pieces) {
      EXPECT_LE(piece.ByteSizeLong(), limits.bytes);
      EXPECT_LE(piece.sample_size(), limits.samples);
      EXPECT_TRUE(check_consistent(piece));
      EXPECT_EQ(piece.time_nanos(), whole.time_nanos());
      EXPECT_EQ(piece.duration_nanos(), whole.duration_nanos());
      EXPECT_EQ(piece.period(), whole.period());
    }
  }
}

TEST(Split, ASampleThatIsTooLargeByItselfIsAPiece) {
  const Profile whole = profile_of(large_window(3));
  EXPECT_EQ(split_profile(whole, {.bytes = 10, .samples = 10})->size(), 3U);
}

TEST(Split, NoSamplesNoPieces) {
  Profile empty = profile_of(large_window(3));
  empty.clear_sample();
  EXPECT_TRUE(split_profile(empty, {.bytes = 1'000'000, .samples = 10})->empty());
}

} // namespace
} // namespace pprofd::ship

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "daemon/debuginfod/absences.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

const Absences::Time kNow{1000h};

TEST(Absences, WhatIsMissingIsRememberedForAnHour) {
  Absences absences;
  EXPECT_FALSE(absences.holds("aa", kNow));
  absences.note("aa", kNow);
  EXPECT_TRUE(absences.holds("aa", kNow + 59min));
  EXPECT_FALSE(absences.holds("aa", kNow + 60min));
  EXPECT_FALSE(absences.holds("bb", kNow));
  absences.note("aa", kNow + 2h);
  EXPECT_TRUE(absences.holds("aa", kNow + 150min)) << "noted anew";
}

TEST(Absences, TheOldestAreForgottenWhereThereAreManyOfThem) {
  Absences absences;
  for (size_t i = 0; i < Absences::kMost + 2; ++i)
    absences.note(std::to_string(i), kNow);
  EXPECT_FALSE(absences.holds("0", kNow));
  EXPECT_FALSE(absences.holds("1", kNow));
  EXPECT_TRUE(absences.holds("2", kNow));
  EXPECT_TRUE(absences.holds(std::to_string(Absences::kMost + 1), kNow));
}

} // namespace
} // namespace pprofd

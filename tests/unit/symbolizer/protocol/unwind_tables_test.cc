#include <gtest/gtest.h>

#include <functional>

#include "symbolizer/protocol/unwind_tables.h"

namespace pprofd::symbolizer {
namespace {

// Whether the usual rule of a function with a frame pointer is valid after a change.
bool valid(const std::function<void(unwind_rule&)>& change) {
  unwind_rule rule{};
  rule.cfa = UNWIND_CFA_SP;
  rule.cfa_offset = 16;
  rule.fp = UNWIND_FP_AT_CFA;
  rule.fp_offset = -16;
  rule.ra = UNWIND_RA_AT_CFA;
  rule.ra_offset = -8;
  change(rule);
  return is_valid(rule);
}

TEST(Rule, GapsAndUsualRulesAreValid) {
  EXPECT_TRUE(is_valid(unwind_rule{}));
  EXPECT_TRUE(valid([](unwind_rule&) {}));
  EXPECT_TRUE(valid([](unwind_rule& r) { r.flags = UNWIND_RULE_SIGNAL_FRAME; }));
  EXPECT_TRUE(valid([](unwind_rule& r) { r.merge_at = 1, r.merge_delta = -8; }));
  EXPECT_TRUE(valid([](unwind_rule& r) { r.cfa = UNWIND_CFA_PLT, r.deref_offset = 11; }));
  EXPECT_TRUE(valid([](unwind_rule& r) { r.cfa = UNWIND_CFA_REGISTER, r.cfa_register = 10; }));
  EXPECT_TRUE(valid([](unwind_rule& r) { r.flags = UNWIND_RULE_SP_REGISTER, r.deref_offset = 8; }));
}

TEST(Rule, WhatNoCompilerMakesIsNot) {
  EXPECT_FALSE(valid([](unwind_rule& r) { r.cfa = UNWIND_CFA_UNSUPPORTED + 1; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.fp = UNWIND_FP_UNSUPPORTED + 1; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.ra = UNWIND_RA_UNSUPPORTED + 1; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.flags = 8; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.reserved = 1; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.cfa_offset = INT32_MAX; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.fp_offset = INT32_MIN; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.ra_offset = INT32_MIN; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.fp = UNWIND_FP_REGISTER, r.fp_offset = 256; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.ra = UNWIND_RA_REGISTER, r.ra_offset = -1; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.cfa_register = 1; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.deref_offset = 1; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.cfa = UNWIND_CFA_SIGNAL; })); // with an offset
  EXPECT_FALSE(valid([](unwind_rule& r) { r.merge_at = 5, r.merge_delta = 8; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.merge_at = 1; }));
  EXPECT_FALSE(valid([](unwind_rule& r) { r.merge_delta = 8; }));
  EXPECT_FALSE(
      valid([](unwind_rule& r) { r.cfa = UNWIND_CFA_FP, r.merge_at = 1, r.merge_delta = 8; }));
  EXPECT_FALSE(
      valid([](unwind_rule& r) { r.flags = UNWIND_RULE_SP_REGISTER, r.deref_offset = -1; }));
  EXPECT_FALSE(valid(
      [](unwind_rule& r) { r.flags = UNWIND_RULE_SP_REGISTER, r.cfa = UNWIND_CFA_DEREF_FP; }));
}

ElfSegment segment(uint64_t offset, uint64_t address, uint64_t size) {
  return {.offset = offset,
          .file_size = size,
          .address = {address},
          .memory_size = size,
          .executable = true};
}

TEST(Segment, ThatReachesAroundIsNotValid) {
  EXPECT_TRUE(is_valid(segment(1, 1, UINT64_MAX - 1)));
  EXPECT_FALSE(is_valid(segment(2, 1, UINT64_MAX - 1)));
  EXPECT_FALSE(is_valid(segment(1, 2, UINT64_MAX - 1)));
}

} // namespace
} // namespace pprofd::symbolizer

#include <gtest/gtest.h>

#include "daemon/run/access_keys.h"

namespace pprofd {
namespace {

TEST(AccessKeys, AreReadAsAmazonsToolsKeepThem) {
  const auto keys = parse_access_keys("# mine\n[other]\naws_access_key_id = OTHER\n"
                                      "[default]\r\naws_access_key_id=AKID\r\n"
                                      "  aws_secret_access_key =  a/b+c=  \r\n"
                                      "region = eu-central-1\naws_session_token = tok==",
                                      "f");
  ASSERT_TRUE(keys) << text_of(keys.error());
  EXPECT_EQ(keys->id, "AKID");
  EXPECT_EQ(keys->secret, "a/b+c=");
  EXPECT_EQ(keys->session_token, "tok==");
}

TEST(AccessKeys, ASectionIsNotNeeded) {
  const auto keys = parse_access_keys("aws_access_key_id=A\naws_secret_access_key=B\n", "f");
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->id + keys->secret + keys->session_token, "AB");
}

TEST(AccessKeys, WhatIsMissingIsNamed) {
  const auto none = parse_access_keys("[other]\naws_access_key_id=A\naws_secret_access_key=B", "f");
  ASSERT_FALSE(none);
  EXPECT_EQ(text_of(none.error()), "f: it has no aws_access_key_id");
  const auto half = parse_access_keys("aws_access_key_id=A\n", "f");
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().why, "it has no aws_secret_access_key");
}

// They would be headers of their own.
TEST(AccessKeys, WhatNoHeaderHoldsIsRefusedAndNotRepeated) {
  const auto keys =
      parse_access_keys("aws_access_key_id=A\naws_secret_access_key=s3cret\x01x", "f");
  ASSERT_FALSE(keys);
  EXPECT_EQ(text_of(keys.error()).find("s3cret"), std::string::npos);
}

} // namespace
} // namespace pprofd

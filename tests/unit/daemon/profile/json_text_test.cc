#include <gtest/gtest.h>

#include "daemon/profile/json_text.h"

namespace pprofd {
namespace {

TEST(JsonText, PlainTextStandsInQuotes) {
  EXPECT_EQ(json_text("std::vector<int>::at"), "\"std::vector<int>::at\"");
  EXPECT_EQ(json_text(""), "\"\"");
  EXPECT_EQ(json_text("größe 😀"), "\"größe 😀\"");
}

TEST(JsonText, WhatEndsAStringOrALineIsEscaped) {
  EXPECT_EQ(json_text("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(json_text(std::string_view("\n\t\0\x7f", 4)), R"("\u000a\u0009\u0000\u007f")");
  EXPECT_EQ(json_text("\xe2\x80\xa8\xe2\x80\xa9"), R"("\u2028\u2029")");
}

TEST(JsonText, WrongBytesBecomeTheReplacementCharacter) {
  EXPECT_EQ(json_text("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
}

} // namespace
} // namespace pprofd

#include <gtest/gtest.h>

#include "daemon/profile/utf8.h"

namespace pprofd {
namespace {

TEST(Utf8, AcceptsTheFirstAndLastCharacterOfEachLength) {
  EXPECT_TRUE(is_utf8({"\0", 1}));
  for (const char* text : {"", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(text)) << text;
}

TEST(Utf8, RefusesOverlongSurrogateTooLargeAndCutOffCharacters) {
  for (const char* text : {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf",
                           "\xe1\x80", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf1\x80\x80",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xffz"})
    EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(Utf8, RepairsEachWrongByteAndKeepsTheRest) {
  EXPECT_EQ(to_utf8("plain"), "plain");
  EXPECT_EQ(to_utf8("a\xff"
                    "b\xc3\xa9\xc3"),
            "a\uFFFDb\u00e9\uFFFD");
  EXPECT_TRUE(is_utf8(to_utf8("\xe1\x80\xf0\x9f\x98")));
}

} // namespace
} // namespace pprofd

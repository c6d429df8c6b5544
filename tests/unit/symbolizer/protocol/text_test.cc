#include <gtest/gtest.h>

#include "symbolizer/protocol/text.h"

namespace pprofd::symbolizer {
namespace {

TEST(Text, CleanTextIsUtf8WithoutControlCharacters) {
  for (const char* good : {"", "main", "operator\"\" _x", "größe", "世界", "\U0001F600", "\u00a0"})
    EXPECT_TRUE(is_clean_text(good)) << good;
  for (const std::string bad : {"a\nb", "\x1b[31m", "\x7f", "\xff", "\xc0\xaf", "\xed\xa0\x80",
                                "\xf4\x90\x80\x80", "\xe4\xb8", "\xc2\x9b", "a\x80", "\xf8\x88"}) {
    EXPECT_FALSE(is_clean_text(bad)) << bad;
    EXPECT_TRUE(is_clean_text(clean_text(bad))) << bad;
    EXPECT_EQ(clean_text(bad).size(), bad.size());
  }
  EXPECT_FALSE(is_clean_text(std::string_view("a\0b", 3)));
}

TEST(Text, EveryByteIsJudgedWhereverItStands) {
  for (int byte = 0; byte < 0x80; ++byte)
    for (size_t place = 0; place < 20; ++place) {
      std::string text(20, '~');
      text[place] = static_cast<char>(byte);
      EXPECT_EQ(is_clean_text(text), byte >= 0x20 && byte != 0x7f) << byte << " at " << place;
    }
}

TEST(Text, CleaningChangesOnlyWhatIsWrong) {
  EXPECT_EQ(clean_text("größe\x01\xff."), "größe??.");
  EXPECT_EQ(clean_text("a\xe4\xb8"), "a??");
}

TEST(Text, CutsBetweenCharacters) {
  EXPECT_EQ(cut_text("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_text("abcdefg", 6), "abc...");
  EXPECT_EQ(cut_text("aöbcdefg", 5), "a...");
  EXPECT_EQ(cut_text("世界世界", 5), "...");
}

} // namespace
} // namespace pprofd::symbolizer

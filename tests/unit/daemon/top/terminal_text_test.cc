#include <gtest/gtest.h>

#include "daemon/top/text/terminal_text.h"

namespace pprofd::top {
namespace {

class TerminalText : public testing::Test {
protected:
  void SetUp() override { use_utf8_locale(); }
};

TEST_F(TerminalText, ControlCharactersAreMadeVisible) {
  EXPECT_EQ(clean("a\x1b[2Jb\n\t\x7f"), "a\\x1b[2Jb\\x0a\\x09\\x7f");
  EXPECT_EQ(clean(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(clean("\u009b31m"), "\\x9b31m"); // the one-character form of ESC [
}

TEST_F(TerminalText, BytesThatAreNoUtf8BecomeReplacementCharacters) {
  EXPECT_EQ(clean("a\xff\xc3(\xf8"), "a\ufffd\ufffd(\ufffd");
  EXPECT_EQ(clean("\xed\xa0\x80"), "\ufffd\ufffd\ufffd"); // a surrogate
}

TEST_F(TerminalText, CharactersThatReorderOrHideOthersAreMadeVisible) {
  EXPECT_EQ(clean("a\u202eb"), "a\\u{202e}b");
  EXPECT_EQ(clean("a\u200bb\ufeff"), "a\\u{200b}b\\u{feff}");
  EXPECT_EQ(clean("\u2066\u2028\U000e0041"), "\\u{2066}\\u{2028}\\u{e0041}");
}

TEST_F(TerminalText, WhatPeopleWriteStays) {
  for (const char* text : {"größe", "函数", "функция", "𝔘𝔫𝔦", "a+b::c<d>", "नमस्ते"})
    EXPECT_EQ(clean(text), text);
}

TEST_F(TerminalText, MarksStandOnACharacterAndNotInHeaps) {
  EXPECT_EQ(clean("\u0301a"), "\\u{0301}a");
  EXPECT_EQ(clean("a\u0301\u0301\u0301\u0301\u0301b"), "a\u0301\u0301\u0301\u0301\\u{0301}b");
}

TEST_F(TerminalText, ATerminalWithoutUtf8GetsAscii) {
  EXPECT_EQ(clean("größe\x1b", true), "gr??e\\x1b");
  EXPECT_EQ(cut("abcdef", 4, true), "abc~");
}

TEST_F(TerminalText, WidthsAreInColumns) {
  EXPECT_EQ(width_of("abc"), 3);
  EXPECT_EQ(width_of("größe"), 5);
  EXPECT_EQ(width_of("函数"), 4);
  EXPECT_EQ(width_of("a\u0301"), 1);
}

TEST_F(TerminalText, CutTextIsNeverWiderThanAskedFor) {
  EXPECT_EQ(cut("abcdef", 6), "abcdef");
  EXPECT_EQ(cut("abcdef", 5), "abcd…");
  EXPECT_EQ(cut("函数函数", 6), "函数…"); // half a character has no place
  EXPECT_EQ(cut("函数", 1), "…");
  EXPECT_EQ(cut("abc", 0), "");
}

TEST_F(TerminalText, FittedTextFillsItsColumns) {
  EXPECT_EQ(fit("ab", 4, Align::kLeft), "ab  ");
  EXPECT_EQ(fit("ab", 4, Align::kRight), "  ab");
  EXPECT_EQ(fit("函数函数", 6, Align::kLeft), "函数… ");
}

} // namespace
} // namespace pprofd::top

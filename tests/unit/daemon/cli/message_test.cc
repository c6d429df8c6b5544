#include <gtest/gtest.h>

#include "daemon/cli/message.h"

namespace pprofd {
namespace {

TEST(ErrorText, IsOneLineAndAHint) {
  EXPECT_EQ(error_text({"open x", "Permission denied", "run as root"}),
            "pprofd: error: open x: Permission denied\nhint: run as root\n");
  EXPECT_EQ(error_text({"open x", "Permission denied", ""}),
            "pprofd: error: open x: Permission denied\n");
  EXPECT_EQ(error_text({"it failed", "", ""}), "pprofd: error: it failed\n");
  EXPECT_EQ(warning_text({"a", "b", "c"}), "pprofd: warning: a: b\nhint: c\n");
}

TEST(ErrorText, LetsNobodyElsesNamesReachTheTerminal) {
  EXPECT_EQ(error_text({"process \x1b[2J\n", "no", ""}),
            "pprofd: error: process \\x1b[2J\\x0a: no\n");
}

TEST(ErrorText, PaintsOnlyWhenAsked) {
  EXPECT_NE(error_text({"a", "b", "c"}, true).find("\x1b["), std::string::npos);
  EXPECT_EQ(error_text({"a", "b", "c"}, false).find('\x1b'), std::string::npos);
}

} // namespace
} // namespace pprofd

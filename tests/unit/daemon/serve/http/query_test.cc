#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "daemon/serve/http/query.h"

namespace pprofd::serve {
namespace {

TEST(Target, PathAndParametersAreDecoded) {
  const auto target = parse_target("/a%20b/c+d?x=1+2&y=%3D%26&x=3&flag&=empty");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a b/c+d");
  EXPECT_EQ(target->query.get("x"), "1 2");
  EXPECT_EQ(target->query.all("x"), (std::vector<std::string_view>{"1 2", "3"}));
  EXPECT_EQ(target->query.get("y"), "=&");
  EXPECT_TRUE(target->query.has("flag"));
  EXPECT_EQ(target->query.get("flag"), "");
  EXPECT_FALSE(target->query.has("z"));
}

TEST(Target, WhatIsNoPathOfOursIsRefused) {
  for (const char* text : {"", "a", "*", "http://host/", "/..", "/a/../b", "/%2e%2e/b", "/a/.",
                           "/%", "/%2", "/%zz", "/a%00b", "/a?b=%0", "/a?%00=1"})
    EXPECT_FALSE(parse_target(text)) << text;
  EXPECT_TRUE(parse_target("/..."));
  EXPECT_TRUE(parse_target("/a..b/.c"));
}

std::string encoded(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789aBcDeF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.append("%").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return out;
}

TEST(Target, WhateverIsEncodedIsReadBack) {
  std::mt19937 random(9);
  for (int round = 0; round < 2000; round++) {
    std::vector<std::pair<std::string, std::string>> parameters(random() % 5);
    std::string text = "/p?";
    for (auto& [name, value] : parameters) {
      for (unsigned i = 0; i < 1 + random() % 6; i++)
        name += static_cast<char>(1 + random() % 255);
      for (unsigned i = 0; i < random() % 6; i++)
        value += static_cast<char>(1 + random() % 255);
      text.append(encoded(name)).append("=").append(encoded(value)).append("&");
    }
    const auto target = parse_target(text);
    ASSERT_TRUE(target) << text;
    for (const auto& [name, value] : parameters) {
      const auto all = target->query.all(name);
      EXPECT_NE(std::ranges::find(all, value), all.end());
    }
  }
}

TEST(Target, AnyBytesAreReadWithoutHarm) {
  std::mt19937 random(10);
  constexpr std::string_view kBytes = "/?&=%+.;# 0aZ\xff";
  for (int round = 0; round < 50'000; round++) {
    std::string text(random() % 40, '/');
    for (char& c : text)
      c = random() % 8 == 0 ? static_cast<char>(random()) : kBytes[random() % kBytes.size()];
    if (const auto target = parse_target(text)) {
      EXPECT_EQ(target->path.front(), '/');
      EXPECT_EQ(target->path.find('\0'), std::string::npos);
      EXPECT_EQ(target->path.find("/../"), std::string::npos);
    }
  }
}

} // namespace
} // namespace pprofd::serve

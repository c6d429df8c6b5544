#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "symbolizer/base/hex.h"
#include "symbolizer/elf/debug_links.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using test::Scratch;

class Links : public testing::Test {
protected:
  Links() {
    const std::string source = scratch_.write("program.s", ".globl f\nf: ret\n");
    test::run("gcc -c -g -o " + object_ + " " + source);
  }

  static DebugLinks links_of(const std::string& path) {
    const Fd fd = test::open_file(path);
    const ByteSource source = ByteSource::of_file(fd.get()).value();
    return read_debug_links(source, ElfImage::open(source).value());
  }
  // Of the object with a section of these bytes.
  DebugLinks links_with(const std::string& section, std::string_view bytes) const {
    const std::string content = scratch_.write("section", bytes);
    const std::string out = scratch_.path("with");
    test::run("objcopy --add-section " + section + "=" + content + " " + object_ + " " + out);
    return links_of(out);
  }

  Scratch scratch_;
  std::string object_ = scratch_.path("program.o");
};

TEST_F(Links, DebugInformationIsInsideUntilItIsStripped) {
  EXPECT_TRUE(links_of(object_).inside);
  test::run("strip -g " + object_);
  EXPECT_FALSE(links_of(object_).inside);
}

TEST_F(Links, NameAndSumAreThoseThatObjcopyWrites) {
  const std::string debug = scratch_.write("program.debug", std::string(200'000, 'd') + "end");
  test::run("objcopy --add-gnu-debuglink=" + debug + " " + object_);
  const DebugLinks links = links_of(object_);
  EXPECT_EQ(links.name, "program.debug");
  const Fd fd = test::open_file(debug);
  EXPECT_EQ(links.crc, debug_link_crc(ByteSource::of_file(fd.get()).value()));
  EXPECT_NE(links.crc, 0U);
}

TEST_F(Links, SupplementaryFileHasPathAndBuildId) {
  using namespace std::string_view_literals;
  const DebugLinks links = links_with(".gnu_debugaltlink", "../common.debug\0\x01\xab\xff"sv);
  EXPECT_EQ(links.supplementary, "../common.debug");
  EXPECT_EQ(hex_of(links.supplementary_id), "01abff");
}

TEST_F(Links, MalformedOnesAreNone) {
  using namespace std::string_view_literals;
  const std::string_view cases[] = {"name without an end", "name\0"sv, "name\0\0\0\0ab"sv};
  for (const std::string_view bytes : cases)
    EXPECT_EQ(links_with(".gnu_debuglink", bytes).name, "") << bytes;
  EXPECT_EQ(links_with(".gnu_debuglink", std::string(5000, 'x') + std::string(12, '\0')).name, "");
  for (const std::string& bytes : {std::string("path without an end"), std::string("path\0", 5),
                                   std::string("path\0", 5) + std::string(65, 'i')})
    EXPECT_EQ(links_with(".gnu_debugaltlink", bytes).supplementary, "");
}

} // namespace
} // namespace pprofd::symbolizer

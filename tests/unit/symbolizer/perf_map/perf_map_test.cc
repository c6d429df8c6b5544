#include <gtest/gtest.h>

#include <string>

#include "symbolizer/perf_map/perf_map.h"

namespace pprofd::symbolizer {
namespace {

class Map {
public:
  explicit Map(std::string text = {}) : text_(std::move(text)) { map_.read(source()); }
  void grow(std::string_view more) {
    text_ += more;
    map_.read(source());
  }
  [[nodiscard]] std::string at(uint64_t address) const {
    const auto found = map_.find(source(), address);
    return found ? found->name : "-";
  }
  const PerfMap* operator->() const { return &map_; }

private:
  [[nodiscard]] ByteSource source() const {
    return ByteSource::of_memory(std::as_bytes(std::span(text_)));
  }
  std::string text_;
  PerfMap map_;
};

TEST(PerfMap, FindsTheFunctionAroundAnAddress) {
  const Map map("1000 20 first\n2000 10 LazyCompile:*second /app/x.js:12\n0x3000 0x1 third\n");
  EXPECT_EQ(map.at(0xfff), "-");
  EXPECT_EQ(map.at(0x1000), "first");
  EXPECT_EQ(map.at(0x101f), "first");
  EXPECT_EQ(map.at(0x1020), "-");
  EXPECT_EQ(map.at(0x2008), "LazyCompile:*second /app/x.js:12");
  EXPECT_EQ(map.at(0x3000), "third");
  EXPECT_EQ(map->malformed(), 0U);
}

TEST(PerfMap, TheLaterOfTwoThatOverlapHolds) {
  const Map map("1000 100 old\n1080 100 new\n2000 10 a\n2020 10 b\n1ff0 60 over both\n"
                "5000 10 before\n5000 20 again\n");
  EXPECT_EQ(map.at(0x1000), "old");
  EXPECT_EQ(map.at(0x107f), "old");
  EXPECT_EQ(map.at(0x1080), "new");
  EXPECT_EQ(map.at(0x117f), "new");
  EXPECT_EQ(map.at(0x2008), "over both");
  EXPECT_EQ(map.at(0x2028), "over both");
  EXPECT_EQ(map.at(0x501f), "again");
  EXPECT_EQ(map->size(), 4U);
}

TEST(PerfMap, GrowsByWholeLines) {
  Map map("1000 10 first\n2000 10 sec");
  EXPECT_EQ(map.at(0x2000), "-");
  map.grow("ond\n3000 10 third");
  EXPECT_EQ(map.at(0x2000), "second");
  EXPECT_EQ(map.at(0x3000), "-");
  map.grow("\n");
  EXPECT_EQ(map.at(0x3000), "third");
}

TEST(PerfMap, LinesThatAreNoneCostThemselves) {
  const Map map("\nnonsense\n1000\n1000 \n1000 10\n1000 10 \nzz 10 x\n1000 0 empty\n"
                "ffffffffffffffff 2 beyond\n10000000000000000 1 too long\n-1 10 negative\n"
                "1000 10 good\n");
  EXPECT_EQ(map.at(0x1000), "good");
  EXPECT_EQ(map->size(), 1U);
  EXPECT_EQ(map->malformed(), 11U);
}

TEST(PerfMap, LongNamesAreCutAndLongerLinesLeftOut) {
  const Map map("1000 10 " + std::string(PerfMap::kMostName + 5, 'n') + "\n2000 10 " +
                std::string(2'000'000, 'm') + "\n3000 10 good\n");
  EXPECT_EQ(map.at(0x1000), std::string(PerfMap::kMostName, 'n'));
  EXPECT_EQ(map.at(0x2000), "-");
  EXPECT_EQ(map.at(0x3000), "good");
}

TEST(PerfMap, HasALimit) {
  std::string text;
  for (size_t i = 0; i < PerfMap::kMostFunctions + 10; ++i) {
    char line[40];
    std::snprintf(line, sizeof line, "%zx 8 f\n", (i + 1) * 8);
    text += line;
  }
  const Map map(text);
  EXPECT_TRUE(map->full());
  EXPECT_EQ(map->size(), PerfMap::kMostFunctions);
  EXPECT_EQ(map.at(8), "f");
}

} // namespace
} // namespace pprofd::symbolizer

// The store over real maps. What it says of an address is what a plain ordered map of its rows
// says.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <list>
#include <thread>

#include "daemon/unwind/tables/table_store.h"
#include "symbolizer/base/sanitized.h"
#include "tests/unit/daemon/unwind/kernel_maps.h"
#include "tests/unit/daemon/unwind/tables/made_rows.h"

namespace pprofd::test {
namespace {

constexpr size_t kLimit = 64 << 20;
constexpr uint32_t kFirst = PPROFD_TABLE_FIRST;
// A table of few rows: a chunk and its directory.
constexpr size_t kSmall = 2 * kTableChunkBytes;

class Tables : public testing::Test {
protected:
  void SetUp() override { PPROFD_NEEDS_MAPS(maps_); }

  MadeRows rows(size_t count, uint32_t step = 16, uint32_t first_rule = 0, uint32_t rules = 100) {
    return MadeRows::random(dice_, count, step, first_rule, rules);
  }

  static MadeRows::Answer find(const TableStore& store, uint32_t table, uint64_t address) {
    unwind_found found{};
    const unwind_lookup result = store.find(table, address, found);
    return {result, result == UNWIND_FOUND ? found.cfa_offset : 0};
  }

  static void check(const TableStore& store, uint32_t table, const MadeRows& rows,
                    size_t stride = 1) {
    for (const uint64_t address : rows.boundaries(stride))
      ASSERT_EQ(find(store, table, address), rows.at(address))
          << "table " << table << ", " << std::hex << address;
  }

  void expect_nothing_left(const TableStore& store) const {
    const TableStats stats = store.stats();
    EXPECT_EQ(stats.tables, 0U);
    EXPECT_EQ(stats.rows, 0U);
    EXPECT_EQ(stats.rules, 0U);
    EXPECT_EQ(stats.bytes, 0U);
    EXPECT_EQ(maps_.table_chunks(), 0U);
  }

  KernelMaps maps_;
  Dice dice_{815};
};

TEST_F(Tables, FindWhatAPlainMapFinds) {
  TableStore store(maps_.maps(), kLimit);
  std::vector<MadeRows> all;
  for (const size_t count : {1UL, 2UL, 489UL, 490UL, 491UL, 5000UL})
    all.push_back(rows(count));
  all.push_back(rows(1500, 0x20000)); // two levels
  all.push_back(rows(3000, 0x4000));
  for (uint32_t at = 0; at < all.size(); ++at)
    ASSERT_TRUE(store.install(kFirst + at, all[at].compiled()));
  for (uint32_t at = 0; at < all.size(); ++at)
    check(store, kFirst + at, all[at], all[at].size() > 2000 ? 3 : 1);
  for (uint32_t at = 0; at < all.size(); ++at)
    store.remove(kFirst + at);
  expect_nothing_left(store);
}

TEST_F(Tables, OneThatIsNotThereIsPendingAndAnEmptyOneHasNoInformation) {
  TableStore store(maps_.maps(), kLimit);
  EXPECT_EQ(find(store, kFirst, 0x1000).result, UNWIND_PENDING);
  ASSERT_TRUE(store.install(kFirst, {}));
  EXPECT_TRUE(store.has(kFirst));
  EXPECT_EQ(find(store, kFirst, 0x1000).result, UNWIND_NO_UNWIND_INFO);
  store.remove(kFirst);
  EXPECT_EQ(find(store, kFirst, 0x1000).result, UNWIND_PENDING);
  expect_nothing_left(store);
}

TEST_F(Tables, ShareTheirRules) {
  TableStore store(maps_.maps(), kLimit);
  const MadeRows one = rows(2000, 16, 0, 60);
  const MadeRows other = rows(2000, 16, 40, 60);
  ASSERT_TRUE(store.install(kFirst, one.compiled()));
  const size_t alone = store.stats().rules;
  ASSERT_TRUE(store.install(kFirst + 1, other.compiled()));
  EXPECT_EQ(alone, 61U);
  EXPECT_EQ(store.stats().rules, 101U); // 0 to 99, and the gap
  store.remove(kFirst);
  EXPECT_EQ(store.stats().rules, 61U);
  store.settle();
  ASSERT_TRUE(store.install(kFirst + 2, rows(1000, 16, 500, 60).compiled()));
  check(store, kFirst + 1, other);
  store.remove(kFirst + 1);
  store.remove(kFirst + 2);
  expect_nothing_left(store);
}

TEST_F(Tables, ReplaceThoseOfTheSameNumber) {
  TableStore store(maps_.maps(), kLimit);
  ASSERT_TRUE(store.install(kFirst, rows(3000).compiled()));
  const MadeRows second = rows(500, 16, 300);
  ASSERT_TRUE(store.install(kFirst, second.compiled()));
  check(store, kFirst, second);
  EXPECT_EQ(store.stats().tables, 1U);
  EXPECT_EQ(store.stats().rows, 500U);
  store.remove(kFirst);
  expect_nothing_left(store);
}

TEST_F(Tables, TooLargeAnOneIsRefusedAndCostsNoOther) {
  TableStore store(maps_.maps(), 10 * kTableChunkBytes);
  const MadeRows kept = rows(400);
  ASSERT_TRUE(store.install(kFirst, kept.compiled()));
  EXPECT_FALSE(store.install(kFirst + 1, rows(490 * 10).compiled()));
  check(store, kFirst, kept);
  EXPECT_EQ(store.stats().refused, 1U);
  EXPECT_EQ(store.stats().evicted, 0U);
  EXPECT_EQ(maps_.table_chunks(), 2U);
  store.remove(kFirst);
  expect_nothing_left(store);
}

TEST_F(Tables, OneThatTheKernelHasNoRoomForLeavesNothing) {
  const KernelMaps small({.tables = 4});
  TableStore store(small.maps(), kLimit);
  EXPECT_FALSE(store.install(kFirst, rows(490 * 5).compiled()));
  EXPECT_EQ(small.table_chunks(), 0U);
  EXPECT_EQ(store.stats().rules, 0U);
  EXPECT_EQ(store.stats().bytes, 0U);
  EXPECT_TRUE(store.install(kFirst, rows(400).compiled()));
}

TEST_F(Tables, TheLongestUnusedGoFirst) {
  TableStore store(maps_.maps(), 4 * kSmall);
  for (uint32_t at = 0; at < 4; ++at)
    ASSERT_TRUE(store.install(kFirst + at, rows(100).compiled()));
  store.touch(kFirst);
  ASSERT_TRUE(store.install(kFirst + 4, rows(100).compiled()));
  EXPECT_EQ(store.take_evicted(), std::vector<uint32_t>{kFirst + 1});
  ASSERT_TRUE(store.install(kFirst + 5, rows(600).compiled())); // takes two chunks
  EXPECT_EQ(store.take_evicted(), (std::vector<uint32_t>{kFirst + 2, kFirst + 3}));
  EXPECT_TRUE(store.has(kFirst));
  EXPECT_TRUE(store.take_evicted().empty());
}

TEST_F(Tables, ThoseThatAProcessMapsGoLast) {
  TableStore store(maps_.maps(), 3 * kSmall);
  store.set_mapped(kFirst, true);
  for (uint32_t at = 0; at < 3; ++at)
    ASSERT_TRUE(store.install(kFirst + at, rows(100).compiled()));
  for (uint32_t at = 3; at < 9; ++at) {
    ASSERT_TRUE(store.install(kFirst + at, rows(100).compiled()));
    EXPECT_TRUE(store.has(kFirst));
  }
  store.take_evicted();
  store.set_mapped(kFirst, false);
  ASSERT_TRUE(store.install(kFirst + 9, rows(100).compiled()));
  EXPECT_EQ(store.take_evicted(), std::vector<uint32_t>{kFirst});
  // Where all are mapped, the longest unused of them.
  for (uint32_t at = 7; at < 12; ++at)
    store.set_mapped(kFirst + at, true);
  ASSERT_TRUE(store.install(kFirst + 10, rows(100).compiled()));
  EXPECT_EQ(store.take_evicted(), std::vector<uint32_t>{kFirst + 7});
}

// Thousands of tables come, go and are used in random order, beside a plain model of the store.
TEST_F(Tables, ChurnLeavesNothingAndNeverExceedsTheLimit) {
  constexpr uint32_t kTables = 60;
  constexpr size_t kRoom = 120 * kTableChunkBytes;
  TableStore store(maps_.maps(), kRoom);
  std::vector<MadeRows> contents;
  for (uint32_t at = 0; at < kTables; ++at)
    contents.push_back(rows(1 + dice_() % 3000, 16U << (dice_() % 7), dice_() % 500, 200));
  std::list<uint32_t> by_use; // the longest unused first
  std::map<uint32_t, bool> mapped;
  std::map<uint32_t, size_t> sizes;
  const auto used = [&] {
    size_t sum = 0;
    for (const uint32_t at : by_use)
      sum += sizes[at];
    return sum;
  };
  const auto model_install = [&](uint32_t at, size_t size) {
    by_use.remove(at);
    sizes[at] = size;
    while (used() + size > kRoom) {
      auto gone = std::ranges::find_if(by_use, [&](uint32_t each) { return !mapped[each]; });
      by_use.erase(gone == by_use.end() ? by_use.begin() : gone);
    }
    by_use.push_back(at);
  };
  for (int round = 0; round < (kSanitized ? 1200 : 5000); ++round) {
    const uint32_t at = dice_() % kTables;
    switch (dice_() % 6) {
    case 0:
      store.remove(kFirst + at);
      by_use.remove(at);
      mapped.erase(at);
      break;
    case 1:
      mapped[at] = dice_() % 2 == 0;
      store.set_mapped(kFirst + at, mapped[at]);
      break;
    case 2:
    case 3:
      store.touch(kFirst + at);
      if (std::ranges::find(by_use, at) != by_use.end()) {
        by_use.remove(at);
        by_use.push_back(at);
      }
      break;
    default: {
      std::vector<TableRow> laid(contents[at].size());
      const CompiledRows compiled = contents[at].compiled();
      for (size_t row = 0; row < laid.size(); ++row)
        laid[row].address = compiled.offsets[row];
      model_install(at, lay_out(kFirst + at, laid).size() * kTableChunkBytes);
      ASSERT_TRUE(store.install(kFirst + at, compiled));
      if (round % 3 == 0)
        store.settle();
    }
    }
    ASSERT_EQ(store.stats().bytes, used());
    ASSERT_LE(store.stats().bytes, kRoom);
    ASSERT_EQ(store.stats().tables, by_use.size());
    if (round % 50 == 0) {
      ASSERT_EQ(maps_.table_chunks() * kTableChunkBytes, store.stats().bytes);
      for (uint32_t each = 0; each < kTables; ++each)
        ASSERT_EQ(store.has(kFirst + each), std::ranges::find(by_use, each) != by_use.end());
      for (const uint32_t each : by_use)
        check(store, kFirst + each, contents[each], 1 + contents[each].size() / 5);
    }
  }
  for (uint32_t at = 0; at < kTables; ++at)
    store.remove(kFirst + at);
  expect_nothing_left(store);
}

// A reader beside a writer gets a table's own row, or is told to ask again.
TEST_F(Tables, AReaderNeverGetsAnotherTablesRow) {
  constexpr uint32_t kTables = 8;
  TableStore store(maps_.maps(), 3 * kSmall);
  std::vector<CompiledRows> contents;
  for (uint32_t at = 0; at < kTables; ++at) { // rules of its own
    MadeRows made;
    for (uint32_t row = 0; row < 480; ++row)
      made.add(0x1000 + 16 * row, rule_of(1000 * at + 3 * (row % 300)));
    made.add(0x1000 + 16 * 480, kGap);
    contents.push_back(made.compiled());
  }
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> found = 0;
  std::jthread reader([&] {
    Dice dice{1};
    while (!stop) {
      const uint32_t at = dice() % kTables;
      const uint32_t row = dice() % 480;
      const auto answer = find(store, kFirst + at, 0x1000 + 16 * row);
      if (answer.result == UNWIND_FOUND)
        ++found;
      if (answer.result == UNWIND_FOUND
              ? answer.cfa_offset != rule_of(1000 * at + 3 * (row % 300)).cfa_offset
              : answer.result != UNWIND_PENDING)
        ++wrong;
    }
  });
  for (int round = 0; round < 1000 || (found < 100 && round < 400'000); ++round) {
    const uint32_t at = dice_() % kTables;
    ASSERT_TRUE(store.install(kFirst + at, contents[at]));
    store.settle();
    std::this_thread::yield();
  }
  stop = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(found, 0);
}

} // namespace
} // namespace pprofd::test

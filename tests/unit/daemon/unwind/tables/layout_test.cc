// Chunks as the kernel's search finds its way through them. Needs no kernel.
#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "daemon/unwind/tables/layout.h"
#include "tests/unit/daemon/unwind/tables/made_rows.h"

namespace {

constexpr uint32_t kTable = 77;

struct World {
  std::map<std::pair<uint32_t, uint32_t>, pprofd_table_chunk> chunks;
  std::vector<unwind_rule> rules;
};

} // namespace

#include "bpf/unwind_lookup.h"

UNWIND_INLINE const pprofd_space_chunk* unwind_space_chunk(void* /*world*/,
                                                           const pprofd_chunk_key* /*key*/) {
  return nullptr;
}

UNWIND_INLINE const pprofd_table_chunk* unwind_table_chunk(void* world,
                                                           const pprofd_chunk_key* key) {
  const auto& chunks = static_cast<World*>(world)->chunks;
  const auto found = chunks.find({key->owner, key->chunk});
  return found == chunks.end() ? nullptr : &found->second;
}

UNWIND_INLINE const unwind_rule* unwind_rule_at(void* world, __u32 index) {
  const auto& rules = static_cast<World*>(world)->rules;
  return index < rules.size() ? &rules[index] : nullptr;
}

namespace pprofd::test {
namespace {

class LaidOut {
public:
  explicit LaidOut(const MadeRows& rows) : rows_(rows) {
    const CompiledRows compiled = rows.compiled();
    world_.rules = compiled.distinct;
    std::vector<TableRow> laid;
    for (size_t at = 0; at < compiled.offsets.size(); ++at)
      laid.push_back({compiled.offsets[at], compiled.rules[at]});
    chunks_ = lay_out(kTable, laid);
    for (const pprofd_table_chunk& chunk : chunks_)
      world_.chunks[{chunk.key.owner, chunk.key.chunk}] = chunk;
  }

  MadeRows::Answer at(uint64_t address) {
    unwind_found found{};
    const unwind_lookup result = find_rule(&world_, kTable, address, &found);
    return {result, result == UNWIND_FOUND ? found.cfa_offset : 0};
  }

  void check(size_t stride = 1) {
    for (const uint64_t address : rows_.boundaries(stride))
      ASSERT_EQ(at(address), rows_.at(address)) << std::hex << address;
  }

  [[nodiscard]] const TableChunks& chunks() const { return chunks_; }
  World& world() { return world_; }

private:
  MadeRows rows_;
  World world_;
  TableChunks chunks_;
};

// As if its memory were another table's by now.
void give_away(pprofd_table_chunk& chunk) {
  ++chunk.key.owner;
  chunk.base ^= 0x800;
  for (uint32_t& row : chunk.rows)
    row ^= 0x10001;
}

class Layout : public testing::Test {
protected:
  Dice dice_{4711};
};

TEST_F(Layout, NoRowsIsATableThatSaysSo) {
  LaidOut table((MadeRows()));
  ASSERT_EQ(table.chunks().size(), 1U);
  EXPECT_EQ(table.at(0).result, UNWIND_NO_UNWIND_INFO);
  EXPECT_EQ(table.at(0x1234).result, UNWIND_NO_UNWIND_INFO);
}

TEST_F(Layout, RowCountsAroundAChunksAreFound) {
  for (const size_t rows : {1UL, 2UL, 3UL, 489UL, 490UL, 491UL, 979UL, 980UL, 981UL}) {
    LaidOut table(MadeRows::random(dice_, rows, 16));
    EXPECT_EQ(table.chunks().size(), 1 + (rows + 489) / 490);
    table.check();
  }
}

TEST_F(Layout, RowsFarApartAreFound) {
  for (const uint32_t step : {0x8000U, 0xffffU, 0x10000U, 0x10001U, 0x30000U})
    LaidOut(MadeRows::random(dice_, 400, step)).check();
}

TEST_F(Layout, RowsAroundAChunksSpanAreFound) {
  for (const uint32_t distance : {0xfffeU, 0xffffU, 0x10000U, 0x10001U}) {
    MadeRows rows;
    rows.add(0x1000, rule_of(0));
    rows.add(0x1000 + distance, rule_of(1));
    rows.add(0x1000 + distance + 3, kGap);
    LaidOut(rows).check();
  }
}

TEST_F(Layout, RowsAtTheEndsOfTheFileAreFound) {
  MadeRows rows;
  rows.add(0, rule_of(0));
  rows.add(1, rule_of(1));
  rows.add(0xffff, rule_of(2));
  rows.add(0x10000, rule_of(3));
  rows.add(0xfffffffd, rule_of(4));
  rows.add(0xffffffff, kGap);
  LaidOut(rows).check();
}

TEST_F(Layout, AddressesBeyondFourGigabytesHaveNoRow) {
  LaidOut table(MadeRows::random(dice_, 600, 16));
  EXPECT_EQ(table.at(1ULL << 32).result, UNWIND_NO_ROW);
  EXPECT_EQ(table.at((1ULL << 32) + 0x1001).result, UNWIND_NO_ROW);
  EXPECT_EQ(table.at(UINT64_MAX).result, UNWIND_NO_ROW);
}

TEST_F(Layout, TwoLevelsBeginBehind490Chunks) {
  for (const size_t chunks : {489UL, 490UL, 491UL, 980UL, 981UL, 1500UL}) {
    MadeRows rows;
    for (uint32_t at = 0; at + 1 < chunks; ++at)
      rows.add(0x1000 + at * 0x11000, rule_of(at % 50));
    rows.add(0x1000 + static_cast<uint32_t>(chunks - 1) * 0x11000, kGap);
    LaidOut table(rows);
    const size_t folders = chunks <= 490 ? 0 : (chunks + 489) / 490;
    EXPECT_EQ(table.chunks().size(), chunks + folders + 1);
    EXPECT_EQ(table.chunks().back().levels,
              folders == 0 ? PPROFD_TABLE_CHUNKS : PPROFD_TABLE_FOLDERS);
    table.check();
  }
}

TEST_F(Layout, ManyDenseRowsAreFound) {
  LaidOut table(MadeRows::random(dice_, 490 * 490 + 1000, 12, 0, 5000));
  EXPECT_EQ(table.chunks().back().levels, PPROFD_TABLE_FOLDERS);
  table.check(7);
}

TEST_F(Layout, AsManyRulesAsThereMayBeKeepTheirNumbers) {
  MadeRows rows;
  for (uint32_t at = 0; at < PPROFD_MAX_RULES - 1; ++at)
    rows.add(0x1000 + 5 * at, rule_of(at));
  rows.add(0x1000 + 5 * PPROFD_MAX_RULES, kGap);
  LaidOut(rows).check();
}

TEST_F(Layout, TheDirectoryComesLast) {
  for (const uint32_t step : {16U, 0x20000U}) {
    const LaidOut table(MadeRows::random(dice_, 1000, step));
    for (const pprofd_table_chunk& chunk : table.chunks())
      EXPECT_EQ(chunk.key.chunk == PPROFD_DIRECTORY_CHUNK, &chunk == &table.chunks().back());
  }
}

// What a program may read while the table's memory is given to another.
TEST_F(Layout, AnyChunkMissingOrAnothersIsPendingOrRight) {
  const MadeRows rows = MadeRows::random(dice_, 1200, 0x30000);
  const LaidOut whole(rows);
  const auto addresses = rows.boundaries(11);
  ASSERT_EQ(whole.chunks().back().levels, PPROFD_TABLE_FOLDERS);
  for (size_t at = 0; at < whole.chunks().size(); at += at + 5 < whole.chunks().size() ? 97 : 1) {
    const auto& key = whole.chunks()[at].key;
    for (const bool missing : {true, false}) {
      LaidOut table(rows);
      if (missing)
        table.world().chunks.erase({key.owner, key.chunk});
      else
        give_away(table.world().chunks[{key.owner, key.chunk}]);
      size_t pending = 0;
      for (const uint64_t address : addresses) {
        const auto answer = table.at(address);
        pending += answer.result == UNWIND_PENDING;
        if (answer.result != UNWIND_PENDING) {
          ASSERT_EQ(answer, rows.at(address)) << key.chunk << std::hex << ", " << address;
        }
      }
      if (key.chunk == PPROFD_DIRECTORY_CHUNK) {
        EXPECT_EQ(pending, addresses.size());
      }
    }
  }
}

} // namespace
} // namespace pprofd::test

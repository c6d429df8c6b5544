// Address spaces in real maps, searched as the kernel searches them; the oracle is a plain list of
// what each process maps.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "daemon/unwind/space_keeper.h"
#include "symbolizer/base/sanitized.h"
#include "tests/unit/daemon/unwind/kernel_maps.h"

namespace {

struct World {
  const pprofd::test::KernelMaps* maps = nullptr;
  pprofd_space_chunk chunk{};
};

} // namespace

#include "bpf/unwind_lookup.h"

UNWIND_INLINE const pprofd_space_chunk* unwind_space_chunk(void* world,
                                                           const pprofd_chunk_key* key) {
  auto* of = static_cast<World*>(world);
  return of->maps->space_chunk(*key, of->chunk) ? &of->chunk : nullptr;
}

UNWIND_INLINE const pprofd_table_chunk* unwind_table_chunk(void* /*world*/,
                                                           const pprofd_chunk_key* /*key*/) {
  return nullptr;
}

UNWIND_INLINE const unwind_rule* unwind_rule_at(void* /*world*/, __u32 /*index*/) {
  return nullptr;
}

namespace pprofd::test {
namespace {

constexpr uint64_t kBase = 0x5555'0000'0000;
constexpr uint64_t kPage = 4096;

struct Piece {
  uint64_t start = 0;
  uint64_t pages = 0;
  uint32_t file = 0;
  uint64_t offset = 0;
};
using Pieces = std::vector<Piece>;

// `count` mappings of files from `first_file` on; every other touches its neighbour.
Pieces pieces(size_t count, uint32_t first_file = 1, uint64_t start = kBase) {
  Pieces made;
  for (size_t at = 0; at < count; ++at) {
    const uint64_t pages = 1 + at % 3;
    made.push_back({start, pages, first_file + static_cast<uint32_t>(at % 50), at * 8 * kPage});
    start += (pages + at % 2) * kPage;
  }
  return made;
}

class Keeper : public testing::Test {
protected:
  void SetUp() override { PPROFD_NEEDS_MAPS(maps_); }

  Process process(pid_t pid, const Pieces& pieces) {
    Process made;
    made.serial = ++serials_;
    made.pid = pid;
    made.start_time = 1000 + made.serial;
    map(made, pieces);
    return made;
  }

  void map(Process& process, const Pieces& pieces) {
    process.space.clear(++time_);
    for (const Piece& piece : pieces) {
      Mapping mapping;
      mapping.start = {piece.start};
      mapping.end = {piece.start + piece.pages * kPage};
      mapping.offset = {piece.offset};
      mapping.kind = MappingKind::file;
      mapping.executable = executable(piece.file);
      mapping.mapped_at = ++time_;
      process.space.map(mapping);
    }
    ASSERT_EQ(process.space.live().size(), pieces.size());
  }

  std::shared_ptr<const Executable> executable(uint32_t file) {
    auto& known = executables_[file];
    if (known == nullptr) {
      known = std::make_shared<Executable>();
      known->id = {file};
    }
    return known;
  }

  struct Answer {
    unwind_lookup result = UNWIND_PENDING;
    uint32_t table = 0;
    uint64_t offset = 0;
    bool operator==(const Answer&) const = default;
  };

  [[nodiscard]] Answer kernel(uint32_t pid, uint64_t pc) const {
    pprofd_process entry{};
    if (!maps_.process(pid, entry))
      return {};
    World world{.maps = &maps_};
    pprofd_mapping mapping{};
    const unwind_lookup result = find_mapping(&world, entry.space, entry.mappings, pc, &mapping);
    if (result != UNWIND_FOUND)
      return {result};
    return {result, mapping.table, pc - mapping.bias};
  }

  Answer truth(const Pieces& pieces, uint64_t pc) {
    for (const Piece& piece : pieces)
      if (pc >= piece.start && pc < piece.start + piece.pages * kPage)
        return {UNWIND_FOUND, service_.table_of(piece.file), pc - piece.start + piece.offset};
    return {UNWIND_NO_MAPPING};
  }

  void check(uint32_t pid, const Pieces& pieces) {
    for (const Piece& piece : pieces)
      for (const uint64_t edge : {piece.start, piece.start + piece.pages * kPage})
        for (const uint64_t pc : {edge - 1, edge, edge + 1})
          ASSERT_EQ(kernel(pid, pc), truth(pieces, pc)) << std::hex << pc;
    for (const uint64_t pc : {uint64_t{0}, UINT64_MAX})
      EXPECT_EQ(kernel(pid, pc).result, UNWIND_NO_MAPPING);
  }

  static void exit(SpaceKeeper& keeper, Process& process) {
    process.exited = true;
    keeper.update(process);
  }

  KernelMaps maps_;
  TableStore store_{maps_.maps(), 1 << 20};
  TableService service_{
      store_, [](const auto&) -> Result<CompiledRows> { return CompiledRows{}; },
      [](uint64_t) -> Result<TableService::File> { return fail("open", "not wanted"); }};
  SpaceKeeper keeper_{maps_.maps(), service_};
  std::map<uint32_t, std::shared_ptr<Executable>> executables_;
  uint64_t serials_ = 0;
  uint64_t time_ = 0;
};

TEST_F(Keeper, FindsEveryMappingHoweverMany) {
  for (const size_t count : {1UL, 2UL, 39UL, 40UL, 41UL, 80UL, 81UL, 400UL, 4799UL, 4800UL}) {
    if (kSanitized && count == 4799)
      continue; // as long as all the others together
    const Pieces mapped = pieces(count);
    Process one = process(100, mapped);
    keeper_.update(one);
    EXPECT_TRUE(keeper_.knows(one));
    EXPECT_EQ(maps_.space_chunks(), (count + 39) / 40 + (count > 40 ? 1 : 0));
    check(100, mapped);
    exit(keeper_, one);
    EXPECT_EQ(maps_.space_chunks(), 0U);
  }
}

TEST_F(Keeper, MoreMappingsThanFitKeepTheFirst) {
  const Pieces mapped = pieces(PPROFD_SPACE_MAX_MAPPINGS + 10);
  Process one = process(100, mapped);
  keeper_.update(one);
  const Piece& last = mapped[PPROFD_SPACE_MAX_MAPPINGS - 1];
  EXPECT_EQ(kernel(100, last.start), truth(mapped, last.start));
  EXPECT_EQ(kernel(100, mapped.back().start).result, UNWIND_NO_MAPPING);
  exit(keeper_, one);
  EXPECT_EQ(maps_.space_chunks(), 0U);
}

TEST_F(Keeper, TheSameMappingsShareASpace) {
  const Pieces mapped = pieces(50);
  Process parent = process(100, mapped);
  Process child = process(101, mapped);
  Process other = process(102, pieces(50, 7));
  keeper_.update(parent);
  keeper_.update(child);
  EXPECT_EQ(keeper_.spaces(), 1U);
  EXPECT_EQ(maps_.space_chunks(), 3U);
  keeper_.update(other);
  EXPECT_EQ(keeper_.spaces(), 2U);
  exit(keeper_, parent);
  EXPECT_EQ(kernel(100, kBase).result, UNWIND_PENDING);
  check(101, mapped);
  exit(keeper_, child);
  EXPECT_EQ(keeper_.spaces(), 1U);
  check(102, pieces(50, 7));
  exit(keeper_, other);
  EXPECT_EQ(keeper_.spaces(), 0U);
  EXPECT_EQ(maps_.space_chunks(), 0U);
  EXPECT_EQ(maps_.processes(), 0U);
}

TEST_F(Keeper, ReplacementIsSeenWholeAndLeavesNothing) {
  Process one = process(100, pieces(10));
  keeper_.update(one);
  for (const size_t count : {11UL, 45UL, 45UL, 3UL, 200UL, 1UL}) {
    const Pieces mapped = pieces(count, static_cast<uint32_t>(count), kBase + count * kPage);
    map(one, mapped);
    keeper_.update(one);
    check(100, mapped);
    EXPECT_EQ(keeper_.spaces(), 1U);
    EXPECT_EQ(maps_.space_chunks(), (count + 39) / 40 + (count > 40 ? 1 : 0));
  }
  one.space.clear(++time_);
  keeper_.update(one);
  EXPECT_FALSE(keeper_.knows(one));
  EXPECT_EQ(maps_.processes(), 0U);
}

TEST_F(Keeper, OnlyAnExactStartTimeIsHeldAgainstSamples) {
  Process one = process(100, pieces(1));
  one.start_precision = StartPrecision::tick;
  keeper_.update(one);
  pprofd_process entry{};
  ASSERT_TRUE(maps_.process(100, entry));
  EXPECT_EQ(entry.start_time, 0U);
  one.start_precision = StartPrecision::exact;
  keeper_.update(one);
  ASSERT_TRUE(maps_.process(100, entry));
  EXPECT_EQ(entry.start_time, one.start_time);
  EXPECT_EQ(entry.pid, 100U);
}

TEST_F(Keeper, CodeWithoutAFileHasNoRows) {
  Process one = process(100, pieces(1));
  Mapping anonymous;
  anonymous.start = {kBase + 64 * kPage};
  anonymous.end = {kBase + 65 * kPage};
  anonymous.kind = MappingKind::anonymous;
  one.space.map(anonymous);
  keeper_.update(one);
  EXPECT_EQ(kernel(100, anonymous.start.value).table, uint32_t{PPROFD_TABLE_NO_ROWS});
}

// Events of the old process may be told after the new one's.
TEST_F(Keeper, TheExitOfAnOlderProcessDoesNotTakeThePidsNewOneAway) {
  Process old = process(100, pieces(3));
  keeper_.update(old);
  Process young = process(100, pieces(5, 9));
  keeper_.update(young);
  exit(keeper_, old);
  check(100, pieces(5, 9));
  exit(keeper_, young);
  EXPECT_EQ(maps_.processes(), 0U);
  EXPECT_EQ(maps_.space_chunks(), 0U);
}

TEST_F(Keeper, ASpaceThatFindsNoRoomIsPendingAndLeavesNothing) {
  const KernelMaps small({.spaces = 4});
  SpaceKeeper keeper(small.maps(), service_);
  Process one = process(100, pieces(3));
  keeper.update(one);
  EXPECT_EQ(small.space_chunks(), 1U);
  map(one, pieces(400));
  keeper.update(one);
  EXPECT_FALSE(keeper.knows(one));
  EXPECT_EQ(small.processes(), 0U);
  EXPECT_EQ(small.space_chunks(), 0U);
  map(one, pieces(100));
  keeper.update(one);
  EXPECT_EQ(small.space_chunks(), 4U);
}

TEST_F(Keeper, ChurnLeavesNothing) {
  std::mt19937 dice{11};
  std::map<uint32_t, std::pair<Process, Pieces>> live;
  for (int round = 0; round < (kSanitized ? 1000 : 4000); ++round) {
    const auto pid = static_cast<uint32_t>(200 + dice() % 40);
    const Pieces mapped = pieces(1 + dice() % 130, 1 + static_cast<uint32_t>(dice() % 3));
    const auto known = live.find(pid);
    if (known == live.end()) {
      const auto& made =
          live.emplace(pid, std::pair(process(static_cast<pid_t>(pid), mapped), mapped));
      keeper_.update(made.first->second.first);
    } else if (dice() % 2 == 0) {
      exit(keeper_, known->second.first);
      live.erase(known);
    } else {
      map(known->second.first, mapped);
      known->second.second = mapped;
      keeper_.update(known->second.first);
    }
    if (round % 200 == 0)
      for (const auto& [each, what] : live)
        check(each, what.second);
  }
  for (auto& [pid, what] : live)
    exit(keeper_, what.first);
  EXPECT_EQ(keeper_.spaces(), 0U);
  EXPECT_EQ(maps_.processes(), 0U);
  EXPECT_EQ(maps_.space_chunks(), 0U);
}

// While mappings are replaced, a reader gets what held when it began, what holds when it ends, or
// is told to ask again; never anything of another process or of an older time.
TEST_F(Keeper, AReaderNeverGetsAWrongAnswer) {
  constexpr size_t kLayouts = 24;
  constexpr uint32_t kPid = 300;
  constexpr uint32_t kNeighbour = 301;
  std::vector<Pieces> layouts;
  std::vector<uint64_t> places;
  for (size_t at = 0; at < kLayouts; ++at) // of one chunk and of several, at moving addresses
    layouts.push_back(pieces(at % 2 == 0 ? 10 + at : 60 + at, static_cast<uint32_t>(1 + 100 * at),
                             kBase + (at % 5) * kPage));
  for (uint64_t page = 0; page < 250; ++page)
    places.push_back(kBase + page * kPage + 16);
  std::vector<std::vector<Answer>> truths;
  for (const Pieces& layout : layouts) {
    auto& all = truths.emplace_back();
    for (const uint64_t place : places)
      all.push_back(truth(layout, place));
  }
  Process one = process(kPid, layouts[0]);
  Process neighbour = process(kNeighbour, pieces(70, 5000));
  keeper_.update(one);
  std::atomic<uint64_t> begun = 0; // layouts, counted
  std::atomic<uint64_t> done = 0;
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> wrong = 0;
  std::atomic<uint64_t> found = 0;
  std::jthread reader([&] {
    std::mt19937 dice{3};
    while (!stop) {
      const size_t place = dice() % places.size();
      const uint64_t from = done;
      const Answer answer = kernel(kPid, places[place]);
      const uint64_t until = begun;
      bool right = answer.result == UNWIND_PENDING;
      for (uint64_t at = from; at <= until; ++at)
        right = right || answer == truths[at % kLayouts][place];
      wrong += right ? 0 : 1;
      found += answer.result == UNWIND_FOUND ? 1 : 0;
    }
  });
  for (uint64_t round = 1; round < 3000 || (found < 1000 && round < 300'000); ++round) {
    map(one, layouts[round % kLayouts]);
    begun = round;
    keeper_.update(one);
    done = round;
    map(neighbour, pieces(70, 5000 + static_cast<uint32_t>(round % 7)));
    keeper_.update(neighbour);
  }
  stop = true;
  reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(found, 0U);
}

} // namespace
} // namespace pprofd::test

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "daemon/process/process.h"
#include "symbolizer/base/sanitized.h"

namespace pprofd {
namespace {

constexpr uint64_t kPage = 4096;

std::shared_ptr<const Executable> executable(uint32_t id) {
  auto made = std::make_shared<Executable>();
  made->id = {id};
  made->path = std::make_shared<const std::string>("/lib/" + std::to_string(id));
  return made;
}

Mapping file(const std::shared_ptr<const Executable>& of, uint64_t start, uint64_t end,
             uint64_t offset, uint64_t time) {
  return {.start = {start},
          .end = {end},
          .offset = {offset},
          .kind = MappingKind::file,
          .executable = of,
          .name = of->path,
          .mapped_at = time};
}

Mapping anonymous(uint64_t start, uint64_t end, uint64_t time) {
  return {.start = {start},
          .end = {end},
          .offset = {},
          .kind = MappingKind::anonymous,
          .executable = nullptr,
          .name = std::make_shared<const std::string>("//anon"),
          .mapped_at = time};
}

class AddressSpaceTest : public testing::Test {
protected:
  std::shared_ptr<const Executable> a_ = executable(1);
  std::shared_ptr<const Executable> b_ = executable(2);
  AddressSpace space_;

  [[nodiscard]] uint32_t owner(uint64_t address) const {
    const Mapping* mapping = space_.find({address});
    return mapping != nullptr && mapping->executable ? mapping->executable->id.value : 0;
  }
};

TEST_F(AddressSpaceTest, FindsTheMappingOfAnAddress) {
  space_.map(file(a_, 0x1000, 0x3000, 0x500, 1));
  space_.map(file(b_, 0x5000, 0x6000, 0, 2));
  EXPECT_EQ(space_.find({0xfff}), nullptr);
  EXPECT_EQ(owner(0x1000), 1U);
  EXPECT_EQ(owner(0x2fff), 1U);
  EXPECT_EQ(space_.find({0x3000}), nullptr);
  EXPECT_EQ(owner(0x5fff), 2U);
  EXPECT_EQ(space_.find({0x2000})->file_offset({0x2010}).value, 0x1510U);
}

TEST_F(AddressSpaceTest, ANewMappingReplacesTheOneItCovers) {
  space_.map(file(a_, 0x1000, 0x3000, 0, 1));
  const uint32_t old_id = space_.find({0x1000})->id;
  space_.map(file(b_, 0x1000, 0x3000, 0, 5));
  EXPECT_EQ(owner(0x1000), 2U);
  EXPECT_NE(space_.find({0x1000})->id, old_id);
  ASSERT_NE(space_.by_id(old_id), nullptr) << "aggregated traces keep their meaning";
  EXPECT_EQ(space_.by_id(old_id)->executable, a_);
}

TEST_F(AddressSpaceTest, ASampleFromBeforeAReplacementFindsWhatWasThere) {
  space_.map(file(a_, 0x1000, 0x3000, 0, 10));
  space_.map(file(b_, 0x1000, 0x3000, 0, 20));
  EXPECT_EQ(space_.find({0x1000}, 15)->executable, a_);
  EXPECT_EQ(space_.find({0x1000}, 20)->executable, b_);
  EXPECT_EQ(space_.find({0x1000}, 25)->executable, b_);
  EXPECT_EQ(space_.find({0x1000}, 5)->executable, a_) << "a sample a moment ahead of the event";
}

TEST_F(AddressSpaceTest, PartialOverlapsSplitAndKeepFileOffsets) {
  space_.map(file(a_, 0x1000, 0x6000, 0x10000, 1));
  space_.map(file(b_, 0x3000, 0x4000, 0, 2));
  EXPECT_EQ(owner(0x2fff), 1U);
  EXPECT_EQ(owner(0x3000), 2U);
  EXPECT_EQ(owner(0x4000), 1U);
  EXPECT_EQ(space_.find({0x2000})->file_offset({0x2000}).value, 0x11000U);
  EXPECT_EQ(space_.find({0x4000})->file_offset({0x4000}).value, 0x13000U);
  EXPECT_EQ(space_.find({0x5fff})->end.value, 0x6000U);
}

TEST_F(AddressSpaceTest, TheSamePartOfTheSameFileAgainChangesNothing) {
  space_.map(file(a_, 0x1000, 0x6000, 0, 1));
  const uint32_t id = space_.find({0x1000})->id;
  space_.map(file(a_, 0x2000, 0x3000, 0x1000, 2)); // mprotect of a part, and back
  EXPECT_EQ(space_.live().size(), 1U);
  EXPECT_EQ(space_.find({0x2000})->id, id);
  EXPECT_EQ(space_.replaced_count(), 0U);
}

TEST_F(AddressSpaceTest, TheSameFileAtAnotherDisplacementIsAnotherMapping) {
  space_.map(file(a_, 0x1000, 0x3000, 0, 1));
  space_.map(file(a_, 0x3000, 0x4000, 0x9000, 2));
  EXPECT_EQ(space_.live().size(), 2U);
}

TEST_F(AddressSpaceTest, AJitThatFlipsProtectionsKeepsOneMapping) {
  for (uint64_t time = 1; time < 1000; ++time) {
    const uint64_t start = 0x10000 + (time % 16 * kPage);
    space_.map(anonymous(start, start + kPage, time));
  }
  EXPECT_EQ(space_.live().size(), 1U);
  EXPECT_LE(space_.replaced_count(), 16U);
}

TEST_F(AddressSpaceTest, ExecClearsAndKeepsTheOldProgramForItsSamples) {
  space_.map(file(a_, 0x1000, 0x3000, 0, 10));
  space_.clear(20);
  EXPECT_EQ(space_.find({0x1000}), nullptr);
  space_.map(file(b_, 0x1000, 0x3000, 0, 21));
  EXPECT_EQ(space_.find({0x1000}, 19)->executable, a_);
  EXPECT_EQ(space_.find({0x1000}, 22)->executable, b_);
}

TEST_F(AddressSpaceTest, CopiesShareUntilOneChanges) {
  space_.map(file(a_, 0x1000, 0x3000, 0, 1));
  AddressSpace child = space_;
  EXPECT_EQ(&child.live(), &space_.live());
  child.map(file(b_, 0x1000, 0x3000, 0, 2));
  EXPECT_EQ(owner(0x1000), 1U);
  EXPECT_EQ(child.find({0x1000})->executable, b_);
  EXPECT_EQ(child.find({0x1000}, 1)->id, space_.find({0x1000})->id) << "inherited ids stay";
}

TEST_F(AddressSpaceTest, ASnapshotKeepsTheIdsOfWhatIsUnchanged) {
  space_.map(file(a_, 0x1000, 0x3000, 0, 1));
  space_.map(file(b_, 0x5000, 0x6000, 0, 1));
  const uint32_t a_id = space_.find({0x1000})->id;
  const uint32_t b_id = space_.find({0x5000})->id;
  space_.assign({file(a_, 0x1000, 0x3000, 0, 0), file(a_, 0x5000, 0x6000, 0x4000, 0)}, 50);
  EXPECT_EQ(space_.find({0x1000})->id, a_id);
  EXPECT_NE(space_.find({0x5000})->id, b_id);
  EXPECT_EQ(space_.find({0x5000}, 49)->id, b_id);
  EXPECT_EQ(space_.find({0x5000}, 50)->executable, a_);
  space_.assign({}, 60);
  EXPECT_TRUE(space_.live().empty());
  EXPECT_EQ(space_.by_id(a_id)->executable, a_);
}

TEST_F(AddressSpaceTest, ASnapshotJoinsTheLinesOfOneMapping) {
  space_.assign({file(a_, 0x1000, 0x2000, 0, 0), file(a_, 0x2000, 0x3000, 0x1000, 0)}, 0);
  ASSERT_EQ(space_.live().size(), 1U);
  EXPECT_EQ(space_.live()[0].end.value, 0x3000U);
}

TEST_F(AddressSpaceTest, ForgetsWhatWasReplacedLongAgo) {
  space_.map(file(a_, 0x1000, 0x3000, 0, 10));
  const uint32_t id = space_.find({0x1000})->id;
  space_.map(file(b_, 0x1000, 0x3000, 0, 20));
  space_.forget_replaced(20);
  EXPECT_NE(space_.by_id(id), nullptr);
  space_.forget_replaced(21);
  EXPECT_EQ(space_.by_id(id), nullptr);
}

TEST_F(AddressSpaceTest, BoundsWhatItRemembers) {
  for (uint64_t time = 1; time <= 3 * AddressSpace::kMaxReplaced; ++time)
    space_.map(file(time % 2 == 0 ? a_ : b_, 0x1000, 0x2000, 0, time));
  EXPECT_LE(space_.replaced_count(), AddressSpace::kMaxReplaced);
  EXPECT_EQ(space_.find({0x1000}, (3 * AddressSpace::kMaxReplaced) - 1)->executable, b_);
}

TEST_F(AddressSpaceTest, AnswersTheVsyscallPageInEveryProcess) {
  const Mapping* mapping = space_.find({0xffffffffff600400});
  ASSERT_NE(mapping, nullptr);
  EXPECT_EQ(mapping->kind, MappingKind::vsyscall);
  EXPECT_EQ(space_.by_id(kVsyscallMappingId), mapping);
  EXPECT_EQ(space_.find({0xffffffffff601000}), nullptr);
}

TEST_F(AddressSpaceTest, IgnoresEmptyAndInvertedRanges) {
  space_.map(file(a_, 0x1000, 0x1000, 0, 1));
  space_.map(file(a_, 0x2000, 0x1000, 0, 1));
  EXPECT_TRUE(space_.live().empty());
}

// What an address space is, in the plainest form: each page's file and displacement, at each time.
class Model {
public:
  static constexpr size_t kPages = 48;
  struct Content {
    uint32_t file = 0; // 0: none, 99: anonymous
    uint64_t displacement = 0;
    bool operator==(const Content&) const = default;
  };
  using Pages = std::array<Content, kPages>;

  void set(uint64_t time, const Pages& pages) { history_[time] = pages; }
  [[nodiscard]] const Pages& latest() const { return history_.rbegin()->second; }
  [[nodiscard]] const Pages& at(uint64_t time) const {
    return std::prev(history_.upper_bound(time))->second;
  }

private:
  std::map<uint64_t, Pages> history_{{0, {}}};
};

Model::Content content_of(const Mapping* mapping) {
  if (mapping == nullptr)
    return {};
  if (mapping->kind == MappingKind::anonymous)
    return {99, 0};
  return {mapping->executable->id.value, mapping->start.value - mapping->offset.value};
}

// Random maps, execs and snapshots against the model: every page at every time, the order of the
// live mappings, and that an id never changes its meaning.
TEST_F(AddressSpaceTest, AgreesWithAPageByPageModel) {
  static constexpr uint64_t kBase = 0x100000;
  for (unsigned seed = 0; seed < (kSanitized ? 15 : 60); ++seed) {
    std::mt19937 random(seed);
    AddressSpace space;
    Model model;
    std::map<uint32_t, Model::Content> meaning;
    for (uint64_t time = 1; time <= 120; ++time) {
      Model::Pages pages = model.latest();
      if (random() % 40 == 0) {
        space.clear(time);
        pages = {};
      } else {
        const size_t first = random() % Model::kPages;
        const size_t last = std::min(Model::kPages, first + 1 + (random() % 12));
        const uint64_t start = kBase + (first * kPage);
        const uint64_t end = kBase + (last * kPage);
        // Few displacements, so that neighbours often continue each other.
        const uint64_t displacement = kBase - (random() % 2 * kPage * 64);
        Mapping mapping = random() % 3 == 0 ? anonymous(start, end, time)
                                            : file(random() % 2 == 0 ? a_ : b_, start, end,
                                                   start - displacement, time);
        const Model::Content content = content_of(&mapping);
        space.map(std::move(mapping));
        std::fill(pages.begin() + static_cast<std::ptrdiff_t>(first),
                  pages.begin() + static_cast<std::ptrdiff_t>(last), content);
      }
      model.set(time, pages);
      for (size_t i = 1; i < space.live().size(); ++i)
        ASSERT_LE(space.live()[i - 1].end, space.live()[i].start);
      for (const Mapping& mapping : space.live()) {
        const auto [known, is_new] = meaning.try_emplace(mapping.id, content_of(&mapping));
        ASSERT_EQ(known->second, content_of(&mapping)) << "id " << mapping.id;
      }
    }
    for (const auto& [id, content] : meaning)
      ASSERT_EQ(content_of(space.by_id(id)), content) << "seed " << seed << " id " << id;
    for (uint64_t time = 1; time <= 120; ++time)
      for (size_t page = 0; page < Model::kPages; ++page) {
        const Model::Content expected = model.at(time)[page];
        if (expected == Model::Content{})
          continue; // nothing was there: find() may give what came later
        ASSERT_EQ(content_of(space.find({kBase + (page * kPage) + 8}, time)), expected)
            << "seed " << seed << " time " << time << " page " << page;
      }
  }
}

TEST(Process, AForkedOneIsRecognisedByAStartTimeShortlyBeforeItsFork) {
  Process process;
  process.start_precision = StartPrecision::fork;
  process.start_time = 5'000'000'000;
  EXPECT_TRUE(process.started_at(4'999'900'000));
  EXPECT_FALSE(process.started_at(5'000'000'001));
  EXPECT_FALSE(process.started_at(3'000'000'000));
  EXPECT_TRUE(process.started_at_tick(499));
  EXPECT_FALSE(process.started_at_tick(501));
}

TEST(Process, OneFromProcIsRecognisedByTheTick) {
  Process process;
  process.start_precision = StartPrecision::tick;
  process.start_time = time_of_ticks(500);
  EXPECT_TRUE(process.started_at(time_of_ticks(500) + 9'999'999));
  EXPECT_FALSE(process.started_at(time_of_ticks(501)));
}

} // namespace
} // namespace pprofd

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>

#include "daemon/ship/spool/segment.h"
#include "daemon/ship/spool/spool.h"
#include "tests/unit/daemon/output/temporary_folder.h"

namespace pprofd::ship {
namespace {

constexpr uint64_t kRoomy = 100'000'000;

class SpoolTest : public testing::Test {
protected:
  Spool open(uint64_t max_bytes = kRoomy) {
    auto spool = Spool::open(path(), max_bytes);
    if (!spool)
      throw std::runtime_error(text_of(spool.error()));
    return std::move(*spool);
  }
  static void add(Spool& spool, uint64_t id, size_t size = 100) {
    ASSERT_TRUE(spool.append(id, payload(id, size)).value());
  }
  static std::string payload(uint64_t id, size_t size = 100) {
    std::string text = std::to_string(id) + " ";
    text.resize(size, char('a' + id % 26));
    return text;
  }
  static std::vector<uint64_t> read_all(Spool& spool) {
    std::vector<uint64_t> ids;
    while (const auto record = spool.next()) {
      const auto bytes = spool.read(*record);
      EXPECT_TRUE(bytes && *bytes == payload(record->id, record->bytes));
      ids.push_back(record->id);
    }
    return ids;
  }
  [[nodiscard]] std::string path() const { return folder_ / "target"; }
  [[nodiscard]] std::vector<std::string> segments() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path()))
      if (entry.path().extension() == ".spool")
        found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
  }

private:
  TemporaryFolder folder_;
};

std::vector<uint64_t> range(uint64_t from, uint64_t to) {
  std::vector<uint64_t> ids;
  for (uint64_t id = from; id < to; ++id)
    ids.push_back(id);
  return ids;
}

TEST_F(SpoolTest, GivesWhatItTookInOrder) {
  Spool spool = open();
  for (uint64_t id = 1; id < 5; ++id)
    add(spool, id);
  EXPECT_EQ(read_all(spool), range(1, 5));
  EXPECT_FALSE(spool.next());
  add(spool, 5);
  EXPECT_EQ(read_all(spool), range(5, 6));
}

TEST_F(SpoolTest, TakesAnIdOnce) {
  Spool spool = open();
  add(spool, 1);
  EXPECT_FALSE(spool.append(1, "again").value());
  Spool again = open();
  EXPECT_FALSE(again.append(1, "again").value());
  EXPECT_EQ(read_all(again), range(1, 2));
}

TEST_F(SpoolTest, WhoeverOpensItNextReadsWhatIsNotDone) {
  {
    Spool spool = open(1'000'000);
    for (uint64_t id = 1; id < 2'000; ++id)
      add(spool, id);
    SpoolPosition done;
    for (uint64_t id = 1; id < 1'000; ++id)
      done = spool.next()->at;
    spool.done_before(done); // 998 are
  }
  Spool spool = open(1'000'000);
  EXPECT_EQ(spool.figures().records, 2'000U - 999U);
  EXPECT_EQ(read_all(spool), range(999, 2'000));
  EXPECT_EQ(spool.figures().dropped, 0U);
}

TEST_F(SpoolTest, WhatIsDoneLeavesTheDisk) {
  Spool spool = open(1'000'000);
  for (uint64_t id = 1; id < 5'000; ++id)
    add(spool, id);
  EXPECT_GT(segments().size(), 5U);
  EXPECT_EQ(read_all(spool).size(), 4'999U);
  spool.done_before(spool.position());
  EXPECT_LE(segments().size(), 1U);
  EXPECT_LT(spool.figures().bytes, 100'000U);
}

TEST_F(SpoolTest, LittleStaysOnTheDiskWhereNothingWaits) {
  Spool spool = open();
  for (uint64_t id = 1; id < 50; ++id) {
    add(spool, id, 100'000);
    (void)spool.next();
    spool.done_before(spool.position());
    EXPECT_LT(spool.figures().bytes, 400'000U);
  }
  EXPECT_LE(segments().size(), 1U);
  add(spool, 50);
  Spool again = open();
  EXPECT_EQ(read_all(again), range(50, 51))
      << "a new file's number is not that of one that is done";
}

TEST_F(SpoolTest, OverItsSizeTheOldestGoAndAreCounted) {
  Spool spool = open(1'000'000);
  constexpr uint64_t kAdded = 20'000;
  for (uint64_t id = 1; id <= kAdded; ++id) {
    add(spool, id);
    ASSERT_LE(spool.figures().bytes, 1'000'000U);
  }
  const uint64_t dropped = spool.figures().dropped;
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(read_all(spool), range(dropped + 1, kAdded + 1));
}

TEST_F(SpoolTest, WhatWasReadAndEvictedIsGoneAndSaysSo) {
  Spool spool = open(1'000'000);
  add(spool, 1);
  const auto record = spool.next();
  for (uint64_t id = 2; id < 20'000; ++id)
    add(spool, id);
  EXPECT_FALSE(spool.has(*record));
  EXPECT_FALSE(spool.read(*record));
}

TEST_F(SpoolTest, RefusesWhatIsLargerThanHalfOfIt) {
  Spool spool = open(1'000'000);
  EXPECT_FALSE(spool.append(1, std::string(600'000, 'x')));
  add(spool, 2, 400'000);
  EXPECT_EQ(read_all(spool), range(2, 3));
}

TEST_F(SpoolTest, ASmallerLimitHoldsFromTheStart) {
  {
    Spool spool = open();
    for (uint64_t id = 1; id < 100; ++id)
      add(spool, id, 100'000);
  }
  const Spool spool = open(5'000'000);
  EXPECT_LE(spool.figures().bytes, 5'000'000U);
  EXPECT_GT(spool.figures().dropped, 0U);
}

TEST_F(SpoolTest, TornAndForeignBytesCostOnlyThemselves) {
  {
    Spool spool = open(1'000'000);
    for (uint64_t id = 1; id < 3'000; ++id)
      add(spool, id);
  }
  const auto files = segments();
  ASSERT_GT(files.size(), 3U);
  std::filesystem::resize_file(files[0], std::filesystem::file_size(files[0]) - 30);
  std::filesystem::resize_file(files[1], 0);
  write_file(files[2], std::string(5'000, 'z'));
  write_file(path() + "/notes.txt", "somebody's");
  std::filesystem::create_directory(path() + "/00000000000000ff.spool");
  Spool spool = open(1'000'000);
  EXPECT_EQ(spool.figures().skipped, 5'000U + (100U + kRecordHeader - 30U));
  const auto ids = read_all(spool);
  EXPECT_EQ(ids.back(), 2'999U);
  EXPECT_TRUE(std::ranges::is_sorted(ids));
  spool.done_before(spool.position());
  EXPECT_TRUE(std::filesystem::exists(path() + "/notes.txt"));
  add(spool, 5'000);
  EXPECT_EQ(read_all(spool), range(5'000, 5'001));
}

TEST_F(SpoolTest, ASegmentThatCannotBeReadCostsOnlyItself) {
  {
    Spool spool = open(1'000'000);
    for (uint64_t id = 1; id < 3'000; ++id)
      add(spool, id);
  }
  const auto files = segments();
  ASSERT_GT(files.size(), 2U);
  for (const auto& file : {files.front(), files.back()})
    std::filesystem::permissions(file, std::filesystem::perms::none);
  for (const auto& folder : {path(), std::filesystem::path(path()).parent_path().string()})
    std::filesystem::permissions(folder, std::filesystem::perms::all);
  const auto size =
      std::filesystem::file_size(files.front()) + std::filesystem::file_size(files.back());
  setfsuid(65534); // root reads everything
  auto spool = Spool::open(path(), 1'000'000);
  ASSERT_TRUE(spool) << text_of(spool.error());
  EXPECT_EQ(spool->figures().skipped, size);
  EXPECT_GT(read_all(*spool).size(), 100U);
  add(*spool, 5'000); // to a file of another name
  EXPECT_EQ(read_all(*spool), range(5'000, 5'001));
  setfsuid(0);
}

TEST_F(SpoolTest, ADamagedCursorHasProfilesSentAgain) {
  {
    Spool spool = open();
    for (uint64_t id = 1; id < 10; ++id)
      add(spool, id);
    (void)spool.next();
    (void)spool.next();
    spool.done_before(spool.position());
  }
  EXPECT_EQ(open().figures().records, 7U);
  write_file(path() + "/cursor", "garbage");
  Spool spool = open();
  EXPECT_EQ(read_all(spool), range(1, 10));
}

TEST_F(SpoolTest, NothingSyncedIsLostToSigkill) {
  // A child appends and says what it has synced; killed at any moment, all of that is there.
  std::mt19937 random(2);
  uint64_t next = 1;
  std::vector<uint64_t> expected;
  for (int round = 0; round < 20; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      Spool spool = open(kRoomy);
      for (uint64_t id = next;; ++id) {
        (void)spool.append(id, payload(id, 1 + id * 37 % 5'000));
        if (id % 3 != 0)
          continue;
        if (!spool.sync() || ::write(ends[1], &id, sizeof id) != sizeof id)
          _exit(1);
      }
    }
    ::close(ends[1]);
    uint64_t synced = 0;
    for (auto wait = 1 + random() % 20; wait > 0; --wait)
      ASSERT_EQ(::read(ends[0], &synced, sizeof synced), ssize_t(sizeof synced));
    ::kill(child, SIGKILL);
    while (::read(ends[0], &synced, sizeof synced) > 0) {
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    for (uint64_t id = next; id <= synced; ++id)
      expected.push_back(id);
    next = synced + 1'000'000;
  }
  Spool spool = open(kRoomy);
  const auto ids = read_all(spool);
  EXPECT_TRUE(std::ranges::includes(ids, expected));
  EXPECT_EQ(std::set<uint64_t>(ids.begin(), ids.end()).size(), ids.size());
}

} // namespace
} // namespace pprofd::ship

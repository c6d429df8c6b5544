// Which tables are made, and in which order. Rows are made by the test, on the service's thread.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "daemon/unwind/table_service.h"
#include "tests/unit/daemon/unwind/kernel_maps.h"
#include "tests/unit/daemon/unwind/tables/made_rows.h"

namespace pprofd::test {
namespace {

using namespace std::chrono_literals;

constexpr size_t kSmall = 2 * kTableChunkBytes; // of the tables made here
constexpr uint64_t kBroken = 1'000'000;         // files from here on can't be compiled
constexpr uint64_t kGone = 2'000'000;           // or opened

// Compiles what it is asked to, one file at a time where the gate is closed.
class Compiler {
public:
  Result<CompiledRows> compile(const TableService::File& file) {
    std::unique_lock lock(mutex_);
    started_.push_back(file.id);
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_ || passes_ > 0; });
    passes_ -= open_ ? 0 : 1;
    lock.unlock();
    if (cost_ > 0ms)
      std::this_thread::sleep_for(cost_);
    if (file.id >= kBroken)
      return fail("compile", "broken");
    return rows_of(file.id).compiled();
  }

  static MadeRows rows_of(uint64_t file) {
    MadeRows rows;
    rows.add(0x1000, rule_of(static_cast<uint32_t>(3 * file)));
    rows.add(0x2000, kGap);
    return rows;
  }

  void close() {
    const std::scoped_lock lock(mutex_);
    open_ = false;
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void await_start(size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, 20s, [&] { return started_.size() >= count; }));
  }
  std::vector<uint64_t> started() {
    const std::scoped_lock lock(mutex_);
    return started_;
  }
  void set_cost(std::chrono::milliseconds cost) { cost_ = cost; }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int passes_ = 0;
  std::vector<uint64_t> started_;
  std::chrono::milliseconds cost_{0};
};

class Service : public testing::Test {
protected:
  void SetUp() override { PPROFD_NEEDS_MAPS(maps_); }
  void TearDown() override { compiler_.open(); }

  void make(size_t limit = 1 << 20, std::chrono::milliseconds keep_unused = 30s) {
    store_.emplace(maps_.maps(), limit);
    service_.emplace(
        *store_, [this](const TableService::File& file) { return compiler_.compile(file); },
        [this](uint64_t id) -> Result<TableService::File> {
          ++opened_;
          if (id >= kGone)
            return fail("open", "gone");
          return TableService::File{.id = id, .fd = {}, .expected_build_id = {}};
        },
        keep_unused);
  }

  // Files 0 to count - 1, each used by one address space.
  void add_files(uint64_t count) {
    for (uint64_t file = 0; file < count; ++file)
      service_->add_user(service_->table_of(file));
  }

  template <typename Condition> void await(Condition&& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      service_->tick();
      service_->wait(10ms);
    }
  }
  void await_ready(uint32_t table) {
    await([&] { return service_->state(table) == TableState::ready; });
  }

  MadeRows::Answer find(uint32_t table, uint64_t address) {
    unwind_found found{};
    const unwind_lookup result = service_->find(table, address, found);
    return {result, result == UNWIND_FOUND ? found.cfa_offset : 0};
  }

  KernelMaps maps_;
  Compiler compiler_;
  std::optional<TableStore> store_;
  int opened_ = 0;
  std::optional<TableService> service_; // after what its thread uses
};

TEST_F(Service, AFileHasOneTable) {
  make();
  const uint32_t first = service_->table_of(5);
  EXPECT_GE(first, uint32_t{PPROFD_TABLE_FIRST});
  EXPECT_NE(service_->table_of(6), first);
  EXPECT_EQ(service_->table_of(5), first);
  EXPECT_EQ(service_->stats().files, 2U);
}

TEST_F(Service, FilesThatNobodyUsesAreNotCompiled) {
  make();
  for (uint64_t file = 0; file < 5; ++file)
    service_->table_of(file);
  const uint32_t used = service_->table_of(7);
  service_->add_user(used);
  await_ready(used);
  for (int at = 0; at < 5; ++at)
    service_->tick();
  EXPECT_EQ(compiler_.started(), std::vector<uint64_t>{7});
  EXPECT_EQ(find(used, 0x1800), Compiler::rows_of(7).at(0x1800));
  EXPECT_EQ(find(used, 0x2000).result, UNWIND_NO_ROW);
}

TEST_F(Service, AnAskedForTableIsMadeWithoutUsers) {
  make();
  const uint32_t table = service_->table_of(3);
  EXPECT_EQ(find(table, 0x1000).result, UNWIND_PENDING);
  await_ready(table);
  EXPECT_EQ(find(table, 0x1000), Compiler::rows_of(3).at(0x1000));
}

TEST_F(Service, TheMostUsedComeFirst) {
  make();
  for (uint64_t file = 0; file < 6; ++file)
    for (uint64_t user = 0; user <= (file * 5) % 6; ++user)
      service_->add_user(service_->table_of(file));
  await([&] { return service_->stats().compiled == 6; });
  EXPECT_EQ(compiler_.started(), (std::vector<uint64_t>{1, 2, 3, 4, 5, 0}));
}

TEST_F(Service, WhatASampleWaitsForComesFirst) {
  make();
  add_files(20);
  service_->demand(service_->table_of(15));
  await([&] { return service_->stats().compiled == 20; });
  EXPECT_EQ(compiler_.started().front(), 15U);
  const auto started = compiler_.started();
  EXPECT_EQ(std::set<uint64_t>(started.begin(), started.end()).size(), 20U);
}

// Also where others, or the file itself, have been handed to the thread already.
TEST_F(Service, WhatASampleWaitsForOvertakesWhatIsQueued) {
  make();
  add_files(20);
  compiler_.close();
  service_->tick();
  compiler_.await_start(1);
  const uint64_t first = compiler_.started().front();
  const auto demanded = [&](uint64_t file) {
    service_->demand(service_->table_of(file));
    return file;
  };
  const std::set<uint64_t> wanted{demanded(first + 1), demanded(first + 4), demanded(first + 17)};
  service_->tick();
  compiler_.open();
  await([&] { return service_->stats().compiled == 20; });
  const auto started = compiler_.started();
  EXPECT_EQ(std::set<uint64_t>(started.begin() + 1, started.begin() + 4), wanted);
}

TEST_F(Service, WorkThatNobodyWaitsForTakesABoundedShareOfTheTime) {
  make();
  compiler_.set_cost(60ms);
  add_files(30);
  const auto began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - began < 1500ms) {
    service_->tick();
    service_->wait(5ms);
  }
  // 200 ms at once and a fiftieth of the time, and what was begun within that.
  EXPECT_GE(service_->stats().compiled, 3U);
  EXPECT_LE(service_->stats().compiled, 6U);
  // A sample's does not wait for the budget.
  const uint32_t wanted = service_->table_of(29);
  ASSERT_EQ(service_->state(wanted), TableState::pending);
  EXPECT_EQ(find(wanted, 0x1000).result, UNWIND_PENDING);
  const auto asked = std::chrono::steady_clock::now();
  await_ready(wanted);
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 1s);
}

TEST_F(Service, FilesThatFailAreTriedOnce) {
  make();
  for (const uint64_t file : {kBroken, kGone}) {
    const uint32_t table = service_->table_of(file);
    EXPECT_EQ(find(table, 0x1000).result, UNWIND_PENDING);
    await([&] { return service_->state(table) == TableState::failed; });
    const int opened = opened_;
    for (int at = 0; at < 5; ++at) {
      EXPECT_EQ(find(table, 0x1000).result, UNWIND_NO_UNWIND_INFO);
      service_->demand(table);
      service_->tick();
    }
    EXPECT_EQ(opened_, opened);
  }
  EXPECT_EQ(service_->stats().failed, 2U);
  EXPECT_EQ(compiler_.started(), std::vector<uint64_t>{kBroken});
  EXPECT_EQ(maps_.table_chunks(), 0U);
}

TEST_F(Service, OneTooLargeForTheLimitFails) {
  make(kSmall - 1);
  const uint32_t table = service_->table_of(1);
  service_->demand(table);
  await([&] { return service_->state(table) == TableState::failed; });
  EXPECT_EQ(service_->tables().refused, 1U);
}

TEST_F(Service, TickSaysWhenThereIsNews) {
  make();
  EXPECT_FALSE(service_->tick());
  service_->demand(service_->table_of(1));
  EXPECT_FALSE(service_->tick());
  service_->wait(20s);
  EXPECT_TRUE(service_->tick());
  EXPECT_FALSE(service_->tick());
  service_->demand(service_->table_of(kGone));
  service_->tick();
  EXPECT_TRUE(service_->tick());
}

TEST_F(Service, WhatWasEvictedIsMadeAgainWhenASampleAsks) {
  make(3 * kSmall);
  std::vector<uint32_t> tables;
  for (uint64_t file = 0; file < 5; ++file) {
    tables.push_back(service_->table_of(file));
    service_->demand(tables.back());
    await_ready(tables.back());
    service_->touch(tables.front());
  }
  service_->tick();
  const std::vector expected = {TableState::ready, TableState::pending, TableState::pending,
                                TableState::ready, TableState::ready};
  for (size_t at = 0; at < tables.size(); ++at)
    EXPECT_EQ(service_->state(tables[at]), expected[at]) << at;
  EXPECT_EQ(find(tables[1], 0x1000).result, UNWIND_PENDING);
  await_ready(tables[1]);
  EXPECT_EQ(find(tables[1], 0x1000), Compiler::rows_of(1).at(0x1000));
  service_->tick();
  EXPECT_EQ(service_->state(tables[3]), TableState::pending);
  EXPECT_EQ(service_->tables().bytes, 3 * kSmall);
}

// The sample that finds it gone is the one that waits for it.
TEST_F(Service, OneThatWentAMomentAgoIsAskedForAtOnce) {
  make(kSmall);
  const uint32_t first = service_->table_of(1);
  service_->demand(first);
  await_ready(first);
  ASSERT_TRUE(store_->install(service_->table_of(2), Compiler::rows_of(2).compiled()));
  EXPECT_EQ(find(first, 0x1000).result, UNWIND_PENDING);
  EXPECT_EQ(service_->state(first), TableState::pending);
  await_ready(first);
}

TEST_F(Service, WhatNobodyMapsAnyMoreIsForgotten) {
  make(1 << 20, 1ms);
  constexpr uint64_t kFiles = 100;
  const uint32_t stays = service_->table_of(kFiles);
  service_->add_user(stays);
  for (const uint64_t file : {uint64_t{3}, kBroken, kGone}) {
    const uint32_t table = service_->table_of(file);
    service_->add_user(table);
    service_->demand(table);
    await([&] { return service_->state(table) != TableState::pending; });
    service_->touch(table);
    service_->remove_user(table);
  }
  for (uint64_t file = 10; file < kFiles; ++file) {
    const uint32_t table = service_->table_of(file);
    service_->add_user(table);
    service_->remove_user(table);
  }
  await([&] { return service_->stats().files == 1; });
  await_ready(stays);
  EXPECT_EQ(service_->tables().tables, 1U);
  EXPECT_EQ(service_->tables().bytes, kSmall);

  const uint32_t again = service_->table_of(3);
  service_->add_user(again);
  await_ready(again);
  EXPECT_EQ(find(again, 0x1000), Compiler::rows_of(3).at(0x1000));
}

TEST_F(Service, EndsWithWorkLeft) {
  make();
  compiler_.close();
  add_files(20);
  service_->tick();
  compiler_.await_start(1);
  compiler_.set_cost(20ms);
  std::jthread opener([&] { compiler_.open(); });
  service_.reset();
  EXPECT_LT(compiler_.started().size(), 8U);
}

} // namespace
} // namespace pprofd::test

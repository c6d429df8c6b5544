// Indexes made by the real worker, and names given by them.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "daemon/symbols/index_builder.h"
#include "daemon/symbols/index_making.h"
#include "daemon/symbols/name_source.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using symbolizer::SymbolizedFile;
using test::Scratch;

constexpr uint64_t kFile = 7;
constexpr std::string_view kSource = R"(
extern "C" int puts(const char*);
namespace shapes {
template <typename T> inline T twice(T x) { return x * x + 3; }
}
extern "C" __attribute__((noinline)) int plain(int x) {
  puts("y");
  return shapes::twice(x) + 1;
}
extern "C" int main(int argc, char**) { return plain(argc); }
)";

symbolizer::WorkerOptions worker() {
  symbolizer::WorkerOptions options;
  options.program = PPROFD_TEST_WORKER;
  options.deadline = 30s;
  return options;
}

class Indexes : public testing::Test {
protected:
  void SetUp() override {
    test::run("g++ -O2 -g " + scratch_.write("a.cc", kSource) + " -o " + scratch_.path("a.out"));
    std::filesystem::create_directory(scratch_.path("cache"));
    for (const auto& symbol : test::nm(scratch_.path("a.out"), ""))
      if (symbol.name == "plain")
        for (uint64_t at = symbol.address; at < symbol.address + symbol.size; ++at)
          addresses_.push_back({at});
    ASSERT_FALSE(addresses_.empty());
  }

  [[nodiscard]] IndexCache cache() const { return *IndexCache::open(scratch_.path("cache")); }

  [[nodiscard]] FileToName file() const {
    return {.id = kFile,
            .fd = test::open_file(scratch_.path("a.out")),
            .expected_build_id = {},
            .form = symbolizer::NamesFile::kElfByAddress,
            .described = {.path = scratch_.path("a.out")}};
  }

  // A job for the file, whose key is the cache's own.
  IndexJob job(IndexCache& cache) {
    symbolizer::WorkerClient client(worker());
    const Fd fd = test::open_file(scratch_.path("a.out"));
    const auto known = client.symbolize(kFile, fd.get(), {});
    const FoundDebug found =
        DebugSearch(client, {}, &cache).find(known, fd.get(), file().described);
    key_ = found.index_key;
    return *index_job(kFile, fd.get(), found);
  }

  // Function, file and line of each level, of all addresses.
  std::vector<std::string> names_with(IndexCache* cache) {
    symbolizer::WorkerClient client(worker());
    NameSource source(client, {}, cache);
    const SymbolizedFile answer = source.ask(file(), addresses_);
    EXPECT_TRUE(answer.answered) << answer.failure;
    std::vector<std::string> names;
    for (const auto& address : answer.addresses)
      for (const auto& frame : address.frames)
        names.push_back(std::string(frame.function) + " " + std::string(frame.system_name) + " " +
                        std::string(frame.file) + ":" + std::to_string(frame.line));
    return names;
  }

  void make() {
    IndexBuilder builder(cache(), {.worker = worker()});
    IndexCache mine = cache();
    builder.add(job(mine));
    ASSERT_TRUE(builder.finish(60s));
  }

  Scratch scratch_;
  std::vector<FileOffset> addresses_;
  std::string key_;
};

TEST_F(Indexes, AreMadeByAWorkerThatEndsThen) {
  IndexBuilder builder(cache(), {.worker = worker()});
  IndexCache mine = cache();
  builder.add(job(mine));
  ASSERT_TRUE(builder.finish(60s));
  EXPECT_TRUE(mine.find(key_));
  EXPECT_EQ(builder.status().pid, 0);
  EXPECT_EQ(builder.status().starts, 1U);
  // What is there is not made again.
  builder.add(job(mine));
  ASSERT_TRUE(builder.finish(60s));
  EXPECT_EQ(builder.status().starts, 1U);
}

TEST_F(Indexes, WhatIsGivenUpIsNotWaitedFor) {
  IndexBuilder builder(cache(), {.worker = worker()});
  IndexCache mine = cache();
  for (int i = 0; i < 3; ++i)
    builder.add(job(mine));
  builder.give_up();
  EXPECT_TRUE(builder.finish(60s));
  mine.drop(key_);
  builder.add(job(mine)); // it goes on with what comes then
  EXPECT_TRUE(builder.finish(60s));
  EXPECT_TRUE(mine.find(key_));
}

TEST_F(Indexes, OfAFileWithoutCodeAreNotMade) {
  IndexBuilder builder(cache(), {.worker = worker()});
  IndexCache mine = cache();
  IndexJob none = job(mine);
  none.fd = test::open_file(scratch_.write("text", "no program"));
  builder.add(std::move(none));
  ASSERT_TRUE(builder.finish(60s));
  EXPECT_FALSE(mine.find(key_));
}

TEST_F(Indexes, GiveTheSameNamesAsTheFile) {
  const auto expected = names_with(nullptr);
  ASSERT_GT(expected.size(), addresses_.size()); // some are inlined
  make();
  // The worker has nothing else: the index alone is where the names are.
  IndexCache mine = cache();
  EXPECT_EQ(names_with(&mine), expected);
}

TEST_F(Indexes, ThatAreDamagedAreDroppedAndTheFileIsAskedInstead) {
  const auto expected = names_with(nullptr);
  make();
  IndexCache mine = cache();
  const std::string path = scratch_.path("cache/" + key_ + ".index");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_EQ(names_with(&mine), expected);
  EXPECT_FALSE(mine.find(key_));
}

TEST(IndexPays, WhereLookUpsTookLongForTheSizeOfTheFile) {
  EXPECT_FALSE(index_pays(100ms, 300'000'000));
  EXPECT_TRUE(index_pays(300ms, 300'000'000));
  EXPECT_TRUE(index_pays(2ms, 2'000'000));
}

TEST(IndexAllowance, IsAShareOfAllTimeThatMayBeOverdrawn) {
  const auto begin = std::chrono::steady_clock::now();
  const IndexAllowance allowance(0.01, begin);
  EXPECT_EQ(allowance.wait(0s, begin), 0s);
  EXPECT_EQ(allowance.wait(3s, begin + 100s), 200s);
  EXPECT_EQ(allowance.wait(3s, begin + 300s), 0s);
  EXPECT_EQ(allowance.charged(3s, begin + 100s), 1s);
  EXPECT_EQ(allowance.charged(3s, begin + 1000s), 3s);
}

TEST(IndexAllowance, OfNoShareIsNoLimit) {
  const auto begin = std::chrono::steady_clock::now();
  const IndexAllowance allowance(0, begin);
  EXPECT_EQ(allowance.wait(100s, begin), 0s);
  EXPECT_EQ(allowance.charged(100s, begin), 100s);
}

} // namespace
} // namespace pprofd

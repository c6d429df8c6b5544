#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "daemon/symbols/index_cache.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd {
namespace {

using test::Scratch;

// Keeps an index of `size` bytes under `key`.
void keep(IndexCache& cache, const std::string& key, uint64_t size, char content = 'x') {
  auto draft = cache.begin(size + 100);
  ASSERT_TRUE(draft);
  const std::string bytes(size, content);
  ASSERT_EQ(::pwrite(draft->fd(), bytes.data(), size, 0), static_cast<ssize_t>(size));
  ASSERT_TRUE(cache.keep(std::move(*draft), size, key));
}

std::string content_of(const Fd& file) {
  std::string bytes(1 << 12, '\0');
  const ssize_t size = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  bytes.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return bytes;
}

size_t files_in(const std::string& folder) {
  const std::filesystem::directory_iterator files(folder);
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

TEST(IndexCache, WhatIsKeptIsFound) {
  const Scratch scratch;
  const std::string folder = scratch.path("cache");
  auto cache = IndexCache::open(folder);
  ASSERT_TRUE(cache);
  EXPECT_FALSE(cache->find("a"));
  keep(*cache, "a", 10);
  EXPECT_EQ(content_of(cache->find("a")), "xxxxxxxxxx");
  keep(*cache, "a", 3, 'y');
  EXPECT_EQ(content_of(IndexCache::open(folder)->find("a")), "yyy");
  cache->drop("a");
  EXPECT_FALSE(cache->find("a"));
  EXPECT_EQ(files_in(folder), 0U);
}

TEST(IndexCache, ADraftThatIsNotKeptLeavesNothing) {
  const Scratch scratch;
  const std::string folder = scratch.path("cache");
  auto cache = IndexCache::open(folder);
  {
    const auto draft = cache->begin(1 << 20);
    ASSERT_TRUE(draft);
    EXPECT_EQ(files_in(folder), 1U);
  }
  EXPECT_EQ(files_in(folder), 0U);
  EXPECT_FALSE(cache->begin(uint64_t{1} << 50));
}

TEST(IndexCache, WhatWasNotUsedForLongestGoesFirst) {
  const Scratch scratch;
  const std::string folder = scratch.path("cache");
  auto cache = IndexCache::open(folder, 250);
  const auto set_age = [&](const std::string& key, int seconds) {
    using namespace std::chrono;
    std::filesystem::last_write_time(folder + "/" + key + ".index",
                                     std::filesystem::file_time_type::clock::now() -
                                         std::chrono::seconds(seconds));
  };
  keep(*cache, "a", 100);
  set_age("a", 300);
  keep(*cache, "b", 100);
  set_age("b", 200);
  EXPECT_TRUE(cache->find("a")); // used now
  keep(*cache, "c", 100);
  EXPECT_TRUE(cache->find("a"));
  EXPECT_FALSE(cache->find("b"));
  EXPECT_TRUE(cache->find("c"));
}

TEST(IndexCache, WhatOthersMayWriteIsNotTaken) {
  const Scratch scratch;
  const std::string folder = scratch.path("cache");
  auto cache = IndexCache::open(folder);
  keep(*cache, "a", 10);
  const std::string file = folder + "/a.index";
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  EXPECT_FALSE(cache->find("a"));
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  EXPECT_TRUE(cache->find("a"));
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(file.c_str(), 65534, 65534), 0);
    EXPECT_FALSE(cache->find("a"));
  }
  ASSERT_EQ(::symlink("/etc/passwd", (folder + "/b.index").c_str()), 0);
  EXPECT_FALSE(cache->find("b"));
  ASSERT_EQ(::mkfifo((folder + "/c.index").c_str(), 0600), 0);
  EXPECT_FALSE(cache->find("c"));
  ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  EXPECT_EQ(IndexCache::open(folder).error().why, "others may write it");
}

TEST(IndexCache, AFolderThatCannotBeUsedSaysWhy) {
  const Scratch scratch;
  EXPECT_EQ(IndexCache::open(scratch.path("no/folder")).error().why, "No such file or directory");
  EXPECT_EQ(IndexCache::open(scratch.write("file", "")).error().why, "Not a directory");
}

} // namespace
} // namespace pprofd

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "daemon/debuginfod/fetched_files.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd {
namespace {

using test::Scratch;

Result<void> keep(FetchedFiles& files, const std::string& build_id, const std::string& content) {
  auto draft = files.begin();
  if (!draft)
    return std::unexpected(draft.error());
  EXPECT_EQ(::pwrite(draft->fd(), content.data(), content.size(), 0),
            static_cast<ssize_t>(content.size()));
  return files.keep(std::move(*draft), content.size(), build_id);
}

std::string content_of(const Fd& file) {
  std::string bytes(1 << 12, '\0');
  const ssize_t size = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  bytes.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return bytes;
}

TEST(FetchedFiles, AreKeptForTheNextOneWhoLooks) {
  const Scratch scratch;
  const std::string cache = scratch.path("cache");
  FetchedFiles files(cache);
  EXPECT_FALSE(files.find("aabbccdd"));
  ASSERT_TRUE(keep(files, "aabbccdd", "content"));
  EXPECT_EQ(content_of(files.find("aabbccdd")), "content");
  EXPECT_EQ(content_of(FetchedFiles(cache).find("aabbccdd")), "content");
  struct ::stat info{};
  ASSERT_EQ(::stat((cache + "/debuginfod/aabbccdd.debug").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  files.drop("aabbccdd");
  EXPECT_FALSE(FetchedFiles(cache).find("aabbccdd"));
}

TEST(FetchedFiles, WithoutAFolderLastAsLongAsTheirOwner) {
  FetchedFiles files("");
  ASSERT_TRUE(keep(files, "aabbccdd", "one"));
  ASSERT_TRUE(keep(files, "aabbccdd", "another"));
  const Fd file = files.find("aabbccdd");
  EXPECT_EQ(content_of(file), "another");
  EXPECT_EQ(::pwrite(file.get(), "x", 1, 0), -1) << "open for reading alone";
  files.drop("aabbccdd");
  EXPECT_FALSE(files.find("aabbccdd"));
}

TEST(FetchedFiles, AFolderThatOthersMayWriteIsNone) {
  const Scratch scratch;
  const std::string cache = scratch.path("cache");
  ASSERT_EQ(::mkdir(cache.c_str(), 0777), 0);
  ASSERT_EQ(::chmod(cache.c_str(), 0777), 0);
  FetchedFiles files(cache);
  ASSERT_TRUE(keep(files, "aabbccdd", "content"));
  EXPECT_TRUE(files.find("aabbccdd"));
  EXPECT_TRUE(std::filesystem::is_empty(cache));
}

TEST(FetchedFiles, AnotherSizeThanWasSaidIsNotKept) {
  const Scratch scratch;
  for (const std::string& cache : {scratch.path("cache"), std::string()}) {
    FetchedFiles files(cache);
    auto draft = files.begin();
    ASSERT_TRUE(draft);
    ASSERT_EQ(::pwrite(draft->fd(), "content", 7, 0), 7);
    EXPECT_FALSE(files.keep(std::move(*draft), 8, "aabbccdd"));
    EXPECT_FALSE(files.find("aabbccdd"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path("cache/debuginfod"))) << "no draft is left";
}

TEST(FetchedFiles, TheLeastUsedGoWhereThereIsNoRoom) {
  const Scratch scratch;
  for (const std::string& cache : {scratch.path("cache"), std::string()}) {
    FetchedFiles files(cache, 1000);
    ASSERT_TRUE(keep(files, "aaaaaaaa", std::string(600, 'a')));
    const timespec old[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
    if (!cache.empty()) {
      ASSERT_EQ(::utimensat(AT_FDCWD, (cache + "/debuginfod/aaaaaaaa.debug").c_str(), old, 0), 0);
    }
    ASSERT_TRUE(keep(files, "bbbbbbbb", std::string(600, 'b')));
    EXPECT_FALSE(files.find("aaaaaaaa")) << cache;
    EXPECT_TRUE(files.find("bbbbbbbb")) << cache;
  }
}

} // namespace
} // namespace pprofd

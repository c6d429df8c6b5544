#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "daemon/process/files/file_opener.h"
#include "tests/unit/daemon/process/fake_proc.h"

namespace pprofd {
namespace {

namespace fs = std::filesystem;

// Files below a folder that plays the root of process 7; map_files and exe are links as in /proc.
class FileOpenerTest : public testing::Test {
protected:
  FileOpenerTest() : opener_(proc_.root()) {
    fs::create_directories(root() / "bin");
    fs::create_directories(fs::path(proc_.root()) / "7" / "map_files");
    // root is a link in /proc as well
    fs::create_directory_symlink(root(), fs::path(proc_.root()) / "7" / "root");
    fs::create_directories(fs::path(proc_.root()) / "8");
    fs::create_directory_symlink(root(), fs::path(proc_.root()) / "8" / "root");
  }

  [[nodiscard]] fs::path root() const { return fs::path(proc_.root()) / "container"; }
  [[nodiscard]] fs::path file(const std::string& name, const std::string& text = "x") const {
    const fs::path path = root() / name.substr(1);
    std::ofstream(path) << text;
    return path;
  }
  [[nodiscard]] OpenRequest request(const std::string& name, const fs::path& same_inode_as) const {
    struct ::stat info{};
    EXPECT_EQ(::stat(same_inode_as.c_str(), &info), 0);
    return {.pid = 7,
            .start = {0x1000},
            .end = {0x2000},
            .name = name,
            .others = {},
            .device = info.st_dev,
            .inode = info.st_ino,
            .expected = {}};
  }
  void link_mapping(const fs::path& target) const {
    fs::create_symlink(target, fs::path(proc_.root()) / "7" / "map_files" / "1000-2000");
  }

  FakeProc proc_;
  FileOpener opener_;
};

std::string content(const OpenedFile& file) {
  char text[64] = {};
  const ssize_t got = ::read(file.fd.get(), text, sizeof(text));
  return {text, static_cast<size_t>(std::max<ssize_t>(0, got))};
}

TEST_F(FileOpenerTest, OpensByNameBeneathTheProcessesRoot) {
  const fs::path path = file("/bin/a", "inside");
  const auto opened = opener_.open(request("/bin/a", path));
  ASSERT_TRUE(opened) << opened.error().why;
  EXPECT_EQ(opened->by, OpenedBy::name);
  EXPECT_EQ(content(*opened), "inside");
}

TEST_F(FileOpenerTest, PrefersMapFilesWhichIsRightEvenWhenTheNameWasReplaced) {
  const fs::path original = file("/bin/original", "mapped");
  link_mapping(original);
  static_cast<void>(file("/bin/a", "replacement"));
  const auto opened = opener_.open(request("/bin/a", original));
  ASSERT_TRUE(opened) << opened.error().why;
  EXPECT_EQ(opened->by, OpenedBy::map_files);
  EXPECT_EQ(content(*opened), "mapped");
}

TEST_F(FileOpenerTest, RefusesAnotherInodeUnderTheSameName) {
  const fs::path mapped = file("/bin/mapped");
  static_cast<void>(file("/bin/a", "replacement"));
  const auto opened = opener_.open(request("/bin/a", mapped));
  ASSERT_FALSE(opened);
}

TEST_F(FileOpenerTest, TakesANameOnTrustOnlyIfTheReaderCanVerifyIt) {
  static_cast<void>(file("/bin/a"));
  OpenRequest by_name{
      .pid = 7, .start = {1}, .end = {2}, .name = "/bin/a", .others = {}, .expected = {}};
  EXPECT_FALSE(opener_.open(by_name));
  by_name.verifiable = true;
  EXPECT_TRUE(opener_.open(by_name));
}

TEST_F(FileOpenerTest, NeverLeavesTheRootByLinksOrDots) {
  const fs::path outside = fs::path(proc_.root()) / "secret";
  std::ofstream(outside) << "outside";
  fs::create_symlink(outside, root() / "bin" / "link");
  fs::create_symlink("../../secret", root() / "bin" / "dots");
  for (const std::string name : {"/bin/link", "/bin/dots", "/../secret", "/bin/../../secret"}) {
    OpenRequest asked = request(name, outside);
    EXPECT_FALSE(opener_.open(asked)) << name;
    asked.verifiable = true;
    asked.inode = 0;
    EXPECT_FALSE(opener_.open(asked)) << name;
  }
}

TEST_F(FileOpenerTest, FollowsLinksAsTheProcessWould) {
  const fs::path path = file("/bin/real", "real");
  fs::create_symlink("/bin/real", root() / "bin" / "link");
  const auto opened = opener_.open(request("/bin/link", path));
  ASSERT_TRUE(opened) << opened.error().why;
  EXPECT_EQ(content(*opened), "real");
}

TEST_F(FileOpenerTest, DoesNotWaitForAFifo) {
  const fs::path fifo = root() / "bin" / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  auto opening =
      std::async(std::launch::async, [&] { return opener_.open(request("/bin/fifo", fifo)); });
  ASSERT_EQ(opening.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  const auto opened = opening.get();
  ASSERT_FALSE(opened);
  link_mapping(fifo);
  EXPECT_EQ(opener_.open(request("/bin/fifo", fifo)).error().why, "not a regular file");
}

TEST_F(FileOpenerTest, DoesNotTouchDevicesFoldersAndSockets) {
  fs::create_symlink("/dev/zero", fs::path(proc_.root()) / "7" / "map_files" / "1000-2000");
  EXPECT_EQ(opener_.open(request("/dev/zero", "/dev/zero")).error().why, "not a regular file");
  EXPECT_FALSE(opener_.open({.pid = 8,
                             .start = {},
                             .end = {},
                             .name = "/bin",
                             .others = {},
                             .verifiable = true,
                             .expected = {}}));
}

TEST_F(FileOpenerTest, OpensThroughAnotherProcessWhenTheFirstIsGone) {
  const fs::path path = file("/bin/a");
  OpenRequest asked = request("/bin/a", path);
  asked.pid = 0;
  asked.others = {6, 8};
  const auto opened = opener_.open(asked);
  ASSERT_TRUE(opened) << opened.error().why;
  EXPECT_EQ(opened->by, OpenedBy::other_process);
}

TEST_F(FileOpenerTest, OpensTheMainProgramByExeWhereMapFilesIsNotAllowed) {
  const fs::path path = file("/bin/a", "program");
  fs::create_symlink(path, fs::path(proc_.root()) / "7" / "exe");
  OpenRequest asked = request(path, path);
  asked.deleted = true;
  const auto opened = opener_.open(asked);
  ASSERT_TRUE(opened) << opened.error().why;
  EXPECT_EQ(opened->by, OpenedBy::exe);
}

TEST_F(FileOpenerTest, ReopensOnlyTheVeryFile) {
  const fs::path path = file("/bin/a", "one");
  OpenRequest asked = request("/bin/a", path);
  const auto first = opener_.open(asked);
  ASSERT_TRUE(first);
  asked.expected = first->identity;
  EXPECT_TRUE(opener_.open(asked));
  static_cast<void>(file("/bin/a", "longer than before"));
  EXPECT_FALSE(opener_.open(asked));
}

TEST_F(FileOpenerTest, KnowsWhatOnlyRootCanHaveWritten) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "needs root to give files away";
  const fs::path path = file("/bin/a");
  ::chmod(path.c_str(), 0755);
  EXPECT_TRUE(opener_.open(request("/bin/a", path))->owned_by_root);
  ::chmod(path.c_str(), 0775);
  EXPECT_FALSE(opener_.open(request("/bin/a", path))->owned_by_root);
  ::chmod(path.c_str(), 0755);
  ASSERT_EQ(::chown(path.c_str(), 1000, 0), 0);
  EXPECT_FALSE(opener_.open(request("/bin/a", path))->owned_by_root);
}

// On the real /proc, this process's own mappings.
TEST(FileOpenerOnProc, OpensADeletedMappingOfThisProcess) {
  const std::string path =
      fs::temp_directory_path() / ("pprofd-deleted-" + std::to_string(::getpid()));
  std::ofstream(path) << std::string(4096, 'd');
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  void* at = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  ASSERT_NE(at, MAP_FAILED);
  struct ::stat info{};
  ::fstat(fd.get(), &info);
  fs::remove(path);
  const auto start = reinterpret_cast<uint64_t>(at);
  const auto opened = FileOpener().open({.pid = ::getpid(),
                                         .start = {start},
                                         .end = {start + 4096},
                                         .name = path,
                                         .deleted = true,
                                         .others = {},
                                         .device = info.st_dev,
                                         .inode = info.st_ino,
                                         .expected = {}});
  ::munmap(at, 4096);
  if (!opened && opened.error().why == "Operation not permitted")
    GTEST_SKIP() << "map_files needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN";
  ASSERT_TRUE(opened) << opened.error().what << ": " << opened.error().why;
  EXPECT_TRUE(opened->deleted);
  EXPECT_EQ(opened->by, OpenedBy::map_files);
  EXPECT_EQ(opened->identity.inode, info.st_ino);
}

} // namespace
} // namespace pprofd

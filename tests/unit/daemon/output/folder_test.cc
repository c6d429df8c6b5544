#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "daemon/output/folder.h"
#include "tests/unit/daemon/output/temporary_folder.h"

namespace pprofd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Folder open_folder(const std::string& path, IfMissing if_missing = IfMissing::Fail) {
  auto folder = Folder::open(path, if_missing, std::nullopt);
  if (!folder)
    throw std::runtime_error(folder.error().what + ": " + folder.error().why);
  return std::move(*folder);
}

void write_whole(const Folder& folder, const std::string& name, const std::string& contents) {
  auto file = folder.create(name);
  ASSERT_TRUE(file) << file.error().why;
  ASSERT_TRUE(file->write(contents));
  ASSERT_TRUE(file->commit());
}

mode_t mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

TEST(OutputFile, AppearsWholeWhenItIsCommitted) {
  TemporaryFolder temporary;
  Folder folder = open_folder(temporary.path());
  auto file = folder.create("a.pb.gz");
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write("one "));
  ASSERT_TRUE(file->write("two"));
  EXPECT_FALSE(std::filesystem::exists(temporary / "a.pb.gz"));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(read_file(temporary / "a.pb.gz"), "one two");
  EXPECT_THAT(temporary.names(), ElementsAre("a.pb.gz"));
}

TEST(OutputFile, IsReadableByItsGroupAndNobodyElse) {
  mode_t before = umask(0);
  TemporaryFolder temporary;
  Folder folder = open_folder(temporary / "new/folder/", IfMissing::Create);
  write_whole(folder, "a", "x");
  umask(before);
  EXPECT_EQ(mode_of(temporary / "new/folder/a"), 0640U);
  EXPECT_EQ(mode_of(temporary / "new/folder"), 0750U);
  EXPECT_EQ(mode_of(temporary / "new"), 0750U);
}

TEST(OutputFile, LeavesNothingBehindUnlessCommitted) {
  TemporaryFolder temporary;
  Folder folder = open_folder(temporary.path());
  {
    auto file = folder.create("a");
    ASSERT_TRUE(file->write("half"));
    EXPECT_THAT(temporary.names(), SizeIs(1));
  }
  EXPECT_THAT(temporary.names(), IsEmpty());
}

TEST(OutputFile, TakesThePlaceOfAnOlderFile) {
  TemporaryFolder temporary;
  write_file(temporary / "a", "old");
  std::filesystem::create_hard_link(temporary / "a", temporary / "kept");
  Folder folder = open_folder(temporary.path());
  write_whole(folder, "a", "new");
  EXPECT_EQ(read_file(temporary / "a"), "new");
  EXPECT_EQ(read_file(temporary / "kept"), "old");
}

TEST(OutputFile, NeverFollowsASymbolicLink) {
  TemporaryFolder temporary;
  write_file(temporary / "precious", "old");
  std::filesystem::create_symlink("precious", temporary / "a");
  std::filesystem::create_symlink("nowhere", temporary / "dangling");
  Folder folder = open_folder(temporary.path());
  for (const char* name : {"a", "dangling"}) {
    auto file = folder.create(name);
    ASSERT_FALSE(file);
    EXPECT_THAT(file.error().why, HasSubstr("symbolic link"));
    EXPECT_THAT(file.error().hint, HasSubstr("remove the link"));
  }
  EXPECT_EQ(read_file(temporary / "precious"), "old");
  EXPECT_FALSE(std::filesystem::exists(temporary / "nowhere"));
}

TEST(OutputFile, ALinkThatAppearsWhileItIsWrittenIsReplacedNotFollowed) {
  TemporaryFolder temporary;
  write_file(temporary / "precious", "old");
  Folder folder = open_folder(temporary.path());
  auto file = folder.create("a");
  ASSERT_TRUE(file->write("new"));
  std::filesystem::create_symlink("precious", temporary / "a");
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(read_file(temporary / "precious"), "old");
  EXPECT_FALSE(std::filesystem::is_symlink(temporary / "a"));
  EXPECT_EQ(read_file(temporary / "a"), "new");
}

TEST(OutputFile, RefusesANameThatIsNoFile) {
  TemporaryFolder temporary;
  std::filesystem::create_directory(temporary / "folder");
  ASSERT_EQ(mkfifo((temporary / "fifo").c_str(), 0600), 0);
  Folder folder = open_folder(temporary.path());
  EXPECT_FALSE(folder.create("folder"));
  EXPECT_FALSE(folder.create("fifo"));
}

TEST(Folder, AMissingOneIsNamedWithARemedy) {
  TemporaryFolder temporary;
  auto folder = Folder::open(temporary / "missing", IfMissing::Fail, std::nullopt);
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().what, HasSubstr("missing"));
  EXPECT_EQ(folder.error().why, "No such file or directory");
  EXPECT_THAT(folder.error().hint, HasSubstr("create the folder"));
}

TEST(Folder, AFileIsNoFolder) {
  TemporaryFolder temporary;
  write_file(temporary / "file", "");
  EXPECT_FALSE(Folder::open(temporary / "file", IfMissing::Create, std::nullopt));
  EXPECT_FALSE(Folder::open(temporary / "file/below/", IfMissing::Create, std::nullopt));
}

TEST(Folder, AnExistingOneMayBeReachedByALink) {
  TemporaryFolder temporary;
  std::filesystem::create_directory(temporary / "real");
  std::filesystem::create_symlink("real", temporary / "link");
  Folder folder = open_folder(temporary / "link/", IfMissing::Create);
  write_whole(folder, "a", "x");
  EXPECT_EQ(read_file(temporary / "real/a"), "x");
}

TEST(Folder, ProbingLeavesNoTrace) {
  TemporaryFolder temporary;
  Folder folder = open_folder(temporary.path());
  EXPECT_TRUE(folder.probe_writable("a"));
  EXPECT_THAT(temporary.names(), IsEmpty());
}

TEST(Folder, OneThatWasCreatedForNothingIsRemoved) {
  TemporaryFolder temporary;
  open_folder(temporary / "unused", IfMissing::Create).remove_if_unused();
  EXPECT_FALSE(std::filesystem::exists(temporary / "unused"));
  std::filesystem::create_directory(temporary / "theirs");
  open_folder(temporary / "theirs", IfMissing::Create).remove_if_unused();
  EXPECT_TRUE(std::filesystem::exists(temporary / "theirs"));
}

TEST(Folder, PrivateOnesHaveNamesOfTheirOwn) {
  TemporaryFolder temporary;
  auto a = Folder::create_private(temporary.path(), std::nullopt);
  auto b = Folder::create_private(temporary.path(), std::nullopt);
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->path(), b->path());
  EXPECT_THAT(temporary.names(), SizeIs(2));
}

// Writes half a file in a process of its own, tells when it has, and waits to be killed.
class HalfWriter {
public:
  explicit HalfWriter(const std::string& folder) {
    int ready[2];
    if (pipe(ready) != 0)
      throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0) {
      Folder opened = open_folder(folder);
      auto file = opened.create("a");
      if (file && file->write("half") && ::write(ready[1], "x", 1) == 1)
        for (;;)
          pause();
      _exit(1);
    }
    close(ready[1]);
    char byte = 0;
    started_ = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
  }
  HalfWriter(const HalfWriter&) = delete;
  HalfWriter& operator=(const HalfWriter&) = delete;
  ~HalfWriter() { kill_it(); }

  [[nodiscard]] bool started() const { return started_; }
  void kill_it() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    pid_ = -1;
  }

private:
  pid_t pid_ = -1;
  bool started_ = false;
};

TEST(Folder, WhatAKilledProcessLeftIsRemovedByTheNextOneAndNotBefore) {
  TemporaryFolder temporary;
  HalfWriter writer(temporary.path());
  ASSERT_TRUE(writer.started());
  open_folder(temporary.path());
  EXPECT_THAT(temporary.names(), SizeIs(1)); // its writer lives
  writer.kill_it();
  EXPECT_THAT(temporary.names(), SizeIs(1));
  EXPECT_FALSE(std::filesystem::exists(temporary / "a"));
  open_folder(temporary.path());
  EXPECT_THAT(temporary.names(), IsEmpty());
}

TEST(Folder, OnlyItsOwnLeftoversAreRemoved) {
  TemporaryFolder temporary;
  for (const char* name : {".pprofd-0123456789abcdef.tmp.kept", ".pprofd-.tmp", "a.tmp",
                           ".pprofd-0123456789ABCDEF.tmp", "pprofd-0123456789abcdef.tmp"})
    write_file(temporary / name, "");
  std::filesystem::create_directory(temporary / ".pprofd-00112233445566aa.tmp");
  write_file(temporary / "precious", "");
  std::filesystem::create_symlink("precious", temporary / ".pprofd-00112233445566bb.tmp");
  std::set<std::string> before = temporary.names();
  write_file(temporary / ".pprofd-0123456789abcdef.tmp", "");
  open_folder(temporary.path());
  EXPECT_EQ(temporary.names(), before);
}

TEST(Folder, WhoeverCalledSudoGetsTheFilesAndFolders) {
  if (geteuid() != 0)
    GTEST_SKIP() << "needs root";
  TemporaryFolder temporary;
  setenv("SUDO_UID", "1234", 1);
  setenv("SUDO_GID", "2345", 1);
  auto owner = sudo_owner();
  unsetenv("SUDO_UID");
  EXPECT_FALSE(sudo_owner());
  unsetenv("SUDO_GID");
  ASSERT_TRUE(owner);
  auto folder = Folder::open(temporary / "new/", IfMissing::Create, owner);
  ASSERT_TRUE(folder);
  write_whole(*folder, "a", "x");
  for (const char* name : {"new", "new/a"}) {
    struct stat status{};
    ASSERT_EQ(stat((temporary / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 1234U) << name;
    EXPECT_EQ(status.st_gid, 2345U) << name;
  }
}

TEST(FolderOf, IsTheOwnersAndThoseAboveItStayWhoseTheyAre) {
  if (geteuid() != 0)
    GTEST_SKIP() << "needs root, to give folders away";
  const Owner owner{.uid = 12345, .gid = 23456};
  const TemporaryFolder temporary;
  ASSERT_EQ(mkdir((temporary / "there").c_str(), 0755), 0);
  ASSERT_TRUE(open_folder_of(temporary / "above/new/.", owner, IfOfRoot::Given));
  ASSERT_TRUE(open_folder_of(temporary / "there", owner, IfOfRoot::Stays));
  struct stat above{}, made{}, there{};
  ASSERT_EQ(stat((temporary / "above").c_str(), &above), 0);
  ASSERT_EQ(stat((temporary / "above/new").c_str(), &made), 0);
  ASSERT_EQ(stat((temporary / "there").c_str(), &there), 0);
  EXPECT_EQ(above.st_uid, 0U);
  EXPECT_EQ(above.st_gid, owner.gid);
  EXPECT_EQ(above.st_mode & 07777U, 0750U);
  EXPECT_EQ(made.st_uid, owner.uid);
  EXPECT_EQ(there.st_uid, 0U);
  ASSERT_TRUE(open_folder_of(temporary / "there", owner, IfOfRoot::Given));
  ASSERT_EQ(stat((temporary / "there").c_str(), &there), 0);
  EXPECT_EQ(there.st_uid, owner.uid);
}

TEST(FolderOf, IsNotGivenThroughALink) {
  const TemporaryFolder temporary;
  ASSERT_EQ(mkdir((temporary / "precious").c_str(), 0755), 0);
  std::filesystem::create_symlink("precious", temporary / "link");
  for (const char* name : {"link", "link/", "link/."}) {
    const auto folder =
        open_folder_of(temporary / name, Owner{.uid = 12345, .gid = 23456}, IfOfRoot::Given);
    ASSERT_FALSE(folder) << name;
  }
  struct stat status{};
  ASSERT_EQ(stat((temporary / "precious").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, geteuid());
}

} // namespace
} // namespace pprofd

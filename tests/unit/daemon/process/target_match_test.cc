#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/process/target_match.h"

namespace pprofd {
namespace {

namespace fs = std::filesystem;

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

Process process(const std::string& comm, const std::string& exe = "",
                const std::string& cgroups = "0::/\n") {
  Process made;
  made.comm = comm;
  made.exe = std::make_shared<const std::string>(exe);
  made.cgroups = std::make_shared<const CgroupPaths>(parse_cgroups(cgroups));
  return made;
}

bool matches(const Result<ProcessPredicate>& predicate, const Process& process) {
  EXPECT_TRUE(predicate) << (predicate ? "" : predicate.error().why);
  return predicate && (*predicate)(process);
}

TEST(MatchComm, IsTheExactName) {
  EXPECT_TRUE(matches(match_comm("nginx"), process("nginx")));
  EXPECT_FALSE(matches(match_comm("nginx"), process("nginx2")));
  EXPECT_FALSE(matches(match_comm("nginx"), process("ngin")));
  EXPECT_FALSE(matches(match_comm("nginx"), process("NGINX")));
  EXPECT_FALSE(match_comm(""));
}

TEST(MatchComm, ALongNameMatchesByTheFifteenBytesTheKernelKeeps) {
  const std::string name = "a-rather-long-name";
  EXPECT_TRUE(matches(match_comm(name), process("a-rather-long-n")));
  EXPECT_TRUE(matches(match_comm(name), process("a-rather-long-n", "/bin/" + name)));
  EXPECT_TRUE(matches(match_comm(name), process("a-rather-long-n", "/usr/bin/python3")))
      << "a script's name is not that of its interpreter";
  EXPECT_FALSE(matches(match_comm(name), process("a-rather-long-n", "/bin/a-rather-long-nose")));
  EXPECT_TRUE(matches(match_comm("exactly-fifteen"), process("exactly-fifteen")));
}

class MatchExeTest : public testing::Test {
protected:
  MatchExeTest() {
    std::string pattern = fs::temp_directory_path() / "pprofd-exe-XXXXXX";
    folder_ = fs::canonical(::mkdtemp(pattern.data()));
    std::ofstream(folder_ / "real") << "x";
    fs::create_symlink("real", folder_ / "link");
  }
  ~MatchExeTest() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(MatchExeTest, IsThePathTheProcessHas) {
  EXPECT_TRUE(matches(match_exe("/no/such/program"), process("x", "/no/such/program")));
  EXPECT_FALSE(matches(match_exe("/no/such/program"), process("x", "/no/such/program2")));
  EXPECT_FALSE(matches(match_exe("/no/such/program"), process("x")));
}

TEST_F(MatchExeTest, FollowsSymbolicLinks) {
  EXPECT_TRUE(matches(match_exe((folder_ / "link").string()), process("x", folder_ / "real")));
}

TEST_F(MatchExeTest, TakesRelativePathsFromTheWorkingDirectory) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  const auto predicate = match_exe("./real");
  fs::current_path(before);
  EXPECT_TRUE(matches(predicate, process("x", folder_ / "real")));
}

TEST_F(MatchExeTest, KnowsTheFileUnderAContainersName) {
  struct ::stat info{};
  ::stat((folder_ / "real").c_str(), &info);
  auto executable = std::make_shared<Executable>();
  executable->file = identity_of(info);
  Process inside = process("x", "/app/real");
  EXPECT_FALSE(matches(match_exe((folder_ / "real").string()), inside));
  inside.executable = executable;
  EXPECT_TRUE(matches(match_exe((folder_ / "real").string()), inside));
}

TEST_F(MatchExeTest, SaysWhatIsWrong) {
  EXPECT_FALSE(match_exe(""));
  EXPECT_FALSE(match_exe("no-such-program"));
  EXPECT_FALSE(match_exe("no-such-program").error().hint.empty());
  EXPECT_FALSE(match_exe(folder_.string()));
}

class MatchCgroupTest : public testing::Test {
protected:
  MatchCgroupTest() : mountinfo_(testing::TempDir() + "/mountinfo-" + std::to_string(::getpid())) {
    std::ofstream(mountinfo_)
        << "25 30 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
           "26 25 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
           "27 25 0:24 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory\n"
           "28 25 0:25 /docker/abc /mnt/my\\040cgroup rw - cgroup cgroup rw,cpu\n";
  }
  ~MatchCgroupTest() override { fs::remove(mountinfo_); }
  [[nodiscard]] bool match(std::string_view path, const std::string& cgroups) const {
    return matches(match_cgroup(path, mountinfo_), process("x", "", cgroups));
  }
  std::string mountinfo_;
};

TEST_F(MatchCgroupTest, TakesItAndAllBelow) {
  EXPECT_TRUE(match("/a/b", "0::/a/b\n"));
  EXPECT_TRUE(match("/a/b", "0::/a/b/c\n"));
  EXPECT_TRUE(match("/a/b/", "0::/a/b/c\n"));
  EXPECT_TRUE(match("a/b", "0::/a/b/c\n"));
  EXPECT_FALSE(match("/a/b", "0::/a/bc\n"));
  EXPECT_FALSE(match("/a/b", "0::/a\n"));
}

TEST_F(MatchCgroupTest, LooksInEveryHierarchy) {
  EXPECT_TRUE(match("/jobs/7", "9:name=systemd:/s\n4:memory:/jobs/7\n0::/\n"));
}

TEST_F(MatchCgroupTest, TakesPathsUnderTheMountPoints) {
  EXPECT_TRUE(match("/sys/fs/cgroup/unified/a/b", "0::/a/b\n"));
  EXPECT_TRUE(match("/sys/fs/cgroup/memory/jobs/7", "4:memory:/jobs/7/x\n0::/\n"));
  EXPECT_TRUE(match("/mnt/my cgroup/inner", "2:cpu:/docker/abc/inner\n0::/\n"));
  EXPECT_TRUE(match("/sys/fs/cgroup/unified", "0::/anything\n"));
  EXPECT_FALSE(match("/sys/fs/cgroup/memory/jobs/7", "4:memory:/jobs/8\n0::/\n"));
}

TEST(MatchUnit, IsAServiceUnlessItSaysOtherwise) {
  const Process cron = process("x", "", "0::/system.slice/cron.service/sub\n");
  EXPECT_TRUE(matches(match_unit("cron"), cron));
  EXPECT_TRUE(matches(match_unit("cron.service"), cron));
  EXPECT_FALSE(matches(match_unit("cron.scope"), cron));
  EXPECT_FALSE(matches(match_unit("cro"), cron));
  EXPECT_TRUE(matches(match_unit("system.slice"), cron));
  EXPECT_TRUE(matches(match_unit("session-3.scope"),
                      process("x", "", "1:name=systemd:/user.slice/session-3.scope\n0::/\n")));
  EXPECT_FALSE(match_unit(""));
  EXPECT_FALSE(match_unit("a/b"));
}

TEST(MatchUnit, TakesEscapedFormsEitherWay) {
  const Process dashed =
      process("x", "", "0::/system.slice/system-foo.slice/foo@bar\\x2dbaz.service\n");
  EXPECT_TRUE(matches(match_unit("foo@bar\\x2dbaz"), dashed));
  EXPECT_TRUE(matches(match_unit("foo@bar-baz.service"), dashed));
  EXPECT_TRUE(matches(match_unit("cpu"), process("x", "", "0::/system.slice/_cpu.service\n")));
  EXPECT_TRUE(matches(match_unit("odd\\xzz"), process("x", "", "0::/odd\\xzz.service\n")));
}

TEST(MatchContainer, TakesAPrefixOrTheWholeId) {
  const Process docker = process("x", "", "4:memory:/docker/" + kId + "\n0::/\n");
  const Process scope =
      process("x", "", "0::/system.slice/docker-" + kId + ".scope/system.slice/a.service\n");
  for (const Process* inside : {&docker, &scope}) {
    EXPECT_TRUE(matches(match_container(kId), *inside));
    EXPECT_TRUE(matches(match_container(kId.substr(0, 12)), *inside));
    EXPECT_TRUE(matches(match_container("0123456789ABCDEF"), *inside));
    EXPECT_FALSE(matches(match_container("123456789abcdef0"), *inside));
  }
  EXPECT_FALSE(matches(match_container(kId), process("x")));
}

TEST(MatchContainer, SaysWhatIsNoId) {
  for (const std::string& id :
       {std::string(), kId.substr(0, 11), kId + "0", std::string("my-name-is-x")})
    EXPECT_FALSE(match_container(id).error().hint.empty()) << id;
}

} // namespace
} // namespace pprofd

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "daemon/symbols/debug_files.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd {
namespace {

using test::Scratch;
using testing::ElementsAre;
using testing::IsEmpty;

class SplitUnitFiles : public testing::Test {
protected:
  void SetUp() override {
    for (const char* const folder : {"bin", "build/sub", "debug"})
      std::filesystem::create_directories(scratch_.path(folder));
  }

  std::string write(const std::string& name) {
    const std::string path = scratch_.path(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    return scratch_.write(name, "unit");
  }

  // Paths of what is found for a unit of the program.
  std::vector<std::string> find(const std::string& folder, const std::string& name) {
    DebugFiles files({scratch_.path("debug")});
    const std::string program = scratch_.path("bin/program");
    std::vector<std::string> paths;
    for (const DebugFile& file :
         files.find_split({.pid = 0, .uid = ::getuid(), .path = program, .owned_by_root = false},
                          program, folder, name))
      paths.push_back(file.path);
    return paths;
  }

  Scratch scratch_;
};

TEST_F(SplitUnitFiles, AreLookedForWhereTheyWereWrittenThenBesideTheProgramThenInDebugFolders) {
  const std::string build = scratch_.path("build");
  EXPECT_THAT(find(build, "sub/a.dwo"), IsEmpty());
  const std::string in_debug = write("debug" + build + "/sub/a.dwo");
  const std::string last = write("bin/a.dwo");
  const std::string below = write("bin/sub/a.dwo");
  const std::string built = write("build/sub/a.dwo");
  EXPECT_THAT(find(build, "sub/a.dwo"), ElementsAre(built, below, last, in_debug));
  EXPECT_THAT(find("", built), ElementsAre(built, last, in_debug));
  EXPECT_THAT(find("build", "sub/a.dwo"), ElementsAre(below, last));
}

TEST_F(SplitUnitFiles, AreCalledAsCompilersCallThem) {
  const std::string build = scratch_.path("build");
  for (const char* const name : {"shadow", "a.dwo.key", "dwo", "key.pem"}) {
    (void)write(std::string("build/") + name);
    EXPECT_THAT(find(build, name), IsEmpty()) << name;
  }
  for (const char* const name : {"a.dwo", "a.o"})
    EXPECT_THAT(find(build, name), ElementsAre(write(std::string("build/") + name)));
}

TEST_F(SplitUnitFiles, AreRegular) {
  ASSERT_EQ(::mkfifo(scratch_.path("build/a.dwo").c_str(), 0600), 0);
  std::filesystem::create_directory(scratch_.path("bin/a.dwo"));
  EXPECT_THAT(find(scratch_.path("build"), "a.dwo"), IsEmpty());
}

} // namespace
} // namespace pprofd

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "daemon/output/recording_output.h"
#include "daemon/profile/html/flame_graph_html.h"
#include "tests/unit/daemon/output/temporary_folder.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

perftools::profiles::Profile some_profile() {
  StackProfile p;
  p.stack({{"leaf"}, {"main"}}, 3);
  return p.finish();
}

// One that does not compress below `bytes`.
perftools::profiles::Profile large_profile(size_t bytes) {
  ProfileBuilder builder(cpu_header());
  std::mt19937_64 random(1);
  for (size_t size = 0; size < bytes; size += 8)
    builder.add_comment(std::to_string(random()), std::to_string(random()));
  return std::move(builder).finish();
}

OutputOptions options_for(const std::string& path, std::vector<Format> formats = {}) {
  OutputRequest request;
  request.path = path;
  request.formats = std::move(formats);
  OutputOptions options;
  options.target = *choose_target(request);
  return options;
}

IndexRow row(int64_t pid) {
  return {pid, 100, "comm", "/bin/app", "ab", 3, ""};
}

RecordingOutput open_output(OutputOptions options) {
  auto output = RecordingOutput::open(std::move(options));
  if (!output)
    throw std::runtime_error(output.error().what + ": " + output.error().why);
  return std::move(*output);
}

TEST(RecordingOutput, AFolderHoldsAFileAProcessAndAnIndex) {
  TemporaryFolder temporary;
  RecordingOutput output = open_output(options_for(temporary / "new/"));
  output.write(row(7), some_profile());
  output.write(row(8), some_profile());
  OutputSummary summary = output.finish({{"samples.taken", "6"}});
  EXPECT_THAT(summary.failed, IsEmpty());
  EXPECT_THAT(summary.moved, IsEmpty());
  EXPECT_THAT(summary.files,
              ElementsAre(temporary / "new/7-100.pb.gz", temporary / "new/8-100.pb.gz"));
  EXPECT_EQ(summary.index, temporary / "new/index.tsv");
  EXPECT_EQ(read_file(summary.index), "pid\tstart_time\tcomm\texecutable\tbuild_id\tsamples\tfile\n"
                                      "7\t100\tcomm\t/bin/app\tab\t3\t7-100.pb.gz\n"
                                      "8\t100\tcomm\t/bin/app\tab\t3\t8-100.pb.gz\n"
                                      "# samples.taken=6\n");
  auto read = parse_profile(read_file(temporary / "new/8-100.pb.gz"));
  ASSERT_TRUE(read);
  EXPECT_TRUE(check_valid(*read));
}

TEST(RecordingOutput, EachFormatIsAFileBesideTheOthers) {
  TemporaryFolder temporary;
  RecordingOutput output = open_output(
      options_for(temporary / "x.pb.gz", {Format::Pprof, Format::Folded, Format::Text}));
  output.write({}, some_profile());
  EXPECT_THAT(output.finish({}).failed, IsEmpty());
  EXPECT_THAT(temporary.names(), ElementsAre("x.folded", "x.pb.gz", "x.txt"));
  EXPECT_EQ(read_file(temporary / "x.folded"), "main;leaf 3\n");
  EXPECT_THAT(read_file(temporary / "x.txt"), HasSubstr("leaf\n"));
}

TEST(RecordingOutput, AFlameGraphIsAFileOrRefusedBeforeTheRecording) {
  TemporaryFolder temporary;
  auto output = RecordingOutput::open(options_for(temporary / "x.html", {Format::Html}));
  if (!check_html()) {
    ASSERT_FALSE(output);
    EXPECT_THAT(output.error().why, HasSubstr("without it"));
    return;
  }
  ASSERT_TRUE(output);
  output->write({}, some_profile());
  EXPECT_THAT(output->finish({}).failed, IsEmpty());
  EXPECT_THAT(temporary.names(), ElementsAre("x.html"));
  EXPECT_THAT(read_file(temporary / "x.html"), HasSubstr(R"("name":"leaf")"));
}

TEST(RecordingOutput, TheSameProcessTwiceIsTwoFiles) {
  TemporaryFolder temporary;
  RecordingOutput output = open_output(options_for(temporary / "new/"));
  output.write(row(7), some_profile());
  output.write(row(7), some_profile());
  OutputSummary summary = output.finish({});
  EXPECT_THAT(summary.files,
              ElementsAre(temporary / "new/7-100.pb.gz", temporary / "new/7-100-2.pb.gz"));
  EXPECT_THAT(read_file(summary.index), HasSubstr("7-100-2.pb.gz\n"));
}

TEST(RecordingOutput, ManyFilesAreAllThere) {
  TemporaryFolder temporary;
  RecordingOutput output = open_output(options_for(temporary / "new/"));
  for (int pid = 1; pid <= 200; pid++)
    output.write(row(pid), some_profile());
  EXPECT_THAT(output.finish({}).files, SizeIs(200));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temporary / "new"), {}), 201);
}

TEST(RecordingOutput, FilesOfAnEarlierRecordingAreCountedNotTouched) {
  TemporaryFolder temporary;
  for (const char* name : {"1-5.pb.gz", "7-100.pb.gz", "notes.pb.gz"})
    write_file(temporary / name, "old");
  RecordingOutput output = open_output(options_for(temporary.path()));
  output.write(row(7), some_profile());
  OutputSummary summary = output.finish({});
  EXPECT_EQ(summary.older_files, 1U);
  EXPECT_EQ(read_file(temporary / "1-5.pb.gz"), "old");
  EXPECT_NE(read_file(temporary / "7-100.pb.gz"), "old");
}

TEST(RecordingOutput, NothingRecordedLeavesNoFolder) {
  TemporaryFolder temporary;
  {
    RecordingOutput output = open_output(options_for(temporary / "new/"));
  }
  EXPECT_THAT(temporary.names(), IsEmpty());
}

TEST(RecordingOutput, APlaceThatCannotBeWrittenToFailsAtOnce) {
  TemporaryFolder temporary;
  EXPECT_FALSE(RecordingOutput::open(options_for(temporary / "missing/x.pb.gz")));
  write_file(temporary / "file", "");
  EXPECT_FALSE(RecordingOutput::open(options_for(temporary / "file/new/")));
  std::filesystem::create_symlink("file", temporary / "x.pb.gz");
  auto linked = RecordingOutput::open(options_for(temporary / "x.pb.gz"));
  ASSERT_FALSE(linked);
  EXPECT_THAT(linked.error().why, HasSubstr("symbolic link"));
  EXPECT_FALSE(RecordingOutput::open(options_for("/proc/x.pb.gz")));
}

TEST(RecordingOutput, AFolderTakenAwayMeanwhileMovesTheProfile) {
  TemporaryFolder temporary;
  TemporaryFolder fallback;
  OutputOptions options = options_for(temporary / "new/");
  options.fallbacks = {"/proc", fallback / "missing", fallback.path()};
  RecordingOutput output = open_output(std::move(options));
  std::filesystem::remove_all(temporary / "new");
  output.write(row(7), some_profile());
  OutputSummary summary = output.finish({});
  EXPECT_THAT(summary.failed, IsEmpty());
  ASSERT_THAT(summary.files, SizeIs(1));
  EXPECT_THAT(summary.files[0], StartsWith(fallback.path() + "/pprofd-"));
  EXPECT_TRUE(parse_profile(read_file(summary.files[0])));
  ASSERT_THAT(summary.moved, SizeIs(2)); // with the index
  EXPECT_EQ(summary.moved[0].wanted, temporary / "new/7-100.pb.gz");
  EXPECT_EQ(summary.moved[0].path, summary.files[0]);
  EXPECT_FALSE(summary.moved[0].reason.why.empty());
  EXPECT_THAT(read_file(summary.index), HasSubstr(summary.files[0]));
}

TEST(RecordingOutput, WhereNoPlaceTakesItTheFailureIsNamed) {
  TemporaryFolder temporary;
  OutputOptions options = options_for(temporary / "new/");
  options.fallbacks = {"/proc"};
  RecordingOutput output = open_output(std::move(options));
  std::filesystem::remove_all(temporary / "new");
  output.write(row(7), some_profile());
  OutputSummary summary = output.finish({});
  EXPECT_THAT(summary.files, IsEmpty());
  ASSERT_FALSE(summary.failed.empty());
  EXPECT_THAT(summary.failed[0].what, HasSubstr("7-100.pb.gz"));
}

// A file system of 64 kB.
class SmallDisk : public testing::Test {
protected:
  void SetUp() override {
    std::filesystem::create_directory(temporary / "disk");
    mounted_ = mount("tmpfs", (temporary / "disk").c_str(), "tmpfs", 0, "size=64k") == 0;
    if (!mounted_)
      GTEST_SKIP() << "needs the right to mount a tmpfs";
  }
  void TearDown() override {
    if (mounted_)
      umount2((temporary / "disk").c_str(), MNT_DETACH);
  }

  TemporaryFolder temporary;
  TemporaryFolder fallback;

private:
  bool mounted_ = false;
};

TEST_F(SmallDisk, WhatDoesNotFitGoesElsewhereAndTheRestStays) {
  OutputOptions options = options_for(temporary / "disk/new/");
  options.fallbacks = {fallback.path()};
  RecordingOutput output = open_output(std::move(options));
  output.write(row(1), some_profile());
  output.write(row(2), large_profile(size_t{256} << 10));
  output.write(row(3), some_profile());
  OutputSummary summary = output.finish({});
  EXPECT_THAT(summary.failed, IsEmpty());
  ASSERT_THAT(summary.moved, SizeIs(1));
  EXPECT_EQ(summary.moved[0].wanted, temporary / "disk/new/2-100.pb.gz");
  EXPECT_EQ(summary.moved[0].reason.why, "No space left on device");
  EXPECT_TRUE(parse_profile(read_file(summary.moved[0].path)));
  EXPECT_TRUE(parse_profile(read_file(temporary / "disk/new/1-100.pb.gz")));
  EXPECT_TRUE(parse_profile(read_file(temporary / "disk/new/3-100.pb.gz")));
  EXPECT_THAT(read_file(summary.index), HasSubstr(summary.moved[0].path));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temporary / "disk/new"), {}), 3);
}

TEST_F(SmallDisk, AFullOneFailsBeforeSamplingStarts) {
  write_file(temporary / "disk/ballast", std::string(size_t{64} << 10, 'x'));
  auto output = RecordingOutput::open(options_for(temporary / "disk/x.pb.gz"));
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().why, "No space left on device");
  EXPECT_THAT(output.error().hint, HasSubstr("--output"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temporary / "disk"), {}), 1);
}

TEST(DefaultFallbacks, BeginWithTheUsersOwnChoice) {
  std::string before = std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "";
  setenv("TMPDIR", "/chosen", 1);
  EXPECT_THAT(default_fallbacks(), ElementsAre("/chosen", "/var/tmp", "/tmp", "/dev/shm"));
  setenv("TMPDIR", "relative", 1);
  EXPECT_THAT(default_fallbacks(), ElementsAre("/var/tmp", "/tmp", "/dev/shm"));
  before.empty() ? unsetenv("TMPDIR") : setenv("TMPDIR", before.c_str(), 1);
}

} // namespace
} // namespace pprofd

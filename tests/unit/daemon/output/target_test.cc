#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/output/target.h"
#include "tests/unit/daemon/output/temporary_folder.h"

namespace pprofd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = OutputTarget::Kind;

OutputRequest to(std::string path, std::vector<Format> formats = {}) {
  OutputRequest request;
  request.path = std::move(path);
  request.formats = std::move(formats);
  return request;
}

void expect_file(const Result<OutputTarget>& target, const char* folder, const char* stem) {
  ASSERT_TRUE(target) << target.error().why;
  EXPECT_EQ(target->kind, Kind::File);
  EXPECT_EQ(target->folder, folder);
  EXPECT_EQ(target->stem, stem);
}

TEST(OutputTarget, WithoutANameSeveralProcessesGoToAFolderAndOneToAFile) {
  auto several = choose_target({});
  ASSERT_TRUE(several);
  EXPECT_EQ(several->kind, Kind::Folder);
  EXPECT_EQ(several->folder, "profiles/");
  EXPECT_TRUE(several->create_folder);
  EXPECT_THAT(several->formats, ElementsAre(Format::Pprof));
  OutputRequest one;
  one.one_process = true;
  expect_file(choose_target(one), "", "profile");
  OutputRequest merged;
  merged.merge = true;
  expect_file(choose_target(merged), "", "profile");
}

TEST(OutputTarget, ANameThatEndsInPbGzIsAFile) {
  expect_file(choose_target(to("x.pb.gz")), "", "x");
  expect_file(choose_target(to("a/b/x.y.pb.gz")), "a/b/", "x.y");
  expect_file(choose_target(to("/x.pb.gz")), "/", "x");
  EXPECT_FALSE(choose_target(to("x.pb.gz"))->create_folder);
}

TEST(OutputTarget, OtherFormatsReplaceTheEndingOrAreGivenByIt) {
  expect_file(choose_target(to("x.pb.gz", {Format::Folded})), "", "x");
  expect_file(choose_target(to("x.folded", {Format::Folded})), "", "x");
  expect_file(choose_target(to("x.html", {Format::Html})), "", "x");
  expect_file(choose_target(to("x.txt", {Format::Pprof, Format::Text})), "", "x");
  EXPECT_FALSE(choose_target(to("x.folded")));
}

TEST(OutputTarget, AnExistingFolderOrATrailingSlashIsAFolder) {
  TemporaryFolder temporary;
  std::filesystem::create_directory(temporary / "odd.pb.gz");
  for (const std::string& path : {temporary.path(), temporary / "odd.pb.gz", std::string("new/")}) {
    auto target = choose_target(to(path));
    ASSERT_TRUE(target);
    EXPECT_EQ(target->kind, Kind::Folder);
    EXPECT_EQ(target->folder, path);
  }
  OutputRequest merged = to("new/");
  merged.merge = true;
  expect_file(choose_target(merged), "new/", "profile");
  EXPECT_TRUE(choose_target(merged)->create_folder);
}

TEST(OutputTarget, AnyOtherNameIsWrongUsage) {
  for (const char* path : {"x", "x.pb", "x.gz", ".pb.gz", "a/.pb.gz", "/dev/null", "x.html"}) {
    auto target = choose_target(to(path));
    ASSERT_FALSE(target) << path;
    EXPECT_THAT(target.error().hint, HasSubstr(".pb.gz"));
  }
}

TEST(OutputTarget, StandardOutputTakesOneFormatAndNoBinaryOnATerminal) {
  EXPECT_EQ(choose_target(to("-"))->kind, Kind::Stdout);
  EXPECT_FALSE(choose_target(to("-", {Format::Pprof, Format::Folded})));
  OutputRequest terminal = to("-");
  terminal.stdout_is_terminal = true;
  EXPECT_FALSE(choose_target(terminal));
  terminal.formats = {Format::Text};
  EXPECT_TRUE(choose_target(terminal));
}

TEST(OutputTarget, FormatsHaveNames) {
  EXPECT_EQ(*parse_format("pprof"), Format::Pprof);
  EXPECT_EQ(*parse_format("folded"), Format::Folded);
  EXPECT_EQ(*parse_format("html"), Format::Html);
  EXPECT_EQ(*parse_format("text"), Format::Text);
  auto wrong = parse_format("svg");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().hint, "choose one of: pprof, folded, html, text");
}

} // namespace
} // namespace pprofd

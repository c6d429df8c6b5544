#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/export/export.h"
#include "tests/unit/daemon/output/temporary_folder.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

class ExportTest : public testing::Test {
protected:
  // A file with a profile of so many stacks.
  std::string profile(const std::string& name, int stacks) {
    StackProfile p;
    for (int i = 0; i < stacks; ++i)
      p.stack({{"f" + std::to_string(i)}}, 1);
    write_file(folder_ / name, serialize_gzip(p.finish()).value());
    return folder_ / name;
  }

  Result<void> run(const std::vector<std::string>& files, const std::string& output,
                   const std::string& sample_type = {}) {
    return export_profiles({.files = files, .output = output, .sample_type = sample_type},
                           [this](std::string_view text) -> Result<void> {
                             if (!takes_data_)
                               return fail("write to standard output", "Broken pipe");
                             data_ += text;
                             return {};
                           },
                           {.say = [this](const std::string& line) { said_.push_back(line); },
                            .warn = [this](const Error& error) { warned_.push_back(error); }});
  }

  static int64_t lines(const std::string& text) { return std::ranges::count(text, '\n'); }

  TemporaryFolder folder_;
  bool takes_data_ = true;
  std::string data_;
  std::vector<std::string> said_;
  std::vector<Error> warned_;
};

TEST_F(ExportTest, SeveralProfilesAreOneTable) {
  ASSERT_TRUE(run({profile("a", 2), profile("b", 3)}, "-"));
  EXPECT_EQ(lines(data_), 5);
  EXPECT_TRUE(said_.empty()) << "data alone is on standard output, and nothing to be said";
}

TEST_F(ExportTest, AFileIsMadeWithTheFoldersAboveIt) {
  const std::string out = folder_ / "new/rows.jsonl";
  ASSERT_TRUE(run({profile("a", 2)}, out));
  EXPECT_EQ(lines(read_file(out)), 2);
  EXPECT_EQ(said_, std::vector<std::string>{out + ": 2 rows of 1 profile"});
  EXPECT_EQ(data_, "");
}

TEST_F(ExportTest, WhatCannotBeReadDoesNotKeepTheOthers) {
  write_file(folder_ / "bad", "no profile");
  const std::string out = folder_ / "rows.jsonl";
  const auto done = run({profile("a", 2), folder_ / "bad", profile("b", 1)}, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(text_of(done.error()), "export: 1 of 3 profiles failed");
  EXPECT_EQ(lines(read_file(out)), 3);
  ASSERT_EQ(warned_.size(), 1U);
  EXPECT_NE(warned_.front().what.find("bad"), std::string::npos);
}

TEST_F(ExportTest, NothingIsMadeOfTheOnlyOneThatCannotBeRead) {
  write_file(folder_ / "bad", "no profile");
  const std::string out = folder_ / "rows.jsonl";
  ASSERT_FALSE(run({folder_ / "bad"}, out));
  EXPECT_EQ(folder_.names(), std::set<std::string>{"bad"});
}

TEST_F(ExportTest, ASampleTypeThatIsNotThereIsNamed) {
  const auto done = run({profile("a", 2)}, "-", "inuse_space");
  ASSERT_FALSE(done);
  EXPECT_NE(text_of(done.error()).find("inuse_space"), std::string::npos);
  ASSERT_TRUE(run({profile("b", 2)}, "-", "samples"));
  EXPECT_NE(data_.find(R"("type":"samples")"), std::string::npos);
}

TEST_F(ExportTest, AReaderThatHasGoneEndsIt) {
  takes_data_ = false;
  const auto done = run({profile("a", 2), profile("b", 2)}, "-");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().why, "Broken pipe");
  EXPECT_TRUE(warned_.empty());
}

} // namespace
} // namespace pprofd

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "daemon/report/report.h"
#include "tests/unit/daemon/output/temporary_folder.h"
#include "tests/unit/daemon/profile/sample_profiles.h"
#include "tests/unit/daemon/report/about.h"

namespace pprofd {
namespace {

using testing::HasSubstr;
using testing::Not;

class Report : public testing::Test {
protected:
  std::string write(const std::string& name, const perftools::profiles::Profile& profile) {
    write_file(temporary / name, *serialize_gzip(profile));
    return temporary / name;
  }

  // `hot` samples in app::hot(int), called by main, 10 in main itself.
  std::string write(const std::string& name, int64_t hot) {
    ProfileHeader header = cpu_header();
    header.period = 10'000'000;
    StackProfile p(header);
    p.stack({{"app::hot(int)"}, {"main"}}, hot);
    p.stack({{"main"}}, 10);
    return write(name, p.finish());
  }

  static std::string run(const ReportOptions& options) {
    std::ostringstream out;
    auto result = report(options, out);
    return result ? out.str()
                  : "error: " + result.error().what + ": " + result.error().why +
                        "\nhint: " + result.error().hint;
  }

  TemporaryFolder temporary;
};

TEST_F(Report, SeveralFilesAreMerged) {
  std::string text = run(about({write("a", 30), write("b", 60)}));
  EXPECT_THAT(text, HasSubstr("900ms 81.82% 81.82%      900ms 81.82%  app::hot\n"));
  EXPECT_THAT(text, HasSubstr("200ms 18.18%   100%     1100ms   100%  main\n"));
}

TEST_F(Report, RawMessagesAreReadToo) {
  StackProfile p;
  p.stack({{"f"}}, 1);
  write_file(temporary / "raw", p.finish().SerializeAsString());
  EXPECT_THAT(run(about({temporary / "raw"})), HasSubstr("  f\n"));
}

TEST_F(Report, TheSampleTypeIsChosen) {
  EXPECT_THAT(run(about({write("a", 30)}, [&](ReportOptions& o) { o.sample_type = "samples"; })),
              HasSubstr("        30 75.00% 75.00%         30 75.00%  app::hot\n"));
  EXPECT_THAT(run(about({write("a", 30)}, [&](ReportOptions& o) { o.sample_type = "wall"; })),
              HasSubstr("hint: choose one of: samples, cpu"));
}

TEST_F(Report, FocusAndIgnoreChooseSamplesAndLeaveTheTotal) {
  std::string focused = run(about({write("a", 30)}, [&](ReportOptions& o) { o.focus = "hot"; }));
  EXPECT_THAT(focused, HasSubstr("Focus: hot\n"));
  EXPECT_THAT(focused, HasSubstr("         0     0% 75.00%      300ms 75.00%  main\n"));
  std::string ignored =
      run(about({write("a", 30)}, [&](ReportOptions& o) { o.ignore = R"(hot\(int\))"; }));
  EXPECT_THAT(ignored, HasSubstr("     100ms 25.00% 25.00%      100ms 25.00%  main\n"));
  EXPECT_THAT(ignored, Not(HasSubstr("app::hot")));
  EXPECT_THAT(run(about({write("a", 30)}, [&](ReportOptions& o) { o.focus = "["; })),
              HasSubstr("error: --focus [: missing ]"));
}

TEST_F(Report, FocusMatchesFilesAndExecutablesToo) {
  for (const char* expression : {"app\\.cc", "/usr/bin/app"})
    EXPECT_THAT(run(about({write("a", 30)}, [&](ReportOptions& o) { o.focus = expression; })),
                HasSubstr("app::hot"));
  EXPECT_THAT(run(about({write("a", 30)}, [&](ReportOptions& o) { o.focus = "nowhere"; })),
              HasSubstr("0 of 0 functions"));
}

TEST_F(Report, TheTreeShowsCallersAboveAndCalleesBelow) {
  EXPECT_THAT(run(about({write("a", 30)}, [&](ReportOptions& o) { o.view = ReportView::kTree; })),
              HasSubstr("                                             300ms   100% |   main\n"
                        "     300ms 75.00% 75.00%      300ms 75.00%                | app::hot\n"
                        "-----"));
}

TEST_F(Report, FoldedStacksKeepWholeNames) {
  EXPECT_EQ(run(about({write("a", 30)},
                      [&](ReportOptions& o) {
                        o.view = ReportView::kFolded;
                        o.sample_type = "samples";
                      })),
            "main 10\nmain;app::hot(int) 30\n");
}

TEST_F(Report, TheDifferenceIsAbsoluteAndRelativeToTheFunctionAndToEverything) {
  std::string text =
      run(about({write("now", 60)}, [&](ReportOptions& o) { o.diff_base = write("base", 30); }));
  EXPECT_THAT(text, HasSubstr("Base: 400ms in 10s\nNow: 700ms in 10s\nChange: +300ms (+75.00%)\n"));
  EXPECT_THAT(text, HasSubstr("     300ms      600ms     +300ms      +100%    +75.00%  "
                              "     300ms      600ms     +300ms      +100%    +75.00%  app::hot\n"
                              "     100ms      100ms          0         0%         0%  "
                              "     400ms      700ms     +300ms    +75.00%    +75.00%  main\n"));
}

TEST_F(Report, WhatIsNewAndWhatIsGoneIsSaid) {
  StackProfile base, now;
  base.stack({{"old"}}, 10);
  now.stack({{"young"}}, 10);
  std::string text = run(about({write("now", now.finish())}, [&](ReportOptions& o) {
    o.diff_base = write("base", base.finish());
    o.sample_type = "samples";
  }));
  EXPECT_THAT(text, HasSubstr("        10          0        -10      -100%      -100%  "));
  EXPECT_THAT(text, HasSubstr("         0         10        +10        new      +100%  "));
}

TEST_F(Report, ADifferenceIsATable) {
  EXPECT_THAT(run(about({write("a", 1)},
                        [&](ReportOptions& o) {
                          o.view = ReportView::kTree;
                          o.diff_base = write("b", 2);
                        })),
              HasSubstr("hint: leave out --tree or --folded"));
}

TEST_F(Report, ProfilesOfAnotherUnitAreScaledToTheFinest) {
  ProfileHeader header = cpu_header();
  header.sample_types[1].second = "milliseconds";
  header.period_type.second = "milliseconds";
  header.period = 10;
  StackProfile p(header);
  p.stack({{"app::hot(int)"}, {"main"}}, 30);
  std::string text = run(about({write("ms", p.finish()), write("ns", 30)}));
  EXPECT_THAT(text, HasSubstr("600ms 85.71% 85.71%      600ms 85.71%  app::hot\n"));
}

TEST_F(Report, OnlyTheTypesThatAllProfilesHaveAreCompared) {
  ProfileHeader header = cpu_header();
  header.sample_types = {{"wall", "nanoseconds"}, {"cpu", "nanoseconds"}};
  StackProfile p(header);
  p.stack({{"f"}}, 1);
  std::string other = write("other", p.finish());
  EXPECT_THAT(run(about({write("a", 30), other})), HasSubstr("Type: cpu\n"));
  EXPECT_THAT(
      run(about({write("a", 30), other}, [&](ReportOptions& o) { o.sample_type = "samples"; })),
      HasSubstr("hint: choose one of: cpu"));
  header.sample_types = {{"wall", "nanoseconds"}, {"alloc", "bytes"}};
  header.default_sample_type = "wall";
  EXPECT_THAT(run(about({write("a", 30), write("none", StackProfile(header).finish())})),
              HasSubstr("no sample type in common"));
}

TEST_F(Report, WhatCannotBeReadIsNamedWithTheReason) {
  EXPECT_THAT(run(about({temporary / "missing"})), HasSubstr("missing: No such file or directory"));
  EXPECT_THAT(run(about({temporary.path()})),
              HasSubstr("hint: name the profiles in the folder: " + temporary.path()));
  write_file(temporary / "text", "no profile\n");
  EXPECT_THAT(run(about({temporary / "text"})),
              HasSubstr("error: read " + (temporary / "text") + ": not a pprof profile: "));
  EXPECT_THAT(run(about({})), HasSubstr("no files were given"));
}

} // namespace
} // namespace pprofd

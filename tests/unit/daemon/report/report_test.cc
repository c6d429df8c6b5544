#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <sstream>

#include "daemon/profile/html/flame_graph_html.h"
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

// A function of three lines in a file of five, called at its own last line: 3 samples at line 2,
// and 4 at line 3 below line 4.
perftools::profiles::Profile lines_of_source(const std::string& file) {
  ProfileBuilder builder(cpu_header());
  const uint64_t app = builder.add_mapping({.start = 0x400000,
                                            .limit = 0x500000,
                                            .offset = 0,
                                            .file = "/usr/bin/app",
                                            .build_id = {},
                                            .kernel = false});
  const uint64_t function = builder.add_function(
      {.name = "app::hot(int)", .system_name = {}, .file = file, .start_line = 2});
  std::vector<uint64_t> at{0};
  for (int64_t line = 1; line <= 9; ++line)
    at.push_back(builder.add_location(app, 0x400000 + static_cast<uint64_t>(line),
                                      std::array{LineInfo{.function = function, .line = line}}));
  builder.add_sample(std::array{at[2]}, std::array<int64_t, 2>{3, 30'000'000}, {});
  builder.add_sample(std::array{at[3], at[4]}, std::array<int64_t, 2>{4, 40'000'000}, {});
  builder.add_sample(std::array{at[9]}, std::array<int64_t, 2>{1, 10'000'000}, {});
  return std::move(builder).finish();
}

TEST_F(Report, LinesAreToldApart) {
  const std::string file = write("a", lines_of_source("/src/app.cc"));
  const std::string text = run(about({file}, [](ReportOptions& o) { o.lines = true; }));
  EXPECT_THAT(text, HasSubstr("40ms 50.00% 50.00%       40ms 50.00%  app::hot /src/app.cc:3\n"));
  EXPECT_THAT(text, HasSubstr("   0     0%   100%       40ms 50.00%  app::hot /src/app.cc:4\n"));
  EXPECT_THAT(text, HasSubstr("Showing 4 of 4 lines"));
}

TEST_F(Report, SourceIsAnnotated) {
  const std::string source = temporary / "app.cc";
  write_file(source, "// none\nint hot(int) {\n\treturn \x1b[31m1;\n  hot();\n}\n");
  const std::string file = write("a", lines_of_source(source));
  const auto listed = [&](const std::string& functions) {
    return run(about({file}, [&](ReportOptions& o) {
      o.view = ReportView::kSource;
      o.source = functions;
    }));
  };
  EXPECT_EQ(listed("hot"), "Type: cpu\nTotal: 80ms\n\napp::hot in " + source +
                               "\nflat 80ms (100%), cum 80ms (100%)\n"
                               "      flat        cum   line\n"
                               "      30ms       30ms      2  int hot(int) {\n"
                               "      40ms       40ms      3          return  [31m1;\n"
                               "         .       40ms      4    hot();\n"
                               "         .          .      5  }\n"
                               "      10ms       10ms      9  (behind the file's end)\n");
  EXPECT_THAT(listed("cold"),
              HasSubstr("error: --source cold: no function of the profile matches"));
  EXPECT_THAT(listed("("), HasSubstr("error: --source (: "));
  std::filesystem::remove(source);
  EXPECT_THAT(listed("hot"), HasSubstr("its source can't be shown: No such file or directory\n"
                                       "      flat        cum   line\n"
                                       "      30ms       30ms      2\n"));
}

TEST_F(Report, SourceThatIsNewerThanTheProfileIsSaidToBe) {
  const std::string source = temporary / "app.cc";
  write_file(source, "a\nb\n");
  perftools::profiles::Profile profile = lines_of_source(source);
  profile.set_time_nanos(1'000'000'000);
  const std::string file = write("a", profile);
  EXPECT_THAT(run(about({file},
                        [&](ReportOptions& o) {
                          o.view = ReportView::kSource;
                          o.source = "hot";
                        })),
              HasSubstr("the file was changed after the profile was taken\n"));
}

TEST_F(Report, SourceIsNoDeviceAndNoFifo) {
  for (const std::string& source : {std::string("/dev/zero"), std::string("/tmp")}) {
    const std::string file = write("a", lines_of_source(source));
    EXPECT_THAT(run(about({file},
                          [&](ReportOptions& o) {
                            o.view = ReportView::kSource;
                            o.source = "hot";
                          })),
                HasSubstr("its source can't be shown: not a regular file\n"));
  }
}

TEST_F(Report, AFlameGraphIsWrittenOfAllFilesAndTheBase) {
  if (auto possible = check_html(); !possible)
    GTEST_SKIP() << possible.error().why;
  const std::string out = temporary / "out.html";
  const auto options = about({write("a", 30), write("b", 60)}, [&](ReportOptions& o) {
    o.view = ReportView::kHtml;
    o.html_file = out;
    o.diff_base = write("base", 10);
  });
  EXPECT_EQ(run(options), "");
  const std::string html = read_file(out);
  EXPECT_THAT(html, HasSubstr(R"("profiles":2,"samples":110,"total":1100000000,)"));
  EXPECT_THAT(html, HasSubstr(R"("base":{"profiles":1,"samples":20,"total":200000000,)"));
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

#include <gtest/gtest.h>

#include "daemon/cli/report_options.h"

namespace pprofd {
namespace {

using Words = std::vector<std::string>;

TEST(ReportOptions, ListsTheHottestFunctionsByDefault) {
  const auto options = parse_report_options({"a.pb.gz", "b.pb.gz"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->files, (Words{"a.pb.gz", "b.pb.gz"}));
  EXPECT_EQ(options->view, ReportView::kTop);
  EXPECT_EQ(options->top, ReportOptions().top);
  EXPECT_EQ(options->diff_base, "");
  EXPECT_FALSE(options->long_names);
}

TEST(ReportOptions, ReadsEveryOption) {
  EXPECT_EQ(parse_report_options({"--tree", "a"})->view, ReportView::kTree);
  EXPECT_EQ(parse_report_options({"--folded", "a"})->view, ReportView::kFolded);
  EXPECT_TRUE(parse_report_options({"--lines", "--tree", "a"})->lines);
  EXPECT_EQ(parse_report_options({"--source", "^f", "a"})->view, ReportView::kSource);
  EXPECT_EQ(parse_report_options({"--source", "^f", "a"})->source, "^f");
  const auto html = parse_report_options({"--html", "out.html", "--diff", "b", "a"});
  ASSERT_TRUE(html);
  EXPECT_EQ(html->view, ReportView::kHtml);
  EXPECT_EQ(html->html_file, "out.html");
  const auto options = parse_report_options({"-", "--diff", "b", "--top=0", "--focus", "^f",
                                             "--ignore=g|h", "--sample", "cpu", "--long"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->files, Words{"-"});
  EXPECT_EQ(options->diff_base, "b");
  EXPECT_EQ(options->top, 0U);
  EXPECT_EQ(options->focus, "^f");
  EXPECT_EQ(options->ignore, "g|h");
  EXPECT_EQ(options->sample_type, "cpu");
  EXPECT_TRUE(options->long_names);
}

TEST(ReportOptions, RefusesContradictions) {
  const std::vector<std::pair<Words, std::string>> cases = {
      {{"--tree", "--folded", "a"}, "--tree and --folded"},
      {{"--html", "x", "--tree", "a"}, "--html and --tree"},
      {{"--html", "x", "--top", "5", "a"}, "--html and --top"},
      {{"--tree", "--diff", "b", "a"}, "--tree and --diff"},
      {{"--folded", "--diff", "b", "a"}, "--folded and --diff"},
      {{"--folded", "--top", "3", "a"}, "--folded and --top"},
      {{"--source", "f", "--tree", "a"}, "--tree and --source"},
      {{"--source", "f", "--top", "3", "a"}, "--source and --top"},
      {{"--lines", "--folded", "a"}, "--lines and --folded"},
      {{"--lines", "--source", "f", "a"}, "--lines and --source"},
      {{"-", "-"}, "'-'"},
      {{"--diff", "-", "-"}, "'-'"},
      {{""}, "argument ''"},
      {{}, "pprofd report"},
  };
  for (const auto& [words, what] : cases) {
    const auto options = parse_report_options(words);
    ASSERT_FALSE(options) << what;
    EXPECT_EQ(options.error().what, what);
  }
}

} // namespace
} // namespace pprofd

#include <gtest/gtest.h>

#include "daemon/cli/export_options.h"
#include "daemon/cli/program.h"

namespace pprofd {
namespace {

using Words = std::vector<std::string>;

Result<ExportOptions> options_of(const Words& words) {
  const auto parsed = parse_arguments(program(), command_spec("export"), words);
  if (!parsed)
    return std::unexpected(parsed.error());
  return make_export_options(*parsed);
}

TEST(ExportOptions, WritesToStandardOutputByDefault) {
  const auto options = options_of({"a.pb.gz", "-"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->files, (Words{"a.pb.gz", "-"}));
  EXPECT_EQ(options->output, "-");
  EXPECT_EQ(options->sample_type, "");
}

TEST(ExportOptions, ReadsEveryOption) {
  const auto options = options_of({"a", "-o", "rows.jsonl.zst", "--sample", "inuse_space"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->output, "rows.jsonl.zst");
  EXPECT_EQ(options->sample_type, "inuse_space");
}

TEST(ExportOptions, RefusesWhatMakesNoSense) {
  for (const Words& words : {Words{}, Words{""}, Words{"-", "-"}, Words{"a", "-o", "folder/"},
                             Words{"a", "--sample", ""}})
    EXPECT_FALSE(options_of(words));
}

} // namespace
} // namespace pprofd

#include <gtest/gtest.h>

#include <sstream>

#include "daemon/profile/folded.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

std::string folded(const perftools::profiles::Profile& profile, int value_index = 0) {
  std::ostringstream out;
  write_folded(profile, value_index, out);
  return out.str();
}

TEST(Folded, StacksReadFromTheRootWithInlinedFunctionsInThem) {
  StackProfile p;
  p.stack({{"inlined", "leaf"}, {"main"}}, 3);
  p.stack({{"main"}}, 1);
  EXPECT_EQ(folded(p.finish()), "main 1\nmain;leaf;inlined 3\n");
}

TEST(Folded, EqualStacksOfSeveralThreadsAddUp) {
  StackProfile p;
  p.stack({{"main"}}, 1, {{"tid", "", 1, "tid"}});
  p.stack({{"main"}}, 2, {{"tid", "", 2, "tid"}});
  EXPECT_EQ(folded(p.finish()), "main 3\n");
}

TEST(Folded, TheValueIsChosen) {
  StackProfile p;
  p.stack({{"main"}}, 2);
  EXPECT_EQ(folded(p.finish(), 1), "main 20202020\n");
}

TEST(Folded, SeveralProcessesBeginWithTheirNames) {
  StackProfile p;
  p.stack({{"main"}}, 1, {{"comm", "nginx", 0, ""}, {"pid", "", 5, "pid"}});
  p.stack({{"main"}}, 2, {{"comm", "my;sql\nd", 0, ""}});
  EXPECT_EQ(folded(p.finish()), "my:sql d;main 2\nnginx;main 1\n");
}

TEST(Folded, SeparatorsInNamesAreReplaced) {
  StackProfile p;
  p.stack({{"a;b\nc d"}}, 1);
  EXPECT_EQ(folded(p.finish()), "a:b c d 1\n");
}

TEST(Folded, FramesWithoutSymbolsSayWhereTheyAre) {
  ProfileHeader header = cpu_header();
  header.symbolized = false;
  ProfileBuilder builder(header);
  uint64_t app = builder.add_mapping({0x1000, 0x2000, 0x5000, "/bin/app", "", false});
  std::array trace{builder.add_location(app, 0x1010, {})};
  builder.add_sample(trace, std::array<int64_t, 2>{1, 1}, {});
  builder.add_sample({}, std::array<int64_t, 2>{2, 1}, {});
  EXPECT_EQ(folded(std::move(builder).finish()), "[no stack] 2\napp+0x5010 1\n");
}

} // namespace
} // namespace pprofd

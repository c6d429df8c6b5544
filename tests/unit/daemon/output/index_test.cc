#include <gtest/gtest.h>

#include "daemon/output/index.h"

namespace pprofd {
namespace {

TEST(Index, OneLineAProcessUnderTheNamesOfTheColumns) {
  IndexRow row{7, 1234, "nginx", "/usr/sbin/nginx", "c0ffee", 42, "7-1234.pb.gz"};
  EXPECT_EQ(index_text({row}, {{"samples.taken", "50"}}),
            "pid\tstart_time\tcomm\texecutable\tbuild_id\tsamples\tfile\n"
            "7\t1234\tnginx\t/usr/sbin/nginx\tc0ffee\t42\t7-1234.pb.gz\n"
            "# samples.taken=50\n");
}

TEST(Index, ANameCannotBreakTheTableNorCommandTheTerminal) {
  EXPECT_EQ(escape_field("a\tb\nc\rd\\e"), "a\\tb\\nc\\rd\\\\e");
  EXPECT_EQ(escape_field("\x1b[2J\x7f"), "\\x1b[2J\\x7f");
  EXPECT_EQ(escape_field("\u009b31m"), "\\xc2\\x9b31m");
  EXPECT_EQ(escape_field("caf\u00e9 \xff"), "caf\u00e9 \\xff");
  EXPECT_EQ(escape_field(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(escape_field(""), "");
}

} // namespace
} // namespace pprofd

#include <gtest/gtest.h>

#include "daemon/process/glob_match.h"

namespace pprofd {
namespace {

Process sample_process() {
  Process process;
  process.pid = 42;
  process.comm = "nginx";
  process.exe = std::make_shared<const std::string>("/usr/sbin/nginx");
  process.cgroups = std::make_shared<const CgroupPaths>(
      parse_cgroups("1:name=systemd:/system.slice/web.service\n0::/\n"));
  return process;
}

TEST(GlobMatch, MatchesEachKeyByFnmatch) {
  const Process process = sample_process();
  for (const char* text :
       {"comm:nginx", "comm:ng*", "comm:[m-o]ginx", "exe:*/nginx", "exe:/usr/*",
        "cgroup:/system.slice/*", "unit:web.service", "unit:web*", "pid:42", "pid:4?"}) {
    const auto glob = match_glob(text);
    ASSERT_TRUE(glob) << text;
    EXPECT_TRUE((*glob)(process)) << text;
  }
  for (const char* text : {"comm:ngin", "comm:NGINX", "exe:nginx", "cgroup:/user*", "unit:web",
                           "container:*", "pid:4"}) {
    const auto glob = match_glob(text);
    ASSERT_TRUE(glob) << text;
    EXPECT_FALSE((*glob)(process)) << text;
  }
}

TEST(GlobMatch, RefusesWhatMakesNoSense) {
  for (const char* text : {"", "nginx", "name:x", "comm:", ":x", "Comm:x"}) {
    const auto glob = match_glob(text);
    ASSERT_FALSE(glob) << text;
    EXPECT_FALSE(glob.error().hint.empty()) << text;
  }
}

} // namespace
} // namespace pprofd

#include <gtest/gtest.h>

#include "daemon/run/service_name.h"

namespace pprofd {
namespace {

std::string name_of(const KeyValues& labels, const std::string& cgroup, const std::string& exe,
                    const std::string& comm = "comm") {
  Process process;
  process.comm = comm;
  process.exe = std::make_shared<const std::string>(exe);
  process.cgroups = std::make_shared<const CgroupPaths>(parse_cgroups("0::" + cgroup + "\n"));
  return service_name(labels, process, exe);
}

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TEST(ServiceName, TheConfiguredLabelComesFirst) {
  EXPECT_EQ(name_of({{"env", "x"}, {"service", "checkout"}}, "/system.slice/nginx.service", "/a/b"),
            "checkout");
}

TEST(ServiceName, ThenTheUnitWhereItIsAService) {
  EXPECT_EQ(name_of({}, "/system.slice/nginx.service", "/usr/sbin/nginx-bin"), "nginx");
  EXPECT_EQ(name_of({}, "/system.slice/session-3.scope", "/usr/bin/vim"), "vim");
  EXPECT_EQ(name_of({}, "/user.slice/user-1000.slice/user@1000.service", "/usr/bin/vim"), "vim");
}

TEST(ServiceName, ThenTheContainer) {
  EXPECT_EQ(name_of({}, "/system.slice/docker-" + kId + ".scope", "/app/server"), "0123456789ab");
}

TEST(ServiceName, ThenTheExecutableElseTheProcess) {
  EXPECT_EQ(name_of({}, "/", "/opt/app/server"), "server");
  EXPECT_EQ(name_of({}, "/", "", "kworker/0:1"), "kworker/0:1");
}

} // namespace
} // namespace pprofd

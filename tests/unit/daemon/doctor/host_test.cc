#include <algorithm>

#include "daemon/doctor/host.h"
#include "tests/unit/daemon/doctor/fake_host.h"

namespace pprofd {
namespace {

Host read(const FakeHost& fake) {
  return {fake.environment().proc, fake.environment().sys};
}

TEST(Host, ReadsCapabilitiesSettingsAndCpus) {
  FakeHost fake;
  fake.capabilities(uint64_t{1} << 39);
  const Host host = read(fake);
  EXPECT_TRUE(host.holds(Capability::kBpf));
  EXPECT_FALSE(host.holds(Capability::kPerfmon));
  EXPECT_EQ(host.setting("perf_event_paranoid"), 2);
  EXPECT_EQ(host.setting("not_there"), std::nullopt);
  EXPECT_EQ(host.first_cpu(), 1);
  EXPECT_EQ(host.release(), "6.1.0-test");
}

TEST(Host, ReadsNegativeSettings) {
  FakeHost fake;
  fake.write("proc/sys/kernel/perf_event_paranoid", "-1\n");
  EXPECT_EQ(read(fake).setting("perf_event_paranoid"), -1);
  fake.write("proc/sys/kernel/perf_event_paranoid", "what\n");
  EXPECT_EQ(read(fake).setting("perf_event_paranoid"), std::nullopt);
}

TEST(Host, CountsNoCapabilityOfAnotherUserNamespace) {
  FakeHost fake;
  fake.link("proc/self/ns/user", "user:[4026532000]");
  const Host host = read(fake);
  EXPECT_FALSE(host.in_initial_user_namespace());
  EXPECT_FALSE(host.holds(Capability::kSysAdmin));
}

TEST(Host, ReadsMountsWithEscapedNames) {
  FakeHost fake;
  fake.write("proc/self/mountinfo",
             "1 0 0:1 / /a\\040b rw shared:1 master:2 - cgroup cgroup rw,cpu\n"
             "this line makes no sense\n"
             "2 0 0:2 / /c rw - tmpfs tmpfs rw\n");
  const std::vector<Mount> mounts = read(fake).mounts();
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].point, "/a b");
  EXPECT_EQ(mounts[0].type, "cgroup");
  EXPECT_EQ(mounts[0].options, "rw,cpu");
  EXPECT_EQ(mounts[1].type, "tmpfs");
}

TEST(Host, ReadsTheLockdownModeInForce) {
  FakeHost fake;
  EXPECT_EQ(read(fake).lockdown(), "");
  fake.write("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
  EXPECT_EQ(read(fake).lockdown(), "confidentiality");
}

TEST(Host, KnowsNothingOfAnEmptyFolderButStands) {
  FakeHost fake;
  fake.remove("proc");
  fake.remove("sys");
  const Host host = read(fake);
  EXPECT_FALSE(host.holds(Capability::kBpf));
  EXPECT_TRUE(host.mounts().empty());
  EXPECT_EQ(host.first_cpu(), 0);
}

} // namespace
} // namespace pprofd

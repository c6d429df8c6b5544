#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>

#include "daemon/process/cgroup.h"

namespace pprofd {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kOther = "ffff456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kUid = "12345678-9abc-def0-1234-56789abcdef0";
const std::string kUidUnderscores = "12345678_9abc_def0_1234_56789abcdef0";

// Puts the ids in the place of UID, U_ID (with underscores) and ID.
std::string with_ids(std::string text) {
  for (const auto& [word, id] :
       {std::pair("U_ID", kUidUnderscores), std::pair("UID", kUid), std::pair("ID", kId)})
    if (const size_t at = text.find(word); at != std::string::npos)
      text.replace(at, std::strlen(word), id);
  return text;
}

TEST(ParseCgroups, ReadsV2AndV1) {
  const CgroupPaths v2 = parse_cgroups("0::/system.slice/cron.service\n");
  ASSERT_EQ(v2.entries.size(), 1U);
  EXPECT_EQ(v2.entries[0].hierarchy, 0);
  EXPECT_EQ(v2.main(), "/system.slice/cron.service");
  const CgroupPaths v1 = parse_cgroups("9:name=systemd:/a/b\n4:cpu,cpuacct:/c:d\n0::/\n");
  ASSERT_EQ(v1.entries.size(), 3U);
  EXPECT_EQ(v1.entries[1].controllers, "cpu,cpuacct");
  EXPECT_EQ(v1.entries[1].path, "/c:d");
}

TEST(ParseCgroups, LeavesOutLinesThatMakeNoSense) {
  EXPECT_TRUE(parse_cgroups("").entries.empty());
  EXPECT_TRUE(parse_cgroups("\n::\n0:/\nx::/\n1:cpu:relative\n1:cpu:\n").entries.empty());
}

TEST(CgroupPaths, MainIsTheOneThatSaysMost) {
  EXPECT_EQ(parse_cgroups("9:name=systemd:/s\n4:memory:/a/longer/one\n0::/v2\n").main(), "/v2");
  EXPECT_EQ(parse_cgroups("9:name=systemd:/s\n4:memory:/a/longer/one\n0::/\n").main(), "/s");
  EXPECT_EQ(parse_cgroups("9:name=systemd:/\n4:memory:/a/b\n3:cpu:/a\n0::/\n").main(), "/a/b");
  EXPECT_EQ(parse_cgroups("0::/\n").main(), "/");
  EXPECT_EQ(CgroupPaths().main(), "/");
}

TEST(UnitOf, IsTheFirstUnitThatIsNoSlice) {
  EXPECT_EQ(unit_of("/system.slice/cron.service"), "cron.service");
  EXPECT_EQ(unit_of("/system.slice/system-getty.slice/getty@tty1.service"), "getty@tty1.service");
  EXPECT_EQ(unit_of("/user.slice/user-1000.slice/session-3.scope"), "session-3.scope");
  EXPECT_EQ(unit_of("/init.scope"), "init.scope");
  EXPECT_EQ(unit_of("/system.slice/a.service/sub/cgroup"), "a.service");
  EXPECT_EQ(unit_of("/system.slice/docker-" + kId + ".scope/system.slice/inner.service"),
            "docker-" + kId + ".scope");
  EXPECT_EQ(unit_of("/system.slice/_cpu.service"), "cpu.service");
}

TEST(UnitOf, IsTheUsersOwnUnitBelowAUserManager) {
  EXPECT_EQ(unit_of("/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.service"),
            "app-x.service");
  EXPECT_EQ(unit_of("/user.slice/user-1000.slice/user@1000.service/init.scope"), "init.scope");
  EXPECT_EQ(unit_of("/user.slice/user-1000.slice/user@1000.service"), "user@1000.service");
}

TEST(UnitOf, IsEmptyWhereThereIsNone) {
  for (const char* path : {"", "/", "/system.slice", "/docker/abc", "/.service", "/a/service"})
    EXPECT_EQ(unit_of(path), "") << path;
}

TEST(ContainerOf, KnowsEveryRuntimesLayout) {
  for (const char* path :
       {"/docker/ID", "/system.slice/docker-ID.scope", "/kubepods/burstable/podUID/ID",
        ("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podU_ID.slice/"
         "cri-containerd-ID.scope"),
        "/kubepods.slice/kubepods-podU_ID.slice/crio-ID.scope",
        "/system.slice/containerd.service/kubepods-burstable-podU_ID.slice:cri-containerd:ID",
        "/machine.slice/libpod-ID.scope/container",
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope",
        "/ecs/55555555555555555555555555555555/ID", "/default/ID",
        "/system.slice/docker-ID.scope/init.scope"})
    EXPECT_EQ(container_of(with_ids(path)), kId) << path;
}

TEST(ContainerOf, TakesTheInnermost) {
  EXPECT_EQ(container_of("/docker/" + kOther + "/docker/" + kId), kId);
}

TEST(ContainerOf, TakesNoMonitorAndNothingThatOnlyLooksAlike) {
  for (const std::string& path :
       {"/machine.slice/libpod-conmon-" + kId + ".scope", "/crio-conmon-" + kId + ".scope",
        "/docker/" + kId.substr(1), "/docker/" + kId + "0", "/docker/x" + kId,
        std::string("/system.slice/cron.service"), std::string("/"), std::string()})
    EXPECT_EQ(container_of(path), "") << path;
}

TEST(PodOf, KnowsBothCgroupDriversAndStaticPods) {
  EXPECT_EQ(pod_of("/kubepods/burstable/pod" + kUid + "/" + kId), kUid);
  EXPECT_EQ(pod_of("/kubepods/pod" + kUid), kUid);
  EXPECT_EQ(pod_of("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" +
                   kUidUnderscores + ".slice/crio-" + kId + ".scope"),
            kUid);
  EXPECT_EQ(pod_of("/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
                   "kubelet-kubepods-burstable-pod" +
                   kUidUnderscores + ".slice/cri-containerd-" + kId + ".scope"),
            kUid);
  EXPECT_EQ(pod_of("/kubelet.slice/kubelet-kubepods.slice/x"), "");
  EXPECT_EQ(pod_of("/kubepods/burstable/pod0123456789abcdef0123456789abcdef/" + kId),
            "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(pod_of("/system.slice/containerd.service/kubepods-burstable-pod" + kUidUnderscores +
                   ".slice:cri-containerd:" + kId),
            kUid);
}

TEST(PodOf, IsEmptyOutsideOfKubernetes) {
  EXPECT_EQ(pod_of("/podman/pod" + kUid), "");
  EXPECT_EQ(pod_of("/kubepods/burstable"), "");
  EXPECT_EQ(pod_of("/kubepods/podracer"), "");
}

TEST(CgroupPaths, TheRestIsSearchedWhenTheMainOneSaysNothing) {
  const CgroupPaths paths = parse_cgroups("4:memory:/docker/" + kId + "\n0::/other\n");
  EXPECT_EQ(container_of(paths), kId);
  EXPECT_EQ(unit_of(paths), "");
}

TEST(IsBelow, ComparesWholeComponents) {
  EXPECT_TRUE(is_below("/a/b", "/a"));
  EXPECT_TRUE(is_below("/a", "/a"));
  EXPECT_TRUE(is_below("/a", "/a/"));
  EXPECT_TRUE(is_below("/a", "/"));
  EXPECT_TRUE(is_below("/", "/"));
  EXPECT_FALSE(is_below("/ab", "/a"));
  EXPECT_FALSE(is_below("/", "/a"));
}

} // namespace
} // namespace pprofd

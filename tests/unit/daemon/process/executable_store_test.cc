#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <set>
#include <thread>

#include "daemon/process/executable_store.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

BuildId build_id(uint8_t first) {
  BuildId id;
  id.size = 20;
  id.bytes[0] = first;
  return id;
}

// A file system of memory files behind the store: which pid and name leads to which.
class World {
public:
  struct Node {
    int memfd = -1;
    bool root = true;
  };

  Node& add(const std::string& name, bool root = true) {
    Node& node = nodes_[name];
    node.memfd = ::memfd_create(name.c_str(), MFD_CLOEXEC);
    node.root = root;
    return node;
  }
  ~World() {
    for (const auto& [name, node] : nodes_)
      ::close(node.memfd);
  }

  ExecutableStore::Open open() {
    return [this](const OpenRequest& request) -> Result<OpenedFile> {
      last = request;
      ++calls;
      if (hang)
        hang_until.wait();
      const bool reachable =
          alive.contains(request.pid) ||
          std::ranges::any_of(request.others, [&](pid_t pid) { return alive.contains(pid); });
      const auto node = nodes_.find(request.name);
      if (!reachable || node == nodes_.end())
        return fail("open", "the process had gone");
      struct ::stat info{};
      ::fstat(node->second.memfd, &info);
      if (request.expected != FileIdentity{} && request.expected != identity_of(info))
        return fail("open", "another file");
      const std::string self = "/proc/self/fd/" + std::to_string(node->second.memfd);
      OpenedFile file;
      file.fd = Fd(::open(self.c_str(), O_RDONLY | O_CLOEXEC));
      file.identity = identity_of(info);
      file.owned_by_root = node->second.root;
      return file;
    };
  }

  std::set<pid_t> alive{100, 101};
  std::map<std::string, Node> nodes_;
  std::atomic<int> calls = 0;
  OpenRequest last;
  bool hang = false;
  std::promise<void> release;
  std::shared_future<void> hang_until = release.get_future().share();
};

class ExecutableStoreTest : public testing::Test {
protected:
  ExecutableStoreTest() : store_(options(), world_.open()) {}

  static ExecutableStoreOptions options() { return {.max_open = 3, .deadline = 10s}; }

  std::shared_ptr<const Executable> by_id(const std::string& name, uint8_t id, pid_t pid = 100) {
    MappedFile file;
    file.name = name;
    file.build_id = build_id(id);
    return store_.resolve(file, mapper(pid));
  }
  std::shared_ptr<const Executable> by_inode(const std::string& name, uint64_t inode,
                                             pid_t pid = 100, uint64_t generation = 0) {
    MappedFile file;
    file.name = name;
    file.device = 7;
    file.inode = inode;
    file.generation = generation;
    return store_.resolve(file, mapper(pid));
  }
  [[nodiscard]] Mapper mapper(pid_t pid) const {
    return {.pid = pid,
            .start = {0x1000},
            .end = {0x2000},
            .mount_namespace = 1,
            .uid = 0,
            .others = [this] { return others_; }};
  }

  World world_;
  std::vector<pid_t> others_;
  ExecutableStore store_;
};

TEST_F(ExecutableStoreTest, OpensAFileOnceForAllWhoMapItByARootOwnedBuildId) {
  world_.add("/lib/libc.so");
  const auto first = by_id("/lib/libc.so", 1);
  EXPECT_EQ(first->state, ExecutableState::open);
  EXPECT_EQ(first->build_id, "01" + std::string(38, '0'));
  EXPECT_TRUE(first->kernel_build_id);
  EXPECT_EQ(first->basename(), "libc.so");
  EXPECT_EQ(by_id("/lib/libc.so", 1, 101), first);
  EXPECT_EQ(by_id("/other/view/of/libc.so", 1, 999), first);
  EXPECT_EQ(world_.calls, 1);
  EXPECT_EQ(store_.stats().shared, 2U);
}

TEST_F(ExecutableStoreTest, AnotherUsersFileNeverStandsInForRootsByItsBuildId) {
  world_.add("/home/evil/libc.so", false);
  world_.add("/lib/libc.so");
  const auto evil = by_id("/home/evil/libc.so", 1);
  const auto good = by_id("/lib/libc.so", 1);
  EXPECT_NE(evil, good);
  EXPECT_NE(evil->file, good->file);
  EXPECT_EQ(by_id("/lib/libc.so", 1, 101), good);
}

TEST_F(ExecutableStoreTest, AUsersOwnFileIsOneExecutableHoweverOftenMapped) {
  world_.add("/home/me/a.out", false);
  const auto first = by_id("/home/me/a.out", 1);
  EXPECT_EQ(by_id("/home/me/a.out", 1, 101), first);
  EXPECT_EQ(world_.calls, 2);
  EXPECT_EQ(store_.open_count(), 1U);
}

TEST_F(ExecutableStoreTest, AProcessGoneBeforeItCouldBeLookedAtIsNamedByBuildIdAndPath) {
  world_.add("/home/me/a.out", false);
  const auto first = by_id("/home/me/a.out", 1);
  EXPECT_EQ(by_id("/home/me/a.out", 1, 999), first);
  EXPECT_NE(by_id("/home/me/b.out", 1, 999), first) << "the build id alone does not do";
  EXPECT_NE(by_id("/home/me/a.out", 2, 999), first) << "nor does the path";
}

TEST_F(ExecutableStoreTest, AProcessGoneIsOpenedThroughANeighbour) {
  world_.add("/bin/short");
  others_ = {101};
  const auto found = by_id("/bin/short", 1, 999);
  EXPECT_EQ(found->state, ExecutableState::open);
  EXPECT_EQ(world_.last.others, others_);
  EXPECT_TRUE(world_.last.verifiable);
}

TEST_F(ExecutableStoreTest, WhatCannotBeOpenedIsStillOneExecutableAndIsFilledInLater) {
  world_.add("/bin/short", false);
  const auto first = by_id("/bin/short", 1, 999);
  EXPECT_EQ(first->state, ExecutableState::unavailable);
  EXPECT_EQ(first->why_unavailable, "the process had gone");
  EXPECT_FALSE(store_.descriptor(first->id));
  EXPECT_EQ(by_id("/bin/short", 1, 998), first);
  EXPECT_EQ(by_id("/bin/short", 1, 100), first);
  EXPECT_EQ(first->state, ExecutableState::open);
  EXPECT_TRUE(store_.descriptor(first->id));
}

TEST_F(ExecutableStoreTest, WithoutBuildIdsTheInodeIsTheKey) {
  world_.add("/lib/a");
  const auto first = by_inode("/lib/a", 5);
  EXPECT_EQ(by_inode("/lib/a", 5, 101), first);
  EXPECT_EQ(world_.calls, 1);
  EXPECT_FALSE(first->kernel_build_id);
}

TEST_F(ExecutableStoreTest, AnInodeNumberUsedAgainIsAnotherFile) {
  world_.add("/tmp/a");
  const auto first = by_inode("/tmp/a", 5, 100, 1);
  world_.nodes_.erase("/tmp/a");
  world_.add("/tmp/a");
  EXPECT_NE(by_inode("/tmp/a", 5, 100, 2), first) << "told by its generation";
  store_.close(first->id);
  EXPECT_NE(by_inode("/tmp/a", 5, 100, 1), first) << "told by what is found when it is opened";
}

TEST_F(ExecutableStoreTest, AFileChangedInPlaceIsAnotherExecutable) {
  const World::Node& node = world_.add("/tmp/a");
  const auto first = by_inode("/tmp/a", 5);
  ASSERT_EQ(::ftruncate(node.memfd, 100), 0);
  const auto second = by_inode("/tmp/a", 5);
  EXPECT_NE(second, first);
  EXPECT_EQ(second->file.size, 100U);
}

TEST_F(ExecutableStoreTest, AFileKnownFromMapsIsTheSameWhenAnEventTellsItsBuildId) {
  world_.add("/lib/a");
  const auto from_maps = by_inode("/lib/a", 5);
  store_.set_build_id(from_maps->id, "beef");
  store_.set_build_id(from_maps->id, "");
  const auto from_event = by_id("/lib/a", 1);
  EXPECT_EQ(from_event, from_maps);
  EXPECT_EQ(from_maps->build_id, build_id(1).hex());
  store_.set_build_id(from_maps->id, "feed");
  EXPECT_EQ(from_maps->build_id, build_id(1).hex()) << "the kernel's word stands";
}

TEST_F(ExecutableStoreTest, ARejectedFileGivesNoDescriptorAndIsOpenedAfresh) {
  world_.add("/bin/replaced");
  const auto wrong = by_id("/bin/replaced", 1);
  store_.reject(wrong->id, "its build id is another");
  EXPECT_EQ(wrong->state, ExecutableState::rejected);
  EXPECT_EQ(store_.descriptor(wrong->id).error().why, "its build id is another");
  const auto next = by_id("/bin/replaced", 1);
  EXPECT_NE(next, wrong);
  EXPECT_EQ(next->state, ExecutableState::open);
}

TEST_F(ExecutableStoreTest, ClosesTheLeastRecentlyUsedAndOpensItAgainWhenAsked) {
  std::vector<std::shared_ptr<const Executable>> all;
  for (int i = 0; i < 4; ++i) {
    world_.add("/lib/" + std::to_string(i));
    if (i == 3)
      by_id("/lib/0", 1); // used: 1 is now the oldest
    all.push_back(by_id("/lib/" + std::to_string(i), static_cast<uint8_t>(i + 1)));
  }
  EXPECT_EQ(store_.open_count(), 3U);
  EXPECT_EQ(all[1]->state, ExecutableState::closed);
  EXPECT_EQ(all[0]->state, ExecutableState::open);
  const Result<Fd> again = store_.descriptor(all[1]->id);
  ASSERT_TRUE(again);
  struct ::stat info{};
  ::fstat(again->get(), &info);
  EXPECT_EQ(identity_of(info), all[1]->file);
  EXPECT_EQ(store_.open_count(), 3U);
  EXPECT_EQ(world_.last.expected, all[1]->file);
}

TEST_F(ExecutableStoreTest, AClosedFileThatNobodyLeadsToAnyMoreIsNotOpened) {
  world_.add("/lib/a");
  const auto closed = by_id("/lib/a", 1);
  store_.close(closed->id);
  world_.alive.clear();
  EXPECT_FALSE(store_.descriptor(closed->id));
}

TEST_F(ExecutableStoreTest, DescriptorsAreTheCallersOwn) {
  world_.add("/lib/a");
  const auto found = by_id("/lib/a", 1);
  Result<Fd> descriptor = store_.descriptor(found->id);
  ASSERT_TRUE(descriptor);
  store_.close(found->id);
  char byte = 0;
  EXPECT_EQ(::read(descriptor->get(), &byte, 1), 0);
  EXPECT_NE(::fcntl(descriptor->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ExecutableStoreTest, ForgetsTheLongestUnusedAndOnlyThose) {
  std::shared_ptr<const Executable> kept;
  for (int i = 0; i < 5; ++i) {
    world_.add("/lib/" + std::to_string(i));
    const auto one = by_id("/lib/" + std::to_string(i), static_cast<uint8_t>(i + 1));
    if (i == 0)
      kept = one;
  }
  const auto forgotten = store_.forget_unused(1);
  EXPECT_EQ(forgotten, (std::vector<ExecutableId>{{2}, {3}, {4}}));
  EXPECT_EQ(store_.size(), 2U);
  EXPECT_EQ(store_.find({2}), nullptr);
  EXPECT_NE(store_.find(kept->id), nullptr);
  EXPECT_FALSE(store_.descriptor({2}));
  const auto again = by_id("/lib/1", 2);
  EXPECT_EQ(again->id.value, 6U) << "ids are never used twice";
}

TEST(ExecutableStoreLate, TakesAnOpeningThatMissedItsDeadline) {
  World world;
  ExecutableStore store({.max_open = 3, .deadline = 5ms}, world.open());
  world.add("/nfs/a");
  world.hang = true;
  MappedFile file;
  file.name = "/nfs/a";
  file.build_id = build_id(1);
  const auto found = store.resolve(file, {.pid = 100, .start = {}, .end = {}, .others = {}});
  EXPECT_EQ(found->state, ExecutableState::pending);
  EXPECT_TRUE(store.tick().empty());
  EXPECT_EQ(store.stats().late, 1U);
  world.release.set_value();
  std::vector<ExecutableId> opened;
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (opened.empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(1ms);
    opened = store.tick();
  }
  EXPECT_EQ(opened, std::vector<ExecutableId>{found->id});
  EXPECT_TRUE(store.descriptor(found->id));
}

TEST(RaiseOpenFilesLimit, RaisesTheSoftLimitToTheHardOne) {
  const uint64_t limit = raise_open_files_limit();
  EXPECT_EQ(limit, static_cast<uint64_t>(::sysconf(_SC_OPEN_MAX)));
  EXPECT_EQ(raise_open_files_limit(), limit);
}

} // namespace
} // namespace pprofd

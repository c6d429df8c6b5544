// A /proc made of plain files in a temporary folder, for tests.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pprofd {

struct FakeProcess {
  pid_t pid = 0;
  std::string comm = "proc";
  char state = 'S';
  pid_t parent = 1;
  uint64_t flags = 0x400000;
  uint64_t start_ticks = 100;
  uint64_t user_ticks = 0;
  // GCC wants initializers where a designated one is left out.
  // NOLINTBEGIN(readability-redundant-member-init)
  std::string maps = {};
  std::string exe = {};
  std::string cgroup = "0::/\n";
  std::vector<pid_t> thread_ids = {}; // empty: the leader alone
  // NOLINTEND(readability-redundant-member-init)
};

class FakeProc {
public:
  FakeProc() {
    std::string pattern = std::filesystem::temp_directory_path() / "pprofd-proc-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~FakeProc() { std::filesystem::remove_all(root_); }
  FakeProc(const FakeProc&) = delete;
  FakeProc& operator=(const FakeProc&) = delete;

  [[nodiscard]] const std::string& root() const { return root_; }

  void file(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = std::filesystem::path(root_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  // Adds the process or replaces what there was of it. All share one mount namespace, whose number
  // is that of a file.
  void add(const FakeProcess& process) const {
    const std::string folder = std::to_string(process.pid) + "/";
    std::filesystem::create_directories(root_ + "/" + folder + "ns");
    const size_t threads = process.thread_ids.empty() ? 1 : process.thread_ids.size();
    file(folder + "stat",
         std::to_string(process.pid) + " (" + process.comm + ") " + process.state + " " +
             std::to_string(process.parent) + " 1 1 0 -1 " + std::to_string(process.flags) +
             " 0 0 0 0 " + std::to_string(process.user_ticks) + " 0 0 0 20 0 " +
             std::to_string(threads) + " 0 " + std::to_string(process.start_ticks) + " 0 0 0 0\n");
    file(folder + "maps", process.maps);
    file(folder + "cgroup", process.cgroup);
    file("mnt", "");
    const std::filesystem::path space = root_ + "/" + folder + "ns/mnt";
    std::filesystem::remove(space);
    std::filesystem::create_symlink(root_ + "/mnt", space);
    const std::filesystem::path exe = root_ + "/" + folder + "exe";
    std::filesystem::remove(exe);
    if (!process.exe.empty())
      std::filesystem::create_symlink(process.exe, exe);
    for (const pid_t thread : process.thread_ids)
      std::filesystem::create_directories(root_ + "/" + folder + "task/" + std::to_string(thread));
  }

  void remove(pid_t pid) const { std::filesystem::remove_all(root_ + "/" + std::to_string(pid)); }

private:
  std::string root_;
};

} // namespace pprofd

// The running machine as the process table sees it, and children to look at.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "daemon/process/process_table.h"
#include "daemon/process/sideband.h"
#include "symbolizer/base/fd.h"

namespace pprofd {

inline constexpr std::chrono::seconds kPatience{30};

// A child process with pipes at its standard input and output; ended with its owner.
class Child {
public:
  explicit Child(std::vector<std::string> command);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&& other) noexcept;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // The next line of its output; empty when there is none within kPatience.
  std::string line();
  // Whether line() has something to read.
  [[nodiscard]] bool has_output() const;
  void send_line() const;
  void close_input() { input_.reset(); }
  // Ends its input and waits for its end.
  void finish();
  // When the kernel started it, as /proc tells.
  [[nodiscard]] uint64_t start_time() const;

private:
  pid_t pid_ = 0;
  Fd input_;
  Fd output_;
};

// Side band, queue, table and store, driven by one thread as the daemon will.
class Machine {
public:
  static Result<std::unique_ptr<Machine>> start(const SidebandOptions& options = {});

  // Waits for news, at most `wait`, and applies them.
  void pump(std::chrono::milliseconds wait = std::chrono::milliseconds(20));
  // Pumps until the condition holds; false after kPatience.
  bool pump_until(const std::function<bool()>& condition);
  // The latest process of that pid, live or exited; nullptr: none.
  [[nodiscard]] const Process* latest(pid_t pid);

  ExecutableStore& store() { return store_; }
  ProcessTable& table() { return table_; }
  Sideband& sideband() { return sideband_; }

private:
  explicit Machine(Sideband sideband);

  ExecutableStore store_;
  ProcessTable table_;
  Sideband sideband_;
  EventQueue queue_;
};

// A folder of its own, gone with its owner.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

// Copies an ELF file and gives the copy a build id of its own, made from `number`. Returns the id
// in hex.
std::string copy_with_build_id(const std::filesystem::path& from, const std::filesystem::path& to,
                               uint32_t number);

} // namespace pprofd

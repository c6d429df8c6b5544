// A process under ptrace: its steps, registers and memory. One thread owns it.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/unwind/replay.h"

namespace pprofd::test {

// Memory of a stopped process, read page by page and kept until it runs again.
class TraceeMemory : public TargetMemory {
public:
  explicit TraceeMemory(pid_t pid) : pid_(pid) {}

  bool read(uint64_t address, std::span<std::byte> to) override;
  void forget() { pages_.clear(); }

private:
  using Page = std::array<std::byte, 4096>;
  pid_t pid_;
  std::unordered_map<uint64_t, std::optional<Page>> pages_;
};

class Tracee {
public:
  // Starts the command, stopped at its first instruction. Throws where that can't be.
  explicit Tracee(const std::vector<std::string>& command);
  ~Tracee();
  Tracee(const Tracee&) = delete;
  Tracee& operator=(const Tracee&) = delete;

  enum class Stop : uint8_t {
    kStepped,
    kMarker, // int3 in the program's own code
    kExited,
  };
  // One instruction, in the child while a vfork has the parent wait.
  Stop step();
  // Runs to the next marker or the end; for at most `time` where that is given.
  Stop run(std::optional<std::chrono::microseconds> time = {});

  [[nodiscard]] pid_t pid() const { return current_; }
  [[nodiscard]] const user_regs_struct& registers() const { return registers_; }
  [[nodiscard]] LeafRegisters leaf() const;
  TraceeMemory& memory() { return memory_; }
  // The last step was a system call that may have changed mappings.
  [[nodiscard]] bool mappings_may_have_changed() const { return mappings_changed_; }

private:
  Stop go(int request);
  Stop wait_for_stop();
  Stop handle_event(int event);
  void look();

  pid_t first_ = -1;
  pid_t current_ = -1;
  int signal_ = 0; // to be delivered
  bool exited_ = false;
  bool mappings_changed_ = true;
  user_regs_struct registers_{};
  TraceeMemory memory_{-1};
};

} // namespace pprofd::test

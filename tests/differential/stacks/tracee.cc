#include "tests/differential/stacks/tracee.h"

#include <fcntl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace pprofd::test {
namespace {

constexpr uint64_t kPageMask = 4095;

[[noreturn]] void become(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, 0);
  ::dup2(null, 1);
  ::dup2(null, 2);
  // The same addresses in every run.
  ::personality(ADDR_NO_RANDOMIZE);
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

} // namespace

bool TraceeMemory::read(uint64_t address, std::span<std::byte> to) {
  while (!to.empty()) {
    const uint64_t start = address & ~kPageMask;
    const auto [entry, is_new] = pages_.try_emplace(start);
    std::optional<Page>& page = entry->second;
    if (is_new) {
      Page bytes;
      iovec local{.iov_base = bytes.data(), .iov_len = bytes.size()};
      void* const there = reinterpret_cast<void*>(start); // NOLINT: an address of the other process
      iovec remote{.iov_base = there, .iov_len = bytes.size()};
      if (::process_vm_readv(pid_, &local, 1, &remote, 1, 0) == ssize_t{4096})
        page = bytes;
    }
    if (!page)
      return false;
    const size_t offset = address & kPageMask;
    const size_t size = std::min(to.size(), page->size() - offset);
    std::memcpy(to.data(), page->data() + offset, size);
    to = to.subspan(size);
    address += size;
  }
  return true;
}

Tracee::Tracee(const std::vector<std::string>& command) {
  first_ = current_ = ::fork();
  if (first_ == 0)
    become(command);
  int status = 0;
  if (first_ < 0 || ::waitpid(first_, &status, 0) != first_ || !WIFSTOPPED(status))
    throw std::runtime_error("can't start " + command.front());
  ::ptrace(PTRACE_SETOPTIONS, first_, nullptr,
           PTRACE_O_EXITKILL | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC);
  memory_ = TraceeMemory(first_);
  look();
}

Tracee::~Tracee() {
  if (exited_)
    return;
  ::kill(first_, SIGKILL);
  if (current_ != first_)
    ::kill(current_, SIGKILL);
  ::waitpid(first_, nullptr, 0);
}

LeafRegisters Tracee::leaf() const {
  const user_regs_struct& r = registers_;
  return {.pc = r.rip,
          .numbered = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10,
                       r.r11, r.r12, r.r13, r.r14, r.r15}};
}

Tracee::Stop Tracee::step() {
  std::array<std::byte, 2> code{};
  const bool readable = memory_.read(registers_.rip, code);
  const bool is_call = readable && code[0] == std::byte{0x0f} && code[1] == std::byte{0x05};
  const uint64_t number = registers_.rax;
  const Stop stop = go(PTRACE_SINGLESTEP);
  mappings_changed_ =
      mappings_changed_ ||
      (is_call && (number == SYS_mmap || number == SYS_munmap || number == SYS_mprotect ||
                   number == SYS_mremap || number == SYS_execve));
  return stop;
}

Tracee::Stop Tracee::run(std::optional<std::chrono::microseconds> time) {
  if (!time) {
    const Stop stop = go(PTRACE_CONT);
    mappings_changed_ = true;
    return stop;
  }
  mappings_changed_ = false;
  if (::ptrace(PTRACE_CONT, current_, nullptr, signal_) != 0)
    return Stop::kExited;
  signal_ = 0;
  ::usleep(static_cast<useconds_t>(time->count()));
  ::syscall(SYS_tgkill, current_, current_, SIGSTOP);
  const pid_t before = current_;
  Stop stop = wait_for_stop();
  mappings_changed_ = true;
  // What stopped it may have been something else, and the signal is still to come.
  for (int tries = 0; stop != Stop::kExited && current_ == before && signal_ != SIGSTOP; ++tries) {
    if (tries == 100)
      return Stop::kExited;
    stop = go(PTRACE_CONT);
  }
  if (signal_ == SIGSTOP)
    signal_ = 0;
  mappings_changed_ = true;
  return stop;
}

Tracee::Stop Tracee::go(int request) {
  mappings_changed_ = false;
  if (::ptrace(static_cast<__ptrace_request>(request), current_, nullptr, signal_) != 0)
    return Stop::kExited;
  signal_ = 0;
  return wait_for_stop();
}

Tracee::Stop Tracee::wait_for_stop() {
  int status = 0;
  if (::waitpid(current_, &status, __WALL) != current_)
    return Stop::kExited;
  if (!WIFSTOPPED(status)) {
    if (current_ == first_) {
      exited_ = true;
      return Stop::kExited;
    }
    // The vfork's child is done: back to the parent, which was stopped when it began.
    current_ = first_;
    memory_ = TraceeMemory(current_);
    mappings_changed_ = true;
    look();
    return Stop::kStepped;
  }
  if (const int event = status >> 16; event != 0)
    return handle_event(event);
  Stop stop = Stop::kStepped;
  siginfo_t info{};
  if (WSTOPSIG(status) != SIGTRAP)
    signal_ = WSTOPSIG(status);
  else if (::ptrace(PTRACE_GETSIGINFO, current_, nullptr, &info) == 0 && info.si_code == SI_KERNEL)
    stop = Stop::kMarker;
  look();
  return stop;
}

Tracee::Stop Tracee::handle_event(int event) {
  mappings_changed_ = true;
  if (event == PTRACE_EVENT_VFORK && current_ == first_) {
    unsigned long child = 0;
    ::ptrace(PTRACE_GETEVENTMSG, current_, nullptr, &child);
    int status = 0;
    ::waitpid(static_cast<pid_t>(child), &status, __WALL);
    current_ = static_cast<pid_t>(child);
    memory_ = TraceeMemory(current_);
  } else if (event == PTRACE_EVENT_EXEC && current_ != first_) {
    // Another program: not of interest.
    ::ptrace(PTRACE_DETACH, current_, nullptr, nullptr);
    current_ = first_;
    memory_ = TraceeMemory(current_);
  }
  look();
  return Stop::kStepped;
}

void Tracee::look() {
  memory_.forget();
  if (::ptrace(PTRACE_GETREGS, current_, nullptr, &registers_) != 0)
    registers_ = {};
}

} // namespace pprofd::test

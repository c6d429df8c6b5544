// The filter itself: in a child of the test that tries a system call.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "symbolizer/base/sanitized.h"
#include "symbolizer/worker/seccomp.h"

namespace pprofd::symbolizer {
namespace {

// The wait status of a child that loads the filter and calls.
int status_after(const std::function<void()>& call) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !load_seccomp_filter().empty())
      ::_exit(99);
    call();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

const std::map<std::string, std::function<void()>> kForbidden = {
    {"open", [] { ::syscall(SYS_open, "/etc/passwd", O_RDONLY); }},
    {"openat", [] { ::syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY); }},
    {"openat2", [] { ::syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", nullptr, 0); }},
    {"stat", [] { ::syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", nullptr, 0); }},
    {"write", [] { ::syscall(SYS_write, 2, "", 0); }},
    {"pwrite", [] { ::syscall(SYS_pwrite64, 2, "", 0, 0); }},
    {"socket", [] { ::syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }},
    {"connect", [] { ::syscall(SYS_connect, 3, nullptr, 0); }},
    {"execve", [] { ::syscall(SYS_execve, "/bin/true", nullptr, nullptr); }},
    {"fork", [] { ::syscall(SYS_fork); }},
    {"clone", [] { ::syscall(SYS_clone, 0, 0, 0, 0, 0); }},
    {"clone3", [] { ::syscall(SYS_clone3, nullptr, 0); }},
    {"unshare", [] { ::syscall(SYS_unshare, 0); }},
    {"kill", [] { ::syscall(SYS_kill, ::getpid(), 0); }},
    {"tgkill_of_another", [] { ::syscall(SYS_tgkill, 1, 1, 0); }},
    {"pidfd_send_signal", [] { ::syscall(SYS_pidfd_send_signal, 3, 0, nullptr, 0); }},
    {"ptrace", [] { ::syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }},
    {"process_vm_readv", [] { ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); }},
    {"process_vm_writev", [] { ::syscall(SYS_process_vm_writev, 1, nullptr, 0, nullptr, 0, 0); }},
    {"bpf", [] { ::syscall(SYS_bpf, 0, nullptr, 0); }},
    {"perf_event_open", [] { ::syscall(SYS_perf_event_open, nullptr, 0, 0, 0, 0); }},
    {"io_uring_setup", [] { ::syscall(SYS_io_uring_setup, 1, nullptr); }},
    {"memfd_create", [] { ::syscall(SYS_memfd_create, "x", 0); }},
    {"setuid", [] { ::syscall(SYS_setuid, 0); }},
    {"prlimit_of_another", [] { ::syscall(SYS_prlimit64, 1, 0, nullptr, nullptr); }},
    {"mmap_exec",
     [] {
       ::syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
     }},
    {"mmap_file_writable",
     [] { ::syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0, 0); }},
    {"mmap_file_shared", [] { ::syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, 0, 0); }},
    {"mprotect_exec", [] { ::syscall(SYS_mprotect, 4096, 4096, PROT_READ | PROT_EXEC); }},
    {"x32_open", [] { ::syscall(0x40000000 | SYS_open, "/etc/passwd", O_RDONLY); }},
};

TEST(Seccomp, EveryForbiddenCallEndsTheProcess) {
  if (kSanitized)
    GTEST_SKIP() << "the sanitizers' runtime is let do more";
  for (const auto& [name, call] : kForbidden) {
    const int status = status_after(call);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << name << " " << status;
  }
}

TEST(Seccomp, WhatTheWorkerNeedsWorks) {
  const int status = status_after([] {
    void* memory = std::malloc(10 << 20);
    std::free(memory);
    char byte = 0;
    if (::pread(0, &byte, 1, 0) < 0 && errno == EPERM)
      ::_exit(1);
    if (::getpid() <= 0)
      ::_exit(2);
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(Seccomp, AnAbortIsSeenAsOne) {
  const int status = status_after([] { std::abort(); });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

} // namespace
} // namespace pprofd::symbolizer

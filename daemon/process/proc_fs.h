// What /proc tells about a process. Every reader copes with a process that vanishes between two
// system calls, with zombies, and with names made to confuse (spaces, parentheses, newlines).
//
// The root is injectable, so that tests can write their own /proc. Stateless; any thread. Reading
// maps may block on the process's mmap_lock, the others do not.
//
// Source: Documentation/filesystems/proc.rst; fs/proc/array.c, fs/proc/task_mmu.c.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// /proc/PID/stat
struct ProcStat {
  pid_t pid = 0;
  std::string comm; // may hold anything, ')' and newlines included
  char state = '?'; // 'Z' zombie, 'X' dead
  pid_t parent = 0;
  uint64_t flags = 0;
  uint64_t minor_faults = 0;
  uint64_t major_faults = 0;
  uint64_t user_ticks = 0; // of CPU, USER_HZ
  uint64_t system_ticks = 0;
  int64_t threads = 0;
  uint64_t start_ticks = 0; // since boot, USER_HZ
  uint64_t rss_pages = 0;
  [[nodiscard]] bool kernel_thread() const { return (flags & 0x00200000) != 0; } // PF_KTHREAD
  [[nodiscard]] bool dead() const { return state == 'Z' || state == 'X' || state == 'x'; }
};

// /proc/PID/status, as far as it is of use here
struct ProcStatus {
  pid_t tgid = 0;
  std::vector<pid_t> namespace_pids; // NSpid: outermost namespace first
  uid_t effective_uid = 0;
};

// /proc/PID/io: what went to and came from storage.
struct ProcIo {
  uint64_t read_bytes = 0;
  uint64_t written_bytes = 0;
};

// Of all threads, from their status.
struct ProcSwitches {
  uint64_t voluntary = 0;
  uint64_t involuntary = 0;
};

// One executable line of /proc/PID/maps.
struct ProcMapping {
  ProcessAddress start;
  ProcessAddress end;
  FileOffset offset;
  uint64_t device = 0; // as makedev(3) makes it
  uint64_t inode = 0;
  std::string name; // unescaped; empty: anonymous
};

std::optional<ProcStat> parse_stat(std::string_view text);
std::optional<ProcStatus> parse_status(std::string_view text);
std::optional<ProcIo> parse_io(std::string_view text);
// The mapping of one line without its newline; nothing if it is not executable or not a line of
// maps.
std::optional<ProcMapping> parse_maps_line(std::string_view line);

class ProcFs {
public:
  explicit ProcFs(std::string root = "/proc") : root_(std::move(root)) {}
  [[nodiscard]] const std::string& root() const { return root_; }

  // All processes, ascending.
  [[nodiscard]] Result<std::vector<pid_t>> pids() const;
  // Threads of a process; empty when it is gone.
  [[nodiscard]] std::vector<pid_t> threads(pid_t pid) const;

  // Each is empty when the process is gone or may not be looked at.
  [[nodiscard]] std::optional<ProcStat> stat(pid_t pid) const;
  [[nodiscard]] std::optional<ProcStatus> status(pid_t pid) const;
  [[nodiscard]] std::optional<std::string> comm(pid_t pid) const;
  [[nodiscard]] std::optional<std::string> cgroup(pid_t pid) const;       // the file's text
  [[nodiscard]] std::optional<std::string> exe(pid_t pid) const;          // " (deleted)" included
  [[nodiscard]] std::optional<uint64_t> mount_namespace(pid_t pid) const; // inode number
  [[nodiscard]] std::optional<uid_t> owner(pid_t pid) const;

  [[nodiscard]] std::optional<ProcIo> io(pid_t pid) const;
  // Nothing as well where there are more threads than `most_threads`.
  [[nodiscard]] std::optional<ProcSwitches> switches(pid_t pid, size_t most_threads) const;
  // How many threads there are, without looking at each.
  [[nodiscard]] std::optional<uint64_t> thread_count(pid_t pid) const;
  // What all threads have waited on a run queue (/proc/PID/task/TID/schedstat), in nanoseconds.
  // Nothing as well where there are more than `most_threads`, or the kernel does not say.
  [[nodiscard]] std::optional<uint64_t> run_queue_nanos(pid_t pid, size_t most_threads) const;
  // How many files are open; counted one by one, up to `most`, before Linux 6.2.
  [[nodiscard]] std::optional<size_t> descriptors(pid_t pid, size_t most) const;

  // Executable mappings, ascending. Fails when they cannot be read (gone, no privilege); a kernel
  // thread or a zombie has none.
  [[nodiscard]] Result<std::vector<ProcMapping>> maps(pid_t pid) const;

  // The thread through which a process can be looked at: the leader, or where it is a zombie with
  // live threads, one of those (they answer under /proc/TID as well). 0: none lives.
  [[nodiscard]] pid_t accessible_thread(pid_t pid) const;

private:
  [[nodiscard]] std::string path(pid_t pid, std::string_view file) const;

  std::string root_;
};

} // namespace pprofd

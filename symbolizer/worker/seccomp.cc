#include "symbolizer/worker/seccomp.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <type_traits>

#include "symbolizer/base/result.h"
#include "symbolizer/base/sanitized.h"

namespace pprofd::symbolizer {
namespace {

using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, decltype(&seccomp_release)>;

scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
  return {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

// Whether `argument & mask` is `value`.
scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

// Adds rules; remembers the first failure.
class Rules {
public:
  explicit Rules(const Filter& filter) : filter_(filter.get()) {}

  template <typename... Conditions> void allow(int call, Conditions... conditions) {
    const int result = seccomp_rule_add(
        filter_, SCMP_ACT_ALLOW, call, static_cast<unsigned>(sizeof...(conditions)), conditions...);
    if (failure_ == 0)
      failure_ = result;
  }
  [[nodiscard]] int failure() const { return failure_; }

private:
  scmp_filter_ctx filter_;
  int failure_ = 0;
};

void allow_files_and_socket(Rules& rules) {
  for (const int call : {SCMP_SYS(pread64), SCMP_SYS(fstat), SCMP_SYS(lseek), SCMP_SYS(close),
                         SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll)})
    rules.allow(call);
}

// No memory that could be executed; files for reading, and the daemon's scratch file.
void allow_memory(Rules& rules) {
  for (const int call : {SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise)})
    rules.allow(call);
  rules.allow(SCMP_SYS(mmap), masked(2, PROT_EXEC, 0), masked(3, MAP_ANONYMOUS, MAP_ANONYMOUS));
  rules.allow(SCMP_SYS(mmap), equals(2, PROT_READ), masked(3, MAP_TYPE | MAP_FIXED, MAP_PRIVATE));
  rules.allow(SCMP_SYS(mmap), equals(2, PROT_READ | PROT_WRITE),
              masked(3, MAP_TYPE | MAP_FIXED, MAP_SHARED));
  rules.allow(SCMP_SYS(mprotect), masked(2, PROT_EXEC, 0));
}

// Time, randomness for hash tables, locks, reading the own limits, and an abort() that is seen as
// SIGABRT.
void allow_runtime(Rules& rules) {
  for (const int call : {SCMP_SYS(setitimer), SCMP_SYS(clock_gettime), SCMP_SYS(getrandom),
                         SCMP_SYS(futex), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
                         SCMP_SYS(rt_sigaction), SCMP_SYS(restart_syscall), SCMP_SYS(getpid),
                         SCMP_SYS(gettid), SCMP_SYS(exit), SCMP_SYS(exit_group)})
    rules.allow(call);
  rules.allow(SCMP_SYS(prlimit64), equals(0, 0), equals(2, 0));
  rules.allow(SCMP_SYS(tgkill), equals(0, static_cast<scmp_datum_t>(::getpid())));
}

// What the sanitizers' runtime does, above all when it reports.
void allow_sanitizer(Rules& rules) {
  for (const int call : {SCMP_SYS(write),       SCMP_SYS(writev),    SCMP_SYS(sigaltstack),
                         SCMP_SYS(sched_yield), SCMP_SYS(openat),    SCMP_SYS(open),
                         SCMP_SYS(read),        SCMP_SYS(readlink),  SCMP_SYS(readlinkat),
                         SCMP_SYS(mmap),        SCMP_SYS(mprotect),  SCMP_SYS(getrlimit),
                         SCMP_SYS(prlimit64),   SCMP_SYS(clone),     SCMP_SYS(prctl),
                         SCMP_SYS(ptrace),      SCMP_SYS(wait4),     SCMP_SYS(newfstatat),
                         SCMP_SYS(stat),        SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
                         SCMP_SYS(getdents64),  SCMP_SYS(pipe2),     SCMP_SYS(process_vm_readv)})
    rules.allow(call);
}

} // namespace

std::string load_seccomp_filter() {
  const Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS), &seccomp_release);
  if (!filter)
    return "libseccomp could not start";
  Rules rules(filter);
  allow_files_and_socket(rules);
  allow_memory(rules);
  allow_runtime(rules);
  if (kSanitized)
    allow_sanitizer(rules);
  int result = rules.failure();
  if (result == 0)
    result = seccomp_load(filter.get());
  return result == 0 ? "" : errno_text(-result);
}

} // namespace pprofd::symbolizer

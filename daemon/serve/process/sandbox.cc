#include "daemon/serve/process/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <type_traits>
#include <utility>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"
#include "symbolizer/base/sanitized.h"
#include "symbolizer/worker/privileges.h"

namespace pprofd::serve {
namespace {

using symbolizer::applied;
using symbolizer::from_errno;
using symbolizer::refused;
using symbolizer::SandboxMeasure;

// A query that asks for too much fails by itself; the daemon's host is safe from the sum.
constexpr rlim_t kMemory = rlim_t{1} << 30;
constexpr rlim_t kDescriptors = 4096; // connections, readers of the index

constexpr uint64_t kFolderRights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                   LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                   LANDLOCK_ACCESS_FS_MAKE_DIR;
constexpr uint64_t kAllRights = kFolderRights | LANDLOCK_ACCESS_FS_EXECUTE |
                                LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                                LANDLOCK_ACCESS_FS_MAKE_SYM;

SandboxMeasure only_folder(const std::string& folder) {
  constexpr const char* kName = "files";
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = kAllRights;
  const Fd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  const Fd top(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!rules || !top)
    return refused(kName, errno_text(errno));
  landlock_path_beneath_attr beneath{};
  beneath.allowed_access = kFolderRights;
  beneath.parent_fd = top.get();
  if (::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
    return refused(kName, errno_text(errno));
  return from_errno(kName, static_cast<int>(::syscall(SYS_landlock_restrict_self, rules.get(), 0)),
                    "only " + folder);
}

using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, decltype(&seccomp_release)>;

constexpr int kPlainCalls[] = {
    // Files of the store, as SQLite and we use them.
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(stat),
    SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(lseek), SCMP_SYS(openat), SCMP_SYS(open),
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
    SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rmdir), SCMP_SYS(rename), SCMP_SYS(renameat),
    SCMP_SYS(renameat2), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range),
    SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(flock), SCMP_SYS(fcntl),
    SCMP_SYS(getdents64), SCMP_SYS(readlink), SCMP_SYS(getcwd), SCMP_SYS(fchmod), SCMP_SYS(fchown),
    SCMP_SYS(umask), SCMP_SYS(fstatfs),
    // Memory that cannot be executed has rules of its own.
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    // Threads and time.
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(exit),
    SCMP_SYS(exit_group), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    // Connections: those that come, no others.
    SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
    SCMP_SYS(shutdown), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(ioctl), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime)};

int allow(const Filter& filter, int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
  return seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call,
                                static_cast<unsigned>(conditions.size()), conditions.begin());
}

scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
  return {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

// Every other call fails with ENOSYS: the C library has another way for most, and an attacker none.
SandboxMeasure only_calls() {
  constexpr const char* kName = "seccomp";
  if (kSanitized)
    return refused(kName, "built with a sanitizer");
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &seccomp_release);
  if (!filter)
    return refused(kName, "libseccomp could not start");
  int failure = 0;
  const auto add = [&](int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    if (const int result = allow(filter, call, conditions); failure == 0)
      failure = result;
  };
  for (const int call : kPlainCalls)
    add(call);
  add(SCMP_SYS(mmap), {masked(2, PROT_EXEC, 0)});
  add(SCMP_SYS(mprotect), {masked(2, PROT_EXEC, 0)});
  // clone3's arguments cannot be looked at: threads come by clone.
  add(SCMP_SYS(clone), {masked(0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM)});
  add(SCMP_SYS(prctl), {equals(0, PR_SET_NAME)});
  add(SCMP_SYS(prlimit64), {equals(0, 0), equals(2, 0)});
  add(SCMP_SYS(tgkill), {equals(0, static_cast<scmp_datum_t>(::getpid()))});
  if (failure == 0)
    failure = seccomp_load(filter.get());
  return failure == 0 ? applied(kName, "a list of allowed system calls")
                      : refused(kName, errno_text(-failure));
}

} // namespace

std::vector<SandboxMeasure> enter_serve_sandbox(const std::string& store) {
  using symbolizer::set_limit;
  std::vector<SandboxMeasure> done = symbolizer::drop_privileges();
  if (kSanitized)
    done.push_back(refused("memory", "built with a sanitizer, which maps terabytes"));
  else
    done.push_back(from_errno("memory", set_limit(RLIMIT_DATA, kMemory), "1 GiB"));
  done.push_back(from_errno("core", set_limit(RLIMIT_CORE, 0), "no core files"));
  done.push_back(from_errno("open files", set_limit(RLIMIT_NOFILE, kDescriptors),
                            std::to_string(kDescriptors)));
  done.push_back(only_folder(store));
  done.push_back(only_calls());
  return done;
}

} // namespace pprofd::serve

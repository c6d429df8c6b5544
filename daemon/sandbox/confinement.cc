#include "daemon/sandbox/confinement.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <initializer_list>
#include <memory>
#include <type_traits>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"
#include "symbolizer/base/sanitized.h"
#include "symbolizer/worker/privileges.h"

namespace pprofd {

namespace {

using symbolizer::applied;
using symbolizer::from_errno;
using symbolizer::refused;
using symbolizer::SandboxMeasure;

constexpr uint64_t kReadRights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kFileRights = kReadRights | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                 LANDLOCK_ACCESS_FS_MAKE_DIR;
constexpr uint64_t kFolderRights = kFileRights | LANDLOCK_ACCESS_FS_REMOVE_DIR;
constexpr uint64_t kAllRights = kFolderRights | LANDLOCK_ACCESS_FS_EXECUTE |
                                LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                                LANDLOCK_ACCESS_FS_MAKE_SYM;

uint64_t rights_of(FolderAccess access) {
  switch (access) {
  case FolderAccess::kRead:
    return kReadRights;
  case FolderAccess::kFiles:
    return kFileRights;
  case FolderAccess::kFolders:
    return kFolderRights;
  }
  return 0;
}

bool allow_beneath(const Fd& rules, const AllowedFolder& folder) {
  const Fd top(::open(folder.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  landlock_path_beneath_attr beneath{};
  beneath.allowed_access = rights_of(folder.access);
  beneath.parent_fd = top.get();
  return top && ::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath,
                          0) == 0;
}

SandboxMeasure only_folders(const Confinement& confinement) {
  constexpr const char* kName = "files";
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = kAllRights;
  const Fd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!rules)
    return refused(kName, errno_text(errno));
  for (const AllowedFolder& folder : confinement.folders)
    if (!allow_beneath(rules, folder) && !folder.may_lack)
      return refused(kName, errno_text(errno));
  return from_errno(kName, static_cast<int>(::syscall(SYS_landlock_restrict_self, rules.get(), 0)),
                    "only " + confinement.folders_text);
}

constexpr std::array kCommonCalls = {
    // Files that are read, and those that are open.
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(stat),
    SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(lseek), SCMP_SYS(openat), SCMP_SYS(open),
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(fcntl),
    SCMP_SYS(getdents64), SCMP_SYS(readlink), SCMP_SYS(getcwd), SCMP_SYS(fstatfs),
    // Memory that cannot be executed has rules of its own.
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    // Threads (libcurl looks up names on one) and time.
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(exit),
    SCMP_SYS(exit_group), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    // Connections, however they have come about.
    SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(ioctl), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(eventfd2)};

constexpr std::array kFolderCalls = {
    SCMP_SYS(mkdir),     SCMP_SYS(mkdirat),         SCMP_SYS(unlink),    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),    SCMP_SYS(renameat),        SCMP_SYS(renameat2), SCMP_SYS(fsync),
    SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range), SCMP_SYS(flock),     SCMP_SYS(fchmod),
    SCMP_SYS(umask)};

constexpr std::array kConnectingCalls = {SCMP_SYS(connect),    SCMP_SYS(bind),  SCMP_SYS(sendmmsg),
                                         SCMP_SYS(socketpair), SCMP_SYS(pipe2), SCMP_SYS(select),
                                         SCMP_SYS(pselect6)};

using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, decltype(&seccomp_release)>;

scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
  return {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

// Every other call fails with ENOSYS: the libraries have another way for most, and an attacker
// none. That executable memory is refused keeps modules of the name service out: names come from
// files and DNS.
SandboxMeasure only_calls(const Confinement& confinement) {
  constexpr const char* kName = "seccomp";
  if (kSanitized)
    return refused(kName, "built with a sanitizer");
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &seccomp_release);
  if (!filter)
    return refused(kName, "libseccomp could not start");
  int failure = 0;
  const auto add = [&](int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    const int result =
        seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call,
                               static_cast<unsigned>(conditions.size()), conditions.begin());
    if (failure == 0)
      failure = result;
  };
  for (const int call : kCommonCalls)
    add(call);
  for (const std::span<const int> calls : confinement.calls)
    for (const int call : calls)
      add(call);
  if (confinement.connects)
    for (const int family : {AF_INET, AF_INET6})
      add(SCMP_SYS(socket), {equals(0, static_cast<scmp_datum_t>(family))});
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

SandboxMeasure limit_memory(uint64_t bytes) {
  constexpr const char* kName = "memory";
  if (kSanitized)
    return refused(kName, "built with a sanitizer, which maps terabytes");
  return from_errno(kName, symbolizer::set_limit(RLIMIT_DATA, bytes),
                    std::to_string(bytes >> 20) + " MiB");
}

} // namespace

std::span<const int> folder_calls() {
  return kFolderCalls;
}

std::span<const int> connecting_calls() {
  return kConnectingCalls;
}

std::vector<AllowedFolder> network_settings() {
  std::vector<AllowedFolder> folders;
  for (const char* const path : {"/etc",
                                 "/run/systemd/resolve", // resolv.conf is a link to there
                                 "/run/resolvconf", "/run/NetworkManager",
                                 "/usr/share/ca-certificates", "/usr/share/pki", "/usr/lib/ssl"})
    folders.push_back({.path = path, .access = FolderAccess::kRead, .may_lack = true});
  return folders;
}

std::vector<SandboxMeasure> confine(const Confinement& confinement) {
  using symbolizer::set_limit;
  std::vector<SandboxMeasure> done = symbolizer::drop_privileges();
  done.push_back(limit_memory(confinement.memory));
  done.push_back(from_errno("core", set_limit(RLIMIT_CORE, 0), "no core files"));
  done.push_back(from_errno("open files", set_limit(RLIMIT_NOFILE, confinement.descriptors),
                            std::to_string(confinement.descriptors)));
  done.push_back(only_folders(confinement));
  done.push_back(only_calls(confinement));
  return done;
}

} // namespace pprofd

#include "daemon/record/command.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace pprofd {

namespace {

std::optional<unsigned> number_from_environment(const char* name) {
  const char* text = getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread
  unsigned number = 0;
  if (text == nullptr)
    return std::nullopt;
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, number);
  if (error != std::errc() || rest != end)
    return std::nullopt;
  return number;
}

// Who the command runs as; looked up before the fork, since the child may only make system calls.
struct Identity {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
  std::vector<std::array<std::string, 2>> environment;
};

std::optional<Identity> sudo_caller() {
  const auto uid = number_from_environment("SUDO_UID");
  const auto gid = number_from_environment("SUDO_GID");
  if (geteuid() != 0 || !uid || !gid || *uid == 0)
    return std::nullopt;
  Identity identity{*uid, *gid, {*gid}, {}};
  if (const passwd* entry = getpwuid(*uid); entry != nullptr) {
    int count = 0;
    getgrouplist(entry->pw_name, *gid, nullptr, &count);
    identity.groups.resize(static_cast<size_t>(std::max(count, 1)));
    getgrouplist(entry->pw_name, *gid, identity.groups.data(), &count);
    identity.environment = {
        {"HOME", entry->pw_dir}, {"USER", entry->pw_name}, {"LOGNAME", entry->pw_name}};
  }
  return identity;
}

[[noreturn]] void fail_in_child(int failure, int error_number) {
  (void)!write(failure, &error_number, sizeof(error_number));
  _exit(127);
}

[[noreturn]] void run_child(char* const* argv, const std::optional<Identity>& identity, int go,
                            int failure) {
  char byte = 0;
  // Without the byte pprofd has gone or given up.
  if (read(go, &byte, 1) != 1)
    _exit(127);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (identity) {
    if (setgroups(identity->groups.size(), identity->groups.data()) != 0 ||
        setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
        setresuid(identity->uid, identity->uid, identity->uid) != 0)
      fail_in_child(failure, errno);
    for (const auto& [name, value] : identity->environment)
      setenv(name.c_str(), value.c_str(), 1); // NOLINT(concurrency-mt-unsafe)
  }
  execvp(argv[0], argv);
  fail_in_child(failure, errno);
}

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail_errno("make a pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

} // namespace

Result<Command> Command::prepare(const std::vector<std::string>& argv, bool as_root) {
  Result<Pipe> go = make_pipe();
  Result<Pipe> failure = make_pipe();
  if (!go || !failure)
    return std::unexpected(go ? failure.error() : go.error());
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const std::optional<Identity> identity = as_root ? std::nullopt : sudo_caller();

  const pid_t pid = fork();
  if (pid < 0)
    return fail_errno("start " + argv.front(), errno);
  if (pid == 0) {
    go->write_end.reset();
    run_child(arguments.data(), identity, go->read_end.get(), failure->write_end.get());
  }
  return Command(pid, argv.front(), std::move(go->write_end), std::move(failure->read_end));
}

Command::~Command() {
  go_.reset();
  failure_.reset();
}

Result<void> Command::release() {
  const char byte = 1;
  (void)!write(go_.get(), &byte, 1);
  go_.reset();
  int error_number = 0;
  // The write end closes with a successful exec.
  const ssize_t size = read(failure_.get(), &error_number, sizeof(error_number));
  failure_.reset();
  if (size == sizeof(error_number)) {
    wait();
    return fail_errno("start " + name_, error_number,
                      error_number == ENOENT ? "give the command's path, or check PATH" : "");
  }
  return {};
}

std::optional<int> Command::poll() {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_)
    status_ = status;
  return status_;
}

int Command::wait() {
  int status = 0;
  while (!status_) {
    if (waitpid(pid_, &status, 0) == pid_)
      status_ = status;
    else if (errno != EINTR)
      status_ = 0;
  }
  return *status_;
}

int shell_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

} // namespace pprofd

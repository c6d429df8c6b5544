#include "tests/unit/daemon/process/live/machine.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

namespace pprofd {

Child::Child(std::vector<std::string> command) {
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
    return;
  input_ = Fd(in[1]);
  output_ = Fd(out[0]);
  const Fd child_in(in[0]);
  const Fd child_out(out[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, child_in.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, child_out.get(), STDOUT_FILENO);
  std::vector<char*> argv;
  for (std::string& word : command)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  if (::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0)
    pid_ = 0;
  ::posix_spawn_file_actions_destroy(&actions);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), input_(std::move(other.input_)),
      output_(std::move(other.output_)) {}

Child::~Child() {
  if (pid_ == 0)
    return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string Child::line() {
  std::string text;
  for (;;) {
    pollfd waiting{.fd = output_.get(), .events = POLLIN, .revents = 0};
    char byte = 0;
    if (::poll(&waiting, 1, std::chrono::milliseconds(kPatience).count()) != 1 ||
        ::read(output_.get(), &byte, 1) != 1)
      return {};
    if (byte == '\n')
      return text;
    text.push_back(byte);
  }
}

bool Child::has_output() const {
  pollfd waiting{.fd = output_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) == 1;
}

void Child::send_line() const {
  if (::write(input_.get(), "\n", 1) != 1)
    std::abort();
}

void Child::finish() {
  input_.reset();
  if (pid_ != 0)
    ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

uint64_t Child::start_time() const {
  const auto stat = ProcFs().stat(pid_);
  return stat ? time_of_ticks(stat->start_ticks) : 0;
}

Machine::Machine(Sideband sideband)
    : store_({.max_open = 2000, .deadline = std::chrono::seconds(5)}),
      table_(ProcFs(), store_, {.scan_deadline = std::chrono::seconds(5)}),
      sideband_(std::move(sideband)) {}

Result<std::unique_ptr<Machine>> Machine::start(const SidebandOptions& options) {
  raise_open_files_limit();
  Result<Sideband> sideband = Sideband::open(options);
  if (!sideband)
    return std::unexpected(sideband.error());
  std::unique_ptr<Machine> machine(new Machine(std::move(*sideband)));
  if (const auto scanned = machine->table_.scan_all(); !scanned)
    return std::unexpected(scanned.error());
  return machine;
}

void Machine::pump(std::chrono::milliseconds wait) {
  pollfd waiting{.fd = sideband_.poll_fd(), .events = POLLIN, .revents = 0};
  ::poll(&waiting, 1, static_cast<int>(wait.count()));
  const uint64_t complete_until = sideband_.drain(queue_.incoming());
  queue_.take(complete_until, [this](const ProcessEvent& event) { table_.apply(event); });
  // As at the end of a window, but nothing goes: the tests look at it afterwards.
  table_.retire_exited(0, [](const Process&) { return false; });
}

bool Machine::pump_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    pump();
  }
  return true;
}

const Process* Machine::latest(pid_t pid) {
  const Process* found = nullptr;
  table_.for_each([&](const Process& process) {
    if (process.pid == pid && (found == nullptr || process.serial > found->serial))
      found = &process;
  });
  return found;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "pprofd-live-XXXXXX";
  path_ = std::filesystem::canonical(::mkdtemp(pattern.data()));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string copy_with_build_id(const std::filesystem::path& from, const std::filesystem::path& to,
                               uint32_t number) {
  std::ifstream source(from, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(source)), {});
  // The note's head: length of its name, of the id, type 3, name "GNU".
  static constexpr char kNote[] = "\4\0\0\0\x14\0\0\0\3\0\0\0GNU";
  const size_t note = bytes.find(std::string(kNote, sizeof(kNote)));
  if (note == std::string::npos)
    return {};
  BuildId id;
  id.size = 20;
  // With the pid, for tests that run at the same time see each other's programs.
  const std::array<uint32_t, 2> unique = {number, static_cast<uint32_t>(::getpid())};
  std::memset(id.bytes.data(), 0x5a, id.bytes.size());
  std::memcpy(id.bytes.data(), unique.data(), sizeof(unique));
  std::memcpy(bytes.data() + note + sizeof(kNote), id.bytes.data(), id.bytes.size());
  std::ofstream(to, std::ios::binary) << bytes;
  ::chmod(to.c_str(), 0755);
  return id.hex();
}

} // namespace pprofd

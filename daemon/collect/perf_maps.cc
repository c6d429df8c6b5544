#include "daemon/collect/perf_maps.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "daemon/process/files/file_opener.h"

namespace pprofd {

namespace {

constexpr std::chrono::milliseconds kOpenDeadline{200};
// An address without a name costs the worker a look-up each time its process's map grows.
constexpr size_t kMostAddresses = 100'000;

// The helper thread's answer, which may come after nobody waits for it any more.
struct Answer {
  std::mutex mutex;
  Fd fd;
};

} // namespace

void PerfMaps::add(const Process& process, std::vector<FileOffset> addresses) {
  Entry& entry = entries_[process.serial];
  entry.process = &process;
  if (entry.addresses.size() + addresses.size() <= kMostAddresses)
    entry.addresses.insert(entry.addresses.end(), addresses.begin(), addresses.end());
}

void PerfMaps::ask() {
  for (auto& [serial, entry] : entries_) {
    if (!entry.map && !entry.process->exited)
      entry.map = open(*entry.process);
    if (entry.map)
      ask(entry);
  }
}

void PerfMaps::ask(Entry& entry) {
  struct stat now{};
  if (::fstat(entry.map.get(), &now) != 0)
    return;
  const bool grown = std::exchange(entry.size, now.st_size) != now.st_size;
  const size_t first = grown ? 0 : entry.asked;
  entry.asked = entry.addresses.size();
  if (first == entry.asked)
    return;
  Fd own(::fcntl(entry.map.get(), F_DUPFD_CLOEXEC, 0));
  if (own)
    symbols_->request(
        {.id = file_id(*entry.process),
         .fd = std::move(own),
         .expected_build_id = {},
         .form = symbolizer::NamesFile::kPerfMap,
         .described = {}},
        {entry.addresses.begin() + static_cast<std::ptrdiff_t>(first), entry.addresses.end()});
}

Fd PerfMaps::open(const Process& process) {
  const auto status = proc_.status(process.pid);
  if (!status || status->namespace_pids.empty())
    return {};
  const std::string name = "/tmp/perf-" + std::to_string(status->namespace_pids.back()) + ".map";
  const auto answer = std::make_shared<Answer>();
  const auto outcome =
      calls_.run(name, process.uid, kOpenDeadline, [answer, name, pid = process.pid] {
        auto opened = FileOpener().open_name(pid, name);
        if (!opened)
          return;
        const std::scoped_lock lock(answer->mutex);
        answer->fd = std::move(opened->fd);
      });
  if (outcome != CallOutcome::done || !answer->fd)
    return {};
  struct stat info{};
  const bool trusted =
      ::fstat(answer->fd.get(), &info) == 0 && (info.st_uid == process.uid || info.st_uid == 0);
  return trusted ? std::move(answer->fd) : Fd();
}

} // namespace pprofd

#include "daemon/collect/perf_maps.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/process/files/file_opener.h"

namespace pprofd {

namespace {

constexpr std::chrono::milliseconds kOpenDeadline{200};
// An address without a name costs the worker a look-up each time its process's map grows.
constexpr size_t kMostAddresses = 100'000;

// Empty where there is no such file.
Fd open_name(pid_t pid, const std::string& name) {
  auto opened = FileOpener().open_name(pid, name);
  return opened ? std::move(opened->fd) : Fd();
}

bool is_dump_name(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.starts_with("jit-") && name.ends_with(".dump");
}

// A regular file of the process's own user or of root.
bool is_trusted(const Fd& file, const Process& process) {
  struct stat info{};
  return file && ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) &&
         (info.st_uid == process.uid || info.st_uid == 0);
}

template <typename T> std::vector<T> since(const std::vector<T>& all, size_t first) {
  return {all.begin() + static_cast<std::ptrdiff_t>(first), all.end()};
}

} // namespace

void PerfMaps::add(const Process& process, std::span<const FileOffset> addresses,
                   std::span<const uint64_t> times) {
  Entry& entry = entries_[process.serial];
  entry.process = &process;
  if (entry.addresses.size() + addresses.size() > kMostAddresses)
    return;
  entry.addresses.insert(entry.addresses.end(), addresses.begin(), addresses.end());
  entry.times.insert(entry.times.end(), times.begin(), times.end());
}

void PerfMaps::ask() {
  for (auto& [serial, entry] : entries_) {
    if (!entry.map)
      find_file(entry);
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
         .form = entry.is_dump ? symbolizer::NamesFile::kJitDump : symbolizer::NamesFile::kPerfMap,
         .times = entry.is_dump ? since(entry.times, first) : std::vector<uint64_t>(),
         .described = {}},
        since(entry.addresses, first));
}

void PerfMaps::find_file(Entry& entry) {
  entry.map = open_dump(*entry.process);
  entry.is_dump = static_cast<bool>(entry.map);
  if (!entry.map && !entry.process->exited)
    entry.map = open_map(*entry.process);
}

// The store has it open from when it was mapped.
Fd PerfMaps::open_dump(const Process& process) {
  for (const Mapping& mapping : process.space.live()) {
    if (mapping.kind != MappingKind::file || !is_dump_name(*mapping.executable->path))
      continue;
    auto file = store_->descriptor(mapping.executable->id);
    if (file && is_trusted(*file, process))
      return std::move(*file);
  }
  return {};
}

Fd PerfMaps::open_map(const Process& process) {
  const auto status = proc_.status(process.pid);
  if (!status || status->namespace_pids.empty())
    return {};
  const std::string name = "/tmp/perf-" + std::to_string(status->namespace_pids.back()) + ".map";
  auto map = calls_.value_of(name, process.uid, kOpenDeadline,
                             [name, pid = process.pid] { return open_name(pid, name); });
  return map && is_trusted(*map, process) ? std::move(*map) : Fd();
}

} // namespace pprofd

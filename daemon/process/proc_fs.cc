#include "daemon/process/proc_fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <memory>

#include "symbolizer/base/fd.h"

namespace pprofd {

namespace {

// Takes fields off the front of a text.
class Fields {
public:
  explicit Fields(std::string_view text) : rest_(text) {}

  std::string_view next(char separator = ' ') {
    while (!rest_.empty() && rest_.front() == ' ')
      rest_.remove_prefix(1);
    const size_t end = std::min(rest_.find(separator), rest_.size());
    const std::string_view field = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return field;
  }

  template <typename T> bool number(T& value, char separator = ' ', int base = 10) {
    const std::string_view field = next(separator);
    const auto parsed = std::from_chars(field.begin(), field.end(), value, base);
    return parsed.ec == std::errc() && parsed.ptr == field.end();
  }

  [[nodiscard]] std::string_view rest() const { return rest_; }

private:
  std::string_view rest_;
};

// The kernel writes a newline in a file name as \012 and leaves everything else as it is.
std::string unescape_newlines(std::string_view name) {
  static constexpr std::string_view kEscape = "\\012";
  std::string text;
  for (size_t at = 0; at < name.size();) {
    if (name.substr(at).starts_with(kEscape)) {
      text.push_back('\n');
      at += kEscape.size();
    } else {
      text.push_back(name[at++]);
    }
  }
  return text;
}

std::optional<std::string> read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd)
    return std::nullopt;
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0)
      return std::nullopt;
    if (got == 0)
      return text;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
}

// Calls `line` with each line of a file that may be far larger than what is kept of it.
template <typename Line> int for_each_line(const Fd& fd, Line&& line) {
  static constexpr size_t kChunk = size_t{64} * 1024;
  std::string pending;
  std::vector<char> buffer(kChunk);
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return errno;
    if (got == 0)
      break;
    std::string_view chunk(buffer.data(), static_cast<size_t>(got));
    for (size_t end = 0; (end = chunk.find('\n')) != std::string_view::npos;) {
      if (pending.empty()) {
        line(chunk.substr(0, end));
      } else {
        pending.append(chunk.substr(0, end));
        line(std::string_view(pending));
        pending.clear();
      }
      chunk.remove_prefix(end + 1);
    }
    pending.append(chunk);
  }
  if (!pending.empty())
    line(std::string_view(pending));
  return 0;
}

std::vector<pid_t> numeric_entries(const std::string& folder, int& error) {
  std::vector<pid_t> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> open_folder(::opendir(folder.c_str()), ::closedir);
  error = open_folder ? 0 : errno;
  if (!open_folder)
    return numbers;
  while (const dirent* entry = ::readdir(open_folder.get())) {
    pid_t number = 0;
    Fields name{std::string_view(entry->d_name)};
    if (name.number(number) && number > 0)
      numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

bool parse_uids(std::string_view value, uid_t& effective) {
  Fields uids(value);
  uid_t real = 0;
  return uids.number(real, '\t') && uids.number(effective, '\t');
}

// Lines of "key:", blanks and a value.
template <typename Field> void for_each_field(std::string_view text, Field&& field) {
  Fields lines(text);
  while (!lines.rest().empty()) {
    const std::string_view line = lines.next('\n');
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos)
      continue;
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    field(line.substr(0, colon), value);
  }
}

std::vector<pid_t> parse_pids(std::string_view value) {
  std::vector<pid_t> pids;
  Fields fields(value);
  pid_t pid = 0;
  while (!fields.rest().empty() && fields.number(pid, '\t'))
    pids.push_back(pid);
  return pids;
}

} // namespace

std::optional<ProcStat> parse_stat(std::string_view text) {
  // The name stands in parentheses and may hold any of them: it ends at the last one.
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return std::nullopt;
  ProcStat stat;
  Fields before(text.substr(0, open));
  stat.comm = std::string(text.substr(open + 1, close - open - 1));
  Fields after(text.substr(close + 1));
  const std::string_view state = after.next();
  if (!before.number(stat.pid) || state.size() != 1 || !after.number(stat.parent))
    return std::nullopt;
  stat.state = state.front();
  for (int field = 5; field <= 8; ++field) // pgrp, session, tty_nr, tpgid
    after.next();
  if (!after.number(stat.flags))
    return std::nullopt;
  const auto number_then_skip = [&after](uint64_t& value, int fields) {
    const bool read = after.number(value);
    for (; fields > 0; --fields)
      after.next();
    return read;
  };
  if (!number_then_skip(stat.minor_faults, 1) || !number_then_skip(stat.major_faults, 1) ||
      !number_then_skip(stat.user_ticks, 0) ||
      !number_then_skip(stat.system_ticks, 4)) // cutime, cstime, priority, nice
    return std::nullopt;
  if (!after.number(stat.threads))
    return std::nullopt;
  after.next(); // itrealvalue
  if (!number_then_skip(stat.start_ticks, 1) || !after.number(stat.rss_pages))
    return std::nullopt;
  return stat;
}

std::optional<ProcStatus> parse_status(std::string_view text) {
  ProcStatus status;
  bool has_tgid = false;
  bool has_uids = true;
  for_each_field(text, [&](std::string_view key, std::string_view value) {
    if (key == "Tgid")
      has_tgid = Fields(value).number(status.tgid);
    else if (key == "NSpid")
      status.namespace_pids = parse_pids(value);
    else if (key == "Uid")
      has_uids = parse_uids(value, status.effective_uid);
  });
  if (!has_tgid || !has_uids)
    return std::nullopt;
  return status;
}

std::optional<ProcIo> parse_io(std::string_view text) {
  ProcIo io;
  int found = 0;
  for_each_field(text, [&](std::string_view key, std::string_view value) {
    if (key == "read_bytes")
      found += Fields(value).number(io.read_bytes) ? 1 : 0;
    else if (key == "write_bytes")
      found += Fields(value).number(io.written_bytes) ? 1 : 0;
  });
  return found == 2 ? std::optional(io) : std::nullopt;
}

std::optional<ProcMapping> parse_maps_line(std::string_view line) {
  ProcMapping mapping;
  Fields fields(line);
  if (!fields.number(mapping.start.value, '-', 16) || !fields.number(mapping.end.value, ' ', 16))
    return std::nullopt;
  const std::string_view access = fields.next();
  if (access.size() != 4 || access[2] != 'x' || mapping.end <= mapping.start)
    return std::nullopt;
  unsigned major = 0;
  unsigned minor = 0;
  if (!fields.number(mapping.offset.value, ' ', 16) || !fields.number(major, ':', 16) ||
      !fields.number(minor, ' ', 16) || !fields.number(mapping.inode))
    return std::nullopt;
  mapping.device = makedev(major, minor);
  std::string_view name = fields.rest();
  // The kernel pads to a column; names of files begin with '/', all others not with a space.
  name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
  mapping.name = unescape_newlines(name);
  return mapping;
}

std::string ProcFs::path(pid_t pid, std::string_view file) const {
  std::string text = root_ + '/' + std::to_string(pid) + '/';
  text.append(file);
  return text;
}

Result<std::vector<pid_t>> ProcFs::pids() const {
  int error = 0;
  std::vector<pid_t> pids = numeric_entries(root_, error);
  if (error != 0)
    return fail_errno("list the processes in " + root_, error);
  return pids;
}

std::vector<pid_t> ProcFs::threads(pid_t pid) const {
  int error = 0;
  return numeric_entries(path(pid, "task"), error);
}

std::optional<ProcStat> ProcFs::stat(pid_t pid) const {
  const std::optional<std::string> text = read_file(path(pid, "stat"));
  return text ? parse_stat(*text) : std::nullopt;
}

std::optional<ProcStatus> ProcFs::status(pid_t pid) const {
  const std::optional<std::string> text = read_file(path(pid, "status"));
  return text ? parse_status(*text) : std::nullopt;
}

std::optional<std::string> ProcFs::comm(pid_t pid) const {
  std::optional<std::string> text = read_file(path(pid, "comm"));
  if (!text)
    return std::nullopt;
  if (text->ends_with('\n'))
    text->pop_back();
  return text;
}

std::optional<std::string> ProcFs::cgroup(pid_t pid) const {
  return read_file(path(pid, "cgroup"));
}

std::optional<std::string> ProcFs::exe(pid_t pid) const {
  std::array<char, PATH_MAX> target;
  const ssize_t length = ::readlink(path(pid, "exe").c_str(), target.data(), target.size());
  if (length <= 0)
    return std::nullopt;
  return std::string(target.data(), static_cast<size_t>(length));
}

std::optional<uint64_t> ProcFs::mount_namespace(pid_t pid) const {
  struct ::stat info{};
  if (::stat(path(pid, "ns/mnt").c_str(), &info) != 0)
    return std::nullopt;
  return info.st_ino;
}

std::optional<uid_t> ProcFs::owner(pid_t pid) const {
  struct ::stat info{};
  // The folder itself: the files in it belong to root where the process cannot be dumped.
  if (::stat(path(pid, ".").c_str(), &info) != 0)
    return std::nullopt;
  return info.st_uid;
}

std::optional<ProcIo> ProcFs::io(pid_t pid) const {
  const std::optional<std::string> text = read_file(path(pid, "io"));
  return text ? parse_io(*text) : std::nullopt;
}

std::optional<ProcSwitches> ProcFs::switches(pid_t pid, size_t most_threads) const {
  const std::vector<pid_t> tids = threads(pid);
  if (tids.empty() || tids.size() > most_threads)
    return std::nullopt;
  ProcSwitches sum;
  for (const pid_t tid : tids) {
    const auto text = read_file(path(pid, "task/" + std::to_string(tid) + "/status"));
    for_each_field(text.value_or(""), [&](std::string_view key, std::string_view value) {
      uint64_t count = 0;
      if (key == "voluntary_ctxt_switches" && Fields(value).number(count))
        sum.voluntary += count;
      else if (key == "nonvoluntary_ctxt_switches" && Fields(value).number(count))
        sum.involuntary += count;
    });
  }
  return sum;
}

// A folder has a link from each folder in it, beside its own two.
std::optional<uint64_t> ProcFs::thread_count(pid_t pid) const {
  struct ::stat info{};
  if (::stat(path(pid, "task").c_str(), &info) != 0 || info.st_nlink <= 2)
    return std::nullopt;
  return info.st_nlink - 2;
}

std::optional<uint64_t> ProcFs::run_queue_nanos(pid_t pid, size_t most_threads) const {
  const std::vector<pid_t> tids = threads(pid);
  if (tids.empty() || tids.size() > most_threads)
    return std::nullopt;
  uint64_t sum = 0;
  bool found = false;
  for (const pid_t tid : tids) {
    const std::string text =
        read_file(path(pid, "task/" + std::to_string(tid) + "/schedstat")).value_or("");
    Fields fields(text);
    uint64_t running = 0;
    uint64_t waiting = 0;
    if (fields.number(running) && fields.number(waiting)) {
      sum += waiting;
      found = true;
    }
  }
  return found ? std::optional(sum) : std::nullopt;
}

std::optional<size_t> ProcFs::descriptors(pid_t pid, size_t most) const {
  const std::string folder = path(pid, "fd");
  struct ::stat info{};
  if (::stat(folder.c_str(), &info) == 0 && info.st_size > 0)
    return static_cast<size_t>(info.st_size);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
  if (!entries)
    return std::nullopt;
  size_t count = 0;
  while (count < most)
    if (const dirent* entry = ::readdir(entries.get()); entry == nullptr)
      break;
    else if (entry->d_name[0] != '.')
      ++count;
  return count;
}

Result<std::vector<ProcMapping>> ProcFs::maps(pid_t pid) const {
  const std::string file = path(pid, "maps");
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd)
    return fail_errno("open " + file, errno);
  std::vector<ProcMapping> mappings;
  const int error = for_each_line(fd, [&](std::string_view line) {
    if (std::optional<ProcMapping> mapping = parse_maps_line(line))
      mappings.push_back(std::move(*mapping));
  });
  if (error != 0)
    return fail_errno("read " + file, error);
  return mappings;
}

pid_t ProcFs::accessible_thread(pid_t pid) const {
  const std::optional<ProcStat> leader = stat(pid);
  if (!leader)
    return 0;
  if (!leader->dead())
    return pid;
  for (const pid_t thread : threads(pid)) {
    if (thread == pid)
      continue;
    const std::optional<ProcStat> found = stat(thread);
    if (found && !found->dead())
      return thread;
  }
  return 0;
}

} // namespace pprofd

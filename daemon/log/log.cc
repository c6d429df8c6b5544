#include "daemon/log/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace pprofd {

namespace {

constexpr size_t kMostMessages = 1024;

std::string_view name_of(LogLevel level) {
  switch (level) {
  case LogLevel::kInfo:
    return "info";
  case LogLevel::kWarning:
    return "warning";
  case LogLevel::kError:
    break;
  }
  return "error";
}

// sd-daemon(3): the priorities of syslog.
std::string_view priority_of(LogLevel level) {
  switch (level) {
  case LogLevel::kInfo:
    return "<6>";
  case LogLevel::kWarning:
    return "<4>";
  case LogLevel::kError:
    break;
  }
  return "<3>";
}

// A value as logfmt has it: in quotes where it has to be, control characters made visible.
std::string value_text(std::string_view value) {
  const auto is_plain = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f && c != '"' && c != '=' && c != '\\';
  };
  if (!value.empty() && std::ranges::all_of(value, is_plain))
    return std::string(value);
  std::string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      text.append({'\\', c});
    else if (c == '\n')
      text += "\\n";
    else if (byte < 0x20 || byte == 0x7f)
      text += fmt::format("\\x{:02x}", byte);
    else
      text += c;
  }
  return text + "\"";
}

// JOURNAL_STREAM names the device and inode of the stream that journald reads.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM"); // read at the start, on one thread
  struct stat info{};
  return stream != nullptr && fstat(STDERR_FILENO, &info) == 0 &&
         fmt::format("{}:{}", info.st_dev, info.st_ino) == stream;
}

} // namespace

std::string log_line(LogLevel level, std::string_view message, const LogFields& fields,
                     std::chrono::system_clock::time_point time, bool journal) {
  std::string line;
  if (journal) {
    line = priority_of(level);
  } else {
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
    line = fmt::format("ts={:%Y-%m-%dT%H:%M:%S}.{:03}Z level={} ",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(time)), millis % 1000,
                       name_of(level));
  }
  line += "msg=" + value_text(message);
  for (const auto& [key, value] : fields) {
    if (!value.empty())
      line += fmt::format(" {}={}", key, value_text(value));
  }
  return line;
}

LogRate::Verdict LogRate::ask(std::string_view message, Clock::time_point now) {
  if (entries_.size() >= kMostMessages)
    entries_.clear();
  const auto [known, is_new] = entries_.try_emplace(std::string(message), Entry{.minute = now});
  Entry& entry = known->second;
  if (now - entry.minute >= std::chrono::minutes(1)) {
    entry.minute = now;
    entry.written = 0;
  }
  if (entry.written >= kPerMinute) {
    ++entry.left_out;
    return {.write = false, .left_out = 0};
  }
  ++entry.written;
  return {.write = true, .left_out = std::exchange(entry.left_out, 0)};
}

Log::Log()
    : journal_(stderr_is_journal()),
      logger_(std::make_shared<spdlog::logger>("pprofd",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_pattern("%v");
}

Log::~Log() = default;

void Log::error(std::string_view message, const Error& error) {
  write(LogLevel::kError, message,
        {{"what", error.what}, {"error", error.why}, {"hint", error.hint}});
}

void Log::write(LogLevel level, std::string_view message, const LogFields& fields) {
  const std::scoped_lock lock(mutex_);
  const auto verdict = rate_.ask(message, LogRate::Clock::now());
  if (!verdict.write)
    return;
  LogFields all = fields;
  if (verdict.left_out != 0)
    all.emplace_back("left_out", std::to_string(verdict.left_out));
  logger_->info("{}", log_line(level, message, all, std::chrono::system_clock::now(), journal_));
  logger_->flush();
}

} // namespace pprofd

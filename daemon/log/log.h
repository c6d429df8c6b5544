// The service's log on standard error, one line a message, in logfmt:
//   ts=2026-11-22T04:00:00.123Z level=info msg="window written" profiles=12 samples=345
// Where journald reads standard error (JOURNAL_STREAM, systemd.exec(5)) a line begins with the
// priority "<6>" instead of time and level.
//
// A message (its text, not its fields) that comes more than ten times a minute is left out; the
// next one that is written says how many were.
//
// Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "symbolizer/base/result.h"

namespace spdlog {
class logger;
}

namespace pprofd {

enum class LogLevel { kInfo, kWarning, kError };

using LogFields = std::vector<std::pair<std::string_view, std::string>>;

// A line without its end; `journal`: with the priority, without time and level. Pure.
std::string log_line(LogLevel level, std::string_view message, const LogFields& fields,
                     std::chrono::system_clock::time_point time, bool journal);

// Which messages may be written. Not synchronized.
class LogRate {
public:
  using Clock = std::chrono::steady_clock;
  static constexpr unsigned kPerMinute = 10;

  struct Verdict {
    bool write = true;
    uint64_t left_out = 0; // of this message, since it was last written
  };
  Verdict ask(std::string_view message, Clock::time_point now);

private:
  struct Entry {
    Clock::time_point minute; // its begin
    unsigned written = 0;
    uint64_t left_out = 0;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

class Log {
public:
  Log();
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void info(std::string_view message, const LogFields& fields = {}) {
    write(LogLevel::kInfo, message, fields);
  }
  void warning(std::string_view message, const LogFields& fields = {}) {
    write(LogLevel::kWarning, message, fields);
  }
  // What, why and hint of an error as fields.
  void error(std::string_view message, const Error& error);

private:
  void write(LogLevel level, std::string_view message, const LogFields& fields);

  bool journal_;
  std::mutex mutex_;
  LogRate rate_;
  std::shared_ptr<spdlog::logger> logger_;
};

} // namespace pprofd

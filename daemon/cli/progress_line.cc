#include "daemon/cli/progress_line.h"

#include <unistd.h>

#include <array>
#include <string_view>

#include "daemon/cli/terminal.h"

namespace pprofd {
namespace {

constexpr std::chrono::milliseconds kInterval(200);
constexpr std::string_view kEraseLine = "\r\x1b[K";

std::string clock_text(std::chrono::nanoseconds time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).count();
  const auto minutes = seconds / 60;
  const auto two_digits = [](int64_t number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  if (minutes >= 60)
    return std::to_string(minutes / 60) + ":" + two_digits(minutes % 60) + ":" +
           two_digits(seconds % 60);
  return std::to_string(minutes) + ":" + two_digits(seconds % 60);
}

std::string counted(uint64_t number, std::string_view one, std::string_view many) {
  return std::to_string(number) + " " + std::string(number == 1 ? one : many);
}

// A terminal that takes no more text costs the line, not the recording.
void write_once(int fd, const std::string& text) {
  [[maybe_unused]] const ssize_t written = ::write(fd, text.data(), text.size());
}

} // namespace

std::string progress_text(const Progress& progress, unsigned width) {
  std::string time = clock_text(progress.elapsed);
  if (progress.duration)
    time += "/" + clock_text(*progress.duration);
  const std::array parts = {
      "recording " + time,
      counted(progress.samples, "sample", "samples"),
      counted(progress.processes, "process", "processes"),
      std::to_string(progress.dropped) + " dropped",
  };
  std::string text;
  for (const std::string& part : parts) {
    const std::string more = (text.empty() ? "" : ", ") + part;
    if (text.size() + more.size() > width)
      break;
    text += more;
  }
  return text;
}

ProgressLine::ProgressLine(int fd) : fd_(fd), active_(is_terminal(fd)) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::update(const Progress& progress, Clock::time_point now) {
  if (!active_ || (last_ && now - *last_ < kInterval))
    return;
  last_ = now;
  // The last column stays free: some terminals wrap when it is written.
  const std::string text = progress_text(progress, terminal_width(fd_) - 1);
  write_once(fd_, std::string(kEraseLine) + text);
  shown_ = true;
}

void ProgressLine::clear() {
  if (shown_)
    write_once(fd_, std::string(kEraseLine));
  shown_ = false;
}

} // namespace pprofd

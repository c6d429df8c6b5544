// The line on a terminal that says how a recording gets on. It is rewritten in place and taken away
// at the end; nothing is written where there is no terminal. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace pprofd {

struct Progress {
  std::chrono::nanoseconds elapsed{0};
  std::optional<std::chrono::nanoseconds> duration; // of the whole, if it is known
  uint64_t samples = 0;
  uint64_t processes = 0; // seen so far
  uint64_t dropped = 0;
};

// The line, at most `width` columns (ASCII): what does not fit is left out from the end.
std::string progress_text(const Progress& progress, unsigned width);

class ProgressLine {
public:
  using Clock = std::chrono::steady_clock;

  // Writes to `fd`, which stays the caller's, if it is a terminal.
  explicit ProgressLine(int fd);
  // Takes the line away.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Shows the state; at most five times a second, further calls cost nothing. Never blocks for a
  // stopped terminal longer than one write does.
  void update(const Progress& progress, Clock::time_point now = Clock::now());
  // Takes the line away until the next update, so that other text can be written.
  void clear();
  [[nodiscard]] bool active() const { return active_; }

private:
  int fd_;
  bool active_;
  bool shown_ = false;
  std::optional<Clock::time_point> last_;
};

} // namespace pprofd

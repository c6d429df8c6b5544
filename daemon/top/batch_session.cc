// `pprofd top --batch`: each refresh as plain text on standard output.
#include <array>
#include <csignal>
#include <ctime>

#include "daemon/cli/message.h"
#include "daemon/signals/signals.h"
#include "daemon/top/sampling.h"
#include "daemon/top/session.h"
#include "daemon/top/view/plain_text.h"

namespace pprofd::top {

namespace {

std::string time_of_day() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%H:%M:%S", &local);
  return text.data();
}

class Printer {
public:
  explicit Printer(const TopOptions& options) : options_(options) {
    const SamplingEvent& event = *find_sampling_event(options.event);
    status_.frequency = options.frequency;
    status_.event = event.is_clock() ? std::string() : options.event;
    status_.cpu_time = event.is_clock();
  }

  Result<void> print(const LiveSamples& samples) {
    const Table table =
        make_table(samples, status_.cpu_time,
                   {.view = options_.view, .scope = {}, .scope_name = {}, .function = {}},
                   {.order = options_.order, .long_names = options_.long_names}, filter_);
    const size_t rows = options_.rows == 0 ? SIZE_MAX : options_.rows;
    ++printed_;
    return print_data(plain_text(samples, status_, table, rows, time_of_day()));
  }

  [[nodiscard]] bool is_done() const {
    return options_.iterations && printed_ >= *options_.iterations;
  }

private:
  const TopOptions& options_;
  Filter filter_{options_.filter};
  Status status_;
  uint64_t printed_ = 0;
};

} // namespace

Result<void> run_in_batch(const TopOptions& options) {
  auto signals = Signals::block({SIGINT, SIGTERM, SIGHUP});
  if (!signals)
    return std::unexpected(signals.error());
  auto sampling = Sampling::start(options);
  if (!sampling)
    return std::unexpected(sampling.error());
  LiveSamples samples(options.window);
  Printer printer(options);
  bool ended = false;
  while (!ended && !printer.is_done()) {
    (*sampling)->wait(signals->fd());
    if (!signals->take().empty())
      return {};
    size_t added = (*sampling)->tick(samples);
    ended = (*sampling)->target_ended();
    if (ended)
      added += (*sampling)->finish(samples);
    if (added == 0)
      continue;
    if (auto printed = printer.print(samples); !printed)
      return printed;
  }
  return {};
}

} // namespace pprofd::top

#include "daemon/run/window_writer.h"

#include "daemon/run/sink_profile.h"

namespace pprofd {

namespace {

using std::chrono::steady_clock;

} // namespace

std::optional<WrittenWindow> WindowWriter::step(std::chrono::nanoseconds at_most) {
  const auto start = steady_clock::now();
  CollectedWindow* window = collector_->ready();
  if (window == nullptr || infos_.empty())
    return std::nullopt;
  if (!begun_)
    begin(*window);
  while (next_ < window->processes.size()) {
    if (queue_->is_full() || steady_clock::now() - start >= at_most) {
      written_.took += steady_clock::now() - start;
      return std::nullopt;
    }
    write(*window->processes[next_]);
    window->processes[next_++].reset();
  }
  written_.took += steady_clock::now() - start;
  return end(*window);
}

void WindowWriter::begin(CollectedWindow& window) {
  begun_ = true;
  next_ = 0;
  written_ = {.info = infos_.front(), .totals = window.totals, .frames = {}, .named = window.named};
  written_.info.unattributed_drops = window.totals.unattributed_drops;
  add_kernel_names(kernel_, window);
}

void WindowWriter::write(const CollectedProcess& process) {
  SinkProfile made = make_sink_profile(written_.info, process, *collector_, kernel_);
  written_.frames += made.composed.missing.kinds;
  ++written_.profiles;
  queue_->add(std::move(made.head), std::move(made.composed.profile));
}

WrittenWindow WindowWriter::end(CollectedWindow& window) {
  written_.totals = window.totals;
  infos_.pop_front();
  begun_ = false;
  collector_->done();
  return std::move(written_);
}

} // namespace pprofd

// `pprofd top` on a terminal: keys, signals and samples, and the screen that follows from them.
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>

#include "daemon/cli/terminal.h"
#include "daemon/signals/signals.h"
#include "daemon/top/sampling.h"
#include "daemon/top/session.h"
#include "daemon/top/terminal/curses_terminal.h"
#include "daemon/top/view/layout.h"
#include "daemon/top/view/view_state.h"
#include "symbolizer/base/fd.h"

namespace pprofd::top {

namespace {

Status status_of(const TopOptions& options) {
  const SamplingEvent& event = *find_sampling_event(options.event);
  return {.frequency = options.frequency,
          .event = event.is_clock() ? std::string() : options.event,
          .cpu_time = event.is_clock(),
          .notice = {}};
}

ViewState view_of(const TopOptions& options) {
  return {{.view = options.view, .scope = {}, .scope_name = {}, .function = {}},
          {.order = options.order, .long_names = options.long_names},
          Filter(options.filter)};
}

Result<Fd> wait_for_either(int first, int second) {
  Fd events(::epoll_create1(EPOLL_CLOEXEC));
  if (!events)
    return fail_errno("wait for keys", errno);
  for (const int fd : {first, second}) {
    epoll_event event{.events = EPOLLIN, .data = {}};
    if (::epoll_ctl(events.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      return fail_errno("wait for keys", errno);
  }
  return events;
}

bool has_hung_up(int fd) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

// As the terminal's Ctrl-Z does to a program that knows nothing of it.
void stop_here() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTSTP);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  raise(SIGTSTP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

class TerminalSession {
public:
  TerminalSession(const TopOptions& options, bool utf8, Signals signals, Fd events,
                  std::unique_ptr<Sampling> sampling, CursesTerminal terminal)
      : options_(options), utf8_(utf8), signals_(std::move(signals)), events_(std::move(events)),
        sampling_(std::move(sampling)), terminal_(std::move(terminal)), samples_(options.window),
        status_(status_of(options)), state_(view_of(options)) {}

  Result<void> run() {
    draw();
    while (!quit_) {
      wait();
      if (auto taken = take_signals(); !taken)
        return taken;
      read_keys();
      take_samples();
      if (changed_)
        draw();
    }
    return {};
  }

private:
  void wait() {
    if (!ended_)
      return sampling_->wait(events_.get());
    pollfd entry{.fd = events_.get(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, -1);
  }

  Result<void> take_signals() {
    for (const int signal : signals_.take()) {
      changed_ = true;
      if (signal == SIGTSTP) {
        if (auto stopped = stop(); !stopped)
          return stopped;
      } else if (signal == SIGWINCH) {
        terminal_.resize();
      } else if (signal == SIGCONT) {
        terminal_.resume();
      } else {
        quit_ = true;
      }
    }
    return {};
  }

  Result<void> stop() {
    if (!ended_)
      sampling_->pause();
    terminal_.suspend();
    stop_here();
    terminal_.resume();
    if (!samples_.paused())
      samples_.clear(); // "the last seconds" are not those before the stop
    return ended_ ? Result<void>() : sampling_->resume();
  }

  void read_keys() {
    for (auto pressed = terminal_.read_key(); terminal_.more_keys();
         pressed = terminal_.read_key()) {
      if (pressed)
        press(*pressed);
    }
    quit_ = quit_ || has_hung_up(STDIN_FILENO);
  }

  void press(const Key& key) {
    changed_ = true;
    switch (state_.press(key, table(), rows_on(CursesTerminal::size()))) {
    case Wish::kQuit:
      quit_ = true;
      break;
    case Wish::kStartOver:
      samples_.clear();
      break;
    case Wish::kPause:
      samples_.set_paused(!samples_.paused());
      if (ended_)
        samples_.set_paused(true);
      break;
    case Wish::kRedraw:
      terminal_.redraw();
      break;
    case Wish::kNone:
      break;
    }
  }

  void take_samples() {
    if (ended_)
      return;
    const size_t added = sampling_->tick(samples_);
    if (sampling_->target_ended())
      end();
    if (added == 0)
      return;
    status_.notice = sampling_->why_nothing();
    changed_ = changed_ || !samples_.paused();
    shown_ += added;
    quit_ = quit_ || (options_.iterations && shown_ >= *options_.iterations);
  }

  // What was seen last stays for its reader.
  void end() {
    sampling_->finish(samples_);
    samples_.set_paused(true);
    status_.ended = ended_ = changed_ = true;
  }

  [[nodiscard]] Table table() const {
    return make_table(samples_, status_.cpu_time, state_.subject(), state_.settings(),
                      state_.filter());
  }

  void draw() {
    changed_ = false;
    terminal_.draw(layout(samples_, status_, table(), state_, CursesTerminal::size(), !utf8_));
  }

  const TopOptions& options_;
  bool utf8_;
  Signals signals_;
  Fd events_; // epoll: signals and keys
  std::unique_ptr<Sampling> sampling_;
  CursesTerminal terminal_;
  LiveSamples samples_;
  Status status_;
  ViewState state_;
  uint64_t shown_ = 0;
  bool ended_ = false;
  bool changed_ = false;
  bool quit_ = false;
};

} // namespace

Result<void> run_on_terminal(const TopOptions& options, bool utf8) {
  auto signals =
      Signals::block({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH, SIGPIPE});
  if (!signals)
    return std::unexpected(signals.error());
  auto events = wait_for_either(signals->fd(), STDIN_FILENO);
  if (!events)
    return std::unexpected(events.error());
  auto sampling = Sampling::start(options);
  if (!sampling)
    return std::unexpected(sampling.error());
  auto terminal = CursesTerminal::open(use_colour(STDOUT_FILENO));
  if (!terminal)
    return std::unexpected(terminal.error());
  return TerminalSession(options, utf8, std::move(*signals), std::move(*events),
                         std::move(*sampling), std::move(*terminal))
      .run();
}

} // namespace pprofd::top

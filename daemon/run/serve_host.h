// A process that faces the network (daemon/serve, daemon/ship), as the daemon sees it: started,
// given the windows' profiles, asked by, ended, and started again where it ends by itself.
//
// What it was sent and has not said to be stored is kept and sent again to the next one, so its end
// costs no profile; beyond 16 MB of that, put() waits once (for serve), and refuses until there is
// room. A profile over which three processes have ended is given up.
//
// put() is for one thread beside the owner's, everything else for the owner's. All that comes from
// the process is taken as hostile: it faces the network.
//
// A configuration is in force when the process has said so. One that it refuses, or over which it
// ends, leaves the one before in force.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "daemon/log/log.h"
#include "daemon/run/window_sink.h"
#include "daemon/serve/link/link.h"
#include "proto/serve.pb.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"
#include "symbolizer/client/process.h"

namespace pprofd {

class ServeHost : public WindowSink {
public:
  // Which of the program's processes it is.
  struct Kind {
    const char* name;                   // argv[0]
    const char* argument;               // argv[1]
    std::string title;                  // in messages
    std::string task;                   // what put() asks of it, in messages
    std::chrono::milliseconds patience; // of put()
  };
  static Kind serve_kind();
  static Kind ship_kind();

  // Whether a configuration is in force, and why not. Called by tick().
  using Configured = std::function<void(const Result<void>& done)>;

  // What the process asks for; each is answered by answer(), once, but `cancel` and `shipping`.
  // Called by tick().
  struct Calls {
    std::function<void(const serve::ProfileRequest& request)> profile;
    std::function<void(uint64_t id)> cancel;
    std::function<void(uint64_t id)> metrics;
    std::function<void(uint64_t id)> reload;
    std::function<void(const serve::Shipping& shipping)> shipping;
  };

  struct Figures {
    uint64_t restarts = 0;
    uint64_t failed = 0;   // profiles that were put and are not stored
    uint64_t given_up = 0; // of these, as processes ended over them
    uint64_t samples_failed = 0;
    uint64_t samples_stored = 0;
    std::chrono::nanoseconds cpu_time{0};
    uint64_t anonymous_bytes = 0;
  };

  // No process runs yet. `listeners`: in the order of the configuration. `log` outlives this.
  static Result<std::unique_ptr<ServeHost>> create(std::vector<Fd> listeners, Log& log, Kind kind);
  ServeHost(const ServeHost&) = delete;
  ServeHost& operator=(const ServeHost&) = delete;
  ~ServeHost() override; // kills it

  void set_calls(Calls calls) { calls_ = std::move(calls); }

  Result<void> put(serve::WindowProfile profile) override;

  // Readable when tick() has work to do. tick() is called now and then in any case.
  [[nodiscard]] int fd() const { return events_.get(); }
  void tick();

  void answer(serve::Answer answer);
  // Has it put in force, by a process that is started where none runs; the listeners stay. `done`
  // is called once, within half a minute; until then there is not to be another.
  void configure(serve::Configuration configuration, Configured done);
  // The same, and waits. Errors: the process says that it can't do its work (the store,
  // credentials).
  Result<void> configure_and_wait(serve::Configuration configuration);
  // The one in force; an empty one where none has been.
  [[nodiscard]] serve::Configuration configuration() const {
    return configuration_.value_or(serve::Configuration());
  }
  void send_metrics(serve::ProcessMetrics metrics);
  void send_event(serve::Event event);

  // Waits until all that was put is stored, at most so long, and ends the process. Returns whether
  // all was.
  bool finish(std::chrono::milliseconds at_most);

  [[nodiscard]] Figures figures() const;

private:
  struct Sent {
    serve::ToServe message; // a WindowProfile
    size_t bytes;
  };
  struct Running {
    symbolizer::ChildProcess process;
    serve::Link link;
    std::chrono::steady_clock::time_point started;
    bool on_trial;         // began with a configuration that is not in force yet
    size_t unanswered = 1; // configurations
    // What it has said to be done with.
    serve::Stored stored;
  };

  ServeHost(std::vector<Fd> listeners, Fd events, Log& log, Kind kind);

  void start_process();
  Result<void> spawn(const serve::Configuration& configuration);
  // With the mutex held.
  void send(const serve::ToServe& message);
  void watch();
  bool receive(std::vector<serve::ToDaemon>& messages);
  void take_stored(const serve::Stored& stored);
  void give_up_first();
  void drop_first();

  void dispatch(const serve::ToDaemon& message);
  void take_verdict(const Result<void>& verdict);
  void settle(const Result<void>& done);
  void end_process();
  void ended(const symbolizer::ProcessEnd& end);

  std::optional<serve::Configuration> configuration_; // in force
  std::optional<serve::Configuration> wanted_;        // instead
  Configured configured_;                             // is told what became of it
  std::chrono::steady_clock::time_point wanted_until_;
  std::optional<Error> refusal_; // by a process on trial
  std::vector<Fd> listeners_;
  Fd events_; // epoll
  Log* log_;
  Kind kind_;
  Calls calls_;

  mutable std::mutex mutex_; // guards what follows
  std::condition_variable room_;
  std::unique_ptr<Running> running_; // nullptr: none runs
  std::deque<Sent> unstored_;
  size_t unstored_bytes_ = 0;
  bool keeps_up_ = true; // else put() does not wait until something has been stored
  std::mt19937_64 ids_;
  Figures counts_;

  std::chrono::steady_clock::time_point next_start_;
  std::chrono::milliseconds pause_{0};
  unsigned ends_without_progress_ = 0;
  bool finishing_ = false;
};

} // namespace pprofd

// Shipping, as the daemon sees it: each profile goes to the store and, where targets are
// configured, to the process that ships (daemon/ship), which is started when the first target is
// configured. What that does not take at once is dropped and counted: the store does not wait for
// it. What triggers took stays here: backends would add it up with the others.
//
// put() is for one thread beside the owner's, everything else for the owner's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/log/log.h"
#include "daemon/run/serve_host.h"
#include "daemon/run/window_sink.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Of one target, since the daemon began.
struct ShipFigures {
  std::string target;
  uint64_t sent = 0;
  uint64_t failed = 0;
  uint64_t retried = 0;
  uint64_t dropped = 0;
  uint64_t spool_bytes = 0;
  bool up = true;
};

// What the process says of itself, added up over its lives. Pure.
class ShipCounts {
public:
  void add(const serve::Shipping& shipping);
  [[nodiscard]] std::vector<ShipFigures> figures() const;

private:
  struct Counts {
    ShipFigures before; // of processes that have ended
    ShipFigures now;
  };
  uint32_t process_ = 0;
  std::map<std::string, Counts> targets_; // those that the last report had
};

class ShipHost : public WindowSink {
public:
  // `store`, `log` outlive this.
  ShipHost(WindowSink& store, Log& log) : store_(&store), log_(&log) {}

  // `events`: an epoll to be woken by. Errors: the process can't be started, or do its work.
  Result<void> start(serve::Configuration configuration, int events);
  // Gives the process the new configuration, or starts it; without targets there is none to start.
  // `done` is called once.
  void configure(serve::Configuration configuration, ServeHost::Configured done);

  Result<void> put(serve::WindowProfile profile) override;

  void tick();
  // Waits until the process has all that was put on the disk, at most so long, and ends it.
  bool finish(std::chrono::milliseconds at_most);

  [[nodiscard]] std::vector<ShipFigures> figures() const;
  [[nodiscard]] bool active() const { return to_ != nullptr; }
  // Its restarts, CPU and memory.
  [[nodiscard]] ServeHost::Figures usage() const;

private:
  Result<void> make_host();

  WindowSink* store_;
  Log* log_;
  int events_ = -1;
  std::unique_ptr<ServeHost> host_; // once made it stays
  std::atomic<ServeHost*> to_ = nullptr;
  std::atomic<uint64_t> lost_ = 0; // profiles that the process did not take at once
  ShipCounts counts_;
};

} // namespace pprofd

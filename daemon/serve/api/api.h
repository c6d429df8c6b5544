// What is answered at which path.
//
// handle() is called on the server's thread. What is quick is answered there; queries of the store
// go to the pool; profiles that are to be taken now go to the daemon.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "daemon/profile/flamegraph/flame_graph.h"
#include "daemon/serve/http/message.h"
#include "daemon/serve/http/pool.h"
#include "daemon/serve/http/server.h"
#include "daemon/serve/store/store.h"
#include "proto/serve.pb.h"

namespace pprofd::serve {

// The daemon, as far as requests reach it. The server's thread.
class DaemonPort {
public:
  using Answered = std::function<void(const Answer&)>;

  virtual ~DaemonPort() = default;
  // `request` without its id, which is returned. `answered` is called once, unless it is cancelled
  // before. 0: the daemon cannot be asked.
  virtual uint64_t take_profile(ProfileRequest request, Answered answered) = 0;
  virtual void cancel(uint64_t id) = 0;
  virtual uint64_t daemon_metrics(Answered answered) = 0;
  virtual uint64_t reload(Answered answered) = 0;
};

struct ApiContext {
  Store& store;
  Pool& pool;
  DaemonPort& daemon;
  std::string version;
  std::function<ServerCounts()> server_counts;
};

class Api {
public:
  explicit Api(ApiContext context);
  ~Api();

  [[nodiscard]] size_t body_limit(const Request& request) const;
  void handle(Request request, const std::shared_ptr<Exchange>& exchange);

  struct State; // of the implementation

private:
  std::shared_ptr<State> state_;
};

} // namespace pprofd::serve

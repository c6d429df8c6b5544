// A request and what answers it, apart from the server that carries them.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/serve/http/query.h"
#include "symbolizer/base/result.h"

namespace pprofd::serve {

// Who is at the other end of a connection.
struct Peer {
  enum class Kind { kUnix, kLoopback, kNetwork };
  Kind kind = Kind::kNetwork;
  std::string name;         // "uid 1000", "192.0.2.7": by this clients are told apart
  uid_t uid = 0;            // of kUnix
  bool certificate = false; // it has shown one that the configured authority signed
};

struct Request {
  std::string method;
  std::string path;
  Query query;
  // Header fields, empty where they are missing.
  std::string host, origin, authorization, fetch_site, fetch_mode, accept_encoding;
  std::optional<uint64_t> content_length;
  std::string body;
  Peer peer;
  bool metrics_only = false; // came by a listener that only has metrics and health
};

struct Response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// An answer that says what is wrong: text, or JSON below /api; under /debug/pprof as Go's clients
// want it.
Response error_response(unsigned status, const Request& request, const Error& error);
Response error_response(unsigned status, const Request& request, std::string sentence,
                        const std::string& hint = {});

// One request on its way to its answer. Any thread.
class Exchange {
public:
  virtual ~Exchange() = default;
  // Called once.
  virtual void reply(Response response) = 0;
  // Whether the client has gone: then nobody needs the answer, though reply() may be called.
  [[nodiscard]] bool gone() const { return gone_; }
  // Called on the server's thread when the client goes before the answer. Set on that thread.
  void on_gone(std::function<void()> callback) { on_gone_ = std::move(callback); }

protected:
  void say_gone() {
    if (!gone_.exchange(true) && on_gone_)
      on_gone_();
  }
  void forget_callback() { on_gone_ = nullptr; }

private:
  std::atomic<bool> gone_ = false;
  std::function<void()> on_gone_;
};

} // namespace pprofd::serve

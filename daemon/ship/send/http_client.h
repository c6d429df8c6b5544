// Requests to backends, many at a time, on one thread; by libcurl.
//
// Every request has deadlines, and what comes back is bounded: of a body the beginning is kept and
// the rest, however long, ends the connection. Redirections are not followed, so that credentials
// go nowhere else; proxies and settings of the environment are not used. Where a backend has given
// its answer and then hangs in the body, the answer counts.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ship/send/reply.h"
#include "symbolizer/base/result.h"

namespace pprofd::ship {

// With which requests are signed: AWS signature version 4, for S3.
struct Signature {
  std::string region;
  std::string access_key;
  std::string secret_key;
};

struct HttpOptions {
  std::string ca;   // PEM; empty: the system's
  std::string cert; // PEM; empty: none
  std::string key;
  std::vector<std::string> headers;
  std::optional<Signature> signature;        // then a parcel has the header x-amz-content-sha256
  std::chrono::milliseconds timeout{30'000}; // of a whole request
};

class HttpClient {
public:
  // libcurl is loaded. Errors: no memory.
  static Result<std::unique_ptr<HttpClient>> create();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient(); // what is under way is given up, without a call

  // `done` is called by perform(); not from within start().
  void start(const HttpOptions& options, const Parcel& parcel,
             std::function<void(const Reply&)> done);
  void perform();
  // Until something comes on a connection or there are `events` on `fd` (-1: none); at most so
  // long.
  void wait(int fd, short events, std::chrono::milliseconds at_most);

private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// Whether certificate, key and authority are what they say. Errors name the key of the
// configuration.
Result<void> check_tls(const HttpOptions& options);

} // namespace pprofd::ship

// Requests to debuginfod servers, some at a time, on one thread; by libcurl.
//
// Every request has deadlines (to connect, without a byte, in all), redirections are few and lead
// to http and https alone, and from https to that only. What comes back goes into the file that was
// given, as far as it is allowed to be long; what does not begin as an ELF file does is not read
// further. No credentials, proxies or settings of the environment are used.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "proto/debuginfod.pb.h"
#include "symbolizer/base/fd.h"

namespace pprofd {

class Transfers {
public:
  using Done = std::function<void(const debuginfod::FetchReply&)>;

  // libcurl is loaded. nullptr: no memory.
  static std::unique_ptr<Transfers> create();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;
  ~Transfers(); // what is under way is given up, without a call

  // Asks the request's servers in their order until one has the file. `file`: empty, open for
  // writing. `done` is called by perform().
  void start(debuginfod::FetchRequest request, Fd file, Done done);
  void perform();
  // Until something comes on a connection or can be read from `fd`; at most so long.
  void wait(int fd, std::chrono::milliseconds at_most);

private:
  struct State;
  explicit Transfers(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

} // namespace pprofd

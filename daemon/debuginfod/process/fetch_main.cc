#include "daemon/debuginfod/process/fetch_main.h"

#include <poll.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <csignal>
#include <exception>
#include <span>
#include <string>
#include <utility>

#include "daemon/debuginfod/fetched_files.h"
#include "daemon/debuginfod/process/transfers.h"
#include "daemon/net/libcurl.h"
#include "daemon/sandbox/confinement.h"
#include "symbolizer/protocol/channel.h"
#include "symbolizer/worker/privileges.h"

namespace pprofd {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using symbolizer::Channel;

constexpr uint64_t kMemory = uint64_t{256} << 20;
constexpr uint64_t kDescriptors = 128;
constexpr milliseconds kStep{1'000};
constexpr milliseconds kPatience{5'000}; // for the daemon

// The files that the daemon gives are written by pwrite(), and begun anew.
constexpr std::array kOwnCalls = {SCMP_SYS(ftruncate)};

void enter_sandbox() {
  symbolizer::set_limit(RLIMIT_FSIZE, FetchedFiles::kMostFile);
  confine({.memory = kMemory,
           .descriptors = kDescriptors,
           .folders = network_settings(),
           .folders_text = "settings of the network",
           .calls = {connecting_calls(), kOwnCalls},
           .connects = true});
}

// `at_most`: milliseconds to wait for that; -1: for ever.
bool readable(int fd, int at_most) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, at_most) > 0;
}

// Says what became of a request. A daemon that does not listen has gone.
void say(Channel& channel, const debuginfod::FetchReply& reply) {
  const std::string bytes = reply.SerializeAsString();
  (void)channel.send(std::as_bytes(std::span(bytes)), {}, steady_clock::now() + kPatience);
}

// Takes one request and its file. False: the daemon has gone.
bool receive(Channel& channel, debuginfod::FetchRequest& request, Fd& file) {
  auto packet = channel.receive(true, steady_clock::now() + kPatience);
  if (!packet || packet->descriptors.size() != 1 ||
      !request.ParseFromArray(packet->bytes.data(), static_cast<int>(packet->bytes.size())))
    return false;
  file = std::move(packet->descriptors.front());
  return true;
}

// Says to each request why there are none.
void refuse_all(Channel& channel, const Error& error) {
  debuginfod::FetchRequest request;
  Fd file;
  for (;;) {
    if (!readable(channel.fd(), -1) || !receive(channel, request, file))
      return;
    debuginfod::FetchReply reply;
    reply.set_id(request.id());
    reply.add_answers()->set_why(error.what + ": " + error.why);
    say(channel, reply);
  }
}

int fetch() {
  Channel channel{Fd(kFetchSocket)};
  const auto loaded = load_libcurl(); // while files can be opened
  enter_sandbox();
  if (!loaded) {
    refuse_all(channel, loaded.error());
    return 0;
  }
  const auto transfers = Transfers::create();
  if (!transfers)
    return 1;
  for (;;) {
    transfers->perform();
    transfers->wait(channel.fd(), kStep);
    if (!readable(channel.fd(), 0))
      continue;
    debuginfod::FetchRequest request;
    Fd file;
    if (!receive(channel, request, file))
      return 0;
    transfers->start(std::move(request), std::move(file),
                     [&channel](const debuginfod::FetchReply& reply) { say(channel, reply); });
  }
}

} // namespace

int fetch_main() {
  ::prctl(PR_SET_NAME, kFetchName);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  try {
    return fetch();
  } catch (const std::exception&) {
    return 1;
  }
}

} // namespace pprofd

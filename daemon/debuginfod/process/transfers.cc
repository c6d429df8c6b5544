#include "daemon/debuginfod/process/transfers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/debuginfod/addresses.h"
#include "daemon/net/curl.h"
#include "symbolizer/base/result.h"

namespace pprofd {

namespace {

using debuginfod::ServerAnswer;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr long kConnectTimeoutMilliseconds = 5'000;
constexpr long kSlowBytes = 1'000; // a second; fewer …
constexpr long kSlowSeconds =
    30; // … for so long are given up. A server may unpack a package first.
constexpr long kMostRedirects = 3;
constexpr long kMostSockets = 16;
constexpr size_t kMostSkipped = size_t{64} << 10; // of what is no file, to keep the connection
constexpr long kOk = 200;
constexpr long kNotFound = 404;
constexpr std::string_view kMagic = "\177ELF";

} // namespace

// Not in the namespace without a name: the state has a list of them.
struct DebugTransfer {
  CurlEasy easy;
  debuginfod::FetchRequest request;
  Fd file;
  Transfers::Done done;
  steady_clock::time_point until;
  debuginfod::FetchReply reply;
  // Of the server that is being asked:
  uint64_t received = 0;
  size_t skipped = 0;
  std::string unusable; // why what comes is of no use
  std::array<char, CURL_ERROR_SIZE> problem{};
};

namespace {

bool write_all(int fd, std::string_view bytes, uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(done));
    at += static_cast<uint64_t>(done);
  }
  return true;
}

bool begins_as_elf(std::string_view bytes, uint64_t at) {
  if (at >= kMagic.size())
    return true;
  const std::string_view expected = kMagic.substr(at, bytes.size());
  return bytes.starts_with(expected);
}

size_t take_file(const char* data, size_t size, size_t count, void* transfer) {
  auto& to = *static_cast<DebugTransfer*>(transfer);
  const std::string_view bytes(data, size * count);
  long status = 0;
  libcurl().easy_getinfo(to.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != kOk) {
    to.skipped += bytes.size();
    return to.skipped > kMostSkipped ? 0 : bytes.size();
  }
  if (!begins_as_elf(bytes, to.received))
    to.unusable = "what it has is no ELF file";
  else if (bytes.size() > to.request.most_bytes() - to.received)
    to.unusable = fmt::format("it sends more than {} MB", to.request.most_bytes() / 1'000'000);
  else if (!write_all(to.file.get(), bytes, to.received))
    to.unusable = "the file could not be written: " + errno_text(errno);
  to.received += bytes.size();
  return to.unusable.empty() ? bytes.size() : 0;
}

const std::string& server_of(const DebugTransfer& transfer) {
  return transfer.request.servers(transfer.reply.answers_size());
}

void set_request(DebugTransfer& transfer, milliseconds at_most) {
  CURL* const easy = transfer.easy.get();
  const std::string& server = server_of(transfer);
  const bool safe = server.starts_with("https:");
  set_common(easy);
  set(easy, CURLOPT_URL, debug_address(server, transfer.request.build_id()).c_str());
  set(easy, CURLOPT_FOLLOWLOCATION, 1L);
  set(easy, CURLOPT_MAXREDIRS, kMostRedirects);
  set(easy, CURLOPT_REDIR_PROTOCOLS_STR, safe ? "https" : "http,https");
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMilliseconds);
  set(easy, CURLOPT_LOW_SPEED_LIMIT, kSlowBytes);
  set(easy, CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<milliseconds::rep>(at_most.count(), 1)));
  set(easy, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(transfer.request.most_bytes()));
  set(easy, CURLOPT_WRITEFUNCTION, &take_file);
  set(easy, CURLOPT_WRITEDATA, &transfer);
  set(easy, CURLOPT_ERRORBUFFER, transfer.problem.data());
}

ServerAnswer answer_of(const DebugTransfer& transfer, CURLcode result) {
  ServerAnswer answer;
  long status = 0;
  libcurl().easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  const bool whole = result == CURLE_OK || transfer.skipped > kMostSkipped;
  if (!transfer.unusable.empty() || result == CURLE_FILESIZE_EXCEEDED) {
    answer.set_kind(ServerAnswer::UNUSABLE);
    answer.set_why(transfer.unusable.empty() ? "what it has is too large" : transfer.unusable);
  } else if (whole && status == kNotFound) {
    answer.set_kind(ServerAnswer::MISSING);
  } else if (whole && status == kOk && transfer.received >= kMagic.size()) {
    answer.set_kind(ServerAnswer::FOUND);
  } else if (whole && status == kOk) {
    answer.set_kind(ServerAnswer::UNUSABLE);
    answer.set_why("what it has is no ELF file");
  } else if (whole) {
    answer.set_why(fmt::format("HTTP {}", status));
  } else {
    answer.set_why(transfer.problem.front() != '\0' ? transfer.problem.data()
                                                    : libcurl().easy_strerror(result));
  }
  return answer;
}

} // namespace

struct Transfers::State {
  CurlMulti multi;
  std::list<DebugTransfer> transfers;

  // Asks the next server, if there is one and time for it.
  bool ask_next(DebugTransfer& transfer) const {
    const auto left = std::chrono::ceil<milliseconds>(transfer.until - steady_clock::now());
    if (transfer.reply.answers_size() >= transfer.request.servers_size() || left.count() <= 0 ||
        ::ftruncate(transfer.file.get(), 0) != 0)
      return false;
    transfer.received = 0;
    transfer.skipped = 0;
    transfer.unusable.clear();
    transfer.problem.front() = '\0';
    transfer.easy.reset(libcurl().easy_init());
    set_request(transfer, left);
    return libcurl().multi_add_handle(multi.get(), transfer.easy.get()) == CURLM_OK;
  }

  void finish(std::list<DebugTransfer>::iterator transfer, CURLcode result) {
    const ServerAnswer answer = answer_of(*transfer, result);
    *transfer->reply.add_answers() = answer;
    libcurl().multi_remove_handle(multi.get(), transfer->easy.get());
    if (answer.kind() == ServerAnswer::FOUND)
      transfer->reply.set_size(transfer->received);
    else if (ask_next(*transfer))
      return;
    transfer->done(transfer->reply);
    transfers.erase(transfer);
  }
};

Transfers::Transfers(std::unique_ptr<State> state) : state_(std::move(state)) {}

Transfers::~Transfers() {
  for (const DebugTransfer& transfer : state_->transfers)
    libcurl().multi_remove_handle(state_->multi.get(), transfer.easy.get());
}

std::unique_ptr<Transfers> Transfers::create() {
  auto state = std::make_unique<State>();
  state->multi.reset(libcurl().multi_init());
  if (!state->multi)
    return nullptr;
  libcurl().multi_setopt(state->multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, kMostSockets);
  return std::unique_ptr<Transfers>(new Transfers(std::move(state)));
}

void Transfers::start(debuginfod::FetchRequest request, Fd file, Done done) {
  DebugTransfer& transfer = state_->transfers.emplace_back();
  transfer.reply.set_id(request.id());
  transfer.request = std::move(request);
  transfer.file = std::move(file);
  transfer.done = std::move(done);
  transfer.until = steady_clock::now() +
                   nanoseconds(static_cast<nanoseconds::rep>(transfer.request.most_nanos()));
  const bool right = is_build_id(transfer.request.build_id());
  if (right && state_->ask_next(transfer))
    return;
  transfer.reply.add_answers()->set_why("the request makes no sense");
  transfer.done(transfer.reply);
  state_->transfers.pop_back();
}

void Transfers::perform() {
  int running = 0;
  libcurl().multi_perform(state_->multi.get(), &running);
  int left = 0;
  while (const CURLMsg* const message = libcurl().multi_info_read(state_->multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE)
      continue;
    const CURLcode result = message->data.result;
    const auto found =
        std::ranges::find_if(state_->transfers, [message](const DebugTransfer& transfer) {
          return transfer.easy.get() == message->easy_handle;
        });
    state_->finish(found, result);
  }
}

void Transfers::wait(int fd, milliseconds at_most) {
  curl_waitfd entry{.fd = fd, .events = CURL_WAIT_POLLIN, .revents = 0};
  libcurl().multi_poll(state_->multi.get(), &entry, 1, static_cast<int>(at_most.count()), nullptr);
}

} // namespace pprofd

#include "daemon/ship/send/http_client.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <list>
#include <string_view>
#include <utility>

#include "daemon/net/curl.h"

namespace pprofd::ship {

namespace {

using std::chrono::milliseconds;

constexpr size_t kKeptBody = size_t{16} << 10;
constexpr size_t kLongestBody = size_t{256} << 10; // read to keep the connection
constexpr long kConnectTimeoutMilliseconds = 10'000;
constexpr long kMostConnections = 64;
constexpr int kLeastFinalStatus = 200;

} // namespace

// Not in the namespace without a name: the client has a list of them.
struct Transfer {
  CurlEasy easy;
  CurlHeaders headers;
  std::string body;
  std::function<void(const Reply&)> done;
  Reply reply;
  size_t received = 0;
  std::array<char, CURL_ERROR_SIZE> problem{};
};

namespace {

size_t take_body(const char* bytes, size_t size, size_t count, void* request) {
  auto& to = *static_cast<Transfer*>(request);
  const size_t length = size * count;
  to.received += length;
  const size_t room = kKeptBody - std::min(kKeptBody, to.reply.body.size());
  to.reply.body.append(bytes, std::min(room, length));
  return to.received > kLongestBody ? 0 : length;
}

void set_blob(CURL* easy, CURLoption option, const std::string& bytes) {
  curl_blob blob{
      .data = const_cast<char*>(bytes.data()), .len = bytes.size(), .flags = CURL_BLOB_COPY};
  libcurl().easy_setopt(easy, option, &blob);
}

void set_tls(CURL* easy, const HttpOptions& options) {
  if (!options.ca.empty()) {
    set(easy, CURLOPT_CAINFO, static_cast<const char*>(nullptr));
    set_blob(easy, CURLOPT_CAINFO_BLOB, options.ca);
  }
  if (options.cert.empty())
    return;
  set(easy, CURLOPT_SSLCERTTYPE, "PEM");
  set(easy, CURLOPT_SSLKEYTYPE, "PEM");
  set_blob(easy, CURLOPT_SSLCERT_BLOB, options.cert);
  set_blob(easy, CURLOPT_SSLKEY_BLOB, options.key);
}

void set_limits(CURL* easy, milliseconds timeout) {
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMilliseconds);
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
}

void append(CurlHeaders& headers, const std::string& line) {
  if (curl_slist* longer = libcurl().slist_append(headers.get(), line.c_str())) {
    (void)headers.release();
    headers.reset(longer);
  }
}

// libcurl signs the headers that it is given.
void set_signature(CURL* easy, const Signature& signature) {
  set(easy, CURLOPT_AWS_SIGV4, ("aws:amz:" + signature.region + ":s3").c_str());
  set(easy, CURLOPT_USERNAME, signature.access_key.c_str());
  set(easy, CURLOPT_PASSWORD, signature.secret_key.c_str());
}

void set_request(Transfer& request, const HttpOptions& options, const Parcel& parcel) {
  CURL* const easy = request.easy.get();
  set(easy, CURLOPT_URL, parcel.url.c_str());
  set(easy, CURLOPT_POSTFIELDS, request.body.data());
  set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  set(easy, CURLOPT_CUSTOMREQUEST, parcel.method.c_str());
  if (options.signature)
    set_signature(easy, *options.signature);
  else
    append(request.headers, "Expect:"); // no asking first; what is left out can't be signed
  for (const auto* lines : {&parcel.headers, &options.headers})
    for (const std::string& line : *lines)
      append(request.headers, line);
  set(easy, CURLOPT_HTTPHEADER, request.headers.get());
  set(easy, CURLOPT_WRITEFUNCTION, &take_body);
  set(easy, CURLOPT_WRITEDATA, &request);
  set(easy, CURLOPT_ERRORBUFFER, request.problem.data());
  set(easy, CURLOPT_PRIVATE, &request);
}

void finish(Transfer& request, CURLcode result) {
  CURL* const easy = request.easy.get();
  long status = 0;
  libcurl().easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_off_t wait = 0;
  libcurl().easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
  if (wait > 0)
    request.reply.retry_after = std::chrono::seconds(wait);
  if (status >= kLeastFinalStatus)
    request.reply.status = static_cast<int>(status);
  else
    request.reply.problem = request.problem.front() != '\0' ? std::string(request.problem.data())
                                                            : libcurl().easy_strerror(result);
  if (request.reply.status == 0 && result == CURLE_OK)
    request.reply.problem = "no answer";
}

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Bio bio_of(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

bool is_certificate(const std::string& pem) {
  const Bio bio = bio_of(pem);
  const std::unique_ptr<X509, decltype(&X509_free)> read(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
  return read != nullptr;
}

bool is_key(const std::string& pem) {
  const Bio bio = bio_of(pem);
  // Without a callback a key with a passphrase would ask the terminal.
  const auto none = [](char*, int, int, void*) { return 0; };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> read(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, none, nullptr), &EVP_PKEY_free);
  return read != nullptr;
}

} // namespace

struct HttpClient::State {
  CurlMulti multi;
  std::list<Transfer> requests;
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpClient::~HttpClient() {
  for (Transfer& request : state_->requests)
    libcurl().multi_remove_handle(state_->multi.get(), request.easy.get());
}

Result<std::unique_ptr<HttpClient>> HttpClient::create() {
  auto state = std::make_unique<State>();
  state->multi.reset(libcurl().multi_init());
  if (!state->multi)
    return fail("prepare to ship", "no memory");
  libcurl().multi_setopt(state->multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, kMostConnections);
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(state)));
}

void HttpClient::start(const HttpOptions& options, const Parcel& parcel,
                       std::function<void(const Reply&)> done) {
  Transfer& request = state_->requests.emplace_back();
  request.easy.reset(libcurl().easy_init());
  request.body = parcel.body;
  request.done = std::move(done);
  CURL* const easy = request.easy.get();
  set_common(easy);
  set_limits(easy, options.timeout);
  set_tls(easy, options);
  set_request(request, options, parcel);
  libcurl().multi_add_handle(state_->multi.get(), easy);
}

void HttpClient::perform() {
  int running = 0;
  libcurl().multi_perform(state_->multi.get(), &running);
  int left = 0;
  while (const CURLMsg* message = libcurl().multi_info_read(state_->multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE)
      continue;
    const CURLcode result = message->data.result;
    const auto request = std::ranges::find_if(state_->requests, [message](const Transfer& each) {
      return each.easy.get() == message->easy_handle;
    });
    libcurl().multi_remove_handle(state_->multi.get(), request->easy.get());
    finish(*request, result);
    const auto done = std::move(request->done);
    const Reply reply = std::move(request->reply);
    state_->requests.erase(request);
    done(reply);
  }
}

void HttpClient::wait(int fd, short events, milliseconds at_most) {
  curl_waitfd entry{.fd = fd, .events = 0, .revents = 0};
  if ((events & POLLIN) != 0)
    entry.events |= CURL_WAIT_POLLIN;
  if ((events & POLLOUT) != 0)
    entry.events |= CURL_WAIT_POLLOUT;
  libcurl().multi_poll(state_->multi.get(), &entry, fd < 0 ? 0 : 1,
                       static_cast<int>(at_most.count()), nullptr);
}

Result<void> check_tls(const HttpOptions& options) {
  constexpr const char* kHint = "give a file in PEM";
  if (!options.ca.empty() && !is_certificate(options.ca))
    return fail("tls_ca", "it is no certificate", kHint);
  if (!options.cert.empty() && !is_certificate(options.cert))
    return fail("tls_cert", "it is no certificate", kHint);
  if (!options.key.empty() && !is_key(options.key))
    return fail("tls_key", "it is no key, or one with a passphrase",
                "give a file in PEM without a passphrase");
  return {};
}

} // namespace pprofd::ship

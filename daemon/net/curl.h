// What all requests that are made by libcurl have in common. Any thread, a handle on one at a time.
#pragma once

#include <memory>

#include "daemon/net/libcurl.h"

namespace pprofd {

struct CurlCleanup {
  void operator()(CURL* easy) const { libcurl().easy_cleanup(easy); }
};
using CurlEasy = std::unique_ptr<CURL, CurlCleanup>;
struct CurlMultiCleanup {
  void operator()(CURLM* multi) const { libcurl().multi_cleanup(multi); }
};
using CurlMulti = std::unique_ptr<CURLM, CurlMultiCleanup>;
struct CurlHeadersCleanup {
  void operator()(curl_slist* headers) const { libcurl().slist_free_all(headers); }
};
using CurlHeaders = std::unique_ptr<curl_slist, CurlHeadersCleanup>;

template <typename T> void set(CURL* easy, CURLoption option, T value) {
  libcurl().easy_setopt(easy, option, value);
}

// No proxies nor settings of the environment, HTTP/1.1 over TCP or TLS 1.2 and later, certificates
// by the system's authorities, no redirections, no signals.
void set_common(CURL* easy);

} // namespace pprofd

// What all requests that are made by libcurl have in common. Any thread, a handle on one at a time.
#pragma once

#include <curl/curl.h>

#include <memory>

#include "symbolizer/base/result.h"

namespace pprofd {

using CurlEasy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using CurlMulti = std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)>;

// Loads the library, once, which opens files, its settings among them: only processes that make
// requests do, as with what it needs itself it is half of all the libraries that the program would
// start with. No function of it may be called before. Errors: it is not there, or cannot be set up.
Result<void> load_libcurl();

// For many requests on one thread; nullptr: no memory.
CurlMulti make_curl_multi();

template <typename T> void set(CURL* easy, CURLoption option, T value) {
  curl_easy_setopt(easy, option, value);
}

// No proxies nor settings of the environment, HTTP/1.1 over TCP or TLS 1.2 and later, certificates
// by the system's authorities, no redirections, no signals.
void set_common(CURL* easy);

} // namespace pprofd

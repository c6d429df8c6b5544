// libcurl, loaded by the processes that make requests alone: with what it needs itself it is half
// of all libraries that the program would start with otherwise, in each of its processes.
#pragma once

#include <curl/curl.h>

#include "symbolizer/base/result.h"

namespace pprofd {

// Its functions, by their names without "curl_".
struct Libcurl {
  decltype(&curl_global_init) global_init;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_multi_init) multi_init;
  decltype(&curl_multi_cleanup) multi_cleanup;
  decltype(&curl_multi_setopt) multi_setopt;
  decltype(&curl_multi_add_handle) multi_add_handle;
  decltype(&curl_multi_remove_handle) multi_remove_handle;
  decltype(&curl_multi_perform) multi_perform;
  decltype(&curl_multi_poll) multi_poll;
  decltype(&curl_multi_info_read) multi_info_read;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
};

// Loads it, once, which opens files, its settings among them. Any thread. Errors: it is not there,
// or cannot be set up.
Result<void> load_libcurl();

// Once it is loaded.
const Libcurl& libcurl();

} // namespace pprofd

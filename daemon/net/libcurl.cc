// The functions of libcurl that are used here, handed on to the library once load_libcurl() has
// loaded it.
#include <curl/curl.h>
#include <dlfcn.h>

#include <cstdarg>

#include "daemon/net/curl.h"

// These are macros too.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

namespace pprofd {

namespace {

constexpr const char* kLibrary = "libcurl.so.4";

#define PPROFD_FUNCTIONS_OF_LIBCURL(DO)                                                            \
  DO(curl_global_init)                                                                             \
  DO(curl_easy_init)                                                                               \
  DO(curl_easy_cleanup)                                                                            \
  DO(curl_easy_setopt)                                                                             \
  DO(curl_easy_getinfo)                                                                            \
  DO(curl_easy_strerror)                                                                           \
  DO(curl_multi_init)                                                                              \
  DO(curl_multi_cleanup)                                                                           \
  DO(curl_multi_setopt)                                                                            \
  DO(curl_multi_add_handle)                                                                        \
  DO(curl_multi_remove_handle)                                                                     \
  DO(curl_multi_perform)                                                                           \
  DO(curl_multi_poll)                                                                              \
  DO(curl_multi_info_read)                                                                         \
  DO(curl_slist_append)                                                                            \
  DO(curl_slist_free_all)

struct Functions {
#define PPROFD_DECLARE(name) decltype(&::name) name = nullptr;
  PPROFD_FUNCTIONS_OF_LIBCURL(PPROFD_DECLARE)
#undef PPROFD_DECLARE
};

Functions libcurl;

const char* load() {
  void* const library = ::dlopen(kLibrary, RTLD_NOW);
  if (library == nullptr)
    return ::dlerror();
  const char* missing = nullptr;
#define PPROFD_FIND(name)                                                                          \
  libcurl.name = reinterpret_cast<decltype(&::name)>(::dlsym(library, #name));                     \
  if (libcurl.name == nullptr)                                                                     \
    missing = #name;
  PPROFD_FUNCTIONS_OF_LIBCURL(PPROFD_FIND)
#undef PPROFD_FIND
  if (missing != nullptr)
    return missing;
  return libcurl.curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? nullptr : "it does not start";
}

} // namespace

Result<void> load_libcurl() {
  static const char* const problem = load();
  if (problem == nullptr)
    return {};
  return fail("load libcurl, which all requests are made with", problem,
              "install it (Debian: libcurl4, Fedora and RHEL: libcurl)");
}

} // namespace pprofd

using pprofd::libcurl;

CURL* curl_easy_init() {
  return libcurl.curl_easy_init();
}
void curl_easy_cleanup(CURL* easy) {
  libcurl.curl_easy_cleanup(easy);
}
const char* curl_easy_strerror(CURLcode code) {
  return libcurl.curl_easy_strerror(code);
}
CURLM* curl_multi_init() {
  return libcurl.curl_multi_init();
}
CURLMcode curl_multi_cleanup(CURLM* multi) {
  return libcurl.curl_multi_cleanup(multi);
}
CURLMcode curl_multi_add_handle(CURLM* multi, CURL* easy) {
  return libcurl.curl_multi_add_handle(multi, easy);
}
CURLMcode curl_multi_remove_handle(CURLM* multi, CURL* easy) {
  return libcurl.curl_multi_remove_handle(multi, easy);
}
CURLMcode curl_multi_perform(CURLM* multi, int* running) {
  return libcurl.curl_multi_perform(multi, running);
}
CURLMcode curl_multi_poll(CURLM* multi, curl_waitfd extra[], unsigned count, int timeout,
                          int* ready) {
  return libcurl.curl_multi_poll(multi, extra, count, timeout, ready);
}
CURLMsg* curl_multi_info_read(CURLM* multi, int* left) {
  return libcurl.curl_multi_info_read(multi, left);
}
curl_slist* curl_slist_append(curl_slist* list, const char* text) {
  return libcurl.curl_slist_append(list, text);
}
void curl_slist_free_all(curl_slist* list) {
  libcurl.curl_slist_free_all(list);
}

// Each takes one more argument, a number or an address: of one size, and passed alike.
static_assert(sizeof(curl_off_t) == sizeof(void*) && sizeof(long) == sizeof(void*));
CURLcode curl_easy_setopt(CURL* easy, CURLoption option, ...) {
  va_list more;
  va_start(more, option);
  void* const value = va_arg(more, void*);
  va_end(more);
  return libcurl.curl_easy_setopt(easy, option, value);
}
CURLcode curl_easy_getinfo(CURL* easy, CURLINFO info, ...) {
  va_list more;
  va_start(more, info);
  void* const value = va_arg(more, void*);
  va_end(more);
  return libcurl.curl_easy_getinfo(easy, info, value);
}
CURLMcode curl_multi_setopt(CURLM* multi, CURLMoption option, ...) {
  va_list more;
  va_start(more, option);
  void* const value = va_arg(more, void*);
  va_end(more);
  return libcurl.curl_multi_setopt(multi, option, value);
}

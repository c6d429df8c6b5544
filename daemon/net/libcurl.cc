#include "daemon/net/libcurl.h"

#include <dlfcn.h>

#include <string>

namespace pprofd {

namespace {

constexpr const char* kLibrary = "libcurl.so.4";

Libcurl functions;

template <typename Function> bool find(void* library, const std::string& name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, ("curl_" + name).c_str()));
  return function != nullptr;
}

bool find_all(void* library, Libcurl& to) {
  return find(library, "global_init", to.global_init) && find(library, "easy_init", to.easy_init) &&
         find(library, "easy_cleanup", to.easy_cleanup) &&
         find(library, "easy_setopt", to.easy_setopt) &&
         find(library, "easy_getinfo", to.easy_getinfo) &&
         find(library, "easy_strerror", to.easy_strerror) &&
         find(library, "multi_init", to.multi_init) &&
         find(library, "multi_cleanup", to.multi_cleanup) &&
         find(library, "multi_setopt", to.multi_setopt) &&
         find(library, "multi_add_handle", to.multi_add_handle) &&
         find(library, "multi_remove_handle", to.multi_remove_handle) &&
         find(library, "multi_perform", to.multi_perform) &&
         find(library, "multi_poll", to.multi_poll) &&
         find(library, "multi_info_read", to.multi_info_read) &&
         find(library, "slist_append", to.slist_append) &&
         find(library, "slist_free_all", to.slist_free_all);
}

// What is wrong; nothing: it is loaded.
const char* load() {
  void* const library = ::dlopen(kLibrary, RTLD_NOW);
  if (library == nullptr || !find_all(library, functions))
    return ::dlerror();
  return functions.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? nullptr : "it does not start";
}

} // namespace

Result<void> load_libcurl() {
  static const char* const problem = load();
  if (problem == nullptr)
    return {};
  return fail("load libcurl, which all requests are made with", problem,
              "install it (Debian: libcurl4, Fedora and RHEL: libcurl)");
}

const Libcurl& libcurl() {
  return functions;
}

} // namespace pprofd

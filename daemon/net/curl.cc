#include "daemon/net/curl.h"

#include <unistd.h>

#include <array>

namespace pprofd {

namespace {

constexpr std::array<const char*, 3> kSystemAuthorities = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

const char* system_authorities() {
  for (const char* path : kSystemAuthorities)
    if (::access(path, R_OK) == 0)
      return path;
  return nullptr;
}

} // namespace

void set_common(CURL* easy) {
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_PROXY, "");
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_USERAGENT, "pprofd");
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  if (const char* const path = system_authorities())
    set(easy, CURLOPT_CAINFO, path);
}

} // namespace pprofd

#include "daemon/serve/http/tls.h"

#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>

namespace pprofd::serve {

Result<std::shared_ptr<boost::asio::ssl::context>> make_tls(const TlsFiles& files) {
  namespace asio = boost::asio;
  namespace ssl = boost::asio::ssl;
  boost::system::error_code error;
  auto tls = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(tls->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(tls->native_handle(), SSL_SESS_CACHE_OFF);

  (void)tls->use_certificate_chain(asio::buffer(files.certificate), error);
  if (error)
    return fail("http.tls_cert", error.message(), "it must be a certificate in PEM");
  (void)tls->use_private_key(asio::buffer(files.key), ssl::context::pem, error);
  if (error || SSL_CTX_check_private_key(tls->native_handle()) != 1)
    return fail("http.tls_key", error ? error.message() : "it does not belong to the certificate",
                "it must be the certificate's private key in PEM");
  if (files.client_ca.empty())
    return tls;
  (void)tls->add_certificate_authority(asio::buffer(files.client_ca), error);
  if (error)
    return fail("http.tls_client_ca", error.message(), "it must be certificates in PEM");
  tls->set_verify_mode(files.certificate_required
                           ? ssl::verify_peer | ssl::verify_fail_if_no_peer_cert
                           : ssl::verify_peer);
  return tls;
}

} // namespace pprofd::serve

// TLS of the server's TCP listeners: 1.2 and newer.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "symbolizer/base/result.h"

namespace pprofd::serve {

struct TlsFiles {
  std::string certificate;           // PEM, with the chain
  std::string key;                   // PEM
  std::string client_ca;             // PEM; not empty: clients show a certificate of this authority
  bool certificate_required = false; // else those without one may authenticate otherwise
};

// Errors: what of it is no PEM, or does not fit together.
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls(const TlsFiles& files);

} // namespace pprofd::serve

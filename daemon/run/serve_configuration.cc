#include "daemon/run/serve_configuration.h"

#include "daemon/compose/process_profile.h"
#include "daemon/run/credentials.h"

namespace pprofd {

Result<serve::Configuration> make_serve_configuration(const ServiceConfig& config) {
  serve::Configuration made;
  const HttpConfig& http = config.http;
  struct File {
    const std::string& path;
    const char* key;
    std::string* into;
  };
  for (const File& file :
       {File{http.tls_cert, "http.tls_cert", made.mutable_tls_cert()},
        File{http.tls_key, "http.tls_key", made.mutable_tls_key()},
        File{http.tls_client_ca, "http.tls_client_ca", made.mutable_tls_client_ca()},
        File{http.auth_basic_file, "http.auth_basic_file", made.mutable_users()},
        File{http.auth_token_file, "http.auth_token_file", made.mutable_tokens()}}) {
    auto text = read_credentials(file.path, file.key);
    if (!text)
      return std::unexpected(text.error());
    *file.into = std::move(*text);
  }
  for (const auto* addresses : {&http.listen, &http.metrics_listen}) {
    for (const ListenAddress& address : *addresses) {
      auto* listener = made.add_listeners();
      listener->set_address(address.text());
      listener->set_metrics_only(addresses == &http.metrics_listen);
    }
  }
  const RecordingInfo machine = describe_machine();
  (*made.mutable_host_labels())["host"] = machine.host;
  (*made.mutable_host_labels())["kernel"] = machine.kernel;
  made.set_store_path(config.store_path);
  made.set_retention_nanos(static_cast<uint64_t>(config.retention.count()));
  made.set_max_store_bytes(config.store_limit);
  made.set_triggered_retention_nanos(static_cast<uint64_t>(config.triggered_retention.count()));
  made.set_max_triggered_bytes(config.triggered_limit);
  return made;
}

} // namespace pprofd

#include "daemon/run/ship_configuration.h"

#include <algorithm>
#include <string_view>

#include "daemon/compose/process_profile.h"
#include "daemon/run/credentials.h"

namespace pprofd {

namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = std::min(text.find_first_not_of(kBlank), text.size());
  return std::string(text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin));
}

Result<void> read_files(const ShipConfig& config, serve::ShipTarget& target) {
  struct File {
    const std::string& path;
    const char* key;
    std::string* into;
  };
  for (const File& file : {File{config.tls_ca, "tls_ca", target.mutable_tls_ca()},
                           File{config.tls_cert, "tls_cert", target.mutable_tls_cert()},
                           File{config.tls_key, "tls_key", target.mutable_tls_key()},
                           File{config.token_file, "token_file", target.mutable_token()}}) {
    auto text = read_credentials(file.path, config.where + "." + file.key);
    if (!text)
      return std::unexpected(text.error());
    *file.into = std::move(*text);
  }
  target.set_token(trimmed(target.token()));
  if (target.token().find_first_of("\r\n") != std::string::npos)
    return fail(config.where + ".token_file = '" + config.token_file + "'",
                "it has more than one line", "put the token alone into it");
  return {};
}

Result<serve::ShipTarget> make_target(const ShipConfig& config) {
  serve::ShipTarget target;
  target.set_name(config.name);
  target.set_type(config.type);
  target.set_url(config.url);
  for (const auto& [there, here] : config.labels)
    (*target.mutable_labels())[there] = here;
  target.mutable_include()->Assign(config.include.begin(), config.include.end());
  target.mutable_exclude()->Assign(config.exclude.begin(), config.exclude.end());
  for (const auto& [name, value] : config.headers)
    target.add_headers(name + ": " + value);
  target.set_compress(config.compress);
  target.set_spool_bytes(config.spool_size);
  target.set_batch_profiles(config.batch_profiles);
  target.set_batch_bytes(config.batch_size);
  target.set_rate(config.rate);
  target.set_timeout_nanos(static_cast<uint64_t>(config.timeout.count()));
  if (auto read = read_files(config, target); !read)
    return std::unexpected(read.error());
  return target;
}

} // namespace

Result<serve::Configuration> make_ship_configuration(const ServiceConfig& config) {
  serve::Configuration made;
  made.set_spool_path(config.spool_path);
  for (const ShipConfig& each : config.ship) {
    auto target = make_target(each);
    if (!target)
      return std::unexpected(target.error());
    *made.add_ship_targets() = std::move(*target);
  }
  const RecordingInfo machine = describe_machine();
  (*made.mutable_host_labels())["host"] = machine.host;
  (*made.mutable_host_labels())["kernel"] = machine.kernel;
  return made;
}

} // namespace pprofd

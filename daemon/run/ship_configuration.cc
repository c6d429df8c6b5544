#include "daemon/run/ship_configuration.h"

#include <utility>

#include "daemon/compose/process_profile.h"
#include "daemon/run/access_keys.h"
#include "daemon/run/credentials.h"

namespace pprofd {

namespace {

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
  target.set_token(std::string(trimmed(target.token())));
  if (target.token().find_first_of("\r\n") != std::string::npos)
    return fail(config.where + ".token_file = '" + config.token_file + "'",
                "it has more than one line", "put the token alone into it");
  return {};
}

Result<void> read_keys(const ShipConfig& config, serve::ShipTarget& target) {
  const std::string key = config.where + ".credentials_file";
  const auto text = read_credentials(config.credentials_file, key);
  if (!text)
    return std::unexpected(text.error());
  if (text->empty())
    return {};
  auto keys = parse_access_keys(
      *text, std::string(key).append(" = '").append(config.credentials_file).append("'"));
  if (!keys)
    return std::unexpected(keys.error());
  target.set_access_key(std::move(keys->id));
  target.set_secret_key(std::move(keys->secret));
  target.set_session_token(std::move(keys->session_token));
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
    target.add_headers(std::string(name).append(": ").append(value));
  target.set_compress(config.compress);
  target.set_zstd(config.zstd);
  target.set_rows(config.rows);
  target.set_bucket(config.bucket);
  target.set_region(config.region);
  target.set_prefix(config.prefix);
  target.set_spool_bytes(config.spool_size);
  target.set_batch_profiles(config.batch_profiles);
  target.set_batch_bytes(config.batch_size);
  target.set_batch_wait_nanos(static_cast<uint64_t>(config.batch_wait.count()));
  target.set_rate(config.rate);
  target.set_timeout_nanos(static_cast<uint64_t>(config.timeout.count()));
  if (auto read = read_files(config, target); !read)
    return std::unexpected(read.error());
  if (auto read = read_keys(config, target); !read)
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

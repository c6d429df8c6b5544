#include "daemon/config/service_config.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "daemon/cli/debuginfod_options.h"
#include "daemon/cli/index_cache_choice.h"
#include "daemon/cli/program.h"
#include "daemon/cli/table/suggest.h"
#include "daemon/config/config_file.h"
#include "daemon/process/glob_match.h"

namespace pprofd {

namespace {

constexpr size_t kLongestLabel = 128;
constexpr size_t kLongestLabelValue = 1024;

// Whether the file of the default place is not there: then the defaults hold.
bool is_absent(const Arguments& arguments, const std::string& path) {
  struct stat info{};
  return !arguments.given("config") && stat(path.c_str(), &info) != 0 && errno == ENOENT;
}

Result<void> check_globs(const Arguments& arguments, std::string_view name) {
  for (const std::string& text : arguments.all<std::string>(name)) {
    if (const auto glob = match_glob(text); !glob)
      return fail(arguments.origin(name) + " = " + glob.error().what, glob.error().why,
                  glob.error().hint);
  }
  return {};
}

bool is_label_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= kLongestLabel && std::ranges::all_of(name, allowed) &&
         (name.front() < '0' || name.front() > '9');
}

// Labels stand beside the facts of a profile and must not be taken for them.
bool is_taken(std::string_view name) {
  static constexpr std::array<std::string_view, 12> kFacts = {
      "host",     "kernel", "pid",  "start_time", "comm",      "exe",
      "build_id", "cgroup", "unit", "trigger",    "frequency", "type"};
  static constexpr std::array<std::string_view, 9> kFamilies = {
      "pprofd.", "samples.", "stacks.",  "frames.", "container.",
      "k8s.",    "host.",    "trigger.", "metrics."};
  return std::ranges::find(kFacts, name) != kFacts.end() ||
         std::ranges::any_of(kFamilies, [name](auto family) { return name.starts_with(family); });
}

Result<KeyValues> make_labels(const Arguments& arguments) {
  KeyValues labels;
  for (const std::string& pair : arguments.all<std::string>("labels")) {
    const size_t equals = pair.find('=');
    const std::string name = pair.substr(0, equals);
    const std::string value = pair.substr(equals + 1);
    const std::string what = arguments.origin("labels") + ": label " + in_quotes(name);
    if (!is_label_name(name))
      return fail(what, "not a name", "use letters, digits, '_', '.' and '-', a letter first");
    if (is_taken(name))
      return fail(what, "pprofd itself says that of a profile", "choose another name");
    if (std::ranges::find(labels, name, &KeyValues::value_type::first) != labels.end())
      return fail(what, "given twice", "give it once");
    const bool plain = std::ranges::none_of(
        value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (value.size() > kLongestLabelValue || !plain)
      return fail(what, "its value has control characters or more than 1024 bytes");
    labels.emplace_back(name, value);
  }
  return labels;
}

Result<std::vector<ListenAddress>> make_addresses(const Arguments& arguments,
                                                  std::string_view name) {
  std::vector<ListenAddress> addresses;
  for (const std::string& text : arguments.all<std::string>(name)) {
    auto address = parse_listen_address(text);
    if (!address)
      return fail(arguments.origin(name) + " = " + in_quotes(text), address.error().why,
                  address.error().hint);
    addresses.push_back(std::move(*address));
  }
  return addresses;
}

Result<void> check_http(const Arguments& arguments, const HttpConfig& http) {
  const auto open = std::ranges::find_if_not(http.listen, &ListenAddress::is_local);
  if (open != http.listen.end() && !http.authenticates())
    return fail(arguments.origin("http.listen") + " = '" + open->ip + "'",
                "reachable from other machines, and nothing tells who may ask",
                "set http.tls_client_ca, http.auth_basic_file or http.auth_token_file, or listen "
                "on 127.0.0.1 or a unix socket; metrics alone go to http.metrics_listen");
  if (http.tls_cert.empty() != http.tls_key.empty()) {
    const bool has_cert = !http.tls_cert.empty();
    return fail(arguments.origin(has_cert ? "http.tls_cert" : "http.tls_key"),
                has_cert ? "there is no http.tls_key to it" : "there is no http.tls_cert to it",
                "set both");
  }
  if (!http.tls_client_ca.empty() && http.tls_cert.empty())
    return fail(arguments.origin("http.tls_client_ca"),
                "clients' certificates need TLS, and there is no http.tls_cert",
                "set http.tls_cert and http.tls_key");
  return {};
}

Result<HttpConfig> make_http(const Arguments& arguments) {
  HttpConfig http;
  auto listen = make_addresses(arguments, "http.listen");
  if (!listen)
    return std::unexpected(listen.error());
  auto metrics = make_addresses(arguments, "http.metrics_listen");
  if (!metrics)
    return std::unexpected(metrics.error());
  http.listen = std::move(*listen);
  http.metrics_listen = std::move(*metrics);
  const auto file = [&](std::string_view name) {
    return arguments.get<std::string>(name).value_or("");
  };
  http.tls_cert = file("http.tls_cert");
  http.tls_key = file("http.tls_key");
  http.tls_client_ca = file("http.tls_client_ca");
  http.auth_basic_file = file("http.auth_basic_file");
  http.auth_token_file = file("http.auth_token_file");
  if (auto checked = check_http(arguments, http); !checked)
    return std::unexpected(checked.error());
  return http;
}

Result<void> take_times(const Arguments& arguments, ServiceConfig& config) {
  using std::chrono::nanoseconds;
  config.window = arguments.value<nanoseconds>("window");
  config.collect = arguments.get<nanoseconds>("collect").value_or(config.window);
  if (config.collect > config.window)
    return fail(arguments.origin("collect"), "longer than the window it is a part of",
                "give at most the window's length, or a longer window");
  return {};
}

Result<ServiceConfig> make_service_config(const Arguments& arguments) {
  ServiceConfig config;
  config.frequency = static_cast<unsigned>(arguments.value<uint64_t>("frequency"));
  if (auto taken = take_times(arguments, config); !taken)
    return std::unexpected(taken.error());
  for (const std::string_view name : {"include", "exclude"}) {
    if (auto checked = check_globs(arguments, name); !checked)
      return std::unexpected(checked.error());
  }
  config.include = arguments.all<std::string>("include");
  config.exclude = arguments.all<std::string>("exclude");
  auto labels = make_labels(arguments);
  if (!labels)
    return std::unexpected(labels.error());
  config.labels = std::move(*labels);
  config.memory_limit = arguments.value<uint64_t>("limits.memory");
  config.cpu_limit = static_cast<double>(arguments.value<uint64_t>("limits.cpu")) / 10'000;
  config.indexes = index_cache_choice(arguments);
  auto servers = debuginfod_choice(arguments, false);
  if (!servers)
    return std::unexpected(servers.error());
  config.debuginfod = std::move(*servers);
  config.store_path = arguments.value<std::string>("store.path");
  config.retention = arguments.value<std::chrono::nanoseconds>("store.retention");
  config.store_limit = arguments.value<uint64_t>("store.max_size");
  config.triggered_retention =
      arguments.value<std::chrono::nanoseconds>("store.triggered_retention");
  config.triggered_limit = arguments.value<uint64_t>("store.triggered_max_size");
  auto triggers = make_trigger_config(arguments);
  if (!triggers)
    return std::unexpected(triggers.error());
  config.triggers = std::move(*triggers);
  config.spool_path = arguments.value<std::string>("spool.path");
  auto http = make_http(arguments);
  if (!http)
    return std::unexpected(http.error());
  config.http = std::move(*http);
  return config;
}

} // namespace

ProcessPredicate ServiceConfig::target() const {
  const auto make = [](const std::vector<std::string>& texts) {
    std::vector<ProcessPredicate> globs;
    for (const std::string& each : texts) {
      if (auto glob = match_glob(each))
        globs.push_back(std::move(*glob));
    }
    return globs;
  };
  return [included = make(include), excluded = make(exclude)](const Process& process) {
    const auto matches = [&process](const ProcessPredicate& glob) { return glob(process); };
    return (included.empty() || std::ranges::any_of(included, matches)) &&
           std::ranges::none_of(excluded, matches);
  };
}

Result<ServiceConfig> load_service_config(Arguments arguments) {
  const auto path = arguments.value<std::string>("config");
  std::string text;
  const bool absent = is_absent(arguments, path);
  if (!absent) {
    auto read = read_config_text(path);
    if (!read)
      return std::unexpected(read.error());
    text = std::move(*read);
    if (auto applied = apply_config_text(text, path, command_spec("run").options, arguments);
        !applied)
      return std::unexpected(applied.error());
  }
  auto config = make_service_config(arguments);
  if (!config || absent)
    return config;
  auto ship = read_ship_config(text, path);
  if (!ship)
    return std::unexpected(ship.error());
  config->ship = std::move(*ship);
  auto rules = read_trigger_rules(text, path, config->triggers.profile);
  if (!rules)
    return std::unexpected(rules.error());
  config->triggers.rules = std::move(*rules);
  config->file = path;
  config->text = std::move(text);
  return config;
}

} // namespace pprofd

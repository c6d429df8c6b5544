#include "daemon/config/ship_config.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "daemon/cli/table/suggest.h"
#include "daemon/cli/table/values.h"
#include "daemon/config/config_file.h"
#include "daemon/process/glob_match.h"

namespace pprofd {

namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kTable = "ship";
constexpr std::string_view kFile = "file";
constexpr std::string_view kS3 = "s3";
constexpr std::string_view kRows = "rows";
constexpr std::string_view kPprof = "pprof";
constexpr std::string_view kZstdName = "zstd";
constexpr size_t kLongestName = 64;
constexpr size_t kMostTargets = 16;

constexpr std::array kTypes = {
    Choice{.name = "profefe", .help = "profefe's API"},
    Choice{.name = "pyroscope", .help = "Pyroscope's push API"},
    Choice{.name = "parca", .help = "Parca's WriteRaw"},
    Choice{.name = "otlp", .help = "OpenTelemetry's profiles over HTTP"},
    Choice{.name = "s3", .help = "objects in a bucket"},
    Choice{.name = "file", .help = "files in a folder"},
};
// Types that take more than one profile a request, with how many are sent where nothing is said.
struct Batch {
  std::string_view type;
  uint64_t profiles;
};
// A Pyroscope that refuses one of a batch has counted the others, and counts them again.
constexpr std::array kBatches = {Batch{"pyroscope", 1}, Batch{"parca", 10}, Batch{"otlp", 50}};
// Rows, in an object or a file: what engines query is best not in small pieces.
constexpr uint64_t kRowsBatch = 1'000;
constexpr std::chrono::seconds kRowsWait{60};
// Pyroscope's is 4 MB a second, with bursts of 2 MB.
constexpr uint64_t kPyroscopeRate = 3'000'000;

constexpr std::array kCompressions = {
    Choice{.name = "gzip", .help = ""},
    Choice{.name = kZstdName, .help = ""},
    Choice{.name = "none", .help = ""},
};

constexpr std::array kShipFormats = {
    Choice{.name = kRows, .help = ""},
    Choice{.name = kPprof, .help = ""},
};

constexpr OptionSpec text_key(std::string_view key) {
  return {.name = key, .type = OptionType::kText, .key = key};
}
constexpr OptionSpec path_key(std::string_view key) {
  return {.name = key, .type = OptionType::kPath, .key = key};
}
constexpr OptionSpec list_key(std::string_view key) {
  return {.name = key, .type = OptionType::kText, .repeatable = true, .key = key};
}
constexpr OptionSpec pairs_key(std::string_view key) {
  return {.name = key, .type = OptionType::kText, .repeatable = true, .table = true, .key = key};
}

constexpr std::array kOptions = {
    OptionSpec{
        .name = "ship.type", .type = OptionType::kChoice, .choices = kTypes, .key = "ship.type"},
    text_key("ship.name"),
    text_key("ship.url"),
    path_key("ship.path"),
    text_key("ship.bucket"),
    text_key("ship.region"),
    text_key("ship.prefix"),
    path_key("ship.credentials_file"),
    OptionSpec{.name = "ship.format",
               .type = OptionType::kChoice,
               .choices = kShipFormats,
               .key = "ship.format"},
    pairs_key("ship.labels"),
    list_key("ship.include"),
    list_key("ship.exclude"),
    path_key("ship.tls_ca"),
    path_key("ship.tls_cert"),
    path_key("ship.tls_key"),
    path_key("ship.token_file"),
    pairs_key("ship.headers"),
    OptionSpec{.name = "ship.compression",
               .type = OptionType::kChoice,
               .choices = kCompressions,
               .key = "ship.compression"},
    OptionSpec{.name = "ship.spool_size",
               .type = OptionType::kBytes,
               .min = 1'000'000,
               .default_text = "100MB",
               .key = "ship.spool_size"},
    OptionSpec{.name = "ship.batch_profiles",
               .type = OptionType::kUnsigned,
               .min = 1,
               .max = 1'000,
               .key = "ship.batch_profiles"},
    OptionSpec{.name = "ship.batch_size",
               .type = OptionType::kBytes,
               .min = 1'000,
               .max = 32'000'000,
               .default_text = "1MB",
               .key = "ship.batch_size"},
    OptionSpec{.name = "ship.batch_wait",
               .type = OptionType::kDuration,
               .max = 3'600'000,
               .key = "ship.batch_wait"},
    OptionSpec{.name = "ship.rate", .type = OptionType::kBytes, .min = 1'000, .key = "ship.rate"},
    OptionSpec{.name = "ship.timeout",
               .type = OptionType::kDuration,
               .min = 1'000,
               .max = 600'000,
               .default_text = "30s",
               .key = "ship.timeout"},
};

// One table, key by key.
class Reader {
public:
  explicit Reader(const ConfigTable& table) : table_(&table) {}

  [[nodiscard]] std::string text(std::string_view key) const {
    return table_->said.get<std::string>(full(key)).value_or("");
  }
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const {
    return table_->said.all<std::string>(full(key));
  }
  [[nodiscard]] KeyValues pairs(std::string_view key) const {
    KeyValues made;
    for (const std::string& pair : texts(key)) {
      const size_t equals = pair.find('=');
      made.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    return made;
  }
  // With the table of keys' default, if there is one.
  template <typename T> [[nodiscard]] T number(std::string_view key, T otherwise = T{}) const {
    if (const auto said = table_->said.get<T>(full(key)))
      return *said;
    const OptionSpec* option = find_option(kOptions, full(key));
    if (option->default_text.empty())
      return otherwise;
    return std::get<T>(parse_value(*option, option->default_text).value());
  }
  [[nodiscard]] bool given(std::string_view key) const { return table_->said.given(full(key)); }
  // Where a key stands, else where its table does.
  [[nodiscard]] std::string place(std::string_view key) const {
    return given(key) ? table_->said.origin(full(key)) : table_->where;
  }

private:
  static std::string full(std::string_view key) {
    return std::string(kTable) + "." + std::string(key);
  }

  const ConfigTable* table_;
};

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<std::string> checked_url(const Reader& read) {
  std::string url = read.text("url");
  const std::string what = read.place("url") + " = " + in_quotes(url);
  constexpr const char* kForm = "write a URL such as \"https://profiles.example:10100\"";
  const bool tls = url.starts_with("https://");
  if (!tls && !url.starts_with("http://"))
    return fail(what, "it begins with neither http:// nor https://", kForm);
  const std::string_view rest = std::string_view(url).substr(url.find("//") + 2);
  const std::string_view host = rest.substr(0, rest.find('/'));
  if (host.empty() || host.starts_with(':'))
    return fail(what, "it has no host", kForm);
  if (host.contains('@'))
    // Not repeated: it may hold a password.
    return fail(read.place("url"), "it holds credentials, which would show in logs",
                "leave them out and name a file in token_file");
  if (url.find_first_of("?# \\\"<>") != std::string::npos || has_control(url))
    return fail(what, "it has a query, a fragment or characters that no address has", kForm);
  if (!tls)
    for (const char* key : {"tls_ca", "tls_cert", "tls_key"})
      if (read.given(key))
        return fail(read.place(key), "the url does not begin with https://", "write https://");
  while (url.ends_with('/'))
    url.pop_back();
  return url;
}

Result<std::string> checked_path(const Reader& read) {
  std::string path = read.text("path");
  if (!path.starts_with('/') || has_control(path))
    return fail(read.place("path") + " = " + in_quotes(path), "not an absolute path",
                "write the folder as path = \"/var/lib/pprofd/out\"");
  for (const char* key : {"tls_ca", "tls_cert", "tls_key", "token_file", "headers", "timeout"})
    if (read.given(key))
      return fail(read.place(key), "a target of type file has none", "leave it out");
  return path;
}

// The key that says where a target of this type is, and that there is no other.
Result<std::string> checked_place(const Reader& read, const std::string& type) {
  const bool file = type == kFile;
  const char* const key = file ? "path" : "url";
  const char* const other = file ? "url" : "path";
  if (read.given(other))
    return fail(read.place(other), "a target of type " + type + " has none",
                "write " + std::string(key) + " = \"…\"");
  if (!read.given(key))
    return fail(read.place(key), "it has no " + std::string(key),
                "write " + std::string(key) + " = \"…\" below it");
  return file ? checked_path(read) : checked_url(read);
}

bool is_word(std::string_view text, std::string_view marks) {
  return !text.empty() && std::ranges::all_of(text, [marks](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || marks.contains(c);
  });
}

// As Amazon names buckets; others allow no less.
Result<std::string> checked_bucket(const Reader& read) {
  constexpr size_t kShortest = 3;
  constexpr size_t kLongest = 63;
  std::string bucket = read.text("bucket");
  if (!read.given("bucket"))
    return fail(read.place("bucket"), "it has no bucket", "write bucket = \"profiles\" below it");
  if (bucket.size() < kShortest || bucket.size() > kLongest || !is_word(bucket, ".-"))
    return fail(read.place("bucket") + " = " + in_quotes(bucket), "not a bucket's name",
                "use small letters, digits, '-' and '.', from 3 to 63 of them");
  return bucket;
}

// What the keys that only a bucket has say.
Result<void> take_bucket(const Reader& read, ShipConfig& config) {
  if (config.type != kS3) {
    for (const char* key : {"bucket", "region", "prefix", "credentials_file"})
      if (read.given(key))
        return fail(read.place(key), "a target of type " + config.type + " has none",
                    "leave it out");
    return {};
  }
  auto bucket = checked_bucket(read);
  if (!bucket)
    return std::unexpected(bucket.error());
  config.bucket = std::move(*bucket);
  config.region = read.given("region") ? read.text("region") : "us-east-1";
  if (!is_word(config.region, "-"))
    return fail(read.place("region") + " = " + in_quotes(config.region), "not a region",
                "write region = \"eu-central-1\", or what the store's settings say");
  config.prefix = read.text("prefix");
  if (has_control(config.prefix))
    return fail(read.place("prefix"), "it has control characters", "leave them out");
  while (config.prefix.ends_with('/'))
    config.prefix.pop_back();
  config.prefix.erase(0, std::min(config.prefix.find_first_not_of('/'), config.prefix.size()));
  if (read.given("token_file"))
    return fail(read.place("token_file"), "a target of type s3 has none",
                "name the file with the keys in credentials_file");
  if (!read.given("credentials_file"))
    return fail(read.place("credentials_file"), "it has no credentials_file",
                "write credentials_file = \"/etc/pprofd/s3\": a file with aws_access_key_id and "
                "aws_secret_access_key");
  config.credentials_file = read.text("credentials_file");
  return {};
}

Result<void> take_format(const Reader& read, ShipConfig& config) {
  config.rows = read.given("format") ? read.text("format") == kRows : config.type == kS3;
  if (!read.given("format") || config.type == kS3 || config.type == kFile)
    return {};
  return fail(read.place("format"), "a target of type " + config.type + " has its own",
              "leave it out");
}

Result<void> check_compression(const Reader& read, const ShipConfig& config) {
  if (config.rows || read.text("compression") != kZstdName)
    return {};
  return fail(read.place("compression"), "only rows are compressed by zstd",
              "write gzip or none, or for types s3 and file format = \"rows\"");
}

Result<std::string> checked_name(const Reader& read, const std::string& type,
                                 const std::set<std::string>& taken) {
  std::string name = read.given("name") ? read.text("name") : type;
  const std::string what = read.place("name") + ": name " + in_quotes(name);
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  if (name.size() > kLongestName || !std::ranges::all_of(name, allowed))
    return fail(what, "not a name", "use letters, digits, '_' and '-', at most 64 of them");
  if (taken.contains(name))
    return fail(what, "another target has it", "give each a name of its own: name = \"…\"");
  return name;
}

Result<std::vector<std::string>> checked_globs(const Reader& read, std::string_view key) {
  constexpr std::string_view kService = "service:";
  std::vector<std::string> globs = read.texts(key);
  for (const std::string& text : globs) {
    if (text.starts_with(kService) && text.size() > kService.size())
      continue;
    if (const auto glob = match_glob(text); !glob)
      return fail(read.place(key) + " = " + glob.error().what, glob.error().why,
                  glob.error().hint + "; or service:GLOB");
  }
  return globs;
}

Result<KeyValues> checked_labels(const Reader& read) {
  KeyValues labels = read.pairs("labels");
  for (const auto& [there, here] : labels) {
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.' || c == '-';
    };
    if (!std::ranges::all_of(there, allowed) || here.empty() || has_control(here))
      return fail(read.place("labels") + ": " + in_quotes(there), "not a pair of labels' names",
                  R"(write NAME_THERE = "name here", such as pod = "k8s.pod.uid")");
  }
  return labels;
}

Result<KeyValues> checked_headers(const Reader& read) {
  KeyValues headers = read.pairs("headers");
  for (const auto& [name, value] : headers) {
    const std::string what = read.place("headers") + ": " + in_quotes(name);
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_';
    };
    if (!std::ranges::all_of(name, allowed) || value.empty() || has_control(value))
      return fail(what, "not a header", R"(write "X-Scope-OrgID" = "team")");
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    for (const char* own :
         {"authorization", "content-type", "content-length", "content-encoding", "host",
          "transfer-encoding", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})
      if (lower == own)
        return fail(what, "pprofd itself sets that header",
                    lower == "authorization" ? "name a file with the token in token_file"
                                             : "leave it out");
  }
  return headers;
}

Result<void> check_certificate(const Reader& read) {
  if (read.given("tls_cert") == read.given("tls_key"))
    return {};
  const char* const one = read.given("tls_cert") ? "tls_cert" : "tls_key";
  const std::string other = read.given("tls_cert") ? "tls_key" : "tls_cert";
  return fail(read.place(one), "there is no " + other + " to it", "set both");
}

// How many profiles a request has where nothing is said; 0: it takes one, never more.
uint64_t usual_batch(const ShipConfig& config) {
  if (config.rows)
    return kRowsBatch;
  const auto* const batch = std::ranges::find(kBatches, config.type, &Batch::type);
  return batch == kBatches.end() ? 0 : batch->profiles;
}

Result<void> check_batch(const Reader& read, const ShipConfig& config) {
  if (usual_batch(config) != 0)
    return {};
  const bool several = read.number<uint64_t>("batch_profiles", 1) != 1;
  const bool waits = read.number<nanoseconds>("batch_wait").count() != 0;
  if (!several && !waits)
    return {};
  const bool pprof = config.type == kS3 || config.type == kFile;
  return fail(read.place(several ? "batch_profiles" : "batch_wait"),
              "a target of type " + config.type + (pprof ? " and format pprof" : "") +
                  " takes one at a time",
              "leave it out");
}

void take_numbers(const Reader& read, ShipConfig& config) {
  config.compress = read.text("compression") != "none";
  config.zstd = config.rows && config.compress && read.text("compression") != "gzip";
  config.spool_size = read.number<uint64_t>("spool_size");
  config.batch_profiles =
      read.number<uint64_t>("batch_profiles", std::max<uint64_t>(usual_batch(config), 1));
  config.batch_wait =
      read.number<nanoseconds>("batch_wait", config.rows ? kRowsWait : nanoseconds(0));
  config.batch_size = read.number<uint64_t>("batch_size");
  config.rate = read.number<uint64_t>("rate", config.type == "pyroscope" ? kPyroscopeRate : 0);
  config.timeout = read.number<nanoseconds>("timeout");
}

Result<ShipConfig> make_ship_config(const ConfigTable& table, const std::set<std::string>& taken) {
  ShipConfig config;
  config.where = table.where;
  const Reader read(table);
  config.type = read.text("type");
  if (config.type.empty())
    return fail(table.where, "it has no type", "write type = \"profefe\" or another");
  Result<void> failed;
  const auto take = [&failed](auto& to, auto result) {
    if (!failed)
      return;
    if (result)
      to = std::move(*result);
    else
      failed = std::unexpected(result.error());
  };
  take(config.url, checked_place(read, config.type));
  take(config.name, checked_name(read, config.type, taken));
  take(config.include, checked_globs(read, "include"));
  take(config.exclude, checked_globs(read, "exclude"));
  take(config.labels, checked_labels(read));
  take(config.headers, checked_headers(read));
  if (failed)
    failed = check_certificate(read);
  if (failed)
    failed = take_bucket(read, config);
  if (failed)
    failed = take_format(read, config);
  if (failed)
    failed = check_compression(read, config);
  if (failed)
    failed = check_batch(read, config);
  if (!failed)
    return std::unexpected(failed.error());
  config.tls_ca = read.text("tls_ca");
  config.tls_cert = read.text("tls_cert");
  config.tls_key = read.text("tls_key");
  config.token_file = read.text("token_file");
  take_numbers(read, config);
  return config;
}

} // namespace

std::span<const OptionSpec> ship_options() {
  return kOptions;
}

Result<std::vector<ShipConfig>> read_ship_config(std::string_view text, const std::string& path) {
  const auto tables = read_config_tables(text, path, kTable, kOptions);
  if (!tables)
    return std::unexpected(tables.error());
  std::vector<ShipConfig> made;
  std::set<std::string> names;
  for (const ConfigTable& table : *tables) {
    auto config = make_ship_config(table, names);
    if (!config)
      return std::unexpected(config.error());
    names.insert(config->name);
    made.push_back(std::move(*config));
  }
  if (made.size() > kMostTargets)
    return fail(made.back().where, "more than 16 targets", "leave some out");
  return made;
}

} // namespace pprofd

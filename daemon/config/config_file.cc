#include "daemon/config/config_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "daemon/cli/table/suggest.h"
#include "daemon/cli/table/values.h"
#include "symbolizer/base/fd.h"

namespace pprofd {

namespace {

constexpr size_t kLargestFile = size_t{1} << 20;
// Lists of tables, which read_config_tables() reads.
constexpr std::array<std::string_view, 2> kLists = {"ship", "trigger"};

class ConfigReader {
public:
  ConfigReader(std::string path, std::span<const OptionSpec> options, Arguments& arguments)
      : path_(std::move(path)), options_(options), arguments_(arguments) {}

  Result<void> read(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      if (auto done = read_key(key, name.source(), node); !done)
        return done;
    }
    return {};
  }

private:
  [[nodiscard]] std::string place(const toml::source_region& at) const {
    return path_ + ":" + std::to_string(at.begin.line) + ":" + std::to_string(at.begin.column);
  }

  Result<void> read_key(const std::string& key, const toml::source_region& at,
                        const toml::node& node) {
    const std::string where = place(at) + ": " + key;
    const auto option = std::ranges::find(options_, key, &OptionSpec::key);
    if (option != options_.end())
      return read_option(*option, where, node);
    if (std::ranges::find(kLists, key) != kLists.end())
      return {};
    if (const toml::table* table = node.as_table(); table != nullptr && is_table(key))
      return read(*table, key + ".");
    if (is_table(key))
      return fail(where, "not a table", "write [" + key + "] and its keys below");
    return fail(where, "unknown key", hint_for(key));
  }

  // Whether keys stand below it.
  [[nodiscard]] bool is_table(const std::string& key) const {
    return std::ranges::any_of(options_, [prefix = key + "."](const OptionSpec& option) {
      return option.key.starts_with(prefix);
    });
  }

  [[nodiscard]] std::string hint_for(const std::string& key) const {
    std::vector<std::string_view> keys;
    for (const OptionSpec& option : options_) {
      if (!option.key.empty())
        keys.push_back(option.key);
      if (const size_t dot = option.key.rfind('.'); dot != std::string_view::npos)
        keys.push_back(option.key.substr(0, dot)); // the table's name
    }
    if (const std::string_view close = nearest(key, keys); !close.empty())
      return "did you mean " + std::string(close) + "?";
    // A key in the wrong table, or in none.
    const std::string_view last = std::string_view(key).substr(key.rfind('.') + 1);
    for (const std::string_view known : keys) {
      if (known.substr(known.rfind('.') + 1) == last)
        return "did you mean " + std::string(known) + "?";
    }
    return "see pprofd run --help for the keys there are";
  }

  Result<void> read_option(const OptionSpec& option, const std::string& where,
                           const toml::node& node) {
    std::vector<Value> values;
    Result<void> done;
    if (const toml::table* table = node.as_table(); table != nullptr && option.table)
      done = read_pairs(option, *table, values);
    else if (const toml::array* array = node.as_array(); array != nullptr && option.repeatable)
      done = read_list(option, *array, values);
    else
      done = read_value(option, where, node, values);
    if (done)
      arguments_.take_from_file(option.name, std::move(values), where);
    return done;
  }

  Result<void> read_pairs(const OptionSpec& option, const toml::table& table,
                          std::vector<Value>& values) {
    for (const auto& [name, node] : table) {
      const std::string inner =
          place(name.source()) + ": " + std::string(option.key) + "." + std::string(name.str());
      const auto text = text_of_scalar(node);
      if (!text || name.str().empty())
        return fail(inner, "not a text", "write " + std::string(name.str()) + " = \"…\"");
      values.emplace_back(std::string(name.str()) + "=" + *text);
    }
    return {};
  }

  Result<void> read_list(const OptionSpec& option, const toml::array& array,
                         std::vector<Value>& values) {
    for (const toml::node& element : array) {
      const std::string inner = place(element.source()) + ": " + std::string(option.key);
      if (auto done = read_value(option, inner, element, values); !done)
        return done;
    }
    return {};
  }

  Result<void> read_value(const OptionSpec& option, const std::string& where,
                          const toml::node& node, std::vector<Value>& values) {
    if (option.table)
      return fail(where, "not a table", "write [" + std::string(option.key) + "] and NAME = \"…\"");
    if (!takes_value(option)) {
      const std::optional<bool> flag = node.value_exact<bool>();
      if (!flag)
        return fail(where, "neither true nor false", "write true or false without quotes");
      values.emplace_back(*flag);
      return {};
    }
    const std::optional<std::string> text = text_for(option, node);
    if (!text)
      return fail(where, "a value of the wrong kind", form_of(option));
    auto value = parse_value(option, *text);
    if (!value)
      return fail(where + " = " + in_quotes(*text), value.error().why, value.error().hint);
    values.push_back(std::move(*value));
    return {};
  }

  static std::optional<std::string> text_of_scalar(const toml::node& node) {
    if (const auto text = node.value_exact<std::string>())
      return text;
    if (const auto number = node.value_exact<int64_t>())
      return std::to_string(*number);
    if (const auto flag = node.value_exact<bool>())
      return *flag ? "true" : "false";
    return std::nullopt;
  }

  // The value as on the command line, if it is of the option's kind.
  static std::optional<std::string> text_for(const OptionSpec& option, const toml::node& node) {
    const auto number = node.value_exact<int64_t>();
    auto text = node.value_exact<std::string>();
    switch (option.type) {
    case OptionType::kUnsigned:
      return number ? std::optional(std::to_string(*number)) : std::nullopt;
    case OptionType::kDuration:
    case OptionType::kBytes:
      return number ? std::optional(std::to_string(*number)) : text;
    default:
      return text;
    }
  }

  static std::string form_of(const OptionSpec& option) {
    switch (option.type) {
    case OptionType::kUnsigned:
      return "write a whole number without quotes";
    case OptionType::kDuration:
      return "write a time in quotes, such as \"60s\"";
    case OptionType::kBytes:
      return "write bytes in quotes, such as \"200MB\"";
    case OptionType::kPercent:
      return "write a per cent in quotes, such as \"2%\"";
    default:
      return option.repeatable ? "write a list of texts, such as [\"…\"]"
                               : "write a text in quotes";
    }
  }

  std::string path_;
  std::span<const OptionSpec> options_;
  Arguments& arguments_;
};

std::string place_of(const std::string& path, const toml::source_position& at) {
  return path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

Result<toml::table> parse(std::string_view text, const std::string& path) {
  toml::parse_result parsed = toml::parse(text, path);
  if (!parsed)
    return fail(place_of(path, parsed.error().source().begin),
                std::string(parsed.error().description()), "the file is TOML, see https://toml.io");
  return std::move(parsed).table();
}

} // namespace

Result<std::string> read_config_text(const std::string& path) {
  const std::string what = "read " + path;
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd)
    return fail_errno(what, errno);
  std::string text(kLargestFile + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail_errno(what, errno);
    if (got == 0)
      break;
    size += static_cast<size_t>(got);
  }
  if (size > kLargestFile)
    return fail(what, "a configuration of more than 1 MiB");
  text.resize(size);
  return text;
}

Result<void> apply_config_text(std::string_view text, const std::string& path,
                               std::span<const OptionSpec> options, Arguments& arguments) {
  const auto table = parse(text, path);
  if (!table)
    return std::unexpected(table.error());
  return ConfigReader(path, options, arguments).read(*table, "");
}

Result<std::vector<ConfigTable>> read_config_tables(std::string_view text, const std::string& path,
                                                    std::string_view name,
                                                    std::span<const OptionSpec> options) {
  const auto parsed = parse(text, path);
  if (!parsed)
    return std::unexpected(parsed.error());
  std::vector<ConfigTable> tables;
  const toml::node* const node = parsed->get(name);
  if (node == nullptr)
    return tables;
  const std::string title = "[[" + std::string(name) + "]]";
  const toml::array* const list = node->as_array();
  const auto where = [&](const toml::node& at) {
    return place_of(path, at.source().begin) + ": " + std::string(name);
  };
  if (list == nullptr)
    return fail(where(*node), "not a list of tables",
                "write " + title + " and its keys below, once for each");
  for (const toml::node& element : *list) {
    const toml::table* const table = element.as_table();
    if (table == nullptr)
      return fail(where(element), "not a table", "write " + title + " and its keys below");
    ConfigTable& made = tables.emplace_back(ConfigTable{.where = where(element), .said = {}});
    if (auto read = ConfigReader(path, options, made.said).read(*table, std::string(name) + ".");
        !read)
      return std::unexpected(read.error());
  }
  return tables;
}

} // namespace pprofd

// Command lines, read by the option table. Every value is checked against its type and range; what
// options mean together is the commands' own matter. CLI11 splits the words; its types do not show
// here. Pure, apart from the environment variables of options that have a key.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/table/option_table.h"
#include "daemon/cli/table/values.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// What a command line said. Values are asked for by the option's name, as the type that its
// OptionType stands for: kFlag and kSwitch bool, kUnsigned, kBytes and kPercent uint64_t, kDuration
// nanoseconds, the others std::string. Asking with another type is a mistake of the program
// (std::bad_variant_access).
class Arguments {
public:
  // Whether the option was given (on the command line or by its environment variable).
  [[nodiscard]] bool given(std::string_view name) const;
  // The value given, else the table's default, else nothing.
  template <typename T> [[nodiscard]] std::optional<T> get(std::string_view name) const {
    const std::vector<Value>* values = find(name);
    if (values == nullptr || values->empty())
      return std::nullopt;
    return std::get<T>(values->back());
  }
  // The same for an option that has a default; none there is a mistake of the program
  // (std::logic_error).
  template <typename T> [[nodiscard]] T value(std::string_view name) const {
    const std::optional<T> value = get<T>(name);
    if (!value)
      throw std::logic_error("no default of --" + std::string(name));
    return *value;
  }
  // All values given, in their order; the default alone if none was.
  template <typename T> [[nodiscard]] std::vector<T> all(std::string_view name) const {
    std::vector<T> result;
    if (const std::vector<Value>* values = find(name))
      for (const Value& value : *values)
        result.push_back(std::get<T>(value));
    return result;
  }
  [[nodiscard]] bool flag(std::string_view name) const { return get<bool>(name).value_or(false); }
  // Takes what a configuration file says of an option that was not given. `where`: in the file, as
  // messages name it.
  void take_from_file(std::string_view name, std::vector<Value> values, std::string where);
  // Where an option was given, to begin a message with: "--name", "environment variable …" or the
  // place in a file; "--name" too where it was not given.
  [[nodiscard]] std::string origin(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& operands() const { return operands_; }
  // What stood after `--`; nothing if there was no `--`.
  [[nodiscard]] const std::optional<std::vector<std::string>>& command() const { return command_; }

private:
  friend class ArgumentReader;
  [[nodiscard]] const std::vector<Value>* find(std::string_view name) const;

  std::map<std::string, std::vector<Value>, std::less<>> given_;
  std::map<std::string, std::vector<Value>, std::less<>> defaults_;
  std::map<std::string, std::string, std::less<>> origins_; // but of flags
  std::vector<std::string> operands_;
  std::optional<std::vector<std::string>> command_;
};

// The words after the command's name. With --help among them nothing else is checked.
Result<Arguments> parse_arguments(const ProgramSpec& program, const CommandSpec& command,
                                  const std::vector<std::string>& words);

// The program's own options (--help, --version), which stand before a command or alone.
Result<Arguments> parse_top_arguments(const ProgramSpec& program,
                                      const std::vector<std::string>& words);

} // namespace pprofd

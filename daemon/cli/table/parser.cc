#include "daemon/cli/table/parser.h"

#include <algorithm>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "daemon/cli/table/suggest.h"

namespace pprofd {

const std::vector<Value>* Arguments::find(std::string_view name) const {
  if (const auto found = given_.find(name); found != given_.end())
    return &found->second;
  const auto found = defaults_.find(name);
  return found == defaults_.end() ? nullptr : &found->second;
}

bool Arguments::given(std::string_view name) const {
  return given_.contains(name);
}

void Arguments::take_from_file(std::string_view name, std::vector<Value> values,
                               std::string where) {
  if (given(name))
    return;
  origins_.emplace(name, std::move(where));
  given_.emplace(name, std::move(values));
}

std::string Arguments::origin(std::string_view name) const {
  const auto known = origins_.find(name);
  return known != origins_.end() ? known->second : "--" + std::string(name);
}

// One reading of one command line.
class ArgumentReader {
public:
  ArgumentReader(std::string title, std::vector<OptionSpec> options, OperandSpec operand,
                 bool takes_command)
      : title_(std::move(title)), options_(std::move(options)), operand_(operand),
        takes_command_(takes_command) {}

  Result<Arguments> read(const std::vector<std::string>& words) {
    const auto split = std::ranges::find(words, "--");
    std::vector<std::string> before(words.begin(), split);
    std::vector<std::string> after(split == words.end() ? split : split + 1, words.end());
    declare();
    if (auto done = tokenize(before); !done)
      return asked_for_help(before) ? Result<Arguments>(help_only())
                                    : std::unexpected(done.error());
    if (app_.get_option("--help")->count() > 0)
      return help_only();
    if (split != words.end() && takes_command_)
      result_.command_ = std::move(after);
    else
      std::ranges::move(after, std::back_inserter(after_operands_));
    if (auto done = take_values(); !done)
      return std::unexpected(std::move(done.error()));
    if (auto done = take_operands(); !done)
      return std::unexpected(std::move(done.error()));
    return std::move(result_);
  }

private:
  static Arguments help_only() {
    Arguments arguments;
    arguments.given_["help"] = {true};
    return arguments;
  }

  static bool asked_for_help(const std::vector<std::string>& words) {
    return std::ranges::any_of(words,
                               [](std::string_view w) { return w == "--help" || w == "-h"; });
  }

  std::string help_hint() const { return "see " + title_ + " --help"; }

  void declare() {
    app_.allow_extras();
    app_.set_help_flag();
    for (const OptionSpec& option : options_) {
      const std::string name = "--" + std::string(option.name);
      const std::string names =
          option.short_name == 0 ? name : std::string{'-', option.short_name, ','} + name;
      if (takes_value(option))
        app_.add_option(names)->expected(1)->allow_extra_args(false)->multi_option_policy(
            CLI::MultiOptionPolicy::TakeAll);
      else
        app_.add_flag(names)->disable_flag_override();
      if (option.type == OptionType::kSwitch)
        app_.add_flag("--no-" + std::string(option.name))->disable_flag_override();
    }
  }

  Result<void> tokenize(const std::vector<std::string>& words) {
    // CLI11 would take the next word as the value.
    for (const OptionSpec& option : options_)
      if (takes_value(option) &&
          std::ranges::find(words, "--" + std::string(option.name) + "=") != words.end())
        return fail("--" + std::string(option.name), "the value is empty",
                    "give " + std::string(option.argument));
    try {
      app_.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::ParseError& error) {
      return explain(error, words);
    }
    for (const std::string& word : app_.remaining())
      if (word.size() > 1 && word.front() == '-')
        return unknown_option(word);
    return {};
  }

  // CLI11 consumes what follows an option as its value, so two mistakes are left: a value missing
  // at the end, and a value given to a flag.
  Result<void> explain(const CLI::ParseError& error, const std::vector<std::string>& words) const {
    for (const OptionSpec& option : options_) {
      const std::string name = "--" + std::string(option.name);
      if (takes_value(option)) {
        if (words.back() == name || ends_in_short(words.back(), option.short_name))
          return fail(name, "needs a value", "write " + name + " " + std::string(option.argument));
        continue;
      }
      for (const std::string& flag : {name, "--no-" + std::string(option.name)})
        if (std::ranges::any_of(words, [&](auto& word) { return word.starts_with(flag + "="); }))
          return fail(flag, "takes no value", help_hint());
    }
    return fail("command line", error.what(), help_hint());
  }

  static bool ends_in_short(std::string_view word, char short_name) {
    return short_name != 0 && word.size() >= 2 && word[0] == '-' && word[1] != '-' &&
           word.back() == short_name;
  }

  Result<void> unknown_option(std::string_view word) const {
    const std::string name(word.substr(0, word.find('=')));
    std::vector<std::string> known;
    for (const OptionSpec& option : options_) {
      known.push_back("--" + std::string(option.name));
      if (option.type == OptionType::kSwitch)
        known.push_back("--no-" + std::string(option.name));
    }
    const std::vector<std::string_view> candidates(known.begin(), known.end());
    const std::string_view close = name.starts_with("--") ? nearest(name, candidates) : "";
    return fail("option " + in_quotes(name), "unknown",
                close.empty() ? help_hint() : "did you mean " + std::string(close) + "?");
  }

  Result<void> take_values() {
    for (const OptionSpec& option : options_) {
      auto done = takes_value(option) ? take_value(option) : take_flag(option);
      if (!done)
        return done;
    }
    return {};
  }

  Result<void> take_flag(const OptionSpec& option) {
    const std::string name(option.name);
    const bool set = app_.get_option("--" + name)->count() > 0;
    const bool cleared =
        option.type == OptionType::kSwitch && app_.get_option("--no-" + name)->count() > 0;
    if (set && cleared)
      return fail("--" + name + " and --no-" + name, "contradict each other", "give one of them");
    if (set || cleared)
      result_.given_[name] = {set};
    result_.defaults_[name] = {option.default_text == "yes"};
    return {};
  }

  Result<void> take_value(const OptionSpec& option) {
    const std::string name(option.name);
    const std::vector<std::string> texts = app_.get_option("--" + name)->results();
    if (texts.size() > 1 && !option.repeatable)
      return fail("--" + name, "given more than once", "give it once");
    for (const std::string& text : texts)
      if (auto done = add(result_.given_[name], option, text); !done)
        return done;
    if (auto done = texts.empty() ? take_environment(option) : Result<void>(); !done)
      return done;
    if (!option.default_text.empty())
      return add(result_.defaults_[name], option, option.default_text);
    return {};
  }

  Result<void> take_environment(const OptionSpec& option) {
    const std::string variable = environment_name(option);
    const char* text = variable.empty() ? nullptr : std::getenv(variable.c_str());
    if (text == nullptr)
      return {};
    auto done = add(result_.given_[std::string(option.name)], option, text);
    if (!done)
      done.error().what = "environment variable " + variable + " " + in_quotes(text);
    result_.origins_[std::string(option.name)] = "environment variable " + variable;
    return done;
  }

  static Result<void> add(std::vector<Value>& values, const OptionSpec& option,
                          std::string_view text) {
    auto more = parse_values(option, text);
    if (!more)
      return std::unexpected(std::move(more.error()));
    std::ranges::move(*more, std::back_inserter(values));
    return {};
  }

  Result<void> take_operands() {
    result_.operands_ = app_.remaining();
    std::ranges::move(after_operands_, std::back_inserter(result_.operands_));
    const std::vector<std::string>& operands = result_.operands_;
    if (operands.size() > operand_.max)
      return fail("argument " + in_quotes(operands[operand_.max]), "not expected here",
                  takes_command_ ? "to start and profile a command, write -- before it"
                                 : help_hint());
    if (operands.size() < operand_.min)
      return fail(title_, std::string(operand_.name) + " is missing", help_hint());
    for (const std::string& operand : operands)
      if (!operand_.choices.empty())
        if (auto known = check_choice(operand_.choices, "argument " + in_quotes(operand), operand);
            !known)
          return known;
    return {};
  }

  std::string title_; // "pprofd record"
  std::vector<OptionSpec> options_;
  OperandSpec operand_;
  bool takes_command_;
  CLI::App app_;
  std::vector<std::string> after_operands_;
  Arguments result_;
};

namespace {

std::vector<OptionSpec> joined(std::span<const OptionSpec> a, std::span<const OptionSpec> b) {
  std::vector<OptionSpec> options(a.begin(), a.end());
  options.insert(options.end(), b.begin(), b.end());
  return options;
}

} // namespace

Result<Arguments> parse_arguments(const ProgramSpec& program, const CommandSpec& command,
                                  const std::vector<std::string>& words) {
  return ArgumentReader(std::string(program.name) + " " + std::string(command.name),
                        joined(command.options, program.options), command.operand,
                        command.takes_command)
      .read(words);
}

Result<Arguments> parse_top_arguments(const ProgramSpec& program,
                                      const std::vector<std::string>& words) {
  return ArgumentReader(std::string(program.name), joined(program.options, program.top_options), {},
                        false)
      .read(words);
}

} // namespace pprofd

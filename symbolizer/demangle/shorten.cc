#include <array>
#include <cctype>
#include <cstddef>

#include "symbolizer/demangle/demangle.h"

namespace pprofd::symbolizer {
namespace {

constexpr std::string_view kOperator = "operator";
constexpr std::string_view kAnonymous = "(anonymous namespace)";

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// One pass over a demangled C++ name.
class CxxShortener {
public:
  CxxShortener(std::string_view name, bool templates) : name_(name), templates_(templates) {}

  std::string run() {
    while (at_ < name_.size()) {
      if (take_operator() || take_anonymous() || skip_parameters() || take_arguments())
        continue;
      out_ += name_[at_++];
    }
    return std::move(out_);
  }

private:
  std::string_view rest() const { return name_.substr(at_); }
  void take(size_t count) {
    out_ += rest().substr(0, count);
    at_ += count;
  }

  // `operator<<`, `operator()`, `operator->`: its brackets are a name.
  bool take_operator() {
    if (!rest().starts_with(kOperator) || (at_ != 0 && is_word(name_[at_ - 1])))
      return false;
    if (rest().size() > kOperator.size() && is_word(rest()[kOperator.size()]))
      return false;
    static constexpr std::array<std::string_view, 14> kTokens = {
        "()", "->*", "->", "<=>", "<<=", ">>=", "<<", ">>", "<=", ">=", "<", ">", "[]", "\"\""};
    take(kOperator.size());
    for (const std::string_view token : kTokens)
      if (rest().starts_with(token) && !(token == "<<" && is_argument(rest().substr(2)))) {
        take(token.size());
        break;
      }
    return true;
  }

  // `operator<<int>` is `operator<` with an argument, `operator<<` and `operator<<<int>` are not.
  static bool is_argument(std::string_view after) {
    return !after.empty() && std::string_view("<(:[").find(after[0]) == std::string_view::npos;
  }

  bool take_anonymous() {
    if (!rest().starts_with(kAnonymous))
      return false;
    take(kAnonymous.size());
    return true;
  }

  // The end of the bracketed text that starts here; npos: it has none.
  size_t closing(char open, char close) const {
    size_t depth = 0;
    for (size_t i = at_; i < name_.size(); ++i) {
      if (name_[i] == open)
        ++depth;
      // `->` within an expression closes nothing.
      const bool arrow = close == '>' && i != 0 && name_[i - 1] == '-';
      if (name_[i] == close && !arrow && --depth == 0)
        return i + 1;
    }
    return std::string_view::npos;
  }

  // An enclosing function's parameters and what qualifies it: `(int) const &`. What stands at the
  // end stays where it is not a list of parameters: `(.isra.0)`.
  bool skip_parameters() {
    if (name_[at_] != '(' || at_ == 0)
      return false;
    const size_t end = closing('(', ')');
    if (end == std::string_view::npos)
      return false;
    size_t after = end;
    for (bool found = true; found;) {
      found = false;
      for (const std::string_view qualifier : {" const", " volatile", " &&", " &"})
        if (name_.substr(after).starts_with(qualifier)) {
          after += qualifier.size();
          found = true;
        }
    }
    const std::string_view next = name_.substr(after);
    if (!next.empty() && !next.starts_with("::") && !next.starts_with("[abi:"))
      return false;
    if (next.empty() && rest().starts_with("(."))
      return false;
    at_ = after;
    return true;
  }

  // `<…>`: kept whole or left out.
  bool take_arguments() {
    if (name_[at_] != '<' || at_ == 0)
      return false;
    const size_t end = closing('<', '>');
    if (end == std::string_view::npos)
      return false;
    if (templates_)
      take(end - at_);
    else
      at_ = end;
    return true;
  }

  std::string_view name_;
  bool templates_;
  size_t at_ = 0;
  std::string out_;
};

} // namespace

std::string shorten_cxx(std::string_view name, bool templates) {
  return CxxShortener(name, templates).run();
}

std::string shorten_rust(std::string_view name) {
  std::string out;
  size_t depth = 0;      // of generic arguments that are left out
  size_t path_depth = 0; // of `<T as U>`, which stays
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool arrow = c == '>' && i != 0 && name[i - 1] == '-';
    if (c == '<' && depth == 0) {
      const bool generic = i != 0 && path_depth == 0 && !name.substr(i).starts_with("<impl ") &&
                           (is_word(name[i - 1]) || out.ends_with("::"));
      if (!generic) {
        ++path_depth;
        out += c;
        continue;
      }
      if (out.ends_with("::"))
        out.resize(out.size() - 2);
      depth = 1;
    } else if (c == '<') {
      ++depth;
    } else if (c == '>' && !arrow && depth != 0) {
      --depth;
    } else if (depth == 0) {
      if (c == '>' && !arrow && path_depth != 0)
        --path_depth;
      out += c;
    }
  }
  return out;
}

} // namespace pprofd::symbolizer

#include "daemon/profile/table/short_name.h"

#include <algorithm>
#include <array>

namespace pprofd {

namespace {

constexpr std::string_view kOperator = "operator";

// Longest first.
constexpr std::array<std::string_view, 40> kOperatorSymbols{
    "<=>", "<<=", ">>=", "->*", "()", "[]", "<<", ">>", "<=", ">=", "->", "==", "!=", "&&",
    "||",  "++",  "--",  "+=",  "-=", "*=", "/=", "%=", "^=", "&=", "|=", "+",  "-",  "*",
    "/",   "%",   "^",   "&",   "|",  "~",  "!",  "=",  "<",  ">",  ",",  "?"};

// What demanglers say before the name of a function that stands for another one.
constexpr std::array<std::string_view, 7> kPrefixes{"non-virtual thunk to ",
                                                    "virtual thunk to ",
                                                    "covariant return thunk to ",
                                                    "TLS init function for ",
                                                    "TLS wrapper function for ",
                                                    "thread-local wrapper routine for ",
                                                    "thread-local initialization routine for "};

constexpr std::array<std::string_view, 5> kQualifiers{" const", " volatile", " noexcept", " &&",
                                                      " &"};

bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

// Reads a name from left to right and writes what is kept of it. A step returns false where the
// brackets don't match.
class Shortener {
public:
  // `nested`: inside a Rust path's <…>, where parentheses belong to types.
  Shortener(std::string_view name, bool nested) : in_(name), nested_(nested) {}

  bool run() {
    while (at_ < in_.size())
      if (!step())
        return false;
    if (parameters_dropped_ && !nested_)
      out_.erase(0, name_start_); // the return type
    return true;
  }

  std::string take() { return std::move(out_); }

private:
  [[nodiscard]] std::string_view rest() const { return in_.substr(at_); }
  [[nodiscard]] char before() const { return at_ == 0 ? ' ' : in_[at_ - 1]; }

  bool step() {
    if (at_operator(at_))
      return operator_name();
    switch (in_[at_]) {
    case '{':
      return copy_group('{', '}');
    case '(':
      return parentheses();
    case '<':
      return angles();
    case '[':
      return brackets();
    case ' ':
      if (!parameters_dropped_)
        name_start_ = out_.size() + 1;
      break;
    default:
      break;
    }
    out_ += in_[at_++];
    return true;
  }

  [[nodiscard]] bool at_operator(size_t position) const {
    if (!in_.substr(position).starts_with(kOperator) ||
        (position > 0 && is_identifier(in_[position - 1])))
      return false;
    size_t after = position + kOperator.size();
    return after < in_.size() && !is_identifier(in_[after]);
  }

  // The end of the group that opens at `position`; npos where it does not close.
  [[nodiscard]] size_t group_end(size_t position, char open, char close) const {
    size_t depth = 0;
    for (; position < in_.size(); position++) {
      depth += in_[position] == open;
      if (in_[position] == close && --depth == 0)
        return position + 1;
    }
    return std::string_view::npos;
  }

  // The same for template arguments: not every > closes one.
  [[nodiscard]] size_t angles_end(size_t position) const {
    size_t depth = 0;
    while (position < in_.size()) {
      char c = in_[position];
      if (c == '(' || c == '{') {
        position = group_end(position, c, c == '(' ? ')' : '}');
        continue;
      }
      if (at_operator(position)) {
        position += kOperator.size();
        position += symbol_at(position).size();
        continue;
      }
      depth += c == '<';
      if (c == '>' && in_[position - 1] != '-' && --depth == 0)
        return position + 1;
      position++;
    }
    return std::string_view::npos;
  }

  // The operator's symbol at `position`, empty where a name follows. llvm writes "operator<<int>"
  // for a template of operator<.
  [[nodiscard]] std::string_view symbol_at(size_t position) const {
    for (std::string_view symbol : kOperatorSymbols) {
      if (!in_.substr(position).starts_with(symbol))
        continue;
      std::string_view after = in_.substr(position + symbol.size());
      bool whole = after.empty() || std::string_view("(< ,>)").contains(after.front());
      if (symbol == "<<" && !whole)
        continue;
      return symbol;
    }
    return {};
  }

  bool copy_group(char open, char close) {
    size_t end = group_end(at_, open, close);
    if (end == std::string_view::npos)
      return false;
    out_ += in_.substr(at_, end - at_);
    at_ = end;
    return true;
  }

  bool skip_to(size_t end) {
    if (end == std::string_view::npos)
      return false;
    at_ = end;
    return true;
  }

  bool operator_name() {
    out_ += kOperator;
    at_ += kOperator.size();
    std::string_view symbol = symbol_at(at_);
    if (!symbol.empty()) {
      out_ += symbol;
      at_ += symbol.size();
      if (rest().starts_with(" <"))
        at_++;
      return !rest().starts_with('<') || skip_to(angles_end(at_));
    }
    // operator new[], operator bool, operator"" _km: up to the parameters.
    while (at_ < in_.size() && in_[at_] != '(')
      if (in_[at_] == '<') {
        if (!skip_to(angles_end(at_)))
          return false;
      } else {
        out_ += in_[at_++];
      }
    return true;
  }

  bool parentheses() {
    // Go's receivers, clones (.cold), JavaScript's (idle), types inside Rust's paths.
    bool kept = nested_ || before() == ' ' || before() == '.' ||
                rest().starts_with("(anonymous namespace)");
    if (kept)
      return before() == '.' ? receiver() : copy_group('(', ')');
    bool of_type = out_.ends_with("decltype");
    if (!skip_to(group_end(at_, '(', ')')))
      return false;
    parameters_dropped_ |= !of_type;
    skip_qualifiers();
    return true;
  }

  // Go's "(*List[go.shape.int])".
  bool receiver() {
    size_t end = group_end(at_, '(', ')');
    if (end == std::string_view::npos)
      return false;
    while (at_ < end)
      if (in_[at_] != '[')
        out_ += in_[at_++];
      else if (!brackets())
        return false;
    return true;
  }

  void skip_qualifiers() {
    for (bool again = true; again;) {
      again = false;
      for (std::string_view qualifier : kQualifiers) {
        std::string_view after = rest();
        if (!after.starts_with(qualifier))
          continue;
        after.remove_prefix(qualifier.size());
        if (!after.empty() && is_identifier(after.front()))
          continue;
        at_ += qualifier.size();
        again = true;
        break;
      }
    }
  }

  bool angles() {
    bool path_start = std::string_view(" (<&*,").contains(before());
    bool after_colons = out_.ends_with("::");
    if (before() == '.' || (after_colons && rest().starts_with("<lambda")))
      return skip_copying(angles_end(at_));
    if (path_start || (after_colons && rest().starts_with("<impl ")))
      return rust_path();
    if (after_colons)
      out_.resize(out_.size() - 2);
    return skip_to(angles_end(at_));
  }

  bool skip_copying(size_t end) {
    if (end == std::string_view::npos)
      return false;
    out_ += in_.substr(at_, end - at_);
    at_ = end;
    return true;
  }

  bool rust_path() {
    size_t end = angles_end(at_);
    if (end == std::string_view::npos)
      return false;
    // A hostile name may nest as deep as it is long.
    constexpr size_t kLongest = 4096;
    if (in_.size() > kLongest)
      return skip_copying(end);
    Shortener inside(in_.substr(at_ + 1, end - at_ - 2), true);
    if (!inside.run())
      return false;
    out_ += '<' + inside.take() + '>';
    at_ = end;
    return true;
  }

  // Go's type arguments; other brackets are arrays and ABI tags.
  bool brackets() {
    size_t end = group_end(at_, '[', ']');
    if (end == std::string_view::npos)
      return false;
    std::string_view group = in_.substr(at_, end - at_);
    out_ += group.contains("go.shape.") ? "[...]" : group;
    at_ = end;
    return true;
  }

  std::string_view in_;
  bool nested_;
  size_t at_ = 0;
  std::string out_;
  bool parameters_dropped_ = false;
  size_t name_start_ = 0; // in out_: behind the return type
};

} // namespace

std::string short_name(std::string_view name) {
  std::string_view function = name;
  for (std::string_view prefix : kPrefixes)
    if (name.starts_with(prefix)) {
      function.remove_prefix(prefix.size());
      break;
    }
  std::string prefix(name.substr(0, name.size() - function.size()));
  Shortener shortener(function, false);
  if (!shortener.run())
    return std::string(name);
  std::string result = shortener.take();
  return result.empty() ? std::string(name) : prefix + result;
}

} // namespace pprofd

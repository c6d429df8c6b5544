// What is typed in to see only some rows: a regular expression (RE2), or where it is none, as while
// it is being typed, the text itself. Without capital letters it matches both cases.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace pprofd::top {

class Filter {
public:
  explicit Filter(std::string text = {});

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  // Everything matches an empty one.
  [[nodiscard]] bool matches(std::string_view text) const;

private:
  std::string text_;
  std::shared_ptr<const re2::RE2> expression_; // nullptr: empty
};

} // namespace pprofd::top

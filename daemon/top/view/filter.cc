#include "daemon/top/view/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

namespace pprofd::top {

namespace {

RE2::Options options_for(std::string_view text, bool literal) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_literal(literal);
  options.set_case_sensitive(
      std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; }));
  return options;
}

} // namespace

Filter::Filter(std::string text) : text_(std::move(text)) {
  if (text_.empty())
    return;
  expression_ = std::make_shared<const RE2>(text_, options_for(text_, false));
  if (!expression_->ok())
    expression_ = std::make_shared<const RE2>(text_, options_for(text_, true));
}

bool Filter::matches(std::string_view text) const {
  return expression_ == nullptr || RE2::PartialMatch(text, *expression_);
}

} // namespace pprofd::top

#include "daemon/cli/demangle_style.h"

#include <algorithm>
#include <array>

namespace pprofd {
namespace {

using symbolizer::DemangleStyle;

constexpr std::array kChoices = {
    Choice{"full", "as llvm-symbolizer prints"},
    Choice{"templates", "no parameters, no return type"},
    Choice{"simple", "no template arguments either"},
    Choice{"none", "the mangled name"},
};
constexpr std::array kStyles = {DemangleStyle::kFull, DemangleStyle::kTemplates,
                                DemangleStyle::kSimple, DemangleStyle::kNone};
static_assert(kChoices.size() == kStyles.size());

} // namespace

OptionSpec demangle_option(std::string_view group) {
  return {.name = "demangle",
          .type = OptionType::kChoice,
          .argument = "STYLE",
          .default_text = "full",
          .choices = kChoices,
          .group = group,
          .help = "names of C++ and Rust functions"};
}

symbolizer::DemangleStyle demangle_style(std::string_view name) {
  const auto* const found = std::ranges::find(kChoices, name, &Choice::name);
  return kStyles.at(static_cast<size_t>(found - kChoices.begin()));
}

} // namespace pprofd

#include "symbolizer/demangle/demangle.h"

#include <llvm/Demangle/Demangle.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <optional>

#define HAVE_DECL_BASENAME 1 // else libiberty declares basename() against the C library's
#include <libiberty/demangle.h>

namespace pprofd::symbolizer {
namespace {

constexpr std::string_view kPlt = "@plt";
constexpr std::string_view kCut = "...";

struct Free {
  void operator()(char* text) const { std::free(text); }
};
using OwnedText = std::unique_ptr<char, Free>;

bool is_hex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

// `_ZN…17h0123456789abcdefE`, perhaps with a suffix of LLVM's (`.llvm.123`).
bool is_legacy_rust(std::string_view name) {
  if (!name.starts_with("_ZN"))
    return false;
  constexpr size_t kHash = 16;
  const size_t at = name.rfind("17h");
  if (at == std::string_view::npos || name.size() < at + 3 + kHash + 1)
    return false;
  return std::ranges::all_of(name.substr(at + 3, kHash), is_hex) && name[at + 3 + kHash] == 'E';
}

// Collects what libiberty hands over piecemeal, as far as it is wanted.
void append(const char* text, size_t size, void* opaque) {
  auto& out = *static_cast<std::string*>(opaque);
  out.append(text, std::min(size, kMaxDemangled + 1 - std::min(out.size(), kMaxDemangled + 1)));
}

std::optional<std::string> demangle_rust(const std::string& mangled) {
  std::string out;
  if (rust_demangle_callback(mangled.c_str(), DMGL_PARAMS, append, &out) == 0 || out.empty())
    return std::nullopt;
  return out;
}

std::optional<std::string> demangle_cxx(const std::string& mangled, NameStyle style) {
  if (style != NameStyle::kFull) {
    // What stands behind a dot tells a clone of the function (`.isra.0`, `.cold`). The parts refer
    // to the text.
    const std::string plain = mangled.substr(0, mangled.find('.'));
    llvm::ItaniumPartialDemangler parts;
    if (!parts.partialDemangle(plain.c_str()) && parts.isFunction())
      if (const OwnedText name(parts.getFunctionName(nullptr, nullptr)); name != nullptr)
        return shorten_cxx(name.get(), style == NameStyle::kTemplates);
  }
  std::string out;
  if (!llvm::nonMicrosoftDemangle(mangled, out, /*CanHaveLeadingDot=*/false))
    return std::nullopt;
  return out;
}

std::optional<std::string> demangle_any(const std::string& mangled, NameStyle style) {
  if (mangled.starts_with("_R") || is_legacy_rust(mangled)) {
    auto name = demangle_rust(mangled);
    if (name && style == NameStyle::kSimple)
      return shorten_rust(*name);
    if (name || mangled.starts_with("_R"))
      return name;
  }
  return demangle_cxx(mangled, style);
}

} // namespace

std::string demangle(std::string_view mangled, NameStyle style, size_t max_length) {
  const bool looks_mangled = mangled.starts_with("_Z") || mangled.starts_with("_R") ||
                             mangled.starts_with("_D") || mangled.starts_with("___Z");
  if (style == NameStyle::kNone || !looks_mangled || mangled.size() > max_length)
    return std::string(mangled);
  const bool plt = mangled.ends_with(kPlt);
  auto name =
      demangle_any(std::string(mangled.substr(0, mangled.size() - (plt ? kPlt.size() : 0))), style);
  if (!name)
    return std::string(mangled);
  if (plt)
    *name += kPlt;
  if (name->size() > kMaxDemangled) {
    name->resize(kMaxDemangled - kCut.size());
    *name += kCut;
  }
  return *std::move(name);
}

} // namespace pprofd::symbolizer

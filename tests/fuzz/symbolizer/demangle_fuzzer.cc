// Any bytes as a mangled name, in all styles. Short ones: a longer name may expand beyond all
// memory, which ends the worker and is tested there.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "symbolizer/demangle/demangle.h"

using namespace pprofd::symbolizer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 120;
  if (size > kLongest)
    return 0;
  const std::string_view name(reinterpret_cast<const char*>(data), size);
  for (const NameStyle style :
       {NameStyle::kFull, NameStyle::kTemplates, NameStyle::kSimple, NameStyle::kNone})
    if (demangle(name, style).size() > kMaxDemangled)
      std::abort();
  for (const bool templates : {false, true})
    if (shorten_cxx(name, templates).size() > size)
      std::abort();
  if (shorten_rust(name).size() > size)
    std::abort();
  return 0;
}

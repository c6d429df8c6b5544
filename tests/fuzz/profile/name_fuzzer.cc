// A function's name from anybody's binary: shortened to something no longer than it, never empty,
// and shown without a command to the terminal.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "daemon/output/index.h"
#include "daemon/profile/table/short_name.h"
#include "daemon/profile/text.h"

namespace {

bool safe(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string name(reinterpret_cast<const char*>(data), size);
  std::string shortened = pprofd::short_name(name);
  bool good = shortened.size() <= name.size() && shortened.empty() == name.empty() &&
              safe(pprofd::display_name(name, false)) && safe(pprofd::display_name(name, true)) &&
              safe(pprofd::escape_field(name));
  if (!good) {
    std::fprintf(stderr, "broken: %s\n", shortened.c_str());
    std::abort();
  }
  return 0;
}

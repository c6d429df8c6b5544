// Names from anybody: what is made of them for a terminal is text, commands nothing, and is never
// wider than its place.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "daemon/profile/utf8.h"
#include "daemon/top/text/terminal_text.h"

namespace {

using pprofd::top::Align;

void expect(bool holds, const char* what, const std::string& text) {
  if (holds)
    return;
  std::fprintf(stderr, "%s: %s\n", what, text.c_str());
  std::abort();
}

bool commands(const std::string& text) {
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto before = static_cast<unsigned char>(at == 0 ? 0 : text[at - 1]);
    if (byte < 0x20 || byte == 0x7f || (before == 0xc2 && byte < 0xa0))
      return true;
  }
  return false;
}

void check(const std::string& bytes, bool ascii) {
  const std::string text = pprofd::top::clean(bytes, ascii);
  expect(pprofd::is_utf8(text), "no UTF-8", text);
  expect(!commands(text), "commands the terminal", text);
  expect(pprofd::top::clean(text, ascii) == text, "not clean", text);
  for (const size_t columns : {size_t{0}, size_t{1}, size_t{2}, size_t{9}, size_t{80}}) {
    expect(pprofd::top::width_of(pprofd::top::cut(text, columns, ascii)) <= columns, "too wide",
           text);
    expect(pprofd::top::width_of(pprofd::top::fit(text, columns, Align::kRight, ascii)) == columns,
           "not fitted", text);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool utf8 = pprofd::top::use_utf8_locale();
  (void)utf8;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  check(bytes, false);
  check(bytes, true);
  return 0;
}

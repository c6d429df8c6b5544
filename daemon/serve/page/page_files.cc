#include "daemon/serve/page/page_files.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace pprofd {

// kPageFiles and kFlameGraphTemplate, made by the build.
#include "page_table.inc"

std::span<const PageFile> page_files() {
  return kPageFiles;
}

const PageFile* find_page_file(std::string_view path) {
  const auto files = page_files();
  const auto found = std::ranges::find(files, path, &PageFile::path);
  return found == files.end() ? nullptr : &*found;
}

std::string_view page_security_policy() {
  return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
         "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

std::string_view flame_graph_template() {
  return kFlameGraphTemplate;
}

Error why_no_page() {
  return {"the web page", "this program was built without it, because npm was not there",
          "build it where Node.js 18 or later and npm are installed"};
}

} // namespace pprofd

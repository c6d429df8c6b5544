// The web page's files, as the build put them into the program. Any thread.
//
// The page is built by npm (README.md); where the build had none, there are no files, and what
// needs them says why_no_page().
#pragma once

#include <span>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd {

struct PageFile {
  std::string_view path; // as asked for over HTTP: "/", "/page.js"
  std::string_view content_type;
  std::string_view bytes;
  std::string_view etag; // of the contents, in its quotes
};

// Empty where the page was left out.
std::span<const PageFile> page_files();

// The file at a path without its query; null where there is none.
const PageFile* find_page_file(std::string_view path);

// What the header Content-Security-Policy says with every file of the page: nothing from elsewhere,
// no script inside the document.
std::string_view page_security_policy();

// The flame graph in one file, with gaps for its title and data (flame_graph_html.h); empty where
// the page was left out.
std::string_view flame_graph_template();

// The sentence for whoever asks for what was left out.
Error why_no_page();

} // namespace pprofd

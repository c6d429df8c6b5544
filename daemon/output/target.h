// Where a recording goes: what `record --output` and `--format` mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/result.h"

namespace pprofd {

enum class Format { Pprof, Folded, Html, Text };

// "pprof", "folded", "html", "text".
Result<Format> parse_format(std::string_view name);

// The name as parse_format takes it.
std::string_view format_name(Format format);

// ".pb.gz", ".folded", ".html", ".txt".
std::string_view file_ending(Format format);

struct OutputRequest {
  std::string path;            // --output as given; empty: not given
  bool one_process = false;    // one PID without its children, or a command: one profile
  bool merge = false;          // --merge
  std::vector<Format> formats; // each once; empty is pprof
  bool stdout_is_terminal = false;
};

struct OutputTarget {
  enum class Kind { Stdout, File, Folder };
  Kind kind = Kind::Folder;
  std::string folder; // "" is the working folder
  std::string stem;   // of the file's name, without its ending (File)
  bool create_folder = false;
  std::vector<Format> formats;
};

// "-" is standard output, for one format; an existing folder or a name that ends in / is a folder
// (with --merge: profile.pb.gz in it); a name that ends in .pb.gz, or as one of the formats does,
// is one file; without a name it is profile.pb.gz for one process or --merge, else profiles/.
// Whatever else is wrong usage.
Result<OutputTarget> choose_target(const OutputRequest& request);

} // namespace pprofd

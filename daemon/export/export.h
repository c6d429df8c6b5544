// `pprofd export FILE…`: anybody's profiles as rows (daemon/profile/rows), for engines that query
// many of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "symbolizer/base/result.h"
#include "symbolizer/base/text_sink.h"

namespace pprofd {

struct ExportOptions {
  std::vector<std::string> files; // "-": standard input
  std::string
      output; // "-": standard output; else a file, compressed where its name ends in .gz or .zst
  std::string sample_type; // name or number; empty: each profile's default
};

// What is said while it goes on. Neither must throw.
struct ExportNotices {
  std::function<void(const std::string&)> say; // a line
  std::function<void(const Error&)> warn;
};

// `data` is standard output. A profile that fails is said and does not keep the others from being
// written; then this fails. A file appears whole or not at all.
Result<void> export_profiles(const ExportOptions& options, const TextSink& data,
                             const ExportNotices& notices);

} // namespace pprofd

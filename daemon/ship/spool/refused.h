// Profiles that a backend will never take, kept apart with its reason: NAME.pb.gz and NAME.txt in a
// folder, the newest hundred and at most 20 MB of them. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd::ship {

class RefusedFolder {
public:
  explicit RefusedFolder(std::string path) : path_(std::move(path)) {}

  // `time_nanos`, `id`: of the profile; they make its name. `profile`: pprof, gzip.
  Result<void> add(int64_t time_nanos, uint64_t id, std::string_view profile,
                   std::string_view reason) const;

private:
  std::string path_;
};

} // namespace pprofd::ship

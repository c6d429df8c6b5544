// The string table of a profile under construction: each string once, "" first.
// One thread; the profile outlives the table and nobody else adds to its string_table.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "daemon/profile/utf8.h"
#include "proto/profile.pb.h"

namespace pprofd {

class StringTable {
public:
  explicit StringTable(perftools::profiles::Profile& profile) : profile_(profile) { add(""); }

  // The index of `text`, which becomes UTF-8 where it is not.
  int64_t add(std::string_view text) {
    if (auto found = index_.find(text); found != index_.end())
      return found->second;
    if (!is_utf8(text))
      return add(to_utf8(text));
    std::string& stored = *profile_.add_string_table();
    stored = text;
    auto index = static_cast<int64_t>(index_.size());
    index_.emplace(stored, index);
    return index;
  }

private:
  perftools::profiles::Profile& profile_;
  // The keys are the table's own strings: protobuf keeps each where it was made.
  std::unordered_map<std::string_view, int64_t> index_;
};

} // namespace pprofd

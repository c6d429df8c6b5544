// The strings of a profile, and its table of them: each string once, "" first. Of a profile under
// construction, or of one that is there and gets more strings. One thread; the profile outlives the
// table and nobody else adds to its string_table.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "daemon/profile/utf8.h"
#include "proto/profile.pb.h"

namespace pprofd {

// A string of a profile that was read, by its index. One of `profile`'s own.
inline const std::string& text(const perftools::profiles::Profile& profile, int64_t index) {
  return profile.string_table(static_cast<int>(index));
}

class StringTable {
public:
  explicit StringTable(perftools::profiles::Profile& profile) : profile_(profile) {
    for (int i = 0; i < profile.string_table_size(); i++)
      index_.emplace(profile.string_table(i), i);
    add("");
  }

  // The index of `text`, which becomes UTF-8 where it is not.
  int64_t add(std::string_view text) {
    if (auto found = index_.find(text); found != index_.end())
      return found->second;
    if (!is_utf8(text))
      return add(to_utf8(text));
    std::string& stored = *profile_.add_string_table();
    stored = text;
    auto index = int64_t{profile_.string_table_size()} - 1;
    index_.emplace(stored, index);
    return index;
  }

private:
  perftools::profiles::Profile& profile_;
  // The keys are the table's own strings: protobuf keeps each where it was made.
  std::unordered_map<std::string_view, int64_t> index_;
};

} // namespace pprofd

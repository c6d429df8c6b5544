// The functions of a profile, each once: of one that is being built, or of anybody's that gets
// more. One thread; the profile and its strings outlive the table, and nobody else adds to the
// profile's functions.
#pragma once

#include <cstdint>

#include "daemon/profile/entry_key.h"
#include "daemon/profile/id_index.h"
#include "daemon/profile/profile_builder.h"
#include "daemon/profile/string_table.h"

namespace pprofd {

class FunctionTable {
public:
  FunctionTable(perftools::profiles::Profile& profile, StringTable& strings);

  // The function's id.
  uint64_t add(const FunctionInfo& function);

private:
  uint64_t unused_id();

  perftools::profiles::Profile& profile_;
  StringTable& strings_;
  IdIndex taken_; // by functions that were there before
  EntryKey key_;
  EntryIndex index_;
  uint64_t last_id_;
};

} // namespace pprofd

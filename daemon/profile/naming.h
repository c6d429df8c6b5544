// Names for a profile that is there already and has none, or not all of them: anybody's.
//
// What the profile says of itself stays true: the mappings' flags, and of our own profiles the
// comments that count frames without a symbol.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "daemon/profile/function_table.h"
#include "daemon/profile/profile_builder.h"
#include "daemon/profile/string_table.h"

namespace pprofd {

// A mapping without functions, and its locations without lines: positions in the profile's tables.
struct NamelessMapping {
  int mapping = 0;
  std::vector<int> locations;
};

// Mappings whose flag says that they have functions are left out, as are those in which every
// location has lines. The profile hangs together (check_consistent).
std::vector<NamelessMapping> nameless_mappings(const perftools::profiles::Profile& profile);

// One thread. The profile outlives this, and nobody else changes it meanwhile.
class ProfileNaming {
public:
  explicit ProfileNaming(perftools::profiles::Profile& profile);

  // The function's id; functions that are equal are one.
  uint64_t add_function(const FunctionInfo& function) { return functions_.add(function); }

  // `location`: a position; `lines`: innermost inlined function first, not empty. `symbol`: they
  // are names, not only where the address is.
  void set_lines(int location, std::span<const LineInfo> lines, bool symbol);

  // Called once, last.
  void finish();

private:
  void set_flags();
  [[nodiscard]] std::optional<uint64_t> named_frames() const;
  void count_frames();

  perftools::profiles::Profile& profile_;
  StringTable strings_;
  FunctionTable functions_;
  std::vector<bool> symbols_; // by position of the location: it has got a name
  std::vector<bool> changed_; // by position of the mapping
  IdIndex mappings_;
};

} // namespace pprofd

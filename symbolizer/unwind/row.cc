#include "symbolizer/unwind/row.h"

#include <cstring>

namespace pprofd::symbolizer {

bool operator==(const Row& a, const Row& b) {
  return a.address == b.address && std::memcmp(&a.rule, &b.rule, sizeof a.rule) == 0;
}

} // namespace pprofd::symbolizer

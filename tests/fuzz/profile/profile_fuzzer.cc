// Anybody's profile: read within the limits or refused with a reason, and whatever is read can be
// merged, written, read again, reported on and made rows.
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "daemon/profile/folded.h"
#include "daemon/profile/profile_builder.h"
#include "daemon/profile/rows/facts.h"
#include "daemon/profile/rows/rows.h"
#include "daemon/report/diff.h"
#include "daemon/report/filter.h"
#include "daemon/report/summary.h"
#include "daemon/report/tree.h"

namespace {

using namespace pprofd;

void require(bool condition, const char* what) {
  if (condition)
    return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

void report_on(perftools::profiles::Profile profile) {
  std::ostringstream out;
  HotFunctions hottest;
  hottest.add(profile);
  (void)hottest.lines(5);
  auto value = find_sample_type(profile, "");
  if (!value)
    return;
  TextOptions options;
  options.value_index = *value;
  write_text(profile, options, out);
  write_tree(profile, options, out);
  write_folded(profile, *value, out);
  RowWriter rows([&out](std::string_view lines) -> Result<void> {
    out << lines;
    return {};
  });
  require(rows.add(profile, *value, facts_of(profile)) && rows.finish(), "rows can be made");
  perftools::profiles::Profile focused = profile;
  apply_drop_frames(focused);
  require(filter_samples(focused, "a|main", "b+c").has_value(), "a right expression is accepted");
  DiffOptions diff;
  diff.value_index = *value;
  diff.total_before = total_value(profile, *value);
  write_diff(profile, focused, diff, out);
  (void)check_valid(profile);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ParseLimits limits;
  limits.inflated_bytes = size_t{1} << 20;
  limits.memory_bytes = size_t{64} << 20;
  limits.frames = 100'000;
  auto profile = parse_profile({reinterpret_cast<const char*>(data), size}, limits);
  if (!profile) {
    require(!profile.error().why.empty(), "a refusal has a reason");
    return 0;
  }
  require(check_consistent(*profile).has_value(), "what is read is consistent");
  auto bytes = serialize_gzip(*profile);
  require(bytes && parse_profile(*bytes), "what is read can be written and read again");
  const perftools::profiles::Profile* twice[] = {&*profile, &*profile};
  auto merged = merge(twice);
  require(merged && check_consistent(*merged), "what is read can be merged");
  report_on(std::move(*profile));
  return 0;
}

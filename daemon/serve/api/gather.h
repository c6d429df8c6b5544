// Profiles of the store, read one after the other for a query: one is in memory at a time.
//
// A profile that cannot be read is set aside by the store and left out; one that has been deleted
// in the meantime is left out. Queries end early when their client has gone or their time is up.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "daemon/profile/profile_builder.h"
#include "daemon/serve/http/message.h"
#include "daemon/serve/store/store.h"

namespace pprofd::serve {

// What one query may take.
struct QueryLimits {
  std::chrono::steady_clock::time_point deadline;
  const Exchange* exchange = nullptr; // whose client may go; nullptr: nobody's
};

// Errors: the client has gone, the time is up.
Result<void> check(const QueryLimits& limits);

// How profiles of anybody's are decoded: bounded far below what a pprof file may be.
ParseLimits upload_limits();

struct Filter {
  std::string focus, ignore; // expressions; empty: all
};

struct Gathered {
  uint64_t profiles = 0; // those that `each` took
  uint64_t left_out = 0; // damaged, deleted
};

// Calls `each` for every profile that the selector means, oldest first, with what the filter leaves
// of it. Errors: `each`'s; a wrong expression; the time is up; the store cannot be read.
using EachProfile = std::function<Result<void>(perftools::profiles::Profile&)>;
Result<Gathered> gather(Store& store, const Selector& selector, const Filter& filter,
                        const QueryLimits& limits, const EachProfile& each);

// Profiles as one. Comments that count (samples.*, stacks.*, frames.*) are added up, the others
// stand once each, as far as they are few.
class StoredMerger {
public:
  StoredMerger();
  StoredMerger(const StoredMerger&) = delete;
  StoredMerger& operator=(const StoredMerger&) = delete;
  ~StoredMerger();

  // Changes the profile. Errors: it measures something else; the result would take more than 256
  // MB.
  Result<void> add(perftools::profiles::Profile& profile);
  perftools::profiles::Profile finish() &&;

private:
  class Comments;
  ProfileMerger merger_;
  std::unique_ptr<Comments> comments_;
};

// One pprof of all that the selector means. Errors: StoredMerger's; there are none.
Result<perftools::profiles::Profile> merge_stored(Store& store, const Selector& selector,
                                                  const Filter& filter, const QueryLimits& limits);

} // namespace pprofd::serve

// What `record` says when it is done: the accounting, what is hot, where the files are. For
// people, on stderr.
#pragma once

#include <cstddef>

#include "daemon/compose/missing_names.h"
#include "daemon/output/recording_output.h"
#include "daemon/record/recording.h"
#include "proto/profile.pb.h"

namespace pprofd {

// `everything`: one profile of all processes; `missing`: its frames without names or lines; `top`:
// lines of its table.
void print_summary(const Recording& recording, const perftools::profiles::Profile& everything,
                   const MissingNames& missing, const OutputSummary& files, size_t top);

} // namespace pprofd

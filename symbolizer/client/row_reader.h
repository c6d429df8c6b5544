// Turns checked row replies into batches and facts, and holds their sequence to what a table
// allows: a worker could send rows without end, or rules that never came. One thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "proto/worker.pb.h"
#include "symbolizer/base/result.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd::symbolizer {

class RowReader {
public:
  // Fills `facts`, whose `rows` and `rules` always say what the sink has received.
  RowReader(const RowBatchSink& sink, UnwindTableFacts& facts) : sink_(&sink), facts_(&facts) {}

  // `reply` has passed decode_row_reply(). Fails with Error::why in words where it does not fit to
  // those before; then nothing of it was passed on.
  Result<void> take(const worker::RowReply& reply);

private:
  Result<void> check_rows(const worker::RowReply& reply) const;
  void pass_on();
  void take_facts(const worker::RowReply::Facts& facts);

  const RowBatchSink* sink_;
  UnwindTableFacts* facts_;
  uint64_t next_ = 0; // the least address the next row may have
  std::vector<uint32_t> addresses_;
  std::vector<uint16_t> rules_;
  std::vector<unwind_rule> new_rules_;
};

} // namespace pprofd::symbolizer

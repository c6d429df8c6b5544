// Turns checked symbol replies into a list and its facts. One thread at a time.
#pragma once

#include <cstdint>

#include "proto/worker.pb.h"
#include "symbolizer/base/result.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd::symbolizer {

class SymbolReader {
public:
  // `sink` may be empty; then no symbol is taken.
  SymbolReader(const SymbolSink& sink, SymbolFacts& facts) : sink_(&sink), facts_(&facts) {}

  // `reply` has passed decode_symbol_reply(). Fails with Error::why in words where symbols were not
  // asked for, are too many or do not ascend.
  Result<void> take(const worker::SymbolReply& reply);

  [[nodiscard]] uint64_t symbols() const { return symbols_; } // passed on so far

private:
  const SymbolSink* sink_;
  SymbolFacts* facts_;
  uint64_t symbols_ = 0;
  uint64_t last_ = 0; // start of the last symbol
};

} // namespace pprofd::symbolizer

// Turns checked replies into what the caller of the client gets, and bounds what that may take:
// a worker could name one long name many times over. One thread at a time.
#pragma once

#include <cstddef>

#include "proto/worker.pb.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd::symbolizer {

class ReplyReader {
public:
  static constexpr size_t kTextBudget = 32 << 20; // bytes of text of one call …
  static constexpr size_t kShortText = 256;       // … after which each text is cut to this

  // Fills `result`, whose addresses already have their number.
  explicit ReplyReader(SymbolizedFile& result) : result_(&result) {}

  // `reply` has passed decode_reply() with the number of addresses still missing.
  void take(const worker::Reply& reply);
  // Passes over addresses the worker gave no answer for.
  void skip(size_t addresses) { next_ += addresses; }

private:
  static DebugLinks links_of(const worker::DebugLinks& links);
  SourceFrame frame_of(const worker::Reply::Frame& frame);
  std::string text_of(const std::string& text);

  SymbolizedFile* result_;
  size_t next_ = 0;
  size_t text_ = 0;
};

} // namespace pprofd::symbolizer

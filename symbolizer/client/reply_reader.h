// Turns checked replies into what the caller of the client gets, and bounds what that may take:
// a worker could name one long name many times over. One thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proto/worker.pb.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd::symbolizer {

class ReplyReader {
public:
  static constexpr size_t kTextBudget = 32 << 20; // bytes of text of one call …
  static constexpr size_t kShortText = 256;       // … after which each new text is cut to this
  static constexpr size_t kFrameBudget = 1 << 20; // frames of one call; addresses after have none

  // Fills `result`, whose addresses already have their number.
  explicit ReplyReader(SymbolizedFile& result) : result_(&result) {}

  // `reply` has passed decode_reply(); `first`: where the request's offsets begin among the
  // result's addresses. What the worker gives no answer for stays as it is.
  void take(const worker::Reply& reply, size_t first);

private:
  static DebugLinks links_of(const worker::DebugLinks& links);
  void take(const worker::Reply::Address& from, SymbolizedAddress& to);
  std::string_view text_of(const std::string& text);

  SymbolizedFile* result_;
  size_t frames_ = 0;
  std::vector<std::string_view> texts_; // of the reply, in the result; number 0 is none
};

} // namespace pprofd::symbolizer

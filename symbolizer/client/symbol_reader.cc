#include "symbolizer/client/symbol_reader.h"

#include <span>

#include "symbolizer/base/hex.h"
#include "symbolizer/protocol/limits.h"

namespace pprofd::symbolizer {

Result<void> SymbolReader::take(const worker::SymbolReply& reply) {
  if (!*sink_ && !reply.symbols().empty())
    return fail("", "symbols that nobody asked for");
  for (const worker::SymbolReply::Symbol& symbol : reply.symbols()) {
    if (symbol.start() < last_)
      return fail("", "symbols that do not ascend");
    if (++symbols_ > kMaxSymbols)
      return fail("", "too many symbols");
    last_ = symbol.start();
    (*sink_)({.start = {symbol.start()},
              .size = symbol.size(),
              .source = symbol.source(),
              .name = symbol.name()});
  }
  if (!reply.last())
    return {};
  facts_->build_id = hex_of(std::as_bytes(std::span(reply.build_id())));
  facts_->failure = reply.failure();
  for (const worker::SymbolReply::Source& source : reply.facts().sources())
    facts_->sources.push_back({.name = source.name(), .symbols = source.symbols()});
  facts_->memory = reply.facts().memory();
  facts_->notes.assign(reply.facts().notes().begin(), reply.facts().notes().end());
  return {};
}

} // namespace pprofd::symbolizer

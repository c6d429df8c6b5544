#include "symbolizer/client/reply_reader.h"

#include <span>

#include "symbolizer/base/hex.h"
#include "symbolizer/protocol/text.h"

namespace pprofd::symbolizer {

void ReplyReader::take(const worker::Reply& reply) {
  for (const worker::Reply::Address& from : reply.addresses()) {
    SymbolizedAddress& to = result_->addresses[next_++];
    to.address = {from.address()};
    to.function_start = {from.function_start()};
    to.frames.clear();
    for (const uint32_t index : from.frames())
      to.frames.push_back(frame_of(reply.frames(static_cast<int>(index))));
  }
  if (!reply.build_id().empty())
    result_->build_id = hex_of(std::as_bytes(std::span(reply.build_id())));
  if (reply.has_links())
    result_->links = links_of(reply.links());
  if (result_->failure.empty())
    result_->failure = reply.failure();
}

DebugLinks ReplyReader::links_of(const worker::DebugLinks& links) {
  const auto id = std::as_bytes(std::span(links.supplementary_id()));
  return {.inside = links.inside(),
          .name = links.name(),
          .crc = links.crc(),
          .supplementary = links.supplementary(),
          .supplementary_id = {id.begin(), id.end()},
          .inflated = links.inflated()};
}

SourceFrame ReplyReader::frame_of(const worker::Reply::Frame& frame) {
  SourceFrame result;
  result.function = text_of(frame.function());
  result.system_name = frame.system_name().empty() ? result.function : text_of(frame.system_name());
  result.file = text_of(frame.file());
  result.line = frame.line();
  result.column = frame.column();
  result.start_line = frame.start_line();
  return result;
}

std::string ReplyReader::text_of(const std::string& text) {
  if (text_ + text.size() <= kTextBudget) {
    text_ += text.size();
    return text;
  }
  return cut_text(text, kShortText);
}

} // namespace pprofd::symbolizer

#include "symbolizer/client/reply_reader.h"

#include <span>

#include "symbolizer/base/hex.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/text.h"

namespace pprofd::symbolizer {

void ReplyReader::take(const worker::Reply& reply, size_t first) {
  texts_.assign(1, {});
  for (const std::string& text : reply.texts())
    texts_.push_back(text_of(text));
  for (const worker::Reply::Address& from : reply.addresses())
    take(from, result_->addresses.at(first + from.index()));
  if (!reply.build_id().empty())
    result_->build_id = hex_of(std::as_bytes(std::span(reply.build_id())));
  if (reply.has_links())
    result_->links = links_of(reply.links());
  if (result_->failure.empty())
    result_->failure = reply.failure();
  if (reply.names_fault() != 0)
    result_->names_fault = static_cast<NamesFault>(reply.names_fault());
  if (reply.lines_fault() != 0)
    result_->lines_fault = static_cast<NamesFault>(reply.lines_fault());
  result_->index_refused = result_->index_refused || reply.index_refused();
}

void ReplyReader::take(const worker::Reply::Address& from, SymbolizedAddress& to) {
  to.address = {from.address()};
  to.function_start = {from.function_start()};
  to.frames.clear();
  std::span numbers(from.frames().data(), static_cast<size_t>(from.frames_size()));
  frames_ += numbers.size() / kFrameNumbers;
  if (frames_ > kFrameBudget)
    return;
  to.frames.reserve(numbers.size() / kFrameNumbers);
  for (; !numbers.empty(); numbers = numbers.subspan(kFrameNumbers))
    to.frames.push_back({.function = texts_[numbers[0]],
                         .system_name = texts_[numbers[numbers[1] == 0 ? 0 : 1]],
                         .file = texts_[numbers[2]],
                         .line = numbers[3],
                         .column = numbers[4],
                         .start_line = numbers[5]});
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

std::string_view ReplyReader::text_of(const std::string& text) {
  if (result_->texts.bytes() + text.size() <= kTextBudget)
    return result_->texts.keep(text);
  return result_->texts.keep(cut_text(text, kShortText));
}

} // namespace pprofd::symbolizer

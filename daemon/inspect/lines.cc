#include "daemon/inspect/lines.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "symbolizer/unwind/print_rows.h"

namespace pprofd {
namespace {

constexpr size_t kPiece = size_t{64} << 10;

} // namespace

bool LineBuffer::flush_if_full() {
  if (text_.size() >= kPiece)
    flush();
  return done_.has_value();
}

Result<void> LineBuffer::finish() {
  flush();
  return done_;
}

void LineBuffer::flush() {
  if (done_ && !text_.empty())
    done_ = (*sink_)(text_);
  text_.clear();
}

bool RowLines::add(const symbolizer::RowBatch& batch) {
  rules_.insert(rules_.end(), batch.new_rules.begin(), batch.new_rules.end());
  rows_.clear();
  for (size_t i = 0; i < batch.addresses.size(); ++i)
    rows_.push_back(
        {.address = {batch.base.value + batch.addresses[i]}, .rule = rules_.at(batch.rules[i])});
  print_rows(rows_, batch.machine, buffer_->text());
  return buffer_->flush_if_full();
}

bool SymbolLines::add(const symbolizer::ListedSymbol& symbol) {
  const std::string_view source =
      symbol.source < sources_->size() ? std::string_view((*sources_)[symbol.source].name) : "?";
  fmt::format_to(std::back_inserter(buffer_->text()), "{:016x} {:016x} {} {}\n", symbol.start.value,
                 symbol.size, source, symbol.name);
  return buffer_->flush_if_full();
}

} // namespace pprofd

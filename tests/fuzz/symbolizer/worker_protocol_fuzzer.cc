// Any bytes as a message of the worker's protocol, on both sides.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "symbolizer/client/reply_reader.h"
#include "symbolizer/client/row_reader.h"
#include "symbolizer/client/symbol_reader.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/messages.h"
#include "symbolizer/protocol/text.h"

using namespace pprofd::symbolizer;

namespace {

constexpr uint64_t kIndexRoom = 8192;

void require(bool condition) {
  if (!condition)
    std::abort();
}

// What the daemon does with a reply.
void read_reply(std::span<const std::byte> bytes) {
  constexpr size_t kAsked = 5;
  const auto reply =
      decode_reply(bytes, {.id = 1, .offsets = kAsked, .missing = kAsked, .files = 1});
  if (!reply)
    return;
  if (reply->has_wanted())
    require(!reply->last() && is_clean_text(reply->wanted().name()) &&
            reply->wanted().folder().size() <= kMaxPath);
  SymbolizedFile file;
  file.addresses.resize(kAsked);
  ReplyReader reader(file);
  reader.take(*reply, 0);
  require(file.build_id.size() <= 2 * kMaxBuildId && is_clean_text(file.failure));
  for (const SymbolizedAddress& address : file.addresses)
    for (const SourceFrame& frame : address.frames)
      require(!frame.function.empty() && is_clean_text(frame.function) &&
              is_clean_text(frame.system_name) && is_clean_text(frame.file));
}

// What the daemon does with rows: the same reply twice, of which the second may go on or not.
void read_row_reply(std::span<const std::byte> bytes) {
  const auto reply = decode_row_reply(bytes, 1);
  if (!reply)
    return;
  uint64_t rows = 0;
  uint64_t rules = 0;
  uint64_t next = 0;
  const RowBatchSink sink = [&](const RowBatch& batch) {
    rules += batch.new_rules.size();
    require(!batch.addresses.empty() && batch.addresses.size() == batch.rules.size());
    for (size_t i = 0; i < batch.addresses.size(); ++i) {
      require(batch.addresses[i] >= next && batch.rules[i] < rules);
      next = uint64_t{batch.addresses[i]} + 1;
    }
    rows += batch.addresses.size();
  };
  UnwindTableFacts facts;
  RowReader reader(sink, facts);
  static_cast<void>(reader.take(*reply));
  static_cast<void>(reader.take(*reply));
  require(facts.rows == rows && facts.rules == rules && is_clean_text(facts.failure));
  for (const std::string& note : facts.unwind.notes)
    require(is_clean_text(note));
}

void read_symbol_reply(std::span<const std::byte> bytes) {
  const auto reply = decode_symbol_reply(bytes, 1);
  if (!reply)
    return;
  const SymbolSink sink = [](const ListedSymbol& symbol) {
    require(symbol.source < kMaxSymbolSources && is_clean_text(symbol.name));
  };
  SymbolFacts facts;
  static_cast<void>(SymbolReader(sink, facts).take(*reply));
  require(is_clean_text(facts.failure));
  for (const SymbolSource& source : facts.sources)
    require(is_clean_text(source.name));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  read_reply(bytes);
  read_row_reply(bytes);
  read_symbol_reply(bytes);
  if (const auto request = decode_request(bytes); request)
    require(static_cast<size_t>(request->offsets_size()) <= kMaxOffsets);
  static_cast<void>(decode_handover(bytes, 1));
  if (const auto reply = decode_index_reply(bytes, 1, kIndexRoom); reply)
    require(reply->size() <= kIndexRoom && is_clean_text(reply->failure()));
  static_cast<void>(decode_hello(bytes));
  static_cast<void>(decode_setup(bytes));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  require(is_clean_text(clean_text(text)));
  require(is_clean_text(cut_text(clean_text(text), 16)));
  return 0;
}

#include "symbolizer/worker/symbol_writer.h"

#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/text.h"

namespace pprofd::symbolizer {
namespace {

constexpr size_t kSymbolOverhead = 40; // of a symbol in a message, at most

} // namespace

SymbolWriter::SymbolWriter(uint64_t id, NameStyle style, size_t mangled_length, const Send& send)
    : id_(id), style_(style), mangled_length_(mangled_length), send_(&send) {
  reply_.set_id(id);
}

bool SymbolWriter::add(const Symbol& symbol) {
  std::string name = cut_text(clean_text(demangle(symbol.name, style_, mangled_length_)), kMaxText);
  const size_t size = name.size() + kSymbolOverhead;
  if (size_ + size > kListRoom && !flush())
    return false;
  size_ += size;
  worker::SymbolReply::Symbol& entry = *reply_.add_symbols();
  entry.set_start(symbol.start.value);
  entry.set_size(symbol.size);
  entry.set_source(static_cast<uint32_t>(symbol.origin));
  entry.set_name(std::move(name));
  return true;
}

void SymbolWriter::finish(const ElfImage& image, const SymbolTable& table,
                          const std::string& notes) {
  if (size_ != 0 && !flush())
    return;
  reply_.set_last(true);
  reply_.set_build_id(image.build_id().data(), image.build_id().size());
  worker::SymbolReply::Facts& facts = *reply_.mutable_facts();
  for (size_t i = 0; i < kSymbolOrigins; ++i) {
    worker::SymbolReply::Source& source = *facts.add_sources();
    const auto origin = static_cast<SymbolOrigin>(i);
    source.set_name(std::string(name_of(origin)));
    source.set_symbols(table.count(origin));
  }
  facts.set_memory(table.memory());
  if (!notes.empty())
    facts.add_notes(cut_text(clean_text(notes), kMaxFailure));
  (*send_)(reply_);
}

bool SymbolWriter::flush() {
  const bool sent = (*send_)(reply_);
  reply_.Clear();
  reply_.set_id(id_);
  size_ = 0;
  return sent;
}

} // namespace pprofd::symbolizer

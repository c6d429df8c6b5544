// Puts the list of a file's symbols into replies. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "proto/worker.pb.h"
#include "symbolizer/demangle/demangle.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/symbols/symbol_table.h"

namespace pprofd::symbolizer {

class SymbolWriter {
public:
  // Takes one reply; false: nobody listens any more.
  using Send = std::function<bool(const worker::SymbolReply&)>;

  // `send` must outlive this.
  SymbolWriter(uint64_t id, NameStyle style, size_t mangled_length, const Send& send);

  // Symbols in address order. False: nobody listens any more.
  bool add(const Symbol& symbol);

  // The last reply. `notes`: what could not be used.
  void finish(const ElfImage& image, const SymbolTable& table, const std::string& notes);

private:
  bool flush();

  uint64_t id_;
  NameStyle style_;
  size_t mangled_length_;
  const Send* send_;
  worker::SymbolReply reply_;
  size_t size_ = 0; // of the reply, at most
};

} // namespace pprofd::symbolizer

// A jitdump that grows: what was read in two pieces answers as what was read at once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "symbolizer/jit_dump/jit_dump.h"

using pprofd::symbolizer::ByteSource;
using pprofd::symbolizer::JitDump;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2)
    return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  const ByteSource whole = ByteSource::of_memory(bytes);
  JitDump at_once;
  at_once.read(whole);
  JitDump grown;
  grown.read(ByteSource::of_memory(bytes.first(bytes.size() * data[0] / 256)));
  grown.read(whole);
  if (grown.damaged() != at_once.damaged() || at_once.size() != grown.size())
    std::abort();
  for (uint64_t address = 0x1000; address < 0x3000; address += 0x55)
    for (const uint64_t time : {uint64_t{15}, uint64_t{25}, JitDump::kNow}) {
      const auto a = at_once.find(whole, address, time);
      const auto b = grown.find(whole, address, time);
      if (a.has_value() != b.has_value() ||
          (a && (a->name != b->name || a->start != b->start || a->line != b->line)))
        std::abort();
      if (a && (a->start > address || a->name.size() > JitDump::kMostName))
        std::abort();
    }
  return 0;
}

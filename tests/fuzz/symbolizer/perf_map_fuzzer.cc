// A perf map that grows: what was read in two pieces answers as what was read at once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "symbolizer/perf_map/perf_map.h"

using pprofd::symbolizer::ByteSource;
using pprofd::symbolizer::PerfMap;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2)
    return 0;
  const auto text = std::as_bytes(std::span(data, size)).subspan(1);
  const ByteSource whole = ByteSource::of_memory(text);
  PerfMap at_once;
  at_once.read(whole);
  PerfMap grown;
  grown.read(ByteSource::of_memory(text.first(text.size() * data[0] / 256)));
  grown.read(whole);
  if (at_once.size() != grown.size() || at_once.malformed() != grown.malformed())
    std::abort();
  for (uint64_t address = 0; address < 0x4000; address += 0x101) {
    const auto a = at_once.find(whole, address);
    const auto b = grown.find(whole, address);
    if (a.has_value() != b.has_value() || (a && (a->name != b->name || a->start != b->start)))
      std::abort();
    if (a && (a->start > address || a->name.size() > PerfMap::kMostName))
      std::abort();
  }
  return 0;
}

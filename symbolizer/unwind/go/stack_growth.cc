#include "symbolizer/unwind/go/stack_growth.h"

#include <limits>

namespace pprofd::symbolizer::go {
namespace {

constexpr size_t kCacheBytes = 1 << 20;
constexpr size_t kMaxPieces = 100'000;

} // namespace

std::optional<StackGrowth> StackGrowth::open(const ByteSource& source, const ElfImage& image) {
  auto table = FunctionTable::open(source, image, kCacheBytes);
  if (!table || table->header().layout < Layout::kGo118)
    return std::nullopt;
  return StackGrowth(std::move(*table));
}

bool StackGrowth::read(uint32_t index, Function& function) {
  function.name.clear();
  function.pieces.clear();
  const auto entry = table_.entry(index);
  const auto record = entry ? table_.record(*entry) : std::nullopt;
  if (!record)
    return false;
  function.start = entry->start;
  function.end = entry->end;
  function.writes_sp = (record->flags & Record::kWritesSp) != 0;
  if (record->id != 0 || record->flags != 0)
    function.name = table_.name(record->name);
  return record->growth == 0 || read_pieces(record->growth, function);
}

bool StackGrowth::read_pieces(uint32_t offset, Function& function) {
  PcValueReader reader = table_.numbers(offset);
  uint64_t pc = function.start;
  bool sound = true;
  reader.read(table_.blocks(), [&](const PcValue& piece) {
    sound = piece.size != 0 && piece.size <= function.end - pc && piece.value >= 0 &&
            piece.value <= std::numeric_limits<int32_t>::max() / 2 &&
            function.pieces.size() < kMaxPieces;
    if (!sound)
      return false;
    function.pieces.push_back({.start = pc, .end = pc + piece.size, .growth = piece.value});
    pc += piece.size;
    return pc < function.end;
  });
  return sound && !reader.failed();
}

} // namespace pprofd::symbolizer::go

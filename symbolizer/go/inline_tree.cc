#include "symbolizer/go/inline_tree.h"

#include "symbolizer/elf/cursor.h"

namespace pprofd::symbolizer::go {
namespace {

// Kinds of data, as releases have numbered them.
struct Kinds {
  uint32_t pcdata;
  uint32_t funcdata;
};
constexpr Kinds kGo19 = {.pcdata = 1, .funcdata = 2};
constexpr Kinds kGo113 = {.pcdata = 2, .funcdata = 4};
constexpr Kinds kGo116 = {.pcdata = 2, .funcdata = 3};

// Go 1.13 began to describe its builds, in a section of its own.
Kinds kinds_of(const FunctionTable& table, const ElfImage& image) {
  if (table.header().layout >= Layout::kGo116)
    return kGo116;
  return image.find_section(".go.buildinfo") != nullptr ? kGo113 : kGo19;
}

constexpr uint64_t kSize = 16;
constexpr uint64_t kSizeGo112 = 20;

} // namespace

InlineTree::InlineTree(FunctionTable& table, const ByteSource& source, const ElfImage& image,
                       const Record& record) {
  const Kinds kinds = kinds_of(table, image);
  const auto address = table.funcdata(record, kinds.funcdata);
  const auto place = address ? file_range_at(source, image, *address) : std::nullopt;
  if (!place)
    return;
  numbers_ = table.pcdata(record, kinds.pcdata);
  calls_ = *place;
  form_ = record.before_go112                       ? Form::kGo19
          : table.header().layout >= Layout::kGo120 ? Form::kGo120
                                                    : Form::kGo112;
}

std::optional<InlinedCall> InlineTree::call(FunctionTable& table, int32_t index) const {
  const uint64_t size = form_ == Form::kGo112 ? kSizeGo112 : kSize;
  if (index < 0 || index >= kMaxCalls || calls_.size < size ||
      static_cast<uint64_t>(index) > (calls_.size - size) / size)
    return std::nullopt;
  Cursor cursor(table.blocks().at(calls_.offset + static_cast<uint64_t>(index) * size, size));
  InlinedCall call;
  call.parent = cursor.read<int32_t>(); // since Go 1.12 other things as well
  if (form_ != Form::kGo120) {
    call.file = cursor.read<int32_t>();
    call.line = cursor.read<int32_t>();
  }
  call.name = cursor.read<uint32_t>();
  if (form_ != Form::kGo19)
    call.caller = cursor.read<uint32_t>();
  if (form_ == Form::kGo120)
    call.start_line = cursor.read<uint32_t>();
  return cursor.failed() ? std::nullopt : std::optional(call);
}

} // namespace pprofd::symbolizer::go

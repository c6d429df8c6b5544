// The calls that were inlined into a function (FUNCDATA_InlTree), since Go 1.9.
//
// Source: runtime/symtab.go of Go 1.9 to 1.19, runtime/symtabinl.go since, runtime/funcdata.h.
#pragma once

#include <cstdint>
#include <optional>

#include "symbolizer/go/function_table.h"

namespace pprofd::symbolizer::go {

struct InlinedCall {
  uint32_t name = 0;       // of the called function: offset in the names
  uint32_t start_line = 0; // of the called function; since Go 1.20
  // Since Go 1.12: an instruction of the caller, by its offset from the function's start.
  std::optional<uint32_t> caller;
  // Before: the caller's call, and its position.
  int32_t parent = 0;
  int32_t file = 0;
  int32_t line = 0;
};

class InlineTree {
public:
  InlineTree() = default;
  // A function's; without calls where it has none.
  InlineTree(FunctionTable& table, const ByteSource& source, const ElfImage& image,
             const Record& record);

  // Offset of the numbers of the innermost call by address; 0: none.
  [[nodiscard]] uint32_t numbers() const { return numbers_; }
  // Call number `index`; nullopt where there is none. Nothing says how many there are.
  std::optional<InlinedCall> call(FunctionTable& table, int32_t index) const;

private:
  enum class Form : uint8_t { kGo19, kGo112, kGo120 };
  static constexpr int32_t kMaxCalls = 1 << 20;

  Form form_ = Form::kGo120;
  uint32_t numbers_ = 0;
  FileRange calls_;
};

} // namespace pprofd::symbolizer::go

// How rows are kept: as text, or compressed as ClickHouse, DuckDB and Athena read it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd {

enum class Compression : uint8_t { kNone, kGzip, kZstd };

// What a file's name says by its end: .gz, .zst or neither.
Compression compression_of(std::string_view name);
// ".gz", ".zst" or nothing.
std::string_view ending_of(Compression compression);

// A part of a file; the whole is one part behind the other.
Result<std::string> compressed(std::string_view bytes, Compression compression);

} // namespace pprofd

#include "daemon/unwind/compile.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace pprofd {

namespace {

using symbolizer::ElfSegment;
using symbolizer::RowBatch;

bool is_gap(const unwind_rule& rule) {
  return rule.cfa == UNWIND_CFA_NONE;
}

// The offset of an address; a gap may stand behind a segment's last byte.
std::optional<uint64_t> offset_of(std::span<const ElfSegment> segments, uint64_t address,
                                  bool gap) {
  for (const ElfSegment& segment : segments) {
    const uint64_t from_start = address - segment.address.value;
    if (address >= segment.address.value &&
        (from_start < segment.file_size || (gap && from_start == segment.file_size)))
      return segment.offset + from_start;
  }
  return std::nullopt;
}

// ELF states rows by address, the kernel looks them up by offset. False: the order of the file's
// segments is not that of their addresses.
bool to_offsets(CompiledRows& rows, uint64_t base, std::span<const ElfSegment> segments) {
  size_t kept = 0;
  for (size_t at = 0; at < rows.offsets.size(); ++at) {
    const bool gap = is_gap(rows.distinct[rows.rules[at]]);
    const auto offset = offset_of(segments, base + rows.offsets[at], gap);
    if (!offset || *offset > std::numeric_limits<uint32_t>::max())
      continue;
    // Where two segments meet in the file, one's end is the other's start.
    if (kept != 0 && *offset == rows.offsets[kept - 1] &&
        is_gap(rows.distinct[rows.rules[kept - 1]]))
      --kept;
    if (kept != 0 && *offset <= rows.offsets[kept - 1])
      return false;
    rows.offsets[kept] = static_cast<uint32_t>(*offset);
    rows.rules[kept++] = rows.rules[at];
  }
  rows.offsets.resize(kept);
  rows.rules.resize(kept);
  return true;
}

} // namespace

Result<CompiledRows> compile_rows(symbolizer::WorkerClient& worker,
                                  const TableService::File& file) {
  CompiledRows rows;
  const auto facts = worker.compile_rows(
      file.id, file.fd.get(), symbolizer::kTableRows, [&rows](const RowBatch& batch) {
        rows.offsets.insert(rows.offsets.end(), batch.addresses.begin(), batch.addresses.end());
        rows.rules.insert(rows.rules.end(), batch.rules.begin(), batch.rules.end());
        rows.distinct.insert(rows.distinct.end(), batch.new_rules.begin(), batch.new_rules.end());
      });
  if (!facts.failure.empty())
    return fail("compile unwind rows", facts.failure);
  if (!file.expected_build_id.empty() && facts.build_id != file.expected_build_id)
    return fail("compile unwind rows", "the file found has build id '" + facts.build_id +
                                           "', the one that ran '" + file.expected_build_id + "'");
  if (!to_offsets(rows, facts.base.value, facts.segments))
    return fail("compile unwind rows", "the file's segments are out of order");
  return rows;
}

} // namespace pprofd

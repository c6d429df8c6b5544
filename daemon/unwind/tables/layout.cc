#include "daemon/unwind/tables/layout.h"

#include <algorithm>
#include <limits>

namespace pprofd {

namespace {

constexpr uint32_t kSpan = 0x10000; // what 16 bits of address reach

TableChunks row_chunks(uint32_t table, std::span<const TableRow> rows) {
  TableChunks chunks;
  while (!rows.empty()) {
    pprofd_table_chunk chunk{};
    chunk.key = {.owner = table, .chunk = static_cast<uint32_t>(chunks.size())};
    chunk.base = rows.front().address;
    while (chunk.count < rows.size() && chunk.count < PPROFD_TABLE_ROWS &&
           rows[chunk.count].address - chunk.base < kSpan) {
      const TableRow& row = rows[chunk.count];
      chunk.rows[chunk.count++] = (row.address - chunk.base) | (uint32_t{row.rule} << 16);
    }
    rows = rows.subspan(chunk.count);
    chunk.end = rows.empty() ? std::numeric_limits<uint32_t>::max() : rows.front().address;
    chunks.push_back(chunk);
  }
  return chunks;
}

// One directory for at most PPROFD_TABLE_ROWS of `chunks`.
pprofd_table_chunk directory_of(pprofd_chunk_key key, std::span<const pprofd_table_chunk> chunks) {
  pprofd_table_chunk directory{};
  directory.key = key;
  for (const pprofd_table_chunk& chunk : chunks)
    directory.rows[directory.count++] = chunk.base;
  directory.base = directory.count == 0 ? 0 : directory.rows[0];
  return directory;
}

} // namespace

TableChunks lay_out(uint32_t table, std::span<const TableRow> rows) {
  TableChunks all = row_chunks(table, rows);
  const pprofd_chunk_key top{.owner = table, .chunk = PPROFD_DIRECTORY_CHUNK};
  const size_t chunks = all.size();
  if (chunks <= PPROFD_TABLE_ROWS) {
    all.push_back(directory_of(top, all));
    all.back().levels = chunks == 0 ? PPROFD_TABLE_EMPTY : PPROFD_TABLE_CHUNKS;
    return all;
  }
  TableChunks folders;
  for (size_t first = 0; first < chunks; first += PPROFD_TABLE_ROWS) {
    const size_t count = std::min<size_t>(PPROFD_TABLE_ROWS, chunks - first);
    const auto number = PPROFD_TABLE_DIRECTORY_LEVEL2 | static_cast<uint32_t>(folders.size());
    folders.push_back(
        directory_of({.owner = table, .chunk = number}, std::span(all).subspan(first, count)));
    folders.back().end = static_cast<uint32_t>(first);
  }
  all.insert(all.end(), folders.begin(), folders.end());
  all.push_back(directory_of(top, folders));
  all.back().levels = PPROFD_TABLE_FOLDERS;
  return all;
}

} // namespace pprofd

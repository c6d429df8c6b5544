#include "daemon/unwind/tables/table_store.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace pprofd {

namespace {

// What find_rule() reads by; chunks and rules are copied out of the kernel.
struct Reader {
  const UnwindMaps* maps = nullptr;
  pprofd_table_chunk chunk{};
  unwind_rule rule{};
};

} // namespace

} // namespace pprofd

// The search, for user space (bpf/unwind_lookup.h).
#include "bpf/unwind_lookup.h"

UNWIND_INLINE const struct pprofd_space_chunk* unwind_space_chunk(void* /*world*/,
                                                                  const pprofd_chunk_key* /*key*/) {
  return nullptr; // mappings are the process table's here
}

UNWIND_INLINE const struct pprofd_table_chunk* unwind_table_chunk(void* world,
                                                                  const pprofd_chunk_key* key) {
  auto* reader = static_cast<pprofd::Reader*>(world);
  return reader->maps->read_table_chunk(*key, reader->chunk) ? &reader->chunk : nullptr;
}

UNWIND_INLINE const struct unwind_rule* unwind_rule_at(void* world, __u32 index) {
  auto* reader = static_cast<pprofd::Reader*>(world);
  return reader->maps->read_rule(index, reader->rule) ? &reader->rule : nullptr;
}

namespace pprofd {

TableStore::TableStore(UnwindMaps maps, size_t limit)
    : maps_(maps), limit_(limit), rules_([this](uint32_t index, const unwind_rule& rule) {
        return maps_.put_rule(index, rule);
      }) {}

size_t TableStore::bytes_of(size_t chunks) {
  return chunks * kTableChunkBytes;
}

bool TableStore::install(uint32_t table, const CompiledRows& rows) {
  const std::scoped_lock lock(mutex_);
  erase(table);
  Table made{.chunks = {}, .rules = {}, .rows = rows.offsets.size(), .last_use = ++uses_};
  for (const unwind_rule& rule : rows.distinct) {
    const auto index = rules_.use(rule);
    if (!index)
      break;
    made.rules.push_back(*index);
  }
  const auto give_up = [&] {
    for (const uint16_t index : made.rules)
      rules_.release(index);
    ++stats_.refused;
    return false;
  };
  if (made.rules.size() != rows.distinct.size())
    return give_up();
  std::vector<TableRow> laid(rows.offsets.size());
  for (size_t at = 0; at < laid.size(); ++at)
    laid[at] = {rows.offsets[at], made.rules[rows.rules[at]]};
  const TableChunks chunks = lay_out(table, laid);
  if (!make_room(bytes_of(chunks.size())) || !maps_.put_table(chunks))
    return give_up();
  for (const pprofd_table_chunk& chunk : chunks)
    made.chunks.push_back(chunk.key.chunk);
  bytes_ += bytes_of(chunks.size());
  stats_.rows += made.rows;
  tables_.emplace(table, std::move(made));
  return true;
}

bool TableStore::make_room(size_t bytes) {
  if (bytes > limit_)
    return false;
  while (bytes_ + bytes > limit_) {
    const auto order = [this](const auto& item) {
      const auto mapped = mapped_.find(item.first);
      return std::tuple(mapped != mapped_.end() && mapped->second, item.second.last_use);
    };
    const auto last = std::ranges::min_element(tables_, {}, order);
    if (last == tables_.end())
      return false;
    evicted_.push_back(last->first);
    ++stats_.evicted;
    erase(last->first);
  }
  return true;
}

void TableStore::erase(uint32_t number) {
  const auto found = tables_.find(number);
  if (found == tables_.end())
    return;
  const Table& table = found->second;
  maps_.erase_table(number, table.chunks);
  for (const uint16_t index : table.rules)
    rules_.release(index);
  bytes_ -= bytes_of(table.chunks.size());
  stats_.rows -= table.rows;
  tables_.erase(found);
}

void TableStore::set_limit(size_t limit) {
  const std::scoped_lock lock(mutex_);
  limit_ = limit;
  make_room(0);
}

void TableStore::remove(uint32_t table) {
  const std::scoped_lock lock(mutex_);
  erase(table);
  mapped_.erase(table);
}

bool TableStore::has(uint32_t table) const {
  const std::scoped_lock lock(mutex_);
  return tables_.contains(table);
}

void TableStore::touch(uint32_t table) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = tables_.find(table); found != tables_.end())
    found->second.last_use = ++uses_;
}

void TableStore::set_mapped(uint32_t table, bool mapped) {
  const std::scoped_lock lock(mutex_);
  mapped_[table] = mapped;
}

std::vector<uint32_t> TableStore::take_evicted() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(evicted_, {});
}

unwind_lookup TableStore::find(uint32_t table, uint64_t offset, unwind_found& found) const {
  // A copy of an element may be torn where it is removed meanwhile.
  const std::scoped_lock lock(mutex_);
  Reader reader{.maps = &maps_};
  return find_rule(&reader, table, offset, &found);
}

void TableStore::settle() {
  const std::scoped_lock lock(mutex_);
  rules_.settle();
}

TableStats TableStore::stats() const {
  const std::scoped_lock lock(mutex_);
  TableStats stats = stats_;
  stats.tables = tables_.size();
  stats.rules = rules_.size();
  stats.bytes = bytes_;
  return stats;
}

} // namespace pprofd

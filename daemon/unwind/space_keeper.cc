#include "daemon/unwind/space_keeper.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "daemon/kernel/vdso.h"

namespace pprofd {

namespace {

constexpr uint64_t kPage = 4096;

auto key_of(const pprofd_mapping& mapping) {
  return std::tuple(mapping.start, mapping.bias, mapping.pages, mapping.table);
}

} // namespace

bool SpaceKeeper::MappingsLess::operator()(const Mappings& a, const Mappings& b) const {
  return std::ranges::lexicographical_compare(
      a, b, [](const auto& x, const auto& y) { return key_of(x) < key_of(y); });
}

uint32_t SpaceKeeper::table_of(const Mapping& mapping) {
  if (mapping.kind == MappingKind::file)
    return tables_->table_of(mapping.executable->id.value);
  if (mapping.kind == MappingKind::vdso)
    return tables_->table_of(kVdsoFileId);
  return PPROFD_TABLE_NO_ROWS;
}

SpaceKeeper::Mappings SpaceKeeper::mappings_of(const Process& process) {
  Mappings mappings;
  const auto& live = process.space.live();
  // What does not fit is unwound in user space.
  constexpr uint32_t kMost = PPROFD_SPACE_MAX_MAPPINGS;
  const size_t count = std::min<size_t>(live.size(), kMost);
  mappings.reserve(count);
  for (const Mapping& mapping : std::span(live).first(count))
    mappings.push_back(
        {.start = mapping.start.value,
         .bias = mapping.start.value - mapping.offset.value,
         .pages = static_cast<uint32_t>((mapping.end.value - mapping.start.value) / kPage),
         .table = table_of(mapping)});
  return mappings;
}

void SpaceKeeper::update(const Process& process) {
  if (process.exited || process.kernel_thread || process.space.live().empty()) {
    forget(process);
    return;
  }
  const auto [known, is_new] = spaces_of_.try_emplace(process.serial, spaces_.end());
  const auto before = known->second;
  const auto now = use(mappings_of(process));
  if (now == spaces_.end()) {
    forget(process);
    return;
  }
  known->second = now;
  // Only a sample tells the exact start time; until then the pid alone must do.
  const uint64_t start_time =
      process.start_precision == StartPrecision::exact ? process.start_time : 0;
  const auto pid = static_cast<uint32_t>(process.pid);
  if (maps_.put_process(pid, {.start_time = start_time,
                              .space = now->second.number,
                              .mappings = static_cast<uint32_t>(now->first.size()),
                              .pid = pid,
                              .pad = 0}))
    serial_of_[pid] = process.serial;
  if (!is_new && before != spaces_.end())
    release(before);
}

void SpaceKeeper::forget(const Process& process) {
  // The kernel may know of it without us: it inherits at fork. Or the pid is another's by now.
  const auto pid = static_cast<uint32_t>(process.pid);
  const auto owner = serial_of_.find(pid);
  if (owner == serial_of_.end() || owner->second == process.serial) {
    maps_.erase_process(pid);
    serial_of_.erase(pid);
  }
  const auto known = spaces_of_.find(process.serial);
  if (known == spaces_of_.end())
    return;
  const Spaces::iterator space = known->second;
  spaces_of_.erase(known);
  if (space != spaces_.end())
    release(space);
}

SpaceKeeper::Spaces::iterator SpaceKeeper::use(Mappings mappings) {
  auto [at, is_new] = spaces_.try_emplace(std::move(mappings));
  if (is_new) {
    at->second.number = unused_number();
    if (!write(at->second.number, at->first)) {
      numbers_.erase(at->second.number);
      spaces_.erase(at);
      return spaces_.end();
    }
    for (const pprofd_mapping& mapping : at->first) {
      if (mapping.table >= PPROFD_TABLE_FIRST)
        tables_->add_user(mapping.table);
    }
  }
  ++at->second.users;
  return at;
}

void SpaceKeeper::release(Spaces::iterator space) {
  if (--space->second.users != 0)
    return;
  erase(space->second.number, space->first.size());
  for (const pprofd_mapping& mapping : space->first) {
    if (mapping.table >= PPROFD_TABLE_FIRST)
      tables_->remove_user(mapping.table);
  }
  numbers_.erase(space->second.number);
  spaces_.erase(space);
}

// 0 stands for none.
uint32_t SpaceKeeper::unused_number() {
  while (next_ == 0 || !numbers_.insert(next_).second)
    ++next_;
  return next_++;
}

bool SpaceKeeper::write(uint32_t space, const Mappings& mappings) const {
  pprofd_space_chunk directory{};
  directory.owner = space;
  for (size_t first = 0; first < mappings.size(); first += PPROFD_SPACE_MAPPINGS) {
    pprofd_space_chunk chunk{};
    chunk.owner = space;
    chunk.count =
        static_cast<uint32_t>(std::min<size_t>(PPROFD_SPACE_MAPPINGS, mappings.size() - first));
    std::ranges::copy(std::span(mappings).subspan(first, chunk.count), chunk.mappings);
    if (!maps_.put_space_chunk({.owner = space, .chunk = directory.count}, chunk)) {
      erase(space, first);
      return false;
    }
    directory.starts[directory.count++] = mappings[first].start;
  }
  if (directory.count <= 1 ||
      maps_.put_space_chunk({.owner = space, .chunk = PPROFD_DIRECTORY_CHUNK}, directory))
    return true;
  erase(space, mappings.size());
  return false;
}

void SpaceKeeper::erase(uint32_t space, size_t mappings) const {
  if (mappings > PPROFD_SPACE_MAPPINGS)
    maps_.erase_space_chunk({.owner = space, .chunk = PPROFD_DIRECTORY_CHUNK});
  for (uint32_t chunk = 0; size_t{chunk} * PPROFD_SPACE_MAPPINGS < mappings; ++chunk)
    maps_.erase_space_chunk({.owner = space, .chunk = chunk});
}

} // namespace pprofd

#include <algorithm>

#include "daemon/process/process.h"

namespace pprofd {

namespace {

constexpr ProcessAddress kVsyscallStart{0xffffffffff600000};
constexpr ProcessAddress kVsyscallEnd{0xffffffffff601000};

const Mapping* vsyscall_mapping() {
  static const Mapping kMapping{.start = kVsyscallStart,
                                .end = kVsyscallEnd,
                                .offset = {},
                                .id = kVsyscallMappingId,
                                .kind = MappingKind::vsyscall,
                                .executable = nullptr,
                                .name = std::make_shared<const std::string>("[vsyscall]")};
  return &kMapping;
}

bool is_vsyscall(ProcessAddress address) {
  return address >= kVsyscallStart && address < kVsyscallEnd;
}

// The first mapping that ends behind `address`.
template <typename Mappings> auto first_behind(Mappings& mappings, ProcessAddress address) {
  return std::ranges::upper_bound(mappings, address, {}, &Mapping::end);
}

size_t heap_of(const Mapping& mapping) {
  const bool shares_name = mapping.executable && mapping.executable->path == mapping.name;
  return shares_name || !mapping.name ? 0 : mapping.name->capacity() + sizeof(std::string);
}

} // namespace

AddressSpace::AddressSpace() : state_(std::make_shared<State>()) {}

AddressSpace::State& AddressSpace::own() {
  if (state_.use_count() > 1)
    state_ = std::make_shared<State>(*state_);
  state_->index.clear();
  return *state_;
}

const Mapping* AddressSpace::find(ProcessAddress address) const {
  if (is_vsyscall(address))
    return vsyscall_mapping();
  const auto found = first_behind(state_->live, address);
  return found != state_->live.end() && found->contains(address) ? &*found : nullptr;
}

const Mapping* AddressSpace::find(ProcessAddress address, uint64_t time) const {
  const Mapping* live = find(address);
  if (live != nullptr && std::max(live->mapped_at, live->whole_since) <= time)
    return live;
  // Of several that had begun by then, the one that was replaced first held the address: the
  // others grew over it later. Replaced ones stand in the order in which they went.
  const Mapping* later = live;
  for (const Replaced& replaced : state_->replaced) {
    const Mapping& mapping = replaced.mapping;
    if (!mapping.contains(address) || replaced.until <= time)
      continue;
    if (mapping.mapped_at <= time)
      return &mapping;
    if (later == nullptr || mapping.mapped_at < later->mapped_at)
      later = &mapping;
  }
  return live != nullptr && live->mapped_at <= time ? live : later;
}

const Mapping* AddressSpace::by_id(uint32_t id) const {
  if (id == kVsyscallMappingId)
    return vsyscall_mapping();
  State& state = *state_;
  if (state.index.empty()) {
    for (size_t at = 0; at < state.live.size(); ++at)
      state.index.emplace_back(state.live[at].id, at);
    for (size_t at = 0; at < state.replaced.size(); ++at)
      state.index.emplace_back(state.replaced[at].mapping.id, state.live.size() + at);
    std::ranges::sort(state.index);
  }
  const auto found =
      std::ranges::lower_bound(state.index, id, {}, &std::pair<uint32_t, size_t>::first);
  if (found == state.index.end() || found->first != id)
    return nullptr;
  const size_t at = found->second;
  return at < state.live.size() ? &state.live[at] : &state.replaced[at - state.live.size()].mapping;
}

bool AddressSpace::continues(const Mapping& mapping, const Mapping& neighbour) {
  if (mapping.kind != neighbour.kind || mapping.start > neighbour.end ||
      neighbour.start > mapping.end)
    return false;
  if (mapping.kind == MappingKind::anonymous)
    return true;
  return mapping.kind == MappingKind::file && mapping.executable == neighbour.executable &&
         mapping.start.value - mapping.offset.value ==
             neighbour.start.value - neighbour.offset.value;
}

void AddressSpace::replace(State& state, Mapping mapping, uint64_t time) {
  if (state.replaced.size() >= kMaxReplaced)
    state.replaced.erase(state.replaced.begin(), state.replaced.begin() + (kMaxReplaced / 2));
  state.replaced.push_back({std::move(mapping), time});
}

void AddressSpace::carve(State& state, ProcessAddress start, ProcessAddress end, uint64_t time) {
  const auto first = first_behind(state.live, start);
  auto last = first;
  std::vector<Mapping> remainders;
  for (; last != state.live.end() && last->start < end; ++last) {
    if (last->start < start) {
      Mapping& left = remainders.emplace_back(*last);
      left.end = start;
    }
    if (last->end > end) {
      Mapping& right = remainders.emplace_back(*last);
      right.offset = last->file_offset(end);
      right.start = end;
    }
    replace(state, std::move(*last), time);
  }
  for (Mapping& remainder : remainders) {
    remainder.id = state.next_id++;
    remainder.mapped_at = time;
    remainder.whole_since = 0;
  }
  const auto hole = state.live.erase(first, last);
  state.live.insert(hole, std::make_move_iterator(remainders.begin()),
                    std::make_move_iterator(remainders.end()));
}

void AddressSpace::map(Mapping mapping) {
  if (mapping.end <= mapping.start)
    return;
  const auto containing = first_behind(state_->live, mapping.start);
  if (containing != state_->live.end() && containing->start <= mapping.start &&
      containing->end >= mapping.end && continues(mapping, *containing))
    return;
  State& state = own();
  const uint64_t time = mapping.mapped_at;
  const ProcessAddress start = mapping.start;
  const ProcessAddress end = mapping.end;
  mapping.id = 0;
  // Neighbours that this one continues become part of it, the lowest gives its id.
  auto at = std::ranges::lower_bound(state.live, start, {}, &Mapping::end);
  while (at != state.live.end() && at->start <= end) {
    if (!continues(mapping, *at)) {
      ++at;
      continue;
    }
    if (at->start < mapping.start) {
      mapping.offset = at->offset;
      mapping.start = at->start;
    }
    mapping.end = std::max(mapping.end, at->end);
    if (mapping.id == 0) {
      mapping.id = at->id;
      mapping.mapped_at = at->mapped_at;
      mapping.whole_since = time;
    } else {
      replace(state, *at, time);
    }
    at = state.live.erase(at);
  }
  carve(state, start, end, time);
  if (mapping.id == 0)
    mapping.id = state.next_id++;
  state.live.insert(first_behind(state.live, mapping.start), std::move(mapping));
}

void AddressSpace::clear(uint64_t time) {
  State& state = own();
  for (Mapping& mapping : state.live)
    replace(state, std::move(mapping), time);
  state.live.clear();
}

void AddressSpace::assign(std::vector<Mapping> snapshot, uint64_t time) {
  State& state = own();
  std::vector<bool> kept(state.live.size());
  std::vector<Mapping> now;
  now.reserve(snapshot.size());
  for (Mapping& mapping : snapshot) {
    if (!now.empty() && continues(mapping, now.back())) {
      now.back().end = std::max(now.back().end, mapping.end);
      continue;
    }
    mapping.mapped_at = time;
    mapping.id = 0;
    for (auto at = first_behind(state.live, mapping.start);
         at != state.live.end() && at->start < mapping.end; ++at) {
      const auto position = static_cast<size_t>(at - state.live.begin());
      if (kept[position] || !continues(mapping, *at))
        continue;
      kept[position] = true;
      mapping.id = at->id;
      mapping.mapped_at = at->mapped_at;
      mapping.whole_since =
          mapping.start < at->start || mapping.end > at->end ? time : at->whole_since;
      break;
    }
    if (mapping.id == 0)
      mapping.id = state.next_id++;
    now.push_back(std::move(mapping));
  }
  for (size_t position = 0; position < kept.size(); ++position)
    if (!kept[position])
      replace(state, std::move(state.live[position]), time);
  state.live = std::move(now);
}

void AddressSpace::forget_replaced(uint64_t time) {
  const auto old = [&](const Replaced& replaced) { return replaced.until < time; };
  if (std::ranges::any_of(state_->replaced, old))
    std::erase_if(own().replaced, old);
}

size_t AddressSpace::memory() const {
  size_t bytes = sizeof(State) + (state_->live.capacity() * sizeof(Mapping)) +
                 (state_->replaced.capacity() * sizeof(Replaced)) +
                 (state_->index.capacity() * sizeof(state_->index[0]));
  for (const Mapping& mapping : state_->live)
    bytes += heap_of(mapping);
  for (const Replaced& replaced : state_->replaced)
    bytes += heap_of(replaced.mapping);
  return bytes;
}

} // namespace pprofd

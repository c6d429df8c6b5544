// The maps of bpf/unwind_maps.h, made for a test and empty. They need root and a kernel that allows
// BPF; a test without them is skipped.
#pragma once

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "daemon/unwind/tables/unwind_maps.h"
#include "symbolizer/base/fd.h"

namespace pprofd::test {

class KernelMaps {
public:
  struct Sizes {
    uint32_t spaces = 65536;
    uint32_t tables = 65536;
  };

  KernelMaps() : KernelMaps(Sizes()) {}
  explicit KernelMaps(Sizes sizes)
      : processes_(hash(sizeof(uint32_t), sizeof(pprofd_process), 65536)),
        spaces_(hash(sizeof(pprofd_chunk_key), sizeof(pprofd_space_chunk), sizes.spaces)),
        tables_(hash(sizeof(pprofd_chunk_key), sizeof(pprofd_table_chunk), sizes.tables)),
        rules_(::bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", sizeof(uint32_t), sizeof(unwind_rule),
                                PPROFD_MAX_RULES, nullptr)) {}

  [[nodiscard]] bool made() const {
    return processes_.get() >= 0 && spaces_.get() >= 0 && tables_.get() >= 0 && rules_.get() >= 0;
  }
  [[nodiscard]] UnwindMaps maps() const {
    return UnwindMaps({.processes = processes_.get(),
                       .spaces = spaces_.get(),
                       .tables = tables_.get(),
                       .rules = rules_.get()});
  }

  [[nodiscard]] size_t processes() const { return entries<uint32_t>(processes_.get()); }
  [[nodiscard]] size_t space_chunks() const { return entries<pprofd_chunk_key>(spaces_.get()); }
  [[nodiscard]] size_t table_chunks() const { return entries<pprofd_chunk_key>(tables_.get()); }

  bool process(uint32_t pid, pprofd_process& process) const {
    return read(processes_.get(), pid, process);
  }
  bool space_chunk(pprofd_chunk_key key, pprofd_space_chunk& chunk) const {
    return read(spaces_.get(), key, chunk);
  }

private:
  static Fd hash(uint32_t key, uint32_t value, uint32_t entries) {
    bpf_map_create_opts options{};
    options.sz = sizeof(options);
    options.map_flags = BPF_F_NO_PREALLOC;
    return Fd(::bpf_map_create(BPF_MAP_TYPE_HASH, "test", key, value, entries, &options));
  }

  template <typename Key> static size_t entries(int map) {
    size_t count = 0;
    Key key{};
    for (bool more = ::bpf_map_get_next_key(map, nullptr, &key) == 0; more; ++count)
      more = ::bpf_map_get_next_key(map, &key, &key) == 0;
    return count;
  }

  // A program in the kernel looks at an element's owner behind its reading. A copy made by a system
  // call begins with the owner, so that it is made twice: the same, or nothing was read.
  template <typename Key, typename Value> static bool read(int map, const Key& key, Value& value) {
    Value again;
    return ::bpf_map_lookup_elem(map, &key, &value) == 0 &&
           ::bpf_map_lookup_elem(map, &key, &again) == 0 &&
           std::memcmp(&value, &again, sizeof(value)) == 0;
  }

  Fd processes_;
  Fd spaces_;
  Fd tables_;
  Fd rules_;
};

} // namespace pprofd::test

#define PPROFD_NEEDS_MAPS(maps)                                                                    \
  if (!(maps).made())                                                                              \
  GTEST_SKIP() << "needs BPF maps: root and a kernel that allows it"

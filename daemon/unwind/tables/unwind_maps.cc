#include "daemon/unwind/tables/unwind_maps.h"

#include <bpf/bpf.h>

namespace pprofd {

bool UnwindMaps::put_process(uint32_t pid, const pprofd_process& process) const {
  return bpf_map_update_elem(maps_.processes, &pid, &process, BPF_ANY) == 0;
}

bool UnwindMaps::put_space_chunk(pprofd_chunk_key key, const pprofd_space_chunk& chunk) const {
  return bpf_map_update_elem(maps_.spaces, &key, &chunk, BPF_ANY) == 0;
}

bool UnwindMaps::put_table(const TableChunks& chunks) const {
  for (size_t at = 0; at < chunks.size(); ++at) {
    if (bpf_map_update_elem(maps_.tables, &chunks[at].key, &chunks[at], BPF_ANY) == 0)
      continue;
    while (at-- > 0)
      bpf_map_delete_elem(maps_.tables, &chunks[at].key);
    return false;
  }
  return true;
}

bool UnwindMaps::put_rule(uint32_t index, const unwind_rule& rule) const {
  return bpf_map_update_elem(maps_.rules, &index, &rule, BPF_ANY) == 0;
}

void UnwindMaps::erase_process(uint32_t pid) const {
  bpf_map_delete_elem(maps_.processes, &pid);
}

void UnwindMaps::erase_space_chunk(pprofd_chunk_key key) const {
  bpf_map_delete_elem(maps_.spaces, &key);
}

void UnwindMaps::erase_table(uint32_t table, std::span<const uint32_t> chunks) const {
  for (size_t left = chunks.size(); left > 0; --left) {
    const pprofd_chunk_key key{.owner = table, .chunk = chunks[left - 1]};
    bpf_map_delete_elem(maps_.tables, &key);
  }
}

bool UnwindMaps::read_table_chunk(pprofd_chunk_key key, pprofd_table_chunk& chunk) const {
  return bpf_map_lookup_elem(maps_.tables, &key, &chunk) == 0;
}

bool UnwindMaps::read_rule(uint32_t index, unwind_rule& rule) const {
  return bpf_map_lookup_elem(maps_.rules, &index, &rule) == 0;
}

} // namespace pprofd

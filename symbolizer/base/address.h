// Addresses that must not be mixed. All are byte positions; each is a type of its own, so that a
// translation is always visible.
#pragma once

#include <compare>
#include <cstdint>

namespace pprofd {

// A position in a file, as mappings give it.
struct FileOffset {
  uint64_t value = 0;
  auto operator<=>(const FileOffset&) const = default;
};

// A virtual address as the ELF file states it (symbol values, program headers).
struct ElfAddress {
  uint64_t value = 0;
  auto operator<=>(const ElfAddress&) const = default;
};

// Addresses from start to before end.
struct AddressRange {
  ElfAddress start;
  ElfAddress end;
  [[nodiscard]] bool contains(ElfAddress address) const {
    return start <= address && address < end;
  }
};

// An address in a running process (or in the kernel).
struct ProcessAddress {
  uint64_t value = 0;
  auto operator<=>(const ProcessAddress&) const = default;
};

} // namespace pprofd

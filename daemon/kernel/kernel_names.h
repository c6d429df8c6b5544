// Names of kernel addresses that are asked for again and again, window after window. A look-up
// reads all symbols (a tenth of a second), so what lies in a function that is known needs none.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "daemon/kernel/kernel_symbols.h"

namespace pprofd {

// One thread. The kernel's own functions stay where they are; modules, BPF programs and trampolines
// come and go, and another may stand at the same address: their names hold for kKept.
class KernelNames {
public:
  static constexpr std::chrono::seconds kKept{60};

  explicit KernelNames(KernelSymbolPaths paths = {}) : paths_(std::move(paths)) {}

  // Looks up what is not known. `now`: ns of CLOCK_MONOTONIC, never less than before.
  void add(std::span<const ProcessAddress> addresses, uint64_t now);

  // Of an address that was added; nullptr where it has no name.
  [[nodiscard]] const KernelSymbol* find(uint64_t address) const;
  // The addresses seen in a module, or in the kernel where they lie in no known text.
  struct Span {
    uint64_t start;
    uint64_t limit;
  };
  [[nodiscard]] Span span_of(const std::string& module) const;
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] const std::string& hint() const { return hint_; }

private:
  static constexpr size_t kMost = size_t{1} << 16; // names; with more, all are looked up anew

  void forget(uint64_t now);
  void resolve(std::span<const ProcessAddress> addresses);
  [[nodiscard]] const KernelSymbol* known_around(uint64_t address) const;
  void note(uint64_t address, const KernelSymbol* symbol);

  KernelSymbolPaths paths_;
  uint64_t forgot_ = 0;
  std::unordered_set<uint64_t> asked_;
  std::unordered_map<uint64_t, KernelSymbol> symbols_;
  std::map<uint64_t, KernelSymbol> functions_;  // those of symbols_, by their start
  std::unordered_map<std::string, Span> spans_; // by module; the kernel's under ""
  std::string failure_;
  std::string hint_;
};

} // namespace pprofd

// From the FDEs' rows to the file's: gaps, clean-up and known code, on the way to the sink.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "symbolizer/unwind/architecture.h"
#include "symbolizer/unwind/cfi/program.h"
#include "symbolizer/unwind/rows.h"

namespace pprofd::symbolizer {

// Drops rows equal to the one before, end markers where the next function follows at once, and
// merges pairs. Addresses must ascend.
class RowCleaner {
public:
  RowCleaner(const Architecture& architecture, const RowOptions& options, const RowSink& sink,
             UnwindFacts& facts);

  void row(uint64_t address, const unwind_rule& rule);
  void rows(std::span<const cfi::Program::StateRow> rows);
  // Nothing holds from here on.
  void gap(uint64_t address) {
    if (!gap_)
      gap_ = address;
  }
  void finish();

private:
  static constexpr size_t kBatch = 1024;

  void put(uint64_t address, const unwind_rule& rule);
  [[nodiscard]] bool merges(uint64_t address, const unwind_rule& rule) const;
  void pass_on(size_t count);

  const Architecture* architecture_;
  RowOptions options_;
  const RowSink* sink_;
  UnwindFacts* facts_;
  std::optional<uint64_t> gap_;
  unwind_rule holding_{};  // at the end of what was put, merging undone
  std::vector<Row> batch_; // the last row may still be merged
};

// Lays code that call frame information does not describe, or not rightly, over the rows: signal
// trampolines without an 'S' FDE, the ends of coroutines.
class KnownCodeOverlay {
public:
  // Entered by return addresses only, never by a call.
  struct Code {
    uint64_t start = 0;
    uint64_t end = 0;
    unwind_rule rule{};
  };

  explicit KnownCodeOverlay(RowCleaner& cleaner) : cleaner_(&cleaner) {}

  // They must ascend and be added before the rows or gaps at and behind them.
  void add(const Code& code) { code_.push_back(code); }

  void row(uint64_t address, const unwind_rule& rule);
  void rows(std::span<const cfi::Program::StateRow> rows);
  void gap(uint64_t address);
  void finish();

private:
  void lay_until(uint64_t address) {
    if (!code_.empty())
      lay(address);
  }
  void lay(uint64_t address);
  void put(uint64_t address, const unwind_rule& rule);
  void put_below(uint64_t address);

  RowCleaner* cleaner_;
  std::deque<Code> code_;
  bool inside_ = false;
  uint64_t next_ = 0;   // where the next row may stand
  unwind_rule below_{}; // what holds where there is none
};

} // namespace pprofd::symbolizer

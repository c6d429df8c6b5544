// The oracle: libdw's reading of a file's call frame information, one address at a time.
#pragma once

#include <elfutils/libdw.h>

#include <expected>
#include <memory>

#include "symbolizer/base/result.h"
#include "symbolizer/unwind/architecture.h"
#include "tests/differential/rows/rule_text.h"

namespace pprofd::differential {

// Why libdw has no answer.
enum class OracleSilence : uint8_t {
  kNoFrame,   // nothing covers the address
  kInvalid,   // libdw finds the FDE's instructions invalid
  kTerminator // libdw reads .debug_frame up to a zero length only, and this file's goes on
};

struct OracleFrame {
  uint64_t start = 0; // the row holds for these addresses
  uint64_t end = 0;
  RuleText rule;
};

class LibdwFrames {
public:
  static Result<LibdwFrames> open(int fd, const symbolizer::Architecture& architecture);
  LibdwFrames(LibdwFrames&&) = default;

  // What holds at `address`, of .eh_frame or else of .debug_frame.
  std::expected<OracleFrame, OracleSilence> at(uint64_t address);

private:
  struct EndElf {
    void operator()(Elf* elf) const { ::elf_end(elf); }
  };
  struct EndDwarf {
    void operator()(Dwarf* dwarf) const { ::dwarf_end(dwarf); }
  };

  explicit LibdwFrames(const symbolizer::Architecture& architecture)
      : architecture_(&architecture) {}

  const symbolizer::Architecture* architecture_;
  std::unique_ptr<Elf, EndElf> elf_;
  std::unique_ptr<Dwarf, EndDwarf> dwarf_; // none without debug information
  Dwarf_CFI* eh_frame_ = nullptr;          // of elf_
  Dwarf_CFI* debug_frame_ = nullptr;       // of dwarf_
  bool terminated_early_ = false;
};

} // namespace pprofd::differential

// The unwind rules of a process, compiled from the files that it maps.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/unwind/replay.h"
#include "symbolizer/unwind/rows.h"

namespace pprofd::test {

class ProcessRules : public UnwindRules {
public:
  // Reads the mappings again; what was compiled stays. Returns whether they have changed.
  bool update(pid_t pid, TargetMemory& memory);

  unwind_lookup find(uint64_t pc, unwind_found& found) override;

  // What was found for each frame since the last call.
  std::vector<unwind_found> take_found();

  // "libc.so.6+0x1234", by ELF address.
  [[nodiscard]] std::string name(uint64_t pc) const;

private:
  struct File {
    std::vector<symbolizer::Row> rows;
    std::vector<symbolizer::ElfSegment> segments;
    bool has_rows = false;
    std::string problem;
  };
  struct Mapping {
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t bias = 0;
    std::string name;
    std::shared_ptr<const File> file;
    bool operator==(const Mapping&) const = default;
  };

  static File compile(const symbolizer::ByteSource& source);
  std::shared_ptr<const File> file_of(const std::string& path);
  std::shared_ptr<const File> vdso_of(uint64_t start, uint64_t end, TargetMemory& memory);
  [[nodiscard]] const Mapping* mapping_at(uint64_t pc) const;

  std::map<std::string, std::shared_ptr<const File>> files_;
  std::vector<Mapping> mappings_; // executable ones, by address
  std::vector<unwind_found> found_;
};

} // namespace pprofd::test

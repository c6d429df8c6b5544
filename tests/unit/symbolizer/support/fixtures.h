// What the symbolizer's tests are made of: a folder that goes away, commands, ELF files built from
// source, and what binutils say about them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/fd.h"

namespace pprofd::test {

// A folder below $TMPDIR that everybody may read, removed with its content.
class Scratch {
public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] std::string path(std::string_view name) const {
    return folder_ + "/" + std::string(name);
  }
  // Writes a file; returns its path.
  [[nodiscard]] std::string write(std::string_view name, std::string_view content) const;

private:
  std::string folder_;
};

// The standard output of a shell command, which must succeed.
std::string run(const std::string& command);
std::vector<std::string> lines_of(const std::string& text);

std::string read_file(const std::string& path);
Fd open_file(const std::string& path);

// The names of the sections that readelf marks as executable.
std::set<std::string> code_sections(const std::string& file);

// A symbol as nm has it.
struct NmSymbol {
  uint64_t address = 0;
  uint64_t size = 0;
  std::string name; // without version
};
// Defined functions and untyped symbols in executable sections; `options` as nm takes them ("",
// "-D").
std::vector<NmSymbol> nm(const std::string& file, const std::string& options);

// Names by address.
std::map<uint64_t, std::set<std::string>> names_by_address(const std::vector<NmSymbol>& symbols);

// A mangled C++ name whose types nest `levels` deep, each naming the one before twice: its readable
// form has more than 2^levels bytes.
std::string exploding_name(int levels);

} // namespace pprofd::test

// Writes small Go programs' tables of functions by hand, in the form that any release of Go has
// given them, and the ELF files around them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/symbolizer/unwind/cfi_assembler.h"

namespace pprofd::symbolizer::go::test {

using symbolizer::test::Bytes;
using symbolizer::test::Elf;

// Releases that changed what is written here.
enum class Release : uint8_t {
  kGo12,  // no inlined calls
  kGo19,  // with their callers' positions
  kGo112, // by an instruction of the caller
  kGo113, // other numbers for kinds of data
  kGo116,
  kGo118,
  kGo120,
  kGo126, // functions' data in the table, no text's start in its header
  kGo127, // a longer moduledata
};

// A value for so many bytes of code.
struct Piece {
  uint32_t size = 0;
  int32_t value = 0;
};

struct Call {
  std::string name;
  uint32_t start_line = 0;
  uint32_t caller = 0; // offset of an instruction
  // Before Go 1.12.
  int32_t parent = -1;
  int32_t file = 0; // as in Code::files
  int32_t line = 0;
};

struct Code {
  std::string name;
  uint32_t size = 0;
  uint32_t start_line = 0;
  std::vector<Piece> files; // from 0 on
  std::vector<Piece> lines;
  std::vector<Piece> calls; // index in `tree`; -1: none
  std::vector<Call> tree;
};

class Program {
public:
  static constexpr uint64_t kTable = 0x6000;
  static constexpr uint64_t kTableSize = 0x1000;

  explicit Program(Release release) : release_(release) {}

  Program& file(const std::string& name);
  // The functions follow each other from Elf::kText on.
  Program& code(const Code& code);
  // Pointers stand in relocations alone.
  Program& relocated();
  Program& without_module();
  Program& named(std::string_view table_section);

  // The table's bytes may be changed before the file is built.
  Bytes& table();
  [[nodiscard]] Elf elf();

private:
  [[nodiscard]] bool since(Release release) const { return release_ >= release; }
  void write();
  void write_header();
  void write_files();
  void write_function(size_t index, uint64_t address);
  void write_module();
  uint32_t name(const std::string& value);
  uint32_t numbers(const std::vector<Piece>& pieces, int32_t added = 0);
  uint64_t tree(const Code& code); // its address
  void pointer(Bytes& to, uint64_t section, uint64_t offset, uint64_t value);

  Release release_;
  bool relocated_ = false;
  bool has_module_ = true;
  std::string section_ = ".gopclntab";
  std::vector<std::string> files_;
  std::vector<Code> codes_;

  Bytes table_;
  Bytes funcdata_;
  Bytes module_;
  Bytes relocations_;
  uint64_t next_name_ = 0;
  uint64_t next_numbers_ = 1;
  uint64_t next_record_ = 0;
  uint64_t next_tree_ = 0;
};

// Three functions: into main.caller main.middle is inlined, and into that main.leaf; one of
// assembly, with nothing but a name; and one with type arguments.
Program sample(Release release);

} // namespace pprofd::symbolizer::go::test

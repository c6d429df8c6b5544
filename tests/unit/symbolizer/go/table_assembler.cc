#include "tests/unit/symbolizer/go/table_assembler.h"

#include <elf.h>

#include <array>
#include <cstring>

namespace pprofd::symbolizer::go::test {
namespace {

using symbolizer::test::number;
using symbolizer::test::operator+;
using symbolizer::test::uleb;

// Parts of the table.
constexpr uint64_t kNames = 0x200;
constexpr uint64_t kUnits = 0x400;
constexpr uint64_t kFiles = 0x440;
constexpr uint64_t kFileNames = 0x480; // until Go 1.15
constexpr uint64_t kNumbers = 0x500;
constexpr uint64_t kEntries = 0x700;
constexpr uint64_t kRecords = 0x800;
constexpr uint64_t kOwnFuncdata = 0xe00;

constexpr uint64_t kFuncdata = 0x7000;
constexpr uint64_t kModule = 0x7400;
constexpr uint64_t kBuildInfo = 0x7800;
constexpr uint64_t kRelocations = 0x7900;

void put(Bytes& to, uint64_t offset, const Bytes& bytes) {
  if (to.size() < offset + bytes.size())
    to.resize(offset + bytes.size());
  std::memcpy(to.data() + offset, bytes.data(), bytes.size());
}

Bytes text(const std::string& value) {
  Bytes bytes(value.begin(), value.end());
  bytes.push_back(0);
  return bytes;
}

uint32_t magic(Release release) {
  return release >= Release::kGo120   ? 0xfffffff1
         : release >= Release::kGo118 ? 0xfffffff0
         : release >= Release::kGo116 ? 0xfffffffa
                                      : 0xfffffffb;
}

} // namespace

Program& Program::file(const std::string& name) {
  files_.push_back(name);
  return *this;
}

Program& Program::code(const Code& code) {
  codes_.push_back(code);
  return *this;
}

Program& Program::relocated() {
  relocated_ = true;
  return *this;
}

Program& Program::without_module() {
  has_module_ = false;
  return *this;
}

Program& Program::named(std::string_view table_section) {
  section_ = table_section;
  return *this;
}

Bytes& Program::table() {
  if (table_.empty())
    write();
  return table_;
}

void Program::pointer(Bytes& to, uint64_t section, uint64_t offset, uint64_t value) {
  put(to, offset, number(relocated_ ? uint64_t{0} : value));
  if (relocated_)
    relocations_ = relocations_ + number(section + offset) + number(uint64_t{R_X86_64_RELATIVE}) +
                   number(value);
}

uint32_t Program::name(const std::string& value) {
  const uint64_t offset = next_name_;
  put(table_, kNames + offset, text(value));
  next_name_ += value.size() + 1;
  return static_cast<uint32_t>(offset + (since(Release::kGo116) ? 0 : kNames));
}

// `added` to each value but those that mean none.
uint32_t Program::numbers(const std::vector<Piece>& pieces, int32_t added) {
  if (pieces.empty())
    return 0;
  Bytes bytes;
  uint32_t before = UINT32_MAX; // -1; differences may wrap around
  for (const Piece& piece : pieces) {
    const int32_t value = piece.value < 0 ? piece.value : piece.value + added;
    const auto difference = static_cast<int32_t>(static_cast<uint32_t>(value) - before);
    before = static_cast<uint32_t>(value);
    bytes =
        bytes +
        uleb((static_cast<uint32_t>(difference) << 1) ^ static_cast<uint32_t>(difference >> 31)) +
        uleb(piece.size);
  }
  bytes.push_back(0);
  const uint64_t offset = next_numbers_;
  put(table_, kNumbers + offset, bytes);
  next_numbers_ += bytes.size();
  return static_cast<uint32_t>(offset + (since(Release::kGo116) ? 0 : kNumbers));
}

uint64_t Program::tree(const Code& code) {
  Bytes bytes;
  const int32_t first_file = since(Release::kGo116) ? 0 : 1;
  for (const Call& call : code.tree) {
    if (since(Release::kGo120)) {
      bytes = bytes + number(uint32_t{0}) + number(name(call.name)) + number(call.caller) +
              number(call.start_line);
      continue;
    }
    bytes = bytes + number(call.parent) + number(call.file + first_file) + number(call.line) +
            number(name(call.name));
    if (since(Release::kGo112))
      bytes = bytes + number(call.caller);
  }
  const uint64_t offset = next_tree_;
  next_tree_ += bytes.size();
  if (since(Release::kGo126)) {
    put(table_, kOwnFuncdata + offset, bytes);
    return kTable + kOwnFuncdata + offset;
  }
  put(funcdata_, offset, bytes);
  return kFuncdata + offset;
}

void Program::write_header() {
  put(table_, 0, number(magic(release_)) + Bytes{0, 0, 1, 8} + number(uint64_t{codes_.size()}));
  if (!since(Release::kGo116)) {
    put(table_, 16 + (2 * codes_.size() + 1) * 8, number(static_cast<uint32_t>(kFiles)));
    return;
  }
  put(table_, 16, number(uint64_t{files_.size()}));
  const bool has_text = since(Release::kGo118);
  if (has_text && !since(Release::kGo126))
    pointer(table_, kTable, 24, Elf::kText);
  put(table_, has_text ? 32 : 24,
      number(kNames) + number(kUnits) + number(kFiles) + number(kNumbers) + number(kEntries));
}

void Program::write_files() {
  if (!since(Release::kGo116))
    put(table_, kFiles, number(static_cast<uint32_t>(files_.size() + 1)));
  uint64_t at = since(Release::kGo116) ? kFiles : kFileNames;
  for (size_t i = 0; i < files_.size(); ++i) {
    put(table_, at, text(files_[i]));
    if (since(Release::kGo116))
      put(table_, kUnits + 4 * i, number(static_cast<uint32_t>(at - kFiles)));
    else
      put(table_, kFiles + 4 * (i + 1), number(static_cast<uint32_t>(at)));
    at += files_[i].size() + 1;
  }
}

void Program::write_function(size_t index, uint64_t address) {
  const Code& code = codes_[index];
  const bool offsets = since(Release::kGo118);
  const uint64_t base = since(Release::kGo116) ? kEntries : 0;
  const uint64_t entry = (since(Release::kGo116) ? kEntries : 16) + index * (offsets ? 8 : 16);
  const uint64_t at = kRecords + next_record_;
  if (offsets) {
    put(table_, entry,
        number(static_cast<uint32_t>(address - Elf::kText)) +
            number(static_cast<uint32_t>(at - base)));
  } else {
    pointer(table_, kTable, entry, address);
    put(table_, entry + 8, number(at - base));
  }

  const uint32_t pcdata = since(Release::kGo113) ? 2 : 1;
  const uint32_t funcdata = since(Release::kGo116) ? 3 : since(Release::kGo113) ? 4 : 2;
  const bool has_tree = !code.tree.empty() && since(Release::kGo19);
  const auto datas = static_cast<uint8_t>(has_tree ? funcdata + 1 : 0);
  Bytes record = offsets ? number(static_cast<uint32_t>(address - Elf::kText)) : number(address);
  record = record + number(name(code.name)) + Bytes(12, 0) +
           number(numbers(code.files, since(Release::kGo116) ? 0 : 1)) +
           number(numbers(code.lines)) + number(has_tree ? pcdata + 1 : uint32_t{0});
  if (since(Release::kGo116))
    record = record + number(code.files.empty() ? UINT32_MAX : uint32_t{0});
  if (since(Release::kGo120))
    record = record + number(code.start_line);
  if (since(Release::kGo112))
    record = record + Bytes{0, 0, 0, datas};
  else
    record = record + number(uint32_t{datas});
  if (has_tree) {
    record = record + Bytes(size_t{4} * pcdata, 0) + number(numbers(code.calls));
    const uint64_t data = tree(code);
    const uint64_t start = since(Release::kGo126) ? kTable + kOwnFuncdata : kFuncdata;
    if (offsets) {
      record =
          record + Bytes(size_t{4} * funcdata, 0xff) + number(static_cast<uint32_t>(data - start));
    } else {
      record.resize((record.size() + 7) / 8 * 8);
      record.resize(record.size() + size_t{8} * funcdata);
      pointer(table_, kTable, at + record.size(), data);
      record.resize(record.size() + 8);
      std::memcpy(record.data() + record.size() - 8, table_.data() + at + record.size() - 8, 8);
    }
  }
  put(table_, at, record);
  next_record_ += (record.size() + 7) / 8 * 8;
}

void Program::write_module() {
  const auto word = [&](uint64_t index, uint64_t value) {
    pointer(module_, kModule, index * 8, value);
  };
  const std::array<std::pair<uint64_t, uint64_t>, 7> parts = {{{0, 0},
                                                               {1, kNames},
                                                               {4, kUnits},
                                                               {7, kFiles},
                                                               {10, kNumbers},
                                                               {13, kEntries},
                                                               {16, kEntries}}};
  put(module_, 0x200, Bytes(8, 0));
  for (const auto& [index, offset] : parts)
    word(index, kTable + offset);
  word(22, Elf::kText);
  const uint64_t funcdata = since(Release::kGo127) ? 43 : since(Release::kGo120) ? 40 : 38;
  word(funcdata, since(Release::kGo126) ? kTable + kOwnFuncdata : kFuncdata);
  if (since(Release::kGo126))
    word(funcdata + 1, kTable + kTableSize - 8);
}

void Program::write() {
  table_.assign(kTableSize, 0);
  write_header();
  write_files();
  uint64_t address = Elf::kText;
  for (size_t i = 0; i < codes_.size(); ++i) {
    write_function(i, address);
    address += codes_[i].size;
  }
  if (since(Release::kGo118))
    put(table_, kEntries + codes_.size() * 8, number(static_cast<uint32_t>(address - Elf::kText)));
  else
    pointer(table_, kTable, (since(Release::kGo116) ? kEntries : 16) + codes_.size() * 16, address);
  if (since(Release::kGo118) && has_module_)
    write_module();
}

Elf Program::elf() {
  constexpr uint64_t kData = SHF_ALLOC | SHF_WRITE;
  Elf elf;
  elf.section(section_, table(), kTable);
  if (!funcdata_.empty())
    elf.section(".rodata", funcdata_, kFuncdata);
  if (!module_.empty())
    elf.section(".noptrdata", module_, kModule, SHT_PROGBITS, kData);
  if (since(Release::kGo113))
    elf.section(".go.buildinfo", Bytes(32, 0), kBuildInfo, SHT_PROGBITS, kData);
  if (!relocations_.empty())
    elf.section(".rela.dyn", relocations_, kRelocations, SHT_RELA);
  return elf;
}

Program sample(Release release) {
  Program made(release);
  made.file("/src/a.go").file("/src/b.go");
  made.code({.name = "main.caller",
             .size = 0x1000,
             .start_line = 10,
             .files = {{0x40, 0}, {0x40, 1}, {0xf80, 0}},
             .lines = {{0x40, 11}, {0x20, 41}, {0x20, 31}, {0x20, 12}, {0xf60, 100'013}},
             .calls = {{0x40, -1}, {0x20, 1}, {0x20, 0}, {0xf80, -1}},
             .tree = {{.name = "main.middle",
                       .start_line = 30,
                       .caller = 0x80,
                       .parent = -1,
                       .file = 0,
                       .line = 12},
                      {.name = "main.leaf",
                       .start_line = 40,
                       .caller = 0x60,
                       .parent = 0,
                       .file = 1,
                       .line = 31}}});
  made.code(
      {.name = "main.assembly", .size = 0x20, .files = {}, .lines = {}, .calls = {}, .tree = {}});
  made.code({.name = "main.sum[go.shape.int,go.shape.[]uint8].func1",
             .size = 0x10,
             .start_line = 50,
             .files = {{0x10, 1}},
             .lines = {{0x10, 51}},
             .calls = {},
             .tree = {}});
  return made;
}

} // namespace pprofd::symbolizer::go::test

// Go's table of functions in hostile files: names, lines and inlined calls, and how far stacks
// have grown.
//
// The first byte chooses what the rest is: a whole ELF file, or the bytes of .gopclntab of an
// otherwise sound one, whose moduledata fits whatever the table's header says.
#include <elf.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "symbolizer/go/symbols.h"
#include "symbolizer/unwind/go/stack_growth.h"

namespace {

using namespace pprofd;
using namespace pprofd::symbolizer;

constexpr uint64_t kText = 0x1000;
constexpr uint64_t kTextSize = 0x100000;
constexpr uint64_t kTable = 0x400;   // in the file
constexpr uint64_t kData = 0x200000; // where the file is loaded
constexpr size_t kModuleWords = 64;
constexpr size_t kFuncdata = 0xe00; // where the seeds have it in their table
constexpr uint32_t kMaxFunctions = 64;

void check(bool holds) {
  if (!holds)
    std::abort();
}

template <typename T> void put(std::vector<std::byte>& file, size_t offset, const T& value) {
  std::memcpy(file.data() + offset, &value, sizeof value);
}

std::vector<uint64_t> module_of(std::span<const std::byte> table) {
  const uint64_t address = kData + kTable;
  std::vector<uint64_t> words(kModuleWords);
  uint64_t header[8] = {};
  if (table.size() >= 8 + sizeof header)
    std::memcpy(header, table.data() + 8, sizeof header);
  words[0] = address;
  const std::pair<size_t, size_t> parts[] = {{1, 3}, {4, 4}, {7, 5}, {10, 6}, {13, 7}, {16, 7}};
  for (const auto& [word, part] : parts)
    words[word] = address + header[part];
  words[22] = kText;
  words[38] = words[40] = address + kFuncdata;
  return words;
}

std::vector<std::byte> wrap(std::span<const std::byte> table) {
  static constexpr char kNames[] = "\0.text\0.gopclntab\0.noptrdata\0.shstrtab";
  const size_t module_at = (kTable + table.size() + 7) / 8 * 8;
  const size_t names_at = module_at + kModuleWords * sizeof(uint64_t);
  const size_t sections_at = (names_at + sizeof kNames + 7) / 8 * 8;
  std::vector<std::byte> file(sections_at + 5 * sizeof(Elf64_Shdr));
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  header.e_shoff = sections_at;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 5;
  header.e_shstrndx = 4;
  put(file, 0, header);
  Elf64_Phdr data{};
  data.p_type = PT_LOAD;
  data.p_flags = PF_R;
  data.p_vaddr = kData;
  data.p_filesz = data.p_memsz = file.size();
  put(file, sizeof header, data);
  if (!table.empty())
    std::memcpy(file.data() + kTable, table.data(), table.size());
  const auto module = module_of(table);
  std::memcpy(file.data() + module_at, module.data(), module.size() * sizeof(uint64_t));
  std::memcpy(file.data() + names_at, kNames, sizeof kNames);
  size_t at = sections_at;
  const auto section = [&](uint32_t name, uint64_t flags, uint64_t address, uint64_t offset,
                           uint64_t size) {
    Elf64_Shdr added{};
    added.sh_name = name;
    added.sh_type = name == 29 ? SHT_STRTAB : SHT_PROGBITS;
    added.sh_flags = flags;
    added.sh_addr = address;
    added.sh_offset = offset;
    added.sh_size = size;
    put(file, at += sizeof added, added);
  };
  section(1, SHF_ALLOC | SHF_EXECINSTR, kText, 0, kTextSize);
  section(7, SHF_ALLOC, kData + kTable, kTable, table.size());
  section(18, SHF_ALLOC | SHF_WRITE, kData + module_at, module_at, names_at - module_at);
  section(29, 0, 0, names_at, sizeof kNames);
  return file;
}

void check_frames(const std::vector<go::Frame>& frames) {
  check(frames.size() <= 256);
  for (const go::Frame& frame : frames)
    check(frame.name.size() <= kMaxName + 5 && frame.file.size() <= kMaxName);
}

void look_up(const ByteSource& source, const ElfImage& image) {
  auto symbols = go::Symbols::open(source, image);
  if (!symbols) {
    check(!symbols.error().why.empty());
    return;
  }
  go::FunctionTable& table = symbols->table();
  const AddressRange text = table.text();
  check(text.start < text.end);
  check(symbols->find({text.end}).empty());
  for (uint32_t i = 0; i < std::min(table.size(), kMaxFunctions); ++i)
    if (const auto entry = table.entry(i)) {
      check(text.contains({entry->start}) && entry->end <= text.end.value);
      for (const uint64_t step : {0U, 1U, 0x40U, 0x60U})
        check_frames(symbols->find({entry->start + step}));
    }
}

void grow(const ByteSource& source, const ElfImage& image) {
  auto growth = go::StackGrowth::open(source, image);
  if (!growth)
    return;
  go::Function function;
  for (uint32_t i = 0; i < std::min(growth->size(), kMaxFunctions); ++i) {
    if (!growth->read(i, function))
      continue;
    uint64_t at = function.start;
    for (const go::StackPiece& piece : function.pieces) {
      check(piece.start == at && piece.end > at && piece.end <= function.end);
      check(piece.growth >= 0);
      at = piece.end;
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  const auto input = std::as_bytes(std::span(data + 1, size - 1));
  std::vector<std::byte> wrapped;
  if (data[0] % 2 != 0)
    wrapped = wrap(input);
  const ByteSource source = ByteSource::of_memory(wrapped.empty() ? input : wrapped);
  const auto image = ElfImage::open(source);
  if (!image)
    return 0;
  look_up(source, *image);
  grow(source, *image);
  return 0;
}

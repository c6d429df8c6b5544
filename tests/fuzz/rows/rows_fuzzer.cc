// The row compiler on hostile files. Every input is compiled as a file, in both ways that tables
// and dumps are made; what must hold of any answer is checked.
//
// The first byte chooses what the rest is: a whole ELF file, or the bytes of .eh_frame (or
// .debug_frame) of an otherwise sound file, so that the fuzzer need not learn ELF to reach the
// call frame instructions.
#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/print_rows.h"
#include "symbolizer/unwind/rows.h"

namespace {

using namespace pprofd;
using namespace pprofd::symbolizer;

constexpr uint64_t kText = 0x1000;
constexpr uint64_t kTextSize = 0x100000;
constexpr uint64_t kFrame = 0x400;

enum Shape : uint8_t { kWhole, kEhFrame, kDebugFrame, kArmEhFrame, kSectionless, kShapes };

void check(bool holds) {
  if (!holds)
    std::abort();
}

template <typename T> void put(std::vector<std::byte>& file, size_t offset, const T& value) {
  std::memcpy(file.data() + offset, &value, sizeof value);
}

// A file whose CFI is `frame`, at address 0x200400.
std::vector<std::byte> wrap(std::span<const std::byte> frame, Shape shape) {
  static constexpr char kNames[] = "\0.eh_frame\0.debug_frame\0.shstrtab";
  const size_t names_at = kFrame + frame.size();
  const size_t sections_at = names_at + sizeof kNames;
  std::vector<std::byte> file(sections_at + 3 * sizeof(Elf64_Shdr));
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_machine = shape == kArmEhFrame ? EM_AARCH64 : EM_X86_64;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 3;
  if (shape != kSectionless) {
    header.e_shoff = sections_at;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = 3;
    header.e_shstrndx = 2;
  }
  put(file, 0, header);
  Elf64_Phdr code{};
  code.p_type = PT_LOAD;
  code.p_flags = PF_R | PF_X;
  code.p_vaddr = kText;
  code.p_filesz = 0x200;
  code.p_memsz = kTextSize;
  put(file, sizeof header, code);
  Elf64_Phdr data{};
  data.p_type = PT_LOAD;
  data.p_flags = PF_R;
  data.p_vaddr = 0x200000;
  data.p_filesz = data.p_memsz = file.size();
  put(file, sizeof header + sizeof code, data);
  // Where there are no sections, the input begins with .eh_frame_hdr.
  Elf64_Phdr eh{};
  eh.p_type = PT_GNU_EH_FRAME;
  eh.p_offset = kFrame;
  eh.p_vaddr = 0x200000 + kFrame;
  eh.p_filesz = eh.p_memsz = frame.size();
  put(file, sizeof header + 2 * sizeof code, eh);
  std::memcpy(file.data() + kFrame, frame.data(), frame.size());
  std::memcpy(file.data() + names_at, kNames, sizeof kNames);
  Elf64_Shdr section{};
  section.sh_type = SHT_PROGBITS;
  section.sh_name = shape == kDebugFrame ? 11 : 1;
  section.sh_addr = 0x200000 + kFrame;
  section.sh_offset = kFrame;
  section.sh_size = frame.size();
  put(file, sections_at + sizeof section, section);
  Elf64_Shdr names{};
  names.sh_type = SHT_STRTAB;
  names.sh_name = 24;
  names.sh_offset = names_at;
  names.sh_size = sizeof kNames;
  put(file, sections_at + 2 * sizeof section, names);
  return file;
}

void compile(std::span<const std::byte> bytes, const RowOptions& options) {
  const ByteSource source = ByteSource::of_memory(bytes);
  const auto image = ElfImage::open(source);
  if (!image)
    return;
  uint64_t rows = 0;
  uint64_t next = 0;
  std::string text;
  const auto facts = compile_rows(source, *image, options, [&](std::span<const Row> batch) {
    check(!batch.empty());
    for (const Row& row : batch) {
      // Ascending, a pair's second row included.
      check(rows == 0 || row.address.value >= next);
      next = row.address.value + row.rule.merge_at + 1;
      check(row.rule.cfa <= UNWIND_CFA_UNSUPPORTED && row.rule.fp <= UNWIND_FP_UNSUPPORTED &&
            row.rule.ra <= UNWIND_RA_UNSUPPORTED && row.rule.reserved == 0);
      ++rows;
    }
    text.clear();
    print_rows(batch, image->machine(), text);
    check(!text.empty());
  });
  if (facts)
    check(facts->rows == rows && facts->gaps <= rows);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  const auto input = std::as_bytes(std::span(data + 1, size - 1));
  const auto shape = static_cast<Shape>(data[0] % kShapes);
  std::vector<std::byte> wrapped;
  if (shape != kWhole)
    wrapped = wrap(input, shape);
  const std::span<const std::byte> file = shape == kWhole ? input : wrapped;
  compile(file, {});
  compile(file, {.merge_pairs = false, .padding = 15});
  return 0;
}

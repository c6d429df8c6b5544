#include "tests/unit/symbolizer/unwind/cfi_assembler.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <span>

#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/print_rows.h"

namespace pprofd::symbolizer::test {
namespace {

constexpr uint8_t kNop = 0x90;

template <typename T> void put(Bytes& to, size_t offset, const T& value) {
  if (to.size() < offset + sizeof value)
    to.resize(offset + sizeof value);
  std::memcpy(to.data() + offset, &value, sizeof value);
}

void put_bytes(Bytes& to, size_t offset, const Bytes& bytes) {
  if (to.size() < offset + bytes.size())
    to.resize(offset + bytes.size());
  std::ranges::copy(bytes, to.begin() + static_cast<ptrdiff_t>(offset));
}

} // namespace

namespace cfa {
Bytes op(uint8_t opcode, const Bytes& operands) {
  return Bytes{opcode} + operands;
}
Bytes advance(uint8_t delta) {
  return op(static_cast<uint8_t>(0x40 | delta));
}
Bytes offset(uint8_t reg, uint64_t factored) {
  return op(static_cast<uint8_t>(0x80 | reg), uleb(factored));
}
Bytes restore(uint8_t reg) {
  return op(static_cast<uint8_t>(0xc0 | reg));
}
Bytes set_loc(const Bytes& pointer) {
  return op(0x01, pointer);
}
Bytes advance1(uint8_t delta) {
  return op(0x02, number(delta));
}
Bytes advance2(uint16_t delta) {
  return op(0x03, number(delta));
}
Bytes advance4(uint32_t delta) {
  return op(0x04, number(delta));
}
Bytes advance8(uint64_t delta) {
  return op(0x1d, number(delta));
}
Bytes def(uint64_t reg, uint64_t offset) {
  return op(0x0c, uleb(reg) + uleb(offset));
}
Bytes def_register(uint64_t reg) {
  return op(0x0d, uleb(reg));
}
Bytes def_offset(uint64_t offset) {
  return op(0x0e, uleb(offset));
}
Bytes def_expression(const Bytes& block) {
  return op(0x0f, uleb(block.size()) + block);
}
} // namespace cfa

Bytes breg(uint8_t reg, int64_t offset) {
  return Bytes{static_cast<uint8_t>(0x70 + reg)} + sleb(offset);
}

size_t FrameSection::record(const Bytes& body, bool dwarf64) {
  const size_t start = bytes_.size();
  Bytes padded = body;
  while ((padded.size() + 4) % 8 != 0)
    padded.push_back(0);
  if (dwarf64)
    bytes_ = bytes_ + number(0xffffffffU) + number(uint64_t{padded.size()});
  else
    bytes_ = bytes_ + number(static_cast<uint32_t>(padded.size()));
  bytes_ = bytes_ + padded;
  return start;
}

size_t FrameSection::cie(const Cie& cie) {
  const uint64_t id = debug_ ? UINT64_MAX : 0;
  Bytes body = cie.dwarf64 ? number(id) : number(static_cast<uint32_t>(id));
  body.push_back(cie.version);
  body.insert(body.end(), cie.augmentation.begin(), cie.augmentation.end());
  body.push_back(0);
  if (cie.version >= 4)
    body = body + Bytes{cie.address_size, 0};
  body = body + uleb(cie.code_alignment) + sleb(cie.data_alignment);
  body = body + (cie.version == 1 ? Bytes{static_cast<uint8_t>(cie.return_address)}
                                  : uleb(cie.return_address));
  if (cie.augmentation.starts_with('z'))
    body = body + uleb(cie.augmentation_data.size()) + cie.augmentation_data;
  const size_t offset = record(body + cie.instructions, cie.dwarf64);
  cies_.emplace_back(offset, cie);
  return offset;
}

Bytes FrameSection::encoded(uint64_t value, uint8_t encoding, uint64_t place) const {
  if ((encoding & 0x70) == 0x10)
    value -= place;
  switch (encoding & 0x0f) {
  case 0x01:
    return uleb(value);
  case 0x02:
  case 0x0a:
    return number(static_cast<uint16_t>(value));
  case 0x03:
  case 0x0b:
    return number(static_cast<uint32_t>(value));
  case 0x09:
    return sleb(static_cast<int64_t>(value));
  default:
    return number(value);
  }
}

size_t FrameSection::fde(size_t cie_offset, uint64_t start, uint64_t range,
                         const Bytes& instructions) {
  const auto known =
      std::ranges::find(cies_, cie_offset, [](const auto& pair) { return pair.first; });
  const Cie cie = known == cies_.end() ? Cie{} : known->second;
  const size_t id_offset = bytes_.size() + (cie.dwarf64 ? 12 : 4);
  const uint64_t id = debug_ ? cie_offset : id_offset - cie_offset;
  Bytes body = cie.dwarf64 ? number(id) : number(static_cast<uint32_t>(id));
  const uint64_t place = address_ + id_offset + body.size();
  body = body + encoded(start, cie.encoding, place);
  body = body + encoded(range, cie.encoding & 0x0f, place);
  if (cie.augmentation.starts_with('z'))
    body = body + Bytes{0};
  return record(body + instructions, cie.dwarf64);
}

size_t FrameSection::raw(const Bytes& bytes) {
  const size_t start = bytes_.size();
  bytes_ = bytes_ + bytes;
  return start;
}

Elf& Elf::text(uint64_t address, const Bytes& code) {
  code_.emplace_back(address, code);
  return *this;
}

Elf& Elf::section(std::string_view name, const Bytes& bytes, uint64_t address, uint32_t type,
                  uint64_t flags) {
  sections_.push_back({std::string(name), bytes, address, type, flags});
  return *this;
}

Elf& Elf::segment(uint32_t type, uint64_t address, uint64_t size) {
  segments_.push_back({type, address, size});
  return *this;
}

Elf& Elf::without_sections() {
  has_sections_ = false;
  return *this;
}

Bytes Elf::build() const {
  Bytes file;
  put_bytes(file, kText, Bytes(kTextSize, kNop));
  for (const auto& [address, code] : code_)
    put_bytes(file, address, code);
  for (const Section& section : sections_)
    if (section.type != SHT_NOBITS)
      put_bytes(file, section.address, section.bytes);

  const uint64_t load_end = file.size();
  std::vector<Elf64_Phdr> programs;
  const auto program = [&](uint32_t type, uint32_t flags, uint64_t address, uint64_t size) {
    Elf64_Phdr header{};
    header.p_type = type;
    header.p_flags = flags;
    header.p_offset = header.p_vaddr = address;
    header.p_filesz = header.p_memsz = size;
    programs.push_back(header);
  };
  program(PT_LOAD, PF_R | PF_X, kText, kTextSize);
  if (load_end > kText + kTextSize)
    program(PT_LOAD, PF_R, kText + kTextSize, load_end - kText - kTextSize);
  for (const Segment& segment : segments_)
    program(segment.type, PF_R, segment.address, segment.size);

  std::string names(1, '\0');
  std::vector<Elf64_Shdr> headers(1);
  const auto header = [&](std::string_view name, uint32_t type, uint64_t flags, uint64_t address,
                          uint64_t size) -> Elf64_Shdr& {
    Elf64_Shdr& added = headers.emplace_back();
    added = {};
    added.sh_name = static_cast<uint32_t>(names.size());
    added.sh_type = type;
    added.sh_flags = flags;
    added.sh_addr = added.sh_offset = address;
    added.sh_size = size;
    names += std::string(name) + '\0';
    return added;
  };
  header(".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, kText, kTextSize);
  for (const Section& section : sections_) {
    Elf64_Shdr& added =
        header(section.name, section.type, section.flags, section.address, section.bytes.size());
    if (section.type == SHT_SYMTAB) {
      added.sh_entsize = sizeof(Elf64_Sym);
      added.sh_link = static_cast<uint32_t>(headers.size()); // the next section
    }
  }
  const uint64_t names_at = file.size();
  header(".shstrtab", SHT_STRTAB, 0, 0, names.size() + 11).sh_offset = names_at;
  headers.back().sh_size = names.size();
  put_bytes(file, names_at, Bytes(names.begin(), names.end()));

  Elf64_Ehdr elf{};
  std::memcpy(elf.e_ident, ELFMAG, SELFMAG);
  elf.e_ident[EI_CLASS] = ELFCLASS64;
  elf.e_ident[EI_DATA] = ELFDATA2LSB;
  elf.e_ident[EI_VERSION] = EV_CURRENT;
  elf.e_type = ET_DYN;
  elf.e_machine = machine_;
  elf.e_version = EV_CURRENT;
  elf.e_ehsize = sizeof elf;
  elf.e_phentsize = sizeof(Elf64_Phdr);
  elf.e_phnum = static_cast<uint16_t>(programs.size());
  elf.e_phoff = sizeof elf;
  for (size_t i = 0; i < programs.size(); ++i)
    put(file, sizeof elf + i * sizeof(Elf64_Phdr), programs[i]);
  if (has_sections_) {
    elf.e_shentsize = sizeof(Elf64_Shdr);
    elf.e_shnum = static_cast<uint16_t>(headers.size());
    elf.e_shoff = file.size();
    elf.e_shstrndx = static_cast<uint16_t>(headers.size() - 1);
    for (const Elf64_Shdr& entry : headers)
      put(file, file.size(), entry);
  }
  put(file, 0, elf);
  return file;
}

Compiled compile(const Bytes& file, const RowOptions& options) {
  const ByteSource source = ByteSource::of_memory(std::as_bytes(std::span(file)));
  auto image = ElfImage::open(source);
  Compiled compiled;
  if (!image) {
    ADD_FAILURE() << image.error().why;
    return compiled;
  }
  auto facts = compile_rows(source, *image, options, [&](std::span<const Row> rows) {
    compiled.rows.insert(compiled.rows.end(), rows.begin(), rows.end());
  });
  if (!facts) {
    ADD_FAILURE() << facts.error().why;
    return compiled;
  }
  compiled.facts = std::move(*facts);
  print_rows(compiled.rows, image->machine(), compiled.text);
  return compiled;
}

Compiled compile(const FrameSection& eh_frame, const RowOptions& options) {
  return compile(Elf().section(".eh_frame", eh_frame.bytes(), eh_frame.address()).build(), options);
}

std::string at(uint64_t address, std::string_view rest) {
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016lx", address);
  return std::string(digits.data()) + " " + std::string(rest) + "\n";
}

} // namespace pprofd::symbolizer::test

#include "tests/differential/rows/libdw_frames.h"

#include <dwarf.h>
#include <gelf.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <span>

namespace pprofd::differential {
namespace {

using symbolizer::Architecture;
using Operations = std::span<const Dwarf_Op>;

struct FreeFrame {
  void operator()(Dwarf_Frame* frame) const { std::free(frame); }
};

// register + offset, however it is written.
std::optional<std::string> based(const Dwarf_Op& operation, const Architecture& architecture) {
  if (operation.atom >= DW_OP_breg0 && operation.atom <= DW_OP_breg31)
    return register_text(operation.atom - DW_OP_breg0, architecture) +
           signed_text(static_cast<int64_t>(operation.number));
  if (operation.atom == DW_OP_bregx)
    return register_text(operation.number, architecture) +
           signed_text(static_cast<int64_t>(operation.number2));
  return std::nullopt;
}

bool is(const Dwarf_Op& operation, uint8_t atom) {
  return operation.atom == atom;
}

// sp + offset; breg(pc) 0; lit15; and; lit N; ge; lit3; shl; plus
std::optional<std::string> plt(Operations ops, const Architecture& architecture) {
  if (ops.size() != 9 || !is(ops[2], DW_OP_lit15) || !is(ops[3], DW_OP_and) ||
      ops[4].atom < DW_OP_lit0 || ops[4].atom > DW_OP_lit31 || !is(ops[5], DW_OP_ge) ||
      !is(ops[6], DW_OP_lit3) || !is(ops[7], DW_OP_shl) || !is(ops[8], DW_OP_plus) ||
      based(ops[1], architecture) != register_text(architecture.pc, architecture) + "+0")
    return std::nullopt;
  const auto base = based(ops[0], architecture);
  return base ? std::optional("plt(" + *base + "," + std::to_string(ops[4].atom - DW_OP_lit0) + ")")
              : std::nullopt;
}

std::string cfa_text(Operations ops, const Architecture& architecture) {
  if (ops.empty())
    return "other";
  if (const auto text = plt(ops, architecture))
    return *text;
  const auto base = based(ops[0], architecture);
  if (!base)
    return "other";
  if (ops.size() == 1)
    return *base;
  if (!is(ops[1], DW_OP_deref))
    return "other";
  if (ops.size() == 2)
    return "*(" + *base + ")+0";
  if (ops.size() == 3 && is(ops[2], DW_OP_plus_uconst))
    return "*(" + *base + ")" + signed_text(static_cast<int64_t>(ops[2].number));
  return "other";
}

// Where a register's value is. `lost`: what libdw says of a register that keeps its value.
std::string location_text(Operations ops, bool undefined, std::string_view kept,
                          const Architecture& architecture) {
  if (ops.empty())
    return undefined ? "u" : std::string(kept);
  if (ops.size() == 1 && is(ops[0], DW_OP_regx))
    return register_text(ops[0].number, architecture);
  if (ops.size() == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)
    return register_text(ops[0].atom - DW_OP_reg0, architecture);
  if (is(ops[0], DW_OP_call_frame_cfa)) {
    if (ops.size() == 1)
      return "c+0";
    if (ops.size() == 2 && is(ops[1], DW_OP_plus_uconst))
      return "c" + signed_text(static_cast<int64_t>(ops[1].number));
    if (ops.size() == 2)
      if (const auto base = based(ops[1], architecture))
        return "*(" + *base + ")";
  }
  return "other";
}

// Whether libdw's reading of .debug_frame ends before the section does.
bool ends_early(Elf* elf) {
  size_t names = 0;
  if (::elf_getshdrstrndx(elf, &names) != 0)
    return false;
  for (Elf_Scn* section = nullptr; (section = ::elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr)
      continue;
    const char* name = ::elf_strptr(elf, names, header.sh_name);
    if (name == nullptr || std::string_view(name) != ".debug_frame")
      continue;
    Elf_Data* data = ::elf_rawdata(section, nullptr);
    const char* ident = ::elf_getident(elf, nullptr);
    if (data == nullptr)
      return false;
    Dwarf_Off offset = 0;
    Dwarf_Off next = 0;
    Dwarf_CFI_Entry entry;
    while (::dwarf_next_cfi(reinterpret_cast<const unsigned char*>(ident), data, false, offset,
                            &next, &entry) == 0)
      offset = next;
    return offset < data->d_size;
  }
  return false;
}

} // namespace

Result<LibdwFrames> LibdwFrames::open(int fd, const Architecture& architecture) {
  LibdwFrames frames(architecture);
  ::elf_version(EV_CURRENT);
  frames.elf_.reset(::elf_begin(fd, ELF_C_READ_MMAP, nullptr));
  if (!frames.elf_)
    return fail("read by libelf", ::elf_errmsg(-1));
  frames.eh_frame_ = ::dwarf_getcfi_elf(frames.elf_.get());
  frames.dwarf_.reset(::dwarf_begin_elf(frames.elf_.get(), DWARF_C_READ, nullptr));
  if (frames.dwarf_) {
    // Opening it inflated the section.
    frames.debug_frame_ = ::dwarf_getcfi(frames.dwarf_.get());
    frames.terminated_early_ = frames.debug_frame_ != nullptr && ends_early(frames.elf_.get());
  }
  return frames;
}

std::expected<OracleFrame, OracleSilence> LibdwFrames::at(uint64_t address) {
  Dwarf_Frame* found = nullptr;
  OracleSilence silence = OracleSilence::kNoFrame;
  for (Dwarf_CFI* cfi : {eh_frame_, debug_frame_}) {
    if (cfi == nullptr)
      continue;
    if (::dwarf_cfi_addrframe(cfi, address, &found) == 0)
      break;
    // The numbers of libdw's errors are its own.
    if (std::string_view(::dwarf_errmsg(-1)) != "no matching address range")
      silence = OracleSilence::kInvalid;
    else if (cfi == debug_frame_ && terminated_early_)
      silence = OracleSilence::kTerminator;
  }
  if (found == nullptr)
    return std::unexpected(silence);
  const std::unique_ptr<Dwarf_Frame, FreeFrame> frame(found);

  OracleFrame result;
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  const int ra_column = ::dwarf_frame_info(frame.get(), &start, &end, &result.rule.signal);
  result.start = start;
  result.end = end;

  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  result.rule.cfa = ::dwarf_frame_cfa(frame.get(), &ops, &count) == 0
                        ? cfa_text({ops, count}, *architecture_)
                        : "invalid";
  const auto location = [&](int reg, std::string_view kept) {
    std::array<Dwarf_Op, 3> memory{};
    if (::dwarf_frame_register(frame.get(), reg, memory.data(), &ops, &count) != 0)
      return std::string("other");
    return location_text({ops, count}, ops == memory.data(), kept, *architecture_);
  };
  result.rule.fp = location(architecture_->fp, "u");
  const std::string ra_register = register_text(static_cast<uint64_t>(ra_column), *architecture_);
  result.rule.ra = location(ra_column, ra_register);
  // libdw's ABI rules know the usual column only; without a rule another keeps its value as well.
  if (architecture_->return_address_in_register && ra_column != architecture_->return_address &&
      result.rule.ra == "u")
    result.rule.ra = ra_register;
  result.rule.sp = location(architecture_->sp, "same");
  // The value is the CFA itself: what the ABI says.
  std::array<Dwarf_Op, 3> memory{};
  if (::dwarf_frame_register(frame.get(), architecture_->sp, memory.data(), &ops, &count) == 0 &&
      count == 2 && is(ops[0], DW_OP_call_frame_cfa) && is(ops[1], DW_OP_stack_value))
    result.rule.sp.clear();

  if (result.rule.signal && result.rule.cfa == "*(rsp+160)+0" && result.rule.fp == "*(rsp+120)" &&
      result.rule.ra == "*(rsp+168)") {
    result.rule = {};
    result.rule.cfa = "signal";
    result.rule.signal = true;
  }
  return result;
}

} // namespace pprofd::differential

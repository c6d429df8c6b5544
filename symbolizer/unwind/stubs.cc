#include "symbolizer/unwind/stubs.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

namespace pprofd::symbolizer {
namespace {

constexpr size_t kMaxSections = 8;
constexpr int32_t kWord = 8;
constexpr uint64_t kX86Entry = 16; // the first one too
constexpr uint64_t kX86Push = 6;   // pushq GOT+8(%rip), in the first
constexpr uint64_t kArmFirst = 32;
constexpr uint64_t kArmInstruction = 4;

// The first instructions of a section, zeros where it is shorter.
using Code = std::array<uint8_t, 32>;

bool stands_at(const Code& code, size_t at, std::span<const uint8_t> bytes) {
  return std::ranges::equal(std::span(code).subspan(at, bytes.size()), bytes);
}

bool stands_at(const Code& code, size_t at, std::initializer_list<uint8_t> bytes) {
  return stands_at(code, at, std::span(bytes.begin(), bytes.size()));
}

class StubRows {
public:
  StubRows(const Architecture& architecture, std::vector<StubRow>& rows)
      : architecture_(architecture), rows_(rows) {}

  void add(const Code& code, uint64_t start, uint64_t end) {
    if (&architecture_ == &architecture::kX86 && add_prologue(code, start, end))
      return;
    if (&architecture_ == &architecture::kX86)
      add_x86(code, start, end);
    else
      add_arm(code, start, end);
  }

private:
  void add_x86(const Code& code, uint64_t start, uint64_t end) {
    if (const auto pushed = lazy_x86(code, start, end)) {
      const uint64_t first = start + kX86Entry;
      row(start, start + kX86Push, UNWIND_CFA_SP, 2 * kWord);
      row(start + kX86Push, first, UNWIND_CFA_SP, 3 * kWord);
      row(first, end, UNWIND_CFA_PLT, kWord).deref_offset = *pushed;
    } else if (is_jump(code)) {
      row(start, end, UNWIND_CFA_SP, kWord);
    }
  }

  // _init and _fini: libc's crti.o begins them, crtn.o ends them, each without a word on frames.
  bool add_prologue(const Code& code, uint64_t start, uint64_t end) {
    static constexpr std::array<uint8_t, 4> kBegin = {0x48, 0x83, 0xec, 0x08};     // sub $8,%rsp
    static constexpr std::array<uint8_t, 5> kEnd = {0x48, 0x83, 0xc4, 0x08, 0xc3}; // add; ret
    const size_t at = is_branch_target(code) ? 4 : 0;
    const uint64_t size = end - start;
    if (size > code.size() || size < at + kBegin.size() + kEnd.size() ||
        !stands_at(code, at, kBegin) || !stands_at(code, size - kEnd.size(), kEnd))
      return false;
    const uint64_t begun = start + at + kBegin.size();
    row(start, begun, UNWIND_CFA_SP, kWord);
    row(begun, end - 1, UNWIND_CFA_SP, 2 * kWord);
    row(end - 1, end, UNWIND_CFA_SP, kWord);
    return true;
  }

  // The first entry stores x16 and x30, the others only jump.
  void add_arm(const Code& code, uint64_t start, uint64_t end) {
    const uint64_t store = is_branch_target(code) ? kArmInstruction : 0;
    if (!stands_at(code, store, {0xf0, 0x7b, 0xbf, 0xa9}) || end - start <= kArmFirst) {
      row(start, end, UNWIND_CFA_SP, 0);
      return;
    }
    const uint64_t stored = start + store + kArmInstruction;
    row(start, stored, UNWIND_CFA_SP, 0);
    row(stored, start + kArmFirst, UNWIND_CFA_SP, 2 * kWord);
    row(start + kArmFirst, end, UNWIND_CFA_SP, 0);
  }

  // The first entry pushes a word and jumps. The others push one and jump to the first, perhaps
  // behind a jump that comes back here once: from where in an entry on it is pushed.
  static std::optional<int16_t> lazy_x86(const Code& code, uint64_t start, uint64_t end) {
    constexpr int16_t kPushSize = 5;
    if (start % kX86Entry != 0 || end - start < 2 * kX86Entry ||
        !stands_at(code, 0, {0xff, 0x35}) ||
        (!stands_at(code, kX86Push, {0xff, 0x25}) &&
         !stands_at(code, kX86Push, {0xf2, 0xff, 0x25})))
      return std::nullopt;
    if (stands_at(code, kX86Entry, {0xff, 0x25}) && code[kX86Entry + 6] == 0x68)
      return 6 + kPushSize;
    if (stands_at(code, kX86Entry, {0xf3, 0x0f, 0x1e, 0xfa, 0x68}))
      return 4 + kPushSize;
    if (code[kX86Entry] == 0x68)
      return kPushSize;
    return std::nullopt;
  }

  // bti c, endbr64
  static bool is_branch_target(const Code& code) {
    return stands_at(code, 0, {0x5f, 0x24, 0x03, 0xd5}) ||
           stands_at(code, 0, {0xf3, 0x0f, 0x1e, 0xfa});
  }

  static bool is_jump(const Code& code) {
    const size_t at = is_branch_target(code) ? 4 : 0;
    return stands_at(code, at, {0xff, 0x25}) || stands_at(code, at, {0xf2, 0xff, 0x25});
  }

  unwind_rule& row(uint64_t start, uint64_t end, unwind_cfa cfa, int32_t offset) {
    unwind_rule rule{};
    rule.cfa = static_cast<uint8_t>(cfa);
    rule.cfa_offset = offset;
    rule.ra_offset = -kWord;
    if (architecture_.return_address_in_register && offset == 0) {
      rule.ra = UNWIND_RA_REGISTER;
      rule.ra_offset = architecture_.return_address;
    }
    return rows_.emplace_back(StubRow{.start = start, .end = end, .rule = rule}).rule;
  }

  const Architecture& architecture_;
  std::vector<StubRow>& rows_;
};

bool holds_stubs(std::string_view section) {
  static constexpr std::array<std::string_view, 6> kNames = {".plt",     ".iplt", ".plt.got",
                                                             ".plt.sec", ".init", ".fini"};
  return std::ranges::find(kNames, section) != kNames.end();
}

// Sections of a hostile file may overlap.
void make_disjoint(std::vector<StubRow>& rows) {
  std::ranges::sort(rows, {}, &StubRow::start);
  uint64_t covered = 0;
  std::erase_if(rows, [&](const StubRow& row) {
    const bool overlaps = row.start < covered;
    covered = std::max(covered, row.end);
    return overlaps;
  });
}

} // namespace

std::vector<StubRow> find_stubs(const ByteSource& source, const ElfImage& image,
                                const Architecture& architecture) {
  std::vector<StubRow> rows;
  StubRows stubs(architecture, rows);
  size_t sections = 0;
  for (const ElfSection& section : image.sections()) {
    if (!holds_stubs(image.name_of(section)) || section.size == 0 || ++sections > kMaxSections)
      continue;
    const AddressRange* code = image.code_at(section.address);
    const uint64_t start = section.address.value;
    if (code == nullptr || section.size > code->end.value - start)
      continue;
    Code bytes{};
    const auto wanted = std::span(bytes).first(std::min<size_t>(bytes.size(), section.size));
    if (source.read(section.offset, std::as_writable_bytes(wanted)))
      stubs.add(bytes, start, start + section.size);
  }
  make_disjoint(rows);
  return rows;
}

} // namespace pprofd::symbolizer

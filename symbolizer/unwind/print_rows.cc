#include "symbolizer/unwind/print_rows.h"

#include <array>
#include <charconv>
#include <string_view>

#include "symbolizer/unwind/architecture.h"

namespace pprofd::symbolizer {
namespace {

class Printer {
public:
  Printer(const Architecture& architecture, std::string& text)
      : architecture_(architecture), text_(text) {}

  void print(const Row& row) {
    line(row.address, row.rule);
    if (row.rule.merge_at == 0)
      return;
    unwind_rule second = row.rule;
    second.cfa_offset += second.merge_delta;
    line({row.address.value + row.rule.merge_at}, second);
  }

private:
  void line(ElfAddress at, const unwind_rule& rule) {
    address(at.value);
    text_ += ' ';
    if (rule.cfa == UNWIND_CFA_NONE) {
      text_ += "none\n";
      return;
    }
    cfa(rule);
    text_ += ' ';
    if (rule.cfa == UNWIND_CFA_SIGNAL) {
      text_ += "exp exp\n";
      return;
    }
    fp(rule);
    text_ += ' ';
    return_address(rule);
    text_ += '\n';
  }

  void address(uint64_t value) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    for (int shift = 60; shift >= 0; shift -= 4)
      text_ += kDigits[(value >> shift) & 15];
  }

  void cfa(const unwind_rule& rule) {
    switch (rule.cfa) {
    case UNWIND_CFA_SP:
      register_offset(architecture_.sp, rule.cfa_offset);
      return;
    case UNWIND_CFA_FP:
      register_offset(architecture_.fp, rule.cfa_offset);
      return;
    case UNWIND_CFA_REGISTER:
      register_offset(rule.cfa_register, rule.cfa_offset);
      return;
    default:
      text_ += "exp";
    }
  }

  void fp(const unwind_rule& rule) {
    switch (rule.fp) {
    case UNWIND_FP_UNCHANGED:
      text_ += 'u';
      return;
    case UNWIND_FP_AT_CFA:
      saved(rule.fp_offset);
      return;
    case UNWIND_FP_REGISTER:
      register_name(rule.fp_offset);
      return;
    default:
      text_ += "exp";
    }
  }

  void return_address(const unwind_rule& rule) {
    switch (rule.ra) {
    case UNWIND_RA_UNDEFINED:
      text_ += 'u';
      return;
    case UNWIND_RA_AT_CFA:
      saved(rule.ra_offset);
      return;
    case UNWIND_RA_REGISTER:
      register_name(rule.ra_offset);
      return;
    default:
      text_ += "exp";
    }
  }

  void register_offset(int64_t number, int32_t offset) {
    register_name(number);
    signed_number(offset);
  }

  void saved(int32_t offset) {
    text_ += 'c';
    signed_number(offset);
  }

  void register_name(int64_t number) {
    if (number >= 0 && static_cast<uint64_t>(number) < architecture_.names.size()) {
      text_ += architecture_.names[static_cast<size_t>(number)];
      return;
    }
    text_ += 'r';
    decimal(number);
  }

  void signed_number(int32_t value) {
    if (value >= 0)
      text_ += '+';
    decimal(value);
  }

  void decimal(int64_t value) {
    std::array<char, 24> digits{};
    const auto [end, error] = std::to_chars(digits.begin(), digits.end(), value);
    text_.append(digits.begin(), end);
  }

  const Architecture& architecture_;
  std::string& text_;
};

} // namespace

void print_rows(std::span<const Row> rows, uint16_t machine, std::string& text) {
  const Architecture* architecture = architecture_of(machine);
  if (architecture == nullptr)
    return;
  Printer printer(*architecture, text);
  for (const Row& row : rows)
    printer.print(row);
}

} // namespace pprofd::symbolizer

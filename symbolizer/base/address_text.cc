#include "symbolizer/base/address_text.h"

#include <charconv>
#include <memory>
#include <string>
#include <system_error>

namespace pprofd {

Result<ElfAddress> parse_address(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0X"))
    digits.remove_prefix(2);
  ElfAddress address;
  const char* const end = std::to_address(digits.end());
  const auto parsed = std::from_chars(std::to_address(digits.begin()), end, address.value, 16);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    return fail("address '" + std::string(text) + "'", "not a hexadecimal number of 64 bits",
                "give virtual addresses of the file, such as 0x4011d6");
  return address;
}

} // namespace pprofd

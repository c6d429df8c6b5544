#include "daemon/cli/symbolize_options.h"

#include "daemon/cli/demangle_style.h"

namespace pprofd {

Result<SymbolizeOptions> make_symbolize_options(const Arguments& arguments) {
  const auto file = arguments.get<std::string>("elf");
  if (!file)
    return fail("symbolize", "no ELF file is given",
                "give one with -e, such as: pprofd symbolize -e ./server 0x4011d6");
  SymbolizeOptions options;
  options.file = *file;
  options.demangle = demangle_style(arguments.value<std::string>("demangle"));
  for (const std::string& text : arguments.operands()) {
    const auto address = parse_address(text);
    if (!address)
      return std::unexpected(address.error());
    options.addresses.push_back(*address);
  }
  return options;
}

} // namespace pprofd

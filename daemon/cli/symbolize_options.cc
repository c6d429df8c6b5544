#include "daemon/cli/symbolize_options.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "daemon/cli/debuginfod_options.h"
#include "daemon/cli/demangle_style.h"
#include "daemon/cli/index_cache_choice.h"
#include "symbolizer/base/address_text.h"

namespace pprofd {
namespace {

// The service opens names beneath a root: they begin there.
Result<std::vector<std::string>> debug_folders(const Arguments& arguments) {
  std::vector<std::string> folders;
  for (const std::string& name : arguments.all<std::string>("debug-dir")) {
    std::error_code error;
    const auto whole = std::filesystem::canonical(name, error);
    if (error || !std::filesystem::is_directory(whole, error))
      return fail("--debug-dir " + name, error ? error.message() : "not a folder");
    folders.push_back(whole.string());
  }
  return folders;
}

// Several profiles can't be one file.
Result<void> check_output(const SymbolizeFilesOptions& options) {
  const std::string what = "--output " + options.output;
  const bool folder =
      options.output.ends_with('/') || std::filesystem::is_directory(options.output);
  if (!folder && options.files.size() > 1)
    return fail(what, "several profiles don't fit in one file",
                "give a folder: a name that ends in /");
  std::set<std::string> names;
  for (const std::string& file : options.files)
    if (folder && !names.insert(file.substr(file.rfind('/') + 1)).second)
      return fail(what, "two of the profiles have the same name", "symbolize them one by one");
  if (folder && names.contains("-"))
    return fail(what, "standard input has no name for a file there", "give a name with --output");
  return {};
}

bool writes_standard_output(const SymbolizeFilesOptions& options) {
  return options.output == "-" || (options.output.empty() && options.files.front() == "-");
}

} // namespace

bool asks_addresses(const Arguments& arguments) {
  return arguments.given("elf");
}

Result<SymbolizeOptions> make_symbolize_options(const Arguments& arguments) {
  if (arguments.given("output"))
    return fail("--output", "addresses are answered on standard output", "leave it out");
  SymbolizeOptions options;
  options.file = arguments.value<std::string>("elf");
  options.indexes = index_cache_choice(arguments);
  auto servers = debuginfod_choice(arguments, true);
  if (!servers)
    return std::unexpected(servers.error());
  options.debuginfod = std::move(*servers);
  options.demangle = demangle_style(arguments.value<std::string>("demangle"));
  auto folders = debug_folders(arguments);
  if (!folders)
    return std::unexpected(folders.error());
  options.debug_folders = std::move(*folders);
  for (const std::string& text : arguments.operands()) {
    const auto address = parse_address(text);
    if (!address)
      return std::unexpected(address.error());
    options.addresses.push_back(*address);
  }
  return options;
}

Result<SymbolizeFilesOptions> make_symbolize_files_options(const Arguments& arguments) {
  SymbolizeFilesOptions options;
  options.files = arguments.operands();
  if (options.files.empty())
    return fail("symbolize", "neither a profile nor an ELF file is given",
                "name profiles, or an ELF file with -e, such as: pprofd symbolize profile.pb.gz");
  for (const std::string& file : options.files) {
    if (file.empty() || file.ends_with('/'))
      return fail("argument '" + file + "'", "no name of a profile");
    if (parse_address(file) && !std::filesystem::exists(file))
      return fail("address '" + file + "'", "no ELF file is given that it could be of",
                  "give one with -e, such as: pprofd symbolize -e ./server 0x4011d6");
  }
  if (options.files.size() > 1 && std::ranges::count(options.files, "-") != 0)
    return fail("'-'", "standard input is a profile by itself", "leave the others out");
  options.indexes = index_cache_choice(arguments);
  auto servers = debuginfod_choice(arguments, true);
  if (!servers)
    return std::unexpected(servers.error());
  options.debuginfod = std::move(*servers);
  options.output = arguments.get<std::string>("output").value_or("");
  if (!options.output.empty())
    if (auto checked = check_output(options); !checked)
      return std::unexpected(checked.error());
  if (writes_standard_output(options) && isatty(STDOUT_FILENO) == 1)
    return fail("write to standard output", "a profile is binary, and this is a terminal",
                "pipe it on, or give a file with --output");
  auto folders = debug_folders(arguments);
  if (!folders)
    return std::unexpected(folders.error());
  options.debug_folders = std::move(*folders);
  options.demangle = demangle_style(arguments.value<std::string>("demangle"));
  return options;
}

} // namespace pprofd

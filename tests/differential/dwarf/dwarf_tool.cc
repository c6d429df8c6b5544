// dwarf_tool [OPTIONS] FILE [DEBUG_FILE] < ADDRESSES
//
// What the debug information says of the addresses (hexadecimal, one a line), as
// `llvm-symbolizer --functions=linkage --inlines --no-demangle` prints it: the outermost
// function's name is the symbol table's, where that has one.
//
//   --dwarf-names     the outermost name as the debug information has it
//   --dwz FILE        what dwz has put aside
//   --package FILE    a .dwp; without, .dwo files are opened as their units name them
//   --start-lines     also the line of each function's declaration, as "FUNCTION @LINE"
//   --demangle        readable names
//   --cost            what it took, on stderr
#include <fcntl.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/fd.h"
#include "symbolizer/dwarf/lookup.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/elf/mapped_file.h"
#include "symbolizer/symbols/symbol_table.h"

namespace {

using namespace pprofd;
using namespace pprofd::symbolizer;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string file;
  std::string debug_file;
  std::string dwz;
  std::string package;
  bool dwarf_names = false;
  bool start_lines = false;
  bool demangle = false;
  bool cost = false;
};

struct OpenFile {
  Fd fd;
  ByteSource source;
  ElfImage image;
  MappedFile mapping;
  dwarf::SectionFile sections;
};

[[noreturn]] void give_up(const std::string& path, const Error& error) {
  std::fprintf(stderr, "%s: %s\n", path.c_str(), text_of(error).c_str());
  std::exit(1);
}

std::unique_ptr<OpenFile> open_file(const std::string& path, bool split) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto source = ByteSource::of_file(fd.get());
  if (!source)
    give_up(path, source.error());
  auto image = ElfImage::open(*source);
  if (!image)
    give_up(path, image.error());
  auto mapping = MappedFile::open(fd.get());
  if (!mapping)
    give_up(path, mapping.error());
  dwarf::SectionOptions options;
  options.split = split;
  options.max_inflated = UINT64_MAX;
  auto sections = dwarf::SectionFile::read(*image, mapping->bytes(), options);
  for (const std::string& note : sections.notes())
    std::fprintf(stderr, "%s: %s\n", path.c_str(), note.c_str());
  return std::make_unique<OpenFile>(OpenFile{std::move(fd), *source, std::move(*image),
                                             std::move(*mapping), std::move(sections)});
}

// Split files by the path that a unit names.
class SplitFiles {
public:
  explicit SplitFiles(std::string package) : package_(std::move(package)) {}

  std::vector<dwarf::SplitSections> operator()(const dwarf::SplitReference& reference) {
    std::string path = package_;
    if (path.empty()) {
      path = reference.name;
      if (!path.starts_with('/'))
        path = std::string(reference.folder) + "/" + path;
    }
    auto& file = files_[path];
    if (file == nullptr && std::ifstream(path).good())
      file = open_file(path, true);
    if (file == nullptr)
      return {};
    return {{file, &file->sections.sections()}};
  }

private:
  std::string package_;
  std::map<std::string, std::shared_ptr<OpenFile>> files_;
};

std::string text_of(std::span<const dwarf::Frame> frames, const std::string& symbol,
                    const Options& options) {
  const auto or_unknown = [](std::string_view text) {
    return text.empty() ? std::string("??") : std::string(text);
  };
  if (frames.empty())
    return or_unknown(symbol) + "\n??:0:0\n\n";
  std::string text;
  for (size_t i = 0; i < frames.size(); ++i) {
    const dwarf::Frame& frame = frames[i];
    const bool outermost = i + 1 == frames.size();
    text += outermost && !symbol.empty() ? symbol : or_unknown(frame.name);
    if (options.start_lines)
      text += " @" + std::to_string(frame.start_line);
    text += "\n" + or_unknown(frame.file) + ":" + std::to_string(frame.line) + ":" +
            std::to_string(frame.column) + "\n";
  }
  return text + "\n";
}

std::vector<ElfAddress> read_addresses() {
  std::vector<ElfAddress> addresses;
  for (std::string line; std::getline(std::cin, line);)
    addresses.push_back({std::strtoull(line.c_str(), nullptr, 16)});
  return addresses;
}

std::string anonymous_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:"))
      return line.substr(line.find_first_not_of(" \t", 8));
  return "?";
}

int run(const Options& options) {
  const auto addresses = read_addresses();
  const auto begun = Clock::now();
  const auto ms = [&] {
    return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
  };
  const auto file = open_file(options.file, false);
  const auto debug = options.debug_file.empty() ? nullptr : open_file(options.debug_file, false);
  const auto dwz = options.dwz.empty() ? nullptr : open_file(options.dwz, false);
  SplitFiles split(options.package);
  dwarf::LookupOptions lookup_options;
  lookup_options.style = options.demangle ? NameStyle::kFull : NameStyle::kNone;
  lookup_options.supplementary = dwz == nullptr ? nullptr : &dwz->sections.sections();
  lookup_options.split_files = [&](const dwarf::SplitReference& reference) {
    return split(reference);
  };
  const OpenFile& described = debug == nullptr ? *file : *debug;
  dwarf::DwarfLookup lookup(described.sections.sections(), file->image.code(), lookup_options);
  const double opened = ms();
  std::vector<std::string> symbols(addresses.size());
  if (!options.dwarf_names) {
    const auto table = SymbolTable::build(described.source, described.image);
    SymbolTable::Reader reader(table, described.source);
    for (size_t i = 0; i < addresses.size(); ++i)
      if (auto symbol = reader.find(addresses[i]))
        symbols[i] = options.demangle ? demangle(symbol->name, NameStyle::kFull) : symbol->name;
  }
  const double with_symbols = ms();
  std::vector<std::string> texts(addresses.size());
  lookup.find_all(addresses, [&](size_t index, std::span<const dwarf::Frame> frames) {
    texts[index] = text_of(frames, symbols[index], options);
  });
  const double done = ms();
  for (const std::string& text : texts)
    std::fwrite(text.data(), 1, text.size(), stdout);
  if (options.cost) {
    const auto& counts = lookup.counts();
    std::fprintf(stderr,
                 "open and index %.1f ms, symbols %.1f ms, look-ups %.1f ms; units %lu, read %lu, "
                 "entries %lu, rows %lu, split files missing %lu; anonymous memory %s\n",
                 opened, with_symbols - opened, done - with_symbols, counts.units,
                 counts.units_read, counts.entries, counts.rows, counts.split_missing,
                 anonymous_memory().c_str());
  }
  return described.mapping.changed() ? 1 : 0;
}

} // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--dwarf-names")
      options.dwarf_names = true;
    else if (argument == "--start-lines")
      options.start_lines = true;
    else if (argument == "--demangle")
      options.demangle = true;
    else if (argument == "--cost")
      options.cost = true;
    else if (argument == "--dwz" && i + 1 < argc)
      options.dwz = argv[++i];
    else if (argument == "--package" && i + 1 < argc)
      options.package = argv[++i];
    else
      (options.file.empty() ? options.file : options.debug_file) = argument;
  }
  if (options.file.empty()) {
    std::fprintf(stderr, "usage: dwarf_tool [--dwarf-names] [--start-lines] [--demangle] [--cost] "
                         "[--dwz FILE] [--package FILE] FILE [DEBUG_FILE] < ADDRESSES\n");
    return 2;
  }
  return run(options);
}

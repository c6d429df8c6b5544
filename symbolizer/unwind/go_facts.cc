#include "symbolizer/unwind/go_facts.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

namespace pprofd::symbolizer {
namespace {

constexpr size_t kChunk = size_t{256} << 10;
constexpr uint64_t kMaxBytes = 256ULL << 20; // of names, and of symbols
constexpr size_t kMaxNames = 64;             // wanted names found among the strings
constexpr size_t kMaxFunctions = 64;

struct Wanted {
  std::string_view name;
  GoFunction function;
};
constexpr std::array kWanted = {
    Wanted{"runtime.goexit", GoFunction::kGoexit},
    Wanted{"runtime.mstart", GoFunction::kMstart},
    Wanted{"runtime.rt0_go", GoFunction::kRt0Go},
    Wanted{"_rt0_amd64", GoFunction::kRt0},
    Wanted{"_rt0_amd64_linux", GoFunction::kRt0},
    Wanted{"_rt0_amd64_lib", GoFunction::kRt0},
    Wanted{"_rt0_amd64_linux_lib", GoFunction::kRt0},
    Wanted{"_rt0_arm64_linux", GoFunction::kRt0},
    Wanted{"_rt0_arm64_linux_lib", GoFunction::kRt0},
    Wanted{"runtime.asmcgocall", GoFunction::kAsmcgocall},
    Wanted{"runtime.systemstack", GoFunction::kSystemstack},
    Wanted{"runtime.mcall", GoFunction::kMcall},
};

// Assembly functions are named after their calling convention as well.
std::optional<GoFunction> wanted(std::string_view name) {
  for (const std::string_view suffix : {".abi0", ".abiinternal"})
    if (name.ends_with(suffix)) {
      name.remove_suffix(suffix.size());
      break;
    }
  const auto found = std::ranges::find(kWanted, name, &Wanted::name);
  return found == kWanted.end() ? std::nullopt : std::optional(found->function);
}

using NameOffsets = std::map<uint32_t, GoFunction>;

// Where the strings have wanted names. Names longer than a chunk are none.
NameOffsets find_names(const ByteSource& source, const ElfSection& strings) {
  NameOffsets found;
  std::vector<char> chunk(kChunk);
  const uint64_t end = std::min(strings.size, kMaxBytes);
  for (uint64_t at = 0; at < end && found.size() < kMaxNames;) {
    const auto part = std::span(chunk).first(std::min<uint64_t>(end - at, kChunk));
    const size_t size = source.read_some(strings.offset + at, std::as_writable_bytes(part));
    size_t start = 0;
    while (start < size) {
      const void* nul = std::memchr(chunk.data() + start, 0, size - start);
      if (nul == nullptr)
        break;
      const auto length = static_cast<size_t>(static_cast<const char*>(nul) - chunk.data()) - start;
      const std::string_view name(chunk.data() + start, length);
      if (name.starts_with("runtime.") || name.starts_with("_rt0_"))
        if (const auto function = wanted(name))
          found.emplace(static_cast<uint32_t>(at + start), *function);
      start += length + 1;
    }
    at += start != 0 ? start : std::max<size_t>(size, 1);
    if (size == 0)
      break;
  }
  return found;
}

void find_functions(const ByteSource& source, const ElfSection& symbols, const NameOffsets& names,
                    std::vector<GoSymbol>& functions) {
  std::vector<Elf64_Sym> chunk(kChunk / sizeof(Elf64_Sym));
  const uint64_t count = std::min(symbols.size, kMaxBytes) / sizeof(Elf64_Sym);
  for (uint64_t at = 0; at < count;) {
    const auto part = std::span(chunk).first(std::min<uint64_t>(count - at, chunk.size()));
    const size_t got =
        source.read_some(symbols.offset + at * sizeof(Elf64_Sym), std::as_writable_bytes(part)) /
        sizeof(Elf64_Sym);
    if (got == 0)
      return;
    for (const Elf64_Sym& symbol : part.first(got)) {
      const auto name = names.find(symbol.st_name);
      if (name == names.end() || ELF64_ST_TYPE(symbol.st_info) != STT_FUNC ||
          symbol.st_shndx == SHN_UNDEF || functions.size() == kMaxFunctions)
        continue;
      functions.push_back(
          {.function = name->second, .start = {symbol.st_value}, .size = symbol.st_size});
    }
    at += got;
  }
}

} // namespace

std::optional<GoFacts> find_go_facts(const ByteSource& source, const ElfImage& image) {
  if (image.find_section(".gopclntab") == nullptr &&
      image.find_section(".note.go.buildid") == nullptr &&
      image.find_section(".go.buildinfo") == nullptr)
    return std::nullopt;
  GoFacts facts;
  const ElfSection* symbols = image.find_section(uint32_t{SHT_SYMTAB});
  const ElfSection* strings = symbols == nullptr ? nullptr : image.section(symbols->link);
  if (strings == nullptr || symbols->entry_size != sizeof(Elf64_Sym))
    return facts;
  const NameOffsets names = find_names(source, *strings);
  if (!names.empty())
    find_functions(source, *symbols, names, facts.functions);
  std::ranges::sort(facts.functions, {}, [](const GoSymbol& symbol) {
    return std::tuple(symbol.start, symbol.function);
  });
  return facts;
}

} // namespace pprofd::symbolizer

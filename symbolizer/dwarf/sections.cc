#include "symbolizer/dwarf/sections.h"

#include <elf.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "symbolizer/elf/inflate.h"

namespace pprofd::symbolizer::dwarf {
namespace {

using Bytes = std::span<const std::byte>;

struct Name {
  std::string_view name; // behind .debug_ or .zdebug_
  Bytes Sections::* member;
};
constexpr std::array kNames = {
    Name{"info", &Sections::info},         Name{"abbrev", &Sections::abbrev},
    Name{"line", &Sections::line},         Name{"str", &Sections::str},
    Name{"line_str", &Sections::line_str}, Name{"str_offsets", &Sections::str_offsets},
    Name{"addr", &Sections::addr},         Name{"ranges", &Sections::ranges},
    Name{"rnglists", &Sections::rnglists}, Name{"cu_index", &Sections::cu_index},
};

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix))
    return false;
  text.remove_suffix(suffix.size());
  return true;
}

} // namespace

Result<AnonymousMemory> AnonymousMemory::allocate(size_t size) {
  if (size == 0)
    return AnonymousMemory({});
  void* start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED)
    return fail_errno("", errno);
  return AnonymousMemory({static_cast<std::byte*>(start), size});
}

AnonymousMemory::AnonymousMemory(AnonymousMemory&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})) {}

AnonymousMemory& AnonymousMemory::operator=(AnonymousMemory&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

AnonymousMemory::~AnonymousMemory() {
  if (!bytes_.empty())
    ::munmap(bytes_.data(), bytes_.size());
}

class SectionReader {
public:
  SectionReader(const ElfImage& image, Bytes file, const SectionOptions& options)
      : image_(image), file_(file), options_(options), left_(options.max_inflated) {}

  SectionFile read() {
    for (const ElfSection& section : image_.sections())
      take(section);
    return std::move(result_);
  }

private:
  // Sections may have any name any number of times; the first counts.
  void take(const ElfSection& section) {
    std::string_view name = image_.name_of(section);
    const bool old = take_prefix(name, ".zdebug_");
    if (!old && !take_prefix(name, ".debug_"))
      return;
    // Only a package's index has no suffix of its own.
    if (name != "cu_index" && take_suffix(name, ".dwo") != options_.split)
      return;
    const auto* const known = std::ranges::find(kNames, name, &Name::name);
    if (known == kNames.end() || section.type == SHT_NOBITS || section.size == 0 ||
        !(result_.sections_.*known->member).empty())
      return;
    auto bytes = bytes_of(section, old);
    if (bytes)
      result_.sections_.*known->member = *bytes;
    else
      note(section, bytes.error().why);
  }

  void note(const ElfSection& section, std::string_view why) {
    result_.notes_.push_back(std::string(image_.name_of(section)) + ": " + std::string(why));
  }

  Result<Bytes> bytes_of(const ElfSection& section, bool old) {
    if (section.offset >= file_.size())
      return fail("", "it is outside the file");
    const uint64_t there = file_.size() - section.offset;
    if (section.size > there)
      note(section, "it reaches beyond the end of the file");
    const Bytes bytes = file_.subspan(section.offset, std::min(section.size, there));
    if (old)
      return inflated(read_zdebug(bytes));
    if ((section.flags & SHF_COMPRESSED) != 0)
      return inflated(read_packed(bytes));
    return bytes;
  }

  Result<Bytes> inflated(const Result<PackedSection>& packed) {
    if (!packed)
      return std::unexpected(packed.error());
    auto memory = memory_of(packed->size);
    if (!memory)
      return std::unexpected(memory.error());
    if (auto done = inflate(*packed, *memory); !done)
      return std::unexpected(done.error());
    return *memory;
  }

  Result<std::span<std::byte>> memory_of(uint64_t size) {
    if (size > left_) {
      const auto given = options_.evictable ? options_.evictable(size) : std::span<std::byte>();
      if (given.size() == size)
        return given;
      return fail("", "it inflates to " + std::to_string(size) + " bytes, more than the " +
                          std::to_string(left_) + " that are left for it");
    }
    auto memory = AnonymousMemory::allocate(size);
    if (!memory)
      return std::unexpected(memory.error());
    left_ -= size;
    result_.inflated_.push_back(std::move(*memory));
    return result_.inflated_.back().bytes();
  }

  const ElfImage& image_;
  Bytes file_;
  const SectionOptions& options_;
  uint64_t left_;
  SectionFile result_;
};

uint64_t inflated_size(const ByteSource& source, const ElfImage& image) {
  uint64_t total = 0;
  for (const ElfSection& section : image.sections()) {
    std::string_view name = image.name_of(section);
    const bool old = take_prefix(name, ".zdebug_");
    const bool packed =
        old || ((section.flags & SHF_COMPRESSED) != 0 && take_prefix(name, ".debug_"));
    if (!packed || std::ranges::find(kNames, name, &Name::name) == kNames.end())
      continue;
    std::array<std::byte, sizeof(Elf64_Chdr)> header;
    if (!source.read(section.offset, header))
      continue;
    const auto stated = old ? read_zdebug(header) : read_packed(header);
    if (stated && __builtin_add_overflow(total, stated->size, &total))
      return UINT64_MAX;
  }
  return total;
}

size_t SectionFile::memory() const {
  size_t total = 0;
  for (const AnonymousMemory& each : inflated_)
    total += each.bytes().size();
  return total;
}

SectionFile SectionFile::read(const ElfImage& image, Bytes file, const SectionOptions& options) {
  return SectionReader(image, file, options).read();
}

} // namespace pprofd::symbolizer::dwarf

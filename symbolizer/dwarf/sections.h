// The sections of one file that hold debug information, as bytes: of an executable, of its separate
// debug file, of a supplementary file (dwz) or of a split one (.dwo).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "symbolizer/base/result.h"
#include "symbolizer/elf/image.h"

namespace pprofd::symbolizer::dwarf {

// Views; whoever fills them in keeps the bytes. Sections that are not there are empty.
struct Sections {
  std::span<const std::byte> info;
  std::span<const std::byte> abbrev;
  std::span<const std::byte> line;
  std::span<const std::byte> str;
  std::span<const std::byte> line_str;
  std::span<const std::byte> str_offsets;
  std::span<const std::byte> addr;
  std::span<const std::byte> ranges;
  std::span<const std::byte> rnglists;
  std::span<const std::byte> cu_index; // of a package (.dwp)
};

// Anonymous memory that goes back to the kernel when its owner goes.
class AnonymousMemory {
public:
  static Result<AnonymousMemory> allocate(size_t size);
  AnonymousMemory(AnonymousMemory&& other) noexcept;
  AnonymousMemory& operator=(AnonymousMemory&& other) noexcept;
  AnonymousMemory(const AnonymousMemory&) = delete;
  AnonymousMemory& operator=(const AnonymousMemory&) = delete;
  ~AnonymousMemory();
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

private:
  explicit AnonymousMemory(std::span<std::byte> bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes_;
};

struct SectionOptions {
  // Take the sections of a split file or package: .debug_info.dwo and so on.
  bool split = false;
  // What all compressed sections together may come to, in bytes.
  uint64_t max_inflated = uint64_t{96} << 20;
  // Memory of a size for a compressed section, beyond max_inflated: pages that the kernel can take
  // back, of a file for example. It must outlive the sections. Empty result: there is none.
  std::function<std::span<std::byte>(uint64_t)> evictable;
};

// What the sections that a SectionFile has come to where they are compressed, each on a boundary of
// its own; 0: none is. Sizes are as stated, and may be anything.
uint64_t inflated_size(const ByteSource& source, const ElfImage& image);

// The sections of a file, with the memory of those that were compressed.
class SectionFile {
public:
  // `image` and `file`, the whole file's bytes, are of one file; `file` must outlive this.
  static SectionFile read(const ElfImage& image, std::span<const std::byte> file,
                          const SectionOptions& options = {});

  [[nodiscard]] const Sections& sections() const { return sections_; }
  // Sections that could not be used, and why, a line each.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] size_t memory() const; // of the inflated ones, in bytes

private:
  friend class SectionReader;
  Sections sections_;
  std::vector<AnonymousMemory> inflated_;
  std::vector<std::string> notes_;
};

} // namespace pprofd::symbolizer::dwarf

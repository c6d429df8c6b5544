// The files of a line program, and their names as a user reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pprofd::symbolizer::dwarf {

struct FileEntry {
  std::string_view name;
  uint64_t folder = 0; // index in the folders
};

// Numbered as the program's version does: in version 5 folder 0 is the compilation's and files
// count from 0, before that folder 0 stands for the compilation's and files count from 1.
struct FileTable {
  uint16_t version = 0;
  std::vector<std::string_view> folders;
  std::vector<FileEntry> files;

  // nullptr: there is none of that number.
  [[nodiscard]] const FileEntry* find(uint64_t index) const;
  // Its name, below its folder, below `compilation_folder` where that is relative: as
  // llvm-symbolizer prints it. Empty where there is no such file.
  [[nodiscard]] std::string path(uint64_t index, std::string_view compilation_folder) const;
  [[nodiscard]] size_t memory() const; // bytes held, about
};

} // namespace pprofd::symbolizer::dwarf

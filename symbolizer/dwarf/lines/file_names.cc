#include "symbolizer/dwarf/lines/file_names.h"

#include <algorithm>

namespace pprofd::symbolizer::dwarf {
namespace {

// Paths longer than the kernel takes are cut.
constexpr size_t kMaxPath = 4096;

// Also as Windows has it: cross-compiled programs state such names.
bool is_absolute(std::string_view path) {
  if (path.starts_with('/') || path.starts_with("\\\\"))
    return true;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return path.size() >= 3 && is_letter(path[0]) && path[1] == ':' &&
         (path[2] == '/' || path[2] == '\\');
}

void append(std::string& path, std::string_view part) {
  part = part.substr(0, kMaxPath);
  if (part.empty())
    return;
  if (path.ends_with('/'))
    part.remove_prefix(std::min(part.find_first_not_of('/'), part.size()));
  else if (!path.empty() && !part.starts_with('/'))
    path += '/';
  path += part;
}

} // namespace

const FileEntry* FileTable::find(uint64_t index) const {
  if (version < 5)
    --index;
  return index < files.size() ? &files[index] : nullptr;
}

std::string FileTable::path(uint64_t index, std::string_view compilation_folder) const {
  const FileEntry* const file = find(index);
  if (file == nullptr)
    return {};
  if (is_absolute(file->name))
    return std::string(file->name.substr(0, kMaxPath));
  const uint64_t at = version >= 5 ? file->folder : file->folder - 1;
  const std::string_view folder = at < folders.size() ? folders[at] : std::string_view();
  std::string path;
  const bool of_compilation = version >= 5 && file->folder == 0;
  if (!of_compilation && !is_absolute(folder))
    append(path, compilation_folder);
  append(path, folder);
  append(path, file->name);
  return path;
}

size_t FileTable::memory() const {
  return folders.capacity() * sizeof(std::string_view) + files.capacity() * sizeof(FileEntry);
}

} // namespace pprofd::symbolizer::dwarf

#include "tests/differential/stacks/process_rules.h"

#include <fcntl.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <utility>

#include "symbolizer/base/fd.h"
#include "symbolizer/elf/image.h"

namespace pprofd::test {

using symbolizer::ByteSource;
using symbolizer::ElfImage;
using symbolizer::kTableRows;
using symbolizer::Row;

ProcessRules::File ProcessRules::compile(const ByteSource& source) {
  File file;
  const auto image = ElfImage::open(source);
  if (!image) {
    file.problem = image.error().why;
    return file;
  }
  file.segments.assign(image->segments().begin(), image->segments().end());
  // As the kernel's tables have them.
  const auto facts =
      symbolizer::compile_rows(source, *image, kTableRows, [&](std::span<const Row> rows) {
        file.rows.insert(file.rows.end(), rows.begin(), rows.end());
      });
  if (!facts)
    file.problem = facts.error().why;
  else
    file.has_rows = facts->has_unwind_information();
  return file;
}

std::shared_ptr<const ProcessRules::File> ProcessRules::file_of(const std::string& path) {
  auto& file = files_[path];
  if (file == nullptr) {
    const Fd descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const auto source = ByteSource::of_file(descriptor.get());
    file = std::make_shared<const File>(source ? compile(*source) : File{});
  }
  return file;
}

std::shared_ptr<const ProcessRules::File> ProcessRules::vdso_of(uint64_t start, uint64_t end,
                                                                TargetMemory& memory) {
  auto& file = files_["[vdso]"];
  if (file == nullptr) {
    std::vector<std::byte> bytes(end - start);
    file = std::make_shared<const File>(
        memory.read(start, bytes) ? compile(ByteSource::of_memory(bytes)) : File{});
  }
  return file;
}

bool ProcessRules::update(pid_t pid, TargetMemory& memory) {
  std::vector<Mapping> mappings;
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    Mapping mapping;
    uint64_t offset = 0;
    int path = 0;
    char access[5] = {};
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n",
                    &mapping.start, &mapping.end, access, &offset, &path) < 4 ||
        access[2] != 'x')
      continue;
    mapping.name = line.substr(static_cast<size_t>(path));
    if (mapping.name == "[vdso]")
      mapping.file = vdso_of(mapping.start, mapping.end, memory);
    else if (mapping.name.starts_with('/'))
      mapping.file = file_of(mapping.name);
    if (mapping.file != nullptr)
      for (const symbolizer::ElfSegment& segment : mapping.file->segments)
        if (segment.executable && offset >= (segment.offset & ~uint64_t{4095}) &&
            offset < segment.offset + segment.file_size)
          mapping.bias = mapping.start - (segment.address.value + offset - segment.offset);
    mappings.push_back(std::move(mapping));
  }
  const bool changed = mappings != mappings_;
  mappings_ = std::move(mappings);
  return changed;
}

const ProcessRules::Mapping* ProcessRules::mapping_at(uint64_t pc) const {
  const auto after = std::ranges::upper_bound(mappings_, pc, {}, &Mapping::start);
  if (after == mappings_.begin())
    return nullptr;
  const Mapping& mapping = *std::prev(after);
  return pc < mapping.end ? &mapping : nullptr;
}

unwind_lookup ProcessRules::find(uint64_t pc, unwind_found& found) {
  found_.push_back({});
  const Mapping* mapping = mapping_at(pc);
  if (mapping == nullptr)
    return UNWIND_NO_MAPPING;
  if (mapping->file == nullptr || !mapping->file->has_rows)
    return UNWIND_NO_UNWIND_INFO;
  const auto& rows = mapping->file->rows;
  const uint64_t address = pc - mapping->bias;
  const auto after =
      std::ranges::upper_bound(rows, address, {}, [](const Row& row) { return row.address.value; });
  if (after == rows.begin() || std::prev(after)->rule.cfa == UNWIND_CFA_NONE)
    return UNWIND_NO_ROW;
  const Row& row = *std::prev(after);
  unwind_apply(&found, &row.rule, address - row.address.value);
  found_.back() = found;
  return UNWIND_FOUND;
}

std::vector<unwind_found> ProcessRules::take_found() {
  return std::exchange(found_, {});
}

std::string ProcessRules::name(uint64_t pc) const {
  char text[32];
  const Mapping* mapping = mapping_at(pc);
  std::snprintf(text, sizeof text, "+0x%" PRIx64, mapping == nullptr ? pc : pc - mapping->bias);
  if (mapping == nullptr)
    return std::string("?") + text;
  return mapping->name.substr(mapping->name.rfind('/') + 1) + text;
}

} // namespace pprofd::test

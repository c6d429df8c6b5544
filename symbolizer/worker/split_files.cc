#include "symbolizer/worker/split_files.h"

#include <algorithm>
#include <memory>

#include "symbolizer/dwarf/sections.h"
#include "symbolizer/worker/mapped_elf.h"

namespace pprofd::symbolizer {

class SplitFiles::File {
public:
  File(MappedElf file, SplitFiles& files)
      : file_(std::move(file)),
        sections_(dwarf::SectionFile::read(
            file_.image, file_.mapping.bytes(),
            {.split = true, .max_inflated = files.memory_limit_ / 2, .evictable = {}})),
        files_(&files) {
    files_->held_.insert(this);
    files_->inflated_ += sections_.memory();
  }
  ~File() {
    files_->inflated_ -= sections_.memory();
    files_->held_.erase(this);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] const dwarf::Sections& sections() const { return sections_.sections(); }
  [[nodiscard]] bool changed() const { return file_.mapping.changed(); }

private:
  MappedElf file_;
  dwarf::SectionFile sections_;
  SplitFiles* files_;
};

std::vector<dwarf::SplitSections> SplitFiles::find(const dwarf::SplitReference& reference) {
  std::vector<dwarf::SplitSections> found;
  if (!fetch_)
    return found;
  for (const Fd& fd : fetch_(reference)) {
    auto mapped = found.size() < kMostCandidates ? MappedElf::open(fd.get()) : std::nullopt;
    if (!mapped)
      continue;
    const auto file = std::make_shared<const File>(std::move(*mapped), *this);
    found.emplace_back(file, &file->sections());
  }
  return found;
}

bool SplitFiles::changed() const {
  return std::ranges::any_of(held_, [](const File* file) { return file->changed(); });
}

} // namespace pprofd::symbolizer

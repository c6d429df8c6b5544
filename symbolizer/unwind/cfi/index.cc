#include "symbolizer/unwind/cfi/index.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "symbolizer/unwind/cfi/pointer.h"

namespace pprofd::symbolizer::cfi {
namespace {

constexpr uint64_t kMaxTableEntries = 4 << 20;

// Offsets in .eh_frame of the FDEs that .eh_frame_hdr's table names, sorted. Garbage in the table
// is garbage here: each is parsed like any other.
std::vector<uint32_t> read_table(const ByteSource& source, const EhFrameHeader& header,
                                 const CfiSection& section) {
  constexpr size_t kChunk = 8192;
  struct TableEntry {
    int32_t address;
    int32_t fde;
  };
  std::vector<uint32_t> offsets;
  std::vector<TableEntry> chunk(kChunk);
  const uint64_t entries = std::min(header.entries, kMaxTableEntries);
  for (uint64_t done = 0; done < entries;) {
    const size_t got =
        source.read_some(header.table_offset + done * sizeof(TableEntry),
                         std::as_writable_bytes(std::span(chunk))) /
        sizeof(TableEntry);
    if (got == 0)
      break;
    const size_t used = std::min<uint64_t>(got, entries - done);
    for (const TableEntry& entry : std::span(chunk).first(used)) {
      const uint64_t offset =
          header.address.value + static_cast<uint64_t>(int64_t{entry.fde}) - section.address.value;
      if (offset < section.size && offset <= UINT32_MAX)
        offsets.push_back(static_cast<uint32_t>(offset));
    }
    done += used;
  }
  std::ranges::sort(offsets);
  return offsets;
}

// Whether code of the file begins at `address`; true where nothing is known.
bool is_code(const ElfImage& image, uint64_t address) {
  if (image.segments().empty())
    return true;
  return std::ranges::any_of(image.segments(), [&](const ElfSegment& segment) {
    return segment.executable && address - segment.address.value < segment.memory_size;
  });
}

} // namespace

// The walk through one section.
class FdeIndex::Scan {
public:
  Scan(FdeIndex& index, const ByteSource& source, const ElfImage& image, RecordReader& reader,
       UnwindFacts& facts)
      : index_(index), source_(source), image_(image), reader_(reader), facts_(facts) {}

  void run(const CfiSection& section, uint64_t base, const EhFrameHeader* header) {
    section_ = &section;
    base_ = base;
    header_ = header;
    table_.reset();
    for (uint64_t offset = 0; offset < section.size;)
      offset = record(offset);
  }

private:
  // Takes the record at `offset`; where to go on.
  uint64_t record(uint64_t offset) {
    const auto header = reader_.header(*section_, offset);
    if (!header) {
      // The end of a truncated section, or padding, is no FDE.
      if (section_->size - offset >= sizeof(uint32_t))
        count(header.error());
      return resume(offset, section_->size);
    }
    if (header->kind == RecordHeader::Kind::kTerminator)
      return section_->open_ended ? resume(offset, section_->size) : header->end;
    if (header->kind == RecordHeader::Kind::kCie)
      return header->end;
    const auto fde = reader_.fde(*section_, *header, false);
    if (!fde) {
      count(fde.error());
      return resume(offset, header->end);
    }
    take(*fde, offset);
    return header->end;
  }

  void take(const Fde& fde, uint64_t offset) {
    if (fde.start == fde.end) {
      ++facts_.empty;
    } else if (!is_code(image_, fde.start)) {
      ++facts_.outside_code;
    } else if (index_.packed_.size() == kMaxFdes) {
      count(FdeFault::kTooLarge);
    } else {
      ++facts_.fdes;
      index_.packed_.push_back(
          {.address = fde.start, .where = static_cast<uint32_t>(base_ + offset)});
    }
  }

  // Behind a record that gives no way to the next, or a doubtful one.
  uint64_t resume(uint64_t offset, uint64_t end) {
    if (header_ == nullptr)
      return end;
    if (!table_)
      table_ = read_table(source_, *header_, *section_);
    const auto next = std::ranges::upper_bound(*table_, offset);
    return next == table_->end() ? end : std::min<uint64_t>(end, *next);
  }

  void count(FdeFault fault) { ++facts_.malformed[static_cast<size_t>(fault)]; }

  FdeIndex& index_;
  const ByteSource& source_;
  const ElfImage& image_;
  RecordReader& reader_;
  UnwindFacts& facts_;
  const CfiSection* section_ = nullptr;
  uint64_t base_ = 0;
  const EhFrameHeader* header_ = nullptr;
  std::optional<std::vector<uint32_t>> table_;
};

void FdeIndex::build(const ByteSource& source, const ElfImage& image, const CfiSections& sections,
                     RecordReader& reader, UnwindFacts& facts) {
  sections_ = &sections;
  packed_.clear();
  bases_.clear();
  Scan scan(*this, source, image, reader, facts);
  uint64_t base = 0;
  for (const CfiSection& section : sections.sections) {
    bases_.push_back(base);
    if (base + section.size > UINT32_MAX) {
      facts.notes.emplace_back("sections of more than 4 GiB: the rest is not read");
      break;
    }
    // The table belongs to the section that the header points to.
    const bool headed = !section.debug && sections.header &&
                        sections.header->eh_frame >= section.address &&
                        sections.header->eh_frame.value - section.address.value < section.size;
    (section.debug ? has_debug_ : has_eh_) = true;
    scan.run(section, base, headed ? &*sections.header : nullptr);
    base += section.size;
  }
  sort();
}

FdeIndex::Entry FdeIndex::operator[](size_t index) const {
  const Packed& packed = packed_[index];
  const uint64_t where = packed.where;
  const auto after = std::ranges::upper_bound(bases_, where);
  const auto section = static_cast<size_t>(after - bases_.begin()) - 1;
  return {.address = packed.address,
          .place = {.section = &sections_->sections[section], .offset = where - bases_[section]}};
}

// By address; those of one address stay in file order.
void FdeIndex::sort() {
  const auto before = [](const Packed& a, const Packed& b) {
    return std::pair(uint64_t{a.address}, uint32_t{a.where}) <
           std::pair(uint64_t{b.address}, uint32_t{b.where});
  };
  if (!std::ranges::is_sorted(packed_, before))
    std::ranges::sort(packed_, before);
}

} // namespace pprofd::symbolizer::cfi

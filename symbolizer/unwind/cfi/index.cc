#include "symbolizer/unwind/cfi/index.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
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
    const size_t got = source.read_some(header.table_offset + done * sizeof(TableEntry),
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

} // namespace

// The walk through one section.
class FdeIndex::Scan {
public:
  Scan(FdeIndex& index, const ByteSource& source, const ElfImage& image, RecordReader& reader,
       UnwindFacts& facts)
      : index_(index), source_(source), reader_(reader), facts_(facts) {
    for (const ElfSegment& segment : image.segments())
      if (segment.executable)
        code_.push_back({.start = segment.address.value, .size = segment.memory_size});
    anywhere_ = image.segments().empty();
  }

  void run(const CfiSection& section, uint64_t base, const EhFrameHeader* header) {
    section_ = &section;
    base_ = base;
    header_ = header;
    table_.clear();
    table_read_ = false;
    if (header != nullptr)
      index_.packed_.reserve(std::min({header->entries, section.size / kMinFde, kMaxFdes}));
    for (uint64_t offset = 0; offset < section.size;)
      offset = record(offset);
  }

private:
  static constexpr uint64_t kMinFde = 16; // bytes of a record with 32-bit addresses

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
    const auto fde = reader_.fde(*section_, *header);
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
    } else if (!is_code(fde.start)) {
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
    if (!std::exchange(table_read_, true))
      table_ = read_table(source_, *header_, *section_);
    const auto next = std::ranges::upper_bound(table_, offset);
    return next == table_.end() ? end : std::min<uint64_t>(end, *next);
  }

  [[nodiscard]] bool is_code(uint64_t address) const {
    return anywhere_ || std::ranges::any_of(code_, [address](const Code& code) {
             return address - code.start < code.size;
           });
  }

  void count(FdeFault fault) { ++facts_.malformed[static_cast<size_t>(fault)]; }

  struct Code {
    uint64_t start;
    uint64_t size;
  };

  FdeIndex& index_;
  const ByteSource& source_;
  RecordReader& reader_;
  UnwindFacts& facts_;
  const CfiSection* section_ = nullptr;
  uint64_t base_ = 0;
  const EhFrameHeader* header_ = nullptr;
  std::vector<uint32_t> table_;
  bool table_read_ = false;
  std::vector<Code> code_;
  bool anywhere_ = false; // a file without segments
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

// By address; those of one address stay in file order. A radix sort of the distances from the
// lowest address, 11 bits a pass, least significant first: two or three passes for most files.
void FdeIndex::sort() {
  constexpr unsigned kBits = 11;
  constexpr size_t kBuckets = size_t{1} << kBits;
  const auto address_of = [](const Packed& packed) { return uint64_t{packed.address}; };
  if (packed_.empty() || std::ranges::is_sorted(packed_, {}, address_of))
    return;
  const auto [lowest, highest] = std::ranges::minmax(packed_, {}, address_of);
  const uint64_t base = lowest.address;
  const uint64_t span = highest.address - base;
  std::vector<Packed> other(packed_.size());
  for (unsigned shift = 0; shift < 64 && (span >> shift) != 0; shift += kBits) {
    const auto bucket = [=](const Packed& packed) {
      return ((packed.address - base) >> shift) & (kBuckets - 1);
    };
    std::array<uint32_t, kBuckets> places{};
    for (const Packed& packed : packed_)
      ++places[bucket(packed)];
    uint32_t place = 0;
    for (uint32_t& count : places)
      place += std::exchange(count, place);
    for (const Packed& packed : packed_)
      other[places[bucket(packed)]++] = packed;
    packed_.swap(other);
  }
}

} // namespace pprofd::symbolizer::cfi

#include "symbolizer/unwind/cfi/records.h"

#include <algorithm>
#include <string_view>

#include "symbolizer/unwind/cfi/pointer.h"

namespace pprofd::symbolizer::cfi {
namespace {

constexpr uint64_t kMaxFde = 4 << 20;
constexpr uint64_t kMaxCie = 4 << 10;
constexpr uint32_t kExtendedLength = 0xffffffff;
constexpr uint32_t kReservedLength = 0xfffffff0;
constexpr uint64_t kAddressSize = 8;
constexpr uint8_t kSegmentedVersion = 4; // .debug_frame's version with address and segment sizes

// What a CIE's augmentation string and data say. False where an FDE's address can't be found.
bool read_augmentation(Cursor& cursor, std::string_view letters, uint64_t cursor_address,
                       Cie& cie) {
  if (!cie.has_augmentation_data)
    return letters.empty() || letters == "eh";
  const uint64_t size = cursor.uleb();
  const uint64_t data_address = cursor_address + cursor.position();
  Cursor data(cursor.bytes(size));
  const PointerBase base{.cursor_start = data_address};
  for (size_t i = 1; i < letters.size(); ++i) {
    switch (letters[i]) {
    case 'R':
      cie.pointer_encoding = data.u8();
      break;
    case 'L':
      cie.lsda_encoding = data.u8();
      break;
    case 'P': {
      const uint8_t encoding = data.u8();
      if (!skip_pointer(data, encoding, base))
        return false;
      break;
    }
    case 'S':
      cie.signal_frame = true;
      break;
    case 'B': // arm64: the return address is signed with the other key
    case 'G': // arm64: the stack's memory is tagged
      break;
    default:
      // What belongs to an unknown letter has an unknown size: all behind it is lost.
      return letters.substr(i).find_first_of("RS") == std::string_view::npos;
    }
  }
  return !data.failed() && !cursor.failed();
}

} // namespace

std::expected<RecordHeader, FdeFault> RecordReader::header(const CfiSection& section,
                                                           uint64_t offset) {
  constexpr size_t kHeader = 4 + 8 + 8;
  Cursor cursor(bytes_.at(section, offset, kHeader));
  RecordHeader header{.start = offset};
  uint64_t length = cursor.read<uint32_t>();
  if (cursor.failed() || (length >= kReservedLength && length != kExtendedLength))
    return std::unexpected(FdeFault::kRecord);
  const bool extended = length == kExtendedLength;
  if (extended)
    length = cursor.read<uint64_t>();
  const uint64_t id_offset = offset + cursor.position();
  header.end = header.body = id_offset;
  if (length == 0 && !cursor.failed())
    return header;
  if (cursor.failed() || length > section.size - id_offset)
    return std::unexpected(FdeFault::kRecord);
  header.end += length;
  const uint64_t id = extended ? cursor.read<uint64_t>() : cursor.read<uint32_t>();
  header.body = offset + cursor.position();
  if (cursor.failed() || header.body > header.end)
    return std::unexpected(FdeFault::kRecord);
  const uint64_t cie_id = !section.debug ? 0 : (extended ? UINT64_MAX : uint64_t{kExtendedLength});
  header.kind = id == cie_id ? RecordHeader::Kind::kCie : RecordHeader::Kind::kFde;
  // In .eh_frame the distance back from the field, in .debug_frame a place. What leads out of the
  // section is found when it is followed.
  header.cie = section.debug ? id : id_offset - id;
  return header;
}

std::expected<Fde, FdeFault> RecordReader::fde(const CfiSection& section,
                                               const RecordHeader& header) {
  const Cie* cie = this->cie(section, header.cie);
  if (cie == nullptr)
    return std::unexpected(FdeFault::kCie);
  const uint64_t size = header.end - header.body;
  if (size > kMaxFde)
    return std::unexpected(FdeFault::kTooLarge);
  constexpr uint64_t kAddresses = 512; // more than a segment and both encoded addresses take
  const auto bytes = bytes_.at(section, header.body, std::min(size, kAddresses));
  Cursor cursor(bytes.first(std::min<size_t>(bytes.size(), size)));
  const PointerBase base{.cursor_start = section.address.value + header.body};
  cursor.skip(cie->segment_size);
  auto start = read_pointer(cursor, cie->pointer_encoding, base);
  if (start && is_indirect(cie->pointer_encoding)) [[unlikely]]
    start = pointer_at(*start);
  const auto range = read_pointer(cursor, cie->pointer_encoding & kFormMask, base);
  if (!start || !range)
    return std::unexpected(FdeFault::kPointer);
  Fde fde{.start = *start, .rest = header.body + cursor.position()};
  if (__builtin_add_overflow(*start, *range, &fde.end))
    return std::unexpected(FdeFault::kRange);
  return fde;
}

std::expected<FdeProgram, FdeFault>
RecordReader::program(const CfiSection& section, const RecordHeader& header, const Fde& fde) {
  FdeProgram program;
  program.cie = cie(section, header.cie);
  if (program.cie == nullptr)
    return std::unexpected(FdeFault::kCie);
  const uint64_t size = header.end - fde.rest;
  const auto bytes = bytes_.at(section, fde.rest, size);
  if (bytes.size() < size)
    return std::unexpected(FdeFault::kRecord);
  Cursor cursor(bytes.first(size));
  if (program.cie->has_augmentation_data)
    cursor.skip(cursor.uleb());
  if (cursor.failed())
    return std::unexpected(FdeFault::kInstruction);
  program.address = section.address.value + fde.rest + cursor.position();
  program.instructions = cursor.rest();
  return program;
}

std::optional<uint64_t> RecordReader::pointer_at(uint64_t address) const {
  const auto range = file_range_at(*source_, *image_, {address});
  if (!range || range->size < sizeof(uint64_t))
    return std::nullopt;
  const auto value = source_->read_as<uint64_t>(range->offset);
  return value ? std::optional(*value) : std::nullopt;
}

const Cie* RecordReader::cie(const CfiSection& section, uint64_t offset) {
  CieSlot& slot = cies_[(offset / 4) % kCieSlots];
  if (slot.section != &section || slot.offset != offset)
    slot = {.section = &section, .offset = offset, .cie = parse_cie(section, offset)};
  return slot.cie ? &*slot.cie : nullptr;
}

std::optional<Cie> RecordReader::parse_cie(const CfiSection& section, uint64_t offset) {
  if (offset >= section.size)
    return std::nullopt;
  const auto header = this->header(section, offset);
  if (!header || header->kind != RecordHeader::Kind::kCie)
    return std::nullopt;
  const uint64_t size = header->end - header->body;
  if (size > kMaxCie)
    return std::nullopt;
  const auto bytes = bytes_.at(section, header->body, size);
  Cursor cursor(bytes.first(std::min<size_t>(bytes.size(), size)));
  const uint64_t address = section.address.value + header->body;

  Cie cie;
  const uint8_t version = cursor.u8();
  if (version != 1 && version != 3 && version != kSegmentedVersion)
    return std::nullopt;
  const std::string_view letters = cursor.text();
  cie.has_augmentation_data = letters.starts_with('z');
  if (letters == "eh")
    cursor.skip(kAddressSize);
  if (version == kSegmentedVersion) {
    if (cursor.u8() != kAddressSize)
      return std::nullopt;
    cie.segment_size = cursor.u8();
  }
  cie.code_alignment = cursor.uleb();
  cie.data_alignment = cursor.sleb();
  cie.return_address = version == 1 ? cursor.u8() : cursor.uleb();
  if (!read_augmentation(cursor, letters, address, cie) || cursor.failed())
    return std::nullopt;
  Program program(*architecture_);
  if (!program.run_initial(cie, cursor.rest()))
    return std::nullopt;
  return cie;
}

} // namespace pprofd::symbolizer::cfi

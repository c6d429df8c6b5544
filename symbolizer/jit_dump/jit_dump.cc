#include "symbolizer/jit_dump/jit_dump.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace pprofd::symbolizer {
namespace {

constexpr uint32_t kMagic = 0x4a695444;
constexpr uint32_t kVersion = 1;
constexpr uint64_t kOtherClock = 1; // a flag: times are the processor's own
// V8 is told by what it writes where nothing belongs. It tells its lines as they would be behind
// the header of an ELF file.
constexpr uint32_t kMarkOfV8 = 0xdeadbeef;
constexpr uint64_t kShiftOfV8 = 0x40;
// Functions that were at an address before; of a file with more, some are not found.
constexpr size_t kMostSteps = 10'000;

struct Header {
  uint32_t magic, version, size, machine, padding, pid;
  uint64_t time, flags;
};

struct Prefix {
  uint32_t id, size;
  uint64_t time;
};

enum RecordId : uint32_t { kLoad = 0, kMove = 1, kLines = 2 };

struct LoadRecord {
  Prefix prefix;
  uint32_t pid, tid;
  uint64_t memory_address, address, size, index;
};

struct MoveRecord {
  Prefix prefix;
  uint32_t pid, tid;
  uint64_t memory_address, from, to, size, index;
};

struct LinesRecord {
  Prefix prefix;
  uint64_t address, count;
};

struct LineEntry {
  uint64_t address;
  uint32_t line, discriminator;
};

// The text at the start of `bytes`, which ends with a zero; nothing where there is none.
std::optional<std::string_view> text_in(std::span<const std::byte> bytes) {
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t end = all.find('\0');
  return end == std::string_view::npos ? std::nullopt : std::optional(all.substr(0, end));
}

// The entries of a record, one after the other.
class LineReader {
public:
  explicit LineReader(std::span<const std::byte> entries) : left_(entries) {}

  // False: there are no more, or what follows is none.
  bool next() {
    if (left_.size() <= sizeof entry_)
      return false;
    std::memcpy(&entry_, left_.data(), sizeof entry_);
    left_ = left_.subspan(sizeof entry_);
    const auto name = text_in(left_);
    if (!name)
      return false;
    left_ = left_.subspan(name->size() + 1);
    if (*name != kSameFile)
      file_ = *name;
    return true;
  }

  [[nodiscard]] const LineEntry& entry() const { return entry_; }
  [[nodiscard]] std::string_view file() const { return file_; }

private:
  static constexpr std::string_view kSameFile = "\xff";

  std::span<const std::byte> left_;
  LineEntry entry_{};
  std::string_view file_;
};

} // namespace

void JitDump::read(const ByteSource& source) {
  if (damaged_ || (consumed_ == 0 && !read_header(source)))
    return;
  while (!damaged_ && !full() && take_record(source)) {
  }
}

bool JitDump::read_header(const ByteSource& source) {
  const auto header = source.read_as<Header>(0);
  if (!header)
    return false;
  damaged_ =
      header->magic != kMagic || header->version != kVersion || header->size < sizeof(Header);
  if (damaged_ || header->size > source.size())
    return false;
  timed_ = (header->flags & kOtherClock) == 0;
  lines_shift_ = header->padding == kMarkOfV8 ? kShiftOfV8 : 0;
  consumed_ = header->size;
  return true;
}

// False: there is no whole record there yet.
bool JitDump::take_record(const ByteSource& source) {
  const auto prefix = source.read_as<Prefix>(consumed_);
  if (!prefix || prefix->size > source.size() - consumed_)
    return false;
  bool good = prefix->size >= sizeof(Prefix);
  if (good && prefix->id == kLoad)
    good = take_load(source, prefix->size);
  else if (good && prefix->id == kMove)
    good = take_move(source, prefix->size);
  else if (good && prefix->id == kLines)
    good = take_lines(source, prefix->size);
  damaged_ = !good;
  consumed_ += prefix->size;
  return good;
}

bool JitDump::take_load(const ByteSource& source, uint64_t size) {
  const auto record = source.read_as<LoadRecord>(consumed_);
  if (!record || size < sizeof *record || record->size > UINT64_MAX - record->address)
    return false;
  const bool has_lines = lines_record_ != 0 && lines_address_ == record->address;
  insert(record->address, {.end = record->address + record->size,
                           .time = record->prefix.time,
                           .made = record->address,
                           .record = consumed_,
                           .lines = has_lines ? lines_record_ : 0});
  lines_record_ = 0;
  return true;
}

bool JitDump::take_move(const ByteSource& source, uint64_t size) {
  const auto record = source.read_as<MoveRecord>(consumed_);
  if (!record || size < sizeof *record || record->size > UINT64_MAX - record->to)
    return false;
  const auto from = live_.find(record->from);
  if (from == live_.end())
    return true; // code that it has not told of
  Code moved = from->second;
  moved.end = record->to + record->size;
  moved.time = record->prefix.time;
  insert(record->to, moved);
  return true;
}

bool JitDump::take_lines(const ByteSource& source, uint64_t size) {
  const auto record = source.read_as<LinesRecord>(consumed_);
  if (!record || size < sizeof *record)
    return false;
  lines_record_ = consumed_;
  lines_address_ = record->address;
  return true;
}

// What the new code overlaps was there before it.
void JitDump::insert(uint64_t start, const Code& code) {
  if (code.end == start)
    return;
  const auto set_aside = [this](uint64_t its_start, const Code& its) {
    if (replaced_.size() >= kMostReplaced)
      replaced_.clear();
    longest_replaced_ = std::max(longest_replaced_, its.end - its_start);
    replaced_.emplace(its_start, its);
  };
  auto at = live_.upper_bound(start);
  if (at != live_.begin() && std::prev(at)->second.end > start)
    --at;
  while (at != live_.end() && at->first < code.end) {
    set_aside(at->first, at->second);
    at = live_.erase(at);
  }
  live_.emplace(start, code);
}

std::optional<JitDump::Found> JitDump::code_at(uint64_t address, uint64_t time) const {
  std::optional<Found> before; // the last that came until then
  std::optional<Found> after;  // the first that came later
  const auto consider = [&](const std::pair<const uint64_t, Code>& each) {
    const auto& [start, code] = each;
    if (start > address || address >= code.end)
      return;
    auto& best = code.time <= time ? before : after;
    if (!best || (code.time <= time) == (code.time > best->second->time))
      best = {start, &code};
  };
  if (const auto next = live_.upper_bound(address); next != live_.begin())
    consider(*std::prev(next));
  size_t steps = 0;
  for (auto at = replaced_.upper_bound(address); at != replaced_.begin() && steps < kMostSteps;
       ++steps) {
    --at;
    if (address - at->first >= longest_replaced_)
      break;
    consider(*at);
  }
  return before ? before : after;
}

std::optional<JitDump::Function> JitDump::find(const ByteSource& source, uint64_t address,
                                               uint64_t time) const {
  const auto found = code_at(address, timed_ ? time : kNow);
  if (!found)
    return std::nullopt;
  const auto record = source.read_as<LoadRecord>(found->second->record);
  if (!record || record->prefix.size < sizeof *record)
    return std::nullopt;
  const auto bytes = source.read_copy(
      found->second->record + sizeof *record,
      std::min<uint64_t>(record->prefix.size - sizeof *record, kMostName), kMostName);
  if (!bytes)
    return std::nullopt;
  const std::string_view all(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  Function function{.start = found->first,
                    .name = std::string(text_in(*bytes).value_or(all)),
                    .file = {},
                    .line = 0};
  if (function.name.empty())
    return std::nullopt;
  add_line(source, *found, address, function);
  return function;
}

// The entry before the address holds. Lines of which one is outside the function are some
// compiler's mistake: none is taken.
void JitDump::add_line(const ByteSource& source, const Found& code, uint64_t address,
                       Function& function) const {
  const Code& its = *code.second;
  const auto record = its.lines == 0 ? fail("", "") : source.read_as<LinesRecord>(its.lines);
  if (!record || record->prefix.size < sizeof *record)
    return;
  const auto entries = source.read_copy(its.lines + sizeof *record,
                                        record->prefix.size - sizeof *record, kMostLines);
  if (!entries)
    return;
  const uint64_t size = its.end - code.first;
  const uint64_t place = address - code.first;
  std::optional<uint64_t> best; // place of the entry
  LineReader reader(*entries);
  for (uint64_t i = 0; i < record->count; ++i) {
    const bool good = reader.next();
    const uint64_t at = reader.entry().address - its.made - lines_shift_;
    if (!good || at > size) {
      function.file.clear();
      function.line = 0;
      return;
    }
    if (at > place || (best && at < *best))
      continue;
    best = at;
    function.file = reader.file();
    function.line = reader.entry().line;
  }
}

size_t JitDump::memory() const {
  constexpr size_t kNode = 40; // of a tree, beside its value
  return (live_.size() + replaced_.size()) * (kNode + sizeof(uint64_t) + sizeof(Code));
}

} // namespace pprofd::symbolizer

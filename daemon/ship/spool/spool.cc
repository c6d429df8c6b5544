#include "daemon/ship/spool/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <utility>
#include <vector>

#include "daemon/ship/spool/segment.h"
#include "symbolizer/base/read_bytes.h"
#include "symbolizer/base/write_bytes.h"

namespace pprofd::ship {

namespace {

constexpr std::string_view kEnding = ".spool";
constexpr size_t kDigits = 16;
constexpr const char* kCursor = "cursor";
// The cursor's file is a record without a payload whose segment and id say the position.
constexpr uint64_t kCursorOffset = 0;

constexpr uint64_t kLargestSegment = uint64_t{4} << 20;
constexpr uint64_t kSmallestSegment = uint64_t{16} << 10;
constexpr uint64_t kSegments = 16; // that a full spool has, at least
constexpr size_t kIds = 4096;

std::string file_name(uint64_t segment) {
  return fmt::format("{:016x}{}", segment, kEnding);
}

// Nothing: not a segment's name.
std::optional<uint64_t> number_of(std::string_view name) {
  if (name.size() != kDigits + kEnding.size() || !name.ends_with(kEnding))
    return std::nullopt;
  uint64_t number = 0;
  const std::string_view digits = name.substr(0, kDigits);
  const auto parsed = std::from_chars(digits.begin(), digits.end(), number, 16);
  if (parsed.ec != std::errc() || parsed.ptr != digits.end() || file_name(number) != name)
    return std::nullopt;
  return number;
}

Result<std::vector<uint64_t>> segment_numbers(int folder, const std::string& what) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> list(copy < 0 ? nullptr : ::fdopendir(copy),
                                                 ::closedir);
  if (!list)
    return fail_errno(what, errno);
  std::vector<uint64_t> numbers;
  while (const dirent* entry = ::readdir(list.get())) {
    if (const auto number = number_of(entry->d_name))
      numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

} // namespace

Result<Spool> Spool::open(const std::string& path, uint64_t max_bytes) {
  const std::string what = "open the spool " + path;
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST)
    return fail_errno(what, errno);
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!folder)
    return fail_errno(what, errno);
  Spool spool(path, std::move(folder), max_bytes);
  if (auto loaded = spool.load(); !loaded)
    return std::unexpected(loaded.error());
  return spool;
}

Result<void> Spool::load() {
  load_cursor();
  const auto numbers = segment_numbers(folder_.get(), "open the spool " + path_);
  if (!numbers)
    return std::unexpected(numbers.error());
  for (const uint64_t number : *numbers) {
    if (number < done_.segment)
      remove_file(number);
    else
      load_segment(number);
  }
  if (!segments_.empty() && segments_.front().number > done_.segment)
    done_ = {.segment = segments_.front().number, .offset = 0};
  read_ = done_;
  make_room(0); // the limit may be a smaller one now
  return {};
}

// One that can't be read keeps its number and its place on the disk until what is behind it is
// done.
void Spool::load_segment(uint64_t number) {
  struct stat info{};
  const bool known =
      ::fstatat(folder_.get(), file_name(number).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  if (known && !S_ISREG(info.st_mode))
    return;
  Segment segment{.number = number, .bytes = known ? static_cast<uint64_t>(info.st_size) : 0};
  const auto bytes = contents(segment, 0);
  const SegmentScan scan = bytes ? scan_segment(*bytes, number, 0)
                                 : SegmentScan{.records = {}, .skipped = segment.bytes};
  for (const ScannedRecord& record : scan.records) {
    remember(record.id);
    segment.unread += SpoolPosition{.segment = number, .offset = record.offset} >= done_ ? 1 : 0;
  }
  skipped_ += scan.skipped;
  bytes_ += segment.bytes;
  segments_.push_back(segment);
}

void Spool::load_cursor() {
  const Fd file(::openat(folder_.get(), kCursor, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const auto bytes = read_bytes(file.get(), 0, kRecordHeader, "");
  if (!file || !bytes || bytes->size() != kRecordHeader)
    return; // what is there is sent again
  uint64_t segment = 0;
  for (size_t i = 0; i < sizeof segment; ++i)
    segment |= uint64_t{static_cast<unsigned char>((*bytes)[8 + i])} << (8 * i);
  const SegmentScan scan = scan_segment(*bytes, segment, kCursorOffset);
  if (scan.records.size() == 1)
    done_ = {.segment = segment, .offset = scan.records.front().id};
}

// Not synced: after a power cut some are sent again.
void Spool::save_cursor() const {
  const Fd file(
      ::openat(folder_.get(), kCursor, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (file)
    (void)write_bytes(file.get(), encode_record(done_.segment, kCursorOffset, done_.offset, ""), 0);
}

Result<std::string> Spool::contents(const Segment& segment, uint64_t from) const {
  const std::string what = "read the spool " + path_;
  const Fd file(::openat(folder_.get(), file_name(segment.number).c_str(),
                         O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file)
    return fail_errno(what, errno);
  return read_bytes(file.get(), from, segment.bytes - std::min(from, segment.bytes), what);
}

uint64_t Spool::segment_size() const {
  return std::clamp(max_bytes_ / kSegments, kSmallestSegment, kLargestSegment);
}

Result<void> Spool::begin_segment() {
  close_segment();
  const uint64_t last = segments_.empty() ? 0 : segments_.back().number;
  const uint64_t number = std::max(last, done_.segment) + 1;
  Fd file(::openat(folder_.get(), file_name(number).c_str(),
                   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file)
    return fail_errno("write the spool " + path_, errno);
  if (::fsync(folder_.get()) != 0)
    return fail_errno("write the spool " + path_, errno);
  out_ = std::move(file);
  segments_.push_back({.number = number});
  return {};
}

Result<bool> Spool::append(uint64_t id, std::string_view payload) {
  if (ids_.contains(id))
    return false;
  const uint64_t bytes = kRecordHeader + payload.size();
  if (payload.size() > kLongestPayload || bytes > max_bytes_ / 2)
    return fail("spool a profile", "it is larger than half of spool_size");
  if (!out_ || segments_.back().bytes >= segment_size())
    if (auto begun = begin_segment(); !begun)
      return std::unexpected(begun.error());
  make_room(bytes);
  Segment& segment = segments_.back();
  unsynced_ = true;
  const std::string record = encode_record(segment.number, segment.bytes, id, payload);
  if (const int error = write_bytes(out_.get(), record, segment.bytes); error != 0) {
    // What was written of it is skipped by readers; the next record goes to another file.
    close_segment();
    return fail_errno("write the spool " + path_, error);
  }
  segment.bytes += bytes;
  ++segment.unread;
  bytes_ += bytes;
  remember(id);
  return true;
}

// The next record goes to another file.
void Spool::close_segment() {
  if (std::exchange(unsynced_, false) && ::fdatasync(out_.get()) != 0)
    sync_error_ = errno;
  out_.reset();
}

Result<void> Spool::sync() {
  if (std::exchange(unsynced_, false) && ::fdatasync(out_.get()) != 0) {
    sync_error_ = errno;
    out_.reset(); // the kernel may have forgotten what it could not write
  }
  if (const int error = std::exchange(sync_error_, 0); error != 0)
    return fail_errno("write the spool " + path_, error);
  return {};
}

// The oldest go; the one that is written stays.
void Spool::make_room(uint64_t bytes) {
  while (bytes_ + bytes > max_bytes_ && segments_.size() > 1) {
    const Segment& oldest = segments_.front();
    dropped_ += oldest.unread;
    bytes_ -= oldest.bytes;
    remove_file(oldest.number);
    const SpoolPosition next{.segment = segments_[1].number, .offset = 0};
    if (read_ < next) {
      read_ = next;
      ahead_.clear();
    }
    segments_.pop_front();
    done_before(next);
  }
}

void Spool::remember(uint64_t id) {
  if (!ids_.insert(id).second)
    return;
  id_order_.push_back(id);
  if (id_order_.size() <= kIds)
    return;
  ids_.erase(id_order_.front());
  id_order_.pop_front();
}

// The records behind read_, of the first segment that has some. False: there are none.
bool Spool::load_ahead() {
  for (Segment& segment : segments_) {
    if (segment.number < read_.segment || segment.unread == 0)
      continue;
    const uint64_t from = segment.number == read_.segment ? read_.offset : 0;
    const auto bytes = contents(segment, from);
    const SegmentScan scan =
        bytes ? scan_segment(*bytes, segment.number, from) : SegmentScan{.records = {}};
    for (const ScannedRecord& record : scan.records)
      ahead_.push_back({.at = {.segment = segment.number, .offset = record.offset},
                        .id = record.id,
                        .bytes = record.payload.size()});
    // What could be read before and can't be now is lost.
    if (ahead_.size() < segment.unread) {
      dropped_ += segment.unread - ahead_.size();
      segment.unread = ahead_.size();
    }
    if (!ahead_.empty())
      return true;
  }
  return false;
}

std::optional<SpoolRecord> Spool::next() {
  if (ahead_.empty() && !load_ahead())
    return std::nullopt;
  const SpoolRecord record = ahead_.front();
  ahead_.pop_front();
  const auto segment = std::ranges::find(segments_, record.at.segment, &Segment::number);
  if (segment != segments_.end() && segment->unread > 0)
    --segment->unread;
  read_ = {.segment = record.at.segment, .offset = record.at.offset + kRecordHeader + record.bytes};
  return record;
}

Result<std::string> Spool::read(const SpoolRecord& record) const {
  const auto segment = std::ranges::find(segments_, record.at.segment, &Segment::number);
  if (segment == segments_.end())
    return fail("read the spool " + path_, "the profile is gone");
  const Segment part{.number = segment->number,
                     .bytes = record.at.offset + kRecordHeader + record.bytes};
  const auto bytes = contents(part, record.at.offset);
  if (!bytes)
    return std::unexpected(bytes.error());
  const SegmentScan scan = scan_segment(*bytes, record.at.segment, record.at.offset);
  if (scan.records.size() != 1 || scan.records.front().id != record.id)
    return fail("read the spool " + path_, "the profile is damaged");
  return std::string(scan.records.front().payload);
}

void Spool::done_before(SpoolPosition position) {
  if (position <= done_)
    return;
  done_ = position;
  save_cursor();
  // Nothing is left in a segment that has been read to its end, but for the one that is written.
  while (!segments_.empty() && segments_.front().number < done_.segment) {
    bytes_ -= segments_.front().bytes;
    remove_file(segments_.front().number);
    segments_.pop_front();
  }
  Segment* first = segments_.empty() ? nullptr : &segments_.front();
  if (first == nullptr || first->number != done_.segment || done_.offset < first->bytes)
    return;
  const bool written = segments_.size() == 1 && out_;
  if (written && first->bytes < segment_size() / kSegments)
    return; // not a new file for each few profiles
  if (written)
    out_.reset();
  bytes_ -= first->bytes;
  remove_file(first->number);
  segments_.pop_front();
}

bool Spool::has(const SpoolRecord& record) const {
  return std::ranges::find(segments_, record.at.segment, &Segment::number) != segments_.end();
}

Spool::Figures Spool::figures() const {
  Figures figures{.bytes = bytes_, .dropped = dropped_, .skipped = skipped_};
  for (const Segment& segment : segments_)
    figures.records += segment.unread;
  return figures;
}

void Spool::remove_file(uint64_t number) const {
  ::unlinkat(folder_.get(), file_name(number).c_str(), 0);
}

} // namespace pprofd::ship

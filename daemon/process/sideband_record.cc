#include "daemon/process/sideband_record.h"

#include <cstring>
#include <type_traits>

namespace pprofd {

namespace {

struct SampleId {
  uint32_t pid;
  uint32_t tid;
  uint64_t time;
  uint32_t cpu;
  uint32_t reserved;
};
static_assert(sizeof(SampleId) == 24);

struct TaskRecord { // FORK and EXIT
  uint32_t pid;
  uint32_t parent_pid;
  uint32_t tid;
  uint32_t parent_tid;
  uint64_t time;
};
static_assert(sizeof(TaskRecord) == 24);

struct CommRecord {
  uint32_t pid;
  uint32_t tid;
};

struct MmapRecord {
  uint32_t pid;
  uint32_t tid;
  uint64_t start;
  uint64_t length;
  uint64_t offset;
};
static_assert(sizeof(MmapRecord) == 32);

struct Mmap2Inode {
  uint32_t major;
  uint32_t minor;
  uint64_t inode;
  uint64_t generation;
};

struct Mmap2BuildId {
  uint8_t size;
  uint8_t reserved[3];
  uint8_t bytes[20];
};
static_assert(sizeof(Mmap2Inode) == sizeof(Mmap2BuildId));

struct Protection {
  uint32_t prot;
  uint32_t flags;
};

struct LostRecord {
  uint64_t id;
  uint64_t lost;
};

// Takes structs off the front of a record's payload.
class Cursor {
public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T> bool take(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (bytes_.size() < sizeof(T))
      return false;
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return true;
  }

  // The rest as text up to its first NUL (records are padded with them).
  [[nodiscard]] std::string text() const {
    const char* chars = reinterpret_cast<const char*>(bytes_.data());
    return {chars, ::strnlen(chars, bytes_.size())};
  }

private:
  std::span<const std::byte> bytes_;
};

bool decode_mapping(const perf_event_header& header, Cursor& cursor, ProcessEvent& event) {
  MmapRecord record{};
  if (!cursor.take(record))
    return false;
  MmapEvent mapping;
  if (header.type == PERF_RECORD_MMAP2) {
    if ((header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID) != 0) {
      Mmap2BuildId id{};
      if (!cursor.take(id) || id.size > sizeof(id.bytes))
        return false;
      mapping.build_id.size = id.size;
      std::memcpy(mapping.build_id.bytes.data(), id.bytes, id.size);
    } else {
      Mmap2Inode inode{};
      if (!cursor.take(inode))
        return false;
      mapping.device_major = inode.major;
      mapping.device_minor = inode.minor;
      mapping.inode = inode.inode;
      mapping.generation = inode.generation;
    }
    Protection protection{};
    if (!cursor.take(protection))
      return false;
    mapping.prot = protection.prot;
    mapping.flags = protection.flags;
  }
  mapping.start = {record.start};
  mapping.length = record.length;
  mapping.offset = {record.offset};
  mapping.name = cursor.text();
  event.pid = static_cast<pid_t>(record.pid);
  event.tid = static_cast<pid_t>(record.tid);
  event.what = std::move(mapping);
  return true;
}

bool decode_task(const perf_event_header& header, Cursor& cursor, ProcessEvent& event) {
  TaskRecord record{};
  if (!cursor.take(record))
    return false;
  event.pid = static_cast<pid_t>(record.pid);
  event.tid = static_cast<pid_t>(record.tid);
  if (header.type == PERF_RECORD_FORK)
    event.what =
        ForkEvent{static_cast<pid_t>(record.parent_pid), static_cast<pid_t>(record.parent_tid)};
  else
    event.what = ExitEvent{};
  return true;
}

bool decode_comm(const perf_event_header& header, Cursor& cursor, ProcessEvent& event) {
  CommRecord record{};
  if (!cursor.take(record))
    return false;
  event.pid = static_cast<pid_t>(record.pid);
  event.tid = static_cast<pid_t>(record.tid);
  event.what = CommEvent{cursor.text(), (header.misc & PERF_RECORD_MISC_COMM_EXEC) != 0};
  return true;
}

bool decode_lost(Cursor& cursor, ProcessEvent& event) {
  LostRecord record{};
  if (!cursor.take(record))
    return false;
  event.what = LostEvent{record.lost};
  return true;
}

} // namespace

std::optional<ProcessEvent> decode_sideband(const perf_event_header& header,
                                            std::span<const std::byte> payload) {
  SampleId id{};
  if (payload.size() < sizeof(id))
    return std::nullopt;
  std::memcpy(&id, payload.data() + payload.size() - sizeof(id), sizeof(id));
  ProcessEvent event;
  event.time = id.time;
  Cursor cursor(payload.first(payload.size() - sizeof(id)));
  bool good = false;
  switch (header.type) {
  case PERF_RECORD_MMAP:
  case PERF_RECORD_MMAP2:
    good = decode_mapping(header, cursor, event);
    break;
  case PERF_RECORD_FORK:
  case PERF_RECORD_EXIT:
    good = decode_task(header, cursor, event);
    break;
  case PERF_RECORD_COMM:
    good = decode_comm(header, cursor, event);
    break;
  case PERF_RECORD_LOST:
    good = decode_lost(cursor, event);
    break;
  default:
    break;
  }
  if (!good)
    return std::nullopt;
  return event;
}

std::string BuildId::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * static_cast<size_t>(size));
  for (const uint8_t byte : std::span(bytes).first(size)) {
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 0xfU]);
  }
  return text;
}

} // namespace pprofd

// What waits to be shipped to one target, on the disk: a folder of segments (segment.h) that are
// written one after the other, read in that order, and deleted when all that is in them is done.
//
//   0000000000000007.spool   a segment, by its number
//   cursor                   up to where all is done
//
// What append() took is on the disk after sync(), and is read again by whoever opens the folder
// next, until done_before() has passed it: a crash costs nothing that was synced, and may have what
// was done a moment before done again. Over its size the oldest segment goes, counted. Files of
// other names are left alone. Nothing but the profiles is ever written here: no credentials.
//
// One thread. Memory: a few words a segment, and the records of the one that is being read.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd::ship {

struct SpoolPosition {
  uint64_t segment = 0;
  uint64_t offset = 0;

  auto operator<=>(const SpoolPosition&) const = default;
};

struct SpoolRecord {
  SpoolPosition at;
  uint64_t id = 0;
  uint64_t bytes = 0; // of its payload
};

class Spool {
public:
  struct Figures {
    uint64_t bytes = 0;   // of all segments
    uint64_t records = 0; // not read yet
    uint64_t dropped = 0; // of these, gone with the oldest segments
    uint64_t skipped = 0; // bytes that were no record, or could not be read
  };

  // Makes the folder if it is not there. `max_bytes`: of all segments. Errors: the disk.
  static Result<Spool> open(const std::string& path, uint64_t max_bytes);
  Spool(Spool&&) noexcept = default;
  Spool& operator=(Spool&&) noexcept = default;

  // False: a profile of this id was taken before. Errors: the disk, or it is larger than the spool.
  Result<bool> append(uint64_t id, std::string_view payload);
  // Waits until all that was appended is on the disk. Errors: part of it may not be.
  Result<void> sync();

  // The next one that was not read yet; nothing: there is none.
  std::optional<SpoolRecord> next();
  // What is in it. Errors: it is gone, or damaged.
  [[nodiscard]] Result<std::string> read(const SpoolRecord& record) const;
  // Where next() goes on.
  [[nodiscard]] SpoolPosition position() const { return read_; }
  // All before is done, and nothing else is promised of it.
  void done_before(SpoolPosition position);

  // Whether it is still there.
  [[nodiscard]] bool has(const SpoolRecord& record) const;
  [[nodiscard]] Figures figures() const;

private:
  struct Segment {
    uint64_t number = 0;
    uint64_t bytes = 0;
    uint64_t unread = 0; // records
  };

  Spool(std::string path, Fd folder, uint64_t max_bytes)
      : path_(std::move(path)), folder_(std::move(folder)), max_bytes_(max_bytes) {}

  Result<void> load();
  void load_segment(uint64_t number);
  void load_cursor();
  void save_cursor() const;
  Result<void> begin_segment();
  void close_segment();
  void make_room(uint64_t bytes);
  void remember(uint64_t id);
  bool load_ahead();
  void remove_file(uint64_t number) const;
  [[nodiscard]] Result<std::string> contents(const Segment& segment, uint64_t from) const;
  [[nodiscard]] uint64_t segment_size() const;

  std::string path_;
  Fd folder_;
  uint64_t max_bytes_ = 0;
  std::deque<Segment> segments_; // ascending; the last is written where out_ is open
  Fd out_;
  bool unsynced_ = false;
  int sync_error_ = 0; // since the last sync()
  SpoolPosition read_;
  SpoolPosition done_;
  std::deque<SpoolRecord> ahead_; // of the segment that is read
  std::set<uint64_t> ids_;        // of what came last
  std::deque<uint64_t> id_order_;
  uint64_t bytes_ = 0;
  uint64_t dropped_ = 0;
  uint64_t skipped_ = 0;
};

} // namespace pprofd::ship

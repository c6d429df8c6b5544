// The store's writing side: profiles as files, each whole or not there, and their index.
//
// A file is on the disk, under its name, before its row is; a row goes before its file. What a
// crash leaves between the two is found after the next start, an hour at a time: a file without a
// row is taken into the index again from what it says of itself (file_header.h), a row without a
// file is forgotten, a file that is no profile, and an index that is damaged, is set aside as
// *.damaged, and the index is made anew from the files. Each of these is said (Notes).
//
// One thread. One process: the folder is locked.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/output/folder.h"
#include "daemon/serve/store/index.h"
#include "daemon/serve/store/layout.h"
#include "daemon/serve/store/record.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd::serve {

// What the store has to say beside errors: what it set aside, found, deleted.
using Notes = std::function<void(const Error& note)>;

class StoreWriter {
public:
  // Creates the folder where it is missing. Errors: it cannot be written, another process has it.
  static Result<StoreWriter> open(const std::string& path, Notes notes);

  // Brings the files and the index of the newest hour that is left together again; what is done of
  // it is not lost by an end before the rest is. Errors: the disk; the hour is left out.
  Result<void> reconcile_hour();
  [[nodiscard]] bool reconciled() const { return to_reconcile_.empty(); }

  // Stores what can be stored; the result is in the order of `profiles`, an error for each that
  // could not be. What is returned as stored is on the disk, with its row.
  std::vector<Result<StoredProfile>> add(std::span<const NewProfile> profiles);
  Result<void> add_metrics(TimeNanos time, std::string_view bytes);
  Result<void> add_event(const StoredEvent& event);

  // Deletes what is older than the limits allow, oldest first. `now`: since 1970.
  Result<void> keep(const StoreLimits& limits, TimeNanos now);

  // A reader found that this profile cannot be read: it leaves the index, its file becomes
  // *.damaged and is deleted with its hour.
  Result<void> set_aside(const ProfileName& profile, const std::string& why);

  // Of files and index.
  [[nodiscard]] const StoreTotals& totals() const { return totals_; }
  // How often the index was made anew: readers of an older one open it again.
  [[nodiscard]] uint64_t generation() const { return generation_; }

private:
  struct Pending;

  StoreWriter(std::string path, Fd lock, Notes notes)
      : path_(std::move(path)), lock_(std::move(lock)), notes_(std::move(notes)) {}

  Result<void> open_index();
  Result<void> set_index_aside(const std::string& why);
  struct Found {
    size_t taken = 0;
    size_t forgotten = 0;
  };
  using Rows = std::unordered_map<uint64_t, TimeNanos>; // id and time
  Result<void> find_hours();
  Result<Found> compare(TimeNanos hour);
  // Takes the rows of what is in the folder out of `missing`. `triggered`: which folder of the hour
  // it is.
  Result<size_t> compare_folder(TimeNanos hour, bool triggered, Rows& missing);
  // What a file says of itself, or nothing: then it is set aside.
  std::optional<StoredProfile> inspect(const Folder& folder, const std::string& name,
                                       bool triggered);
  // Runs `change` in a transaction; where the index turns out to be damaged, it is made anew and
  // `change` run once more.
  Result<void> change(const std::function<Result<void>()>& change);
  Result<void> delete_files(std::span<const StoredProfile> profiles, bool triggered);
  // What counts against the limits of either kind.
  [[nodiscard]] uint64_t bytes_of(bool triggered) const;
  Result<bool> delete_oldest(TimeNanos before, uint64_t bytes, bool triggered);
  Result<void> delete_older(TimeNanos before, bool triggered);
  Result<void> delete_beyond(uint64_t bytes, bool triggered);
  void delete_old_folders(TimeNanos before, bool triggered);
  Result<void> shrink_context(uint64_t max_bytes);
  Result<void> refresh_totals();
  [[nodiscard]] std::string path_of(const std::string& name) const { return path_ + "/" + name; }

  std::string path_;
  Fd lock_;
  Notes notes_;
  std::unique_ptr<IndexWriter> index_; // nullptr: it could not be opened
  StoreTotals totals_;
  std::set<TimeNanos> to_reconcile_; // hours
  uint64_t file_bytes_ = 0;
  uint64_t generation_ = 0;
};

} // namespace pprofd::serve

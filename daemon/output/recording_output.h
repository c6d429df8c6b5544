// The files of one recording: profiles, in each format that was asked for, and the folder's index.
//
// Opened before sampling starts, so that a place that cannot be written to fails then. What can't
// be written in the end where it should be (a full disk, a folder taken away) goes to the first of
// the fallback folders that takes it, and finish() says so. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "daemon/output/folder.h"
#include "daemon/output/index.h"
#include "daemon/output/target.h"
#include "daemon/profile/profile_builder.h"

namespace pprofd {

struct OutputOptions {
  OutputTarget target;
  std::optional<Owner> owner;
  // In this order; see default_fallbacks().
  std::vector<std::string> fallbacks;
  size_t text_lines = 0; // functions in --format text; 0 is all
};

// $TMPDIR, /var/tmp, /tmp, /dev/shm.
std::vector<std::string> default_fallbacks();

struct OutputSummary {
  struct Moved {
    std::string wanted, path; // where it should be and where it is
    Error reason;
  };
  std::vector<std::string> files; // written, in order
  std::vector<Moved> moved;       // of those, the ones that are elsewhere
  std::vector<Error> failed;      // what no place took
  std::string index;              // the index's path; empty for a single file
  size_t older_files = 0;         // profiles in the folder that are not of this recording
};

class RecordingOutput {
public:
  // Creates the folder where the target says so, and tries to write to it.
  static Result<RecordingOutput> open(OutputOptions options);

  // One process's profile (a folder), or the only one (one file, standard output: the row is not
  // used). What goes wrong stands in the summary: one file's failure is not the others'.
  void write(IndexRow row, const perftools::profiles::Profile& profile);

  // Everything is on the disk, with the index, when this returns. `machine`: what the index says
  // of the whole machine. Called once.
  OutputSummary finish(const KeyValues& machine);

  RecordingOutput(RecordingOutput&&) noexcept = default;
  RecordingOutput& operator=(RecordingOutput&&) = delete;
  // Removes the folder if it was created for this and nothing has been written to it.
  ~RecordingOutput();

private:
  // A file that is written but not on the disk yet; the bytes are kept until it is.
  struct Pending {
    OutputFile file;
    std::string bytes;
    std::optional<size_t> row; // whose file it is in the index
    Result<void> synced;
  };

  RecordingOutput(OutputOptions options, std::optional<Folder> folder);

  void put(const std::string& name, std::string bytes, std::optional<size_t> row);
  void sync_pending();
  void commit_pending();
  void move(const std::string& name, const std::string& bytes, std::optional<size_t> row,
            Error reason);
  Result<std::string> write_elsewhere(const std::string& name, const std::string& bytes);
  std::string unused_stem(const IndexRow& row);
  size_t count_older_files() const;

  OutputOptions options_;
  // Files refer to their folder: it stays where it is when this object moves.
  std::unique_ptr<Folder> folder_;
  std::unique_ptr<Folder> elsewhere_;
  std::vector<Pending> pending_;
  size_t pending_bytes_ = 0;
  std::vector<IndexRow> rows_;
  std::unordered_set<std::string> stems_;
  OutputSummary summary_;
};

// A profile as the bytes of a file of this format.
Result<std::string> render(const perftools::profiles::Profile& profile, Format format,
                           size_t text_lines);

} // namespace pprofd

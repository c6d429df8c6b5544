#include "daemon/output/recording_output.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "daemon/profile/folded.h"
#include "daemon/profile/html/flame_graph_html.h"
#include "daemon/profile/text.h"
#include "symbolizer/base/write_bytes.h"

namespace pprofd {

namespace {

constexpr const char* kIndexName = "index.tsv";

// How much is written before the disk is waited for.
constexpr size_t kPendingFiles = 128;
constexpr size_t kPendingBytes = size_t{16} << 20;

// 300 files one after the other took 2 s on a busy disk, together 0.4 s.
constexpr size_t kWaitingTogether = 16;

bool is_profile_name(std::string_view name) {
  // <pid>-<start ticks>.pb.gz
  if (!name.ends_with(file_ending(Format::Pprof)))
    return false;
  name.remove_suffix(file_ending(Format::Pprof).size());
  size_t dash = name.find('-');
  auto number = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return dash != std::string_view::npos && number(name.substr(0, dash)) &&
         number(name.substr(dash + 1));
}

} // namespace

std::vector<std::string> default_fallbacks() {
  std::vector<std::string> folders;
  if (const char* chosen = secure_getenv("TMPDIR"); chosen != nullptr && *chosen == '/')
    folders.emplace_back(chosen);
  folders.insert(folders.end(), {"/var/tmp", "/tmp", "/dev/shm"});
  return folders;
}

Result<std::string> render(const perftools::profiles::Profile& profile, Format format,
                           size_t text_lines) {
  if (format == Format::Pprof)
    return serialize_gzip(profile);
  if (format == Format::Html)
    return profile_html(profile);
  std::ostringstream out;
  if (format == Format::Folded) {
    write_folded(profile, 0, out);
  } else {
    auto value = find_sample_type(profile, "");
    if (!value)
      return std::unexpected(value.error());
    TextOptions options;
    options.value_index = *value;
    options.top = text_lines;
    write_text(profile, options, out);
  }
  return std::move(out).str();
}

RecordingOutput::RecordingOutput(OutputOptions options, std::optional<Folder> folder)
    : options_(std::move(options)) {
  if (folder)
    folder_ = std::make_unique<Folder>(std::move(*folder));
}

RecordingOutput::~RecordingOutput() {
  pending_.clear();
  if (folder_ && summary_.files.empty())
    folder_->remove_if_unused();
}

Result<RecordingOutput> RecordingOutput::open(OutputOptions options) {
  const OutputTarget& target = options.target;
  if (std::ranges::find(target.formats, Format::Html) != target.formats.end())
    if (auto possible = check_html(); !possible)
      return std::unexpected(possible.error());
  if (target.kind == OutputTarget::Kind::Stdout)
    return RecordingOutput(std::move(options), std::nullopt);
  auto folder = Folder::open(
      target.folder, target.create_folder ? IfMissing::Create : IfMissing::Fail, options.owner);
  if (!folder)
    return std::unexpected(folder.error());
  std::vector<std::string> names;
  if (target.kind == OutputTarget::Kind::Folder)
    names.emplace_back(kIndexName);
  else
    for (Format format : target.formats)
      names.push_back(target.stem + std::string(file_ending(format)));
  for (const std::string& name : names)
    if (auto ok = folder->probe_writable(name); !ok) {
      folder->remove_if_unused();
      return std::unexpected(ok.error());
    }
  return RecordingOutput(std::move(options), std::move(*folder));
}

// A process that runs another program keeps its pid and its start time.
std::string RecordingOutput::unused_stem(const IndexRow& row) {
  std::string stem = std::to_string(row.pid) + "-" + std::to_string(row.start_ticks);
  std::string unused = stem;
  for (int i = 2; !stems_.insert(unused).second; i++)
    unused = stem + "-" + std::to_string(i);
  return unused;
}

void RecordingOutput::write(IndexRow row, const perftools::profiles::Profile& profile) {
  const OutputTarget& target = options_.target;
  bool in_folder = target.kind == OutputTarget::Kind::Folder;
  std::string stem = in_folder ? unused_stem(row) : target.stem;
  std::optional<size_t> index;
  if (in_folder) {
    row.file = stem + std::string(file_ending(target.formats.front()));
    index = rows_.size();
    rows_.push_back(std::move(row));
  }
  for (Format format : target.formats) {
    auto bytes = render(profile, format, options_.text_lines);
    if (!bytes) {
      summary_.failed.push_back(bytes.error());
    } else if (!folder_) {
      if (int error = write_bytes(STDOUT_FILENO, *bytes); error != 0)
        summary_.failed.push_back(fail_errno("write to standard output", error).error());
    } else {
      put(stem + std::string(file_ending(format)), std::move(*bytes), index);
    }
    index.reset(); // the table names the first file only
  }
}

void RecordingOutput::put(const std::string& name, std::string bytes, std::optional<size_t> row) {
  auto file = folder_->create(name);
  Result<void> written = file ? file->write(bytes) : std::unexpected(file.error());
  if (!written) {
    // Whatever is half written makes room again before another place is tried.
    file = std::unexpected(written.error());
    move(name, bytes, row, written.error());
    return;
  }
  file->start_writeback();
  pending_bytes_ += bytes.size();
  pending_.push_back({std::move(*file), std::move(bytes), row, {}});
  if (pending_.size() >= kPendingFiles || pending_bytes_ >= kPendingBytes)
    commit_pending();
}

// Waits for the disk on behalf of all pending files. Each keeps its own result.
void RecordingOutput::sync_pending() {
  std::atomic<size_t> next = 0;
  auto wait = [&] {
    for (size_t i = next++; i < pending_.size(); i = next++)
      pending_[i].synced = pending_[i].file.sync();
  };
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < std::min(kWaitingTogether, pending_.size()); i++)
    threads.emplace_back(wait);
  wait();
}

void RecordingOutput::commit_pending() {
  sync_pending();
  for (Pending& pending : pending_) {
    std::string name = pending.file.name();
    auto ok = pending.synced;
    if (ok)
      ok = pending.file.commit();
    if (ok)
      summary_.files.push_back(folder_->path_of(name));
    else
      move(name, pending.bytes, pending.row, ok.error());
  }
  pending_.clear();
  pending_bytes_ = 0;
}

void RecordingOutput::move(const std::string& name, const std::string& bytes,
                           std::optional<size_t> row, Error reason) {
  auto path = write_elsewhere(name, bytes);
  if (row)
    rows_[*row].file = path.value_or("");
  if (!path) {
    summary_.failed.push_back(std::move(reason));
    return;
  }
  summary_.files.push_back(*path);
  summary_.moved.push_back({folder_->path_of(name), *path, std::move(reason)});
}

// Writes to the fallback folder in use, else to the next one that takes it.
Result<std::string> RecordingOutput::write_elsewhere(const std::string& name,
                                                     const std::string& bytes) {
  auto try_folder = [&](const Folder& folder) -> Result<void> {
    auto file = folder.create(name);
    Result<void> ok = file ? file->write(bytes) : std::unexpected(file.error());
    if (ok)
      ok = file->commit();
    folder.sync();
    return ok;
  };
  if (elsewhere_ && try_folder(*elsewhere_))
    return elsewhere_->path_of(name);
  for (const std::string& parent : options_.fallbacks) {
    auto folder = Folder::create_private(parent, options_.owner);
    if (!folder)
      continue;
    if (try_folder(*folder)) {
      elsewhere_ = std::make_unique<Folder>(std::move(*folder));
      return elsewhere_->path_of(name);
    }
    folder->remove_if_unused();
  }
  return fail("write " + name, "no other place takes it either");
}

size_t RecordingOutput::count_older_files() const {
  size_t older = 0;
  for (const std::string& name : folder_->names())
    if (is_profile_name(name) &&
        !stems_.contains(name.substr(0, name.size() - file_ending(Format::Pprof).size())))
      older++;
  return older;
}

OutputSummary RecordingOutput::finish(const KeyValues& machine) {
  if (!folder_)
    return std::move(summary_);
  commit_pending();
  if (options_.target.kind == OutputTarget::Kind::Folder) {
    summary_.older_files = count_older_files();
    size_t profiles = summary_.files.size();
    put(kIndexName, index_text(rows_, machine), std::nullopt);
    commit_pending();
    if (summary_.files.size() > profiles) {
      summary_.index = summary_.files.back();
      summary_.files.pop_back();
    }
  }
  folder_->sync();
  return std::move(summary_);
}

} // namespace pprofd

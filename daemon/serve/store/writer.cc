#include "daemon/serve/store/writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "daemon/profile/utf8.h"
#include "daemon/serve/store/file_header.h"
#include "daemon/serve/store/layout.h"

namespace pprofd::serve {
namespace {

constexpr const char* kLockFile = "lock";
constexpr size_t kMaxText = 4096; // of a label's value
constexpr size_t kMaxLabels = 64;

uint64_t random_id() {
  uint64_t id = 0;
  // Cannot fail for so few bytes once the system is up.
  [[maybe_unused]] ssize_t filled = ::getrandom(&id, sizeof id, 0);
  return id >> 1; // SQLite's numbers have a sign
}

// Text as the index takes it: UTF-8, no zero bytes, of bounded length.
std::string clean(std::string_view text) {
  std::string cleaned = to_utf8(text.substr(0, kMaxText));
  std::ranges::replace(cleaned, '\0', ' ');
  return cleaned;
}

Result<NewProfile> checked(const NewProfile& profile) {
  constexpr const char* kWhat = "store a profile";
  if (profile.time < 0 || profile.duration < 0)
    return fail(kWhat, "its time is before 1970 or its duration negative");
  if (profile.labels.size() > kMaxLabels)
    return fail(kWhat, "it has more than " + std::to_string(kMaxLabels) + " labels");
  NewProfile cleaned{.id = profile.id,
                     .type = clean(profile.type),
                     .service = clean(profile.service),
                     .labels = {},
                     .time = profile.time,
                     .duration = profile.duration,
                     .samples = std::min<uint64_t>(profile.samples, INT64_MAX),
                     .value = std::min<uint64_t>(profile.value, INT64_MAX),
                     .bytes = {}};
  for (const auto& [name, value] : profile.labels)
    if (name != kServiceLabel)
      cleaned.labels[clean(name)] = clean(value);
  return cleaned;
}

Result<Fd> lock_folder(const std::string& path) {
  Fd lock(
      ::open((path + "/" + kLockFile).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!lock)
    return fail_errno("open the store " + path, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail("open the store " + path, "another process of pprofd has it",
                "give each service a store of its own (store.path)");
  return lock;
}

} // namespace

// A profile whose file is being written.
struct StoreWriter::Pending {
  size_t position; // in what add() was given
  StoredProfile record;
  Folder* folder;
  OutputFile file;
};

Result<StoreWriter> StoreWriter::open(const std::string& path, Notes notes) {
  if (auto folder = Folder::open(path, IfMissing::Create, std::nullopt); !folder)
    return std::unexpected(folder.error());
  auto lock = lock_folder(path);
  if (!lock)
    return std::unexpected(lock.error());
  StoreWriter writer(path, std::move(*lock), std::move(notes));
  if (auto ok = writer.open_index(); !ok)
    return std::unexpected(ok.error());
  return writer;
}

Result<void> StoreWriter::open_index() {
  bool damaged = false;
  auto index = IndexWriter::open(path_of(kIndexFile), damaged);
  if (!index && damaged) {
    if (auto ok = set_index_aside(index.error().why); !ok)
      return ok;
    index = IndexWriter::open(path_of(kIndexFile), damaged);
  }
  if (!index)
    return std::unexpected(index.error());
  index_ = std::make_unique<IndexWriter>(std::move(*index));
  if (auto ok = find_hours(); !ok)
    return ok;
  return refresh_totals();
}

Result<void> StoreWriter::set_index_aside(const std::string& why) {
  index_.reset();
  const std::string path = path_of(kIndexFile);
  const std::string aside = path + std::string(kDamagedSuffix);
  if (::rename(path.c_str(), aside.c_str()) != 0)
    return fail_errno("set the damaged index " + path + " aside", errno);
  ::unlink((path + "-wal").c_str());
  ::unlink((path + "-shm").c_str());
  generation_++;
  notes_({"the store's index",
          why + ": it is kept as " + aside + " and made anew from the profiles", ""});
  return {};
}

std::vector<Result<StoredProfile>> StoreWriter::add(std::span<const NewProfile> profiles) {
  std::vector<Result<StoredProfile>> results;
  std::map<std::string, std::unique_ptr<Folder>> folders;
  std::vector<Pending> pending;

  const auto write = [&](size_t position) -> Result<StoredProfile> {
    auto cleaned = checked(profiles[position]);
    if (!cleaned)
      return std::unexpected(cleaned.error());
    cleaned->bytes = profiles[position].bytes;
    auto bytes = with_file_header(*cleaned);
    if (!bytes)
      return std::unexpected(bytes.error());
    const std::string name =
        root_folder(is_triggered(cleaned->labels)) + hour_folder(cleaned->time);
    auto& folder = folders[name];
    if (!folder) {
      auto opened = Folder::open(path_of(name), IfMissing::Create, std::nullopt);
      if (!opened)
        return std::unexpected(opened.error());
      folder = std::make_unique<Folder>(std::move(*opened));
    }
    StoredProfile record{.id = cleaned->id != 0 ? cleaned->id : random_id(),
                         .type = cleaned->type,
                         .service = cleaned->service,
                         .labels = std::move(cleaned->labels),
                         .time = cleaned->time,
                         .duration = cleaned->duration,
                         .samples = cleaned->samples,
                         .value = cleaned->value,
                         .bytes = bytes->size()};
    auto file = folder->create(file_name({record.time, record.id}));
    if (!file)
      return std::unexpected(file.error());
    if (auto ok = file->write(*bytes); !ok)
      return std::unexpected(ok.error());
    file->start_writeback();
    pending.push_back({position, record, folder.get(), std::move(*file)});
    return record;
  };
  results.reserve(profiles.size());
  for (size_t i = 0; i < profiles.size(); i++)
    results.push_back(write(i));

  for (Pending& one : pending)
    if (auto ok = one.file.commit(); !ok)
      results[one.position] = std::unexpected(ok.error());
  for (const auto& [name, folder] : folders)
    if (folder) {
      folder->sync();
      // Its own name, and of those above it.
      for (std::string above = name; !above.empty();) {
        above.resize(above.contains('/') ? above.rfind('/') : 0);
        if (auto opened = Folder::open(path_of(above), IfMissing::Fail, std::nullopt))
          opened->sync();
      }
    }

  auto indexed = change([&]() -> Result<void> {
    for (const Pending& one : pending)
      if (results[one.position])
        if (auto ok = index_->add(one.record); !ok)
          return ok;
    return {};
  });
  for (const Pending& one : pending) {
    if (!indexed && results[one.position]) {
      ::unlink(one.folder->path_of(file_name({one.record.time, one.record.id})).c_str());
      results[one.position] = std::unexpected(indexed.error());
    }
    if (results[one.position]) {
      file_bytes_ += one.record.bytes;
      totals_.profiles++;
      totals_.bytes += one.record.bytes;
      if (is_triggered(one.record.labels)) {
        totals_.triggered_profiles++;
        totals_.triggered_bytes += one.record.bytes;
      }
    }
  }
  return results;
}

Result<void> StoreWriter::change(const std::function<Result<void>()>& change) {
  const auto attempt = [&]() -> Result<void> {
    if (index_ == nullptr) // could not be opened again after it had been set aside
      if (auto ok = open_index(); !ok)
        return ok;
    if (auto ok = index_->begin(); !ok)
      return ok;
    if (auto ok = change(); !ok)
      return ok;
    return index_->commit();
  };
  auto done = attempt();
  if (done)
    return done;
  const bool damaged = index_ != nullptr && index_->damaged();
  if (index_ != nullptr)
    index_->roll_back();
  if (!damaged)
    return done;
  if (auto ok = set_index_aside(done.error().why); !ok)
    return ok;
  done = attempt();
  if (!done && index_ != nullptr)
    index_->roll_back();
  return done;
}

Result<void> StoreWriter::add_metrics(TimeNanos time, std::string_view bytes) {
  return change([&] { return index_->add_metrics(time, bytes); });
}

Result<void> StoreWriter::add_event(const StoredEvent& event) {
  return change(
      [&] { return index_->add_event({event.time, clean(event.kind), clean(event.text)}); });
}

Result<void> StoreWriter::set_aside(const ProfileName& profile, const std::string& why) {
  const std::string path = path_of(file_path(profile));
  if (auto ok = change([&] { return index_->remove(profile.id); }); !ok)
    return ok;
  if (::rename(path.c_str(), (path + std::string(kDamagedSuffix)).c_str()) != 0)
    return errno == ENOENT ? Result<void>() : fail_errno("set aside " + path, errno);
  notes_({path, why + ": it is set aside as *" + std::string(kDamagedSuffix), ""});
  return refresh_totals();
}

Result<void> StoreWriter::refresh_totals() {
  auto totals = index_->totals();
  if (!totals)
    return std::unexpected(totals.error());
  auto own = index_->own_bytes();
  if (!own)
    return std::unexpected(own.error());
  file_bytes_ = totals->bytes;
  totals_ = *totals;
  totals_.bytes += *own;
  return {};
}

} // namespace pprofd::serve

#include "daemon/process/executable_store.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "daemon/process/deleted.h"

namespace pprofd {

namespace {

constexpr size_t kHints = 4;

// The answer of an opening.
using LateFile = LateValue<Result<OpenedFile>>;

uint64_t open_files_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
}

} // namespace

struct ExecutableStore::Entry {
  // Where to look when a file must be opened again.
  struct Hint {
    pid_t pid = 0;
    ProcessAddress start;
    ProcessAddress end;
  };

  Executable executable;
  Fd fd;
  std::list<uint32_t>::iterator place; // in open_entries_, while fd is open
  uint64_t last_use = 0;
  uint64_t mount_namespace = 0;
  uint64_t generation = 0; // of the inode, 0: not told
  InodeKey mapped;         // the inode as mappings name it, all zero: not told
  std::vector<Hint> hints; // processes that mapped it, the latest first
  std::shared_ptr<LateFile> late;

  [[nodiscard]] bool is(ExecutableState state) const { return executable.state == state; }

  void add_hint(const Mapper& mapper) {
    if (mapper.pid == 0)
      return;
    std::erase_if(hints, [&](const Hint& hint) { return hint.pid == mapper.pid; });
    if (hints.size() >= kHints)
      hints.pop_back();
    hints.insert(hints.begin(), {mapper.pid, mapper.start, mapper.end});
  }

  [[nodiscard]] bool unchanged() const {
    struct ::stat info{};
    return ::fstat(fd.get(), &info) == 0 && identity_of(info) == executable.file;
  }
};

struct ExecutableStore::Attempt {
  CallOutcome outcome = CallOutcome::refused;
  Result<OpenedFile> file = fail("open a file", "too many openings hang");
  std::shared_ptr<LateFile> answer;
};

std::string_view Executable::basename() const {
  const std::string_view whole = path ? std::string_view(*path) : std::string_view();
  return whole.substr(whole.rfind('/') + 1);
}

size_t ExecutableStore::InodeHash::operator()(const InodeKey& key) const {
  return std::hash<uint64_t>()((key.inode * 0x9e3779b97f4a7c15U) ^ key.device);
}

ExecutableStore::ExecutableStore(ExecutableStoreOptions options, const std::string& proc_root)
    : ExecutableStore(options, [opener = FileOpener(proc_root)](const OpenRequest& request) {
        return opener.open(request);
      }) {}

ExecutableStore::ExecutableStore(ExecutableStoreOptions options, Open open)
    : options_(options), open_(std::move(open)) {
  const auto half_of_limit = static_cast<size_t>(open_files_limit() / 2);
  options_.max_open = std::max<size_t>(1, std::min(options_.max_open, half_of_limit));
}

ExecutableStore::~ExecutableStore() = default;

std::shared_ptr<const Executable> ExecutableStore::resolve(const MappedFile& mapped,
                                                           const Mapper& mapper) {
  const Wanted wanted{mapped, mapper, without_deleted(mapped.name), mapped.build_id.hex()};
  Entry* found = shared_without_opening(wanted);
  if (found != nullptr)
    ++stats_.shared;
  else
    found = &open_mapped(wanted);
  found->add_hint(mapper);
  touch(*found);
  const std::shared_ptr<Entry>& owner = entries_.at(found->executable.id.value);
  return {owner, &owner->executable};
}

ExecutableStore::Entry* ExecutableStore::shared_without_opening(const Wanted& wanted) {
  if (!wanted.build_id.empty()) {
    const auto [first, last] = by_build_id_.equal_range(wanted.build_id);
    for (auto at = first; at != last; ++at) {
      Entry* known = entry(at->second);
      if (known->executable.owned_by_root &&
          (known->is(ExecutableState::open) || known->is(ExecutableState::closed)))
        return known;
    }
    return nullptr;
  }
  if (wanted.mapped.inode == 0)
    return nullptr;
  // An inode number may be used again for another file, but not while a descriptor holds it.
  const auto [first, last] = by_mapped_inode_.equal_range(wanted.inode());
  for (auto at = first; at != last; ++at) {
    Entry* known = entry(at->second);
    const bool other_generation = known->generation != 0 && wanted.mapped.generation != 0 &&
                                  known->generation != wanted.mapped.generation;
    if (known->is(ExecutableState::open) && !other_generation && known->unchanged())
      return known;
  }
  return nullptr;
}

ExecutableStore::Entry& ExecutableStore::open_mapped(const Wanted& wanted) {
  OpenRequest request{.pid = wanted.mapper.pid,
                      .start = wanted.mapper.start,
                      .end = wanted.mapper.end,
                      .name = std::string(wanted.path),
                      .deleted = wanted.path.size() != wanted.mapped.name.size(),
                      .others = {},
                      .device = wanted.mapped.device,
                      .inode = wanted.mapped.inode,
                      .generation = wanted.mapped.generation,
                      .verifiable = !wanted.build_id.empty(),
                      .expected = {}};
  Attempt tried = attempt(request, wanted.mapper.uid);
  if (tried.file)
    return adopt(wanted, std::move(*tried.file));
  if (Entry* known = same_name(wanted)) {
    ++stats_.shared;
    return *known;
  }
  if (tried.outcome == CallOutcome::done && wanted.mapper.others && !request.deleted) {
    request.pid = 0;
    request.others = wanted.mapper.others();
    Attempt through_others = attempt(std::move(request), wanted.mapper.uid);
    if (through_others.file)
      return adopt(wanted, std::move(*through_others.file));
  }
  Entry& unopened = create(wanted);
  unopened.executable.why_unavailable = tried.file.error().why;
  if (tried.outcome == CallOutcome::timed_out) {
    unopened.executable.state = ExecutableState::pending;
    unopened.late = std::move(tried.answer);
    late_.push_back(unopened.executable.id.value);
  } else {
    ++stats_.unavailable;
  }
  return unopened;
}

ExecutableStore::Attempt ExecutableStore::attempt(OpenRequest request, uid_t owner) {
  Attempt result;
  result.answer = std::make_shared<LateFile>();
  std::string key = request.name;
  result.outcome =
      calls_.run_for(result.answer, std::move(key), owner, options_.deadline,
                     [open = open_, request = std::move(request)] { return open(request); });
  switch (result.outcome) {
  case CallOutcome::done:
    if (auto file = result.answer->take())
      result.file = std::move(*file);
    break;
  case CallOutcome::timed_out:
    ++stats_.late;
    result.file = fail("open a file", "it took too long");
    break;
  case CallOutcome::refused:
    ++stats_.refused;
    break;
  }
  if (result.file)
    ++stats_.opened;
  return result;
}

ExecutableStore::Entry* ExecutableStore::same_name(const Wanted& wanted) {
  const auto accept = [&](Entry* known) {
    const bool same_namespace = known->mount_namespace == 0 || wanted.mapper.mount_namespace == 0 ||
                                known->mount_namespace == wanted.mapper.mount_namespace;
    return !known->is(ExecutableState::rejected) && same_namespace &&
           known->generation == wanted.mapped.generation && *known->executable.path == wanted.path;
  };
  if (!wanted.build_id.empty()) {
    const auto [first, last] = by_build_id_.equal_range(wanted.build_id);
    for (auto at = first; at != last; ++at)
      if (Entry* known = entry(at->second); accept(known))
        return known;
  } else if (wanted.mapped.inode != 0) {
    const auto [first, last] = by_mapped_inode_.equal_range(wanted.inode());
    for (auto at = first; at != last; ++at)
      if (Entry* known = entry(at->second); accept(known))
        return known;
  }
  return nullptr;
}

ExecutableStore::Entry* ExecutableStore::same_file(const Wanted& wanted, const OpenedFile& file) {
  const auto [first, last] = by_file_.equal_range({file.identity.device, file.identity.inode});
  for (auto at = first; at != last; ++at) {
    Entry* known = entry(at->second);
    const Executable& executable = known->executable;
    const bool other_build_id = !wanted.build_id.empty() && !executable.build_id.empty() &&
                                executable.build_id != wanted.build_id;
    if (!known->is(ExecutableState::rejected) && executable.file == file.identity &&
        !other_build_id)
      return known;
  }
  return nullptr;
}

ExecutableStore::Entry& ExecutableStore::adopt(const Wanted& wanted, OpenedFile file) {
  if (Entry* known = same_file(wanted, file)) {
    if (!known->is(ExecutableState::open))
      take_file(*known, std::move(file));
    if (!wanted.build_id.empty() && !known->executable.kernel_build_id)
      set_kernel_build_id(*known, wanted.build_id);
    set_mapped_inode(*known, wanted);
    return *known;
  }
  // One that could not be opened when it was mapped before is the same by name and build id.
  Entry* known = same_name(wanted);
  Entry& taken =
      known != nullptr && known->executable.file == FileIdentity{} ? *known : create(wanted);
  take_file(taken, std::move(file));
  return taken;
}

ExecutableStore::Entry& ExecutableStore::create(const Wanted& wanted) {
  const uint32_t id = next_id_++;
  auto created = std::make_shared<Entry>();
  created->executable.id = {id};
  created->executable.path = std::make_shared<const std::string>(wanted.path);
  created->executable.deleted = wanted.path.size() != wanted.mapped.name.size();
  created->mount_namespace = wanted.mapper.mount_namespace;
  created->generation = wanted.mapped.generation;
  Entry& entry = *entries_.emplace(id, std::move(created)).first->second;
  if (!wanted.build_id.empty())
    set_kernel_build_id(entry, wanted.build_id);
  set_mapped_inode(entry, wanted);
  return entry;
}

void ExecutableStore::set_mapped_inode(Entry& entry, const Wanted& wanted) {
  if (wanted.mapped.inode == 0 || entry.mapped != InodeKey{})
    return;
  entry.mapped = wanted.inode();
  entry.generation = wanted.mapped.generation;
  by_mapped_inode_.emplace(entry.mapped, entry.executable.id.value);
}

void ExecutableStore::set_kernel_build_id(Entry& entry, const std::string& hex) {
  entry.executable.build_id = hex;
  entry.executable.kernel_build_id = true;
  by_build_id_.emplace(hex, entry.executable.id.value);
}

void ExecutableStore::take_file(Entry& entry, OpenedFile file) {
  while (open_entries_.size() >= options_.max_open)
    drop_descriptor(*this->entry(open_entries_.front()), ExecutableState::closed);
  Executable& executable = entry.executable;
  if (executable.file != file.identity) {
    executable.file = file.identity;
    by_file_.emplace(InodeKey{file.identity.device, file.identity.inode}, executable.id.value);
  }
  executable.owned_by_root = file.owned_by_root;
  executable.deleted = executable.deleted || file.deleted;
  executable.why_unavailable.clear();
  executable.state = ExecutableState::open;
  entry.fd = std::move(file.fd);
  entry.place = open_entries_.insert(open_entries_.end(), executable.id.value);
}

void ExecutableStore::drop_descriptor(Entry& entry, ExecutableState state) {
  if (entry.fd) {
    entry.fd.reset();
    open_entries_.erase(entry.place);
  }
  entry.executable.state = state;
}

void ExecutableStore::touch(Entry& entry) {
  entry.last_use = ++uses_;
  if (entry.fd)
    open_entries_.splice(open_entries_.end(), open_entries_, entry.place);
}

Result<Fd> ExecutableStore::descriptor(ExecutableId id) {
  Entry* wanted = entry(id.value);
  if (wanted == nullptr)
    return fail("open an executable", "it is not known any more");
  const Executable& executable = wanted->executable;
  const std::string what = "open " + *executable.path;
  if (wanted->is(ExecutableState::closed) && !reopen(*wanted))
    return fail(what, "no process leads to it any more");
  if (!wanted->is(ExecutableState::open))
    return fail(what, executable.why_unavailable);
  touch(*wanted);
  Fd copy(::fcntl(wanted->fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy)
    return fail_errno(what, errno);
  return copy;
}

bool ExecutableStore::reopen(Entry& entry) {
  OpenRequest request;
  request.name = *entry.executable.path;
  request.expected = entry.executable.file;
  for (const Entry::Hint& hint : entry.hints) {
    request.pid = hint.pid;
    request.start = hint.start;
    request.end = hint.end;
    if (&hint == &entry.hints.back())
      request.others = {::getpid()};
    if (Attempt tried = attempt(request, 0); tried.file) {
      take_file(entry, std::move(*tried.file));
      return true;
    }
  }
  return false;
}

const Executable* ExecutableStore::find(ExecutableId id) const {
  const Entry* found = entry(id.value);
  return found != nullptr ? &found->executable : nullptr;
}

void ExecutableStore::close(ExecutableId id) {
  Entry* found = entry(id.value);
  if (found != nullptr && found->is(ExecutableState::open))
    drop_descriptor(*found, ExecutableState::closed);
}

void ExecutableStore::reject(ExecutableId id, std::string why) {
  Entry* found = entry(id.value);
  if (found == nullptr)
    return;
  drop_descriptor(*found, ExecutableState::rejected);
  found->executable.why_unavailable = std::move(why);
}

void ExecutableStore::set_build_id(ExecutableId id, std::string hex) {
  Entry* found = entry(id.value);
  if (found != nullptr && !found->executable.kernel_build_id)
    found->executable.build_id = std::move(hex);
}

std::vector<ExecutableId> ExecutableStore::tick() {
  std::vector<ExecutableId> opened;
  std::erase_if(late_, [&](uint32_t id) {
    Entry* waiting = entry(id);
    if (waiting == nullptr || !waiting->late)
      return true;
    auto file = waiting->late->take();
    if (!file)
      return false;
    waiting->late.reset();
    if (!waiting->is(ExecutableState::pending))
      return true; // another mapping of it has been opened meanwhile
    if (*file) {
      ++stats_.opened;
      take_file(*waiting, std::move(**file));
      opened.push_back({id});
    } else {
      ++stats_.unavailable;
      waiting->executable.state = ExecutableState::unavailable;
      waiting->executable.why_unavailable = file->error().why;
    }
    return true;
  });
  return opened;
}

std::vector<ExecutableId> ExecutableStore::forget_unused(size_t keep) {
  std::vector<std::pair<uint64_t, uint32_t>> unused;
  for (const auto& [id, entry] : entries_)
    if (entry.use_count() == 1)
      unused.emplace_back(entry->last_use, id);
  std::vector<ExecutableId> forgotten;
  if (unused.size() <= keep)
    return forgotten;
  std::ranges::sort(unused);
  unused.resize(unused.size() - keep);
  for (const auto& [use, id] : unused) {
    forget(id);
    forgotten.push_back({id});
  }
  return forgotten;
}

void ExecutableStore::forget(uint32_t id) {
  Entry& entry = *entries_.at(id);
  drop_descriptor(entry, ExecutableState::closed);
  const auto erase_one = [id](auto& index, const auto& key) {
    auto [at, last] = index.equal_range(key);
    while (at != last)
      at = at->second == id ? index.erase(at) : std::next(at);
  };
  erase_one(by_build_id_, entry.executable.build_id);
  erase_one(by_mapped_inode_, entry.mapped);
  erase_one(by_file_, InodeKey{entry.executable.file.device, entry.executable.file.inode});
  entries_.erase(id);
}

ExecutableStore::Entry* ExecutableStore::entry(uint32_t id) const {
  const auto found = entries_.find(id);
  return found != entries_.end() ? found->second.get() : nullptr;
}

size_t ExecutableStore::memory() const {
  // Nodes of the maps: about three pointers and the value.
  static constexpr size_t kIndexed = 4 * (sizeof(InodeKey) + 32);
  size_t bytes = 0;
  for (const auto& [id, entry] : entries_)
    bytes += sizeof(Entry) + kIndexed + entry->executable.path->capacity() +
             entry->executable.build_id.capacity() +
             (entry->hints.capacity() * sizeof(Entry::Hint));
  return bytes;
}

uint64_t raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return open_files_limit();
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return open_files_limit();
}

} // namespace pprofd

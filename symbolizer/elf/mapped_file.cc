#include "symbolizer/elf/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "symbolizer/elf/byte_source.h"

namespace pprofd::symbolizer {
namespace {

// What the handler knows of a mapping. A signal handler can be handed nothing, hence the table.
struct Slot {
  std::atomic<bool> taken = false;
  std::atomic<uintptr_t> start = 0;
  std::atomic<uintptr_t> end = 0; // 0: none
  std::atomic<bool> changed = false;
};
static_assert(std::atomic<uintptr_t>::is_always_lock_free);

std::array<Slot, MappedFile::kMaxMappings> slots;

uintptr_t page_start(uintptr_t address) {
  static const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  return address & ~(page - 1);
}

// Zeros from the page of `address` to the end: one fault for a file cut short, not one a page.
// mmap() is a bare system call here, and safe in a handler.
bool put_zeros(Slot& slot, uintptr_t address) {
  const uintptr_t end = slot.end.load();
  if (address < slot.start.load() || address >= end)
    return false;
  slot.changed.store(true);
  const uintptr_t from = page_start(address);
  auto* const start = reinterpret_cast<void*>(from); // NOLINT(performance-no-int-to-ptr)
  return ::mmap(start, end - from, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
         MAP_FAILED;
}

void on_bus_error(int /*signal*/, siginfo_t* info, void* /*context*/) {
  const int kept_errno = errno;
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  // Sent by another process, it says nothing of an address.
  if (info->si_code > 0)
    for (Slot& slot : slots)
      if (put_zeros(slot, address)) {
        errno = kept_errno;
        return;
      }
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGBUS, &standard, nullptr);
  if (info->si_code <= 0)
    ::raise(SIGBUS);
}

Result<void> install_handler() {
  static const int failure = [] {
    page_start(0); // reads the page's size, once
    struct sigaction action = {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    return ::sigaction(SIGBUS, &action, nullptr) == 0 ? 0 : errno;
  }();
  return failure == 0 ? Result<void>() : fail_errno("", failure);
}

size_t take_slot() {
  for (size_t i = 0; i < slots.size(); ++i)
    if (!slots.at(i).taken.exchange(true))
      return i;
  return slots.size();
}

} // namespace

Result<MappedFile> MappedFile::open(int fd) {
  const auto file = ByteSource::of_file(fd);
  if (!file)
    return std::unexpected(file.error());
  if (file->size() == 0)
    return fail("", "the file is empty");
  if (auto done = install_handler(); !done)
    return std::unexpected(done.error());
  const size_t index = take_slot();
  if (index == slots.size())
    return fail("", "too many files are mapped");
  Slot& slot = slots.at(index);
  const size_t size = file->size();
  void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (start == MAP_FAILED) {
    const int failure = errno;
    slot.taken.store(false);
    return fail_errno("", failure);
  }
  slot.changed.store(false);
  slot.start.store(reinterpret_cast<uintptr_t>(start));
  slot.end.store(reinterpret_cast<uintptr_t>(start) + size);
  return MappedFile({static_cast<const std::byte*>(start), size}, index);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(slot_, other.slot_);
  return *this;
}

MappedFile::~MappedFile() {
  if (slot_ == kMaxMappings)
    return;
  Slot& slot = slots.at(slot_);
  slot.end.store(0);
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  slot.taken.store(false);
}

void MappedFile::release_pages() {
  for (const Slot& slot : slots) {
    const uintptr_t start = slot.start.load();
    if (const uintptr_t end = slot.end.load(); end != 0)
      ::madvise(reinterpret_cast<void*>(start), // NOLINT(performance-no-int-to-ptr)
                end - start, MADV_DONTNEED);
  }
}

bool MappedFile::changed() const {
  return slot_ != kMaxMappings && slots.at(slot_).changed.load();
}

} // namespace pprofd::symbolizer

// Keys for tables that store equal entries once: the entry's contents as bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace pprofd {

class EntryKey {
public:
  EntryKey& number(uint64_t value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    bytes_.append(bytes, sizeof bytes);
    return *this;
  }
  EntryKey& number(int64_t value) { return number(static_cast<uint64_t>(value)); }
  EntryKey& text(std::string_view value) {
    number(uint64_t{value.size()});
    bytes_ += value;
    return *this;
  }
  void clear() { bytes_.clear(); }
  [[nodiscard]] std::string_view bytes() const { return bytes_; }

private:
  std::string bytes_;
};

// From contents to the id (or index) of the entry.
class EntryIndex {
public:
  // Nothing: there is no such entry.
  [[nodiscard]] std::optional<uint64_t> find(const EntryKey& key) const {
    const auto found = ids_.find(key.bytes());
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }
  // The id of the entry with this key and whether it is new: then `next` is its id from now on.
  std::pair<uint64_t, bool> find_or_add(const EntryKey& key, uint64_t next) {
    if (auto found = ids_.find(key.bytes()); found != ids_.end())
      return {found->second, false};
    ids_.emplace(key.bytes(), next);
    return {next, true};
  }

private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, uint64_t, Hash, std::equal_to<>> ids_;
};

} // namespace pprofd

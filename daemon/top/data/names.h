// The functions that the samples of the last seconds were in, each kept once and as long as any
// interval holds it: a live view may run for days. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace pprofd::top {

// What tells one function from another: equal names in two files are two functions.
struct FunctionName {
  std::string name;
  std::string object; // file name of the program or library, "[kernel]" or a "[module]"
  bool kernel = false;

  bool operator==(const FunctionName&) const = default;
};

using FunctionId = uint32_t;

class NameTable {
public:
  // Each hold wants its release; the last release frees the id for another function.
  FunctionId hold(const FunctionName& function);
  void release(FunctionId id);

  [[nodiscard]] const FunctionName& operator[](FunctionId id) const { return *entries_[id].name; }
  // Nothing: no interval has it.
  [[nodiscard]] std::optional<FunctionId> find(const FunctionName& function) const;
  // All ids are below.
  [[nodiscard]] size_t ids() const { return entries_.size(); }
  [[nodiscard]] size_t size() const { return by_name_.size(); }

private:
  struct Hash {
    size_t operator()(const FunctionName& function) const;
  };
  struct Entry {
    const FunctionName* name = nullptr; // the key in by_name_
    uint32_t holders = 0;
  };

  std::unordered_map<FunctionName, FunctionId, Hash> by_name_;
  std::vector<Entry> entries_;
  std::vector<FunctionId> free_;
};

} // namespace pprofd::top

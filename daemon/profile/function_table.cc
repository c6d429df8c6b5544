#include "daemon/profile/function_table.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

void set_key(EntryKey& key, const proto::Function& function) {
  key.clear();
  key.number(function.name()).number(function.system_name());
  key.number(function.filename()).number(function.start_line());
}

} // namespace

FunctionTable::FunctionTable(proto::Profile& profile, StringTable& strings)
    : profile_(profile), strings_(strings), taken_(profile.function()),
      last_id_(static_cast<uint64_t>(profile.function_size())) {
  for (const proto::Function& function : profile.function()) {
    set_key(key_, function);
    index_.find_or_add(key_, function.id());
  }
}

// 1..N where the ids so far are; others may number as they like.
uint64_t FunctionTable::unused_id() {
  ++last_id_;
  while (taken_.position(last_id_) >= 0)
    ++last_id_;
  return last_id_;
}

uint64_t FunctionTable::add(const FunctionInfo& function) {
  proto::Function entry;
  entry.set_name(strings_.add(function.name));
  entry.set_system_name(function.system_name.empty() ? entry.name()
                                                     : strings_.add(function.system_name));
  entry.set_filename(strings_.add(function.file));
  entry.set_start_line(function.start_line);
  set_key(key_, entry);
  if (const auto known = index_.find(key_))
    return *known;
  entry.set_id(unused_id());
  index_.find_or_add(key_, entry.id());
  *profile_.add_function() = entry;
  return entry.id();
}

} // namespace pprofd

#include "daemon/compose/missing_names.h"

namespace pprofd {

namespace {

void add(MissingNames::Reasons& to, const MissingNames::Reasons& from) {
  for (const auto& [name, reason] : from) {
    MissingNames::Reason& sum = to[name];
    sum.frames += reason.frames;
    sum.files.insert(reason.files.begin(), reason.files.end());
  }
}

} // namespace

FrameCounts& FrameCounts::operator+=(const FrameCounts& other) {
  for (size_t kind = 0; kind < kCodeKinds; ++kind) {
    all.at(kind) += other.all.at(kind);
    named.at(kind) += other.named.at(kind);
  }
  return *this;
}

uint64_t MissingNames::nameless() const {
  uint64_t sum = 0;
  for (const auto& [name, reason] : names)
    sum += reason.frames;
  return sum;
}

MissingNames& MissingNames::operator+=(const MissingNames& other) {
  add(names, other.names);
  add(lines, other.lines);
  frames += other.frames;
  frames_of_files += other.frames_of_files;
  kinds += other.kinds;
  return *this;
}

} // namespace pprofd

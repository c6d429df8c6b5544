// "Sends" parcels into a folder: each a file, whole and on the disk before it counts as taken.
#pragma once

#include <string>

#include "daemon/ship/send/reply.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd::ship {

class FileSender {
public:
  // Errors: the folder can't be opened or is not writable.
  static Result<FileSender> open(const std::string& folder);

  // Writes the file Parcel::url below the folder, with the folders that it needs.
  [[nodiscard]] Reply write(const Parcel& parcel) const;

private:
  explicit FileSender(Fd folder) : folder_(std::move(folder)) {}

  [[nodiscard]] Result<void> write_file(const Parcel& parcel) const;
  [[nodiscard]] Result<Fd> open_below(const std::string& path) const;

  Fd folder_;
};

} // namespace pprofd::ship

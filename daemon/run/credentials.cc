#include "daemon/run/credentials.h"

#include <algorithm>

#include "symbolizer/base/read_bytes.h"
#include "symbolizer/base/regular_file.h"

namespace pprofd {

namespace {

constexpr uint64_t kLargestFile = uint64_t{1} << 20;

} // namespace

Result<std::string> read_credentials(const std::string& path, const std::string& key) {
  if (path.empty())
    return std::string();
  const std::string what = key + " = '" + path + "'";
  const auto file = open_regular_file(path, what);
  if (!file)
    return std::unexpected(file.error());
  if (file->size > kLargestFile)
    return fail(what, "larger than 1 MiB");
  auto text = read_bytes(file->fd.get(), 0, file->size, what);
  if (text && text->empty())
    return fail(what, "the file is empty");
  return text;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = std::min(text.find_first_not_of(kBlank), text.size());
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

} // namespace pprofd

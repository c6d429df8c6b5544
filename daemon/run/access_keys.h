// Keys by which an S3 store knows us, as Amazon's tools keep them in a file (~/.aws/credentials):
//
//   [default]
//   aws_access_key_id = AKIA…
//   aws_secret_access_key = …
//   aws_session_token = …         with keys that are valid for a while
//
// Lines before any section are taken as well; other sections and names are passed over. Pure.
#pragma once

#include <string>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd {

struct AccessKeys {
  std::string id;
  std::string secret;
  std::string session_token; // empty: none
};

// `what`: whose text it is, for messages. Errors: a key is missing, or has characters that none
// has; they do not repeat it.
Result<AccessKeys> parse_access_keys(std::string_view text, const std::string& what);

} // namespace pprofd

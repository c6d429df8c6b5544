#include "daemon/profile/rows/rows.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <vector>

#include "daemon/profile/frame_names.h"
#include "daemon/profile/id_index.h"
#include "daemon/profile/json_text.h"
#include "daemon/profile/string_table.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

constexpr std::array<std::string_view, 6> kFactColumns = {"host",     "service", "version",
                                                          "build_id", "pid",     "comm"};
constexpr std::string_view kPid = "pid";
constexpr std::string_view kComm = "comm";

constexpr size_t kPart = size_t{4} << 20;
constexpr int64_t kSecondInNanos = 1'000'000'000;

// As all three engines read a time without being told how.
std::string time_text(int64_t nanos) {
  int64_t seconds = nanos / kSecondInNanos;
  int64_t rest = nanos % kSecondInNanos;
  if (rest < 0) {
    rest += kSecondInNanos;
    --seconds;
  }
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:09}", fmt::gmtime(static_cast<std::time_t>(seconds)),
                     rest);
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  append_json(out, value);
}

// One profile's rows; what is the same in many of them is made once.
class ProfileRows {
public:
  ProfileRows(const proto::Profile& profile, int value_index, const RowFacts& facts)
      : profile_(profile), value_index_(value_index), facts_(facts), locations_(profile.location()),
        head_(head()) {
    const FrameNames names(profile);
    frames_.reserve(static_cast<size_t>(profile.location_size()));
    for (const auto& location : profile.location())
      frames_.push_back(joined(names.at(location)));
  }

  void append(const proto::Sample& sample, std::string& out) const {
    uint64_t pid = facts_.pid;
    std::string comm = facts_.comm;
    std::map<std::string, std::string> labels;
    for (const auto& label : sample.label()) {
      const std::string& name = text(profile_, label.key());
      if (name == kPid && label.num() > 0)
        pid = static_cast<uint64_t>(label.num());
      else if (name == kComm)
        comm = text(profile_, label.str());
      else
        labels.emplace(name, label.str() != 0 ? text(profile_, label.str())
                                              : std::to_string(label.num()));
    }
    labels.insert(facts_.labels.begin(), facts_.labels.end());
    out += head_;
    fmt::format_to(std::back_inserter(out), ",\"pid\":{}", pid);
    append_member(out, kComm, comm);
    append_labels(labels, out);
    fmt::format_to(std::back_inserter(out), ",\"value\":{}", sample.value(value_index_));
    append_stack(sample, out);
    out += "}\n";
  }

private:
  // The columns that are the same for all samples.
  [[nodiscard]] std::string head() const {
    const auto& type = profile_.sample_type(value_index_);
    std::string made = fmt::format(R"({{"time":"{}","duration":{})", time_text(facts_.time_nanos),
                                   facts_.duration_nanos);
    append_member(made, "type", text(profile_, type.type()));
    append_member(made, "unit", text(profile_, type.unit()));
    append_member(made, "host", facts_.host);
    append_member(made, "service", facts_.service);
    append_member(made, "version", facts_.version);
    append_member(made, "build_id", facts_.build_id);
    return made;
  }

  static std::string joined(const std::vector<std::string>& names) {
    std::string made;
    for (const std::string& name : names) {
      if (!made.empty())
        made += ',';
      append_json(made, name);
    }
    return made;
  }

  static void append_labels(const std::map<std::string, std::string>& labels, std::string& out) {
    out += ",\"labels\":{";
    bool first = true;
    for (const auto& [name, value] : labels) {
      if (!std::exchange(first, false))
        out += ',';
      append_json(out, name);
      out += ':';
      append_json(out, value);
    }
    out += '}';
  }

  void append_stack(const proto::Sample& sample, std::string& out) const {
    out += ",\"stack\":[";
    bool first = true;
    for (const uint64_t id : sample.location_id()) {
      if (!std::exchange(first, false))
        out += ',';
      out += frames_[static_cast<size_t>(locations_.position(id))];
    }
    out += ']';
  }

  const proto::Profile& profile_;
  int value_index_;
  const RowFacts& facts_;
  IdIndex locations_;
  std::string head_;
  std::vector<std::string> frames_; // by position of the location: JSON strings
};

} // namespace

bool is_row_column(std::string_view name) {
  return std::ranges::find(kFactColumns, name) != kFactColumns.end();
}

Result<void> RowWriter::add(const proto::Profile& profile, int value_index, const RowFacts& facts) {
  const ProfileRows rows(profile, value_index, facts);
  for (const auto& sample : profile.sample()) {
    if (sample.value(value_index) == 0)
      continue;
    rows.append(sample, lines_);
    ++rows_;
    if (lines_.size() < kPart)
      continue;
    if (auto taken = sink_(lines_); !taken)
      return taken;
    lines_.clear();
  }
  return {};
}

Result<void> RowWriter::finish() {
  return lines_.empty() && rows_ != 0 ? Result<void>() : sink_(lines_);
}

} // namespace pprofd

#include "daemon/report/report.h"

#include <ostream>

#include "daemon/profile/folded.h"
#include "daemon/profile/profile_file.h"
#include "daemon/profile/text.h"
#include "daemon/report/diff.h"
#include "daemon/report/filter.h"
#include "daemon/report/html.h"
#include "daemon/report/input.h"
#include "daemon/report/source.h"
#include "daemon/report/tree.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

TextOptions text_options(const ReportOptions& options, int value_index, int64_t total) {
  TextOptions text;
  text.value_index = value_index;
  text.top = options.top;
  text.long_names = options.long_names;
  text.total = total;
  text.granularity = options.lines ? Granularity::Lines : Granularity::Functions;
  if (!options.focus.empty())
    text.notes.push_back("Focus: " + options.focus);
  if (!options.ignore.empty())
    text.notes.push_back("Ignore: " + options.ignore);
  return text;
}

Result<void> report_diff(const ReportOptions& options, proto::Profile& after, std::ostream& out) {
  if (options.view != ReportView::kTop)
    return fail("--diff", "it shows a table, not a tree or folded stacks",
                "leave out --tree or --folded");
  auto before = read_profile(options.diff_base);
  if (!before)
    return std::unexpected(before.error());
  apply_drop_frames(*before);
  if (auto ok = make_comparable({&after, &*before}); !ok)
    return ok;
  auto value = find_sample_type(after, options.sample_type);
  if (!value)
    return std::unexpected(value.error());
  DiffOptions diff;
  diff.value_index = *value;
  diff.top = options.top;
  diff.long_names = options.long_names;
  diff.total_before = total_value(*before, *value);
  diff.total_after = total_value(after, *value);
  for (proto::Profile* profile : {&after, &*before})
    if (auto ok = filter_samples(*profile, options.focus, options.ignore); !ok)
      return ok;
  write_diff(*before, after, diff, out);
  return {};
}

} // namespace

Result<void> report(const ReportOptions& options, std::ostream& out) {
  if (options.view == ReportView::kHtml)
    return report_html(options, out);
  auto profile = read_merged(options.files);
  if (!profile)
    return std::unexpected(profile.error());
  apply_drop_frames(*profile);
  if (!options.diff_base.empty())
    return report_diff(options, *profile, out);
  auto value = find_sample_type(*profile, options.sample_type);
  if (!value)
    return std::unexpected(value.error());
  int64_t total = total_value(*profile, *value);
  if (auto ok = filter_samples(*profile, options.focus, options.ignore); !ok)
    return ok;
  TextOptions text = text_options(options, *value, total);
  switch (options.view) {
  case ReportView::kTop:
    write_text(*profile, text, out);
    break;
  case ReportView::kTree:
    write_tree(*profile, text, out);
    break;
  case ReportView::kFolded:
    write_folded(*profile, *value, out);
    break;
  case ReportView::kSource:
    return write_source(*profile, text, options.source, out);
  case ReportView::kHtml: // returned above
    break;
  }
  return {};
}

} // namespace pprofd

#include "daemon/profile/table/units.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <span>

#include "daemon/profile/saturating.h"

namespace pprofd {

namespace {

struct Unit {
  std::string_view shown;
  std::array<std::string_view, 3> names; // lower case, without the plural's s
  double factor;
};

constexpr double kKilo = 1024;
constexpr std::array kMemory{
    Unit{"B", {"b", "byte"}, 1},
    Unit{"kB", {"kb", "kbyte", "kilobyte"}, kKilo},
    Unit{"MB", {"mb", "mbyte", "megabyte"}, kKilo* kKilo},
    Unit{"GB", {"gb", "gbyte", "gigabyte"}, kKilo* kKilo* kKilo},
    Unit{"TB", {"tb", "tbyte", "terabyte"}, kKilo* kKilo* kKilo* kKilo},
    Unit{"PB", {"pb", "pbyte", "petabyte"}, kKilo* kKilo* kKilo* kKilo* kKilo},
};
constexpr std::array kTime{
    Unit{"ns", {"ns", "nanosecond"}, 1},    Unit{"us", {"us", "microsecond", "\u03bcs"}, 1e3},
    Unit{"ms", {"ms", "millisecond"}, 1e6}, Unit{"s", {"s", "sec", "second"}, 1e9},
    Unit{"hrs", {"hr", "hour"}, 3600e9},
};

// A kind of units; the one shown where a value is too small for any.
struct UnitKind {
  std::span<const Unit> units;
  const Unit* fallback;
};
constexpr std::array kKinds{UnitKind{kMemory, kMemory.data()}, UnitKind{kTime, &kTime[3]}};

struct Known {
  const UnitKind* kind;
  const Unit* unit;
};

std::optional<Known> find_unit(std::string_view given) {
  std::string name(given);
  std::ranges::transform(name, name.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  if (name.size() > 2 && name != "\u03bcs" && name.ends_with('s'))
    name.pop_back();
  for (const UnitKind& kind : kKinds)
    for (const Unit& unit : kind.units)
      if (std::ranges::find(unit.names, name) != unit.names.end() && !name.empty())
        return Known{&kind, &unit};
  return std::nullopt;
}

// The largest unit of which a value has at least one.
const Unit& suitable(const Known& known, double value) {
  double base = std::abs(value) * known.unit->factor;
  const Unit* best = known.kind->fallback;
  bool found = false;
  for (const Unit& unit : known.kind->units)
    if (base / unit.factor >= 1 && (!found || unit.factor >= best->factor)) {
      best = &unit;
      found = true;
    }
  return *best;
}

// Units that say nothing beside a number.
bool uninteresting(std::string_view unit) {
  return unit == "count" || unit == "sample" || unit == "unit" || unit.empty();
}

std::string number(double value) {
  char digits[400]; // the largest double has 309 digits before the point
  std::snprintf(digits, sizeof digits, "%.2f", value);
  std::string text = digits;
  if (text.ends_with(".00"))
    text.resize(text.size() - 3);
  return text == "-0" ? "0" : text;
}

std::string with_unit(double value, std::string_view suffix) {
  std::string text = number(value);
  return text == "0" ? text : text + std::string(suffix);
}

} // namespace

ValueFormat::ValueFormat(std::string_view unit, int64_t least, int64_t greatest) {
  auto known = find_unit(unit);
  if (!known) {
    if (!uninteresting(unit))
      suffix_ = unit;
    return;
  }
  auto low = static_cast<double>(magnitude(least));
  auto high = static_cast<double>(magnitude(greatest));
  const Unit* shown = &suitable(*known, low);
  if (shown != &suitable(*known, high) && low * 100 < high)
    shown = &suitable(*known, low * 100);
  factor_ = known->unit->factor;
  shown_factor_ = shown->factor;
  suffix_ = shown->shown;
}

std::string ValueFormat::operator()(int64_t value) const {
  return with_unit(static_cast<double>(value) * factor_ / shown_factor_, suffix_);
}

std::string humanize(int64_t value, std::string_view unit) {
  return ValueFormat(unit, value, value)(value);
}

std::string percentage(int64_t value, int64_t total) {
  double share = 0;
  if (total != 0)
    share = std::abs(static_cast<double>(value) / static_cast<double>(total)) * 100;
  if (share >= 99.95 && share <= 100.05)
    return "  100%";
  char text[400];
  std::snprintf(text, sizeof text, share >= 1 ? "%5.2f%%" : "%5.2g%%", share);
  return text;
}

double unit_ratio(std::string_view coarser, std::string_view finer) {
  if (coarser == finer)
    return 1;
  auto a = find_unit(coarser);
  auto b = find_unit(finer);
  return a && b && a->kind == b->kind ? a->unit->factor / b->unit->factor : 0;
}

} // namespace pprofd

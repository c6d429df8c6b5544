// What the user looks at, and what keys do to it. Pure: knows neither the terminal nor where
// samples come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/top/view/filter.h"
#include "daemon/top/view/key.h"
#include "daemon/top/view/subject.h"
#include "daemon/top/view/table.h"

namespace pprofd::top {

// What a key asks of others than the view.
enum class Wish : uint8_t { kNone, kQuit, kStartOver, kPause, kRedraw };

struct KeyHelp {
  std::string_view keys;
  std::string_view does;
};
// All keys, for the overlay.
std::span<const KeyHelp> key_help();

class ViewState {
public:
  ViewState(Subject first, Settings settings, Filter filter);

  // A key, pressed while `table` was shown, `page` rows of it at once.
  Wish press(const Key& key, const Table& table, size_t page);

  [[nodiscard]] const Subject& subject() const { return path_.back().subject; }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const Filter& filter() const { return filter_; }
  // Of the subject: how deep it was drilled.
  [[nodiscard]] size_t depth() const { return path_.size(); }
  [[nodiscard]] bool shows_help() const { return help_; }
  // The filter as it is being typed; nothing: it is not.
  [[nodiscard]] const std::optional<std::string>& typed() const { return typed_; }

  // The row that is selected in a table of this subject; it is followed from table to table. 0 in
  // an empty one.
  size_t selected(const Table& table);
  // The first of `page` rows to be shown, so that the selected one is among them.
  size_t first_shown(const Table& table, size_t page);

private:
  struct Place {
    Subject subject;
    std::string key; // of the selected row; empty: the first one, whichever it is
    size_t at = 0;   // where it was
    size_t first = 0;
  };

  Wish press_character(char32_t character, const Table& table, size_t page);
  Wish press_special(Special special, const Table& table, size_t page);
  void type(const Key& key, std::string& text);
  void select(const Table& table, size_t at);
  void move(const Table& table, std::ptrdiff_t by);
  void show(View view);
  void next_view(int by);
  void open(const Table& table);
  void back();

  std::vector<Place> path_; // never empty
  Settings settings_;
  Filter filter_;
  std::optional<std::string> typed_;
  std::string filter_before_; // while it is typed
  bool help_ = false;
};

} // namespace pprofd::top

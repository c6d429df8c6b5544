#include "daemon/top/view/view_state.h"

#include <algorithm>
#include <array>
#include <utility>

namespace pprofd::top {

namespace {

// Who goes round in circles loses the beginning of the way back.
constexpr size_t kDeepest = 64;
constexpr size_t kLongestFilter = 256;

constexpr std::array kHelp = {
    KeyHelp{"1 2 3, Tab", "functions, processes, threads"},
    KeyHelp{"Up Down j k", "select a row; also PgUp, PgDn, Home, End, g, G"},
    KeyHelp{"Enter, Right", "callers and callees of a function; functions of a process or thread"},
    KeyHelp{"Esc, Left, Bksp", "back; then: no filter"},
    KeyHelp{"s, F6", "functions by self or by total"},
    KeyHelp{"/, F4", "filter: text or regular expression; Enter keeps, Esc drops it"},
    KeyHelp{"Space, p", "pause: what is shown stays; sampling goes on"},
    KeyHelp{"z", "start over with what comes from now on"},
    KeyHelp{"l", "names with parameters and template arguments, or without"},
    KeyHelp{"K, U", "without functions of the kernel, of programs; or with them again"},
    KeyHelp{"Ctrl-L", "draw the screen again"},
    KeyHelp{"?, h, F1", "this help"},
    KeyHelp{"q, F10, Ctrl-C", "quit"},
};

// The characters of UTF-8 text without the last one.
void drop_last(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80)
    text.pop_back();
  if (!text.empty())
    text.pop_back();
}

void append(std::string& text, char32_t c) {
  const auto put = [&text](char32_t byte) {
    text += static_cast<char>(static_cast<unsigned char>(byte));
  };
  if (c < 0x80)
    return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

} // namespace

std::span<const KeyHelp> key_help() {
  return kHelp;
}

ViewState::ViewState(Subject first, Settings settings, Filter filter)
    : path_{{.subject = std::move(first), .key = {}}}, settings_(settings),
      filter_(std::move(filter)) {}

Wish ViewState::press(const Key& key, const Table& table, size_t page) {
  if (key == top::key(Special::kRedraw))
    return Wish::kRedraw;
  if (std::exchange(help_, false))
    return key == top::key(U'q') || key == top::key(Special::kF10) ? Wish::kQuit : Wish::kNone;
  if (typed_) {
    type(key, *typed_);
    return Wish::kNone;
  }
  return key.special == Special::kNone ? press_character(key.character, table, page)
                                       : press_special(key.special, table, page);
}

Wish ViewState::press_character(char32_t character, const Table& table, size_t page) {
  switch (character) {
  case U'q':
    return Wish::kQuit;
  case U' ':
  case U'p':
    return Wish::kPause;
  case U'z':
    return Wish::kStartOver;
  case U'?':
  case U'h':
    help_ = true;
    break;
  case U'1':
    show(View::kFunctions);
    break;
  case U'2':
    show(View::kProcesses);
    break;
  case U'3':
    show(View::kThreads);
    break;
  case U's':
    return press_special(Special::kF6, table, page);
  case U'/':
  case U'\\':
    return press_special(Special::kF4, table, page);
  case U'l':
    settings_.long_names = !settings_.long_names;
    break;
  case U'K':
    settings_.kernel = !settings_.kernel;
    break;
  case U'U':
    settings_.user = !settings_.user;
    break;
  case U'j':
    return press_special(Special::kDown, table, page);
  case U'k':
    return press_special(Special::kUp, table, page);
  case U'g':
    return press_special(Special::kHome, table, page);
  case U'G':
    return press_special(Special::kEnd, table, page);
  default:
    break;
  }
  return Wish::kNone;
}

Wish ViewState::press_special(Special special, const Table& table, size_t page) {
  const auto rows = static_cast<std::ptrdiff_t>(table.rows.size());
  const auto by_page = std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(page) - 1, 1);
  switch (special) {
  case Special::kUp:
    move(table, -1);
    break;
  case Special::kDown:
    move(table, 1);
    break;
  case Special::kPageUp:
    move(table, -by_page);
    break;
  case Special::kPageDown:
    move(table, by_page);
    break;
  case Special::kHome:
    path_.back().key.clear();
    path_.back().at = 0;
    break;
  case Special::kEnd:
    move(table, rows);
    break;
  case Special::kEnter:
  case Special::kRight:
    open(table);
    break;
  case Special::kLeft:
  case Special::kBackspace:
  case Special::kEscape:
    back();
    break;
  case Special::kTab:
    next_view(1);
    break;
  case Special::kBackTab:
    next_view(-1);
    break;
  case Special::kF1:
    help_ = true;
    break;
  case Special::kF4:
    filter_before_ = filter_.text();
    typed_ = filter_.text();
    break;
  case Special::kF6:
    settings_.order = settings_.order == Order::kSelf ? Order::kTotal : Order::kSelf;
    break;
  case Special::kF10:
    return Wish::kQuit;
  default:
    break;
  }
  return Wish::kNone;
}

void ViewState::type(const Key& key, std::string& text) {
  if (key.special == Special::kEnter) {
    typed_.reset();
    return;
  }
  if (key.special == Special::kEscape) {
    typed_.reset();
    filter_ = Filter(filter_before_);
    return;
  }
  if (key.special == Special::kBackspace)
    drop_last(text);
  else if (key.special == Special::kNone && key.character >= 0x20 && key.character != 0x7f &&
           text.size() < kLongestFilter)
    append(text, key.character);
  filter_ = Filter(text);
}

size_t ViewState::selected(const Table& table) {
  Place& place = path_.back();
  if (table.rows.empty())
    return 0;
  if (place.key.empty())
    return place.at = 0;
  const auto found = std::ranges::find(table.rows, place.key, &Row::key);
  if (found != table.rows.end())
    return place.at = static_cast<size_t>(found - table.rows.begin());
  // It has gone: its neighbour, but what was selected is followed again if it comes back.
  return std::min(place.at, table.rows.size() - 1);
}

void ViewState::select(const Table& table, size_t at) {
  path_.back().at = at;
  path_.back().key = at == 0 ? std::string() : table.rows[at].key;
}

void ViewState::move(const Table& table, std::ptrdiff_t by) {
  if (table.rows.empty())
    return;
  const auto last = static_cast<std::ptrdiff_t>(table.rows.size()) - 1;
  const auto from = static_cast<std::ptrdiff_t>(selected(table));
  select(table, static_cast<size_t>(std::clamp<std::ptrdiff_t>(from + by, 0, last)));
}

size_t ViewState::first_shown(const Table& table, size_t page) {
  size_t& first = path_.back().first;
  const size_t at = selected(table);
  const size_t rows = table.rows.size();
  if (page == 0)
    return first = at;
  first = std::min(first, rows > page ? rows - page : 0);
  first = std::min(first, at);
  if (at >= first + page)
    first = at - page + 1;
  return first;
}

void ViewState::show(View view) {
  path_.clear();
  path_.push_back(
      {.subject = {.view = view, .scope = {}, .scope_name = {}, .function = {}}, .key = {}});
}

void ViewState::next_view(int by) {
  constexpr int kViews = 3;
  const int now = static_cast<int>(path_.front().subject.view);
  show(static_cast<View>((now + by + kViews) % kViews));
}

void ViewState::open(const Table& table) {
  if (table.rows.empty())
    return;
  const auto& opens = table.rows[selected(table)].opens;
  if (!opens || *opens == subject())
    return;
  if (path_.size() == kDeepest)
    path_.erase(path_.begin() + 1);
  path_.push_back({.subject = *opens, .key = {}});
  // What was searched for has been found.
  filter_ = Filter();
}

void ViewState::back() {
  if (path_.size() > 1)
    path_.pop_back();
  else
    filter_ = Filter();
}

} // namespace pprofd::top

#include "daemon/top/terminal/curses_terminal.h"

#include <curses.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "daemon/profile/utf8.h"

namespace pprofd::top {

namespace {

// How long after Esc the rest of a key's sequence may come (ms).
constexpr int kEscapeDelay = 25;

enum Pair : short { kHotPair = 1, kWarmPair, kDimPair, kWarningPair };

// Clean text as ncurses takes it.
std::wstring wide(std::string_view text) {
  std::wstring result;
  std::mbstate_t state{};
  while (!text.empty()) {
    wchar_t c = 0;
    const size_t length = std::mbrtowc(&c, text.data(), text.size(), &state);
    if (length == 0 || length > text.size())
      break; // clean text has neither
    result += c;
    text.remove_prefix(length);
  }
  return result;
}

Special special_of(wint_t code) {
  switch (code) {
  case KEY_UP:
    return Special::kUp;
  case KEY_DOWN:
    return Special::kDown;
  case KEY_LEFT:
    return Special::kLeft;
  case KEY_RIGHT:
    return Special::kRight;
  case KEY_PPAGE:
    return Special::kPageUp;
  case KEY_NPAGE:
    return Special::kPageDown;
  case KEY_HOME:
    return Special::kHome;
  case KEY_END:
    return Special::kEnd;
  case KEY_ENTER:
    return Special::kEnter;
  case KEY_BACKSPACE:
    return Special::kBackspace;
  case KEY_BTAB:
    return Special::kBackTab;
  case KEY_F(1):
    return Special::kF1;
  case KEY_F(4):
    return Special::kF4;
  case KEY_F(6):
    return Special::kF6;
  case KEY_F(10):
    return Special::kF10;
  default:
    return Special::kNone;
  }
}

Key key_of_character(wint_t c) {
  switch (c) {
  case '\r':
  case '\n':
    return key(Special::kEnter);
  case '\x1b':
    return key(Special::kEscape);
  case '\x08':
  case '\x7f':
    return key(Special::kBackspace);
  case '\t':
    return key(Special::kTab);
  case '\x0c':
    return key(Special::kRedraw);
  default:
    return key(static_cast<char32_t>(c));
  }
}

} // namespace

struct CursesTerminal::State {
  SCREEN* screen = nullptr;
  bool colour = false;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (screen == nullptr)
      return;
    endwin();
    delscreen(screen);
  }

  [[nodiscard]] attr_t attributes(Style style) const {
    const auto pair = [this](Pair of) {
      return colour ? static_cast<attr_t>(COLOR_PAIR(of)) : attr_t{A_NORMAL};
    };
    switch (style) {
    case Style::kBar:
    case Style::kSelected:
      return style == Style::kSelected ? A_REVERSE | A_BOLD : A_REVERSE;
    case Style::kStrong:
      return A_BOLD;
    case Style::kHot:
      return pair(kHotPair) | A_BOLD;
    case Style::kWarm:
      return pair(kWarmPair);
    case Style::kDim:
      return pair(kDimPair);
    case Style::kWarning:
      return pair(kWarningPair) | A_BOLD | (colour ? attr_t{A_NORMAL} : A_UNDERLINE);
    case Style::kPlain:
      break;
    }
    return A_NORMAL;
  }
};

CursesTerminal::CursesTerminal(std::unique_ptr<State> state) : state_(std::move(state)) {}
CursesTerminal::CursesTerminal(CursesTerminal&&) noexcept = default;
CursesTerminal::~CursesTerminal() = default;

Result<CursesTerminal> CursesTerminal::open(bool colour) {
  auto state = std::make_unique<State>();
  state->screen = newterm(nullptr, stdout, stdin);
  const char* type = std::getenv("TERM");
  if (state->screen == nullptr || tigetstr("cup") == nullptr)
    return fail(std::string("draw on a terminal of type ") + (type == nullptr ? "''" : type),
                "not known here, or its cursor can't be moved",
                "set TERM to what the terminal is, or print plain text with --batch");
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  set_escdelay(kEscapeDelay);
  state->colour = colour && has_colors();
  if (state->colour) {
    start_color();
    use_default_colors();
    init_pair(kHotPair, COLOR_RED, -1);
    init_pair(kWarmPair, COLOR_GREEN, -1);
    init_pair(kDimPair, COLOR_CYAN, -1);
    init_pair(kWarningPair, COLOR_YELLOW, -1);
  }
  return CursesTerminal(std::move(state));
}

Size CursesTerminal::size() {
  return {.columns = static_cast<size_t>(COLS), .lines = static_cast<size_t>(LINES)};
}

void CursesTerminal::draw(const Screen& screen) {
  werase(stdscr);
  for (size_t line = 0; line < screen.lines.size(); ++line) {
    wmove(stdscr, static_cast<int>(line), 0);
    for (const Span& span : screen.lines[line]) {
      wattrset(stdscr, static_cast<int>(state_->attributes(span.style)));
      const std::wstring text = wide(span.text);
      waddnwstr(stdscr, text.data(), static_cast<int>(text.size()));
    }
  }
  wattrset(stdscr, A_NORMAL);
  curs_set(screen.cursor ? 1 : 0);
  if (screen.cursor)
    wmove(stdscr, static_cast<int>(screen.cursor->first), static_cast<int>(screen.cursor->second));
  wrefresh(stdscr);
}

void CursesTerminal::redraw() {
  clearok(stdscr, TRUE);
}

std::optional<Key> CursesTerminal::read_key() {
  wint_t code = 0;
  const int kind = wget_wch(stdscr, &code);
  more_keys_ = kind != ERR;
  if (kind == KEY_CODE_YES) {
    const Special special = special_of(code);
    return special == Special::kNone ? std::nullopt : std::optional(key(special));
  }
  return kind == OK ? std::optional(key_of_character(code)) : std::nullopt;
}

void CursesTerminal::resize() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 && size.ws_col != 0)
    resizeterm(size.ws_row, size.ws_col);
  redraw();
}

void CursesTerminal::suspend() {
  endwin();
}

void CursesTerminal::resume() {
  resize();
  wrefresh(stdscr);
}

} // namespace pprofd::top

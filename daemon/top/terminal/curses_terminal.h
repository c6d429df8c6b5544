// The terminal, by ncurses: its one owner is the main thread, and there is one object at a time
// (ncurses keeps its state for itself). The terminal is as it was before when the object goes,
// whatever the reason.
//
// Signals are the caller's: they are taken by descriptor (daemon/signals), so none of ncurses' own
// handlers ever runs. After SIGWINCH resize() is called, around a stop suspend() and resume().
#pragma once

#include <memory>
#include <optional>

#include "daemon/top/view/key.h"
#include "daemon/top/view/layout.h"
#include "symbolizer/base/result.h"

namespace pprofd::top {

class CursesTerminal {
public:
  // On standard input and output. `colour`: where the terminal has any. Fails where TERM names no
  // terminal whose cursor can be moved.
  static Result<CursesTerminal> open(bool colour);
  CursesTerminal(CursesTerminal&&) noexcept;
  CursesTerminal& operator=(CursesTerminal&&) = delete;
  ~CursesTerminal();

  [[nodiscard]] static Size size();
  void draw(const Screen& screen);
  // The next draw() writes everything: others may have written there.
  void redraw();
  // A key that has been pressed; nothing: none, or one that is not known. Does not wait.
  std::optional<Key> read_key();
  // Whether read_key() should be called again at once.
  [[nodiscard]] bool more_keys() const { return more_keys_; }

  void resize();
  void suspend();
  void resume();

private:
  struct State;
  explicit CursesTerminal(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
  bool more_keys_ = false;
};

} // namespace pprofd::top

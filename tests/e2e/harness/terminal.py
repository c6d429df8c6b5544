"""A real terminal: tmux with a server of the test's own, whose screen is read and whose keys are pressed."""
import os
import re
import subprocess
import time

from .processes import Timeout, children_of, wait_until


class Terminal:
    """One pane, in which a shell runs; `folder` is the test's own."""

    def __init__(self, folder, columns=100, lines=30, **environment):
        self._socket = folder / "tmux"
        self._raw = folder / "terminal.raw"
        self._raw.write_bytes(b"")
        env = {**os.environ, "LC_ALL": "C.UTF-8", "SHELL": "/bin/bash", **environment}
        for name in ("TMUX", "NO_COLOR"):
            if name not in environment:
                env.pop(name, None)
        shell = " ".join(f"{name}='{value}'" for name, value in {**environment, "PS1": "$ "}.items())
        subprocess.run(
            ["tmux", "-u", "-S", self._socket, "-f", "/dev/null", "new-session", "-d", "-x", str(columns),
             "-y", str(lines), f"exec env {shell} bash --norc --noprofile"],
            env=env, cwd=folder, check=True, timeout=20, stdin=subprocess.DEVNULL)
        # What programs write is kept as it was written.
        self._tmux("pipe-pane", f"cat >> {self._raw}")

    def _tmux(self, *arguments):
        return subprocess.run(["tmux", "-u", "-S", self._socket, *map(str, arguments)], check=True, timeout=20,
                              stdin=subprocess.DEVNULL, capture_output=True).stdout.decode()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], timeout=20, stdin=subprocess.DEVNULL)

    @property
    def text(self):
        """What is seen, line by line."""
        return self._tmux("capture-pane", "-p")

    @property
    def raw(self):
        """Every byte that was written to the terminal."""
        return self._raw.read_bytes()

    @property
    def shows_other_screen(self):
        """Whether a program has taken the whole screen."""
        return self._tmux("display-message", "-p", "#{alternate_on}").strip() == "1"

    def press(self, *keys):
        """tmux's names of keys: Enter, Escape, Tab, Up, C-c, or a character."""
        self._tmux("send-keys", *keys)

    def type(self, text):
        self._tmux("send-keys", "-l", text)

    def run(self, *command):
        """Types a command line; the shell says at its end how it went: wait_for(r"status \\d+")."""
        self.type(" ".join(map(str, command)) + "; echo status $?")
        self.press("Enter")

    def resize(self, columns, lines):
        self._tmux("resize-window", "-x", columns, "-y", lines)

    def wait_for(self, pattern, seconds=30.0):
        """Waits until the screen matches; returns the match."""
        found = None

        def look():
            nonlocal found
            found = re.search(pattern, self.text, re.MULTILINE)
            return found

        try:
            wait_until(look, pattern, seconds, interval=0.05)
        except Timeout as timeout:
            raise Timeout(f"{timeout}\n{self.text}") from None
        return found

    def wait_without(self, pattern, seconds=30.0):
        """Waits until the screen no longer matches."""
        wait_until(lambda: not re.search(pattern, self.text, re.MULTILINE), f"no {pattern}", seconds, 0.05)

    def settings(self):
        """The terminal's own settings, as stty tells them."""
        tty = self._tmux("display-message", "-p", "#{pane_tty}").strip()
        return subprocess.run(["stty", "-a", "-F", tty], check=True, timeout=20, capture_output=True).stdout

    def pid_of_program(self):
        """The process that runs in the foreground of the pane."""
        shell = int(self._tmux("display-message", "-p", "#{pane_pid}"))

        def child():
            pids = children_of(shell)
            return pids[0] if pids else None

        return wait_until(child, "a program in the terminal")


def wait_unchanged(read, seconds):
    """What is read stays the same for so long."""
    first = read()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = read()
        assert now == first, f"{first}\n--- became\n{now}"
        time.sleep(0.05)

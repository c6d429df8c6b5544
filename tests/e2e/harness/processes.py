"""Programs that the tests start. Each is ended, by its own pid, when its `with` block is left; each
wait has a deadline."""
import contextlib
import os
import select
import signal
import subprocess
import time
from pathlib import Path


class Timeout(AssertionError):
    pass


def wait_until(condition, what, seconds=20.0, interval=0.01):
    """Calls `condition` until it is true and returns its value; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"not within {seconds} s: {what}")
        time.sleep(interval)


class Process:
    """A running program in a session of its own, with its output kept in memory or files."""

    def __init__(self, command, *, cwd=None, env=None, stdout=None, stderr=None, stdin=None):
        self.command = [str(part) for part in command]
        self._popen = subprocess.Popen(
            self.command,
            cwd=cwd,
            env=None if env is None else {**os.environ, **env},
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE if stderr is None else stderr,
            start_new_session=True,
        )

    @property
    def pid(self):
        return self._popen.pid

    @property
    def status(self):
        """Exit status as a shell tells it (128 + signal), None while running."""
        code = self._popen.poll()
        return code if code is None or code >= 0 else 128 - code

    def signal(self, number):
        self._popen.send_signal(number)

    def read_line(self, seconds=20.0):
        """The next line of the program's stdout, without its end."""
        deadline = time.monotonic() + seconds
        line = b""
        fd = self._popen.stdout.fileno()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise Timeout(f"no line from {self.command[0]} within {seconds} s")
            byte = os.read(fd, 1)
            if not byte:
                break
            line += byte
        return line.decode().rstrip("\n")

    def wait(self, seconds=30.0):
        """Waits for the end; returns (stdout, stderr) as bytes."""
        try:
            return self._popen.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Timeout(f"still running after {seconds} s: {' '.join(self.command)}") from None

    def stop(self, seconds=10.0):
        """Ends it politely (SIGTERM, and SIGCONT in case it is stopped); returns its stdout."""
        if self.status is None:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGCONT)
        return self.wait(seconds)[0].decode()

    def kill(self):
        """Ends it and whatever it left in its session."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.kill()
        with contextlib.suppress(ValueError, OSError):
            self._popen.communicate(timeout=10)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.kill()


def start_workload(program, *arguments, **options):
    """Starts a workload and waits for its line "ready"; earlier lines are in `.lines`."""
    process = Process([program, *arguments], **options)
    process.lines = []
    try:
        while (line := process.read_line()) != "ready":
            assert line or process.status is None, f"{program} ended before it was ready"
            process.lines.append(line)
    except BaseException:
        process.kill()
        raise
    return process


def run(command, *, seconds=30.0, check=True, **options):
    """Runs a helper program to its end; returns its stdout as text."""
    with Process(command, **options) as process:
        out, err = process.wait(seconds)
        if check:
            assert process.status == 0, f"{process.command}: {process.status}\n{err.decode()}"
        return (out or b"").decode(errors="replace")


def children_of(pid):
    """The pids of a process's living children, by /proc."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found


def children_called(pid, name):
    """Those of them that call themselves so (argv[0]); one may be gone already."""
    found = []
    for child in children_of(pid):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0] == name.encode():
                found.append(child)
    return found


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def start_time_ticks(pid):
    """Field 22 of /proc/PID/stat: with the pid, a process's identity."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])


def cpu_seconds(pid):
    """User and system time of a process so far, to the kernel's nanosecond."""
    return time.clock_gettime((~pid << 3) | 2)

"""Runs of pprofd. Every profile that a run leaves behind is checked here, in one place: it is valid,
its accounting is exact, and the readers of others accept it."""
import contextlib
import os
import signal
from pathlib import Path

from . import pprof, readers, system, validity
from .paths import PPROFD
from .processes import Process, Timeout, wait_until

GZIP = b"\x1f\x8b"


def _is_perf_event(fd):
    with contextlib.suppress(OSError):
        return "perf_event" in os.readlink(fd)
    return False


class Run:
    """One run of pprofd in a folder of its own, where relative outputs land."""

    def __init__(self, arguments, folder, *, prefix=(), env=None, check_paths=(), stdin=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.arguments = [str(argument) for argument in arguments]
        # What a test finds must not depend on those before it.
        if self.arguments[:1] == ["record"] and "--cache" not in self.arguments:
            self.arguments[1:1] = ["--cache", "none"]
        self._check_paths = [Path(path) for path in check_paths]
        self._out_path = self.folder / ".stdout"
        self._err_path = self.folder / ".stderr"
        self.paths, self.profiles = [], []
        with open(self._out_path, "wb") as out, open(self._err_path, "wb") as err:
            self.process = Process([*prefix, PPROFD, *self.arguments], cwd=self.folder, env=env,
                                   stdout=out, stderr=err, stdin=stdin)

    @property
    def pid(self):
        return self.process.pid

    @property
    def status(self):
        return self.process.status

    @property
    def stdout(self):
        return self._out_path.read_bytes()

    @property
    def stderr(self):
        return self._err_path.read_text(errors="replace")

    def wait_started(self, seconds=20.0):
        """Waits until the recording is under way: its perf events are open and sampling."""
        def sampling():
            events = [fd for fd in Path(f"/proc/{self.pid}/fd").glob("*") if _is_perf_event(fd)]
            assert self.status is None, f"ended early: {self.status}\n{self.stderr}"
            return len(events) >= os.cpu_count() and system.bpf_ids_of(self.pid)
        wait_until(sampling, "the start of the recording", seconds)
        return self

    def interrupt(self):
        self.process.signal(signal.SIGINT)

    def wait(self, seconds=60.0):
        """Waits for the end, then reads and checks every profile."""
        try:
            self.process.wait(seconds)
        except Timeout as timeout:
            raise Timeout(f"{timeout}\n{self.stderr}") from None
        self.check_profiles()
        return self

    def finish(self, seconds=60.0):
        """Ends the recording as Ctrl-C does, and waits for the output."""
        self.interrupt()
        return self.wait(seconds)

    def succeed(self):
        assert self.status == 0, f"{self.arguments}: exit status {self.status}\n{self.stderr}"
        return self

    def check_profiles(self):
        raw = "--raw" in self.arguments
        for root in [self.folder, *self._check_paths]:
            self.paths += sorted(root.rglob("*.pb.gz")) if root.is_dir() else [root]
        self.paths = [path for path in self.paths if path.is_file() and not path.is_symlink()]
        for path in self.paths:
            self._add(pprof.read(path), raw)
        if self.stdout.startswith(GZIP):
            copy = self.folder / ".stdout.pb.gz"
            copy.write_bytes(self.stdout)
            self.paths.append(copy)
            self._add(pprof.read_bytes(self.stdout), raw)
        if self.paths:
            readers.check_accepted(self.paths)

    def _add(self, profile, raw):
        merged = (any("pid" in {label.key for label in s.labels} for s in profile.samples)
                  or not profile.samples and ("--" in self.arguments or "--merge" in self.arguments))
        validity.check(profile, merged=merged, raw=raw)
        self.profiles.append(profile)

    @property
    def profile(self):
        """The one profile of this run."""
        assert len(self.profiles) == 1, f"{self.paths}\n{self.stderr}"
        return self.profiles[0]

    def profile_of(self, pid):
        """The profile of one process among several."""
        found = [p for p in self.profiles if p.facts.get("pid") == str(pid)]
        assert len(found) == 1, f"{len(found)} profiles of {pid} in {self.paths}\n{self.stderr}"
        return found[0]

    def has_profile_of(self, pid):
        return any(p.facts.get("pid") == str(pid) for p in self.profiles)

    def kill(self):
        self.process.kill()


class Pprofd:
    """Starts pprofd; whatever still runs when the test ends is killed by pid."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._runs = []

    def start(self, *arguments, **options):
        run = Run(arguments, self._folder / f"run{len(self._runs)}", **options)
        self._runs.append(run)
        return run

    def run(self, *arguments, seconds=60.0, **options):
        return self.start(*arguments, **options).wait(seconds)

    def close(self):
        for run in self._runs:
            run.kill()

"""A running `pprofd run`."""
import contextlib
import http.client
import json
import re
import signal
import socket
import time
from pathlib import Path

from . import pprof, readers, validity
from .paths import PPROFD
from .processes import Process, children_called, wait_until


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, seconds):
        super().__init__("localhost", timeout=seconds)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Service:
    """`pprofd run` with a configuration and a store of its own."""

    def __init__(self, folder, text="", *flags, env=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, self.folder.parent):
            folder.chmod(0o755)  # the store has a user of its own
        self.config = self.folder / "pprofd.toml"
        self.store = self.folder / "store"
        self.socket = self.folder / "socket"
        self._log = self.folder / "log"
        self.configure(text)
        with open(self._log, "wb") as log:
            cache = [] if "--cache" in flags else ["--cache", "none"]  # no test depends on those before it
            self.process = Process([PPROFD, "run", "--config", self.config, "--store.path", self.store, *cache,
                                    "--http.listen", f"unix:{self.socket}", *flags], stderr=log, env=env)

    def configure(self, text):
        # Tests share the CPUs: the limit is a matter of its own test.
        limits = "" if "[limits]" in text else '[limits]\ncpu = "400%"\n'
        self.config.write_text(text + "\n" + limits)

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return self._log.read_text(errors="replace")

    def wait_log(self, pattern, seconds=30.0):
        def said():
            assert self.process.status is None or re.search(pattern, self.log), self.log
            return re.search(pattern, self.log)
        return wait_until(said, f"{pattern!r} in the log:\n{self.log}", seconds)

    def wait_started(self):
        self.wait_log("msg=sampling")
        return self

    @property
    def serve(self):
        """The pid of the process that faces the network."""
        return wait_until(lambda: children_called(self.pid, "pprofd: serve"), "pprofd: serve")[0]

    def request(self, path, method="GET", seconds=30):
        """(status, body) of a request over the unix socket."""
        with contextlib.closing(UnixConnection(self.socket, seconds)) as connection:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read()

    def json(self, path):
        status, body = self.request(path)
        assert status == 200, body
        return json.loads(body)

    def metric(self, name):
        """The sum of a metric over its labels."""
        status, body = self.request("/metrics")
        assert status == 200, body
        values = re.findall(rf"(?m)^{name}(?:{{[^}}]*}})? ([\d.e+]+)$", body.decode())
        assert values, body
        return sum(map(float, values))

    def _files(self, triggered):
        """The store's profiles: those that triggers took, or the others."""
        folder = self.store / "triggered"
        if triggered:
            return sorted(folder.rglob("*.pb.gz"))
        return sorted(path for path in self.store.rglob("*.pb.gz") if folder not in path.parents)

    def windows(self):
        """The times at which the windows in the store began, in order."""
        return sorted({int(path.name.split("-")[0]) for path in self._files(triggered=False)})

    def wait_windows(self, count, seconds=60.0):
        wait_until(lambda: len(self.windows()) >= count, f"{count} windows:\n{self.log}", seconds, 0.05)

    def stop(self, seconds=20.0):
        """SIGTERM; returns how long it took to leave."""
        begin = time.monotonic()
        self.process.signal(signal.SIGTERM)
        self.process.wait(seconds)
        took = time.monotonic() - begin
        assert self.process.status == 0, self.log
        return took

    def profiles(self, accepted=True, triggered=False):
        """Every profile of the store, checked; or every one that a trigger took."""
        paths = self._files(triggered)
        read = [pprof.read(path) for path in paths]
        for profile in read:
            validity.check(profile)
        if accepted and paths:
            readers.check_accepted(paths[:: max(1, len(paths) // 100)])
        return read


def of(profiles, pid):
    """Those of a process, in the order of their time."""
    return sorted((p for p in profiles if p.facts["pid"] == str(pid)), key=lambda p: p.time_nanos)

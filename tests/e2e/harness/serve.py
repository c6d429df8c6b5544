"""Plays the daemon for `pprofd: serve`: starts the process on a socket pair with listening sockets, sends
it what a daemon sends, answers what it asks. Speaks proto/serve.proto by hand, so that a mistake of the
generated code can't hide."""
import gzip
import http.client
import os
import select
import socket
import struct
import subprocess
import threading
import time

from .paths import PPROFD
from .pprof import _fields
from .processes import wait_until

LINK = 3  # the first descriptor that the process is given


def _varint(value):
    out = bytearray()
    value &= 2**64 - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return _varint(field << 3) + _varint(int(value))


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def table(field, items):
    return b"".join(data(field, data(1, key) + data(2, value)) for key, value in items.items())


def window(profile, *, time_nanos, service="checkout", type="cpu", duration=60 * 10**9, labels=None,
           samples=1, value=1):
    body = (data(1, type) + data(2, service) + number(3, time_nanos) + number(4, duration)
            + table(5, labels or {}) + number(6, samples) + number(7, value) + data(8, profile))
    return data(1, body)


def process_metrics(time_nanos, processes, duration=60 * 10**9):
    """`processes`: (pid, start ticks, service, comm, cpu nanoseconds, rss)."""
    body = number(1, time_nanos) + number(2, duration)
    for pid, start, service, comm, cpu, rss in processes:
        body += data(3, number(1, pid) + number(2, start) + data(3, service) + data(4, comm)
                     + number(5, cpu) + number(6, rss) + number(7, 4))
    return data(2, body)


def event(time_nanos, kind, text):
    return data(5, number(1, time_nanos) + data(2, kind) + data(3, text))


def answer(id, body, status=200):
    return data(3, number(1, id) + data(2, body) + number(3, status))


class StackProfileBytes:
    """A small pprof profile: stacks of names, leaf first, with a count each."""

    def __init__(self, stacks, *, period=10_000_000, time_nanos=0, duration=60 * 10**9, comments=()):
        self.strings = [""]
        self.functions = {}
        self.body = b""
        for name, unit in (("samples", "count"), ("cpu", "nanoseconds")):
            self.body += data(1, number(1, self._string(name)) + number(2, self._string(unit)))
        self.body += data(3, number(1, 1) + number(2, 0x400000) + number(3, 0x500000)
                          + number(5, self._string("/usr/bin/app")) + number(7, 1))
        for stack, count in stacks:
            ids = [self._function(name) for name in stack]
            self.body += data(2, b"".join(number(1, id) for id in ids)
                              + number(2, count) + number(2, count * period))
        for name, id in self.functions.items():
            self.body += data(5, number(1, id) + number(2, self._string(name))
                              + number(3, self._string(name)) + number(4, self._string("app.cc")))
            self.body += data(4, number(1, id) + number(2, 1) + number(3, 0x400000 + id)
                              + data(4, number(1, id) + number(2, 10 + id)))
        for comment in comments:
            self.body += number(13, self._string(comment))
        self.body += number(9, time_nanos) + number(10, duration) + number(12, period)
        self.body += data(11, number(1, self._string("cpu")) + number(2, self._string("nanoseconds")))
        self.body += b"".join(data(6, text) for text in self.strings)

    def _string(self, text):
        if text not in self.strings:
            self.strings.append(text)
        return self.strings.index(text)

    def _function(self, name):
        return self.functions.setdefault(name, len(self.functions) + 1)

    def gzip(self):
        # As serialize_gzip writes it: no name, no flags.
        return gzip.compress(self.body, mtime=0)


def profile(stacks, **more):
    return StackProfileBytes(stacks, **more).gzip()


def messages_of(link):
    """What comes over the link, message by message, until it ends."""
    buffer = b""
    while True:
        try:
            got = link.recv(1 << 16)
        except OSError:
            return
        if not got:
            return
        buffer += got
        while len(buffer) >= 4 and len(buffer) - 4 >= struct.unpack("<I", buffer[:4])[0]:
            length = struct.unpack("<I", buffer[:4])[0]
            yield buffer[4 : 4 + length]
            buffer = buffer[4 + length :]


class Serve:
    """A running `pprofd: serve`; `asked` has what it asked its daemon for."""

    def __init__(self, folder, *, tcp=True, address="127.0.0.1", configuration=b"", retention=0, max_bytes=0,
                 metrics=False, store=None, wait=True):
        self.now = time.time_ns()  # what a test stores is of this time, and before
        self.store = store or folder / "store"
        self.socket_path = str(folder / "serve.sock")
        self.listeners = []
        self.port = self.metrics_port = None
        listeners = b""
        if tcp:
            listener = socket.create_server((address, 0), backlog=1024)
            self.port = listener.getsockname()[1]
            self.listeners.append(listener)
            listeners += data(1, data(1, f"{address}:{self.port}"))
        unix = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.socket_path):
            os.unlink(self.socket_path)
        unix.bind(self.socket_path)
        unix.listen(128)
        self.listeners.append(unix)
        listeners += data(1, data(1, "unix:" + self.socket_path))
        if metrics:
            listener = socket.create_server(("127.0.0.1", 0))
            self.metrics_port = listener.getsockname()[1]
            self.listeners.append(listener)
            listeners += data(1, data(1, f"127.0.0.1:{self.metrics_port}") + number(2, 1))
        self.settings = data(3, str(self.store)) + number(4, retention) + number(5, max_bytes)
        self.link, theirs = socket.socketpair()
        self.asked, self.failures = [], []
        self.stored = 0
        self.ready = threading.Event()
        self.answers = {"metrics": "pprofd_samples_total{result=\"written\"} 5\n"}
        self.take_profile = None  # called with (id, fields) for each wanted profile
        self._lock = threading.Lock()
        self._start(theirs)
        self.configuration = listeners + self.settings + configuration
        self.send(data(4, self.configuration))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait:
            wait_until(lambda: self.ready.is_set() or self.process.poll() is not None, "serve's start")
            assert self.ready.is_set(), self.failures

    def _start(self, theirs):
        sockets = [theirs, *self.listeners]
        high = [os.dup(s.fileno()) for s in sockets]

        def place():
            moved = [os.dup2(fd, 200 + i) for i, fd in enumerate(high)]
            for i, fd in enumerate(moved):
                os.dup2(fd, LINK + i)
            os.closerange(LINK + len(moved), 1024)

        self.process = subprocess.Popen(
            ["pprofd: serve", "__serve"], executable=str(PPROFD), preexec_fn=place, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        for fd in high:
            os.close(fd)
        theirs.close()
        for listener in self.listeners:
            listener.close()

    def send(self, message):
        with self._lock:
            self.link.sendall(struct.pack("<I", len(message)) + message)

    def _read(self):
        for message in messages_of(self.link):
            self._take(message)

    def _take(self, message):
        for field, value in _fields(message):
            if field == 1:
                self.ready.set()
            elif field == 2:
                fields = list(_fields(value))
                id = dict(fields)[1]
                self.asked.append(("profile", fields))
                if self.take_profile:
                    self.take_profile(id, fields)
            elif field == 3:
                self.asked.append(("cancel", value))
            elif field == 4 and self.answers.get("metrics") is not None:
                self.send(answer(value, self.answers["metrics"]))
            elif field == 5:
                self.asked.append(("reload", value))
                self.send(answer(value, *self.answers.get("reload", ("reloaded", 200))))
            elif field == 6:
                self.stored = dict(_fields(value)).get(1, 0)
            elif field in (7, 8):  # goes on, refused
                self.failures.append({k: v.decode() for k, v in _fields(value)})

    def add(self, *messages):
        """Sends windows, and waits until they are on the disk."""
        before = self.stored
        for message in messages:
            self.send(message)
        wait_until(lambda: self.stored >= before + len(messages), "profiles on the disk", 60)

    def connect(self, timeout=20):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, path, method="GET", body=None, headers=None, timeout=20):
        """(status, headers, body)"""
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def raw(self, text, timeout=10):
        """What comes back for these bytes, until the other side closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as client:
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            return read_all(client)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def alive(self):
        return self.process.poll() is None

    def close(self):
        try:
            self.send(number(6, 1))
        except OSError:
            pass
        try:
            self.process.wait(20)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.link.close()
            self._reader.join(5)
        return self.process.returncode


def read_all(client):
    out = b""
    while True:
        try:
            got = client.recv(1 << 16)
        except (ConnectionResetError, TimeoutError):
            return out
        if not got:
            return out
        out += got


def wait_closed(client, seconds):
    """How long until the other side closes a connection; None: it does not."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        readable, _, _ = select.select([client], [], [], 0.2)
        if readable:
            try:
                if not client.recv(4096):
                    return time.monotonic() - start
            except ConnectionResetError:
                return time.monotonic() - start
    return None

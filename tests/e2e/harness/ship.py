"""Plays the daemon for `pprofd: ship`, and backends for it to ship to: small HTTP servers on loopback that
answer as they are told (facts measured on real servers), or worse than any real one."""
import contextlib
import http.server
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse

from .paths import PPROFD
from .pprof import _fields
from .processes import wait_until
from .serve import LINK, data, messages_of, number, table, window


def target(name, type, url, *, labels=None, include=(), exclude=(), compress=1, spool=10**8, batch=1,
           batch_bytes=10**6, rate=0, timeout=30, headers=(), token="", ca=b"", cert=b"", key=b"", batch_wait=0,
           rows=0, bucket="", region="", prefix="", access_key="", secret_key="", session_token="", zstd=0):
    """A ShipTarget of proto/serve.proto."""
    body = data(1, name) + data(2, type) + data(3, url) + table(4, labels or {})
    body += b"".join(data(5, text) for text in include) + b"".join(data(6, text) for text in exclude)
    body += data(7, ca) + data(8, cert) + data(9, key) + data(10, token)
    body += b"".join(data(11, text) for text in headers)
    body += number(12, compress) + number(13, spool) + number(14, batch) + number(15, batch_bytes)
    body += number(16, rate) + number(17, int(timeout * 1e9)) + number(18, int(batch_wait * 1e9)) + number(19, rows)
    body += data(20, bucket) + data(21, region) + data(22, prefix)
    return data(21, body + data(23, access_key) + data(24, secret_key) + data(25, session_token) + number(26, zstd))


class Ship:
    """A running `pprofd: ship`; killed and started again by restart(), as the daemon does."""

    def __init__(self, folder, *targets, host="node-1"):
        self.spool = folder / "spool"
        self.host = host
        self.targets = targets
        self.failures, self.figures = [], {}
        self._id = 0
        self._start()

    def _start(self):
        self.stored = 0
        self.ready = threading.Event()
        self.link, theirs = socket.socketpair()
        high = os.dup(theirs.fileno())

        def place():
            os.dup2(high, LINK)
            os.closerange(LINK + 1, 1024)

        self.process = subprocess.Popen(
            ["pprofd: ship", "__ship"], executable=str(PPROFD), preexec_fn=place, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env={})
        os.close(high)
        theirs.close()
        self.configure(*self.targets)
        self._reader = threading.Thread(target=self._read, args=(self.link,), daemon=True)
        self._reader.start()
        wait_until(lambda: self.ready.is_set() or self.process.poll() is not None, "ship's start")

    def configure(self, *targets):
        self.send(data(4, table(2, {"host": self.host, "kernel": "6.1"}) + data(20, str(self.spool))
                       + b"".join(targets)))

    def send(self, message):
        self.link.sendall(struct.pack("<I", len(message)) + message)

    def _read(self, link):
        for message in messages_of(link):
            self._take(message)

    def _take(self, message):
        for field, value in _fields(message):
            if field == 1:
                self.ready.set()
            elif field == 6:
                self.stored = dict(_fields(value)).get(1, 0)
            elif field in (7, 8):  # goes on, refused
                self.failures.append({k: v.decode() for k, v in _fields(value)})
            elif field == 20:
                for each, part in _fields(value):
                    if each == 1:
                        fields = dict(_fields(part))
                        names = {2: "sent", 3: "failed", 4: "retried", 5: "dropped", 6: "spool_bytes", 7: "up"}
                        self.figures[fields[1].decode()] = {n: fields.get(i, 0) for i, n in names.items()}

    def put(self, profile, id=None, **more):
        """Sends a profile without waiting; returns its id."""
        self._id = self._id + 1 if id is None else id
        message = window(profile, time_nanos=more.pop("time_nanos", time.time_ns()), **more)
        # The id stands in the profile's message, behind all else.
        body = next(value for field, value in _fields(message) if field == 1)
        self.send(data(1, body + number(9, self._id)))
        return self._id

    def add(self, *profiles, **more):
        """Sends profiles and waits until they are in the spool."""
        before = self.stored
        for each in profiles:
            self.put(each, **more)
        wait_until(lambda: self.stored >= before + len(profiles), "profiles in the spool", 30)

    def wait_figure(self, target, name, value, seconds=30):
        try:
            wait_until(lambda: self.figures.get(target, {}).get(name, 0) >= value, f"{name} of {target}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: not {value}: {self.figures} {self.failures}") from None

    def wait_failure(self):
        wait_until(lambda: self.failures, "the failure said")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.link.close()
        self._reader.join(5)

    def restart(self):
        self.kill()
        self._start()

    def memory(self):
        """Anonymous memory in bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))

    def close(self):
        with contextlib.suppress(OSError):
            self.send(number(6, 1))
        try:
            self.process.wait(20)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.link.close()
            self._reader.join(5)
        return self.process.returncode


class Received:
    def __init__(self, handler, body):
        url = urllib.parse.urlsplit(handler.path)
        self.method, self.path, self.query = handler.command, url.path, urllib.parse.parse_qs(url.query)
        self.raw_path = handler.path
        self.headers, self.body, self.time = handler.headers, body, time.monotonic()


class Backend:
    """A server on loopback that keeps what it is sent. `answer(received)` gives (status, headers, body); or,
    if it takes the connection itself, None."""

    def __init__(self, answer=None, *, port=0, tls=None):
        self.received = []
        self.answer = answer or (lambda received: (200, {}, b'{"code":200}'))
        self._changed = threading.Lock()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30
            disable_nagle_algorithm = True  # as Go's servers do; else each answer takes 40 ms

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                received = Received(self, body)
                received.socket = self.connection
                answer = backend.answer(received)
                with backend._changed:
                    received.status = answer[0] if answer else None
                    backend.received.append(received)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, text = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PUT = do_POST

            def log_message(self, *unused):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 64

            def handle_error(self, *unused):
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True,
                                                  do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                                        daemon=True)
        self._thread.start()

    def taken(self):
        """What it has said 200 to."""
        with self._changed:
            return [each for each in self.received if each.status == 200]

    def wait_taken(self, count, seconds=30):
        wait_until(lambda: len(self.taken()) >= count, f"{count} requests that are taken", seconds)
        return self.taken()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def tls_files(folder):
    """An authority with a server's and a client's certificate: {name: PEM}, by openssl."""
    def run(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=ca",
        "-keyout", "ca.key", "-out", "ca.pem")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
            f"{name}.key", "-out", f"{name}.csr")
        (folder / f"{name}.ext").write_text(extension + "\n")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    return {name: (folder / name).read_bytes()
            for name in ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")}


def server_tls(folder):
    """Wants certificates of tls_files()' authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context

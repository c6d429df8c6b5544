"""Debug information from debuginfod servers: Debian's own, and such as nobody wants to meet."""
import os
import re
import shutil
import socket
import stat
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from harness import pprof, system
from harness.inlined import build, build_id_of, check_chains
from harness.paths import PPROFD
from harness.processes import Process, children_called, start_workload, wait_until
from harness.processes import run as run_program
from harness.service import of
from harness.ship import Backend

pytestmark = pytest.mark.requires("debuginfod", "llvm-symbolizer-19")
bpf = pytest.mark.requires("bpf")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Parts:
    """A program as it was built, as it is installed, and its debug information, which only servers have."""

    def __init__(self, folder, options=()):
        self.whole, self.source, self.names = build("gcc-dwarf5", folder / "built", options)
        self.served = folder / "served"
        self.served.mkdir()
        self.debug = self.served / "program.debug"
        run_program(["objcopy", "--only-keep-debug", self.whole, self.debug])
        self.build_id = build_id_of(self.whole)
        self.path = f"/buildid/{self.build_id}/debuginfo"

    def install(self, folder):
        """The path of the program, without symbols and debug information."""
        program = folder / "program"
        shutil.copy(self.whole, program)
        run_program(["strip", "--strip-all", program])
        return program


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    folder.chmod(0o755)
    return Parts(folder)


@pytest.fixture
def server(parts):
    """The address of Debian's debuginfod that has the debug information."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def scanned():
        try:
            return urllib.request.urlopen(url + parts.path, timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    with Process(["debuginfod", "-F", "-p", port, "-d", ":memory:", parts.served], env={"DEBUGINFOD_URLS": ""},
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        wait_until(scanned, "debuginfod has found its file", 20, 0.05)
        yield url


@pytest.fixture
def gone():
    """The address of a server that does not run."""
    return f"http://127.0.0.1:{free_port()}"


def addresses(parts):
    fields = next(line.split() for line in run_program(["nm", "-S", parts.whole]).splitlines()
                  if line.split()[-1] == "main")
    return [hex(int(fields[0], 16) + at) for at in range(int(fields[1], 16))]


def expected(parts):
    return run_program(["llvm-symbolizer-19", "-e", parts.whole, *addresses(parts)])


def symbolize(program, parts, *options, cache="none", **more):
    return subprocess.run([PPROFD, "symbolize", "-e", program, "--cache", cache, *options, *addresses(parts)],
                          capture_output=True, text=True, timeout=60, **more)


def test_addresses_are_answered_as_if_nothing_were_stripped(parts, server, gone, tmp_path):
    """By the server, then from the cache when it is gone; nobody else can read what is there."""
    program = parts.install(tmp_path)
    cache = tmp_path / "cache"
    without = symbolize(program, parts).stdout
    assert without != expected(parts)
    for url in (server, gone):
        run = symbolize(program, parts, "--debuginfod", url, cache=cache)
        assert (run.returncode, run.stderr, run.stdout) == (0, "", expected(parts))
    kept, = (cache / "debuginfod").iterdir()
    assert kept.read_bytes() == parts.debug.read_bytes()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_without_a_cache_it_is_fetched_each_time(parts, server, gone, tmp_path):
    program = parts.install(tmp_path)
    assert symbolize(program, parts, "--debuginfod", server).stdout == expected(parts)
    assert symbolize(program, parts, "--debuginfod", gone).stdout == symbolize(program, parts).stdout


def test_what_dwz_has_put_aside_is_fetched_too(server, parts, tmp_path):
    """By its own build id, from the second server: the first has neither."""
    other = Parts(tmp_path, ["-gdwarf-4"])
    twin = other.served / "twin.debug"
    shutil.copy(other.debug, twin)
    shared = tmp_path / "shared.debug"
    run_program(["dwz", "-m", shared, other.debug, twin])
    shared_id = build_id_of(shared)
    files = {other.build_id: other.debug.read_bytes(), shared_id: shared.read_bytes()}
    shared.unlink()  # where the link leads to

    def answer(received):
        file = files.get(received.path.split("/")[2])
        return (200, {}, file) if file else (404, {}, b"")

    program = other.install(tmp_path)
    with Backend(answer) as backend:
        run = symbolize(program, other, "--debuginfod", f"{server},{backend.url}")
    assert (run.returncode, run.stderr, run.stdout) == (0, "", expected(other))
    assert {request.path.split("/")[2] for request in backend.received} == {other.build_id, shared_id}


# --- servers that do not do what they should --------------------------------------------------------

def not_elf(received, parts):
    return 200, {}, b"<html>Welcome to the hotel's network</html>"


def empty(received, parts):
    return 200, {}, b""


def another_file(received, parts):
    return 200, {}, PPROFD.read_bytes()[:1 << 20]


def damaged(received, parts):
    return 200, {}, parts.debug.read_bytes()[:100] + b"\xff" * 100_000


def says_error(received, parts):
    return 503, {}, b"not today"


def not_there(received, parts):
    return 404, {}, b"no such file"


def local_file(received, parts):
    return 302, {"Location": "file:///etc/passwd"}, b""


def redirects_for_ever(received, parts):
    return 302, {"Location": received.raw_path}, b""


def hangs_up(received, parts):
    received.socket.close()


def not_http(received, parts):
    received.socket.sendall(b"220 mail.example ESMTP\r\n" * 100)


def stops_early(received, parts):
    content = parts.debug.read_bytes()
    received.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content[:1000])


def too_large(received, parts):
    received.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n\x7fELF")


def never_ends(received, parts):
    received.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\n\x7fELF")
    try:
        while True:
            received.socket.sendall(bytes(1 << 20))
    except OSError:
        pass


def says_nothing(received, parts):
    received.socket.settimeout(20)
    try:
        received.socket.recv(1)  # until the other side goes
    except OSError:
        pass


SERVERS = {
    not_elf: "no ELF file", empty: "no ELF file", another_file: "another file, or damaged",
    damaged: "another file, or damaged", says_error: "HTTP 503", not_there: None, local_file: "file",
    redirects_for_ever: "redirects", hangs_up: "reply|Recv", not_http: "HTTP", stops_early: "transfer closed",
    too_large: "too large|[Mm]aximum file size", says_nothing: "1 file.* in time",
}


@pytest.mark.parametrize("answer", SERVERS, ids=lambda answer: answer.__name__)
def test_a_bad_server_costs_lines_alone(parts, tmp_path, answer):
    """Names are those without it, within the time that is waited for, and the reason is said; nothing is kept."""
    program = parts.install(tmp_path)
    cache = tmp_path / "cache"
    with Backend(lambda received: answer(received, parts)) as backend:
        begin = time.monotonic()
        run = symbolize(program, parts, "--debuginfod", backend.url, "--debuginfod-wait", "1s", cache=cache)
        took = time.monotonic() - begin
    assert (run.returncode, run.stdout) == (0, symbolize(program, parts).stdout)
    assert took < 5
    warnings = run.stderr.splitlines()
    if SERVERS[answer] is None:
        assert not warnings
    else:
        assert warnings and warnings[0].startswith("pprofd: warning: "), warnings
        assert re.search(SERVERS[answer], warnings[0]), warnings
    assert not list((cache / "debuginfod").iterdir())


@pytest.mark.requires("root")
def test_an_endless_answer_takes_half_of_the_disk_at_most(parts, tmp_path):
    program = parts.install(tmp_path)
    with system.small_tmpfs(tmp_path / "small", "16M") as small, \
            Backend(lambda received: never_ends(received, parts)) as backend:
        run = symbolize(program, parts, "--debuginfod", backend.url, cache=small)
        assert run.stdout == symbolize(program, parts).stdout
        assert re.search("it sends more than 8 MB", run.stderr), run.stderr
        assert not list((small / "debuginfod").iterdir())


def test_the_next_server_is_asked(parts, server, gone, tmp_path):
    program = parts.install(tmp_path)
    with Backend(lambda received: not_elf(received, parts)) as bad:
        run = symbolize(program, parts, "--debuginfod", gone, "--debuginfod", bad.url, "--debuginfod", server)
    assert run.stdout == expected(parts)
    assert len(run.stderr.splitlines()) == 2, run.stderr


def test_it_is_off_unless_it_is_asked_for(parts, tmp_path):
    """Whatever the environment says to other programs."""
    program = parts.install(tmp_path)
    with Backend() as backend:
        run = symbolize(program, parts, env={**os.environ, "DEBUGINFOD_URLS": backend.url})
        assert (run.returncode, run.stdout) == (0, symbolize(program, parts).stdout)
        run = symbolize(program, parts, "--debuginfod", f" {backend.url}/ ")
        assert len(backend.received) == 1
    run = symbolize(program, parts, "--debuginfod", "ftp://127.0.0.1")
    assert run.returncode == 2
    assert "not the address of a server" in run.stderr and "hint: " in run.stderr, run.stderr


@pytest.mark.requires("root")
def test_the_process_that_fetches_has_no_privileges(parts, tmp_path):
    program = parts.install(tmp_path)
    with Backend(lambda received: says_nothing(received, parts)) as backend, \
            Process([PPROFD, "symbolize", "-e", program, "--cache", "none", "--debuginfod", backend.url, "0x1000"],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        fetch = wait_until(lambda: children_called(process.pid, "pprofd: fetch"), "the process is there")[0]

        def status():
            text = open(f"/proc/{fetch}/status").read()
            return dict(re.findall(r"(?m)^(\w+):\t(.*)$", text))

        wait_until(lambda: status()["Seccomp"] == "2", "it is in its sandbox")
        assert status()["NoNewPrivs"] == "1"
        assert {status()[name].strip("0") for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {""}
        assert "0" not in status()["Uid"].split()
        limits = open(f"/proc/{fetch}/limits").read()
        assert re.search(r"Max file size +1073741824 ", limits), limits


# --- commands ---------------------------------------------------------------------------------------

@bpf
def test_a_recording_waits_for_what_is_fetched(pprofd, parts, server, gone, tmp_path):
    """Its lines are those of the program before it was stripped, and from the cache the next time."""
    program = parts.install(tmp_path)
    cache = tmp_path / "cache"
    with start_workload(program) as target:
        for url in (server, gone):
            run = pprofd.run("record", "-p", target.pid, "-F", 499, "-d", 1, "--cache", cache, "--debuginfod",
                             url).succeed()
            check_chains(run.profile, parts.source, parts.names)


@bpf
def test_a_recording_does_not_wait_for_ever(pprofd, parts, tmp_path):
    program = parts.install(tmp_path)
    with start_workload(program) as target, Backend(lambda received: says_nothing(received, parts)) as backend:
        begin = time.monotonic()
        run = pprofd.run("record", "-p", target.pid, "-F", 199, "-d", 1, "--debuginfod", backend.url,
                         "--debuginfod-wait", "500ms").succeed()
        assert time.monotonic() - begin < 6
    assert run.profile.total > 100
    assert "had not come in time" in run.stderr, run.stderr


@bpf
def test_raw_profiles_are_named_without_the_program(pprofd, parts, server, tmp_path):
    program = parts.install(tmp_path)
    with start_workload(program) as target:
        run = pprofd.run("record", "-p", target.pid, "-F", 499, "-d", 1, "--raw", "-o", "raw.pb.gz").succeed()
    path = run.folder / "raw.pb.gz"
    program.unlink()
    named = subprocess.run([PPROFD, "symbolize", "--cache", "none", "--debuginfod", server, path], capture_output=True,
                           text=True, timeout=60)
    assert named.returncode == 0, named.stderr
    check_chains(pprof.read(path), parts.source, parts.names)


@bpf
def test_the_service_goes_on_and_has_lines_later(service, parts, server, tmp_path):
    """A window does not wait for a server that takes three seconds; those after it have lines."""
    program = parts.install(tmp_path)
    content = parts.debug.read_bytes()

    def slow(received):
        if received.path != parts.path:
            return 404, {}, b""
        time.sleep(3)
        return 200, {}, content

    def lines(profile):
        functions = {function.id: function for function in profile.functions}
        return any(functions[line.function_id].file == str(parts.source) and line.line
                   for location in profile.locations for line in location.lines)

    with Backend(slow) as backend, start_workload(program) as target:
        run = service(f'frequency = 99\nwindow = "1s"\ndebuginfod = ["{backend.url}"]', "--cache", tmp_path / "cache")
        run.wait_started()

        def has_lines():
            return any(map(lines, of(run.profiles(accepted=False), target.pid)))

        wait_until(has_lines, "a window with lines", 30, 0.25)
        assert run.metric("pprofd_debuginfod_files_total") >= 1
        assert run.metric("pprofd_debuginfod_bytes_total") == len(content)
    run.stop()
    mine = of(run.profiles(), target.pid)
    assert not lines(mine[0])
    assert lines(mine[-1])
    begins = [profile.time_nanos for profile in mine]
    assert all(abs(after - before - 10**9) < 0.15e9 for before, after in zip(begins[1:], begins[2:])), begins

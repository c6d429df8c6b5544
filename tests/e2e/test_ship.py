"""Shipping: `pprofd: ship` on its own, played its daemon by the harness, and with `pprofd run`."""
import contextlib
import os
import signal
import socket
import threading
import time
import urllib.parse
from pathlib import Path

import pytest

from harness import pprof
from harness.processes import children_called, start_workload, wait_until
from harness.serve import Serve, profile
from harness.service import of
from harness.ship import Backend, Ship, server_tls, target, tls_files
from harness.paths import workload

STACKS = [(("work", "main"), 7), (("wait", "main"), 2)]


@pytest.fixture
def ship(tmp_path):
    started = []

    def start(*targets):
        started.append(Ship(tmp_path, *targets))
        assert started[-1].ready.is_set(), started[-1].failures
        return started[-1]

    yield start
    for each in started:
        each.close()


def profefe(backend, name="main", **more):
    return target(name, "profefe", backend.url, **more)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def numbered(count):
    """Profiles that tell themselves apart, by the count of their only sample."""
    return [profile([(("work", "main"), n + 1)]) for n in range(count)]


def numbers(received):
    return sorted(pprof.read_bytes(each.body).total for each in received)


def test_a_profile_arrives_as_it_was(ship):
    with Backend() as backend:
        run = ship(profefe(backend, headers=["X-Scope-OrgID: team"], token="s3cret-token"))
        sent = profile(STACKS, time_nanos=10**18)
        run.add(sent, service="check out", labels={"comm": "app", "env": "a=b, ü", "pid": "7"})
        got = backend.wait_taken(1)[0]
    assert got.path == "/api/0/profiles" and got.body == sent
    assert got.query["service"] == ["check out"] and got.query["type"] == ["cpu"]
    labels = dict(pair.split("=", 1) for pair in got.query["labels"][0].split(","))
    assert {k: urllib.parse.unquote(v) for k, v in labels.items()} == {
        "comm": "app", "env": "a=b, ü", "host": "node-1"}
    assert got.headers["Authorization"] == "Bearer s3cret-token" and got.headers["X-Scope-OrgID"] == "team"


def test_it_round_trips_through_our_own_profefe_api(ship, tmp_path):
    """Totals and names that come back are those that were sent."""
    serve = Serve(tmp_path)
    try:
        run = ship(target("own", "profefe", serve.url("")))
        begin = time.time_ns() - 60 * 10**9
        for n in range(3):
            run.add(profile([((f"work{n}", "main"), n + 1)], time_nanos=begin + n), time_nanos=begin + n,
                    labels={"env": "a=b, ü"})
        run.wait_figure("own", "sent", 3)
        wanted = urllib.parse.quote("env=" + urllib.parse.quote("a=b, ü", safe=""), safe="")
        at = [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(begin / 1e9 + shift)) for shift in (-60, 60)]
        status, _, body = serve.request(
            f"/api/0/profiles/merge?service=checkout&type=cpu&from={at[0]}&to={at[1]}&labels={wanted}")
        assert status == 200, body
        merged = pprof.read_bytes(body)
    finally:
        serve.close()
    assert merged.total == 6
    assert {"work0", "work1", "work2", "main"} <= merged.function_names()


def test_filters_and_labels_are_each_targets_own(ship):
    with Backend() as some, Backend() as others:
        run = ship(profefe(some, "some", include=["comm:ngi*"], labels={"process": "comm"}),
                   profefe(others, "others", exclude=["comm:ngi*", "service:secret"]))
        run.add(profile(STACKS), labels={"comm": "nginx"})
        run.add(profile(STACKS), labels={"comm": "curl"})
        run.add(profile(STACKS), labels={"comm": "vault"}, service="secret")
        run.wait_figure("some", "sent", 1)
        run.wait_figure("others", "sent", 1)
        assert [each.query["labels"] for each in some.taken()] == [["process=nginx"]]
        assert [each.query["labels"] for each in others.taken()] == [["comm=curl,host=node-1"]]


def test_files_are_partitioned_and_whole(ship, tmp_path):
    out = tmp_path / "out"
    run = ship(target("files", "file", str(out)))
    sent = profile(STACKS)
    run.add(sent, time_nanos=1_795_317_600 * 10**9)
    run.wait_figure("files", "sent", 1)
    files = [path for path in out.rglob("*") if path.is_file()]
    assert [str(path.relative_to(out)) for path in files] == [
        "date=2026-11-22/hour=03/host=node-1/1795317600000000000-0000000000000001.pb.gz"]
    assert files[0].read_bytes() == sent and files[0].stat().st_uid != 0


def test_an_outage_loses_nothing(ship):
    """Nobody listens; then a server stands there that has everything in the end, each profile once."""
    port = free_port()
    run = ship(target("main", "profefe", f"http://127.0.0.1:{port}"))
    run.add(*numbered(50))
    run.wait_failure()
    assert run.figures["main"]["sent"] == 0
    with Backend(port=port) as backend:
        run.wait_figure("main", "sent", 50)
        assert numbers(backend.taken()) == list(range(1, 51))
    assert run.figures["main"]["dropped"] == 0 and run.figures["main"]["retried"] > 0


@pytest.mark.parametrize("bad", [
    500, 401, "garbage", *(pytest.param(each, marks=pytest.mark.long) for each in (503, 404, "closed", "redirect"))])
def test_bad_answers_lose_nothing(ship, bad):
    """A few bad answers, then good ones: everything arrives."""
    left = [2]

    def answer(received):
        if left[0] == 0:
            return 200, {}, b"{}"
        left[0] -= 1
        if bad == "garbage":
            received.socket.sendall(b"\x00\x01\x02 this is no HTTP\r\n\r\n" * 10)
        if bad in ("garbage", "closed"):
            return None
        if bad == "redirect":
            return 302, {"Location": "http://127.0.0.1:1/stolen"}, b""
        return bad, {}, b"no"

    with Backend(answer) as backend:
        run = ship(profefe(backend, token="s3cret-token"))
        run.add(*numbered(5))
        run.wait_figure("main", "sent", 5)
        assert numbers(backend.taken()) == [1, 2, 3, 4, 5]
    assert run.failures and "s3cret" not in str(run.failures)


def test_retry_after_is_obeyed(ship):
    with Backend() as backend:
        first = []

        def answer(received):
            if first:
                return 200, {}, b"{}"
            first.append(time.monotonic())
            return 429, {"Retry-After": "2"}, b"slow down"

        backend.answer = answer
        run = ship(profefe(backend))
        run.add(profile(STACKS))
        again = backend.wait_taken(1)[0]
    assert again.time - first[0] >= 2


def test_refusals_are_set_aside_with_their_reason(ship, tmp_path):
    def answer(received):
        bad = pprof.read_bytes(received.body).total in (2, 4)
        return (400, {}, b"profile is malformed: s3cret-token") if bad else (200, {}, b"{}")

    with Backend(answer) as backend:
        run = ship(profefe(backend, token="s3cret-token"))
        sent = numbered(5)
        run.add(*sent)
        run.wait_figure("main", "sent", 3)
        run.wait_figure("main", "failed", 2)
        assert numbers(backend.taken()) == [1, 3, 5] and len(backend.received) == 5
    kept = sorted((tmp_path / "spool/main/refused").iterdir())
    assert sorted(path.read_bytes() for path in kept if path.suffix == ".gz") == sorted([sent[1], sent[3]])
    assert {path.read_text() for path in kept if path.suffix == ".txt"} == {
        "HTTP 400: profile is malformed: [hidden]\n"}


def test_a_dead_target_costs_the_others_nothing(ship):
    """One hangs, one sends a body without end, one refuses connections: the healthy one gets all at once."""
    hanging = threading.Event()

    def endless(received):
        received.socket.sendall(b"HTTP/1.1 503 no\r\nContent-Type: text/plain\r\n\r\n")
        try:
            while not hanging.is_set():
                received.socket.sendall(b"x" * 65536)
        except OSError:
            pass

    with Backend() as good, Backend(lambda received: hanging.wait(30) and None) as hung, Backend(endless) as babbler:
        run = ship(profefe(hung, "hung", timeout=20), profefe(babbler, "babbler"),
                   target("refused", "profefe", f"http://127.0.0.1:{free_port()}"), profefe(good, "good"))
        before = run.memory()
        run.add(*numbered(200))
        run.wait_figure("good", "sent", 200, 15)
        assert numbers(good.taken()) == list(range(1, 201))
        for name in ("hung", "babbler", "refused"):
            assert run.figures[name]["sent"] == 0 and run.figures[name]["dropped"] == 0
        assert run.memory() < before + 30 * 10**6
        hanging.set()


def test_sigkill_loses_nothing_that_was_acknowledged(ship, long):
    """Killed again and again while it spools and sends: all that it had said to have arrives."""
    with Backend() as backend:
        run = ship(profefe(backend))
        acknowledged, sent = set(), {}
        for round in range(100 if long else 6):
            first = run._id
            for n in range(20):
                sent[run.put(profile([(("work", "main"), first + n + 1)]))] = first + n + 1
                if n == round % 20:
                    wait_until(lambda: run.stored > n // 2, "an acknowledgement")
            taken = run.stored
            run.restart()
            acknowledged |= {first + n + 1 for n in range(taken)}
        wait_until(lambda: acknowledged <= set(numbers(backend.taken())), "all that was acknowledged", 30)
        assert set(numbers(backend.taken())) <= set(sent.values())


def test_the_backlog_outlives_the_process_and_the_disk_holds_no_credentials(ship, tmp_path):
    port = free_port()
    run = ship(target("main", "profefe", f"http://127.0.0.1:{port}", token="s3cret-token",
                      headers=["X-Key: s3cret-header"]))
    run.add(*numbered(30))
    run.restart()
    for path in (tmp_path / "spool").rglob("*"):
        if path.is_file():
            assert b"s3cret" not in path.read_bytes(), path
    for file in ("cmdline", "environ"):
        assert b"s3cret" not in Path(f"/proc/{run.process.pid}/{file}").read_bytes()
    with Backend(port=port) as backend:
        run.wait_figure("main", "sent", 30)
        assert numbers(backend.taken()) == list(range(1, 31))


def test_a_full_spool_drops_the_oldest_and_counts_them(ship):
    port = free_port()
    run = ship(target("main", "profefe", f"http://127.0.0.1:{port}", spool=1_000_000))
    stack = tuple(os.urandom(2000).hex() for _ in range(5))
    sent = [profile([(stack, n + 1)]) for n in range(300)]
    run.add(*sent)
    run.wait_figure("main", "dropped", 1)
    with Backend(port=port) as backend:
        wait_until(lambda: run.figures["main"]["sent"] + run.figures["main"]["dropped"] >= 300, "the rest", 30)
        arrived = numbers(backend.taken())
    assert run.figures["main"]["sent"] + run.figures["main"]["dropped"] == 300
    assert arrived == list(range(301 - len(arrived), 301)), "the newest"


def test_tls_with_client_certificates(ship, tmp_path):
    """Certificates on both sides; a server of another authority is not trusted, and gets nothing."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "other").mkdir()
    mine, other = tls_files(tmp_path / "mine"), tls_files(tmp_path / "other")
    own = {"ca": mine["ca.pem"], "cert": mine["client.pem"], "key": mine["client.key"]}
    with Backend(tls=server_tls(tmp_path / "mine")) as backend, Backend(tls=server_tls(tmp_path / "other")) as foreign:
        run = ship(profefe(backend, "both", **own), profefe(backend, "nameless", ca=mine["ca.pem"]),
                   profefe(foreign, "foreign", **own),
                   profefe(backend, "other", **{**own, "ca": other["ca.pem"]}))
        run.add(profile(STACKS))
        run.wait_figure("both", "sent", 1)
        wait_until(lambda: len(run.failures) >= 3, "the others' failures")
        assert len(backend.received) == 1 and not foreign.received
    assert all(run.figures[name]["sent"] == 0 for name in ("nameless", "foreign", "other"))


def test_names_are_looked_up(ship):
    """A name within the sandbox; one that cannot be looked up keeps its profiles."""
    with Backend() as backend:
        run = ship(target("named", "profefe", f"http://localhost:{backend.port}"),
                   target("nobody", "profefe", f"http://{'x' * 64}.invalid:1"))
        run.add(profile(STACKS))
        run.wait_figure("named", "sent", 1)
        run.wait_failure()
    assert run.figures["nobody"]["sent"] == 0 and run.figures["nobody"]["dropped"] == 0


def test_it_runs_without_privileges(ship):
    with Backend() as backend:
        status = Path(f"/proc/{ship(profefe(backend)).process.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["CapEff"].strip("0") == "" and fields["CapBnd"].strip("0") == ""
    assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"
    assert "0" not in fields["Uid"].split() and fields["Groups"].strip() == ""


def test_another_configuration_ends_it_in_order(ship):
    with Backend() as backend:
        run = ship(profefe(backend))
        run.configure(profefe(backend))
        run.add(profile(STACKS))
        assert run.process.poll() is None
        run.configure(profefe(backend, spool=2_000_000))
        assert run.process.wait(20) == 0


@pytest.mark.requires("bpf")
def test_the_service_ships_what_it_stores(service, tmp_path):
    """`pprofd run` with two targets, one of them dead: what arrives is what the store has."""
    with Backend() as backend, start_workload(workload("burn"), 0) as burn:
        run = service(f"""
frequency = 99
window = "1s"
[labels]
env = "test"
[spool]
path = "{tmp_path}/spool"
[[ship]]
type = "profefe"
url = "{backend.url}"
include = ["pid:{burn.pid}"]
[[ship]]
type = "profefe"
name = "dead"
url = "http://127.0.0.1:{free_port()}"
""").wait_started()
        backend.wait_taken(2)
        wait_until(lambda: run.metric("pprofd_ship_sent_total") >= 2, "the count")
        assert run.metric("pprofd_ship_spool_bytes") > 0 and run.metric("pprofd_ship_dropped_total") == 0
        run.stop()
        shipped = {each.body for each in backend.taken()}
    stored = {p.time_nanos: p for p in run.profiles() if p.facts["pid"] == str(burn.pid)}
    for body in shipped:
        mine = pprof.read_bytes(body)
        assert mine.total == stored[mine.time_nanos].total
        assert mine.function_names() == stored[mine.time_nanos].function_names()
    assert all("env=test" in each.query["labels"][0].split(",") for each in backend.taken())
    assert "msg=\"the process that ships has trouble\"" in run.log and "profiles wait in the spool" in run.log


@pytest.mark.long
@pytest.mark.requires("bpf")
def test_a_reload_adds_and_takes_away_targets(service, tmp_path):
    text = f'window = "1s"\n[spool]\npath = "{tmp_path}/spool"\n'
    with Backend() as first, Backend() as second:
        run = service(text).wait_started()
        assert run.request("/metrics")[1].count(b"pprofd_ship") == 0
        for backend in (first, second):
            run.configure(text + f'[[ship]]\ntype = "profefe"\nurl = "{backend.url}"\n')
            run.process.signal(signal.SIGHUP)
            backend.wait_taken(1, 60)
        run.stop()


@pytest.mark.long
@pytest.mark.requires("bpf")
def test_a_profile_over_which_the_process_ends_is_counted(service, tmp_path):
    """One that three processes did not live to take is given up for shipping, and the store has it."""
    with Backend() as backend, start_workload(workload("burn"), 0) as burn:
        run = service(f"""
window = "1s"
[spool]
path = "{tmp_path}/spool"
[[ship]]
type = "profefe"
url = "{backend.url}"
include = ["pid:{burn.pid}"]
""").wait_started()
        wait_until(lambda: run.metric("pprofd_ship_sent_total") >= 1, "a profile that was sent")
        assert run.metric("pprofd_ship_dropped_total") == 0

        def killed_until_one_is_dropped():
            for pid in children_called(run.pid, "pprofd: ship"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return run.metric("pprofd_ship_dropped_total") >= 1

        wait_until(killed_until_one_is_dropped, "the count of dropped profiles", 60)
        run.stop()
    assert of(run.profiles(), burn.pid)

"""`pprofd: serve`, the process that faces the network: HTTP on the store, clients of every kind."""
import base64
import contextlib
import gzip
import json
import os
import random
import resource
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest
from harness import readers
from harness.processes import wait_until
from harness.serve import Serve, answer, data, event, process_metrics, profile, read_all, wait_closed, window
from harness.ship import tls_files

SECOND = 10**9
MINUTE = 60 * SECOND


@pytest.fixture
def start(tmp_path):
    with contextlib.ExitStack() as stack:
        def begin(**options):
            serve = Serve(tmp_path, **options)
            stack.callback(serve.close)
            return serve
        yield begin


@pytest.fixture
def serve(start):
    return start()


def plain(nanos):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanos / 1e9))


def get_json(serve, path):
    status, headers, body = serve.request(path)
    assert status == 200, body
    assert headers["Content-Type"] == "application/json"
    return json.loads(body)


def fill(serve):
    """Two services, ten minutes: `work` takes twice as much in the second half."""
    messages = []
    for minute in range(10):
        when = serve.now - (10 - minute) * MINUTE
        new = minute >= 5
        for pid, service in ((11, "checkout"), (12, "cart")):
            stacks = [(("work", "main"), 400 if new else 200), (("idle", "main"), 100)]
            count = sum(n for _, n in stacks)
            messages.append(window(
                profile(stacks, time_nanos=when, comments=[
                    f"pid={pid}", "frequency=100", f"stacks.complete={count - 1}",
                    "stacks.incomplete.no_row=1", "samples.dropped.ring_full=2"]),
                time_nanos=when, service=service, samples=count, value=count * 10**7,
                labels={"pid": str(pid), "comm": service, "exe": "/usr/bin/app",
                        "version": "2" if new else "1", "build_id": "bb" if new else "aa"}))
    serve.add(*messages)
    serve.send(process_metrics(serve.now - MINUTE, [(11, 5, "checkout", "checkout", 30 * SECOND, 10**8)]))
    serve.send(event(serve.now - MINUTE, "restart", "checkout restarted"))


def test_stored_windows_are_shown_as_flame_graph_table_difference_and_series(serve):
    """Every view answers with the numbers that were put in."""
    fill(serve)
    graph = get_json(serve, "/api/v1/flamegraph?labels=service%3Dcheckout")
    assert graph["profiles"] == 10 and graph["samples"] == 5 * 300 + 5 * 500
    assert graph["total"] == graph["samples"] * 10**7 and graph["unit"] == "nanoseconds"
    assert graph["stacks"] == {"complete": 3990, "incomplete": {"no_row": 10}}
    assert graph["dropped"] == {"ring_full": 20}
    names = {f["name"] for f in graph["functions"]}
    assert {"work", "idle", "main"} <= names

    top = get_json(serve, "/api/v1/top?limit=2")
    assert [(f["name"], f["self"] // 10**7) for f in top["functions"]] == [("work", 6000), ("idle", 2000)]
    focus = get_json(serve, "/api/v1/top?focus=id.e")
    assert [f["name"] for f in focus["functions"]] == ["idle", "main"]

    half = (serve.now - 5 * MINUTE) / 1e9
    diff = get_json(serve, f"/api/v1/diff?from={half + 1}&base_from=-10m1s&base_to={half - 61}")
    changed = {diff["functions"][c["function"]]["name"]: c for c in diff["functions_changed"]}
    assert changed["work"]["share"] == pytest.approx(0.8)
    assert changed["work"]["base_share"] == pytest.approx(2 / 3, abs=1e-5)
    assert changed["work"]["significant"]
    low, high = changed["work"]["interval"]
    assert low < 0.8 - 2 / 3 < high

    series = get_json(serve, "/api/v1/processes")
    assert [s["labels"]["version"] for s in series["series"]] == ["2", "2", "1", "1"]
    first = series["series"][0]
    assert first["samples"] == 2500 and first["value"] == 2500 * 10**7
    # The points add up to the CPU time.
    assert sum(share for _, share in first["points"]) * series["step"] == pytest.approx(25, rel=0.01)
    wait_until(lambda: get_json(serve, "/api/v1/processes")["events"], "the event")
    assert get_json(serve, "/api/v1/processes")["events"][0]["text"] == "checkout restarted"

    metrics = wait_until(lambda: get_json(serve, "/api/v1/metrics")["series"], "metrics")
    assert metrics[0]["comm"] == "checkout" and metrics[0]["points"]["cpu"] == [0.5]
    assert metrics[0]["points"]["rss"] == [1e8]

    assert set(get_json(serve, "/api/v1/labels")["labels"]) >= {"service", "pid", "comm", "version"}
    assert get_json(serve, "/api/v1/label/service/values")["values"] == ["cart", "checkout"]
    found = get_json(serve, "/api/v1/regressions")["services"]
    assert [s["service"] for s in found] == ["cart", "checkout"]
    assert found[0]["base_version"] == "1" and found[0]["version"] == "2"
    assert "work" in [f["name"] for f in found[0]["functions"]]


def test_downloads_are_what_pprof_reads(serve, tmp_path):
    """A merged range as pprof and folded; go tool pprof takes the URL itself, and two as a difference."""
    fill(serve)
    status, _, body = serve.request("/api/v1/profile?labels=service%3Dcart")
    assert status == 200
    path = tmp_path / "merged.pb.gz"
    path.write_bytes(body)
    readers.check_accepted([path])
    flat, cumulative = readers.top(path)["work"]
    assert (flat, cumulative) == (3000, 3000)
    status, _, body = serve.request("/api/v1/profile?format=folded&labels=service%3Dcart")
    assert status == 200 and b"main;work 30000000000\n" in body
    merge = (f"/api/0/profiles/merge?service=cart&type=cpu&from={plain(serve.now - 20 * MINUTE)}"
             f"&to={plain(serve.now)}")
    scratch = {**os.environ, "PPROF_TMPDIR": str(tmp_path)}
    text = subprocess.run([readers.go_tool_pprof(), "-top", "-base", serve.url(merge), serve.url(merge)],
                          capture_output=True, text=True, timeout=60, env=scratch)
    assert text.returncode == 0, text.stderr
    assert "Showing nodes accounting for 0" in text.stdout


def test_go_tool_pprof_takes_a_profile_of_now(serve, tmp_path):
    """/debug/pprof/profile goes to the daemon with its filters, and its answer back to go tool pprof."""
    serve.take_profile = lambda id, fields: serve.send(answer(id, profile([(("hot", "main"), 7)])))
    text = subprocess.run(
        [readers.go_tool_pprof(), "-top", serve.url("/debug/pprof/profile?pid=1&seconds=1&hz=99&comm=a%20b")],
        capture_output=True, text=True, timeout=60, env={**os.environ, "PPROF_TMPDIR": str(tmp_path)})
    assert text.returncode == 0, text.stderr
    assert "hot" in text.stdout
    fields = dict(serve.asked[0][1])
    assert fields[2] == SECOND and fields[3] == 99 and fields[5] == b"a b"
    assert b"\x01" in (fields[4] if isinstance(fields[4], bytes) else bytes([fields[4]]))


def test_the_daemons_refusal_reaches_the_client_in_gos_words(serve):
    serve.take_profile = lambda id, fields: serve.send(answer(id, "there is no process 77", 404))
    status, headers, body = serve.request("/debug/pprof/profile?pid=77&seconds=1")
    assert (status, headers["X-Go-Pprof"], body) == (404, "1", b"there is no process 77\n")
    assert headers["Content-Type"].startswith("text/plain")
    for path in ("heap", "block", "mutex", "allocs", "threadcreate"):
        assert serve.request("/debug/pprof/" + path)[0] == 501
    for query in ("seconds=-1", "seconds=1e9", "seconds=x", "pid=0", "pid=x", "hz=5001", "seconds=nan"):
        status, headers, body = serve.request("/debug/pprof/profile?" + query)
        assert status == 400 and headers["X-Go-Pprof"] == "1" and body.count(b"\n") == 1


def test_a_client_that_goes_cancels_its_profile_and_may_have_one_at_a_time(serve):
    with socket.create_connection(("127.0.0.1", serve.port)) as client:
        client.sendall(b"GET /debug/pprof/profile?seconds=100 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: serve.asked, "the request at the daemon")
        status, _, body = serve.request("/debug/pprof/profile?seconds=1")
        assert status == 429 and b"already" in body
    wait_until(lambda: [kind for kind, _ in serve.asked] == ["profile", "cancel"], "the cancellation")
    serve.take_profile = lambda id, fields: serve.send(answer(id, b"later"))
    assert serve.request("/debug/pprof/profile?seconds=1")[2] == b"later"


def test_profefes_clients_push_list_fetch_and_merge(serve):
    """The replies that profefe's own server gives (facts measured on it)."""
    query = "/api/0/profiles?service=api&type=cpu&labels=" + urllib.parse.quote("zone=a%2Cb,k=v")
    for body in (profile([(("f", "g"), 3)]), gzip.decompress(profile([(("f", "g"), 4)]))):
        status, _, reply = serve.request(query, "POST", body)
        reply = json.loads(reply)
        assert status == 200 and reply["code"] == 200
        assert reply["body"]["service"] == "api" and reply["body"]["type"] == "cpu"
        assert reply["body"]["labels"] == [{"key": "k", "value": "v"}, {"key": "zone", "value": "a,b"}]
    span = f"from={plain(serve.now - MINUTE)}&to={plain(serve.now + 5 * MINUTE)}"
    found = get_json(serve, f"/api/0/profiles?service=api&{span}")["body"]
    assert len(found) == 2
    one = serve.request("/api/0/profiles/" + found[0]["id"])
    assert one[0] == 200 and b"app.cc" in gzip.decompress(one[2])
    both = serve.request("/api/0/profiles/" + found[0]["id"] + "+" + found[1]["id"])
    assert both[0] == 200
    merged = serve.request(f"/api/0/profiles/merge?service=api&type=cpu&{span}")
    assert merged[0] == 200 and gzip.decompress(merged[2])
    assert get_json(serve, "/api/0/services")["body"] == ["api"]
    assert "version" in get_json(serve, "/api/0/version")["body"]
    assert serve.request(f"/api/0/profiles?service=nobody&{span}")[0] == 404
    for query, body in (("service=api&type=wall", profile([(("f",), 1)])), ("type=cpu", b"x"),
                        ("service=api&type=cpu", b""), ("service=api&type=cpu", b"junk"),
                        ("service=api&type=cpu", profile([])),
                        ("service=api&type=cpu&created_at=2026-01-01T00:00:00Z", profile([(("f",), 1)]))):
        status, _, reply = serve.request("/api/0/profiles?" + query, "POST", body)
        assert status == 400 and json.loads(reply)["error"], query


def test_gzip_bombs_and_long_bodies_are_refused(serve):
    """A bomb costs a bounded time and memory; 100 MB are refused by their announced length."""
    bomb = gzip.compress(b"\0" * (200 << 20), 9)
    before = memory_of(serve)
    status, _, reply = serve.request("/api/0/profiles?service=a&type=cpu", "POST", bomb)
    assert status == 400 and b"64 MB" in reply
    assert memory_of(serve) - before < 200 << 20
    with socket.create_connection(("127.0.0.1", serve.port), timeout=20) as client:
        client.sendall(b"POST /api/0/profiles?service=a&type=cpu HTTP/1.1\r\nHost: localhost\r\n"
                       b"Content-Length: 104857600\r\n\r\n" + b"x" * 100_000)
        assert b" 413 " in read_all(client)
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", serve.port), timeout=20) as client:
        client.sendall(b"POST /api/0/profiles?service=a&type=cpu HTTP/1.1\r\nHost: localhost\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                client.sendall(chunk)
        assert b" 413 " in read_all(client)
    assert serve.request("/-/healthy")[0] == 200


def memory_of(serve):
    status = open(f"/proc/{serve.process.pid}/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_foreign_pages_cannot_ask(serve):
    """DNS rebinding (Host), other sites' scripts (Origin) and images (Sec-Fetch-Site) get 403."""
    for headers in ({"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Host": ""},
                    {"Host": "localhost.evil.example:80"},
                    {"Origin": "http://evil.example"}, {"Origin": "null"},
                    {"Origin": f"http://localhost:{serve.port + 1}"},
                    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}):
        for path in ("/api/v1/labels", "/debug/pprof/profile?seconds=1", "/"):
            status, _, body = serve.request(path, headers=headers)
            assert status == 403, (headers, path)
    assert not serve.asked
    for headers in ({"Host": "localhost"}, {"Host": f"[::1]:{serve.port}"}, {},
                    {"Origin": f"http://127.0.0.1:{serve.port}"},
                    {"Sec-Fetch-Site": "same-origin"}):
        assert serve.request("/api/v1/labels", headers=headers)[0] == 200, headers
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert serve.request("/", headers=link)[0] == 200
    assert serve.request("/debug/pprof/profile?seconds=1", headers=link)[0] == 403


def test_no_parameter_is_a_path(serve, tmp_path):
    """Traversal in every parameter and in the path reads nothing from outside the store."""
    fill(serve)
    (tmp_path / "secret").write_text("SECRET")
    ways = ["../secret", "../../secret", "..%2f..%2fsecret", "/etc/passwd", "%2e%2e/secret",
            "....//secret", "..\\secret", "..%00/secret", "%c0%ae%c0%ae/secret"]
    paths = ["/{}", "/api/0/profiles/{}", "/api/v1/label/{}/values", "/debug/pprof/{}",
             "/api/v1/flamegraph?labels=service%3D{}", "/api/v1/flamegraph?type={}",
             "/api/v1/flamegraph?from={}", "/api/v1/top?focus={}", "/api/v1/profile?format={}",
             "/api/0/profiles?service={0}&from={0}&to={0}"]
    for path in paths:
        for way in ways:
            reply = serve.raw(f"GET {path.format(way)} HTTP/1.1\r\nHost: localhost\r\n"
                              "Connection: close\r\n\r\n".encode())
            assert reply.startswith(b"HTTP/1.1 "), (path, way)
            assert b"SECRET" not in reply and b"root:" not in reply
            assert not reply.startswith(b"HTTP/1.1 500"), (path, way, reply)
    assert serve.alive()


def test_half_open_connections_do_not_delay_a_request(serve):
    """1,000 connections of which 100 have sent half a request: a request takes as long as without."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    alone = sorted(timed(lambda: serve.request("/-/healthy")) for _ in range(50))[25]
    with contextlib.ExitStack() as stack:
        for i in range(1000):
            client = socket.create_connection(("127.0.0.1", serve.port), timeout=10)
            stack.callback(client.close)
            if i < 100:
                client.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: loc")
        times = sorted(timed(lambda: serve.request("/api/v1/labels")) for _ in range(50))
        print(f"alone {alone * 1e3:.2f} ms, with 1,000: p50 {times[25] * 1e3:.2f} ms, "
              f"max {times[-1] * 1e3:.2f} ms")
        assert times[-1] < max(0.5, 20 * alone)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def timed(call):
    start = time.monotonic()
    assert call()[0] == 200
    return time.monotonic() - start


def test_more_connections_than_the_limit_push_out_those_that_wait(serve):
    """2,500 silent connections cannot keep a client out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with contextlib.ExitStack() as stack:
        for _ in range(2500):
            stack.callback(socket.create_connection(("127.0.0.1", serve.port), timeout=10).close)
        for _ in range(20):
            assert timed(lambda: serve.request("/-/healthy")) < 2
        text = serve.request("/metrics")[2].decode()
        evicted = [line for line in text.splitlines() if line.startswith("pprofd_http_evictions_total")]
        assert int(evicted[0].split()[1]) >= 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_client_that_sends_a_byte_now_and_then_is_cut(serve):
    """Slowloris: the deadline is for the whole header, not for the next byte."""
    with socket.create_connection(("127.0.0.1", serve.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        stop = threading.Event()

        def drip():
            while not stop.wait(0.5):
                try:
                    client.sendall(b"X")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        took = wait_closed(client, 25)
        stop.set()
        thread.join()
        assert took is not None and 5 < took < 15


def test_hostile_bytes_are_answered_or_cut(serve):
    """Random damage to requests: an answer in HTTP or a closed connection, and a server that lives."""
    fill(serve)
    randomness = random.Random(17)
    seeds = [b"GET /api/v1/flamegraph?from=-1h&to=now&labels=service%3Da HTTP/1.1\r\nHost: localhost\r\n\r\n",
             b"POST /api/0/profiles?service=a&type=cpu HTTP/1.1\r\nHost: localhost\r\n"
             b"Content-Length: 5\r\n\r\nhello",
             b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
             b"5\r\nhello\r\n0\r\n\r\n"]
    for _ in range(300):
        request = bytearray(randomness.choice(seeds))
        for _ in range(randomness.randrange(1, 6)):
            request[randomness.randrange(len(request))] = randomness.randrange(256)
        reply = serve.raw(bytes(request), timeout=8)
        assert not reply or reply.startswith(b"HTTP/1."), request
    long = serve.raw(b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 431 " in long.split(b"\r\n")[0]
    smuggled = serve.raw(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert b" 400 " in smuggled.split(b"\r\n")[0]
    assert serve.request("/-/healthy")[0] == 200


def test_the_unix_socket_and_the_metrics_listener(start):
    """The socket's mode decides who uses it; metrics come from both processes; the metrics listener
    has nothing else."""
    serve = start(metrics=True)
    text = subprocess.run(["curl", "-s", "--unix-socket", serve.socket_path, "http://any.example/metrics"],
                          capture_output=True, text=True, timeout=20).stdout
    assert "pprofd_store_bytes " in text and 'pprofd_samples_total{result="written"} 5' in text
    serve.port = serve.metrics_port
    assert serve.request("/metrics", headers={"Host": "node1:7172"})[0] == 200
    assert serve.request("/-/ready", headers={"Host": "node1:7172"})[0] == 200
    assert serve.request("/api/v1/labels", headers={"Host": "node1:7172"})[0] == 404
    assert serve.request("/debug/pprof/profile", headers={"Host": "node1:7172"})[0] == 404


def test_metrics_come_though_the_daemon_does_not_answer(start):
    serve = start()
    serve.answers["metrics"] = None
    status, _, body = serve.request("/metrics")
    assert status == 200 and b"pprofd_store_bytes" in body


def test_reload_goes_to_the_daemon(serve):
    assert serve.request("/-/reload")[0] == 405
    assert serve.request("/-/reload", "POST")[:1] == (200,)
    serve.answers["reload"] = ("line 3: unknown key", 400)
    status, _, body = serve.request("/-/reload", "POST")
    assert status == 400 and b"line 3" in body


def test_without_privileges_with_a_list_of_system_calls(serve):
    """The process has no capability, cannot get one, and is called what it is."""
    status = dict(line.split(":\t", 1) for line in
                  open(f"/proc/{serve.process.pid}/status").read().splitlines() if ":\t" in line)
    assert status["CapEff"] == status["CapPrm"] == "0000000000000000"
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert status["Name"] == "pprofd: serve"
    if os.geteuid() == 0:
        assert status["Uid"].split()[0] != "0"
        assert os.stat(serve.store).st_uid == int(status["Uid"].split()[0])
    command = open(f"/proc/{serve.process.pid}/cmdline", "rb").read()
    assert command.startswith(b"pprofd: serve\0")


def test_the_process_ends_with_its_daemon_and_keeps_what_was_stored(start, tmp_path):
    serve = start()
    fill(serve)
    serve.link.shutdown(socket.SHUT_RDWR)
    assert serve.process.wait(20) == 0
    again = start()
    assert get_json(again, "/api/v1/flamegraph")["profiles"] == 20
    again.process.kill()
    again.process.wait()
    assert get_json(start(), "/api/v1/flamegraph")["profiles"] == 20


def test_a_damaged_profile_is_set_aside_and_said(serve):
    fill(serve)
    victim = sorted(serve.store.rglob("*.pb.gz"))[0]
    content = bytearray(victim.read_bytes())
    content[-40:-20] = b"\xee" * 20
    victim.write_bytes(content)
    assert get_json(serve, "/api/v1/flamegraph")["profiles"] == 19
    wait_until(lambda: victim.with_name(victim.name + ".damaged").exists(), "the file set aside")
    wait_until(lambda: any("set aside" in f[2] for f in serve.failures), "the daemon to be told")
    assert get_json(serve, "/api/v1/processes")["series"]


# What `htpasswd -nbB -C 5 lena correct-horse` makes.
def bcrypt(password):
    import crypt  # Python 3.11 has it
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2**5))


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_users_and_tokens_are_asked_for(start):
    """With credentials configured nothing is answered without them, and a reload changes them."""
    token = "t0ken" * 8
    users = data(9, "# users\nlena:" + bcrypt("correct-horse") + "\n")
    serve = start(configuration=users + data(10, token + "\n"))
    status, headers, _ = serve.request("/api/v1/labels")
    assert status == 401 and "Basic" in headers["WWW-Authenticate"]
    for headers in (basic("lena", "wrong"), basic("nobody", "correct-horse"), basic("lena", ""),
                    {"Authorization": "Bearer wrong"}, {"Authorization": "Basic ???"},
                    {"Authorization": "Bearer " + token[:-1]}, {"Authorization": "Basic " + "A" * 5000}):
        assert serve.request("/api/v1/labels", headers=headers)[0] == 401, headers
    for headers in (basic("lena", "correct-horse"), {"Authorization": "Bearer " + token},
                    {"Authorization": "bearer " + token}):
        assert serve.request("/api/v1/labels", headers=headers)[0] == 200, headers
    serve.send(data(4, serve.settings + data(10, "another-token-of-length\n")))
    wait_until(lambda: serve.request("/api/v1/labels", headers=basic("lena", "correct-horse"))[0] == 401,
               "the reload")


def test_a_reload_takes_nothing_from_a_listener_that_faces_the_network(start, tmp_path):
    """Neither its authentication nor its TLS, whatever the addresses of the new configuration are."""
    files = tls_files(tmp_path)
    tls = data(6, files["server.pem"]) + data(7, files["server.key"])
    tokens = data(10, "a-token-of-many-letters\n")
    serve = start(address="0.0.0.0", configuration=tls + tokens)

    def status():
        curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(tmp_path / "ca.pem"),
                f"https://127.0.0.1:{serve.port}/api/v1/labels"]
        return subprocess.run(curl, capture_output=True, text=True, timeout=30).stdout

    assert status() == "401"
    for changed, says in ((tls, "no authentication"), (tls + data(10, "# none\n"), "there are none in the file"),
                          (tls + data(9, "# none\n"), "there are none in the file"), (tokens, "had TLS")):
        said = len(serve.failures)
        serve.send(data(4, serve.settings + changed))
        wait_until(lambda: len(serve.failures) > said, "the refusal")
        assert says in serve.failures[-1][2]
        assert status() == "401"


def test_tls_with_client_certificates(start, tmp_path):
    """TLS 1.2 and newer; without a certificate of the authority there is no handshake."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True, capture_output=True, timeout=60)

    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            "server.key", "-out", "server.pem", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            "client.key", "-out", "client.csr", "-subj", "/CN=client")
    openssl("x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "client.pem",
            "-days", "2", "-CAcreateserial")
    serve = start(configuration=data(6, (tmp_path / "server.pem").read_bytes())
                  + data(7, (tmp_path / "server.key").read_bytes())
                  + data(8, (tmp_path / "ca.pem").read_bytes()))
    base = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", "server.pem"]
    url = f"https://127.0.0.1:{serve.port}/api/v1/labels"

    def curl(*words):
        return subprocess.run([*base, *words, url], cwd=tmp_path, capture_output=True, text=True,
                              timeout=30).stdout

    with_certificate = ["--cert", "client.pem", "--key", "client.key"]
    assert curl(*with_certificate) == "200"
    assert curl(*with_certificate, "--tls-max", "1.2") == "200"
    assert curl(*with_certificate, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0") == "000"
    assert curl() == "000"
    assert curl("--cert", "other.pem", "--key", "other.key") == "000"
    assert serve.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")[:4] != b"HTTP"

"""The service answers: its windows over HTTP, profiles that are taken now, and what it does when the process
that faces the network dies."""
import contextlib
import os
import re
import signal
import socket
import subprocess

import pytest
from harness import pprof, readers, validity
from harness.paths import PPROFD, workload
from harness.processes import (Process, children_called, children_of, is_alive, run as run_program, start_workload,
                               wait_until)
from harness.service import UnixConnection, of

pytestmark = pytest.mark.requires("bpf")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def parse(body, merged=False):
    profile = pprof.read_bytes(body)
    validity.check(profile, merged=merged)
    return profile


def profilers(run):
    """The processes that take a profile now."""
    return children_called(run.pid, "pprofd: profile")


def test_windows_are_shown(service):
    """A busy program is there by its service's name, with its functions, its CPU time and its samples, and
    /metrics counts the same samples."""
    with start_workload(workload("burn"), 0) as target:
        run = service("frequency = 199\nwindow = \"1s\"\n[labels]\nenv = \"test\"").wait_started()
        run.wait_windows(4)
        graph = run.json("/api/v1/flamegraph?labels=service%3Dburn,env%3Dtest")
        names = run.json("/api/v1/label/service/values")
        metrics = run.request("/metrics")[1].decode()
        run.stop()
        mine = of(run.profiles(), target.pid)
    assert "burn" in str(names)
    assert graph["samples"] > 200 and "burn_cpu" in str(graph)
    assert graph["samples"] <= sum(p.total for p in mine)
    for name in ("pprofd_samples_total", "pprofd_store_bytes", "pprofd_processes", "pprofd_bpf_run_seconds_total",
                 "pprofd_window_processing_seconds_count", "pprofd_symbolization_seconds_count"):
        assert sum(float(value) for value in re.findall(rf"(?m)^{name}\b.* (\S+)$", metrics)) > 0, name


def test_go_tool_pprof_takes_a_profile(service, tmp_path):
    """`go tool pprof URL` of a process: samples at the wanted frequency, of that process alone."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(start_workload(workload("burn"), 0))
        other = stack.enter_context(start_workload(workload("three_functions"), 600))
        service("window = \"1h\"", "--http.listen", f"127.0.0.1:{port}").wait_started()
        url = f"http://127.0.0.1:{port}/debug/pprof/profile?seconds=2&hz=250&pid={target.pid}"
        out = tmp_path / "taken.pb.gz"
        run_program([readers.go_tool_pprof(), "-proto", f"-output={out}", url], seconds=60,
                    env={**os.environ, "PPROF_TMPDIR": str(tmp_path)})
        profile = pprof.read(out)
    assert profile.cumulative("burn_cpu") > 200
    assert profile.facts["frequency"] == "250" and profile.facts["pid"] == str(target.pid)
    assert not profile.cumulative("alpha") and other.status is not None


def test_a_profile_of_the_machine(service):
    """Without a filter: every process, merged; by comm and by cgroup: those."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(start_workload(workload("burn"), 0))
        stack.enter_context(start_workload(workload("three_functions"), 600))
        run = service("window = \"1h\"").wait_started()
        status, body = run.request("/debug/pprof/profile?seconds=1&hz=199")
        assert status == 200, body
        everything = parse(body, merged=True)
        status, body = run.request("/debug/pprof/profile?seconds=1&hz=199&comm=burn")
        assert status == 200, body
        one = parse(body)
    assert everything.cumulative("burn_cpu") > 20 and everything.cumulative("alpha") > 20
    assert one.cumulative("burn_cpu") > 20 and not one.cumulative("alpha")


@pytest.mark.parametrize("query, status, says", [
    ("pid=4194303", 404, b"no process matched"),
    ("unit=none.service", 404, b"no process matched"),
    ("container=web", 400, b"container"),
    ("seconds=x", 400, b"seconds"),
    ("hz=1000000", 400, b"hz"),
])
def test_profiles_that_cannot_be(service, query, status, says):
    run = service("window = \"1h\"").wait_started()
    answer = run.request(f"/debug/pprof/profile?{query if 'seconds' in query else query + '&seconds=0.2'}")
    assert answer[0] == status and says in answer[1], answer


def test_a_client_that_goes_ends_its_profile(service):
    run = service("window = \"1h\"").wait_started()
    with contextlib.closing(UnixConnection(run.socket, 30)) as connection:
        connection.request("GET", "/debug/pprof/profile?seconds=300")
        wait_until(lambda: profilers(run), "the process that takes the profile")
    wait_until(lambda: not profilers(run), "its end")
    assert run.request("/-/healthy")[0] == 200


def test_the_end_of_serve_costs_no_sample(service, long):
    """Killed again and again, it is started again; every window is stored once, with all its samples."""
    with start_workload(workload("burn"), 0) as target:
        run = service("frequency = 99\nwindow = \"300ms\"").wait_started()
        kills = 6 if long else 3  # the pause before a start grows
        for _ in range(kills):
            seen = run.windows()
            os.kill(run.serve, signal.SIGKILL)
            wait_until(lambda: len(run.windows()) > len(seen) + 1, f"further windows:\n{run.log}", 60, 0.05)
        run.wait_log("started again")
        restarts = run.metric("pprofd_serve_restarts_total")
        run.stop()
        mine = of(run.profiles(), target.pid)
    assert restarts >= kills
    said = re.search(r"msg=stopped windows=\d+ samples=(\d+) not_targets=0 kernel_samples=(\d+)", run.log)
    assert said and said[1] == said[2], run.log
    assert len({p.time_nanos for p in mine}) == len(mine)
    assert sum(int(p.facts["samples.taken"]) for p in run.profiles(accepted=False)) == int(said[1]) or any(
        int(p.facts.get("host.samples.dropped.unattributed", 0)) for p in run.profiles(accepted=False))
    ends = [(p.time_nanos, p.time_nanos + p.duration_nanos) for p in mine]
    for (_, end), (begin, _) in zip(ends, ends[1:]):
        assert abs(begin - end) < 50e6, "a window is missing"


def test_ends_of_its_processes_are_shown(service):
    """A worker that is killed is an event of the page's chart."""
    run = service("window = \"1h\"").wait_started()

    os.kill(wait_until(lambda: children_called(run.pid, "pprofd: worker"), "a worker")[0], signal.SIGKILL)
    shown = wait_until(lambda: run.json("/api/v1/processes")["events"], "the event", 60)
    assert shown[0]["kind"] == "restart" and "ended and began again" in shown[0]["text"]


def test_its_processes_end_with_it(service):
    """SIGKILL of the daemon ends serve and what takes a profile, too."""
    run = service("window = \"1h\"").wait_started()
    with contextlib.closing(UnixConnection(run.socket, 30)) as connection:
        connection.request("GET", "/debug/pprof/profile?seconds=300")
        wait_until(lambda: profilers(run), "the process that takes the profile")
        children = children_of(run.pid)
        run.process.signal(signal.SIGKILL)
        run.process.wait(10)
        wait_until(lambda: not any(map(is_alive, children)), "the end of its processes")


def test_reload_over_http(service):
    run = service("window = \"1h\"").wait_started()
    run.configure("window = \"1h\"\nfrequncy = 3")
    status, body = run.request("/-/reload", "POST")
    assert status == 400 and b"did you mean" not in body and b"unknown key" in body, body
    run.configure("window = \"2h\"")
    assert run.request("/-/reload", "POST")[0] == 200
    run.wait_log("configuration reloaded")
    shown = wait_until(lambda: run.json("/api/v1/processes")["events"], "the event on the page")
    assert [(e["kind"], e["text"]) for e in shown] == [("configuration", "reloaded")]


def test_a_reload_that_its_processes_cannot_use_changes_nothing(service, tmp_path):
    """What only they can tell is told, and the configuration before stays, whoever has to be started again."""
    port = free_port()
    text = f"window = \"1h\"\n[spool]\npath = \"{tmp_path}/spool\"\n"
    run = service(text, "--http.listen", f"127.0.0.1:{port}").wait_started()
    (tmp_path / "closed").mkdir(mode=0o700)
    for name, content in (("tokens", "a-token-of-many-letters\n"), ("short", "short\n"), ("none", "# none\n")):
        (tmp_path / name).write_text(content)
    tokens = f"auth_token_file = \"{tmp_path}/tokens\"\n"
    for wrong, says in (
            (f"[http]\nauth_token_file = \"{tmp_path}/short\"\n", b"fewer than 16 characters"),
            (f"[http]\nauth_token_file = \"{tmp_path}/none\"\n", b"there are none in the file"),
            (f"[http]\n{tokens}tls_cert = \"{tmp_path}/none\"\ntls_key = \"{tmp_path}/none\"\n", b"http.tls_cert"),
            (f"[http]\n{tokens}[[ship]]\ntype = \"file\"\npath = \"{tmp_path}/closed/out\"\n", b"write to")):
        run.configure(text + wrong)
        status, body = run.request("/-/reload", "POST", seconds=60)
        assert status == 400 and says in body, body
    assert run_program(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                        f"http://127.0.0.1:{port}/api/v1/labels"]) == "200", "tokens of a refused configuration hold"
    assert run.log.count("configuration not reloaded") == 4 and "configuration reloaded" not in run.log
    os.kill(run.serve, signal.SIGKILL)
    run.wait_log("started again")
    wait_until(lambda: run.serve, "the next one")
    assert run.request("/-/healthy")[0] == 200
    run.configure(text + f"[http]\n{tokens}")
    assert run.request("/-/reload", "POST", seconds=60)[0] == 200


def refused(folder, *flags):
    config = folder / "pprofd.toml"
    config.write_text("")
    answer = subprocess.run([PPROFD, "run", "--config", config, *map(str, flags)], capture_output=True, text=True,
                            timeout=60)
    assert answer.returncode == 1, answer
    return answer.stderr


def test_it_does_not_start_where_it_cannot_serve(service, tmp_path):
    """An address or a store that another service has, credentials that are not there: one error, at once."""
    run = service("window = \"1h\"").wait_started()
    socket_here = f"unix:{tmp_path}/other"
    assert "another process listens there" in refused(
        tmp_path, "--store.path", tmp_path / "store", "--http.listen", f"unix:{run.socket}")
    said = refused(tmp_path, "--store.path", run.store, "--http.listen", socket_here)
    assert "another process of pprofd has it" in said and "hint: give each service a store of its own" in said
    (tmp_path / "closed").mkdir(mode=0o700)
    said = refused(tmp_path, "--store.path", tmp_path / "closed/store", "--http.listen", socket_here)
    assert f"open the store {tmp_path}/closed/store as the user " in said and "hint: set store.path" in said
    assert "http.auth_token_file" in refused(tmp_path, "--store.path", tmp_path / "store", "--http.listen",
                                             socket_here, "--http.auth_token_file", tmp_path / "none")


def test_tokens_are_asked_for(service, tmp_path):
    """With a token file TCP clients show a token; a reload takes the new ones."""
    port = free_port()
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-many-letters\n")
    run = service("window = \"1h\"", "--http.listen", f"127.0.0.1:{port}", "--http.auth_token_file",
                  tokens).wait_started()

    def status(token):
        return run_program(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                            f"Authorization: Bearer {token}", f"http://127.0.0.1:{port}/api/v1/labels"])
    assert status("wrong-token-of-letters") == "401" and status("a-token-of-many-letters") == "200"
    tokens.write_text("another-token-of-letters\n")
    run.process.signal(signal.SIGHUP)
    run.wait_log("configuration reloaded")
    wait_until(lambda: status("another-token-of-letters") == "200", "the new token")
    assert status("a-token-of-many-letters") == "401"


@pytest.mark.long
def test_use_of_the_machine_is_kept(service):
    """Each minute, what every process used: a busy one's CPU is near one core."""
    with start_workload(workload("burn"), 0) as target:
        run = service("window = \"10s\"").wait_started()

        def mine():
            return [each for each in run.json("/api/v1/metrics?from=-1h")["series"] if each["pid"] == target.pid]
        wait_until(mine, "the second reading of /proc", 200, 1)
        points = mine()[0]["points"]
        assert mine()[0]["service"] == "burn"
    assert 0.3 < points["cpu"][-1] < 1.1 and points["rss"][-1] > 0 and points["threads"][-1] == 1

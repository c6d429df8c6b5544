"""Code that a JIT compiler made has the names and lines that its jitdump tells of it."""
import os
import signal
import struct
import time

import pytest
from harness.paths import workload
from harness.processes import start_workload, wait_until

pytestmark = pytest.mark.requires("bpf")


def leaves(profile):
    """{(function, file, line): samples} of the innermost frames."""
    functions = {function.id: function for function in profile.functions}
    locations = {location.id: location for location in profile.locations}
    counts = {}
    for sample in profile.samples:
        for line in locations[sample.location_ids[0]].lines[:1]:
            function = functions[line.function_id]
            key = (function.name, function.file, line.line)
            counts[key] = counts.get(key, 0) + sample.values[0]
    return counts


def test_code_told_late_is_named_as_of_its_time(pprofd, tmp_path):
    """Of code that was replaced at its place, and of code that moved, samples have the name that held when they
    were taken, though the compiler told of all of it only afterwards."""
    with start_workload(workload("jit_dump"), tmp_path, env={"WORKLOAD_WAIT": "1"}) as target:
        run = pprofd.start("record", "-p", target.pid, "-F", 499).wait_started()
        target.signal(signal.SIGUSR1)
        assert target.read_line() == "told"
        profile = run.finish(20).succeed().profile
    found = leaves(profile)
    alpha = sum(count for key, count in found.items() if key[0] == "alpha")
    beta = sum(count for key, count in found.items() if key[0] == "beta")
    # Three times as long: alpha, beta, beta elsewhere.
    assert alpha + beta >= 0.9 * profile.total, found
    assert 0.2 * profile.total < alpha < 0.45 * profile.total, found
    # The loop's line; its first instruction, which sets the counter, is hardly ever met.
    assert found["alpha", "alpha.src", 11] >= 0.9 * alpha, found
    assert {key[1:] for key in found if key[0] == "beta"} == {("", 0)}


def header(pid):
    return struct.pack("<IIIIIIQQ", 0x4A695444, 1, 40, 62, 0, pid, 0, 0)


def load(pid, address, size, name):
    body = struct.pack("<IIQQQQ", pid, pid, address, address, size, 1) + name.encode() + b"\0" + bytes(size)
    return struct.pack("<IIQ", 0, 16 + len(body), time.monotonic_ns()) + body


def anonymous_code(target):
    with open(f"/proc/{target.pid}/maps") as maps:
        lines = [line for line in maps if " r-xp " in line and len(line.split()) == 5]
    return int(lines[0].split("-")[0], 16)


def test_jitdump_that_grows(pprofd, tmp_path):
    dump = tmp_path / "jit-1.dump"
    dump.write_bytes(header(1))
    with start_workload(workload("map_code"), "-", 0, 4096, dump) as target:
        run = pprofd.start("record", "-p", target.pid, "-F", 499).wait_started()
        code = anonymous_code(target)
        with dump.open("ab") as grown:
            grown.write(load(1, code + 2048, 16, "elsewhere"))
            grown.flush()
            whole = load(1, code, 1024, "JS:*work /app/main.js:7:3")
            grown.write(whole[:30])
            grown.flush()
            wait_until(lambda: seen(run.pid, dump), "the jitdump to be opened", seconds=20)
            grown.write(whole[30:])
        profile = run.finish(20).succeed().profile
    assert profile.self_count("JS:*work /app/main.js:7:3") >= 0.9 * profile.total
    assert "elsewhere" not in profile.function_names()


def seen(pid, path):
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(entry) == str(path):
                return True
        except OSError:  # closed meanwhile
            pass
    return False


@pytest.mark.parametrize("kind", ["of another user", "not a jitdump", "cut", "endless"])
def test_jitdump_that_is_none(pprofd, tmp_path, kind):
    """It costs the names that it cannot give, nothing else."""
    dump = tmp_path / "jit-1.dump"
    dump.write_bytes(header(1))
    with start_workload(workload("map_code"), "-", 0, 4096, dump) as target:
        forged = load(1, anonymous_code(target), 1024, "forged")
        with dump.open("ab") as file:
            if kind == "not a jitdump":
                file.truncate(0)
                file.write(os.urandom(1 << 20))
            elif kind == "cut":
                file.write(forged[:-1])
            elif kind == "endless":
                file.write(struct.pack("<IIQ", 3, 0, 0) + forged)
            else:
                file.write(forged)
                os.chown(dump, 65534, 65534)
        profile = pprofd.run("record", "-p", target.pid, "-F", 499, "-d", 1).succeed().profile
    assert profile.cumulative("call_mapped") >= 0.9 * profile.total
    assert "forged" not in profile.function_names()


SCRIPT = """
function inner(x) { let s = 0; for (let i = 0; i < 1000; i++) { s += (x * i) % 7; } return s; }
function outer(n) { let t = 0; for (let i = 0; i < n; i++) t += inner(i); return t; }
const end = Date.now() + 4000; let r = 0; while (Date.now() < end) r += outer(1000);
"""


@pytest.mark.long
@pytest.mark.requires("node")
def test_node_writes_a_jitdump(pprofd, tmp_path):
    """V8 writes through a buffer of two megabytes: most of it comes when the program ends."""
    script = tmp_path / "hot.js"
    script.write_text(SCRIPT)
    run = pprofd.run("record", "-F", 499, "--", "node", "--perf-prof", script)
    profile = run.succeed().profile
    # V8 inlines one into the other after a while.
    hot = [name for name in profile.function_names() if name.startswith("JS:") and "hot.js" in name]
    assert sum(profile.self_count(name) for name in hot) >= 0.8 * profile.total, hot

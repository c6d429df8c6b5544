"""Readers of profiles that others wrote: the Go distribution's `go tool pprof` and google/pprof at the
release that tests/peers/pprof pins."""
import concurrent.futures
import functools
import itertools
import os
import re
import subprocess
import tempfile

from .paths import ROOT, TOOLS

FILES_A_CALL = 100


@functools.cache
def go_tool_pprof():
    """The program behind `go tool pprof`."""
    go = TOOLS / "bin" / "go"
    answer = subprocess.run([go, "tool", "-n", "pprof"], capture_output=True, text=True, timeout=180)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()[0]


@functools.cache
def google_pprof():
    """google/pprof's own program, built once from the pinned module."""
    program = TOOLS / "bin" / "pprof"
    answer = subprocess.run(
        [TOOLS / "bin" / "go", "build", "-o", program, "github.com/google/pprof"],
        cwd=ROOT / "tests" / "peers" / "pprof", capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    return str(program)


def _run(program, mode, paths):
    with tempfile.TemporaryDirectory() as scratch:
        answer = subprocess.run(
            [program, mode, "-symbolize=none", *paths], capture_output=True, text=True, timeout=120,
            env={**os.environ, "PPROF_TMPDIR": scratch, "PPROF_BINARY_PATH": scratch})
    # With several files, one that can't be read is only a remark on stderr.
    remarks = [line for line in answer.stderr.splitlines()
               if line and not re.match(r"^(Main binary filename|Some binary filenames)", line)]
    assert answer.returncode == 0 and not remarks, f"{program} {mode}: {answer.stderr}"
    return answer.stdout


def check_accepted(paths):
    """Each file is accepted by both readers, raw and as a table of functions."""
    paths = [str(path) for path in paths]
    chunks = [paths[start : start + FILES_A_CALL] for start in range(0, len(paths), FILES_A_CALL)]

    def check(program, chunk, mode):
        text = _run(program, mode, chunk)
        assert ("flat" in text) if mode == "-top" else ("Samples:" in text and "Mappings" in text)

    calls = itertools.product((go_tool_pprof(), google_pprof()), chunks, ("-raw", "-top"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as several:
        for call in [several.submit(check, *each) for each in calls]:
            call.result()


def top(path):
    """{function: (flat, cumulative)} samples, as `go tool pprof -top` sees them."""
    text = subprocess.run(
        [go_tool_pprof(), "-top", "-sample_index=samples", "-nodecount=0", "-nodefraction=0",
         "-symbolize=none", str(path)], capture_output=True, text=True, timeout=60).stdout
    rows = {}
    for line in text.splitlines():
        found = re.match(r"^\s*(\d+)\s+[\d.]+%\s+[\d.]+%\s+(\d+)\s+[\d.]+%\s+(.*)$", line)
        if found:
            rows[found[3]] = (int(found[1]), int(found[2]))
    return rows

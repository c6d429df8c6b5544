"""`pprofd export`: profiles of ours and of others as rows of a table."""
import json
import subprocess

import pytest

from harness import readers
from harness.processes import start_workload
from harness.paths import workload
from harness.serve import profile

STACKS = [(("work", "handle", "main"), 7), (("wait", "main"), 2), (("work", "work", "main"), 1)]
COMMENTS = ("host=node-1", "service=checkout", "version=1.2", "pid=77", "comm=app", "env=prod", "samples.taken=10")


@pytest.fixture
def one(tmp_path):
    path = tmp_path / "one.profile"
    path.write_bytes(profile(STACKS, time_nanos=1_795_317_600 * 10**9, comments=COMMENTS))
    return path


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


def function_sums(rows):
    """{function: (self, with what it calls)}"""
    sums = {}
    for row in rows:
        for function in set(row["stack"]):
            own, total = sums.get(function, (0, 0))
            sums[function] = (own + (row["value"] if function == row["stack"][0] else 0), total + row["value"])
    return sums


def test_a_row_a_sample(pprofd, one):
    """All that is known of a profile stands in each of its rows."""
    got = rows(pprofd.run("export", one).succeed().stdout)
    assert got[0] == {
        "time": "2026-11-22 03:20:00.000000000", "duration": 60 * 10**9, "type": "cpu", "unit": "nanoseconds",
        "host": "node-1", "service": "checkout", "version": "1.2", "build_id": "", "pid": 77, "comm": "app",
        "labels": {"env": "prod"}, "value": 70_000_000, "stack": ["work", "handle", "main"]}
    assert [(tuple(row["stack"]), row["value"]) for row in got] == [(s, n * 10_000_000) for s, n in STACKS]


def test_sums_are_those_of_go_tool_pprof(pprofd, one):
    got = rows(pprofd.run("export", one, "--sample", "samples").succeed().stdout)
    assert function_sums(got) == readers.top(one)


@pytest.mark.requires("bpf")
def test_a_recordings_sums_are_those_of_go_tool_pprof(pprofd):
    """Names as real programs have them, kernel frames, several threads."""
    with start_workload(workload("burn"), 0) as burn:
        recorded = pprofd.run("record", "-p", burn.pid, "-d", "1", "-F", "499", "-o", "burn.pb.gz").succeed()
    got = rows(pprofd.run("export", recorded.paths[0], "--sample", "samples").succeed().stdout)
    assert sum(row["value"] for row in got) == recorded.profile.total > 0
    wanted = {name.removesuffix(" (inline)"): sums for name, sums in readers.top(recorded.paths[0]).items()}
    assert {name: wanted.get(name) for name in function_sums(got)} == function_sums(got)
    facts = recorded.profile.facts
    assert {(row["host"], row["comm"], row["pid"], row["build_id"]) for row in got} == {
        (facts["host"], facts["comm"], burn.pid, facts["build_id"])}
    assert {"thread", "tid"} <= set(got[0]["labels"])


def test_a_files_name_says_how_it_is_compressed(pprofd, one, tmp_path):
    """Plain, gzip and zstd have the same; files appear whole, by a line on standard error."""
    wanted = pprofd.run("export", one, one).succeed().stdout
    for ending, command in ((".jsonl", ["cat"]), (".jsonl.gz", ["gzip", "-dc"]), (".jsonl.zst", ["zstd", "-dc"])):
        out = tmp_path / f"new{ending}" / f"rows{ending}"
        run = pprofd.run("export", one, one, "-o", out).succeed()
        assert run.stdout == b"" and run.stderr == f"{out}: 6 rows of 2 profiles\n"
        assert subprocess.run([*command, out], capture_output=True, check=True).stdout == wanted
        assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_standard_input_is_a_profile_too(pprofd, one):
    with open(one, "rb") as file:
        got = pprofd.run("export", "-", stdin=file).succeed().stdout
    assert len(rows(got)) == 3


def test_what_cannot_be_read_fails_and_the_others_are_there(pprofd, one, tmp_path):
    bad = tmp_path / "bad"
    bad.write_bytes(b"no profile")
    alone = pprofd.run("export", bad, "-o", tmp_path / "none.jsonl")
    assert alone.status == 1 and str(bad) in alone.stderr and not (tmp_path / "none.jsonl").exists()
    both = pprofd.run("export", bad, one)
    assert both.status == 1 and len(rows(both.stdout)) == 3
    assert str(bad) in both.stderr and "1 of 2 profiles failed" in both.stderr

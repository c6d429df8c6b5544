"""Frames without names and functions without lines: the summary and the profile say how many and why."""
import re

import pytest
from harness.inlined import build, set_apart
from harness.processes import run as run_program
from harness.processes import start_workload

pytestmark = pytest.mark.requires("bpf")


def record(pprofd, program, *options):
    with start_workload(program) as target:
        return pprofd.run("record", "-p", target.pid, "-F", 499, "-d", 1, "--no-kernel", "-o", "profile.pb.gz",
                          *options).succeed()


def shares(run, name):
    """{reason: per cent} of the summary's line `name`, and under "" what has it."""
    line = next(line for line in run.stderr.splitlines() if line.startswith(f"{name} "))
    parts = re.findall(r"([\d.]+)% ([\w ]+?)(?: \(\d+ files?\))?(?:,|$)", line[10:])
    return {"" if " " in what else what: float(share) for share, what in parts}


def test_stripped_program(pprofd, tmp_path):
    program, _, _ = build("gcc-dwarf5", tmp_path)
    run_program(["strip", "--strip-all", program])
    run = record(pprofd, program)
    frames = sum(len(s.location_ids) * s.values[0] for s in run.profile.samples)
    missing = int(run.profile.facts["symbols.missing.no_symbols"])
    assert missing > frames / 2
    names = shares(run, "names")
    assert names["no_symbols"] == pytest.approx(100 * missing / frames, abs=0.06)
    assert sum(names.values()) == pytest.approx(100, abs=0.3)
    assert re.search(r"^names .* no_symbols \(\d+ files?\)", run.stderr, re.MULTILINE), run.stderr


def test_program_without_debug_information(pprofd, tmp_path):
    program, _, _ = build("gcc-dwarf5", tmp_path, ["-g0"])
    run = record(pprofd, program)
    assert "symbols.missing.no_symbols" not in run.profile.facts
    assert shares(run, "lines")["no_debug_information"] > 50


def test_program_with_everything(pprofd, tmp_path):
    program, _, _ = build("gcc-dwarf5", tmp_path)
    run = record(pprofd, program)
    # All but the frames that libc and the program's start have below main.
    assert shares(run, "names")[""] > 90 and shares(run, "lines")[""] > 70


def test_damaged_debug_information(pprofd, tmp_path):
    program, _, _ = build("gcc-dwarf4-compressed", tmp_path)
    data = bytearray(program.read_bytes())
    section = next(line.split() for line in run_program(["readelf", "-SW", program]).splitlines()
                   if " .debug_info " in line)
    offset = int(section[section.index("PROGBITS") + 2], 16)
    data[offset + 24 : offset + 64] = b"\xff" * 40  # behind the compression header
    program.write_bytes(data)
    run = record(pprofd, program)
    assert shares(run, "lines")["damaged"] > 50, run.stderr
    inspected = pprofd.run("inspect", program).succeed().stdout.decode()
    assert re.search(r"^lines +missing: damaged$", inspected, re.MULTILINE), inspected


def test_raw_recording(pprofd, tmp_path):
    program, _, _ = build("gcc-dwarf5", tmp_path)
    facts = record(pprofd, program, "--raw").profile.facts
    assert facts["symbols.missing.raw"] == facts["frames.unsymbolized"]


def test_inspect_says_where_lines_are(pprofd, tmp_path):
    program, _, _ = build("gcc-dwarf5", tmp_path)

    def lines():
        text = pprofd.run("inspect", program).succeed().stdout.decode()
        return re.search(r"^lines +(.*)$", text, re.MULTILINE)[1]

    assert lines() == "by the file itself"
    set_apart(program, tmp_path / "program.debug")
    assert lines() == f"by {tmp_path}/program.debug"
    (tmp_path / "program.debug").unlink()
    assert lines() == "missing: no debug information"

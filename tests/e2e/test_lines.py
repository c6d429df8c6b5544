"""Lines and inlined functions, of one hot loop in several languages and kinds of debug information: the
chain of functions, the lines of the calls and where the functions start are those of the source."""
import re
import shutil
import subprocess

import pytest
from harness.paths import ROOT
from harness.processes import start_workload
from harness.processes import run as run_program

pytestmark = pytest.mark.requires("bpf")

SOURCES = ROOT / "tests/workloads/inlined"

# Names as pprofd has them in full: mix, spin and outer.
CXX = ("hot::mix(unsigned long)", "unsigned long hot::spin<int>(int)", "outer(int)")
RUST = ("inlined::mix", "inlined::spin", "inlined::outer")
GO = ("main.mix", "main.spin", "main.outer")

PROGRAMS = {
    "gcc-dwarf5": (["g++", "-O2", "-g"], "inlined.cc", CXX),
    "gcc-dwarf4-compressed": (["g++", "-O2", "-gdwarf-4", "-gz"], "inlined.cc", CXX),
    "gcc-lto": (["g++", "-O2", "-g", "-flto=1"], "inlined.cc", CXX),
    "clang-dwarf5": (["clang++-19", "-O2", "-g"], "inlined.cc", CXX),
    "rustc": (["rustc", "-O", "-g"], "inlined.rs", RUST),
    "go": (["go", "build"], "inlined.go", GO),
    "go-stripped": (["go", "build", "-ldflags=-s -w"], "inlined.go", GO),
}


def build(name, folder):
    command, source, names = PROGRAMS[name]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not there")
    program = folder / "program"
    shutil.copy(SOURCES / source, folder)
    include = ["-I", ROOT] if source.endswith(".cc") else []
    run_program([*command, *include, "-o", program, source], cwd=folder, seconds=240)
    return program, folder / source, names


def marked_lines(source):
    """{comment: line number}"""
    marks = (re.search(r"// (\w+ (?:starts|works|calls \w+))$", line) for line in source.read_text().splitlines())
    return {mark[1]: number for number, mark in enumerate(marks, 1) if mark}


def chains(profile, outermost):
    """{((name, line, file, start line), …) innermost first: samples} of leaf locations within `outermost`."""
    locations = {location.id: location for location in profile.locations}
    functions = {function.id: function for function in profile.functions}
    counts = {}
    for sample in profile.samples:
        frames = [(functions[line.function_id], line.line) for line in locations[sample.location_ids[0]].lines]
        if frames and frames[-1][0].name == outermost:
            chain = tuple((f.name, line, f.file, f.start_line) for f, line in frames)
            counts[chain] = counts.get(chain, 0) + sample.values[0]
    return counts


@pytest.mark.parametrize("name", PROGRAMS)
def test_inlined_calls(pprofd, tmp_path, name):
    program, source, (mix, spin, outer) = build(name, tmp_path)
    lines = marked_lines(source)
    with start_workload(program) as target:
        profile = pprofd.run("record", "-p", target.pid, "-F", 499, "-d", 1).succeed().profile
    found = chains(profile, outer)
    inside = sum(found.values())
    assert inside > 100, profile.function_names()
    whole = 0
    for chain, count in found.items():
        names = [frame[0] for frame in chain]
        # The loop's own bookkeeping belongs to spin, in Rust to functions of the standard library.
        if mix in names:
            at = names.index(mix)
            assert names[at:] == [mix, spin, outer], chain
            assert chain[at + 1][1] == lines["spin calls mix"], chain
            assert chain[at + 2][1] == lines["outer calls spin"], chain
            assert [frame[3] for frame in chain[at:]] == [
                lines[f"{function} starts"] for function in ("mix", "spin", "outer")], chain
            assert {frame[2] for frame in chain[at:]} == {str(source)}, chain
            whole += count
    assert whole >= 0.9 * inside, found
    works = sum(count for chain, count in found.items() if (mix, lines["mix works"]) in (frame[:2] for frame in chain))
    assert works >= 0.5 * inside, found


def test_annotated_source(pprofd, tmp_path):
    """`go tool pprof -list` finds the line where the time goes."""
    if not shutil.which("go"):
        pytest.skip("go is not there")
    program, source, _ = build("gcc-dwarf5", tmp_path)
    with start_workload(program) as target:
        run = pprofd.run("record", "-p", target.pid, "-F", 499, "-d", 1, "-o", "inlined.pb.gz").succeed()
    listing = subprocess.run(["go", "tool", "pprof", "-list", "mix", run.folder / "inlined.pb.gz"],
                             capture_output=True, text=True, check=True, timeout=60).stdout
    line = marked_lines(source)["mix works"]
    share = next(text for text in listing.splitlines() if re.search(rf"\b{line}:", text))
    assert not share.lstrip().startswith(". "), listing

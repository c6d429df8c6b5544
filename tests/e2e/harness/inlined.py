"""Programs with a hot loop three functions deep of which two are inlined (tests/workloads/inlined), with
debug information of several kinds."""
import re
import shutil

import pytest

from .paths import ROOT
from .processes import run as run_program

SOURCES = ROOT / "tests/workloads/inlined"

# Names as pprofd has them in full: mix, spin and outer.
CXX = ("hot::mix(unsigned long)", "unsigned long hot::spin<int>(int)", "outer(int)")
RUST = ("inlined::mix", "inlined::spin", "inlined::outer")
GO = ("main.mix", "main.spin", "main.outer")

PROGRAMS = {
    "gcc-dwarf5": (["g++", "-O2", "-g"], "inlined.cc", CXX),
    "gcc-dwarf4": (["g++", "-O2", "-gdwarf-4"], "inlined.cc", CXX),
    "gcc-dwarf4-compressed": (["g++", "-O2", "-gdwarf-4", "-gz"], "inlined.cc", CXX),
    "gcc-lto": (["g++", "-O2", "-g", "-flto=1"], "inlined.cc", CXX),
    "clang-dwarf5": (["clang++-19", "-O2", "-g"], "inlined.cc", CXX),
    "rustc": (["rustc", "-O", "-g"], "inlined.rs", RUST),
    "go": (["go", "build"], "inlined.go", GO),
    "go-stripped": (["go", "build", "-ldflags=-s -w"], "inlined.go", GO),
}


def build(name, folder, options=()):
    command, source, names = PROGRAMS[name]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not there")
    folder.mkdir(exist_ok=True)
    program = folder / "program"
    shutil.copy(SOURCES / source, folder)
    include = ["-I", ROOT] if source.endswith(".cc") else []
    run_program([*command, *options, *include, "-o", program, source], cwd=folder, seconds=240)
    return program, folder / source, names


def set_apart(program, debug_file):
    """Moves symbols and debug information into a file that the program names."""
    debug_file.parent.mkdir(parents=True, exist_ok=True)
    run_program(["objcopy", "--only-keep-debug", program, debug_file])
    run_program(["strip", "--strip-all", program])
    run_program(["objcopy", f"--add-gnu-debuglink={debug_file}", program])


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


def check_chains(profile, source, names):
    mix, spin, outer = names
    lines = marked_lines(source)
    found = chains(profile, outer)
    inside = sum(found.values())
    assert inside > 100, profile.function_names()
    whole = 0
    for chain, count in found.items():
        called = [frame[0] for frame in chain]
        # The loop's own bookkeeping belongs to spin, in Rust to functions of the standard library.
        if mix in called:
            at = called.index(mix)
            assert called[at:] == [mix, spin, outer], chain
            assert chain[at + 1][1] == lines["spin calls mix"], chain
            assert chain[at + 2][1] == lines["outer calls spin"], chain
            assert [frame[3] for frame in chain[at:]] == [
                lines[f"{function} starts"] for function in ("mix", "spin", "outer")], chain
            assert {frame[2] for frame in chain[at:]} == {str(source)}, chain
            whole += count
    assert whole >= 0.9 * inside, found
    works = sum(count for chain, count in found.items() if (mix, lines["mix works"]) in (frame[:2] for frame in chain))
    assert works >= 0.5 * inside, found


def build_id_of(program):
    return re.search(r"Build ID: (\w+)", run_program(["readelf", "-n", program]))[1]

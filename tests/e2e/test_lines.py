"""Lines and inlined functions, of one hot loop in several languages and kinds of debug information: the
chain of functions, the lines of the calls and where the functions start are those of the source."""
import re
import shutil
import subprocess

import pytest
from harness.inlined import PROGRAMS, build, set_apart
from harness.processes import start_workload
from harness.processes import run as run_program

pytestmark = pytest.mark.requires("bpf")


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
    program, source, names = build(name, tmp_path)
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    check(profile, source, names)


def record(pprofd, pid):
    return pprofd.run("record", "-p", pid, "-F", 499, "-d", 1).succeed().profile


def check(profile, source, names):
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


@pytest.mark.parametrize("place", ["program.debug", ".debug/program.debug"])
@pytest.mark.parametrize("identity", ["build id", "sum"])
def test_debug_file_beside_the_program(pprofd, tmp_path, place, identity):
    options = [] if identity == "build id" else ["-Wl,--build-id=none"]
    program, source, names = build("gcc-dwarf5", tmp_path, options)
    set_apart(program, tmp_path / place)
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    check(profile, source, names)
    assert {function.system_name for function in profile.functions if function.name == "outer(int)"} == {"_Z5outeri"}


def build_id_of(program):
    return re.search(r"Build ID: (\w+)", run_program(["readelf", "-n", program]))[1]


@pytest.mark.requires("namespaces")
def test_debug_file_by_build_id_in_the_root_of_the_target(pprofd, tmp_path):
    program, source, names = build("gcc-dwarf5", tmp_path)
    build_id = build_id_of(program)
    set_apart(program, tmp_path / f"debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug")
    script = f"mkdir -p /usr/lib/debug; mount --bind {tmp_path}/debug /usr/lib/debug; exec {program}"
    with start_workload("unshare", "--mount", "--propagation", "private", "sh", "-ec", script) as target:
        profile = record(pprofd, target.pid)
    check(profile, source, names)


@pytest.mark.parametrize("identity", ["build id", "sum"])
def test_debug_file_of_another_build(pprofd, tmp_path, identity):
    """Names and lines of another build are not taken."""
    options = [] if identity == "build id" else ["-Wl,--build-id=none"]
    program, source, _ = build("gcc-dwarf5", tmp_path, options)
    set_apart(program, tmp_path / "program.debug")
    other, _, _ = build("gcc-dwarf5", tmp_path / "other", options)
    run_program(["objcopy", "--only-keep-debug", other, tmp_path / "program.debug"])
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    of_program = [f for f in profile.functions if f.name.startswith("program+0x")]
    assert of_program, profile.function_names()
    assert str(source) not in {f.file for f in profile.functions}
    assert not [name for name in profile.function_names() if name.startswith("outer")]


@pytest.mark.requires("dwz")
def test_common_parts_set_apart_by_dwz(pprofd, tmp_path):
    program, source, names = build("gcc-dwarf4", tmp_path)
    twin, _, _ = build("gcc-dwarf4", tmp_path / "twin")
    run_program(["dwz", "-m", tmp_path / "common.debug", "-r", program, twin])
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    check(profile, source, names)


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

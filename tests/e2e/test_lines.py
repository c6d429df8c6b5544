"""Lines and inlined functions, of one hot loop in several languages and kinds of debug information: the
chain of functions, the lines of the calls and where the functions start are those of the source."""
import os
import pwd
import re
import shutil
import subprocess

import pytest
from harness.inlined import PROGRAMS, build, build_id_of, chains, check_chains, marked_lines, set_apart
from harness.processes import start_workload
from harness.processes import run as run_program

pytestmark = pytest.mark.requires("bpf")


@pytest.mark.parametrize("name", PROGRAMS)
def test_inlined_calls(pprofd, tmp_path, name):
    program, source, names = build(name, tmp_path)
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    check_chains(profile, source, names)


def record(pprofd, pid):
    return pprofd.run("record", "-p", pid, "-F", 499, "-d", 1).succeed().profile


@pytest.mark.parametrize("place", ["program.debug", ".debug/program.debug"])
@pytest.mark.parametrize("identity", ["build id", "sum"])
def test_debug_file_beside_the_program(pprofd, tmp_path, place, identity):
    options = [] if identity == "build id" else ["-Wl,--build-id=none"]
    program, source, names = build("gcc-dwarf5", tmp_path, options)
    set_apart(program, tmp_path / place)
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    check_chains(profile, source, names)
    assert {function.system_name for function in profile.functions if function.name == "outer(int)"} == {"_Z5outeri"}


@pytest.mark.requires("namespaces")
def test_debug_file_by_build_id_in_the_root_of_the_target(pprofd, tmp_path):
    program, source, names = build("gcc-dwarf5", tmp_path)
    build_id = build_id_of(program)
    set_apart(program, tmp_path / f"debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug")
    script = f"mkdir -p /usr/lib/debug; mount --bind {tmp_path}/debug /usr/lib/debug; exec {program}"
    with start_workload("unshare", "--mount", "--propagation", "private", "sh", "-ec", script) as target:
        profile = record(pprofd, target.pid)
    check_chains(profile, source, names)


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
    check_chains(profile, source, names)


@pytest.mark.requires("llvm-dwp-19")
@pytest.mark.parametrize("version", ["4", "5"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_split_units_in_a_package(pprofd, tmp_path, compiler, version):
    """Debug information that stands in a package beside the program (.dwp)."""
    program, source, names = build(f"{compiler}-dwarf5", tmp_path, ["-gsplit-dwarf", f"-gdwarf-{version}"])
    run_program(["llvm-dwp-19", "-e", program, "-o", f"{program}.dwp"], cwd=tmp_path)
    for unit in tmp_path.glob("*.dwo"):
        unit.unlink()
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    check_chains(profile, source, names)


def build_split(folder, kind="gcc-dwarf5"):
    program, source, names = build(kind, folder, ["-gsplit-dwarf"])
    unit, = folder.glob("*.dwo")
    return program, source, names, unit


def check_lines_without_inlined(profile, source):
    """What the program itself has of units whose files are not to be had."""
    assert chains(profile, "outer(int)"), profile.function_names()
    assert all(len(chain) == 1 and chain[0][2] == str(source) for chain in chains(profile, "outer(int)"))


@pytest.mark.parametrize("version", ["4", "5"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_split_units_in_files_of_their_own(pprofd, tmp_path, compiler, version):
    """Debug information that the compiler left where it wrote it (.dwo)."""
    program, source, names = build(f"{compiler}-dwarf5", tmp_path, ["-gsplit-dwarf", f"-gdwarf-{version}"])
    assert list(tmp_path.glob("*.dwo"))
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    check_chains(profile, source, names)


@pytest.mark.requires("namespaces")
def test_split_units_in_the_root_of_the_target(pprofd, tmp_path):
    """The folder that a unit names is the target's, not the one of that name in our root."""
    folder = tmp_path / "build"
    program, source, names, unit = build_split(folder)
    apart = tmp_path / "apart"
    apart.mkdir()
    unit.rename(apart / unit.name)
    program = program.rename(tmp_path / "program")
    script = f"mount --bind {apart} {folder}; exec {program}"
    with start_workload("unshare", "--mount", "--propagation", "private", "sh", "-ec", script) as target:
        profile = record(pprofd, target.pid)
    check_chains(profile, source, names)


def test_split_unit_beside_the_program(pprofd, tmp_path):
    """Where both were copied to another folder than that of the build."""
    program, source, names, unit = build_split(tmp_path / "build")
    unit.rename(tmp_path / unit.name)
    program = program.rename(tmp_path / "program")
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    check_chains(profile, source, names)


def test_split_unit_of_another_build(pprofd, tmp_path):
    """The one in its place has another id and is not taken; the right one behind it is."""
    program, source, names, unit = build_split(tmp_path / "build")
    other, _, _ = build("gcc-dwarf5", tmp_path / "other", ["-gsplit-dwarf", "-O1"])
    right = unit.rename(tmp_path / unit.name)
    shutil.copy(other.parent / unit.name, unit)
    with start_workload(program) as target:
        check_lines_without_inlined(record(pprofd, target.pid), source)
    program = program.rename(tmp_path / "program")
    assert right.exists() and unit.exists()
    with start_workload(program) as target:
        check_chains(record(pprofd, target.pid), source, names)


@pytest.mark.parametrize("instead", ["fifo", "folder", "of another user"])
def test_split_unit_that_is_not_opened(pprofd, tmp_path, instead):
    """What is no regular file would block or answer; what anybody may write says nothing of root's programs."""
    program, source, _, unit = build_split(tmp_path)
    if instead == "of another user":
        os.chown(unit, pwd.getpwnam("nobody").pw_uid, -1)
    else:
        unit.unlink()
        os.mkfifo(unit) if instead == "fifo" else unit.mkdir()
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    check_lines_without_inlined(profile, source)


@pytest.mark.requires("llvm-dwp-19")
def test_package_of_another_program(pprofd, tmp_path):
    """Its units have other ids and are not taken; lines stand in the program itself."""
    program, source, _ = build("gcc-dwarf5", tmp_path, ["-gsplit-dwarf"])
    other, _, _ = build("gcc-dwarf5", tmp_path / "other", ["-gsplit-dwarf", "-O1"])
    run_program(["llvm-dwp-19", "-e", other, "-o", f"{program}.dwp"], cwd=tmp_path / "other")
    for unit in tmp_path.glob("*.dwo"):
        unit.unlink()
    with start_workload(program) as target:
        profile = record(pprofd, target.pid)
    check_lines_without_inlined(profile, source)


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

"""`pprofd symbolize FILE…`: profiles without names get them later, from the same files and no others."""
import os
import re
import shutil
import stat
import subprocess

import pytest
from harness import pprof, readers
from harness.inlined import build, build_id_of, check_chains, set_apart
from harness.paths import PPROFD
from harness.processes import run as run_program
from harness.processes import start_workload

pytestmark = pytest.mark.requires("bpf")


def record_raw(pprofd, program):
    """The path of a profile of addresses alone."""
    with start_workload(program) as target:
        run = pprofd.run("record", "-p", target.pid, "-F", 499, "-d", 1, "--raw", "-o", "raw.pb.gz").succeed()
    assert not run.profile.functions
    return run.folder / "raw.pb.gz"


def symbolize(*arguments, **options):
    return subprocess.run([PPROFD, "symbolize", *map(str, arguments)], capture_output=True, timeout=60, **options)


def succeed(*arguments, **options):
    run = symbolize(*arguments, **options)
    assert run.returncode == 0, run.stderr.decode()
    return run


def read(path):
    readers.check_accepted([path])
    return pprof.read(path)


def segments(program):
    """[(file offset, address, bytes in the file)] of what is loaded."""
    loads = (line.split() for line in run_program(["readelf", "-lW", program]).splitlines() if " LOAD " in line)
    return [(int(load[1], 16), int(load[2], 16), int(load[4], 16)) for load in loads]


def elf_address(mapping, address, loads):
    offset = address - mapping.start + mapping.offset
    return next(start + offset - begin for begin, start, size in loads if begin <= offset < begin + size)


def oracle(program, addresses):
    """{address: ((name, file, line), …) innermost first}, by llvm-symbolizer."""
    text = run_program(["llvm-symbolizer-19", "-e", program, *map(hex, addresses)], seconds=60)
    chains = []
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        places = (place.rsplit(":", 2) for place in lines[1::2])
        chains.append(tuple((name, file.replace("??", ""), line)
                            for name, (file, line, _) in zip(lines[::2], places, strict=True)))
    return dict(zip(addresses, chains, strict=True))


@pytest.mark.requires("llvm-symbolizer-19")
@pytest.mark.parametrize("name", ["gcc-dwarf5", "gcc-lto", "rustc", "go-stripped"])
def test_names_are_those_of_the_addresses(pprofd, tmp_path, name):
    """Each address of a raw profile gets the functions and lines that it has in the program."""
    program, source, names = build(name, tmp_path)
    path = record_raw(pprofd, program)
    raw = pprof.read(path)
    run = succeed(path)
    profile = read(path)
    check_chains(profile, source, names)
    assert re.search(rb"raw\.pb\.gz: \d+ of \d+ addresses named", run.stderr), run.stderr

    assert [(s.location_ids, s.values) for s in profile.samples] == [(s.location_ids, s.values) for s in raw.samples]
    mapping = next(m for m in profile.mappings if m.file == str(program))
    assert mapping.has_functions and mapping.has_filenames and mapping.has_line_numbers and mapping.has_inline_frames
    if name == "go-stripped":
        return  # no DWARF for the oracle
    functions = {function.id: function for function in profile.functions}
    loads = segments(program)
    found = {elf_address(mapping, location.address, loads):
             tuple((functions[line.function_id].name, functions[line.function_id].file, str(line.line))
                   for line in location.lines)
             for location in profile.locations if location.mapping_id == mapping.id}
    expected = {address: chain for address, chain in oracle(program, sorted(found)).items() if "??" not in chain[0]}
    if name == "rustc":  # the oracle leaves Rust's older names half mangled
        found, expected = ({address: [frame[1:] for frame in chain] for address, chain in each.items()}
                           for each in (found, expected))
    assert found == expected


def test_frames_without_names_are_counted(pprofd, tmp_path):
    """The profile's own count of frames without a symbol is right before and after."""
    program, _, _ = build("gcc-dwarf5", tmp_path)
    path = record_raw(pprofd, program)
    before = pprof.read(path)
    assert before.facts["frames.unsymbolized"] == str(
        sum(len(sample.location_ids) * sample.values[0] for sample in before.samples))
    succeed(path)
    after = read(path)
    functions = {function.id: function.name for function in after.functions}
    nameless = {location.id for location in after.locations
                if not location.lines or re.search(r"\+0x[0-9a-f]+$", functions[location.lines[-1].function_id])}
    assert after.facts["frames.unsymbolized"] == str(
        sum(sample.values[0] for sample in after.samples for id in sample.location_ids if id in nameless))


@pytest.mark.parametrize("place", ["program", ".build-id/{}/{}", "debug/{}/{}.debug", "program.debug"])
def test_program_that_is_not_there_any_more(pprofd, tmp_path, place):
    """Its copy will do, or the file with its debug information alone."""
    program, source, names = build("gcc-dwarf5", tmp_path / "built")
    build_id = build_id_of(program)
    path = record_raw(pprofd, program)
    kept = tmp_path / "kept" / place.format(build_id[:2], build_id[2:]).replace("debug/", ".build-id/", 1)
    kept.parent.mkdir(parents=True)
    if place.endswith(".debug"):
        set_apart(program, kept)
        program.unlink()
    else:
        shutil.move(program, kept)
    without = symbolize(path).stderr  # the libraries' frames may get names all the same
    assert b"not found" in without and b"--debug-dir" in without, without
    succeed(path, "--debug-dir", tmp_path / "kept")
    check_chains(read(path), source, names)


def test_program_of_another_build(pprofd, tmp_path):
    """It is not used, and that is said."""
    program, _, _ = build("gcc-dwarf5", tmp_path)
    path = record_raw(pprofd, program)
    raw, build_id = path.read_bytes(), build_id_of(program)
    other, _, _ = build("gcc-dwarf4", tmp_path / "other")
    shutil.copy(other, program)
    run = symbolize(path)
    said = run.stderr.decode()
    assert f"{program} has build id '{build_id_of(other)}', the profile's is '{build_id}'" in said
    assert "main" not in {name.split("(")[0] for name in pprof.read(path).function_names()}
    assert run.returncode == 1 or path.read_bytes() != raw  # libc's frames may have got names


def test_profile_of_another_writer(pprofd, tmp_path):
    """Written again by pprof, it has the same addresses and gets the same names."""
    program, source, names = build("gcc-dwarf5", tmp_path)
    path = record_raw(pprofd, program)
    theirs = tmp_path / "theirs.pb.gz"
    run_program([readers.go_tool_pprof(), "-proto", "-symbolize=none", f"-output={theirs}", path], seconds=60)
    succeed(theirs)
    check_chains(read(theirs), source, names)


def test_file_in_place_stays_its_owners(pprofd, tmp_path):
    program, _, _ = build("gcc-dwarf5", tmp_path)
    path = record_raw(pprofd, program)
    os.chown(path, 1234, 5678)
    path.chmod(0o604)
    succeed(path)
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 5678, 0o604)


def test_profile_with_names_stays_as_it_is(pprofd, tmp_path):
    program, _, _ = build("gcc-dwarf5", tmp_path)
    with start_workload(program) as target:
        run = pprofd.run("record", "-p", target.pid, "-F", 99, "-d", 1, "--no-kernel", "-o", "named.pb.gz").succeed()
    path = run.folder / "named.pb.gz"
    before = path.read_bytes()
    assert b"nothing to name" in succeed(path).stderr
    assert path.read_bytes() == before


def test_where_it_goes(pprofd, tmp_path):
    """Standard input and output, another name, a folder; several at once."""
    program, source, names = build("gcc-dwarf5", tmp_path)
    path = record_raw(pprofd, program)
    raw = path.read_bytes()
    twin = tmp_path / "twin.pb.gz"
    twin.write_bytes(raw)
    named = tmp_path / "named.pb.gz"
    named.write_bytes(succeed("-", input=raw).stdout)
    check_chains(read(named), source, names)
    succeed("-o", tmp_path / "other.pb.gz", path)
    succeed("-o", f"{tmp_path}/new/", path, twin)
    for name in ("other.pb.gz", "new/raw.pb.gz", "new/twin.pb.gz"):
        check_chains(read(tmp_path / name), source, names)
    assert path.read_bytes() == twin.read_bytes() == raw


def test_one_bad_file_does_not_keep_others_from_their_names(pprofd, tmp_path):
    program, source, names = build("gcc-dwarf5", tmp_path)
    path = record_raw(pprofd, program)
    bad = tmp_path / "bad.pb.gz"
    bad.write_bytes(b"no profile")
    run = symbolize(bad, tmp_path / "absent.pb.gz", path)
    assert run.returncode == 1 and b"2 of 3 profiles failed" in run.stderr, run.stderr
    check_chains(read(path), source, names)


def test_bad_usage(tmp_path):
    for arguments, words in (([], "neither a profile nor an ELF file"),
                             (["x", "y", "-o", "z"], "several profiles"),
                             (["x/a", "y/a", "-o", f"{tmp_path}/"], "the same name"),
                             (["x", "--debug-dir", tmp_path / "none"], "No such file"),
                             (["0x4011d6"], "no ELF file is given"),
                             (["-e", "/bin/sh", "-o", "x", "0x10"], "--output")):
        run = symbolize(*arguments)
        assert run.returncode == 2 and words in run.stderr.decode(), (arguments, run.stderr)

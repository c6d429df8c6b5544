"""What is written: where, whole or not at all, and the same story in every format."""
import contextlib
import gzip
import os
import re
import stat

import pytest
from harness import readers, system
from harness.paths import PPROFD, workload
from harness.processes import run as run_program
from harness.processes import start_workload

pytestmark = pytest.mark.requires("bpf")


@pytest.fixture
def burning():
    with start_workload(workload("three_functions")) as target:
        yield target


def folded_by_hand(profile):
    """The folded stacks that a profile means: {"root;…;leaf": count}."""
    stacks = {}
    for sample in profile.samples:
        stack = ";".join(reversed(profile.names(sample)))
        stacks[stack] = stacks.get(stack, 0) + sample.values[0]
    return stacks


def folded_of(text):
    rows = (line.rpartition(" ") for line in text.splitlines())
    return {stack: int(count) for stack, _, count in rows}


def test_profile_on_stdout(pprofd, burning):
    """`-o -` writes one profile to stdout and nothing else there."""
    run = pprofd.run("record", "-p", burning.pid, "-d", "500ms", "-o", "-").succeed()
    assert run.profile.cumulative("alpha") > 0
    assert [path for path in run.folder.iterdir() if not path.name.startswith(".std")] == []


def test_folded_on_stdout(pprofd, burning):
    """`-o - --format folded` writes folded stacks, root first, to stdout."""
    run = pprofd.run("record", "-p", burning.pid, "-d", "500ms", "-o", "-", "--format", "folded").succeed()
    stacks = folded_of(run.stdout.decode())
    assert any(re.search(r"\bmain;alpha\b", stack) for stack in stacks), stacks


def test_formats_agree(pprofd, burning):
    """The folded stacks and the text of a recording say what its profile says."""
    run = pprofd.run("record", "-p", burning.pid, "-F", 999, "-d", 1, "-o", "x.pb.gz", "--format", "pprof",
                     "--format", "folded", "--format", "text", "--top", 1000).succeed()
    folded = folded_of((run.folder / "x.folded").read_text())
    assert sum(folded.values()) == run.profile.total
    assert folded_leaves(folded) == folded_leaves(folded_by_hand(run.profile))
    text = (run.folder / "x.txt").read_text()
    assert "alpha" in text and "beta" in text


def report_folded(*arguments):
    return run_program([PPROFD, "report", "--folded", "--sample", "samples", *arguments])


def folded_leaves(stacks):
    leaves = {}
    for stack, count in stacks.items():
        leaf = stack.rpartition(";")[2]
        leaves[leaf] = leaves.get(leaf, 0) + count
    return leaves


def test_raw_profile_has_addresses_of_the_executable(pprofd, burning):
    """A raw profile's addresses, taken back to the file by its mappings, lie in the functions that nm names."""
    run = pprofd.run("record", "-p", burning.pid, "-d", 1, "--raw").succeed()
    profile = run.profile
    functions = []
    for line in run_program(["nm", "-S", "--defined-only", workload("three_functions")]).splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[3] in ("alpha", "beta", "gamma_"):
            functions.append((int(fields[0], 16), int(fields[1], 16), fields[3]))
    segments = executable_segments(workload("three_functions"))
    main = profile.mappings[0]
    assert main.build_id and main.build_id in run_program(["readelf", "-n", workload("three_functions")])
    locations = {location.id: location for location in profile.locations}
    found = set()
    for sample in profile.samples:
        for identifier in sample.location_ids:
            location = locations[identifier]
            if location.mapping_id != main.id:
                continue
            offset = location.address - main.start + main.offset
            address = next(v + offset - o for o, v, size in segments if o <= offset < o + size)
            found |= {name for start, size, name in functions if start <= address < start + size}
    assert found == {"alpha", "beta", "gamma_"}


def executable_segments(path):
    """[(file offset, virtual address, size)] of the executable's code, as readelf tells them."""
    segments = []
    for line in run_program(["readelf", "-lW", path]).splitlines():
        found = re.match(r"\s+LOAD\s+(\S+) (\S+) \S+ (\S+) \S+ R E", line)
        if found:
            segments.append((int(found[1], 16), int(found[2], 16), int(found[3], 16)))
    return segments


def test_symlink_is_not_followed_to_clobber(pprofd, burning, tmp_path):
    """An output that is a symbolic link never makes a file elsewhere be cut short or half written."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = tmp_path / "run0"
    folder.mkdir()
    (folder / "here.pb.gz").symlink_to(victim)
    run = pprofd.run("record", "-p", burning.pid, "-d", "500ms", "-o", "here.pb.gz")
    if run.status == 0:
        # Either the link was replaced by the file, or the file behind it is the whole profile.
        assert run.profile.total > 0
    else:
        assert victim.read_text() == "precious"
    content = victim.read_bytes()
    assert content == b"precious" or gzip.decompress(content)


def test_device_is_not_replaced(pprofd, burning, tmp_path):
    """An output that names a device leaves the device a device."""
    folder = tmp_path / "run0"
    folder.mkdir()
    os.mknod(folder / "null.pb.gz", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    run = pprofd.run("record", "-p", burning.pid, "-d", "500ms", "-o", "null.pb.gz", seconds=20)
    assert run.status in (0, 1)
    assert stat.S_ISCHR((folder / "null.pb.gz").lstat().st_mode)


def test_fifo_output_does_not_hang(pprofd, burning, tmp_path):
    """An output that names a FIFO without a reader does not keep pprofd waiting for ever."""
    folder = tmp_path / "run0"
    folder.mkdir()
    os.mkfifo(folder / "pipe.pb.gz")
    run = pprofd.run("record", "-p", burning.pid, "-d", "500ms", "-o", "pipe.pb.gz", seconds=20)
    assert run.status in (0, 1)


def profiles_named_in(text):
    return sorted({word for word in re.findall(r"[^\s'\"]+\.pb\.gz", text) if os.path.exists(word)})


@pytest.mark.parametrize("target", ["one file", "folder"])
def test_full_disk(pprofd, burning, tmp_path, target):
    """On a full disk the profile goes where it can be written, and the message says where; or the
    recording is refused before it starts. Never a broken file, never a lost profile."""
    with system.small_tmpfs(tmp_path / "full", "64k") as full:
        with contextlib.suppress(OSError), open(full / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        arguments = (["-p", burning.pid, "-o", full / "x.pb.gz"] if target == "one file"
                     else ["--all", "-o", f"{full}/sub/"])
        run = pprofd.run("record", *arguments, "-d", 2, check_paths=[full])
        elsewhere = profiles_named_in(run.stderr)
        try:
            assert re.search("No space left|full", run.stderr), run.stderr
            assert run.status == 1 or elsewhere, run.stderr
            readers.check_accepted(elsewhere)
            assert [p for p in full.rglob("*") if p.is_file() and p.name != "filler"] == []
        finally:
            for path in elsewhere:
                os.unlink(path)


def test_disk_that_fills_up_while_recording(pprofd, burning, tmp_path):
    """A disk that is full only at the end costs no profile: it is written elsewhere, and that is said."""
    with system.small_tmpfs(tmp_path / "full", "1m") as full:
        run = pprofd.start("record", "-p", burning.pid, "-o", full / "x.pb.gz", check_paths=[full])
        run.wait_started()
        with contextlib.suppress(OSError), open(full / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        run.finish()
        if (full / "x.pb.gz").exists():
            return  # the room was reserved at the start
        elsewhere = profiles_named_in(run.stderr)
        assert elsewhere and "No space left" in run.stderr, run.stderr
        readers.check_accepted(elsewhere)
        for path in elsewhere:
            os.unlink(path)


def test_report_agrees_with_pprof(pprofd, burning):
    """report's table has the self and total counts of `go tool pprof -top`."""
    run = pprofd.run("record", "-p", burning.pid, "-d", 2).succeed()
    theirs = readers.top(run.paths[0])
    ours = run_program([PPROFD, "report", run.paths[0], "--sample", "samples", "--top", "1000"])
    for name in ("alpha", "beta", "gamma_", "main"):
        flat, cumulative = theirs[name]
        row = next(line for line in ours.splitlines() if re.search(rf"\b{name}\b", line))
        numbers = [int(word) for word in re.findall(r"(?<![\d.])\d+(?![\d.%])", row)]
        assert cumulative in numbers and flat in numbers, f"{row!r} has not {flat} and {cumulative}"


def test_report_folded(pprofd, burning):
    """report --folded writes the profile's stacks, root first, with their counts."""
    run = pprofd.run("record", "-p", burning.pid, "-d", 1).succeed()
    folded = folded_of(report_folded(run.paths[0]))
    assert sum(folded.values()) == run.profile.total
    assert folded_leaves(folded) == folded_leaves(folded_by_hand(run.profile))


def test_report_reads_the_profiles_of_others(pprofd, tmp_path):
    """report reads a profile that Go's own runtime or pprof wrote, gzip or raw."""
    with start_workload(workload("three_functions")) as target:
        run = pprofd.run("record", "-p", target.pid, "-d", 1).succeed()
    theirs = tmp_path / "by-google.pb.gz"
    run_program([readers.google_pprof(), "-proto", "-symbolize=none", f"-output={theirs}", run.paths[0]])
    plain = tmp_path / "plain.pb"
    plain.write_bytes(gzip.decompress(theirs.read_bytes()))
    ours = report_folded(run.paths[0])
    assert folded_of(report_folded(theirs)) == folded_of(ours)
    assert folded_of(report_folded(plain)) == folded_of(ours)


def test_report_merges_and_subtracts(pprofd, burning):
    """Two files are merged by report, and their difference shows a function's change."""
    first = pprofd.run("record", "-p", burning.pid, "-d", 1).succeed()
    second = pprofd.run("record", "-p", burning.pid, "-d", 2).succeed()
    merged = folded_of(report_folded(first.paths[0], second.paths[0]))
    assert sum(merged.values()) == first.profile.total + second.profile.total
    difference = run_program([PPROFD, "report", second.paths[0], "--sample", "samples", "--top", "0", "--diff",
                              first.paths[0]])
    row = next(line for line in difference.splitlines() if "alpha" in line)
    change = second.profile.cumulative("alpha") - first.profile.cumulative("alpha")
    assert re.search(rf"\+?{change}\b", row), f"{row!r} has not {change}"


def test_report_tree(pprofd, burning):
    """report --tree shows each function between its callers and its callees."""
    run = pprofd.run("record", "-p", burning.pid, "-d", 1).succeed()
    text = run_program([PPROFD, "report", run.paths[0], "--sample", "samples", "--tree", "--top", "0"])
    section = next(part for part in re.split(r"^-+\+-+$", text, flags=re.M)
                   if re.search(r"\d%\s+\| alpha$", part, re.M))
    lines = section.strip("\n").splitlines()
    at = {name: next(i for i, line in enumerate(lines) if line.endswith(name))
          for name in ("main", "alpha", "spin_until")}
    assert at["main"] < at["alpha"] < at["spin_until"], section


@pytest.mark.parametrize("option, kept", [("--focus", True), ("--ignore", False)])
def test_report_filters(pprofd, burning, option, kept):
    """--focus keeps the stacks with a function, --ignore drops them."""
    run = pprofd.run("record", "-p", burning.pid, "-d", 1).succeed()
    folded = folded_of(report_folded(run.paths[0], option, "^alpha$"))
    with_alpha = run.profile.cumulative("alpha")
    assert sum(folded.values()) == (with_alpha if kept else run.profile.total - with_alpha)


def test_report_of_a_damaged_profile(pprofd, burning, tmp_path):
    """A profile cut short anywhere, or with bytes changed, ends in an error or a table; never a crash."""
    run = pprofd.run("record", "-p", burning.pid, "-d", 1).succeed()
    whole = gzip.decompress(run.paths[0].read_bytes())
    damaged = tmp_path / "damaged.pb"
    for step in range(40):
        cut = bytearray(whole[: len(whole) * step // 40] if step % 2 else whole)
        for at in range(step, len(cut), 97):
            cut[at] ^= 0x5A if step % 3 else 0xFF
        damaged.write_bytes(cut)
        answer = pprofd.run("report", damaged, seconds=20)
        assert answer.status in (0, 1), f"step {step}: {answer.status}\n{answer.stderr}"

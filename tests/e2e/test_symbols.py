"""Names: of what symbol table they come, how they are demangled, and what stands where there is none."""
import contextlib
import lzma
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from harness.paths import workload
from harness.processes import children_of, start_workload, wait_until
from harness.processes import run as run_program

pytestmark = pytest.mark.requires("bpf")


def record(pprofd, program, *arguments, seconds=1, options=()):
    with start_workload(program, *arguments) as target:
        return pprofd.run("record", "-p", target.pid, "-F", 499, "-d", seconds, *options).succeed().profile


def test_procedure_linkage_table(pprofd):
    """Time in the PLT is told as function@plt."""
    profile = record(pprofd, workload("plt_calls"), seconds=2)
    assert profile.self_count("plt_target@plt") > 10
    assert profile.self_count("plt_target") > 10


def test_mangled_names(pprofd):
    """C++ and both of Rust's manglings are demangled as llvm-symbolizer does, Rust's legacy hash left out;
    the mangled name is kept."""
    profile = record(pprofd, workload("names"), seconds=2)
    systems = {function.name: function.system_name for function in profile.functions}
    symbols = run_program(["nm", "--defined-only", workload("names")])
    for mangled in re.findall(r"\b(_ZN4shop\S*total\S*|_RNv\S+|_ZN7mycrate\S+)", symbols):
        theirs = re.sub(r"::h[0-9a-f]{16}$", "", llvm_name(workload("names"), mangled))
        assert systems.get(theirs) == mangled, f"{theirs} is not among {sorted(systems)}"
        assert profile.self_count(theirs) > 5
    assert profile.self_count("_Znot_a_mangled_name") > 5


def llvm_name(program, mangled):
    """How llvm-symbolizer names the function at the address of a symbol."""
    address = next(line.split()[0] for line in run_program(["nm", program]).splitlines()
                   if line.split()[-1] == mangled)
    symbolizer = next(name for name in ("llvm-symbolizer-19", "llvm-symbolizer") if shutil.which(name))
    return run_program([symbolizer, "--functions=linkage", "--no-inlines", "-e", program, f"0x{address}"]
                       ).splitlines()[0]


def test_stripped_program(pprofd, tmp_path):
    """Without symbols a frame is file+0xaddress, the ELF address where its function starts: one name each."""
    program = tmp_path / "stripped"
    run_program(["strip", "-s", "-o", program, workload("burn")])
    profile = record(pprofd, program, 0)
    start, _ = symbol(workload("burn"), "burn_cpu")
    assert profile.cumulative(f"stripped+0x{start:x}") >= 0.9 * profile.total, sorted(profile.function_names())
    assert int(profile.facts["frames.unsymbolized"]) > 0


def symbol(program, name):
    fields = next(line.split() for line in run_program(["nm", "-S", program]).splitlines()
                  if line.split()[-1] == name)
    return int(fields[0], 16), int(fields[1], 16)


def test_symbols_everywhere_are_counted_as_such(pprofd):
    """Of a program with symbols, and of the kernel, hardly a frame is without a name."""
    profile = record(pprofd, workload("three_functions"))
    frames = without = 0
    for sample in profile.samples:
        for name, mapping in profile.frames(sample):
            if mapping.is_kernel or mapping.file == workload("three_functions"):
                frames += sample.values[0]
                without += sample.values[0] * ("+0x" in name)
    assert frames > 0
    assert without <= 0.01 * frames, sorted(n for n in profile.function_names() if "+0x" in n)


def test_symbols_in_compressed_debug_data(pprofd, tmp_path):
    """A stripped program with .gnu_debugdata is named from there."""
    program, symbols, packed = tmp_path / "mini", tmp_path / "symbols", tmp_path / "symbols.xz"
    run_program(["objcopy", "--only-keep-debug", workload("burn"), symbols])
    run_program(["strip", "-g", symbols])
    packed.write_bytes(lzma.compress(symbols.read_bytes()))
    run_program(["strip", "-s", "-o", program, workload("burn")])
    run_program(["objcopy", "--add-section", f".gnu_debugdata={packed}", program])
    profile = record(pprofd, program, 0)
    assert profile.cumulative("burn_cpu") >= 0.9 * profile.total


def test_dynamic_symbols_only(pprofd, tmp_path):
    """A library stripped to its dynamic symbols is named from those."""
    library = tmp_path / "plugin.so"
    run_program(["strip", "-s", "-o", library, workload("plugin_a.so")])
    profile = record(pprofd, workload("dlopen_cycle"), 0, 100, f"{library}:plugin_a_work")
    assert profile.cumulative("plugin_a_work") >= 0.8 * profile.total


def test_vdso(pprofd):
    """Time in the vDSO has the vDSO's function names."""
    profile = record(pprofd, workload("vdso_calls"))
    frames = [profile.frames(sample) for sample in profile.samples]
    inside = [f[0] for f in frames if f[0][1].file == "[vdso]"]
    if not inside:
        pytest.skip("the clock of this machine is not read in the vDSO")
    assert {name for name, _ in inside} & {"__vdso_clock_gettime", "clock_gettime"}
    assert not [name for name, _ in inside if "+0x" in name]


def test_code_without_a_file(pprofd):
    """Code in anonymous memory is sampled and told apart, its callers named."""
    profile = record(pprofd, workload("map_code"), "-", 0)
    assert profile.cumulative("call_mapped") >= 0.9 * profile.total
    leaves = {profile.names(sample)[0] for sample in profile.samples}
    assert any("+0x" in leaf for leaf in leaves), leaves


def anonymous_code(target):
    """Where the target's code stands that no file has."""
    maps = Path(f"/proc/{target.pid}/maps").read_text().splitlines()
    return next(int(line.split("-")[0], 16) for line in maps if " r-xp " in line and len(line.split()) == 5)


def has_open(pid, path):
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            if os.readlink(entry) == str(path):
                return True
    return False


def test_perf_map(pprofd):
    """A JIT compiler's functions have the names that its perf map tells, also of a map that comes late and grows."""
    with start_workload(workload("map_code"), "-", 0) as target:
        code, path = anonymous_code(target), Path(f"/tmp/perf-{target.pid}.map")
        try:
            run = pprofd.start("record", "-p", target.pid, "-F", 499).wait_started()
            path.write_text(f"{code + 4096:x} 10 elsewhere\n")
            wait_until(lambda: has_open(run.pid, path), "the map to be opened", seconds=20)
            with path.open("a") as grown:
                grown.write(f"{code:x} 400 LazyCompile:*work /app/main.js:7:3\n")
            profile = run.finish(20).succeed().profile
        finally:
            path.unlink()
    assert profile.self_count("LazyCompile:*work /app/main.js:7:3") >= 0.9 * profile.total
    assert "elsewhere" not in profile.function_names()


@pytest.mark.parametrize("kind", ["of another user", "fifo", "link to a device", "not text"])
def test_perf_map_that_is_none(pprofd, kind):
    """What stands in a perf map's place and is none costs the names, nothing else."""
    with start_workload(workload("map_code"), "-", 0) as target:
        path = Path(f"/tmp/perf-{target.pid}.map")
        try:
            if kind == "fifo":
                os.mkfifo(path)
            elif kind == "link to a device":
                path.symlink_to("/dev/zero")
            elif kind == "not text":
                path.write_bytes(os.urandom(1 << 20))
            else:
                path.write_text(f"{anonymous_code(target):x} 400 forged\n")
                os.chown(path, 65534, 65534)
            profile = pprofd.run("record", "-p", target.pid, "-F", 499, "-d", 1).succeed().profile
        finally:
            path.unlink()
    assert profile.cumulative("call_mapped") >= 0.9 * profile.total
    assert "forged" not in profile.function_names()


@pytest.mark.requires("namespaces")
def test_perf_map_in_namespaces(pprofd, tmp_path):
    """A process in namespaces of its own writes its map under the pid and in the folder that it sees."""
    # The program itself may stand in the folder that is covered.
    script = f"exec 3<{workload('map_code')}; mount -t tmpfs none /tmp; exec /proc/self/fd/3 - 0"
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    with start_workload(*namespaces, "sh", "-ec", script) as unshare:
        target = wait_until(lambda: children_of(unshare.pid), "the program in the namespace")[0]
        code = anonymous_code(SimpleNamespace(pid=target))
        Path(f"/proc/{target}/root/tmp/perf-1.map").write_text(f"{code:x} 400 inside\n")
        profile = pprofd.run("record", "-p", target, "-F", 499, "-d", 1).succeed().profile
    assert profile.self_count("inside") >= 0.9 * profile.total


def test_function_names_of_the_c_library(pprofd):
    """Frames in the C library have its names, as the file's own symbol tables give them."""
    profile = record(pprofd, workload("vdso_calls"))
    library = next(m for m in profile.mappings if Path(m.file).name.startswith("libc.so"))
    symbols = {line.split()[-1].partition("@")[0] for line in
               run_program(["nm", "-D", "--defined-only", library.file]).splitlines()}
    inside = {name for s in profile.samples for name, mapping in profile.frames(s) if mapping is library}
    assert inside & symbols, inside


def test_python_and_shell_have_names(pprofd, tmp_path):
    """Programs that Debian ships, stripped, without frame pointers: what is unknown is told as such."""
    script = "i = 0\nprint('ready', flush=True)\nwhile True: i += 1"
    with start_workload("/usr/bin/python3", "-c", script) as target:
        profile = pprofd.run("record", "-p", target.pid, "-d", 1).succeed().profile
    assert profile.total > 10
    assert any(Path(m.file).name.startswith("python3") for m in profile.mappings)
    assert any("Py" in name for name in profile.function_names()), sorted(profile.function_names())[:20]


@pytest.mark.long
@pytest.mark.requires("rustc")
def test_rust_program(pprofd, tmp_path):
    """A program by rustc has demangled names, as llvm-symbolizer gives them."""
    source = tmp_path / "main.rs"
    source.write_text(
        "mod shop { #[inline(never)] pub fn total(n: u64) -> u64 {"
        " (0..n).fold(1u64, |a, b| std::hint::black_box(a.wrapping_mul(31).wrapping_add(b))) } }\n"
        'fn main() { println!("ready"); loop { std::hint::black_box(shop::total(100000)); } }\n')
    program = tmp_path / "main"
    environment = {**os.environ, "HOME": os.path.expanduser("~")}
    subprocess.run(["rustc", "-O", "-g", "-C", "force-frame-pointers=yes", "-o", program, source], check=True,
                   env=environment, timeout=120)
    profile = record(pprofd, program)
    assert profile.cumulative("main::shop::total") >= 0.8 * profile.total


def test_kernel_symbols_are_those_of_kallsyms(pprofd):
    """The names of kernel frames stand in /proc/kallsyms at or below their addresses."""
    profile = record(pprofd, workload("kernel_time"))
    known = {}
    for line in open("/proc/kallsyms"):
        address, _, name = line.split()[:3]
        known.setdefault(name, set()).add(int(address, 16))
    if not any(any(v) for v in known.values()):
        pytest.skip("kallsyms hides its addresses")
    functions = {function.id: function for function in profile.functions}
    checked = 0
    for location in profile.locations:
        if location.address < 2**63:
            continue
        name = functions[location.lines[0].function_id].name
        if "+0x" in name:
            continue
        assert any(start <= location.address for start in known.get(name, ())), name
        checked += 1
    assert checked > 3

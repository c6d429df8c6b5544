#!/usr/bin/python3
"""symbolize.py [--addresses N,…] [--rounds N] [--only NAME,…] ELF…: how long the names and lines of addresses take,
beside llvm-symbolizer-19, binutils' and elfutils' addr2line, and the Rust crates addr2line and blazesym, the latter by
DWARF and by a converted GSYM file.

Needs the release build, cargo, and the peers' packages (packaging/setup.sh test). Each is a process of its own, the page
cache is warm, addresses are random and distinct, each byte of code as likely as any other; the median of the rounds. The
memory is that of all processes together: anonymous, and the largest one's resident. Of pprofd there are three lines:
without a cache, making the index ("making" is what the run took beyond the one without) and with it. The last line has
the time of an address that was asked before in the same process."""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tests/differential/dwarf"))

from compare import random_addresses  # noqa: E402

OURS = ROOT / "build/release/pprofd"
BUILD = ROOT / "build/benchmarks/symbolize"
GSYM_LIMIT = 100  # seconds


def build_peers():
    if shutil.which("cargo") is None:
        sys.exit("there is no cargo: install Rust")
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", BUILD],
                   cwd=HERE / "peers", check=True)
    return BUILD / "release"


def family(pid):
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def memory_of(pid):
    """(anonymous bytes of all, resident bytes of the largest)."""
    anonymous, resident = 0, 0
    for each in family(pid):
        try:
            status = dict(line.split(":", 1) for line in Path(f"/proc/{each}/status").read_text().splitlines())
            anonymous += int(status["RssAnon"].split()[0]) * 1024
            resident = max(resident, int(status["VmRSS"].split()[0]) * 1024)
        except (OSError, KeyError):
            pass
    return anonymous, resident


def run(command, text):
    """(seconds, anonymous bytes, resident bytes)"""
    peaks = [(0, 0)]
    with tempfile.TemporaryFile() as addresses:
        addresses.write(text.encode())
        addresses.seek(0)
        begun = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], stdin=addresses, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)

        def watch():
            while process.poll() is None:
                peaks.append(memory_of(process.pid))
                time.sleep(0.002)

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = process.wait()
        taken = time.monotonic() - begun
        watcher.join()
    if status != 0:
        return None
    return taken, max(peak[0] for peak in peaks), max(peak[1] for peak in peaks)


def line(name, size, rounds):
    rounds = [each for each in rounds if each]
    if not rounds:
        return f"{name:28} {size:6}   gives up"
    taken, anonymous, resident = zip(*rounds)
    return (f"{name:28} {size:6} {statistics.median(taken):8.3f} s {max(anonymous) / 1e6:7.0f} MB anonymous "
            f"{max(resident) / 1e6:7.0f} MB resident")


def repeated(command, text, times):
    """Microseconds an address that was asked before: of `times` as many, less those of one."""
    once = min(run(command, text)[0] for _ in range(3))
    often = min(run(command, text * times)[0] for _ in range(3))
    return (often - once) * 1e6 / (text.count("\n") * (times - 1))


def convert(file, folder):
    """The GSYM file; None: there is no converter, or it gives up."""
    converter = shutil.which("llvm-gsymutil-19")
    gsym = folder / "file.gsym"
    if converter is None:
        return None
    try:
        found = run(["timeout", GSYM_LIMIT, converter, "--convert", file, "--out-file", gsym, "--num-threads", 1], "")
    except OSError:
        return None
    print(line("GSYM conversion", "", [found]), flush=True)
    return gsym if gsym.exists() else None


def compare(file, sizes, rounds, only, folder):
    peers = build_peers()
    cache = folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    gsym = convert(file, folder)
    commands = {
        "pprofd, no cache": [OURS, "symbolize", "-e", file, "--cache", "none"],
        "llvm-symbolizer-19": ["llvm-symbolizer-19", "-e", file],
        "addr2line": ["addr2line", "-i", "-f", "-C", "-e", file],
        "eu-addr2line": ["timeout", 60, "eu-addr2line", "-i", "-f", "-C", "-e", file],
        "crate addr2line": [peers / "addr2line_crate", file],
        "crate blazesym, DWARF": [peers / "blazesym_crate", "elf", file],
        "crate blazesym, GSYM": [peers / "blazesym_crate", "gsym", gsym] if gsym else None,
    }
    with_index = [OURS, "symbolize", "-e", file, "--cache", cache]
    addresses = random_addresses(file, max(sizes))
    text = {size: "".join(f"{address:#x}\n" for address in addresses[:size]) for size in sizes}
    for name, command in commands.items():
        for size in sizes:
            if command is not None and (not only or name in only):
                print(line(name, size, [run(command, text[size]) for _ in range(rounds)]), flush=True)
    print(line("pprofd, making the index", max(sizes), [run(with_index, text[max(sizes)])]), flush=True)
    kept = list(cache.glob("*.index")) if cache.exists() else []
    if not kept:
        print("no index was made")
        return
    print(f"{'the index':28} {'':6} {kept[0].stat().st_size / 1e6:8.1f} MB")
    for size in sizes:
        print(line("pprofd, with the index", size, [run(with_index, text[size]) for _ in range(rounds)]), flush=True)
    print(f"{'pprofd, asked before':28} {'':6} {repeated(with_index, text[max(sizes)], 10):8.3f} us an address")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--addresses", default="1,1000,20000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="peers by name, separated by commas")
    parser.add_argument("files", metavar="ELF", nargs="+")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.addresses.split(",")]
    for file in arguments.files:
        print(os.path.basename(file), flush=True)
        with tempfile.TemporaryDirectory(dir=BUILD.parent if BUILD.parent.exists() else None) as folder:
            compare(file, sizes, arguments.rounds, set(filter(None, arguments.only.split(","))), Path(folder))


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""memory.py [--seconds N] [--frequency HZ]: what pprofd and the OpenTelemetry eBPF profiler hold in memory, one
after the other, while the same programs run: clang with libLLVM, Chromium with a page that computes, node,
python3, and one that has the code of 200 more of the machine's ELF files mapped.

For each: the eBPF maps that came with it, the resident memory of its processes (rss; pss, where each of n that
share a page has an nth of it, without the maps; and own, without the pages of files), and the sum of maps and pss,
steady (mean of the second half) and at its peak. pprofd also names what it sees, the peer does not. Then the share of
complete stacks of each program, by pprofd. Needs root, the release build, Go, clang-19, Chromium, node; prints
tables."""
import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import loads
import measure
import mix
import peer
import samplers
from harness import system
from harness.processes import Process, run

MORE = 200
MAP_CODE = """import mmap, os, sys
kept = []
for path in sys.stdin.read().split("\\n"):
    with open(path, "rb") as file:
        kept.append(mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC))
while True: sum(range(10000))
"""
PAGE = """<script>function work(n) { const m = new Map(); for (let i = 0; i < n; i++) m.set("k" + i % 9973, i);
document.title = JSON.stringify([...m].sort()).length; setTimeout(work, 0, n); } work(50000);</script>"""
CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--remote-debugging-port=0", "--no-first-run"]


def elf_files():
    """Different ELF files of some size."""
    found = []
    for path in sorted([*Path("/usr/bin").iterdir(), *Path("/usr/lib/x86_64-linux-gnu").glob("*.so*")]):
        with contextlib.suppress(OSError):
            if path.is_symlink() or not 50_000 < path.stat().st_size < 20_000_000:
                continue
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    found.append(str(path))
    return found[:: max(1, len(found) // MORE)][:MORE]


@contextlib.contextmanager
def programs(folder):
    """All of them, running."""
    page = folder / "page.html"
    page.write_text(PAGE)
    (folder / "work.py").write_text(mix.PYTHON)
    (folder / "work.js").write_text(mix.NODE)
    (folder / "map_code.py").write_text(MAP_CODE)
    files = elf_files()
    (folder / "files").write_text("\n".join(files))
    commands = [loads.clang().command, ["node", folder / "work.js"], ["/usr/bin/python3", folder / "work.py"],
                ["sh", "-c", f"exec /usr/bin/python3 {folder}/map_code.py <{folder}/files"],
                [*CHROMIUM, f"--user-data-dir={folder}/chromium", page.as_uri()]]
    with contextlib.ExitStack() as stack:
        for command in commands:
            stack.enter_context(Process(command, cwd=folder, stdout=measure.NOWHERE, stderr=measure.NOWHERE,
                                        env={"HOME": str(folder), "PATH": os.environ["PATH"]}))
        yield len(files)


def map_memory(before):
    """Bytes of the eBPF maps that are not among `before`."""
    entries = json.loads(run([system.bpftool(), "-j", "map", "show"]))
    return sum(entry.get("bytes_memlock", 0) for entry in entries if str(entry["id"]) not in before)


def watch(sampler, before, seconds):
    """[(maps, rss, pss, own)] in MB, every half second."""
    readings = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.5)
        members = []
        for _, pid in measure.family(sampler.process.pid):
            with contextlib.suppress(OSError, KeyError):  # it may end meanwhile
                own, resident, _ = measure.memory(pid)
                members.append((resident, measure.proportional(pid), own))
        readings.append((map_memory(before) / 1e6, *(1.048576 * sum(column) for column in zip(*members))))
    return readings


def columns(readings):
    """Steady and peak of each, and of maps with all resident memory."""
    second_half = readings[len(readings) // 2:]
    parts = [*range(4)]
    steady = [statistics.mean(reading[i] for reading in second_half) for i in parts]
    peak = [max(reading[i] for reading in readings) for i in parts]
    sums = (statistics.mean(maps + shared for maps, _, shared, _ in second_half),
            max(maps + shared for maps, _, shared, _ in readings))
    return [sums[0], *steady, sums[1], *peak]


def completeness(profiles):
    groups = {}
    for profile in profiles:
        groups.setdefault(Path(profile.facts.get("exe", profile.facts["comm"])).name, []).append(profile)
    rows = []
    for name, group in sorted(groups.items(), key=lambda item: -sum(p.total for p in item[1]))[:12]:
        sums = mix.totals(group)
        rows.append((f"{name} ({len(group)})", f"{mix.percent(sums['stacks.complete'], sums['samples.written'])} of "
                                               f"{sums['samples.written']}"))
    measure.table(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--frequency", type=int, default=99)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is undone
    if missing := [name for name in ("chromium", "node", "clang++-19") if not shutil.which(name)]:
        sys.exit(f"not installed: {' '.join(missing)}")
    peer_programs = peer.build(peer.PROFILER, peer.RECEIVER)
    rows, profiles = [], []
    with tempfile.TemporaryDirectory(prefix="pprofd-benchmark-") as name, measure.scratch() as pprofd, \
            programs(Path(name)) as more:
        time.sleep(5)  # Chromium has begun
        for who in ("pprofd", "otel"):
            before = system.bpf_objects("map")
            sampler = (samplers.Ours(pprofd, arguments.frequency) if who == "pprofd"
                       else samplers.Peer(peer_programs, arguments.frequency))
            with contextlib.closing(sampler):
                rows.append((who, watch(sampler, before, arguments.seconds)))
                found = sampler.finish()
                profiles = found if who == "pprofd" else profiles
    print(f"MB, {arguments.seconds:g} s at {arguments.frequency} Hz; clang, chromium, node, python3 and {more} more "
          "files")
    heads = [f"{when}:{what}" for when in ("steady", "peak") for what in ("sum", "maps", "rss", "pss", "own")]
    table = [(who, *columns(readings)) for who, readings in rows]
    print(" " * 8, *(head.rjust(11) for head in heads))
    for who, *figures in table:
        print(who.ljust(8), *(f"{figure:11.1f}" for figure in figures))
    ours, theirs = (row[1:] for row in table)
    print("ratio".ljust(8), *(f"{a / b:11.2f}" if b else "-".rjust(11) for a, b in zip(ours, theirs)))
    print("\ncomplete stacks, by program (processes), by pprofd")
    completeness(profiles)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""mix.py [--seconds N] [--frequency HZ]: a recording of the whole machine while a compiler (make -j2 over
pprofd's own sources), a Go, a Python and a Node program run: processes, samples, share of frames with a
symbol, drops. Then 500 processes of 50 ms: how many were seen, named, symbolized. Programs that are not
installed are left out, and that is said. Needs root and the release build; prints tables."""
import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import measure
from harness.paths import ROOT, TOOLS, workload
from harness.processes import Process, run as run_program

GO = """package main
import ("fmt"; "sort")
func work(n int) int { m := map[int]int{}; for i := 0; i < n; i++ { m[i*7919%100003] += i }
  keys := make([]int, 0, len(m)); for k := range m { keys = append(keys, k) }; sort.Ints(keys); return keys[len(keys)/2] }
func main() { total := 0; for { total += work(200000); if total == -1 { fmt.Println(total) } } }
"""
PYTHON = """import json
def work(n):
    rows = [{"key": i % 97, "value": str(i)} for i in range(n)]
    return len(json.dumps(sorted(rows, key=lambda row: row["key"])))
while True: work(20000)
"""
NODE = """function work(n) { const m = new Map(); for (let i = 0; i < n; i++) m.set("k" + i % 9973, i);
  return JSON.stringify([...m].sort()).length; }
for (;;) work(100000);
"""


def makefile(folder):
    """A Makefile that compiles sources of pprofd that need nothing generated, for ever."""
    sources = [path for path in sorted(ROOT.glob("tests/workloads/*.c*"))
               if path.name not in ("plugin.c", "CMakeLists.txt")]
    lines = [f"OBJECTS = {' '.join(f'{s.stem}.{i}.o' for i in range(40) for s in sources)}", "all: $(OBJECTS)"]
    for source in sources:
        compiler = "g++ -std=c++20" if source.suffix == ".cc" else "gcc"
        lines += [f"{source.stem}.%.o:", f"\t{compiler} -O2 -g -I{ROOT} -c -o $@ {source}"]
    (folder / "Makefile").write_text("\n".join(lines) + "\n")


def programs(folder):
    """[(name, command)] of the mix, and the names of those that can't run here."""
    makefile(folder)
    (folder / "work.py").write_text(PYTHON)
    (folder / "work.js").write_text(NODE)
    found = [("make", ["make", "-s", "-j2", "-C", str(folder)]), ("python3", ["/usr/bin/python3", folder / "work.py"])]
    missing = []
    if (TOOLS / "bin/go").exists():
        (folder / "main.go").write_text(GO)
        run_program([TOOLS / "bin/go", "build", "-o", folder / "go-program", "main.go"], cwd=folder, seconds=120)
        found.append(("go-program", [folder / "go-program"]))
    else:
        missing.append("Go")
    if shutil.which("node"):
        found.append(("node", ["node", folder / "work.js"]))
    else:
        missing.append("Node")
    return found, missing


def frames_with_symbols(profiles):
    """{kind: [with a symbol, all]} frames, weighted by samples."""
    counts = {"kernel": [0, 0], "user": [0, 0]}
    for profile in profiles:
        for sample in profile.samples:
            for name, mapping in profile.frames(sample):
                count = counts["kernel" if mapping.is_kernel else "user"]
                count[1] += sample.values[0]
                count[0] += sample.values[0] if "+0x" not in name else 0
    return counts


def percent(part, whole):
    return f"{100 * part / whole:.2f} %" if whole else "-"


def totals(profiles):
    sums = {}
    for profile in profiles:
        for key, value in profile.facts.items():
            if key.startswith(("samples.", "stacks.", "host.samples.")) and value.isdigit():
                # host.* stands in every file of a recording with the same value.
                sums[key] = int(value) if key.startswith("host.") else sums.get(key, 0) + int(value)
    return sums


def report_mix(profiles):
    sums = totals(profiles)
    rows = [("processes", len(profiles))]
    rows += [(key, value) for key, value in sorted(sums.items())]
    rows += [(f"{kind} frames with a symbol", f"{percent(*count)} of {count[1]}")
             for kind, count in frames_with_symbols(profiles).items()]
    measure.table(rows)
    by_name = {}
    for profile in profiles:
        by_name.setdefault(profile.facts["comm"], []).append(profile)
    print("\ncomm              processes  samples  user frames with a symbol")
    for comm, group in sorted(by_name.items(), key=lambda item: -sum(p.total for p in item[1]))[:12]:
        user = frames_with_symbols(group)["user"]
        print(f"{comm:<16}  {len(group):9}  {sum(p.total for p in group):7}  {percent(*user)}")


def record_mix(pprofd, arguments):
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        mix, missing = programs(Path(name))
        for _, command in mix:
            stack.enter_context(Process(command, cwd=name, env={"HOME": os.environ.get("HOME", "/root")}))
        begin = time.monotonic()
        run = pprofd.run("record", "--all", "-F", arguments.frequency, "-d", arguments.seconds, "-o", "mix/",
                         seconds=arguments.seconds + 60).succeed()
        elapsed = time.monotonic() - begin
    print(f"{arguments.seconds} s at {arguments.frequency} Hz: {', '.join(name for name, _ in mix)}"
          + (f" (not installed: {', '.join(missing)})" if missing else ""))
    report_mix(run.profiles)
    print(f"\nwhole run: {elapsed:.2f} s\n")


def record_short(pprofd, count):
    run = pprofd.start("record", "--all", "-o", "short/").wait_started()
    with Process([workload("spawner"), count, measure.cpus(), workload("burn"), 50]) as spawner:
        out, _ = spawner.wait(300)
    run.finish().succeed()
    pids = [line.split()[0] for line in out.decode().splitlines()]
    expected = sum(int(line.split()[2]) for line in out.decode().splitlines()) / 1e9 * 99
    seen = [run.profile_of(pid) for pid in pids if run.has_profile_of(pid)]
    measure.table([
        ("short processes (50 ms)", count),
        ("seen", len(seen)),
        ("named", sum(p.facts["comm"] == "burn" for p in seen)),
        ("symbolized", sum(p.cumulative("burn_cpu") > 0 for p in seen)),
        ("samples / CPU time x Hz", f"{sum(p.total for p in seen)} / {expected:.0f}"),
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--frequency", type=int, default=99)
    arguments = parser.parse_args()
    with measure.scratch() as pprofd:
        record_mix(pprofd, arguments)
        record_short(pprofd, 500)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""speed.py [--rounds N] [--peer PROGRAM] [FILE…]: how fast unwind rows are compiled, beside the OpenTelemetry
eBPF profiler's extractor, file by file in turn, one thread, warm page cache, CPU time.

Needs the release build and Go, with which the peer is built from its registry's module at the version
that ../otel/go.mod pins; --peer names one that was built before. A line a file: MB of call frame
information, MB/s of either (best of the rounds, each a median), their ratio, rows of either, and
bytes a row in the kernel's tables if no other file shared a rule with this one."""
import argparse
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import peer  # noqa: E402

OURS = peer.ROOT / "build/release/bin/rows_speed"
FILES = ("/usr/lib/x86_64-linux-gnu/libLLVM.so.19.1", "/usr/lib/x86_64-linux-gnu/libclang-cpp.so.19.1",
         "/usr/lib/chromium/chromium", "/usr/bin/node", "/usr/lib/x86_64-linux-gnu/libc.so.6",
         "/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "/usr/bin/python3.11")
ROW_BYTES, RULE_BYTES = 4, 24  # bpf/unwind_rule.h


def measure(program, file):
    """{column: value} of the program's one line."""
    answer = subprocess.run([program, file], capture_output=True, text=True)
    if answer.returncode != 0:
        return None
    head, line = answer.stdout.splitlines()
    return dict(zip(head.split("\t"), line.split("\t")))


def compare(file, extractor, rounds):
    best = {}
    for _ in range(rounds):
        for program in (OURS, extractor):
            found = measure(program, file)
            if found and (program not in best or float(found["MB/s"]) > float(best[program]["MB/s"])):
                best[program] = found
    if OURS not in best:
        return f"{os.path.basename(file):24} can't be read"
    ours, theirs = best[OURS], best.get(extractor)
    rate, rows = float(ours["MB/s"]), int(ours["rows"])
    bytes_a_row = ROW_BYTES + RULE_BYTES * int(ours["rules"]) / max(rows, 1)
    if theirs is None:
        return f"{os.path.basename(file):24} {float(ours['MB']):8.3f} {rate:8.1f}   the peer gives up"
    ratio = rate / max(float(theirs["MB/s"]), 1e-9)
    return (f"{os.path.basename(file):24} {float(ours['MB']):8.3f} {rate:8.1f} {float(theirs['MB/s']):8.1f} "
            f"{ratio:6.2f} {rows:9} {int(theirs['rows']):9} {bytes_a_row:8.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("files", metavar="FILE", nargs="*")
    arguments = parser.parse_args()
    files = arguments.files or [file for file in FILES if os.path.exists(file)]
    extractor = arguments.peer or peer.build(peer.EXTRACTOR)[0]
    print(f"{'file':24} {'MB':>8} {'MB/s':>8} {'peer':>8} {'ratio':>6} {'rows':>9} {'peer':>9} {'B/row':>8}")
    for file in files:
        print(compare(file, extractor, arguments.rounds), flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compares rows_tool's dump of ELF files with `readelf --debug-dump=frames-interp`, line by line.

usage: rows_against_readelf.py ROWS_TOOL FILE...

readelf prints the rows of each FDE; here they are laid side by side in address order, as the
unwinder would see them: equal neighbours once, `none` where nothing covers. A line a file: file,
verdict, rows compared, counts of what is listed and is no difference:
  trampoline      rows of signal trampolines found by their instructions
  unsupported     expressions are `exp` on both sides; a register instead is the stack pointer's rule
Exit status 1 if any file differs; its first differences are on stderr.
"""
import bisect
import re
import subprocess
import sys

FDE = re.compile(r"^[0-9a-f]{8,16} [0-9a-f]{8,16} [0-9a-f]{8,16} FDE cie=([0-9a-f]+) "
                 r"pc=(?:[0-9a-f]{4}:)?([0-9a-f]+)\.\.([0-9a-f]+)")
CIE = re.compile(r'^([0-9a-f]{8,16}) [0-9a-f]{8,16} [0-9a-f]{8,16} CIE ".*" .*ra=(\d+)')
SECTION = re.compile(r"^Contents of the (\S+) section")
REGISTER = re.compile(r"r\d+ \((\w+)\)")  # "r9 (r9)", "r1 (rdx)"
GAP = "none"


class Fde:
    def __init__(self, start, end, order, arm, ra):
        self.start, self.end, self.order = start, end, order
        self.arm, self.ra = arm, ra
        self.cie = [None, ra]
        self.rows = []  # (address, "cfa fp ra")


def words(fields, columns, fde):
    """cfa, fp, ra in our words; a register without a column keeps its value."""
    found = dict(zip(columns, fields))
    fp = found.get("x29" if fde.arm else "rbp", "u")
    # Same value and undefined are one to the unwinder.
    fp = "u" if fp in ("s", "u") else fp
    ra = found.get("ra", "u")
    if fde.arm and ra in ("u", "s"):
        # readelf says `u` for what was never set too: the column's register then has it.
        ra = f"x{fde.ra}|u"
    return (found["CFA"], "exp" if fp == "vexp" else fp, "exp" if ra == "vexp" else ra)


def readelf_fdes(path, arm):
    """The FDEs of .eh_frame and of .debug_frame, each in file order."""
    process = subprocess.Popen(["readelf", "-W", "--debug-dump=frames-interp", path],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               errors="replace")
    sections = {".eh_frame": [], ".debug_frame": []}
    section = fde = columns = current_cie = None
    cies = {}  # offset: [its own row, return address column]
    for line in process.stdout:
        line = line.rstrip("\n")
        if match := SECTION.match(line):
            section = match[1]
            cies = {}
            fde = current_cie = None
        elif match := CIE.match(line):
            fde, columns = None, None
            current_cie = match[1]
            cies[int(current_cie, 16)] = [None, match[2]]
        elif match := FDE.match(line):
            current_cie, columns = None, None
            cie = cies.get(int(match[1], 16), [None, 0])
            fde = Fde(int(match[2], 16), int(match[3], 16), len(sections.get(section, [])), arm,
                      cie[1])
            # An FDE without rows of its own has its CIE's.
            fde.cie = cie
            sections.setdefault(section, []).append(fde)
        elif line.lstrip().startswith("LOC"):
            columns = line.split()[1:]
        elif columns and line and line[0] in "0123456789abcdef":
            if line.endswith("ZERO terminator"):
                continue
            fields = REGISTER.sub(r"\1", line).split()
            if len(fields) != len(columns) + 1:
                raise ValueError(f"{path}: {line!r} under {columns}")
            holder = fde or Fde(0, 0, 0, arm, cies[int(current_cie, 16)][1])
            row = words(fields[1:], columns, holder)
            if fde:
                fde.rows.append((int(fields[0], 16), row))
            elif current_cie is not None:
                cies[int(current_cie, 16)][0] = row
    if process.wait() != 0 and not any(sections.values()):
        return sections
    for fdes in sections.values():
        for fde in fdes:
            if not fde.rows and fde.cie[0]:
                fde.rows = [(fde.start, fde.cie[0])]
    return sections


def spans(fdes, code):
    """Disjoint (start, end, fde): each FDE is cut where the next begins."""
    known = sorted((f for f in fdes if f.start < f.end and any(a <= f.start < b for a, b in code)),
                   key=lambda f: (f.start, f.order))
    result = []
    for fde in known:
        if result and result[-1][0] == fde.start:
            continue
        if result and result[-1][1] > fde.start:
            result[-1] = (result[-1][0], fde.start, result[-1][2])
        result.append((fde.start, fde.end, fde))
    return result


def lay_out(sections, code):
    """Rows in address order: .eh_frame's, and .debug_frame's where it has none."""
    first = spans(sections[".eh_frame"], code)
    starts = [span[0] for span in first]
    laid = list(first)
    for start, end, fde in spans(sections[".debug_frame"], code):
        at = start
        i = max(bisect.bisect_right(starts, start) - 1, 0)
        while at < end:
            while i < len(first) and first[i][1] <= at:
                i += 1
            if i == len(first) or first[i][0] >= end:
                laid.append((at, end, fde))
                break
            if first[i][0] > at:
                laid.append((at, first[i][0], fde))
            at = first[i][1]
    laid.sort(key=lambda span: span[0])
    rows, holding, covered = [], GAP, None

    def put(address, rule):
        nonlocal holding
        if rule != holding:
            rows.append((address, rule))
            holding = rule

    for start, end, fde in laid:
        if covered is not None and covered < start:
            put(covered, GAP)
        inside = [(a, r) for a, r in fde.rows if a < end]
        before = [r for a, r in inside if a <= start]
        if before:
            put(start, before[-1])
        # Of several rows for one address the last holds.
        for i, (address, rule) in enumerate(inside):
            if address > start and not (i + 1 < len(inside) and inside[i + 1][0] == address):
                put(address, rule)
        covered = end
    if covered is not None:
        put(covered, GAP)
    return rows


def executable_segments(path):
    text = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True).stdout
    ranges = []
    for line in text.splitlines():
        fields = line.split()
        if fields[:1] == ["LOAD"] and "E" in "".join(fields[6:-1]):
            ranges.append((int(fields[2], 16), int(fields[2], 16) + int(fields[5], 16)))
    return ranges


def our_rows(tool, path):
    result = subprocess.run([tool, "dump", path], capture_output=True, text=True)
    if result.returncode != 0:
        return None, result.stderr.strip()
    return parse_rows(result.stdout), ""


def parse_rows(text):
    """Rows as rows_tool and `pprofd inspect --rows` write them."""
    rows = []
    for line in text.splitlines():
        address, rest = line.split(" ", 1)
        rows.append((int(address, 16), GAP if rest == GAP else tuple(rest.split(" "))))
    return rows


def same(ours, theirs):
    if GAP in (ours, theirs):
        return ours == theirs
    return (ours[0] == theirs[0] and ours[1] == theirs[1] and
            (ours[2] == theirs[2] or ours[2] in theirs[2].split("|")))


def readelf_rows(path):
    header = subprocess.run(["readelf", "-hW", path], capture_output=True, text=True).stdout
    return lay_out(readelf_fdes(path, "AArch64" in header), executable_segments(path))


def compare_rows(ours, theirs):
    """How many places were compared, what is listed by kind, and [(address, ours, theirs)]."""
    listed, differences = {}, []
    i = j = 0
    our_rule = their_rule = GAP
    compared = 0
    while i < len(ours) or j < len(theirs):
        address = min(ours[i][0] if i < len(ours) else 1 << 65,
                      theirs[j][0] if j < len(theirs) else 1 << 65)
        if i < len(ours) and ours[i][0] == address:
            our_rule = ours[i][1]
            i += 1
        if j < len(theirs) and theirs[j][0] == address:
            their_rule = theirs[j][1]
            j += 1
        compared += 1
        if same(our_rule, their_rule):
            continue
        if our_rule == ("exp", "exp", "exp"):
            listed["trampoline"] = listed.get("trampoline", 0) + 1
        elif (our_rule != GAP and their_rule != GAP and our_rule[0] == "exp" and
              our_rule[1:] == their_rule[1:]):
            listed["unsupported"] = listed.get("unsupported", 0) + 1
        else:
            differences.append((address, our_rule, their_rule))
    return compared, listed, differences


def compare(tool, path):
    ours, why = our_rows(tool, path)
    if ours is None:
        print(path, "refused", 0, why, sep="\t")
        return True
    compared, listed, differences = compare_rows(ours, readelf_rows(path))
    for address, ours_is, theirs_is in differences[:10]:
        print(f"{path}: {address:#x}: ours: {ours_is} readelf: {theirs_is}", file=sys.stderr)
    counts = [f"{name}={count}" for name, count in sorted(listed.items())]
    print(path, "different" if differences else "same", compared, *counts, sep="\t", flush=True)
    return not differences


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    results = [compare(sys.argv[1], path) for path in sys.argv[2:]]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()

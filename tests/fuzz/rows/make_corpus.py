#!/usr/bin/env python3
"""Writes the row compiler's seed corpus: small real files, and their call frame information alone.

usage: make_corpus.py FOLDER [ELF...]

A seed's first byte is the shape that rows_fuzzer.cc reads. Without files named, programs are built
here with the machine's compiler, with and without frame pointers, and a few with .cfi_* directives.
"""
import pathlib
import struct
import subprocess
import sys
import tempfile

WHOLE, EH_FRAME, DEBUG_FRAME, ARM_EH_FRAME, SECTIONLESS = range(5)

C_SOURCE = r"""
#include <alloca.h>
#include <string.h>
__attribute__((noinline)) int leaf(int a) { return a * 3; }
__attribute__((noinline)) int deep(int a, char *b) {
  char *c = alloca(a); memset(c, 1, a); return leaf(c[a / 2] + b[0]); }
__attribute__((noinline)) int aligned(int a) {
  char c[64] __attribute__((aligned(64))); memset(c, a, 64); return deep(a, c); }
int main(int argc, char **argv) { return aligned(argc) + deep(argc, argv[0]); }
"""

ASSEMBLY = r"""
.text
.globl f
f: .cfi_startproc
 nop
 .cfi_def_cfa_offset 16
 nop
 .cfi_remember_state
 .cfi_escape 0x0f,3,0x76,0x78,0x06
 nop
 .cfi_restore_state
 .cfi_undefined rip
 nop
 .cfi_register rip, rdi
 .cfi_same_value rbp
 nop
 .cfi_val_offset rbp, 8
 .cfi_escape 0x2e,0x10
 .cfi_escape 0x10,6,2,0x76,0
 nop
 .cfi_endproc
g: .cfi_startproc
 .cfi_signal_frame
 .cfi_escape 0x0f,4,0x77,0xa0,0x01,0x06
 .cfi_escape 0x10,6,3,0x77,0xf8,0
 .cfi_escape 0x10,16,3,0x77,0xa8,1
 movq $15,%rax
 syscall
 .cfi_endproc
"""


def build(folder):
    """Small ELF files of many kinds."""
    source, assembly = folder / "a.c", folder / "b.s"
    source.write_text(C_SOURCE)
    assembly.write_text(ASSEMBLY)
    made = []
    common = ["-nostdlib", "-shared", "-Wl,--build-id=none", "-Wl,-z,noseparate-code"]
    for i, flags in enumerate((["-O0"], ["-O2"], ["-O2", "-fno-asynchronous-unwind-tables", "-g"],
                               ["-O2", "-mavx2"], ["-O2", "-g", "-gz"], ["-O2", "-Wl,-s"])):
        out = folder / f"a{i}"
        subprocess.run(["cc", "-fPIC", *common, *flags, str(source), "-o", str(out)], check=True)
        made.append(out)
    out = folder / "b"
    subprocess.run(["cc", *common, str(assembly), "-o", str(out)], check=True)
    made.append(out)
    text = assembly.read_text().replace(".text\n", ".cfi_sections .debug_frame\n.text\n", 1)
    assembly.write_text(text)
    out = folder / "c"
    subprocess.run(["cc", *common, str(assembly), "-o", str(out)], check=True)
    made.append(out)
    return made


def sections(data):
    """name: bytes of an ELF file's sections that matter."""
    offset, = struct.unpack_from("<Q", data, 0x28)
    entry, count, names = struct.unpack_from("<HHH", data, 0x3A)
    if offset == 0 or entry != 64:
        return {}
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, offset + i * entry) for i in range(count)]
    strings = headers[names][4]
    found = {}
    for header in headers:
        start = strings + header[0]
        name = data[start:data.index(b"\0", start)].decode()
        if header[1] != 8:
            found[name] = data[header[4]:header[4] + header[5]]
    return found


def seeds(data):
    yield bytes([WHOLE]) + data
    arm = struct.unpack_from("<H", data, 18)[0] == 183
    found = sections(data)
    if ".eh_frame" in found:
        yield bytes([ARM_EH_FRAME if arm else EH_FRAME]) + found[".eh_frame"]
        # A header that points just behind itself.
        header = struct.pack("<BBBBiI", 1, 0x1B, 3, 0x3B, 8, 0)
        yield bytes([SECTIONLESS]) + header + found[".eh_frame"]
    if ".debug_frame" in found:
        yield bytes([DEBUG_FRAME]) + found[".debug_frame"]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(path) for path in sys.argv[2:]] or build(pathlib.Path(folder))
        for i, path in enumerate(files):
            for j, seed in enumerate(seeds(path.read_bytes())):
                (out / f"seed-{i}-{j}").write_bytes(seed)


if __name__ == "__main__":
    main()

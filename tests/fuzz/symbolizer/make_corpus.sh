#!/bin/bash
# make_corpus.sh FOLDER: the seeds of this folder's fuzzers, made with the tools of the machine, as
# FOLDER/FUZZER.corpus/.
set -euo pipefail
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
elf=$out/elf_symbols_fuzzer.corpus
debugdata=$out/debugdata_fuzzer.corpus
demangle=$out/demangle_fuzzer.corpus
protocol=$out/worker_protocol_fuzzer.corpus
jit_dump=$out/jit_dump_fuzzer.corpus
rm -rf "$elf" "$debugdata" "$demangle" "$protocol" "$jit_dump"
mkdir -p "$elf" "$debugdata" "$demangle" "$protocol" "$jit_dump"

cat > "$work/a.c" <<'C'
int puts(const char*);
__attribute__((weak)) int twice(int x) { return puts("x") + x; }
int start(int x) { return twice(x); }
C
gcc -O1 -fPIC -shared -nostdlib -Wl,--build-id "$work/a.c" -o "$work/a.so"
gcc -O1 -fPIC -shared -nostdlib -Wl,-z,ibtplt -fcf-protection "$work/a.c" -o "$elf/ibt"
objcopy --only-keep-debug "$work/a.so" "$work/a.debug"
xz -k "$work/a.debug"
cp "$work/a.so" "$elf/shared"
strip "$work/a.so" -o "$elf/stripped"
objcopy --add-section .gnu_debugdata="$work/a.debug.xz" "$elf/stripped" "$elf/debugdata"
gcc -O1 -c "$work/a.c" -o "$elf/object"
cp "$work/a.debug" "$elf/debug"

cp "$work/a.debug.xz" "$debugdata/elf"
echo hello | xz > "$debugdata/text"
head -c 100000 /dev/zero | xz -9 > "$debugdata/zeros"
echo hello | xz --check=none > "$debugdata/unchecked"

n=0
while read -r name; do
  printf %s "$name" > "$demangle/$((n++))"
done <<'NAMES'
_ZNSt6vectorIiSaIiEE9push_backEOi
_ZZN1A1fEiENKUlT_E_clIiEEDaS0_
_ZN12_GLOBAL__N_11fEi.isra.0
_ZltIiEbT_S0_
_Z1f1AIiiE1BIS0_S0_E
_ZN4core3fmt5write17h0123456789abcdefE
_RINvMNtCsgEmfK2I1SDS_4core3stre18trim_start_matchesReECsgY6Mt91CT9J_14rustc_demangle
_D3std5stdio4File6__ctorMFNcNeAyaAxaZSQBdQBaQy
___Z10blocksNRVOv_block_invoke
_Z3fooi@plt
a::b<c>::operator()(d)::'lambda'(e) const::f
NAMES

# The first byte says in which two pieces the rest is read.
python3 - "$jit_dump" <<'PYTHON'
import struct, sys
def record(kind, time, body):
    return struct.pack("<IIQ", kind, 16 + len(body), time) + body
def load(time, address, size, name):
    return record(0, time, struct.pack("<IIQQQQ", 1, 1, address, address, size, 1) + name + b"\0\x90\xc3")
def header(padding, flags):
    return struct.pack("<IIIIIIQQ", 0x4a695444, 1, 40, 62, padding, 1, 0, flags)
lines = record(2, 5, struct.pack("<QQ", 0x1000, 2) + struct.pack("<QII", 0x1040, 7, 0) + b"a.js\0"
               + struct.pack("<QII", 0x1050, 9, 0) + b"\xff\0")
moved = record(1, 20, struct.pack("<IIQQQQQ", 1, 1, 0x2000, 0x1000, 0x2000, 0x100, 1))
body = lines + load(10, 0x1000, 0x100, b"first") + moved + load(30, 0x1010, 0x80, b"second") + record(3, 40, b"")
for name, head in (("plain", header(0, 0)), ("v8", header(0xdeadbeef, 0)), ("clock", header(0, 1))):
    open(f"{sys.argv[1]}/{name}", "wb").write(b"\x80" + head + body)
PYTHON

encode() { # MESSAGE NAME, text on stdin
  protoc --proto_path="$(dirname "$0")/../../.." --encode="pprofd.worker.$1" proto/worker.proto > "$protocol/$2"
}
encode Reply reply <<'T'
id: 1 last: true build_id: "\001\002" texts: "f(int)" texts: "_Z1fi" texts: "f.cc"
addresses { address: 4096 function_start: 4096 frames: [1, 2, 3, 3, 1, 1, 2, 0, 0, 0, 0, 0] }
addresses { index: 4 address: 1 } addresses { index: 1 } addresses { index: 2 } addresses { index: 3 }
T
encode Reply failure <<< 'id: 1 last: true failure: "no symbols" names_fault: 1 lines_fault: 2'
encode Reply part <<< 'id: 1 addresses { address: 1 }'
encode Request request <<< 'id: 1 file: 2 style: SIMPLE offsets: 4096 offsets: 8192'
encode Request package_request <<< 'id: 1 file: 2 offsets: 4096 lines: true debug_file: true package: true'
encode Request split_request <<< 'id: 1 file: 2 offsets: 4096 lines: true split_files: true'
encode Reply wanted <<< 'id: 1 wanted { folder: "/src" name: "unit.dwo" }'
encode Handover handover <<< 'id: 1'
encode Request index_request <<< 'id: 1 file: 2 lines: true scratch: true index_key: "1-2-3-4.5" make_index: true'
encode Reply index_refused <<< 'id: 1 last: true failure: "its index is damaged" index_refused: true'
encode IndexReply index <<< 'id: 1 size: 4096'
encode Request row_request <<< 'id: 1 file: 2 rows { merge_pairs: true padding: 15 beyond_cfi: true }'
encode RowReply rows <<'T'
id: 1 machine: 62 base: 4096 addresses: "\000\000\000\000\004\000\000\000" rules: "\000\000\001\000"
new_rules: "\001\000\000\000\010\000\000\000\000\000\000\000\370\377\377\377\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
T
encode RowReply row_facts <<'T'
id: 1 last: true build_id: "\001" machine: 62 facts { segments { offset: 4096 file_size: 4096 address: 4096 memory_size: 4096 }
go { functions { function: 2 start: 4096 size: 16 } } text_start: 4096 text_end: 8192 fdes: 2 go_functions: 1
malformed: 0 malformed: 0 malformed: 0 malformed: 0 malformed: 0 malformed: 0 malformed: 0 malformed: 0 notes: "n" }
T
encode Request symbol_request <<< 'id: 1 file: 2 symbols { list: true }'
encode SymbolReply symbols <<< 'id: 1 symbols { start: 4096 size: 16 source: 2 name: "f" }'
encode SymbolReply symbol_facts <<< 'id: 1 last: true facts { sources { name: ".symtab" symbols: 1 } memory: 99 notes: "n" }'
encode Hello hello <<< 'version: 1 sandbox { name: "seccomp" applied: true detail: "x" }'
encode Setup setup <<< 'version: 1 memory_limit: 150000000 cpu_milliseconds: 10000'

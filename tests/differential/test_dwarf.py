"""Lines and inlined functions against llvm-symbolizer-19, on programs made here and on our own.

20,000 addresses a program, each byte of code as likely as any other. A normal run takes a few of the programs
made here and pprofd; --long all of them, and the files with debug information that the machine has.
The verdict of each file goes to build/tests/dwarf-llvm.tsv.
"""
import collections
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dwarf import compare

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "build/release/bin/dwarf_tool"
OURSELVES = ROOT / "build/release/pprofd"
REPORT = ROOT / "build/tests/dwarf-llvm.tsv"
COUNT = 20_000
# Of the addresses that debug information covers, what may differ in lines, depth or inlined names.
TOLERANCE = 0.001

CXX = r"""
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>
struct Base { virtual ~Base() = default; virtual int f(int) = 0; };
template <int N> struct Sorter : Base {
  int f(int a) override {
    std::vector<int> v(a % 97 + N);
    std::sort(v.begin(), v.end(), [](int x, int y) { return x * N < y; });
    return v.empty() ? N : v.back();
  }
};
template <int N> void add(std::vector<std::unique_ptr<Base>> &all) {
  all.push_back(std::make_unique<Sorter<N>>());
  if constexpr (N > 0) add<N - 1>(all);
}
int main(int argc, char **argv) {
  std::vector<std::unique_ptr<Base>> all;
  add<40>(all);
  std::map<std::string, int> m;
  std::unordered_map<std::string, std::function<int(int)>> u;
  for (int i = 0; i < argc; ++i) {
    m[argv[i]] = i;
    u[argv[i]] = [i, &all](int x) { return all[i % all.size()]->f(x); };
  }
  std::regex r("a+(b|c)*[d-f]");
  std::smatch s;
  std::string text = argv[0];
  std::ostringstream out;
  if (std::regex_search(text, s, r)) out << s[0];
  std::thread t([&] { for (auto &entry : m) out << entry.first << entry.second; });
  t.join();
  for (auto &entry : u) out << entry.second(argc);
  std::cout << out.str();
}
"""

RUST = r"""
use std::collections::{BTreeMap, HashMap};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut m: HashMap<String, Vec<u64>> = HashMap::new();
    let mut b = BTreeMap::new();
    for (i, x) in args.iter().enumerate() {
        m.entry(x.clone()).or_default().push(i as u64);
        b.insert(x.len(), x.to_uppercase());
    }
    let mut k: Vec<_> = m.iter().map(|(k, v)| (v.iter().sum::<u64>(), k.clone())).collect();
    k.sort_by(|x, y| y.cmp(x));
    println!("{:?} {:?}", k, b);
    std::thread::spawn(move || println!("{}", k.len())).join().unwrap();
}
"""

GO = r"""
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sort"
)

func main() {
	m := map[string]int{}
	for i, a := range os.Args {
		m[a] = i
	}
	keys := []string{}
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	b, _ := json.Marshal(m)
	fmt.Println(string(b), keys)
	if len(keys) > 5 {
		http.ListenAndServe(":0", nil)
	}
}
"""

PROGRAMS = {
    "gcc-O2": ["g++", "-O2", "-g"],
    "gcc-O0": ["g++", "-O0", "-g"],
    "gcc-O3-dwarf4": ["g++", "-O3", "-gdwarf-4"],
    "gcc-dwarf2": ["g++", "-O2", "-gdwarf-2", "-gstrict-dwarf"],
    "gcc-lto": ["g++", "-O2", "-g", "-flto"],
    "gcc-split": ["g++", "-O2", "-g", "-gsplit-dwarf"],
    "gcc-zlib": ["g++", "-O2", "-g", "-gz"],
    "clang-O2": ["clang++-19", "-O2", "-g"],
    "clang-dwarf4": ["clang++-19", "-O2", "-gdwarf-4", "-ffunction-sections", "-fdebug-types-section"],
    "clang-lines": ["clang++-19", "-O2", "-gline-tables-only"],
    "clang-split": ["clang++-19", "-O2", "-g", "-gsplit-dwarf"],
    "clang-lto": ["clang++-19", "-O2", "-g", "-flto", "-fuse-ld=lld"],
    "clang-sections": ["clang++-19", "-O2", "-g", "-ffunction-sections", "-fuse-ld=lld", "-Wl,--gc-sections"],
    "rustc": ["rustc", "-O", "-g"],
    "go": ["go", "build"],
}

# What the usual run has; --long all.
SAMPLE = ("gcc-O2", "gcc-zlib", "gcc-split", "clang-dwarf4", "rustc", "go")


@pytest.fixture(scope="session", autouse=True)
def built():
    assert TOOL.exists(), f"{TOOL} is not built"
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.unlink(missing_ok=True)


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not there")


def addresses_of_symbols(path):
    """name, without a symbol version: the addresses it stands for."""
    text = subprocess.run(["nm", str(path)], capture_output=True, text=True).stdout
    found = collections.defaultdict(set)
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) == 3:
            found[without_version(fields[2])].add(fields[0])
    return found


def without_version(symbol):
    return symbol.partition("@")[0]


def is_bare(frame):
    """Without a line, and with no file or just a symbol's."""
    return frame[1].endswith(":0:0") and "/" not in frame[1]


def explain(mine, theirs, names):
    """The class of a difference. What is explained is none of the debug information's:

    alias          the outermost function has several symbols at one address, and we take another; or it is
                   the same, without the version that llvm-symbolizer leaves at it
    symbol's file  llvm-symbolizer gives the symbol table's file name where there is no other
    outside        neither has debug information; the symbol is found differently, or a PLT stub has a name
    """
    if mine == theirs:
        return "same"
    if is_bare(mine[-1]) and is_bare(theirs[-1]):
        if mine[:-1] == theirs[:-1] and mine[-1][0] == theirs[-1][0]:
            return "symbol's file"
        if len(mine) == len(theirs) == 1:
            return "outside"
        mine = mine[:-1] + [(mine[-1][0], theirs[-1][1])]
    kind = compare.classify(mine, theirs)
    if kind == "outermost name" and names[mine[-1][0]] & names[without_version(theirs[-1][0])]:
        return "alias"
    return kind


def check(path, options=()):
    addresses = compare.random_addresses(path, COUNT)
    mine, theirs = compare.ours(TOOL, path, addresses, options), compare.llvms(path, addresses)
    names = addresses_of_symbols(path)
    counts, examples = collections.Counter(), []
    for address, a, b in zip(addresses, mine, theirs):
        kind = explain(a, b, names)
        counts[kind] += 1
        if kind not in ("same", "alias", "symbol's file", "outside") and len(examples) < 5:
            examples.append((kind, hex(address), a, b))
    with REPORT.open("a") as report:
        report.write(f"{path}\t{dict(counts)}\n")
    print(path, dict(counts))
    described = sum("/" in frames[0][1] for frames in theirs)
    assert described > 1000
    wrong = sum(counts[kind] for kind in ("line", "depth", "name"))
    assert wrong <= TOLERANCE * described, examples
    assert counts["outermost name"] <= TOLERANCE * described, examples


def build(command, folder):
    need(command[0], compare.LLVM)
    out = folder / "program"
    if command[0] == "go":
        (folder / "main.go").write_text(GO)
        (folder / "go.mod").write_text("module program\n\ngo 1.21\n")
        environment = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
        subprocess.run([*command, "-o", str(out), "."], cwd=folder, env=environment, check=True)
        return out
    source = folder / ("program.rs" if command[0] == "rustc" else "program.cc")
    source.write_text(RUST if command[0] == "rustc" else CXX)
    quiet = [] if command[0] == "rustc" else ["-w"]
    # In its folder: .dwo files go there.
    subprocess.run([*command, *quiet, str(source), "-o", str(out)], cwd=folder, check=True, capture_output=True)
    return out


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """program(NAME): one of PROGRAMS, built once."""
    built = {}

    def build_once(name):
        if name not in built:
            built[name] = build(PROGRAMS[name], tmp_path_factory.mktemp(name))
        return built[name]

    return build_once


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in SAMPLE else pytest.mark.long)
                                  for name in PROGRAMS])
def test_lines_and_inlined_functions_are_llvms(name, program):
    check(program(name))


def asked_of_pprofd(path, cache, addresses):
    text = "".join(f"{address:#x}\n" for address in addresses)
    command = [OURSELVES, "symbolize", "-e", str(path), "--cache", str(cache)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in SAMPLE else pytest.mark.long)
                                  for name in PROGRAMS if name != "go"])  # which has a table of its own
def test_answers_of_an_index_are_those_without(name, program, tmp_path):
    if not OURSELVES.exists():
        pytest.skip("pprofd is not built")
    path = program(name)
    addresses = compare.random_addresses(path, COUNT)
    without = asked_of_pprofd(path, "none", addresses)
    cache = tmp_path / "cache"
    assert asked_of_pprofd(path, cache, addresses) == without
    if not list(cache.glob("*.index")):
        pytest.skip("its look-ups take less than the making of an index")
    assert asked_of_pprofd(path, cache, addresses) == without


def test_our_own_are_llvms():
    need(compare.LLVM)
    if not OURSELVES.exists():
        pytest.skip("pprofd is not built")
    check(OURSELVES)


def test_names_survive_dwz(program, tmp_path):
    """llvm-symbolizer-19 does not read what dwz puts aside: the answers are those from before."""
    need("dwz")
    programs = [shutil.copy(program("gcc-O3-dwarf4"), tmp_path / name) for name in ("one", "two")]
    addresses = compare.random_addresses(programs[0], COUNT)
    before = compare.ours(TOOL, programs[0], addresses, ["--start-lines"])
    common = tmp_path / "common"
    subprocess.run(["dwz", "-m", str(common), *map(str, programs)], check=True)
    assert common.exists()
    after = compare.ours(TOOL, programs[0], addresses, ["--start-lines", "--dwz", str(common)])
    assert sum(a != b for a, b in zip(before, after)) == 0


def debug_files():
    for folder in ("/usr/lib/debug", "/usr/local", "/opt"):
        for where, _, names in os.walk(folder):
            for name in names:
                path = Path(where, name)
                if path.is_file() and not path.is_symlink():
                    sections = subprocess.run(["readelf", "-SW", str(path)], capture_output=True, text=True).stdout
                    if ".debug_info" in sections and ".text " in sections:
                        yield path


@pytest.mark.long
def test_the_machines_files():
    need(compare.LLVM)
    for path in sorted(debug_files(), key=lambda path: path.stat().st_size)[-40:]:
        check(path)

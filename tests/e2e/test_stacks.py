"""Stacks are complete and true, without frame pointers: programs whose call chains are known."""
import contextlib
import re
import shutil

import pytest
from harness.paths import workload
from harness.processes import Process, start_workload, wait_until

pytestmark = pytest.mark.requires("bpf")

# Frames, leaf first, each with ";" behind it. L: one frame of libc, whose symbols are stripped.
L = r"[^;]+;"
LEAF = r"(?:mix;)?work;"
STOPPED = r"\(anonymous namespace\)::stopped\(\);"
LOOP = rf"(?:{LEAF}|{STOPPED})?work_until_stopped;"
ROOT = rf"main;(?:{L})?__libc_start_main(?:_impl)?;_start;"

# What each chain of workloads/chain.cc looks like: the frames above its leaf, and its leaf, each
# a regular expression. A leaf of None is anything that the libraries do.
CHAINS = {
    "deep30": (LOOP, r"(?:step;){30}deep30;"),
    "deep1000": (LOOP, r"(?:step;){1000}deep1000;"),
    "allocas": (LOOP, r"(?:step_alloca;){10}allocas;"),
    "realigned": (LOOP, r"(?:step_realigned;){10}realigned;"),
    "avx": (LOOP, r"(?:step_avx;){10}avx;"),
    "tail_calls": (rf"(?:(?:{LEAF})?tail_called;|{STOPPED})?", r"(?:tail_caller;)?tail_calls;"),
    "jumps": (rf"(?:(?:(?:{LEAF}|(?:{L}){{0,3}})work_and_jump;)?(?:step;){{1,5}}|(?:{L}){{0,3}})", r"jumps;"),
    "exceptions": (rf"(?:{L})*?(?:throw_number;)?(?:step;){{0,5}}(?:{L}){{0,4}}", rf"(?:exceptions;|{L})"),
    "signals": (rf"(?:(?:{LEAF})?on_signal;)?(?:{L}){{0,5}}", r"take_signals;signals;"),
    "signals_aside": (rf"(?:(?:{LEAF})?on_signal;)?(?:{L}){{0,5}}", r"take_signals;signals_aside;"),
    "callbacks": (rf"(?:(?:mix;)?compare;)?(?:mix;)?(?:{L})*?", r"callbacks;"),
    "strings": (rf"(?:{L})?", r"strings;"),
    "system_calls": (rf"(?:{L})?", r"system_calls;"),
    "libraries": (rf"(?:{L})*?(?:plugin_a_work;)?(?:{L})?", r"libraries;"),
}
# Those that do not begin in main.
ROOTED = {
    "threads": LOOP + r"(?:step;){5}thread_entry;" + rf"(?:{L}){{2}}",
    "coroutines": rf"(?:(?:{LEAF})?(?:step;){{1,5}}|(?:{L})?)routine;(?:__start_context;|{L})"
                  rf"|(?:{L})?coroutines;" + ROOT + rf"|(?:{L}){{1,2}}",
}
PATTERNS = {name: leaf + chain + ROOT for name, (leaf, chain) in CHAINS.items()} | ROOTED
# Nobody can walk a thrown exception's frames in the last instructions of its unwinder, where they are
# overwritten with what is to be restored (zeros too, which end a stack); nor swapcontext's where it stands
# between two stacks, which its call frame information does not say. And while rows are still made, a
# sample takes a copy of the stack along that it is on, not of the one that the signal interrupted; and
# less of a deep one where many come at once.
PATTERNS["exceptions"] += r"|_Unwind_(?:RaiseException|Resume);(?:step;|exceptions;)?"
LEAST_COMPLETE = {"exceptions": 0.98, "coroutines": 0.98, "signals_aside": 0.5, "deep1000": 0.9}

BUILDS = [f"chain_{compiler}_O{level}" for compiler in ("gcc", "clang") for level in range(4)]
BUILDS += ["chain_static_pie", "chain_stripped"]
SAMPLE = ("chain_gcc_O2", "chain_clang_O0", "chain_static_pie", "chain_stripped")


def user_stack(profile, sample):
    names = [name for name, mapping in profile.frames(sample) if not (mapping and mapping.is_kernel)]
    return "".join(f"{name};" for name in names)


def faults(profile, name, at_least):
    """What is wrong: 99.9 % of the stacks must be complete, and all that are must be the chain's."""
    wrong = {}
    matches = re.compile(PATTERNS[name]).fullmatch
    cut = sum(int(count) for key, count in profile.facts.items() if key.startswith("stacks.incomplete."))
    for sample in profile.samples:
        stack = user_stack(profile, sample)
        if not matches(stack):
            wrong[stack] = wrong.get(stack, 0) + sample.values[0]
    reasons = {key: value for key, value in profile.facts.items() if key.startswith("stacks.")}
    allowed = (1 - LEAST_COMPLETE.get(name, 0.999)) * profile.total + 2  # few samples say little
    if profile.total < at_least:
        yield f"{name}: {profile.total} samples"
    if cut > allowed:
        yield f"{name}: {reasons}"
    if sum(wrong.values()) > cut:
        yield f"{name}: {reasons}: {list(wrong.items())[:5]}"


def chains_of(build):
    return [name for name in PATTERNS if not (build == "chain_static_pie" and name == "libraries")]


@pytest.mark.parametrize("build", [
    build if build in SAMPLE else pytest.param(build, marks=pytest.mark.long) for build in BUILDS])
def test_known_chains(pprofd, long, build):
    """Every kind of call chain, by every compiler and level, is seen as it is, from the first sample on."""
    with contextlib.ExitStack() as stack:
        targets = {name: stack.enter_context(start_workload(workload(build), name, workload("plugin_a.so")))
                   for name in chains_of(build)}
        pids = {name: target.pid for name, target in targets.items()}
        run = pprofd.start("record", "-p", ",".join(map(str, pids.values())), "-F", 499, "-d", 40 if long else 6,
                           "-o", "out/")
        wait_until(lambda: run.status is not None, "the end of the recording", seconds=100)
    run.wait().succeed()
    found = [fault for name, pid in pids.items() for fault in faults(run.profile_of(pid), name, 500 if long else 50)]
    assert not found, "\n".join(found)


def test_short_processes_have_whole_stacks(pprofd, long, tmp_path, record_property, assert_count):
    """Programs of 20 ms, each from a file of its own that nobody saw before: sampled as often as their
    CPU time says, with complete stacks and names."""
    count = 2000 if long else 200
    programs = []
    for number in range(count):
        programs.append(tmp_path / f"program{number}")
        shutil.copy(workload("burn"), programs[-1])
    commands = tmp_path / "commands"
    commands.write_text("".join(f"'{workload('spawner')}' 1 1 '{program}' 20\n" for program in programs))
    run = pprofd.start("record", "--all", "--merge", "-o", "all.pb.gz").wait_started()
    with Process(["sh", "-e", commands]) as shell:
        out, _ = shell.wait(600)
    profile = run.finish(60).succeed().profile
    cpu = {int(pid): int(ns) / 1e9 for pid, _, ns in map(str.split, out.decode().splitlines())}
    assert len(cpu) == count
    mine = [sample for sample in profile.samples if profile.labels_of(sample)["pid"] in cpu]
    taken = sum(sample.values[0] for sample in mine)
    whole = sum(sample.values[0] for sample in mine if ends_well(profile, sample))
    record_property("taken", taken)
    record_property("whole", whole)
    assert_count(taken, sum(cpu.values()), 99, profile.duration_nanos / 1e9)
    assert whole >= 0.995 * taken - 2, [  # few samples say little
        user_stack(profile, sample) for sample in mine if not ends_well(profile, sample)][:10]


def ends_well(profile, sample):
    """Whether a stack of a program that has just been started is whole: it begins where the program does,
    or in the dynamic loader's _start, or where libc cloned its parent, or there is no user stack: the
    kernel executes or ends it."""
    stack = user_stack(profile, sample)
    return (stack == "" or re.search(ROOT + "$", stack) is not None or
            stack.split(";")[-2].startswith(("ld-linux", "_start", "_dl_start_user", "clone", "__clone", "libc.so.6+")))

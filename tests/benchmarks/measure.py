"""What the benchmarks share: watching a run of pprofd from outside."""
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness import system  # noqa: E402
from harness.processes import children_of, cpu_seconds, run  # noqa: E402
from harness.recording import Pprofd  # noqa: E402

STATS = Path("/proc/sys/kernel/bpf_stats_enabled")
NOWHERE = subprocess.DEVNULL


@contextlib.contextmanager
def bpf_statistics():
    """The kernel counts the runs and the time of every eBPF program meanwhile."""
    before = STATS.read_text()
    STATS.write_text("1")
    try:
        yield
    finally:
        STATS.write_text(before)


@contextlib.contextmanager
def scratch():
    """A folder in memory for outputs, and the Pprofd that runs there; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pprofd-benchmark-") as folder:
        program = Pprofd(folder)
        try:
            yield program
        finally:
            program.close()


PERF_EVENT_PROGRAM = 7


def _read_counters(entry):
    """(program id, run time in ns, runs) of a descriptor of a perf event's eBPF program, or None."""
    with contextlib.suppress(OSError):
        fields = dict(re.findall(r"^(\w+):\s*(\d+)$", entry.read_text(), re.M))
        if "run_cnt" in fields and fields.get("prog_type") == str(PERF_EVENT_PROGRAM):
            return fields["prog_id"], int(fields["run_time_ns"]), int(fields["run_cnt"])
    return None


def program_counters(pid):
    """{(program id): (run time in ns, runs)} of the eBPF programs that a process holds."""
    found = filter(None, map(_read_counters, Path(f"/proc/{pid}/fdinfo").glob("*")))
    return {number: (nanoseconds, runs) for number, nanoseconds, runs in found}


def run_total(counters):
    """(run time in ns, runs) of all programs together."""
    return tuple(sum(each[i] for each in counters.values()) for i in (0, 1))


class Counters:
    """Reads again and again the counters of eBPF programs, given the fdinfo files of descriptors of them."""

    def __init__(self, entries):
        self._entries = [entry for entry in entries if (_read_counters(entry) or (0, 0, 0))[2]]

    def read(self):
        """(run time in ns, runs) of those that had run at first."""
        found = filter(None, map(_read_counters, self._entries))
        return run_total({number: values for number, *values in found})


def kernel_cost(before, after):
    """(ns a run, runs) between two readings of program_counters."""
    (first_ns, first), (last_ns, last) = run_total({key: before.get(key, (0, 0)) for key in after}), run_total(after)
    return ((last_ns - first_ns) / (last - first) if last > first else 0.0), last - first


def map_bytes(pid):
    """Memory that the kernel holds for a process's eBPF maps."""
    total = 0
    for kind, number in system.bpf_ids_of(pid):
        if kind == "map":
            found = re.search(r"memlock (\d+)B", run([system.bpftool(), "map", "show", "id", number], check=False))
            total += int(found[1]) if found else 0
    return total


def memory(pid):
    """(anonymous + shared, resident, peak resident) of a process in MB."""
    fields = dict(re.findall(r"^(\w+):\s*(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.M))
    mb = {name: int(value) / 1024 for name, value in fields.items()}
    return mb["RssAnon"] + mb["RssShmem"], mb["VmRSS"], mb["VmHWM"]


def proportional(pid):
    """The resident memory of a process in MB, a page that n share counted as an nth, eBPF maps left out."""
    mappings = re.findall(r"^[\da-f]+-[\da-f]+ (.*)\n(?:\w+: .*\n)*?Pss:\s*(\d+) kB$",
                          Path(f"/proc/{pid}/smaps").read_text(), re.M)
    return sum(int(pss) for head, pss in mappings if not head.endswith("bpf-map")) / 1024


def family(pid):
    """pprofd and its helpers: [(what, pid)]."""
    return [("daemon", pid), *(("worker", child) for child in children_of(pid))]


def cpu_of_family(pid):
    total = 0.0
    for _, member in family(pid):
        with contextlib.suppress(OSError):
            total += cpu_seconds(member)
    return total


def sleep_until(deadline):
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))


def prefer(pid, nice=None):
    """Gives a session of ours this niceness among the machine's sessions, PPROFD_BENCHMARK_NICE unless said."""
    nice = os.environ.get("PPROFD_BENCHMARK_NICE") if nice is None else nice
    if nice is not None:
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))


def make(output, sources, command):
    """Runs the command, which makes `output`, where that is older than a source."""
    if output.exists() and output.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    run(command, seconds=900)


def table(rows):
    """Prints (what, figure) rows, aligned."""
    width = max(len(what) for what, _ in rows)
    for what, figure in rows:
        print(f"{what:<{width}}  {figure}")


def cpus():
    return os.cpu_count()

#!/usr/bin/env python3
"""How long the store's queries take: fills a store through `pprofd: serve` as a daemon would, then asks.

    tests/benchmarks/serve.py [--profiles 10000] [--processes 100] [--stacks 150] [--times 20]

Prints a line for each query: how many profiles it is about, p50 and p99 of its time, the size of the
answer; before that how long storing took and how large the store is. No root is needed."""
import argparse
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness.serve import Serve, profile, window  # noqa: E402

SECOND = 10**9
MINUTE = 60 * SECOND


def stacks_of(process, count, randomness):
    """Stacks through some hundred functions of a program, 10 to 40 deep."""
    functions = [f"program{process % 20}::module{i % 17}::function{i}(int, std::string const&)"
                 for i in range(600)]
    stacks = []
    for _ in range(count):
        at = randomness.randrange(600)
        stack = []
        for _ in range(randomness.randrange(10, 40)):
            stack.append(functions[at])
            at = (at * 7 + randomness.randrange(3)) % 600  # callers repeat
        stacks.append((tuple(stack), randomness.randrange(1, 20)))
    return stacks


def fill(serve, arguments):
    randomness = random.Random(1)
    made = []
    for process in range(arguments.processes):
        for variant in range(3):
            stacks = stacks_of(process, arguments.stacks, randomness)
            made.append((process, sum(count for _, count in stacks),
                         profile(stacks, comments=["frequency=19", "stacks.complete=100"])))
    windows = arguments.profiles // arguments.processes
    start = time.time_ns() - windows * MINUTE
    began = time.monotonic()
    for minute in range(windows):
        batch = []
        for process in range(arguments.processes):
            _, count, body = made[process * 3 + minute % 3]
            batch.append(window(body, time_nanos=start + minute * MINUTE, service=f"service{process % 20}",
                                samples=count, value=count * 10**7,
                                labels={"pid": str(1000 + process), "comm": f"p{process}",
                                        "exe": f"/usr/bin/p{process}", "version": "1"}))
        serve.add(*batch)
    took = time.monotonic() - began
    print(f"stored {windows * arguments.processes} profiles of {len(made[0][2])} bytes in {took:.1f} s: "
          f"{took / windows * 1e3:.0f} ms for a window of {arguments.processes}")
    return start, windows


def measure(serve, what, path, profiles, times):
    took, size = [], 0
    for _ in range(times):
        began = time.monotonic()
        status, _, body = serve.request(path, timeout=120)
        took.append((time.monotonic() - began) * 1e3)
        assert status == 200, body
        size = len(body)
    took.sort()
    print(f"{what:34} {profiles:7} profiles   p50 {took[len(took) // 2]:8.1f} ms   "
          f"p99 {took[min(len(took) - 1, len(took) * 99 // 100)]:8.1f} ms   {size / 1e3:9.1f} kB")


def memory(serve):
    status = open(f"/proc/{serve.process.pid}/status").read()
    return {key: int(status.split(key + ":")[1].split()[0]) / 1e3 for key in ("VmHWM", "RssAnon")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profiles", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=100)
    parser.add_argument("--stacks", type=int, default=150)
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pprofd-benchmark-") as folder:
        pathlib.Path(folder).chmod(0o755)
        serve = Serve(pathlib.Path(folder))
        try:
            start, windows = fill(serve, arguments)
            size = sum(f.stat().st_size for f in serve.store.rglob("*") if f.is_file())
            print(f"store {size / 1e6:.1f} MB, {size / windows / arguments.processes:.0f} bytes a profile; "
                  f"memory {memory(serve)}")
            whole = windows * arguments.processes
            since = start / 1e9
            span = f"from={since}&to=now"
            plain = lambda nanos: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanos / 1e9))  # noqa: E731
            hour = min(windows, 60)
            few = max(1, arguments.times // 5)
            measure(serve, "list (profefe), one service",
                    f"/api/0/profiles?service=service1&from={plain(start)}&to={plain(time.time_ns())}",
                    whole // 20, arguments.times)
            measure(serve, "processes, the whole time", f"/api/v1/processes?{span}", whole, arguments.times)
            measure(serve, "label values", f"/api/v1/label/pid/values?{span}", whole, arguments.times)
            measure(serve, "flame graph, a process, 1 h", "/api/v1/flamegraph?from=-1h&labels=pid%3D1001",
                    hour, arguments.times)
            measure(serve, "flame graph, a process, all",
                    f"/api/v1/flamegraph?{span}&labels=pid%3D1001", windows, arguments.times)
            measure(serve, "flame graph, a service, 1 h",
                    "/api/v1/flamegraph?from=-1h&labels=service%3Dservice1",
                    hour * (arguments.processes // 20), arguments.times)
            measure(serve, "flame graph, all, 1 h", "/api/v1/flamegraph?from=-1h",
                    hour * arguments.processes, few)
            measure(serve, "flame graph, all, the whole time", f"/api/v1/flamegraph?{span}", whole, few)
            measure(serve, "top, all, the whole time", f"/api/v1/top?{span}", whole, few)
            measure(serve, "difference, a service, halves",
                    f"/api/v1/diff?from={since + windows * 30}&to=now&base_from={since}"
                    f"&base_to={since + windows * 30 - 60}&labels=service%3Dservice1",
                    whole // 20, few)
            measure(serve, "merge to pprof, a service, all",
                    f"/api/v1/profile?{span}&labels=service%3Dservice1", whole // 20, few)
            measure(serve, "merge to pprof, all", f"/api/v1/profile?{span}", whole, few)
            print(f"memory {memory(serve)} MB")
        finally:
            serve.close()


if __name__ == "__main__":
    main()

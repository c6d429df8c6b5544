#!/usr/bin/python3
"""ship.py [TYPE [PROFILES]]: what shipping costs. Spools PROFILES (10,000) while nobody listens, then starts
a server that takes everything, and tells how long the backlog takes, CPU a profile, bytes on the wire and the
peak of memory. The profile has 200 stacks of 20 frames. By hand; needs root for the process's own user."""
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness.processes import cpu_seconds, wait_until  # noqa: E402
from harness.serve import profile  # noqa: E402
from harness.ship import Backend, Ship, target  # noqa: E402

BATCH = {"otlp": 50, "parca": 10}


def main(kind="profefe", count="10000"):
    count = int(count)
    folder = Path(tempfile.mkdtemp(prefix="pprofd-ship-"))
    folder.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    stacks = [(tuple(f"some::function_number_{(i * 7 + depth * 13) % 400}" for depth in range(20)), i + 1)
              for i in range(200)]
    body = profile(stacks, time_nanos=time.time_ns())
    ship = Ship(folder, target("t", kind, f"http://127.0.0.1:{port}", batch=BATCH.get(kind, 1), spool=2 * 10**9))
    pid = ship.process.pid

    start, cpu = time.monotonic(), cpu_seconds(pid)
    for n in range(count):
        ship.put(body, labels={"comm": f"c{n % 50}", "pid": str(n)})
        if n % 200 == 0:
            wait_until(lambda: ship.stored >= n - 400, "the spool", 60)
    wait_until(lambda: ship.stored >= count, "the spool", 120)
    took, cost = time.monotonic() - start, cpu_seconds(pid) - cpu
    print(f"spooled   {count} profiles of {len(body)} bytes in {took:.1f} s, {cost / count * 1e6:.0f} us of CPU each")

    totals = [0, 0]

    def take(received):
        totals[0] += 1
        totals[1] += len(received.body)
        received.body = b""
        return 200, {}, b"{}"

    start, cpu, peak = time.monotonic(), cpu_seconds(pid), 0
    with Backend(take, port=port):
        while ship.figures["t"]["sent"] < count:
            peak = max(peak, ship.memory())
            time.sleep(0.05)
            assert time.monotonic() - start < 600, ship.figures
        took, cost = time.monotonic() - start, cpu_seconds(pid) - cpu
    ship.close()
    shutil.rmtree(folder)
    print(f"{kind:9} {took:.1f} s after the outage, {count / took:.0f} profiles/s, {cost / count * 1e6:.0f} us of CPU and "
          f"{totals[1] / count:.0f} bytes each, {totals[0]} requests, {peak / 1e6:.1f} MB at most")


if __name__ == "__main__":
    main(*sys.argv[1:])

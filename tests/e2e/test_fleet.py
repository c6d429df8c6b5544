"""From profiles of several hosts to answers about all of them: what hosts ship to S3, or `pprofd export` writes,
through the queries of packaging/queries on DuckDB and ClickHouse."""
import time

import pytest

from harness import engines
from harness.engines import clickhouse, duckdb
from harness.serve import profile
from harness.ship import Ship, target

HOUR = 3600 * 10**9
AT = 1_795_317_600 * 10**9  # 2026-11-22 03:20 UTC
PERIOD = 10_000_000

# host, service, version, hours after AT, {stack, leaf first: samples}
FLEET = [
    ("node-1", "checkout", "1.0", 0, {("parse", "handle", "main"): 50, ("wait", "main"): 50}),
    ("node-1", "search", "", 0, {("score", "score", "main"): 300}),
    ("node/2", "checkout", "1.0", 0, {("parse", "handle", "main"): 30}),
    ("node/2", "checkout", "1.1", 1, {("parse", "handle", "main"): 10, ("wait", "main"): 90}),
    ("näme", "checkout", "1.1", 1, {("handle", "main"): 20, ("opera'tor\"\\ <x>", "main"): 1}),
]


def seconds(samples):
    return samples * PERIOD / 1e9


def functions_by_version(fleet):
    """[(service, version, function, self seconds, total seconds, hosts)], by hand."""
    found = {}
    for host, service, version, _, stacks in fleet:
        for stack, samples in stacks.items():
            for function in set(stack):
                entry = found.setdefault((service, version or "b11d", function), [0, 0, set()])
                entry[0] += samples if function == stack[0] else 0
                entry[1] += samples
                entry[2].add(host)
    rows = [(*key, seconds(entry[0]), seconds(entry[1]), len(entry[2])) for key, entry in found.items()]
    return sorted(rows, key=lambda row: (-row[3], -row[4], row[:3]))


def cpus_by_hour(fleet):
    found = {}
    for host, service, _, hour, stacks in fleet:
        entry = found.setdefault(("2026-11-22", 3 + hour, service), [0, set()])
        entry[0] += seconds(sum(stacks.values())) / 3600
        entry[1].add(host)
    rows = [(*key, entry[0], len(entry[1])) for key, entry in found.items()]
    return sorted(rows, key=lambda row: (row[:2], -row[3], row[2]))


def folded(fleet):
    sums = {}
    for _, service, _, _, stacks in fleet:
        for stack, samples in stacks.items():
            line = ";".join([service, *reversed(stack)])
            sums[line] = sums.get(line, 0) + samples * PERIOD
    return sorted((f"{line} {value}",) for line, value in sums.items())


def rounded(rows):
    return [tuple(round(cell, 9) if isinstance(cell, float) else cell for cell in row) for row in rows]


def check_answers(engine, place, fleet):
    functions, hours, changes, stacks = engine(
        place, "functions_by_version.sql", "services_by_hour.sql", "changes.sql", "stacks.sql")
    # A whole number may be of either kind there.
    assert [tuple(map(str, row[:3])) + tuple(map(float, row[3:])) for row in rounded(functions)] == [
        row[:3] + tuple(map(float, row[3:])) for row in rounded(functions_by_version(fleet))]
    assert rounded(hours) == rounded(cpus_by_hour(fleet))
    # 1.0: parse 80 of 130, wait 50. 1.1: parse 10 of 121, wait 90, handle 20, the other 1.
    assert [(row[0], row[1], *map(float, row[2:])) for row in changes] == [
        ("checkout", "parse", 61.54, 8.26, -53.27), ("checkout", "wait", 38.46, 74.38, 35.92),
        ("checkout", "handle", 0.0, 16.53, 16.53), ("checkout", "opera'tor\"\\ <x>", 0.0, 0.83, 0.83)]
    assert sorted(stacks) == folded(fleet)


def labels(host, version):
    found = {"build_id": "b11d", "pid": "7", "comm": "app", "env": "prod"}
    return {**found, "version": version} if version else found


def send(fleet, start):
    """Ships each host's profiles by a process of its own; `start(host)` gives it."""
    for host in dict.fromkeys(each[0] for each in fleet):
        run = start(host)
        mine = [each for each in fleet if each[0] == host]
        for n, (_, service, version, hour, stacks) in enumerate(mine):
            run.put(profile(list(stacks.items()), time_nanos=AT + hour * HOUR + n), time_nanos=AT + hour * HOUR + n,
                    service=service, labels=labels(host, version))
        run.wait_figure("s3", "sent", len(mine), 60)
        assert run.close() == 0


@pytest.mark.long
@pytest.mark.parametrize("engine", [duckdb, clickhouse])
def test_exported_profiles_of_a_fleet(engine, pprofd, tmp_path):
    """Profiles in files, each with its host in its comments, exported as one table into a folder of the layout."""
    place = tmp_path / "layout"
    for n, (host, service, version, hour, stacks) in enumerate(FLEET):
        facts = {"host": host, "service": service, **labels(host, version)}
        path = tmp_path / f"{n}.profile"
        path.write_bytes(profile(list(stacks.items()), time_nanos=AT + hour * HOUR + n,
                                 comments=[f"{key}={value}" for key, value in facts.items()]))
        ending = ("jsonl.zst", "jsonl.gz", "jsonl")[n % 3]
        name = host.replace("/", "%2F").replace("ä", "%C3%A4")
        pprofd.run("export", path, "-o",
                   place / f"date=2026-11-22/hour={3 + hour:02}/host={name}/{n}.{ending}").succeed()
    check_answers(engine, place, FLEET)


@pytest.mark.long
def test_a_real_store_has_what_hosts_ship(tmp_path):
    """versitygw checks signatures and sums; ClickHouse reads the bucket, DuckDB the files behind it; what came
    twice counts once, and conditions on partitions leave the others' objects unread."""
    with engines.s3_server(tmp_path / "server") as (url, files):
        def start(host, rows=1, batch=1000):
            folder = tmp_path / f"host{time.monotonic_ns()}"
            folder.mkdir()
            return Ship(folder, target("s3", "s3", url, bucket="profiles", prefix="fleet/a-b", region=engines.REGION,
                                       access_key=engines.ACCESS_KEY, secret_key=engines.SECRET_KEY, rows=rows, zstd=rows,
                                       batch=batch, batch_wait=1 if batch > 1 else 0), host=host)

        send(FLEET, start)
        send(FLEET[:2], start)  # the same batch again: the same object
        send(FLEET[:2], lambda host: start(host, batch=1))  # other batches, as after a crash: two more
        send(FLEET[:1], lambda host: start(host, rows=0, batch=1))
        objects = [path for path in files.rglob("*") if path.is_file()]
        assert sorted(path.suffix for path in objects) == [".gz"] + [".zst"] * 6
        place = files / "fleet" / "a-b"
        check_answers(duckdb, place, FLEET)
        check_answers(clickhouse, f"{url}/profiles/fleet/a-b", FLEET)
        one = "SELECT count(*), min(host) FROM samples WHERE date = '2026-11-22' AND hour = 4 AND host = 'näme'"
        next(path for path in objects if "hour=03" in str(path) and path.suffix == ".zst").write_bytes(b"damaged")
        for engine in (duckdb, clickhouse):
            assert engine(place, also=[one]) == [[(2, "näme")]]


@pytest.mark.long
def test_a_real_store_refuses_wrong_keys(tmp_path):
    """What it says is told, and nothing is lost."""
    with engines.s3_server(tmp_path / "server") as (url, files):
        for wrong in ({"secret_key": "wrong-secret"}, {"access_key": "nobody"}, {"bucket": "missing"}):
            folder = tmp_path / next(iter(wrong))
            folder.mkdir()
            keys = {"bucket": "profiles", "access_key": engines.ACCESS_KEY, "secret_key": engines.SECRET_KEY, **wrong}
            run = Ship(folder, target("s3", "s3", url, region=engines.REGION, **keys))
            run.add(profile([(("f",), 1)]))
            run.wait_failure()
            assert run.figures.get("s3", {}).get("failed", 0) == 0 and "wrong-secret" not in str(run.failures)
            assert run.close() == 0
        assert not list(files.iterdir())

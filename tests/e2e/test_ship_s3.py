"""Shipping to S3: objects, their names and contents, signatures, and what an answer means there."""
import json
import subprocess
import time

import pytest

from harness import pprof, s3
from harness.processes import wait_until
from harness.s3 import SECRET_KEY, Store, error, s3_target
from harness.serve import profile
from harness.ship import server_tls, target, tls_files
from test_ship import STACKS, free_port, ship  # noqa: F401

AT = 1_795_317_600 * 10**9  # 2026-11-22 03:20 UTC


def plain(body):
    """What zstd has compressed."""
    return subprocess.run(["zstd", "-dc"], input=body, capture_output=True, check=True, timeout=60).stdout


def rows(body):
    """The rows of an object."""
    return [json.loads(line) for line in plain(body).splitlines()]


def stacks_of(rows):
    """{stack, leaf first: value}"""
    sums = {}
    for row in rows:
        sums[tuple(row["stack"])] = sums.get(tuple(row["stack"]), 0) + row["value"]
    return sums


def test_the_stores_signatures_are_amazons():
    """The example of Amazon's documentation: PUT Object, in "Signature Calculations for the Authorization
    Header"."""
    body_hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
    headers = {"date": "Fri, 24 May 2013 00:00:00 GMT", "host": "examplebucket.s3.amazonaws.com",
               "x-amz-content-sha256": body_hash, "x-amz-date": "20130524T000000Z",
               "x-amz-storage-class": "REDUCED_REDUNDANCY"}
    assert s3.signature("PUT", "/test%24file.text", "", headers, sorted(headers), body_hash, region="us-east-1",
                        secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") == (
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")


def test_a_batch_is_one_object_of_rows(ship):  # noqa: F811
    """Two services' profiles of one window: a row a sample, with what is known of each."""
    with Store() as store:
        run = ship(store.target(rows=1, zstd=1, batch=1000, batch_wait=1, prefix="a b/c=d"))
        run.put(profile(STACKS), time_nanos=AT + 5, labels={"pid": "7", "comm": "app", "version": "1.2", "exe": "/app",
                                                            "build_id": "abcd", "env": 'ü "prod"'})
        run.put(profile([(("idle",), 1)]), time_nanos=AT + 5, service="other")
        run.wait_figure("s3", "sent", 2)
        ((key, body),) = store.objects.items()
        (put,) = store.taken()
    assert key == ("profiles/a b/c=d/date=2026-11-22/hour=03/host=node-1/"
                   "1795317600000000005-0000000000000001-0000000000000002.jsonl.zst")
    assert put.method == "PUT" and put.raw_path.startswith("/profiles/a%20b/c%3Dd/date%3D2026-11-22/")
    got = rows(body)
    assert got[0] == {
        "time": "2026-11-22 03:20:00.000000005", "duration": 60 * 10**9, "type": "cpu", "unit": "nanoseconds",
        "host": "node-1", "service": "checkout", "version": "1.2", "build_id": "abcd", "pid": 7, "comm": "app",
        "labels": {"env": 'ü "prod"'}, "value": 70_000_000, "stack": ["work", "main"]}
    assert stacks_of(row for row in got if row["service"] == "checkout") == {
        stack: count * 10_000_000 for stack, count in STACKS}
    assert [(row["stack"], row["version"], row["pid"]) for row in got if row["service"] == "other"] == [(["idle"], "", 0)]
    assert len({tuple(row) for row in got}) == 1, "every row has every column"


def test_an_hour_has_its_own_object(ship):  # noqa: F811
    """A batch over the hour's end: each hour's folder has its own profiles, and none is lost."""
    with Store() as store:
        run = ship(store.target(rows=1, zstd=1, batch=4, batch_wait=60))
        for n in range(4):
            run.put(profile([((f"f{n}",), 1)]), time_nanos=AT + 40 * 60 * 10**9 - 2 + n)
        run.wait_figure("s3", "sent", 4)
        found = {key.split("/host=")[0]: {row["stack"][0] for row in rows(body)} for key, body in store.objects.items()}
    assert found == {"profiles/date=2026-11-22/hour=03": {"f0", "f1"}, "profiles/date=2026-11-22/hour=04": {"f2", "f3"}}


def test_a_profile_may_be_an_object_as_it_is(ship, tmp_path):  # noqa: F811
    with Store() as store:
        run = ship(store.target())
        sent = profile(STACKS)
        run.add(sent, time_nanos=AT)
        run.wait_figure("s3", "sent", 1)
        assert store.objects == {
            "profiles/date=2026-11-22/hour=03/host=node-1/1795317600000000000-0000000000000001.pb.gz": sent}


def test_files_may_have_rows_too(ship, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    run = ship(target("files", "file", str(out), rows=1, compress=0, batch=2, batch_wait=60))
    for n in range(2):
        run.put(profile(STACKS), time_nanos=AT)
    run.wait_figure("files", "sent", 2)
    (file,) = [path for path in out.rglob("*") if path.is_file()]
    assert str(file.relative_to(out)) == ("date=2026-11-22/hour=03/host=node-1/"
                                          "1795317600000000000-0000000000000001-0000000000000002.jsonl")
    assert stacks_of(map(json.loads, file.read_text().splitlines())) == {
        stack: 2 * count * 10_000_000 for stack, count in STACKS}


def test_headers_and_sessions_are_signed(ship):  # noqa: F811
    """What a user adds, and the token of keys that are valid for a while."""
    with Store() as store:
        run = ship(store.target(session_token="tok/en+==", headers=["X-Amz-Storage-Class: STANDARD_IA", "X-Team: a  b"]))
        run.add(profile(STACKS))
        run.wait_figure("s3", "sent", 1)
        (put,) = store.taken()
    signed = put.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert {"x-amz-security-token", "x-amz-storage-class"} <= set(signed)
    assert put.headers["x-amz-security-token"] == "tok/en+==" and put.headers["X-Amz-Storage-Class"] == "STANDARD_IA"


def test_a_large_object_arrives(ship):  # noqa: F811
    """Above a megabyte libcurl asks before it sends."""
    names = [f"{n:01000d}" for n in range(2000)]
    with Store() as store:
        run = ship(store.target(compress=0))
        run.add(profile([((name,), 1) for name in names]))
        run.wait_figure("s3", "sent", 1)
        (body,) = store.objects.values()
    assert len(body) > 2_000_000 and pprof.read_bytes(body).function_names() == set(names)


@pytest.mark.parametrize("code", [(403, "SignatureDoesNotMatch"), (400, "AuthorizationHeaderMalformed"),
                                  (400, "ExpiredToken"), (404, "NoSuchBucket"), (503, "SlowDown")])
def test_what_somebody_has_to_mend_loses_nothing(ship, code):  # noqa: F811
    """Wrong keys, region or bucket, and a store that is busy: what waits arrives when that is mended."""
    bad = [2]

    def before(received):
        if bad[0] > 0:
            bad[0] -= 1
            return error(*code)

    with Store(before) as store:
        run = ship(store.target())
        for n in range(3):
            run.put(profile([((f"f{n}",), 1)]))
        run.wait_figure("s3", "sent", 3)
        assert len(store.objects) == 3 and run.figures["s3"]["failed"] == 0
    assert any(code[1] in failure.get(2, "") for failure in run.failures), run.failures


@pytest.mark.parametrize("wrong", [{"secret_key": "other-secret"}, {"region": "us-east-1"}, {"access_key": "AKOTHER"}])
def test_wrong_keys_are_told_and_not_repeated(ship, wrong):  # noqa: F811
    with Store() as store:
        run = ship(store.target(**wrong))
        run.add(profile(STACKS))
        run.wait_failure()
        assert not store.objects and run.figures["s3"]["failed"] == 0
    said = str(run.failures)
    assert "HTTP 40" in said and "credentials" in said and "other-secret" not in said and SECRET_KEY not in said


def test_what_is_too_large_is_set_aside(ship, tmp_path):  # noqa: F811
    """One of a batch: the others arrive, each by itself."""
    def before(received):
        if b"huge" in plain(received.body):
            return error(400, "EntityTooLarge")

    with Store(before) as store:
        run = ship(store.target(rows=1, zstd=1, batch=3, batch_wait=60))
        sent = [profile([((name,), 1)]) for name in ("a", "huge", "b")]
        for each in sent:
            run.put(each)
        run.wait_figure("s3", "sent", 2)
        run.wait_figure("s3", "failed", 1)
        assert {row["stack"][0] for body in store.objects.values() for row in rows(body)} == {"a", "b"}
    (kept,) = (tmp_path / "spool/s3/refused").glob("*.gz")
    assert kept.read_bytes() == sent[1]


def test_a_batch_waits_for_more_but_not_when_it_ends(ship):  # noqa: F811
    """What has come is one object at the end of the process, long before the batch is due."""
    with Store() as store:
        run = ship(store.target(rows=1, zstd=1, batch=1000, batch_wait=600))
        begin = time.monotonic()
        for n in range(3):
            run.add(profile([((f"f{n}",), 1)]), time_nanos=AT)
        assert not store.received
        assert run.close() == 0
        assert len(store.objects) == 1 and time.monotonic() - begin < 60
        assert {row["stack"][0] for row in rows(*store.objects.values())} == {"f0", "f1", "f2"}


def test_a_crash_makes_no_other_names(ship):  # noqa: F811
    """The same batch sent again by the next process is the same object."""
    port = free_port()
    run = ship(s3_target("s3", f"http://127.0.0.1:{port}", rows=1, zstd=1, batch=5, batch_wait=600))
    for n in range(5):
        run.add(profile([((f"f{n}",), 1)]), time_nanos=AT)
    keys = []
    for _ in range(2):
        with Store(port=port) as store:
            wait_until(lambda: store.puts, "the object")
            keys.append(store.puts[0])
            run.kill()
            for file in (run.spool / "s3").glob("cursor"):
                file.unlink()  # as after a power cut: what was done is not on the disk
        run._start()
    assert keys[0] == keys[1] and keys[0].endswith("-0000000000000001-0000000000000005.jsonl.zst")


def test_tls_and_no_credentials_on_the_disk(ship, tmp_path):  # noqa: F811
    (tmp_path / "mine").mkdir()
    files = tls_files(tmp_path / "mine")
    with Store(tls=server_tls(tmp_path / "mine")) as store:
        run = ship(store.target(ca=files["ca.pem"], cert=files["client.pem"], key=files["client.key"],
                                session_token="s3cret-session"))
        run.add(profile(STACKS))
        run.wait_figure("s3", "sent", 1)
        for path in (tmp_path / "spool").rglob("*"):
            if path.is_file():
                assert SECRET_KEY.encode() not in path.read_bytes() and b"s3cret" not in path.read_bytes(), path
        for file in ("cmdline", "environ"):
            with open(f"/proc/{run.process.pid}/{file}", "rb") as text:
                assert SECRET_KEY.encode() not in text.read()


@pytest.mark.requires("bpf")
def test_the_service_ships_rows_as_export_makes_them(service, pprofd, tmp_path):
    """`pprofd run` with its keys in a file: the rows of an object are those that `pprofd export` makes of the
    profiles in the store."""
    keys = tmp_path / "keys"
    keys.write_text(f"[default]\naws_access_key_id = {s3.ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
    keys.chmod(0o600)
    with Store() as store:
        run = service(f"""
frequency = 99
window = "1s"
[labels]
env = "test"
version = "7"
[spool]
path = "{tmp_path}/spool"
[[ship]]
type = "s3"
url = "{store.url}"
bucket = "profiles"
region = "{s3.REGION}"
credentials_file = "{keys}"
batch_wait = "2s"
""").wait_started()
        store.wait_taken(1)
        wait_until(lambda: run.metric("pprofd_ship_sent_total") >= 2, "the count", 60)
        run.stop()
        shipped = [row for body in store.objects.values() for row in rows(body)]
    assert SECRET_KEY not in run.log
    files = sorted(run.store.rglob("*.pb.gz"))
    out = tmp_path / "rows.jsonl.zst"
    pprofd.run("export", *files, "-o", out).succeed()
    exported = [json.dumps(row, sort_keys=True) for row in rows(out.read_bytes())]
    assert shipped and all(row["version"] == "7" and row["labels"]["env"] == "test" for row in shipped)
    assert {json.dumps(row, sort_keys=True) for row in shipped} <= set(exported)

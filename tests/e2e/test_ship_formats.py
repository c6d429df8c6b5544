"""What is sent to each backend, read by peers that know the formats from their specifications alone."""
import base64
import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from harness import pprof
from harness.paths import ROOT, TOOLS
from harness.pprof import _fields, _integers
from harness.serve import profile
from harness.ship import Backend, target
from test_ship import ship  # noqa: F401

STACKS = [(("work", "main"), 7), (("wait", "main"), 2)]


def stack_counts(read):
    """{(names, leaf first): samples}"""
    counts = {}
    for sample in read.samples:
        counts[tuple(read.names(sample))] = counts.get(tuple(read.names(sample)), 0) + sample.values[0]
    return counts


def wanted():
    return {stack: count for stack, count in STACKS}


def messages(data, number):
    return [value for field, value in _fields(data) if field == number]


def text(data, number):
    return dict(_fields(data)).get(number, b"").decode()


def test_pyroscope_gets_series_of_pprof(ship):  # noqa: F811
    """push.v1: labels and profile; the peer says 400 for what the real one refuses."""
    with Backend() as backend:
        run = ship(target("p", "pyroscope", backend.url, labels={"k8s.pod": "comm"}))
        run.add(profile(STACKS), labels={"comm": "app"})
        got = backend.wait_taken(1)[0]
    assert got.path == "/push.v1.PusherService/Push" and got.headers["Content-Type"] == "application/proto"
    (series,) = messages(got.body, 1)
    labels = [(text(label, 1), text(label, 2)) for label in messages(series, 1)]
    assert labels == [("__name__", "process_cpu"), ("service_name", "checkout"), ("k8s_pod", "app")]
    (sample,) = messages(series, 2)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", text(sample, 2))
    assert stack_counts(pprof.read_bytes(messages(sample, 1)[0])) == wanted()


def test_pyroscope_that_is_too_fast_is_waited_for(ship):  # noqa: F811
    """429 without Retry-After, as it answers above its rate: everything arrives, each profile once."""
    refused = []

    def answer(received):
        if len(refused) < 3:
            refused.append(received)
            return 429, {}, b'{"code":"resource_exhausted"}'
        return 200, {}, b"{}"

    with Backend(answer) as backend:
        run = ship(target("p", "pyroscope", backend.url))
        for n in range(4):
            run.put(profile([(("work",), n + 1)]))
        run.wait_figure("p", "sent", 4)
        samples = [messages(messages(each.body, 1)[0], 2)[0] for each in backend.taken()]
    assert sorted(pprof.read_bytes(messages(each, 1)[0]).total for each in samples) == [1, 2, 3, 4]
    assert len({text(each, 2) for each in samples}) == 4


def test_parca_gets_a_batch_of_series(ship):  # noqa: F811
    with Backend() as backend:
        run = ship(target("p", "parca", backend.url, batch=10))
        now = time.time_ns()
        run.add(profile(STACKS, time_nanos=now), labels={"container.id": "c1"})
        backend.wait_taken(1)
        body = json.loads(backend.taken()[0].body)
    (series,) = body["series"]
    assert {(l["name"], l["value"]) for l in series["labels"]["labels"]} == {
        ("__name__", "process_cpu"), ("service_name", "checkout"), ("container_id", "c1"), ("host", "node-1")}
    read = pprof.read_bytes(base64.b64decode(series["samples"][0]["rawProfile"]))
    assert stack_counts(read) == wanted() and read.period_type == ("cpu", "nanoseconds")
    assert read.time_nanos == now and read.duration_nanos > 0


def test_otlp_has_what_was_sent(ship):  # noqa: F811
    """Totals and names, through the dictionary's tables."""
    with Backend() as backend:
        run = ship(target("o", "otlp", backend.url, batch=10, compress=0))
        run.add(profile(STACKS), labels={"comm": "app", "pid": "7"})
        got = backend.wait_taken(1)[0]
    assert got.path == "/v1development/profiles" and got.headers["Content-Type"] == "application/x-protobuf"
    (dictionary,) = messages(got.body, 2)
    strings = [value.decode() for value in messages(dictionary, 5)]
    functions, locations, stacks = (messages(dictionary, number) for number in (3, 2, 7))
    (resource,) = messages(got.body, 1)
    (scope,) = messages(resource, 2)
    (read,) = messages(scope, 2)
    sample_type = dict(_fields(messages(read, 1)[0]))
    assert (strings[sample_type[1]], strings[sample_type[2]]) == ("cpu", "nanoseconds")
    counts = {}
    for sample in messages(read, 2):
        fields = dict(_fields(sample))
        names = []
        for location in _integers(dict(_fields(stacks[fields[1]]))[1]):
            for line in messages(locations[location], 3):
                names.append(strings[dict(_fields(functions[dict(_fields(line))[1]]))[1]])
        (value,) = _integers(fields[4])
        counts[tuple(names)] = counts.get(tuple(names), 0) + value
    assert counts == {stack: count * 10_000_000 for stack, count in wanted().items()}
    attributes = {text(each, 1): text(messages(each, 2)[0], 1) for each in messages(messages(resource, 1)[0], 1)}
    assert attributes == {"service.name": "checkout", "host.name": "node-1"}


@pytest.mark.long
def test_the_collectors_own_code_reads_otlp(ship, tmp_path):  # noqa: F811
    """A batch of two services, read by the OpenTelemetry collector's message types (tests/peers/otlp)."""
    reader = tmp_path / "reader"
    built = subprocess.run([TOOLS / "bin/go", "build", "-o", reader, "."], cwd=ROOT / "tests/peers/otlp", capture_output=True,
                           text=True, timeout=900)
    assert built.returncode == 0, built.stderr
    with Backend(lambda received: (503, {}, b"") if len(backend.received) == 0 else (200, {}, b"")) as backend:
        run = ship(target("o", "otlp", backend.url, batch=10, compress=0))
        for service in ("a", "b", "a"):
            run.put(profile(STACKS), service=service)
        run.wait_figure("o", "sent", 3)
        bodies = [each.body for each in backend.taken()]
    sums = {}
    for body in bodies:
        answer = subprocess.run([reader], input=body, capture_output=True, timeout=60)
        assert answer.returncode == 0, answer.stderr
        for line in answer.stdout.decode().splitlines():
            service, stack, value = line.split("\t")
            sums[service, stack] = sums.get((service, stack), 0) + int(value)
    assert sums == {(service, ";".join(stack)): times * count * 10_000_000
                    for service, times in (("a", 2), ("b", 1)) for stack, count in STACKS}


def proto_messages(source):
    """{message: {(name, type without package, number, repeated)}} of a .proto file's text."""
    source = re.sub(r"//[^\n]*", "", source)
    found = {}
    for name, body in re.findall(r"message (\w+) \{((?:[^{}]|\{[^{}]*\})*)\}", source):
        found[name] = {(field, kind.rsplit(".", 1)[-1], int(number), bool(repeated)) for repeated, kind, field, number
                       in re.findall(r"(repeated )?([\w.]+) (\w+)\s*=\s*(\d+)\s*[;\[]", body)}
    return found


def official(command, folder, files):
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    return "".join(path.read_text() for path in files(answer.stdout))


@pytest.mark.long
def test_our_messages_are_pyroscopes(tmp_path):
    """Every field that we send is the official one, by name, type and number."""
    (tmp_path / "go.mod").write_text("module peers\n\ngo 1.21\n")
    theirs = proto_messages(official(
        [TOOLS / "bin/go", "mod", "download", "-json", "github.com/grafana/pyroscope/api@v1.6.0"], tmp_path,
        lambda out: [Path(json.loads(out)["Dir"]) / name for name in ("push/v1/push.proto", "types/v1/types.proto")]))
    ours = proto_messages((ROOT / "proto/pyroscope.proto").read_text())
    assert set(ours) == {"PushRequest", "RawProfileSeries", "RawSample", "LabelPair"}
    for name, fields in ours.items():
        assert fields and fields <= theirs[name], name


@pytest.mark.long
@pytest.mark.requires("cargo")
def test_our_messages_are_opentelemetrys(tmp_path):
    (tmp_path / "Cargo.toml").write_text(
        '[package]\nname = "peers"\nversion = "0.1.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n'
        '[dependencies]\nopentelemetry-proto = { version = "=0.33.1", default-features = false }\n')
    (tmp_path / "lib.rs").write_text("")
    theirs = proto_messages(official(
        ["cargo", "metadata", "--format-version", "1"], tmp_path,
        lambda out: [path for package in json.loads(out)["packages"] if package["name"] == "opentelemetry-proto"
                     for path in Path(package["manifest_path"]).parent.rglob("*.proto")
                     if path.parts[-2] in ("v1development",) or path.name in ("common.proto", "resource.proto")]))
    ours = proto_messages((ROOT / "proto/otlp.proto").read_text())
    assert len(ours) == 18, sorted(ours)
    for name, fields in ours.items():
        assert fields and fields <= theirs[name], name

"""The harness itself: its rules refuse what they are there to refuse."""
import copy
import gzip

import pytest
from harness import pprof, readers, statistics, validity
from harness.pprof import Function, Label, Line, Location, Mapping, Profile, Sample


def a_valid_profile():
    return Profile(
        path="made by hand",
        strings=["", "samples"],
        sample_types=[("samples", "count"), ("cpu", "nanoseconds")],
        period_type=("cpu", "nanoseconds"), period=10_000_000,
        time_nanos=1_700_000_000_000_000_000, duration_nanos=10**9, default_sample_type="cpu",
        mappings=[Mapping(1, 0x1000, 0x2000, 0, "/bin/program", "ab12", True)],
        functions=[Function(1, "main", "main")],
        locations=[Location(1, 1, 0x1234, [Line(1, 0)])],
        samples=[Sample([1], [5, 50_000_000],
                        [Label("tid", "", 7, "tid"), Label("thread", "program")])],
        comments=["pprofd.version=1", "host=h", "kernel=k", "frequency=100", "samples.taken=6",
                  "samples.written=5", "samples.dropped.ring_full=1", "stacks.complete=4",
                  "stacks.incomplete.limit=1", "frames.unsymbolized=0", "pid=7", "start_time=1",
                  "comm=program", "exe=/bin/program"])


def test_a_valid_profile_passes():
    validity.check(a_valid_profile())


def replace_comment(profile, key, value):
    profile.comments = [f"{key}={value}" if c.startswith(f"{key}=") else c for c in profile.comments]


BREAKAGES = {
    "ids not from one": lambda p: setattr(p.functions[0], "id", 2),
    "location without mapping": lambda p: setattr(p.locations[0], "mapping_id", 0),
    "address outside its mapping": lambda p: setattr(p.locations[0], "address", 0x2000),
    "line without function": lambda p: setattr(p.locations[0].lines[0], "function_id", 3),
    "location without lines": lambda p: p.locations[0].lines.clear(),
    "too few values": lambda p: p.samples[0].values.pop(),
    "weight that is not count x period": lambda p: p.samples[0].values.__setitem__(1, 1),
    "types in the wrong order": lambda p: p.sample_types.reverse(),
    "no default type": lambda p: setattr(p, "default_sample_type", ""),
    "no duration": lambda p: setattr(p, "duration_nanos", 0),
    "no tid": lambda p: p.samples[0].labels.pop(0),
    "number without unit": lambda p: setattr(p.samples[0].labels[0], "unit", ""),
    "label twice": lambda p: p.samples[0].labels.append(Label("tid", "", 8, "tid")),
    "sample twice": lambda p: p.samples.append(copy.deepcopy(p.samples[0])),
    "sample without frames": lambda p: p.samples[0].location_ids.clear(),
    "has_functions not set": lambda p: setattr(p.mappings[0], "has_functions", False),
    "build id no hex": lambda p: setattr(p.mappings[0], "build_id", "xyz"),
    "first mapping another": lambda p: setattr(p.mappings[0], "file", "/lib/libc.so"),
    "one sample lost": lambda p: replace_comment(p, "samples.taken", 7),
    "written not the sum": lambda p: replace_comment(p, "samples.written", 4),
    "a stack not told of": lambda p: replace_comment(p, "stacks.complete", 5),
    "negative count": lambda p: replace_comment(p, "samples.dropped.ring_full", -1),
    "comment missing": lambda p: p.comments.remove("host=h"),
    "hidden comment": lambda p: p.comments.append("#x=1"),
    "period of another frequency": lambda p: replace_comment(p, "frequency", 99),
    "string table": lambda p: p.strings.insert(0, "x"),
    "frames dropped by regex": lambda p: setattr(p, "drop_frames", "x"),
    "kernel frame above user frame": lambda p: (
        p.mappings.append(Mapping(2, 2**63, 2**64 - 1, 0, "[kernel.kallsyms]", "", True)),
        p.locations.append(Location(2, 2, 2**63 + 1, [Line(1, 0)])),
        p.samples[0].location_ids.append(2)),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_broken_profile_is_refused(name):
    profile = a_valid_profile()
    BREAKAGES[name](profile)
    with pytest.raises(AssertionError):
        validity.check(profile)


def test_reader_refuses_two_messages_and_cuts(tmp_path):
    whole = gzip.compress(b"\x0a\x04\x08\x01\x10\x02")
    for content in (whole + whole, whole[:-4], b"plain"):
        path = tmp_path / "x.pb.gz"
        path.write_bytes(content)
        with pytest.raises((pprof.Malformed, Exception)):
            pprof.read(path)


def test_bounds_refuse_what_is_off():
    statistics.assert_share(600, 1000, 0.6)
    statistics.assert_count(495, 5.0, 99)
    with pytest.raises(AssertionError):
        statistics.assert_share(670, 1000, 0.6)
    with pytest.raises(AssertionError):
        statistics.assert_count(480, 5.0, 99)


def test_readers_of_others_refuse_a_broken_file(tmp_path):
    """A broken file among good ones is not overlooked."""
    path = tmp_path / "broken.pb.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00 not a profile")
    with pytest.raises(AssertionError):
        readers.check_accepted([path])

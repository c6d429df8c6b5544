"""The rules that every profile keeps, checked on what pprof.py read. They come from google/pprof's
CheckValid, from the normalizers of parca and pyroscope, and from pprofd's own promises about its
accounting. check() is called for each profile that any test makes."""
import re

UNSYMBOLIZED = re.compile(r"\+0x[0-9a-f]+$")
BUILD_ID = re.compile(r"^([0-9a-f]{2})*$")
REQUIRED_FACTS = ("pprofd.version", "host", "kernel", "frequency", "samples.taken", "samples.written",
                  "stacks.complete", "frames.unsymbolized")
FACTS_OF_ONE_PROCESS = ("pid", "start_time", "comm")
FACT = re.compile(r"^[a-z0-9_]+(\.[A-Za-z0-9_-]+)*$")
HIGHEST_USER_ADDRESS = 2**63


def check(profile, *, merged=False, raw=False):
    """Raises AssertionError with every broken rule of the profile."""
    broken = []

    def rule(holds, text):
        if not holds:
            broken.append(text)

    _check_header(profile, rule)
    _check_tables(profile, rule, raw)
    _check_samples(profile, rule, merged)
    _check_facts(profile, rule, merged)
    assert not broken, f"{profile.path}: " + "; ".join(broken[:20])


def _check_header(profile, rule):
    rule(profile.strings[:1] == [""], "string_table[0] is not empty")
    rule(profile.sample_types[:1] == [("samples", "count")], f"first type is {profile.sample_types}")
    rule(profile.sample_types[1:] == [("cpu", "nanoseconds")], f"types are {profile.sample_types}")
    rule(profile.period_type == ("cpu", "nanoseconds"), f"period type is {profile.period_type}")
    rule(profile.period > 0, "no period")
    rule(profile.time_nanos > 10**18, "no time")
    rule(profile.duration_nanos > 0, "no duration")
    rule(profile.default_sample_type in ("samples", "cpu"), "no default sample type")
    rule(not profile.drop_frames and not profile.keep_frames, "drop_frames or keep_frames set")


def _check_tables(profile, rule, raw):
    for name in ("mappings", "locations", "functions"):
        ids = [entry.id for entry in getattr(profile, name)]
        rule(ids == list(range(1, len(ids) + 1)), f"ids of {name} are not 1..N in order")
    mappings = {mapping.id: mapping for mapping in profile.mappings}
    functions = {function.id for function in profile.functions}
    for mapping in profile.mappings:
        rule(mapping.start < mapping.limit, f"mapping {mapping.file}: start >= limit")
        rule(BUILD_ID.match(mapping.build_id), f"build id {mapping.build_id!r} is not hex")
        rule(mapping.has_functions != raw, f"mapping {mapping.file}: has_functions")
        rule(mapping.file, f"mapping {mapping.id} has no file name")
        if mapping.is_kernel:
            rule(mapping.file.startswith("["), f"kernel mapping is named {mapping.file!r}")
    used = {function for location in profile.locations for function in _functions_of(location)}
    rule(used == functions, "functions that no location uses, or the reverse")
    for location in profile.locations:
        mapping = mappings.get(location.mapping_id)
        rule(mapping, f"location {location.id} has no mapping")
        if mapping:
            rule(mapping.start <= location.address < mapping.limit,
                 f"location {location.address:#x} is outside its mapping {mapping.file}")
        rule(bool(location.lines) != raw, f"location {location.id}: lines")
    for function in profile.functions:
        rule(function.name, f"function {function.id} has no name")
    rule(not (raw and profile.functions), "functions in a raw profile")


def _functions_of(location):
    return [line.function_id for line in location.lines]


def _check_samples(profile, rule, merged):
    locations = {location.id: location for location in profile.locations}
    used, seen = set(), set()
    for sample in profile.samples:
        used.update(sample.location_ids)
        rule(len(sample.values) == len(profile.sample_types), "a sample's number of values")
        rule(all(value > 0 for value in sample.values), "a sample without weight")
        if len(sample.values) == 2:
            rule(sample.values[1] == sample.values[0] * profile.period,
                 f"{sample.values} is not count x period {profile.period}")
        rule(sample.location_ids, "a sample without frames")
        if all(identifier in locations for identifier in sample.location_ids):
            in_kernel = [locations[i].address >= HIGHEST_USER_ADDRESS for i in sample.location_ids]
            rule(in_kernel == sorted(in_kernel, reverse=True), "a kernel frame above a user frame")
        _check_labels(sample, rule, merged)
        key = (tuple(sample.location_ids), tuple(sorted((l.key, l.text, l.number) for l in sample.labels)))
        rule(key not in seen, "two samples with the same stack and labels")
        seen.add(key)
    rule(used == set(locations), "locations that no sample uses, or the reverse")


def _check_labels(sample, rule, merged):
    labels = {label.key: label for label in sample.labels}
    rule(len(labels) == len(sample.labels), "a label with two values")
    for label in sample.labels:
        rule(not label.key.startswith("pprof::"), f"reserved label {label.key}")
        rule(bool(label.text) != bool(label.unit), f"label {label.key}: a text, or a number with a unit")
    numbers = {"tid": "tid"} | ({"pid": "pid"} if merged else {})
    texts = ["thread"] + (["comm"] if merged else [])
    for key, unit in numbers.items():
        rule(key in labels and labels[key].unit == unit, f"label {key} is missing or has no unit")
    for key in texts:
        rule(key in labels and labels[key].text, f"label {key} is missing")


def _check_facts(profile, rule, merged):
    facts = profile.facts
    rule(len(facts) == len(profile.comments), "a comment's key twice")
    for comment in profile.comments:
        key, equals, _ = comment.partition("=")
        rule(equals and FACT.match(key), f"comment {comment!r} is not key=value")
    for key in REQUIRED_FACTS + (() if merged else FACTS_OF_ONE_PROCESS):
        rule(key in facts, f"comment {key} is missing")
    counts = {}
    for key, value in facts.items():
        if re.match(r"^(host\.)?(samples|stacks|symbols|frames)\.", key):
            rule(re.fullmatch(r"\d+", value), f"{key}={value} is not a count")
            counts[key] = int(value) if value.isdigit() else 0
    dropped = sum(v for k, v in counts.items() if k.startswith("samples.dropped."))
    incomplete = sum(v for k, v in counts.items() if k.startswith("stacks.incomplete."))
    written = counts.get("samples.written", 0)
    rule(written == profile.total, f"samples.written={written}, but the values' sum is {profile.total}")
    rule(counts.get("samples.taken", 0) == written + dropped,
         f"taken {counts.get('samples.taken')} != written {written} + dropped {dropped}")
    missing = sum(count for name, count in counts.items() if name.startswith("symbols.missing."))
    rule(missing == counts.get("frames.unsymbolized", 0), f"symbols.missing.* come to {missing}")
    rule(counts.get("stacks.complete", 0) + incomplete == written,
         f"complete {counts.get('stacks.complete')} + incomplete {incomplete} != written {written}")
    if (frequency := facts.get("frequency", "")).isdigit() and int(frequency) > 0:
        rule(abs(profile.period - 1e9 / int(frequency)) <= 1, "period is not 1e9/frequency")
    rule("#" not in {comment[:1] for comment in profile.comments}, "a comment that readers hide")
    if facts.get("exe", "").startswith("/") and not merged and profile.mappings:
        main = profile.mappings[0].file.removesuffix(" (deleted)")
        rule(main == facts["exe"].removesuffix(" (deleted)"),
             f"the first mapping is {main}, the executable {facts['exe']}")

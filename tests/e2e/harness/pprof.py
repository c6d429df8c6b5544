"""A reader of pprof files, straight from the wire format: it shares nothing with pprofd or google/pprof,
so that a mistake of either can't hide."""
import gzip
import zlib
from dataclasses import dataclass, field
from pathlib import Path


class Malformed(AssertionError):
    pass


def _varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed("varint cut off or too long")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return value & (2**64 - 1), at


def _fields(data):
    """Yields (field number, value): an int for varints, bytes for length-delimited fields."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
        elif wire == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise Malformed(f"field {number} is longer than its message")
            value, at = data[at : at + length], at + length
        else:
            raise Malformed(f"field {number} has wire type {wire}, which profile.proto does not use")
        yield number, value


def _signed(value):
    return value - 2**64 if value >= 2**63 else value


def _integers(value):
    """A repeated integer field: packed, or one element."""
    if isinstance(value, int):
        return [value]
    values, at = [], 0
    while at < len(value):
        element, at = _varint(value, at)
        values.append(element)
    return values


@dataclass
class Mapping:
    id: int = 0
    start: int = 0
    limit: int = 0
    offset: int = 0
    file: str = ""
    build_id: str = ""
    has_functions: bool = False
    has_filenames: bool = False
    has_line_numbers: bool = False
    has_inline_frames: bool = False

    @property
    def is_kernel(self):
        return self.start >= 2**63


@dataclass
class Function:
    id: int = 0
    name: str = ""
    system_name: str = ""
    file: str = ""
    start_line: int = 0


@dataclass
class Line:
    function_id: int = 0
    line: int = 0


@dataclass
class Location:
    id: int = 0
    mapping_id: int = 0
    address: int = 0
    lines: list = field(default_factory=list)


@dataclass
class Label:
    key: str = ""
    text: str = ""
    number: int = 0
    unit: str = ""


@dataclass
class Sample:
    location_ids: list = field(default_factory=list)
    values: list = field(default_factory=list)
    labels: list = field(default_factory=list)


@dataclass
class Profile:
    path: str = ""
    sample_types: list = field(default_factory=list)  # (type, unit)
    samples: list = field(default_factory=list)
    mappings: list = field(default_factory=list)
    locations: list = field(default_factory=list)
    functions: list = field(default_factory=list)
    strings: list = field(default_factory=list)
    comments: list = field(default_factory=list)
    period_type: tuple = ("", "")
    period: int = 0
    time_nanos: int = 0
    duration_nanos: int = 0
    default_sample_type: str = ""
    drop_frames: str = ""
    keep_frames: str = ""

    def __post_init__(self):
        self._index = None

    # --- questions that tests ask -------------------------------------------------------------------

    @property
    def facts(self):
        """The comments, each `key=value`, as a dictionary."""
        return dict(comment.partition("=")[::2] for comment in self.comments)

    @property
    def total(self):
        return sum(sample.values[0] for sample in self.samples)

    def _tables(self):
        if self._index is None:
            self._index = (
                {location.id: location for location in self.locations},
                {function.id: function for function in self.functions},
                {mapping.id: mapping for mapping in self.mappings},
            )
        return self._index

    def frames(self, sample):
        """[(function name, mapping)] of a sample, leaf first, inlined functions written out."""
        locations, functions, mappings = self._tables()
        result = []
        for location_id in sample.location_ids:
            location = locations[location_id]
            mapping = mappings.get(location.mapping_id)
            if not location.lines:
                result.append(("", mapping))
            result += [(functions[line.function_id].name, mapping) for line in location.lines]
        return result

    def names(self, sample):
        return [name for name, _ in self.frames(sample)]

    def cumulative(self, name):
        """Samples with a function of this name anywhere in their stack."""
        return sum(s.values[0] for s in self.samples if name in self.names(s))

    def self_count(self, name):
        """Samples with a function of this name as their leaf."""
        return sum(s.values[0] for s in self.samples if self.names(s)[:1] == [name])

    def function_names(self):
        return {function.name for function in self.functions}

    def labels_of(self, sample):
        return {label.key: label.text or label.number for label in sample.labels}

    def split_by(self, key):
        """Samples per value of a label: {value: count}."""
        counts = {}
        for sample in self.samples:
            value = self.labels_of(sample).get(key)
            counts[value] = counts.get(value, 0) + sample.values[0]
        return counts


def _read_record(data, plan, make, strings):
    """Fills a dataclass: plan maps field number to (attribute, kind)."""
    record = make()
    for number, value in _fields(data):
        if number not in plan:
            continue
        name, kind = plan[number]
        if kind == "string":
            setattr(record, name, _string(strings, value))
        elif kind == "bool":
            setattr(record, name, bool(value))
        elif kind == "signed":
            setattr(record, name, _signed(value))
        elif kind == "integers":
            getattr(record, name).extend(_integers(value))
        elif kind == "signed list":
            getattr(record, name).extend(_signed(v) for v in _integers(value))
        elif isinstance(kind, tuple):
            getattr(record, name).append(_read_record(value, *kind, strings))
        else:
            setattr(record, name, value)
    return record


def _string(strings, index):
    if not isinstance(index, int) or index >= len(strings):
        raise Malformed(f"string index {index} of {len(strings)}")
    return strings[index]


_LABEL = ({1: ("key", "string"), 2: ("text", "string"), 3: ("number", "signed"), 4: ("unit", "string")}, Label)
_SAMPLE = (
    {1: ("location_ids", "integers"), 2: ("values", "signed list"), 3: ("labels", _LABEL)},
    Sample,
)
_MAPPING = (
    {
        1: ("id", ""),
        2: ("start", ""),
        3: ("limit", ""),
        4: ("offset", ""),
        5: ("file", "string"),
        6: ("build_id", "string"),
        7: ("has_functions", "bool"),
        8: ("has_filenames", "bool"),
        9: ("has_line_numbers", "bool"),
        10: ("has_inline_frames", "bool"),
    },
    Mapping,
)
_LINE = ({1: ("function_id", ""), 2: ("line", "signed")}, Line)
_LOCATION = (
    {1: ("id", ""), 2: ("mapping_id", ""), 3: ("address", ""), 4: ("lines", _LINE)},
    Location,
)
_FUNCTION = (
    {
        1: ("id", ""),
        2: ("name", "string"),
        3: ("system_name", "string"),
        4: ("file", "string"),
        5: ("start_line", "signed"),
    },
    Function,
)


def _value_type(data, strings):
    pair = dict(_fields(data))
    return _string(strings, pair.get(1, 0)), _string(strings, pair.get(2, 0))


def inflate(data):
    """The content of exactly one gzip member, nothing after it."""
    decoder = zlib.decompressobj(wbits=31)
    content = decoder.decompress(data) + decoder.flush()
    if not decoder.eof:
        raise Malformed("the gzip stream is cut off")
    if decoder.unused_data:
        raise Malformed("something follows the gzip stream")
    return content


def decode(content, path=""):
    """Decodes an uncompressed profile message."""
    fields = list(_fields(content))
    strings = [value.decode("utf-8") for number, value in fields if number == 6]
    profile = Profile(path=path, strings=strings)
    tables = {
        2: (profile.samples, _SAMPLE),
        3: (profile.mappings, _MAPPING),
        4: (profile.locations, _LOCATION),
        5: (profile.functions, _FUNCTION),
    }
    plain = {
        7: ("drop_frames", "string"),
        8: ("keep_frames", "string"),
        9: ("time_nanos", "signed"),
        10: ("duration_nanos", "signed"),
        12: ("period", "signed"),
        14: ("default_sample_type", "string"),
    }
    for number, value in fields:
        if number in tables:
            table, plan = tables[number]
            table.append(_read_record(value, *plan, strings))
        elif number == 1:
            profile.sample_types.append(_value_type(value, strings))
        elif number == 11:
            profile.period_type = _value_type(value, strings)
        elif number == 13:
            profile.comments += [_string(strings, index) for index in _integers(value)]
        elif number in plain:
            name, kind = plain[number]
            setattr(profile, name, _string(strings, value) if kind == "string" else _signed(value))
    return profile


def read(path):
    return decode(inflate(Path(path).read_bytes()), str(path))


def read_bytes(data):
    return decode(inflate(data) if data[:2] == gzip.compress(b"")[:2] else data)

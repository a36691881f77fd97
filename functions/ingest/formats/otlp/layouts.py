"""The layouts of OTLP profiles over time, and the detection of a request's layout.

A request has the layout that allows all of its fields with their wire types, and in which its samples are complete: the
format requires values or timestamps, and equally many if there are both. If two layouts with different values are
possible, the request is rejected as ambiguous.

Layouts: the releases of github.com/open-telemetry/opentelemetry-proto, profiles/v1development/profiles.proto.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, cast

from google.protobuf.message import Message
from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import (
    ExportProfilesServiceRequest,
)

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.pb.otlp_layouts_pb2 import V15Request, V17Request, V18Request
from flamehouse.web.codec import PROTO, check_field_count, parsed
from ingest.formats.otlp.wire_types import Evidence, Fields, Wire, evidence_of

_V, _F, _L = Wire.VARINT, Wire.FIXED64, Wire.LENGTH


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """One layout. `message` is None if the layout is not supported.

    `allowed` has the wire types of each field, by kind of message.
    """

    name: str
    message: type[Any] | None
    allowed: Mapping[str, Fields]
    samples_of: Callable[[Any], Sequence[Any]] = attrgetter("samples")
    is_consistent: Callable[[Any, Any], bool] = lambda _sample, _request: True
    """Returns whether a sample of a request is complete; checked only if several layouts allow the request."""
    ignores_new_fields: bool = False
    """Whether fields above the highest number are ignored, because they belong to a later release."""

    def allows(self, evidence: Evidence) -> bool:
        return all(self._allows(self.allowed[kind], fields) for kind, fields in evidence.items())

    def _allows(self, allowed: Fields, fields: Fields) -> bool:
        last = max((number for number, _ in allowed), default=0)
        unknown = fields - allowed
        return not unknown or (self.ignores_new_fields and min(number for number, _ in unknown) > last)


def _fields(wires: str, first: int = 1) -> Fields:
    """Parses the wire types of fields, numbered from `first` on: one letter each, `.` for an unused number."""
    types = {"V": _V, "F": _F, "L": _L}
    return frozenset((number, types[wire]) for number, wire in enumerate(wires, first) if wire != ".")


def _has_a_value_each(sample: Any, request: Any) -> bool:  # noqa: ANN401, ARG001  # a message of either of two layouts
    values, timestamps = len(sample.values), len(sample.timestamps_unix_nano)
    return values == timestamps or not (values and timestamps)


def _is_in_bounds(sample: Any, request: Any) -> bool:  # noqa: ANN401
    count = len(request.dictionary.attribute_table)
    return _has_a_value_each(sample, request) and all(
        0 <= index < count for index in sample.attribute_indices
    )


_KEY_VALUE: Final = _fields("LL")
_TABLES: Final = {"key-value": _KEY_VALUE, "attribute": _fields("VLV"), "stack": _fields("L")}
_RANGES: Final = _fields("VVLLVL")
CURRENT: Final = Layout(
    name="1.10 (collectors 0.148 and later)",
    message=ExportProfilesServiceRequest,
    allowed={
        **_TABLES,
        "key-value": _fields("LLV"),
        "request": _fields("LL"),
        "profile": _fields("LLFVLVLVLLL"),
        "sample": _fields("VLVLL"),
    },
    is_consistent=_is_in_bounds,
    ignores_new_fields=True,
)
V18: Final = Layout(
    name="1.8 and 1.9 (collectors 0.136 to 0.147)",
    message=V18Request,
    allowed={
        **_TABLES,
        "request": _fields("LL"),
        "profile": _fields("LLFVLVLVLLL") | _fields("LLFVLVLLVLLL"),
        "sample": _fields("VLLVL"),
    },
    is_consistent=_has_a_value_each,
)
V17: Final = Layout(
    name="1.7 (collectors up to 0.135)",
    message=V17Request,
    allowed={
        "request": _fields("LL"),
        "key-value": _KEY_VALUE,
        "profile": _fields("LLLVVLVLVLVLLL"),
        "sample": _RANGES,
        "attribute": _KEY_VALUE,
        "stack": _fields("VV"),
    },
    samples_of=attrgetter("sample"),
)
V15: Final = Layout(
    name="1.5 and 1.6 (collectors 0.116 and later)",
    message=V15Request,
    allowed={
        "request": _fields("L"),
        "key-value": _KEY_VALUE,
        "profile": _fields("LLLLLLLLLLVVLVLVLLVLLL"),
        "sample": _RANGES,
        "attribute": frozenset(),
        "stack": frozenset(),
    },
    samples_of=attrgetter("sample"),
)
EXPERIMENTAL: Final = Layout(
    name="1.3 and 1.4 (v1experimental, collectors before 0.116)",
    message=None,
    allowed={
        "request": _fields("L"),
        "key-value": _KEY_VALUE,
        "profile": _fields("LFFLVLLL"),
        "sample": frozenset(),
        "attribute": frozenset(),
        "stack": frozenset(),
    },
)
LAYOUTS: Final = (CURRENT, V18, V17, V15, EXPERIMENTAL)
"""All layouts, the newest first."""
UPGRADE: Final = (
    "upgrade the collector or profiler to a version with OTLP profiles 1.10 (collector 0.148 or later)"
)


_SAME_SAMPLES: Final = _fields("V...L")
"""The fields of a sample that are the same in 1.8, 1.9 and 1.10."""


_UNPACKED_VALUES: Final = _fields("V..V")
"""Samples of 1.10 with unpacked values, as Pyroscope's Java agent sends them.

In 1.8 and 1.9 the same fields are a stack and a link without a value or a time, which is not a valid sample.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request and its layout."""

    layout: Layout
    message: Any


def read_proto(body: bytes) -> Request:
    """Reads a request in its layout.

    Raises:
        RpcError: `invalid_argument` for a body that is not a request or has too many fields, for an unsupported
        layout, and if several layouts with different values are possible.
    """
    check_field_count(body, ExportProfilesServiceRequest)
    evidence = evidence_of(body)
    layouts = _readable([layout for layout in LAYOUTS if layout.allows(evidence)])
    if CURRENT in layouts and (len(layouts) == 1 or evidence["sample"] <= _SAME_SAMPLES):
        return Request(layout=CURRENT, message=parsed(body, ExportProfilesServiceRequest))
    if evidence["sample"] == _UNPACKED_VALUES and CURRENT.allows({**evidence, "sample": frozenset()}):
        return _read(body, CURRENT)
    if layouts and not evidence["sample"]:
        return _read(body, layouts[0])
    requests = [request for request in _parsable(body, layouts) if _all_samples(request, _has_value)]
    if len(requests) > 1:
        requests = [request for request in requests if _all_samples(request, request.layout.is_consistent)]
    return chosen(requests, [request.layout.name for request in requests])


def chosen[T](possible: Sequence[T], names: Iterable[str]) -> T:
    """Returns the only layout. Raises RpcError(INVALID_ARGUMENT) if there are several or none."""
    if len(possible) == 1:
        return possible[0]
    if possible:
        raise invalid_argument(
            f"the profiles can be read as OTLP profiles {' or as '.join(names)}, with different values: "
            f"{UPGRADE}, or send JSON (the exporter's encoding: json)"
        )
    raise invalid_argument(
        f"the profiles match no supported layout of OTLP profiles (1.5 to 1.10), or mix several: {UPGRADE}"
    )


def _readable(layouts: Sequence[Layout]) -> Sequence[Layout]:
    readable = [layout for layout in layouts if layout.message is not None]
    if layouts and not readable:
        raise invalid_argument(f"OTLP profiles {layouts[0].name} are not supported: {UPGRADE}")
    return readable


def _parsable(body: bytes, layouts: Sequence[Layout]) -> Iterator[Request]:
    """Parses the request in each layout that accepts it. Raises the last error if none does."""
    for number, layout in enumerate(layouts, 1):
        try:
            yield _read(body, layout)
        except RpcError:
            if number == len(layouts):
                raise


def _read(body: bytes, layout: Layout) -> Request:
    return Request(layout=layout, message=PROTO.decode(body, cast(type[Message], layout.message)))


def _all_samples(request: Request, holds: Callable[[Any, Any], bool]) -> bool:
    return all(
        holds(sample, request.message)
        for resource in request.message.resource_profiles
        for scope in resource.scope_profiles
        for profile in scope.profiles
        for sample in request.layout.samples_of(profile)
    )


def _has_value(sample: Any, request: Any) -> bool:  # noqa: ANN401, ARG001  # a message of any layout
    values = sample.values if hasattr(sample, "values") else sample.value
    return bool(values or sample.timestamps_unix_nano)

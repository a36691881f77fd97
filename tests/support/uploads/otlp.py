"""OTLP exports as clients make them: stacks in the notation of `profiles`, stored in the tables of a dictionary."""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import (
    ExportProfilesServiceRequest,
    ExportProfilesServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from flamehouse.varint import uvarint
from flamehouse.web.codec import CODECS
from tests.support.uploads.profiles import Frame
from tests.support.uploads.uploads import YEAR_2026_NS

PATH = "/v1development/profiles"
RPC_PATH = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
PROTO = "application/x-protobuf"
JSON = "application/json"
CPU = (("samples", "count"), ("cpu", "nanoseconds"))
"""The sample type and the period type of a profiler that samples processors."""
PERIOD_NS = 10_000_000

type Attributes = Mapping[str, Any]


def any_value(value: Any) -> AnyValue:
    """Returns a value as an attribute value."""
    if isinstance(value, AnyValue):
        return value
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
    kind = {bool: "bool", int: "int", float: "double", bytes: "bytes", str: "string"}[type(value)]
    return AnyValue(**{f"{kind}_value": value})


def attributes(named: Attributes) -> list[KeyValue]:
    return [KeyValue(key=name, value=any_value(value)) for name, value in named.items()]


class Tables:
    """Builds a dictionary. Every table starts with an empty entry, as the format requires."""

    def __init__(self) -> None:
        self.message = otlp.ProfilesDictionary(
            mapping_table=[otlp.Mapping()],
            location_table=[otlp.Location()],
            function_table=[otlp.Function()],
            link_table=[otlp.Link(trace_id=bytes(16), span_id=bytes(8))],
            string_table=[""],
            attribute_table=[otlp.KeyValueAndUnit()],
            stack_table=[otlp.Stack()],
        )
        self._indices: dict[Any, int] = {("text", ""): 0}

    def text(self, text: str) -> int:
        return self._index(("text", text), self.message.string_table, text)

    def type(self, name: str, unit: str) -> otlp.ValueType:
        return otlp.ValueType(type_strindex=self.text(name), unit_strindex=self.text(unit))

    def attribute(self, name: str, value: Any) -> int:
        message = otlp.KeyValueAndUnit(key_strindex=self.text(name), value=any_value(value))
        return self._index(message.SerializeToString(), self.message.attribute_table, message)

    def link(self, trace_id: bytes, span_id: bytes) -> int:
        message = otlp.Link(trace_id=trace_id, span_id=span_id)
        return self._index(message.SerializeToString() + b"link", self.message.link_table, message)

    def mapping(self, filename: str, named: Attributes) -> int:
        message = otlp.Mapping(
            memory_start=0x1000,
            memory_limit=0x9000,
            filename_strindex=self.text(filename),
            attribute_indices=[self.attribute(name, value) for name, value in named.items()],
        )
        return self._index(("mapping", filename), self.message.mapping_table, message)

    def stack(self, frames: Sequence[Frame], mapping: int = 0) -> int:
        """Adds a stack, root first."""
        locations = [self.location(frame, mapping) for frame in reversed(frames)]
        message = otlp.Stack(location_indices=locations)
        return self._index(("stack", *locations), self.message.stack_table, message)

    def location(self, frame: Frame, mapping: int = 0) -> int:
        if isinstance(frame, int):
            message = otlp.Location(address=frame, mapping_index=mapping)
        else:
            names = (frame,) if isinstance(frame, str) else frame
            lines = [otlp.Line(function_index=self._function(name), line=7) for name in reversed(names)]
            message = otlp.Location(lines=lines, mapping_index=mapping)
        return self._index(("location", frame), self.message.location_table, message)

    def _function(self, name: str) -> int:
        message = otlp.Function(
            name_strindex=self.text(name), filename_strindex=self.text("app.c"), start_line=3
        )
        return self._index(("function", name), self.message.function_table, message)

    def _index(self, key: Any, table: Any, entry: Any) -> int:
        if key not in self._indices:
            self._indices[key] = len(table)
            table.append(entry)
        return self._indices[key]


class Export:
    """Builds a request."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.resources: list[otlp.ResourceProfiles] = []

    def sample(
        self,
        frames: Sequence[Frame] = ("main", "work"),
        values: Sequence[int] = (1,),
        *,
        named: Attributes | None = None,
        timestamps: Sequence[int] = (),
        link: int = 0,
        mapping: int = 0,
    ) -> otlp.Sample:
        return otlp.Sample(
            stack_index=self.tables.stack(frames, mapping),
            values=values,
            attribute_indices=[self.tables.attribute(name, value) for name, value in (named or {}).items()],
            timestamps_unix_nano=timestamps,
            link_index=link,
        )

    def profile(
        self,
        *samples: otlp.Sample,
        types: tuple[tuple[str, str], tuple[str, str]] = CPU,
        period: int = PERIOD_NS,
        time_ns: int = YEAR_2026_NS,
        duration_ns: int = 5_000_000_000,
    ) -> otlp.Profile:
        return otlp.Profile(
            sample_type=self.tables.type(*types[0]),
            period_type=self.tables.type(*types[1]),
            period=period,
            samples=samples,
            time_unix_nano=time_ns,
            duration_nano=duration_ns,
        )

    def add(
        self, *profiles: otlp.Profile, resource: Attributes | None = None, scope: Attributes | None = None
    ) -> "Export":
        """Adds a resource with one scope of these profiles."""
        scope_profiles = otlp.ScopeProfiles(
            scope=InstrumentationScope(attributes=attributes(scope or {})), profiles=profiles
        )
        self.resources.append(
            otlp.ResourceProfiles(
                resource=Resource(attributes=attributes(resource or {})), scope_profiles=[scope_profiles]
            )
        )
        return self

    @property
    def message(self) -> ExportProfilesServiceRequest:
        return ExportProfilesServiceRequest(resource_profiles=self.resources, dictionary=self.tables.message)

    @property
    def body(self) -> bytes:
        return CODECS["application/proto"].encode(self.message)


def exported(**resource: Any) -> Export:
    """Returns an export of one profile of one sample, ten milliseconds of `main;work`."""
    export = Export()
    return export.add(export.profile(export.sample()), resource=resource)


def partial_success(content: bytes) -> tuple[int, str]:
    """Returns the number of rejected profiles in a response, and the reason."""
    partial = ExportProfilesServiceResponse.FromString(content).partial_success
    return partial.rejected_profiles, partial.error_message


def within(field: int, content: bytes) -> bytes:
    """Returns a message of one field, which is a message, a string or a list."""
    return bytes([field << 3 | 2]) + uvarint(len(content)) + content

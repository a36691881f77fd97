"""OTLP requests crafted to cost much time or memory cost little, and those over a limit are rejected."""

import gzip
from typing import Any

import pytest
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp

from tests.support.costs import costing_at_most
from tests.support.uploads.otlp import JSON, PROTO, Export, within
from tests.support.uploads.otlp_uploads import outcome, rejected
from tests.support.uploads.uploads import members


def test_too_many_samples_are_rejected() -> None:
    export = Export()
    export.add(export.profile(*[export.sample()] * 16_001))
    assert "exceeds the samples count limit (MAX_PROFILE_SAMPLES, actual: 16001" in rejected(export)


def test_too_many_labels_of_a_sample_are_rejected() -> None:
    export = Export()
    sample = export.sample(named={"a": "b"})
    sample.attribute_indices.extend([1] * 100)
    export.add(export.profile(sample))
    assert "exceeds the sample labels limit" in rejected(export)


def test_too_many_profiles_are_rejected() -> None:
    export = Export()
    export.add(*[otlp.Profile()] * 10_001)
    assert outcome(export.body) == (400, "the request has 10001 profiles: send at most 10000")


def test_too_many_services_of_samples_are_rejected() -> None:
    export = Export()
    samples = [export.sample(named={"service.name": f"s{n}"}) for n in range(10_001)]
    reason = "the request has more than 10000 profiles, counting a profile once for each service"
    assert outcome(export.add(export.profile(*samples), export.profile(samples[0])).body) == (
        400,
        f"resource 0, scope 0, profile 0: {reason}; resource 0, scope 0, profile 1: {reason}",
    )


def test_too_many_strings_are_rejected() -> None:
    export = Export()
    export.add(export.profile(export.sample([f"{n}{'x' * 60_000}" for n in range(80)])))
    assert "exceeds the size limit (MAX_PROFILE_BYTES" in rejected(export)


def deep(depth: int, samples: int, profiles: int = 1) -> Export:
    """Returns profiles whose samples all have one stack of one location with this many lines."""
    export = Export()
    sample = export.sample()
    export.tables.message.location_table[1].lines.extend([otlp.Line(function_index=1)] * depth)
    return export.add(*[export.profile(*[sample] * samples)] * profiles)


def many(profiles: int, resource_: dict[str, Any] | None = None, text: str = "work") -> bytes:
    """Returns this many profiles of one resource, each of a stack of a hundred such functions."""
    export = Export()
    sample = export.sample([f"{n}{text}" for n in range(100)])
    return export.add(*[export.profile(sample)] * profiles, resource=resource_).body


BOMBS = {
    "attributes of a resource": (many(5_000, {str(n): "x" for n in range(50_000)}), PROTO, 400),
    "strings of profiles": (many(5_000, text="x" * 60_000), PROTO, 400),
    "strings of valid profiles": (many(5_000, text="x" * 40_000), PROTO, 200),
    "frames of a profile": (deep(100_000, 16_000).body, PROTO, 400),
    "frames of profiles": (deep(100_000, 1, 9_000).body, PROTO, 200),
    "locations of a stack": (
        Export().add(Export().profile(*[otlp.Sample(stack_index=2, values=[1])] * 16_000)).body
        + within(2, within(7, b"") + within(7, within(1, bytes(15 << 20)))),
        PROTO,
        400,
    ),
    "values of a sample": (
        Export().body + within(1, within(2, within(2, within(2, within(4, bytes(15 << 20)))))),
        PROTO,
        400,
    ),
    "fields": (b"\x0a\x00" * (1 << 20), PROTO, 400),
    "members": (members(bytes(1 << 12), 2_000), PROTO, 400),
    "gzip": (gzip.compress(bytes(100 << 20), mtime=0), PROTO, 413),
    "JSON": (b'{"resourceProfiles":[' + b"{}," * (1 << 20) + b"{}]}", JSON, 400),
    "long JSON": (gzip.compress(b'{"a":"' + b" " * (20 << 20) + b'"}', mtime=0), JSON, 413),
    "a long number in JSON": (b'{"a":' + b"9" * 100_000 + b"}", JSON, 400),
}


@pytest.mark.parametrize(("body", "content_type", "status"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_little_memory_and_time(body: bytes, content_type: str, status: int) -> None:
    with costing_at_most(seconds=30, mib=500):
        assert outcome(body, content_type)[0] == status

"""Invalid profiles, with Pyroscope's error messages, on both endpoints."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from flamehouse.errors import RpcError
from flamehouse.pb.profile_pb2 import Label, Line, Profile, Sample
from flamehouse.services import Services
from flamehouse.settings import Settings
from ingest.profile.incoming import IncomingProfile
from ingest.profile.validate import validate
from tests.support.servers.doubles import CannedStore
from tests.support.uploads.uploads import YEAR_2026_NS, Ingest, pprof, rejection, series

LABELS = {"__name__": "process_cpu", "service_name": "shop"}
SHOWN = '{__name__="process_cpu", service_name="shop"}'
SHOWN_OF_INGEST = '{__delta__="false", __name__="process_cpu", pyroscope_spy="unknown", service_name="app"}'
S = 10**9
INT64_MAX = (1 << 63) - 1

type Spoil = Callable[[Profile], object]
"""Changes a valid profile; the return value is ignored."""

MALFORMED: list[tuple[str, Spoil]] = [
    ("empty profile", lambda p: p.ClearField("sample_type")),
    ("sample value length mismatch", lambda p: p.sample[1].value.extend([1])),
    ("sample value length mismatch", lambda p: p.sample[0].value.pop()),
    ("sample value length mismatch", lambda p: p.sample[1].value.append(p.sample[0].value.pop())),
    ("sample value length mismatch", lambda p: p.sample.add()),
    ("location id is 0", lambda p: p.location.add()),
    ("function id is 0", lambda p: p.function.add()),
    ("string 0 should be empty string", lambda p: p.ClearField("string_table")),
    ("string 0 should be empty string", lambda p: p.string_table.insert(0, "x")),
    ("sample type type string index out of range", lambda p: set_to(p.sample_type[0], "type", 99)),
    ("sample type type string index out of range", lambda p: set_to(p.sample_type[1], "type", -1)),
    ("sample type unit string index out of range", lambda p: set_to(p.sample_type[1], "unit", 1 << 40)),
    ("period type type string index out of range", lambda p: set_to(p.period_type, "type", 99)),
    ("period type unit string index out of range", lambda p: set_to(p.period_type, "unit", -(1 << 63))),
    ("sample label string index out of range", lambda p: p.sample[1].label.append(Label(key=99))),
    ("sample label string index out of range", lambda p: p.sample[1].label.append(Label(key=1, str=-1))),
    ("function name string index out of range", lambda p: set_to(p.function[2], "name", 99)),
    ("function system name index string out of range", lambda p: set_to(p.function[2], "system_name", 99)),
    ("function file name string index out of range", lambda p: set_to(p.function[0], "filename", -5)),
    ("mapping file name string index out of range", lambda p: set_to(p.mapping[0], "filename", 99)),
    ("mapping build id string index out of range", lambda p: set_to(p.mapping[0], "build_id", 99)),
    ("sample type contains -", lambda p: rename(p, p.sample_type[0].type, "inuse-space")),
    ("sample type contains :", lambda p: rename(p, p.sample_type[0].unit, "a:b")),
    ("sample type contains :", lambda p: rename(p, p.period_type.type, ":")),
    (
        "the values of sample type 'samples' add up to more than 64 bits",
        lambda p: p.sample.extend([Sample(value=[INT64_MAX, 1])]),
    ),
    (
        "the values of sample type 'cpu' add up to more than 64 bits",
        lambda p: p.sample.extend([Sample(value=[0, 1 << 62])] * 2),
    ),
]


def set_to(message: object, field: str, value: int) -> None:
    setattr(message, field, value)


def rename(profile: Profile, index: int, text: str) -> None:
    profile.string_table[index] = text


@pytest.mark.parametrize(("reason", "spoil"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_profile_is_rejected_on_both_endpoints(reason: str, spoil: Spoil) -> None:
    profile = pprof()
    spoil(profile)
    ingest = Ingest()
    status, code, message = rejection(ingest.push(series(LABELS, profile)))
    assert (status, code) == (400, "invalid_argument")
    assert message == f"push series with index 0 and id p0 failed: invalid_argument: {reason}"
    status, code, message = rejection(ingest.post(profile.SerializeToString()))
    assert (status, code) == (422, "unknown")
    assert message == (
        f"pushing IngestInput-pprof failed push series with index 0 and id  failed: invalid_argument: {reason}"
    )
    assert ingest.uploads == []


ODD: dict[str, Spoil] = {
    "a stack with a dangling location": lambda p: p.sample.add(location_id=[77, 1], value=[1, 1]),
    "a sample without a stack": lambda p: p.sample.add(location_id=[], value=[1, 1]),
    "a negative and a large value": lambda p: p.sample.add(location_id=[1], value=[-1, INT64_MAX - 9]),
    "only negative values": lambda p: p.sample.add(location_id=[1], value=[-INT64_MAX, -1]),
    "only zeros": lambda p: p.sample.add(location_id=[1], value=[0, 0]),
    "a total just within 64 bits": lambda p: p.sample.add(location_id=[1], value=[INT64_MAX - 2, 0]),
    "a location without lines": lambda p: p.location[0].ClearField("line"),
    "a location whose mapping and function dangle": lambda p: p.location.add(
        id=(1 << 64) - 1, mapping_id=99, line=[Line(function_id=99)]
    ),
    "a repeated location": lambda p: p.location.append(p.location[0]),
    "a repeated function": lambda p: p.function.append(p.function[0]),
    "no functions": lambda p: p.ClearField("function"),
    "no locations": lambda p: p.ClearField("location"),
    "no mappings": lambda p: p.ClearField("mapping"),
    "no period type": lambda p: p.ClearField("period_type"),
    "a negative duration": lambda p: set_to(p, "duration_nanos", -1),
    "a negative period": lambda p: set_to(p, "period", -1),
    "the smallest possible line number": lambda p: set_to(p.location[0].line[0], "line", -(1 << 63)),
    "a numeric label": lambda p: p.sample[0].label.add(key=1, num=5),
    "a type with unusual characters": lambda p: rename(p, p.sample_type[0].type, "\x00'; DROP TABLE"),
    "a function without a name": lambda p: rename(p, 1, ""),
}


@pytest.mark.parametrize("bend", ODD.values(), ids=ODD)
def test_an_unusual_profile_is_accepted(bend: Spoil) -> None:
    profile = pprof()
    bend(profile)
    ingest = Ingest()
    response = ingest.push(series(LABELS, profile))
    assert response.status_code == 200, response.text
    assert len(ingest.uploads) == 1


def check(profile: Profile, settings: Settings, received_ns: int = YEAR_2026_NS, retention: int = 30) -> None:
    """Validates the profile for a database that retains profiles for `retention` days."""
    services = Services(settings=settings, store=CannedStore(retention=retention))
    validate(
        IncomingProfile(labels=LABELS, pprof=profile), settings, received_ns, past_s=services.ingest_past_s
    )


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            Settings(max_profile_samples=1),
            "samples count limit (MAX_PROFILE_SAMPLES, actual: 2, limit: 1)",
        ),
        (
            Settings(max_sample_labels=2),
            "sample labels limit (MAX_SAMPLE_LABELS, actual: 3, limit: 2)",
        ),
    ],
)
def test_an_error_names_the_limit_and_the_actual_number(settings: Settings, reason: str) -> None:
    profile = pprof(labels={"a": "1", "b": "2", "c": "3"})
    with pytest.raises(RpcError) as rejected:
        check(profile, settings)
    assert rejected.value.message == f"the profile with labels '{SHOWN}' exceeds the {reason}"


@pytest.mark.parametrize("limit", [1, 100])
def test_the_size_of_a_pushed_profile_is_limited_before_it_is_decoded(limit: int) -> None:
    profile = pprof().SerializeToString()
    ingest = Ingest(settings=Settings(max_profile_bytes=limit))
    assert rejection(ingest.push(series(LABELS, profile)))[2] == (
        f"push series with index 0 and id p0 failed: invalid_argument: the profile with labels '{SHOWN}' "
        f"exceeds the size limit (MAX_PROFILE_BYTES, actual: {len(profile)}, limit: {limit})"
    )


@pytest.mark.parametrize(
    ("depths", "lines", "limit", "accepted"),
    [
        ([10, 10], 1, 20, True),
        ([10, 10], 1, 19, False),
        ([10, 10], 3, 60, True),
        ([10, 10], 3, 59, False),
        ([5_000], 1, 1_000, True),
        ([5_000, 5_000], 1, 1_999, False),
        ([1_000] * 16, 100_000, 16_000, True),
        ([1_000] * 16, 100_000, 15_999, False),
    ],
)
def test_frames_are_counted_with_inlined_ones_and_after_the_cut(
    depths: list[int], lines: int, limit: int, accepted: bool
) -> None:
    profile = pprof()
    profile.location[0].ClearField("line")
    profile.location[0].line.extend([Line(function_id=1)] * lines)
    del profile.sample[:]
    profile.sample.extend(Sample(location_id=[1] * depth, value=[1, 1]) for depth in depths)
    settings = Settings(max_profile_frames=limit)
    if accepted:
        check(profile, settings)
        return
    with pytest.raises(RpcError) as rejected:
        check(profile, settings)
    assert (
        rejected.value.message == f"the profile exceeds the frames limit (MAX_PROFILE_FRAMES, limit: {limit})"
    )


NOW_NS = int(datetime(2023, 2, 17, 12, 13, 14, tzinfo=UTC).timestamp()) * S
WINDOW = Settings(ingest_window_past_s=3_600)
BOTH = (
    "the ingestion window starts at 2023-02-17 11:13:14 +0000 UTC and ends at 2023-02-17 12:23:14 +0000 UTC"
)
ENDS = "the ingestion window ends at 2023-02-17 12:23:14 +0000 UTC"


@pytest.mark.parametrize(
    ("settings", "time_ns", "reason"),
    [
        (WINDOW, NOW_NS + 3_600 * S, f"profile timestamp: 2023-02-17 13:13:14 +0000 UTC, {BOTH}"),
        (WINDOW, NOW_NS - 3_660 * S, f"profile timestamp: 2023-02-17 11:12:14 +0000 UTC, {BOTH}"),
        (WINDOW, NOW_NS - 3_600 * S, f"profile timestamp: 2023-02-17 11:13:14 +0000 UTC, {BOTH}"),
        (WINDOW, NOW_NS + 600 * S + S // 2, f"profile timestamp: 2023-02-17 12:23:14.5 +0000 UTC, {BOTH}"),
        (WINDOW, 1_000_001, f"profile timestamp: 1970-01-01 00:00:00.001 +0000 UTC, {BOTH}"),
        (WINDOW, INT64_MAX, f"profile timestamp: 2262-04-11 23:47:16.854 +0000 UTC, {BOTH}"),
        (
            Settings(ingest_window_past_s=0),
            NOW_NS + 600 * S,
            f"profile timestamp: 2023-02-17 12:23:14 +0000 UTC, {ENDS}",
        ),
    ],
)
def test_a_time_outside_the_window_is_rejected(settings: Settings, time_ns: int, reason: str) -> None:
    with pytest.raises(RpcError) as rejected:
        check(pprof(time_ns=time_ns), settings, NOW_NS)
    assert (
        rejected.value.message == f"profile with labels '{SHOWN}' is outside of ingestion window ({reason})"
    )


@pytest.mark.parametrize(
    ("settings", "retention", "time_ns"),
    [
        (WINDOW, 30, 0),
        (WINDOW, 30, NOW_NS),
        (WINDOW, 30, NOW_NS - 3_600 * S + 1),
        (WINDOW, 30, NOW_NS + 600 * S - 1),
        (Settings(ingest_window_past_s=0), 30, 1),
        (Settings(), 0, 1),
        (Settings(), 2, NOW_NS - 2 * 86_400 * S + 1),
        (Settings(retention_days=1), 2, NOW_NS - 2 * 86_400 * S + 1),
    ],
)
def test_a_time_within_the_window_is_accepted(settings: Settings, retention: int, time_ns: int) -> None:
    check(pprof(time_ns=time_ns), settings, NOW_NS, retention)


@pytest.mark.parametrize("settings", [Settings(), Settings(retention_days=0), Settings(retention_days=9)])
def test_a_time_before_the_databases_retention_is_rejected_whatever_the_setting(settings: Settings) -> None:
    with pytest.raises(RpcError, match="outside of ingestion window"):
        check(pprof(time_ns=NOW_NS - 2 * 86_400 * S), settings, NOW_NS, retention=2)

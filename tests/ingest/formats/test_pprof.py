"""A pprof uploaded to /ingest as it is stored: metric name, labels, time, and repairs for old clients."""

import json
from collections.abc import Sequence
from urllib.parse import quote

import pytest

from flamehouse.pb.profile_pb2 import Profile
from tests.support.uploads.uploads import FORM, YEAR_2026_NS, Ingest, form, pprof, rejection

S = 10**9
PREFIX = "parsing IngestInput-pprof failed "
NANOSECONDS = "nanoseconds"


def count_of(*types: str) -> list[tuple[str, str]]:
    return [(type_, "count") for type_ in types]


def upload(profile: Profile, config: object = None, query: str = "name=app") -> Ingest:
    """Returns the app after it accepted the profile, with a sample_type_config if one is given."""
    parts = [("profile", profile.SerializeToString())]
    if config is not None:
        parts.append(("sample_type_config", json.dumps(config).encode()))
    ingest = Ingest()
    response = ingest.post(form(*parts), query, content_type=FORM)
    assert response.status_code == 200, response.text
    return ingest


@pytest.mark.parametrize(
    ("types", "name"),
    [
        (["samples", "cpu"], "process_cpu"),
        (["samples"], "process_cpu"),
        (["cpu_samples"], "process_cpu"),
        (["samples", "wall"], "wall"),
        (["samples", "wall", "cpu"], "wall"),
        (["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"], "memory"),
        (["objects", "space"], "memory"),
        (["other", "space"], "memory"),
        (["inuse_space"], "memory"),
        (["contentions", "delay"], "mutex"),
        (["block_count"], "block"),
        (["goroutine"], "goroutines"),
        (["lock_count", "lock_time"], "lock_time"),
    ],
)
def test_sample_types_decide_the_metric_name(types: Sequence[str], name: str) -> None:
    ingest = upload(pprof(count_of(*types)))
    assert ingest.profile_types == sorted(f"{name}:{type_}:count:{types[-1]}:count" for type_ in types)


@pytest.mark.parametrize(
    ("types", "config", "name"),
    [
        (["contentions", "delay"], {"contentions": {"display-name": "block_count"}}, "block"),
        (["contentions", "delay"], {"delay": {"display-name": "mutex_duration"}}, "mutex"),
        (["goroutine"], {"goroutine": {"display-name": "goroutines", "units": "goroutines"}}, "goroutines"),
        (["goroutineleak"], {"goroutineleak": {"display-name": "goroutine_leak"}}, "goroutine_leak"),
        (["samples"], {}, "samples"),
        (["samples"], {"samples": {}}, "samples"),
        (["samples"], {"samples": None}, "samples"),
        (["samples"], {"samples": {"display-name": "wall"}}, "wall"),
        (["samples", "wall"], {"samples": {"display-name": "cpu"}}, "wall"),
    ],
)
def test_a_config_sets_the_displayed_name_of_a_sample_type(
    types: Sequence[str], config: object, name: str
) -> None:
    assert upload(pprof(count_of(*types)), config).profile_types[0].startswith(f"{name}:")


@pytest.mark.parametrize(
    "config",
    [
        b"{",
        b"[]",
        b'"text"',
        b'{"cpu": 1}',
        b'{"cpu": {"display-name": 1}}',
        b"\xff\xfe",
        b"[" * 60_000,
        b"1" * 60_000,
        b" " * 70_000,
    ],
)
def test_a_malformed_config_is_rejected(config: bytes) -> None:
    ingest = Ingest()
    body = form(("profile", pprof().SerializeToString()), ("sample_type_config", config))
    status, code, message = rejection(ingest.post(body, "name=app", content_type=FORM))
    assert (status, code) == (422, "unknown")
    assert message.startswith(f"{PREFIX}malformed sample_type_config: ")
    assert ingest.uploads == []


@pytest.mark.parametrize("previous", [b"x", pprof().SerializeToString()])
def test_a_previous_profile_is_rejected(previous: bytes) -> None:
    ingest = Ingest()
    body = form(("profile", pprof().SerializeToString()), ("prev_profile", previous))
    expected = (
        f"{PREFIX}unsupported client version. "
        "Please update github.com/grafana/pyroscope-go to the latest version"
    )
    assert rejection(ingest.post(body, "name=app", content_type=FORM)) == (422, "unknown", expected)
    assert ingest.uploads == []


def test_an_empty_previous_profile_is_ignored() -> None:
    body = form(("profile", pprof().SerializeToString()), ("prev_profile", b""))
    assert Ingest().post(body, "name=app", content_type=FORM).status_code == 200


@pytest.mark.parametrize(
    ("name", "spy", "labels"),
    [
        ("app", "", {"service_name": "app", "pyroscope_spy": "unknown"}),
        ("app", "gospy", {"service_name": "app", "pyroscope_spy": "gospy"}),
        (
            "app{region=eu north,otel.scope.name=x/go}",
            "gospy",
            {
                "service_name": "app",
                "pyroscope_spy": "gospy",
                "region": "eu north",
                "otel.scope.name": "x/go",
            },
        ),
        ("app{service_name=shop}", "gospy", {"service_name": "shop", "pyroscope_spy": "gospy"}),
        ("app{service_name=}", "gospy", {"service_name": "unknown_service", "pyroscope_spy": "gospy"}),
        ("app{__name__=shop}", "gospy", {"service_name": "shop", "pyroscope_spy": "gospy"}),
        (
            "app{__session_id__=7,__delta__=true,__type__=x,a=1}",
            "gospy",
            {"service_name": "app", "pyroscope_spy": "gospy", "a": "1"},
        ),
    ],
)
def test_labels_come_from_the_name(name: str, spy: str, labels: dict[str, str]) -> None:
    ingest = upload(pprof(), query=f"name={quote(name)}&spyName={spy}")
    stored = [dict(part.labels) for part in ingest.uploads[0].profiles]
    shown = [{name: text for name, text in one.items() if not name.startswith("__")} for one in stored]
    assert shown == [labels, labels]
    assert all("__delta__" not in one and one["__name__"] == "process_cpu" for one in stored)


def test_labels_of_samples_split_the_series() -> None:
    ingest = upload(pprof(labels={"endpoint": "/cart"}), query="name=app%7Bendpoint%3Dmine%7D")
    assert {dict(part.labels)["endpoint"] for part in ingest.uploads[0].profiles} == {"mine"}
    ingest = upload(pprof(labels={"endpoint": "/cart"}))
    assert {dict(part.labels).get("endpoint") for part in ingest.uploads[0].profiles} == {"/cart", None}


@pytest.mark.parametrize(
    ("time_ns", "query", "stored_ns"),
    [
        (YEAR_2026_NS, "from=5", YEAR_2026_NS),
        (YEAR_2026_NS, "", YEAR_2026_NS),
        (0, "from=1795379970", 1_795_379_970 * S),
        (1_795_379_970, "from=1795379970", 1_795_379_970 * S),
        (1_795_379_970_000_000, "from=1795379970&until=1795379980", 1_795_379_970 * S),
        (-1, "from=1795379970000000007", 1_795_379_970_000_000_007),
        (0, "from=20261122", 1_795_305_600 * S),
    ],
)
def test_a_profile_without_a_time_gets_that_of_the_request(time_ns: int, query: str, stored_ns: int) -> None:
    ingest = upload(pprof(time_ns=time_ns), query=f"name=app&{query}")
    assert {part.time_ns for part in ingest.uploads[0].profiles} == {stored_ns}


@pytest.mark.parametrize(
    ("query", "offset_s"), [("", 0), ("from=0", 0), ("from=now", 0), ("from=now-1h", -3_600)]
)
def test_a_profile_without_any_time_gets_the_time_of_receipt(query: str, offset_s: int) -> None:
    stored = upload(pprof(time_ns=0), query=f"name=app&{query}").uploads[0]
    assert {part.time_ns for part in stored.profiles} == {stored.received_ns + offset_s * S}


def function_names(ingest: Ingest) -> set[str]:
    return {
        function.name for part in ingest.uploads[0].profiles for function in part.symbols.functions.values()
    }


@pytest.mark.parametrize(
    ("spy", "filename", "names"),
    [
        ("pyspy", "app.py", {"app.py main", "app.py work", "app.py rest"}),
        ("rbspy", "app.rb", {"app.rb main", "app.rb work", "app.rb rest"}),
        ("scripting", "/srv/app.rb", {"/srv/app.rb main", "/srv/app.rb work", "/srv/app.rb rest"}),
        ("rbspy", "/srv/app.rb", {"/srv/app.rb main", "/srv/app.rb work", "/srv/app.rb rest"}),
        ("pyspy", "/srv/app.py", {"main", "work", "rest"}),
        ("gospy", "app.go", {"main", "work", "rest"}),
    ],
)
def test_functions_of_scripts_are_named_with_their_file(spy: str, filename: str, names: set[str]) -> None:
    profile = pprof()
    profile.string_table[4] = filename
    assert function_names(upload(profile, query=f"name=app&spyName={spy}")) == names


def test_naming_functions_with_their_file_is_bounded() -> None:
    profile = pprof()
    profile.string_table.extend([*("f" * 60_000 + str(number) for number in range(30))])
    first = len(profile.string_table) - 30
    for number in range(400):
        profile.function.add(id=10 + number, name=first + number % 30, filename=first + number // 30)
    ingest = Ingest()
    status, _, message = rejection(
        ingest.post(profile.SerializeToString(), "name=app&format=pprof&spyName=rbspy")
    )
    assert (status, message) == (422, f"{PREFIX}function and file names together exceed 16777216 characters")


@pytest.mark.parametrize(
    ("query", "config", "repaired"),
    [
        ("name=app&spyName=dotnetspy", None, True),
        ("name=app", {"inuse-space": {}}, True),
        ("name=app&spyName=gospy", {"inuse-space": {}}, False),
        ("name=app", {"cpu": {}}, False),
    ],
)
def test_old_dotnet_profiles_are_repaired(query: str, config: object, repaired: bool) -> None:
    profile = pprof([("cpu", NANOSECONDS), ("inuse-space", "bytes")])
    for function in profile.function:
        function.id = 0
    parts = [("profile", profile.SerializeToString()), ("sample_type_config", json.dumps(config).encode())]
    ingest = Ingest()
    response = ingest.post(form(*parts), query, content_type=FORM)
    if not repaired:
        assert rejection(response)[2].endswith("invalid_argument: function id is 0")
        return
    assert ingest.profile_types == [
        "process_cpu:cpu:nanoseconds:inuse_space:bytes",
        "process_cpu:inuse_space:bytes:inuse_space:bytes",
    ]
    assert function_names(ingest) == {"main", "work", "rest"}


def test_dotnet_functions_are_numbered_only_if_none_has_an_id() -> None:
    profile = pprof()
    profile.function[1].id = 0
    response = Ingest().post(profile.SerializeToString(), "name=app&format=pprof&spyName=dotnetspy")
    assert rejection(response)[2] == (
        "pushing IngestInput-pprof failed push series with index 0 and id  failed: "
        "invalid_argument: function id is 0"
    )


@pytest.mark.parametrize("data", [b"\x00", b"not a profile", b"\xff" * 9, pprof().SerializeToString()[:-1]])
def test_an_invalid_pprof_is_rejected(data: bytes) -> None:
    ingest = Ingest()
    status, code, message = rejection(ingest.post(data))
    assert (status, code) == (422, "unknown")
    assert message.startswith(f"{PREFIX}the profile is not a pprof message: ")
    assert ingest.uploads == []


def test_an_error_shows_an_invalid_utf8_string_in_hexadecimal() -> None:
    body = pprof().SerializeToString().replace(b"rest", b"re\xff\xfe")
    assert rejection(Ingest().post(body)) == (422, "unknown", f"{PREFIX}invalid utf8 string hex: 7265fffe")


def test_a_long_string_is_cut_to_its_end() -> None:
    profile = pprof()
    profile.string_table[1] = "\u20ac" * 30_000 + "end"
    names = function_names(upload(profile))
    assert names == {"\u20ac" * 21_844 + "end", "work", "rest"}

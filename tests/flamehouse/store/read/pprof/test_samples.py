"""SelectMergeProfile of real uploads: pushed profiles are returned merged, with every detail of their stacks."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.pb.profile_pb2 import Function, Line, Location, Profile, ValueType
from flamehouse.pb.profile_pb2 import Mapping as Mapped
from flamehouse.pb.profile_pb2 import Sample as PprofSample
from flamehouse.pb.querier_pb2 import SelectMergeStacktracesResponse
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.queries.queries import Server, some_monday_ms
from tests.support.uploads.pprofs import WrittenLocation, WrittenStack, names_of_stack, stacks_in
from tests.support.uploads.profiles import CPU, MS, Sample, labels_of, pprof_of
from tests.support.uploads.uploads import series

HOUR = 3_600_000
WEEK = 7 * 24 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A location: lines, innermost first, as (function, line, column), or only an address."""

    lines: Sequence[tuple[str, int, int]]
    address: int
    mapping: int


MAPPINGS = (
    Mapped(id=1, memory_start=0x1000, memory_limit=0x2000, filename=1, build_id=2, has_functions=True),
    Mapped(id=2, memory_start=0x3000, memory_limit=0x4000, file_offset=7, filename=3, build_id=4),
)
MAPPED_TEXTS = ("app", "b1", "lib.so", "b2")

FUNCTIONS = ("main", "serve", "parse", "", "other", "é")
CODE = st.builds(
    Code,
    lines=st.lists(
        st.tuples(st.sampled_from(FUNCTIONS), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=2
    ),
    address=st.integers(0, 3),
    mapping=st.integers(0, 2),
) | st.builds(Code, lines=st.just(()), address=st.integers(1, 5), mapping=st.integers(0, 2))
STACKS = st.lists(CODE, max_size=5)
SAMPLES = st.lists(st.tuples(STACKS, st.integers(1, 1 << 40)), min_size=1, max_size=6)
PROFILES = st.lists(
    st.tuples(st.sampled_from((0, HOUR, WEEK)), st.sampled_from(("shop", "cart")), SAMPLES),
    min_size=1,
    max_size=4,
)


def pprof_with(samples: Sequence[tuple[Sequence[Code], int]], time_ms: int) -> Profile:
    """Returns the pprof that a profiler would write, with files and first lines derived from the functions' names."""
    texts = {text: index for index, text in enumerate(("", *MAPPED_TEXTS, "cpu", "nanoseconds"))}

    def text(of: str) -> int:
        return texts.setdefault(of, len(texts))

    kind = ValueType(type=text("cpu"), unit=text("nanoseconds"))
    pprof = Profile(time_nanos=time_ms * MS, sample_type=[kind], period_type=kind, mapping=MAPPINGS)
    functions: dict[str, int] = {}
    for stack, value in samples:
        ids = []
        for code in reversed(stack):
            location = Location(id=len(pprof.location) + 1, mapping_id=code.mapping, address=code.address)
            for name, line, column in code.lines:
                id_ = functions.setdefault(name, len(functions) + 1)
                location.line.append(Line(function_id=id_, line=line, column=column))
            pprof.location.append(location)
            ids.append(location.id)
        pprof.sample.append(PprofSample(location_id=ids, value=[value]))
    for name, id_ in functions.items():
        pprof.function.append(
            Function(
                id=id_,
                name=text(name),
                system_name=text(f"_{name}"),
                filename=text(f"{name}.go"),
                start_line=len(name),
            )
        )
    pprof.string_table.extend(texts)
    return pprof


def normalized(stack: WrittenStack) -> WrittenStack:
    """Drops locations without lines and address, and addresses of locations with lines in a mapping with functions."""
    kept = []
    for location in stack:
        address = 0 if location.mapping == ("app", "b1") and location.lines else location.address
        if location.lines or location.address:
            kept.append(location._replace(address=address))
    return tuple(kept)


def expected(profiles: Sequence[tuple[Profile, bool]]) -> Counter[WrittenStack]:
    counted: Counter[WrittenStack] = Counter()
    for pprof, counts in profiles:
        for stack, value in stacks_in(pprof).items():
            if counts:
                counted[normalized(stack)] += value
    return counted


def exported(server: Server, start: int, end: int, *, selector: str = "{}", **more: Any) -> Profile:
    """Returns the response of SelectMergeProfile in JSON."""
    request = {"profileTypeID": CPU, "labelSelector": selector, "start": start, "end": end, **more}
    response = server.call("SelectMergeProfile", **request)
    assert response.status_code == 200, response.text
    return json_format.ParseDict(response.json(), Profile())


@examples(max_examples=20)
@given(PROFILES)
def test_pushed_profiles_are_returned_merged(
    store: Store, settings: Settings, profiles: Sequence[tuple[int, str, Any]]
) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    sent = [(pprof_with(samples, monday + at), service, at) for at, service, samples in profiles]
    server.push(*(series(labels_of(service_name=service), pprof) for pprof, service, _ in sent))
    for selector, counts in (
        ("{}", lambda _service, _at: True),
        ('{service_name="cart"}', lambda service, _at: service == "cart"),
    ):
        found = stacks_in(exported(server, monday, monday + 2 * WEEK, selector=selector))
        assert found == expected([(pprof, counts(service, at)) for pprof, service, at in sent])
    found = stacks_in(exported(server, monday, monday + HOUR)) if sent else Counter()
    assert found == expected([(pprof, at == 0) for pprof, _, at in sent])


def letters(*stacks: tuple[str, int], **labels: str) -> list[Sample]:
    return [Sample(stack=stack, values=(value,), labels=labels) for stack, value in stacks]


def by_names(pprof: Profile) -> Mapping[str, int]:
    """Returns the stacks by their one-letter functions, with `other` as *."""
    counted: Counter[str] = Counter()
    for stack, value in stacks_in(pprof).items():
        counted["".join("*" if name == "other" else name for name in names_of_stack(stack))] += value
    return dict(counted)


def pushed(store: Store, settings: Settings, *samples: Sample, **labels: str) -> tuple[Server, int]:
    """Returns a server with one profile, and its time."""
    server, monday = Server.on(store, settings), some_monday_ms()
    server.push(series(labels_of(**labels), pprof_of(samples, time_ms=monday)))
    return server, monday


def test_the_profile_names_its_type(store: Store, settings: Settings) -> None:
    server, monday = pushed(store, settings, *letters(("ab", 5)))
    pprof = exported(server, monday, monday + HOUR)
    text = pprof.string_table
    (kind,) = pprof.sample_type
    assert (text[kind.type], text[kind.unit]) == ("cpu", "nanoseconds")
    assert (text[pprof.period_type.type], text[pprof.period_type.unit]) == ("cpu", "nanoseconds")
    assert text[pprof.default_sample_type] == "cpu"
    assert (pprof.period, pprof.time_nanos, pprof.duration_nanos) == (
        1_000_000_000,
        (monday + HOUR) * MS,
        HOUR * MS,
    )


def test_no_data_is_an_empty_message(store: Store, settings: Settings) -> None:
    server, monday = pushed(store, settings, *letters(("ab", 5)))
    assert exported(server, monday + HOUR, monday + 2 * HOUR) == Profile()
    assert exported(server, 1_000, 4_000) == Profile()
    request = {"profileTypeID": CPU, "labelSelector": "{}", "start": 1_000, "end": 4_000}
    response = server.call("SelectMergeStacktraces", **request, format="PROFILE_FORMAT_PPROF").json()
    assert response == {"pprof": {"profile": {}}}


@pytest.mark.parametrize(
    ("max_nodes", "stacks"),
    [
        (0, {"abc": 5, "abd": 3, "ae": 2, "f": 1}),
        (100, {"abc": 5, "abd": 3, "ae": 2, "f": 1}),
        (4, {"abc": 5, "abd": 3, "a*": 2, "*": 1}),
        (2, {"ab*": 8, "a*": 2, "*": 1}),
        (1, {"a*": 10, "*": 1}),
    ],
)
def test_a_cut_retains_the_largest_nodes_and_folds_the_rest_into_other(
    store: Store, settings: Settings, max_nodes: int, stacks: Mapping[str, int]
) -> None:
    server, monday = pushed(store, settings, *letters(("abc", 5), ("abd", 3), ("ae", 2), ("f", 1)))
    assert by_names(exported(server, monday, monday + 1, maxNodes=max_nodes)) == stacks


SPAN, TRACE = "9a517183f26a089d", "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("fields", "stacks"),
    [
        ({"stackTraceSelector": {"call_site": [{"name": "a"}]}}, {"ab": 5, "ac": 3}),
        ({"stackTraceSelector": {"callSite": [{"name": "a"}, {"name": "c"}]}}, {"ac": 3}),
        ({"stackTraceSelector": {"callSite": [{"name": "x"}]}}, {}),
        ({"traceIdSelector": [TRACE]}, {"ac": 3}),
        ({"stackTraceSelector": {"goPgo": {"keepLocations": 1}}}, {"b": 12, "c": 3}),
        ({"stackTraceSelector": {"goPgo": {"keepLocations": 9}}}, {"ab": 5, "ac": 3, "zb": 7}),
        ({"stackTraceSelector": {"goPgo": {}}}, {"ab": 5, "ac": 3, "zb": 7}),
    ],
)
def test_selected_samples_or_stack_ends_are_exported(
    store: Store, settings: Settings, fields: Mapping[str, Any], stacks: Mapping[str, int]
) -> None:
    server, monday = pushed(
        store,
        settings,
        *letters(("ab", 5), ("zb", 7)),
        *letters(("ac", 3), span_id=SPAN, trace_id=TRACE),
    )
    assert by_names(exported(server, monday, monday + 1, **fields)) == stacks


def test_callees_are_aggregated_over_their_lines(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()

    def at(*lines: tuple[str, int]) -> list[Code]:
        return [Code(lines=[(name, line, 0)], address=0, mapping=1) for name, line in lines]

    samples = [
        (at(("main", 1), ("parse", 2)), 5),
        (at(("main", 1), ("parse", 3)), 7),
        (at(("main", 2), ("parse", 3)), 9),
    ]
    server.push(series(labels_of(), pprof_with(samples, monday)))
    request = {"keepLocations": 2, "aggregateCallees": True}
    found = stacks_in(exported(server, monday, monday + 1, stackTraceSelector={"goPgo": request}))
    lines = {
        tuple(line.line for location in stack for line in location.lines): value
        for stack, value in found.items()
    }
    assert lines == {(0, 1): 12, (0, 2): 9}


def test_pyroscopes_two_formats_yield_the_same_profile(store: Store, settings: Settings) -> None:
    server, monday = pushed(store, settings, *letters(("ab", 5), ("ac", 3)))
    request = {"profileTypeID": CPU, "labelSelector": "{}", "start": monday, "end": monday + 1}
    response = server.call("SelectMergeStacktraces", **request, format="PROFILE_FORMAT_PPROF")
    found = json_format.ParseDict(response.json(), SelectMergeStacktracesResponse()).pprof.profile
    assert found == exported(server, monday, monday + 1)


def test_mappings_and_labels_identify_the_source_code(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    samples = [([Code(lines=[("main", 1, 0)], address=0, mapping=1)], 5)]
    source = {"service_repository": "https://example.com/shop", "service_git_ref": "v1.2"}
    server.push(
        series(labels_of(**source), pprof_with(samples, monday)),
        series(labels_of(service_name="cart"), pprof_with(samples, monday)),
    )

    def build_ids(selector: str) -> set[str]:
        pprof = exported(server, monday, monday + 1, selector=selector)
        return {pprof.string_table[mapping.build_id] for mapping in pprof.mapping}

    (build_id,) = build_ids('{service_name="shop"}')
    assert json.loads(build_id) == {
        "repository": "https://example.com/shop",
        "git_ref": "v1.2",
        "build_id": "b1",
    }
    assert build_ids('{service_name="cart"}') == {"b1"}
    # Two programs: no single repository has the source of both.
    assert build_ids("{}") == {"b1"}


def test_a_location_has_the_details_of_its_profile(store: Store, settings: Settings) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    native = Code(lines=(), address=0x3010, mapping=2)
    server.push(series(labels_of(), pprof_with([([native], 5)], monday)))
    assert stacks_in(exported(server, monday, monday + 1)) == {
        (WrittenLocation(("lib.so", "b2"), 0x3010, ()),): 5
    }


@pytest.mark.parametrize("option", ["-top", "-traces", "-list=serve", "-proto", "-tree"])
def test_go_tool_pprof_opens_it(store: Store, settings: Settings, tmp_path: Path, option: str) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is not installed")
    (tmp_path / "serve.go").write_text("package main\n" * 9)
    server, monday = Server.on(store, settings), some_monday_ms()
    code = [Code(lines=[(name, line, 0)], address=0, mapping=1) for name, line in (("main", 5), ("serve", 7))]
    server.push(series(labels_of(), pprof_with([(code, 5_000_000), (code[:1], 1_000_000)], monday)))
    exported_file = tmp_path / "cpu.pprof"
    exported_file.write_bytes(exported(server, monday, monday + 1).SerializeToString())
    report = tmp_path / "report"
    run = subprocess.run(
        [go, "tool", "pprof", option, f"-source_path={tmp_path}", f"-output={report}", str(exported_file)],
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    if option == "-list=serve":
        assert re.search(rb"5ms +5ms +7:package main", report.read_bytes())
    if option == "-top":
        assert b"5ms 83.33%" in report.read_bytes()

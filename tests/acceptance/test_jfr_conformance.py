"""Recordings of real JVMs yield what grafana/jfr-parser yields: every stack, line and value, and no other profile."""

import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import repeat
from pathlib import Path

import pytest

from flamehouse.model.profile import SeriesProfile
from flamehouse.pb.profile_pb2 import Profile
from ingest.formats.jfr import parse
from ingest.request.query import parse_ingest_request
from tests.support.uploads.parts import own_labels
from tests.support.uploads.uploads import ANY_TIME, FORM, Ingest, form

RECORDINGS = (
    "FastSlow_2024_01_16_180855",
    "cortex-dev-01__kafka-0__cpu__0",
    "cortex-dev-01__kafka-0__cpu_lock0_alloc0__0",
    "cortex-dev-01__kafka-0__cpu_lock_alloc__0",
    "dump1",
    "dump2",
    "example",
    "new_spancontext",
    "wall_tick_sample",
)
QUERY = "name=app&format=jfr&spyName=javaspy&sampleRate=100&from=1706241880&until=1706241890"
METRICS = ("process_cpu", "wall", "memory", "mutex", "block")
COMMON = {"pyroscope_spy", "jfr_event"}
GOLDEN = ".collapsed.txt.gz"
DELAY = "delay__nanoseconds"
SECOND_NS = 1_000_000_000
TICKS_AT = 56
"""The offset, in a chunk's header, of the number of ticks per second."""

type Stacks = Mapping[str, tuple[int, ...]]
"""Values by stack, as `frame:line;frame:line`, root first."""


@pytest.fixture(params=RECORDINGS)
def folder(request: pytest.FixtureRequest, shared_dir: Path) -> Path:
    return Path(shared_dir / "conformance" / "jfr" / request.param)


def parts_of(folder: Path) -> dict[str, bytes]:
    """Returns the parts of the recorded upload, gzipped."""
    return {
        path.name.split(".")[0]: path.read_bytes() for path in folder.glob("*.gz") if GOLDEN not in path.name
    }


def named(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Returns the parts under their names in a form."""
    return {"jfr" if name == "input" else name: data for name, data in parts.items()}


def goldens(folder: Path) -> dict[str, Stacks]:
    """Returns the stacks of each profile by its name: `metric_type__unit`, or `metric_type__unit type__unit` for two values.

    Delays, the second value, are in ticks in the goldens and in nanoseconds here (ADR 8), so rounding down may make
    sums slightly smaller.
    """
    files = {path.name.removesuffix(GOLDEN): path for path in folder.glob(f"*{GOLDEN}")}
    found: dict[str, Stacks] = {
        name: dict(lines_of(gzip.decompress(path.read_bytes()).decode())) for name, path in files.items()
    }
    recording = gzip.decompress((folder / "input.jfr.gz").read_bytes())
    ticks_per_s = int.from_bytes(recording[TICKS_AT : TICKS_AT + 8])
    for name, stacks in found.items():
        if name.endswith(DELAY) and ticks_per_s != SECOND_NS:
            found[name] = {
                stack: (count, Delay(ticks * SECOND_NS // ticks_per_s))
                for stack, (count, ticks) in stacks.items()
            }
    return found


class Delay(int):
    """Nanoseconds that equal any value up to 100 ns smaller."""

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and 0 <= int(self) - int(other) <= 100


def lines_of(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    for line in text.splitlines():
        stack, _, values = line.removesuffix("]").rpartition(" [")
        yield stack, tuple(map(int, values.split()))


def stacks_of(pprof: Profile) -> Stacks:
    text = pprof.string_table
    functions = {function.id: text[function.name] for function in pprof.function}
    frames = {
        location.id: f"{functions[location.line[0].function_id]}:{location.line[0].line}"
        for location in pprof.location
    }
    stacks: dict[str, tuple[int, ...]] = {}
    for sample in pprof.sample:
        stack = ";".join(frames[id_] for id_ in reversed(sample.location_id))
        known = stacks.get(stack, (0,) * len(sample.value))
        stacks[stack] = tuple(old + new for old, new in zip(known, sample.value, strict=True))
    return {stack: values for stack, values in stacks.items() if any(values)}


def test_the_parser_yields_every_stack_and_no_additional_profile(folder: Path) -> None:
    parts = {name: gzip.decompress(data) for name, data in named(parts_of(folder)).items()}
    found = {}
    for profile in parse(parse_ingest_request(QUERY, 0), parts).profiles:
        text = profile.pprof.string_table
        types = " ".join(f"{text[each.type]}__{text[each.unit]}" for each in profile.pprof.sample_type)
        found[f"{profile.labels['__name__']}_{types}"] = stacks_of(profile.pprof)
    assert found == goldens(folder)


def test_the_endpoint_stores_every_stack(folder: Path) -> None:
    ingest = Ingest(settings=ANY_TIME)
    body = form(*named(parts_of(folder)).items())
    assert ingest.post(body, QUERY, content_type=FORM).status_code == 200
    stored: dict[str, Counter[str]] = defaultdict(Counter)
    for part in ingest.uploads[0].profiles:
        name, type_, unit, _, _ = part.profile_type.split(":")
        stored[f"{name}_{type_}__{unit}"].update(stored_stacks(part))
        assert (part.time_ns, part.duration_ns) == (1_706_241_880_000_000_000, 10_000_000_000)
    assert stored == by_sample_type(goldens(folder))


@pytest.mark.parametrize(
    ("name", "labels", "span_id", "nanoseconds"),
    [
        ("new_spancontext", {"dyn2": "v2", "span_name": "Fibonachi"}, 0xEF, 2_350_000_000),
        ("new_spancontext", {"dyn1": "v1", "span_name": "Infinite"}, 0x1092, 2_350_000_000),
        ("new_spancontext", {}, 0, 20_000_000),
        ("dump1", {"thread_name": "pool-2-thread-1"}, 0, 4_710_000_000),
        ("dump2", {"thread_name": "pool-2-thread-8"}, 0x82F8F4BF160BC1DE, 770_000_000),
    ],
)
def test_samples_keep_their_labels_and_spans(
    shared_dir: Path, name: str, labels: Mapping[str, str], span_id: int, nanoseconds: int
) -> None:
    ingest = Ingest(settings=ANY_TIME)
    body = form(*named(parts_of(shared_dir / "conformance" / "jfr" / name)).items())
    assert ingest.post(body, QUERY, content_type=FORM).status_code == 200
    spans: Counter[int] = Counter()
    for part in ingest.uploads[0].profiles:
        found = {key: value for key, value in own_labels(part).items() if key not in COMMON}
        if part.profile_type.startswith("process_cpu") and found == labels:
            spans.update(by_span(part))
    assert spans[span_id] == nanoseconds


def by_span(part: SeriesProfile) -> Mapping[int, int]:
    """Returns the value of each span; 0 means no span."""
    spent: Counter[int] = Counter()
    for span, value in zip(part.span_ids or repeat(0), part.values, strict=False):
        spent[span] += value
    return spent


def stored_stacks(part: SeriesProfile) -> Counter[str]:
    names = {id_: function.name for id_, function in part.symbols.functions.items()}
    stacks: Counter[str] = Counter()
    for id_, value in zip(part.stacktrace_ids, part.values, strict=True):
        lines = [part.symbols.locations[each].lines[0] for each in part.symbols.location_ids_of(id_)]
        stacks[";".join(f"{names[line.function_id]}:{line.line}" for line in lines)] += value
    return stacks


def by_sample_type(profiles: Mapping[str, Stacks]) -> dict[str, dict[str, int]]:
    """Returns the profiles split as they are stored: one sample type each, without zeros."""
    apart = {}
    for profile, stacks in profiles.items():
        metric = next(each for each in METRICS if profile.startswith(each))
        for index, type_ in enumerate(profile.removeprefix(f"{metric}_").split(" ")):
            column = {stack: values[index] for stack, values in stacks.items() if values[index]}
            apart[f"{metric}_{type_}"] = column
    return apart

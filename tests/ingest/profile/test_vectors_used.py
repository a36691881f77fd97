"""What NumPy computes from an upload is what Python computes without it."""

from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flamehouse.pb.profile_pb2 import Function, Label, Line, Location, Mapping, Profile, Sample, ValueType
from flamehouse.settings import NATIVE_FRAMES_BY_MAPPING, Settings
from ingest.profile import vectors_used
from tests.support.uploads.parts import uploaded
from tests.support.uploads.profiles import labels_of
from tests.support.uploads.uploads import YEAR_2026_NS

STRINGS = (
    "",
    "cpu",
    "count",
    "main",
    "work[go.shape.int]",
    "a.go",
    "libc.so.6",
    "endpoint",
    "/cart",
    "span_id",
    "1f" * 8,
)
STRING = st.integers(0, len(STRINGS) - 1)
SPARSE = (1 << 63) + 5
ID = st.integers(1, 6) | st.just(SPARSE)
SMALL = st.integers(0, 3)
LINE = st.builds(Line, function_id=ID, line=st.integers(-2, 3), column=SMALL)
PROFILES = st.builds(
    Profile,
    string_table=st.just(STRINGS),
    time_nanos=st.just(YEAR_2026_NS),
    sample_type=st.just([ValueType(type=1, unit=2), ValueType(type=3, unit=2)]),
    mapping=st.lists(
        st.builds(Mapping, id=ID, memory_start=SMALL, filename=STRING, has_functions=st.booleans()),
        max_size=3,
    ),
    function=st.lists(st.builds(Function, id=ID, name=STRING, filename=STRING, start_line=SMALL), max_size=7),
    location=st.lists(
        st.builds(
            Location,
            id=ID,
            mapping_id=st.integers(0, 6),
            address=SMALL | st.integers(0, (1 << 64) - 1),
            line=st.lists(LINE, max_size=3) | st.lists(LINE, min_size=1, max_size=1),
        ),
        max_size=7,
    ),
    sample=st.lists(
        st.builds(
            Sample,
            location_id=st.lists(ID, max_size=6),
            value=st.lists(st.integers(-1, 300), min_size=2, max_size=2),
            label=st.lists(st.builds(Label, key=st.sampled_from((7, 9)), str=STRING), max_size=2),
        ),
        min_size=1,
        max_size=6,
    ),
)
DEEP = Profile(
    string_table=STRINGS,
    time_nanos=YEAR_2026_NS,
    sample_type=[ValueType(type=1, unit=2)],
    function=[Function(id=1, name=3), Function(id=2, name=4)],
    location=[
        Location(id=1, line=[Line(function_id=1, line=1), Line(function_id=2, line=2)]),
        Location(id=2, line=[Line(function_id=2, line=3)]),
    ],
    sample=[Sample(location_id=[2, *[1] * 3_000], value=[5]), Sample(value=[7])],
)


def stored(profile: Profile, settings: Settings) -> object:
    """Returns what is stored of the profile, by its series."""
    return [
        (
            part.labels,
            part.profile_type,
            part.profile_id,
            [*part.stacktrace_ids],
            [*part.values],
            [*part.span_ids],
            [*part.trace_ids],
            {id_: [*part.symbols.location_ids_of(id_)] for id_ in part.symbols.stacktraces},
            {id_: [*part.symbols.frames_of(id_)] for id_ in part.symbols.stacktraces},
            part.symbols.locations,
            part.symbols.functions,
            part.symbols.mappings,
        )
        for upload in uploaded(profile, labels=labels_of(pyroscope_spy="gospy"), settings=settings)
        for part in upload.profiles
    ]


@pytest.mark.parametrize("native_frames", ["address", NATIVE_FRAMES_BY_MAPPING])
@given(PROFILES)
@example(DEEP)
def test_an_upload_is_stored_the_same_with_and_without_numpy(native_frames: str, profile: Profile) -> None:
    settings = Settings(ingest_window_past_s=0, native_frames=native_frames)
    with_numpy = stored(profile, settings)
    with patch.object(vectors_used, "has_numpy", lambda: False):
        assert stored(profile, settings) == with_numpy

"""Profiles as points in time: pushed to a server, and computed in plain Python."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from flamehouse.pb.profile_pb2 import Profile
from tests.support.queries.queries import Server
from tests.support.uploads.profiles import CPU, Frame, labels_of, names_of, pprof_of, sample
from tests.support.uploads.uploads import series

type Labels = tuple[tuple[str, str], ...]

SECOND = 1_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
SPANS = ("", "00000000000000aa", "f0000000000000bb")
TRACES = ("", "0000000000000000000000000000000c", "d000000000000000000000000000000e")
PRIVATE = {
    "__name__": "process_cpu",
    "__period_type__": "cpu",
    "__period_unit__": "nanoseconds",
    "__profile_type__": CPU,
    "__service_name__": "shop",
    "__type__": "cpu",
    "__unit__": "nanoseconds",
}
"""The labels that the server adds to a series of labels_of()."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A sample: its value, its stack, its label `thread`, and the ids of its span and trace."""

    value: int
    stack: Sequence[Frame] = "a"
    thread: str = ""
    span: str = ""
    trace: str = ""

    @property
    def labels(self) -> Mapping[str, str]:
        """Returns the labels of the sample in the upload."""
        ids = {"thread": self.thread, "span_id": self.span, "trace_id": self.trace}
        return {name: value for name, value in ids.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A profile: its time counted from a Monday, its samples, and the label `env` of its series."""

    at: int
    parts: Sequence[Part]
    env: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointed:
    """A point: the value of a profile, or of a span in it, in a group.

    `common` are the labels that its series share; `series` is their number.
    """

    group: Labels
    at: int
    profile_id: str
    span: str
    trace: str
    value: int
    common: Mapping[str, str]
    series: int

    @property
    def rank(self) -> tuple[object, ...]:
        """Returns the sort key: the first of several points is their exemplar."""
        return (-self.value, self.at, self.span, self.trace, self.profile_id)

    def as_json(self, monday: int, group_by: Sequence[str]) -> dict[str, Any]:
        """Returns the exemplar in JSON."""
        exemplar: dict[str, Any] = {
            "timestamp": str(monday + self.at),
            "profileId": self.profile_id,
            "spanId": self.span,
            "traceId": self.trace if self.span else "",
            "value": str(self.value),
            "labels": [
                {"name": name, "value": value}
                for name, value in sorted(self.common.items())
                if name not in group_by
            ],
        }
        return {name: value for name, value in exemplar.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Profiles pushed to a server, each with a distinct label `no`; `ids` are their profile ids."""

    server: Server
    monday: int
    profiles: Sequence[Taken]
    ids: Sequence[str] = field(default=())

    def points(
        self, group_by: Sequence[str], *, spans: bool, call_site: Sequence[str] = ()
    ) -> Iterator[Pointed]:
        """Yields every point of the samples below the call site, in no particular order."""
        for number, taken in enumerate(self.profiles):
            groups: dict[tuple[Labels, str, str], list[tuple[int, dict[str, str]]]] = {}
            for part in taken.parts:
                below = names_of(part.stack)[: len(call_site)] == list(call_site)
                if not below or (spans and not part.span):
                    continue
                own = {"env": taken.env, "thread": part.thread, "no": str(number), "service_name": "shop"}
                labels = {**PRIVATE, **{name: value for name, value in own.items() if value}}
                group = tuple((name, labels[name]) for name in group_by if name in labels)
                span = (part.span, part.trace) if spans else ("", "")
                groups.setdefault((group, *span), []).append((part.value, labels))
            for (group, span_id, trace_id), members in groups.items():
                label_sets = {tuple(labels.items()) for _, labels in members}
                yield Pointed(
                    group=group,
                    at=taken.at,
                    profile_id=self.ids[number],
                    span=span_id,
                    trace=trace_id,
                    value=sum(value for value, _ in members),
                    common=dict(set.intersection(*map(set, label_sets))),
                    series=len(label_sets),
                )


def world(server: Server, monday: int, profiles: Sequence[Taken]) -> World:
    """Pushes the profiles together, and queries their ids."""
    server.push(
        *(
            series(
                labels_of(no=str(number), **({"env": taken.env} if taken.env else {})), _pprof(taken, monday)
            )
            for number, taken in enumerate(profiles)
        )
    )
    response = server.client.rpc(
        "SelectSeries",
        {
            "profileTypeID": CPU,
            "labelSelector": "{}",
            "start": monday + 2 * DAY,
            "end": monday + 2 * DAY,
            "step": 4 * DAY / SECOND,
            "groupBy": ["no"],
            "exemplarType": "EXEMPLAR_TYPE_INDIVIDUAL",
        },
    )
    ids = {
        int(each["labels"][0]["value"]): each["points"][0]["exemplars"][0]["profileId"]
        for each in response["series"]
    }
    return World(
        server=server, monday=monday, profiles=profiles, ids=[ids[no] for no in range(len(profiles))]
    )


def _pprof(taken: Taken, monday: int) -> Profile:
    samples = [sample(part.stack, part.value, **part.labels) for part in taken.parts]
    return pprof_of(samples, time_ms=monday + taken.at)


PARTS = st.builds(
    Part,
    value=st.sampled_from([1, 2, 2, 3, 1_000, 1 << 40]),
    stack=st.sampled_from(
        ["a", "ab", "abc", "b", "ba", ["a", 0x40, "b"], [("a", "b"), "c"], [0x40], [""], []]
    ),
    thread=st.sampled_from(["", "a", "b"]),
    span=st.sampled_from(SPANS),
    trace=st.sampled_from(TRACES),
)
PROFILES = st.lists(
    st.builds(
        Taken,
        at=st.builds(
            lambda edge, count, off: DAY + edge * count + off,
            st.sampled_from([SECOND, 15 * SECOND, HOUR]),
            st.integers(-1, 6),
            st.sampled_from([-1, 0, 0, 1, 4_711]),
        ),
        parts=st.lists(PARTS, min_size=1, max_size=4),
        env=st.sampled_from(["", "prod", "é"]),
    ),
    min_size=1,
    max_size=10,
)

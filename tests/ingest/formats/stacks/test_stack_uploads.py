"""groups, lines, trie and tree by POST /ingest: how stacks, the application's name and the rate are stored."""

import gzip
import time
from collections.abc import Sequence
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.model.profile import SeriesProfile
from flamehouse.settings import Settings
from flamehouse.store import Store
from tests.support.fuzzing import fuzzed
from tests.support.queries.queries import Server, drawn, some_monday_ms
from tests.support.uploads.parts import own_labels, values_by_stack
from tests.support.uploads.profiles import CPU
from tests.support.uploads.stack_uploads import WRITERS, groups, node
from tests.support.uploads.uploads import FORM, Ingest, form, pprof, rejection

STACKS = {"main;work": 3, "main;rest": 2, "main": 1, "other;größe": 4}
BYTES = "name=shop.alloc_space&from=1795380088&format="
FROM_NS = 1_795_380_088_000_000_000
PERIOD_NS = 10_000_000
NAMES = st.text("ab é<>", min_size=1, max_size=4).filter(lambda name: name == name.strip())
"""Blanks at the ends of a line of text are dropped."""
FORM_URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def stored(body: bytes, query: str, *, content_type: str = "") -> Sequence[SeriesProfile]:
    """Returns the stored upload; checks that it is accepted."""
    ingest = Ingest()
    response = ingest.post(body, query, content_type=content_type)
    assert response.status_code == 200, response.text
    return [part for upload in ingest.uploads for part in upload.profiles]


@pytest.mark.parametrize("name", ["groups", "lines", "trie", "tree"])
def test_an_upload_can_be_queried(store: Store, settings: Settings, name: str) -> None:
    server, monday = Server.on(store, settings), some_monday_ms()
    query = f"format={name}&from={monday // 1_000 + 30}&name={quote('shop{region=eu}')}&spyName=old"
    response = server.client.send("POST", f"/ingest?{query}", WRITERS[name](STACKS), FORM_URLENCODED)
    assert (response.status_code, response.content) == (200, b"")
    end = monday + 60_000
    assert server.profile_types(monday, end) == [CPU]
    expected = [(stack.split(";"), count * PERIOD_NS) for stack, count in STACKS.items()]
    assert server.flamegraph(monday, end, selector='{service_name="shop", region="eu"}') == drawn(expected)
    assert server.series(monday, end, step=60) == [([], [(end, 10.0 * PERIOD_NS)])]
    assert server.label_values(monday, end, "pyroscope_spy") == ["old"]


def test_curl_may_send_a_pprof_or_text_without_naming_its_format(store: Store, settings: Settings) -> None:
    monday = some_monday_ms()
    profile = pprof((("cpu", "nanoseconds"),), time_ns=(monday + 1_000) * 1_000_000)
    data = profile.SerializeToString()
    for body, query in [
        (data, "name=shop"),
        (gzip.compress(data, mtime=0), "name=shop"),
        (b"main;work 1\nmain;rest 1\n", f"name=shop&sampleRate=1000000000&from={monday // 1_000}"),
    ]:
        server = Server.on(store, settings)
        response = server.client.send("POST", f"/ingest?{query}", body, FORM_URLENCODED)
        assert response.status_code == 200, response.text
        assert server.selves(monday, monday + 60_000) == {"work": 1, "rest": 1}


@pytest.mark.parametrize("name", WRITERS)
@fuzzed(30)
@given(
    st.dictionaries(
        st.lists(NAMES, min_size=1, max_size=5).map(";".join),
        st.integers(1, 9),
        min_size=1,
        max_size=6,
    )
)
def test_stacks_are_the_same_in_every_format(name: str, stacks: dict[str, int]) -> None:
    found = stored(WRITERS[name](stacks), BYTES + name)
    assert [values_by_stack(part) for part in found] == [sorted(stacks.items())]


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_accepted_in_every_packing(name: str) -> None:
    body = WRITERS[name](STACKS)
    # A form with the format `groups` or an unknown format is read as pprof.
    forms = (
        [form(("profile", body)), form(("profile", gzip.compress(body, mtime=0)))] if name != "groups" else []
    )
    for packed, content_type in [(gzip.compress(body, mtime=0), ""), *((each, FORM) for each in forms)]:
        (part,) = stored(packed, BYTES + name, content_type=content_type)
        assert values_by_stack(part) == sorted(STACKS.items())
        assert part.time_ns == FROM_NS


@pytest.mark.parametrize(
    ("ending", "profile_type", "value"),
    [
        ("", "process_cpu:cpu:nanoseconds:cpu:nanoseconds", 3 * PERIOD_NS),
        (".cpu", "process_cpu:cpu:nanoseconds:cpu:nanoseconds", 3 * PERIOD_NS),
        (".itimer", "process_cpu:cpu:nanoseconds:cpu:nanoseconds", 3 * PERIOD_NS),
        (".wall", "wall:wall:nanoseconds:cpu:nanoseconds", 3 * PERIOD_NS),
        (".seconds", "wall:wall:nanoseconds:cpu:nanoseconds", 3 * PERIOD_NS),
        (".milliseconds", "wall:wall:nanoseconds:cpu:nanoseconds", 3 * PERIOD_NS),
        (".microseconds", "wall:wall:nanoseconds:cpu:nanoseconds", 3 * PERIOD_NS),
        (".nanoseconds", "wall:wall:nanoseconds:cpu:nanoseconds", 3 * PERIOD_NS),
        (".alloc_objects", "memory:alloc_objects:count::", 3),
        (".alloc_space", "memory:alloc_space:bytes::", 3),
        (".inuse_objects", "memory:inuse_objects:count::", 3),
        (".inuse_space", "memory:inuse_space:bytes::", 3),
        (".alloc_in_new_tlab_objects", "memory:alloc_in_new_tlab_objects:count::", 3),
        (".alloc_in_new_tlab_bytes", "memory:alloc_in_new_tlab_bytes:bytes::", 3),
        (".alloc_outside_tlab_objects", "memory:alloc_outside_tlab_objects:count::", 3),
        (".alloc_outside_tlab_bytes", "memory:alloc_outside_tlab_bytes:bytes::", 3),
        (".live", "memory:live:count::", 3),
        (".bytes", "memory:samples:bytes::", 3),
        (".goroutines", "goroutine:goroutines:count::", 3),
        (".mutex_count", "mutex:contentions:count::", 3),
        (".mutex_duration", "mutex:delay:nanoseconds::", 3),
        (".block_count", "block:contentions:count::", 3),
        (".block_duration", "block:delay:nanoseconds::", 3),
        (".lock_count", "block:contentions:count::", 3),
        (".lock_duration", "block:delay:nanoseconds::", 3),
        (".exceptions", "exceptions:samples:count::", 3),
    ],
)
def test_the_name_suffix_decides_the_sample_type(ending: str, profile_type: str, value: int) -> None:
    (part,) = stored(b"main;work 3", f"name=shop.eu{ending or '.cpu'}" if ending else "name=shop")
    assert part.profile_type == profile_type
    assert dict(part.labels)["service_name"] == ("shop.eu" if ending else "shop")
    assert values_by_stack(part) == [("main;work", value)]


@pytest.mark.parametrize("name", ["shop.eu", "shop.cpu.x", "shop.", "shop{__name__=a.b\ufffd}"])
def test_an_unknown_name_suffix_is_rejected(name: str) -> None:
    ingest = Ingest()
    ending = name.rstrip("}").rpartition(".")[2]
    message = f"pushing IngestInput-groups failed unknown profile type: {ending} (the application name "
    response = ingest.post(b"main 1", f"name={quote(name)}", content_type="")
    status, code, found = rejection(response)
    assert (status, code, found[: len(message)]) == (400, "invalid_argument", message)
    assert ingest.uploads == []


@pytest.mark.parametrize(
    ("rate", "profile_type", "value"),
    [
        ("", CPU, 2 * PERIOD_NS),
        ("99", CPU, 2 * 10_101_010),
        ("1000", CPU, 2_000_000),
        ("4294967295", CPU, 2),
        ("-1", CPU, 2 * PERIOD_NS),
        ("0", "process_cpu:samples:count::", 2),
    ],
)
def test_sample_counts_become_time_by_the_sample_rate(rate: str, profile_type: str, value: int) -> None:
    (part,) = stored(b"main 2", f"name=shop&sampleRate={rate}")
    assert (part.profile_type, values_by_stack(part)) == (profile_type, [("main", value)])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("", {"pyroscope_spy": "unknown"}),
        ("a=b,__session_id__=1,__c=d", {"pyroscope_spy": "unknown", "a": "b"}),
        ("service_name=cart", {"pyroscope_spy": "unknown", "app_name": "shop"}),
        ("service_name=cart,app_name=mine", {"pyroscope_spy": "unknown", "app_name": "mine"}),
        ("pyroscope_spy=me", {"pyroscope_spy": "me"}),
    ],
)
def test_labels_come_from_the_name(labels: str, expected: dict[str, str]) -> None:
    (part,) = stored(b"main 2", f"name={quote('shop.cpu{' + labels + '}')}")
    assert own_labels(part) == expected
    assert dict(part.labels)["service_name"] == ("cart" if "service_name" in labels else "shop")


@pytest.mark.parametrize("name", WRITERS)
def test_a_profile_id_label_drops_the_upload(name: str) -> None:
    assert (
        stored(WRITERS[name](STACKS), f"name={quote('shop.bytes{profile_id=1}')}&format={name}&spyName=old")
        == []
    )


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("groups", b"main;work 2\r\nmain;work 3\n\n", [("main;work", 5)]),
        ("groups", b" 7\nmain 2\n", [("main", 2)]),
        ("groups", b"\xef\xbb\xbfmain;work\t2 \t\r\n  \r\nmain  3", [("main", 3), ("main;work", 2)]),
        ("groups", "main;größe 2\r\n".encode("utf-16"), [("main;größe", 2)]),
        ("groups", b"# mode: wall\n# interval: 100\n#\n\n#<Class:0x1>;run 4\n", [("#<Class:0x1>;run", 4)]),
        ("lines", b"\xef\xbb\xbf# a comment\nmain \t\r\n \n", [("main", 1)]),
        ("groups", b"main;a b <c> 2\nmain; 3", [("main", 3), ("main;a b <c>", 2)]),
        ("groups", b"a +2\nb -2\nc 0\n", [("a", 2)]),
        ("groups", b"a 0000000000000000007\n", [("a", 7)]),
        ("groups", b"a 5\na -3\n", [("a", 2)]),
        ("groups", b"x" * 65_533 + b" 1\n", [("x" * 65_533, 1)]),
        ("lines", b"main;work\r\nmain;work\n\nmain\n", [("main", 1), ("main;work", 2)]),
        ("lines", b"main;work", [("main;work", 1)]),
        ("trie", node(b"main;wo", 2, 1) + node(b"rk", 3, 0), [("main;wo", 2), ("main;work", 3)]),
        ("trie", node(b"a", 1, 0) + node(b"b", 1, 0), [("a", 1), ("b", 1)]),
        ("tree", node(b"", 9, 1) + node(b"a", 0, 1) + node(b"b", 2, 0), [("a;b", 2)]),
        ("tree", node(b"a", 1, 1) + node(b"b", 2, 0), [("a", 1), ("a;b", 2)]),
    ],
)
def test_quirks_of_writers_are_read_as_intended(
    name: str, body: bytes, expected: list[tuple[str, int]]
) -> None:
    (part,) = stored(body, BYTES + name)
    assert values_by_stack(part) == expected


@pytest.mark.parametrize(("query", "one"), [("", False), ("&from=now-1h", False), ("&from=1795379970", True)])
def test_a_later_retry_is_the_same_upload_if_it_states_its_time(
    monkeypatch: pytest.MonkeyPatch, query: str, one: bool
) -> None:
    ids = set()
    for received_s, body in [
        (1_795_380_000, groups(STACKS)),
        (1_795_380_001, gzip.compress(groups(STACKS), mtime=0)),
    ]:
        monkeypatch.setattr(time, "time_ns", lambda now=received_s: now * 10**9)
        ingest = Ingest()
        assert ingest.post(body, f"name=shop{query}").status_code == 200
        ids |= {upload.id for upload in ingest.uploads}
    assert len(ids) == (1 if one else 2)


PERF_SCRIPT = b"""\
# ========
# cmdline : /usr/bin/perf record -F 99 -g -a
# ========
#
my java 12/13 [000] 100.000100:     250000 cycles:P:
\t    401000 inner+0x10 (/bin/app)
  app.c:12
\t    401100 Lorg/Main;::main+0x20 (/tmp/perf-12.map (deleted))

my java 12/13 [001] 100.100100:     250000 cycles:P:
\t    401008 inner+0x18 (/bin/app)
\t    401100 Lorg/Main;::main+0x20 (/tmp/perf-12.map (deleted))
 \t
swapper     0 100.200100: cycles:
\tffffffff8104f45a [unknown] ([kernel.kallsyms])

"""


@pytest.mark.parametrize("query", ["", "&format=perf_script"])
@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b" \r\n"])
def test_the_output_of_perf_script_is_read(query: str, head: bytes, end: bytes) -> None:
    (part,) = stored(head + PERF_SCRIPT.replace(b"\n", end), f"name=shop{query}")
    assert part.profile_type == CPU
    assert values_by_stack(part) == [
        ("my java;Lorg/Main;::main;inner", 2 * PERIOD_NS),
        ("swapper;[unknown]", PERIOD_NS),
    ]


def test_a_line_unlike_the_output_of_perf_script_is_rejected() -> None:
    ingest = Ingest()
    body = PERF_SCRIPT.replace(b"401100 Lorg", b"rubbish")
    status, _, message = rejection(ingest.post(body, "name=shop", content_type=""))
    assert (status, "line 8 is neither an event nor a frame" in message, ingest.uploads) == (
        422,
        True,
        [],
    )

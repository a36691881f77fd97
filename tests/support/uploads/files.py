"""Small files in the formats of profilers other than Pyroscope's."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

PERF_WITHOUT_STACKS = b"""\
              dd  4242 [001] 77.000100:     250000 cycles:P:  ffffffff9a86ac34 copy_page+0x4 ([kernel.kallsyms])
             cat  4243 [000] 77.000200:          1 cycles:ppp:      401a2f read (inlined) (/usr/bin/cat (deleted))
              dd  4242 [001] 77.000300:     250000 cycles:P:  ffffffff9a86ac38 copy_page+0x8 ([kernel.kallsyms])
"""

AUSTIN_WALL = b"""\
# austin: 3.6.0
# interval: 100
# mode: wall

P12;T0:77;/app/my app.py:main:3;/app/my app.py:work:9 100
P12;T0:77;/app/my app.py:main:3;/app/my app.py:work:9 150
P12;T0:77;/app/my app.py:main:3 20

# duration: 3000
"""
AUSTIN_FULL = b"""\
# austin: 3.6.0
# mode: full
P12;T7;a.py:main:3 100,0,2048
P12;T7;a.py:main:3;a.py:wait:5 300,1,-1024
"""
AUSTIN_MEMORY = b"# austin: 3.6.0\n# mode: memory\nP12;T7;a.py:main:3 2048\nP12;T7;a.py:main:3 -1024\n"

INSTRUMENTS = b"""\
Weight\tSelf Weight\tSymbol Names
1.53 s  100.0%\t0 s\t   start
1.53 s  99.9%\t30.00 ms\t    main
1.50 s   98.0%\t1.50 s\t     delta()
"""
INSTRUMENTS_OF_BYTES = b"""\
Bytes Used\tCount\t\tSymbol Name
   3.00 MB     100.0%\t12\t \tstart
   2.00 MB      66.6%\t8\t \t malloc
 512.00 KB      16.6%\t2\t \t calloc


"""
INSTRUMENTS_OF_CYCLES = b"""\
Weight\tSelf Weight\t\tSymbol Name
1.50 Gc  100.0%\t-\t \tapp (40414)
1.50 Gc  100.0%\t1.50 Gc\t \t start
532 cycles    0.0%\t532 cycles\t \t other
"""


def chunk(pid: int, id_: str, nodes: Sequence[Any], samples: Sequence[int], deltas: Sequence[int]) -> Any:
    profile = {"nodes": [*nodes], "samples": [*samples]} if nodes else {"samples": [*samples]}
    data = {"cpuProfile": profile, "timeDeltas": [*deltas], "lines": [0] * len(samples)}
    return {
        "name": "ProfileChunk",
        "ph": "P",
        "pid": pid,
        "tid": 99,
        "id": id_,
        "ts": 1,
        "args": {"data": data},
    }


def _node(id_: int, name: str, parent: int = 0) -> Mapping[str, Any]:
    frame = {"codeType": "JS", "functionName": name, "scriptId": 1, "url": "https://a.example/speedscope.js"}
    return {"id": id_, "callFrame": frame} | ({"parent": parent} if parent else {})


def _named(pid: int, tid: int, name: str) -> Mapping[str, Any]:
    return {"name": "thread_name", "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}


def _begin(pid: int, tid: int, id_: str) -> Mapping[str, Any]:
    return {
        "name": "Profile",
        "ph": "P",
        "pid": pid,
        "tid": tid,
        "id": id_,
        "args": {"data": {"startTime": 1}},
    }


CHROME_EVENTS = [
    {"name": "RunTask", "ph": "X", "pid": 1, "tid": 2, "ts": 1, "dur": 5, "args": {}},
    _begin(1, 2, "0x1"),
    chunk(1, "0x1", [_node(1, "(root)"), _node(2, "main", 1), _node(3, "(idle)", 1)], [2, 3], [10, 40]),
    chunk(1, "0x1", [_node(4, "work", 2)], [4, 2], [20, 30]),
    chunk(1, "0x1", [], [4], [5]),
    _begin(1, 7, "0x2"),
    chunk(1, "0x2", [_node(1, "(root)"), _node(2, "onmessage", 1)], [2], [7]),
    _named(1, 2, "CrRendererMain"),
    _named(1, 7, "DedicatedWorker"),
]
CHROME_TRACE = json.dumps({"metadata": {"source": "DevTools"}, "traceEvents": CHROME_EVENTS}).encode()
CHROME_TRACE_AS_LIST = json.dumps(CHROME_EVENTS).encode()
CHROME_TRACE_OF_TASKS = json.dumps({"traceEvents": CHROME_EVENTS[:1]}).encode()

_TABLES: Mapping[str, Any] = {
    "stackTable": {"prefix": [None, 0, 0], "frame": [0, 1, 2], "length": 3},
    "frameTable": {"func": [0, 1, 2], "length": 3},
    "funcTable": {"name": [2, 1, 0], "length": 3},
}
_STRINGS = ["poll", "work", "main"]
_SAMPLES = {"stack": [1, 1, 0, None, 2], "time": [0, 2, 4, 6, 8], "weight": None, "weightType": "samples"}
_META = {"interval": 2, "startTime": 1.5, "product": "Firefox", "preprocessedProfileVersion": 48}


def firefox(threads: Sequence[Any], **more: Any) -> bytes:
    return json.dumps({"meta": _META, "libs": [], "threads": [*threads], **more}).encode()


FIREFOX = firefox(
    [{"name": "GeckoMain", "processName": "Parent", "samples": _SAMPLES, **_TABLES, "stringArray": _STRINGS}]
)
FIREFOX_SHARED = firefox(
    [{"name": "GeckoMain", "processName": "Parent", "samples": _SAMPLES, **_TABLES}],
    shared={"stringArray": _STRINGS},
)
FIREFOX_WITH_OFFSETS = firefox(
    [{"name": "GeckoMain", "processName": "Parent", "samples": _SAMPLES}],
    shared={
        **_TABLES,
        "stackTable": {"prefixOffset": [0, 1, 2], "frame": [0, 1, 2], "length": 3},
        "stringArray": _STRINGS,
    },
)
FIREFOX_OF_BYTES = firefox(
    [
        {
            "name": "dhat",
            "samples": {**_SAMPLES, "weight": [5, 6, 7, 8, 9], "weightType": "bytes"},
            **_TABLES,
            "stringArray": _STRINGS,
        }
    ]
)


def rows(fields: Sequence[str], *data: Any) -> Any:
    """Returns a table as Firefox records it."""
    return {"schema": {name: place for place, name in enumerate(fields)}, "data": [*data]}


def recorded_thread(name: str, strings: Sequence[str], **more: Any) -> Any:
    """Returns a thread as Firefox records it: samples in `main;poll`, `main;work` (twice), `main`, and in no stack."""
    return {
        "name": name,
        "processType": "default",
        "samples": rows(
            ["stack", "time", "eventDelay"], [1, 0.5, 0], [2, 2.5], [2, 4.5], [0], [None, 8.5, 0]
        ),
        "stackTable": rows(["prefix", "frame"], [None, 0], [0, 1], [0, 2]),
        "frameTable": rows(["location", "relevantForJS", "line"], [2, False], [0, True, None], [1]),
        "stringTable": [*strings],
        **more,
    }


_RECORDED = {"meta": {"version": 29, "interval": 2, "startTime": 1.5}, "libs": [], "pausedRanges": []}
FIREFOX_AS_RECORDED = json.dumps(
    {
        **_RECORDED,
        "libs": [{"start": 0x1000, "end": 0x2000, "name": "XUL"}],
        "threads": [
            recorded_thread("GeckoMain", ["0x1234", "work (https://example.com/app.js:12:5)", "main"])
        ],
        "processes": [
            {
                **_RECORDED,
                "threads": [
                    recorded_thread(
                        "Content", ["0x1234", "work (in XUL) + 24", "main"], processName="Web Content"
                    )
                ],
            }
        ],
    }
).encode()
FIREFOX_RECORDED_WITHOUT_STACKS = json.dumps(
    {**_RECORDED, "threads": [recorded_thread("x", ["main"], stackTable=rows(["frame"], [0]))]}
).encode()
FIREFOX_RECORDED_WITH_ODD_ROWS = json.dumps(
    {**_RECORDED, "threads": [recorded_thread("x", ["main"], frameTable=rows(["location"], [0], 7))]}
).encode()
FIREFOX_CALLING_ITSELF = firefox(
    [
        {
            "name": "x",
            "samples": _SAMPLES,
            **_TABLES,
            "stackTable": {"prefix": [1, 0, 0], "frame": [0, 1, 2]},
            "stringArray": _STRINGS,
        }
    ]
)
FIREFOX_WITHOUT_NAMES = firefox([{"name": "x", "samples": _SAMPLES, **_TABLES, "stringArray": ["poll"]}])

DOTNET_TRACE = json.dumps(
    {
        "exporter": "speedscope@1.3.2",
        "name": "app.speedscope",
        "activeProfileIndex": 0,
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": "Main"}, {"name": "System.Threading.Wait()"}, {"name": "CPU_TIME"}]},
        "profiles": [
            {
                "type": "evented",
                "name": f"Thread ({thread})",
                "unit": "milliseconds",
                "startValue": 0.5,
                "endValue": 10.5,
                "events": [
                    {"type": "O", "frame": 0, "at": 0.5},
                    {"type": "O", "frame": 2, "at": 0.5},
                    {"type": "C", "frame": 2, "at": 3.25},
                    {"type": "O", "frame": 1, "at": 3.25},
                    {"type": "C", "frame": 1, "at": 10.5},
                    {"type": "C", "frame": 0, "at": 10.5},
                ],
            }
            for thread in (101, 102)
        ],
    }
).encode()

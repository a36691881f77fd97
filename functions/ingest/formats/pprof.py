"""Reads pprof uploads of SDKs: a bare profile, or a form of `profile` and `sample_type_config`.

Historical variants: grafana.com/docs/pyroscope/latest/reference-server-api.
"""

import json
from collections.abc import Mapping
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.pb import profile_pb2
from ingest.formats import Parsed
from ingest.formats.go_contention import waits_in_go
from ingest.profile.incoming import IncomingProfile
from ingest.profile.pprof import decode_pprof
from ingest.profile.series_labels import series_labels
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest

_YEAR_1971_NS: Final = 365 * 86_400 * 1_000_000_000
_MAX_CONFIG_BYTES: Final = 1 << 16
_MAX_RENAMED_CHARS: Final = 1 << 24
"""The limit for all renamed functions together: a few long file and function names combine to many long pairs."""
_SCRIPTING_SPIES: Final = frozenset({"pyspy", "rbspy", "scripting"})

type DisplayNames = Mapping[str, str]
"""The display name of each sample type, by its name; empty if the name itself is displayed."""

_DEFAULT_DISPLAY_NAMES: Final[DisplayNames] = {
    "samples": "cpu",
    "goroutine": "goroutines",
    "contentions": "mutex_count",
    "delay": "mutex_duration",
}
_METRICS: Final = (
    ("cpu", "process_cpu"),
    ("alloc_", "memory"),
    ("inuse_", "memory"),
    ("mutex_", "mutex"),
    ("block_", "block"),
    ("goroutines", "goroutines"),
)
"""Metric names, by a part of the display name of a sample type."""


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns one profile."""
    if parts.get("prev_profile"):
        raise invalid_argument(
            "unsupported client version. Please update github.com/grafana/pyroscope-go to the latest version"
        )
    display_names = _display_names(parts.get("sample_type_config"))
    pprof = decode_pprof(parts.get(WHOLE_BODY, b""))
    timed = _settle_time(pprof, request)
    if request.spy_name in _SCRIPTING_SPIES:
        _name_functions_by_file(pprof, keep_absolute=request.spy_name == "pyspy")
    if _is_dotnet(request, display_names):
        _repair_dotnet(pprof)
    metric = _metric_name(pprof, display_names)
    if metric == "mutex" and display_names is _DEFAULT_DISPLAY_NAMES and waits_in_go(pprof):
        metric = "block"
    labels = series_labels(request, request.app_name, metric, keeps_app_name=False)
    return Parsed(profiles=(IncomingProfile(labels=labels, pprof=pprof),), timed=timed)


def _display_names(config: bytes | None) -> DisplayNames:
    """Parses `{"<sample type>": {"display-name": ...}}`; other members are ignored."""
    if not config:
        return _DEFAULT_DISPLAY_NAMES
    if len(config) > _MAX_CONFIG_BYTES:
        raise _bad_config(f"it is longer than {_MAX_CONFIG_BYTES} bytes")
    try:
        types = json.loads(config)
    except (ValueError, RecursionError) as error:
        raise _bad_config(str(error)) from error
    if types is None:
        return _DEFAULT_DISPLAY_NAMES
    if not isinstance(types, dict):
        raise _bad_config("it is not an object")
    return {name: _display_name(name, type_) for name, type_ in types.items()}


def _display_name(name: str, config: object) -> str:
    if config is None:
        return ""
    shown = config.get("display-name", "") if isinstance(config, dict) else None
    if not isinstance(shown, str):
        raise _bad_config(f"the display-name of sample type '{name}' is not a string")
    return shown


def _bad_config(reason: str) -> RpcError:
    return invalid_argument(f"malformed sample_type_config: {reason}")


def _settle_time(pprof: profile_pb2.Profile, request: IngestRequest) -> bool:
    """Sets a missing time to the request's, and returns whether the profile's time is independent of its receipt.

    Old SDKs write microseconds or milliseconds instead of nanoseconds, so a time in 1970 counts as missing.
    """
    if pprof.time_nanos >= _YEAR_1971_NS:
        return True
    pprof.time_nanos = request.start_ns
    return request.timed


def _name_functions_by_file(pprof: profile_pb2.Profile, *, keep_absolute: bool) -> None:
    """Prefixes function names with their file name, except for absolute paths if `keep_absolute`."""
    strings = pprof.string_table
    indices: dict[str, int] = {}
    budget = _MAX_RENAMED_CHARS
    for function in pprof.function:
        filename = _string(pprof, function.filename)
        if keep_absolute and filename.startswith("/"):
            continue
        name = f"{filename} {_string(pprof, function.name)}"
        if name not in indices:
            budget -= len(name)
            if budget < 0:
                raise invalid_argument(
                    f"function and file names together exceed {_MAX_RENAMED_CHARS} characters"
                )
            indices[name] = len(strings)
            strings.append(name)
        function.name = indices[name]


def _is_dotnet(request: IngestRequest, display_names: DisplayNames) -> bool:
    return request.spy_name == "dotnetspy" or (
        request.spy_name == "unknown" and "inuse-space" in display_names
    )


def _repair_dotnet(pprof: profile_pb2.Profile) -> None:
    """Numbers functions that have no ids, and replaces hyphens in sample types by underscores."""
    if len(pprof.function) == len(pprof.location) and not any(function.id for function in pprof.function):
        for function, location in zip(pprof.function, pprof.location, strict=True):
            function.id = location.id
    for sample_type in pprof.sample_type:
        name = _string(pprof, sample_type.type)
        if "-" in name:
            pprof.string_table[sample_type.type] = name.replace("-", "_")


def _metric_name(pprof: profile_pb2.Profile, display_names: DisplayNames) -> str:
    """Returns the `__name__` for the sample types; if all are unknown, the name of the last type."""
    names = [_string(pprof, sample_type.type) for sample_type in pprof.sample_type]
    if "wall" in names:
        return "wall"
    shown = ""
    for name in names:
        shown = display_names.get(name) or name
        if shown in {"space", "objects"}:
            return "memory"
        for part, metric in _METRICS:
            if part in shown:
                return metric
    return shown


def _string(pprof: profile_pb2.Profile, index: int) -> str:
    """Returns the string at an index that is not validated yet; empty if it is out of range."""
    strings = pprof.string_table
    return strings[index] if 0 <= index < len(strings) else ""

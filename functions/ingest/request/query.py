"""Reads the query string of /ingest: the application, its labels, and its time.

Parameters: grafana.com/docs/pyroscope/latest/reference-server-api, section "/ingest".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.model.at_time import AtTime, parse_attime
from flamehouse.model.labels import quoted
from flamehouse.telemetry.request import note_service

DEFAULT_SAMPLE_RATE: Final = 100
_MAX_SAMPLE_RATE: Final = (1 << 32) - 1
_WHOLE_NUMBER: Final = re.compile(r"\+?[0-9]{1,10}")
_NOT_APP_NAME: Final = re.compile(r"[^a-zA-Z0-9_./-]")
_NOT_LABEL_NAME: Final = re.compile(r"[^a-zA-Z0-9_.]")
_LABEL: Final = re.compile(r"([^=}]*+)=([^,}]*+)[,}]")
_METRIC_NAME: Final = "__name__"
_UNKNOWN_SPY: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """The query of one upload. `from_` and `until` are None if they are absent."""

    app_name: str
    labels: Mapping[str, str]
    from_: AtTime | None
    until: AtTime | None
    sample_rate: int
    spy_name: str
    units: str
    aggregation_type: str
    format: str

    @property
    def start_ns(self) -> int:
        """The start of the profile; 0 if the request has none, or one before 1970."""
        return 0 if self.from_ is None else max(0, self.from_.ns)

    @property
    def timed(self) -> bool:
        """Whether `start_ns` is independent of the time of receipt."""
        return self.from_ is not None and self.from_.absolute and self.from_.ns > 0

    @property
    def names_its_client(self) -> bool:
        """Whether `spyName` is set: every SDK sets it, users of curl do not."""
        return self.spy_name not in {"", _UNKNOWN_SPY}

    @property
    def public_labels(self) -> dict[str, str]:
        """The labels that the client may set."""
        return {name: value for name, value in self.labels.items() if not name.startswith("__")}

    def canonical(self) -> list[tuple[str, str]]:
        """The query in canonical form: equal for equal requests, without times that depend on the clock."""
        times = (("from", self.from_), ("until", self.until))
        return [
            ("app_name", self.app_name),
            *((f"label {name}", value) for name, value in sorted(self.labels.items())),
            *((name, str(time.ns)) for name, time in times if time is not None and time.absolute),
            ("sampleRate", str(self.sample_rate)),
            ("spyName", self.spy_name),
            ("units", self.units),
            ("aggregationType", self.aggregation_type),
            ("format", self.format),
        ]


def parse_ingest_request(query: str, now_ns: int) -> IngestRequest:
    """Read the query string as sent. Missing parameters have defaults.

    Raises RpcError(INVALID_ARGUMENT) for an invalid `name` or time.

    Bytes that are not UTF-8 are escaped (`surrogateescape`), so that the check of labels rejects them.
    """
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, errors="surrogateescape"):
        given.setdefault(name, value)
    app_name, labels = parse_name(given.get("name", ""))
    note_service(app_name)
    return IngestRequest(
        app_name=app_name,
        labels=labels,
        from_=parse_attime(given["from"], now_ns, "from") if "from" in given else None,
        until=parse_attime(given["until"], now_ns, "until") if "until" in given else None,
        sample_rate=_sample_rate(given.get("sampleRate", "")),
        spy_name=given.get("spyName", _UNKNOWN_SPY),
        units=given.get("units", "samples"),
        aggregation_type=given.get("aggregationType", "sum"),
        format=given.get("format", ""),
    )


def parse_name(text: str) -> tuple[str, dict[str, str]]:
    """Split `app{key=value,key2=value2}` into the application and its labels.

    Values are arbitrary text up to a comma or brace. Without a closing brace, the last pair is dropped. A label
    `__name__` replaces the application. Raises RpcError(INVALID_ARGUMENT), naming the character, for an invalid name.
    """
    app_name, _, rest = text.partition("{")
    app_name = app_name.strip()
    if not app_name:
        raise invalid_argument("name: service name is required")
    _check_characters(_NOT_APP_NAME, "service", app_name)
    labels: dict[str, str] = {}
    position = 0
    while (match := _LABEL.match(rest, position)) is not None:
        name, value = match[1].strip(), match[2].strip()
        _check_label_name(name)
        labels[name] = value
        position = match.end()
    return labels.pop(_METRIC_NAME, app_name), labels


def _check_label_name(name: str) -> None:
    if not name:
        raise invalid_argument("name: label name is required")
    _check_characters(_NOT_LABEL_NAME, "label", name)


def _check_characters(forbidden: re.Pattern[str], kind: str, name: str) -> None:
    found = forbidden.search(name)
    if found is not None:
        raise _invalid_name(kind, name, found[0])


def _invalid_name(kind: str, name: str, character: str) -> RpcError:
    name, character = (_as_utf8(text) for text in (name, character))
    mark = "'"
    return invalid_argument(
        f"name: invalid {kind} name: {name}: character is not allowed: {quoted(character, mark)}"
    )


def _as_utf8(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _sample_rate(text: str) -> int:
    """Parse a sample rate; 0 is valid, and anything but a 32-bit number means the default."""
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) > _MAX_SAMPLE_RATE:
        return DEFAULT_SAMPLE_RATE
    return int(text)

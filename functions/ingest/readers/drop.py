"""Reads dropped files: a profile in any format, described by the object's metadata, a sidecar or its key.

The id hashes the tenant, the description and the decompressed content, but not the time of receipt: a file that is
copied, overwritten with the same content or put again later is the same upload.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.model.at_time import AtTime, parse_attime
from flamehouse.services import Services
from ingest.formats import FORMATS, format_of
from ingest.profile.checked import Checks
from ingest.readers import ReadUpload
from ingest.readers.file import parse_file
from ingest.received import ReceivedUpload
from ingest.request.body import Limit
from ingest.request.query import DEFAULT_SAMPLE_RATE, IngestRequest

MAX_BYTES: Final = 64 << 20
"""The maximum size of a dropped file, before and after decompression."""
_MAX_SAMPLES: Final = 200_000
_LIMIT: Final = Limit(setting="the limit for dropped files", bytes=MAX_BYTES)
_FIELDS: Final = frozenset({"service", "labels", "time", "format"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The description of a dropped file; empty fields are not set."""

    service: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    time: str = ""
    format: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, Any], source: str) -> "Description":
        """Read the fields of `source`, which are strings; `labels` may also be an object instead of `name=value,...`.

        Raises RpcError(INVALID_ARGUMENT) for fields of other types and an unknown format.
        """
        known = {name: value for name, value in fields.items() if name in _FIELDS}
        labels = known.pop("labels", {})
        if isinstance(labels, str):
            labels = _labels_of(labels, source)
        if not isinstance(labels, dict) or not all(isinstance(each, str) for each in labels.values()):
            raise invalid_argument(f"{source}: labels must be an object of strings")
        wrong = next((name for name, value in known.items() if not isinstance(value, str)), None)
        if wrong:
            raise invalid_argument(f"{source}: {wrong} must be a string")
        if (format_ := known.get("format", "")) and format_ not in FORMATS:
            raise invalid_argument(f"{source}: unknown format {format_!r}; formats: {', '.join(FORMATS)}")
        return cls(labels=labels, **known)

    def over(self, other: "Description") -> "Description":
        """Return this description with missing fields taken from the other one; labels are merged."""
        return Description(
            service=self.service or other.service,
            labels={**other.labels, **self.labels},
            time=self.time or other.time,
            format=self.format or other.format,
        )

    def serialize(self) -> str:
        """Return the description as JSON, the inverse of `parse`."""
        fields = {"service": self.service, "labels": self.labels, "time": self.time, "format": self.format}
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> "Description":
        """Read JSON. Raises RpcError(INVALID_ARGUMENT) for anything but a serialized description."""
        return cls.of(json_object(text, "the description"), "the description")


def json_object(text: str | bytes, source: str) -> dict[str, Any]:
    """Return the JSON object. Raises RpcError(INVALID_ARGUMENT) for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"{source} is not JSON") from error
    if not isinstance(found, dict):
        raise invalid_argument(f"{source} is not a JSON object")
    return found


def read(received: ReceivedUpload, services: Services) -> ReadUpload:
    """Read the file, whose format the description names or the content reveals."""
    description = Description.parse(received.parameters)
    name = format_of(description.format, "", received.body)
    request = replace(_request_of(description, received.received_ns), format=name)
    file = parse_file(received, request, max_body_bytes=MAX_BYTES, part_limit=_LIMIT)
    limits = replace(
        services.settings,
        max_profile_bytes=MAX_BYTES,
        max_jfr_bytes=MAX_BYTES,
        max_profile_samples=max(_MAX_SAMPLES, services.settings.max_profile_samples),
    )
    checks = Checks(settings=limits, received_ns=received.received_ns, past_s=services.ingest_past_s)
    return ReadUpload(
        id=file.id(received_s=None),
        profiles=[checks.check(profile) for profile in file.parsed.profiles],
        if_empty=invalid_argument(f"the file has nothing to store: expected {FORMATS[name].expected}"),
    )


def _request_of(description: Description, received_ns: int) -> IngestRequest:
    return IngestRequest(
        app_name=description.service,
        labels=description.labels,
        from_=_time_of(description.time, received_ns),
        until=None,
        sample_rate=DEFAULT_SAMPLE_RATE,
        spy_name="",
        units="samples",
        aggregation_type="sum",
        format="",
    )


def _time_of(text: str, received_ns: int) -> AtTime | None:
    """Return the time in the description, if any. If the profile has none either, the object's time applies."""
    return parse_attime(text, received_ns, "time") if text else None


def _labels_of(text: str, source: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    wrong: RpcError | None = next(
        (
            invalid_argument(f"{source}: invalid labels {text!r}: use name=value,name=value")
            for name, equals, _ in pairs
            if not equals or not name.strip()
        ),
        None,
    )
    if wrong:
        raise wrong
    return {name.strip(): value.strip() for name, _, value in pairs}

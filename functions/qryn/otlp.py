"""Reads the OTLP exports that gigapipe stores as payload: one profile each, with values summed as in qryn."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from flamehouse.errors import invalid_argument
from flamehouse.settings import Settings
from ingest.formats.otlp import read_proto
from ingest.formats.otlp.conversion import Measure, convert
from ingest.formats.otlp.export import Export
from ingest.profile.incoming import IncomingProfile
from ingest.profile.validate import check_sample_count
from qryn.row import Row

_MAX_FRAMES: Final = 4_000_000
"""The limit for all samples of a payload. A stack is encoded once, but any number of samples may refer to it."""


def profiles_of_export(row: Row, content: bytes, settings: Settings) -> Sequence[IncomingProfile]:
    """Return the profiles of the export, with the row's labels.

    Raises: RpcError `invalid_argument` for an invalid export, or one with too many samples or frames.
    """
    request = read_proto(content)
    export = Export(request, settings)
    return [
        replace(profile, labels=row.labels)
        for resource in request.message.resource_profiles
        for scope in resource.scope_profiles
        for sent in scope.profiles
        for profile in _converted(row, export, sent, settings)
    ]


def _converted(row: Row, export: Export, sent: Any, settings: Settings) -> Iterator[IncomingProfile]:  # noqa: ANN401  # a message of any layout
    check_sample_count(len(export.samples_of(sent)), row.labels, settings)
    # qryn stores values as sent, while Pyroscope converts counts of CPU samples to nanoseconds.
    type_ = next(iter(row.sample_types), ("", ""))
    measure = Measure(metric=row.type, type=type_, period_type=(row.period_type, row.period_unit))
    for profile, dictionary in export.opened(sent):
        if dictionary.frame_count([sample.stack_index for sample in profile.samples]) > _MAX_FRAMES:
            raise invalid_argument(f"the samples of the payload have more than {_MAX_FRAMES} frames")
        yield from convert(profile, row.labels, dictionary, measure)

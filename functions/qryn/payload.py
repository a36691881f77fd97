"""Reads qryn's `payload`: a pprof message, gzipped or not, or an OTLP export of one profile."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.settings import Settings
from ingest.profile.incoming import IncomingProfile
from ingest.profile.pprof import decode_pprof
from ingest.request.body import limit_of, unpack
from qryn.row import OTLP, PPROF, Row


def profiles_of_payload(row: Row, settings: Settings) -> Sequence[IncomingProfile]:
    """Return the profiles, with the row's labels and the payload's sample types and times.

    Raises: RpcError `invalid_argument` for a payload that cannot be read.
    """
    read = _READERS.get(row.payload_type)
    if read is None:
        raise invalid_argument(f"unknown payload_type {row.payload_type!r}")
    if not row.payload:
        raise invalid_argument("the payload is empty")
    return read(row, unpack(row.payload, limit_of(settings, "max_profile_bytes")), settings)


def _of_pprof(row: Row, content: bytes, settings: Settings) -> Sequence[IncomingProfile]:  # noqa: ARG001  # a reader's signature
    return [IncomingProfile(labels=row.labels, pprof=decode_pprof(content))]


def _of_otlp(row: Row, content: bytes, settings: Settings) -> Sequence[IncomingProfile]:
    """Return one profile per service in the samples; qryn stores all of them under the row's service."""
    # OpenTelemetry's messages take milliseconds to import, and few rows need them.
    from qryn.otlp import profiles_of_export  # noqa: PLC0415

    return profiles_of_export(row, content, settings)


_READERS: Final[Mapping[str, Callable[[Row, bytes, Settings], Sequence[IncomingProfile]]]] = {
    PPROF: _of_pprof,
    OTLP: _of_otlp,
}

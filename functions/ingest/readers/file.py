"""Reads one file in one of many formats: the body of an upload to /ingest, or a dropped file."""

from collections.abc import Mapping
from dataclasses import dataclass

from flamehouse import memory
from ingest.formats import FORMATS, Parsed
from ingest.received import ReceivedUpload
from ingest.request.body import Limit, read_parts
from ingest.request.query import IngestRequest
from ingest.request.upload_id import upload_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """The decompressed parts of a file, and the profiles in them."""

    received: ReceivedUpload
    request: IngestRequest
    parts: Mapping[str, bytes]
    parsed: Parsed

    def id(self, received_s: int | None) -> bytes:
        """Return the id of the upload, which includes `received_s` unless that is None."""
        return upload_id(
            tenant=self.received.tenant,
            endpoint=self.received.endpoint,
            parameters=self.request.canonical(),
            parts=sorted(self.parts.items()),
            received_s=received_s,
        )


def parse_file(
    received: ReceivedUpload, request: IngestRequest, *, max_body_bytes: int, part_limit: Limit
) -> ParsedFile:
    """Parse the upload's body in the format that the request names.

    Raises RpcError for a body that is invalid for its format or exceeds a limit after decompression.
    """
    format_ = FORMATS[request.format]
    parts = read_parts(
        received.body,
        received.content_type,
        format_.parts,
        max_body_bytes=max_body_bytes,
        part_limit=part_limit,
    )
    format_.check_content(parts)
    memory.begin_work(sum(map(len, parts.values())) * format_.memory_factor)
    return ParsedFile(received=received, request=request, parts=parts, parsed=format_.parse(request, parts))

"""Reads uploads to /ingest: profiles of one application in one of many formats, described by the query string."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.services import Services
from ingest.formats import FORMATS, UNPROCESSABLE, RefusedProfileError, format_of, no_such_format
from ingest.formats.unread import READ
from ingest.readers import ReadUpload, checks_of
from ingest.readers.file import parse_file
from ingest.received import ReceivedUpload
from ingest.request.multipart import is_multipart
from ingest.request.query import parse_ingest_request


def read(received: ReceivedUpload, services: Services) -> ReadUpload:
    """Read the upload. Raises RpcError with status 422 for content that is invalid for its format."""
    settings = services.settings
    request = parse_ingest_request(received.parameters, received.received_ns)
    name = format_of(request.format, received.content_type, received.body)
    wording = _Wording(
        name=name,
        advice=no_such_format(request.format, name),
        guessed=not request.format and not is_multipart(received.content_type),
    )
    request = replace(request, format=name)
    format_ = FORMATS[name]
    with wording.of_parsing():
        file = parse_file(
            received,
            request,
            max_body_bytes=settings.max_body_bytes,
            part_limit=format_.part_limit(settings),
        )
    parsed = file.parsed
    checks = checks_of(received, services)
    profiles = [checks.check(profile) for profile in parsed.profiles]
    received_s = None if parsed.timed else received.received_s
    # SDKs upload every few seconds, and idle programs have no samples; an empty upload by curl is a mistake.
    if_empty = None if request.names_its_client else wording.of_nothing(format_.expected)
    return ReadUpload(
        id=file.id(received_s), profiles=profiles, explain=wording.of_pushing, if_empty=if_empty
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wording:
    """Adapts errors about invalid content to /ingest: they name the format and the step, and have the step's status.

    `advice` is added to the message; `guessed` says whether the format was detected from the content.
    """

    name: str
    advice: str
    guessed: bool

    @contextmanager
    def of_parsing(self) -> Iterator[None]:
        """Adapt the errors of the block. A RefusedProfileError belongs to the next step."""
        try:
            yield
        except RefusedProfileError as error:
            raise self.of_pushing(error) from error.__cause__
        except RpcError as error:
            raise self._worded(self._with_guess(error), "parsing", UNPROCESSABLE) from error.__cause__

    def _with_guess(self, error: RpcError) -> RpcError:
        """Add the detected format and the supported ones to the error, unless it or the request names the format."""
        if not self.guessed or READ in error.message or error.code is not Code.INVALID_ARGUMENT:
            return error
        return invalid_argument(
            f"{error.message}; the content was read as {self.name} (supported formats: {READ})"
        )

    def of_pushing(self, error: RpcError) -> RpcError:
        """Adapt an error that occurs after parsing."""
        return self._worded(error, "pushing", FORMATS[self.name].refused_status)

    def of_nothing(self, expected: str) -> RpcError:
        """Return the error for a valid upload that has nothing to store."""
        error = invalid_argument(f"the upload has nothing to store: expected {expected}")
        return self._worded(error, "parsing", UNPROCESSABLE)

    def _worded(self, error: RpcError, step: str, status: int | None) -> RpcError:
        if error.code is not Code.INVALID_ARGUMENT:
            return error
        message = f"{step} IngestInput-{self.name} failed {error.message}{self.advice}"
        return RpcError(error.code if status is None else Code.UNKNOWN, message, http_status=status)

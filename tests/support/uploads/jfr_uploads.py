"""Recordings that are sent to a server, and what it answers to those that it does not take."""

from tests.support.uploads.uploads import FORM, Ingest, form, rejection

QUERY = "name=shop&format=jfr&spyName=javaspy"


def send(data: bytes, labels: bytes = b"") -> int:
    """Send a recording; what is not stored must be rejected with 422 and leave nothing behind."""
    ingest = Ingest()
    status = ingest.post(form(("jfr", data), ("labels", labels)), QUERY, content_type=FORM).status_code
    assert status == 200 or (status == 422 and not ingest.uploads)
    return status


def rejected(data: bytes, labels: bytes = b"") -> str:
    """Send a recording that must not be stored; says what is wrong with it."""
    ingest = Ingest()
    response = ingest.post(form(("jfr", data), ("labels", labels)), QUERY, content_type=FORM)
    status, code, message = rejection(response)
    assert (status, code, ingest.uploads) == (422, "unknown", [])
    return message.removeprefix("parsing IngestInput-jfr failed ")

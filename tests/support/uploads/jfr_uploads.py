"""Sends recordings to a server and returns the reasons for rejections."""

from tests.support.uploads.uploads import FORM, Ingest, form, rejection

QUERY = "name=shop&format=jfr&spyName=javaspy"


def send(data: bytes, labels: bytes = b"") -> int:
    """Sends a recording; checks that a rejection is a 422 and stores nothing."""
    ingest = Ingest()
    status = ingest.post(form(("jfr", data), ("labels", labels)), QUERY, content_type=FORM).status_code
    assert status == 200 or (status == 422 and not ingest.uploads)
    return status


def rejected(data: bytes, labels: bytes = b"") -> str:
    """Sends a recording that must be rejected, and returns the reason."""
    ingest = Ingest()
    response = ingest.post(form(("jfr", data), ("labels", labels)), QUERY, content_type=FORM)
    status, code, message = rejection(response)
    assert (status, code, ingest.uploads) == (422, "unknown", [])
    return message.removeprefix("parsing IngestInput-jfr failed ")

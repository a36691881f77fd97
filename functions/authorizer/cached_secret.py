"""The credentials document, read from its secret at most once a minute."""

import os
from collections.abc import Callable
from time import monotonic
from typing import Final

from flamehouse.identity.document import CredentialDocument, DocumentError
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_FRESH_S: Final = 60
_USABLE_S: Final = 3_600
"""How long the last document remains valid if the secret cannot be read.

Clients survive an outage of that length, but revocations are delayed.
"""


def read_secret() -> str:
    """Return the text of the secret CREDENTIALS_SECRET_ARN. Raises SecretError if it cannot be read."""
    # The import takes longer than everything else here, and most invocations do not need it.
    from flamehouse.aws.secrets import SecretsManager  # noqa: PLC0415
    from flamehouse.settings import Settings  # noqa: PLC0415

    settings = Settings.from_env(os.environ)
    return SecretsManager(settings).read(settings.credentials_secret_arn, "CREDENTIALS_SECRET_ARN")


class CachedDocument:
    """Caches the document; not thread-safe."""

    def __init__(self, read: Callable[[], str] = read_secret, clock: Callable[[], float] = monotonic) -> None:
        self._read = read
        self._clock = clock
        self._document: CredentialDocument | None = None
        self._read_at = 0.0
        self._tried_at = 0.0

    def current(self) -> CredentialDocument:
        """Return the document, at most a minute old, or an hour while the secret cannot be read.

        Raises:
            SecretError, DocumentError: if no valid document is available.
        """
        now = self._clock()
        if self._document is not None and now - self._tried_at < _FRESH_S:
            return self._document
        self._tried_at = now
        try:
            self._document = CredentialDocument.parse(self._read())
        except Exception as error:
            reason = str(error) if _is_safe(error) else type(error).__name__
            log(events.CREDENTIALS_UNREADABLE, reason=reason)
            if self._document is not None and now - self._read_at < _USABLE_S:
                return self._document
            self._document = None
            raise
        self._read_at = now
        return self._document


def _is_safe(error: Exception) -> bool:
    """Return whether the error's text is free of parts of the secret."""
    return isinstance(error, DocumentError) or type(error).__name__ == "SecretError"

"""The document of credentials, read from its secret once a minute."""

import os
from collections.abc import Callable
from time import monotonic
from typing import Final

from flamehouse.identity.document import CredentialDocument, DocumentError
from flamehouse.telemetry import events
from flamehouse.telemetry.log import log

_FRESH_S: Final = 60
_USABLE_S: Final = 3_600
"""How long the last document counts where the secret cannot be read: an outage ends no client, a revocation waits."""


def read_secret() -> str:
    """The text of the secret that CREDENTIALS_SECRET_ARN names. Raises SecretError."""
    # The signer takes longer to import than everything else here, and is needed once a minute.
    from flamehouse.aws.secrets import SecretsManager  # noqa: PLC0415
    from flamehouse.settings import Settings  # noqa: PLC0415

    settings = Settings.from_env(os.environ)
    return SecretsManager(settings).read(settings.credentials_secret_arn)


class CachedDocument:
    """The document, for one request at a time."""

    def __init__(self, read: Callable[[], str] = read_secret, clock: Callable[[], float] = monotonic) -> None:
        self._read = read
        self._clock = clock
        self._document: CredentialDocument | None = None
        self._read_at = 0.0
        self._tried_at = 0.0

    def current(self) -> CredentialDocument:
        """The document, a minute old at most while the secret can be read, and an hour if it cannot.

        Raises:
            SecretError, DocumentError: if there is none.
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
    """Whether the error's text holds no part of the secret."""
    return isinstance(error, DocumentError) or type(error).__name__ == "SecretError"
